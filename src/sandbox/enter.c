/* What the child does between clone3 and the exec of retort-init: THE list of steps, at the end of
 * this file. Here the process still has every right of its new user namespace, and none outside.
 *
 * Rules: nothing allocates, nothing takes a lock of libc (no stdio, no malloc), no path of a tenant
 * exists. Each step is one function with a name (steps.h); one that fails ends the child and its
 * name and errno go over the control socket (S4).
 *
 * Why this order: the groups are joined and the ids taken first, since a file system mounted with
 * unmapped ids answers mkdir with EOVERFLOW (S11). The death signal is cleared by the change of
 * ids. The door of user namespaces is closed through the outer proc, before the pivot takes it out
 * of view; the sandbox's own proc shows no /proc/sys. The bounding set is last: it takes the right
 * that it needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"
#include "sandbox/internal.h"

#define NEW_ROOT "/new"
#define JOIN_MAX CGROUP_CONTROLLERS

/* Where each descriptor stands after the first step; the exec keeps 0-4 and closes the rest. */
enum { FD_CONTROL = INIT_FD_CONTROL, FD_SETUP = INIT_FD_SETUP, FD_INIT, FD_JOIN };

struct child {
    const struct enter_plan *plan;
    int control; /* wherever it is at the moment, for the report */
};

static int code_of(int result) {
    return result < 0 ? -errno : 0;
}

/* Everything inherited goes, at once: an end of another sandbox's socket, held here while we wait
 * at the gate, would keep that sandbox alive after the spawner (S5). Sources are first copied above
 * every number in use, so that no target can hit one. */
static int take_descriptors(struct child *c) {
    const struct enter_plan *p = c->plan;
    int from[FD_JOIN + JOIN_MAX] = {p->null,    p->null,           p->null,
                                    p->control, p->profile->setup, p->profile->init};
    size_t len = FD_JOIN;
    if (p->join_len > JOIN_MAX)
        return -E2BIG;
    for (size_t i = 0; i < p->join_len; i++)
        from[len++] = p->join[i];
    int above = (int)len;
    for (size_t i = 0; i < len; i++)
        above = MAX(above, from[i] + 1);
    for (size_t i = 0; i < len; i++) {
        from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, above);
        if (from[i] < 0)
            return -errno;
    }
    for (size_t i = 0; i < len; i++)
        if (dup3(from[i], (int)i, i <= FD_SETUP ? 0 : O_CLOEXEC) < 0)
            return -errno;
    c->control = FD_CONTROL;
    return code_of(close_range((unsigned)len, ~0U, 0));
}

static int wait_at_gate(struct child *c) {
    char byte = 0;
    ssize_t n = recv(c->control, &byte, 1, 0);
    if (n == 1 && byte == ENTER_GATE_BYTE)
        return 0;
    return n < 0 ? -errno : -EPIPE; /* the spawner has given up */
}

/* Writing itself in keeps the spawner's one thread free of the migration, which waits for RCU. */
static int join_cgroups(struct child *c) {
    for (size_t i = 0; i < c->plan->join_len; i++)
        if (write(FD_JOIN + (int)i, "0", 1) != 1)
            return -errno;
    return 0;
}

static int take_ids(struct child *c) {
    (void)c;
    if (setgroups(0, NULL) < 0 ||
        syscall(SYS_setresgid, SANDBOX_UID, SANDBOX_UID, SANDBOX_UID) < 0 ||
        syscall(SYS_setresuid, SANDBOX_UID, SANDBOX_UID, SANDBOX_UID) < 0)
        return -errno;
    uid_t uid[3];
    gid_t gid[3];
    if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || getresgid(&gid[0], &gid[1], &gid[2]) < 0)
        return -errno;
    for (int i = 0; i < 3; i++)
        if (uid[i] != SANDBOX_UID || gid[i] != SANDBOX_UID)
            return -EPERM;
    return getgroups(0, NULL) == 0 ? 0 : -EPERM;
}

static int set_death_signal(struct child *c) {
    (void)c;
    return code_of(prctl(PR_SET_PDEATHSIG, SIGKILL));
}

/* The template's mounts are locked together in our copy of its namespace; a clone of them can be
 * made the root. */
static int attach_root(struct child *c) {
    (void)c;
    int tree = open_tree(AT_FDCWD, NEW_ROOT, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0 || move_mount(tree, "", AT_FDCWD, NEW_ROOT, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return -errno;
    return code_of(fchdir(tree) < 0 ? -1 : close(tree));
}

/* New for each sandbox: what a tmpfs holds stays charged to its group until it is gone (S42). */
static int mount_scratch(struct child *c) {
    const struct sandbox_profile *p = c->plan->profile;
    const unsigned long flags = MS_NOSUID | MS_NODEV;
    if (mount("tmpfs", "box", "tmpfs", flags, p->scratch_options) < 0 ||
        mount("tmpfs", "tmp", "tmpfs", flags, p->tmp_options) < 0 ||
        mount("tmpfs", "dev/shm", "tmpfs", flags, p->tmp_options) < 0)
        return -errno;
    return 0;
}

static int bind_readonly(const char *source, const char *target) {
    const unsigned long flags = MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (mount(source, target, NULL, MS_BIND, NULL) < 0)
        return -errno;
    return code_of(mount(NULL, target, NULL, MS_REMOUNT | flags, NULL));
}

/* A full proc shows the host: what is left of it is covered by our own null and our own folder. */
static int mask_proc(void) {
    static const char *const files[] = {"proc/kcore",         "proc/keys",         "proc/key-users",
                                        "proc/timer_list",    "proc/kallsyms",     "proc/kmsg",
                                        "proc/sysrq-trigger", "proc/latency_stats"};
    static const char *const folders[] = {"proc/acpi", "proc/scsi", "proc/irq", "proc/bus",
                                          "proc/fs"};
    int r = bind_readonly("proc/sys", "proc/sys");
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(files); i++)
        if (mount("dev/null", files[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
            r = -errno;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(folders); i++)
        if (mount(".empty", folders[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
            r = -errno;
    return r;
}

static int mount_proc(struct child *c) {
    bool full = c->plan->profile->proc_full;
    if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              full ? "hidepid=invisible" : "hidepid=invisible,subset=pid") < 0)
        return -errno;
    return full ? mask_proc() : 0;
}

/* The limit is this user namespace's own; the host's stays what it is (S13). */
static int forbid_namespaces(struct child *c) {
    (void)c;
    int fd = open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = write(fd, "0", 1) == 1 ? 0 : -errno;
    close(fd);
    return r;
}

/* Afterwards nothing but the sandbox's own tree can be reached from here. */
static int pivot(struct child *c) {
    (void)c;
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/box") < 0)
        return -errno;
    char cwd[8];
    if (syscall(SYS_getcwd, cwd, sizeof cwd) < 0)
        return -errno;
    return strcmp(cwd, "/box") == 0 ? 0 : -EXDEV;
}

/* After the join, so that the slot's own group is the root that /proc/self/cgroup shows. */
static int leave_cgroup_namespace(struct child *c) {
    (void)c;
    return code_of(unshare(CLONE_NEWCGROUP));
}

static int name_host(struct child *c) {
    (void)c;
    if (sethostname("sandbox", 7) < 0 || setdomainname("", 0) < 0)
        return -errno;
    umask(022);
    return 0;
}

/* Nothing can be regained by an exec: the securities are locked, the bounding set is empty. The
 * sets that this process still holds go with the exec, and retort-init checks that they did. */
static int drop_bounding_set(struct child *c) {
    (void)c;
    const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                               SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                               SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (prctl(PR_SET_SECUREBITS, bits) < 0 ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return -errno;
    /* Up to the first number that this kernel does not have. */
    unsigned long cap = 0;
    while (prctl(PR_CAPBSET_DROP, cap) == 0)
        cap++;
    return errno == EINVAL && cap > CAP_CHOWN + 1 ? 0 : -errno;
}

static int exec_init(struct child *c) {
    (void)c;
    char name[] = "retort-init";
    char *argv[] = {name, NULL}, *envp[] = {NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execveat(FD_INIT, "", argv, envp, AT_EMPTY_PATH);
    return -errno;
}

/* ---- the list ---- */

static const struct {
    enum sandbox_step step;
    int (*run)(struct child *c);
} steps[] = {
    {SANDBOX_STEP_DESCRIPTORS, take_descriptors},
    {SANDBOX_STEP_GATE, wait_at_gate},
    {SANDBOX_STEP_CGROUPS, join_cgroups},
    {SANDBOX_STEP_IDS, take_ids},
    {SANDBOX_STEP_DEATH_SIGNAL, set_death_signal},
    {SANDBOX_STEP_ROOT, attach_root},
    {SANDBOX_STEP_SCRATCH, mount_scratch},
    {SANDBOX_STEP_PROC, mount_proc},
    {SANDBOX_STEP_NO_NAMESPACES, forbid_namespaces},
    {SANDBOX_STEP_PIVOT, pivot},
    {SANDBOX_STEP_CGROUP_NAMESPACE, leave_cgroup_namespace},
    {SANDBOX_STEP_HOSTNAME, name_host},
    {SANDBOX_STEP_BOUNDING, drop_bounding_set},
    {SANDBOX_STEP_EXEC_INIT, exec_init},
};

static _Noreturn void fail(const struct child *c, enum sandbox_step step, int code) {
    struct sandbox_report report = {.type = SANDBOX_FAILED, .status = code};
    strncpy(report.step, sandbox_step_name(step), sizeof report.step - 1);
    send(c->control, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
    _exit(1);
}

/* The test switch: rest here until the spawner is gone. */
static _Noreturn void rest(const struct child *c) {
    struct pollfd p = {.fd = c->control};
    while (poll(&p, 1, -1) <= 0 || !(p.revents & POLLHUP))
        continue;
    _exit(1);
}

_Noreturn void sandbox_enter(const struct enter_plan *plan) {
    struct child c = {.plan = plan, .control = plan->control};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (plan->profile->stop_at == (int)steps[i].step)
            rest(&c);
        int r = steps[i].run(&c);
        if (r < 0)
            fail(&c, steps[i].step, -r);
    }
    fail(&c, SANDBOX_STEP_EXEC_INIT, EPROTO); /* exec_init has returned without an error */
}
