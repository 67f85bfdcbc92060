/* The head parser and the framing rules: H1-H5, H7, and H11 in so far as a refusal is final. Each
 * row is fed whole, byte by byte, and cut in two at every place; the results must be the same. */
#include "check.h"
#include "http/parser.h"
#include <stdlib.h>

#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define POST "POST /x HTTP/1.1\r\nHost: a\r\n"

struct row {
    const char *rule;
    struct span raw;
    int status; /* 0: accepted */
};

static const struct row rows[] = {
    {"RFC 9112 3", RAW(GET HOST "\r\n"), 0},
    {"RFC 9112 2.2", RAW("\r\n" GET HOST "\r\n"), 0},
    {"RFC 9112 2.2", RAW("\r\n\r\n" GET HOST "\r\n"), 400},
    {"RFC 9112 2.2", RAW("\n" GET HOST "\r\n"), 400},
    {"1.0", RAW("GET / HTTP/1.0\r\n\r\n"), 0},
    {"OWS", RAW(GET "Host: \t a \t \r\nX:\r\nY: \r\n\r\n"), 0},
    {"obs-text", RAW(GET HOST "X: \x80\xff\r\n\r\n"), 0},

    {"H1", RAW(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {"H1", RAW(POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"), 400},
    {"H1", RAW(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), 400},
    {"H1", RAW(POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400},
    {"H1", RAW(POST "Content-Length: 1, 1\r\n\r\n"), 400},
    {"H1", RAW(POST "Content-Length: +1\r\n\r\n"), 400},
    {"H1", RAW(POST "Content-Length: -1\r\n\r\n"), 400},
    {"H1", RAW(POST "Content-Length: 0x1\r\n\r\n"), 400},
    {"H1", RAW(POST "Content-Length: 01\r\n\r\n"), 400},
    {"H1", RAW(POST "Content-Length: 1 0\r\n\r\n"), 400},
    {"H1", RAW(POST "Content-Length:\r\n\r\n"), 400},
    {"H1", RAW(POST "Content-Length: 9223372036854775807\r\n\r\n"), 0},
    {"H1", RAW(POST "Content-Length: 9223372036854775808\r\n\r\n"), 400},
    {"H1", RAW(POST "Content-Length: 18446744073709551617\r\n\r\n"), 400},

    {"H2", RAW(POST "Transfer-Encoding: chunked\r\n\r\n"), 0},
    {"H2", RAW(POST "transfer-encoding: CHUNKED\r\n\r\n"), 0},
    {"H2", RAW(POST "Transfer-Encoding: xchunked\r\n\r\n"), 400},
    {"H2", RAW(POST "Transfer-Encoding: chunked, identity\r\n\r\n"), 400},
    {"H2", RAW(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), 400},
    {"H2", RAW(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {"H2",
     RAW(POST "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n"),
     400},
    {"H2", RAW(POST "Transfer-Encoding: \"chunked\"\r\n\r\n"), 400},
    {"H2", RAW(POST "Transfer-Encoding:\r\n\r\n"), 400},
    {"H2", RAW("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},

    {"H3", RAW("GET / HTTP/1.1\nHost: a\r\n\r\n"), 400},
    {"H3", RAW(GET "Host: a\n\r\n"), 400},
    {"H3", RAW(GET "Host: a\r\n\n"), 400},
    {"H3", RAW(GET "Host: a\rX: b\r\n\r\n"), 400},
    {"H3", RAW(GET "Host: a\r\r\n\r\n"), 400},
    {"H3", RAW(GET HOST "X: a\0b\r\n\r\n"), 400},
    {"H3", RAW(GET HOST "X\0: a\r\n\r\n"), 400},
    {"H3", RAW(GET HOST "X: a\r\n b\r\n\r\n"), 400},
    {"H3", RAW(GET HOST "X: a\r\n\tb\r\n\r\n"), 400},
    {"H3", RAW(GET HOST "X : a\r\n\r\n"), 400},
    {"H3", RAW(GET " Host: a\r\n\r\n"), 400},
    {"H3", RAW(GET HOST ": a\r\n\r\n"), 400},
    {"H3", RAW(GET HOST "X\r\n\r\n"), 400},
    {"H3", RAW(GET HOST "X(: a\r\n\r\n"), 400},
    {"H3", RAW(GET HOST "X\xe9: a\r\n\r\n"), 400},
    {"H3", RAW(GET HOST "X: \x7f\r\n\r\n"), 400},
    {"H3", RAW("GET /\x01 HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"H3", RAW("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), 400},

    {"H4", RAW(GET "\r\n"), 400},
    {"H4", RAW(GET HOST HOST "\r\n"), 400},
    {"H4", RAW(GET "Host: a\r\nHost: b\r\n\r\n"), 400},
    {"H4", RAW("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), 400},
    {"H4", RAW(GET "Host:\r\n\r\n"), 400},
    {"H4", RAW(GET "Host: a b\r\n\r\n"), 400},
    {"H4", RAW(GET "Host: u@a\r\n\r\n"), 400},
    {"H4", RAW(GET "Host: a/b\r\n\r\n"), 400},
    {"H4", RAW(GET "Host: a, b\r\n\r\n"), 400},
    {"H4", RAW(GET "Host: a:x\r\n\r\n"), 400},
    {"H4", RAW(GET "Host: a:65536\r\n\r\n"), 400},
    {"H4", RAW(GET "Host: [::1\r\n\r\n"), 400},
    {"H4", RAW(GET "Host: [::1]x\r\n\r\n"), 400},
    {"H4", RAW(GET "Host: [::1]:80\r\n\r\n"), 0},
    {"H4", RAW(GET "Host: a_b.c-d:8080\r\n\r\n"), 0},

    {"H7", RAW("BREW / HTTP/1.1\r\n" HOST "\r\n"), 501},
    {"H7", RAW("get / HTTP/1.1\r\n" HOST "\r\n"), 501},
    {"H7", RAW("CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n"), 501},
    {"H7", RAW("TRACE / HTTP/1.1\r\n" HOST "\r\n"), 501},
    {"H7", RAW(GET HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n"), 0},

    {"request line", RAW("GET  / HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"request line", RAW("GET / HTTP/1.1 \r\n" HOST "\r\n"), 400},
    {"request line", RAW(" GET / HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"request line", RAW("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"request line", RAW("GET /\r\n\r\n"), 400},
    {"request line", RAW("GET\r\n\r\n"), 400},
    {"request line", RAW("GET / http/1.1\r\n" HOST "\r\n"), 400},
    {"request line", RAW("GET / HTTP/1\r\n" HOST "\r\n"), 400},
    {"request line", RAW("GET / HTTP/1.10\r\n" HOST "\r\n"), 400},
    {"request line", RAW("G(T / HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"version", RAW("GET / HTTP/1.2\r\n" HOST "\r\n"), 505},
    {"version", RAW("GET / HTTP/2.0\r\n" HOST "\r\n"), 505},
    {"version", RAW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505},
    {"TLS", RAW("\x16\x03\x01"), 400},

    {"expect", RAW(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"), 0},
    {"expect", RAW(POST "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n"), 417},
    {"connection", RAW(GET HOST "Connection: a b\r\n\r\n"), 400},
};

/* Feeds the first `cut` bytes, then all. The buffer is a fresh one each time, so that a pointer
 * that was kept is seen by the sanitizer. */
static int outcome(struct span raw, size_t cut, struct http_parser *p) {
    struct http_limits limits = default_limits();
    http_parser_init(p, &limits);
    enum http_progress progress = HTTP_MORE;
    for (size_t len = cut; progress == HTTP_MORE; len = raw.len) {
        char *copy = malloc(len + 1);
        memcpy(copy, raw.data, len);
        progress = http_parser_feed(p, (struct span){copy, len});
        free(copy);
        if (len == raw.len)
            break;
    }
    if (progress == HTTP_MORE)
        return -1;
    return progress == HTTP_DONE ? 0 : p->status;
}

static int outcome_by_byte(struct span raw, struct http_parser *p) {
    struct http_limits limits = default_limits();
    http_parser_init(p, &limits);
    enum http_progress progress = HTTP_MORE;
    for (size_t len = 1; len <= raw.len && progress == HTTP_MORE; len++) {
        char *copy = malloc(len);
        memcpy(copy, raw.data, len);
        progress = http_parser_feed(p, (struct span){copy, len});
        free(copy);
    }
    if (progress == HTTP_MORE)
        return -1;
    return progress == HTTP_DONE ? 0 : p->status;
}

static void same_head(const struct http_parser *a, const struct http_parser *b) {
    assert_int_equal(a->head_bytes, b->head_bytes);
    assert_int_equal(a->field_count, b->field_count);
    assert_int_equal(a->content_length, b->content_length);
    assert_int_equal(a->chunked, b->chunked);
    assert_int_equal(a->keep_alive, b->keep_alive);
    if (a->field_count > 0)
        assert_memory_equal(a->fields, b->fields, a->field_count * sizeof *a->fields);
}

static void test_rows_h1_to_h7(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_parser whole, other;
        int status = outcome(rows[i].raw, rows[i].raw.len, &whole);
        if (status != rows[i].status)
            fail_msg("row %zu (%s): %d instead of %d (%s)", i, rows[i].rule, status, rows[i].status,
                     whole.why != NULL ? whole.why : "");
        assert_int_equal(outcome_by_byte(rows[i].raw, &other), status);
        if (status == 0)
            same_head(&whole, &other);
        http_parser_done(&other);
        for (size_t cut = 0; cut < rows[i].raw.len; cut++) {
            assert_int_equal(outcome(rows[i].raw, cut, &other), status);
            http_parser_done(&other);
        }
        http_parser_done(&whole);
    }
}

static void test_result(void **state) {
    (void)state;
    static const struct span raw =
        RAW("PUT /a?b HTTP/1.1\r\nHost: x:1\r\nA:  b c \r\nContent-Length: "
            "12\r\nConnection: Keep-Alive, close\r\n\r\nrest");
    struct http_parser p;
    assert_int_equal(outcome(raw, raw.len, &p), 0);
    assert_int_equal(p.method, HTTP_PUT);
    assert_true(span_eq_text(http_slice_of(raw, p.target), "/a?b"));
    assert_int_equal(p.field_count, 4);
    assert_true(span_eq_text(http_slice_of(raw, p.fields[1].name), "A"));
    assert_true(span_eq_text(http_slice_of(raw, p.fields[1].value), "b c"));
    assert_int_equal(p.content_length, 12);
    assert_false(p.keep_alive);
    assert_int_equal(p.head_bytes, raw.len - 4);
    http_parser_done(&p);
}

static bool keeps_alive(struct span raw) {
    struct http_parser p;
    assert_int_equal(outcome(raw, raw.len, &p), 0);
    http_parser_done(&p);
    return p.keep_alive;
}

static void test_keep_alive(void **state) {
    (void)state;
    assert_true(keeps_alive(SPAN(GET HOST "\r\n")));
    assert_false(keeps_alive(SPAN(GET HOST "Connection: close\r\n\r\n")));
    assert_false(keeps_alive(SPAN(GET HOST "Connection: x\r\nConnection: CLOSE\r\n\r\n")));
    assert_false(keeps_alive(SPAN("GET / HTTP/1.0\r\n\r\n")));
    assert_true(keeps_alive(SPAN("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")));
}

/* A request line of exactly `line` bytes, then `fields` of `field` bytes each, whole. */
static int sized(size_t line, size_t fields, size_t field) {
    char *text = malloc(line + (fields + 2) * (field + 16));
    size_t len = (size_t)sprintf(text, "GET /");
    while (len < line - strlen(" HTTP/1.1"))
        text[len++] = 'a';
    len += (size_t)sprintf(text + len, " HTTP/1.1\r\nHost: a\r\n");
    for (size_t i = 0; i < fields; i++) {
        len += (size_t)sprintf(text + len, "X: ");
        memset(text + len, 'v', field - 5);
        len += field - 5;
        len += (size_t)sprintf(text + len, "\r\n");
    }
    len += (size_t)sprintf(text + len, "\r\n");
    struct http_parser p;
    int whole = outcome((struct span){text, len}, len, &p);
    http_parser_done(&p);
    assert_int_equal(outcome((struct span){text, len}, len / 2, &p), whole);
    http_parser_done(&p);
    free(text);
    return whole;
}

static void test_limits_h5(void **state) {
    (void)state;
    assert_int_equal(sized(8192, 0, 0), 0);
    assert_int_equal(sized(8193, 0, 0), 414);
    assert_int_equal(sized(100, 99, 10), 0); /* and Host */
    assert_int_equal(sized(100, 100, 10), 431);
    assert_int_equal(sized(100, 1, 32768 - 11), 0); /* Host and the empty line take 11 */
    assert_int_equal(sized(100, 1, 32768 - 10), 431);
    assert_int_equal(sized(100, 60, 1000), 431);
    assert_int_equal(sized(9000, 100, 1000), 414);
}

static void test_refusal_is_final_h11(void **state) {
    (void)state;
    static const struct span bad = RAW(GET HOST "X(: a\r\n");
    static const struct span more = RAW(GET HOST "X(: a\r\nY: b\r\n\r\n");
    struct http_parser p;
    assert_int_equal(outcome(bad, bad.len, &p), 400);
    assert_int_equal(http_parser_feed(&p, more), HTTP_BAD);
    http_parser_done(&p);
}

static void test_reset(void **state) {
    (void)state;
    static const struct span one = RAW(POST "Transfer-Encoding: chunked\r\nX: y\r\n\r\n");
    static const struct span two = RAW(GET HOST "\r\n");
    struct http_parser p;
    assert_int_equal(outcome(one, one.len, &p), 0);
    assert_true(p.chunked);
    http_parser_reset(&p);
    assert_int_equal(http_parser_feed(&p, two), HTTP_DONE);
    assert_false(p.chunked);
    assert_int_equal(p.field_count, 1);
    http_parser_done(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_h1_to_h7), cmocka_unit_test(test_result),
        cmocka_unit_test(test_keep_alive),    cmocka_unit_test(test_limits_h5),
        cmocka_unit_test(test_reset),         cmocka_unit_test(test_refusal_is_final_h11),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
