/* internal.h: how one language.ini becomes one row of the table, in four steps.
 *
 *   ini.c      text → lines (section, key, value), each checked against the list of known keys
 *   define.c   lines → struct language with the words as they stand in the file; touches no disk
 *   resolve.c  finds the tools (find.c), asks their version (version.c), replaces the placeholders
 *              (expand.c) and turns the lists of mounts and links into what is there (mounts.c)
 *   table.c    every folder of languages/, names that must differ, look-ups
 *
 * The first two are parsers of text that an administrator wrote: every mistake is an error that
 * names file and line. The third never fails for what the host lacks: that is a language's state.
 */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include "language/language.h"
#include <stdbool.h>

#define LANGUAGE_INI_BYTES_MAX (64 * KIB)
#define LANGUAGE_INI_LINES_MAX 1024
#define LANGUAGE_SAMPLE_BYTES_MAX (64 * KIB)
#define LANGUAGE_NAME_MAX 32

/* ---- ini.c ---- */
struct ini_line {
    const char *section; /* of the list of known sections: compare with strcmp */
    char *key;
    char *value; /* trimmed */
    unsigned line;
};
struct ini {
    char *path; /* for messages */
    struct ini_line *lines;
    size_t lines_len;
    bool has_compile, has_check; /* the section stands in the file */
};
int ini_read(struct span text, const char *path, struct ini *ret, struct error *err);
void ini_done(struct ini *ini);
/* First line of the key, or NULL. */
const struct ini_line *ini_get(const struct ini *ini, const char *section, const char *key);
/* Words of all lines of the key, NULL-terminated, to free with words_free. */
char **ini_words(const struct ini *ini, const char *section, const char *key, size_t *ret_len);
char **words_split(const char *text, size_t *ret_len);
void words_append(char ***words, size_t *len, char *word); /* takes the word */
void words_free(char **words, size_t len);

/* ---- define.c ---- */
/* `ret_language` is filled on success only, and needs language_done then. */
int language_define(const struct ini *ini, const char *name, struct language *ret_language,
                    struct error *err);
void language_done(struct language *l);

/* ---- expand.c ---- */
struct language_tool {
    char *name; /* key of [tools] */
    char *path; /* resolved; NULL while it has not been found */
};
struct placeholders {
    const struct language_tool *tools;
    size_t tools_len;
    const char *toolchains, *folder, *version;
};
/* Whether every {…} of text is known (tools: those of the ini) and allowed; the message names the
 * nearest valid one. run_time: {source}, {args} and their kin are allowed too. */
int placeholders_check(const struct ini *ini, const char *text, bool run_time, struct error *err);
/* Replaces all but the run-time ones; never fails on a text that was checked. To free(). */
char *placeholders_replace(const struct placeholders *p, const char *text);

/* ---- find.c ---- */
/* Looks for the first of `candidates` (names, or absolute paths) that is there and can be read and
 * run by `reader_uid`. *ret_path: all links resolved, to free(). On failure *ret_reason says why
 * (never NULL) and *ret_unusable whether something was there. */
int tool_find(char *const *candidates, size_t candidates_len, unsigned reader_uid, char **ret_path,
              char **ret_reason, bool *ret_unusable);
/* By permission bits alone, of every folder on the way and of the file itself; `run`: also
 * executable. False with *ret_at: the first part that refuses, to free(). */
bool path_usable(const char *path, unsigned reader_uid, bool run, char **ret_at);

/* ---- version.c ---- */
#define TOOL_VERSION_WAIT_MS 5000
/* Runs argv and takes the first number of its output ("12.2.0"). -ENOENT/-EACCES…: it cannot be
 * started; -EIO: it failed; -ETIMEDOUT; -EINVAL: no number in it. ret_version to free(). */
int tool_version(char *const *argv, unsigned wait_ms, char **ret_version, struct error *err);

/* ---- mounts.c ---- */
/* Fills the stage's mounts and links from the ini's lists. -ENOENT, -EACCES with words: something
 * that is needed is not there, or cannot be read. */
int stage_resolve_mounts(const struct ini *ini, const char *section, const struct placeholders *p,
                         unsigned reader_uid, struct language_stage *stage, struct error *err);

/* ---- resolve.c ---- */
struct resolve_context {
    const char *folder;
    const char *toolchains;
    unsigned reader_uid;
};
/* Errors are mistakes of the file (a sample that is not there); else state and reason tell. */
int language_resolve(const struct ini *ini, const struct resolve_context *context,
                     struct language *l, struct error *err);

/* ---- table.c ---- */
struct language_table {
    struct language *list;
    size_t len;
};
struct language_table *table_new(void);
struct language *table_append(struct language_table *t); /* an empty row with its index */
