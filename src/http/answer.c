/* answer.c: answers: one head, then a body of known length, in chunks, or until the connection
 * ends.
 *
 * The framing is this module's alone: Content-Length where the length is known, chunks to a 1.1
 * client, the end of the connection to a 1.0 one; no body for HEAD, 204 and 304. Date, Connection
 * and X-Request-Id are written here too, so no handler can contradict them.
 */
#include "base/clock.h"
#include "base/grammar.h"
#include "base/log.h"
#include "http/internal.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *http_reason(int status) {
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "";
}

/* Handlers own no framing: a second Content-Length would be a response-splitting bug of ours. */
static bool reserved_header(struct span name) {
    static const char *const names[] = {
        "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Date", "X-Request-Id"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (span_eq_nocase(name, span_of(names[i])))
            return true;
    }
    return false;
}

void http_add_header(struct http_exchange *x, const char *name, const char *value) {
    if (x->gone)
        return;
    if (x->begun || !grammar_is_token(span_of(name)) || reserved_header(span_of(name)) ||
        !grammar_is_field_value(span_of(value)) ||
        buffer_printf(&x->added, "%s: %s\r\n", name, value) < 0) {
        log_error("header \"%s\" cannot be added to this answer", name);
        abort();
    }
}

/* ---- the head ---- */

struct answer_head {
    char text[384];
    size_t len;
};

static void head_add(struct answer_head *head, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void head_add(struct answer_head *head, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(head->text + head->len, sizeof head->text - head->len, fmt, args);
    va_end(args);
    assert(n >= 0 && head->len + (size_t)n < sizeof head->text); /* all parts are bounded by us */
    head->len += (size_t)n;
}

static bool status_has_no_body(int status) {
    return status < 200 || status == 204 || status == 304;
}

/* Decides what the answer is and writes its first lines. `length`: of the body; -1 when unknown. */
static void begin_answer(struct http_exchange *x, int status, const char *content_type,
                         int64_t length, struct answer_head *head) {
    struct http_connection *c = x->connection;
    char date[CLOCK_HTTP_DATE_SIZE];
    assert(!x->begun && status >= 200 && status <= 599);
    if (content_type != NULL)
        http_add_header(x, "Content-Type", content_type);
    x->begun = true;
    x->status = status;
    x->bodyless = status_has_no_body(status) || c->parser.method == HTTP_HEAD;
    /* A whole answer before the whole request: the rest of that is not waited for. */
    x->close |= c->listener->draining || (length >= 0 && !x->request_done);
    http_count(c->server->figures.status[status / 100], 1);

    clock_http_date(date);
    head_add(head, "HTTP/1.1 %d %s\r\nDate: %s\r\nX-Request-Id: %s\r\n", status,
             http_reason(status), date, x->id);
    if (!status_has_no_body(status)) {
        x->chunked = length < 0 && c->parser.http_1_1;
        x->close |= length < 0 && !x->chunked;
        if (length >= 0)
            head_add(head, "Content-Length: %lld\r\n", (long long)length);
        else if (x->chunked)
            head_add(head, "Transfer-Encoding: chunked\r\n");
    }
    if (x->close)
        head_add(head, "Connection: close\r\n");
    else if (!c->parser.http_1_1)
        head_add(head, "Connection: keep-alive\r\n");
}

static struct iovec part(struct span s) {
    return (struct iovec){(void *)s.data, s.len};
}

static void send_head(struct http_exchange *x, struct answer_head *head, struct span body) {
    struct iovec parts[] = {part((struct span){head->text, head->len}),
                            part(buffer_span(&x->added)), part(SPAN("\r\n")), part(body)};
    output_send(x->connection, parts, ARRAY_LEN(parts));
    x->sent_bytes += body.len;
}

/* ---- answers ---- */

void http_respond(struct http_exchange *x, int status, const char *content_type, struct span body) {
    if (x->gone)
        return;
    struct answer_head head = {0};
    begin_answer(x, status, content_type, (int64_t)body.len, &head);
    x->ended = true;
    send_head(x, &head, x->bodyless ? (struct span){0} : body);
    exchange_finish(x);
}

void http_respond_begin(struct http_exchange *x, int status, const char *content_type) {
    if (x->gone)
        return;
    struct answer_head head = {0};
    begin_answer(x, status, content_type, -1, &head);
    send_head(x, &head, (struct span){0});
    if (x->connection->nested == 0)
        connection_arm(x->connection);
}

bool http_respond_data(struct http_exchange *x, struct span data) {
    struct http_connection *c = x->connection;
    if (x->gone)
        return true;
    assert(x->begun && !x->ended);
    if (data.len == 0 || x->bodyless) /* an empty chunk would be the last one */
        return true;
    char size[24];
    int size_len = snprintf(size, sizeof size, "%zx\r\n", data.len);
    struct iovec parts[] = {part((struct span){size, (size_t)size_len}), part(data),
                            part(SPAN("\r\n"))};
    if (x->chunked)
        output_send(c, parts, ARRAY_LEN(parts));
    else
        output_send(c, &parts[1], 1);
    x->sent_bytes += data.len;
    x->undrained = output_pending(c) >= c->server->config.limits.send_buffer_bytes;
    bool more = !x->undrained;
    if (c->nested == 0)
        connection_arm(c);
    return more;
}

void http_respond_end(struct http_exchange *x) {
    if (x->gone)
        return;
    assert(x->begun && !x->ended);
    x->ended = true;
    if (x->chunked && !x->bodyless) {
        struct iovec last = part(SPAN("0\r\n\r\n"));
        output_send(x->connection, &last, 1);
    }
    exchange_finish(x);
}

void http_abort(struct http_exchange *x) {
    struct http_connection *c = x->connection;
    if (x->gone)
        return;
    log_debug("%s %s answer given up after %llu bytes", c->server->config.name, x->id,
              (unsigned long long)x->sent_bytes);
    connection_close(c, true);
}
