/* exchange.c: what a handler may ask about a request, and how it takes a streamed body. */
#include "http/internal.h"
#include <assert.h>

enum http_method http_method(const struct http_exchange *x) {
    return x->connection->parser.method;
}

struct span http_path(const struct http_exchange *x) {
    return x->path;
}

struct span http_path_rest(const struct http_exchange *x) {
    return x->path_rest;
}

struct span http_target_query(const struct http_exchange *x) {
    return x->target.query;
}

/* One component in the arena; data NULL when it is malformed or there is no room. */
static struct span decoded(struct http_exchange *x, struct span raw) {
    struct span out = {arena_alloc(&x->arena, raw.len + 1), 0};
    if (out.data != NULL && !http_component_decode(raw, (char *)out.data, &out.len))
        out.data = NULL;
    return out;
}

struct span http_query(struct http_exchange *x, const char *name, bool *ret_found) {
    struct span rest = x->target.query, none = {0};
    while (rest.data != NULL) {
        struct span value;
        struct span key = span_cut(span_cut(rest, '&', &rest), '=', &value);
        if (!span_eq_text(decoded(x, key), name))
            continue;
        struct span result = decoded(x, value);
        if (ret_found != NULL)
            *ret_found = result.data != NULL;
        return result;
    }
    if (ret_found != NULL)
        *ret_found = false;
    return none;
}

struct span http_header(const struct http_exchange *x, const char *name) {
    const struct http_parser *p = &x->connection->parser;
    struct span wanted = span_of(name);
    for (size_t i = 0; x->parsed && i < p->field_count; i++) {
        if (span_eq_nocase(http_slice_of(x->head, p->fields[i].name), wanted))
            return http_slice_of(x->head, p->fields[i].value);
    }
    return (struct span){0};
}

struct span http_body(const struct http_exchange *x) {
    return buffer_span(&x->collected);
}

struct span http_peer(const struct http_exchange *x) {
    return span_of(x->connection->address.text);
}

const char *http_request_id(const struct http_exchange *x) {
    return x->id;
}

struct arena *http_arena(struct http_exchange *x) {
    return &x->arena;
}

struct loop *http_loop(const struct http_exchange *x) {
    return x->connection->listener->loop;
}

void http_set_user(struct http_exchange *x, void *user) {
    x->user = user;
}

void *http_user(const struct http_exchange *x) {
    return x->user;
}

void http_on_gone(struct http_exchange *x, void (*on_gone)(struct http_exchange *x)) {
    x->on_gone = on_gone;
}

void http_on_drain(struct http_exchange *x, void (*on_drain)(struct http_exchange *x)) {
    x->on_drain = on_drain;
}

/* The handler takes the body, or has stopped taking it. What is here already is given out by the
 * loop, not from inside the handler's call. */
static void taking_changed(struct http_exchange *x) {
    struct http_connection *c = x->connection;
    bool taking = x->on_data != NULL && !x->paused;
    if (c->state != CONNECTION_BODY || x->gone)
        return;
    request_body_clock(c, taking);
    if (taking) {
        request_continue(x);
        connection_wake(c);
    } else if (c->nested == 0) {
        connection_arm(c);
    }
}

void http_read(struct http_exchange *x,
               void (*on_data)(struct http_exchange *x, struct span data, bool end)) {
    assert(x->route->stream_body);
    x->on_data = on_data;
    taking_changed(x);
}

void http_read_pause(struct http_exchange *x, bool paused) {
    x->paused = paused;
    taking_changed(x);
}
