/* error.h: a message says what failed, and is text however long its parts are. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/error.h"

static void set_returns_minus_the_code(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(error_set(&err, EINVAL, "field \"%s\"", "lang"), -EINVAL);
    assert_int_equal(err.code, EINVAL);
    assert_string_equal(err.message, "field \"lang\"");
    assert_int_equal(error_set(NULL, EPERM, "x"), -EPERM);
    assert_int_equal(error_errno(NULL, EPERM, "x"), -EPERM);
}

static void errno_text_is_appended(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(error_errno(&err, ENOENT, "open %s", "/x"), -ENOENT);
    assert_string_equal(err.message, "open /x: No such file or directory");
    error_errno(&err, 4095, "open");
    assert_string_equal(err.message, "open: unknown error");
}

static void prefix_stands_in_front(void **state) {
    (void)state;
    struct error err = {0};
    error_set(&err, ENOENT, "line 3");
    assert_int_equal(error_prefix(&err, "read %s", "a.ini"), -ENOENT);
    assert_string_equal(err.message, "read a.ini: line 3");
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(error_prefix(NULL, "x"), -EIO);
}

static void the_old_message_may_be_an_argument(void **state) {
    (void)state;
    struct error err = {0};
    error_set(&err, EIO, "inner");
    error_set(&err, EINVAL, "outer (%s)", err.message);
    assert_string_equal(err.message, "outer (inner)");
    error_prefix(&err, "again %s", err.message);
    assert_string_equal(err.message, "again outer (inner): outer (inner)");
}

static void a_long_message_is_cut_between_characters(void **state) {
    (void)state;
    struct error err;
    char text[800];
    for (size_t shift = 0; shift < 4; shift++) {
        /* U+1F377 in four bytes, so that the cut falls on each of its bytes once. */
        memset(text, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof(text); i += 4)
            memcpy(text + i, "\xF0\x9F\x8D\xB7", 5);
        error_set(&err, EINVAL, "%s", text);
        assert_true(utf8_valid(span_of(err.message)));
        assert_true(strlen(err.message) > sizeof(err.message) - 5);
        error_prefix(&err, "%s", "p");
        assert_true(utf8_valid(span_of(err.message)));
        error_errno(&err, EIO, "%s", text);
        assert_true(utf8_valid(span_of(err.message)));
    }
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    error_set(&err, EINVAL, "%s", text);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_returns_minus_the_code),
        cmocka_unit_test(errno_text_is_appended),
        cmocka_unit_test(prefix_stands_in_front),
        cmocka_unit_test(the_old_message_may_be_an_argument),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
