/* From checked lines to a language whose words stand as they do in the file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "language/internal.h"
#include "language/limits.h"

static int fail_at(const struct ini *ini, const struct ini_line *line, struct error *err,
                   const char *fmt, ...) PRINTF_LIKE(4, 5);
static int fail_at(const struct ini *ini, const struct ini_line *line, struct error *err,
                   const char *fmt, ...) {
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return line ? error_set(err, EINVAL, "%s: line %u: %s", ini->path, line->line, text)
                : error_set(err, EINVAL, "%s: %s", ini->path, text);
}

static int require(const struct ini *ini, const char *section, const char *key,
                   const struct ini_line **ret, struct error *err) {
    *ret = ini_get(ini, section, key);
    return *ret ? 0 : fail_at(ini, NULL, err, "[%s] has no '%s'", section, key);
}

/* One of the names; their order is that of an enum. */
static int read_choice(const struct ini *ini, const struct ini_line *line, const char *word,
                       const char *const *names, int *ret, struct error *err) {
    for (int i = 0; names[i]; i++)
        if (strcmp(word, names[i]) == 0) {
            *ret = i;
            return 0;
        }
    const char *nearest = nearest_name(word, names);
    return fail_at(ini, line, err, "'%s' cannot be '%.60s'%s%s%s", line->key, word,
                   nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* A name in /box that we choose: no folder, no leading dash (S66). */
static bool plain_name(const char *name) {
    return *name && *name != '-' && *name != '.' && !strpbrk(name, "/{} \t");
}

static int read_number(const struct ini *ini, const char *section, const char *key, uint64_t unit,
                       uint64_t fallback, uint64_t max, uint64_t *ret, struct error *err) {
    const struct ini_line *line = ini_get(ini, section, key);
    uint64_t n = 0;
    int r = line ? span_to_u64(span_of(line->value), max / unit, &n) : 0;
    if (r == -ERANGE)
        return fail_at(ini, line, err, "'%s' is at most %llu", key,
                       (unsigned long long)(max / unit));
    if (r < 0)
        return fail_at(ini, line, err, "'%s' is a whole number, not '%.60s'", key, line->value);
    *ret = n ? n * unit : fallback;
    return 0;
}

static int define_limits(const struct ini *ini, const char *section, bool compiles,
                         struct language_limits *l, struct error *err) {
    const struct {
        const char *key;
        uint64_t unit, compile, run, max, *to;
    } rows[] = {
        {"wall_ms", 1, LIMIT_COMPILE_WALL_MS, LIMIT_RUN_WALL_MS, LIMIT_MAX_WALL_MS, &l->wall_ms},
        {"cpu_ms", 1, LIMIT_COMPILE_CPU_MS, LIMIT_RUN_CPU_MS, LIMIT_MAX_CPU_MS, &l->cpu_ms},
        {"memory_mib", MIB, LIMIT_COMPILE_MEMORY_BYTES, LIMIT_RUN_MEMORY_BYTES,
         LIMIT_MAX_MEMORY_BYTES, &l->memory_bytes},
        {"processes", 1, LIMIT_COMPILE_PROCESSES, LIMIT_RUN_PROCESSES, LIMIT_MAX_PROCESSES,
         &l->processes},
        {"output_mib", MIB, LIMIT_COMPILE_OUTPUT_BYTES, LIMIT_RUN_OUTPUT_BYTES,
         LIMIT_MAX_OUTPUT_BYTES, &l->output_bytes},
        {"scratch_mib", MIB, LIMIT_COMPILE_SCRATCH_BYTES, LIMIT_RUN_SCRATCH_BYTES,
         LIMIT_MAX_SCRATCH_BYTES, &l->scratch_bytes},
        {"artifact_mib", MIB, LIMIT_ARTIFACT_BYTES, 0, LIMIT_MAX_ARTIFACT_BYTES,
         &l->artifact_bytes},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int r = read_number(ini, section, rows[i].key, rows[i].unit,
                            compiles ? rows[i].compile : rows[i].run, rows[i].max, rows[i].to, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Every placeholder of the section, with the line of its mistake. */
static int check_placeholders(const struct ini *ini, const char *section, struct error *err) {
    for (size_t i = 0; i < ini->lines_len; i++) {
        const struct ini_line *line = &ini->lines[i];
        bool command = strcmp(line->key, "command") == 0;
        bool replaced = command || strcmp(line->key, "env") == 0 ||
                        strcmp(line->key, "mounts") == 0 || strcmp(line->key, "links") == 0 ||
                        strncmp(line->key, "needs", 5) == 0;
        if (strcmp(line->section, section) != 0 || !replaced)
            continue;
        bool run_time =
            (command && strcmp(section, "version") != 0) || strcmp(line->key, "env") == 0;
        struct error why = {0};
        if (placeholders_check(ini, line->value, run_time, &why) < 0)
            return fail_at(ini, line, err, "%s", why.message);
    }
    return 0;
}

static int define_env(const struct ini *ini, const char *section, struct language_stage *stage,
                      struct error *err) {
    for (size_t i = 0; i < ini->lines_len; i++) {
        const struct ini_line *line = &ini->lines[i];
        if (strcmp(line->section, section) != 0 || strcmp(line->key, "env") != 0)
            continue;
        /* One variable a line, so that a value may hold spaces. */
        size_t name = strspn(line->value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
                                          "0123456789");
        if (name == 0 || line->value[name] != '=')
            return fail_at(ini, line, err, "'env' is NAME=value, one to a line");
        words_append(&stage->env, &stage->env_len, base_strdup(line->value));
    }
    return 0;
}

static int define_stage(const struct ini *ini, const char *section, bool compiles,
                        struct language_stage *stage, struct error *err) {
    const struct ini_line *command;
    int r = require(ini, section, "command", &command, err);
    if (r < 0 || (r = check_placeholders(ini, section, err)) < 0 ||
        (r = define_env(ini, section, stage, err)) < 0 ||
        (r = define_limits(ini, section, compiles, &stage->limits, err)) < 0)
        return r;
    stage->command = ini_words(ini, section, "command", &stage->command_len);
    if (stage->command[0][0] != '/' && stage->command[0][0] != '{')
        return fail_at(ini, command, err,
                       "a command begins with a tool in braces, {artifact} or an "
                       "absolute path");
    const struct ini_line *proc = ini_get(ini, section, "proc_full");
    int choice = 0;
    if (proc && (r = read_choice(ini, proc, proc->value, (const char *const[]){"no", "yes", NULL},
                                 &choice, err)) < 0)
        return r;
    stage->proc_full = choice == 1;
    return 0;
}

static int define_artifact(const struct ini *ini, struct language *l, struct error *err) {
    const struct ini_line *line = ini_get(ini, "language", "artifact");
    size_t len = 0;
    char **words = line ? words_split(line->value, &len) : NULL;
    int kind = ARTIFACT_NONE, r = 0;
    if (line)
        r = read_choice(ini, line, words[0], (const char *const[]){"none", "native", "file", NULL},
                        &kind, err);
    if (r == 0 && kind != ARTIFACT_NONE && (len != 2 || !plain_name(words[1])))
        r = fail_at(ini, line, err, "'artifact' is 'none', 'native NAME' or 'file NAME'");
    if (r == 0 && (kind != ARTIFACT_NONE) != ini->has_compile)
        r = fail_at(ini, line, err, "'artifact' and the section [compile] need each other");
    if (r == 0) {
        l->artifact = (enum language_artifact)kind;
        l->artifact_name = base_strdup(kind == ARTIFACT_NONE ? "" : words[1]);
    }
    words_free(words, len);
    return r;
}

static int define_names(const struct ini *ini, struct language *l, struct error *err) {
    static const char *const kinds[] = {"none", "gcc", "mcs", "go", "python", NULL};
    const struct ini_line *title, *entry, *extensions;
    int r = require(ini, "language", "title", &title, err);
    if (r < 0 || (r = require(ini, "language", "entry", &entry, err)) < 0 ||
        (r = require(ini, "language", "extensions", &extensions, err)) < 0)
        return r;
    if (!plain_name(entry->value))
        return fail_at(ini, entry, err, "'entry' is a plain file name");
    l->title = base_strdup(title->value);
    l->entry = base_strdup(entry->value);
    l->aliases = ini_words(ini, "language", "aliases", &l->aliases_len);
    l->extensions = ini_words(ini, "language", "extensions", &l->extensions_len);
    l->packages = ini_words(ini, "language", "packages", &l->packages_len);
    for (size_t i = 0; i < l->extensions_len; i++)
        if (l->extensions[i][0] != '.' || l->extensions[i][1] == 0)
            return fail_at(ini, extensions, err, "an extension begins with a dot: '%.60s'",
                           l->extensions[i]);
    const struct ini_line *line = ini_get(ini, "language", "diagnostics");
    int kind = DIAGNOSTICS_NONE;
    if (line && (r = read_choice(ini, line, line->value, kinds, &kind, err)) < 0)
        return r;
    l->diagnostics = (enum language_diagnostics)kind;
    const struct ini_line *sample = ini_get(ini, "language", "sample");
    if (sample && !plain_name(sample->value))
        return fail_at(ini, sample, err, "'sample' is a plain file name of samples/run/");
    return check_placeholders(ini, "language", err);
}

static bool folder_name_valid(const char *name) {
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_+");
    return len > 0 && len <= LANGUAGE_NAME_MAX && name[len] == 0;
}

int language_define(const struct ini *ini, const char *name, struct language *ret_language,
                    struct error *err) {
    if (!folder_name_valid(name))
        return error_set(err, EINVAL,
                         "%s: a language's folder is named in small letters, digits, - _ +",
                         ini->path);
    struct language l = {.name = base_strdup(name),
                         .version = base_strdup(""),
                         .has_compile = ini->has_compile,
                         .has_check = ini->has_check};
    int r = define_names(ini, &l, err);
    if (r == 0)
        r = define_artifact(ini, &l, err);
    if (r == 0)
        r = check_placeholders(ini, "version", err);
    if (r == 0 && l.has_compile)
        r = define_stage(ini, "compile", true, &l.compile, err);
    if (r == 0)
        r = define_stage(ini, "run", false, &l.run, err);
    if (r == 0 && l.has_check)
        r = define_stage(ini, "check", true, &l.check, err);
    if (r < 0) {
        language_done(&l);
        return r;
    }
    *ret_language = l;
    return 0;
}

static void stage_done(struct language_stage *s) {
    words_free(s->command, s->command_len);
    words_free(s->env, s->env_len);
    for (size_t i = 0; i < s->mounts_len; i++) {
        free(s->mounts[i].source);
        free(s->mounts[i].target);
    }
    for (size_t i = 0; i < s->links_len; i++) {
        free(s->links[i].path);
        free(s->links[i].target);
    }
    free(s->mounts);
    free(s->links);
}

void language_done(struct language *l) {
    stage_done(&l->compile);
    stage_done(&l->run);
    stage_done(&l->check);
    words_free(l->aliases, l->aliases_len);
    words_free(l->extensions, l->extensions_len);
    words_free(l->packages, l->packages_len);
    free(l->name);
    free(l->title);
    free(l->entry);
    free(l->artifact_name);
    free(l->version);
    free(l->reason);
    free(l->sample);
    *l = (struct language){0};
}
