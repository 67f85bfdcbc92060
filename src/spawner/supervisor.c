/* The server's process: started, listened to, watched, replaced, drained.
 *
 * The listening sockets are the spawner's too, so a server that dies is replaced without a client
 * being refused; what it was doing is lost, and every sandbox it had asked for is killed (S9).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "spawner/internal.h"

#define SECOND_US (1000ull * 1000)
#define ENDS_MAX 5 /* in a minute */
#define RESTART_FIRST_US (100ull * 1000)

static void child(struct spawner *s, int wire) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Whose terminal it is that we were started from: not the server's. */
    if (setsid() < 0)
        _exit(125);
    s->settings.exec_server(wire, s->settings.user);
    _exit(125);
}

int supervisor_start(struct spawner *s) {
    struct supervisor *server = &s->server;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    /* Room for an EXIT of every place while a loop is busy, and for as many KILLs. */
    const int room = 4 * (int)MIB;
    for (int i = 0; i < 2; i++)
        if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
            log_debug("the wire keeps its ordinary size: %s", strerror(errno));
    pid_t spawner = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        int code = errno;
        fd_close(pair[0]);
        fd_close(pair[1]);
        return -code;
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != spawner)
            _exit(125);
        child(s, pair[1]);
    }
    fd_close(pair[1]);
    *server = (struct supervisor){
        .pid = pid,
        .pidfd = (int)syscall(SYS_pidfd_open, pid, 0),
        .wire = pair[0],
        .ends = server->ends,
        .ends_since_us = server->ends_since_us,
    };
    server->started_us = server->last_beat_us = clock_now_us();
    if (server->pidfd < 0 || spawner__watch(s, server->wire, EVENT_WIRE, 0) < 0 ||
        spawner__watch(s, server->pidfd, EVENT_SERVER, 0) < 0)
        return -errno;
    return 0;
}

/* Whatever it asked for is without an owner now. */
static void disown_all(struct spawner *s) {
    order_drop_all(s);
    for (unsigned i = 0; i < s->settings.slots; i++) {
        struct seat *seat = &s->seats[i];
        if (!seat->order)
            continue;
        /* Its number means nothing to the next server, which counts from another one anew. */
        seat_kill(seat, SPAWNER_KILLED);
        order_free(STEAL_PTR(seat->order));
    }
}

void supervisor_on_exit(struct spawner *s) {
    struct supervisor *server = &s->server;
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)server->pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
        return;
    fd_close(STEAL_FD(server->pidfd));
    if (server->wire >= 0)
        fd_close(STEAL_FD(server->wire));
    disown_all(s);
    if (server->draining) {
        s->stop = true;
        s->exit_code = 0;
        return;
    }
    uint64_t now = clock_now_us();
    if (now - server->ends_since_us > 60 * SECOND_US) {
        server->ends = 0;
        server->ends_since_us = now;
    }
    server->ends++;
    bool cannot_begin = !server->beaten && info.si_code == CLD_EXITED &&
                        info.si_status == SPAWNER_SERVER_CANNOT_BEGIN;
    log_error("the server ended (%s %d)", info.si_code == CLD_EXITED ? "exit code" : "signal",
              info.si_status);
    if (cannot_begin || server->ends >= ENDS_MAX) {
        if (!cannot_begin)
            log_error("it ended %d times within a minute: giving up", ENDS_MAX);
        s->stop = true;
        s->exit_code = 1;
        return;
    }
    server->restart_us = now + (RESTART_FIRST_US << (server->ends - 1));
}

static void kill_server(struct spawner *s) {
    if (s->server.pidfd >= 0)
        syscall(SYS_pidfd_send_signal, s->server.pidfd, SIGKILL, NULL, 0);
}

/* Pipes and files only (S48): a socket could block its closer for as long as its sender likes
 * (SO_LINGER), and this thread must never wait. So a socket is made harmless before it is closed.
 */
static bool fds_valid(const struct protocol_record *record, const int *fds, size_t count) {
    bool valid = true;
    uint32_t mask = record->start.fd_mask;
    for (size_t i = 0; i < count; i++) {
        uint32_t bit = mask & -mask;
        mask &= mask - 1;
        struct stat st;
        bool file = bit == SANDBOX_FD_JOB || bit == SANDBOX_FD_ARTIFACT_IN;
        if (fstat(fds[i], &st) < 0 || !(file ? S_ISREG(st.st_mode) : S_ISFIFO(st.st_mode)))
            valid = false;
    }
    return valid;
}

static void close_unwanted(const int *fds, size_t count) {
    const struct linger never = {0};
    for (size_t i = 0; i < count; i++) {
        setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &never, sizeof never); /* others: ENOTSOCK */
        fd_close(fds[i]);
    }
}

/* One record; false when there is no more. */
static bool receive_one(struct spawner *s) {
    struct protocol_record record;
    int fds[FD_PASS_MAX];
    size_t fd_count = 0;
    ssize_t n = fd_receive(s->server.wire, &record, sizeof record, fds, &fd_count);
    if (n == -EAGAIN || n == -EINTR)
        return false;
    bool valid = n == sizeof record;
    if (valid && record.type == PROTOCOL_START &&
        protocol_start_valid(&record, s->settings.profiles_len, fd_count) &&
        fds_valid(&record, fds, fd_count)) {
        order_take(s, &record, fds, fd_count); /* the descriptors are its own now */
        return true;
    }
    close_unwanted(fds, fd_count);
    valid = valid && record.type != PROTOCOL_START;
    if (valid && record.type == PROTOCOL_KILL) {
        order_kill(s, record.id);
    } else if (valid && record.type == PROTOCOL_BEAT) {
        s->server.last_beat_us = clock_now_us();
        s->server.beaten = true;
    } else {
        if (n > 0 || n == -EMSGSIZE)
            log_error("the server sent a record that is not one: it is replaced");
        kill_server(s);
        fd_close(STEAL_FD(s->server.wire));
        return false;
    }
    return true;
}

void supervisor_on_wire(struct spawner *s) {
    /* Bounded, so that a flood of records does not hold up the timers. */
    for (int i = 0; i < 64 && s->server.wire >= 0; i++)
        if (!receive_one(s))
            return;
}

void supervisor_send(struct spawner *s, const struct protocol_record *record) {
    if (s->server.wire < 0)
        return;
    /* Never blocking: a stopped server must not stop the limits. The wire holds hundreds of records
     * and there is at most one EXIT for a place; a server that lets it fill up is broken. */
    ssize_t n = send(s->server.wire, record, sizeof *record, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && record->type == PROTOCOL_EXIT && errno != EPIPE) {
        log_error("the server does not read its wire (%s): it is replaced", strerror(errno));
        kill_server(s);
    }
}

static void begin_drain(struct spawner *s) {
    struct supervisor *server = &s->server;
    if (server->draining || server->pidfd < 0) {
        kill_server(s);
        s->stop = true;
        return;
    }
    server->draining = true;
    if (s->settings.on_drain)
        s->settings.on_drain(s->settings.user);
    server->drain_end_us = clock_now_us() + s->settings.drain_s * SECOND_US;
    struct protocol_record record = {.type = PROTOCOL_DRAIN};
    supervisor_send(s, &record);
}

void supervisor_on_signal(struct spawner *s) {
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            log_info("SIGHUP: a changed language folder or option needs a restart");
        else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            begin_drain(s);
    }
}

static void send_figures(struct spawner *s) {
    unsigned ready = 0, claimed = 0, filling = 0, quarantined = 0;
    for (unsigned i = 0; i < s->settings.slots; i++) {
        enum seat_state state = s->seats[i].state;
        ready += state == SEAT_READY;
        claimed += state == SEAT_CLAIMED;
        filling += state == SEAT_FILLING;
        quarantined += state == SEAT_QUARANTINED;
    }
    struct protocol_record record = {
        .type = PROTOCOL_FIGURES,
        .figures = {.slots = (uint16_t)s->settings.slots,
                    .ready = (uint16_t)ready,
                    .claimed = (uint16_t)claimed,
                    .filling = (uint16_t)filling,
                    .quarantined = (uint16_t)quarantined,
                    .waiting = (uint16_t)s->waiting_len,
                    .created = s->created,
                    .create_failed = s->create_failed,
                    .cpu_us = clock_cpu_us()},
    };
    supervisor_send(s, &record);
}

void supervisor_tick(struct spawner *s, uint64_t now) {
    struct supervisor *server = &s->server;
    if (server->draining && now >= server->drain_end_us) {
        log_warning("the server did not finish within %u s", s->settings.drain_s);
        kill_server(s);
        s->stop = true;
        return;
    }
    if (server->restart_us && now >= server->restart_us) {
        int r = supervisor_start(s); /* forgets restart_us */
        if (r < 0) {
            log_error("the server cannot be started: %s", strerror(-r));
            s->stop = true;
            s->exit_code = 1;
        } else {
            log_info("the server was started again");
        }
        return;
    }
    /* A pause of ours (a stopped host, Ctrl-Z) was one of the server too. */
    if (s->last_tick_us && now - s->last_tick_us > 2 * SECOND_US)
        server->last_beat_us = now;
    s->last_tick_us = now;
    if (server->pidfd >= 0 && s->settings.watchdog_s &&
        now - server->last_beat_us > s->settings.watchdog_s * SECOND_US) {
        log_error("the server has not been heard for %u s: it is replaced", s->settings.watchdog_s);
        server->last_beat_us = now;
        kill_server(s);
    }
    if (server->wire >= 0 && now >= s->figures_us) {
        s->figures_us = now + SECOND_US;
        send_figures(s);
    }
}

uint64_t supervisor_next_us(const struct spawner *s) {
    if (s->server.restart_us)
        return s->server.restart_us;
    if (s->server.draining)
        return s->server.drain_end_us;
    return s->figures_us;
}
