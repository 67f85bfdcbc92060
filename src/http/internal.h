/* internal.h: what the files of this module share.
 *
 *   server.c      configuration and its defaults, routes, figures, counts per address
 *   listener.c    accepting: limits, EMFILE, drain
 *   connection.c  one connection: events of its socket, deadlines, its end
 *   request.c     the state machine: head → route → body → handler → next head
 *   output.c      what is sent and what waits to be
 *   exchange.c    the accessors; answer.c and problem.c the answers
 *
 * Nesting. A handler may answer from inside a callback of ours, and its answer may be what ends the
 * connection. So every way in from the loop is bracketed by connection_enter and connection_leave;
 * a connection that is closed in between is freed by the outermost leave. What a handler calls from
 * outside never calls a handler back: work it causes is left to the loop (connection_wake).
 */
#pragma once
#include "base/arena.h"
#include "base/id.h"
#include "base/list.h"
#include "base/map.h"
#include "http/http.h"
#include "http/parser.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

enum {
    READ_BYTES = 16 * 1024, /* one read, and what is read ahead while a request is answered */
    ACCEPTS_PER_TURN = 4,   /* few, so that the loops share a burst */
    ACCEPT_PAUSE_MS = 100,  /* after EMFILE */
    REFUSED_MAX = 64,       /* connections over the limit that are told so, at a time */
    LINGER_MS = 3000,       /* reading on after our last byte, so that it is not reset away */
    LINGER_BYTES = 64 * 1024 * 1024,
    PROBE_MS = 1000, /* how often a client that is not read from is asked after */
    ROUTES_MAX = 128,
    ADDED_HEADERS_MAX = 32 * 1024,
    PEER_TEXT_SIZE = 46,
};

/* ---- the server: what all loops share ---- */
struct http_figures {
    struct metrics_counter *status[6]; /* by class; 0 is not used */
    struct metrics_counter *left;      /* clients that hung up before their answer */
    struct metrics_counter *accepted, *open;
    struct metrics_counter *refused_total, *refused_address, *refused_descriptors;
    struct metrics_counter *parse_errors, *timeouts;
    struct metrics_counter *received, *sent;
};

struct http_server {
    struct http_config config; /* with its defaults filled in */
    const struct http_route *routes[ROUTES_MAX];
    size_t route_count;
    size_t arena_limit;
    struct http_figures figures;
    atomic_size_t connections;
    atomic_size_t body_bytes; /* held in collected bodies */
    pthread_mutex_t addresses_lock;
    struct map *addresses; /* binary address → struct address_count */
};
void http_count(struct metrics_counter *counter, int64_t delta); /* NULL counter: no figures */

/* An address as limits see it: IPv4 whole, IPv6 its /64, anything else nothing. */
struct http_address {
    unsigned char bytes[8];
    uint8_t len;
    char text[PEER_TEXT_SIZE];
};
void http_address_of(const struct sockaddr_storage *from, struct http_address *out);
/* One more connection from there; false when it has all it may have. */
bool http_address_take(struct http_server *server, const struct http_address *address);
void http_address_release(struct http_server *server, const struct http_address *address);

struct http_match {
    const struct http_route *route; /* NULL: see allowed */
    struct span rest;
    unsigned allowed; /* methods that the path has; 0: the path is not known */
};
struct http_match http_server_match(const struct http_server *server, enum http_method method,
                                    struct span path);
/* "GET, HEAD, …" */
#define ALLOW_TEXT_SIZE 64
void http_allow_text(unsigned methods, char out[ALLOW_TEXT_SIZE]);

/* ---- a listener and its connections: one loop's ---- */
struct http_listener {
    struct http_server *server;
    struct loop *loop;
    int fd;
    int reserve_fd; /* given up for a moment when descriptors run out (H13) */
    struct loop_watch watch;
    struct loop_timer pause;
    struct list connections;
    size_t connection_count;
    size_t refused_count;
    bool draining;
};

enum connection_state {
    CONNECTION_HEAD,   /* a head is awaited or half there */
    CONNECTION_BODY,   /* the head is accepted, its body is on the way */
    CONNECTION_ANSWER, /* the request is complete, its answer is not */
    CONNECTION_FLUSH,  /* the answer is complete, but not all of it is sent */
    CONNECTION_LINGER, /* all is sent and our side shut down; what still comes is thrown away */
    CONNECTION_CLOSED,
};

struct http_connection {
    struct list link;
    struct http_listener *listener;
    struct http_server *server;
    int fd;
    enum connection_state state;
    struct loop_watch watch;
    int events; /* what is watched */
    struct loop_timer timer;
    uint64_t timer_at; /* when it fires; meaningful while it is active */
    unsigned nested;   /* connection_enter without its leave */

    bool eof;     /* the client has sent its last byte */
    bool broken;  /* a write failed: the loop ends the connection */
    bool woken;   /* the loop has something to do that no event announces */
    bool refused; /* over the limits: answered 503, and not counted as a connection */
    bool closing; /* no request is read after this one */
    bool linger;  /* the client may still be sending */
    struct http_address address;
    size_t requests;

    struct buffer in;
    size_t in_at; /* bytes of `in` that are used up */
    struct buffer out;
    size_t out_at;         /* bytes of `out` that are sent */
    uint64_t out_moved_at; /* when bytes were last taken, or began to wait */

    struct http_parser parser;
    uint64_t wait_since;   /* of this head, of a byte of it, or of lingering */
    uint64_t head_since;   /* its first byte; 0: idle */
    uint64_t body_resumed; /* since when the body is awaited; 0: while it is not, it is paused */
    uint64_t body_waited;  /* for how long it was before that */
    size_t lingered;       /* bytes thrown away */

    struct http_exchange *exchange;
};

struct http_exchange {
    struct http_connection *connection;
    struct arena arena;
    struct span head; /* a copy of its own */
    struct http_target target;
    struct span path, path_rest;
    const struct http_route *route;
    struct http_body body;
    struct buffer collected;
    uint64_t began_us;
    uint64_t sent_bytes; /* of the answer's body */
    int status;          /* of the answer */
    char id[ID_SIZE];

    bool parsed;       /* there is a head: spans point into it */
    bool handed;       /* a handler knows it: it must hear of its end */
    bool request_done; /* the last byte of the body is here */
    bool begun, chunked, bodyless, ended, gone;
    bool close;     /* the connection ends with this answer */
    bool undrained; /* http_respond_data has returned false since */
    bool paused;

    struct buffer added; /* header lines of the handler */
    void *user;
    void (*on_gone)(struct http_exchange *x);
    void (*on_data)(struct http_exchange *x, struct span data, bool end);
    void (*on_drain)(struct http_exchange *x);
};

/* ---- connection.c ---- */
/* Takes fd over. A refused connection is over the limits: it gets a 503 and then the end. */
void connection_new(struct http_listener *listener, int fd, const struct http_address *address,
                    bool refused);
void connection_enter(struct http_connection *c);
void connection_leave(struct http_connection *c);
/* Something is left to do; the loop comes back for it. */
void connection_wake(struct http_connection *c);
/* What is watched and timed, after a change. */
void connection_arm(struct http_connection *c);
/* The end, at once. `reset` tells the client that what it has is incomplete. */
void connection_close(struct http_connection *c, bool reset);
/* The end before the answer: the handler hears of it. From the loop only. */
void connection_lost(struct http_connection *c, bool reset);
size_t connection_unread(const struct http_connection *c); /* bytes read but not used */
bool connection_idle(const struct http_connection *c);

/* ---- request.c ---- */
/* Goes on as far as the bytes that are there allow. From the loop only. */
void request_advance(struct http_connection *c);
/* The client has sent its last byte. */
void request_eof(struct http_connection *c);
/* Ends the request with an answer of ours and then the connection (H11). From the loop only. */
void request_fail(struct http_connection *c, int status, const char *why);
/* A new exchange for this connection, not yet parsed. */
struct http_exchange *exchange_new(struct http_connection *c);
void exchange_free(struct http_exchange *x);
/* The answer is complete: the exchange is gone when this returns, and so may the connection be. */
void exchange_finish(struct http_exchange *x);
/* Starts or stops the clock of the body (H12). */
void request_body_clock(struct http_connection *c, bool running);
/* Sends 100 Continue when the client waits for it. */
void request_continue(struct http_exchange *x);

/* ---- output.c ---- */
size_t output_pending(const struct http_connection *c);
/* Takes all bytes: sends what it can, keeps the rest. Sets `broken`; calls nobody. */
void output_send(struct http_connection *c, struct iovec *parts, size_t count);
/* Sends on. */
void output_flush(struct http_connection *c);
const char *http_reason(int status);
