/* spawner.h: the one small process that may create sandboxes, and the server's end of the wire to
 * it.
 *
 * Theory of operation. `retort serve` forks the server and then *becomes* the spawner
 * (`spawner_run`): one thread, privileged, never sees HTTP, never opens a path that a tenant made.
 * The two speak fixed 64-byte records with at most eight descriptors over one SOCK_SEQPACKET
 * (protocol.h); the spawner treats the server as hostile and range-checks every field (S3).
 *
 * The spawner owns the slots, the pool of READY sandboxes, the timers and the verdicts' causes:
 * wall and CPU time, memory and process events of a run hold while the server is stopped (S46).
 *
 *   server                              spawner                          sandbox
 *   START id, profile, limits, fds ──→  claims a READY one, or makes one
 *                                       START ─────────────────────────→ runs
 *                                       ←───────────── REPORT / pidfd ── ends
 *          ←──────────── EXIT id, cause, status, figures
 *   KILL id, why ────────────────────→  SIGKILL to pid 1
 *   BEAT each second ────────────────→  (none for `watchdog`: the server is killed and started
 * again) ←──────────── DRAIN          on SIGTERM
 *
 * The client side (`spawner_client`) is used by every loop's thread: sending is one sendmsg, which
 * the kernel keeps whole; receiving is the first loop's, which hands each record to the loop that
 * asked, so that callbacks always come on the caller's own loop.
 */
#pragma once
#include "base/error.h"
#include "base/verdict.h"
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct sandbox_profile_spec;
struct metrics;

/* ---- the process ---- */
struct spawner;
struct spawner_settings {
    const struct sandbox_profile_spec *profiles; /* profile id = index; name NULL: none has it */
    size_t profiles_len;
    const char *service; /* names cgroups: "retort-1900000000"; also what the sweep looks for */
    const char *life;    /* names this start below it */
    uint32_t id_base;    /* host ids id_base+1 … id_base+slots */
    unsigned slots;      /* sandboxes that may exist at once, 1…SPAWNER_SLOTS_MAX */
    unsigned pool;       /* READY sandboxes kept for each profile; 0: none */
    bool no_cgroups;     /* the test switch: behave as on a host without any */
    uint64_t parent_memory_bytes; /* S49; 0: from the machine */
    unsigned watchdog_s;          /* a server without a beat for so long is replaced; 0: never */
    unsigned drain_s;             /* what SIGTERM gives the server to finish */
    /* Becomes the server: called in a fresh child of the spawner with the server's end of the wire
     * (close-on-exec); must not return. */
    void (*exec_server)(int wire, void *user);
    /* The service ends: no server will be started again. May be NULL. */
    void (*on_drain)(void *user);
    void *user;
};
#define SPAWNER_SLOTS_MAX 1024
/* A server that ends with this exit code could not begin, has said why, and is not started again.
 */
#define SPAWNER_SERVER_CANNOT_BEGIN 78

/* Sweeps what a previous life left, opens cgroups, profiles and slots. Strings of the settings must
 * outlive the spawner. */
int spawner_new(const struct spawner_settings *settings, struct spawner **ret, struct error *err);
/* "memory", "processes", …: which limits are not real here, NULL-terminated; the spawner's own. */
const char *const *spawner_missing_limits(const struct spawner *s);
/* Starts the server and becomes the spawner. Returns the process's exit code: 0 after SIGTERM or
 * SIGINT, 1 when the server could not be kept alive (five ends within a minute). */
int spawner_run(struct spawner *s);
/* Every sandbox is gone, groups and slots are removed. */
void spawner_free(struct spawner *s);

/* ---- the client ---- */
struct spawner_client;

enum spawner_cause {
    SPAWNER_EXITED,      /* by itself: `status` is pid 1's word for it */
    SPAWNER_WALL,        /* killed: wall time */
    SPAWNER_CPU,         /* killed: CPU time */
    SPAWNER_MEMORY,      /* oom_kill rose and the own limit was reached (S44) */
    SPAWNER_HOST_MEMORY, /* oom_kill rose without: the host's shortage */
    SPAWNER_KILLED,      /* the server asked; what it asked for is its own to remember */
    SPAWNER_FAILED,      /* the sandbox broke before the program began, or without a report */
    SPAWNER_REFUSED,     /* no sandbox could be made, or no slot was free: nothing ran */
    SPAWNER_CAUSE_COUNT,
};

struct spawner_exit {
    enum spawner_cause cause;
    int status; /* wait status; only with SPAWNER_EXITED */
    unsigned slot;
    bool was_ready;     /* came from the pool */
    bool processes_hit; /* pids.events max rose (S55) */
    int error;          /* FAILED, REFUSED: errno */
    uint64_t wall_us, cpu_user_us, cpu_system_us;
    uint64_t peak_memory_bytes, max_rss_bytes, scratch_bytes;
    uint64_t processes_refused, context_switches;
};

struct spawner_limits {
    uint64_t wall_ms, cpu_ms, memory_bytes, processes, file_bytes, artifact_bytes;
};

/* One asked-for sandbox. Embedded in the caller's struct, the client's from spawner_start until
 * on_exit, which comes exactly once, on the loop given. */
struct spawner_job;
typedef void spawner_exit_fn(struct spawner_job *job, const struct spawner_exit *exit);
struct spawner_job {
    uint64_t _id;
    struct loop *_loop;
    spawner_exit_fn *_on_exit;
    struct spawner_job *_next;
};

/* `wire` becomes the client's; `loops[0]` receives. Starts the beat. on_drain: the spawner wants
 * the server to end; on_lost: the spawner is gone (the server must exit). Both come on loops[0]. */
int spawner_client_new(int wire, struct loop *const *loops, unsigned loops_len,
                       void (*on_drain)(void *user), void (*on_lost)(void *user), void *user,
                       struct spawner_client **ret, struct error *err);
void spawner_client_free(struct spawner_client *c);

/* fds[i] belongs to the i-th bit set in fd_mask (enum sandbox_fd); they stay the caller's and may
 * be closed after the call. On any thread that runs `loop`. A failure (-EAGAIN: the wire is full)
 * means that on_exit will not come. */
int spawner_start(struct spawner_client *c, struct loop *loop, struct spawner_job *job,
                  unsigned profile, const struct spawner_limits *limits, uint32_t fd_mask,
                  const int *fds, size_t fd_count, spawner_exit_fn *on_exit);
/* Idempotent; on_exit still comes. On the job's loop. */
void spawner_kill(struct spawner_client *c, struct spawner_job *job);

/* Figures the spawner reports each second with its own beat. */
struct spawner_figures {
    unsigned slots, ready, claimed, quarantined, filling;
    uint64_t created, create_failed, cpu_us;
};
void spawner_client_figures(struct spawner_client *c, struct spawner_figures *ret);
