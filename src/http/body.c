/* body.c: takes a body out of the bytes of a connection: a known length, or chunks with trailers.
 *
 * The chunked decoder is one state a byte, so the result does not depend on how the bytes are cut.
 * Between chunk size, extension, data and trailer nothing is forgiven: no space after the size, no
 * bare LF, no missing CR LF after the data (H6). Extensions and trailers are checked and dropped.
 */
#include "base/grammar.h"
#include "http/parser.h"
#include <stdlib.h>

/* What all extensions of one body, and all its trailers, may take together: a body of one-byte
 * chunks with long extensions would cost us a hundred times the bytes it delivers. */
enum { EXT_TOTAL_MAX = 16 * 1024, TRAILER_MAX = 8 * 1024, SIZE_DIGITS_MAX = 16 };

enum state {
    AT_END,
    LENGTH,
    SIZE,
    EXT,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
    FAILED,
};

static enum http_progress fail(struct http_body *b, int status, const char *why) {
    b->_state = FAILED;
    b->status = status;
    b->why = why;
    return HTTP_BAD;
}

enum http_progress http_body_start(struct http_body *b, const struct http_parser *p, uint64_t limit,
                                   const struct http_limits *limits) {
    *b = (struct http_body){._limit = limit, ._ext_limit = limits->chunk_ext_bytes};
    if (p->chunked) {
        b->_state = SIZE;
        return HTTP_MORE;
    }
    if (p->content_length > limit)
        return fail(b, 413, "the body is larger than what is taken here");
    b->_left = p->content_length;
    b->_state = b->_left > 0 ? LENGTH : AT_END;
    return b->_left > 0 ? HTTP_MORE : HTTP_DONE;
}

/* The end of a size line's number: the chunk must fit before a byte of it is read (H8). */
static enum http_progress size_known(struct http_body *b) {
    if (b->_digits == 0)
        return fail(b, 400, "a chunk has no size");
    if (b->_left > b->_limit - b->taken)
        return fail(b, 413, "the body is larger than what is taken here");
    return HTTP_MORE;
}

static enum http_progress size_byte(struct http_body *b, char c) {
    int digit = http_hex(c);
    if (digit >= 0) {
        if (b->_digits++ == SIZE_DIGITS_MAX)
            return fail(b, 400, "a chunk size has too many digits");
        b->_left = b->_left << 4 | (unsigned)digit;
        return HTTP_MORE;
    }
    if (c == ';') {
        b->_ext = 0;
        b->_last = ';';
        b->_state = EXT;
    } else if (c == '\r') {
        b->_state = SIZE_LF;
    } else {
        return fail(b, 400, "a chunk size is not a hexadecimal number");
    }
    return size_known(b);
}

static enum http_progress ext_byte(struct http_body *b, char c) {
    unsigned char u = (unsigned char)c;
    if (c == '\r') {
        if (b->_last == ';')
            return fail(b, 400, "a chunk extension has no name");
        b->_state = SIZE_LF;
        return HTTP_MORE;
    }
    if ((u < 0x20 && c != '\t') || u == 0x7f)
        return fail(b, 400, "a chunk extension holds a control byte");
    if (++b->_ext > b->_ext_limit || ++b->_ext_total > EXT_TOTAL_MAX)
        return fail(b, 400, "a chunk extension is too long");
    if (c != ' ' && c != '\t')
        b->_last = c;
    return HTTP_MORE;
}

/* Fields that say where a message ends or whom it is for must not come after it. */
static bool trailer_forbidden(const struct http_body *b) {
    struct span name = {b->_name, b->_name_len};
    return span_eq_text(name, "content-length") || span_eq_text(name, "transfer-encoding") ||
           span_eq_text(name, "host");
}

static enum http_progress trailer_byte(struct http_body *b, char c) {
    unsigned char u = (unsigned char)c;
    if (++b->_trailer_bytes > TRAILER_MAX)
        return fail(b, 431, "the trailer section is too large");
    if (b->_state == TRAILER_VALUE) {
        if (c == '\r')
            b->_state = TRAILER_LF;
        else if ((u < 0x20 && c != '\t') || u == 0x7f)
            return fail(b, 400, "a trailer holds a control byte");
        return HTTP_MORE;
    }
    if (c == ':' && b->_state == TRAILER_NAME) {
        if (trailer_forbidden(b))
            return fail(b, 400, "this field must not be a trailer");
        b->_state = TRAILER_VALUE;
        return HTTP_MORE;
    }
    if (!grammar_is_token_char(u))
        return fail(b, 400, "the name of a trailer is not a token");
    b->_state = TRAILER_NAME;
    if (b->_name_len < sizeof b->_name)
        b->_name[b->_name_len++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    return HTTP_MORE;
}

static enum http_progress expect_byte(struct http_body *b, char c, char wanted, enum state next) {
    if (c != wanted)
        return fail(b, 400, "the chunked body is not delimited by CR LF");
    b->_state = (uint8_t)next;
    return HTTP_MORE;
}

/* One byte of what stands around the data. */
static enum http_progress frame_byte(struct http_body *b, char c) {
    switch ((enum state)b->_state) {
    case SIZE:
        return size_byte(b, c);
    case EXT:
        return ext_byte(b, c);
    case SIZE_LF:
        b->_name_len = 0;
        return expect_byte(b, c, '\n', b->_left > 0 ? DATA : TRAILER);
    case DATA_CR:
        return expect_byte(b, c, '\r', DATA_LF);
    case DATA_LF:
        b->_digits = 0;
        return expect_byte(b, c, '\n', SIZE);
    case TRAILER:
        if (c == '\r')
            return expect_byte(b, c, '\r', LAST_LF);
        return trailer_byte(b, c);
    case TRAILER_NAME:
    case TRAILER_VALUE:
        return trailer_byte(b, c);
    case TRAILER_LF:
        b->_name_len = 0;
        return expect_byte(b, c, '\n', TRAILER);
    case LAST_LF:
        return expect_byte(b, c, '\n', AT_END);
    case AT_END:
    case LENGTH:
    case DATA:
    case FAILED:
        break;
    }
    abort(); /* these states have no framing bytes */
}

enum http_progress http_body_feed(struct http_body *b, struct span *in, struct span *ret_piece) {
    *ret_piece = (struct span){in->data, 0};
    for (;;) {
        if (b->_state == AT_END)
            return HTTP_DONE;
        if (b->_state == FAILED)
            return HTTP_BAD;
        if (in->len == 0)
            return HTTP_MORE;
        if (b->_state == LENGTH || b->_state == DATA) {
            size_t take = b->_left < in->len ? (size_t)b->_left : in->len;
            *ret_piece = (struct span){in->data, take};
            *in = (struct span){in->data + take, in->len - take};
            b->taken += take;
            b->_left -= take;
            if (b->_left > 0)
                return HTTP_MORE;
            b->_state = b->_state == LENGTH ? AT_END : DATA_CR;
            return b->_state == AT_END ? HTTP_DONE : HTTP_MORE;
        }
        char c = in->data[0];
        *in = (struct span){in->data + 1, in->len - 1};
        if (frame_byte(b, c) == HTTP_BAD)
            return HTTP_BAD;
    }
}
