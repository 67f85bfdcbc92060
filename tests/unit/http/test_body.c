/* The body decoder: H6, H8, and that the cut of the bytes does not matter. */
#include "base/bytes.h"
#include "check.h"
#include "http/parser.h"
#include <stdlib.h>

struct row {
    const char *rule;
    struct span raw;
    int status;       /* 0: decoded; -1: not complete */
    const char *body; /* when decoded */
};

#define HEX16 "0000000000000005"
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct row rows[] = {
    {"chunked", RAW("0\r\n\r\n"), 0, ""},
    {"chunked", RAW("5\r\nhello\r\n0\r\n\r\n"), 0, "hello"},
    {"chunked", RAW("5\r\nhello\r\nA\r\n, chunked!\r\n0\r\n\r\nGET"), 0, "hello, chunked!"},
    {"chunked", RAW("000\r\n\r\n"), 0, ""},
    {"chunked", RAW("5\r\nhello\r\n0\r\n"), -1, NULL},
    {"chunked", RAW("5\r\nhel"), -1, NULL},
    {"trailer", RAW("1\r\na\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n"), 0, "a"},
    {"ext", RAW("5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n"), 0, "hello"},

    {"H6", RAW(HEX16 "\r\nhello\r\n0\r\n\r\n"), 0, "hello"},
    {"H6", RAW("0" HEX16 "\r\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("-5\r\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("+5\r\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("0x5\r\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("5 \r\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW(" 5\r\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("\r\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW(";a\r\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("g\r\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("5;\r\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("5;a\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("5;a\r\r\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("5;" A64 A64 A64 A64 "\r\nhello\r\n0\r\n\r\n"), 0, "hello"},
    {"H6", RAW("5;" A64 A64 A64 A64 "a\r\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\nhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\rhello\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\r\nhelloX\r\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\r\nhello\n0\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\r\nhello0\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\r\nhello\r\n0\r\n\n"), 400, NULL},
    {"H6", RAW("5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\r\nhello\r\n0\r\nTRANSFER-ENCODING: chunked\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\r\nhello\r\n0\r\nhost: a\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\r\nhello\r\n0\r\nX-Host: a\r\nHosting: b\r\n\r\n"), 0, "hello"},
    {"H6", RAW("5\r\nhello\r\n0\r\nX : a\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\r\nhello\r\n0\r\n X: a\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\r\nhello\r\n0\r\nX\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n"), 400, NULL},
    {"H6", RAW("5\r\nhello\r\n0\r\n: a\r\n\r\n"), 400, NULL},

    {"H8", RAW("14\r\n01234567890123456789\r\n0\r\n\r\n"), 0, "01234567890123456789"},
    {"H8", RAW("15\r\n"), 413, NULL},
    {"H8", RAW("A\r\n0123456789\r\nB\r\n"), 413, NULL},
    {"H8", RAW("FFFFFFFFFFFFFFFF\r\n"), 413, NULL},
    {"H8", RAW("5\r\nhello\r\nFFFFFFFFFFFFFFFB\r\n"), 413, NULL},
};

enum { LIMIT = 20 };

/* Decodes in pieces of `step` bytes, each in memory of its own. */
static int decode(struct span raw, size_t step, struct buffer *out) {
    struct http_limits limits = default_limits();
    struct http_parser head = {.chunked = true, .http_1_1 = true};
    struct http_body b;
    enum http_progress progress = http_body_start(&b, &head, LIMIT, &limits);
    buffer_init(out, 0);
    for (size_t at = 0; at < raw.len && progress == HTTP_MORE; at += step) {
        size_t len = MIN(step, raw.len - at);
        char *copy = malloc(len);
        memcpy(copy, raw.data + at, len);
        struct span in = {copy, len}, piece = {0};
        do {
            progress = http_body_feed(&b, &in, &piece);
            assert_int_equal(buffer_append_span(out, piece), 0);
        } while (progress == HTTP_MORE && piece.len > 0);
        if (progress == HTTP_MORE)
            assert_int_equal(in.len, 0);
        free(copy);
    }
    if (progress == HTTP_MORE)
        return -1;
    return progress == HTTP_DONE ? 0 : b.status;
}

static void test_rows_h6_h8(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t step = 1; step <= rows[i].raw.len; step++) {
            struct buffer out;
            int status = decode(rows[i].raw, step, &out);
            if (status != rows[i].status)
                fail_msg("row %zu (%s), pieces of %zu: %d instead of %d", i, rows[i].rule, step,
                         status, rows[i].status);
            if (status == 0)
                assert_true(span_eq_text(buffer_span(&out), rows[i].body));
            buffer_done(&out);
        }
    }
}

static void test_length_h8(void **state) {
    (void)state;
    struct http_limits limits = default_limits();
    struct http_parser head = {.content_length = 5};
    struct http_body b;
    struct span in = SPAN("helloGET"), piece;
    assert_int_equal(http_body_start(&b, &head, 5, &limits), HTTP_MORE);
    assert_int_equal(http_body_feed(&b, &in, &piece), HTTP_DONE);
    assert_true(span_eq_text(piece, "hello"));
    assert_true(span_eq_text(in, "GET")); /* what follows is the next request's */
    assert_int_equal(http_body_feed(&b, &in, &piece), HTTP_DONE);
    assert_int_equal(piece.len, 0);

    assert_int_equal(http_body_start(&b, &head, 4, &limits), HTTP_BAD);
    assert_int_equal(b.status, 413);
    head.content_length = INT64_MAX;
    assert_int_equal(http_body_start(&b, &head, 5, &limits), HTTP_BAD);
    head.content_length = 0;
    assert_int_equal(http_body_start(&b, &head, 0, &limits), HTTP_DONE);
}

/* Extensions and trailers are bounded over the whole body as well. */
static void test_overhead_h6(void **state) {
    (void)state;
    struct http_limits limits = default_limits();
    struct http_parser head = {.chunked = true, .http_1_1 = true};
    struct http_body b;
    enum http_progress progress = http_body_start(&b, &head, 1000000, &limits);
    int chunks = 0;
    for (; progress == HTTP_MORE && chunks < 1000; chunks++) {
        struct span in = SPAN("1;" A64 A64 "\r\nx\r\n"), piece;
        do
            progress = http_body_feed(&b, &in, &piece);
        while (progress == HTTP_MORE && in.len > 0);
    }
    assert_int_equal(progress, HTTP_BAD);
    assert_int_equal(b.status, 400);
    assert_in_range(chunks, 120, 132);

    progress = http_body_start(&b, &head, 100, &limits);
    struct span last = SPAN("0\r\n"), piece;
    assert_int_equal(http_body_feed(&b, &last, &piece), HTTP_MORE);
    for (int i = 0; i < 200 && progress == HTTP_MORE; i++) {
        struct span in = SPAN("X: " A64 "\r\n");
        progress = http_body_feed(&b, &in, &piece);
    }
    assert_int_equal(progress, HTTP_BAD);
    assert_int_equal(b.status, 431);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_h6_h8),
        cmocka_unit_test(test_length_h8),
        cmocka_unit_test(test_overhead_h6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
