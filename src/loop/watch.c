/* Watches on descriptors. The uv handle lives on the heap and outlives its watch by one turn, since
 * libuv wants to close it; the caller's struct is forgotten at once. */
#include "base/base.h"
#include "loop/internal.h"
#include "loop/loop.h"
#include <assert.h>
#include <stdlib.h>

struct watch_handle {
    uv_poll_t uv;
    struct loop *loop;
    struct loop_watch *owner;
    int events; /* LOOP_READ, LOOP_WRITE */
};

static void on_poll(uv_poll_t *uv, int status, int uv_events);

/* A peer that has only shut down its sending side stays that way for as long as the answer takes.
 * libuv's word for it, UV_DISCONNECT, is therefore asked for together with reading only: a watch
 * for writing alone, or a paused one, would be called back without end. */
static int arm(struct watch_handle *handle) {
    int wanted = 0;
    if (handle->events & LOOP_READ)
        wanted |= UV_READABLE | UV_DISCONNECT;
    if (handle->events & LOOP_WRITE)
        wanted |= UV_WRITABLE;
    return uv_poll_start(&handle->uv, wanted, on_poll);
}

static void on_poll(uv_poll_t *uv, int status, int uv_events) {
    struct watch_handle *handle = uv->data;
    struct loop_watch *owner = handle->owner;
    int events = 0;
    if (status < 0 || (uv_events & UV_DISCONNECT))
        events = LOOP_READ | LOOP_WRITE;
    if (uv_events & UV_READABLE)
        events |= LOOP_READ;
    if (uv_events & UV_WRITABLE)
        events |= LOOP_WRITE;
    /* libuv stops a handle that has seen an error; to the caller a watch is level-triggered. */
    if (status < 0)
        arm(handle);
    owner->_on_event(owner, events);
}

static void on_closed(uv_handle_t *uv) {
    free(uv->data);
}

int loop_watch_start(struct loop *loop, struct loop_watch *watch, int fd, int events,
                     loop_watch_fn *on_event) {
    assert(watch->_handle == NULL);
    struct watch_handle *handle = base_alloc(sizeof(*handle));
    int r = uv_poll_init(&loop->uv, &handle->uv, fd);
    if (r < 0) {
        free(handle);
        return r;
    }
    handle->uv.data = handle;
    handle->loop = loop;
    handle->owner = watch;
    handle->events = events;
    r = arm(handle);
    if (r < 0) {
        uv_close((uv_handle_t *)&handle->uv, on_closed);
        return r;
    }
    watch->_on_event = on_event;
    watch->_handle = handle;
    loop->handles++;
    return 0;
}

int loop_watch_change(struct loop_watch *watch, int events) {
    struct watch_handle *handle = watch->_handle;
    assert(handle != NULL);
    if (handle->events == events)
        return 0;
    handle->events = events;
    return arm(handle);
}

void loop_watch_stop(struct loop_watch *watch) {
    struct watch_handle *handle = watch->_handle;
    if (handle == NULL)
        return;
    assert(handle->owner == watch);
    watch->_handle = NULL;
    handle->owner = NULL;
    handle->loop->handles--;
    uv_close((uv_handle_t *)&handle->uv, on_closed);
}
