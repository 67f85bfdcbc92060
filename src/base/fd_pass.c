/* Datagrams with descriptors over a SEQPACKET socket (S3). */
#include "base/fd.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Room for one descriptor more than is allowed: a sender that overdoes it is then told apart by
 * counting, and not only by the kernel's flag. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE((FD_PASS_MAX + 1) * sizeof(int))];
};

int fd_send(int sock, const void *data, size_t len, const int *fds, size_t fd_count) {
    if (fd_count > FD_PASS_MAX)
        return -EINVAL;
    union control control;
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count > 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(sock, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
    return (size_t)sent == len ? 0 : -EMSGSIZE;
}

/* Collects up to FD_PASS_MAX descriptors and closes the others; returns whether there were any of
 * those. */
static bool take_descriptors(struct msghdr *message, int fds[FD_PASS_MAX], size_t *ret_count) {
    size_t count = 0;
    bool surplus = false;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h != NULL; h = CMSG_NXTHDR(message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        size_t here = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
            if (count < FD_PASS_MAX) {
                fds[count++] = fd;
            } else {
                fd_close(fd);
                surplus = true;
            }
        }
    }
    *ret_count = count;
    return surplus;
}

static void close_all(const int *fds, size_t count) {
    for (size_t i = 0; i < count; i++)
        fd_close(fds[i]);
}

ssize_t fd_receive(int sock, void *data, size_t size, int fds[FD_PASS_MAX], size_t *ret_fd_count) {
    union control control;
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t len;
    do
        len = recvmsg(sock, &message, MSG_CMSG_CLOEXEC);
    while (len < 0 && errno == EINTR);
    if (len < 0 && errno != ECONNRESET)
        return -errno;
    /* ECONNRESET is how an end that left with unread mail says goodbye. */
    if (len < 0)
        message.msg_controllen = 0;
    int taken[FD_PASS_MAX];
    size_t count = 0;
    bool surplus = take_descriptors(&message, taken, &count);
    if (surplus || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        close_all(taken, count);
        return -EMSGSIZE;
    }
    if (len <= 0) {
        /* An empty datagram cannot be told from end of file; no record of ours is empty. */
        close_all(taken, count);
        *ret_fd_count = 0;
        return 0;
    }
    memcpy(fds, taken, count * sizeof(int));
    *ret_fd_count = count;
    return len;
}
