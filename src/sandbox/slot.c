/* A slot: the place a sandbox takes. It owns what is costly to make and harmless to keep: a host
 * id, a cgroup in each hierarchy (cgroup_*.c) and a network namespace. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "sandbox/internal.h"

#define SLOT_MAX 65534

/* The namespace belongs to the spawner's user namespace, so that no sandbox has rights over it, and
 * its loopback stays down (S12). */
static int network_new(struct error *err) {
    CLEANUP_CLOSE int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home < 0)
        return error_errno(err, errno, "open /proc/self/ns/net");
    if (unshare(CLONE_NEWNET) < 0)
        return error_errno(err, errno, "a network namespace of its own");
    int made = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int code = errno;
    if (setns(home, CLONE_NEWNET) < 0) {
        log_error("cannot return to the host's network namespace: %s", strerror(errno));
        abort();
    }
    return made < 0 ? error_errno(err, code, "open the new network namespace") : made;
}

int sandbox_slot_new(struct sandbox_cgroups *c, unsigned number, uint32_t id_base,
                     struct sandbox_slot **ret, struct error *err) {
    int r = sandbox_require_root(err);
    if (r < 0)
        return r;
    if (number < 1 || number > SLOT_MAX || id_base > UINT32_MAX - SLOT_MAX - 1)
        return error_set(err, EINVAL, "slot %u of id base %u", number, id_base);
    struct sandbox_slot *s = base_alloc(sizeof *s);
    *s = (struct sandbox_slot){
        .ops = c->ops, .number = number, .host_id = id_base + number, .network = -1};
    r = network_new(err);
    if (r >= 0) {
        s->network = r;
        r = c->ops->slot_new(c, number, &s->group, err);
    }
    if (r < 0) {
        error_prefix(err, "slot %u", number);
        sandbox_slot_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

void sandbox_slot_free(struct sandbox_slot *s) {
    if (!s)
        return;
    s->ops->slot_free(s->group);
    fd_close(s->network);
    free(s);
}

unsigned sandbox_slot_number(const struct sandbox_slot *s) {
    return s->number;
}

int sandbox_slot_arm(struct sandbox_slot *s, const struct sandbox_limits *limits,
                     struct error *err) {
    int r = s->ops->arm(s->group, limits, err);
    return r < 0 ? error_prefix(err, "slot %u", s->number) : 0;
}

int sandbox_slot_usage(struct sandbox_slot *s, struct sandbox_usage *ret) {
    struct sandbox_usage usage = {0};
    int r = s->ops->usage(s->group, &usage);
    if (r == 0)
        *ret = usage;
    return r;
}

uint64_t sandbox_slot_cpu_us(struct sandbox_slot *s) {
    return s->ops->cpu_us(s->group);
}

int sandbox_slot_empty(struct sandbox_slot *s) {
    return s->ops->empty(s->group);
}

int sandbox_slot_clean(struct sandbox_slot *s) {
    return s->ops->clean(s->group);
}
