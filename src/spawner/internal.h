/* internal.h: what the files of the spawner's process share.
 *
 * A *seat* is a slot and what sits in it. Its life:
 *
 *   EMPTY ─ seat_fill ─→ FILLING ─ READY ─→ READY ─ seat_claim ─→ CLAIMED ─ end, kill ─→ DYING
 *     ↑                     └── with a job: dispatched as soon as it is READY ──┘          │ reaped
 *     └──────────── CLEANING (its cgroup empties) ←────────────────────────────────────────┘
 *                      └→ QUARANTINED (a process was left, or memory will not go; looked at again)
 *
 * Time. Every seat has at most one deadline, `look_us`; with at most SPAWNER_SLOTS_MAX seats the
 * loop finds the next one by going through them, which costs less than a heap's upkeep at that
 * size.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fd.h"
#include "base/list.h"
#include "sandbox/sandbox.h"
#include "spawner/protocol.h"
#include "spawner/spawner.h"

enum seat_state {
    SEAT_EMPTY,
    SEAT_FILLING,
    SEAT_READY,
    SEAT_CLAIMED,
    SEAT_DYING,
    SEAT_CLEANING,
    SEAT_QUARANTINED,
};

/* A START that the spawner has taken on. It owns its descriptors until they are handed in. */
struct spawner_order {
    struct list link; /* in spawner.waiting, or to itself */
    struct protocol_record record;
    int fds[FD_PASS_MAX];
    size_t fd_count;
    uint64_t give_up_us; /* waiting: refused then */
};

struct seat {
    struct sandbox_slot *slot;
    enum seat_state state;
    unsigned profile;
    struct sandbox sandbox;
    struct spawner_order *order; /* FILLING cold, CLAIMED, DYING; else NULL */
    bool was_ready;
    bool killed;              /* SIGKILL has been sent */
    enum spawner_cause cause; /* why, when killed */
    bool reported;
    struct sandbox_report report;
    uint64_t started_us, ended_us, wall_end_us, cpu_limit_us;
    uint64_t filling_since_us;
    uint64_t look_us; /* next look at it; 0: none */
    unsigned clean_tries;
};

struct supervisor {
    pid_t pid;
    int pidfd; /* -1: no server */
    int wire;
    uint64_t last_beat_us, started_us, restart_us;
    unsigned ends; /* within the last minute */
    uint64_t ends_since_us;
    bool beaten; /* it has begun its work */
    bool draining;
    uint64_t drain_end_us;
};

struct spawner {
    struct spawner_settings settings;
    struct sandbox_filter *filter;
    struct sandbox_cgroups *cgroups;
    struct sandbox_profile **profiles;
    struct seat *seats;
    const char *missing[8];
    unsigned cores;
    int epoll, signals;
    struct supervisor server;
    struct list waiting; /* struct spawner_order */
    unsigned waiting_len;
    uint64_t fill_again_us; /* after a failure: not before */
    unsigned fill_failures;
    uint64_t created, create_failed;
    uint64_t figures_us, last_tick_us;
    bool stop;
    int exit_code;
};

/* What an epoll event means: the kind in the upper half, the seat's number in the lower. */
enum spawner_event { EVENT_SIGNAL, EVENT_WIRE, EVENT_SERVER, EVENT_CONTROL, EVENT_PIDFD };
int spawner__watch(struct spawner *s, int fd, enum spawner_event kind, unsigned number);

/* order.c: jobs that wait for a seat, and how they end. */
void order_take(struct spawner *s, const struct protocol_record *record, const int *fds,
                size_t fd_count);
/* To the head of those that wait; placed at the end of this turn. */
void order_put_back(struct spawner *s, struct spawner_order *order);
void order_kill(struct spawner *s, uint64_t id);
void order_serve_waiting(struct spawner *s);
uint64_t order_next_us(const struct spawner *s);
void order_drop_all(struct spawner *s);
void order_free(struct spawner_order *order);
/* Nothing of it ran. */
void order_refuse(struct spawner *s, struct spawner_order *order, enum spawner_cause cause,
                  int error_code);

/* seat.c: one seat's life. */
/* 0, or the negative errno of what could not be made. Takes `order` (may be NULL) on success. */
int seat_fill(struct spawner *s, struct seat *seat, unsigned profile, struct spawner_order *order);
void seat_claim(struct spawner *s, struct seat *seat, struct spawner_order *order);
void seat_kill(struct seat *seat, enum spawner_cause cause);
void seat_on_control(struct spawner *s, struct seat *seat);
void seat_on_pidfd(struct spawner *s, struct seat *seat);
void seat_look(struct spawner *s, struct seat *seat, uint64_t now_us); /* its deadline is over */
struct seat *seat_find(struct spawner *s, enum seat_state state, int profile); /* -1: any */

/* pool.c: which sandboxes wait ready. */
void pool_refill(struct spawner *s);
bool pool_evict(struct spawner *s, unsigned for_profile);

/* supervisor.c: the server's process. */
int supervisor_start(struct spawner *s);
void supervisor_on_wire(struct spawner *s);
void supervisor_on_exit(struct spawner *s);
void supervisor_on_signal(struct spawner *s);
void supervisor_tick(struct spawner *s, uint64_t now_us);
uint64_t supervisor_next_us(const struct spawner *s);
void supervisor_send(struct spawner *s, const struct protocol_record *record);
