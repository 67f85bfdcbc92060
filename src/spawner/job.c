/* The sealed job (sandbox/job.h), as the server writes it (S19). */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "sandbox/job.h"
#include "spawner/stage.h"

#define NAME_SEGMENT_MAX 255

/* Whether `a` is a folder on the way to `b`. */
static bool is_folder_of(struct span a, struct span b) {
    return b.len > a.len && b.data[a.len] == '/' && span_starts_with(b, a);
}

/* A relative path of plain segments: what is refused here would be refused again inside. */
static int check_name(struct span name, struct error *err) {
    if (name.len == 0)
        return error_set(err, EINVAL, "a file has no name");
    if (name.len > 4096 || memchr(name.data, '\0', name.len))
        return error_set(err, EINVAL, "file name: too long or with a NUL byte");
    if (!utf8_valid(name))
        return error_set(err, EINVAL, "file name: not valid UTF-8");
    struct span rest = name;
    do {
        struct span segment = span_cut(rest, '/', &rest);
        if (segment.len == 0 || segment.len > NAME_SEGMENT_MAX || span_eq_text(segment, ".") ||
            span_eq_text(segment, ".."))
            return error_set(err, EINVAL,
                             "file name \"%.*s\": must be relative, without empty, \".\" or \"..\" "
                             "segments, each of at most %d bytes",
                             SPAN_ARG(name), NAME_SEGMENT_MAX);
    } while (rest.data);
    return 0;
}

static int check_strings(const char *const *strings, size_t len, size_t max, const char *what,
                         size_t *total, struct error *err) {
    if (len > max)
        return error_set(err, E2BIG, "more than %zu %s", max, what);
    for (size_t i = 0; i < len; i++) {
        size_t n = strings[i] ? strlen(strings[i]) : 0;
        if (n > JOB_MAX_STRING)
            return error_set(err, E2BIG, "one of the %s is over %u bytes", what, JOB_MAX_STRING);
        *total += n;
    }
    if (*total > JOB_MAX_STRINGS)
        return error_set(err, E2BIG, "arguments and environment are over %u bytes together",
                         JOB_MAX_STRINGS);
    return 0;
}

static int check_against(struct span name, const struct stage_file *others, size_t len,
                         struct error *err) {
    for (size_t i = 0; i < len; i++) {
        struct span other = others[i].name;
        if (span_eq(name, other))
            return error_set(err, EINVAL, "two files are named \"%.*s\"", SPAN_ARG(name));
        if (is_folder_of(name, other) || is_folder_of(other, name))
            return error_set(err, EINVAL, "\"%.*s\" cannot be a file and a folder",
                             SPAN_ARG(name.len < other.len ? name : other));
    }
    return 0;
}

static int check_spec(const struct stage_spec *spec, struct error *err) {
    size_t strings = 0, names = 0, bytes = 0;
    int r = check_strings(spec->args, spec->args_len, JOB_MAX_ARGS, "arguments", &strings, err);
    if (r == 0)
        r = check_strings(spec->env, spec->env_len, JOB_MAX_ENV, "environment variables", &strings,
                          err);
    if (r < 0)
        return r;
    if (spec->files_len > JOB_MAX_FILES)
        return error_set(err, E2BIG, "more than %d files", JOB_MAX_FILES);
    for (size_t i = 0; i < spec->files_len; i++) {
        const struct stage_file *f = &spec->files[i];
        r = check_name(f->name, err);
        if (r < 0)
            return r;
        r = check_against(f->name, spec->files, i, err);
        if (r < 0)
            return r;
        names += f->name.len;
        bytes += f->content.len;
    }
    if (names > JOB_MAX_NAMES)
        return error_set(err, E2BIG, "file names are over %u bytes together", JOB_MAX_NAMES);
    /* What the reader counts: all bytes of the memfd. */
    size_t overhead = sizeof(struct job_header) + 256 + 4 * (spec->args_len + spec->env_len) +
                      12 * spec->files_len;
    if (bytes + names + strings + overhead > JOB_MAX_BYTES)
        return error_set(err, E2BIG, "the files are over %u bytes together", JOB_MAX_BYTES);
    return 0;
}

static int put_u32(struct buffer *b, size_t value) {
    uint32_t v = htole32((uint32_t)value);
    return buffer_append(b, &v, sizeof v);
}

static int put_string(struct buffer *b, const char *text) {
    size_t len = text ? strlen(text) : 0;
    int r = put_u32(b, len);
    return r < 0 ? r : buffer_append(b, text ? text : "", len);
}

static int put_file(struct buffer *b, const struct stage_file *f) {
    int r = put_u32(b, f->name.len);
    if (r == 0)
        r = put_u32(b, f->mode);
    if (r == 0)
        r = put_u32(b, f->content.len);
    if (r == 0)
        r = buffer_append_span(b, f->name);
    return r < 0 ? r : buffer_append_span(b, f->content);
}

static int encode(const struct stage_spec *spec, struct buffer *b) {
    size_t artifact_len = spec->artifact_name ? strlen(spec->artifact_name) : 0;
    const size_t header[] = {JOB_MAGIC, spec->args_len, spec->env_len, spec->files_len,
                             0,         artifact_len};
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(header); i++)
        r = put_u32(b, header[i]);
    if (r == 0)
        r = buffer_append(b, spec->artifact_name ? spec->artifact_name : "", artifact_len);
    for (size_t i = 0; r == 0 && i < spec->args_len; i++)
        r = put_string(b, spec->args[i]);
    for (size_t i = 0; r == 0 && i < spec->env_len; i++)
        r = put_string(b, spec->env[i]);
    for (size_t i = 0; r == 0 && i < spec->files_len; i++)
        r = put_file(b, &spec->files[i]);
    return r;
}

int stage_job_new(const struct stage_spec *spec, struct error *err) {
    int r = check_spec(spec, err);
    if (r < 0)
        return r;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(JOB_MAX_BYTES);
    r = encode(spec, &b);
    if (r < 0)
        return error_errno(err, -r, "job");
    r = fd_sealed_memfd("job", buffer_span(&b));
    return r < 0 ? error_errno(err, -r, "job: memfd") : r;
}
