/* What a sandbox is, told from inside and, while it waits, from outside (S6, S10-S18, S30-S38). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/fd.h"
#include "harness.h"
#include "sandbox/internal.h"

static void expect_text(struct harness *h, const char *script, const char *want) {
    char *text = harness_shell(h, script);
    if (strcmp(text, want) != 0)
        fail_msg("%s\n--- got\n%s--- want\n%s", script, text, want);
    free(text);
}

static void expect_has(const char *text, const char *what, bool want) {
    if ((strstr(text, what) != NULL) != want)
        fail_msg("%s \"%s\" in:\n%s", want ? "no" : "there is", what, text);
}

/* S6, S10, S16 */
static void test_identity(void **state) {
    expect_text(*state,
                "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:|Threads)' /proc/self/status;"
                "cat /proc/self/uid_map /proc/self/gid_map | wc -l; id -un; hostname; pwd; umask",
                "Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nGroups:\t \n"
                "Threads:\t1\n"
                "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
                "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
                "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"
                "2\nsandbox\nsandbox\n/box\n0022\n");
}

/* S5: 0-2 and the folder that is being read; none of ours. S38: the environment from zero. */
static void test_descriptors_and_environment(void **state) {
    expect_text(
        *state,
        "exec perl -e 'opendir D, q(/proc/self/fd); "
        "print join(q( ), grep /\\d/, sort readdir D), qq(\\n), readlink q(/proc/self/fd/0), "
        "map qq(\\n$_=$ENV{$_}), sort keys %ENV'",
        "0 1 2 3\n/dev/null\nHOME=/box\nPATH=/usr/bin:/usr/sbin\nPWD=/box");
}

/* S14: pid 1 is in nobody's view or reach. S33 */
static void test_processes(void **state) {
    expect_text(*state, "ls /proc | grep -E '^[0-9]+$' | head -n 1; ls -d /proc/1 2>&1; true",
                "2\nls: cannot access '/proc/1': No such file or directory\n");
    expect_text(*state, "kill -9 1 2>&1; echo alive; ls /proc/sys /proc/kcore 2>&1 | wc -l",
                "alive\n2\n");
}

/* S30-S36 */
static void test_tree(void **state) {
    expect_text(*state, "ls -A /; ls -A /etc /dev",
                ".empty\nbin\nbox\ndev\netc\nlib\nlib64\nproc\nsbin\ntmp\nusr\n"
                "/dev:\nfd\nfull\nnull\nrandom\nshm\nstderr\nstdin\nstdout\nurandom\nzero\n\n"
                "/etc:\ngroup\nhosts\nnsswitch.conf\npasswd\n");
    char *mounts = harness_shell(*state, "cut -d' ' -f5-6 /proc/self/mountinfo; "
                                         "grep -c . /proc/self/mountinfo");
    expect_has(mounts, "/ ro,nosuid,nodev", true);
    expect_has(mounts, "/usr ro,nosuid,nodev", true);
    expect_has(mounts, "/box rw,nosuid,nodev", true);
    expect_has(mounts, "/tmp rw,nosuid,nodev", true);
    expect_has(mounts, "/dev/shm rw,nosuid,nodev", true);
    expect_has(mounts, "/proc rw,nosuid,nodev,noexec", true);
    expect_has(mounts, "/dev/null ro,nosuid,noexec", true);
    expect_has(mounts, "/sys", false);
    expect_has(mounts, "cgroup", false);
    expect_has(mounts, "/new", false);
    expect_has(mounts, "\n11\n", true); /* root, usr, five devices, three scratch, one proc */
    free(mounts);
}

/* S30, S32, S37: writes only where the sandbox has its own file systems. */
static void test_writes(void **state) {
    expect_text(*state,
                "for f in /a /usr/a /etc/a /dev/a /proc/a /usr/bin/sh /etc/passwd; do "
                "(: > $f) 2>/dev/null && echo wrote $f; done; "
                "for f in /box/a /tmp/a /dev/shm/a /dev/null; do (: > $f) || echo cannot $f; done; "
                "mkdir /box/d /tmp/d && echo x > /box/d/x && mv /box/d/x /tmp/d/y && cat /tmp/d/y; "
                "ln -s /etc /box/l && mv /box/a /box/d/a && ls /box/d; "
                "mknod /box/n c 1 3 2>&1; stat -f -c '%b %s' /box",
                "x\na\nmknod: /box/n: Permission denied\n4096 4096\n");
}

/* S32 */
static void test_scratch_is_bounded(void **state) {
    char *text = harness_shell(*state, "head -c 20000000 /dev/zero > /box/big 2>/dev/null || "
                                       "echo full; stat -c %s /box/big; cd /tmp; "
                                       "seq 3000 | xargs touch 2>/dev/null; "
                                       "[ $(ls | wc -l) -lt 3000 ] && echo inodes");
    expect_has(text, "full\n16777216\n", true);
    expect_has(text, "inodes", true);
    free(text);
}

/* S12, S25: a network namespace with nothing in it but a loopback that is down. */
static void test_network(void **state) {
    expect_text(
        *state,
        "sed 1,2d /proc/self/net/dev | cut -d: -f1 | tr -d ' '; cat /proc/self/net/route | wc -l",
        "lo\n0\n"); /* no route, not even the table's head */
    const char *const lines[] = {"41 2 1 0"};
    int e;
    harness_try_inside(*state, lines, 1, &e);
    assert_int_equal(e, 0);
    expect_text(*state,
                "perl -MSocket -e 'socket(S,PF_INET,SOCK_STREAM,0) or die; "
                "print connect(S,sockaddr_in(22,INADDR_LOOPBACK)) ? \"connected\" : $!, \"\\n\"'",
                "Permission denied\n"); /* Landlock; without it: network is unreachable */
}

/* S13, S22: refused by the filter; test_filter proves the second layer. S33 */
static void test_namespaces_and_settings(void **state) {
    expect_text(*state,
                "unshare -U true 2>&1; unshare -r true 2>&1 | head -n 1;"
                "echo 1 2>/dev/null > /proc/sys/kernel/core_pattern; ls /proc/sys 2>&1; true",
                "unshare: unshare failed: Operation not permitted\n"
                "unshare: unshare failed: Operation not permitted\n"
                "ls: cannot access '/proc/sys': No such file or directory\n");
}

/* S31: nothing that is set-id has an effect. */
static void test_set_id(void **state) {
    char *text = harness_shell(
        *state,
        "n=0; for f in $(find /usr -xdev -type f -perm /6000 2>/dev/null); do n=$((n+1)); done;"
        "echo found $n; cp /usr/bin/id /box/id && chmod 6755 /box/id; /box/id -u; /box/id -ru");
    expect_has(text, "1000\n1000\n", true);
    free(text);
}

/* S47 */
static void test_ceilings(void **state) {
    expect_text(*state,
                "grep core /proc/self/limits | tr -s ' '; cat /proc/self/oom_score_adj; ulimit "
                "-Hn; ulimit -Hf; ulimit -l; "
                "ulimit -n 257 2>/dev/null || "
                "echo no",
                "Max core file size 1 1 bytes \n500\n256\n65536\n64\nno\n");
}

/* S33 with a full proc: the settings are there to read, the host is not. */
static void test_full_proc(void **state) {
    (void)state;
    struct harness h;
    harness_open(&h, &(struct harness_options){.proc_full = true});
    char *text = harness_shell(
        &h, "grep -c processor /proc/cpuinfo; cat /proc/sys/kernel/ostype;"
            "for f in kernel/core_pattern vm/drop_caches user/max_user_namespaces; do "
            "(echo 1 > /proc/sys/$f) 2>/dev/null && echo wrote $f; done; "
            "cat /proc/sys/user/max_user_namespaces;"
            "for f in kcore keys timer_list kallsyms sysrq-trigger; do "
            "head -c 8 /proc/$f 2>/dev/null | wc -c; done; ls -A /proc/irq /proc/bus /proc/fs; "
            "cat /proc/1/status 2>&1 | head -n 1");
    expect_has(text, "Linux\n0\n", true);
    expect_has(text, "wrote", false);
    expect_has(text, "0\n0\n0\n0\n0\n", true);
    expect_has(text, "/proc/bus:\n\n/proc/fs:\n\n/proc/irq:\n", true);
    free(text);
    harness_close(&h);
}

/* ---- from outside: a sandbox that waits, before any job ---- */

static char *read_proc(pid_t pid, const char *what) {
    char path[64];
    CLEANUP_BUFFER struct buffer text = BUFFER_INIT(0);
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    assert_return_code(fd_read_file(AT_FDCWD, path, MIB, &text), 0);
    return buffer_steal(&text, NULL);
}

static void expect_in_proc(pid_t pid, const char *what, const char *const *wanted, size_t len) {
    char *text = read_proc(pid, what);
    for (size_t i = 0; i < len; i++)
        expect_has(text, wanted[i], true);
    free(text);
}

static bool own_namespace(pid_t pid, const char *kind) {
    char path[64];
    struct stat theirs, ours;
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, kind);
    assert_return_code(stat(path, &theirs), errno);
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    assert_return_code(stat(path, &ours), errno);
    return theirs.st_ino != ours.st_ino;
}

/* S17, S18, S83: READY means that all of it is final. */
static void test_ready_from_outside(void **state) {
    (void)state;
    struct harness h;
    struct sandbox s;
    struct sandbox_report m;
    struct error err = {0};
    harness_open(&h, &(struct harness_options){.stop_at = "READY"});
    assert_return_code(sandbox_create(h.slot, h.profile, &s, &err), 0);
    assert_true(harness_wait_message(&s, &m));
    assert_int_equal(m.type, SANDBOX_READY);
    char ids[64];
    uint32_t id = 1900000000u + sandbox_slot_number(h.slot);
    snprintf(ids, sizeof ids, "Uid:\t%u\t%u\t%u\t%u\n", id, id, id, id);
    const char *const status[] = {ids,
                                  "CapInh:\t0000000000000000\n",
                                  "CapPrm:\t0000000000000000\n",
                                  "CapEff:\t0000000000000000\n",
                                  "CapBnd:\t0000000000000000\n",
                                  "CapAmb:\t0000000000000000\n",
                                  "NoNewPrivs:\t1\n",
                                  "Seccomp:\t2\n",
                                  "Threads:\t1\n",
                                  "Name:\tretort-init\n"};
    expect_in_proc(s.pid, "status", status, ARRAY_LEN(status));
    char map[64];
    snprintf(map, sizeof map, "      1000 %10u          1\n", id);
    const char *const maps[] = {map};
    expect_in_proc(s.pid, "uid_map", maps, 1);
    expect_in_proc(s.pid, "gid_map", maps, 1);
    char *mounts = read_proc(s.pid, "mountinfo");
    expect_has(mounts, " / / ro,nosuid,nodev", true);
    expect_has(mounts, " /usr ro,nosuid,nodev", true);
    expect_has(mounts, "/sys", false);
    free(mounts);
    static const char *const kinds[] = {"user", "mnt", "pid", "ipc", "uts", "net", "cgroup"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (!own_namespace(s.pid, kinds[i]))
            fail_msg("the host's %s namespace", kinds[i]);
    char *cgroup = read_proc(s.pid, "cgroup");
    expect_has(cgroup, h.service, true);
    free(cgroup);
    /* Only the control socket, beside 0-2 on /dev/null (S5, S14). */
    char path[64], link[64] = "";
    snprintf(path, sizeof path, "/proc/%d/fd/3", (int)s.pid);
    assert_true(readlink(path, link, sizeof link - 1) > 0);
    assert_memory_equal(link, "socket:", 7);
    snprintf(path, sizeof path, "/proc/%d/fd/4", (int)s.pid);
    assert_int_equal(access(path, F_OK), -1);
    /* Non-dumpable: its files belong to nobody inside. */
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)s.pid);
    assert_return_code(stat(path, &st), errno);
    assert_int_equal(st.st_uid, 0);
    sandbox_kill(&s);
    assert_int_equal(harness_end(&h, &s), 0);
    harness_close(&h);
}

/* S4, S83: every step can be stopped at, and the sandbox ends with the spawner's end of its socket.
 */
static void test_every_step_rests(void **state) {
    (void)state;
    for (int step = SANDBOX_STEP_DESCRIPTORS; step < SANDBOX_STEP_START; step++) {
        struct harness h;
        struct sandbox s;
        struct error err = {0};
        harness_open(&h, &(struct harness_options){.stop_at = sandbox_step_name(step)});
        assert_return_code(sandbox_create(h.slot, h.profile, &s, &err), 0);
        usleep(8000);
        assert_int_equal(sandbox_reap(&s), 0);
        if (step == SANDBOX_STEP_DESCRIPTORS)
            sandbox_kill(&s); /* it still holds a copy of our end */
        fd_close(s.control);
        s.control = -1;
        assert_int_equal(harness_end(&h, &s), 0);
        harness_close(&h);
    }
}

/* S4: a step that fails is named. */
static void test_failing_step(void **state) {
    struct harness *h = *state;
    struct sandbox s;
    struct sandbox_report m;
    struct error err = {0};
    int good = h->profile->init;
    h->profile->init = h->profile->setup; /* not a program */
    assert_return_code(sandbox_create(h->slot, h->profile, &s, &err), 0);
    h->profile->init = good;
    assert_true(harness_wait_message(&s, &m));
    assert_int_equal(m.type, SANDBOX_FAILED);
    assert_string_equal(m.step, "exec_init");
    assert_true(m.status == EACCES || m.status == ENOEXEC);
    assert_int_equal(harness_end(h, &s), 0);
}

/* S30: what a profile may not show. */
static void test_bad_sources(void **state) {
    struct harness *h = *state;
    static const struct sandbox_mount bad[] = {
        {"/proc/sys", "/x"}, {"/sys/kernel", "/x"}, {"/nowhere", "/x"},  {"/lib", "/x"},
        {"/dev/null", "/x"}, {"/usr", "x"},         {"/usr", "/a/../b"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct sandbox_profile_spec spec = {.name = "bad", .mounts = &bad[i], .mounts_len = 1};
        struct sandbox_profile *p = NULL;
        struct error err = {0};
        assert_true(sandbox_profile_new(&spec, h->filter, &p, &err) < 0);
        assert_null(p);
        assert_memory_equal(err.message, "profile bad: ", 13);
    }
    char cwd[64];
    assert_non_null(getcwd(cwd, sizeof cwd)); /* we are where we were */
    assert_return_code(access("/proc/self/status", R_OK), errno);
}

/* S7: the mounts hold without Landlock, and the network is as empty. */
static void test_without_landlock(void **state) {
    (void)state;
    struct harness h;
    harness_open(&h, &(struct harness_options){.layers_off = "landlock"});
    expect_text(&h,
                "for f in /a /usr/a /etc/a /dev/a /proc/a /usr/bin/sh /etc/passwd; do "
                "(: > $f) 2>/dev/null && echo wrote $f; done; echo x > /box/x && cat /box/x;"
                "mknod /box/n c 1 3 2>&1;"
                "perl -MSocket -e 'socket(S,PF_INET,SOCK_STREAM,0) or die; "
                "print connect(S,sockaddr_in(22,INADDR_LOOPBACK)) ? \"connected\" : $!, \"\\n\"'",
                "x\nmknod: /box/n: Operation not permitted\nNetwork is unreachable\n");
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
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_descriptors_and_environment),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_scratch_is_bounded),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_namespaces_and_settings),
        cmocka_unit_test(test_set_id),
        cmocka_unit_test(test_ceilings),
        cmocka_unit_test(test_full_proc),
        cmocka_unit_test(test_without_landlock),
        cmocka_unit_test(test_ready_from_outside),
        cmocka_unit_test(test_every_step_rests),
        cmocka_unit_test(test_failing_step),
        cmocka_unit_test(test_bad_sources),
    };
    return cmocka_run_group_tests_name("sandbox/seal", tests, open_group, close_group);
}
