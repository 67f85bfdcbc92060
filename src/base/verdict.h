/* verdict.h: how a run or a stage of it ended. The one list (design.md section 2, S53).
 *
 * The names are part of the API: they never change, new ones are added at the end.
 */
#pragma once
#include <stdbool.h>

enum verdict {
    VERDICT_OK,
    VERDICT_COMPILE_ERROR, /* the compiler refused the source */
    VERDICT_RUNTIME_ERROR, /* non-zero exit */
    VERDICT_SIGNALLED,     /* ended by a signal of its own doing */
    VERDICT_TIME_LIMIT,    /* enum verdict_limit says cpu or wall */
    VERDICT_MEMORY_LIMIT,  /* the sandbox's own limit, never the host's shortage (S44) */
    VERDICT_OUTPUT_LIMIT,
    VERDICT_PROCESS_LIMIT,  /* S55 */
    VERDICT_CANCELLED,      /* the client left or asked for it */
    VERDICT_INTERNAL_ERROR, /* ours or the host's; never the tenant's */
    VERDICT_COUNT,
};
enum verdict_limit {
    LIMIT_NONE,
    LIMIT_CPU,
    LIMIT_WALL,
    LIMIT_MEMORY,
    LIMIT_OUTPUT,
    LIMIT_PROCESSES
};
enum verdict_stage { STAGE_NONE, STAGE_COMPILE, STAGE_RUN };

const char *verdict_name(enum verdict v);             /* "time_limit" */
const char *verdict_limit_name(enum verdict_limit l); /* "cpu", "wall", "memory"…; NULL for none */
const char *verdict_stage_name(enum verdict_stage s); /* "compile", "run"; NULL for none */
bool verdict_parse(const char *name, enum verdict *ret_verdict);
