/* Timers. A timer's uv handle lives on the heap, so that the caller's struct may go at any time; an
 * idle one is kept and used again, because most timers are set and stopped once a request. */
#include "base/base.h"
#include "base/clock.h"
#include "loop/internal.h"
#include "loop/loop.h"
#include <assert.h>
#include <stdlib.h>

struct timer_handle {
    uv_timer_t uv;
    struct loop *loop;
    struct loop_timer *owner;  /* NULL: idle */
    struct timer_handle *next; /* of the idle ones */
};

static struct timer_handle *take_handle(struct loop *loop) {
    struct timer_handle *handle = loop->idle;
    if (handle != NULL) {
        loop->idle = handle->next;
    } else {
        handle = base_alloc(sizeof(*handle));
        handle->loop = loop;
        uv_timer_init(&loop->uv, &handle->uv);
        handle->uv.data = handle;
    }
    loop->handles++;
    return handle;
}

static void on_time(uv_timer_t *uv) {
    struct timer_handle *handle = uv->data;
    struct loop_timer *owner = handle->owner;
    loop_timer_fn *callback = owner->_on_time;
    /* The timer is over before its callback, which may start it again or free it. */
    loop_timer_stop(owner);
    callback(owner);
}

/* libuv counts from the start of the turn, in whole milliseconds. Counting from now and rounding up
 * makes a timer late by up to one and never early. It is at least 1, since a timer of 0 that starts
 * itself again would keep libuv from ever looking at the descriptors. */
static uint64_t delay_from_turn(struct loop *loop, uint64_t ms) {
    uint64_t now = (clock_now_us() + 999) / 1000;
    uint64_t turn = uv_now(&loop->uv);
    uint64_t lag = now > turn ? now - turn : 0;
    return MAX(MIN(ms, UINT64_MAX / 4) + lag, (uint64_t)1);
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t ms,
                      loop_timer_fn *on_time_up) {
    struct timer_handle *handle = timer->_handle;
    assert(handle == NULL || handle->loop == loop);
    if (handle == NULL) {
        handle = take_handle(loop);
        handle->owner = timer;
        timer->_handle = handle;
    }
    timer->_on_time = on_time_up;
    uv_timer_start(&handle->uv, on_time, delay_from_turn(loop, ms), 0);
}

void loop_timer_stop(struct loop_timer *timer) {
    struct timer_handle *handle = timer->_handle;
    if (handle == NULL)
        return;
    assert(handle->owner == timer);
    uv_timer_stop(&handle->uv);
    timer->_handle = NULL;
    handle->owner = NULL;
    handle->next = handle->loop->idle;
    handle->loop->idle = handle;
    handle->loop->handles--;
}

bool loop_timer_active(const struct loop_timer *timer) {
    return timer->_handle != NULL;
}

static void on_closed(uv_handle_t *uv) {
    free(uv->data);
}

void loop__timers_close(struct loop *loop) {
    while (loop->idle != NULL) {
        struct timer_handle *handle = loop->idle;
        loop->idle = handle->next;
        uv_close((uv_handle_t *)&handle->uv, on_closed);
    }
}
