/* Files leave as bytes, and an executable comes in as a descriptor (S39, S70, S18). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/fd.h"
#include "harness.h"

static void run_for(struct harness *h, const char *script, uint64_t limit,
                    struct harness_result *r) {
    const char *const argv[] = {"/usr/bin/sh", "-c", script, NULL};
    harness_run(
        h, &(struct harness_job){.argv = argv, .artifact = "out/prog", .artifact_limit = limit}, r);
    assert_true(r->reported);
    assert_int_equal(r->left, 0);
}

static void expect_head(struct harness *h, const char *script, int64_t head) {
    struct harness_result r;
    run_for(h, script, 1 * MIB, &r);
    if (!r.artifact_framed || r.artifact_head != head || r.artifact.len != 0)
        fail_msg("%s: head %lld, not %lld, %zu bytes", script, (long long)r.artifact_head,
                 (long long)head, r.artifact.len);
    assert_int_equal(r.report.artifact_bytes, head);
    harness_result_done(&r);
}

static void test_regular_file(void **state) {
    struct harness_result r;
    run_for(*state, "mkdir out; printf 'the bytes' > out/prog", 1 * MIB, &r);
    assert_true(r.artifact_framed);
    assert_int_equal(r.artifact_head, 9);
    assert_int_equal(r.report.artifact_bytes, 9);
    assert_string_equal(r.artifact.data, "the bytes");
    harness_result_done(&r);
    /* More than the pipe and the copy's buffer hold. */
    run_for(*state, "mkdir out; head -c 3000000 /dev/zero | tr '\\0' x > out/prog", 4 * MIB, &r);
    assert_int_equal(r.artifact_head, 3000000);
    assert_int_equal(r.artifact.len, 3000000);
    assert_int_equal(r.artifact.data[2999999], 'x');
    harness_result_done(&r);
    run_for(*state, "mkdir out; : > out/prog", 1 * MIB, &r);
    assert_true(r.artifact_framed);
    assert_int_equal(r.artifact_head, 0);
    harness_result_done(&r);
}

static void test_refused(void **state) {
    expect_head(*state, "mkdir out", -ENOENT);
    expect_head(*state, "mkdir -p out/prog", -EINVAL);
    expect_head(*state, "mkdir out; mkfifo out/prog", -EINVAL);
    expect_head(*state, "mkdir out; ln -s /etc/passwd out/prog", -ELOOP);
    expect_head(*state, "ln -s /etc out", -ELOOP);
    expect_head(*state, "mkdir out; head -c 1048577 /dev/zero > out/prog", -EFBIG);
    expect_head(*state, "mkdir out; : > out/prog; chmod 0 out/prog", -EACCES);
}

/* After a failure nothing is looked for. */
static void test_not_after_failure(void **state) {
    struct harness_result r;
    run_for(*state, "mkdir out; echo x > out/prog; exit 3", 1 * MIB, &r);
    assert_int_equal(WEXITSTATUS(r.report.status), 3);
    assert_false(r.artifact_framed);
    harness_result_done(&r);
}

/* A process that stays behind can no longer change the file that is being read. */
static void test_writer_left_behind(void **state) {
    struct harness_result r;
    run_for(*state,
            "mkdir out; head -c 2000000 /dev/zero > out/prog; "
            "(setsid perl -e '1 while truncate q(out/prog), 5' &); exit 0",
            4 * MIB, &r);
    assert_true(r.artifact_framed);
    assert_int_equal(r.artifact.len, r.artifact_head);
    harness_result_done(&r);
}

/* ---- in ---- */

static int memfd_of(const char *bytes, size_t len, mode_t mode) {
    int fd = memfd_create("program", MFD_CLOEXEC);
    assert_return_code(fd_write_full(fd, bytes, len), 0);
    assert_return_code(fchmod(fd, mode), errno);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int reader = open(path, O_RDONLY | O_CLOEXEC);
    fd_close(fd);
    return reader;
}

/* From a file of the host's that no path inside leads to: Landlock and mounts must let it be. */
static void test_executable_by_descriptor(void **state) {
    CLEANUP_CLOSE int fd = open(getenv("SANDBOX_TRY"), O_RDONLY | O_CLOEXEC);
    assert_true(fd > 2);
    const char *const argv[] = {"", "39", NULL};
    struct harness_result r;
    harness_run(*state, &(struct harness_job){.argv = argv, .artifact_in = fd}, &r);
    assert_true(r.reported);
    assert_int_equal(r.report.status, 0);
    assert_string_equal(r.out.data, "0\n");
    harness_result_done(&r);
}

/* What the tenant's compiler made and the kernel refuses is the tenant's failure; a tool that is
 * not there is ours (S53). */
static void test_not_runnable(void **state) {
    struct harness_result r;
    CLEANUP_CLOSE int rubbish = memfd_of("rubbish", 7, 0755);
    harness_run(*state, &(struct harness_job){.artifact_in = rubbish}, &r);
    assert_true(r.reported);
    assert_int_equal(WEXITSTATUS(r.report.status), 126);
    harness_result_done(&r);
    const char *const missing[] = {"/usr/bin/no-such-tool", NULL};
    harness_run(*state, &(struct harness_job){.argv = missing}, &r);
    assert_true(r.failed);
    assert_string_equal(r.report.step, "exec");
    assert_int_equal(r.report.status, ENOENT);
    harness_result_done(&r);
}

/* S18, S19 */
static void test_bad_jobs(void **state) {
    struct harness_result r;
    const char *const argv[] = {"/usr/bin/true", NULL};
    harness_run(*state, &(struct harness_job){.argv = argv, .unsealed = true}, &r);
    assert_true(r.failed);
    assert_string_equal(r.report.step, "job");
    assert_int_equal(r.report.status, EPERM);
    harness_result_done(&r);
    harness_run(*state, &(struct harness_job){.argv = argv, .file_name = "../x", .file_text = "x"},
                &r);
    assert_true(r.failed);
    assert_string_equal(r.report.step, "job");
    harness_result_done(&r);
    static char big[40 * MIB];
    memset(big, 'x', sizeof big - 1);
    harness_run(*state, &(struct harness_job){.argv = argv, .file_name = "x", .file_text = big},
                &r);
    assert_true(r.failed);
    assert_int_equal(r.report.status, E2BIG);
    harness_result_done(&r);
    /* More than the scratch holds: told, not run. */
    harness_run(*state,
                &(struct harness_job){
                    .argv = argv, .file_name = "x", .file_text = big, .file_len = 20 * MIB},
                &r);
    assert_true(r.failed);
    assert_string_equal(r.report.step, "files");
    assert_true(r.report.status == ENOSPC || r.report.status == EFBIG);
    harness_result_done(&r);
}

static int open_group(void **state) {
    static struct harness h;
    harness_open(&h, NULL);
    *state = &h;
    return 0;
}

static int close_group(void **state) {
    harness_close(*state);
    return 0;
}

int main(void) {
    int code;
    if (!harness_can_run(&code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regular_file),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_not_after_failure),
        cmocka_unit_test(test_writer_left_behind),
        cmocka_unit_test(test_executable_by_descriptor),
        cmocka_unit_test(test_not_runnable),
        cmocka_unit_test(test_bad_jobs),
    };
    return cmocka_run_group_tests_name("sandbox/artifact", tests, open_group, close_group);
}
