/* language.h: the language table, read from languages/<name>/language.ini.
 *
 * A language is data: how its source is built and run, which files of the host its sandboxes see,
 * which packages provide it. Adding one touches its folder and no C file. `main` reads the table
 * before it forks; afterwards nothing changes in it, so that any thread may read it. A change in
 * languages/ needs a restart.
 *
 * Words in a command that stand for something: {source} the entry file's name, {artifact} the
 * output's name, {args} the run's arguments (a word of its own, expands to 0..n words),
 * {memory_mib} the stage's memory limit, {files:.c} all files of the job that end so. Each word of
 * the ini line is one argument; there is no shell.
 *
 * These are replaced when the table is read, in commands, variables, mounts and links: {NAME} the
 * resolved path of a tool of [tools], {NAME.prefix} the folder above its bin/, {version} the number
 * that the tool gave, {toolchains} the folder of prepared toolchain files, {folder} the language's
 * own folder, {multiarch} Debian's name of this machine's libraries ("x86_64-linux-gnu").
 * CONTRIBUTING and the ini files of languages/ show the keys.
 */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct language_table;

/* Limits of one stage; 0 in a request means the language's, 0 in the ini the default of limits.h
 * (in the table they are filled in). */
struct language_limits {
    uint64_t wall_ms;
    uint64_t cpu_ms;
    uint64_t memory_bytes;
    uint64_t processes;
    uint64_t output_bytes;   /* each stream */
    uint64_t scratch_bytes;  /* /box and /tmp together */
    uint64_t artifact_bytes; /* compile only */
};

/* What gets into a sandbox's root: a file or folder of the host, read-only, at the same or another
 * place. `source` has no symlink in it; what was optional and is not there is not in the table. */
struct language_mount {
    char *source;
    char *target;
};

/* A symbolic link in the sandbox's root: /lib -> usr/lib. */
struct language_link {
    char *path;
    char *target; /* text of the link */
};

enum language_artifact {
    ARTIFACT_NONE,   /* the source itself is run (a script) */
    ARTIFACT_NATIVE, /* an executable: execveat'd from its read-only descriptor */
    ARTIFACT_FILE,   /* bytes for the interpreter: one of the next job's files */
};

/* How diagnostics are read from the compiler's output. */
enum language_diagnostics {
    DIAGNOSTICS_NONE,
    DIAGNOSTICS_GCC,
    DIAGNOSTICS_MCS,
    DIAGNOSTICS_GO,
    DIAGNOSTICS_PYTHON
};

struct language_stage {
    char **command; /* command[0] is the resolved absolute path of the tool, or "{artifact}" */
    size_t command_len;
    char **env; /* NAME=value */
    size_t env_len;
    struct language_mount *mounts;
    size_t mounts_len;
    struct language_link *links;
    size_t links_len;
    struct language_limits limits;
    bool proc_full; /* the runtime reads /proc/cpuinfo, meminfo: no subset=pid (S33) */
};

enum language_state { LANGUAGE_READY, LANGUAGE_MISSING, LANGUAGE_UNUSABLE };

struct language {
    char *name;     /* "c", "csharp", "python", "go" */
    char *title;    /* "C (gcc)" */
    char **aliases; /* "py", "python3", "cs", "c#" */
    size_t aliases_len;
    char **extensions; /* ".c" */
    size_t extensions_len;
    char *entry;         /* name a single source gets: "main.c" */
    char *artifact_name; /* "prog" */
    enum language_artifact artifact;
    enum language_diagnostics diagnostics;
    bool has_compile;
    bool has_check; /* `check`: a stage that only tells why a run that failed never began: the
                       interpreter's own syntax check (Python). A run that ended non-zero and is
                       refused by the check is a compile_error. */
    struct language_stage compile, run, check;
    char *version;   /* "gcc 12.2.0", asked at start; "" when unknown */
    char **packages; /* Debian packages that provide it */
    size_t packages_len;
    enum language_state state;
    char *reason; /* not READY: "gcc: not found (apt-get install gcc)" */
    char *sample; /* a program to show, from samples/run/; may be NULL */
    size_t index; /* place in the table */
};

/* Reads every folder of `dir` (sorted by name). A folder that cannot be read or has an unknown key
 * is an error that names file and line. `only`: NULL or a comma-separated list of names (LANGS=); a
 * name in it that no folder has is an error. `toolchains` replaces {toolchains} in paths.
 * `reader_uid`: the id a sandbox has on the host; a tool that it cannot read and run is UNUSABLE.
 * Asks each tool for its version (5 s at most), so it takes as long as they do, and must be called
 * before any thread. */
int language_table_read(const char *dir, const char *only, const char *toolchains,
                        unsigned reader_uid, struct language_table **ret_table, struct error *err);
void language_table_free(struct language_table *t);
size_t language_count(const struct language_table *t);
const struct language *language_at(const struct language_table *t, size_t index);
/* By name or alias, case-insensitive; NULL. Missing languages are found too: look at state. */
const struct language *language_find(const struct language_table *t, struct span name);
const struct language *language_for_file(const struct language_table *t, struct span file_name);
/* "c, csharp, go, python": the ready ones, for error texts. To free(). */
char *language_names(const struct language_table *t);

/* The table as one JSON document and back: how `serve` hands it to the re-exec'd server without
 * reading files twice. */
json_t *language_table_to_json(const struct language_table *t);
int language_table_from_json(const json_t *json, struct language_table **ret_table,
                             struct error *err);
