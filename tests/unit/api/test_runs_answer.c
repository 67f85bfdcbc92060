/* runs_answer.c: the answer of design.md, key by key. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "stand_in.h"

static const char *const nothing[] = {NULL};

static char *answer_text(const struct run_result *result, size_t language,
                         const char *const *missing) {
    json_t *answer = runs_answer(result, language_at(stand_in_languages(), language), missing);
    char *text = json_write(answer, false);
    json_decref(answer);
    return text;
}

static void a_run_that_went_well(void **state) {
    (void)state;
    struct build_diagnostic d = {
        .file = "main.c", .line = 3, .severity = SEVERITY_WARNING, .message = "unused"};
    struct run_result result = {
        .id = "an-id",
        .queue_us = 249,
        .stage = STAGE_RUN,
        .compiled = true,
        .compile = {.stage = {.wall_us = 44149, .cpu_us = 40160, .peak_memory_bytes = 1000},
                    .diagnostics = &d,
                    .diagnostics_len = 1},
        .ran = true,
        .run = {.wall_us = 1300, .cpu_us = 51, .peak_memory_bytes = 2000},
    };
    assert_int_equal(buffer_append_text(&result.run.out, "hi\n"), 0);
    CLEANUP_FREE char *text = answer_text(&result, 0, nothing);
    assert_string_equal(
        text,
        "{\"id\":\"an-id\",\"verdict\":\"ok\",\"language\":\"c\",\"version\":\"gcc 12\","
        "\"cached\":false,\"queue_ms\":0.2,"
        "\"compile\":{\"verdict\":\"ok\",\"exit_code\":0,\"signal\":null,\"stdout\":\"\","
        "\"stderr\":\"\",\"wall_ms\":44.1,\"cpu_ms\":40.2,\"peak_memory_bytes\":1000,"
        "\"diagnostics\":[{\"file\":\"main.c\",\"line\":3,\"column\":null,"
        "\"severity\":\"warning\",\"message\":\"unused\"}]},"
        "\"run\":{\"verdict\":\"ok\",\"exit_code\":0,\"signal\":null,\"limit\":null,"
        "\"stdout\":\"hi\\n\",\"stderr\":\"\",\"truncated\":null,\"wall_ms\":1.3,\"cpu_ms\":0.1,"
        "\"peak_memory_bytes\":2000},\"limits_not_enforced\":[]}");
    buffer_done(&result.run.out);
}

static void a_run_that_a_limit_ended(void **state) {
    (void)state;
    static const char *const missing[] = {"memory", "pids", NULL};
    struct run_result result = {
        .id = "an-id",
        .verdict = VERDICT_TIME_LIMIT,
        .stage = STAGE_RUN,
        .ran = true,
        .run = {.verdict = VERDICT_TIME_LIMIT,
                .limit = LIMIT_CPU,
                .exit_code = -1,
                .signal = SIGKILL,
                .truncated = 77},
    };
    assert_int_equal(buffer_append(&result.run.out, "\377", 1), 0);
    CLEANUP_FREE char *text = answer_text(&result, 2, missing);
    assert_string_equal(
        text,
        "{\"id\":\"an-id\",\"verdict\":\"time_limit\",\"stage\":\"run\",\"language\":\"python\","
        "\"version\":\"Python 3\",\"cached\":false,\"queue_ms\":0.0,\"compile\":null,"
        "\"run\":{\"verdict\":\"time_limit\",\"exit_code\":null,\"signal\":\"SIGKILL\","
        "\"limit\":\"cpu\",\"stdout_base64\":\"/w==\",\"stderr\":\"\",\"truncated\":77,"
        "\"wall_ms\":0.0,\"cpu_ms\":0.0,\"peak_memory_bytes\":0},"
        "\"limits_not_enforced\":[\"memory\",\"pids\"]}");
    buffer_done(&result.run.out);
}

static void a_compiler_that_a_limit_ended_says_which(void **state) {
    (void)state;
    struct run_result result = {
        .verdict = VERDICT_TIME_LIMIT,
        .stage = STAGE_COMPILE,
        .compiled = true,
        .compile.stage = {.verdict = VERDICT_TIME_LIMIT, .limit = LIMIT_WALL, .exit_code = -1},
    };
    json_t *answer = runs_answer(&result, language_at(stand_in_languages(), 0), nothing);
    json_t *compile = json_object_get(answer, "compile");
    assert_string_equal(json_string_value(json_object_get(answer, "stage")), "compile");
    assert_string_equal(json_string_value(json_object_get(compile, "limit")), "wall");
    assert_true(json_is_null(json_object_get(answer, "run")));
    json_decref(answer);
}

static void signals_have_names(void **state) {
    (void)state;
    char name[16];
    assert_string_equal(runs_signal_name(SIGSEGV, name), "SIGSEGV");
    assert_string_equal(runs_signal_name(SIGABRT, name), "SIGABRT");
    assert_string_equal(runs_signal_name(40, name), "SIG40");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_went_well),
        cmocka_unit_test(a_run_that_a_limit_ended),
        cmocka_unit_test(a_compiler_that_a_limit_ended_says_which),
        cmocka_unit_test(signals_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
