/* bytes.h: spans borrow, buffers grow up to their limit and are untouched by what fails. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

static void spans_compare_by_bytes(void **state) {
    (void)state;
    struct span none = {0};
    assert_true(span_eq(none, SPAN("")));
    assert_true(span_eq(span_of(NULL), none));
    assert_true(span_eq(SPAN("a\0b"), SPAN("a\0b")));
    assert_false(span_eq(SPAN("a\0b"), SPAN("a\0c")));
    assert_false(span_eq(SPAN("a"), SPAN("ab")));
    assert_true(span_eq_text(SPAN("abc"), "abc"));
    assert_false(span_eq_text(SPAN("abc"), "abcd"));
    assert_true(span_eq_nocase(SPAN("Content-TYPE"), SPAN("content-type")));
    /* "@" and "`", "[" and "{" differ in the same bit as letters do. */
    assert_false(span_eq_nocase(SPAN("@["), SPAN("`{")));
    assert_false(span_eq_nocase(SPAN("\xC4"), SPAN("\xE4")));
}

static void spans_start_and_end(void **state) {
    (void)state;
    assert_true(span_starts_with(SPAN("/upload/x"), SPAN("/upload/")));
    assert_false(span_starts_with(SPAN("/up"), SPAN("/upload/")));
    assert_true(span_starts_with(SPAN("x"), (struct span){0}));
    assert_true(span_ends_with(SPAN("main.c"), SPAN(".c")));
    assert_false(span_ends_with(SPAN("main.c"), SPAN(".h")));
    assert_false(span_ends_with(SPAN("c"), SPAN(".c")));
    assert_true(span_ends_with((struct span){0}, (struct span){0}));
}

static void trim_takes_both_ends(void **state) {
    (void)state;
    assert_true(span_eq_text(span_trim(SPAN(" \t a b \t"), " \t"), "a b"));
    assert_int_equal(span_trim(SPAN("   "), " ").len, 0);
    /* NUL is no member of the set, although strchr would find it. */
    assert_int_equal(span_trim(SPAN("\0a\0"), " ").len, 3);
}

static void cut_splits_once(void **state) {
    (void)state;
    struct span rest;
    assert_true(span_eq_text(span_cut(SPAN("a=b=c"), '=', &rest), "a"));
    assert_true(span_eq_text(rest, "b=c"));
    assert_true(span_eq_text(span_cut(SPAN("a="), '=', &rest), "a"));
    assert_non_null(rest.data);
    assert_int_equal(rest.len, 0);
    assert_true(span_eq_text(span_cut(SPAN("abc"), '=', &rest), "abc"));
    assert_null(rest.data);
    struct span none = {0};
    assert_int_equal(span_cut(none, '=', &rest).len, 0);
    assert_null(rest.data);
}

static void numbers_are_digits_only(void **state) {
    (void)state;
    uint64_t value = 77;
    const struct {
        struct span text;
        uint64_t max;
        int result;
    } refused[] = {
        {SPAN(""), 10, -EINVAL},
        {SPAN("+1"), 10, -EINVAL},
        {SPAN("-1"), 10, -EINVAL},
        {SPAN(" 1"), 10, -EINVAL},
        {SPAN("1 "), 10, -EINVAL},
        {SPAN("0x1"), 10, -EINVAL},
        {SPAN("1\0"), 10, -EINVAL},
        {SPAN("11"), 10, -ERANGE},
        {SPAN("18446744073709551616"), UINT64_MAX, -ERANGE},
        {SPAN("99999999999999999999999"), UINT64_MAX, -ERANGE},
        {SPAN("99999999999999999999999x"), UINT64_MAX, -EINVAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_int_equal(span_to_u64(refused[i].text, refused[i].max, &value), refused[i].result);
        assert_int_equal(value, 77);
    }
    assert_int_equal(span_to_u64(SPAN("18446744073709551615"), UINT64_MAX, &value), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(span_to_u64(SPAN("0010"), 10, &value), 0);
    assert_int_equal(value, 10);
}

static void dup_ends_with_nul(void **state) {
    (void)state;
    CLEANUP_FREE char *text = span_dup((struct span){"abcdef", 3});
    assert_string_equal(text, "abc");
    CLEANUP_FREE char *none = span_dup((struct span){0});
    assert_string_equal(none, "");
}

static void buffer_grows_and_ends_with_nul(void **state) {
    (void)state;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    assert_null(b.data);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buffer_append_text(&b, "0123456789"), 0);
    assert_int_equal(b.len, 10000);
    assert_int_equal(strlen(b.data), 10000);
    assert_int_equal(buffer_append(&b, NULL, 0), 0);
    assert_int_equal(buffer_append_span(&b, (struct span){0}), 0);
    assert_int_equal(b.len, 10000);
}

static void buffer_limit_is_exact_and_leaves_it_as_it_was(void **state) {
    (void)state;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(10);
    assert_int_equal(buffer_append_text(&b, "12345"), 0);
    assert_int_equal(buffer_append_text(&b, "678901"), -E2BIG);
    assert_int_equal(buffer_printf(&b, "%s", "678901"), -E2BIG);
    assert_int_equal(buffer_reserve(&b, SIZE_MAX), -E2BIG);
    assert_string_equal(b.data, "12345");
    assert_int_equal(buffer_printf(&b, "%d", 67890), 0);
    assert_string_equal(b.data, "1234567890");
    assert_int_equal(buffer_append_text(&b, "1"), -E2BIG);
    buffer_done(&b);
    buffer_done(&b);
    assert_int_equal(buffer_append_text(&b, "12345678901"), -E2BIG);
}

static void buffer_without_limit_refuses_what_cannot_be(void **state) {
    (void)state;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    assert_int_equal(buffer_append_text(&b, "x"), 0);
    assert_int_equal(buffer_reserve(&b, SIZE_MAX), -E2BIG);
    assert_int_equal(buffer_reserve(&b, SIZE_MAX / 2), -E2BIG);
    assert_string_equal(b.data, "x");
}

static void buffer_consumes_and_truncates(void **state) {
    (void)state;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    buffer_consume(&b, 0);
    buffer_truncate(&b, 0);
    assert_int_equal(buffer_append_text(&b, "abcdef"), 0);
    buffer_consume(&b, 2);
    assert_string_equal(b.data, "cdef");
    buffer_truncate(&b, 2);
    assert_string_equal(b.data, "cd");
    buffer_consume(&b, 2);
    assert_string_equal(b.data, "");
    assert_int_equal(buffer_span(&b).len, 0);
}

static void buffer_steal_empties(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT(4);
    size_t len = 9;
    CLEANUP_FREE char *none = buffer_steal(&b, &len);
    assert_string_equal(none, "");
    assert_int_equal(len, 0);
    assert_int_equal(buffer_append_text(&b, "abcd"), 0);
    CLEANUP_FREE char *text = buffer_steal(&b, NULL);
    assert_string_equal(text, "abcd");
    assert_null(b.data);
    assert_int_equal(buffer_append_text(&b, "abcde"), -E2BIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_compare_by_bytes),
        cmocka_unit_test(spans_start_and_end),
        cmocka_unit_test(trim_takes_both_ends),
        cmocka_unit_test(cut_splits_once),
        cmocka_unit_test(numbers_are_digits_only),
        cmocka_unit_test(dup_ends_with_nul),
        cmocka_unit_test(buffer_grows_and_ends_with_nul),
        cmocka_unit_test(buffer_limit_is_exact_and_leaves_it_as_it_was),
        cmocka_unit_test(buffer_without_limit_refuses_what_cannot_be),
        cmocka_unit_test(buffer_consumes_and_truncates),
        cmocka_unit_test(buffer_steal_empties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
