/* A later life finds everything an earlier one left, and nothing of anybody else (S82). */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "harness.h"
#include "sandbox/internal.h"

static unsigned groups_of(const char *service) {
    char command[160], text[16] = "0";
    snprintf(command, sizeof command, "find /sys/fs/cgroup -type d -path '*/%s*' | wc -l", service);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    pclose(f);
    return (unsigned)atoi(text);
}

/* A spawner that dies by SIGKILL with a sandbox READY and a stray process in its group. */
static void leave_a_life(const char *service, const char *life, pid_t *ret_stray) {
    int fds[2];
    assert_return_code(pipe(fds), errno);
    pid_t spawner = fork();
    if (spawner == 0) {
        struct error err = {0};
        struct sandbox_cgroups *c;
        struct sandbox_slot *slot;
        if (sandbox_cgroups_open(service, life, false, 0, &c, &err) < 0 ||
            sandbox_slot_new(c, 7, 1900000000u, &slot, &err) < 0)
            _exit(1);
        const int *join;
        size_t len = slot->ops->join(slot->group, &join);
        pid_t stray = fork();
        if (stray == 0) {
            for (size_t i = 0; i < len; i++)
                if (write(join[i], "0", 1) != 1)
                    _exit(1);
            if (write(fds[1], "x", 1) != 1)
                _exit(1);
            for (;;)
                pause();
        }
        if (write(fds[1], &stray, sizeof stray) != sizeof stray)
            _exit(1);
        for (;;)
            pause();
    }
    char bytes[8] = {0};
    size_t have = 0;
    while (have < sizeof(pid_t) + 1) {
        ssize_t n = read(fds[0], bytes + have, sizeof(pid_t) + 1 - have);
        assert_true(n > 0);
        have += (size_t)n;
    }
    /* Either may have come first; the pid is four bytes, the mark one. */
    memcpy(ret_stray, bytes[0] == 'x' ? bytes + 1 : bytes, sizeof *ret_stray);
    close(fds[0]);
    close(fds[1]);
    kill(spawner, SIGKILL);
    waitpid(spawner, NULL, 0);
}

static void test_sweep(void **state) {
    (void)state;
    char service[48], neighbour[64];
    struct error err = {0};
    pid_t stray, other;
    snprintf(service, sizeof service, "retort-sweep-%d", (int)getpid());
    snprintf(neighbour, sizeof neighbour, "%s0", service); /* the same letters, another service */
    leave_a_life(service, "first", &stray);
    leave_a_life(service, "second", &stray);
    leave_a_life(neighbour, "first", &other);
    assert_true(groups_of(service) > 0);
    int swept = sandbox_cgroups_sweep(service, &err);
    if (swept <= 0)
        fail_msg("sweep: %d %s", swept, err.message);
    assert_int_equal(kill(other, 0), 0);
    unsigned rest = groups_of(service); /* the neighbour's match the pattern too */
    assert_int_equal(rest, groups_of(neighbour));
    assert_true(rest > 0);
    assert_int_equal(sandbox_cgroups_sweep(service, &err), 0);
    assert_true(sandbox_cgroups_sweep(neighbour, &err) > 0);
    assert_int_equal(groups_of(service), 0);
}

static void test_names(void **state) {
    (void)state;
    static const char *const bad[] = {"", ".", "..", "a/b", "../x", "a\nb"};
    struct error err = {0};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct sandbox_cgroups *c = NULL;
        assert_int_equal(sandbox_cgroups_sweep(bad[i], &err), -EINVAL);
        assert_int_equal(sandbox_cgroups_open(bad[i], "life", false, 0, &c, &err), -EINVAL);
        assert_int_equal(sandbox_cgroups_open("service", bad[i], false, 0, &c, &err), -EINVAL);
        assert_null(c);
    }
}

int main(void) {
    int code;
    if (!harness_can_run(&code))
        return code;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweep), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests_name("sandbox/sweep", tests, NULL, NULL);
}
