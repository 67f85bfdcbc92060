/* The filter, row by row, inside and on the host (S20-S28). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <seccomp.h>

#include "base/base.h"
#include "base/fd.h"
#include "harness.h"
#include "sandbox/internal.h"

#define ROWS_MAX 256

/* These answer alike on this host, as root, when called without the arguments that would do harm:
 * the kernel no longer has them, or only trampolines may call them. */
static const char *const alike_ok[] = {
    "nfsservctl", "lookup_dcookie", "uselib",     "memfd_secret", "map_shadow_stack",
    "iopl",       "ioperm",         "modify_ldt", "kexec_load",   "kexec_file_load",
    "quotactl",   "vhangup",        "clone",
};

static bool may_be_alike(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(alike_ok); i++)
        if (strcmp(alike_ok[i], name) == 0)
            return true;
    return false;
}

static char *line_of(const struct filter_row *row) {
    int nr = row->number >= 0 ? row->number : seccomp_syscall_resolve_name(row->name);
    if (strcmp(row->name, "clone") == 0)
        return base_printf("%d %llx 0 0 0 0", nr, (unsigned long long)row->value | SIGCHLD);
    switch (row->argument) {
    case 1: /* with rubbish above the 32 bits that the kernel reads (S21) */
        return base_printf("%d ffffffff %llx", nr, 0x100000000ULL | row->value);
    case 2:
        return base_printf("%d 1 0 %llx", nr, (unsigned long long)row->value);
    default:
        return base_printf("%d", nr);
    }
}

/* S22-S24, S28: each row has a reason, is refused inside with its errno, and does something else on
 * the host. */
static void test_rows(void **state) {
    size_t len;
    const struct filter_row *rows = sandbox_filter_rows(&len);
    char *lines[ROWS_MAX];
    int inside[ROWS_MAX], wrong = 0, proven = 0;
    assert_true(len <= ROWS_MAX);
    for (size_t i = 0; i < len; i++)
        lines[i] = line_of(&rows[i]);
    harness_try_inside(*state, (const char *const *)lines, len, inside);
    for (size_t i = 0; i < len; i++) {
        const struct filter_row *row = &rows[i];
        assert_true(strlen(row->reason) > 8);
        if (inside[i] != row->error) {
            print_error("%s (%s): errno %d inside, not %d\n", row->name, lines[i], inside[i],
                        row->error);
            wrong++;
        }
        /* vhangup would take the terminal of whoever runs this test. */
        int outside =
            strcmp(row->name, "vhangup") == 0 ? row->error : harness_try_outside(lines[i]);
        proven += outside != row->error;
        if (outside == row->error && !may_be_alike(row->name) && row->number < 0) {
            print_error("%s: errno %d on the host too: nothing is proven\n", row->name, outside);
            wrong++;
        }
        free(lines[i]);
    }
    print_message("%zu rows, %d differ from the host\n", len, proven);
    assert_int_equal(wrong, 0);
}

/* S22-S24: nothing has fallen out of the table. */
static void test_complete(void **state) {
    (void)state;
    static const char list[] =
        "clone clone3 unshare setns mount umount2 pivot_root chroot swapon swapoff fsopen fsconfig "
        "fsmount fspick open_tree move_mount mount_setattr statmount listmount bpf perf_event_open "
        "userfaultfd kexec_load kexec_file_load init_module finit_module delete_module reboot acct "
        "quotactl quotactl_fd syslog iopl ioperm vhangup nfsservctl lookup_dcookie uselib "
        "modify_ldt "
        "memfd_secret map_shadow_stack remap_file_pages vmsplice open_by_handle_at "
        "name_to_handle_at fanotify_init fanotify_mark ptrace process_vm_readv process_vm_writev "
        "process_madvise kcmp pidfd_getfd io_uring_setup io_uring_enter io_uring_register add_key "
        "request_key keyctl settimeofday clock_settime clock_adjtime adjtimex sethostname "
        "setdomainname mbind set_mempolicy set_mempolicy_home_node get_mempolicy migrate_pages "
        "move_pages seccomp ioprio_set sched_setscheduler sched_setattr ioctl";
    size_t len, ioctls = 0;
    uint64_t clone_bits = 0;
    const struct filter_row *rows = sandbox_filter_rows(&len);
    struct span rest = span_of(list);
    while (rest.len > 0) {
        struct span name = span_cut(rest, ' ', &rest);
        bool found = false;
        for (size_t i = 0; i < len; i++)
            found |= span_eq_text(name, rows[i].name);
        if (!found)
            fail_msg("no row for %.*s", SPAN_ARG(name));
    }
    for (size_t i = 0; i < len; i++) {
        clone_bits |= strcmp(rows[i].name, "clone") == 0 ? rows[i].value : 0;
        ioctls += strcmp(rows[i].name, "ioctl") == 0;
    }
    assert_int_equal(clone_bits, 0x7E020080);
    assert_int_equal(ioctls, 3);
}

struct front_case {
    const char *line;
    int error;
};

/* S23 (personality), S25, S26, and what must stay possible. */
static void test_front(void **state) {
    static const struct front_case cases[] = {
        {"41 1 1 0", 0},                       /* AF_UNIX stream */
        {"41 2 1 0", 0},                       /* AF_INET stream */
        {"41 2 80802 0", 0},                   /* AF_INET dgram with flags */
        {"41 a 1 6", 0},                       /* AF_INET6 stream TCP */
        {"41 10 3 0", 0},                      /* AF_NETLINK raw, route */
        {"41 10 3 9", EPERM},                  /* AF_NETLINK audit */
        {"41 2 3 1", EPERM},                   /* raw ICMP */
        {"41 a 3 3a", EPERM},                  /* raw ICMPv6 */
        {"41 2 5 0", EPERM},                   /* seqpacket */
        {"41 2 1 84", EPROTONOSUPPORT},        /* SCTP */
        {"41 2 1 106", EPROTONOSUPPORT},       /* MPTCP */
        {"41 28 1 0", EAFNOSUPPORT},           /* AF_VSOCK */
        {"41 26 5 0", EAFNOSUPPORT},           /* AF_ALG */
        {"41 11 3 300", EAFNOSUPPORT},         /* AF_PACKET */
        {"41 f 3 2", EAFNOSUPPORT},            /* AF_KEY */
        {"41 1f 3 0", EAFNOSUPPORT},           /* AF_BLUETOOTH */
        {"41 2c 3 0", EAFNOSUPPORT},           /* AF_XDP */
        {"41 100000028 1 0", EAFNOSUPPORT},    /* AF_VSOCK under rubbish */
        {"41 100000002 500000003 1", EPERM},   /* raw under rubbish */
        {"53 2 1 0", EAFNOSUPPORT},            /* socketpair AF_INET */
        {"53 1 1 0 ffffffffffffffff", EFAULT}, /* socketpair AF_UNIX: the kernel's own answer */
        {"135 ffffffff", 0},                   /* personality: asked */
        {"135 0", 0},
        {"135 40000", EPERM},  /* no address randomisation */
        {"135 400000", EPERM}, /* readable means executable */
        {"470", ENOSYS},       /* newer than the table */
        {"1073741823", ENOSYS},
        {"319 ffffffffffffffff", EINVAL}, /* memfd_create stays allowed */
        {"322 ffffffff 0 0 0 0", EFAULT}, /* execveat too */
    };
    const char *lines[ARRAY_LEN(cases)];
    int inside[ARRAY_LEN(cases)], wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        lines[i] = cases[i].line;
    harness_try_inside(*state, lines, ARRAY_LEN(cases), inside);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (inside[i] != cases[i].error) {
            print_error("%s: errno %d, not %d\n", lines[i], inside[i], cases[i].error);
            wrong++;
        }
    assert_int_equal(wrong, 0);
}

static void expect_killed(struct harness *h, const char *kind) {
    CLEANUP_CLOSE int fd = open(getenv("SANDBOX_TRY_COMPAT"), O_RDONLY | O_CLOEXEC);
    assert_true(fd > 2);
    const char *const argv[] = {"", kind, NULL};
    struct harness_result r;
    harness_run(h, &(struct harness_job){.argv = argv, .artifact_in = fd}, &r);
    assert_true(r.reported);
    assert_true(WIFSIGNALED(r.report.status));
    assert_int_equal(WTERMSIG(r.report.status), SIGSYS);
    assert_int_equal(r.out.len, 0);
    harness_result_done(&r);
}

/* S20 */
static void test_compat_is_killed(void **state) {
    expect_killed(*state, "int80");
    expect_killed(*state, "x32");
}

/* S7: without the filter the layers below still hold: no nested user namespace (S13), no mount. */
static void test_without_filter(void **state) {
    (void)state;
    struct harness h;
    harness_open(&h, &(struct harness_options){.layers_off = "filter"});
    const char *const lines[] = {
        "272 10000000",     /* unshare(CLONE_NEWUSER): the count of them is 0 */
        "272 20000",        /* unshare(CLONE_NEWNS): no capability */
        "165 0 0 0 1000 0", /* mount */
        "161 0",            /* chroot */
    };
    int inside[ARRAY_LEN(lines)];
    harness_try_inside(&h, lines, ARRAY_LEN(lines), inside);
    assert_int_equal(inside[0], ENOSPC);
    assert_int_equal(inside[1], EPERM);
    assert_true(inside[2] == EPERM || inside[2] == EFAULT || inside[2] == EINVAL);
    assert_true(inside[3] == EPERM || inside[3] == EFAULT);
    char *text = harness_shell(&h, "grep Seccomp: /proc/self/status");
    assert_string_equal(text, "Seccomp:\t0\n");
    free(text);
    harness_close(&h);
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
        cmocka_unit_test(test_complete),       cmocka_unit_test(test_rows),
        cmocka_unit_test(test_front),          cmocka_unit_test(test_compat_is_killed),
        cmocka_unit_test(test_without_filter),
    };
    return cmocka_run_group_tests_name("sandbox/filter", tests, open_group, close_group);
}
