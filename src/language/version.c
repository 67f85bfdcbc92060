/* Asking a tool for its version: the host's own program, run as ourselves before anything else is
 * started, with a closed stdin and a deadline. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "language/internal.h"

#define VERSION_OUTPUT_MAX (16 * KIB)

/* Reads until end of file or deadline; what comes beyond the limit is dropped. */
static int read_until(int fd, uint64_t deadline_ms, struct buffer *out) {
    for (;;) {
        uint64_t now = clock_now_ms();
        if (now >= deadline_ms)
            return -ETIMEDOUT;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, (int)(deadline_ms - now)) <= 0)
            continue;
        char bytes[1024];
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            (void)!buffer_append(out, bytes, (size_t)n);
    }
}

static int wait_until(pid_t pid, uint64_t deadline_ms, int *ret_status) {
    while (waitpid(pid, ret_status, WNOHANG) == 0) {
        if (clock_now_ms() >= deadline_ms) {
            kill(pid, SIGKILL);
            waitpid(pid, ret_status, 0);
            return -ETIMEDOUT;
        }
        poll(NULL, 0, 1); /* the pipe has ended already: it is about to exit */
    }
    return 0;
}

static int spawn(char *const *argv, int out, pid_t *ret_pid) {
    /* From zero, so that nobody's GOROOT or PYTHONHOME changes the answer; HOME because go asks. */
    char *env[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
                   "HOME=/nonexistent",
                   "LC_ALL=C",
                   "GOTOOLCHAIN=local",
                   "GOENV=off",
                   NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, out, 2);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    int r = posix_spawn(ret_pid, argv[0], &actions, &attr, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return -r;
}

/* "Mono C# compiler version 6.8.0.105" → "6.8.0.105": digits, then what a version goes on with. */
static char *first_number(struct span text) {
    static const char digits[] = "0123456789";
    for (size_t i = 0; i < text.len; i++) {
        if (!strchr(digits, text.data[i]) || text.data[i] == 0)
            continue;
        size_t n = 1;
        while (i + n < text.len && text.data[i + n] &&
               (strchr(digits, text.data[i + n]) || strchr(".+-", text.data[i + n]) ||
                (text.data[i + n] >= 'a' && text.data[i + n] <= 'z')))
            n++;
        return base_strndup(text.data + i, MIN(n, (size_t)40));
    }
    return NULL;
}

int tool_version(char *const *argv, unsigned wait_ms, char **ret_version, struct error *err) {
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return error_errno(err, errno, "pipe");
    CLEANUP_CLOSE int in = pipe_fds[0];
    CLEANUP_CLOSE int out = pipe_fds[1];
    uint64_t deadline = clock_now_ms() + wait_ms;
    pid_t pid;
    int r = spawn(argv, out, &pid);
    if (r < 0)
        return error_errno(err, -r, "%s cannot be run", argv[0]);
    fd_close(STEAL_FD(out));
    CLEANUP_BUFFER struct buffer text = BUFFER_INIT(VERSION_OUTPUT_MAX);
    int status = 0;
    int read_result = read_until(in, deadline, &text);
    if (wait_until(pid, read_result < 0 ? 0 : deadline, &status) < 0)
        return error_set(err, ETIMEDOUT, "%s did not tell its version within %u ms", argv[0],
                         wait_ms);
    struct span line = span_trim(buffer_span(&text), " \t\r\n");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return error_set(err, EIO, "%s ended with %s %d: %.*s", argv[0],
                         WIFEXITED(status) ? "exit status" : "signal",
                         WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
                         (int)MIN(line.len, (size_t)120), line.data);
    char *version = first_number(line);
    if (!version)
        return error_set(err, EINVAL, "%s told no version", argv[0]);
    *ret_version = version;
    return 0;
}
