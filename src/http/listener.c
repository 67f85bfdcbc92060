/* listener.c: accepting: who gets in, who is told to come back, and what happens when descriptors
 * run out (H13).
 */
#include "base/fd.h"
#include "http/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void on_accept(struct loop_watch *watch, int events);

static int open_reserve(void) {
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int http_listen(struct http_server *server, struct loop *loop, int listen_fd,
                struct http_listener **ret_listener, struct error *err) {
    struct http_listener *l = base_alloc(sizeof *l);
    l->server = server;
    l->loop = loop;
    l->fd = listen_fd;
    list_init(&l->connections);
    l->reserve_fd = open_reserve();
    int r = l->reserve_fd < 0 ? -errno : 0;
    if (r == 0)
        r = loop_watch_start(loop, &l->watch, l->fd, LOOP_READ, on_accept);
    if (r < 0) {
        if (l->reserve_fd >= 0)
            fd_close(l->reserve_fd);
        fd_close(listen_fd);
        free(l);
        return error_errno(err, -r, "listen for %s", server->config.name);
    }
    *ret_listener = l;
    return 0;
}

static void stop_accepting(struct http_listener *l) {
    loop_watch_stop(&l->watch);
    loop_timer_stop(&l->pause);
    if (l->fd >= 0)
        fd_close(STEAL_FD(l->fd));
    if (l->reserve_fd >= 0)
        fd_close(STEAL_FD(l->reserve_fd));
}

void http_listener_drain(struct http_listener *listener) {
    listener->draining = true;
    stop_accepting(listener);
    LIST_FOREACH(&listener->connections, c, struct http_connection, link) {
        if (connection_idle(c))
            connection_close(c, false);
    }
}

size_t http_listener_connections(const struct http_listener *listener) {
    return listener->connection_count;
}

void http_listener_free(struct http_listener *listener) {
    if (listener == NULL)
        return;
    stop_accepting(listener);
    /* A handler that hears of its exchange's end may end others: so always the first one. */
    while (!list_empty(&listener->connections))
        connection_lost(LIST_FIRST(&listener->connections, struct http_connection, link), false);
    free(listener);
}

/* ---- descriptors run out ---- */

static void on_resume(struct loop_timer *timer) {
    struct http_listener *l = CONTAINER_OF(timer, struct http_listener, pause);
    if (l->reserve_fd < 0)
        l->reserve_fd = open_reserve();
    loop_watch_change(&l->watch, LOOP_READ);
}

/* Answers one client with the reserved descriptor, so that it knows, and then lets the others wait
 * in the kernel's queue: without the pause a level-triggered loop would spin on them. */
static void out_of_descriptors(struct http_listener *l) {
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                               "Content-Length: 0\r\nConnection: close\r\n\r\n";
    http_count(l->server->figures.refused_descriptors, 1);
    if (l->reserve_fd >= 0) {
        fd_close(STEAL_FD(l->reserve_fd));
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            char waste[1024];
            (void)!send(fd, text, sizeof text - 1, MSG_NOSIGNAL);
            (void)shutdown(fd, SHUT_WR);
            (void)!recv(fd, waste, sizeof waste, 0);
            fd_close(fd);
        }
        l->reserve_fd = open_reserve();
    }
    loop_watch_change(&l->watch, 0);
    loop_timer_start(l->loop, &l->pause, ACCEPT_PAUSE_MS, on_resume);
}

/* ---- who gets in ---- */

static bool admit(struct http_server *server, const struct http_address *address) {
    size_t before = atomic_fetch_add_explicit(&server->connections, 1, memory_order_relaxed);
    if (before >= server->config.limits.connections) {
        http_count(server->figures.refused_total, 1);
    } else if (!http_address_take(server, address)) {
        http_count(server->figures.refused_address, 1);
    } else {
        http_count(server->figures.accepted, 1);
        return true;
    }
    atomic_fetch_sub_explicit(&server->connections, 1, memory_order_relaxed);
    return false;
}

/* False when there is no use in trying again in this turn. */
static bool accept_one(struct http_listener *l) {
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof from;
    int fd = accept4(l->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int why = errno;
        if (why == EMFILE || why == ENFILE || why == ENOMEM || why == ENOBUFS)
            out_of_descriptors(l);
        return why == EINTR || why == ECONNABORTED;
    }
    struct http_address address;
    http_address_of(&from, &address);
    bool admitted = admit(l->server, &address);
    if (admitted || l->refused_count < REFUSED_MAX)
        connection_new(l, fd, &address, !admitted);
    else
        fd_close(fd);
    return true;
}

static void on_accept(struct loop_watch *watch, int events) {
    struct http_listener *l = CONTAINER_OF(watch, struct http_listener, watch);
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && l->fd >= 0 && accept_one(l); i++) {
    }
}
