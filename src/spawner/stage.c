/* A stage: the pipes, the order to the spawner, and the verdict. */
#include "spawner/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "sandbox/sandbox.h"
#include "spawner/spawner.h"
#include "spawner/stage_internal.h"

struct stage {
    struct spawner_client *client;
    struct loop *loop;
    struct spawner_job job;
    struct stage_stream out, err;
    struct stage_feed in;
    struct stage_artifact artifact;
    bool wants_artifact;
    bool exited, cancelled, over_output;
    struct spawner_exit exit;
    void (*on_output)(void *user, int stream, struct span bytes);
    void (*on_done)(struct stage *stage, struct stage_result *result, void *user);
    void *user;
};

void stage_result_done(struct stage_result *r) {
    buffer_done(&r->out);
    buffer_done(&r->err);
    fd_close(STEAL_FD(r->artifact));
}

static void stage_free(struct stage *s) {
    stage_stream_stop(&s->out);
    stage_stream_stop(&s->err);
    stage_feed_stop(&s->in);
    stage_artifact_stop(&s->artifact);
    buffer_done(&s->out.head);
    buffer_done(&s->out.tail);
    buffer_done(&s->err.head);
    buffer_done(&s->err.tail);
    free(s);
}

/* ---- the verdict ---- */

static void judge_status(const struct spawner_exit *e, struct stage_result *r) {
    if (WIFEXITED(e->status)) {
        r->exit_code = WEXITSTATUS(e->status);
        r->verdict = r->exit_code == 0 ? VERDICT_OK : VERDICT_RUNTIME_ERROR;
    } else if (WIFSIGNALED(e->status)) {
        r->signal = WTERMSIG(e->status);
        r->verdict = VERDICT_SIGNALLED;
    } else {
        r->verdict = VERDICT_INTERNAL_ERROR;
        snprintf(r->reason, sizeof r->reason, "pid 1 reported the impossible status %#x",
                 (unsigned)e->status);
    }
    if (r->verdict != VERDICT_OK && r->verdict != VERDICT_INTERNAL_ERROR && e->processes_hit) {
        r->verdict = VERDICT_PROCESS_LIMIT; /* S55 */
        r->limit = LIMIT_PROCESSES;
    }
}

static void judge(const struct stage *s, struct stage_result *r) {
    const struct spawner_exit *e = &s->exit;
    r->exit_code = -1;
    switch (e->cause) {
    case SPAWNER_EXITED:
        judge_status(e, r);
        break;
    case SPAWNER_WALL:
        r->verdict = VERDICT_TIME_LIMIT;
        r->limit = LIMIT_WALL;
        break;
    case SPAWNER_CPU:
        r->verdict = VERDICT_TIME_LIMIT;
        r->limit = LIMIT_CPU;
        break;
    case SPAWNER_MEMORY:
        r->verdict = VERDICT_MEMORY_LIMIT;
        r->limit = LIMIT_MEMORY;
        break;
    case SPAWNER_HOST_MEMORY:
        r->verdict = VERDICT_INTERNAL_ERROR;
        r->host_memory = true;
        snprintf(r->reason, sizeof r->reason, "the host is short of memory");
        break;
    case SPAWNER_KILLED:
        r->verdict = VERDICT_CANCELLED;
        break;
    case SPAWNER_REFUSED:
        r->refused = true;
        FALLTHROUGH;
    case SPAWNER_FAILED:
    case SPAWNER_CAUSE_COUNT:
        r->verdict = VERDICT_INTERNAL_ERROR;
        snprintf(r->reason, sizeof r->reason, "%s: %s",
                 r->refused ? "no sandbox could be made" : "the sandbox broke", strerror(e->error));
        break;
    }
    if (s->over_output && !s->cancelled && r->verdict != VERDICT_INTERNAL_ERROR) {
        r->verdict = VERDICT_OUTPUT_LIMIT;
        r->limit = LIMIT_OUTPUT;
    } else if (s->cancelled && e->cause == SPAWNER_KILLED) {
        r->verdict = VERDICT_CANCELLED;
    }
}

static void fill_result(struct stage *s, struct stage_result *r) {
    const struct spawner_exit *e = &s->exit;
    *r = (struct stage_result){
        .artifact = -1,
        .out_bytes = s->out.written,
        .err_bytes = s->err.written,
        .wall_us = e->wall_us,
        .cpu_us = e->cpu_user_us + e->cpu_system_us,
        .cpu_user_us = e->cpu_user_us,
        .cpu_system_us = e->cpu_system_us,
        .peak_memory_bytes = e->peak_memory_bytes,
        .max_rss_bytes = e->max_rss_bytes,
        .scratch_bytes = e->scratch_bytes,
        .processes_refused = e->processes_refused,
        .context_switches = e->context_switches,
        .was_ready = e->was_ready,
    };
    judge(s, r);
    stage_stream_take(&s->out, &r->out, &r->truncated);
    stage_stream_take(&s->err, &r->err, &r->truncated);
    if (s->wants_artifact && r->verdict == VERDICT_OK) {
        r->artifact = stage_artifact_take(&s->artifact, &r->artifact_error);
        r->artifact_missing = r->artifact < 0;
        r->artifact_bytes = s->artifact.received;
    }
}

/* The end: the sandbox is dead and every pipe of it is drained. */
static void finish_if_over(struct stage *s) {
    if (!s->exited || s->out.fd >= 0 || s->err.fd >= 0 || s->artifact.fd >= 0)
        return;
    struct stage_result result;
    fill_result(s, &result);
    s->on_done(s, &result, s->user);
    stage_result_done(&result);
    stage_free(s);
}

/* ---- what happens meanwhile ---- */

static void on_sandbox_exit(struct spawner_job *job, const struct spawner_exit *exit) {
    struct stage *s = CONTAINER_OF(job, struct stage, job);
    s->exited = true;
    s->exit = *exit;
    stage_feed_stop(&s->in);
    /* Nothing lives that holds an end of the pipes: their watches find the end of file. */
    finish_if_over(s);
}

void stage__on_stream_end(struct stage *s) {
    finish_if_over(s);
}

void stage__on_output_limit(struct stage *s) {
    s->over_output = true;
    spawner_kill(s->client, &s->job);
}

void stage__on_output(struct stage *s, int stream, struct span bytes) {
    if (s->on_output)
        s->on_output(s->user, stream, bytes);
}

void stage_cancel(struct stage *s) {
    s->cancelled = true;
    spawner_kill(s->client, &s->job);
}

/* ---- the beginning ---- */

/* What goes into the sandbox; closed on our side as soon as it has been sent. */
struct handed {
    int fds[FD_PASS_MAX];
    size_t count;
    uint32_t mask;
};

static void hand(struct handed *h, enum sandbox_fd which, int fd) {
    h->fds[h->count++] = fd;
    h->mask |= which;
}

/* In the order of enum sandbox_fd. */
static int open_streams(struct stage *s, const struct stage_spec *spec, struct handed *h) {
    int in[2], out[2], err[2], artifact[2];
    int r = stage_pipe(in, 1);
    if (r < 0)
        return r;
    s->in.fd = in[1];
    hand(h, SANDBOX_FD_STDIN, in[0]);
    r = stage_pipe(out, 0);
    if (r < 0)
        return r;
    s->out.fd = out[0];
    hand(h, SANDBOX_FD_STDOUT, out[1]);
    r = stage_pipe(err, 0);
    if (r < 0)
        return r;
    s->err.fd = err[0];
    hand(h, SANDBOX_FD_STDERR, err[1]);
    if (spec->artifact_fd >= 0) {
        int copy = fcntl(spec->artifact_fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
            return -errno;
        hand(h, SANDBOX_FD_ARTIFACT_IN, copy);
    }
    if (!spec->artifact_name)
        return 0;
    r = stage_artifact_open(&s->artifact, spec->artifact_dir);
    if (r == 0)
        r = stage_pipe(artifact, 0);
    if (r < 0)
        return r;
    s->artifact.fd = artifact[0];
    hand(h, SANDBOX_FD_ARTIFACT_OUT, artifact[1]);
    return 0;
}

static int start_watches(struct stage *s) {
    int r = stage_stream_start(&s->out, s->loop);
    if (r == 0)
        r = stage_stream_start(&s->err, s->loop);
    if (r == 0)
        r = stage_feed_start(&s->in, s->loop);
    if (r == 0 && s->artifact.fd >= 0)
        r = stage_artifact_start(&s->artifact, s->loop);
    return r;
}

static struct stage *stage_new(struct spawner_client *client, struct loop *loop,
                               const struct stage_spec *spec) {
    struct stage *s = base_alloc(sizeof *s);
    struct stage_stream stream = {
        .fd = -1, .limit = spec->output_bytes, .on_limit = spec->on_output_limit, .stage = s};
    s->client = client;
    s->loop = loop;
    s->out = s->err = stream;
    s->out.number = 1;
    s->err.number = 2;
    s->in = (struct stage_feed){.fd = -1, .rest = spec->stdin_bytes};
    s->artifact =
        (struct stage_artifact){.fd = -1, .file = -1, .limit = spec->artifact_bytes, .stage = s};
    s->wants_artifact = spec->artifact_name != NULL;
    s->on_output = spec->on_output;
    return s;
}

int stage_start(struct spawner_client *client, struct loop *loop, const struct stage_spec *spec,
                void (*on_done)(struct stage *stage, struct stage_result *result, void *user),
                void *user, struct stage **ret_stage, struct error *err) {
    struct handed h = {0};
    int job = stage_job_new(spec, err);
    if (job < 0)
        return job;
    hand(&h, SANDBOX_FD_JOB, job);
    struct stage *s = stage_new(client, loop, spec);
    s->on_done = on_done;
    s->user = user;
    struct spawner_limits limits = {
        .wall_ms = spec->wall_ms,
        .cpu_ms = spec->cpu_ms,
        .memory_bytes = spec->memory_bytes,
        .processes = spec->processes,
        .file_bytes = spec->file_bytes,
        .artifact_bytes = spec->artifact_bytes,
    };
    int r = open_streams(s, spec, &h);
    if (r == 0)
        r = start_watches(s);
    if (r == 0)
        r = spawner_start(client, loop, &s->job, spec->profile, &limits, h.mask, h.fds, h.count,
                          on_sandbox_exit);
    for (size_t i = 0; i < h.count; i++)
        fd_close(h.fds[i]);
    if (r < 0) {
        stage_free(s);
        return error_errno(err, -r, "start a stage");
    }
    *ret_stage = s;
    return 0;
}
