/* From the words of the file to what this host has: tools, version, mounts. What the host lacks is
 * the language's state, not an error. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "language/internal.h"

struct resolver {
    const struct ini *ini;
    const struct resolve_context *context;
    struct language *l;
    struct language_tool *tools;
    size_t tools_len;
    struct placeholders placeholders;
};

static void set_state(struct language *l, enum language_state state, const char *reason) {
    CLEANUP_FREE char *packages = base_strdup("");
    for (size_t i = 0; i < l->packages_len; i++) {
        char *longer = base_printf("%s %s", packages, l->packages[i]);
        free(packages);
        packages = longer;
    }
    free(l->reason);
    l->state = state;
    l->reason = *packages && state == LANGUAGE_MISSING
                    ? base_printf("%s (apt-get install%s)", reason, packages)
                    : base_strdup(reason);
}

static void find_tools(struct resolver *r) {
    for (size_t i = 0; i < r->ini->lines_len; i++) {
        const struct ini_line *line = &r->ini->lines[i];
        if (strcmp(line->section, "tools") != 0)
            continue;
        r->tools = base_realloc_array(r->tools, r->tools_len + 1, sizeof *r->tools);
        struct language_tool *tool = &r->tools[r->tools_len++];
        *tool = (struct language_tool){.name = line->key};
        size_t candidates_len;
        char **candidates = words_split(line->value, &candidates_len);
        CLEANUP_FREE char *reason = NULL;
        bool unusable = false;
        if (tool_find(candidates, candidates_len, r->context->reader_uid, &tool->path, &reason,
                      &unusable) < 0 &&
            r->l->state == LANGUAGE_READY)
            set_state(r->l, unusable ? LANGUAGE_UNUSABLE : LANGUAGE_MISSING, reason);
        words_free(candidates, candidates_len);
    }
    r->placeholders.tools = r->tools;
    r->placeholders.tools_len = r->tools_len;
}

static void replace_all(const struct placeholders *p, char **words, size_t len) {
    for (size_t i = 0; i < len; i++) {
        char *replaced = placeholders_replace(p, words[i]);
        free(words[i]);
        words[i] = replaced;
    }
}

static void ask_version(struct resolver *r) {
    size_t len;
    char **words = ini_words(r->ini, "version", "command", &len);
    replace_all(&r->placeholders, words, len);
    struct error err = {0};
    CLEANUP_FREE char *number = NULL;
    int e = len > 0 ? tool_version(words, TOOL_VERSION_WAIT_MS, &number, &err) : 0;
    /* A tool that was only slow (a cold disk, a busy machine) can still be used. */
    if (e < 0 && e != -ETIMEDOUT) {
        set_state(r->l, LANGUAGE_UNUSABLE, err.message);
    } else if (number) {
        const struct ini_line *prefix = ini_get(r->ini, "version", "prefix");
        free(r->l->version);
        r->l->version =
            base_printf("%s%s%s", prefix ? prefix->value : "", prefix ? " " : "", number);
        r->placeholders.version = r->l->version + strlen(r->l->version) - strlen(number);
    }
    words_free(words, len);
}

/* Something beside the tools that must be there: a prepared folder. */
static void look_for_needs(struct resolver *r) {
    const struct ini_line *needs = ini_get(r->ini, "language", "needs");
    if (!needs)
        return;
    CLEANUP_FREE char *path = placeholders_replace(&r->placeholders, needs->value);
    if (access(path, F_OK) == 0)
        return;
    const struct ini_line *help = ini_get(r->ini, "language", "needs_help");
    CLEANUP_FREE char *reason = help ? placeholders_replace(&r->placeholders, help->value)
                                     : base_printf("%s is not there", path);
    set_state(r->l, LANGUAGE_UNUSABLE, reason);
}

static void resolve_stage(struct resolver *r, const char *section, struct language_stage *stage) {
    struct error err = {0};
    replace_all(&r->placeholders, stage->command, stage->command_len);
    replace_all(&r->placeholders, stage->env, stage->env_len);
    if (r->l->state == LANGUAGE_READY &&
        stage_resolve_mounts(r->ini, section, &r->placeholders, r->context->reader_uid, stage,
                             &err) < 0)
        set_state(r->l, err.code == ENOENT ? LANGUAGE_MISSING : LANGUAGE_UNUSABLE, err.message);
}

static int read_sample(struct resolver *r, struct error *err) {
    const struct ini_line *sample = ini_get(r->ini, "language", "sample");
    if (!sample)
        return 0;
    CLEANUP_FREE char *path = base_printf("%s/samples/run/%s", r->context->folder, sample->value);
    CLEANUP_BUFFER struct buffer text = BUFFER_INIT(LANGUAGE_SAMPLE_BYTES_MAX);
    int e = fd_read_file(AT_FDCWD, path, LANGUAGE_SAMPLE_BYTES_MAX, &text);
    if (e < 0)
        return error_errno(err, -e, "%s: line %u: sample %s", r->ini->path, sample->line, path);
    if (!utf8_valid(buffer_span(&text)))
        return error_set(err, EINVAL, "%s: line %u: the sample is not UTF-8", r->ini->path,
                         sample->line);
    r->l->sample = buffer_steal(&text, NULL);
    return 0;
}

int language_resolve(const struct ini *ini, const struct resolve_context *context,
                     struct language *l, struct error *err) {
    struct resolver r = {
        .ini = ini,
        .context = context,
        .l = l,
        .placeholders = {.toolchains = context->toolchains,
                         .folder = context->folder,
                         .version = ""},
    };
    l->state = LANGUAGE_READY;
    find_tools(&r);
    if (l->state == LANGUAGE_READY)
        ask_version(&r);
    if (l->state == LANGUAGE_READY)
        look_for_needs(&r);
    if (l->has_compile)
        resolve_stage(&r, "compile", &l->compile);
    resolve_stage(&r, "run", &l->run);
    if (l->has_check)
        resolve_stage(&r, "check", &l->check);
    int e = read_sample(&r, err);
    for (size_t i = 0; i < r.tools_len; i++)
        free(r.tools[i].path);
    free(r.tools);
    return e;
}
