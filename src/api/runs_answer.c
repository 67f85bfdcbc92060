/* A run's result as JSON: the one place that knows design.md's names for it. */
#include <stdio.h>
#include <string.h>

#include "api/internal.h"
#include "base/json.h"

const char *runs_signal_name(int signal, char buffer[16]) {
    const char *name = sigabbrev_np(signal);
    if (name)
        (void)snprintf(buffer, 16, "SIG%s", name);
    else
        (void)snprintf(buffer, 16, "SIG%d", signal);
    return buffer;
}

/* Milliseconds with one decimal. */
static json_t *ms(uint64_t us) {
    return json_real((double)((us + 50) / 100) / 10.0);
}

static json_t *text_or_null(const char *text) {
    return text ? json_string(text) : json_null();
}

static json_t *exit_code(const struct stage_result *s) {
    return s->exit_code >= 0 ? json_integer(s->exit_code) : json_null();
}

static json_t *signal_json(const struct stage_result *s) {
    char name[16];
    return s->signal ? json_string(runs_signal_name(s->signal, name)) : json_null();
}

static json_t *truncated(const struct stage_result *s) {
    return s->truncated ? json_integer((json_int_t)s->truncated) : json_null();
}

static void set_figures(json_t *object, const struct stage_result *s) {
    json_object_set_new(object, "wall_ms", ms(s->wall_us));
    json_object_set_new(object, "cpu_ms", ms(s->cpu_us));
    json_object_set_new(object, "peak_memory_bytes",
                        json_integer((json_int_t)s->peak_memory_bytes));
}

static json_t *diagnostics_json(const struct build_result *build) {
    json_t *list = json_array();
    for (size_t i = 0; i < build->diagnostics_len; i++) {
        const struct build_diagnostic *d = &build->diagnostics[i];
        json_t *row = json_object();
        json_object_set_new(row, "file", json_text_lossy(span_of(d->file)));
        json_object_set_new(row, "line", d->line ? json_integer(d->line) : json_null());
        json_object_set_new(row, "column", d->column ? json_integer(d->column) : json_null());
        json_object_set_new(row, "severity", json_string(build_severity_name(d->severity)));
        json_object_set_new(row, "message", json_text_lossy(span_of(d->message)));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *compile_json(const struct build_result *build) {
    const struct stage_result *s = &build->stage;
    json_t *object = json_object();
    json_object_set_new(object, "verdict", json_string(verdict_name(s->verdict)));
    json_object_set_new(object, "exit_code", exit_code(s));
    json_object_set_new(object, "signal", signal_json(s));
    /* Only where a limit ended the compiler, or its words were cut. */
    if (s->limit != LIMIT_NONE)
        json_object_set_new(object, "limit", text_or_null(verdict_limit_name(s->limit)));
    json_set_bytes(object, "stdout", buffer_span(&s->out));
    json_set_bytes(object, "stderr", buffer_span(&s->err));
    if (s->truncated)
        json_object_set_new(object, "truncated", truncated(s));
    set_figures(object, s);
    json_object_set_new(object, "diagnostics", diagnostics_json(build));
    return object;
}

static json_t *run_json(const struct stage_result *s) {
    json_t *object = json_object();
    json_object_set_new(object, "verdict", json_string(verdict_name(s->verdict)));
    json_object_set_new(object, "exit_code", exit_code(s));
    json_object_set_new(object, "signal", signal_json(s));
    json_object_set_new(object, "limit", text_or_null(verdict_limit_name(s->limit)));
    json_set_bytes(object, "stdout", buffer_span(&s->out));
    json_set_bytes(object, "stderr", buffer_span(&s->err));
    json_object_set_new(object, "truncated", truncated(s));
    set_figures(object, s);
    return object;
}

json_t *runs_answer(const struct run_result *result, const struct language *language,
                    const char *const *limits_not_enforced) {
    json_t *object = json_object();
    json_object_set_new(object, "id", json_string(result->id));
    json_object_set_new(object, "verdict", json_string(verdict_name(result->verdict)));
    if (result->verdict != VERDICT_OK && result->stage != STAGE_NONE)
        json_object_set_new(object, "stage", json_string(verdict_stage_name(result->stage)));
    json_object_set_new(object, "language", json_string(language->name));
    json_object_set_new(object, "version",
                        json_text_lossy(span_of(language->version ? language->version : "")));
    json_object_set_new(object, "cached", json_false());
    json_object_set_new(object, "queue_ms", ms(result->queue_us));
    json_object_set_new(object, "compile",
                        result->compiled ? compile_json(&result->compile) : json_null());
    json_object_set_new(object, "run", result->ran ? run_json(&result->run) : json_null());
    json_t *missing = json_array();
    for (size_t i = 0; limits_not_enforced && limits_not_enforced[i]; i++)
        json_array_append_new(missing, json_string(limits_not_enforced[i]));
    json_object_set_new(object, "limits_not_enforced", missing);
    return object;
}
