/* The loop on top of libuv: its start and end, and what comes from other threads.
 *
 * Other threads reach a loop in two ways only: loop_post puts a task into a list under a mutex, and
 * loop_stop raises a flag; both then wake the loop through one uv_async. libuv folds several wakes
 * into one, so the callback looks at everything there is: first all tasks, then the flag. A task
 * that was posted before loop_stop therefore still runs.
 */
#include "loop/loop.h"
#include "base/base.h"
#include "loop/internal.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static void run_tasks(struct loop *loop) {
    struct list batch;
    list_init(&batch);
    pthread_mutex_lock(&loop->lock);
    /* The whole list changes hands at once; what is posted meanwhile waits for the next turn, so a
     * task that posts itself does not starve the descriptors. */
    if (!list_empty(&loop->tasks)) {
        batch = loop->tasks;
        batch.next->prev = &batch;
        batch.prev->next = &batch;
        list_init(&loop->tasks);
    }
    pthread_mutex_unlock(&loop->lock);
    struct loop_task *task;
    while ((task = LIST_FIRST(&batch, struct loop_task, _link)) != NULL) {
        list_remove(&task->_link);
        task->_run(task);
    }
}

static void on_wake(uv_async_t *wake) {
    struct loop *loop = wake->data;
    /* Read before the tasks: those posted before the stop are then in the list for certain. */
    bool stop = atomic_exchange(&loop->stopping, false);
    run_tasks(loop);
    if (stop)
        uv_stop(&loop->uv);
}

int loop_new(struct loop **ret_loop, unsigned index) {
    struct loop *loop = base_alloc(sizeof(*loop));
    int r = uv_loop_init(&loop->uv);
    if (r < 0) {
        free(loop);
        return r;
    }
    r = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (r < 0) {
        uv_loop_close(&loop->uv);
        free(loop);
        return r;
    }
    loop->wake.data = loop;
    loop->index = index;
    list_init(&loop->tasks);
    pthread_mutex_init(&loop->lock, NULL);
    *ret_loop = loop;
    return 0;
}

void loop_free(struct loop *loop) {
    if (loop == NULL)
        return;
    assert(loop->handles == 0);
    loop__timers_close(loop);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    /* Nothing is active any more: this turn only runs the close callbacks, which free. */
    int r = uv_run(&loop->uv, UV_RUN_DEFAULT);
    assert(r == 0);
    r = uv_loop_close(&loop->uv);
    assert(r == 0);
    (void)r;
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

unsigned loop_index(const struct loop *loop) {
    return loop->index;
}

int loop_run(struct loop *loop) {
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    return 0;
}

static void wake(struct loop *loop) {
    int r = uv_async_send(&loop->wake);
    assert(r == 0);
    (void)r;
}

void loop_stop(struct loop *loop) {
    atomic_store(&loop->stopping, true);
    wake(loop);
}

void loop_post(struct loop *loop, struct loop_task *task, loop_task_fn *run) {
    task->_run = run;
    pthread_mutex_lock(&loop->lock);
    list_push_back(&loop->tasks, &task->_link);
    pthread_mutex_unlock(&loop->lock);
    wake(loop);
}
