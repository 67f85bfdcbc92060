/* connection.c: one connection as the loop sees it: readable, writable, too late, gone.
 *
 * There is one timer a connection. It is armed for the nearest of all deadlines and not moved when
 * that deadline moves away: it then fires for nothing once and is armed anew, which is cheaper than
 * moving it twice a request.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "http/internal.h"
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

static void on_event(struct loop_watch *watch, int events);
static void on_timer(struct loop_timer *timer);

void connection_new(struct http_listener *listener, int fd, const struct http_address *address,
                    bool refused) {
    struct http_connection *c = base_alloc(sizeof *c);
    c->listener = listener;
    c->server = listener->server;
    c->fd = fd;
    c->address = *address;
    c->refused = refused;
    c->events = LOOP_READ;
    c->wait_since = clock_now_ms();
    http_parser_init(&c->parser, &c->server->config.limits);
    list_push_back(&listener->connections, &c->link);
    listener->connection_count++;
    listener->refused_count += refused;
    http_count(c->server->figures.open, 1);

    /* Answers are written whole: waiting for more bytes could only delay them. */
    int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    connection_enter(c);
    if (loop_watch_start(listener->loop, &c->watch, fd, c->events, on_event) < 0)
        connection_close(c, true);
    else if (refused)
        request_fail(c, 503, "there are too many connections");
    request_advance(c);
    connection_leave(c);
}

static void connection_free(struct http_connection *c) {
    http_parser_done(&c->parser);
    buffer_done(&c->in);
    buffer_done(&c->out);
    free(c);
}

void connection_enter(struct http_connection *c) {
    c->nested++;
}

void connection_leave(struct http_connection *c) {
    assert(c->nested > 0);
    if (--c->nested > 0)
        return;
    if (c->state == CONNECTION_CLOSED)
        connection_free(c);
    else
        connection_arm(c);
}

void connection_wake(struct http_connection *c) {
    c->woken = true;
    if (c->nested == 0)
        connection_arm(c);
}

void connection_close(struct http_connection *c, bool reset) {
    if (c->state == CONNECTION_CLOSED)
        return;
    c->state = CONNECTION_CLOSED;
    loop_watch_stop(&c->watch);
    loop_timer_stop(&c->timer);
    if (c->exchange != NULL)
        exchange_free(STEAL_PTR(c->exchange));
    if (reset) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    fd_close(STEAL_FD(c->fd));
    list_remove(&c->link);
    c->listener->connection_count--;
    http_count(c->server->figures.open, -1);
    if (c->refused) {
        c->listener->refused_count--;
    } else {
        atomic_fetch_sub_explicit(&c->server->connections, 1, memory_order_relaxed);
        http_address_release(c->server, &c->address);
    }
    if (c->nested == 0)
        connection_free(c);
}

void connection_lost(struct http_connection *c, bool reset) {
    struct http_exchange *x = c->exchange;
    connection_enter(c);
    if (x != NULL && x->handed && !x->gone) {
        x->gone = true;
        http_count(c->server->figures.left, 1);
        if (x->on_gone != NULL)
            x->on_gone(x);
    }
    connection_close(c, reset);
    connection_leave(c);
}

size_t connection_unread(const struct http_connection *c) {
    return c->in.len - c->in_at;
}

bool connection_idle(const struct http_connection *c) {
    return c->state == CONNECTION_HEAD && c->head_since == 0 && connection_unread(c) == 0;
}

/* ---- what is watched ---- */

static bool wants_read(const struct http_connection *c) {
    if (c->eof)
        return false;
    switch (c->state) {
    case CONNECTION_HEAD:
    case CONNECTION_LINGER:
        return true;
    case CONNECTION_BODY:
        return c->body_resumed != 0;
    case CONNECTION_ANSWER:
        /* Not to understand it yet, but to see the client leave (H14). */
        return connection_unread(c) < READ_BYTES;
    case CONNECTION_FLUSH:
    case CONNECTION_CLOSED:
        break;
    }
    return false;
}

static uint64_t body_waited(const struct http_connection *c, uint64_t now) {
    return c->body_waited + (c->body_resumed != 0 ? now - c->body_resumed : 0);
}

/* The time the state alone allows; UINT64_MAX: any. */
static uint64_t state_deadline(const struct http_connection *c, uint64_t now) {
    const struct http_limits *l = &c->server->config.limits;
    switch (c->state) {
    case CONNECTION_HEAD:
        if (c->head_since != 0)
            return c->head_since + l->header_ms;
        return c->wait_since + (c->requests == 0 ? l->header_ms : l->keep_alive_ms);
    case CONNECTION_BODY: {
        if (c->body_resumed == 0)
            return UINT64_MAX;
        /* Either the whole, or the next look at the rate: first after the grace, then each second.
         */
        uint64_t waited = body_waited(c, now);
        uint64_t total = l->body_total_ms > waited ? l->body_total_ms - waited : 0;
        uint64_t look = l->body_grace_ms > waited ? l->body_grace_ms - waited + 1 : 1000;
        return now + MIN(total, look);
    }
    case CONNECTION_LINGER:
        return c->wait_since + LINGER_MS;
    case CONNECTION_ANSWER:
    case CONNECTION_FLUSH:
    case CONNECTION_CLOSED:
        break;
    }
    return UINT64_MAX;
}

void connection_arm(struct http_connection *c) {
    assert(c->state != CONNECTION_CLOSED);
    /* A socket with nothing to send is writable: to wait for that is to be called in the next turn.
     */
    bool write = output_pending(c) > 0 || c->woken;
    int events = (wants_read(c) ? LOOP_READ : 0) | (write ? LOOP_WRITE : 0);
    if (events != c->events) {
        c->events = events;
        loop_watch_change(&c->watch, events);
    }
    uint64_t now = clock_now_ms();
    uint64_t at = c->woken && output_pending(c) > 0 ? now : state_deadline(c, now);
    if (output_pending(c) > 0)
        at = MIN(at, c->out_moved_at + c->server->config.limits.write_ms);
    if (c->exchange != NULL && (events & LOOP_READ) == 0)
        at = MIN(at, now + PROBE_MS);
    if (at == UINT64_MAX || (loop_timer_active(&c->timer) && c->timer_at <= at))
        return;
    c->timer_at = at;
    loop_timer_start(c->listener->loop, &c->timer, at > now ? at - now : 0, on_timer);
}

/* ---- what happens ---- */

static void linger_read(struct http_connection *c) {
    char waste[READ_BYTES];
    ssize_t n = recv(c->fd, waste, sizeof waste, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    c->lingered += n > 0 ? (size_t)n : 0;
    if (n <= 0 || c->lingered > LINGER_BYTES)
        connection_close(c, false);
}

static void connection_read(struct http_connection *c) {
    if (c->state == CONNECTION_LINGER) {
        linger_read(c);
        return;
    }
    char bytes[READ_BYTES];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            connection_lost(c, false);
        return;
    }
    if (n == 0) {
        c->eof = true;
        request_eof(c);
        return;
    }
    http_count(c->server->figures.received, n);
    if (c->in_at > 0) {
        buffer_consume(&c->in, c->in_at);
        c->in_at = 0;
    }
    if (buffer_append(&c->in, bytes, (size_t)n) < 0)
        connection_lost(c, true);
}

static void on_event(struct loop_watch *watch, int events) {
    struct http_connection *c = CONTAINER_OF(watch, struct http_connection, watch);
    connection_enter(c);
    c->woken = false;
    if (events & LOOP_WRITE)
        output_flush(c);
    if ((events & LOOP_READ) && !c->broken && wants_read(c))
        connection_read(c);
    request_advance(c);
    connection_leave(c);
}

/* Whether the kernel knows that the client is gone although we are not reading from it. While the
 * request is not wholly here, what is unread may be the rest of it, and then only a reset counts.
 */
static bool peer_gone(const struct http_connection *c) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
        return false; /* not TCP */
    if (info.tcpi_state == TCP_CLOSE)
        return true;
    return c->state == CONNECTION_ANSWER &&
           (info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_LAST_ACK);
}

static bool body_too_slow(const struct http_connection *c, uint64_t now) {
    const struct http_limits *l = &c->server->config.limits;
    uint64_t waited = body_waited(c, now);
    if (waited >= l->body_total_ms)
        return true;
    return waited > l->body_grace_ms &&
           c->exchange->body.taken * 1000 < (uint64_t)l->body_min_bytes_per_s * waited;
}

/* Ends what has taken too long (H12). */
static void check_deadlines(struct http_connection *c) {
    struct http_figures *f = &c->server->figures;
    uint64_t now = clock_now_ms();
    if (output_pending(c) > 0 && now >= c->out_moved_at + c->server->config.limits.write_ms) {
        http_count(f->timeouts, 1);
        connection_lost(c, true);
    } else if (c->state == CONNECTION_BODY && c->body_resumed != 0 && body_too_slow(c, now)) {
        http_count(f->timeouts, 1);
        request_fail(c, 408, "the body came too slowly");
    } else if (c->state == CONNECTION_HEAD && now >= state_deadline(c, now)) {
        if (connection_idle(c)) {
            connection_close(c, false);
        } else {
            http_count(f->timeouts, 1);
            request_fail(c, 408, "the head of the request came too slowly");
        }
    } else if (c->state == CONNECTION_LINGER && now >= state_deadline(c, now)) {
        connection_close(c, false);
    } else if (c->exchange != NULL && (c->events & LOOP_READ) == 0 && peer_gone(c)) {
        connection_lost(c, false);
    }
}

static void on_timer(struct loop_timer *timer) {
    struct http_connection *c = CONTAINER_OF(timer, struct http_connection, timer);
    connection_enter(c);
    c->woken = false;
    if (!c->broken)
        check_deadlines(c);
    request_advance(c);
    connection_leave(c);
}
