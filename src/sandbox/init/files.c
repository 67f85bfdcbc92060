/* Files into /box, and one file out of it as bytes (S70). Names are resolved step by step below a
 * descriptor, and no link is followed on the way: what a program has left in /box is hostile. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sandbox/init/init.h"

#define RESOLVE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
#define COPY_BYTES (256 * 1024)

static int open_beneath(int dir_fd, const char *name, uint64_t flags, uint64_t mode) {
    struct open_how how = {
        .flags = flags | O_CLOEXEC | O_NOFOLLOW, .mode = mode, .resolve = RESOLVE};
    int fd = (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof how);
    return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const void *data, size_t len) {
    const uint8_t *next = data;
    while (len > 0) {
        ssize_t n = write(fd, next, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        next += n;
        len -= (size_t)n;
    }
    return 0;
}

/* ---- in ---- */

/* Makes the folders on the way to `name` and returns a descriptor of the last; *ret_last is the
 * part of the name that is left. `name` is changed for a moment. */
static int open_folder(int box_fd, char *name, const char **ret_last) {
    int dir = dup(box_fd);
    char *segment = name;
    for (char *slash; dir >= 0 && (slash = strchr(segment, '/')); segment = slash + 1) {
        *slash = '\0';
        int made = mkdirat(dir, segment, 0755) < 0 && errno != EEXIST ? -errno : 0;
        int next = made < 0 ? made : open_beneath(dir, segment, O_PATH | O_DIRECTORY, 0);
        *slash = '/';
        close(dir);
        dir = next;
    }
    *ret_last = segment;
    return dir;
}

static int create_file(int box_fd, const struct job_file *f) {
    const char *last;
    int dir = open_folder(box_fd, f->name, &last);
    if (dir < 0)
        return dir;
    int fd = open_beneath(dir, last, O_WRONLY | O_CREAT | O_EXCL, f->mode);
    close(dir);
    if (fd < 0)
        return fd;
    int r = write_all(fd, f->content, f->content_len);
    close(fd);
    return r;
}

int files_create(int box_fd, const struct job *job) {
    for (size_t i = 0; i < job->filec; i++) {
        int r = create_file(box_fd, &job->files[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- out ---- */

/* Not blocking, so that a fifo in the file's place cannot hold us. */
int file_open_beneath(int box_fd, const char *name) {
    int fd = open_beneath(box_fd, name, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    struct stat st;
    int r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

static int64_t copy_bytes(int fd, int64_t size, int pipe_fd) {
    static uint8_t buffer[COPY_BYTES];
    for (int64_t left = size; left > 0;) {
        size_t want = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
        ssize_t n = read(fd, buffer, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO; /* it has shrunk: the reader sees a short frame */
        int r = write_all(pipe_fd, buffer, (size_t)n);
        if (r < 0)
            return r;
        left -= n;
    }
    return size;
}

int64_t artifact_send(int box_fd, const char *name, uint64_t limit, int pipe_fd) {
    struct stat st;
    int fd = file_open_beneath(box_fd, name);
    int64_t head = fd;
    if (fd >= 0)
        head = fstat(fd, &st) < 0 ? -errno : (uint64_t)st.st_size > limit ? -EFBIG : st.st_size;
    uint8_t frame[8];
    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)((uint64_t)head >> (8 * i));
    int r = write_all(pipe_fd, frame, sizeof frame);
    int64_t sent = r < 0 ? r : head > 0 ? copy_bytes(fd, head, pipe_fd) : head;
    if (fd >= 0)
        close(fd);
    return sent;
}

uint64_t scratch_used(void) {
    static const char *const places[] = {INIT_BOX, "/tmp", "/dev/shm"};
    uint64_t used = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct statfs fs;
        if (statfs(places[i], &fs) == 0)
            used += (uint64_t)(fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize;
    }
    return used;
}
