/* retort-init: pid 1 of a sandbox. See init.h for the picture; here are the two lists, the seal's
 * and the job's, and the wait in between. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/init/init.h"
#include "sandbox/sandbox.h"

#define START_FDS 6 /* bits of enum sandbox_fd */
#define NOT_RUNNABLE 126

static int stop_at = -1; /* the test switch */

/* ---- words to the spawner ---- */

static void say(const struct sandbox_report *report) {
    /* The spawner reads; a socket that is full or gone means that it has other plans for us. */
    if (send(INIT_FD_CONTROL, report, sizeof *report, MSG_NOSIGNAL) != sizeof *report)
        _exit(1);
}

static _Noreturn void fail(enum sandbox_step step, int code) {
    struct sandbox_report report = {.type = SANDBOX_FAILED, .status = code};
    strncpy(report.step, sandbox_step_name(step), sizeof report.step - 1);
    say(&report);
    _exit(1);
}

static void rest_at(enum sandbox_step step) {
    if (stop_at != (int)step)
        return;
    struct pollfd p = {.fd = INIT_FD_CONTROL};
    while (poll(&p, 1, -1) <= 0 || !(p.revents & POLLHUP))
        continue;
    _exit(1);
}

static void check(enum sandbox_step step, int result) {
    if (result < 0)
        fail(step, -result);
}

/* ---- the seal (S18) ---- */

static int nothing(const struct init_setup *s) {
    (void)s;
    return 0;
}

/* Landlock needs no_new_privs; the filter comes late, since it forbids some of what stands before
 * it. The death signal is the second line only: the end of the control socket is the first. */
static void seal(void) {
    static const struct {
        enum sandbox_step step;
        int (*run)(const struct init_setup *s);
    } steps[] = {
        {SANDBOX_STEP_SETUP, nothing},
        {SANDBOX_STEP_CEILINGS, seal_ceilings},
        {SANDBOX_STEP_NO_NEW_PRIVS, seal_no_new_privs},
        {SANDBOX_STEP_CAPABILITIES, seal_capabilities},
        {SANDBOX_STEP_LANDLOCK, seal_landlock},
        {SANDBOX_STEP_FILTER, seal_filter},
        {SANDBOX_STEP_DUMPABLE, seal_dumpable},
    };
    const struct init_setup *setup;
    prctl(PR_SET_NAME, "retort-init", 0, 0, 0); /* the memfd's name is no name for `ps` */
    check(SANDBOX_STEP_SETUP, setup_read(INIT_FD_SETUP, &setup));
    stop_at = setup->stop_at;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        rest_at(steps[i].step);
        check(steps[i].step, steps[i].run(setup));
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        fail(SANDBOX_STEP_DUMPABLE, errno);
    munmap((void *)(uintptr_t)setup, sizeof *setup + setup->filter_len * sizeof *setup->filter);
}

/* ---- START ---- */

struct order {
    struct sandbox_start start;
    int fds[START_FDS]; /* by bit of enum sandbox_fd; -1: not given */
};

static int bit_index(enum sandbox_fd bit) {
    return __builtin_ctz((unsigned)bit);
}

static int place_descriptors(struct order *o, const int *fds, size_t count) {
    uint32_t mask = o->start.fd_mask;
    if (o->start.type != SANDBOX_START || mask >> START_FDS || !(mask & SANDBOX_FD_JOB))
        return -EINVAL;
    size_t used = 0;
    for (int i = 0; i < START_FDS; i++) {
        bool given = mask & (1u << i);
        if (given && used == count)
            return -EINVAL;
        o->fds[i] = given ? fds[used++] : -1;
    }
    return used == count ? 0 : -EINVAL;
}

/* Blocks until START comes. The end of the socket, or of the spawner, is our end. */
static int receive_start(struct order *o) {
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 8)];
        struct cmsghdr align;
    } control;
    struct iovec iov = {&o->start, sizeof o->start};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    ssize_t n;
    do
        n = recvmsg(INIT_FD_CONTROL, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        _exit(0);
    if (n != sizeof o->start || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
        return -EINVAL;
    int fds[8];
    size_t count = 0;
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
        count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(h), count * sizeof(int));
    }
    return place_descriptors(o, fds, count);
}

/* ---- the program's life ---- */

static int watch_children(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* Reaps whoever has died: pid 1 inherits every orphan. True when the program is among them. */
static bool reap(pid_t program, int *ret_status, struct rusage *ret_usage) {
    int status;
    struct rusage usage;
    pid_t pid;
    bool ended = false;
    while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        if (pid != program)
            continue;
        *ret_status = status;
        *ret_usage = usage;
        ended = true;
    }
    return ended;
}

/* A daemon that the program left does not count (S52). */
static void wait_for_program(int signals, pid_t program, int *ret_status,
                             struct rusage *ret_usage) {
    struct pollfd p[] = {{.fd = signals, .events = POLLIN}, {.fd = INIT_FD_CONTROL}};
    for (;;) {
        if (reap(program, ret_status, ret_usage))
            return;
        if (poll(p, 2, -1) < 0)
            continue;
        if (p[1].revents)
            _exit(0);
        struct signalfd_siginfo info;
        while (read(signals, &info, sizeof info) > 0)
            continue;
    }
}

/* Whoever is left goes now, so that nobody writes to the artifact while it is read, and nobody
 * holds the output open. -1 never means pid 1 itself. */
static void end_the_others(void) {
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        continue;
}

static bool wants_artifact(const struct order *o, const struct job *job, int status) {
    return o->fds[bit_index(SANDBOX_FD_ARTIFACT_OUT)] >= 0 && job->artifact[0] &&
           WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* An executable that the tenant's own compiler made and the kernel refuses is the tenant's failure,
 * told as a shell would; a tool that is not there is ours. */
static int start_program(const struct order *o, const struct job *job, pid_t *ret_pid) {
    const struct program p = {
        .job = job,
        .stdio = {o->fds[bit_index(SANDBOX_FD_STDIN)], o->fds[bit_index(SANDBOX_FD_STDOUT)],
                  o->fds[bit_index(SANDBOX_FD_STDERR)]},
        .artifact_in = o->fds[bit_index(SANDBOX_FD_ARTIFACT_IN)],
        .cpu_seconds = o->start.cpu_seconds,
        .processes = o->start.processes,
        .file_bytes = o->start.file_bytes,
        .data_bytes = o->start.data_bytes,
    };
    if (!job->argv[0][0] && p.artifact_in < 0)
        return -EINVAL;
    return program_start(&p, ret_pid);
}

static void close_streams(struct order *o) {
    for (int i = 0; i < START_FDS; i++) {
        if (o->fds[i] < 0 || i == bit_index(SANDBOX_FD_ARTIFACT_OUT))
            continue;
        close(o->fds[i]);
        o->fds[i] = -1;
    }
}

static void run(struct order *o) {
    struct job job;
    struct rusage usage = {0};
    int status = 0, signals, box;
    pid_t program;
    rest_at(SANDBOX_STEP_JOB);
    check(SANDBOX_STEP_JOB, job_open(o->fds[bit_index(SANDBOX_FD_JOB)], &job));
    rest_at(SANDBOX_STEP_FILES);
    check(SANDBOX_STEP_FILES, box = open(INIT_BOX, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    check(SANDBOX_STEP_FILES, files_create(box, &job));
    check(SANDBOX_STEP_EXEC, signals = watch_children());
    rest_at(SANDBOX_STEP_EXEC);
    int r = start_program(o, &job, &program);
    bool tenants_own = o->fds[bit_index(SANDBOX_FD_ARTIFACT_IN)] >= 0 &&
                       (r == -ENOEXEC || r == -ELIBBAD || r == -EINVAL || r == -ENOENT);
    if (r < 0 && !tenants_own)
        fail(SANDBOX_STEP_EXEC, -r);
    close_streams(o);
    if (r < 0)
        status = NOT_RUNNABLE << 8;
    else
        wait_for_program(signals, program, &status, &usage);
    struct sandbox_report report = {.type = SANDBOX_REPORT, .status = status};
    end_the_others();
    rest_at(SANDBOX_STEP_ARTIFACT);
    if (wants_artifact(o, &job, status))
        report.artifact_bytes = artifact_send(box, job.artifact, o->start.artifact_bytes,
                                              o->fds[bit_index(SANDBOX_FD_ARTIFACT_OUT)]);
    report.max_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
    report.context_switches = (uint64_t)(usage.ru_nvcsw + usage.ru_nivcsw);
    report.scratch_bytes = scratch_used();
    rest_at(SANDBOX_STEP_REPORT);
    say(&report);
}

int main(void) {
    seal();
    say(&(struct sandbox_report){.type = SANDBOX_READY});
    rest_at(SANDBOX_STEP_READY);
    struct order order;
    rest_at(SANDBOX_STEP_START);
    check(SANDBOX_STEP_START, receive_start(&order));
    run(&order);
    return 0;
}
