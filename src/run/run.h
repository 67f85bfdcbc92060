/* run.h: one execution: a place in the queue, the compile stage, the run stage, the verdict.
 *
 * Theory of operation. A run takes one *place* for all its stages; there are as many places as runs
 * may be in sandboxes at once. Without a free place it waits in one queue shared by all loops,
 * first come first served, at most `queue_wait`; who frees a place hands it to the head, by a task
 * on the head's own loop. Then: compile (if the language has one) → run → (if the run failed before
 * it printed anything, and the language has one) check. A check that refuses the source turns the
 * runtime error into a compile error: the program never began. A stage that the host's memory
 * shortage ended is repeated once (S44). A run belongs to the loop it was started on.
 *
 *   run_start → (waiting) → compile → run → (check) → on_done
 *                   └ queue_wait over, full: BUSY    └ any stage without a sandbox: UNAVAILABLE
 */
#pragma once
#include "base/error.h"
#include "base/id.h"
#include "base/verdict.h"
#include "build/build.h"
#include "language/language.h"
#include <stdbool.h>
#include <stdint.h>

struct language_table;
struct loop;
struct metrics;
struct run;
struct runner; /* what all runs share */

struct runner_settings {
    unsigned places;        /* runs in sandboxes at once */
    unsigned queue_max;     /* waiting ones; beyond it RUN_BUSY at once (H15) */
    uint64_t queue_wait_ms; /* then RUN_BUSY */
    enum stage_on_output_limit on_output_limit;
    struct language_limits maximum;         /* the operator's; 0 fields: limits.h LIMIT_MAX_… */
    const struct language_table *languages; /* counts runs by language; NULL: not counted so */
};
/* Registers its metrics: before the threads start. `settings` is copied; free after all runs have
 * ended. */
struct runner *runner_new(struct builder *builder, struct spawner_client *client,
                          const struct runner_settings *settings, struct metrics *metrics);
void runner_free(struct runner *r);

struct run_spec {
    const struct language *language; /* READY */
    const struct stage_file *files;  /* files[0] is the entry; copied */
    size_t files_len;
    const char *const *args;
    size_t args_len;
    const char *const *env; /* NAME=value, added to the language's own */
    size_t env_len;
    struct span stdin_bytes;                           /* copied */
    struct language_limits compile_limits, run_limits; /* 0: the language's */
    uint64_t deadline_ms; /* of all stages together, from the first one's start; 0: none */
};

enum run_outcome {
    RUN_DONE,        /* it has a verdict */
    RUN_BUSY,        /* no place within queue_wait, or the queue was full: nothing ran */
    RUN_UNAVAILABLE, /* no sandbox can be made now: nothing ran */
    RUN_REFUSED,     /* as an error of run_start, but seen only when its turn came: `refusal` */
};

struct run_result {
    enum run_outcome outcome;
    char id[ID_SIZE];
    enum verdict verdict;
    enum verdict_stage stage; /* where it ended */
    uint64_t queue_us;        /* waited for a place */
    uint64_t total_us;        /* from the first stage's start to the verdict */
    bool compiled;            /* `compile` is there (also when only the check told) */
    struct build_result compile;
    bool ran; /* `run` is there */
    struct stage_result run;
    struct error refusal; /* RUN_REFUSED */
};

/* Copies spec. on_done comes exactly once, on `loop`, also after run_cancel (verdict CANCELLED);
 * the result is valid during the callback only, and the run is gone after it. Errors before
 * anything has begun: -EINVAL (a limit above the maximum, a bad name: words say which), -E2BIG. */
int run_start(struct runner *r, struct loop *loop, const struct run_spec *spec,
              void (*on_done)(struct run *run, const struct run_result *result, void *user),
              void *user, struct run **ret_run, struct error *err);
/* A waiting run never starts; a running one is killed (H14). */
void run_cancel(struct run *run);
