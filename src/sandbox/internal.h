/* internal.h: what the files of this module share. See sandbox.h for how the parts work together.
 *
 *   filter.c     the system call filter          root.c      the template of a profile's root
 *   profile.c    a profile and its setup memfd   slot.c      host id, group, network namespace
 *   create.c     clone3, maps, gate, messages    enter.c     the child's list of steps
 *   cgroup.c     which hierarchy there is        cgroup_v1.c, cgroup_none.c   the table's rows
 *   sweep.c      previous lives                  probe.c     what this host gives
 */
#pragma once
#include "sandbox/sandbox.h"
#include "sandbox/setup.h"
#include "sandbox/steps.h"

/* ---- filter ---- */
struct sandbox_filter {
    struct sock_filter *program;
    size_t len;
};
/* One denied system call, or one value of one argument of it. */
struct filter_row {
    const char *name;
    int number;    /* -1: by name; else for calls that libseccomp has no name for yet */
    int error;     /* what the program sees */
    int argument;  /* -1: whatever the arguments */
    uint64_t mask; /* argument & mask == value */
    uint64_t value;
    const char *reason;
};
/* Of the table; the front (architecture, x32, newer calls, socket, socketpair, personality) is a
 * program of its own. */
const struct filter_row *sandbox_filter_rows(size_t *ret_len);
#define FILTER_NEWEST_CALL 469 /* file_setattr, Linux 6.17: what is newer answers ENOSYS (S26) */

/* ---- cgroups: the table of functions ---- */
struct cgroup_slot; /* each row's own */
struct cgroup_ops {
    enum sandbox_cgroup_kind kind;
    void (*free)(struct sandbox_cgroups *c);
    bool (*enforces)(const struct sandbox_cgroups *c, const char *limit);
    int (*slot_new)(struct sandbox_cgroups *c, unsigned number, struct cgroup_slot **ret,
                    struct error *err);
    void (*slot_free)(struct cgroup_slot *s);
    /* Descriptors of every cgroup.procs that a sandbox of this slot writes "0" to (S43). */
    size_t (*join)(struct cgroup_slot *s, const int **ret_fds);
    int (*arm)(struct cgroup_slot *s, const struct sandbox_limits *limits, struct error *err);
    int (*usage)(struct cgroup_slot *s, struct sandbox_usage *ret);
    uint64_t (*cpu_us)(struct cgroup_slot *s);
    int (*empty)(struct cgroup_slot *s);
    int (*clean)(struct cgroup_slot *s);
};
struct sandbox_cgroups { /* first member of each row's own struct */
    const struct cgroup_ops *ops;
};

/* Where the host has mounted its hierarchies, from mountinfo. */
enum cgroup_controller {
    CGROUP_MEMORY,
    CGROUP_PIDS,
    CGROUP_CPU,
    CGROUP_CPUACCT,
    CGROUP_DEVICES,
    CGROUP_UNIFIED, /* not a controller: the version 2 tree, for cgroup.kill */
    CGROUP_CONTROLLERS,
};
#define CGROUP_ALL_BITS ((1u << CGROUP_CONTROLLERS) - 1)
struct cgroup_mount {
    char *path;
    unsigned controllers; /* 1 << enum cgroup_controller; several may be mounted together */
};
struct cgroup_mounts {
    struct cgroup_mount list[CGROUP_CONTROLLERS];
    size_t len;
};
int cgroup_mounts_read(struct cgroup_mounts *ret, struct error *err);
int cgroup_mounts_parse(const char *mountinfo, struct cgroup_mounts *ret);
void cgroup_mounts_done(struct cgroup_mounts *m);
bool cgroup_mounts_have(const struct cgroup_mounts *m, enum cgroup_controller c);
/* A name of one segment that can stand in a cgroup's path. */
bool cgroup_name_ok(const char *name);
/* A name in the hierarchy, relative to a folder; written with one write(2). Negative errno. */
int cgroup_write(int dir_fd, const char *path, const char *text);
int cgroup_write_u64(int dir_fd, const char *path, uint64_t value);
int cgroup_read_u64(int dir_fd, const char *path, uint64_t *ret);
/* The number behind `key` in a file of "key number" lines. */
int cgroup_read_key(int dir_fd, const char *path, const char *key, uint64_t *ret);
/* SIGKILL to every member of the group `path`; returns how many there were. */
int cgroup_kill_members(int dir_fd, const char *path);

int cgroup_v1_open(const char *service, const char *life, const struct cgroup_mounts *mounts,
                   uint64_t parent_memory_bytes, struct sandbox_cgroups **ret, struct error *err);
struct sandbox_cgroups *cgroup_none_open(void);

/* ---- the root ---- */
/* Where the device nodes come from and what they must be. */
struct root_spec {
    const struct sandbox_mount *mounts;
    size_t mounts_len;
    const struct sandbox_link *links;
    size_t links_len;
};
/* A mount namespace with the finished, read-only root at /new and a proc to be seen by the kernel
 * at /proc; nothing of the host's tree is in it. Returns its descriptor. */
int root_template_new(const struct root_spec *spec, struct error *err);

/* ---- profiles ---- */
struct sandbox_profile {
    char *name;
    int template; /* mount namespace */
    int setup;    /* sealed memfd: struct init_setup */
    int init;     /* sealed memfd: retort-init */
    int stop_at;  /* enum sandbox_step, or -1 */
    bool proc_full;
    char scratch_options[64]; /* of the tmpfs at /box */
    char tmp_options[64];     /* at /tmp and /dev/shm */
};

/* ---- slots ---- */
struct sandbox_slot {
    const struct cgroup_ops *ops;
    struct cgroup_slot *group;
    unsigned number;
    uint32_t host_id;
    int network; /* namespace, kept, loopback down (S12) */
};

/* -EPERM with the reason when this process is not root on its host (grade root). */
int sandbox_require_root(struct error *err);

/* ---- the child ---- */
#define ENTER_GATE_BYTE 'G'
struct enter_plan {
    const struct sandbox_profile *profile;
    int control, null; /* null: open /dev/null of the host, becomes 0-2 */
    const int *join;
    size_t join_len;
};
/* Never returns: execs retort-init or reports the failing step. Called in the fresh child. */
_Noreturn void sandbox_enter(const struct enter_plan *plan);
