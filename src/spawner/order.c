/* Orders: what the server has asked for, until a seat takes it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "spawner/internal.h"

/* The server asks for no more than it has places, so an order waits only while a seat is being
 * cleaned or evicted; longer than this means that something is broken. */
#define ORDER_WAIT_US (2ull * 1000 * 1000)
#define ORDERS_WAITING_MAX 256

void order_free(struct spawner_order *order) {
    if (!order)
        return;
    for (size_t i = 0; i < order->fd_count; i++)
        fd_close(order->fds[i]);
    list_remove(&order->link);
    free(order);
}

void order_refuse(struct spawner *s, struct spawner_order *order, enum spawner_cause cause,
                  int error_code) {
    struct protocol_record record = {
        .type = PROTOCOL_EXIT,
        .id = order->record.id,
        .exit = {.cause = (uint8_t)cause, .error = error_code},
    };
    supervisor_send(s, &record);
}

/* Whether a seat has it now. A cold sandbox that cannot be made refuses it at once. */
static bool order_place(struct spawner *s, struct spawner_order *order) {
    unsigned profile = order->record.profile;
    if (!s->profiles[profile]) {
        order_refuse(s, order, SPAWNER_REFUSED, ENOENT);
        order_free(order);
        return true;
    }
    struct seat *seat = seat_find(s, SEAT_READY, (int)profile);
    if (seat) {
        seat_claim(s, seat, order);
        return true;
    }
    seat = seat_find(s, SEAT_EMPTY, -1);
    if (!seat) {
        /* Somebody else's warm sandbox makes room; its seat is free when it has been cleaned. */
        pool_evict(s, profile);
        return false;
    }
    int r = seat_fill(s, seat, profile, order);
    if (r < 0) {
        s->fill_failures++;
        order_refuse(s, order, SPAWNER_REFUSED, -r);
        order_free(order);
    }
    return true;
}

void order_take(struct spawner *s, const struct protocol_record *record, const int *fds,
                size_t fd_count) {
    struct spawner_order *order = base_alloc(sizeof *order);
    list_init(&order->link);
    order->record = *record;
    memcpy(order->fds, fds, fd_count * sizeof *fds);
    order->fd_count = fd_count;
    if (list_empty(&s->waiting) && order_place(s, order))
        return;
    if (s->waiting_len >= ORDERS_WAITING_MAX) {
        order_refuse(s, order, SPAWNER_REFUSED, EAGAIN);
        order_free(order);
        return;
    }
    order->give_up_us = clock_now_us() + ORDER_WAIT_US;
    list_push_back(&s->waiting, &order->link);
    s->waiting_len++;
}

void order_put_back(struct spawner *s, struct spawner_order *order) {
    order->give_up_us = clock_now_us() + ORDER_WAIT_US;
    list_push_front(&s->waiting, &order->link);
    s->waiting_len++;
}

static void stop_waiting(struct spawner *s, struct spawner_order *order) {
    list_remove(&order->link);
    s->waiting_len--;
}

void order_kill(struct spawner *s, uint64_t id) {
    LIST_FOREACH(&s->waiting, order, struct spawner_order, link) {
        if (order->record.id == id) {
            stop_waiting(s, order);
            order_refuse(s, order, SPAWNER_KILLED, 0);
            order_free(order);
            return;
        }
    }
    for (unsigned i = 0; i < s->settings.slots; i++) {
        struct seat *seat = &s->seats[i];
        if (seat->order && seat->order->record.id == id) {
            seat_kill(seat, SPAWNER_KILLED);
            return;
        }
    }
    /* It has ended already; its EXIT is on the way. */
}

void order_serve_waiting(struct spawner *s) {
    uint64_t now = clock_now_us();
    LIST_FOREACH(&s->waiting, order, struct spawner_order, link) {
        stop_waiting(s, order);
        if (order_place(s, order))
            continue;
        if (now >= order->give_up_us) {
            log_warning("an order found no seat within %llu s", ORDER_WAIT_US / 1000000);
            order_refuse(s, order, SPAWNER_REFUSED, EAGAIN);
            order_free(order);
            continue;
        }
        list_push_front(&s->waiting, &order->link);
        s->waiting_len++;
        return;
    }
}

uint64_t order_next_us(const struct spawner *s) {
    const struct spawner_order *first = LIST_FIRST(&s->waiting, struct spawner_order, link);
    return first ? first->give_up_us : 0;
}

void order_drop_all(struct spawner *s) {
    LIST_FOREACH(&s->waiting, order, struct spawner_order, link) {
        stop_waiting(s, order);
        order_free(order);
    }
}
