/* The option table: where values come from, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "main/options.h"

static int read_words(struct settings *s, struct error *err, int count, char **words) {
    return settings_read(count, words, s, err);
}
#define READ(s, err, ...)                                                                          \
    ({                                                                                             \
        char *words_[] = {__VA_ARGS__};                                                            \
        read_words((s), (err), (int)(sizeof words_ / sizeof *words_), words_);                     \
    })

static void refused(const char *words, const char *option, const char *value) {
    struct settings s;
    struct error err = {0};
    char *argv[] = {(char *)option, (char *)value};
    assert_true(settings_read(value ? 2 : 1, argv, &s, &err) < 0);
    if (!strstr(err.message, words))
        fail_msg("\"%s\" is not in \"%s\"", words, err.message);
    settings_done(&s);
}

static void test_values(void **state) {
    (void)state;
    struct settings s;
    struct error err = {0};
    assert_int_equal(READ(&s, &err, "--queue-wait", "1500ms", "--parent-memory=1G", "--stats=off",
                          "--runs", "7"),
                     0);
    assert_int_equal(s.queue_wait_ms, 1500);
    assert_int_equal(s.parent_memory_bytes, 1 << 30);
    assert_false(s.stats);
    assert_int_equal(s.runs, 7);
    assert_string_equal(s.studio, "127.0.0.1:8000");
    settings_done(&s);
}

static void test_refused(void **state) {
    (void)state;
    refused("did you mean --queue-wait?", "--queue-wiat", "1s");
    refused("did you mean --studio?", "--studoi", "x");
    refused("needs a value", "--runs", NULL);
    refused("is not a number", "--runs", "many");
    refused("is not a time", "--queue-wait", "5");
    refused("is not a size", "--max-memory", "2T");
    refused("auto|none", "--cgroups", "v3");
    refused("is not on or off", "--stats", "maybe");
    refused("is not an option", "stray", NULL);
    refused("--id-base: 990 is not within", "--id-base", "990");
    refused("--max-wall: 0 is not within 100 to 3600000 ms", "--max-wall", "0");
    refused("--parent-memory: 1 is not within", "--parent-memory", "1");
    refused("or 0", "--watchdog", "1ms");
}

/* file < environment < flag */
static void test_order(void **state) {
    (void)state;
    char path[] = "/tmp/retort-options-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "# a comment\nruns = 1\nqueue_max = 1\npool = 1\n");
    setenv("RETORT_QUEUE_MAX", "2", 1);
    setenv("RETORT_POOL", "2", 1);
    struct settings s;
    struct error err = {0};
    assert_int_equal(READ(&s, &err, "--config", path, "--pool", "3"), 0);
    assert_int_equal(s.runs, 1);
    assert_int_equal(s.queue_max, 2);
    assert_int_equal(s.pool, 3);
    settings_done(&s);
    unsetenv("RETORT_QUEUE_MAX");
    unsetenv("RETORT_POOL");
    dprintf(fd, "quee_max = 9\n");
    assert_true(READ(&s, &err, "--config", path) < 0);
    assert_non_null(strstr(err.message, "line 5"));
    assert_non_null(strstr(err.message, "did you mean queue_max?"));
    settings_done(&s);
    close(fd);
    unlink(path);
    assert_true(READ(&s, &err, "--config", path) < 0);
    settings_done(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
