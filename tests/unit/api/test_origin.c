/* origin.c: which pages of a browser may start work (H33, H34). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/internal.h"

static const char *const listed[] = {"https://course.example", "http://localhost:3000", NULL};
static const char *const any[] = {"*", NULL};
static const char *const empty[] = {NULL};
static const struct span host = SPAN("127.0.0.1:8000"), no_origin;

static void assert_judged(const char *origin, const char *const *allowed,
                          enum api_origin expected) {
    assert_int_equal(api_origin_judge(span_of(origin), host, allowed), expected);
}

static void no_browser_is_let_through(void **state) {
    (void)state;
    assert_int_equal(api_origin_judge(no_origin, host, empty), API_ORIGIN_NONE);
    assert_int_equal(api_origin_judge(no_origin, host, NULL), API_ORIGIN_NONE);
    assert_int_equal(api_origin_judge(no_origin, host, listed), API_ORIGIN_NONE);
}

static void the_studios_own_page_is(void **state) {
    (void)state;
    assert_judged("http://127.0.0.1:8000", empty, API_ORIGIN_OWN);
    assert_judged("http://127.0.0.1:8000", NULL, API_ORIGIN_OWN);
    assert_int_equal(api_origin_judge(SPAN("http://LOCALHOST:8000"), SPAN("localhost:8000"), empty),
                     API_ORIGIN_OWN);
}

static void other_pages_are_not(void **state) {
    (void)state;
    static const char *const others[] = {
        "http://evil.example",
        "https://127.0.0.1:8000",
        "http://127.0.0.1:8085",
        "http://127.0.0.1",
        "http://localhost:8000",
        "http://127.0.0.1:80000",
        "http://127.0.0.1:8000.evil",
        "null",
        "http://x@127.0.0.1:8000",
        "wxyz://127.0.0.1:8000",
        "127.0.0.1:8000",
        "http://127.0.0.1:8000/",
        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_judged(others[i], empty, API_ORIGIN_FORBIDDEN);
    /* No Host (HTTP/1.0): nothing is our own. */
    assert_int_equal(api_origin_judge(SPAN("http://"), no_origin, empty), API_ORIGIN_FORBIDDEN);
}

static void listed_ones_are_byte_for_byte(void **state) {
    (void)state;
    assert_judged("https://course.example", listed, API_ORIGIN_LISTED);
    assert_judged("http://localhost:3000", listed, API_ORIGIN_LISTED);
    assert_judged("http://course.example", listed, API_ORIGIN_FORBIDDEN);
    assert_judged("https://course.example.evil", listed, API_ORIGIN_FORBIDDEN);
    assert_judged("https://course.exampl", listed, API_ORIGIN_FORBIDDEN);
    assert_judged("null", listed, API_ORIGIN_FORBIDDEN);
}

static void a_star_lets_all_in(void **state) {
    (void)state;
    assert_judged("http://evil.example", any, API_ORIGIN_ANY);
    assert_judged("null", any, API_ORIGIN_ANY);
    assert_int_equal(api_origin_judge(no_origin, host, any), API_ORIGIN_ANY);
    assert_judged("http://127.0.0.1:8000", any, API_ORIGIN_OWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_browser_is_let_through),
        cmocka_unit_test(the_studios_own_page_is),
        cmocka_unit_test(other_pages_are_not),
        cmocka_unit_test(listed_ones_are_byte_for_byte),
        cmocka_unit_test(a_star_lets_all_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
