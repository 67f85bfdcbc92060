/* The spawner's process: what it holds, and its one loop. */
#include "spawner/spawner.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "spawner/internal.h"

static const char *const limit_names[] = {"memory", "processes", "cpu", "devices"};

static int open_profiles(struct spawner *s, struct error *err) {
    s->profiles = base_alloc_array(s->settings.profiles_len + 1, sizeof *s->profiles);
    for (size_t i = 0; i < s->settings.profiles_len; i++) {
        if (!s->settings.profiles[i].name)
            continue;
        int r = sandbox_profile_new(&s->settings.profiles[i], s->filter, &s->profiles[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int open_slots(struct spawner *s, struct error *err) {
    s->seats = base_alloc_array(s->settings.slots, sizeof *s->seats);
    for (unsigned i = 0; i < s->settings.slots; i++) {
        s->seats[i].sandbox = (struct sandbox){.pidfd = -1, .control = -1};
        int r = sandbox_slot_new(s->cgroups, i + 1, s->settings.id_base, &s->seats[i].slot, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int open_all(struct spawner *s, struct error *err) {
    const struct spawner_settings *set = &s->settings;
    int r = sandbox_cgroups_sweep(set->service, err);
    if (r < 0)
        return r;
    if (r > 0)
        log_info("swept %d groups of an earlier life", r);
    r = sandbox_filter_new(&s->filter, err);
    if (r == 0)
        r = sandbox_cgroups_open(set->service, set->life, set->no_cgroups, set->parent_memory_bytes,
                                 &s->cgroups, err);
    if (r == 0)
        r = open_profiles(s, err);
    if (r == 0)
        r = open_slots(s, err);
    if (r < 0)
        return r;
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(limit_names); i++)
        if (!sandbox_cgroups_enforces(s->cgroups, limit_names[i]))
            s->missing[n++] = limit_names[i];
    return 0;
}

int spawner_new(const struct spawner_settings *settings, struct spawner **ret, struct error *err) {
    if (settings->slots < 1 || settings->slots > SPAWNER_SLOTS_MAX)
        return error_set(err, EINVAL, "slots must be 1 to %d", SPAWNER_SLOTS_MAX);
    struct spawner *s = base_alloc(sizeof *s);
    s->settings = *settings;
    s->epoll = s->signals = -1;
    s->server.pidfd = s->server.wire = -1;
    list_init(&s->waiting);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    s->cores = cores > 0 ? (unsigned)cores : 1;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    int r = s->epoll < 0 ? error_errno(err, errno, "epoll") : open_all(s, err);
    if (r < 0) {
        spawner_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

const char *const *spawner_missing_limits(const struct spawner *s) {
    return s->missing;
}

void spawner_free(struct spawner *s) {
    if (!s)
        return;
    for (unsigned i = 0; s->seats && i < s->settings.slots; i++)
        sandbox_slot_free(s->seats[i].slot);
    free(s->seats);
    for (size_t i = 0; s->profiles && i < s->settings.profiles_len; i++)
        sandbox_profile_free(s->profiles[i]);
    free(s->profiles);
    sandbox_cgroups_free(s->cgroups);
    sandbox_filter_free(s->filter);
    fd_close(s->server.wire);
    fd_close(s->server.pidfd);
    fd_close(s->signals);
    fd_close(s->epoll);
    free(s);
}

int spawner__watch(struct spawner *s, int fd, enum spawner_event kind, unsigned number) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | number};
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch_signals(struct spawner *s) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals < 0 ? -errno : spawner__watch(s, s->signals, EVENT_SIGNAL, 0);
}

static void on_event(struct spawner *s, const struct epoll_event *event) {
    unsigned number = (unsigned)(event->data.u64 & UINT32_MAX);
    switch ((enum spawner_event)(event->data.u64 >> 32)) {
    case EVENT_SIGNAL:
        supervisor_on_signal(s);
        break;
    case EVENT_WIRE:
        if (s->server.wire >= 0)
            supervisor_on_wire(s);
        break;
    case EVENT_SERVER:
        if (s->server.pidfd >= 0)
            supervisor_on_exit(s);
        break;
    case EVENT_CONTROL:
        seat_on_control(s, &s->seats[number]);
        break;
    case EVENT_PIDFD:
        /* A stale event of a turn in which the seat was emptied and filled again finds a pidfd that
         * is not readable, and waitid says so. */
        if (s->seats[number].sandbox.pidfd >= 0)
            seat_on_pidfd(s, &s->seats[number]);
        break;
    }
}

static void look_at_all(struct spawner *s) {
    uint64_t now = clock_now_us();
    for (unsigned i = 0; i < s->settings.slots; i++) {
        struct seat *seat = &s->seats[i];
        if (seat->look_us && now >= seat->look_us)
            seat_look(s, seat, now);
    }
    supervisor_tick(s, now);
}

static int timeout_ms(const struct spawner *s) {
    uint64_t next = supervisor_next_us(s);
    uint64_t order = order_next_us(s);
    if (order)
        next = MIN(next, order);
    for (unsigned i = 0; i < s->settings.slots; i++)
        if (s->seats[i].look_us)
            next = MIN(next, s->seats[i].look_us);
    uint64_t now = clock_now_us();
    return next <= now ? 0 : (int)((next - now + 999) / 1000);
}

static void turn(struct spawner *s, int wait_ms) {
    struct epoll_event events[64];
    int n = epoll_wait(s->epoll, events, ARRAY_LEN(events), wait_ms);
    for (int i = 0; i < n; i++)
        on_event(s, &events[i]);
    look_at_all(s);
}

/* Ends every sandbox and waits until the slots are clean, for at most five seconds. */
static void clear(struct spawner *s) {
    uint64_t end = clock_now_us() + 5ull * 1000 * 1000;
    bool busy = true;
    order_drop_all(s);
    s->server.draining = true;
    s->server.drain_end_us = UINT64_MAX;
    s->server.restart_us = 0;
    while (busy && clock_now_us() < end) {
        busy = false;
        for (unsigned i = 0; i < s->settings.slots; i++) {
            struct seat *seat = &s->seats[i];
            if (seat->state == SEAT_FILLING || seat->state == SEAT_READY ||
                seat->state == SEAT_CLAIMED)
                seat_kill(seat, SPAWNER_KILLED);
            busy = busy || (seat->state != SEAT_EMPTY && seat->state != SEAT_QUARANTINED);
        }
        if (busy)
            turn(s, 2);
    }
}

int spawner_run(struct spawner *s) {
    log_set_process("spawner");
    int r = watch_signals(s);
    if (r == 0)
        r = supervisor_start(s);
    if (r < 0) {
        log_error("the server cannot be started: %s", strerror(-r));
        return 1;
    }
    while (!s->stop) {
        turn(s, timeout_ms(s));
        if (s->waiting_len > 0)
            order_serve_waiting(s);
        pool_refill(s);
    }
    clear(s);
    return s->exit_code;
}
