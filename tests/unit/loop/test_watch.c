/* loop.h, watches: level-triggered, told of errors and hang-ups, gone at once when stopped. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/fd.h"
#include "loop/loop.h"

static struct loop *loop;
static int pair[2];

static int make_loop(void **state) {
    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    return loop_new(&loop, 0);
}

static int free_loop(void **state) {
    (void)state;
    loop_free(loop);
    fd_close(pair[0]);
    fd_close(pair[1]);
    return 0;
}

/* Counts its calls and stops the loop after `wanted` of them; one more may come before it stands.
 */
struct counted {
    struct loop_watch watch;
    int calls, events, wanted;
};

static void count(struct loop_watch *watch, int events) {
    struct counted *c = CONTAINER_OF(watch, struct counted, watch);
    c->events = events;
    if (++c->calls == c->wanted)
        loop_stop(loop);
}

static void stop(struct loop_timer *timer) {
    (void)timer;
    loop_stop(loop);
}

static void run_for(uint64_t ms) {
    struct loop_timer end = {0};
    loop_timer_start(loop, &end, ms, stop);
    loop_run(loop);
    loop_timer_stop(&end);
}

static void readiness_is_told_until_it_is_used_up(void **state) {
    (void)state;
    struct counted c = {.wanted = 3};
    assert_int_equal(loop_watch_start(loop, &c.watch, pair[0], LOOP_READ, count), 0);
    run_for(5);
    assert_int_equal(c.calls, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    loop_run(loop);
    assert_true(c.calls >= 3); /* level-triggered */
    int calls = c.calls;
    assert_int_equal(c.events, LOOP_READ);
    char byte;
    assert_int_equal(read(pair[0], &byte, 1), 1);
    run_for(5);
    assert_int_equal(c.calls, calls);
    loop_watch_stop(&c.watch);
    loop_watch_stop(&c.watch);
}

static void events_can_be_changed_and_paused(void **state) {
    (void)state;
    struct counted c = {.wanted = 1};
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(loop_watch_start(loop, &c.watch, pair[0], LOOP_WRITE, count), 0);
    loop_run(loop);
    assert_int_equal(c.events, LOOP_WRITE);
    assert_int_equal(loop_watch_change(&c.watch, LOOP_READ | LOOP_WRITE), 0);
    c.calls = 0;
    loop_run(loop);
    assert_int_equal(c.events, LOOP_READ | LOOP_WRITE);
    assert_int_equal(loop_watch_change(&c.watch, 0), 0);
    c.calls = 0;
    run_for(5);
    assert_int_equal(c.calls, 0);
    assert_int_equal(loop_watch_change(&c.watch, LOOP_READ), 0);
    assert_int_equal(loop_watch_change(&c.watch, LOOP_READ), 0);
    loop_run(loop);
    assert_int_equal(c.events, LOOP_READ);
    loop_watch_stop(&c.watch);
}

static void a_reader_is_told_of_the_peers_end(void **state) {
    (void)state;
    struct counted c = {.wanted = 2};
    assert_int_equal(loop_watch_start(loop, &c.watch, pair[0], LOOP_READ, count), 0);
    assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
    loop_run(loop);
    assert_int_equal(c.events, LOOP_READ | LOOP_WRITE);
    loop_watch_stop(&c.watch);
}

static void fill(int fd) {
    char block[4096] = {0};
    assert_int_equal(fd_set_nonblocking(fd, true), 0);
    while (write(fd, block, sizeof(block)) > 0) {
    }
    assert_int_equal(errno, EAGAIN);
}

/* The peer has said all it will and reads slowly: no reason to burn the processor meanwhile. */
static void a_writer_that_must_wait_is_not_called_for_half_an_end(void **state) {
    (void)state;
    struct counted c = {.wanted = 1};
    fill(pair[0]);
    assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
    assert_int_equal(loop_watch_start(loop, &c.watch, pair[0], LOOP_WRITE, count), 0);
    run_for(10);
    assert_int_equal(c.calls, 0);
    assert_int_equal(loop_watch_change(&c.watch, 0), 0);
    run_for(5);
    assert_int_equal(c.calls, 0);
    loop_watch_stop(&c.watch);
}

static void a_writer_is_told_when_the_peer_is_gone(void **state) {
    (void)state;
    struct counted c = {.wanted = 2};
    fill(pair[0]);
    assert_int_equal(loop_watch_start(loop, &c.watch, pair[0], LOOP_WRITE, count), 0);
    fd_close(STEAL_FD(pair[1]));
    loop_run(loop);
    assert_true(c.events & LOOP_WRITE);
    loop_watch_stop(&c.watch);
}

static void an_error_reports_both_and_stays(void **state) {
    (void)state;
    /* The writing end of a pipe that nobody reads is POLLERR, which libuv would report once. */
    int ends[2];
    struct counted c = {.wanted = 3};
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fill(ends[1]);
    assert_int_equal(loop_watch_start(loop, &c.watch, ends[1], LOOP_WRITE, count), 0);
    run_for(5);
    assert_int_equal(c.calls, 0);
    fd_close(ends[0]);
    loop_run(loop);
    assert_true(c.calls >= 3);
    assert_int_equal(c.events, LOOP_READ | LOOP_WRITE);
    loop_watch_stop(&c.watch);
    fd_close(ends[1]);
}

static void what_cannot_be_watched_is_refused(void **state) {
    (void)state;
    struct counted c = {0}, d = {0};
    assert_int_equal(loop_watch_start(loop, &c.watch, 9999, LOOP_READ, count), -EBADF);
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(loop_watch_start(loop, &c.watch, fileno(file), LOOP_READ, count), -EPERM);
    fclose(file);
    loop_watch_stop(&c.watch);
    assert_int_equal(loop_watch_start(loop, &c.watch, pair[0], LOOP_READ, count), 0);
    assert_int_equal(loop_watch_start(loop, &d.watch, pair[0], LOOP_READ, count), -EEXIST);
    loop_watch_stop(&c.watch);
    assert_int_equal(loop_watch_start(loop, &d.watch, pair[0], LOOP_READ, count), 0);
    loop_watch_stop(&d.watch);
}

static int freed;

static void free_itself(struct loop_watch *watch, int events) {
    (void)events;
    struct counted *c = CONTAINER_OF(watch, struct counted, watch);
    loop_watch_stop(watch);
    free(c);
    freed++;
    loop_stop(loop);
}

static void a_watch_may_stop_and_free_itself(void **state) {
    (void)state;
    freed = 0;
    struct counted *c = base_alloc(sizeof(*c));
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(loop_watch_start(loop, &c->watch, pair[0], LOOP_READ, free_itself), 0);
    loop_run(loop);
    run_for(5);
    assert_int_equal(freed, 1);
}

/* Both ends are ready in the same turn; whoever is called first takes the other away. */
static struct counted *twins[2];

static void take_the_other(struct loop_watch *watch, int events) {
    (void)events;
    int other = watch == &twins[0]->watch;
    if (twins[other] != NULL) {
        loop_watch_stop(&twins[other]->watch);
        memset(twins[other], 0xAA, sizeof(*twins[other]));
        free(STEAL_PTR(twins[other]));
    }
    freed++;
}

static void a_watch_may_stop_another_that_is_ready(void **state) {
    (void)state;
    freed = 0;
    for (int i = 0; i < 2; i++) {
        twins[i] = base_alloc(sizeof(*twins[i]));
        assert_int_equal(write(pair[1 - i], "x", 1), 1);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            loop_watch_start(loop, &twins[i]->watch, pair[i], LOOP_READ, take_the_other), 0);
    run_for(5);
    assert_true(freed > 0);
    assert_true((twins[0] == NULL) != (twins[1] == NULL));
    for (int i = 0; i < 2; i++) {
        if (twins[i] != NULL)
            loop_watch_stop(&twins[i]->watch);
        free(twins[i]);
    }
}

/* The number of a closed descriptor is given out again at once. */
static void a_number_and_a_struct_may_be_used_again_at_once(void **state) {
    (void)state;
    struct counted c = {.wanted = 1};
    for (int i = 0; i < 50; i++) {
        int ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_int_equal(loop_watch_start(loop, &c.watch, ends[0], LOOP_READ, count), 0);
        if (i % 2 == 0) {
            c.calls = 0;
            assert_int_equal(write(ends[1], "x", 1), 1);
            loop_run(loop);
            assert_true(c.calls >= 1);
        }
        loop_watch_stop(&c.watch);
        fd_close(ends[0]);
        fd_close(ends[1]);
    }
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_loop, free_loop)
    const struct CMUnitTest tests[] = {
        CASE(readiness_is_told_until_it_is_used_up),
        CASE(events_can_be_changed_and_paused),
        CASE(a_reader_is_told_of_the_peers_end),
        CASE(a_writer_that_must_wait_is_not_called_for_half_an_end),
        CASE(a_writer_is_told_when_the_peer_is_gone),
        CASE(an_error_reports_both_and_stays),
        CASE(what_cannot_be_watched_is_refused),
        CASE(a_watch_may_stop_and_free_itself),
        CASE(a_watch_may_stop_another_that_is_ready),
        CASE(a_number_and_a_struct_may_be_used_again_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
