/* The fields of POST /api/v1/runs: JSON in, a run_spec out, or words that say what to change.
 *
 * Unknown fields are refused: a misspelt limit must not silently be no limit. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/json.h"
#include "base/nearest.h"
#include "language/limits.h"

static int out_of_memory(struct api_refusal *refusal) {
    return api_refuse(refusal, 413, "too-large", "The request is too large to be taken in.");
}

static int invalid_type(struct api_refusal *refusal, const char *field, const char *expected) {
    return api_refuse(refusal, 400, "bad-request", "%s must be %s.", field, expected);
}

/* `where`: "the request", "files[0]". */
static int check_keys(json_t *object, const char *const *known, const char *where,
                      struct api_refusal *refusal) {
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (known[i])
            continue;
        const char *near = nearest_name(key, known);
        return api_refuse(refusal, 400, "bad-request", "%s has no field \"%.60s\"%s%s%s", where,
                          key, near ? "; did you mean \"" : "", near ? near : "",
                          near ? "\"?" : ".");
    }
    return 0;
}

static struct span string_span(const json_t *string) {
    return (struct span){.data = json_string_value(string), .len = json_string_length(string)};
}

static int decode_base64(struct arena *arena, struct span text, const char *field, struct span *ret,
                         struct api_refusal *refusal) {
    size_t room = text.len / 4 * 3 + 3;
    unsigned char *bytes = arena_alloc(arena, room);
    if (!bytes)
        return out_of_memory(refusal);
    size_t len = 0;
    const char *end = NULL;
    if (sodium_base642bin(bytes, room, text.data, text.len, "\r\n", &len, &end,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        end != text.data + text.len)
        return invalid_type(refusal, field, "base64 (RFC 4648, with padding)");
    *ret = (struct span){.data = (const char *)bytes, .len = len};
    return 0;
}

/* `key` as text or `key`_base64 as bytes, not both. Neither: *ret_found is false. `where`: "" or
 * "files[0].", what stands before the key in words. */
static int read_bytes(struct arena *arena, json_t *object, const char *where, const char *key,
                      struct span *ret, bool *ret_found, struct api_refusal *refusal) {
    char field[80], coded_key[40], coded_field[80];
    (void)snprintf(coded_key, sizeof coded_key, "%s_base64", key);
    (void)snprintf(field, sizeof field, "%s%s", where, key);
    (void)snprintf(coded_field, sizeof coded_field, "%s%s", where, coded_key);
    const json_t *text = json_object_get(object, key), *coded = json_object_get(object, coded_key);
    *ret_found = text || coded;
    if (text && coded)
        return api_refuse(refusal, 400, "bad-request", "%s and %s exclude each other.", field,
                          coded_field);
    if (text && !json_is_string(text))
        return invalid_type(refusal, field, "a string");
    if (coded && !json_is_string(coded))
        return invalid_type(refusal, coded_field, "a string");
    if (text)
        *ret = string_span(text);
    return coded ? decode_base64(arena, string_span(coded), coded_field, ret, refusal) : 0;
}

static int read_language(json_t *document, const struct language_table *languages,
                         const struct language **ret, struct api_refusal *refusal) {
    const json_t *name = json_object_get(document, "language");
    if (name && !json_is_string(name))
        return invalid_type(refusal, "language", "a string");
    const struct language *found = NULL;
    if (name) {
        found = language_find(languages, string_span(name));
    } else {
        const json_t *first = json_array_get(json_object_get(document, "files"), 0);
        const json_t *file_name = json_object_get(first, "name");
        if (json_is_string(file_name))
            found = language_for_file(languages, string_span(file_name));
    }
    if (!found)
        return api_refuse_unknown_language(refusal, languages, name ? string_span(name) : SPAN(""));
    if (found->state != LANGUAGE_READY)
        return api_refuse_not_ready(refusal, found);
    *ret = found;
    return 0;
}

static int read_file_entry(struct arena *arena, json_t *entry, size_t index, size_t count,
                           const struct language *language, struct stage_file *ret,
                           struct api_refusal *refusal) {
    static const char *const known[] = {"name", "content", "content_base64", NULL};
    char where[32], where_dot[40];
    (void)snprintf(where, sizeof where, "files[%zu]", index);
    (void)snprintf(where_dot, sizeof where_dot, "%s.", where);
    if (!json_is_object(entry))
        return invalid_type(refusal, where, "an object with \"name\" and \"content\"");
    int r = check_keys(entry, known, where, refusal);
    if (r < 0)
        return r;
    const json_t *name = json_object_get(entry, "name");
    if (name && !json_is_string(name))
        return api_refuse(refusal, 400, "bad-request", "%s.name must be a string.", where);
    if (!name && count > 1)
        return api_refuse(refusal, 400, "bad-request", "%s has no \"name\".", where);
    ret->name = name ? string_span(name) : span_of(language->entry);
    ret->mode = 0644;
    bool found;
    r = read_bytes(arena, entry, where_dot, "content", &ret->content, &found, refusal);
    if (r == 0 && !found)
        return api_refuse(refusal, 400, "bad-request",
                          "%s has neither \"content\" nor \"content_base64\".", where);
    return r;
}

static int read_files(struct arena *arena, json_t *document, struct run_spec *spec,
                      struct api_refusal *refusal) {
    json_t *list = json_object_get(document, "files");
    const json_t *source = json_object_get(document, "source");
    if (list && source)
        return api_refuse(refusal, 400, "bad-request", "files and source exclude each other.");
    if (source && !json_is_string(source))
        return invalid_type(refusal, "source", "a string");
    if (list && !json_is_array(list))
        return invalid_type(refusal, "files", "an array of {\"name\", \"content\"}");
    size_t count = source ? 1 : json_array_size(list);
    if (count > LIMIT_JOB_FILES)
        return api_refuse(refusal, 413, "too-large", "More than %d files.", LIMIT_JOB_FILES);
    struct stage_file *files = arena_alloc(arena, (count + 1) * sizeof *files);
    if (!files)
        return out_of_memory(refusal);
    if (source)
        files[0] = (struct stage_file){
            .name = span_of(spec->language->entry), .content = string_span(source), .mode = 0644};
    for (size_t i = 0; !source && i < count; i++) {
        int r = read_file_entry(arena, json_array_get(list, i), i, count, spec->language, &files[i],
                                refusal);
        if (r < 0)
            return r;
    }
    if (count == 0 || files[0].content.len == 0)
        return api_refuse(refusal, 400, "empty-source",
                          "There is no source: give it as \"source\", or as \"files\" of which the "
                          "first is the program.");
    spec->files = files;
    spec->files_len = count;
    return 0;
}

static int read_args(struct arena *arena, json_t *document, struct run_spec *spec,
                     struct api_refusal *refusal) {
    const json_t *list = json_object_get(document, "args");
    if (!list)
        return 0;
    if (!json_is_array(list))
        return invalid_type(refusal, "args", "an array of strings");
    size_t count = json_array_size(list);
    const char **args = arena_alloc(arena, (count + 1) * sizeof *args);
    if (!args)
        return out_of_memory(refusal);
    for (size_t i = 0; i < count; i++) {
        args[i] = json_string_value(json_array_get(list, i));
        if (!args[i])
            return invalid_type(refusal, "args", "an array of strings");
    }
    spec->args = args;
    spec->args_len = count;
    return 0;
}

static bool is_variable_name(const char *name) {
    if (!*name || strspn(name, "0123456789"))
        return false;
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] ==
           '\0';
}

static int read_env(struct arena *arena, json_t *document, struct run_spec *spec,
                    struct api_refusal *refusal) {
    json_t *object = json_object_get(document, "env");
    if (!object)
        return 0;
    if (!json_is_object(object))
        return invalid_type(refusal, "env", "an object of strings");
    const char **env = arena_alloc(arena, (json_object_size(object) + 1) * sizeof *env);
    if (!env)
        return out_of_memory(refusal);
    const char *name;
    json_t *value;
    size_t i = 0;
    json_object_foreach(object, name, value) {
        if (!is_variable_name(name))
            return api_refuse(refusal, 400, "bad-request",
                              "env: \"%.60s\" is no name of a variable (letters, digits, _).",
                              name);
        if (!json_is_string(value))
            return invalid_type(refusal, "env", "an object of strings");
        env[i] = arena_printf(arena, "%s=%s", name, json_string_value(value));
        if (!env[i++])
            return out_of_memory(refusal);
    }
    spec->env = env;
    spec->env_len = i;
    return 0;
}

static int read_stage_limits(json_t *limits, const char *stage, struct language_limits *ret,
                             struct api_refusal *refusal) {
    static const char *const known[] = {"wall_ms",   "cpu_ms",       "memory_bytes",
                                        "processes", "output_bytes", NULL};
    uint64_t *const values[] = {&ret->wall_ms, &ret->cpu_ms, &ret->memory_bytes, &ret->processes,
                                &ret->output_bytes};
    json_t *object = json_object_get(limits, stage);
    if (!object)
        return 0;
    char field[64];
    (void)snprintf(field, sizeof field, "limits.%s", stage);
    if (!json_is_object(object))
        return invalid_type(refusal, field, "an object");
    int r = check_keys(object, known, field, refusal);
    for (size_t i = 0; r == 0 && known[i]; i++) {
        const json_t *value = json_object_get(object, known[i]);
        if (!value)
            continue;
        (void)snprintf(field, sizeof field, "limits.%s.%s", stage, known[i]);
        /* 0 would read as "none", and means the language's own: who wants that leaves it out. */
        if (!json_is_integer(value) || json_integer_value(value) <= 0)
            return invalid_type(refusal, field, "a whole number above 0");
        *values[i] = (uint64_t)json_integer_value(value);
    }
    return r;
}

static int read_limits(json_t *document, struct run_spec *spec, struct api_refusal *refusal) {
    static const char *const known[] = {"compile", "run", NULL};
    json_t *limits = json_object_get(document, "limits");
    if (!limits)
        return 0;
    if (!json_is_object(limits))
        return invalid_type(refusal, "limits", "an object with \"compile\" and \"run\"");
    int r = check_keys(limits, known, "limits", refusal);
    if (r == 0)
        r = read_stage_limits(limits, "compile", &spec->compile_limits, refusal);
    return r < 0 ? r : read_stage_limits(limits, "run", &spec->run_limits, refusal);
}

int runs_request_read(struct arena *arena, const struct language_table *languages, struct span body,
                      struct runs_request *ret, struct api_refusal *refusal) {
    static const char *const known[] = {"language", "files", "source", "stdin", "stdin_base64",
                                        "args",     "env",   "limits", NULL};
    *ret = (struct runs_request){0};
    struct error err = {0};
    ret->document = json_read(body, &err);
    if (!ret->document)
        return api_refuse(refusal, 400, "bad-json", "The body is not JSON: %s.", err.message);
    if (!json_is_object(ret->document))
        return invalid_type(refusal, "The body", "a JSON object");
    struct run_spec *spec = &ret->spec;
    bool has_stdin;
    int r = check_keys(ret->document, known, "The request", refusal);
    if (r == 0)
        r = read_language(ret->document, languages, &spec->language, refusal);
    if (r == 0)
        r = read_files(arena, ret->document, spec, refusal);
    if (r == 0)
        r = read_bytes(arena, ret->document, "", "stdin", &spec->stdin_bytes, &has_stdin, refusal);
    if (r == 0)
        r = read_args(arena, ret->document, spec, refusal);
    if (r == 0)
        r = read_env(arena, ret->document, spec, refusal);
    return r < 0 ? r : read_limits(ret->document, spec, refusal);
}

void runs_request_done(struct runs_request *request) {
    json_decref(STEAL_PTR(request->document));
}
