/* The bytes of a connection: heads, targets and bodies, one request after the other. The first
 * input byte is how the rest is cut into pieces; whatever the cut, what is understood must be the
 * same, and what is accepted must keep the promises of the hardening list (H1-H6, H20). */
#include "base/grammar.h"
#include "http/parser.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_LIMIT = 4096, REQUESTS_MAX = 16 };

static const struct http_limits limits = {
    .request_line_bytes = 512, .header_bytes = 2048, .header_count = 10, .chunk_ext_bytes = 32};

/* Feeds the bytes in steps, each time from fresh memory: a kept pointer is a use after free. */
static enum http_progress feed_head(struct http_parser *p, struct span bytes, size_t step) {
    enum http_progress progress = HTTP_MORE;
    http_parser_init(p, &limits);
    for (size_t len = 0; len < bytes.len && progress == HTTP_MORE;) {
        len = MIN(len + step, bytes.len);
        char *copy = malloc(len);
        memcpy(copy, bytes.data, len);
        progress = http_parser_feed(p, (struct span){copy, len});
        free(copy);
    }
    return progress;
}

static void check_target(struct span head, const struct http_parser *p) {
    struct http_target target;
    struct http_authority authority;
    char path[512];
    size_t len;
    if (http_target_split(http_slice_of(head, p->target), p->method, &target) != NULL)
        return;
    if (target.authority.data != NULL)
        (void)http_authority_parse(target.authority, &authority);
    if (target.asterisk || http_path_decode(target.path, path, &len) != NULL)
        return;
    assert(len > 0 && len <= target.path.len && path[0] == '/');
    assert(utf8_valid((struct span){path, len}));
    for (size_t i = 0; i < len; i++) {
        assert((unsigned char)path[i] >= 0x20 && path[i] != '\\' && path[i] != 0x7f);
        assert(i == 0 || path[i] != '/' || path[i - 1] != '/');
    }
    assert(memmem(path, len, "/../", 4) == NULL && memmem(path, len, "/./", 3) == NULL);
}

static void check_head(struct span head, const struct http_parser *p) {
    unsigned hosts = 0, lengths = 0, encodings = 0;
    assert(p->head_bytes <= head.len && p->field_count <= limits.header_count);
    for (size_t i = 0; i < p->field_count; i++) {
        struct span name = http_slice_of(head, p->fields[i].name);
        assert(grammar_is_token(name));
        assert(grammar_is_field_value(http_slice_of(head, p->fields[i].value)));
        hosts += span_eq_nocase(name, SPAN("host"));
        lengths += span_eq_nocase(name, SPAN("content-length"));
        encodings += span_eq_nocase(name, SPAN("transfer-encoding"));
    }
    assert(hosts <= 1 && lengths <= 1 && encodings <= 1 && lengths + encodings <= 1);
    assert(hosts == 1 || !p->http_1_1);
    assert(p->chunked == (encodings == 1) && p->content_length <= INT64_MAX);
    if (p->has_host) {
        struct http_authority authority;
        assert(http_authority_parse(http_slice_of(head, p->host), &authority) == NULL);
        (void)http_host_known(authority.host, NULL);
    }
    check_target(head, p);
}

struct decoded {
    enum http_progress progress;
    int status;
    size_t used;
    struct buffer body;
};

static struct decoded decode_body(const struct http_parser *p, struct span bytes, size_t step) {
    struct decoded d = {0};
    struct http_body b;
    d.progress = http_body_start(&b, p, BODY_LIMIT, &limits);
    while (d.used < bytes.len && d.progress == HTTP_MORE) {
        size_t len = MIN(step, bytes.len - d.used);
        char *copy = malloc(len);
        memcpy(copy, bytes.data + d.used, len);
        struct span in = {copy, len}, piece;
        do {
            d.progress = http_body_feed(&b, &in, &piece);
            assert(buffer_append_span(&d.body, piece) == 0);
        } while (d.progress == HTTP_MORE && piece.len > 0);
        d.used += len - in.len;
        free(copy);
    }
    d.status = b.status;
    assert(d.body.len <= BODY_LIMIT && d.body.len == b.taken);
    return d;
}

/* How many bytes the first request took; 0: it is not complete, or refused. */
static size_t one_request(struct span bytes, size_t step) {
    struct http_parser whole, cut;
    size_t used = 0;
    enum http_progress progress = feed_head(&whole, bytes, bytes.len);
    assert(feed_head(&cut, bytes, step) == progress);
    assert(whole.status == cut.status && whole.head_bytes == cut.head_bytes);
    if (progress == HTTP_DONE) {
        check_head(bytes, &whole);
        struct span rest = {bytes.data + whole.head_bytes, bytes.len - whole.head_bytes};
        struct decoded a = decode_body(&whole, rest, rest.len), b = decode_body(&cut, rest, step);
        assert(a.progress == b.progress && a.status == b.status && a.used == b.used);
        assert(span_eq(buffer_span(&a.body), buffer_span(&b.body)));
        if (a.progress == HTTP_DONE)
            used = whole.head_bytes + a.used;
        buffer_done(&a.body);
        buffer_done(&b.body);
    }
    http_parser_done(&whole);
    http_parser_done(&cut);
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    size_t step = (size_t)data[0] % 64 + 1;
    struct span rest = {(const char *)data + 1, size - 1};
    for (int i = 0; i < REQUESTS_MAX && rest.len > 0; i++) {
        size_t used = one_request(rest, step);
        if (used == 0)
            break;
        rest = (struct span){rest.data + used, rest.len - used};
    }
    return 0;
}
