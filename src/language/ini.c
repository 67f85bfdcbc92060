/* Strict reading on top of inih, which alone is lenient: it cuts long lines in two, reports no
 * empty sections and cannot tell a second `key =` from a continuation. The line reader below looks
 * at each line before inih does and closes those gaps. */
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "language/internal.h"

static const char *const SECTIONS[] = {"language", "tools", "version", "compile",
                                       "run",      "check", NULL};
static const char *const LANGUAGE_KEYS[] = {"title",    "aliases",     "extensions", "entry",
                                            "artifact", "diagnostics", "packages",   "sample",
                                            "needs",    "needs_help",  NULL};
static const char *const VERSION_KEYS[] = {"command", "prefix", NULL};
static const char *const STAGE_KEYS[] = {
    "command",    "env",       "mounts",     "links",       "proc_full",    "wall_ms", "cpu_ms",
    "memory_mib", "processes", "output_mib", "scratch_mib", "artifact_mib", NULL};
/* Those that may go on over indented lines. */
static const char *const LIST_KEYS[] = {"aliases", "extensions", "packages", "command",
                                        "env",     "mounts",     "links",    NULL};

struct reader {
    struct span rest;
    struct ini *ini;
    const char *section; /* NULL before the first */
    unsigned sections;   /* bit of each that has been seen */
    unsigned line;
    bool indented;
    bool failed;
    struct error *err;
};

static const char *list_find(const char *const *names, const char *name) {
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return *names;
    return NULL;
}

static const char *const *section_keys(const char *section) {
    if (strcmp(section, "language") == 0)
        return LANGUAGE_KEYS;
    if (strcmp(section, "version") == 0)
        return VERSION_KEYS;
    return strcmp(section, "tools") == 0 ? NULL : STAGE_KEYS;
}

/* Only the first mistake is told. */
static void reader_fail(struct reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void reader_fail(struct reader *r, const char *fmt, ...) {
    if (r->failed)
        return;
    r->failed = true;
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    error_set(r->err, EINVAL, "%s: line %u: %s", r->ini->path, r->line, text);
}

static void fail_unknown(struct reader *r, const char *what, const char *name,
                         const char *const *valid) {
    const char *nearest = nearest_name(name, valid);
    if (nearest)
        reader_fail(r, "unknown %s '%.60s', did you mean '%s'?", what, name, nearest);
    else
        reader_fail(r, "unknown %s '%.60s'", what, name);
}

static void look_at_section(struct reader *r, struct span line) {
    struct span rest;
    struct span name = span_cut((struct span){line.data + 1, line.len - 1}, ']', &rest);
    if (!rest.data || span_trim(rest, " \t").len) {
        reader_fail(r, "a section is one name in brackets");
        return;
    }
    CLEANUP_FREE char *text = span_dup(name);
    const char *section = list_find(SECTIONS, text);
    if (!section) {
        fail_unknown(r, "section", text, SECTIONS);
        return;
    }
    unsigned bit = 0;
    while (SECTIONS[bit] != section)
        bit++;
    if (r->sections & 1u << bit)
        reader_fail(r, "the section [%s] is there twice", section);
    r->sections |= 1u << bit;
    r->section = section;
    r->ini->has_compile |= strcmp(section, "compile") == 0;
    r->ini->has_check |= strcmp(section, "check") == 0;
}

/* An indented "key = value" is nearly always a slip, and inih would take it as more of the key
 * above. */
static bool looks_like_key(const struct reader *r, struct span line) {
    struct span rest;
    struct span name = span_trim(span_cut(line, '=', &rest), " \t");
    if (!rest.data || !r->section || !section_keys(r->section))
        return false;
    CLEANUP_FREE char *text = span_dup(name);
    return list_find(section_keys(r->section), text);
}

static void look_at_line(struct reader *r, struct span line, size_t max) {
    if (line.len > max)
        reader_fail(r, "longer than %zu bytes: go on in an indented line", max);
    for (size_t i = 0; i < line.len; i++)
        if (((unsigned char)line.data[i] < 0x20 && line.data[i] != '\t') || line.data[i] == 0x7f) {
            reader_fail(r, "a control byte (0x%02x)", (unsigned)(unsigned char)line.data[i]);
            return;
        }
    if (!utf8_valid(line))
        reader_fail(r, "not UTF-8");
    r->indented = line.len && (line.data[0] == ' ' || line.data[0] == '\t');
    struct span text = span_trim(line, " \t");
    if (text.len == 0 || text.data[0] == ';' || text.data[0] == '#')
        return;
    if (memmem(text.data, text.len, " ;", 2))
        reader_fail(r, "a comment stands on a line of its own");
    if (text.data[0] == '[') {
        if (r->indented)
            reader_fail(r, "a section begins at the start of its line");
        else
            look_at_section(r, text);
    } else if (r->indented && looks_like_key(r, text)) {
        reader_fail(r, "a key begins at the start of its line");
    } else if (!r->section) {
        reader_fail(r, "this stands before the first [section]");
    }
}

/* inih's fgets. Ends the text at the first mistake. */
static char *on_next_line(char *str, int num, void *stream) {
    struct reader *r = stream;
    if (r->failed || r->rest.len == 0 || num < 4)
        return NULL;
    struct span rest;
    struct span line = span_cut(r->rest, '\n', &rest);
    r->rest = rest;
    r->line++;
    if (line.len && line.data[line.len - 1] == '\r')
        line.len--;
    look_at_line(r, line, (size_t)num - 3);
    if (r->failed)
        return NULL;
    memcpy(str, line.data, line.len);
    memcpy(str + line.len, "\n", 2);
    return str;
}

static bool tool_name_valid(const char *name) {
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return len > 0 && len <= LANGUAGE_NAME_MAX && name[len] == 0;
}

static void check_key(struct reader *r, const char *key) {
    static const char *const taken[] = {"source",     "artifact", "args",   "memory_mib", "files",
                                        "toolchains", "version",  "folder", "multiarch",  NULL};
    const char *const *known = section_keys(r->section);
    if (known && !list_find(known, key))
        fail_unknown(r, "key", key, known);
    else if (!known && (!tool_name_valid(key) || list_find(taken, key)))
        reader_fail(r, "'%.60s' cannot be a tool's name", key);
}

static int on_key(void *user, const char *section, const char *key, const char *value) {
    struct reader *r = user;
    (void)section;
    struct ini *ini = r->ini;
    const struct ini_line *last = ini->lines_len ? &ini->lines[ini->lines_len - 1] : NULL;
    bool more = r->indented && last && last->section == r->section && strcmp(last->key, key) == 0;
    if (r->failed || !r->section)
        return 0;
    if (more && !list_find(LIST_KEYS, key)) {
        reader_fail(r, "'%.60s' takes one line", key);
    } else if (!more) {
        check_key(r, key);
        const struct ini_line *first = ini_get(ini, r->section, key);
        if (first)
            reader_fail(r, "'%.60s' is there twice, first in line %u", key, first->line);
    }
    if (!*value)
        reader_fail(r, "'%.60s' has no value", key);
    if (ini->lines_len >= LANGUAGE_INI_LINES_MAX)
        reader_fail(r, "more than %d lines", LANGUAGE_INI_LINES_MAX);
    if (r->failed)
        return 0;
    ini->lines = base_realloc_array(ini->lines, ini->lines_len + 1, sizeof(*ini->lines));
    ini->lines[ini->lines_len++] =
        (struct ini_line){r->section, base_strdup(key), base_strdup(value), r->line};
    return 1;
}

int ini_read(struct span text, const char *path, struct ini *ret, struct error *err) {
    struct ini ini = {.path = base_strdup(path)};
    struct error local = {0};
    struct reader r = {.rest = text, .ini = &ini, .err = &local};
    if (span_starts_with(r.rest, SPAN("\xef\xbb\xbf"))) /* an editor's byte order mark */
        r.rest = (struct span){text.data + 3, text.len - 3};
    if (text.len > LANGUAGE_INI_BYTES_MAX) {
        ini_done(&ini);
        return error_set(err, EFBIG, "%s: larger than %lu bytes", path, LANGUAGE_INI_BYTES_MAX);
    }
    int failed_line = ini_parse_stream(on_next_line, &r, on_key, &r);
    if (failed_line != 0 && !r.failed) {
        r.line = failed_line > 0 ? (unsigned)failed_line : r.line;
        reader_fail(&r, "neither '[section]' nor 'key = value'");
    }
    if (r.failed) {
        ini_done(&ini);
        return error_set(err, local.code, "%s", local.message);
    }
    *ret = ini;
    return 0;
}

void ini_done(struct ini *ini) {
    for (size_t i = 0; i < ini->lines_len; i++) {
        free(ini->lines[i].key);
        free(ini->lines[i].value);
    }
    free(ini->lines);
    free(ini->path);
    *ini = (struct ini){0};
}

const struct ini_line *ini_get(const struct ini *ini, const char *section, const char *key) {
    for (size_t i = 0; i < ini->lines_len; i++)
        if (strcmp(ini->lines[i].section, section) == 0 && strcmp(ini->lines[i].key, key) == 0)
            return &ini->lines[i];
    return NULL;
}

void words_append(char ***words, size_t *len, char *word) {
    *words = base_realloc_array(*words, *len + 2, sizeof(**words));
    (*words)[(*len)++] = word;
    (*words)[*len] = NULL;
}

static void split_into(const char *text, char ***words, size_t *len) {
    for (;;) {
        text += strspn(text, " \t");
        size_t n = strcspn(text, " \t");
        if (n == 0)
            return;
        words_append(words, len, base_strndup(text, n));
        text += n;
    }
}

char **words_split(const char *text, size_t *ret_len) {
    char **words = NULL;
    size_t len = 0;
    split_into(text, &words, &len);
    *ret_len = len;
    return words;
}

char **ini_words(const struct ini *ini, const char *section, const char *key, size_t *ret_len) {
    char **words = NULL;
    size_t len = 0;
    for (size_t i = 0; i < ini->lines_len; i++)
        if (strcmp(ini->lines[i].section, section) == 0 && strcmp(ini->lines[i].key, key) == 0)
            split_into(ini->lines[i].value, &words, &len);
    *ret_len = len;
    return words;
}

void words_free(char **words, size_t len) {
    for (size_t i = 0; i < len; i++)
        free(words[i]);
    free(words);
}
