/* queue.c: places and those who wait for one, also over two loops (H15). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "run/internal.h"

struct guest {
    struct run_waiter waiter;
    struct loop *loop;
    bool came, has_place;
    int order;
};
static int turns;

static void on_turn(struct run_waiter *w, bool has_place) {
    struct guest *g = CONTAINER_OF(w, struct guest, waiter);
    g->came = true;
    g->has_place = has_place;
    g->order = ++turns;
    loop_stop(g->loop);
}

static struct guest guest_of(struct loop *loop) {
    return (struct guest){.loop = loop};
}

static int make_loop(void **state) {
    turns = 0;
    return loop_new((struct loop **)state, 0);
}

static int free_loop(void **state) {
    loop_free(*state);
    return 0;
}

static void places_are_given_until_there_are_none(void **state) {
    struct loop *loop = *state;
    struct run_queue q;
    run_queue_init(&q, 2, 0);
    struct guest a = guest_of(loop), b = a, c = a;
    assert_int_equal(run_queue_enter(&q, &a.waiter, loop, 100, on_turn), RUN_QUEUE_PLACE);
    assert_int_equal(run_queue_enter(&q, &b.waiter, loop, 100, on_turn), RUN_QUEUE_PLACE);
    assert_int_equal(run_queue_enter(&q, &c.waiter, loop, 100, on_turn), RUN_QUEUE_FULL);
    run_queue_release(&q);
    assert_int_equal(run_queue_enter(&q, &c.waiter, loop, 100, on_turn), RUN_QUEUE_PLACE);
    run_queue_done(&q);
}

static void first_come_first_served(void **state) {
    struct loop *loop = *state;
    struct run_queue q;
    run_queue_init(&q, 1, 2);
    struct guest a = guest_of(loop), b = a, c = a, d = a;
    assert_int_equal(run_queue_enter(&q, &a.waiter, loop, 10000, on_turn), RUN_QUEUE_PLACE);
    assert_int_equal(run_queue_enter(&q, &b.waiter, loop, 10000, on_turn), RUN_QUEUE_WAITS);
    assert_int_equal(run_queue_enter(&q, &c.waiter, loop, 10000, on_turn), RUN_QUEUE_WAITS);
    assert_int_equal(run_queue_enter(&q, &d.waiter, loop, 10000, on_turn), RUN_QUEUE_FULL);
    run_queue_release(&q);
    assert_false(b.came); /* never from inside the release */
    loop_run(loop);
    assert_true(b.came && b.has_place && !c.came);
    /* A place on its way is nobody else's. */
    run_queue_release(&q);
    assert_int_equal(run_queue_enter(&q, &d.waiter, loop, 10000, on_turn), RUN_QUEUE_WAITS);
    loop_run(loop);
    assert_true(c.came && c.has_place && !d.came);
    assert_true(run_queue_leave(&q, &d.waiter));
    assert_int_equal(run_queue_waiting(&q), 0);
    run_queue_done(&q);
}

static void who_waits_too_long_goes_without(void **state) {
    struct loop *loop = *state;
    struct run_queue q;
    run_queue_init(&q, 1, 8);
    struct guest a = guest_of(loop), b = a;
    assert_int_equal(run_queue_enter(&q, &a.waiter, loop, 10, on_turn), RUN_QUEUE_PLACE);
    assert_int_equal(run_queue_enter(&q, &b.waiter, loop, 30, on_turn), RUN_QUEUE_WAITS);
    uint64_t began = clock_now_ms();
    loop_run(loop);
    assert_true(b.came && !b.has_place);
    assert_true(clock_now_ms() - began >= 25);
    assert_int_equal(run_queue_waiting(&q), 0);
    /* Who goes without leaves no place behind. */
    assert_int_equal(run_queue_enter(&q, &b.waiter, loop, 10000, on_turn), RUN_QUEUE_WAITS);
    assert_true(run_queue_leave(&q, &b.waiter));
    /* The place that comes back later is free, not lost to who has gone. */
    run_queue_release(&q);
    assert_int_equal(run_queue_enter(&q, &a.waiter, loop, 10, on_turn), RUN_QUEUE_PLACE);
    run_queue_done(&q);
}

static void who_leaves_is_passed_over_unless_a_place_is_on_its_way(void **state) {
    struct loop *loop = *state;
    struct run_queue q;
    run_queue_init(&q, 1, 8);
    struct guest a = guest_of(loop), b = a, c = a;
    assert_int_equal(run_queue_enter(&q, &a.waiter, loop, 10000, on_turn), RUN_QUEUE_PLACE);
    assert_int_equal(run_queue_enter(&q, &b.waiter, loop, 10000, on_turn), RUN_QUEUE_WAITS);
    assert_int_equal(run_queue_enter(&q, &c.waiter, loop, 10000, on_turn), RUN_QUEUE_WAITS);
    assert_true(run_queue_leave(&q, &b.waiter));
    run_queue_release(&q);
    assert_false(run_queue_leave(&q, &c.waiter));
    loop_run(loop);
    assert_false(b.came);
    assert_true(c.came && c.has_place);
    run_queue_done(&q);
}

/* ---- two loops that hand one place to and fro ---- */

enum { ROUNDS = 2000 };
struct player {
    struct run_waiter waiter;
    struct run_queue *queue;
    struct loop *loop;
    struct loop_task again;
    atomic_int *inside;
    int rounds;
    bool alone; /* never met another inside */
};

static void play(struct player *p);

static void play_task(struct loop_task *task) {
    play(CONTAINER_OF(task, struct player, again));
}

static void inside(struct player *p) {
    p->alone &= atomic_fetch_add(p->inside, 1) == 0;
    p->rounds++;
    atomic_fetch_sub(p->inside, 1);
    run_queue_release(p->queue);
    if (p->rounds == ROUNDS)
        loop_stop(p->loop);
    else
        loop_post(p->loop, &p->again, play_task);
}

static void on_players_turn(struct run_waiter *w, bool has_place) {
    struct player *p = CONTAINER_OF(w, struct player, waiter);
    assert_true(has_place);
    inside(p);
}

static void play(struct player *p) {
    if (run_queue_enter(p->queue, &p->waiter, p->loop, 30000, on_players_turn) == RUN_QUEUE_PLACE)
        inside(p);
}

static void *run_player(void *user) {
    struct player *p = user;
    loop_post(p->loop, &p->again, play_task);
    loop_run(p->loop);
    return NULL;
}

static void a_place_passes_between_loops(void **state) {
    struct run_queue q;
    atomic_int count = 0;
    run_queue_init(&q, 1, 8);
    struct player players[2] = {0};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        players[i] = (struct player){.queue = &q, .inside = &count, .alone = true};
        if (i == 0)
            players[i].loop = *state;
        else
            assert_int_equal(loop_new(&players[i].loop, 1), 0);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_player, &players[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(players[i].rounds, ROUNDS);
        assert_true(players[i].alone);
    }
    loop_free(players[1].loop);
    run_queue_done(&q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(places_are_given_until_there_are_none, make_loop,
                                        free_loop),
        cmocka_unit_test_setup_teardown(first_come_first_served, make_loop, free_loop),
        cmocka_unit_test_setup_teardown(who_waits_too_long_goes_without, make_loop, free_loop),
        cmocka_unit_test_setup_teardown(who_leaves_is_passed_over_unless_a_place_is_on_its_way,
                                        make_loop, free_loop),
        cmocka_unit_test_setup_teardown(a_place_passes_between_loops, make_loop, free_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
