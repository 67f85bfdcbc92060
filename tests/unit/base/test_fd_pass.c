/* fd.h: descriptors in datagrams; none is inherited, none is lost when a message is refused (S3,
 * S5). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"

static int ours, theirs;

static int open_pair(void **state) {
    (void)state;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return -1;
    ours = pair[0];
    theirs = pair[1];
    return 0;
}

static int close_pair(void **state) {
    (void)state;
    fd_close(ours);
    fd_close(theirs);
    return 0;
}

static int count_open(void) {
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    int count = 0;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void descriptors_arrive_close_on_exec(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, 0), 0);
    assert_int_equal(fd_send(theirs, "record", 6, ends, 2), 0);
    char data[16];
    int fds[FD_PASS_MAX];
    size_t count = 99;
    assert_int_equal(fd_receive(ours, data, sizeof(data), fds, &count), 6);
    assert_memory_equal(data, "record", 6);
    assert_int_equal(count, 2);
    assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fds[1], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(read(ends[0], data, 1), 1);
    for (int i = 0; i < 2; i++) {
        fd_close(fds[i]);
        fd_close(ends[i]);
    }
}

static void a_record_may_have_none_or_eight(void **state) {
    (void)state;
    int eight[FD_PASS_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(eight); i++)
        eight[i] = STDIN_FILENO;
    assert_int_equal(fd_send(theirs, "a", 1, eight, FD_PASS_MAX + 1), -EINVAL);
    assert_int_equal(fd_send(theirs, "a", 1, NULL, 0), 0);
    assert_int_equal(fd_send(theirs, "b", 1, eight, FD_PASS_MAX), 0);
    char data[16];
    int fds[FD_PASS_MAX];
    size_t count = 99;
    assert_int_equal(fd_receive(ours, data, sizeof(data), fds, &count), 1);
    assert_int_equal(count, 0);
    assert_int_equal(fd_receive(ours, data, sizeof(data), fds, &count), 1);
    assert_int_equal(count, FD_PASS_MAX);
    for (size_t i = 0; i < count; i++)
        fd_close(fds[i]);
    assert_int_equal(fd_receive(ours, data, sizeof(data), fds, &count), -EAGAIN);
}

/* What a hostile peer may send: fd_send would refuse it. */
static void send_many(int sock, const char *data, size_t len, size_t fd_count) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(100 * sizeof(int))];
    } control = {0};
    struct iovec part = {(void *)(uintptr_t)data, len};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE(fd_count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
    for (size_t i = 0; i < fd_count; i++)
        memcpy(CMSG_DATA(header) + i * sizeof(int), &(int){STDIN_FILENO}, sizeof(int));
    assert_int_equal(sendmsg(sock, &message, 0), (ssize_t)len);
}

static void surplus_and_cut_descriptors_are_closed(void **state) {
    (void)state;
    int before = count_open();
    static const size_t counts[] = {FD_PASS_MAX + 1, FD_PASS_MAX + 2, 100};
    char data[16];
    int fds[FD_PASS_MAX];
    size_t count = 99;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        send_many(theirs, "x", 1, counts[i]);
        assert_int_equal(fd_receive(ours, data, sizeof(data), fds, &count), -EMSGSIZE);
        assert_int_equal(count, 99);
        assert_int_equal(count_open(), before);
    }
}

static void a_long_record_is_refused_with_its_descriptors(void **state) {
    (void)state;
    int before = count_open();
    char data[4];
    int fds[FD_PASS_MAX];
    size_t count = 99;
    send_many(theirs, "12345", 5, 3);
    assert_int_equal(fd_receive(ours, data, sizeof(data), fds, &count), -EMSGSIZE);
    assert_int_equal(count_open(), before);
    /* The socket goes on. */
    assert_int_equal(fd_send(theirs, "1234", 4, NULL, 0), 0);
    assert_int_equal(fd_receive(ours, data, sizeof(data), fds, &count), 4);
}

static void an_empty_record_is_the_end_and_keeps_nothing(void **state) {
    (void)state;
    int before = count_open();
    char data[4];
    int fds[FD_PASS_MAX];
    size_t count = 99;
    send_many(theirs, "", 0, 2);
    assert_int_equal(fd_receive(ours, data, sizeof(data), fds, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(count_open(), before);
}

static void the_end_is_told_to_both(void **state) {
    (void)state;
    char data[4];
    int fds[FD_PASS_MAX];
    size_t count;
    assert_int_equal(fd_send(ours, "unread", 6, NULL, 0), 0);
    fd_close(theirs); /* with unread mail, which makes the kernel say ECONNRESET */
    assert_int_equal(fd_receive(ours, data, sizeof(data), fds, &count), 0);
    assert_int_equal(fd_receive(ours, data, sizeof(data), fds, &count), 0);
    assert_int_equal(fd_send(ours, "x", 1, NULL, 0), -EPIPE);
    theirs = -1;
}

static void a_full_socket_says_so(void **state) {
    (void)state;
    char block[1024] = {0};
    int r = 0;
    for (int i = 0; i < 100000 && r == 0; i++)
        r = fd_send(ours, block, sizeof(block), NULL, 0);
    assert_int_equal(r, -EAGAIN);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_pair, close_pair)
    const struct CMUnitTest tests[] = {
        CASE(descriptors_arrive_close_on_exec),
        CASE(a_record_may_have_none_or_eight),
        CASE(surplus_and_cut_descriptors_are_closed),
        CASE(a_long_record_is_refused_with_its_descriptors),
        CASE(an_empty_record_is_the_end_and_keeps_nothing),
        CASE(the_end_is_told_to_both),
        CASE(a_full_socket_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
