/* Limits, figures and verdict facts on cgroup version 1, and what `none` does (S40-S49). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/fd.h"
#include "harness.h"
#include "sandbox/internal.h"

#define PERL "/usr/bin/perl"

static void run_perl(struct harness *h, const char *code, const struct harness_job *more,
                     struct harness_result *ret) {
    const char *const argv[] = {PERL, "-e", code, NULL};
    struct harness_job job = more ? *more : (struct harness_job){0};
    job.argv = argv;
    harness_run(h, &job, ret);
    assert_int_equal(ret->left, 0);
}

/* S41, S44: the own limit, and it says so. */
static void test_memory_limit(void **state) {
    const struct harness_job job = {.limits = {.memory_bytes = 32 * MIB, .processes = 8}};
    struct harness_result r;
    run_perl(*state, "my $x = 'a' x (64 << 20); print length $x", &job, &r);
    assert_true(r.reported); /* pid 1 outlives it: the program is what the kernel takes */
    assert_true(WIFSIGNALED(r.report.status) && WTERMSIG(r.report.status) == SIGKILL);
    assert_true(r.usage.oom_kills >= 1);
    assert_true(r.usage.memory_limit_reached);
    assert_true(r.usage.peak_memory_bytes <= 32 * MIB);
    harness_result_done(&r);
}

/* S44: a program that kills itself is no memory limit. */
static void test_own_signal(void **state) {
    struct harness_result r;
    run_perl(*state, "kill 9, $$; sleep 5", NULL, &r);
    assert_true(WIFSIGNALED(r.report.status) && WTERMSIG(r.report.status) == SIGKILL);
    assert_int_equal(r.usage.oom_kills, 0);
    assert_false(r.usage.memory_limit_reached);
    harness_result_done(&r);
}

/* S44: the parent is full, the own limit is far. */
static void test_parent_too_small(void **state) {
    (void)state;
    struct harness h;
    struct harness_result r;
    harness_open(&h, &(struct harness_options){.parent_memory_bytes = 24 * MIB});
    run_perl(&h, "my $x = 'a' x (64 << 20); print length $x", NULL, &r);
    assert_true(r.usage.oom_kills >= 1);
    assert_false(r.usage.memory_limit_reached);
    harness_result_done(&r);
    harness_close(&h);
}

/* S42: what is written to a tmpfs counts, and is gone with the sandbox. */
static void test_scratch_is_charged(void **state) {
    const struct harness_job job = {.limits = {.memory_bytes = 12 * MIB, .processes = 8}};
    struct harness_result r;
    run_perl(*state,
             "open F, '>', '/box/f'; print F 'a' x 65536 for 1..220; close F; print -s '/box/f'",
             &job, &r);
    assert_true(r.usage.oom_kills >= 1);
    assert_true(r.usage.memory_limit_reached);
    harness_result_done(&r);
    const struct harness_job enough = {.limits = {.memory_bytes = 64 * MIB, .processes = 8}};
    run_perl(*state,
             "open F, '>', '/box/f'; print F 'a' x 65536 for 1..160; close F; print -s '/box/f'",
             &enough, &r);
    assert_string_equal(r.out.data, "10485760");
    assert_true(r.usage.peak_memory_bytes > 10 * MIB);
    assert_true(r.report.scratch_bytes >= 10 * MIB && r.report.scratch_bytes < 11 * MIB);
    harness_result_done(&r);
}

/* S41, S55: so many and no more, and the refusals are counted. pid 1 is not the tenant's. */
static void test_processes(void **state) {
    const struct harness_job job = {.limits = {.memory_bytes = 64 * MIB, .processes = 5}};
    struct harness_result r;
    run_perl(*state,
             "my $n = 1; for (1..9) { my $p = fork; if (!defined $p) { next } "
             "if (!$p) { sleep 9; exit } $n++ } print $n",
             &job, &r);
    assert_string_equal(r.out.data, "5");
    assert_int_equal(r.usage.processes_refused, 5);
    assert_int_equal(r.usage.oom_kills, 0);
    harness_result_done(&r);
}

/* S46: the group's counter sees forked children too. */
static void test_cpu_figure(void **state) {
    struct harness_result r;
    run_perl(*state, "fork; fork; my $t = times; 1 while times - $t < 0.1; 1 while wait > 0", NULL,
             &r);
    uint64_t cpu = r.usage.cpu_user_us + r.usage.cpu_system_us;
    assert_true(cpu >= 380 * 1000 && cpu < 3000 * 1000);
    assert_true(r.report.max_rss_bytes > MIB);
    assert_true(r.report.context_switches > 0);
    harness_result_done(&r);
}

/* S40: ten users of one slot, each starts from nothing, whatever the one before did. */
static void test_reuse(void **state) {
    struct harness *h = *state;
    for (int i = 0; i < 10; i++) {
        uint64_t limit = i % 2 ? 24 * MIB : 96 * MIB; /* both directions of S41's order */
        const struct harness_job job = {.limits = {.memory_bytes = limit, .processes = 8}};
        struct harness_result r;
        run_perl(h, i % 2 ? "my $x = 'a' x (64 << 20); print 'big'" : "print 'small'", &job, &r);
        assert_int_equal(r.usage.oom_kills > 0, i % 2);
        assert_int_equal(r.usage.memory_limit_reached, i % 2);
        assert_int_equal(r.usage.processes_refused, 0);
        assert_true(r.usage.peak_memory_bytes > 0 && r.usage.peak_memory_bytes <= limit);
        if (i % 2 == 0) {
            assert_string_equal(r.out.data, "small");
            assert_true(r.usage.peak_memory_bytes < 16 * MIB);
            assert_true(r.usage.cpu_user_us + r.usage.cpu_system_us < 1000 * 1000);
        }
        harness_result_done(&r);
    }
}

/* S35, S41: a device that found its way in cannot be opened; tried from the same group on the host.
 */
static void test_devices(void **state) {
    struct harness *h = *state;
    assert_true(sandbox_cgroups_enforces(h->cgroups, "devices"));
    const int *join;
    size_t len = h->slot->ops->join(h->slot->group, &join);
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < len; i++)
            if (write(join[i], "0", 1) != 1)
                _exit(9);
        int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY);
        int kmsg = open("/dev/kmsg", O_RDONLY);
        int code = errno;
        _exit(null >= 0 && zero >= 0 && kmsg < 0 && code == EPERM ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* S41: what is here is named. */
static void test_enforces(void **state) {
    struct harness *h = *state;
    static const char *const limits[] = {"memory", "processes", "cpu", "devices", "kill"};
    assert_int_equal(sandbox_cgroups_kind(h->cgroups), SANDBOX_CGROUP_V1);
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        assert_true(sandbox_cgroups_enforces(h->cgroups, limits[i]));
    assert_false(sandbox_cgroups_enforces(h->cgroups, "weather"));
}

/* None: runs all the same, with rlimits, and no figure is invented. */
static void test_none(void **state) {
    (void)state;
    struct harness h;
    struct harness_result r;
    harness_open(&h, &(struct harness_options){.no_cgroups = true});
    assert_int_equal(sandbox_cgroups_kind(h.cgroups), SANDBOX_CGROUP_NONE);
    assert_false(sandbox_cgroups_enforces(h.cgroups, "memory"));
    run_perl(&h, "print 'hello'", NULL, &r);
    assert_string_equal(r.out.data, "hello");
    assert_int_equal(r.usage.oom_kills, 0);
    assert_int_equal(r.usage.peak_memory_bytes, 0);
    assert_int_equal(sandbox_slot_cpu_us(h.slot), 0);
    harness_result_done(&r);
    const struct harness_job data = {.data_bytes = 16 * MIB};
    run_perl(&h, "my $x = 'a' x (64 << 20); print 'big'", &data, &r);
    assert_true(r.out.len == 0 || !strstr(r.out.data, "big"));
    assert_int_not_equal(r.report.status, 0);
    harness_result_done(&r);
    const struct harness_job few = {.nproc = 4};
    run_perl(
        &h,
        "my $n = 0; for (1..9) { my $p = fork; defined $p or next; $p or sleep 9; $n++ } print $n",
        &few, &r);
    assert_true(atoi(r.out.data) < 4);
    harness_result_done(&r);
    harness_close(&h);
}

/* S47: backstops of the program alone. */
static void test_program_limits(void **state) {
    struct harness_result r;
    const struct harness_job cpu = {.cpu_seconds = 1};
    run_perl(*state, "1 while 1", &cpu, &r);
    assert_true(WIFSIGNALED(r.report.status));
    assert_int_equal(WTERMSIG(r.report.status), SIGXCPU);
    harness_result_done(&r);
    const struct harness_job file = {.file_bytes = 64 * KIB};
    run_perl(*state,
             "$SIG{XFSZ} = 'IGNORE'; open F, '>', 'f'; syswrite F, 'a' x 100000; print -s 'f'",
             &file, &r);
    assert_string_equal(r.out.data, "65536");
    harness_result_done(&r);
}

/* Mounted apart, together, twice, with a blank in the path. */
static void test_mountinfo(void **state) {
    (void)state;
    struct cgroup_mounts m;
    assert_return_code(
        cgroup_mounts_parse(
            "1 2 0:1 / /proc rw - proc proc rw\n"
            "3 4 0:2 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup "
            "rw,cpu,cpuacct\n"
            "5 4 0:3 / /my\\040groups/memory rw - cgroup cgroup rw,memory\n"
            "6 4 0:3 / /again/memory rw - cgroup cgroup rw,memory\n"
            "7 4 0:4 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
            "8 4 0:5 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
            "broken line\n - \n",
            &m),
        0);
    assert_int_equal(m.len, 3);
    assert_string_equal(m.list[0].path, "/sys/fs/cgroup/cpu,cpuacct");
    assert_int_equal(m.list[0].controllers, 1u << CGROUP_CPU | 1u << CGROUP_CPUACCT);
    assert_string_equal(m.list[1].path, "/my groups/memory");
    assert_true(cgroup_mounts_have(&m, CGROUP_UNIFIED));
    assert_false(cgroup_mounts_have(&m, CGROUP_PIDS));
    cgroup_mounts_done(&m);
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
        cmocka_unit_test(test_mountinfo),
        cmocka_unit_test(test_enforces),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_own_signal),
        cmocka_unit_test(test_parent_too_small),
        cmocka_unit_test(test_scratch_is_charged),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_cpu_figure),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_program_limits),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests_name("sandbox/cgroup", tests, open_group, close_group);
}
