/* http.h: a strict HTTP/1.1 server (RFC 9110, RFC 9112), for any number of event loops.
 *
 * Theory of operation. A `http_server` holds what all loops share: the configuration, the routes,
 * the figures. Each loop gets its own listener (`http_listen`) and owns the connections it accepts;
 * a connection, its parser and its exchanges are touched by that loop's thread only. An *exchange*
 * is one request and its answer. Exchanges of a connection are strictly one after the other:
 * while one is being answered, what the client has pipelined behind it waits unread.
 *
 *   bytes → parser (head) → Host check → route → on_check → body (collected or streamed) →
 * on_request answer → http_respond, or http_respond_begin / _data / _end → bytes
 *
 * The parser refuses what is ambiguous (rules H1-H8 of the hardening list) and after any parse
 * error the connection is answered and closed (H11). Raw client bytes never leave this module (H9).
 *
 * Lifetime of an exchange. It is valid from on_check until (a) its answer is complete, that is, the
 * call that completes it (`http_respond`, `http_respond_end`, `http_abort`) has returned, or (b)
 * its on_gone callback has returned, because the client left, a deadline passed or the server
 * closes. A handler that answers later must set on_gone, and stop using the exchange there (H14: it
 * cancels the work). Spans given out by the accessors live as long as the exchange. on_gone comes
 * from the loop, never from inside a call that the handler makes.
 *
 * A client that leaves. TCP does not tell a client that closed (Ctrl-C) from one that only shut
 * down its sending side: both send FIN. End of file while a complete request is not yet wholly
 * answered therefore counts as "the client left" (as nginx's 499): on_gone is called and the
 * connection is closed. A client that shuts down early still gets every answer that is given from
 * inside on_request, and the rest of an answer that is complete but not yet sent.
 */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct metrics;
struct arena;
struct http_server;
struct http_listener;
struct http_exchange;

enum http_method {
    HTTP_GET = 1 << 0,
    HTTP_HEAD = 1 << 1,
    HTTP_POST = 1 << 2,
    HTTP_PUT = 1 << 3,
    HTTP_DELETE = 1 << 4,
    HTTP_PATCH = 1 << 5,
    HTTP_OPTIONS = 1 << 6,
    HTTP_ANY = 0x7f,
};

/* Every limit that a client can meet; zero means the default written beside it. */
struct http_limits {
    size_t request_line_bytes;      /* 8 KiB → 414 (H5) */
    size_t header_bytes;            /* 32 KiB → 431 (H5) */
    size_t header_count;            /* 100 → 431 (H5) */
    size_t chunk_ext_bytes;         /* 256 → 400 (H6) */
    uint64_t header_ms;             /* 10 s for the whole head, not per byte → 408 (H12) */
    uint64_t body_total_ms;         /* 300 s for a whole body → 408 (H12) */
    size_t body_min_bytes_per_s;    /* 256, on average, after body_grace_ms → 408 (H12) */
    uint64_t body_grace_ms;         /* 10 s */
    uint64_t keep_alive_ms;         /* 15 s between requests (H12) */
    uint64_t write_ms;              /* 30 s without a byte taken by the client → closed (H12) */
    size_t requests_per_connection; /* 10,000 */
    size_t connections;             /* in all; 4,096, and below RLIMIT_NOFILE (H13) */
    size_t connections_per_address; /* 1,024 (H13) */
    size_t send_buffer_bytes;       /* 256 KiB held for one connection before back-pressure */
    size_t bodies_bytes;            /* 256 MiB in the collected bodies of all connections → 503 */
};

struct http_config {
    const char *name; /* "studio": for logs and figures */
    const char *const
        *hosts;      /* NULL-terminated names accepted in Host beside loopback ones (H35) */
    bool check_host; /* true when bound to loopback: another Host gets 421 naming --host */
    struct http_limits limits;
};

struct http_route;
/* Called when the head is complete and before any body byte is read or 100-continue is sent (H14).
 * Returns true to go on; false after having answered with http_respond. May be NULL. */
typedef bool http_check_fn(struct http_exchange *x, const struct http_route *route);
/* The request is there (with its whole body unless the route streams). Answer now or later. */
typedef void http_request_fn(struct http_exchange *x, const struct http_route *route);

struct http_route {
    unsigned methods; /* HTTP_GET | …; HEAD is served by a GET route: its body is not sent */
    const char *path; /* exact, or a prefix when it ends in a slash and a star */
    size_t
        max_body_bytes; /* beyond it 413 (H8), from Content-Length before reading or de-chunking */
    bool stream_body;   /* on_request comes at the head; body by http_read */
    http_check_fn *on_check;
    http_request_fn *on_request;
    void *user;
};

struct http_server *http_server_new(const struct http_config *config, struct metrics *metrics);
/* After all loops have stopped. */
void http_server_free(struct http_server *server);
/* Before the first http_listen. `route` and its strings must outlive the server. A path that no
 * route has is 404, a known path with another method 405 with Allow; OPTIONS * is answered. */
void http_server_route(struct http_server *server, const struct http_route *route);
/* A refusal of this module (400, 404, 405, 408, 413, 414, 421, 431, 501…) is a problem document
 * (RFC 9457) with a stable type, such as "/problems/misdirected". */

/* Takes the descriptor of a bound, listening, non-blocking socket over. On the loop's thread or
 * before it runs. */
int http_listen(struct http_server *server, struct loop *loop, int listen_fd,
                struct http_listener **ret_listener, struct error *err);
/* Stops accepting; idle connections are closed, busy ones end with their answer (Connection:
 * close). A client that does not close then is waited for, for at most 3 s. */
void http_listener_drain(struct http_listener *listener);
size_t http_listener_connections(const struct http_listener *listener);
/* Closes everything at once (on_gone is called) and frees the listener. On the loop's thread, or
 * after it has stopped; not from inside a handler. */
void http_listener_free(struct http_listener *listener);

/* ---- the request ---- */
enum http_method http_method(const struct http_exchange *x);
struct span http_path(const struct http_exchange *x);         /* decoded once, checked (H20) */
struct span http_path_rest(const struct http_exchange *x);    /* what the route's star stands for */
struct span http_target_query(const struct http_exchange *x); /* raw, without '?' */
/* Decoded; the first of that name. Data NULL, and not found, also when it is malformed. */
struct span http_query(struct http_exchange *x, const char *name, bool *ret_found);
struct span http_header(const struct http_exchange *x,
                        const char *name);                  /* first; data NULL: none */
struct span http_body(const struct http_exchange *x);       /* collected body */
struct span http_peer(const struct http_exchange *x);       /* address as text, without port */
const char *http_request_id(const struct http_exchange *x); /* UUIDv7; sent as X-Request-Id */
struct arena *http_arena(struct http_exchange *x);          /* lives as long as the exchange */
struct loop *http_loop(const struct http_exchange *x);
/* For the handler's own state. */
void http_set_user(struct http_exchange *x, void *user);
void *http_user(const struct http_exchange *x);
void http_on_gone(struct http_exchange *x, void (*on_gone)(struct http_exchange *x));

/* Streamed bodies. on_data gets each piece; `end` with the last (possibly empty) one. Nothing more
 * is read from the socket while paused: that is the back-pressure. */
void http_read(struct http_exchange *x,
               void (*on_data)(struct http_exchange *x, struct span data, bool end));
void http_read_pause(struct http_exchange *x, bool paused);

/* ---- the answer ---- */
/* Before the answer begins. Name and value are copied; a value with CR, LF or NUL is our own
 * mistake and aborts. Content-Length, Transfer-Encoding, Connection, Date are this module's. */
void http_add_header(struct http_exchange *x, const char *name, const char *value);
/* The whole answer; `body` is copied. content_type may be NULL with an empty body. */
void http_respond(struct http_exchange *x, int status, const char *content_type, struct span body);
/* Problem document (RFC 9457): {"type","title","status","detail","instance": request id}. `type` is
 * the last segment of a stable URI-reference: "unknown-language" → "/problems/unknown-language". */
void http_respond_problem(struct http_exchange *x, int status, const char *type,
                          const char *detail_fmt, ...) PRINTF_LIKE(4, 5);
/* In pieces: chunked to a 1.1 client, delimited by close to a 1.0 one. http_respond_data returns
 * false when send_buffer_bytes are waiting: go on after on_drain. Bytes are taken in any case. */
void http_respond_begin(struct http_exchange *x, int status, const char *content_type);
bool http_respond_data(struct http_exchange *x, struct span data);
void http_on_drain(struct http_exchange *x, void (*on_drain)(struct http_exchange *x));
void http_respond_end(struct http_exchange *x);
/* The answer cannot be finished: the connection is cut, so that the client sees it is incomplete.
 */
void http_abort(struct http_exchange *x);

/* ---- forms ---- */
/* Fields of an application/x-www-form-urlencoded or multipart/form-data body. With any other
 * content type -ENOTSUP; malformed -EINVAL with words. At most 100 fields; multipart file parts
 * count as fields. Spans live in the exchange's arena. */
struct http_field {
    struct span name, value, filename;
};
int http_form(struct http_exchange *x, struct http_field **ret_fields, size_t *ret_count,
              struct error *err);
/* The same for bytes that do not come from an exchange (fuzzing, tests). */
int http_form_parse(struct arena *arena, struct span content_type, struct span body,
                    struct http_field **ret_fields, size_t *ret_count, struct error *err);
