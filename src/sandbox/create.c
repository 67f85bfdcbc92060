/* Makes one sandbox, and speaks to it. The spawner's side of sandbox.h's picture. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "sandbox/internal.h"

/* CLONE_NEW… of linux/sched.h and sched.h are the same words; glibc has no clone3 of its own. */
#define SANDBOX_NAMESPACES                                                                         \
    (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

static_assert(sizeof(struct sandbox_start) == 56, "START is a fixed record");
static_assert(sizeof(struct sandbox_report) == 64, "a report is 64 bytes");

/* ---- namespaces that a child inherits: the slot's network, the profile's mounts ---- */

struct home {
    int net, mnt, cwd;
};

static void home_done(struct home *h) {
    fd_close(h->net);
    fd_close(h->mnt);
    fd_close(h->cwd);
}

static int home_open(struct home *h, struct error *err) {
    /* setns into a mount namespace wants a root and a working folder that no other thread shares;
     * we have none, but the runtime of ThreadSanitizer may. */
    if (unshare(CLONE_FS) < 0)
        return error_errno(err, errno, "a working folder of its own");
    h->net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    h->mnt = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    h->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (h->net < 0 || h->mnt < 0 || h->cwd < 0) {
        int code = errno;
        home_done(h);
        return error_errno(err, code, "remember the own namespaces");
    }
    return 0;
}

/* To go on in a wrong namespace would be worse than to end. */
static void home_return(const struct home *h) {
    if (setns(h->mnt, CLONE_NEWNS) == 0 && fchdir(h->cwd) == 0 && setns(h->net, CLONE_NEWNET) == 0)
        return;
    log_error("cannot return to the own namespaces: %s", strerror(errno));
    abort();
}

/* ---- the child ---- */

static pid_t clone_child(const struct enter_plan *plan, int *ret_pidfd) {
    struct clone_args args = {
        .flags = SANDBOX_NAMESPACES | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t)(uintptr_t)ret_pidfd,
        .exit_signal = SIGCHLD,
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        sandbox_enter(plan);
    return pid;
}

/* Signals wait until the child has left our image: a handler of ours must not run in it. */
static pid_t clone_in(const struct sandbox_slot *slot, const struct enter_plan *plan,
                      int *ret_pidfd, struct error *err) {
    struct home home = {-1, -1, -1};
    int r = home_open(&home, err);
    if (r < 0)
        return r;
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = -1;
    if (setns(slot->network, CLONE_NEWNET) == 0 && setns(plan->profile->template, CLONE_NEWNS) == 0)
        pid = clone_child(plan, ret_pidfd);
    int code = errno;
    home_return(&home);
    sigprocmask(SIG_SETMASK, &before, NULL);
    home_done(&home);
    return pid < 0 ? error_errno(err, code, "clone3 into new namespaces") : pid;
}

/* uid and gid separately, one id each; setgroups stays allowed, since it is the spawner who writes.
 */
static int write_maps(pid_t pid, uint32_t host_id, struct error *err) {
    static const char *const files[] = {"uid_map", "gid_map"};
    char map[64], path[64];
    snprintf(map, sizeof map, "%d %u 1\n", SANDBOX_UID, host_id);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, files[i]);
        int r = cgroup_write(AT_FDCWD, path, map);
        if (r < 0)
            return error_errno(err, -r, "write %s", path);
    }
    return 0;
}

int sandbox_create(struct sandbox_slot *slot, const struct sandbox_profile *profile,
                   struct sandbox *ret_sandbox, struct error *err) {
    struct sandbox s = {.pid = -1, .pidfd = -1, .control = -1};
    int pair[2];
    CLEANUP_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return error_errno(err, errno, "open /dev/null");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return error_errno(err, errno, "socket pair");
    s.control = pair[0];
    struct enter_plan plan = {.profile = profile, .control = pair[1], .null = null};
    plan.join_len = slot->ops->join(slot->group, &plan.join);
    int r = s.pid = clone_in(slot, &plan, &s.pidfd, err);
    fd_close(pair[1]);
    if (r < 0) {
        fd_close(s.control);
        return r;
    }
    r = write_maps(s.pid, slot->host_id, err);
    if (r == 0) {
        const char gate = ENTER_GATE_BYTE;
        r = fd_send(s.control, &gate, 1, NULL, 0);
        /* A child that is gone already has said why, or its end says it. */
        if (r == -EPIPE)
            r = 0;
        else if (r < 0)
            error_errno(err, -r, "open the gate");
    }
    if (r < 0) {
        sandbox_kill(&s);
        siginfo_t info;
        waitid(P_PIDFD, (id_t)s.pidfd, &info, WEXITED);
        sandbox_close(&s);
        return r;
    }
    *ret_sandbox = s;
    return 0;
}

/* ---- messages and the end ---- */

int sandbox_start(struct sandbox *s, const struct sandbox_start *start, const int *fds,
                  size_t fd_count) {
    if (start->type != SANDBOX_START || !(start->fd_mask & SANDBOX_FD_JOB) ||
        (size_t)__builtin_popcount(start->fd_mask) != fd_count)
        return -EINVAL;
    return fd_send(s->control, start, sizeof *start, fds, fd_count);
}

void sandbox_kill(struct sandbox *s) {
    if (s->pidfd >= 0)
        pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
}

int sandbox_reap(struct sandbox *s) {
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)s->pidfd, &info, WEXITED | WNOHANG) < 0)
        return errno == ECHILD ? 1 : 0;
    return info.si_pid != 0;
}

void sandbox_close(struct sandbox *s) {
    fd_close(STEAL_FD(s->pidfd));
    fd_close(STEAL_FD(s->control));
}
