/* framing.c: what the header fields of a request mean together: where its body ends, whose host it
 * is for, whether the connection stays. This is where request smuggling is decided (H1, H2, H4).
 */
#include "base/grammar.h"
#include "http/parser.h"

struct framing {
    unsigned lengths, encodings, hosts;
    bool close, keep_alive;
};

static const char *bad(struct http_parser *p, int status, const char *why) {
    p->status = status;
    return why;
}

/* Digits only, without zeros in front; at most 2^63-1, so that it fits wherever it is handed on. */
static const char *content_length(struct http_parser *p, struct span value) {
    if (value.len > 1 && value.data[0] == '0')
        return bad(p, 400, "Content-Length is padded with zeros");
    if (span_to_u64(value, INT64_MAX, &p->content_length) < 0)
        return bad(p, 400, "Content-Length is not a number");
    return NULL;
}

static const char *transfer_encoding(struct http_parser *p, struct span value) {
    if (!p->http_1_1)
        return bad(p, 400, "Transfer-Encoding does not exist in HTTP/1.0");
    if (!span_eq_nocase(value, SPAN("chunked")))
        return bad(p, 400, "Transfer-Encoding is not exactly \"chunked\"");
    p->chunked = true;
    return NULL;
}

static const char *expectation(struct http_parser *p, struct span value) {
    if (!span_eq_nocase(value, SPAN("100-continue")))
        return bad(p, 417, "only \"100-continue\" can be expected");
    p->expect_continue = p->http_1_1; /* RFC 9110 section 10.1.1: ignored in HTTP/1.0 */
    return NULL;
}

static const char *connection_options(struct http_parser *p, struct framing *f, struct span list) {
    while (list.data != NULL) {
        struct span item = span_trim(span_cut(list, ',', &list), " \t");
        if (item.len > 0 && !grammar_is_token(item))
            return bad(p, 400, "Connection is not a list of tokens");
        f->close |= span_eq_nocase(item, SPAN("close"));
        f->keep_alive |= span_eq_nocase(item, SPAN("keep-alive"));
    }
    return NULL;
}

static const char *host(struct http_parser *p, struct http_slice where, struct span value) {
    struct http_authority ignored;
    const char *why = http_authority_parse(value, &ignored);
    p->has_host = true;
    p->host = where;
    return why == NULL ? NULL : bad(p, 400, why);
}

static const char *one_field(struct http_parser *p, struct framing *f, struct span head,
                             const struct http_field_slice *field) {
    struct span name = http_slice_of(head, field->name);
    struct span value = http_slice_of(head, field->value);
    switch (name.len) {
    case 4:
        if (span_eq_nocase(name, SPAN("Host")) && f->hosts++ == 0)
            return host(p, field->value, value);
        break;
    case 6:
        if (span_eq_nocase(name, SPAN("Expect")))
            return expectation(p, value);
        break;
    case 10:
        if (span_eq_nocase(name, SPAN("Connection")))
            return connection_options(p, f, value);
        break;
    case 14:
        if (span_eq_nocase(name, SPAN("Content-Length")) && f->lengths++ == 0)
            return content_length(p, value);
        break;
    case 17:
        if (span_eq_nocase(name, SPAN("Transfer-Encoding")) && f->encodings++ == 0)
            return transfer_encoding(p, value);
        break;
    default:
        break;
    }
    return NULL;
}

const char *http_framing(struct http_parser *p, struct span head) {
    struct framing f = {0};
    for (size_t i = 0; i < p->field_count; i++) {
        const char *why = one_field(p, &f, head, &p->fields[i]);
        if (why != NULL)
            return why;
    }
    if (f.lengths > 1)
        return bad(p, 400, "there is more than one Content-Length");
    if (f.encodings > 1)
        return bad(p, 400, "there is more than one Transfer-Encoding");
    if (f.lengths > 0 && f.encodings > 0)
        return bad(p, 400, "Content-Length and Transfer-Encoding stand together");
    if (f.hosts > 1)
        return bad(p, 400, "there is more than one Host");
    if (f.hosts == 0 && p->http_1_1)
        return bad(p, 400, "Host is missing");
    p->keep_alive = !f.close && (p->http_1_1 || f.keep_alive);
    return NULL;
}
