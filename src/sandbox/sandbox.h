/* sandbox.h: one sandbox, from its description to its exit.
 *
 * Theory of operation. The *spawner* (one thread, privileged) describes a kind of sandbox once as a
 * `sandbox_profile`, and makes a `sandbox_slot` for each place a sandbox can take: a host id, a
 * cgroup in each controller, a network namespace. `sandbox_create` clones a child into new
 * namespaces. The child waits at a gate until its id maps are written, then walks the one list in
 * enter.c: join the cgroups, take the ids, build the root, pivot, close the user-namespace door,
 * drop the bounding set, and exec `retort-init` from a sealed memfd. That small static program
 * (src/sandbox/init/) finishes the sealing (rlimits, no_new_privs, capabilities, Landlock, filter,
 * dumpable, death signal) and writes READY on its control socket (descriptor 3). Up to here no
 * tenant byte exists. It then takes exactly one START.
 *
 *   spawner                          child, later pid 1 of the sandbox
 *   sandbox_create ── clone3 ──────→ wait at gate
 *   write uid_map, gid_map, gate ──→ enter.c … exec retort-init
 *                 ←── READY ──────── sealed, waiting
 *   sandbox_start ── START + fds ──→ check the job's seals, write /box, fork, exec the program
 *                 ←── REPORT ─────── its exit status and usage; artifact bytes have left by then
 *   pidfd readable: reaped by waitid, the cgroup is checked empty, the slot is cleaned
 *
 * What pid 1 reports is as hostile as output: nothing that protects others depends on it (S18).
 * Any step that fails ends the child, with the step's name and errno sent over the control socket
 * (S4). Nothing here allocates between clone and exec, and nothing here may be called from a
 * process with more than one thread.
 */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SANDBOX_UID 1000 /* the id inside; outside it is the slot's */

/* ---- the filter ---- */
/* Built once, before the first sandbox: libseccomp's program with ours in front (S20, S26). */
struct sandbox_filter;
int sandbox_filter_new(struct sandbox_filter **ret, struct error *err);
void sandbox_filter_free(struct sandbox_filter *f);

/* ---- cgroups: one table of functions, three rows (v1 or hybrid; v2 is to join; none) ---- */
struct sandbox_limits {
    uint64_t memory_bytes; /* with swap and tmpfs */
    uint64_t processes;
};
struct sandbox_usage {
    uint64_t cpu_user_us, cpu_system_us; /* since the last reset */
    uint64_t peak_memory_bytes;
    uint64_t memory_bytes;      /* now */
    uint64_t oom_kills;         /* since the last reset */
    uint64_t processes_refused; /* pids.events max, since the last reset */
    bool memory_limit_reached;  /* the slot's own limit (S44) */
};
struct sandbox_cgroups; /* the tree <service>/<life>/ in each hierarchy */
enum sandbox_cgroup_kind { SANDBOX_CGROUP_V1, SANDBOX_CGROUP_V2, SANDBOX_CGROUP_NONE };

/* Finds what this host has and makes the parent groups. `service` names us ("retort-1900000000"),
 * `life` this start. force_none: behave as on a host without cgroups (a test switch). The parent of
 * all sandboxes is limited to memory_bytes (S49; 0: RAM less max(512 MiB, 20 %)). */
int sandbox_cgroups_open(const char *service, const char *life, bool force_none,
                         uint64_t parent_memory_bytes, struct sandbox_cgroups **ret,
                         struct error *err);
void sandbox_cgroups_free(struct sandbox_cgroups *c); /* removes the groups of this life */
enum sandbox_cgroup_kind sandbox_cgroups_kind(const struct sandbox_cgroups *c);
/* Which limits are real here: "memory", "processes", "cpu", "devices", "kill". */
bool sandbox_cgroups_enforces(const struct sandbox_cgroups *c, const char *limit);
/* Previous lives of `service`: every member is killed, every group removed (S82). Returns how many
 * groups went, or a negative errno. */
int sandbox_cgroups_sweep(const char *service, struct error *err);

/* ---- profiles ---- */
struct sandbox_mount {
    const char *source; /* absolute, on the host, all links resolved; a file or a folder */
    const char *target; /* absolute, in the sandbox */
};
struct sandbox_link {
    const char *target; /* text of the link */
    const char *path;   /* where it stands in the sandbox */
};
struct sandbox_profile_spec {
    const char *name;                   /* "c compile" */
    const struct sandbox_mount *mounts; /* read-only, nosuid, nodev, not recursive (S31) */
    size_t mounts_len;
    const struct sandbox_link *links;
    size_t links_len;
    uint64_t scratch_bytes; /* of /box and of /tmp each, ceiling */
    bool proc_full;         /* S33: without subset=pid, with masks */
    /* Ceilings: hard rlimits that no job of this profile exceeds. */
    uint64_t max_file_bytes, max_open_files;
};
struct sandbox_profile;
/* Opens and verifies every source now (S30); keeps copies of all strings. */
int sandbox_profile_new(const struct sandbox_profile_spec *spec,
                        const struct sandbox_filter *filter, struct sandbox_profile **ret,
                        struct error *err);
void sandbox_profile_free(struct sandbox_profile *p);

/* ---- slots ---- */
struct sandbox_slot;
/* number: 1…65534; host id = id_base + number. Makes cgroup and network namespace (both kept). */
int sandbox_slot_new(struct sandbox_cgroups *c, unsigned number, uint32_t id_base,
                     struct sandbox_slot **ret, struct error *err);
void sandbox_slot_free(struct sandbox_slot *s); /* only when clean */
unsigned sandbox_slot_number(const struct sandbox_slot *s);
/* Sets the limits of the next job and resets the figures (S40). */
int sandbox_slot_arm(struct sandbox_slot *s, const struct sandbox_limits *limits,
                     struct error *err);
int sandbox_slot_usage(struct sandbox_slot *s, struct sandbox_usage *ret);
uint64_t sandbox_slot_cpu_us(struct sandbox_slot *s); /* since arm; cheap; 0 with `none` */
/* After pid 1 is reaped. 0: no process is left. >0: that many were, and got SIGKILL: a bug to log,
 * the slot is to be quarantined (S50). */
int sandbox_slot_empty(struct sandbox_slot *s);
/* Whether the slot may be used again: usage below 1 MiB (S40). -EAGAIN: not yet, ask again in some
 * milliseconds (it has begun to reclaim). */
int sandbox_slot_clean(struct sandbox_slot *s);

/* ---- one sandbox ---- */
struct sandbox {
    pid_t pid;   /* of pid 1, on the host */
    int pidfd;   /* readable when it has ended */
    int control; /* SEQPACKET; READY, REPORT or FAILED arrive here; EOF is its life line (S51) */
};
/* Returns as soon as the child is cloned and released; READY or FAILED arrives on control. */
int sandbox_create(struct sandbox_slot *slot, const struct sandbox_profile *profile,
                   struct sandbox *ret_sandbox, struct error *err);

/* Messages on control. Fixed size; checked as hostile. */
enum sandbox_message_type { SANDBOX_READY = 1, SANDBOX_FAILED, SANDBOX_START, SANDBOX_REPORT };
enum sandbox_fd {
    SANDBOX_FD_JOB = 1 << 0, /* sealed memfd, see job.h */
    SANDBOX_FD_STDIN = 1 << 1,
    SANDBOX_FD_STDOUT = 1 << 2,
    SANDBOX_FD_STDERR = 1 << 3,
    SANDBOX_FD_ARTIFACT_IN = 1 << 4, /* read-only executable, execveat'd */
    SANDBOX_FD_ARTIFACT_OUT =
        1 << 5, /* pipe: the job's `artifact` file leaves here as bytes (S70) */
};
struct sandbox_start {
    uint32_t type;           /* SANDBOX_START */
    uint32_t fd_mask;        /* which descriptors follow, in the order of enum sandbox_fd */
    uint32_t cpu_seconds;    /* RLIMIT_CPU backstop; 0: none */
    uint32_t processes;      /* RLIMIT_NPROC backstop; 0: none */
    uint64_t file_bytes;     /* RLIMIT_FSIZE */
    uint64_t data_bytes;     /* RLIMIT_DATA, only where no cgroup limits memory; 0: none */
    uint64_t artifact_bytes; /* most that may leave */
    uint64_t scratch_bytes;  /* unused by pid 1 beyond reporting */
    uint64_t reserved;
};
struct sandbox_report {
    uint32_t type;  /* SANDBOX_READY, _FAILED, _REPORT */
    int32_t status; /* REPORT: wait status; FAILED: errno */
    uint64_t max_rss_bytes;
    uint64_t context_switches;
    uint64_t scratch_bytes; /* used at the end */
    int64_t artifact_bytes; /* that left, or -errno */
    char step[24];          /* FAILED: which step of enter.c or of pid 1, NUL-terminated */
};
int sandbox_start(struct sandbox *s, const struct sandbox_start *start, const int *fds,
                  size_t fd_count);
/* SIGKILL to pid 1 by its pidfd; ends the pid namespace (S50). */
void sandbox_kill(struct sandbox *s);
/* waitid without blocking: 1 reaped, 0 still there. */
int sandbox_reap(struct sandbox *s);
void sandbox_close(struct sandbox *s); /* descriptors, after the reap */

/* ---- what this host gives (for `retort doctor` and the start block) ---- */
struct sandbox_finding {
    const char *name; /* "user namespaces", "memory limit", "seccomp", "landlock" */
    bool ok;
    bool essential;   /* isolation would be incomplete without it */
    char detail[160]; /* what is there, or the one command that would give it */
};
/* Fills up to `max`, returns how many. Tries things in children; leaves nothing behind. */
size_t sandbox_probe(struct sandbox_finding *findings, size_t max);
