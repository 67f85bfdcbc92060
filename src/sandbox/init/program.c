/* Starts the tenant's program: fork, its limits, its three descriptors, exec. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/init/init.h"

#define CPU_GRACE_SECONDS 1 /* from SIGXCPU to SIGKILL */
#define FIRST_FREE 100      /* above every descriptor that pid 1 can hold */

/* So that the kernel, when memory ends, takes the program and not pid 1, whose report would be
 * missed. A process may always raise its own score; a kernel that says no costs only the report. */
static void offer_to_oom_killer(void) {
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else /proc/self belongs to nobody we are */
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "500", 3) != 3)
        errno = 0;
    close(fd);
}

static int take_limits(const struct program *p) {
    int r = 0;
    if (p->file_bytes)
        r = limit_set(RLIMIT_FSIZE, p->file_bytes, p->file_bytes);
    if (r == 0 && p->cpu_seconds)
        r = limit_set(RLIMIT_CPU, p->cpu_seconds, p->cpu_seconds + CPU_GRACE_SECONDS);
    if (r == 0 && p->processes)
        r = limit_set(RLIMIT_NPROC, p->processes, p->processes);
    if (r == 0 && p->data_bytes)
        r = limit_set(RLIMIT_DATA, p->data_bytes, p->data_bytes);
    return r;
}

/* Through numbers above all in use: a source that is also a target would be lost. Descriptors that
 * are not given stay on /dev/null. */
static int take_stdio(const struct program *p) {
    int high[3];
    for (int i = 0; i < 3; i++) {
        high[i] = p->stdio[i] < 0 ? -1 : fcntl(p->stdio[i], F_DUPFD_CLOEXEC, FIRST_FREE);
        if (p->stdio[i] >= 0 && high[i] < 0)
            return -errno;
    }
    for (int i = 0; i < 3; i++)
        if (high[i] >= 0 && dup2(high[i], i) < 0)
            return -errno;
    /* Close-on-exec rather than closed: the executable and the error pipe are needed until then. */
    return close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

static void default_signals(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child(const struct program *p, int error_pipe) {
    setsid();
    default_signals();
    offer_to_oom_killer();
    int r = take_stdio(p);
    if (r == 0)
        r = take_limits(p);
    if (r == 0) {
        char **argv = p->job->argv;
        char unnamed[] = "program";
        const char *path = argv[0];
        if (!path[0])
            argv[0] = unnamed;
        if (p->artifact_in >= 0)
            execveat(p->artifact_in, "", argv, p->job->envp, AT_EMPTY_PATH);
        else
            execve(path, argv, p->job->envp);
        r = -errno;
    }
    if (write(error_pipe, &r, sizeof r) != sizeof r)
        _exit(126);
    _exit(127);
}

int program_start(const struct program *p, pid_t *ret_pid) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        child(p, fds[1]);
    int r = pid < 0 ? -errno : 0;
    close(fds[1]);
    if (r == 0) {
        int code;
        /* The end of the pipe is the exec's success: the child's end closed itself. */
        ssize_t n;
        do
            n = read(fds[0], &code, sizeof code);
        while (n < 0 && errno == EINTR);
        if (n == sizeof code && code < 0) {
            r = code;
            waitpid(pid, NULL, 0);
        }
    }
    close(fds[0]);
    if (r == 0)
        *ret_pid = pid;
    return r;
}
