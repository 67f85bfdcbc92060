/* The table as JSON and back, field by field. */
#include <errno.h>
#include <stdlib.h>

#include "language/internal.h"

/* ---- out ---- */

static json_t *words_to_json(char *const *words, size_t len) {
    json_t *array = json_array();
    for (size_t i = 0; i < len; i++)
        json_array_append_new(array, json_string(words[i]));
    return array;
}

static json_t *limits_to_json(const struct language_limits *l) {
    return json_pack("[I,I,I,I,I,I,I]", (json_int_t)l->wall_ms, (json_int_t)l->cpu_ms,
                     (json_int_t)l->memory_bytes, (json_int_t)l->processes,
                     (json_int_t)l->output_bytes, (json_int_t)l->scratch_bytes,
                     (json_int_t)l->artifact_bytes);
}

static json_t *stage_to_json(const struct language_stage *s) {
    json_t *mounts = json_array(), *links = json_array();
    for (size_t i = 0; i < s->mounts_len; i++)
        json_array_append_new(mounts, json_pack("[s,s]", s->mounts[i].source, s->mounts[i].target));
    for (size_t i = 0; i < s->links_len; i++)
        json_array_append_new(links, json_pack("[s,s]", s->links[i].path, s->links[i].target));
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:b}", "command",
                     words_to_json(s->command, s->command_len), "env",
                     words_to_json(s->env, s->env_len), "mounts", mounts, "links", links, "limits",
                     limits_to_json(&s->limits), "proc_full", (int)s->proc_full);
}

static json_t *language_to_json(const struct language *l) {
    return json_pack("{s:s,s:s,s:o,s:o,s:s,s:s,s:i,s:i,s:b,s:b,s:o,s:o,s:o,s:s,s:o,s:i,s:s?,s:s?}",
                     "name", l->name, "title", l->title, "aliases",
                     words_to_json(l->aliases, l->aliases_len), "extensions",
                     words_to_json(l->extensions, l->extensions_len), "entry", l->entry,
                     "artifact_name", l->artifact_name, "artifact", (int)l->artifact, "diagnostics",
                     (int)l->diagnostics, "has_compile", (int)l->has_compile, "has_check",
                     (int)l->has_check, "compile", stage_to_json(&l->compile), "run",
                     stage_to_json(&l->run), "check", stage_to_json(&l->check), "version",
                     l->version, "packages", words_to_json(l->packages, l->packages_len), "state",
                     (int)l->state, "reason", l->reason, "sample", l->sample);
}

json_t *language_table_to_json(const struct language_table *t) {
    json_t *array = json_array();
    for (size_t i = 0; i < t->len; i++)
        json_array_append_new(array, language_to_json(&t->list[i]));
    return array;
}

/* ---- back ---- */

static char *text_of(const json_t *object, const char *key) {
    return base_strdup(json_string_value(json_object_get(object, key)));
}

static int words_of(const json_t *object, const char *key, char ***ret, size_t *ret_len) {
    const json_t *array = json_object_get(object, key);
    if (!json_is_array(array))
        return -EINVAL;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *word = json_string_value(json_array_get(array, i));
        if (!word)
            return -EINVAL;
        words_append(ret, ret_len, base_strdup(word));
    }
    return 0;
}

static int pair_of(const json_t *pair, char **ret_a, char **ret_b) {
    const char *a = json_string_value(json_array_get(pair, 0));
    const char *b = json_string_value(json_array_get(pair, 1));
    if (!a || !b)
        return -EINVAL;
    *ret_a = base_strdup(a);
    *ret_b = base_strdup(b);
    return 0;
}

static int limits_of(const json_t *object, struct language_limits *l) {
    uint64_t *const fields[] = {&l->wall_ms,       &l->cpu_ms,       &l->memory_bytes,
                                &l->processes,     &l->output_bytes, &l->scratch_bytes,
                                &l->artifact_bytes};
    const json_t *array = json_object_get(object, "limits");
    if (json_array_size(array) != ARRAY_LEN(fields))
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        *fields[i] = (uint64_t)json_integer_value(json_array_get(array, i));
    return 0;
}

static int stage_of(const json_t *language, const char *key, struct language_stage *s) {
    const json_t *object = json_object_get(language, key);
    const json_t *mounts = json_object_get(object, "mounts");
    const json_t *links = json_object_get(object, "links");
    int r = words_of(object, "command", &s->command, &s->command_len);
    if (r == 0)
        r = words_of(object, "env", &s->env, &s->env_len);
    s->mounts = base_alloc_array(json_array_size(mounts), sizeof *s->mounts);
    s->links = base_alloc_array(json_array_size(links), sizeof *s->links);
    for (size_t i = 0; r == 0 && i < json_array_size(mounts); i++, s->mounts_len++)
        r = pair_of(json_array_get(mounts, i), &s->mounts[i].source, &s->mounts[i].target);
    for (size_t i = 0; r == 0 && i < json_array_size(links); i++, s->links_len++)
        r = pair_of(json_array_get(links, i), &s->links[i].path, &s->links[i].target);
    s->proc_full = json_is_true(json_object_get(object, "proc_full"));
    return r == 0 ? limits_of(object, &s->limits) : r;
}

static int language_of(const json_t *object, struct language *l) {
    l->name = text_of(object, "name");
    l->title = text_of(object, "title");
    l->entry = text_of(object, "entry");
    l->artifact_name = text_of(object, "artifact_name");
    l->version = text_of(object, "version");
    l->reason = text_of(object, "reason");
    l->sample = text_of(object, "sample");
    l->artifact = (enum language_artifact)json_integer_value(json_object_get(object, "artifact"));
    l->diagnostics =
        (enum language_diagnostics)json_integer_value(json_object_get(object, "diagnostics"));
    l->state = (enum language_state)json_integer_value(json_object_get(object, "state"));
    l->has_compile = json_is_true(json_object_get(object, "has_compile"));
    l->has_check = json_is_true(json_object_get(object, "has_check"));
    if (!l->name || !l->title || !l->entry || !l->artifact_name || !l->version)
        return -EINVAL;
    int r = words_of(object, "aliases", &l->aliases, &l->aliases_len);
    if (r == 0)
        r = words_of(object, "extensions", &l->extensions, &l->extensions_len);
    if (r == 0)
        r = words_of(object, "packages", &l->packages, &l->packages_len);
    if (r == 0)
        r = stage_of(object, "compile", &l->compile);
    if (r == 0)
        r = stage_of(object, "run", &l->run);
    return r == 0 ? stage_of(object, "check", &l->check) : r;
}

int language_table_from_json(const json_t *json, struct language_table **ret_table,
                             struct error *err) {
    struct language_table *t = table_new();
    int r = json_is_array(json) ? 0 : -EINVAL;
    for (size_t i = 0; r == 0 && i < json_array_size(json); i++)
        r = language_of(json_array_get(json, i), table_append(t));
    if (r < 0) {
        language_table_free(t);
        return error_set(err, EINVAL, "the language table's JSON is not one");
    }
    *ret_table = t;
    return 0;
}
