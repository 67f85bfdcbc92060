/* One execution: its place, its stages, its verdict. A run's state is touched by its loop only. */
#include "run/run.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "run/internal.h"

struct runner {
    struct builder *builder;
    struct spawner_client *client;
    struct runner_settings settings;
    struct run_queue queue;
    struct metrics_counter *by_verdict[VERDICT_COUNT];
    struct metrics_counter *busy, *unavailable;
    struct metrics_counter **by_language; /* by language->index; NULL: not counted */
    struct metrics_histogram *run_wall, *compile_wall, *queue_wait;
};

enum run_state { RUN_WAITING, RUN_COMPILING, RUN_RUNNING, RUN_CHECKING, RUN_ENDING };

struct run {
    struct runner *runner;
    struct loop *loop;
    enum run_state state;
    struct run_waiter waiter;
    struct loop_task
        end_task; /* ends a run from the loop, never from inside run_start or _cancel */
    struct run_job job;
    uint64_t deadline_ms;
    uint64_t asked_us, began_us; /* began: the first stage */
    bool has_place, cancelled, repeated;
    struct build *build; /* COMPILING, CHECKING */
    struct stage *stage; /* RUNNING */
    struct run_result result;
    void (*on_done)(struct run *run, const struct run_result *result, void *user);
    void *user;
};

struct runner *runner_new(struct builder *builder, struct spawner_client *client,
                          const struct runner_settings *settings, struct metrics *metrics) {
    struct runner *r = base_alloc(sizeof *r);
    r->builder = builder;
    r->client = client;
    r->settings = *settings;
    run_queue_init(&r->queue, settings->places, settings->queue_max);
    for (int v = 0; v < VERDICT_COUNT; v++)
        r->by_verdict[v] = metrics_counter(metrics, "runs_total", verdict_name((enum verdict)v));
    r->busy = metrics_counter(metrics, "runs_refused_total", "busy");
    r->unavailable = metrics_counter(metrics, "runs_refused_total", "unavailable");
    r->run_wall = metrics_histogram(metrics, "run_wall_ms");
    r->compile_wall = metrics_histogram(metrics, "compile_wall_ms");
    r->queue_wait = metrics_histogram(metrics, "queue_ms");
    if (settings->languages) {
        size_t count = language_count(settings->languages);
        r->by_language = base_alloc_array(count + 1, sizeof(struct metrics_counter *));
        for (size_t i = 0; i < count; i++)
            r->by_language[i] = metrics_counter(metrics, "runs_by_language_total",
                                                language_at(settings->languages, i)->name);
    }
    return r;
}

void runner_free(struct runner *r) {
    if (!r)
        return;
    run_queue_done(&r->queue);
    free(r->by_language);
    free(r);
}

/* ---- the end ---- */

static void count_run(const struct run *run) {
    const struct runner *r = run->runner;
    const struct run_result *result = &run->result;
    if (result->outcome == RUN_BUSY)
        metrics_add(r->busy, 1);
    if (result->outcome == RUN_UNAVAILABLE)
        metrics_add(r->unavailable, 1);
    if (result->outcome != RUN_DONE)
        return;
    metrics_add(r->by_verdict[result->verdict], 1);
    if (r->by_language)
        metrics_add(r->by_language[run->job.language->index], 1);
    if (result->ran)
        metrics_observe(r->run_wall, result->run.wall_us / 1000);
    if (result->compiled)
        metrics_observe(r->compile_wall, result->compile.stage.wall_us / 1000);
    metrics_observe(r->queue_wait, result->queue_us / 1000);
}

/* The place goes back before the caller hears: what it does next is not the next run's concern. */
static void end_run(struct run *run) {
    assert(!run->build && !run->stage);
    struct run_result *result = &run->result;
    uint64_t now = clock_now_us();
    if (run->began_us)
        result->total_us = now - run->began_us;
    else
        result->queue_us = now - run->asked_us;
    if (run->has_place)
        run_queue_release(&run->runner->queue);
    run->has_place = false;
    count_run(run);
    run->on_done(run, result, run->user);
    build_result_done(&result->compile);
    stage_result_done(&result->run);
    run_job_done(&run->job);
    free(run);
}

static void on_end_task(struct loop_task *task) {
    end_run(CONTAINER_OF(task, struct run, end_task));
}

static void end_soon(struct run *run) {
    run->state = RUN_ENDING;
    loop_post(run->loop, &run->end_task, on_end_task);
}

static void set_outcome(struct run *run, enum run_outcome outcome) {
    run->result.outcome = outcome;
}

static void set_verdict(struct run *run, enum verdict verdict, enum verdict_stage stage) {
    run->result.outcome = RUN_DONE;
    run->result.verdict = verdict;
    run->result.stage = stage;
}

/* A stage that could not even begin. What the job itself is to blame for is told in words; anything
 * else (descriptors, memory) is ours. */
static void set_start_failure(struct run *run, int code, const struct error *err) {
    if (code == -EINVAL || code == -E2BIG) {
        set_outcome(run, RUN_REFUSED);
        run->result.refusal = *err;
        return;
    }
    log_warning("run %s: %s", run->result.id, err->message);
    set_outcome(run, RUN_UNAVAILABLE);
}

/* ---- the stages ---- */

static int begin_build(struct run *run, bool check, struct error *err);
static int begin_run(struct run *run, struct error *err);

/* What is left of the deadline of all stages; a stage gets at least a millisecond, so that it is
 * the stage that ends by its time and says so. */
static uint64_t bounded_wall(const struct run *run, uint64_t wall_ms) {
    if (run->deadline_ms == 0)
        return wall_ms;
    uint64_t spent_ms = (clock_now_us() - run->began_us) / 1000;
    uint64_t left_ms = spent_ms < run->deadline_ms ? run->deadline_ms - spent_ms : 1;
    return MIN(wall_ms, left_ms);
}

/* Goes on with the next stage, from the callback of the one before it. */
static void go_on(struct run *run, int (*begin)(struct run *run, struct error *err)) {
    struct error err = {0};
    int r = begin(run, &err);
    if (r < 0) {
        set_start_failure(run, r, &err);
        end_run(run);
    }
}

static int begin_compile(struct run *run, struct error *err) {
    return begin_build(run, false, err);
}

static int begin_check(struct run *run, struct error *err) {
    return begin_build(run, true, err);
}

/* Whether the same stage is to be done again (S44): once in a run, and never for who has left. */
static bool repeats(struct run *run, const struct stage_result *stage) {
    if (!stage->host_memory || run->repeated || run->cancelled)
        return false;
    run->repeated = true;
    return true;
}

static void on_compiled(struct build *build, struct build_result *result, void *user) {
    struct run *run = user;
    assert(build == run->build && run->state == RUN_COMPILING);
    (void)build;
    run->build = NULL;
    if (repeats(run, &result->stage)) {
        build_result_done(result);
        go_on(run, begin_compile);
        return;
    }
    run->result.compile = *result;
    *result = (struct build_result){.stage.artifact = -1};
    run->result.compiled = true;
    const struct stage_result *stage = &run->result.compile.stage;
    if (run->cancelled)
        set_verdict(run, VERDICT_CANCELLED, STAGE_COMPILE);
    else if (stage->refused)
        set_outcome(run, RUN_UNAVAILABLE);
    else if (stage->verdict != VERDICT_OK)
        set_verdict(run, stage->verdict, STAGE_COMPILE);
    else {
        go_on(run, begin_run);
        return;
    }
    end_run(run);
}

/* The interpreter refused the source: what it said while it was asked to run it is the compiler's
 * word, and there was no run. */
static void take_refusal(struct run *run, struct build_result *check) {
    struct run_result *r = &run->result;
    if (check->stage.out.len + check->stage.err.len == 0) {
        buffer_done(&check->stage.err);
        check->stage.err = r->run.err;
        check->stage.err_bytes = r->run.err_bytes;
        r->run.err = (struct buffer){0};
    }
    build_result_done(&r->compile);
    r->compile = *check;
    r->compiled = true;
    stage_result_done(&r->run);
    r->ran = false;
    set_verdict(run, VERDICT_COMPILE_ERROR, STAGE_COMPILE);
}

static void on_checked(struct build *build, struct build_result *result, void *user) {
    struct run *run = user;
    assert(build == run->build && run->state == RUN_CHECKING);
    (void)build;
    run->build = NULL;
    if (run->cancelled) {
        set_verdict(run, VERDICT_CANCELLED, STAGE_RUN);
        build_result_done(result);
    } else if (result->stage.verdict == VERDICT_COMPILE_ERROR) {
        take_refusal(run, result);
        *result = (struct build_result){.stage.artifact = -1};
    } else {
        build_result_done(
            result); /* the source is fine, or the check said nothing: the run stands */
    }
    end_run(run);
}

/* A program that has printed something did begin: it needs no check. */
static bool wants_check(const struct run *run) {
    return run->job.language->has_check && run->result.run.verdict == VERDICT_RUNTIME_ERROR &&
           run->result.run.out_bytes == 0;
}

static void on_ran(struct stage *stage, struct stage_result *result, void *user) {
    struct run *run = user;
    assert(stage == run->stage && run->state == RUN_RUNNING);
    (void)stage;
    run->stage = NULL;
    if (repeats(run, result)) {
        stage_result_done(result);
        go_on(run, begin_run);
        return;
    }
    run->result.run = *result;
    *result = (struct stage_result){.artifact = -1};
    run->result.ran = true;
    if (run->cancelled) {
        set_verdict(run, VERDICT_CANCELLED, STAGE_RUN);
    } else if (run->result.run.refused) {
        set_outcome(run, RUN_UNAVAILABLE);
    } else {
        set_verdict(run, run->result.run.verdict, STAGE_RUN);
        /* A check that cannot begin changes nothing: the run's own verdict is already there. */
        if (wants_check(run) && begin_check(run, NULL) == 0)
            return;
    }
    end_run(run);
}

static int begin_build(struct run *run, bool check, struct error *err) {
    const struct run_job *job = &run->job;
    struct build_spec spec = {
        .language = job->language,
        .files = job->files,
        .files_len = job->files_len,
        .limits = check ? job->check : job->compile,
        .check = check,
    };
    spec.limits.wall_ms = bounded_wall(run, spec.limits.wall_ms);
    int r = build_start(run->runner->builder, run->loop, &spec, check ? on_checked : on_compiled,
                        run, &run->build, err);
    if (r == 0)
        run->state = check ? RUN_CHECKING : RUN_COMPILING;
    return r;
}

static int begin_run(struct run *run, struct error *err) {
    struct run_stage_memory memory = {0};
    struct stage_spec spec;
    int artifact = run->result.compiled ? run->result.compile.stage.artifact : -1;
    int r = run_job_stage(&run->job, artifact, &spec, &memory, err);
    if (r == 0) {
        spec.wall_ms = bounded_wall(run, spec.wall_ms);
        spec.on_output_limit = run->runner->settings.on_output_limit;
        r = stage_start(run->runner->client, run->loop, &spec, on_ran, run, &run->stage, err);
    }
    run_stage_memory_done(&memory);
    if (r == 0)
        run->state = RUN_RUNNING;
    return r;
}

static int begin(struct run *run, struct error *err) {
    run->began_us = clock_now_us();
    run->result.queue_us = run->began_us - run->asked_us;
    return run->job.language->has_compile ? begin_compile(run, err) : begin_run(run, err);
}

/* ---- the beginning ---- */

static void on_turn(struct run_waiter *waiter, bool has_place) {
    struct run *run = CONTAINER_OF(waiter, struct run, waiter);
    run->has_place = has_place;
    if (run->cancelled) {
        set_verdict(run, VERDICT_CANCELLED, STAGE_NONE);
        end_run(run);
    } else if (!has_place) {
        set_outcome(run, RUN_BUSY);
        end_run(run);
    } else {
        go_on(run, begin);
    }
}

static struct run *new_run(struct runner *r, struct loop *loop, const struct run_spec *spec) {
    struct run *run = base_alloc(sizeof *run);
    run->runner = r;
    run->loop = loop;
    run->deadline_ms = spec->deadline_ms;
    run->asked_us = clock_now_us();
    run->result.compile.stage.artifact = -1;
    run->result.run.artifact = -1;
    id_new(run->result.id);
    return run;
}

int run_start(struct runner *r, struct loop *loop, const struct run_spec *spec,
              void (*on_done)(struct run *run, const struct run_result *result, void *user),
              void *user, struct run **ret_run, struct error *err) {
    assert(spec->language->state == LANGUAGE_READY);
    struct run *run = new_run(r, loop, spec);
    run->on_done = on_done;
    run->user = user;
    struct error unread;
    if (!err)
        err = &unread;
    int code = run_job_init(&run->job, spec, &r->settings.maximum, err);
    if (code < 0) {
        run_job_done(&run->job);
        free(run);
        return code;
    }
    switch (run_queue_enter(&r->queue, &run->waiter, loop, r->settings.queue_wait_ms, on_turn)) {
    case RUN_QUEUE_PLACE:
        run->has_place = true;
        code = begin(run, err);
        if (code < 0) {
            set_start_failure(run, code, err);
            end_soon(run);
        }
        break;
    case RUN_QUEUE_WAITS:
        break;
    case RUN_QUEUE_FULL:
        set_outcome(run, RUN_BUSY);
        end_soon(run);
        break;
    }
    *ret_run = run;
    return 0;
}

void run_cancel(struct run *run) {
    if (run->cancelled)
        return;
    run->cancelled = true;
    switch (run->state) {
    case RUN_WAITING:
        if (run_queue_leave(&run->runner->queue, &run->waiter)) {
            set_verdict(run, VERDICT_CANCELLED, STAGE_NONE);
            end_soon(run);
        }
        break;
    case RUN_COMPILING:
    case RUN_CHECKING:
        build_cancel(run->build);
        break;
    case RUN_RUNNING:
        stage_cancel(run->stage);
        break;
    case RUN_ENDING:
        break;
    }
}
