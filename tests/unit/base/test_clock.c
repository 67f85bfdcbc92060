/* clock.h: time moves forward, and its labels have the form that their formats want. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void monotonic_clocks_agree(void **state) {
    (void)state;
    uint64_t a = clock_now_us();
    struct timespec pause = {.tv_nsec = 3000000};
    nanosleep(&pause, NULL);
    uint64_t b = clock_now_us();
    assert_true(b >= a + 3000);
    assert_true(clock_now_ms() >= b / 1000);
    assert_true(clock_now_ms() <= clock_now_us() / 1000);
}

static void cpu_time_counts_work_and_no_sleep(void **state) {
    (void)state;
    uint64_t start = clock_cpu_us();
    uint64_t wall = clock_now_us();
    struct timespec pause = {.tv_nsec = 50000000};
    nanosleep(&pause, NULL);
    assert_true(clock_cpu_us() - start < clock_now_us() - wall - 25000);
    while (clock_cpu_us() - start < 5000) {
    }
}

/* Both are read back and must be within two seconds of now. */
static void labels_can_be_read_back(void **state) {
    (void)state;
    char text[CLOCK_HTTP_DATE_SIZE], stamp[CLOCK_RFC3339_SIZE];
    struct tm tm = {0};
    for (int i = 0; i < 2; i++) {
        clock_http_date(text);
        assert_int_equal(strlen(text), 29);
        const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_non_null(end);
        assert_string_equal(end, "");
        assert_true(time(NULL) - timegm(&tm) <= 2);
    }
    clock_rfc3339(stamp);
    assert_int_equal(strlen(stamp), 24);
    const char *end = strptime(stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    assert_non_null(end);
    assert_true(end[0] == '.' && end[4] == 'Z');
    assert_true(time(NULL) - timegm(&tm) <= 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_clocks_agree),
        cmocka_unit_test(cpu_time_counts_work_and_no_sleep),
        cmocka_unit_test(labels_can_be_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
