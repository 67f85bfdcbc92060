/* What a sandbox costs (mechanics.md section 2), printed; and that nothing is left open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/clock.h"
#include "harness.h"

#define ROUNDS 40

static int by_value(const void *a, const void *b) {
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static double median(double *v, size_t n) {
    qsort(v, n, sizeof *v, by_value);
    return v[n / 2];
}

static void measure(const struct harness_options *o, const char *name) {
    struct harness h;
    harness_open(&h, o);
    double create[ROUNDS], call[ROUNDS], end[ROUNDS];
    unsigned fds = harness_open_fds();
    for (int i = 0; i < ROUNDS; i++) {
        struct sandbox s;
        struct sandbox_report m;
        struct error err = {0};
        uint64_t t = clock_now_us();
        if (sandbox_create(h.slot, h.profile, &s, &err) < 0)
            fail_msg("create: %s", err.message);
        call[i] = (double)(clock_now_us() - t) / 1000;
        if (!harness_wait_message(&s, &m) || m.type != SANDBOX_READY)
            fail_msg("step %s: %s", m.step, strerror(m.status));
        create[i] = (double)(clock_now_us() - t) / 1000;
        t = clock_now_us();
        sandbox_kill(&s);
        assert_int_equal(harness_end(&h, &s), 0);
        end[i] = (double)(clock_now_us() - t) / 1000;
    }
    assert_int_equal(harness_open_fds(), fds);
    print_message(
        "%s: create to READY %.2f ms, of which in sandbox_create %.2f; end to clean %.2f\n", name,
        median(create, ROUNDS), median(call, ROUNDS), median(end, ROUNDS));
    harness_close(&h);
}

static void test_cost(void **state) {
    (void)state;
    measure(NULL, "cgroups");
    measure(&(struct harness_options){.no_cgroups = true}, "none");
    measure(&(struct harness_options){.no_cgroups = true, .proc_full = true}, "none, full proc");
    measure(&(struct harness_options){.no_cgroups = true, .layers_off = "landlock,filter"},
            "none, no filter or landlock");
}

int main(void) {
    int code;
    if (!harness_can_run(&code))
        return code;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cost)};
    return cmocka_run_group_tests_name("sandbox/create", tests, NULL, NULL);
}
