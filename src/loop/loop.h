/* loop.h: one event loop a thread: descriptors, timers, and work handed over from other threads.
 *
 * Everything but loop_post and loop_stop must be called on the loop's own thread (or before
 * loop_run). Callbacks come only from loop_run, never from inside the call that arms them.
 *
 * Lifetimes. Timers and watches are embedded in the caller's structs and named by `_`-fields. A
 * watch is ended by loop_watch_stop, a timer by loop_timer_stop; the memory of either may be reused
 * as soon as that call has returned: no callback comes after it. (The implementation may hold a
 * small handle of its own until the next turn.) Stop before closing the descriptor.
 */
#pragma once
#include "base/list.h"
#include <stdbool.h>
#include <stdint.h>

struct loop;
enum { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop_watch;
/* events: which of LOOP_READ and LOOP_WRITE is possible. An error reports both, and so does the
 * peer's end of sending to a watch that reads; a watch that only writes is not told of the latter,
 * for it would be told again and again while its answer is on the way. */
typedef void loop_watch_fn(struct loop_watch *watch, int events);
struct loop_watch {
    loop_watch_fn *_on_event;
    void *_handle; /* NULL: not watching */
};

struct loop_timer;
typedef void loop_timer_fn(struct loop_timer *timer);
struct loop_timer {
    loop_timer_fn *_on_time;
    void *_handle;
};

/* Embedded in what is handed to another loop; owned by the loop from loop_post until its callback.
 */
struct loop_task;
typedef void loop_task_fn(struct loop_task *task);
struct loop_task {
    struct list _link;
    loop_task_fn *_run;
};

int loop_new(struct loop **ret_loop, unsigned index);
void loop_free(struct loop *loop); /* not running; watches and timers stopped by owners */
unsigned loop_index(const struct loop *loop);
int loop_run(struct loop *loop); /* until loop_stop; returns 0 */
/* From any thread. The current turn ends first; callbacks that are due by then may still come. */
void loop_stop(struct loop *loop);

/* Level-triggered. fd stays the caller's; it becomes non-blocking. Changing the events of an active
 * watch costs two system calls, the same events again none. -EPERM for what cannot be polled (a
 * regular file), -EEXIST when this loop watches fd already. */
int loop_watch_start(struct loop *loop, struct loop_watch *watch, int fd, int events,
                     loop_watch_fn *on_event);
int loop_watch_change(struct loop_watch *watch, int events); /* 0: pause, keep registered */
void loop_watch_stop(struct loop_watch *watch);              /* nothing if not started */

/* One shot, in milliseconds from now, never early; starting again moves it. It is over, and
 * inactive, before its callback is called. 0 means the next turn. */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t ms,
                      loop_timer_fn *on_time);
void loop_timer_stop(struct loop_timer *timer); /* nothing if not started */
bool loop_timer_active(const struct loop_timer *timer);

/* From any thread; tasks of one poster run in the order posted. What was posted before loop_stop
 * still runs; what was posted later may never, and loop_free drops it without a word. */
void loop_post(struct loop *loop, struct loop_task *task, loop_task_fn *run);
