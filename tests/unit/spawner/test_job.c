/* The job as the server writes it: what it refuses, and that it is sealed (S19). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "sandbox/job.h"
#include "spawner/stage.h"

static const char *const args[] = {"/usr/bin/true", "x"};
static const char *const env[] = {"A=1"};

static struct stage_spec spec_with(const struct stage_file *files, size_t len) {
    return (struct stage_spec){.args = args,
                               .args_len = 2,
                               .env = env,
                               .env_len = 1,
                               .files = files,
                               .files_len = len,
                               .artifact_fd = -1,
                               .artifact_name = "prog"};
}

static int name_result(const char *name, size_t len) {
    struct stage_file file = {.name = {name, len}, .content = SPAN("x"), .mode = 0644};
    struct stage_spec spec = spec_with(&file, 1);
    int fd = stage_job_new(&spec, NULL);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

/* S19: sealed, and laid out as job.h says. */
static void test_layout(void **state) {
    (void)state;
    struct stage_file file = {.name = SPAN("main.c"), .content = SPAN("int main;"), .mode = 0644};
    struct stage_spec spec = spec_with(&file, 1);
    int fd = stage_job_new(&spec, NULL);
    assert_true(fd >= 0);
    assert_true(fd_is_sealed(fd));
    char bytes[256];
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    struct job_header h;
    memcpy(&h, bytes, sizeof h);
    assert_int_equal(h.magic, JOB_MAGIC);
    assert_int_equal(h.argc, 2);
    assert_int_equal(h.envc, 1);
    assert_int_equal(h.filec, 1);
    assert_int_equal(h.artifact_len, 4);
    size_t expected = sizeof h + 4 + (4 + 13) + (4 + 1) + (4 + 3) + (12 + 6 + 9);
    assert_int_equal(n, expected);
    assert_memory_equal(bytes + n - 9, "int main;", 9);
    assert_int_equal(write(fd, "x", 1), -1);
    close(fd);
}

static void test_names(void **state) {
    (void)state;
    assert_int_equal(name_result("a", 1), 0);
    assert_int_equal(name_result("src/a.c", 7), 0);
    assert_int_equal(name_result("..a", 3), 0);
    static const char *const bad[] = {"",     "/a",     "a/", "a//b", "..",      "../a",
                                      "a/..", "a/../b", ".",  "./a",  "\xff\xfe"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(name_result(bad[i], strlen(bad[i])), -EINVAL);
    assert_int_equal(name_result("a\0b", 3), -EINVAL);
    char long_name[300];
    memset(long_name, 'a', sizeof long_name);
    assert_int_equal(name_result(long_name, 255), 0);
    assert_int_equal(name_result(long_name, 256), -EINVAL);
}

static void test_limits(void **state) {
    (void)state;
    struct error err = {0};
    struct stage_file twice[2] = {{.name = SPAN("a"), .content = SPAN("")},
                                  {.name = SPAN("a"), .content = SPAN("")}};
    struct stage_spec spec = spec_with(twice, 2);
    assert_int_equal(stage_job_new(&spec, &err), -EINVAL);
    assert_non_null(strstr(err.message, "two files"));

    struct stage_file both[2] = {{.name = SPAN("a/b"), .content = SPAN("")},
                                 {.name = SPAN("a"), .content = SPAN("")}};
    spec = spec_with(both, 2);
    assert_int_equal(stage_job_new(&spec, &err), -EINVAL);
    assert_non_null(strstr(err.message, "\"a\" cannot be a file and a folder"));

    const char *many[JOB_MAX_ARGS + 1];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = "x";
    spec = spec_with(NULL, 0);
    spec.args = many;
    spec.args_len = ARRAY_LEN(many);
    assert_int_equal(stage_job_new(&spec, &err), -E2BIG);
    spec.args_len = JOB_MAX_ARGS;
    int fd = stage_job_new(&spec, &err);
    assert_true(fd >= 0);
    close(fd);

    char *big = calloc(1, JOB_MAX_BYTES + 1);
    memset(big, 'x', JOB_MAX_STRING + 1);
    const char *huge[] = {big};
    spec.args = huge;
    spec.args_len = 1;
    assert_int_equal(stage_job_new(&spec, &err), -E2BIG);
    struct stage_file file = {.name = SPAN("a"), .content = {big, JOB_MAX_BYTES}};
    spec = spec_with(&file, 1);
    assert_int_equal(stage_job_new(&spec, &err), -E2BIG);
    free(big);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
