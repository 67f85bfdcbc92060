#include "main/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/fd.h"

struct place {
    struct sockaddr_storage address;
    socklen_t len;
};

static uint16_t port_of(const struct place *p) {
    const void *a = &p->address;
    return ntohs(p->address.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_port
                                                  : ((const struct sockaddr_in *)a)->sin_port);
}

static void set_port(struct place *p, uint16_t port) {
    void *a = &p->address;
    if (p->address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)a)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)a)->sin_port = htons(port);
}

static bool is_loopback(const struct place *p) {
    const void *a = &p->address;
    if (p->address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
}

static bool parse_host(const char *host, struct place *ret) {
    struct place p = {0};
    struct sockaddr_in *v4 = (void *)&p.address;
    struct sockaddr_in6 *v6 = (void *)&p.address;
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        p.len = sizeof *v4;
    } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        p.len = sizeof *v6;
    } else {
        return false;
    }
    *ret = p;
    return true;
}

static int parse(const char *address, const char *option, struct place *ret, struct error *err) {
    char host[64];
    uint64_t port;
    const char *colon = strrchr(address, ':');
    size_t len = colon ? (size_t)(colon - address) : 0;
    bool brackets = len >= 2 && address[0] == '[' && address[len - 1] == ']';
    if (!colon || len >= sizeof host || span_to_u64(span_of(colon + 1), 65535, &port) < 0)
        return error_set(err, EINVAL, "%s: \"%s\" is not ADDR:PORT, such as 127.0.0.1:8000", option,
                         address);
    snprintf(host, sizeof host, "%.*s", (int)(brackets ? len - 2 : len), address + brackets);
    if (!parse_host(host, ret))
        return error_set(err, EINVAL, "%s: \"%s\" is not an IP address", option, host);
    if (!is_loopback(ret))
        return error_set(err, EINVAL,
                         "%s: %s is not a loopback address; without tokens retort listens on "
                         "127.0.0.0/8 and ::1 only",
                         option, host);
    set_port(ret, (uint16_t)port);
    return 0;
}

/* One socket; a port of 0 is replaced by the one that the kernel chose. */
static int open_one(struct place *p, int *ret_fd) {
    CLEANUP_CLOSE int fd =
        socket(p->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0)
        return -errno;
    if (p->address.ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&p->address, p->len) < 0 || listen(fd, 1024) < 0)
        return -errno;
    socklen_t len = sizeof p->address;
    if (getsockname(fd, (struct sockaddr *)&p->address, &len) < 0)
        return -errno;
    *ret_fd = STEAL_FD(fd);
    return 0;
}

/* SO_REUSEPORT would let a second server of the same user share the port without a word: a first
 * bind without it finds out whether anybody has it. */
static int check_free(const struct place *p) {
    if (port_of(p) == 0)
        return 0;
    CLEANUP_CLOSE int fd = socket(p->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
        return -errno;
    if (p->address.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    return bind(fd, (const struct sockaddr *)&p->address, p->len) < 0 ? -errno : 0;
}

static int open_all(struct place *p, size_t loops, struct listening *l) {
    int r = check_free(p);
    for (size_t i = 0; r == 0 && i < loops; i++) {
        if (l->count >= LISTEN_MAX)
            return -E2BIG;
        r = open_one(p, &l->fds[l->count]);
        if (r == 0)
            l->count++;
    }
    return r;
}

int listen_open(const char *address, const char *option, size_t loops, struct listening *ret,
                struct error *err) {
    struct place place;
    struct listening l = {0};
    int r = parse(address, option, &place, err);
    if (r < 0)
        return r;
    r = open_all(&place, loops, &l);
    if (r < 0) {
        listen_close(&l);
        if (r == -EADDRINUSE)
            return error_set(err, EADDRINUSE,
                             "%s: port %u is in use by another program; choose another with "
                             "%s ADDR:PORT (port 0 picks a free one)",
                             option, port_of(&place), option);
        return error_errno(err, -r, "%s: listen on %s", option, address);
    }
    bool v4_default =
        place.address.ss_family == AF_INET &&
        ((struct sockaddr_in *)(void *)&place.address)->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
    char host[INET6_ADDRSTRLEN];
    const void *raw =
        place.address.ss_family == AF_INET6
            ? (const void *)&((struct sockaddr_in6 *)(void *)&place.address)->sin6_addr
            : (const void *)&((struct sockaddr_in *)(void *)&place.address)->sin_addr;
    inet_ntop(place.address.ss_family, raw, host, sizeof host);
    snprintf(l.url, sizeof l.url,
             place.address.ss_family == AF_INET6 ? "http://[%s]:%u" : "http://%s:%u", host,
             port_of(&place));
    if (v4_default) {
        struct place v6;
        parse_host("::1", &v6);
        set_port(&v6, port_of(&place));
        size_t before = l.count;
        if (open_all(&v6, loops, &l) < 0)
            while (l.count > before)
                fd_close(l.fds[--l.count]); /* no IPv6 here, or taken: localhost still works */
    }
    *ret = l;
    return 0;
}

void listen_close(struct listening *l) {
    while (l->count > 0)
        fd_close(l->fds[--l->count]);
}
