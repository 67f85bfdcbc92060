/* limits.c: asked for, the language's, the default; the operator's maximum binds (S56). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "language/limits.h"
#include "run/internal.h"

static const struct language_limits none;

static void nothing_asked_gives_the_defaults(void **state) {
    (void)state;
    struct language_limits got;
    assert_int_equal(run_limits_merge(STAGE_RUN, &none, &none, &none, &got, NULL), 0);
    assert_int_equal(got.wall_ms, LIMIT_RUN_WALL_MS);
    assert_int_equal(got.memory_bytes, LIMIT_RUN_MEMORY_BYTES);
    assert_int_equal(got.scratch_bytes, LIMIT_RUN_SCRATCH_BYTES);
    assert_int_equal(run_limits_merge(STAGE_COMPILE, &none, &none, &none, &got, NULL), 0);
    assert_int_equal(got.wall_ms, LIMIT_COMPILE_WALL_MS);
    assert_int_equal(got.artifact_bytes, LIMIT_ARTIFACT_BYTES);
}

static void asked_wins_over_the_language_over_the_default(void **state) {
    (void)state;
    struct language_limits asked = {.wall_ms = 7}, language = {.wall_ms = 8, .processes = 9}, got;
    assert_int_equal(run_limits_merge(STAGE_RUN, &asked, &language, &none, &got, NULL), 0);
    assert_int_equal(got.wall_ms, 7);
    assert_int_equal(got.processes, 9);
    assert_int_equal(got.cpu_ms, LIMIT_RUN_CPU_MS);
}

static void above_the_maximum_is_refused_in_words(void **state) {
    (void)state;
    struct language_limits asked = {.memory_bytes = LIMIT_MAX_MEMORY_BYTES + 1};
    struct language_limits got = {.wall_ms = 99};
    struct error err = {0};
    assert_int_equal(run_limits_merge(STAGE_RUN, &asked, &none, &none, &got, &err), -EINVAL);
    assert_non_null(strstr(err.message, "limits.run.memory_bytes"));
    assert_non_null(strstr(err.message, "2147483648"));
    assert_int_equal(got.wall_ms, 99); /* untouched */
    asked.memory_bytes = LIMIT_MAX_MEMORY_BYTES;
    assert_int_equal(run_limits_merge(STAGE_RUN, &asked, &none, &none, &got, &err), 0);
}

static void the_operators_maximum_binds(void **state) {
    (void)state;
    struct language_limits maximum = {.wall_ms = 3000}, asked = {.wall_ms = 3001};
    struct language_limits language = {.wall_ms = 50000}, got;
    struct error err = {0};
    assert_int_equal(run_limits_merge(STAGE_COMPILE, &asked, &none, &maximum, &got, &err), -EINVAL);
    assert_non_null(strstr(err.message, "limits.compile.wall_ms"));
    assert_non_null(strstr(err.message, "3000"));
    /* A language's own, and a default, are cut and not refused: the client did not choose them. */
    assert_int_equal(run_limits_merge(STAGE_COMPILE, &none, &language, &maximum, &got, &err), 0);
    assert_int_equal(got.wall_ms, 3000);
    assert_int_equal(run_limits_merge(STAGE_COMPILE, &none, &none, &maximum, &got, &err), 0);
    assert_int_equal(got.wall_ms, 3000);
    /* And it may be above the built-in one. */
    maximum.wall_ms = asked.wall_ms = 10 * LIMIT_MAX_WALL_MS;
    assert_int_equal(run_limits_merge(STAGE_RUN, &asked, &none, &maximum, &got, &err), 0);
    assert_int_equal(got.wall_ms, 10 * LIMIT_MAX_WALL_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_gives_the_defaults),
        cmocka_unit_test(asked_wins_over_the_language_over_the_default),
        cmocka_unit_test(above_the_maximum_is_refused_in_words),
        cmocka_unit_test(the_operators_maximum_binds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
