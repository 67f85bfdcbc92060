/* request.c: the state machine of a connection: head, body, answer, and the next head.
 *
 *     ┌────────────────── next request ──────────────────┐
 *     v                                                  │
 *   HEAD ── head ──> BODY ── last byte ──> ANSWER ──> FLUSH ── sent, closing ──> LINGER
 *     └── refused, closing ────────────────────────────> ^
 *                      └── answered before its end ────> ^
 *
 * `step` makes one transition with the bytes that are there; request_advance makes all of them. The
 * next head is not looked at before the last answer is wholly sent, which bounds what one client
 * can make us keep.
 */
#include "base/clock.h"
#include "base/log.h"
#include "http/internal.h"
#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

/* ---- the life of an exchange ---- */

struct http_exchange *exchange_new(struct http_connection *c) {
    assert(c->exchange == NULL);
    struct http_exchange *x = base_alloc(sizeof *x);
    x->connection = c;
    arena_init(&x->arena, c->server->arena_limit);
    buffer_init(&x->added, ADDED_HEADERS_MAX);
    x->began_us = clock_now_us();
    id_new(x->id);
    c->exchange = x;
    return x;
}

void exchange_free(struct http_exchange *x) {
    atomic_fetch_sub_explicit(&x->connection->server->body_bytes, x->collected.len,
                              memory_order_relaxed);
    buffer_done(&x->collected);
    buffer_done(&x->added);
    arena_done(&x->arena);
    free(x);
}

static void log_request(const struct http_exchange *x) {
    const struct http_connection *c = x->connection;
    struct span target = SPAN("-");
    if (x->parsed)
        target = http_slice_of(x->head, c->parser.target);
    log_debug("%s %s %s \"%.*s\" %d %llu bytes %llu us", c->server->config.name, x->id,
              c->address.text, SPAN_ARG(target), x->status, (unsigned long long)x->sent_bytes,
              (unsigned long long)(clock_now_us() - x->began_us));
}

void exchange_finish(struct http_exchange *x) {
    struct http_connection *c = x->connection;
    assert(c->exchange == x && x->begun);
    log_request(x);
    c->closing = x->close || !x->request_done;
    /* Who asked us to close and has sent all it wanted is not listened to any longer; any other
     * client may be sending still, and a reset would take our answer from its hands. */
    c->linger = !x->request_done || connection_unread(c) > 0 || !x->parsed || c->parser.keep_alive;
    c->exchange = NULL;
    exchange_free(x);
    request_body_clock(c, false);
    c->state = CONNECTION_FLUSH;
    if (c->nested > 0)
        return;
    if (connection_unread(c) == 0 && !c->broken)
        request_advance(c); /* calls no handler: there is nothing to read */
    else
        connection_wake(c);
}

/* A refusal of this module's own, as a problem with a stable type. */
static void refuse(struct http_exchange *x, int status, const char *why) {
    static const struct {
        int status;
        const char *type;
    } types[] = {{400, "bad-message"},     {404, "not-found"},   {405, "method-not-allowed"},
                 {408, "too-slow"},        {413, "too-large"},   {414, "target-too-long"},
                 {417, "expectation"},     {421, "misdirected"}, {431, "head-too-large"},
                 {501, "not-implemented"}, {503, "busy"},        {505, "http-version"}};
    const char *type = NULL;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i].status == status)
            type = types[i].type;
    http_add_header(x, "X-Content-Type-Options", "nosniff"); /* H30 */
    http_respond_problem(x, status, type, "%s", why);
}

void request_fail(struct http_connection *c, int status, const char *why) {
    struct http_exchange *x = c->exchange;
    connection_enter(c);
    if (x != NULL && x->handed && !x->gone) {
        x->gone = true;
        if (x->on_gone != NULL)
            x->on_gone(x);
    }
    if (x != NULL && x->begun) {
        connection_close(c, true);
    } else {
        if (x != NULL && x->handed) {
            /* What the handler had put on it must not be in our answer. */
            c->exchange = NULL;
            exchange_free(x);
            x = NULL;
        }
        if (x == NULL)
            x = exchange_new(c);
        x->close = true;
        if (status == 503)
            http_add_header(x, "Retry-After", "1");
        refuse(x, status, why);
    }
    connection_leave(c);
}

void request_eof(struct http_connection *c) {
    switch (c->state) {
    case CONNECTION_HEAD:
        if (connection_idle(c))
            connection_close(c, false);
        else
            request_fail(c, 400, "the connection ended inside the head of a request");
        break;
    case CONNECTION_BODY:
        request_fail(c, 400, "the connection ended inside the body");
        break;
    case CONNECTION_ANSWER:
        connection_lost(c, false); /* the client left: see http.h */
        break;
    case CONNECTION_LINGER:
        connection_close(c, false);
        break;
    case CONNECTION_FLUSH:
    case CONNECTION_CLOSED:
        break;
    }
}

void request_body_clock(struct http_connection *c, bool running) {
    uint64_t now = clock_now_ms();
    if (running && c->body_resumed == 0) {
        c->body_resumed = now;
    } else if (!running && c->body_resumed != 0) {
        c->body_waited += now - c->body_resumed;
        c->body_resumed = 0;
    }
}

void request_continue(struct http_exchange *x) {
    struct http_connection *c = x->connection;
    static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!c->parser.expect_continue || x->request_done || x->begun)
        return;
    c->parser.expect_continue = false;
    if (connection_unread(c) == 0) /* RFC 9110 section 10.1.1: not needed when the body is coming */
        output_send(c, &(struct iovec){text, sizeof text - 1}, 1);
}

/* ---- the head ---- */

/* RFC 9112 section 3.2.2 would let the target win over Host; H4 refuses a request that names two.
 */
static const char *check_authority(struct http_exchange *x) {
    const struct http_parser *p = &x->connection->parser;
    struct http_authority target, host;
    if (x->target.authority.data == NULL)
        return NULL;
    const char *why = http_authority_parse(x->target.authority, &target);
    if (why != NULL || !p->has_host)
        return why;
    why = http_authority_parse(http_slice_of(x->head, p->host), &host);
    if (why != NULL)
        return why;
    return http_authority_eq(&target, &host) ? NULL : "the target and Host name different hosts";
}

/* H35: false after having answered 421. */
static bool check_host(struct http_exchange *x) {
    struct http_connection *c = x->connection;
    const struct http_config *config = &c->server->config;
    struct span text = x->target.authority;
    struct http_authority authority;
    if (!config->check_host)
        return true;
    if (c->parser.has_host)
        text = http_slice_of(x->head, c->parser.host);
    if (text.data == NULL) /* HTTP/1.0 without a Host: no browser sends that */
        return true;
    if (http_authority_parse(text, &authority) == NULL &&
        http_host_known(authority.host, config->hosts))
        return true;
    x->close = true;
    CLEANUP_FREE char *why = base_printf(
        "this server does not answer to the name \"%.*s\": give it with --host", SPAN_ARG(text));
    refuse(x, 421, why);
    return false;
}

/* The span of the decoded path; false after having answered. */
static bool decode_path(struct http_exchange *x) {
    struct http_connection *c = x->connection;
    char *path = arena_alloc(&x->arena, x->target.path.len + 1);
    size_t len = 0;
    const char *why = "the path is too long";
    if (path != NULL)
        why = http_path_decode(x->target.path, path, &len);
    if (why != NULL) {
        http_count(c->server->figures.parse_errors, 1);
        request_fail(c, 400, why);
        return false;
    }
    x->path = (struct span){path, len};
    return true;
}

/* Finds the route; false after having answered for want of one. */
static bool find_route(struct http_exchange *x) {
    struct http_connection *c = x->connection;
    char allow[ALLOW_TEXT_SIZE];
    struct http_match match = {.allowed = HTTP_ANY};
    if (!x->target.asterisk)
        match = http_server_match(c->server, c->parser.method, x->path);
    x->route = match.route;
    x->path_rest = match.rest;
    if (match.route != NULL)
        return true;
    http_allow_text(match.allowed, allow);
    if (match.allowed == 0) {
        refuse(x, 404, "nothing is at this path");
        return false;
    }
    http_add_header(x, "Allow", allow);
    if (c->parser.method == HTTP_OPTIONS) {
        http_respond(x, 204, NULL, (struct span){0});
        return false;
    }
    CLEANUP_FREE char *why = base_printf("this path takes %s", allow);
    refuse(x, 405, why);
    return false;
}

/* The route's own checks, and then the beginning of the body (H8, H14). The check comes first: a
 * surface may word its own refusal of a body that is too large. */
static void begin_body(struct http_exchange *x) {
    struct http_connection *c = x->connection;
    const struct http_route *route = x->route;
    x->handed = true;
    if (route->on_check != NULL) {
        bool go_on = route->on_check(x, route);
        if (c->exchange != x)
            return;
        assert(go_on); /* a check that says no has answered */
    }
    enum http_progress progress =
        http_body_start(&x->body, &c->parser, route->max_body_bytes, &c->server->config.limits);
    if (progress == HTTP_BAD) {
        request_fail(c, x->body.status, x->body.why);
        return;
    }
    c->state = CONNECTION_BODY;
    c->body_waited = 0;
    if (route->stream_body) {
        route->on_request(x, route);
    } else {
        request_body_clock(c, true);
        request_continue(x);
    }
}

/* The head is complete: everything that is decided before a byte of the body is looked at. */
static void accept_head(struct http_connection *c, struct span bytes) {
    const struct http_parser *p = &c->parser;
    struct http_exchange *x = exchange_new(c);
    x->head = arena_span(&x->arena, (struct span){bytes.data, p->head_bytes});
    if (x->head.data == NULL)
        abort(); /* the limits of the head are far below the arena's */
    x->parsed = true;
    x->request_done = !p->chunked && p->content_length == 0;
    x->close = !p->keep_alive || ++c->requests >= c->server->config.limits.requests_per_connection;
    c->in_at += p->head_bytes;

    const char *why = http_target_split(http_slice_of(x->head, p->target), p->method, &x->target);
    if (why == NULL)
        why = check_authority(x);
    if (why != NULL) {
        http_count(c->server->figures.parse_errors, 1);
        request_fail(c, 400, why);
        return;
    }
    if (check_host(x) && (x->target.asterisk || decode_path(x)) && find_route(x))
        begin_body(x);
}

static bool step_head(struct http_connection *c) {
    struct span bytes = {c->in.data + c->in_at, connection_unread(c)};
    if (bytes.len == 0)
        return false;
    if (c->head_since == 0)
        c->head_since = clock_now_ms();
    switch (http_parser_feed(&c->parser, bytes)) {
    case HTTP_MORE:
        return false;
    case HTTP_BAD:
        http_count(c->server->figures.parse_errors, 1);
        request_fail(c, c->parser.status, c->parser.why);
        return true;
    case HTTP_DONE:
        accept_head(c, bytes);
        return true;
    }
    return false;
}

/* ---- the body ---- */

/* Keeps a piece; false after having answered that there is no room. */
static bool collect(struct http_exchange *x, struct span piece) {
    struct http_server *server = x->connection->server;
    size_t held = atomic_fetch_add_explicit(&server->body_bytes, piece.len, memory_order_relaxed);
    if (held + piece.len <= server->config.limits.bodies_bytes &&
        buffer_append_span(&x->collected, piece) == 0)
        return true;
    atomic_fetch_sub_explicit(&server->body_bytes, piece.len, memory_order_relaxed);
    request_fail(x->connection, 503, "there is no memory for this body now");
    return false;
}

static bool step_body(struct http_connection *c) {
    struct http_exchange *x = c->exchange;
    if (x->route->stream_body && (x->on_data == NULL || x->paused))
        return false;
    struct span in = {c->in.data + c->in_at, connection_unread(c)}, piece;
    enum http_progress progress = http_body_feed(&x->body, &in, &piece);
    c->in_at = c->in.len - in.len;
    if (progress == HTTP_BAD) {
        http_count(c->server->figures.parse_errors, x->body.status == 413 ? 0 : 1);
        request_fail(c, x->body.status, x->body.why);
        return true;
    }
    bool end = progress == HTTP_DONE;
    if (end) {
        x->request_done = true;
        request_body_clock(c, false);
        c->state = CONNECTION_ANSWER;
    }
    if (!x->route->stream_body) {
        if (piece.len > 0 && !collect(x, piece))
            return true;
        if (end)
            x->route->on_request(x, x->route);
    } else if (piece.len > 0 || end) {
        x->on_data(x, piece, end);
    }
    return piece.len > 0 || end;
}

/* ---- the answer ---- */

/* Lets the handler go on when what it has given is mostly sent. */
static bool step_drain(struct http_connection *c) {
    struct http_exchange *x = c->exchange;
    if (!x->undrained || output_pending(c) > c->server->config.limits.send_buffer_bytes / 2)
        return false;
    x->undrained = false;
    if (x->on_drain != NULL)
        x->on_drain(x);
    return true;
}

static bool step_flush(struct http_connection *c) {
    if (output_pending(c) > 0)
        return false;
    c->wait_since = clock_now_ms();
    if (!c->closing && !c->eof && !c->listener->draining) {
        c->state = CONNECTION_HEAD;
        c->head_since = 0;
        http_parser_reset(&c->parser);
        if (connection_unread(c) == 0) {
            buffer_done(&c->in); /* an idle connection costs little */
            c->in_at = 0;
        }
        return true;
    }
    if (c->eof || !c->linger || shutdown(c->fd, SHUT_WR) < 0)
        connection_close(c, false);
    else
        c->state = CONNECTION_LINGER;
    return true;
}

static bool step(struct http_connection *c) {
    switch (c->state) {
    case CONNECTION_HEAD:
        return step_head(c);
    case CONNECTION_BODY:
        return step_drain(c) || (c->state == CONNECTION_BODY && step_body(c));
    case CONNECTION_ANSWER:
        return step_drain(c);
    case CONNECTION_FLUSH:
        return step_flush(c);
    case CONNECTION_LINGER:
        buffer_done(&c->in);
        c->in_at = 0;
        return false;
    case CONNECTION_CLOSED:
        break;
    }
    return false;
}

void request_advance(struct http_connection *c) {
    connection_enter(c);
    while (!c->broken && step(c)) {
    }
    if (c->broken)
        connection_lost(c, true);
    connection_leave(c);
}
