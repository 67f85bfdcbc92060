/* cgroup version 1, alone or hybrid (S40-S45).
 *
 * In each hierarchy that carries a controller of ours: <mount>/<service>/<life>/<slot>. The groups
 * stand at the root of what is visible, not below our own, so that a later life finds them by the
 * service's name. The life's group limits all sandboxes together (S49) and holds the list of
 * devices; the slot's is the sandbox's own and is used again and again. On a hybrid host the
 * version 2 tree gets the same folders, for cgroup.kill.
 *
 * Counters of the kernel only rise, so each figure is the difference to its value at `arm`; the
 * peak can be set back. A limit with swap (memsw) can never be below the one without: which is
 * written first depends on the direction.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "sandbox/internal.h"

#define CLEAN_BYTES (1 * MIB) /* S40 */
#define LIMIT_SLACK (1 * MIB) /* S44: charges come in batches, so the peak stops a little below */
#define UNLIMITED UINT64_MAX
#define REMOVE_TRIES 200
#define REMOVE_PAUSE_US 5000
#define OWN_PROCESSES 1 /* pid 1 is ours, and counted */

struct hierarchy {
    int mount, service, life; /* folders */
    unsigned controllers;
};

struct v1 {
    struct sandbox_cgroups super;
    struct hierarchy list[CGROUP_CONTROLLERS];
    size_t len;
    char *service_name, *life_name;
    struct hierarchy *by[CGROUP_CONTROLLERS]; /* NULL: this host has it not */
    bool swap_accounting;
    bool devices_denied;
};

struct counters {
    uint64_t cpu_ns, user_ns, system_ns, oom_kills, refused;
};

struct cgroup_slot {
    struct v1 *v1;
    char name[8];
    int join[CGROUP_CONTROLLERS];
    size_t join_len;
    int cpu_fd;                  /* cpuacct.usage, read every few milliseconds */
    uint64_t limit, memsw_limit; /* as they stand in the kernel */
    struct counters base;        /* at arm */
};

/* ---- small helpers ---- */

static const char *file_of(const struct cgroup_slot *s, const char *file, char path[static 96]) {
    snprintf(path, 96, "%s/%s", s->name, file);
    return path;
}

static int slot_read(const struct cgroup_slot *s, enum cgroup_controller c, const char *file,
                     uint64_t *ret) {
    char path[96];
    return s->v1->by[c] ? cgroup_read_u64(s->v1->by[c]->life, file_of(s, file, path), ret)
                        : -ENODEV;
}

static int slot_read_key(const struct cgroup_slot *s, enum cgroup_controller c, const char *file,
                         const char *key, uint64_t *ret) {
    char path[96];
    return s->v1->by[c] ? cgroup_read_key(s->v1->by[c]->life, file_of(s, file, path), key, ret)
                        : -ENODEV;
}

static int slot_write(const struct cgroup_slot *s, enum cgroup_controller c, const char *file,
                      uint64_t value, struct error *err) {
    char path[96];
    int r = value == UNLIMITED
                ? cgroup_write(s->v1->by[c]->life, file_of(s, file, path), "-1")
                : cgroup_write_u64(s->v1->by[c]->life, file_of(s, file, path), value);
    return r < 0 ? error_errno(err, -r, "%s = %" PRIu64, file, value) : 0;
}

/* A group whose last member has just died is busy for a moment. */
static int remove_group(int dir_fd, const char *name) {
    for (int i = 0; i < REMOVE_TRIES; i++) {
        if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (errno != EBUSY)
            return -errno;
        usleep(REMOVE_PAUSE_US);
    }
    return -EBUSY;
}

static int open_group(int dir_fd, const char *name, struct error *err) {
    if (mkdirat(dir_fd, name, 0755) < 0 && errno != EEXIST)
        return error_errno(err, errno, "make the group %s", name);
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? error_errno(err, errno, "open the group %s", name) : fd;
}

/* ---- the tree ---- */

static int open_hierarchy(struct v1 *v, const struct cgroup_mount *m, struct error *err) {
    struct hierarchy *h = &v->list[v->len];
    *h = (struct hierarchy){.mount = -1, .service = -1, .life = -1, .controllers = m->controllers};
    v->len++;
    h->mount = open(m->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (h->mount < 0)
        return error_errno(err, errno, "open %s", m->path);
    int r = open_group(h->mount, v->service_name, err);
    if (r >= 0) {
        h->service = r;
        r = open_group(h->service, v->life_name, err);
    }
    if (r < 0)
        return error_prefix(err, "%s", m->path);
    h->life = r;
    for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++)
        if (m->controllers & (1u << c))
            v->by[c] = h;
    return 0;
}

/* S49: all sandboxes together leave the host enough to live. */
static uint64_t parent_default(void) {
    struct sysinfo info;
    if (sysinfo(&info) < 0)
        return UNLIMITED;
    uint64_t ram = (uint64_t)info.totalram * info.mem_unit;
    uint64_t kept = MAX(512 * MIB, ram / 5);
    return ram > 2 * kept ? ram - kept : ram / 2;
}

static int limit_parent(struct v1 *v, uint64_t bytes, struct error *err) {
    int fd = v->by[CGROUP_MEMORY]->life;
    /* Always so on newer kernels, which refuse to hear it again. */
    cgroup_write(v->by[CGROUP_MEMORY]->service, "memory.use_hierarchy", "1");
    cgroup_write(fd, "memory.use_hierarchy", "1");
    v->swap_accounting = faccessat(fd, "memory.memsw.limit_in_bytes", W_OK, 0) == 0;
    if (bytes == 0)
        bytes = parent_default();
    int r = cgroup_write_u64(fd, "memory.limit_in_bytes", bytes);
    if (r == 0 && v->swap_accounting)
        r = cgroup_write_u64(fd, "memory.memsw.limit_in_bytes", bytes);
    return r < 0 ? error_errno(err, -r, "limit all sandboxes to %" PRIu64 " bytes", bytes) : 0;
}

/* The second layer under the mounts (S35): even a device node that found its way in cannot be
 * opened. Written once, on the life's group; slots join below it. */
static int deny_devices(struct v1 *v, struct error *err) {
    static const char *const allowed[] = {"c 1:3 rw", "c 1:5 rw", "c 1:7 rw", "c 1:8 rw",
                                          "c 1:9 rw"};
    int fd = v->by[CGROUP_DEVICES]->life;
    int r = cgroup_write(fd, "devices.deny", "a");
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(allowed); i++)
        r = cgroup_write(fd, "devices.allow", allowed[i]);
    v->devices_denied = r == 0;
    return r < 0 ? error_errno(err, -r, "deny devices") : 0;
}

static void v1_free(struct sandbox_cgroups *c) {
    struct v1 *v = (struct v1 *)c;
    for (size_t i = 0; i < v->len; i++) {
        struct hierarchy *h = &v->list[i];
        fd_close(h->life);
        int r = h->service < 0 ? 0 : remove_group(h->service, v->life_name);
        if (r < 0)
            log_debug("group %s/%s stays: %s", v->service_name, v->life_name, strerror(-r));
        fd_close(h->service);
        /* Another life of the same service may still be there: then it stays, as it should. */
        if (h->mount >= 0)
            unlinkat(h->mount, v->service_name, AT_REMOVEDIR);
        fd_close(h->mount);
    }
    free(v->service_name);
    free(v->life_name);
    free(v);
}

static bool v1_enforces(const struct sandbox_cgroups *c, const char *limit) {
    const struct v1 *v = (const struct v1 *)c;
    if (strcmp(limit, "memory") == 0)
        return v->by[CGROUP_MEMORY] != NULL;
    if (strcmp(limit, "processes") == 0)
        return v->by[CGROUP_PIDS] != NULL;
    if (strcmp(limit, "cpu") == 0)
        return v->by[CGROUP_CPUACCT] != NULL;
    if (strcmp(limit, "devices") == 0)
        return v->devices_denied;
    if (strcmp(limit, "kill") == 0) /* the belt: without it members are killed one by one */
        return v->by[CGROUP_UNIFIED] != NULL;
    return false;
}

/* ---- a slot ---- */

static void v1_slot_free(struct cgroup_slot *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->join_len; i++)
        fd_close(s->join[i]);
    fd_close(s->cpu_fd);
    for (size_t i = 0; i < s->v1->len; i++)
        if (s->v1->list[i].life >= 0)
            remove_group(s->v1->list[i].life, s->name);
    free(s);
}

static int join_hierarchy(struct cgroup_slot *s, const struct hierarchy *h, struct error *err) {
    char path[96];
    if (mkdirat(h->life, s->name, 0755) < 0 && errno != EEXIST)
        return error_errno(err, errno, "make the group %s", s->name);
    int fd = openat(h->life, file_of(s, "cgroup.procs", path), O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "open %s", path);
    s->join[s->join_len++] = fd;
    return 0;
}

static int v1_slot_new(struct sandbox_cgroups *c, unsigned number, struct cgroup_slot **ret,
                       struct error *err) {
    struct v1 *v = (struct v1 *)c;
    struct cgroup_slot *s = base_alloc(sizeof *s);
    *s = (struct cgroup_slot){.v1 = v, .cpu_fd = -1, .limit = UNLIMITED, .memsw_limit = UNLIMITED};
    snprintf(s->name, sizeof s->name, "%u", number);
    int r = 0;
    for (size_t i = 0; r == 0 && i < v->len; i++)
        r = join_hierarchy(s, &v->list[i], err);
    if (r == 0 && v->by[CGROUP_CPUACCT]) {
        char path[96];
        s->cpu_fd = openat(v->by[CGROUP_CPUACCT]->life, file_of(s, "cpuacct.usage", path),
                           O_RDONLY | O_CLOEXEC);
        if (s->cpu_fd < 0)
            r = error_errno(err, errno, "open %s", path);
    }
    if (r < 0) {
        v1_slot_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

static size_t v1_join(struct cgroup_slot *s, const int **ret_fds) {
    *ret_fds = s->join;
    return s->join_len;
}

/* ---- limits ---- */

static int set_plain(struct cgroup_slot *s, uint64_t bytes, struct error *err) {
    int r = slot_write(s, CGROUP_MEMORY, "memory.limit_in_bytes", bytes, err);
    if (r == 0)
        s->limit = bytes;
    return r;
}

static int set_with_swap(struct cgroup_slot *s, uint64_t bytes, struct error *err) {
    if (!s->v1->swap_accounting)
        return 0;
    int r = slot_write(s, CGROUP_MEMORY, "memory.memsw.limit_in_bytes", bytes, err);
    if (r == 0)
        s->memsw_limit = bytes;
    return r;
}

static int set_memory(struct cgroup_slot *s, uint64_t bytes, struct error *err) {
    if (s->limit == bytes && (s->memsw_limit == bytes || !s->v1->swap_accounting))
        return 0;
    if (bytes > s->memsw_limit) {
        int r = set_with_swap(s, bytes, err);
        return r < 0 ? r : set_plain(s, bytes, err);
    }
    int r = set_plain(s, bytes, err);
    return r < 0 ? r : set_with_swap(s, bytes, err);
}

static uint64_t cpu_ns(const struct cgroup_slot *s) {
    char text[32];
    ssize_t n = s->cpu_fd < 0 ? -1 : pread(s->cpu_fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    return strtoull(text, NULL, 10);
}

static void read_counters(const struct cgroup_slot *s, struct counters *ret) {
    ret->cpu_ns = cpu_ns(s);
    slot_read(s, CGROUP_CPUACCT, "cpuacct.usage_user", &ret->user_ns);
    slot_read(s, CGROUP_CPUACCT, "cpuacct.usage_sys", &ret->system_ns);
    slot_read_key(s, CGROUP_MEMORY, "memory.oom_control", "oom_kill", &ret->oom_kills);
    slot_read_key(s, CGROUP_PIDS, "pids.events", "max", &ret->refused);
}

static int v1_arm(struct cgroup_slot *s, const struct sandbox_limits *limits, struct error *err) {
    int r = 0;
    if (s->v1->by[CGROUP_MEMORY]) {
        r = set_memory(s, limits->memory_bytes ? limits->memory_bytes : UNLIMITED, err);
        if (r == 0)
            r = slot_write(s, CGROUP_MEMORY, "memory.max_usage_in_bytes", 0, err);
        if (r == 0 && s->v1->swap_accounting)
            r = slot_write(s, CGROUP_MEMORY, "memory.memsw.max_usage_in_bytes", 0, err);
    }
    if (r == 0 && s->v1->by[CGROUP_PIDS] && limits->processes)
        r = slot_write(s, CGROUP_PIDS, "pids.max", limits->processes + OWN_PROCESSES, err);
    else if (r == 0 && s->v1->by[CGROUP_PIDS]) {
        char path[96];
        r = cgroup_write(s->v1->by[CGROUP_PIDS]->life, file_of(s, "pids.max", path), "max");
        if (r < 0)
            error_errno(err, -r, "pids.max = max");
    }
    if (r == 0)
        read_counters(s, &s->base);
    return r;
}

/* ---- figures ---- */

static uint64_t since(uint64_t now, uint64_t then) {
    return now > then ? now - then : 0;
}

static int v1_usage(struct cgroup_slot *s, struct sandbox_usage *ret) {
    struct counters now = {0};
    read_counters(s, &now);
    ret->cpu_user_us = since(now.user_ns, s->base.user_ns) / 1000;
    ret->cpu_system_us = since(now.system_ns, s->base.system_ns) / 1000;
    /* The split is sampled where the kernel has no exact accounting, the sum never. */
    uint64_t sum = since(now.cpu_ns, s->base.cpu_ns) / 1000;
    if (ret->cpu_user_us + ret->cpu_system_us < sum)
        ret->cpu_user_us = sum - ret->cpu_system_us;
    ret->oom_kills = since(now.oom_kills, s->base.oom_kills);
    ret->processes_refused = since(now.refused, s->base.refused);
    if (!s->v1->by[CGROUP_MEMORY])
        return 0;
    const char *peak =
        s->v1->swap_accounting ? "memory.memsw.max_usage_in_bytes" : "memory.max_usage_in_bytes";
    int r = slot_read(s, CGROUP_MEMORY, peak, &ret->peak_memory_bytes);
    if (r == 0)
        r = slot_read(s, CGROUP_MEMORY, "memory.usage_in_bytes", &ret->memory_bytes);
    ret->memory_limit_reached =
        s->limit != UNLIMITED && ret->peak_memory_bytes + LIMIT_SLACK >= s->limit;
    return r;
}

static uint64_t v1_cpu_us(struct cgroup_slot *s) {
    return since(cpu_ns(s), s->base.cpu_ns) / 1000;
}

/* ---- the end of a sandbox ---- */

static int v1_empty(struct cgroup_slot *s) {
    int most = 0;
    for (size_t i = 0; i < s->v1->len; i++) {
        int n = cgroup_kill_members(s->v1->list[i].life, s->name);
        most = n < 0 ? n : MAX(most, n);
        if (n < 0)
            return n;
    }
    if (most > 0 && s->v1->by[CGROUP_UNIFIED]) {
        char path[96];
        cgroup_write(s->v1->by[CGROUP_UNIFIED]->life, file_of(s, "cgroup.kill", path), "1");
    }
    return most;
}

static int v1_clean(struct cgroup_slot *s) {
    if (!s->v1->by[CGROUP_MEMORY])
        return 0;
    uint64_t usage;
    int r = slot_read(s, CGROUP_MEMORY, "memory.usage_in_bytes", &usage);
    if (r < 0 || usage < CLEAN_BYTES)
        return r;
    char path[96];
    cgroup_write(s->v1->by[CGROUP_MEMORY]->life, file_of(s, "memory.force_empty", path), "0");
    r = slot_read(s, CGROUP_MEMORY, "memory.usage_in_bytes", &usage);
    if (r < 0)
        return r;
    return usage < CLEAN_BYTES ? 0 : -EAGAIN;
}

/* ---- the row of the table ---- */

static const struct cgroup_ops v1_ops = {
    .kind = SANDBOX_CGROUP_V1,
    .free = v1_free,
    .enforces = v1_enforces,
    .slot_new = v1_slot_new,
    .slot_free = v1_slot_free,
    .join = v1_join,
    .arm = v1_arm,
    .usage = v1_usage,
    .cpu_us = v1_cpu_us,
    .empty = v1_empty,
    .clean = v1_clean,
};

int cgroup_v1_open(const char *service, const char *life, const struct cgroup_mounts *mounts,
                   uint64_t parent_memory_bytes, struct sandbox_cgroups **ret, struct error *err) {
    assert(mounts->len <= CGROUP_CONTROLLERS);
    struct v1 *v = base_alloc(sizeof *v);
    v->super.ops = &v1_ops;
    v->service_name = base_strdup(service);
    v->life_name = base_strdup(life);
    int r = 0;
    for (size_t i = 0; r == 0 && i < mounts->len; i++)
        r = open_hierarchy(v, &mounts->list[i], err);
    if (r == 0 && v->by[CGROUP_MEMORY])
        r = limit_parent(v, parent_memory_bytes, err);
    if (r == 0 && v->by[CGROUP_DEVICES])
        r = deny_devices(v, err);
    if (r < 0) {
        v1_free(&v->super);
        return r;
    }
    *ret = &v->super;
    return 0;
}
