/* The streams of a stage: stdin in, stdout, stderr and the artifact out. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "spawner/stage_internal.h"

#define READ_BYTES (64 * KIB)
/* One turn of the loop takes at most so much from one stream, so that a flood does not hold up its
 * neighbours. */
#define TURN_BYTES (512 * KIB)

int stage_pipe(int ret[2], int our_end) {
    if (pipe2(ret, O_CLOEXEC) < 0)
        return -errno;
    int r = fd_set_nonblocking(ret[our_end], true);
    if (r < 0) {
        fd_close(ret[0]);
        fd_close(ret[1]);
    }
    return r;
}

/* ---- stdout, stderr ---- */

static void keep(struct stage_stream *s, struct span bytes) {
    bool cut = s->on_limit == STAGE_OUTPUT_TRUNCATE;
    uint64_t head_limit = cut ? s->limit - s->limit / 2 : s->limit;
    size_t room = (size_t)MIN(head_limit - MIN(head_limit, s->head.len), bytes.len);
    /* Memory is bounded by the limit; without memory the bytes count as cut. */
    if (buffer_append(&s->head, bytes.data, room) < 0)
        return;
    bytes.data += room;
    bytes.len -= room;
    uint64_t tail_limit = s->limit / 2;
    if (!cut || bytes.len == 0 || tail_limit == 0)
        return;
    if (bytes.len > tail_limit) {
        bytes.data += bytes.len - tail_limit;
        bytes.len = tail_limit;
    }
    if (s->tail.len + bytes.len > 2 * tail_limit)
        buffer_consume(&s->tail, s->tail.len - tail_limit);
    if (buffer_append_span(&s->tail, bytes) < 0)
        buffer_truncate(&s->tail, 0);
}

static void on_stream(struct loop_watch *watch, int events) {
    (void)events;
    struct stage_stream *s = CONTAINER_OF(watch, struct stage_stream, watch);
    char bytes[READ_BYTES];
    for (size_t taken = 0; taken < TURN_BYTES;) {
        ssize_t n = read(s->fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            stage_stream_stop(s);
            stage__on_stream_end(s->stage);
            return;
        }
        struct span piece = {bytes, (size_t)n};
        taken += piece.len;
        s->written += piece.len;
        keep(s, piece);
        stage__on_output(s->stage, s->number, piece);
        if (s->written > s->limit && !s->over) {
            s->over = true;
            if (s->on_limit == STAGE_OUTPUT_KILL)
                stage__on_output_limit(s->stage);
        }
    }
}

int stage_stream_start(struct stage_stream *s, struct loop *loop) {
    return loop_watch_start(loop, &s->watch, s->fd, LOOP_READ, on_stream);
}

void stage_stream_stop(struct stage_stream *s) {
    loop_watch_stop(&s->watch);
    fd_close(STEAL_FD(s->fd));
}

void stage_stream_take(struct stage_stream *s, struct buffer *ret, uint64_t *truncated) {
    if (s->tail.len > s->limit / 2)
        buffer_consume(&s->tail, s->tail.len - (size_t)(s->limit / 2));
    if (s->tail.len > 0 && buffer_append_span(&s->head, buffer_span(&s->tail)) < 0)
        buffer_truncate(&s->tail, 0);
    *truncated += s->written - MIN(s->written, (uint64_t)s->head.len);
    *ret = s->head;
    s->head = BUFFER_INIT(0);
    buffer_done(&s->tail);
}

/* ---- stdin ---- */

static bool feed_write(struct stage_feed *f) {
    while (f->rest.len > 0) {
        ssize_t n = write(f->fd, f->rest.data, f->rest.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN; /* EPIPE: the program does not want the rest */
        f->rest.data += n;
        f->rest.len -= (size_t)n;
    }
    return false;
}

static void on_feed(struct loop_watch *watch, int events) {
    (void)events;
    struct stage_feed *f = CONTAINER_OF(watch, struct stage_feed, watch);
    if (!feed_write(f))
        stage_feed_stop(f);
}

int stage_feed_start(struct stage_feed *f, struct loop *loop) {
    if (!feed_write(f)) {
        fd_close(STEAL_FD(f->fd));
        return 0;
    }
    return loop_watch_start(loop, &f->watch, f->fd, LOOP_WRITE, on_feed);
}

void stage_feed_stop(struct stage_feed *f) {
    loop_watch_stop(&f->watch);
    fd_close(STEAL_FD(f->fd));
}

/* ---- the artifact ---- */

int stage_artifact_open(struct stage_artifact *a, int dir_fd) {
    /* Executable by the sandbox's own uid, which is "other" to this file; written only by us. */
    a->file = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (a->file < 0 || fchmod(a->file, 0555) < 0)
        return -errno;
    return 0;
}

static void artifact_fail(struct stage_artifact *a, int code) {
    if (a->error == 0)
        a->error = code;
}

/* Takes the frame's first eight bytes off the front. */
static struct span take_head(struct stage_artifact *a, struct span piece) {
    size_t n = MIN(sizeof a->head - a->head_len, piece.len);
    memcpy(a->head + a->head_len, piece.data, n);
    a->head_len += n;
    if (n > 0 && a->head_len == sizeof a->head) {
        uint64_t raw;
        memcpy(&raw, a->head, sizeof raw);
        a->announced = (int64_t)le64toh(raw);
        if (a->announced < 0)
            artifact_fail(a, a->announced > -4096 ? (int)-a->announced : EPROTO);
        else if ((uint64_t)a->announced > a->limit)
            artifact_fail(a, EFBIG);
    }
    return (struct span){piece.data + n, piece.len - n};
}

static void take_piece(struct stage_artifact *a, struct span piece) {
    piece = take_head(a, piece);
    if (piece.len == 0 || a->error)
        return;
    a->received += piece.len;
    if (a->received > a->limit || a->received > (uint64_t)a->announced)
        artifact_fail(a, EPROTO); /* more than it said: as hostile as any output */
    else {
        int r = fd_write_full(a->file, piece.data, piece.len);
        if (r < 0)
            artifact_fail(a, -r);
    }
}

static void on_artifact(struct loop_watch *watch, int events) {
    (void)events;
    struct stage_artifact *a = CONTAINER_OF(watch, struct stage_artifact, watch);
    char bytes[READ_BYTES];
    for (size_t taken = 0; taken < TURN_BYTES;) {
        ssize_t n = read(a->fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            loop_watch_stop(&a->watch);
            fd_close(STEAL_FD(a->fd));
            stage__on_stream_end(a->stage);
            return;
        }
        taken += (size_t)n;
        take_piece(a, (struct span){bytes, (size_t)n});
    }
}

int stage_artifact_start(struct stage_artifact *a, struct loop *loop) {
    return loop_watch_start(loop, &a->watch, a->fd, LOOP_READ, on_artifact);
}

void stage_artifact_stop(struct stage_artifact *a) {
    loop_watch_stop(&a->watch);
    fd_close(STEAL_FD(a->fd));
    fd_close(STEAL_FD(a->file));
}

int stage_artifact_take(struct stage_artifact *a, int *ret_error) {
    if (a->error == 0 && a->head_len < sizeof a->head)
        a->error = ENOENT;
    if (a->error == 0 && a->received != (uint64_t)a->announced)
        a->error = EPROTO;
    *ret_error = a->error;
    if (a->error)
        return -1;
    /* A file that is open for writing cannot be executed (ETXTBSY): only a reader is kept. */
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", a->file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        *ret_error = errno;
    fd_close(STEAL_FD(a->file));
    return fd;
}
