/* WebCompile's form and its answer: four keys, in its order, always these. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/internal.h"
#include "base/json.h"
#include "language/limits.h"

void compile_form_read(const struct http_field *fields, size_t count, struct compile_form *ret) {
    *ret = (struct compile_form){0};
    bool has_code = false, has_stdin = false;
    /* Of a repeated field the first counts, as in WebCompile. */
    for (size_t i = 0; i < count; i++) {
        const struct http_field *f = &fields[i];
        if (span_eq_text(f->name, "code") && !has_code) {
            ret->code = f->value;
            has_code = true;
        } else if (span_eq_text(f->name, "lang") && !ret->has_lang) {
            ret->lang = f->value;
            ret->has_lang = true;
        } else if (span_eq_text(f->name, "stdin") && !has_stdin) {
            ret->stdin_bytes = f->value;
            has_stdin = true;
        }
    }
}

bool compile_code_fits(struct span code) {
    return code.len > 0 && code.len <= LIMIT_WEBCOMPILE_CODE_BYTES;
}

char *compile_answer_text(struct span output, uint64_t latency_ms, struct span error,
                          bool timeout) {
    json_t *object = json_object();
    json_object_set_new(object, "Output", json_text_lossy(output));
    json_object_set_new(object, "LatencyInMS", json_integer((json_int_t)latency_ms));
    json_object_set_new(object, "ErrorString", json_text_lossy(error));
    json_object_set_new(object, "Timeout", json_boolean(timeout));
    char *text = json_write(object, false);
    json_decref(object);
    return text;
}

/* Why a run that its own output does not explain has ended; "" when it does. */
static void describe(const struct run_result *result, char *words, size_t size) {
    const char *who = result->stage == STAGE_COMPILE ? "the compiler" : "the program";
    const struct stage_result *s =
        result->stage == STAGE_COMPILE ? &result->compile.stage : &result->run;
    char name[16];
    words[0] = '\0';
    switch (result->verdict) {
    case VERDICT_SIGNALLED:
        (void)snprintf(words, size, "%s was ended by %s\n", who, runs_signal_name(s->signal, name));
        break;
    case VERDICT_MEMORY_LIMIT:
        (void)snprintf(words, size, "memory limit: %s used more than it may\n", who);
        break;
    case VERDICT_OUTPUT_LIMIT:
        (void)snprintf(words, size, "output limit: %s wrote more than it may\n", who);
        break;
    case VERDICT_PROCESS_LIMIT:
        (void)snprintf(words, size, "process limit: %s started more processes than it may\n", who);
        break;
    case VERDICT_CANCELLED:
        (void)snprintf(words, size, "cancelled\n");
        break;
    case VERDICT_INTERNAL_ERROR:
        (void)snprintf(words, size,
                       "internal error: the server could not finish this run; "
                       "it is not the program's fault\n");
        break;
    case VERDICT_OK:
    case VERDICT_COMPILE_ERROR: /* the compiler's own words stand there */
    case VERDICT_RUNTIME_ERROR: /* and the program's */
    case VERDICT_TIME_LIMIT:    /* Timeout says it */
    case VERDICT_COUNT:
        break;
    }
}

/* A program that came to its own end has a time of its own. */
static bool ended_by_itself(const struct run_result *result) {
    return result->ran && result->stage == STAGE_RUN &&
           (result->verdict == VERDICT_OK || result->verdict == VERDICT_RUNTIME_ERROR ||
            result->verdict == VERDICT_SIGNALLED);
}

/* Each stream is bounded by its stage's limit; what is put together here has none of its own. */
static void append(struct buffer *b, struct span s) {
    if (buffer_append_span(b, s) < 0)
        abort();
}

char *compile_answer(const struct run_result *result, bool with_execution_line) {
    CLEANUP_BUFFER struct buffer output = BUFFER_INIT(0);
    CLEANUP_BUFFER struct buffer error = BUFFER_INIT(0);
    char words[160];
    if (result->compiled) {
        append(&error, buffer_span(&result->compile.stage.err));
        /* Some compilers complain on stdout. */
        if (result->verdict != VERDICT_OK && result->stage == STAGE_COMPILE)
            append(&error, buffer_span(&result->compile.stage.out));
    }
    if (result->ran) {
        append(&output, buffer_span(&result->run.out));
        append(&error, buffer_span(&result->run.err));
    }
    if (with_execution_line && ended_by_itself(result)) {
        int n = snprintf(words, sizeof words, "Code Execution: %" PRIu64 " ms\n",
                         (result->run.wall_us + 500) / 1000);
        append(&output, (struct span){.data = words, .len = (size_t)n});
    }
    describe(result, words, sizeof words);
    append(&error, span_of(words));
    return compile_answer_text(buffer_span(&output), (result->total_us + 500) / 1000,
                               buffer_span(&error), result->verdict == VERDICT_TIME_LIMIT);
}
