/* loop.h, timers: never early, one shot, and the memory is free as soon as they are over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/clock.h"
#include "loop/loop.h"

static struct loop *loop;
static char order[64];

static int make_loop(void **state) {
    (void)state;
    order[0] = '\0';
    return loop_new(&loop, 0);
}

static int free_loop(void **state) {
    (void)state;
    loop_free(loop);
    return 0;
}

struct alarm {
    struct loop_timer timer;
    char name;
    int left;
};

static void note(struct loop_timer *timer) {
    struct alarm *a = CONTAINER_OF(timer, struct alarm, timer);
    assert_false(loop_timer_active(timer));
    strncat(order, &a->name, 1);
}

static void stop(struct loop_timer *timer) {
    (void)timer;
    loop_stop(loop);
}

static void run_for(uint64_t ms) {
    struct loop_timer end = {0};
    loop_timer_start(loop, &end, ms, stop);
    loop_run(loop);
}

static void timers_come_in_order_of_time_and_never_early(void **state) {
    (void)state;
    struct alarm a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    uint64_t start = clock_now_us();
    loop_timer_start(loop, &a.timer, 30, note);
    loop_timer_start(loop, &b.timer, 10, note);
    loop_timer_start(loop, &c.timer, 0, note);
    assert_true(loop_timer_active(&a.timer));
    assert_string_equal(order, "");
    run_for(40);
    assert_string_equal(order, "cba");
    assert_true(clock_now_us() - start >= 40000);
    assert_false(loop_timer_active(&a.timer));
}

static void time_counts_from_the_call_and_not_from_the_turn(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct timespec pause = {.tv_nsec = 15000000};
        nanosleep(&pause, NULL); /* the loop's own idea of now is that old */
        uint64_t start = clock_now_us();
        run_for(10);
        assert_true(clock_now_us() - start >= 10000);
    }
}

struct spinner {
    struct loop_task task;
    struct loop_timer timer;
    uint64_t start, took;
};

static void spin(struct loop_task *task) {
    struct spinner *s = CONTAINER_OF(task, struct spinner, task);
    if (s->took == 0)
        loop_post(loop, task, spin);
    else
        loop_stop(loop);
}

static void note_time(struct loop_timer *timer) {
    struct spinner *s = CONTAINER_OF(timer, struct spinner, timer);
    s->took = clock_now_us() - s->start;
}

/* A loop that never sleeps looks at its timers all the time, within the millisecond too. */
static void a_busy_loop_is_not_early_either(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct spinner s = {.start = clock_now_us()};
        loop_timer_start(loop, &s.timer, 2, note_time);
        loop_post(loop, &s.task, spin);
        loop_run(loop);
        assert_true(s.took >= 2000);
    }
}

static void starting_again_moves_it(void **state) {
    (void)state;
    struct alarm a = {.name = 'a'}, b = {.name = 'b'};
    loop_timer_start(loop, &a.timer, 1, note);
    loop_timer_start(loop, &a.timer, 20, note);
    loop_timer_start(loop, &b.timer, 10, note);
    run_for(30);
    assert_string_equal(order, "ba");
}

static void a_stopped_timer_is_silent(void **state) {
    (void)state;
    struct alarm a = {.name = 'a'};
    loop_timer_stop(&a.timer);
    loop_timer_start(loop, &a.timer, 1, note);
    loop_timer_stop(&a.timer);
    loop_timer_stop(&a.timer);
    assert_false(loop_timer_active(&a.timer));
    run_for(10);
    assert_string_equal(order, "");
}

static void start_again(struct loop_timer *timer) {
    struct alarm *a = CONTAINER_OF(timer, struct alarm, timer);
    strncat(order, &a->name, 1);
    if (--a->left > 0)
        loop_timer_start(loop, timer, 0, start_again);
    else
        loop_stop(loop);
}

static void a_timer_may_start_itself_again(void **state) {
    (void)state;
    struct alarm a = {.name = 'a', .left = 5};
    loop_timer_start(loop, &a.timer, 1, start_again);
    loop_run(loop);
    assert_string_equal(order, "aaaaa");
}

static bool saw_pipe;

static void on_pipe(struct loop_watch *watch, int events) {
    (void)events;
    saw_pipe = true;
    loop_watch_stop(watch);
}

/* A timer of no time that goes on for ever must leave room for descriptors. */
static void forever(struct loop_timer *timer) {
    if (saw_pipe)
        loop_stop(loop);
    else
        loop_timer_start(loop, timer, 0, forever);
}

static void a_timer_of_zero_does_not_starve_descriptors(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    struct loop_watch watch = {0};
    struct loop_timer timer = {0};
    saw_pipe = false;
    loop_timer_start(loop, &timer, 0, forever);
    assert_int_equal(loop_watch_start(loop, &watch, ends[0], LOOP_READ, on_pipe), 0);
    loop_run(loop);
    assert_true(saw_pipe);
    close(ends[0]);
    close(ends[1]);
}

static void free_itself(struct loop_timer *timer) {
    struct alarm *a = CONTAINER_OF(timer, struct alarm, timer);
    strncat(order, &a->name, 1);
    free(a);
}

static void the_struct_may_go_in_its_callback_or_after_stop(void **state) {
    (void)state;
    for (char name = 'a'; name <= 'd'; name++) {
        struct alarm *a = base_alloc(sizeof(*a));
        a->name = name;
        loop_timer_start(loop, &a->timer, (uint64_t)(name - 'a'), free_itself);
        if (name == 'c') {
            loop_timer_stop(&a->timer);
            free(a);
        }
    }
    run_for(20);
    assert_string_equal(order, "abd");
}

static struct alarm victim;

static void stop_the_other(struct loop_timer *timer) {
    note(timer);
    loop_timer_stop(&victim.timer);
    memset(&victim, 0xAA, sizeof(victim));
}

static void one_may_stop_another_that_is_due_too(void **state) {
    (void)state;
    struct alarm a = {.name = 'a'};
    victim = (struct alarm){.name = 'v'};
    loop_timer_start(loop, &a.timer, 5, stop_the_other);
    loop_timer_start(loop, &victim.timer, 5, note);
    run_for(20);
    assert_string_equal(order, "a");
}

static void very_long_times_do_not_wrap(void **state) {
    (void)state;
    struct alarm a = {.name = 'a'};
    loop_timer_start(loop, &a.timer, UINT64_MAX, note);
    run_for(10);
    assert_string_equal(order, "");
    assert_true(loop_timer_active(&a.timer));
    loop_timer_stop(&a.timer);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_loop, free_loop)
    const struct CMUnitTest tests[] = {
        CASE(timers_come_in_order_of_time_and_never_early),
        CASE(time_counts_from_the_call_and_not_from_the_turn),
        CASE(a_busy_loop_is_not_early_either),
        CASE(starting_again_moves_it),
        CASE(a_stopped_timer_is_silent),
        CASE(a_timer_may_start_itself_again),
        CASE(a_timer_of_zero_does_not_starve_descriptors),
        CASE(the_struct_may_go_in_its_callback_or_after_stop),
        CASE(one_may_stop_another_that_is_due_too),
        CASE(very_long_times_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
