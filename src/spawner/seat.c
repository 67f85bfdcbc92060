/* One seat: filled, claimed, watched, killed, reaped, cleaned. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "spawner/internal.h"

/* A sandbox that is not READY by then is broken. */
#define FILL_DEADLINE_US (10ull * 1000 * 1000)
/* CPU is looked at no more often than this, memory events no less often than that. */
#define LOOK_MIN_US 5000ull
#define LOOK_MAX_US 100000ull
/* A cgroup that still holds memory is asked again after so long, so many times. */
#define CLEAN_AGAIN_US 2000ull
#define CLEAN_TRIES 400
#define QUARANTINE_LOOK_US (10ull * 1000 * 1000)

/* A report and what may stand before it. */
#define MESSAGES_A_TURN 4
/* SIGKILL ends a process at once, unless the kernel holds it; then at least the asker is told. */
#define DYING_LOOK_US (5ull * 1000 * 1000)

static unsigned number_of(const struct spawner *s, const struct seat *seat) {
    return (unsigned)(seat - s->seats);
}

struct seat *seat_find(struct spawner *s, enum seat_state state, int profile) {
    for (unsigned i = 0; i < s->settings.slots; i++) {
        struct seat *seat = &s->seats[i];
        if (seat->state == state && (profile < 0 || seat->profile == (unsigned)profile))
            return seat;
    }
    return NULL;
}

static void seat_reset(struct seat *seat) {
    struct sandbox_slot *slot = seat->slot;
    *seat = (struct seat){.slot = slot, .sandbox = {.pidfd = -1, .control = -1}};
}

int seat_fill(struct spawner *s, struct seat *seat, unsigned profile, struct spawner_order *order) {
    struct error err = {0};
    struct sandbox sandbox;
    int r = sandbox_create(seat->slot, s->profiles[profile], &sandbox, &err);
    if (r < 0) {
        s->create_failed++;
        if (s->fill_failures == 0)
            log_warning("no sandbox can be made: %s", err.message);
        return r;
    }
    seat_reset(seat);
    seat->sandbox = sandbox;
    seat->profile = profile;
    seat->order = order;
    seat->state = SEAT_FILLING;
    seat->filling_since_us = clock_now_us();
    seat->look_us = seat->filling_since_us + FILL_DEADLINE_US;
    if (spawner__watch(s, sandbox.control, EVENT_CONTROL, number_of(s, seat)) < 0 ||
        spawner__watch(s, sandbox.pidfd, EVENT_PIDFD, number_of(s, seat)) < 0) {
        log_error("a sandbox cannot be watched: %s", strerror(errno));
        s->stop = true;
        s->exit_code = 1;
    }
    return 0;
}

/* Hands the job in; from here on the run's time counts. */
static void seat_dispatch(struct spawner *s, struct seat *seat) {
    const struct protocol_start *p = &seat->order->record.start;
    struct error err = {0};
    struct sandbox_limits limits = {.memory_bytes = p->memory_bytes, .processes = p->processes};
    bool memory_is_real = sandbox_cgroups_enforces(s->cgroups, "memory");
    bool cpu_is_real = sandbox_cgroups_enforces(s->cgroups, "cpu");
    bool processes_are_real = sandbox_cgroups_enforces(s->cgroups, "processes");
    struct sandbox_start start = {
        .type = SANDBOX_START,
        .fd_mask = p->fd_mask,
        /* A backstop: the cgroup's counter decides, which forking does not evade (S46). */
        .cpu_seconds = p->cpu_ms / 1000 + (cpu_is_real ? 2 : 1),
        .processes = processes_are_real ? 0 : p->processes,
        .file_bytes = p->file_bytes,
        .data_bytes = memory_is_real ? 0 : p->memory_bytes,
        .artifact_bytes = p->artifact_bytes,
    };
    seat->state = SEAT_CLAIMED;
    int r = sandbox_slot_arm(seat->slot, &limits, &err);
    if (r == 0)
        r = sandbox_start(&seat->sandbox, &start, seat->order->fds, seat->order->fd_count);
    else
        log_warning("slot %u: limits cannot be set: %s", sandbox_slot_number(seat->slot),
                    err.message);
    if (r < 0 && seat->was_ready) {
        /* It has died while it waited, and nothing of the job has begun: another takes it. */
        struct spawner_order *order = STEAL_PTR(seat->order);
        seat_kill(seat, SPAWNER_FAILED);
        order_put_back(s, order);
        return;
    }
    for (size_t i = 0; i < seat->order->fd_count; i++)
        fd_close(seat->order->fds[i]);
    seat->order->fd_count = 0;
    uint64_t now = clock_now_us();
    seat->started_us = now;
    seat->wall_end_us = now + (uint64_t)p->wall_ms * 1000;
    seat->cpu_limit_us = (uint64_t)p->cpu_ms * 1000;
    seat->look_us = MIN(seat->wall_end_us, now + LOOK_MIN_US * 2);
    if (r < 0) {
        seat->report.status = -r;
        seat_kill(seat, SPAWNER_FAILED);
    }
}

void seat_claim(struct spawner *s, struct seat *seat, struct spawner_order *order) {
    seat->order = order;
    seat->was_ready = true;
    seat_dispatch(s, seat);
}

void seat_kill(struct seat *seat, enum spawner_cause cause) {
    if (seat->killed)
        return;
    seat->killed = true;
    seat->cause = cause;
    sandbox_kill(&seat->sandbox);
    seat->state = SEAT_DYING;
    seat->look_us = clock_now_us() + DYING_LOOK_US;
}

/* ---- time ---- */

static void look_at_running(struct spawner *s, struct seat *seat, uint64_t now) {
    if (now >= seat->wall_end_us) {
        seat_kill(seat, SPAWNER_WALL);
        return;
    }
    uint64_t used = sandbox_slot_cpu_us(seat->slot);
    if (used >= seat->cpu_limit_us) {
        seat_kill(seat, SPAWNER_CPU);
        return;
    }
    struct sandbox_usage usage;
    if (sandbox_slot_usage(seat->slot, &usage) == 0 && usage.oom_kills > 0) {
        /* The kernel may have killed one process of several: end the whole run (S45). */
        seat_kill(seat, usage.memory_limit_reached ? SPAWNER_MEMORY : SPAWNER_HOST_MEMORY);
        return;
    }
    uint64_t rest = MAX((seat->cpu_limit_us - used) / s->cores, LOOK_MIN_US);
    rest = MIN(rest, LOOK_MAX_US);
    seat->look_us = MIN(now + rest, seat->wall_end_us);
}

static void seat_clean(struct seat *seat, uint64_t now) {
    int r = sandbox_slot_clean(seat->slot);
    if (r == 0 && seat->state == SEAT_QUARANTINED && sandbox_slot_empty(seat->slot) != 0)
        r = -EBUSY; /* whoever outlived a sandbox is still there */
    if (r == 0) {
        seat_reset(seat);
        return;
    }
    seat->clean_tries++;
    seat->look_us = now + CLEAN_AGAIN_US * MIN(seat->clean_tries, 10u);
    if (seat->state == SEAT_CLEANING && (r != -EAGAIN || seat->clean_tries > CLEAN_TRIES)) {
        log_error("slot %u cannot be cleaned (%s) and is set aside",
                  sandbox_slot_number(seat->slot), strerror(-r));
        seat->state = SEAT_QUARANTINED;
    }
    if (seat->state == SEAT_QUARANTINED)
        seat->look_us = now + QUARANTINE_LOOK_US;
}

void seat_look(struct spawner *s, struct seat *seat, uint64_t now) {
    seat->look_us = 0;
    switch (seat->state) {
    case SEAT_FILLING:
        log_error("slot %u: a sandbox was not ready after %llu s", sandbox_slot_number(seat->slot),
                  FILL_DEADLINE_US / 1000000);
        seat->report.status = ETIMEDOUT;
        seat_kill(seat, SPAWNER_REFUSED);
        break;
    case SEAT_CLAIMED:
        look_at_running(s, seat, now);
        break;
    case SEAT_CLEANING:
    case SEAT_QUARANTINED:
        seat_clean(seat, now);
        break;
    case SEAT_DYING:
        log_error("slot %u: a killed sandbox has not ended after %llu s",
                  sandbox_slot_number(seat->slot), DYING_LOOK_US / 1000000);
        if (seat->order) {
            order_refuse(s, seat->order, SPAWNER_FAILED, ETIMEDOUT);
            order_free(STEAL_PTR(seat->order));
        }
        break;
    case SEAT_EMPTY:
    case SEAT_READY:
        break;
    }
}

/* ---- what pid 1 says; as hostile as output ---- */

/* As hostile as any number of pid 1's. */
static int errno_of(const struct sandbox_report *report) {
    return report->status > 0 && report->status < 4096 ? report->status : EPROTO;
}

static void on_failed(struct spawner *s, struct seat *seat, const struct sandbox_report *report) {
    bool filling = seat->state == SEAT_FILLING;
    if (filling) {
        s->create_failed++;
        s->fill_failures++;
    }
    log_warning("slot %u: sandbox failed at step %.*s: %s", sandbox_slot_number(seat->slot),
                (int)sizeof report->step - 1, report->step, strerror(errno_of(report)));
    seat->report = *report;
    seat_kill(seat, filling ? SPAWNER_REFUSED : SPAWNER_FAILED);
}

static void on_message(struct spawner *s, struct seat *seat, const struct sandbox_report *m) {
    switch (m->type) {
    case SANDBOX_READY:
        if (seat->state != SEAT_FILLING)
            break;
        s->created++;
        s->fill_failures = 0;
        seat->state = SEAT_READY;
        seat->look_us = 0;
        if (seat->order)
            seat_dispatch(s, seat);
        return;
    case SANDBOX_FAILED:
        if (!seat->killed)
            on_failed(s, seat, m);
        return;
    case SANDBOX_REPORT:
        if (seat->reported || seat->state == SEAT_FILLING || seat->state == SEAT_READY)
            break;
        if (seat->state == SEAT_CLAIMED) {
            seat->reported = true;
            seat->report = *m;
            seat->ended_us = clock_now_us();
            seat->state = SEAT_DYING;
            seat->look_us = seat->ended_us + DYING_LOOK_US;
            /* Whoever still lives in there goes with pid 1 (S52). */
            sandbox_kill(&seat->sandbox);
        }
        return;
    default:
        break;
    }
    /* Nothing that it says at this point is expected: no more is listened to. */
    seat_kill(seat, SPAWNER_FAILED);
    fd_close(STEAL_FD(seat->sandbox.control));
}

void seat_on_control(struct spawner *s, struct seat *seat) {
    /* Bounded: a pid 1 that floods its socket must not hold up the limits of the others. */
    for (int i = 0; i < MESSAGES_A_TURN && seat->sandbox.control >= 0; i++) {
        struct sandbox_report m;
        ssize_t n = recv(seat->sandbox.control, &m, sizeof m, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0)
            return; /* EAGAIN: all read */
        if (n == sizeof m) {
            m.step[sizeof m.step - 1] = '\0';
            on_message(s, seat, &m);
            continue;
        }
        /* Its end is closed, or it does not keep to the format: the pidfd tells the rest. */
        fd_close(STEAL_FD(seat->sandbox.control));
        if (n != 0)
            seat_kill(seat, SPAWNER_FAILED);
    }
}

/* ---- the end ---- */

/* Without a counter of the group's CPU time the rlimit is what ends a spinning program. */
static bool ended_by_cpu_rlimit(const struct spawner *s, const struct seat *seat) {
    return seat->reported && WIFSIGNALED(seat->report.status) &&
           WTERMSIG(seat->report.status) == SIGXCPU && !sandbox_cgroups_enforces(s->cgroups, "cpu");
}

static enum spawner_cause judge(const struct spawner *s, const struct seat *seat,
                                const struct sandbox_usage *usage) {
    if (seat->killed && (!seat->started_us || seat->cause == SPAWNER_FAILED))
        return seat->cause;
    if (usage->oom_kills > 0)
        return usage->memory_limit_reached ? SPAWNER_MEMORY : SPAWNER_HOST_MEMORY;
    /* The exact counter, not user and system, which the kernel samples by the tick. */
    if (sandbox_slot_cpu_us(seat->slot) >= seat->cpu_limit_us)
        return SPAWNER_CPU;
    if (ended_by_cpu_rlimit(s, seat))
        return SPAWNER_CPU;
    if (seat->reported)
        return SPAWNER_EXITED;
    if (seat->killed)
        return seat->cause;
    return SPAWNER_FAILED; /* pid 1 died without a word */
}

static uint32_t saturate32(uint64_t value) {
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void send_exit(struct spawner *s, struct seat *seat) {
    struct sandbox_usage usage = {0};
    if (sandbox_slot_usage(seat->slot, &usage) < 0)
        log_warning("slot %u: no figures", sandbox_slot_number(seat->slot));
    const struct sandbox_report *report = &seat->report;
    uint64_t end = seat->ended_us ? seat->ended_us : clock_now_us();
    enum spawner_cause cause = judge(s, seat, &usage);
    struct protocol_record record = {
        .type = PROTOCOL_EXIT,
        .id = seat->order->record.id,
        .exit =
            {
                .cause = (uint8_t)cause,
                .flags = (uint8_t)((seat->was_ready ? PROTOCOL_WAS_READY : 0) |
                                   (usage.processes_refused ? PROTOCOL_PROCESSES_HIT : 0)),
                .slot = (uint16_t)sandbox_slot_number(seat->slot),
                .status = seat->reported ? report->status : 0,
                .error = cause == SPAWNER_FAILED || cause == SPAWNER_REFUSED ? errno_of(report) : 0,
                .wall_us = saturate32(seat->started_us ? end - seat->started_us : 0),
                .cpu_user_us = saturate32(usage.cpu_user_us),
                .cpu_system_us = saturate32(usage.cpu_system_us),
                .max_rss_kib = saturate32(report->max_rss_bytes / 1024),
                .context_switches = saturate32(report->context_switches),
                .peak_memory_bytes = usage.peak_memory_bytes,
                .scratch_kib = saturate32(report->scratch_bytes / 1024),
                .processes_refused = saturate32(usage.processes_refused),
            },
    };
    supervisor_send(s, &record);
}

void seat_on_pidfd(struct spawner *s, struct seat *seat) {
    if (sandbox_reap(&seat->sandbox) == 0)
        return;
    seat_on_control(s, seat); /* a report that came just before the end */
    bool was_filling = seat->state == SEAT_FILLING && !seat->killed;
    if (was_filling)
        s->fill_failures++;
    if (seat->order) {
        if (was_filling)
            order_refuse(s, seat->order, SPAWNER_REFUSED, ECHILD);
        else
            send_exit(s, seat);
        order_free(STEAL_PTR(seat->order));
    }
    sandbox_close(&seat->sandbox);
    seat->sandbox = (struct sandbox){.pidfd = -1, .control = -1};
    seat->state = SEAT_CLEANING;
    seat->clean_tries = 0;
    int left = sandbox_slot_empty(seat->slot);
    if (left != 0) {
        log_error("slot %u: %d processes outlived their sandbox and were killed: this is a bug",
                  sandbox_slot_number(seat->slot), left);
        seat->state = SEAT_QUARANTINED;
        seat->look_us = clock_now_us() + QUARANTINE_LOOK_US;
        return;
    }
    seat_clean(seat, clock_now_us());
}
