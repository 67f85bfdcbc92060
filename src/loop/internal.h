/* internal.h: the loop's own struct, for the three files of this folder. */
#pragma once
#include "loop/loop.h"
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    unsigned index;
    _Atomic bool stopping;
    pthread_mutex_t lock;
    struct list tasks;         /* posted, not run; under lock */
    struct timer_handle *idle; /* timers without an owner, to be used again */
    unsigned handles;          /* watches and timers that have an owner */
};

void loop__timers_close(struct loop *loop);
