/* log.h: one line an event, one write a line, and no tenant's byte that forges one (H42, S72). */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"

/* What one log_line wrote: stderr is a datagram socket meanwhile, so each write(2) is one message.
 */
static int saved_stderr, reader;

static int catch_stderr(void **state) {
    (void)state;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    saved_stderr = dup(STDERR_FILENO);
    dup2(pair[1], STDERR_FILENO);
    fd_close(pair[1]);
    reader = pair[0];
    return fd_set_nonblocking(reader, true);
}

static int restore_stderr(void **state) {
    (void)state;
    dup2(saved_stderr, STDERR_FILENO);
    fd_close(saved_stderr);
    fd_close(reader);
    log_set_level(LOG_INFO);
    return 0;
}

static char line[8192];

static const char *next_line(void) {
    ssize_t n = recv(reader, line, sizeof(line) - 1, 0);
    line[n > 0 ? n : 0] = '\0';
    return n > 0 ? line : NULL;
}

/* The text behind "time level process: ", without the newline. */
static const char *next_text(const char *level) {
    const char *whole = next_line();
    assert_non_null(whole);
    struct span rest = span_of(whole);
    assert_int_equal(span_cut(rest, ' ', &rest).len, 24);
    assert_true(span_eq_text(span_cut(rest, ' ', &rest), level));
    assert_true(span_eq_text(span_cut(rest, ' ', &rest), "tester:"));
    assert_true(span_ends_with(rest, SPAN("\n")));
    assert_null(memchr(rest.data, '\n', rest.len - 1));
    line[strlen(line) - 1] = '\0';
    return rest.data;
}

static void a_line_has_time_level_and_process(void **state) {
    (void)state;
    log_set_process("tester");
    errno = ENOTTY;
    log_error("disk %d", 7);
    assert_int_equal(errno, ENOTTY);
    assert_string_equal(next_text("error"), "disk 7");
    log_warning("w");
    assert_string_equal(next_text("warning"), "w");
    log_info("%s", "");
    assert_string_equal(next_text("info"), "");
    assert_null(next_line());
}

static void levels_above_are_silent(void **state) {
    (void)state;
    log_debug("not shown");
    assert_null(next_line());
    log_set_level(LOG_DEBUG);
    log_debug("shown");
    assert_string_equal(next_text("debug"), "shown");
    log_set_level(LOG_ERROR);
    log_warning("not shown");
    assert_null(next_line());
}

static void control_bytes_are_escaped(void **state) {
    (void)state;
    static const struct {
        const char *given, *shown;
    } cases[] = {
        {"a\nb", "a\\nb"},
        {"a\r\tb", "a\\r\\tb"},
        {"\x1B[31m", "\\x1b[31m"},
        {"\x7F\x01", "\\x7f\\x01"},
        {"\xC2\x9B"
         "31m",
         "\\xc2\\x9b31m"},                            /* CSI in one C1 character */
        {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"}, /* UTF-8 stays readable */
        {"\xFF\xC3", "\\xff\\xc3"},
        {"\xE2\x82(", "\\xe2\\x82("},
        {"\xED\xA0\x80", "\\xed\\xa0\\x80"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        log_info("%s", cases[i].given);
        assert_string_equal(next_text("info"), cases[i].shown);
    }
}

static void a_long_line_is_cut_and_still_one_write(void **state) {
    (void)state;
    static char text[20000];
    static const char fills[] = {'x', '\x01', '\n'};
    for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
        memset(text, fills[i], sizeof(text) - 1);
        log_info("%s", text);
        const char *shown = next_text("info");
        assert_true(strlen(shown) > 3000);
        assert_true(strlen(line) < 4096);
        assert_null(next_line());
    }
}

static void *log_many(void *name) {
    for (int i = 0; i < 200; i++)
        log_info("%s %d end", (const char *)name, i);
    return NULL;
}

static void threads_do_not_mix_their_lines(void **state) {
    (void)state;
    pthread_t threads[2];
    assert_int_equal(fd_set_nonblocking(reader, false), 0);
    assert_int_equal(pthread_create(&threads[0], NULL, log_many, "first"), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, log_many, "second"), 0);
    for (int i = 0; i < 400; i++)
        assert_true(span_ends_with(span_of(next_text("info")), SPAN(" end")));
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, catch_stderr, restore_stderr)
    const struct CMUnitTest tests[] = {
        CASE(a_line_has_time_level_and_process), CASE(levels_above_are_silent),
        CASE(control_bytes_are_escaped),         CASE(a_long_line_is_cut_and_still_one_write),
        CASE(threads_do_not_mix_their_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
