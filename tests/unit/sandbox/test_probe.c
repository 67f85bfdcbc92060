/* What this host gives, tried (S41, S47, S90). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "harness.h"

#define FINDINGS_MAX 40

static const struct sandbox_finding *finding(const struct sandbox_finding *f, size_t len,
                                             const char *name) {
    for (size_t i = 0; i < len; i++)
        if (strcmp(f[i].name, name) == 0)
            return &f[i];
    fail_msg("no finding \"%s\"", name);
    return NULL;
}

/* On the hosts that these tests run on, everything essential is there. */
static void test_here(void **state) {
    (void)state;
    struct sandbox_finding f[FINDINGS_MAX];
    unsigned fds = harness_open_fds();
    size_t len = sandbox_probe(f, FINDINGS_MAX);
    for (size_t i = 0; i < len; i++) {
        print_message("%-20s %-4s %s\n", f[i].name, f[i].ok ? "yes" : "no", f[i].detail);
        assert_true(f[i].detail[0]);
        if (f[i].essential && !f[i].ok)
            fail_msg("%s: %s", f[i].name, f[i].detail);
    }
    static const char *const names[] = {"user namespaces", "seccomp",         "landlock",
                                        "memory limit",    "processes limit", "cpu limit",
                                        "devices limit",   "sandbox",         "CAP_SYS_RESOURCE",
                                        "core dumps",      "swap accounting"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        finding(f, len, names[i]);
    assert_int_equal(harness_open_fds(), fds);
    assert_int_equal(sandbox_probe(f, 3), 3);
}

/* Nobody special: told plainly, and nothing crashes. */
static void test_not_root(void **state) {
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct sandbox_finding f[FINDINGS_MAX];
        if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
            _exit(2);
        size_t len = sandbox_probe(f, FINDINGS_MAX);
        for (size_t i = 0; i < len; i++)
            if ((strcmp(f[i].name, "grade") == 0 || strcmp(f[i].name, "sandbox") == 0) &&
                (f[i].ok || !strstr(f[i].detail, "root")))
                _exit(3);
        _exit(len > 10 ? 0 : 4);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void) {
    int code;
    if (!harness_can_run(&code))
        return code;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_here),
                                       cmocka_unit_test(test_not_root)};
    return cmocka_run_group_tests_name("sandbox/probe", tests, NULL, NULL);
}
