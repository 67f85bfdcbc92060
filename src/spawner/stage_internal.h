/* stage_internal.h: the streams of a stage (stage_io.c), as stage.c uses them. Each calls back once
 * when it is finished; all of it on the stage's loop. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "loop/loop.h"
#include "spawner/stage.h"

/* One of the program's output streams, collected. */
struct stage_stream {
    struct loop_watch watch;
    int fd;     /* our end; -1: at its end */
    int number; /* 1 or 2 */
    uint64_t limit, written;
    enum stage_on_output_limit on_limit;
    bool over;
    struct buffer head, tail;
    struct stage *stage;
};

/* stdin on its way in. */
struct stage_feed {
    struct loop_watch watch;
    int fd; /* -1: all written, or nobody reads any more */
    struct span rest;
};

/* The artifact on its way out (job.h has the frame). */
struct stage_artifact {
    struct loop_watch watch;
    int fd;   /* the pipe; -1: at its end, or not asked for */
    int file; /* O_TMPFILE, read-write; -1: none */
    uint64_t limit, received;
    uint8_t head[8];
    size_t head_len;
    int64_t announced;
    int error; /* positive errno */
    struct stage *stage;
};

/* Opens a pipe: ret[0] reads. Which end is ours is made non-blocking. */
int stage_pipe(int ret[2], int our_end);

int stage_stream_start(struct stage_stream *s, struct loop *loop);
void stage_stream_stop(struct stage_stream *s);
/* Head and tail together, the buffer's owner from now on is the caller. */
void stage_stream_take(struct stage_stream *s, struct buffer *ret, uint64_t *truncated);

int stage_feed_start(struct stage_feed *f, struct loop *loop);
void stage_feed_stop(struct stage_feed *f);

int stage_artifact_open(struct stage_artifact *a, int dir_fd);
int stage_artifact_start(struct stage_artifact *a, struct loop *loop);
void stage_artifact_stop(struct stage_artifact *a);
/* After the sandbox is dead: the checked file, read-only, or -1 with *ret_error. */
int stage_artifact_take(struct stage_artifact *a, int *ret_error);

/* stage.c: a stream has ended; the limit of one is passed. */
void stage__on_stream_end(struct stage *stage);
void stage__on_output_limit(struct stage *stage);
void stage__on_output(struct stage *stage, int stream, struct span bytes);
