/* run.c and job.c: the stages in their order, and the verdict they give together. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "language/limits.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "run/run.h"
#include "stand_in.h"

static char *native_command[] = {"prog"}, *script_command[] = {"/usr/bin/python3", "main.py"};
static char *file_command[] = {"/usr/bin/mono", "prog"}, *env[] = {"LANG=C"};
static struct language native = {
    .name = "c",
    .artifact = ARTIFACT_NATIVE,
    .artifact_name = "prog",
    .has_compile = true,
    .run = {.command = native_command, .command_len = 1, .env = env, .env_len = 1}};
static struct language assembly = {.name = "csharp",
                                   .artifact = ARTIFACT_FILE,
                                   .artifact_name = "prog",
                                   .has_compile = true,
                                   .run = {.command = file_command, .command_len = 2}};
static struct language script = {.name = "python",
                                 .artifact = ARTIFACT_NONE,
                                 .has_check = true,
                                 .run = {.command = script_command, .command_len = 2}};

struct fixture {
    struct loop *loop;
    struct metrics *metrics;
    struct runner *runner;
};
static struct fixture f;

/* What a test keeps of a result that is valid in the callback only. */
struct seen {
    int count;
    struct run_result result;
    char compile_err[100], run_out[100], run_err[100];
    struct run **cancels; /* NULL, or another that is cancelled in the callback */
};

static void keep(char *to, size_t size, const struct buffer *b) {
    (void)snprintf(to, size, "%s", b->data ? b->data : "");
}

static unsigned awaited;

static void on_done(struct run *run, const struct run_result *result, void *user) {
    (void)run;
    struct seen *seen = user;
    seen->count++;
    seen->result = *result;
    if (result->compiled)
        keep(seen->compile_err, sizeof seen->compile_err, &result->compile.stage.err);
    if (result->ran) {
        keep(seen->run_out, sizeof seen->run_out, &result->run.out);
        keep(seen->run_err, sizeof seen->run_err, &result->run.err);
    }
    if (seen->cancels)
        run_cancel(*seen->cancels);
    if (--awaited == 0)
        loop_stop(f.loop);
}

static int set_up(void **state) {
    (void)state;
    assert_int_equal(loop_new(&f.loop, 0), 0);
    f.metrics = metrics_new();
    struct runner_settings settings = {.places = 1, .queue_max = 1, .queue_wait_ms = 50};
    f.runner = runner_new(NULL, NULL, &settings, f.metrics);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    runner_free(f.runner);
    metrics_free(f.metrics);
    loop_free(f.loop);
    return 0;
}

static const struct stage_file source = {.name = SPAN("main.c"), .content = SPAN("source")};

static struct run_spec spec_of(const struct language *language) {
    return (struct run_spec){.language = language, .files = &source, .files_len = 1};
}

static struct run *start(const struct run_spec *spec, struct seen *seen) {
    struct run *run = NULL;
    struct error err = {0};
    assert_int_equal(run_start(f.runner, f.loop, spec, on_done, seen, &run, &err), 0);
    assert_int_equal(seen->count, 0); /* never from inside run_start */
    return run;
}

static void wait_for(unsigned runs) {
    awaited = runs;
    loop_run(f.loop);
}

static struct seen do_run(const struct run_spec *spec, struct stand_in *entries, size_t count) {
    struct seen seen = {0};
    stand_in_script(entries, count, f.loop);
    (void)start(spec, &seen);
    wait_for(1);
    assert_int_equal(seen.count, 1);
    assert_int_equal(stand_in_begun(), count); /* no stage was left out */
    return seen;
}

/* ---- the stages ---- */

static void compile_then_run(void **state) {
    (void)state;
    struct stand_in stages[] = {
        {.kind = STAND_IN_COMPILE, .artifact = "ELF", .err = "warning"},
        {.kind = STAND_IN_RUN, .out = "hello"},
    };
    const char *args[] = {"a", "b"}, *more[] = {"X=1"};
    struct run_spec spec = spec_of(&native);
    spec.args = args;
    spec.args_len = 2;
    spec.env = more;
    spec.env_len = 1;
    spec.stdin_bytes = SPAN("typed");
    struct seen seen = do_run(&spec, stages, 2);
    assert_int_equal(seen.result.outcome, RUN_DONE);
    assert_int_equal(seen.result.verdict, VERDICT_OK);
    assert_int_equal(seen.result.stage, STAGE_RUN);
    assert_true(seen.result.compiled && seen.result.ran);
    assert_int_equal(strlen(seen.result.id), ID_SIZE - 1);
    assert_string_equal(seen.compile_err, "warning");
    assert_string_equal(seen.run_out, "hello");
    /* The executable goes by its descriptor, the environment is the language's and the caller's. */
    assert_true(stages[1].has_artifact_fd);
    assert_string_equal(stages[1].args, "(fd) a b");
    assert_string_equal(stages[1].env, "LANG=C X=1");
    assert_string_equal(stages[1].files, "main.c=source");
    assert_string_equal(stages[1].input, "typed");
    assert_int_equal(stages[0].memory_bytes, LIMIT_COMPILE_MEMORY_BYTES);
    assert_int_equal(stages[1].memory_bytes, LIMIT_RUN_MEMORY_BYTES);
}

static void an_assembly_is_a_file_of_the_next_job(void **state) {
    (void)state;
    struct stand_in stages[] = {
        {.kind = STAND_IN_COMPILE, .artifact = "MZ"},
        {.kind = STAND_IN_RUN},
    };
    struct run_spec spec = spec_of(&assembly);
    (void)do_run(&spec, stages, 2);
    assert_false(stages[1].has_artifact_fd);
    assert_string_equal(stages[1].files, "main.c=source prog=MZ");
    /* A source of the artifact's own name gives way to it. */
    struct stage_file files[] = {source, {.name = SPAN("prog"), .content = SPAN("mine")}};
    spec.files = files;
    spec.files_len = 2;
    stages[1] = (struct stand_in){.kind = STAND_IN_RUN};
    (void)do_run(&spec, stages, 2);
    assert_string_equal(stages[1].files, "main.c=source prog=MZ");
}

static void a_script_has_no_compile_stage(void **state) {
    (void)state;
    struct stand_in stages[] = {{.kind = STAND_IN_RUN, .out = "hi"}};
    struct run_spec spec = spec_of(&script);
    struct seen seen = do_run(&spec, stages, 1);
    assert_false(seen.result.compiled);
    assert_string_equal(stages[0].args, "/usr/bin/python3 main.py");
    assert_int_equal(seen.result.verdict, VERDICT_OK);
}

/* ---- verdicts ---- */

static void what_ends_the_compile_stage_is_the_verdict(void **state) {
    (void)state;
    const enum verdict verdicts[] = {VERDICT_COMPILE_ERROR, VERDICT_TIME_LIMIT,
                                     VERDICT_MEMORY_LIMIT, VERDICT_OUTPUT_LIMIT,
                                     VERDICT_INTERNAL_ERROR};
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
        struct stand_in stages[] = {
            {.kind = STAND_IN_COMPILE, .result.verdict = verdicts[i], .err = "words"}};
        struct run_spec spec = spec_of(&native);
        struct seen seen = do_run(&spec, stages, 1);
        assert_int_equal(seen.result.outcome, RUN_DONE);
        assert_int_equal(seen.result.verdict, verdicts[i]);
        assert_int_equal(seen.result.stage, STAGE_COMPILE);
        assert_true(seen.result.compiled && !seen.result.ran);
        assert_string_equal(seen.compile_err, "words");
    }
}

static void else_the_run_stages(void **state) {
    (void)state;
    for (int v = VERDICT_OK; v < VERDICT_COUNT; v++) {
        if (v == VERDICT_COMPILE_ERROR)
            continue;
        struct stand_in stages[] = {
            {.kind = STAND_IN_COMPILE, .artifact = "ELF"},
            {.kind = STAND_IN_RUN, .result.verdict = (enum verdict)v},
        };
        struct run_spec spec = spec_of(&native);
        struct seen seen = do_run(&spec, stages, 2);
        assert_int_equal(seen.result.verdict, v);
        assert_int_equal(seen.result.stage, STAGE_RUN);
    }
}

static void a_refused_check_makes_a_compile_error(void **state) {
    (void)state;
    struct stand_in stages[] = {
        {.kind = STAND_IN_RUN,
         .result = {.verdict = VERDICT_RUNTIME_ERROR, .exit_code = 1},
         .err = "SyntaxError"},
        {.kind = STAND_IN_CHECK, .result.verdict = VERDICT_COMPILE_ERROR, .err = "line 3"},
    };
    struct run_spec spec = spec_of(&script);
    struct seen seen = do_run(&spec, stages, 2);
    assert_int_equal(seen.result.verdict, VERDICT_COMPILE_ERROR);
    assert_int_equal(seen.result.stage, STAGE_COMPILE);
    assert_true(seen.result.compiled && !seen.result.ran);
    assert_string_equal(seen.compile_err, "line 3");
    /* A check without words of its own leaves the interpreter's. */
    stages[1].err = NULL;
    seen = do_run(&spec, stages, 2);
    assert_string_equal(seen.compile_err, "SyntaxError");
}

static void a_passed_check_changes_nothing(void **state) {
    (void)state;
    struct stand_in stages[] = {
        {.kind = STAND_IN_RUN,
         .result = {.verdict = VERDICT_RUNTIME_ERROR, .exit_code = 1},
         .err = "ZeroDivisionError"},
        {.kind = STAND_IN_CHECK},
    };
    struct run_spec spec = spec_of(&script);
    struct seen seen = do_run(&spec, stages, 2);
    assert_int_equal(seen.result.verdict, VERDICT_RUNTIME_ERROR);
    assert_true(seen.result.ran && !seen.result.compiled);
    assert_string_equal(seen.run_err, "ZeroDivisionError");
    /* As does one that had no sandbox, or could not begin. */
    stages[1].result.refused = true;
    stages[1].result.verdict = VERDICT_INTERNAL_ERROR;
    assert_int_equal(do_run(&spec, stages, 2).result.verdict, VERDICT_RUNTIME_ERROR);
    stages[1].refuses = -EMFILE;
    assert_int_equal(do_run(&spec, stages, 2).result.verdict, VERDICT_RUNTIME_ERROR);
}

static void who_has_printed_did_begin(void **state) {
    (void)state;
    struct stand_in stages[] = {
        {.kind = STAND_IN_RUN,
         .result = {.verdict = VERDICT_RUNTIME_ERROR, .exit_code = 1},
         .out = "so far"},
    };
    struct run_spec spec = spec_of(&script);
    assert_int_equal(do_run(&spec, stages, 1).result.verdict, VERDICT_RUNTIME_ERROR);
}

/* S44: once, in either stage, and only for the host's shortage. */
static void the_hosts_shortage_is_worth_one_repetition(void **state) {
    (void)state;
    struct stage_result shortage = {.verdict = VERDICT_INTERNAL_ERROR, .host_memory = true};
    struct stand_in stages[] = {
        {.kind = STAND_IN_COMPILE, .result = shortage},
        {.kind = STAND_IN_COMPILE, .artifact = "ELF"},
        {.kind = STAND_IN_RUN, .out = "hello"},
    };
    struct run_spec spec = spec_of(&native);
    assert_int_equal(do_run(&spec, stages, 3).result.verdict, VERDICT_OK);
    struct stand_in twice[] = {
        {.kind = STAND_IN_COMPILE, .artifact = "ELF"},
        {.kind = STAND_IN_RUN, .result = shortage},
        {.kind = STAND_IN_RUN, .result = shortage},
    };
    struct seen seen = do_run(&spec, twice, 3);
    assert_int_equal(seen.result.verdict, VERDICT_INTERNAL_ERROR);
    assert_int_equal(seen.result.stage, STAGE_RUN);
}

static void no_sandbox_is_unavailable(void **state) {
    (void)state;
    struct stage_result refused = {.verdict = VERDICT_INTERNAL_ERROR, .refused = true};
    struct stand_in compile[] = {{.kind = STAND_IN_COMPILE, .result = refused}};
    struct run_spec spec = spec_of(&native);
    assert_int_equal(do_run(&spec, compile, 1).result.outcome, RUN_UNAVAILABLE);
    struct stand_in run[] = {{.kind = STAND_IN_RUN, .result = refused}};
    spec = spec_of(&script);
    assert_int_equal(do_run(&spec, run, 1).result.outcome, RUN_UNAVAILABLE);
    struct stand_in failing[] = {{.kind = STAND_IN_RUN, .refuses = -EMFILE}};
    assert_int_equal(do_run(&spec, failing, 1).result.outcome, RUN_UNAVAILABLE);
}

static void a_job_that_cannot_be_is_refused_in_words(void **state) {
    (void)state;
    struct stand_in stages[] = {{.kind = STAND_IN_RUN, .refuses = -EINVAL}};
    struct run_spec spec = spec_of(&script);
    struct seen seen = do_run(&spec, stages, 1);
    assert_int_equal(seen.result.outcome, RUN_REFUSED);
    assert_int_equal(seen.result.refusal.code, EINVAL);
    assert_string_equal(seen.result.refusal.message, "refused by the test");
}

static void what_can_be_seen_at_once_is_refused_at_once(void **state) {
    (void)state;
    struct run *run = NULL;
    struct error err = {0};
    struct run_spec spec = spec_of(&script);
    spec.run_limits.processes = 100000;
    assert_int_equal(run_start(f.runner, f.loop, &spec, on_done, NULL, &run, &err), -EINVAL);
    assert_non_null(strstr(err.message, "limits.run.processes"));
    spec = spec_of(&script);
    const char *args[LIMIT_JOB_ARGS + 1];
    for (size_t i = 0; i < ARRAY_LEN(args); i++)
        args[i] = "x";
    spec.args = args;
    spec.args_len = ARRAY_LEN(args);
    assert_int_equal(run_start(f.runner, f.loop, &spec, on_done, NULL, &run, &err), -E2BIG);
    spec = spec_of(&script);
    struct stage_file dash = {.name = SPAN("-x"), .content = SPAN("1")};
    spec.files = &dash;
    assert_int_equal(run_start(f.runner, f.loop, &spec, on_done, NULL, &run, &err), -EINVAL);
    spec.files_len = 0;
    assert_int_equal(run_start(f.runner, f.loop, &spec, on_done, NULL, &run, &err), -EINVAL);
    assert_null(run);
    /* None of them took the place. */
    struct stand_in stages[] = {{.kind = STAND_IN_RUN}};
    spec = spec_of(&script);
    assert_int_equal(do_run(&spec, stages, 1).result.verdict, VERDICT_OK);
}

static void slow(void) {
    uint64_t until = clock_now_ms() + 30;
    while (clock_now_ms() < until)
        continue;
}

static void the_deadline_is_over_all_stages(void **state) {
    (void)state;
    struct stand_in stages[] = {
        {.kind = STAND_IN_COMPILE, .artifact = "ELF", .meanwhile = slow},
        {.kind = STAND_IN_RUN},
    };
    struct run_spec spec = spec_of(&native);
    spec.deadline_ms = 5000;
    (void)do_run(&spec, stages, 2);
    assert_in_range(stages[0].wall_ms, 4900, 5000);
    assert_in_range(stages[1].wall_ms, 3000, 4972);
    /* Nothing left: the stage gets a millisecond and ends by its time, as the client should see. */
    spec.deadline_ms = 5;
    (void)do_run(&spec, stages, 2);
    assert_int_equal(stages[1].wall_ms, 1);
}

/* ---- the queue, and leaving (H14, H15) ---- */

static void the_second_waits_and_the_third_is_refused(void **state) {
    (void)state;
    struct stand_in stages[] = {{.kind = STAND_IN_RUN}, {.kind = STAND_IN_RUN}};
    struct run_spec spec = spec_of(&script);
    struct seen seen[3] = {0};
    stand_in_script(stages, 2, f.loop);
    for (int i = 0; i < 3; i++)
        (void)start(&spec, &seen[i]);
    wait_for(3);
    assert_int_equal(seen[0].result.outcome, RUN_DONE);
    assert_int_equal(seen[1].result.outcome, RUN_DONE);
    assert_int_equal(seen[2].result.outcome, RUN_BUSY);
    assert_int_equal(metrics_value(metrics_counter(f.metrics, "runs_total", "ok")), 2);
    assert_int_equal(metrics_value(metrics_counter(f.metrics, "runs_refused_total", "busy")), 1);
}

static void who_waits_too_long_is_busy(void **state) {
    (void)state;
    struct stand_in stages[] = {{.kind = STAND_IN_RUN, .hangs = true}};
    struct run_spec spec = spec_of(&script);
    struct seen first = {0}, second = {0};
    stand_in_script(stages, 1, f.loop);
    struct run *run = start(&spec, &first);
    (void)start(&spec, &second);
    wait_for(1);
    assert_int_equal(second.result.outcome, RUN_BUSY);
    assert_true(second.result.queue_us >= 45000);
    run_cancel(run);
    wait_for(1);
    assert_int_equal(first.result.verdict, VERDICT_CANCELLED);
}

static void a_running_one_is_killed(void **state) {
    (void)state;
    struct stand_in stages[] = {{.kind = STAND_IN_COMPILE, .hangs = true}};
    struct run_spec spec = spec_of(&native);
    struct seen seen = {0};
    stand_in_script(stages, 1, f.loop);
    struct run *run = start(&spec, &seen);
    run_cancel(run);
    run_cancel(run);
    assert_int_equal(seen.count, 0);
    assert_true(stages[0].cancelled);
    wait_for(1);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.result.verdict, VERDICT_CANCELLED);
    assert_int_equal(seen.result.stage, STAGE_COMPILE);
}

static void cancelled_between_stages_goes_no_further(void **state) {
    (void)state;
    /* The compiler has come to its end before the kill reached it. */
    struct stand_in stages[] = {{.kind = STAND_IN_COMPILE, .artifact = "ELF"}};
    struct run_spec spec = spec_of(&native);
    struct seen seen = {0};
    stand_in_script(stages, 1, f.loop);
    run_cancel(start(&spec, &seen));
    wait_for(1);
    assert_int_equal(seen.result.verdict, VERDICT_CANCELLED);
    assert_int_equal(stand_in_begun(), 1);
}

static void a_waiting_one_never_starts(void **state) {
    (void)state;
    struct stand_in stages[] = {{.kind = STAND_IN_RUN}, {.kind = STAND_IN_RUN}};
    struct run_spec spec = spec_of(&script);
    struct seen seen[3] = {0};
    stand_in_script(stages, 2, f.loop);
    (void)start(&spec, &seen[0]);
    struct run *waiting = start(&spec, &seen[1]);
    run_cancel(waiting);
    run_cancel(waiting);
    assert_int_equal(seen[1].count, 0);
    (void)start(&spec, &seen[2]); /* its place in the queue is free again */
    wait_for(3);
    assert_int_equal(seen[1].count, 1);
    assert_int_equal(seen[1].result.verdict, VERDICT_CANCELLED);
    assert_int_equal(seen[2].result.verdict, VERDICT_OK);
    assert_int_equal(stand_in_begun(), 2);
}

static void a_place_on_its_way_to_who_left_is_passed_on(void **state) {
    (void)state;
    /* When the first one's end is told, the second has been given its place but has not begun: it
     * leaves, and must hand the place to the third. */
    struct stand_in stages[] = {{.kind = STAND_IN_RUN}, {.kind = STAND_IN_RUN}};
    struct run_spec spec = spec_of(&script);
    struct run *second;
    struct seen seen[3] = {{.cancels = &second}};
    stand_in_script(stages, 2, f.loop);
    (void)start(&spec, &seen[0]);
    second = start(&spec, &seen[1]);
    wait_for(2);
    assert_int_equal(seen[1].count, 1);
    assert_int_equal(seen[1].result.verdict, VERDICT_CANCELLED);
    (void)start(&spec, &seen[2]);
    wait_for(1);
    assert_int_equal(seen[2].result.verdict, VERDICT_OK);
    assert_int_equal(stand_in_begun(), 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(compile_then_run),
        CASE(an_assembly_is_a_file_of_the_next_job),
        CASE(a_script_has_no_compile_stage),
        CASE(what_ends_the_compile_stage_is_the_verdict),
        CASE(else_the_run_stages),
        CASE(a_refused_check_makes_a_compile_error),
        CASE(a_passed_check_changes_nothing),
        CASE(who_has_printed_did_begin),
        CASE(the_hosts_shortage_is_worth_one_repetition),
        CASE(no_sandbox_is_unavailable),
        CASE(a_job_that_cannot_be_is_refused_in_words),
        CASE(what_can_be_seen_at_once_is_refused_at_once),
        CASE(the_deadline_is_over_all_stages),
        CASE(the_second_waits_and_the_third_is_refused),
        CASE(who_waits_too_long_is_busy),
        CASE(a_running_one_is_killed),
        CASE(cancelled_between_stages_goes_no_further),
        CASE(a_waiting_one_never_starts),
        CASE(a_place_on_its_way_to_who_left_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
