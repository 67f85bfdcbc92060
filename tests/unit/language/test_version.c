/* Asking a tool: the number in its words, and what happens when it says none, fails or hangs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "language/internal.h"

static int ask(char *const *argv, unsigned wait_ms, char **ret, struct error *err) {
    return tool_version(argv, wait_ms, ret, err);
}

static void finds_the_number(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"12.2.0", "12.2.0"},
        {"Mono C# compiler version 6.8.0.105", "6.8.0.105"},
        {"Python 3.11.2", "3.11.2"},
        {"go version go1.26.8 linux/amd64", "1.26.8"},
        {"go version go1.27rc1 linux/amd64", "1.27rc1"},
        {"devel 7", "7"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *argv[] = {"/bin/echo", (char *)rows[i][0], NULL};
        char *version = NULL;
        assert_int_equal(ask(argv, 5000, &version, NULL), 0);
        assert_string_equal(version, rows[i][1]);
        free(version);
    }
}

static void says_why_not(void **state) {
    (void)state;
    char *version = NULL;
    struct error err = {0};
    char *none[] = {"/bin/echo", "no number", NULL};
    assert_int_equal(ask(none, 5000, &version, &err), -EINVAL);
    char *fails[] = {"/bin/sh", "-c", "echo 1.2.3; echo broken >&2; exit 3", NULL};
    assert_int_equal(ask(fails, 5000, &version, &err), -EIO);
    assert_non_null(strstr(err.message, "exit status 3"));
    assert_non_null(strstr(err.message, "broken"));
    char *dies[] = {"/bin/sh", "-c", "kill -9 $$", NULL};
    assert_int_equal(ask(dies, 5000, &version, &err), -EIO);
    assert_non_null(strstr(err.message, "signal 9"));
    char *absent[] = {"/no/such/tool", NULL};
    assert_int_equal(ask(absent, 5000, &version, &err), -ENOENT);
    assert_non_null(strstr(err.message, "/no/such/tool cannot be run"));
    assert_null(version);
}

static void does_not_wait_for_ever(void **state) {
    (void)state;
    char *version = NULL;
    char *hangs[] = {"/bin/sleep", "60", NULL};
    char *closes[] = {"/bin/sh", "-c", "exec >&- 2>&-; exec sleep 60", NULL};
    char *floods[] = {"/usr/bin/yes", "1.2", NULL};
    uint64_t start = clock_now_ms();
    assert_int_equal(ask(hangs, 100, &version, NULL), -ETIMEDOUT);
    assert_int_equal(ask(closes, 100, &version, NULL), -ETIMEDOUT);
    assert_int_equal(ask(floods, 100, &version, NULL), -ETIMEDOUT);
    assert_true(clock_now_ms() - start < 20000);
}

/* A GOROOT or LD_PRELOAD of whoever starts the server does not reach the tool. */
static void gives_an_environment_of_its_own(void **state) {
    (void)state;
    char *version = NULL;
    char *argv[] = {"/bin/sh", "-c", "echo 1.${RETORT_TEST:-0}", NULL};
    setenv("RETORT_TEST", "9", 1);
    assert_int_equal(ask(argv, 5000, &version, NULL), 0);
    assert_string_equal(version, "1.0");
    free(version);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_number),
        cmocka_unit_test(says_why_not),
        cmocka_unit_test(does_not_wait_for_ever),
        cmocka_unit_test(gives_an_environment_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
