/* internal.h: what the files of this module share. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/verdict.h"
#include "language/language.h"
#include "loop/loop.h"

/* ---- limits.c ---- */
/* One limit after the other: what was asked for, else the language's, else the default of limits.h;
 * bounded by `maximum` (0: LIMIT_MAX_…). Only what was *asked for* above the maximum is refused
 * (-EINVAL, naming field and maximum); a language's own is cut to it. */
int run_limits_merge(enum verdict_stage stage, const struct language_limits *asked,
                     const struct language_limits *language, const struct language_limits *maximum,
                     struct language_limits *ret, struct error *err);

/* ---- queue.c ----
 * Theory of operation. `free_places` and the list of waiters are under one mutex; a place is either
 * free, held, or *on its way*: taken from the counter for a waiter that has left the list and whose
 * task has not run yet. So free_places > 0 implies an empty list, and a waiter that is on the list
 * has not been given anything. Everything of a waiter but its place in the list is touched by its
 * own loop's thread only. */
struct run_waiter {
    struct list _link;
    bool _waiting; /* on the list; under the queue's mutex */
    struct loop *_loop;
    struct run_queue *_queue;
    struct loop_task _task;
    struct loop_timer _timer;
    void (*_on_turn)(struct run_waiter *w, bool has_place);
};
struct run_queue {
    pthread_mutex_t _mutex;
    struct list _waiters;
    unsigned _free_places, _waiting, _waiting_max;
};
enum run_queue_answer { RUN_QUEUE_PLACE, RUN_QUEUE_WAITS, RUN_QUEUE_FULL };

void run_queue_init(struct run_queue *q, unsigned places, unsigned waiting_max);
void run_queue_done(struct run_queue *q);
/* PLACE: the caller holds one now. WAITS: on_turn comes once, on `loop`, from the loop itself, with
 * a place or (after wait_ms) without. FULL: neither. */
enum run_queue_answer run_queue_enter(struct run_queue *q, struct run_waiter *w, struct loop *loop,
                                      uint64_t wait_ms,
                                      void (*on_turn)(struct run_waiter *w, bool has_place));
/* For a waiter whose on_turn has not come. True: it is off the list and on_turn will not come.
 * False: a place is on its way, on_turn still comes with it. On the waiter's loop. */
bool run_queue_leave(struct run_queue *q, struct run_waiter *w);
/* Gives a place back, or on to the first waiter. From any thread. */
void run_queue_release(struct run_queue *q);
unsigned run_queue_waiting(struct run_queue *q);

/* ---- job.c: what a run keeps of its spec, and the stages' own specs made of it ---- */
struct run_spec;
struct stage_file;
struct stage_spec;

struct run_job {
    struct arena arena; /* everything below */
    const struct language *language;
    struct stage_file *files; /* one more place than files_len: the artifact of ARTIFACT_FILE */
    size_t files_len;
    const char **args, **env; /* env: the language's own first */
    size_t args_len, env_len;
    struct span stdin_bytes;
    struct language_limits compile, check, run; /* merged */
};
/* Copies and checks. A job is emptied by run_job_done, also after an error. */
int run_job_init(struct run_job *job, const struct run_spec *spec,
                 const struct language_limits *maximum, struct error *err);
void run_job_done(struct run_job *job);

/* The run stage's files and command, from the job and the artifact's descriptor (-1: none). What
 * `ret` points to lives in `memory`, which is the caller's to release with run_stage_memory_done.
 */
struct run_stage_memory {
    char **argv;
    void *artifact; /* bytes of ARTIFACT_FILE */
};
int run_job_stage(const struct run_job *job, int artifact_fd, struct stage_spec *ret,
                  struct run_stage_memory *memory, struct error *err);
void run_stage_memory_done(struct run_stage_memory *memory);
