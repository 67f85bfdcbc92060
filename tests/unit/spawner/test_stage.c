/* Stages through a real spawner and real sandboxes: verdicts, streams, artifacts, and what a slot
 * is like after them. Needs root.
 *
 * The process is the spawner; its "server" is a child that runs the tests below and hands its
 * result back through shared memory.
 */
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "loop/loop.h"
#include "sandbox/sandbox.h"
#include "spawner/spawner.h"
#include "spawner/stage.h"

static struct loop *loop;
static struct spawner_client *client;
static struct stage_result result;
static struct stage *current;
static bool done;

static void on_done(struct stage *stage, struct stage_result *r, void *user) {
    (void)stage;
    (void)user;
    result = *r;
    r->out = r->err = BUFFER_INIT(0); /* taken over */
    r->artifact = -1;
    done = true;
    loop_stop(loop);
}

static struct stage_spec sh(const char *script) {
    static const char *args[3] = {"/bin/sh", "-c"};
    static const char *env[] = {"PATH=/usr/bin:/bin", "HOME=/box"};
    args[2] = script;
    return (struct stage_spec){
        .args = args,
        .args_len = 3,
        .env = env,
        .env_len = 2,
        .artifact_fd = -1,
        .artifact_dir = -1,
        .wall_ms = 10000,
        .cpu_ms = 5000,
        .memory_bytes = 64 * MIB,
        .processes = 32,
        .output_bytes = 64 * KIB,
        .file_bytes = 16 * MIB,
        .artifact_bytes = 8 * MIB,
    };
}

static void go(const struct stage_spec *spec) {
    struct error err = {0};
    stage_result_done(&result);
    done = false;
    if (stage_start(client, loop, spec, on_done, NULL, &current, &err) < 0)
        fail_msg("stage_start: %s", err.message);
    while (!done)
        loop_run(loop);
}

static void expect(enum verdict v) {
    if (result.verdict != v)
        fail_msg("%s (%s), not %s; stderr: %.200s", verdict_name(result.verdict), result.reason,
                 verdict_name(v), result.err.data ? result.err.data : "");
}

static void test_ok(void **state) {
    (void)state;
    struct stage_spec spec = sh("echo hi; echo there >&2; pwd; id -u");
    go(&spec);
    expect(VERDICT_OK);
    assert_string_equal(result.out.data, "hi\n/box\n1000\n");
    assert_string_equal(result.err.data, "there\n");
    assert_int_equal(result.exit_code, 0);
    assert_true(result.cpu_us > 0);
}

static void test_exit(void **state) {
    (void)state;
    struct stage_spec spec = sh("exit 3");
    go(&spec);
    expect(VERDICT_RUNTIME_ERROR);
    assert_int_equal(result.exit_code, 3);
}

/* S53: a program that kills itself with SIGKILL is not a limit. */
static void test_signal(void **state) {
    (void)state;
    struct stage_spec spec = sh("kill -9 $$");
    go(&spec);
    expect(VERDICT_SIGNALLED);
    assert_int_equal(result.signal, SIGKILL);
}

/* S46, S53 */
static void test_wall(void **state) {
    (void)state;
    struct stage_spec spec = sh("echo before; sleep 100");
    spec.wall_ms = 200;
    go(&spec);
    expect(VERDICT_TIME_LIMIT);
    assert_int_equal(result.limit, LIMIT_WALL);
    assert_string_equal(result.out.data, "before\n");
}

static void test_cpu(void **state) {
    (void)state;
    struct stage_spec spec = sh("while :; do :; done");
    spec.cpu_ms = 200;
    go(&spec);
    expect(VERDICT_TIME_LIMIT);
    assert_int_equal(result.limit, LIMIT_CPU);
}

/* S44: tmpfs counts as memory. */
static void test_memory(void **state) {
    (void)state;
    struct stage_spec spec = sh("head -c 100000000 /dev/zero | tail | tail");
    spec.memory_bytes = 16 * MIB;
    go(&spec);
    expect(VERDICT_MEMORY_LIMIT);
}

static void test_fork_bomb(void **state) {
    (void)state;
    struct stage_spec spec = sh("f() { f | f & f; }; f");
    spec.wall_ms = 1500;
    go(&spec);
    if (result.verdict != VERDICT_TIME_LIMIT)
        expect(VERDICT_PROCESS_LIMIT);
    assert_true(result.processes_refused > 0);
}

/* S71 */
static void test_flood(void **state) {
    (void)state;
    struct stage_spec spec = sh("yes");
    go(&spec);
    expect(VERDICT_OUTPUT_LIMIT);
    assert_int_equal(result.out.len, 64 * KIB);
    assert_true(result.truncated > 0);
}

static void test_truncate(void **state) {
    (void)state;
    struct stage_spec spec = sh("echo head; yes | head -c 1000000; echo tail");
    spec.on_output_limit = STAGE_OUTPUT_TRUNCATE;
    go(&spec);
    expect(VERDICT_OK);
    assert_int_equal(result.out.len, 64 * KIB);
    assert_memory_equal(result.out.data, "head\n", 5);
    assert_memory_equal(result.out.data + result.out.len - 5, "tail\n", 5);
    assert_int_equal(result.truncated, 1000000 + 10 - 64 * KIB);
}

static void test_stdin(void **state) {
    (void)state;
    size_t len = 1000000;
    char *big = malloc(len);
    memset(big, 'x', len);
    struct stage_spec spec = sh("wc -c");
    spec.stdin_bytes = (struct span){big, len};
    go(&spec);
    expect(VERDICT_OK);
    assert_string_equal(result.out.data, "1000000\n");
    /* Nobody reads it: no signal, no hang. */
    spec = sh("echo done");
    spec.stdin_bytes = (struct span){big, len};
    go(&spec);
    expect(VERDICT_OK);
    free(big);
}

static void test_files(void **state) {
    (void)state;
    struct stage_file files[] = {{SPAN("a.txt"), SPAN("A"), 0644},
                                 {SPAN("d/e/b.txt"), SPAN("B"), 0644}};
    struct stage_spec spec = sh("cat a.txt d/e/b.txt");
    spec.files = files;
    spec.files_len = 2;
    go(&spec);
    expect(VERDICT_OK);
    assert_string_equal(result.out.data, "AB");
}

/* S70 */
static void test_artifact(void **state) {
    (void)state;
    struct stage_spec spec = sh("cp /usr/bin/echo out; chmod 700 out");
    spec.artifact_name = "out";
    spec.artifact_dir = open("/tmp", O_PATH | O_CLOEXEC);
    go(&spec);
    expect(VERDICT_OK);
    assert_false(result.artifact_missing);
    struct stat host;
    assert_int_equal(stat("/usr/bin/echo", &host), 0);
    assert_int_equal(result.artifact_bytes, host.st_size);
    /* …and in again, as the program. */
    int artifact = STEAL_FD(result.artifact);
    static const char *const args[] = {"prog", "native", "run"};
    struct stage_spec next = sh("");
    next.args = args;
    next.args_len = 3;
    next.artifact_fd = artifact;
    go(&next);
    expect(VERDICT_OK);
    assert_string_equal(result.out.data, "native run\n");
    close(artifact);
    static const char *const bad[] = {"true", "ln -s /etc/passwd out", "mkdir out", "mkfifo out",
                                      "head -c 9000000 /dev/zero >out"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct stage_spec b = sh(bad[i]);
        b.artifact_name = "out";
        b.artifact_dir = spec.artifact_dir;
        go(&b);
        expect(VERDICT_OK);
        assert_true(result.artifact_missing);
        assert_int_not_equal(result.artifact_error, 0);
    }
    close(spec.artifact_dir);
}

/* H14 */
static void on_time(struct loop_timer *timer) {
    (void)timer;
    stage_cancel(current);
}
static void test_cancel(void **state) {
    (void)state;
    struct loop_timer timer = {0};
    struct stage_spec spec = sh("sleep 100");
    loop_timer_start(loop, &timer, 100, on_time);
    go(&spec);
    expect(VERDICT_CANCELLED);
}

/* S52: whoever stays behind goes with pid 1, and does not hold up the answer. */
static void test_daemon(void **state) {
    (void)state;
    struct stage_spec spec = sh("sleep 1000 & setsid sleep 1000 & echo out");
    go(&spec);
    expect(VERDICT_OK);
    assert_string_equal(result.out.data, "out\n");
    assert_true(result.wall_us < 9000000);
}

/* S40, S80: slots are used again and stay whole. */
static void test_again(void **state) {
    (void)state;
    for (int i = 0; i < 60; i++) {
        struct stage_spec spec = sh("head -c 1000000 /dev/zero > /tmp/x; echo ok");
        go(&spec);
        expect(VERDICT_OK);
    }
    struct spawner_figures f;
    spawner_client_figures(client, &f);
    assert_int_equal(f.quarantined, 0);
}

static void nothing(void *user) {
    (void)user;
}

static int *shared;

static void test_main(int wire, void *user) {
    (void)user;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ok),        cmocka_unit_test(test_exit),
        cmocka_unit_test(test_signal),    cmocka_unit_test(test_wall),
        cmocka_unit_test(test_cpu),       cmocka_unit_test(test_memory),
        cmocka_unit_test(test_fork_bomb), cmocka_unit_test(test_flood),
        cmocka_unit_test(test_truncate),  cmocka_unit_test(test_stdin),
        cmocka_unit_test(test_files),     cmocka_unit_test(test_artifact),
        cmocka_unit_test(test_cancel),    cmocka_unit_test(test_daemon),
        cmocka_unit_test(test_again),
    };
    struct error err = {0};
    signal(SIGPIPE, SIG_IGN);
    result.artifact = -1;
    if (loop_new(&loop, 0) < 0 ||
        spawner_client_new(wire, &loop, 1, nothing, nothing, NULL, &client, &err) < 0)
        _exit(SPAWNER_SERVER_CANNOT_BEGIN);
    *shared = cmocka_run_group_tests(tests, NULL, NULL);
    stage_result_done(&result);
    fflush(NULL);
    /* The service ends with its tests; the spawner must hear that before it misses its server. */
    kill(getppid(), SIGTERM);
    usleep(200000);
    _exit(0);
}

int main(void) {
    if (geteuid() != 0) {
        fprintf(stderr, "skipped: sandboxes need root\n");
        return getenv("CI") ? 1 : 77;
    }
    static const struct sandbox_mount mounts[] = {{"/usr", "/usr"}};
    static const struct sandbox_link links[] = {
        {"usr/bin", "/bin"}, {"usr/lib", "/lib"}, {"usr/lib64", "/lib64"}};
    struct sandbox_profile_spec profile = {
        .name = "test",
        .mounts = mounts,
        .mounts_len = 1,
        .links = links,
        .links_len = ARRAY_LEN(links),
        .scratch_bytes = 64 * MIB,
        .max_file_bytes = 64 * MIB,
        .max_open_files = 256,
    };
    struct spawner_settings settings = {
        .profiles = &profile,
        .profiles_len = 1,
        .service = "retort-test-stage",
        .life = "1",
        .id_base = 1800000000,
        .slots = 4,
        .pool = 1,
        .watchdog_s = 0,
        .drain_s = 1,
        .exec_server = test_main,
    };
    struct spawner *spawner;
    struct error err = {0};
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    *shared = -1;
    if (spawner_new(&settings, &spawner, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    spawner_run(spawner);
    spawner_free(spawner);
    return *shared == 0 ? 0 : 1;
}
