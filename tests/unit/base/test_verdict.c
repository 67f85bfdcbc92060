/* verdict.h: the names are API (S53); this list is the second copy that must be changed on purpose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/verdict.h"

static void names_are_those_of_the_api(void **state) {
    (void)state;
    static const char *const names[] = {
        "ok",           "compile_error", "runtime_error", "signalled", "time_limit",
        "memory_limit", "output_limit",  "process_limit", "cancelled", "internal_error",
    };
    assert_int_equal(VERDICT_COUNT, sizeof(names) / sizeof(names[0]));
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        enum verdict parsed = VERDICT_COUNT;
        assert_string_equal(verdict_name((enum verdict)v), names[v]);
        assert_true(verdict_parse(names[v], &parsed));
        assert_int_equal(parsed, v);
    }
}

static void what_is_no_verdict_is_refused(void **state) {
    (void)state;
    enum verdict v = VERDICT_CANCELLED;
    assert_false(verdict_parse("", &v));
    assert_false(verdict_parse("OK", &v));
    assert_false(verdict_parse("time_limit ", &v));
    assert_int_equal(v, VERDICT_CANCELLED);
}

static void limits_and_stages_have_names(void **state) {
    (void)state;
    assert_null(verdict_limit_name(LIMIT_NONE));
    assert_string_equal(verdict_limit_name(LIMIT_CPU), "cpu");
    assert_string_equal(verdict_limit_name(LIMIT_WALL), "wall");
    assert_string_equal(verdict_limit_name(LIMIT_MEMORY), "memory");
    assert_string_equal(verdict_limit_name(LIMIT_OUTPUT), "output");
    assert_string_equal(verdict_limit_name(LIMIT_PROCESSES), "processes");
    assert_null(verdict_stage_name(STAGE_NONE));
    assert_string_equal(verdict_stage_name(STAGE_COMPILE), "compile");
    assert_string_equal(verdict_stage_name(STAGE_RUN), "run");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_the_api),
        cmocka_unit_test(what_is_no_verdict_is_refused),
        cmocka_unit_test(limits_and_stages_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
