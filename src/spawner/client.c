/* The server's end of the wire. Jobs are kept in one list a loop, touched by that loop alone; the
 * number of the loop is the lowest byte of a job's id, so that the receiver knows whom to hand an
 * EXIT to without a lock. */
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "loop/loop.h"
#include "spawner/protocol.h"
#include "spawner/spawner.h"

#define LOOPS_MAX 64
#define BEAT_MS 1000

struct spawner_client {
    int wire;
    struct loop *const *loops;
    unsigned loops_len;
    struct spawner_job *jobs[LOOPS_MAX];
    atomic_uint_least64_t next_id;
    struct loop_watch watch;
    struct loop_timer beat;
    pthread_mutex_t figures_lock;
    struct spawner_figures figures;
    void (*on_drain)(void *user);
    void (*on_lost)(void *user);
    void *user;
};

/* An EXIT on its way to another loop. */
struct delivery {
    struct loop_task task;
    struct spawner_client *client;
    struct protocol_record record;
};

static void exit_of_record(const struct protocol_record *record, struct spawner_exit *ret) {
    const struct protocol_exit *e = &record->exit;
    *ret = (struct spawner_exit){
        .cause = e->cause < SPAWNER_CAUSE_COUNT ? (enum spawner_cause)e->cause : SPAWNER_FAILED,
        .status = e->status,
        .slot = e->slot,
        .was_ready = e->flags & PROTOCOL_WAS_READY,
        .processes_hit = e->flags & PROTOCOL_PROCESSES_HIT,
        .error = e->error,
        .wall_us = e->wall_us,
        .cpu_user_us = e->cpu_user_us,
        .cpu_system_us = e->cpu_system_us,
        .peak_memory_bytes = e->peak_memory_bytes,
        .max_rss_bytes = (uint64_t)e->max_rss_kib * KIB,
        .scratch_bytes = (uint64_t)e->scratch_kib * KIB,
        .processes_refused = e->processes_refused,
        .context_switches = e->context_switches,
    };
}

static void deliver(struct spawner_client *c, const struct protocol_record *record) {
    struct spawner_job **at = &c->jobs[record->id & 0xff];
    while (*at && (*at)->_id != record->id)
        at = &(*at)->_next;
    struct spawner_job *job = *at;
    if (!job) {
        log_warning("the spawner told the end of a job that nobody has");
        return;
    }
    *at = job->_next;
    struct spawner_exit exit;
    exit_of_record(record, &exit);
    job->_id = 0;
    job->_on_exit(job, &exit);
}

static void on_delivery(struct loop_task *task) {
    struct delivery *d = CONTAINER_OF(task, struct delivery, task);
    deliver(d->client, &d->record);
    free(d);
}

static void on_exit_record(struct spawner_client *c, const struct protocol_record *record) {
    unsigned index = record->id & 0xff;
    if (index == 0) {
        deliver(c, record);
    } else if (index < c->loops_len) {
        struct delivery *d = base_alloc(sizeof *d);
        d->client = c;
        d->record = *record;
        loop_post(c->loops[index], &d->task, on_delivery);
    }
}

static void on_figures(struct spawner_client *c, const struct protocol_figures *f) {
    pthread_mutex_lock(&c->figures_lock);
    c->figures = (struct spawner_figures){
        .slots = f->slots,
        .ready = f->ready,
        .claimed = f->claimed,
        .quarantined = f->quarantined,
        .filling = f->filling,
        .created = f->created,
        .create_failed = f->create_failed,
        .cpu_us = f->cpu_us,
    };
    pthread_mutex_unlock(&c->figures_lock);
}

static void on_wire(struct loop_watch *watch, int events) {
    (void)events;
    struct spawner_client *c = CONTAINER_OF(watch, struct spawner_client, watch);
    for (;;) {
        struct protocol_record record;
        int fds[FD_PASS_MAX];
        size_t fd_count = 0;
        ssize_t n = fd_receive(c->wire, &record, sizeof record, fds, &fd_count);
        for (size_t i = 0; n >= 0 && i < fd_count; i++)
            fd_close(fds[i]); /* the spawner never sends any */
        if (n == -EAGAIN || n == -EINTR)
            return;
        if (n != sizeof record) {
            loop_watch_stop(&c->watch);
            loop_timer_stop(&c->beat);
            c->on_lost(c->user);
            return;
        }
        if (record.type == PROTOCOL_EXIT)
            on_exit_record(c, &record);
        else if (record.type == PROTOCOL_FIGURES)
            on_figures(c, &record.figures);
        else if (record.type == PROTOCOL_DRAIN)
            c->on_drain(c->user);
    }
}

static void on_beat(struct loop_timer *timer) {
    struct spawner_client *c = CONTAINER_OF(timer, struct spawner_client, beat);
    struct protocol_record record = {.type = PROTOCOL_BEAT};
    int r = fd_send(c->wire, &record, sizeof record, NULL, 0);
    if (r < 0 && r != -EAGAIN)
        log_debug("beat: %s", strerror(-r)); /* the watch finds the end of the wire */
    loop_timer_start(c->loops[0], &c->beat, BEAT_MS, on_beat);
}

int spawner_client_new(int wire, struct loop *const *loops, unsigned loops_len,
                       void (*on_drain)(void *user), void (*on_lost)(void *user), void *user,
                       struct spawner_client **ret, struct error *err) {
    if (loops_len < 1 || loops_len > LOOPS_MAX)
        return error_set(err, EINVAL, "1 to %d loops", LOOPS_MAX);
    int r = fd_set_nonblocking(wire, true);
    if (r < 0)
        return error_errno(err, -r, "the spawner's wire");
    struct spawner_client *c = base_alloc(sizeof *c);
    c->wire = wire;
    c->loops = loops;
    c->loops_len = loops_len;
    c->on_drain = on_drain;
    c->on_lost = on_lost;
    c->user = user;
    /* A number of an earlier server's jobs never comes again. */
    uint64_t first;
    randombytes_buf(&first, sizeof first);
    atomic_init(&c->next_id, first >> 16 | 1);
    pthread_mutex_init(&c->figures_lock, NULL);
    r = loop_watch_start(loops[0], &c->watch, wire, LOOP_READ, on_wire);
    if (r < 0) {
        spawner_client_free(c);
        return error_errno(err, -r, "watch the spawner's wire");
    }
    loop_timer_start(loops[0], &c->beat, 0, on_beat);
    *ret = c;
    return 0;
}

void spawner_client_free(struct spawner_client *c) {
    if (!c)
        return;
    loop_watch_stop(&c->watch);
    loop_timer_stop(&c->beat);
    fd_close(c->wire);
    pthread_mutex_destroy(&c->figures_lock);
    free(c);
}

static uint32_t clamp_ms(uint64_t ms, uint32_t max) {
    return ms < 1 ? 1 : ms > max ? max : (uint32_t)ms;
}

int spawner_start(struct spawner_client *c, struct loop *loop, struct spawner_job *job,
                  unsigned profile, const struct spawner_limits *limits, uint32_t fd_mask,
                  const int *fds, size_t fd_count, spawner_exit_fn *on_exit) {
    unsigned index = loop_index(loop);
    /* Relaxed: only the number's being unique matters. */
    uint64_t number = atomic_fetch_add_explicit(&c->next_id, 1, memory_order_relaxed);
    struct protocol_record record = {
        .type = PROTOCOL_START,
        .profile = profile,
        .id = number << 8 | index,
        .start =
            {
                .wall_ms = clamp_ms(limits->wall_ms, PROTOCOL_WALL_MS_MAX),
                .cpu_ms = clamp_ms(limits->cpu_ms, PROTOCOL_CPU_MS_MAX),
                .memory_bytes = MAX(limits->memory_bytes, (uint64_t)PROTOCOL_MEMORY_BYTES_MIN),
                .processes = (uint32_t)MIN(MAX(limits->processes, (uint64_t)1),
                                           (uint64_t)PROTOCOL_PROCESSES_MAX),
                .file_bytes = MIN(limits->file_bytes, PROTOCOL_FILE_BYTES_MAX),
                .artifact_bytes = MIN(limits->artifact_bytes, PROTOCOL_FILE_BYTES_MAX),
                .fd_mask = fd_mask,
            },
    };
    *job = (struct spawner_job){
        ._id = record.id, ._loop = loop, ._on_exit = on_exit, ._next = c->jobs[index]};
    c->jobs[index] = job;
    int r = fd_send(c->wire, &record, sizeof record, fds, fd_count);
    if (r < 0) {
        c->jobs[index] = job->_next;
        job->_id = 0;
    }
    return r;
}

void spawner_kill(struct spawner_client *c, struct spawner_job *job) {
    if (job->_id == 0)
        return;
    struct protocol_record record = {.type = PROTOCOL_KILL, .id = job->_id};
    int r = fd_send(c->wire, &record, sizeof record, NULL, 0);
    if (r < 0)
        log_warning("a kill could not be sent: %s; the job's own limits end it", strerror(-r));
}

void spawner_client_figures(struct spawner_client *c, struct spawner_figures *ret) {
    pthread_mutex_lock(&c->figures_lock);
    *ret = c->figures;
    pthread_mutex_unlock(&c->figures_lock);
}
