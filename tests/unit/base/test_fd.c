/* fd.h: whole reads and writes, small files, and seals that hold. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"

static void full_reads_and_writes_go_on(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    /* Larger than a pipe, so that both sides need several calls. */
    size_t size = 300000;
    CLEANUP_FREE char *out = base_alloc(size);
    CLEANUP_FREE char *in = base_alloc(size);
    for (size_t i = 0; i < size; i++)
        out[i] = (char)(i % 251);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(fd_write_full(ends[1], out, size) == 0 ? 0 : 1);
    fd_close(ends[1]);
    assert_int_equal(fd_read_full(ends[0], in, size), 0);
    assert_memory_equal(in, out, size);
    assert_int_equal(fd_read_full(ends[0], in, 1), -EPIPE);
    fd_close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void errors_come_back(void **state) {
    (void)state;
    char byte;
    assert_int_equal(fd_read_full(-1, &byte, 1), -EBADF);
    assert_int_equal(fd_write_full(-1, &byte, 1), -EBADF);
    assert_int_equal(fd_set_nonblocking(-1, true), -EBADF);
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fd_set_nonblocking(ends[0], true), 0);
    assert_int_equal(fd_read_full(ends[0], &byte, 1), -EAGAIN);
    assert_int_equal(fd_set_nonblocking(ends[0], false), 0);
    assert_false(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
    fd_close(ends[0]);
    fd_close(ends[1]);
    fd_close(-1);
}

static void closing_twice_ends_the_process(void **state) {
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
        int fd = dup(quiet);
        dup2(quiet, STDERR_FILENO);
        fd_close(fd);
        fd_close(fd);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void files_are_read_up_to_their_limit(void **state) {
    (void)state;
    char dir[] = "/tmp/retort-fd-XXXXXX";
    assert_non_null(mkdtemp(dir));
    int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    assert_int_equal(fd_read_file(dir_fd, "f", 10, &b), -ENOENT);
    assert_int_equal(fd_write_file(dir_fd, "f", "x"), -ENOENT);
    fd_close(openat(dir_fd, "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(fd_read_file(dir_fd, "f", 10, &b), 0);
    assert_non_null(b.data);
    assert_int_equal(b.len, 0);
    assert_int_equal(fd_write_file(dir_fd, "f", "0123456789"), 0);
    assert_int_equal(fd_read_file(dir_fd, "f", 10, &b), 0);
    assert_string_equal(b.data, "0123456789");
    /* A failure leaves what was there; success appends to it. */
    assert_int_equal(fd_read_file(dir_fd, "f", 9, &b), -E2BIG);
    assert_string_equal(b.data, "0123456789");
    assert_int_equal(fd_write_file(dir_fd, "f", "ab"), 0);
    assert_int_equal(fd_read_file(dir_fd, "f", 9, &b), 0);
    assert_string_equal(b.data, "0123456789ab");
    assert_int_equal(fd_read_file(AT_FDCWD, dir, 9, &b), -EISDIR);
    CLEANUP_BUFFER struct buffer small = BUFFER_INIT(1);
    assert_int_equal(fd_read_file(dir_fd, "f", 9, &small), -E2BIG);
    assert_int_equal(unlinkat(dir_fd, "f", 0), 0);
    fd_close(dir_fd);
    assert_int_equal(rmdir(dir), 0);
}

static void large_files_are_read_whole(void **state) {
    (void)state;
    CLEANUP_FREE char *text = base_alloc(100001);
    memset(text, 'y', 100000);
    CLEANUP_CLOSE int fd = fd_sealed_memfd("large", span_of(text));
    assert_true(fd >= 0);
    CLEANUP_FREE char *path = base_printf("/proc/self/fd/%d", fd);
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    assert_int_equal(fd_read_file(AT_FDCWD, path, 100000, &b), 0);
    assert_string_equal(b.data, text);
    assert_int_equal(fd_read_file(AT_FDCWD, path, 99999, &b), -E2BIG);
    assert_int_equal(b.len, 100000);
}

static void a_sealed_memfd_cannot_be_changed(void **state) {
    (void)state;
    CLEANUP_CLOSE int fd = fd_sealed_memfd("job", SPAN("abc"));
    assert_true(fd >= 0);
    assert_true(fd_is_sealed(fd));
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    char bytes[4] = {0};
    assert_int_equal(read(fd, bytes, sizeof(bytes)), 3); /* from the start */
    assert_string_equal(bytes, "abc");
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, 100), -1);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
    assert_ptr_equal(mmap(NULL, 3, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
}

static void three_seals_are_not_four(void **state) {
    (void)state;
    static const int seals[] = {F_SEAL_WRITE, F_SEAL_GROW, F_SEAL_SHRINK, F_SEAL_SEAL};
    for (size_t missing = 0; missing < ARRAY_LEN(seals); missing++) {
        CLEANUP_CLOSE int fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        int set = 0;
        for (size_t i = 0; i < ARRAY_LEN(seals); i++)
            if (i != missing)
                set |= seals[i];
        assert_int_equal(fcntl(fd, F_ADD_SEALS, set), 0);
        assert_false(fd_is_sealed(fd));
    }
    assert_false(fd_is_sealed(STDIN_FILENO));
    assert_false(fd_is_sealed(-1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_reads_and_writes_go_on),
        cmocka_unit_test(errors_come_back),
        cmocka_unit_test(closing_twice_ends_the_process),
        cmocka_unit_test(files_are_read_up_to_their_limit),
        cmocka_unit_test(large_files_are_read_whole),
        cmocka_unit_test(a_sealed_memfd_cannot_be_changed),
        cmocka_unit_test(three_seals_are_not_four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
