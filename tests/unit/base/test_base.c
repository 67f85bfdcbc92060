/* base.h: the macros hand ownership on, and memory that is bounded by us is never NULL. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/fd.h"

static void min_and_max_evaluate_once_and_nest(void **state) {
    (void)state;
    int a = 1, b = 5;
    assert_int_equal(MIN(a++, b++), 1);
    assert_int_equal(a, 2);
    assert_int_equal(b, 6);
    assert_int_equal(MAX(MIN(a, b), MIN(MAX(a, 3), b)), 3);
}

static void container_of_finds_the_struct(void **state) {
    (void)state;
    struct holder {
        char before;
        int member;
    } holder;
    assert_ptr_equal(CONTAINER_OF(&holder.member, struct holder, member), &holder);
}

static char *make_and_steal(void) {
    CLEANUP_FREE char *text = base_strdup("kept");
    return STEAL_PTR(text);
}

static void steal_leaves_nothing_behind(void **state) {
    (void)state;
    char *text = make_and_steal();
    assert_string_equal(text, "kept");
    free(text);
    int fd = 7;
    assert_int_equal(STEAL_FD(fd), 7);
    assert_int_equal(fd, -1);
}

static void cleanup_closes_at_the_end_of_the_scope(void **state) {
    (void)state;
    int number;
    {
        CLEANUP_CLOSE int fd = dup(STDIN_FILENO);
        number = fd;
        assert_true(fcntl(number, F_GETFD) >= 0);
    }
    assert_int_equal(fcntl(number, F_GETFD), -1);
    assert_int_equal(errno, EBADF);
}

static void allocations_are_zeroed_and_never_null(void **state) {
    (void)state;
    CLEANUP_FREE char *none = base_alloc(0);
    assert_non_null(none);
    CLEANUP_FREE char *some = base_alloc_array(4, 8);
    for (int i = 0; i < 32; i++)
        assert_int_equal(some[i], 0);
    some = base_realloc_array(some, 100, 8);
    assert_int_equal(some[31], 0);
    assert_null(base_strdup(NULL));
    assert_null(base_strndup(NULL, 3));
    CLEANUP_FREE char *part = base_strndup("abcdef", 3);
    assert_string_equal(part, "abc");
    CLEANUP_FREE char *made = base_printf("%d-%s", 7, "x");
    assert_string_equal(made, "7-x");
}

static void what_a_client_chose_may_be_refused(void **state) {
    (void)state;
    assert_null(base_try_alloc(SIZE_MAX / 2));
    CLEANUP_FREE char *some = base_try_alloc(16);
    assert_non_null(some);
}

static void no_memory_for_ourselves_ends_the_process(void **state) {
    (void)state;
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(out[1], STDERR_FILENO);
        free(base_alloc_array(SIZE_MAX / 4, 8));
        _exit(0);
    }
    fd_close(out[1]);
    char text[64] = {0};
    assert_true(read(out[0], text, sizeof(text) - 1) > 0);
    assert_string_equal(text, "retort: out of memory\n");
    fd_close(out[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* The sanitizers would end the process themselves, with other words, where memory runs out. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
    return "allocator_may_return_null=1";
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(min_and_max_evaluate_once_and_nest),
        cmocka_unit_test(container_of_finds_the_struct),
        cmocka_unit_test(steal_leaves_nothing_behind),
        cmocka_unit_test(cleanup_closes_at_the_end_of_the_scope),
        cmocka_unit_test(allocations_are_zeroed_and_never_null),
        cmocka_unit_test(what_a_client_chose_may_be_refused),
        cmocka_unit_test(no_memory_for_ourselves_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
