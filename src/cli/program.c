/* What `retort run` sends, and what the answer means for the exit code. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/verdict.h"
#include "cli/internal.h"

#define FILE_MAX (16 * MIB) /* more than a server takes: it is the server that says so */

const char *cli_file_name(const char *path) {
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    bool climbs = path[0] == '/';
    struct span rest = span_of(path);
    do
        climbs |= span_eq_text(span_cut(rest, '/', &rest), "..");
    while (rest.data);
    const char *slash = strrchr(path, '/');
    return climbs && slash ? slash + 1 : path;
}

int cli_read_failed(int r, const char *what, size_t limit_bytes, struct error *err) {
    if (r == -E2BIG)
        return error_set(err, E2BIG, "%s: larger than %lu MiB, the most that is sent", what,
                         limit_bytes / MIB);
    return error_errno(err, -r, "%s", what);
}

static json_t *string_list(const char *const *strings, size_t len, struct error *err) {
    json_t *list = json_array();
    for (size_t i = 0; i < len; i++) {
        json_t *text = json_string(strings[i]);
        if (!text) {
            json_decref(list);
            (void)error_set(err, EINVAL, "argument %zu is not valid UTF-8", i + 1);
            return NULL;
        }
        json_array_append_new(list, text);
    }
    return list;
}

static int append_file(json_t *list, const char *path, struct error *err) {
    CLEANUP_BUFFER struct buffer content = BUFFER_INIT(FILE_MAX);
    int r = fd_read_file(AT_FDCWD, path, FILE_MAX, &content);
    if (r < 0)
        return cli_read_failed(r, path, FILE_MAX, err);
    json_t *name = json_string(cli_file_name(path));
    if (!name)
        return error_set(err, EINVAL, "%s: the name is not valid UTF-8", path);
    json_t *file = json_object();
    json_object_set_new(file, "name", name);
    json_set_bytes(file, "content", buffer_span(&content));
    json_array_append_new(list, file);
    return 0;
}

json_t *cli_run_request(const struct cli_options *o, struct span stdin_bytes, struct error *err) {
    json_t *files = json_array();
    for (size_t i = 0; i < o->files_len; i++) {
        if (append_file(files, o->files[i], err) < 0) {
            json_decref(files);
            return NULL;
        }
    }
    json_t *args = string_list(o->args, o->args_len, err);
    if (!args) {
        json_decref(files);
        return NULL;
    }
    json_t *request = json_object();
    if (o->lang)
        json_object_set_new(request, "language", json_string(o->lang));
    json_object_set_new(request, "files", files);
    json_object_set_new(request, "args", args);
    if (stdin_bytes.len)
        json_set_bytes(request, "stdin", stdin_bytes);
    return request;
}

int cli_stream_bytes(const json_t *stage, const char *key, struct buffer *ret) {
    CLEANUP_FREE char *coded_key = base_printf("%s_base64", key);
    const json_t *text = json_object_get(stage, key), *coded = json_object_get(stage, coded_key);
    if (text)
        return buffer_append(ret, json_string_value(text) ? json_string_value(text) : "",
                             json_string_length(text));
    if (!coded)
        return 0;
    size_t coded_len = json_string_length(coded), room = coded_len / 4 * 3 + 3, len = 0;
    int r = buffer_reserve(ret, room);
    if (r < 0)
        return r;
    CLEANUP_FREE unsigned char *bytes = base_try_alloc(room);
    if (!bytes)
        return -ENOMEM;
    if (sodium_base642bin(bytes, room, json_string_value(coded), coded_len, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return -EINVAL;
    return buffer_append(ret, bytes, len);
}

/* The number of "SIGKILL" or "SIG34"; 0 for anything else. */
static int signal_number(const char *name) {
    if (!name || strncmp(name, "SIG", 3) != 0)
        return 0;
    for (int n = 1; n < NSIG; n++) {
        const char *known = sigabbrev_np(n);
        if (known && strcmp(known, name + 3) == 0)
            return n;
    }
    uint64_t number = 0;
    return span_to_u64(span_of(name + 3), NSIG, &number) == 0 ? (int)number : 0;
}

static const char *text_of(const json_t *object, const char *key, const char *fallback) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : fallback;
}

int cli_exit_code(const json_t *answer, char *words, size_t size) {
    enum verdict verdict;
    const char *name = text_of(answer, "verdict", "");
    words[0] = '\0';
    if (!verdict_parse(name, &verdict)) {
        (void)snprintf(words, size, "the server's answer has no verdict that is known here");
        return CLI_EXIT_FAILED;
    }
    const char *stage = text_of(answer, "stage", "run");
    const json_t *part = json_object_get(answer, stage);
    const char *limit = text_of(part, "limit", "");
    switch (verdict) {
    case VERDICT_OK:
    case VERDICT_RUNTIME_ERROR: {
        /* A compiler that merely failed gives compile_error: this is the program's own. */
        json_int_t code = json_integer_value(json_object_get(part, "exit_code"));
        return verdict == VERDICT_RUNTIME_ERROR && code == 0 ? 1 : (int)code;
    }
    case VERDICT_SIGNALLED: {
        const char *signal = text_of(part, "signal", "");
        (void)snprintf(words, size, "%s%s", strcmp(stage, "compile") == 0 ? "compiler: " : "",
                       signal);
        int number = signal_number(signal);
        return number && strcmp(stage, "run") == 0 ? 128 + number : CLI_EXIT_FAILED;
    }
    case VERDICT_COMPILE_ERROR:
        return CLI_EXIT_NOT_RUNNABLE;
    case VERDICT_TIME_LIMIT:
        (void)snprintf(words, size, "time limit%s%s%s (%s stage)", *limit ? " (" : "", limit,
                       *limit ? " time)" : "", stage);
        return CLI_EXIT_TIME;
    case VERDICT_MEMORY_LIMIT:
    case VERDICT_OUTPUT_LIMIT:
    case VERDICT_PROCESS_LIMIT:
    case VERDICT_CANCELLED:
    case VERDICT_INTERNAL_ERROR:
    case VERDICT_COUNT:
        break;
    }
    CLEANUP_FREE char *plain = base_strdup(name);
    for (char *c = plain; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    (void)snprintf(words, size, "%s (%s stage)", plain, stage);
    return CLI_EXIT_FAILED;
}
