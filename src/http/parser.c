/* parser.c: the head of a request, line by line.
 *
 * Every byte is looked at once, in order, and checked against the limits and the character classes
 * before the line it belongs to is understood: so an attack is answered as soon as its first wrong
 * byte is there, and the answer does not depend on how the bytes were cut into packets. A line ends
 * with CR LF and with nothing else (H3): whoever accepts a bare LF can be made to see a different
 * number of requests than the proxy in front of it.
 */
#include "http/parser.h"
#include "base/grammar.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

void http_parser_init(struct http_parser *p, const struct http_limits *limits) {
    *p = (struct http_parser){.line_limit = limits->request_line_bytes,
                              .header_limit = limits->header_bytes,
                              .count_limit = limits->header_count};
}

void http_parser_done(struct http_parser *p) {
    free(p->fields);
    p->fields = NULL;
    p->_field_cap = p->field_count = 0;
}

void http_parser_reset(struct http_parser *p) {
    *p = (struct http_parser){.line_limit = p->line_limit,
                              .header_limit = p->header_limit,
                              .count_limit = p->count_limit,
                              .fields = p->fields,
                              ._field_cap = p->_field_cap};
}

enum http_progress http_parser_fail(struct http_parser *p, int status, const char *why) {
    assert(status >= 400);
    p->status = status;
    p->why = why;
    return HTTP_BAD;
}

static enum http_method method_of(struct span name) {
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {
        {"GET", HTTP_GET},         {"HEAD", HTTP_HEAD},     {"POST", HTTP_POST},
        {"PUT", HTTP_PUT},         {"DELETE", HTTP_DELETE}, {"PATCH", HTTP_PATCH},
        {"OPTIONS", HTTP_OPTIONS},
    };
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (span_eq_text(name, methods[i].name))
            return methods[i].method;
    }
    return 0;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1" and nothing that merely resembles it. */
static enum http_progress parse_version(struct http_parser *p, struct span text) {
    if (text.len != 8 || memcmp(text.data, "HTTP/", 5) != 0 || !is_digit(text.data[5]) ||
        text.data[6] != '.' || !is_digit(text.data[7]))
        return http_parser_fail(p, 400, "the request line does not end with a version");
    if (text.data[5] != '1' || (text.data[7] != '0' && text.data[7] != '1'))
        return http_parser_fail(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    p->http_1_1 = text.data[7] == '1';
    return HTTP_MORE;
}

static enum http_progress parse_request_line(struct http_parser *p, struct span bytes,
                                             struct span line) {
    struct span rest, after;
    struct span method = span_cut(line, ' ', &rest);
    if (rest.data == NULL)
        return http_parser_fail(p, 400, "the request line has no target");
    struct span target = span_cut(rest, ' ', &after);
    if (after.data == NULL)
        return http_parser_fail(p, 400, "the request line has no version");
    if (!grammar_is_token(method))
        return http_parser_fail(p, 400, "the method is not a token");
    if (target.len == 0)
        return http_parser_fail(p, 400, "the request line has two spaces in a row");
    if (parse_version(p, after) == HTTP_BAD)
        return HTTP_BAD;
    p->method = method_of(method);
    if (p->method == 0)
        return http_parser_fail(p, 501, "this method is not implemented");
    p->target = (struct http_slice){(uint32_t)(target.data - bytes.data), (uint32_t)target.len};
    return HTTP_MORE;
}

static enum http_progress parse_field(struct http_parser *p, struct span bytes, struct span line) {
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return http_parser_fail(p, 400, "a header line begins with a space");
    if (p->field_count >= p->count_limit)
        return http_parser_fail(p, 431, "there are too many header fields");
    struct span value;
    struct span name = span_cut(line, ':', &value);
    if (value.data == NULL)
        return http_parser_fail(p, 400, "a header line has no colon");
    if (!grammar_is_token(name))
        return http_parser_fail(p, 400, "the name of a header field is not a token");
    value = span_trim(value, " \t");
    if (p->field_count == p->_field_cap) {
        p->_field_cap = MIN(MAX(p->_field_cap * 2, (size_t)16), p->count_limit);
        p->fields = base_realloc_array(p->fields, p->_field_cap, sizeof *p->fields);
    }
    struct http_field_slice *f = &p->fields[p->field_count++];
    f->name = (struct http_slice){(uint32_t)(name.data - bytes.data), (uint32_t)name.len};
    /* An empty value may have no address of its own. */
    f->value = (struct http_slice){value.len == 0 ? 0 : (uint32_t)(value.data - bytes.data),
                                   (uint32_t)value.len};
    return HTTP_MORE;
}

/* A whole line without its CR LF. */
static enum http_progress parse_line(struct http_parser *p, struct span bytes, struct span line) {
    if (!p->_in_fields) {
        if (line.len == 0) {
            /* RFC 9112 section 2.2: one empty line before the request line is forgiven. */
            if (p->_empty_line_seen)
                return http_parser_fail(p, 400, "empty lines stand where a request should begin");
            p->_empty_line_seen = true;
            return HTTP_MORE;
        }
        p->_in_fields = true;
        p->_header_start = p->_at;
        return parse_request_line(p, bytes, line);
    }
    if (line.len > 0)
        return parse_field(p, bytes, line);
    p->head_bytes = p->_at;
    const char *why = http_framing(p, bytes);
    if (why != NULL)
        return http_parser_fail(p, p->status, why);
    return HTTP_DONE;
}

/* One byte that is neither CR nor LF, at its place in the line and in the head. */
static enum http_progress check_byte(struct http_parser *p, unsigned char c) {
    if (!p->_in_fields) {
        if (p->_at - p->_line_start >= p->line_limit)
            return http_parser_fail(p, 414, "the request line is too long");
        if (c < 0x20 || c >= 0x7f)
            return http_parser_fail(p, 400, "the request line holds a byte that is not allowed");
        return HTTP_MORE;
    }
    if ((c < 0x20 && c != '\t') || c == 0x7f)
        return http_parser_fail(p, 400, "the header section holds a control byte");
    return HTTP_MORE;
}

enum http_progress http_parser_feed(struct http_parser *p, struct span bytes) {
    assert(p->_at <= bytes.len);
    if (p->status != 0)
        return HTTP_BAD;
    while (p->_at < bytes.len) {
        unsigned char c = (unsigned char)bytes.data[p->_at];
        if (p->_in_fields && p->_at - p->_header_start >= p->header_limit)
            return http_parser_fail(p, 431, "the header section is too large");
        if (p->_cr != (c == '\n'))
            return http_parser_fail(p, 400, "a line does not end with CR LF");
        if (c == '\r') {
            p->_cr = true;
        } else if (c != '\n') {
            if (check_byte(p, c) == HTTP_BAD)
                return HTTP_BAD;
        }
        p->_at++;
        if (c != '\n')
            continue;
        struct span line = {bytes.data + p->_line_start, p->_at - 2 - p->_line_start};
        p->_cr = false;
        p->_line_start = p->_at;
        enum http_progress progress = parse_line(p, bytes, line);
        if (progress != HTTP_MORE)
            return progress;
    }
    return HTTP_MORE;
}
