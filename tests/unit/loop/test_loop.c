/* loop.h: work from other threads comes in order, none is lost, and a loop ends from anywhere. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/base.h"
#include "loop/loop.h"

enum { THREADS = 4, EACH = 5000 };

static struct loop *loop;

static int make_loop(void **state) {
    (void)state;
    return loop_new(&loop, 3);
}

static int free_loop(void **state) {
    (void)state;
    loop_free(loop);
    return 0;
}

struct job {
    struct loop_task task;
    int poster, number;
};

static int next_of[THREADS];
static int jobs_left;
static pthread_t loop_thread;

static void on_job(struct loop_task *task) {
    struct job *job = CONTAINER_OF(task, struct job, task);
    assert_true(pthread_equal(pthread_self(), loop_thread));
    assert_int_equal(job->number, next_of[job->poster]++);
    free(job);
    if (--jobs_left == 0)
        loop_stop(loop);
}

static void *post_many(void *arg) {
    int poster = *(int *)arg;
    for (int i = 0; i < EACH; i++) {
        struct job *job = base_alloc(sizeof(*job));
        job->poster = poster;
        job->number = i;
        loop_post(loop, &job->task, on_job);
    }
    return NULL;
}

static void tasks_of_each_poster_keep_their_order(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    int numbers[THREADS];
    loop_thread = pthread_self();
    jobs_left = THREADS * EACH;
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        next_of[i] = 0;
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &numbers[i]), 0);
    }
    assert_int_equal(loop_run(loop), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(next_of[i], EACH);
    }
    assert_int_equal(loop_index(loop), 3);
}

static void stop_task_loop(struct loop_task *task) {
    (void)task;
    loop_stop(loop);
}

/* Two loops that hand one task to and fro: how connections and answers cross threads. */
struct ball {
    struct loop_task task;
    struct loop *loops[2];
    int bounces;
};

static void on_ball(struct loop_task *task) {
    struct ball *ball = CONTAINER_OF(task, struct ball, task);
    if (++ball->bounces == 2000) {
        loop_stop(ball->loops[0]);
        loop_stop(ball->loops[1]);
        return;
    }
    loop_post(ball->loops[ball->bounces & 1], &ball->task, on_ball);
}

static void *run_loop(void *arg) {
    loop_run(arg);
    return NULL;
}

static void a_task_may_be_posted_on_from_its_callback(void **state) {
    (void)state;
    struct ball ball = {.loops = {loop}};
    pthread_t thread;
    assert_int_equal(loop_new(&ball.loops[1], 1), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_loop, ball.loops[1]), 0);
    loop_post(loop, &ball.task, on_ball);
    loop_run(loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(ball.bounces, 2000);
    loop_free(ball.loops[1]);
}

static void *stop_from_outside(void *arg) {
    loop_stop(arg);
    return NULL;
}

static void a_loop_ends_from_another_thread_and_runs_again(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, stop_from_outside, loop), 0);
        assert_int_equal(loop_run(loop), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    struct loop_task task;
    loop_post(loop, &task, stop_task_loop);
    assert_int_equal(loop_run(loop), 0);
}

static int ran;

static void count_run(struct loop_task *task) {
    (void)task;
    ran++;
}

static void what_was_posted_before_the_stop_still_runs(void **state) {
    (void)state;
    struct loop_task tasks[10];
    ran = 0;
    for (int i = 0; i < 10; i++)
        loop_post(loop, &tasks[i], count_run);
    assert_int_equal(ran, 0); /* never from inside loop_post */
    loop_stop(loop);
    loop_run(loop);
    assert_int_equal(ran, 10);
}

struct endless {
    struct loop_task task;
    struct loop_timer timer;
    int rounds;
    bool over;
};

static void on_round(struct loop_task *task) {
    struct endless *e = CONTAINER_OF(task, struct endless, task);
    e->rounds++;
    if (!e->over)
        loop_post(loop, &e->task, on_round);
    else
        loop_stop(loop);
}

static void end_rounds(struct loop_timer *timer) {
    CONTAINER_OF(timer, struct endless, timer)->over = true;
}

static void a_task_that_posts_itself_does_not_starve_timers(void **state) {
    (void)state;
    struct endless e = {0};
    loop_timer_start(loop, &e.timer, 5, end_rounds);
    loop_post(loop, &e.task, on_round);
    loop_run(loop);
    assert_true(e.rounds > 1);
}

static void free_takes_null_and_unused_loops(void **state) {
    (void)state;
    loop_free(NULL);
    struct loop *unused;
    assert_int_equal(loop_new(&unused, 0), 0);
    loop_free(unused);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_loop, free_loop)
    const struct CMUnitTest tests[] = {
        CASE(tasks_of_each_poster_keep_their_order),
        CASE(a_task_may_be_posted_on_from_its_callback),
        CASE(a_loop_ends_from_another_thread_and_runs_again),
        CASE(what_was_posted_before_the_stop_still_runs),
        CASE(a_task_that_posts_itself_does_not_starve_timers),
        CASE(free_takes_null_and_unused_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
