/* No cgroups: every call succeeds and every figure is zero, so that nobody else needs an `if`. What
 * is left of the limits are rlimits, and the pid namespace, whose end is pid 1's (S50). */
#include <stdlib.h>

#include "base/base.h"
#include "sandbox/internal.h"

static void none_free(struct sandbox_cgroups *c) {
    free(c);
}

static bool none_enforces(const struct sandbox_cgroups *c, const char *limit) {
    (void)c, (void)limit;
    return false;
}

static int none_slot_new(struct sandbox_cgroups *c, unsigned number, struct cgroup_slot **ret,
                         struct error *err) {
    (void)c, (void)number, (void)err;
    *ret = NULL;
    return 0;
}

static void none_slot_free(struct cgroup_slot *s) {
    (void)s;
}

static size_t none_join(struct cgroup_slot *s, const int **ret_fds) {
    (void)s;
    *ret_fds = NULL;
    return 0;
}

static int none_arm(struct cgroup_slot *s, const struct sandbox_limits *limits, struct error *err) {
    (void)s, (void)limits, (void)err;
    return 0;
}

static int none_usage(struct cgroup_slot *s, struct sandbox_usage *ret) {
    (void)s;
    *ret = (struct sandbox_usage){0};
    return 0;
}

static uint64_t none_cpu_us(struct cgroup_slot *s) {
    (void)s;
    return 0;
}

static int none_empty(struct cgroup_slot *s) {
    (void)s;
    return 0;
}

static int none_clean(struct cgroup_slot *s) {
    (void)s;
    return 0;
}

static const struct cgroup_ops none_ops = {
    .kind = SANDBOX_CGROUP_NONE,
    .free = none_free,
    .enforces = none_enforces,
    .slot_new = none_slot_new,
    .slot_free = none_slot_free,
    .join = none_join,
    .arm = none_arm,
    .usage = none_usage,
    .cpu_us = none_cpu_us,
    .empty = none_empty,
    .clean = none_clean,
};

struct sandbox_cgroups *cgroup_none_open(void) {
    struct sandbox_cgroups *c = base_alloc(sizeof *c);
    c->ops = &none_ops;
    return c;
}
