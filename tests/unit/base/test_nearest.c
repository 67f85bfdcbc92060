/* nearest.h: what is a slip, and what is another word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/nearest.h"

static const char *const names[] = {"--studio", "--data", "--queue-wait", "--runs", "lang", NULL};

static void slips_are_found(void **state) {
    (void)state;
    assert_string_equal(nearest_name("--studoi", names), "--studio"); /* swapped */
    assert_string_equal(nearest_name("--studo", names), "--studio");  /* left out */
    assert_string_equal(nearest_name("--ddata", names), "--data");    /* doubled */
    assert_string_equal(nearest_name("--queue_wait", names), "--queue-wait");
    assert_string_equal(nearest_name("--RUNS", names), "--runs");
    assert_string_equal(nearest_name("lag", names), "lang");
}

static void other_words_are_not(void **state) {
    (void)state;
    assert_null(nearest_name("--verbose", names));
    assert_null(nearest_name("", names));
    assert_null(nearest_name("x", names));
    const char *const one[] = {"c", NULL}, *const none[] = {NULL};
    assert_null(nearest_name("d", one)); /* all of a short word changed */
    assert_null(nearest_name("c", none));
}

static void the_nearest_of_several_wins(void **state) {
    (void)state;
    const char *const near[] = {"wall_mss", "wall_ms", "cpu_ms", NULL};
    assert_string_equal(nearest_name("wall_ms", near), "wall_ms");
    assert_string_equal(nearest_name("wal_ms", near), "wall_ms");
}

static void long_words_are_near_nothing(void **state) {
    (void)state;
    char word[200];
    for (size_t i = 0; i < sizeof word; i++)
        word[i] = 'a';
    word[sizeof word - 1] = '\0';
    const char *const same[] = {word, "b", NULL};
    assert_null(nearest_name(word, same));
    word[64] = '\0'; /* the longest that is looked at */
    assert_ptr_equal(nearest_name(word, same), word);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slips_are_found),
        cmocka_unit_test(other_words_are_not),
        cmocka_unit_test(the_nearest_of_several_wins),
        cmocka_unit_test(long_words_are_near_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
