/* Placeholders: what stands between braces in commands, variables, mounts and links. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "language/internal.h"

#if defined(__x86_64__)
#define MULTIARCH "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define MULTIARCH "aarch64-linux-gnu"
#else
#error "add this architecture's row"
#endif

/* build_expand_command replaces these, for each job. */
static const char *const RUN_TIME[] = {"source", "artifact", "args", "memory_mib", "files:", NULL};
static const char *const OURS[] = {"toolchains", "folder", "version", "multiarch", NULL};

static bool is_run_time(struct span name) {
    for (size_t i = 0; RUN_TIME[i]; i++)
        if (span_eq_text(name, RUN_TIME[i]))
            return true;
    return span_starts_with(name, SPAN("files:")) && name.len > strlen("files:");
}

/* "gcc" or "gcc.prefix": the tool's name, and whether the prefix is meant. */
static struct span tool_part(struct span name, bool *ret_prefix) {
    struct span suffix = SPAN(".prefix");
    *ret_prefix = span_ends_with(name, suffix);
    if (*ret_prefix)
        name.len -= suffix.len;
    return name;
}

static bool is_read_time(const struct ini *ini, struct span name) {
    for (size_t i = 0; OURS[i]; i++)
        if (span_eq_text(name, OURS[i]))
            return true;
    bool prefix;
    CLEANUP_FREE char *tool = span_dup(tool_part(name, &prefix));
    return ini_get(ini, "tools", tool);
}

static int fail_unknown(const struct ini *ini, struct span name, bool run_time, struct error *err) {
    size_t most = ini->lines_len + ARRAY_LEN(OURS) + ARRAY_LEN(RUN_TIME);
    const char **valid = base_alloc_array(most, sizeof(*valid));
    size_t len = 0;
    for (size_t i = 0; OURS[i]; i++)
        valid[len++] = OURS[i];
    for (size_t i = 0; run_time && RUN_TIME[i]; i++)
        valid[len++] = RUN_TIME[i];
    for (size_t i = 0; i < ini->lines_len; i++)
        if (strcmp(ini->lines[i].section, "tools") == 0)
            valid[len++] = ini->lines[i].key;
    valid[len] = NULL;
    CLEANUP_FREE char *text = span_dup(name);
    const char *nearest = nearest_name(text, valid);
    int r = nearest ? error_set(err, EINVAL, "'{%.60s}' stands for nothing, did you mean '{%s}'?",
                                text, nearest)
                    : error_set(err, EINVAL, "'{%.60s}' stands for nothing here", text);
    free(valid);
    return r;
}

/* Cuts the next {name} off *rest; what stands before it goes to *ret_before. -ENOENT: none is left,
 * *ret_before is all of it; -EINVAL: a brace without its other half. */
static int next_placeholder(struct span *rest, struct span *ret_before, struct span *ret_name) {
    struct span s = *rest;
    const char *open = s.len ? memchr(s.data, '{', s.len) : NULL;
    const char *stray = s.len ? memchr(s.data, '}', s.len) : NULL;
    if (!open) {
        *ret_before = s;
        return stray ? -EINVAL : -ENOENT;
    }
    if (stray && stray < open)
        return -EINVAL;
    const char *end = s.data + s.len;
    const char *close = memchr(open, '}', (size_t)(end - open));
    if (!close || close == open + 1)
        return -EINVAL;
    *ret_before = (struct span){s.data, (size_t)(open - s.data)};
    *ret_name = (struct span){open + 1, (size_t)(close - open - 1)};
    *rest = (struct span){close + 1, (size_t)(end - close - 1)};
    return 0;
}

int placeholders_check(const struct ini *ini, const char *text, bool run_time, struct error *err) {
    struct span rest = span_of(text), before, name;
    int r;
    while ((r = next_placeholder(&rest, &before, &name)) == 0) {
        if (is_read_time(ini, name) || (run_time && is_run_time(name)))
            continue;
        return fail_unknown(ini, name, run_time, err);
    }
    return r == -ENOENT ? 0 : error_set(err, EINVAL, "a brace without its other half");
}

/* "/usr/bin/python3.11" → "/usr"; a tool in no bin/ of its own gives its folder. */
static struct span tool_prefix(const char *path) {
    const char *slash = strrchr(path, '/');
    struct span folder = {path, slash ? (size_t)(slash - path) : 0};
    if (span_ends_with(folder, SPAN("/bin")))
        folder.len -= strlen("/bin");
    return folder;
}

static struct span placeholder_value(const struct placeholders *p, struct span name) {
    if (span_eq_text(name, "toolchains"))
        return span_of(p->toolchains);
    if (span_eq_text(name, "folder"))
        return span_of(p->folder);
    if (span_eq_text(name, "version"))
        return span_of(p->version);
    if (span_eq_text(name, "multiarch"))
        return SPAN(MULTIARCH);
    bool prefix;
    struct span tool = tool_part(name, &prefix);
    for (size_t i = 0; i < p->tools_len; i++)
        if (span_eq_text(tool, p->tools[i].name) && p->tools[i].path)
            return prefix ? tool_prefix(p->tools[i].path) : span_of(p->tools[i].path);
    return (struct span){0};
}

char *placeholders_replace(const struct placeholders *p, const char *text) {
    char *out = base_strdup("");
    struct span rest = span_of(text), before, name;
    while (next_placeholder(&rest, &before, &name) == 0) {
        struct span value = placeholder_value(p, name);
        char *longer = is_run_time(name)
                           ? base_printf("%s%.*s{%.*s}", out, SPAN_ARG(before), SPAN_ARG(name))
                           : base_printf("%s%.*s%.*s", out, SPAN_ARG(before), SPAN_ARG(value));
        free(out);
        out = longer;
    }
    char *whole = base_printf("%s%.*s", out, SPAN_ARG(rest));
    free(out);
    return whole;
}
