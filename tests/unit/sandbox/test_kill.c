/* However a program lives, SIGKILL to pid 1 leaves nothing (S45, S50-S52). */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/fd.h"
#include "harness.h"
#include "sandbox/internal.h"

static void run_script(struct harness *h, const char *script, unsigned kill_after_ms,
                       struct harness_result *ret) {
    const char *const argv[] = {"/usr/bin/sh", "-c", script, NULL};
    harness_run(h, &(struct harness_job){.argv = argv, .kill_after_ms = kill_after_ms}, ret);
}

/* A host uid of the slot's own: whoever still has it and is no zombie has got away. */
static unsigned processes_of_slot(const struct harness *h) {
    char command[96], text[16] = "0";
    snprintf(command, sizeof command, "ps -o stat= -U %u 2>/dev/null | grep -vc Z",
             h->slot->host_id);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    pclose(f);
    return (unsigned)atoi(text);
}

static void test_fork_bomb(void **state) {
    struct harness_result r;
    run_script(*state, "perl -e 'fork while 1'", 300, &r);
    assert_true(r.timed_out);
    assert_true(r.usage.processes_refused > 0);
    assert_int_equal(r.left, 0);
    assert_int_equal(processes_of_slot(*state), 0);
    harness_result_done(&r);
}

/* S52: a child that left its session and holds stdout neither delays the answer nor outlives it. */
static void test_daemon(void **state) {
    struct harness_result r;
    uint64_t t = clock_now_ms();
    run_script(*state,
               "(setsid perl -e '$SIG{TERM}=$SIG{HUP}=\"IGNORE\"; sleep 30' &) ; sleep 0.05; "
               "echo done",
               0, &r);
    assert_true(clock_now_ms() - t < 5000);
    assert_true(r.reported);
    assert_int_equal(r.report.status, 0);
    assert_string_equal(r.out.data, "done\n");
    assert_int_equal(r.left, 0);
    assert_int_equal(processes_of_slot(*state), 0);
    harness_result_done(&r);
}

static void test_stopped(void **state) {
    struct harness_result r;
    run_script(*state, "perl -e 'if (fork) { kill 19, $$ } else { kill 19, $$ }'; sleep 30", 300,
               &r);
    assert_true(r.timed_out);
    assert_false(r.reported);
    assert_int_equal(r.left, 0);
    assert_int_equal(processes_of_slot(*state), 0);
    harness_result_done(&r);
}

/* S14: pid 1 cannot be ended, stopped or traced from inside, and orphans are reaped. */
static void test_pid_one_holds(void **state) {
    struct harness_result r;
    run_script(*state,
               "for s in KILL STOP SEGV TERM; do kill -$s 1; done 2>/dev/null; "
               "for i in 1 2 3 4 5 6 7 8 9; do (true &); done; sleep 0.1; "
               "ps -A -o stat= 2>/dev/null | grep -c Z",
               0, &r);
    assert_true(r.reported);
    assert_string_equal(r.out.data, "0\n");
    harness_result_done(&r);
}

/* S50: pid 1 alone gets the signal. */
static void test_kill_pid_one(void **state) {
    struct harness_result r;
    run_script(*state, "for i in 1 2 3 4 5; do (setsid sleep 30 &); done; sleep 30", 200, &r);
    assert_true(r.timed_out);
    assert_false(r.reported);
    assert_int_equal(r.left, 0);
    assert_int_equal(processes_of_slot(*state), 0);
    harness_result_done(&r);
}

static pid_t spawner_with_sandbox(struct harness *h, bool keep_socket, bool running) {
    int pipe_fds[2];
    assert_return_code(pipe(pipe_fds), errno);
    pid_t spawner = fork();
    if (spawner == 0) {
        struct sandbox s;
        struct sandbox_report m;
        struct error err = {0};
        if (sandbox_create(h->slot, h->profile, &s, &err) < 0 || !harness_wait_message(&s, &m))
            _exit(1);
        if (write(pipe_fds[1], &s.pid, sizeof s.pid) != sizeof s.pid)
            _exit(1);
        const char *const argv[] = {"/usr/bin/sleep", "30", NULL};
        if (running)
            harness_start(&s, &(struct harness_job){.argv = argv});
        usleep(50000);
        if (!keep_socket)
            close(s.control);
        sleep(30);
        _exit(0);
    }
    pid_t pid = -1;
    assert_int_equal(read(pipe_fds[0], &pid, sizeof pid), (ssize_t)sizeof pid);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    if (keep_socket)
        kill(spawner, SIGKILL);
    for (int i = 0; i < 400 && processes_of_slot(h) > 0; i++)
        usleep(5000);
    assert_int_equal(processes_of_slot(h), 0);
    if (!keep_socket)
        kill(spawner, SIGKILL);
    waitpid(spawner, NULL, 0);
    return pid;
}

/* S51: the spawner dies, or only its end of the socket does. */
static void test_spawner_dies(void **state) {
    struct harness *h = *state;
    for (int i = 0; i < 4; i++)
        spawner_with_sandbox(h, i & 1, i & 2);
    assert_int_equal(sandbox_slot_empty(h->slot), 0);
}

/* S50 (3): a member that is not in pid 1's namespace is found, killed and counted. */
static void test_stray_member(void **state) {
    struct harness *h = *state;
    const int *join;
    size_t len = h->slot->ops->join(h->slot->group, &join);
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < len; i++)
            if (write(join[i], "0", 1) != 1)
                _exit(9);
        for (;;)
            pause();
    }
    int found = 0;
    for (int i = 0; i < 200 && found == 0; i++) {
        usleep(5000);
        found = sandbox_slot_empty(h->slot);
    }
    assert_int_equal(found, 1);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(sandbox_slot_empty(h->slot), 0);
}

/* S83: killed at each step between START and REPORT, a sandbox leaves nothing. */
static void test_kill_at_every_step(void **state) {
    (void)state;
    for (int step = SANDBOX_STEP_START; step < SANDBOX_STEP_COUNT; step++) {
        struct harness h;
        struct harness_result r;
        harness_open(&h, &(struct harness_options){.stop_at = sandbox_step_name(step)});
        /* A daemon that speaks later: pid 1 ends it together with the program. */
        run_script(&h, "(setsid sh -c 'sleep 0.06; echo late' &); echo done", 150, &r);
        assert_true(r.timed_out);
        assert_false(r.reported || r.failed);
        /* The program has run only where the step comes after it. */
        assert_int_equal(r.out.len > 0, step > SANDBOX_STEP_EXEC);
        assert_true(r.out.len == 0 || !strstr(r.out.data, "late"));
        assert_int_equal(r.left, 0);
        assert_int_equal(processes_of_slot(&h), 0);
        harness_result_done(&r);
        harness_close(&h);
    }
}

static int open_group(void **state) {
    static struct harness h;
    harness_open(&h, NULL);
    *state = &h;
    return 0;
}

static int close_group(void **state) {
    harness_close(*state);
    return 0;
}

int main(void) {
    int code;
    if (!harness_can_run(&code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fork_bomb),    cmocka_unit_test(test_daemon),
        cmocka_unit_test(test_stopped),      cmocka_unit_test(test_pid_one_holds),
        cmocka_unit_test(test_kill_pid_one), cmocka_unit_test(test_spawner_dies),
        cmocka_unit_test(test_stray_member), cmocka_unit_test(test_kill_at_every_step),
    };
    return cmocka_run_group_tests_name("sandbox/kill", tests, open_group, close_group);
}
