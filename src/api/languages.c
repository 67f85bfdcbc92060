/* GET /api/v1/languages: what can be used here, and why the rest cannot. */
#include "api/internal.h"
#include "base/json.h"
#include "language/limits.h"

static json_t *strings(char *const *list, size_t len) {
    json_t *array = json_array();
    for (size_t i = 0; i < len; i++)
        json_array_append_new(array, json_text_lossy(span_of(list[i])));
    return array;
}

static void set_text(json_t *object, const char *key, const char *text) {
    json_object_set_new(object, key, text ? json_text_lossy(span_of(text)) : json_null());
}

static json_t *limits_json(const struct language_limits *l,
                           const struct language_limits *defaults) {
    const struct {
        const char *key;
        uint64_t value, fallback;
    } rows[] = {
        {"wall_ms", l->wall_ms, defaults->wall_ms},
        {"cpu_ms", l->cpu_ms, defaults->cpu_ms},
        {"memory_bytes", l->memory_bytes, defaults->memory_bytes},
        {"processes", l->processes, defaults->processes},
        {"output_bytes", l->output_bytes, defaults->output_bytes},
    };
    json_t *object = json_object();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t value = rows[i].value ? rows[i].value : rows[i].fallback;
        json_object_set_new(object, rows[i].key, json_integer((json_int_t)value));
    }
    return object;
}

static const char *const state_names[] = {
    [LANGUAGE_READY] = "ready", [LANGUAGE_MISSING] = "missing", [LANGUAGE_UNUSABLE] = "unusable"};

json_t *api_language_json(const struct language *language) {
    static const struct language_limits compile_defaults = {
        .wall_ms = LIMIT_COMPILE_WALL_MS,
        .cpu_ms = LIMIT_COMPILE_CPU_MS,
        .memory_bytes = LIMIT_COMPILE_MEMORY_BYTES,
        .processes = LIMIT_COMPILE_PROCESSES,
        .output_bytes = LIMIT_COMPILE_OUTPUT_BYTES,
    };
    static const struct language_limits run_defaults = {
        .wall_ms = LIMIT_RUN_WALL_MS,
        .cpu_ms = LIMIT_RUN_CPU_MS,
        .memory_bytes = LIMIT_RUN_MEMORY_BYTES,
        .processes = LIMIT_RUN_PROCESSES,
        .output_bytes = LIMIT_RUN_OUTPUT_BYTES,
    };
    json_t *object = json_object();
    set_text(object, "name", language->name);
    set_text(object, "title", language->title);
    json_object_set_new(object, "aliases", strings(language->aliases, language->aliases_len));
    json_object_set_new(object, "extensions",
                        strings(language->extensions, language->extensions_len));
    set_text(object, "entry", language->entry);
    set_text(object, "version", language->version);
    set_text(object, "state", state_names[language->state]);
    set_text(object, "reason", api_language_reason(language));
    json_object_set_new(object, "packages", strings(language->packages, language->packages_len));
    set_text(object, "sample", language->sample);
    json_t *limits = json_object();
    json_object_set_new(limits, "compile",
                        language->has_compile
                            ? limits_json(&language->compile.limits, &compile_defaults)
                            : json_null());
    json_object_set_new(limits, "run", limits_json(&language->run.limits, &run_defaults));
    json_object_set_new(object, "limits", limits);
    return object;
}

static void on_languages(struct http_exchange *x, const struct http_route *route) {
    const struct api *api = route->user;
    json_t *list = json_array();
    for (size_t i = 0; i < language_count(api->languages); i++)
        json_array_append_new(list, api_language_json(language_at(api->languages, i)));
    json_t *body = json_object();
    json_object_set_new(body, "languages", list);
    api_respond_json(x, 200, body);
    json_decref(body);
}

void api_route_languages(struct http_route *route, struct api *api) {
    *route = (struct http_route){.methods = HTTP_GET,
                                 .path = "/api/v1/languages",
                                 .on_check = api_check_read,
                                 .on_request = on_languages,
                                 .user = api};
}
