#include "base/fd.h"
#include "base/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    READ_STEP_BYTES = 4096,
    ALL_SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL
};

void fd_close(int fd) {
    if (fd == -1)
        return;
    /* Linux has released the descriptor whatever close() says; only EBADF means that it was not
     * ours, and the next such close would hit somebody else's. */
    if (close(fd) != 0 && errno == EBADF)
        base__die("retort: a descriptor was closed twice\n");
}

int fd_read_full(int fd, void *data, size_t len) {
    char *at = data;
    while (len > 0) {
        ssize_t n = read(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EPIPE;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int fd_write_full(int fd, const void *data, size_t len) {
    const char *at = data;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int fd_set_nonblocking(int fd, bool on) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (wanted != flags && fcntl(fd, F_SETFL, wanted) != 0)
        return -errno;
    return 0;
}

static int read_to_end(int fd, size_t limit, struct buffer *out) {
    size_t taken = 0;
    for (;;) {
        /* One byte beyond the limit tells a file that is too large from one that just fits. */
        size_t step = MIN((size_t)READ_STEP_BYTES, limit - taken + 1);
        char bytes[READ_STEP_BYTES];
        ssize_t n = read(fd, bytes, step);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return buffer_reserve(out, 0); /* an empty file is "" and not NULL */
        taken += (size_t)n;
        int r = taken > limit ? -E2BIG : buffer_append(out, bytes, (size_t)n);
        if (r < 0)
            return r;
    }
}

int fd_read_file(int dir_fd, const char *path, size_t limit, struct buffer *out) {
    CLEANUP_CLOSE int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    size_t before = out->len;
    int r = read_to_end(fd, MIN(limit, (size_t)SSIZE_MAX), out);
    if (r < 0)
        buffer_truncate(out, before);
    return r;
}

int fd_write_file(int dir_fd, const char *path, const char *text) {
    CLEANUP_CLOSE int fd = openat(dir_fd, path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    /* One write: files of cgroupfs and procfs take each write as a whole order. */
    ssize_t n;
    do
        n = write(fd, text, strlen(text));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    return (size_t)n == strlen(text) ? 0 : -EIO;
}

int fd_sealed_memfd(const char *name, struct span bytes) {
    CLEANUP_CLOSE int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int r = fd_write_full(fd, bytes.data, bytes.len);
    if (r < 0)
        return r;
    if (lseek(fd, 0, SEEK_SET) != 0 || fcntl(fd, F_ADD_SEALS, ALL_SEALS) != 0)
        return -errno;
    return STEAL_FD(fd);
}

bool fd_is_sealed(int fd) {
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS;
}
