/* parser.h: the pure part of the module: bytes in, decisions out, no input or output.
 *
 * Three machines, each fed with whatever has come and each giving the same result however the bytes
 * are cut: the head parser (parser.c, framing.c), the body decoder (body.c) and the target checks
 * (target.c). All refuse what is ambiguous instead of guessing (H1-H6, H20). None keeps a pointer
 * into the input between two calls.
 */
#pragma once
#include "base/bytes.h"
#include "http/http.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_progress {
    HTTP_MORE, /* all that was there is used; more bytes are needed */
    HTTP_DONE,
    HTTP_BAD, /* final: status and why say what to answer */
};

/* A place in the head: an offset rather than a pointer, because the buffer may move. */
struct http_slice {
    uint32_t at, len;
};
struct http_field_slice {
    struct http_slice name, value;
};

/* ---- the head: request line and fields ---- */
struct http_parser {
    size_t line_limit, header_limit, count_limit;

    /* The result, whole after HTTP_DONE. */
    struct http_field_slice *fields; /* owned; count_limit entries at most */
    size_t field_count;
    enum http_method method; /* 0 until the request line is known */
    struct http_slice target;
    bool http_1_1;
    size_t head_bytes; /* what the head took, with its empty line */
    bool keep_alive;   /* what the version and Connection ask for */
    bool expect_continue;
    bool chunked;
    uint64_t content_length;
    bool has_host;
    struct http_slice host;
    int status; /* after HTTP_BAD */
    const char *why;

    /* Where the scan stands. */
    size_t _at, _line_start, _header_start, _field_cap;
    bool _in_fields, _cr, _empty_line_seen;
};
void http_parser_init(struct http_parser *p, const struct http_limits *limits);
void http_parser_done(struct http_parser *p);
void http_parser_reset(struct http_parser *p); /* for the next head; keeps the memory of `fields` */
/* `bytes` starts with the first byte of the head and holds at least all that the call before had.
 */
enum http_progress http_parser_feed(struct http_parser *p, struct span bytes);

static inline struct span http_slice_of(struct span bytes, struct http_slice s) {
    return (struct span){bytes.data + s.at, s.len};
}
/* parser.c to framing.c: what the fields as a whole mean (H1, H2, H4). NULL, or the words with
 * p->status set. */
const char *http_framing(struct http_parser *p, struct span head);
/* Sets the outcome; returns HTTP_BAD. */
enum http_progress http_parser_fail(struct http_parser *p, int status, const char *why);

/* ---- the body ---- */
struct http_body {
    uint64_t taken; /* body bytes given out so far */
    int status;     /* after HTTP_BAD */
    const char *why;

    uint64_t _limit, _left;
    size_t _ext_limit, _ext, _ext_total, _trailer_bytes;
    uint8_t _state, _digits, _name_len;
    char _last;
    char _name[20]; /* of a trailer, lower case, cut: long enough for the forbidden ones */
};
/* The body of the head that `p` has parsed, at most `limit` bytes. HTTP_BAD at once when its
 * Content-Length is beyond the limit (H8); HTTP_DONE when there is none. */
enum http_progress http_body_start(struct http_body *b, const struct http_parser *p, uint64_t limit,
                                   const struct http_limits *limits);
/* Takes bytes from the front of *in. *ret_piece is what they hold of the body: it points into `in`
 * and may be empty. HTTP_MORE with a piece means: call again; without one: `in` is used up. */
enum http_progress http_body_feed(struct http_body *b, struct span *in, struct span *ret_piece);

/* ---- the target ---- */
struct http_target {
    bool asterisk;         /* OPTIONS * */
    struct span authority; /* absolute-form; data NULL else */
    struct span path;      /* raw; begins with '/' */
    struct span query;     /* raw; data NULL when there is no '?' */
};
/* All of these return NULL when it is right and else the words of a 400. */
const char *http_target_split(struct span target, enum http_method method,
                              struct http_target *ret_target);
/* Decodes %XX once and checks what comes out (H20). `out` has room for raw.len bytes. */
const char *http_path_decode(struct span raw, char *out, size_t *ret_len);

struct http_authority {
    struct span host; /* with its brackets if it is an IPv6 address */
    unsigned port;    /* 80 when absent or empty */
};
const char *http_authority_parse(struct span text, struct http_authority *ret_authority);
bool http_authority_eq(const struct http_authority *a, const struct http_authority *b);
/* Loopback names and addresses, and the configured names (H35). */
bool http_host_known(struct span host, const char *const *names);
/* One query or form component: %XX and '+'. `out` has room for raw.len bytes. False: malformed. */
bool http_component_decode(struct span raw, char *out, size_t *ret_len);
/* The value of a hexadecimal digit, or -1. */
int http_hex(char c);
