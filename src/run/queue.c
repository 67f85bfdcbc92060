/* Places and those who wait for one; the theory of operation stands in internal.h. */
#include <assert.h>

#include "run/internal.h"

void run_queue_init(struct run_queue *q, unsigned places, unsigned waiting_max) {
    pthread_mutex_init(&q->_mutex, NULL);
    list_init(&q->_waiters);
    q->_free_places = places;
    q->_waiting = 0;
    q->_waiting_max = waiting_max;
}

void run_queue_done(struct run_queue *q) {
    assert(list_empty(&q->_waiters));
    pthread_mutex_destroy(&q->_mutex);
}

/* With the mutex held. */
static void unlink_waiter(struct run_queue *q, struct run_waiter *w) {
    assert(w->_waiting && q->_waiting > 0);
    list_remove(&w->_link);
    w->_waiting = false;
    q->_waiting--;
}

static void on_place_came(struct loop_task *task) {
    struct run_waiter *w = CONTAINER_OF(task, struct run_waiter, _task);
    loop_timer_stop(&w->_timer);
    w->_on_turn(w, true);
}

static void on_waited_long(struct loop_timer *timer) {
    struct run_waiter *w = CONTAINER_OF(timer, struct run_waiter, _timer);
    /* A place that is on its way was won before the time was over: its task tells. */
    if (run_queue_leave(w->_queue, w))
        w->_on_turn(w, false);
}

enum run_queue_answer run_queue_enter(struct run_queue *q, struct run_waiter *w, struct loop *loop,
                                      uint64_t wait_ms,
                                      void (*on_turn)(struct run_waiter *w, bool has_place)) {
    *w = (struct run_waiter){._loop = loop, ._queue = q, ._on_turn = on_turn};
    list_init(&w->_link);
    enum run_queue_answer answer = RUN_QUEUE_FULL;
    pthread_mutex_lock(&q->_mutex);
    if (q->_free_places > 0) {
        q->_free_places--;
        answer = RUN_QUEUE_PLACE;
    } else if (q->_waiting < q->_waiting_max) {
        list_push_back(&q->_waiters, &w->_link);
        w->_waiting = true;
        q->_waiting++;
        answer = RUN_QUEUE_WAITS;
    }
    pthread_mutex_unlock(&q->_mutex);
    /* After the unlock: a place that comes at once posts to this very loop, so it cannot run before
     * the timer stands. */
    if (answer == RUN_QUEUE_WAITS)
        loop_timer_start(loop, &w->_timer, wait_ms, on_waited_long);
    return answer;
}

bool run_queue_leave(struct run_queue *q, struct run_waiter *w) {
    pthread_mutex_lock(&q->_mutex);
    bool waited = w->_waiting;
    if (waited)
        unlink_waiter(q, w);
    pthread_mutex_unlock(&q->_mutex);
    if (waited)
        loop_timer_stop(&w->_timer);
    return waited;
}

void run_queue_release(struct run_queue *q) {
    pthread_mutex_lock(&q->_mutex);
    struct run_waiter *first = LIST_FIRST(&q->_waiters, struct run_waiter, _link);
    if (first)
        unlink_waiter(q, first);
    else
        q->_free_places++;
    pthread_mutex_unlock(&q->_mutex);
    /* Also to the own loop by a task: the head must not begin inside the end of another. It cannot
     * be gone here: off the list, only its task ends it. */
    if (first)
        loop_post(first->_loop, &first->_task, on_place_came);
}

unsigned run_queue_waiting(struct run_queue *q) {
    pthread_mutex_lock(&q->_mutex);
    unsigned waiting = q->_waiting;
    pthread_mutex_unlock(&q->_mutex);
    return waiting;
}
