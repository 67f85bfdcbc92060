#include "base/verdict.h"
#include "base/base.h"
#include <assert.h>
#include <string.h>

static const char *const verdict_names[VERDICT_COUNT] = {
    [VERDICT_OK] = "ok",
    [VERDICT_COMPILE_ERROR] = "compile_error",
    [VERDICT_RUNTIME_ERROR] = "runtime_error",
    [VERDICT_SIGNALLED] = "signalled",
    [VERDICT_TIME_LIMIT] = "time_limit",
    [VERDICT_MEMORY_LIMIT] = "memory_limit",
    [VERDICT_OUTPUT_LIMIT] = "output_limit",
    [VERDICT_PROCESS_LIMIT] = "process_limit",
    [VERDICT_CANCELLED] = "cancelled",
    [VERDICT_INTERNAL_ERROR] = "internal_error",
};
static const char *const limit_names[] = {
    [LIMIT_NONE] = NULL,       [LIMIT_CPU] = "cpu",       [LIMIT_WALL] = "wall",
    [LIMIT_MEMORY] = "memory", [LIMIT_OUTPUT] = "output", [LIMIT_PROCESSES] = "processes",
};
static const char *const stage_names[] = {
    [STAGE_NONE] = NULL,
    [STAGE_COMPILE] = "compile",
    [STAGE_RUN] = "run",
};

const char *verdict_name(enum verdict v) {
    assert((unsigned)v < VERDICT_COUNT);
    return verdict_names[v];
}

const char *verdict_limit_name(enum verdict_limit l) {
    assert((unsigned)l < ARRAY_LEN(limit_names));
    return limit_names[l];
}

const char *verdict_stage_name(enum verdict_stage s) {
    assert((unsigned)s < ARRAY_LEN(stage_names));
    return stage_names[s];
}

bool verdict_parse(const char *name, enum verdict *ret_verdict) {
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        if (strcmp(verdict_names[v], name) == 0) {
            *ret_verdict = (enum verdict)v;
            return true;
        }
    }
    return false;
}
