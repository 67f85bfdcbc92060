/* fd.h: descriptors. All are close-on-exec from birth (S5). */
#pragma once
#include "base/base.h"
#include "base/bytes.h"
#include "base/error.h"
#include <stdbool.h>
#include <sys/types.h>

#define FD_PASS_MAX 8 /* descriptors in one message (S3) */

void fd_close(int fd); /* -1 is nothing; EBADF is our own mistake and aborts */
int fd_read_full(int fd, void *data, size_t len) MUST_CHECK; /* -EPIPE at early end */
int fd_write_full(int fd, const void *data, size_t len) MUST_CHECK;
int fd_set_nonblocking(int fd, bool on) MUST_CHECK;
/* The whole of a small file, up to limit bytes (-E2BIG beyond it), is appended to out, which is as
 * it was on failure. dir_fd may be AT_FDCWD. */
int fd_read_file(int dir_fd, const char *path, size_t limit, struct buffer *out) MUST_CHECK;
/* The text becomes the content of an existing file, by one write(2). */
int fd_write_file(int dir_fd, const char *path, const char *text) MUST_CHECK;

/* One datagram on a SEQPACKET socket with at most FD_PASS_MAX descriptors. -EAGAIN when the socket
 * would block, -EPIPE when the other end is gone. */
int fd_send(int sock, const void *data, size_t len, const int *fds, size_t fd_count) MUST_CHECK;
/* Returns the datagram's length, 0 at end of file; -EMSGSIZE when it or its descriptors were cut
 * (the descriptors that came are closed). Descriptors are close-on-exec and the caller's. */
ssize_t fd_receive(int sock, void *data, size_t size, int fds[FD_PASS_MAX],
                   size_t *ret_fd_count) MUST_CHECK;

/* A memfd with these bytes, sealed against write, grow, shrink and sealing. Returns the fd. */
int fd_sealed_memfd(const char *name, struct span bytes) MUST_CHECK;
bool fd_is_sealed(int fd); /* all four seals are there */
