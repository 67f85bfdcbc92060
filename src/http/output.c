/* output.c: the way out. Bytes are handed to the kernel at once; what it does not take waits in the
 * connection's own buffer until the socket is writable, and is the measure of back-pressure.
 */
#include "base/clock.h"
#include "http/internal.h"
#include <errno.h>
#include <sys/socket.h>

/* Below this the bytes that are sent already are not worth moving the others for. */
enum { COMPACT_BYTES = 64 * 1024 };

size_t output_pending(const struct http_connection *c) {
    return c->out.len - c->out_at;
}

static void failed(struct http_connection *c) {
    c->broken = true;
    connection_wake(c);
}

/* How many bytes the kernel took; 0 also when the connection is broken. */
static size_t send_some(struct http_connection *c, struct iovec *parts, size_t count) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t sent;
    do
        sent = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            failed(c);
        return 0;
    }
    http_count(c->server->figures.sent, sent);
    return (size_t)sent;
}

void output_send(struct http_connection *c, struct iovec *parts, size_t count) {
    if (c->broken || c->state == CONNECTION_CLOSED)
        return;
    size_t sent = 0;
    if (output_pending(c) == 0) {
        sent = send_some(c, parts, count);
        c->out_moved_at = clock_now_ms();
    } else if (c->out_at >= COMPACT_BYTES && c->out_at >= c->out.len / 2) {
        buffer_consume(&c->out, c->out_at);
        c->out_at = 0;
    }
    for (size_t i = 0; i < count && !c->broken; i++) {
        size_t skip = MIN(sent, parts[i].iov_len);
        sent -= skip;
        const char *rest = (const char *)parts[i].iov_base + skip;
        if (skip < parts[i].iov_len && buffer_append(&c->out, rest, parts[i].iov_len - skip) < 0)
            failed(c);
    }
}

void output_flush(struct http_connection *c) {
    while (output_pending(c) > 0 && !c->broken) {
        struct iovec rest = {c->out.data + c->out_at, output_pending(c)};
        size_t sent = send_some(c, &rest, 1);
        if (sent == 0)
            return;
        c->out_at += sent;
        c->out_moved_at = clock_now_ms();
    }
    if (output_pending(c) == 0) {
        buffer_done(&c->out);
        c->out_at = 0;
    }
}
