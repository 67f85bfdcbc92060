/* stage.h: one stage in a sandbox, seen from the server: a job goes in, a verdict and bytes come
 * out.
 *
 * Both the compile stage (module build) and the run stage (module run) are this. It writes the
 * sealed job, makes the pipes, feeds stdin, collects stdout and stderr up to their limits, takes
 * the artifact's bytes into a file of the server's own, asks the spawner, and turns the spawner's
 * cause into a verdict. Everything happens on the loop given; on_done comes exactly once, after the
 * sandbox is dead and the pipes are drained.
 */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include "base/verdict.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct spawner_client;
struct stage;

struct stage_file {
    struct span name; /* relative to /box; checked: no "..", no absolute path, no NUL */
    struct span content;
    uint32_t mode; /* 0644 or 0755 */
};

enum stage_on_output_limit {
    STAGE_OUTPUT_KILL,     /* the head is kept, verdict output_limit */
    STAGE_OUTPUT_TRUNCATE, /* drained to the end, head and tail kept, verdict unaffected */
};

struct stage_spec {
    unsigned profile;
    const char *const
        *args; /* args[0]: absolute path in the sandbox; NULL first with artifact_fd */
    size_t args_len;
    const char *const *env; /* NAME=value */
    size_t env_len;
    const struct stage_file *files;
    size_t files_len;
    struct span stdin_bytes;   /* must live until on_done */
    int artifact_fd;           /* -1, or the executable to run, read-only; stays the caller's */
    const char *artifact_name; /* NULL, or the file of /box that leaves at the end */
    int artifact_dir; /* folder for the O_TMPFILE that takes it; -1 without artifact_name */
    uint64_t wall_ms, cpu_ms, memory_bytes, processes, output_bytes, file_bytes, artifact_bytes;
    enum stage_on_output_limit on_output_limit;
    /* Output as it comes (stream 1 or 2), besides being kept; may be NULL. */
    void (*on_output)(void *user, int stream, struct span bytes);
};

struct stage_result {
    enum verdict verdict; /* never COMPILE_ERROR: a stage only knows how its program ended */
    enum verdict_limit limit;
    bool refused;     /* no sandbox could be made: nothing ran (verdict INTERNAL_ERROR) */
    bool host_memory; /* the host's shortage ended it: worth one repetition (S44) */
    int exit_code;    /* -1: none */
    int signal;       /* 0: none */
    struct buffer out,
        err; /* the result's; taken with buffer_steal or freed by stage_result_done */
    uint64_t out_bytes, err_bytes; /* written by the program, kept or not */
    uint64_t truncated;            /* bytes cut out of both */
    int artifact; /* -1, or a read-only descriptor of the file that left; the result's */
    uint64_t artifact_bytes;
    bool artifact_missing; /* asked for, but the program left none (or too large: `artifact_error`)
                            */
    int artifact_error;    /* 0 or a positive errno: ENOENT, EFBIG, ELOOP… */
    uint64_t wall_us, cpu_us, cpu_user_us, cpu_system_us, peak_memory_bytes, max_rss_bytes;
    uint64_t scratch_bytes, processes_refused, context_switches;
    bool was_ready;
    char reason[120]; /* INTERNAL_ERROR: words for the log, not for strangers */
};
void stage_result_done(struct stage_result *r);

/* Copies everything of `spec` but stdin_bytes. Errors before anything has begun: -EINVAL (a name or
 * a string is refused; words say which), -E2BIG (limits of a job), -EMFILE…; on_done does not come.
 */
int stage_start(struct spawner_client *client, struct loop *loop, const struct stage_spec *spec,
                void (*on_done)(struct stage *stage, struct stage_result *result, void *user),
                void *user, struct stage **ret_stage, struct error *err);
/* The sandbox is killed; on_done still comes, with verdict CANCELLED unless it had ended already.
 */
void stage_cancel(struct stage *stage);

/* The sealed job alone (S19): for the tests and the fuzz target. Returns the descriptor. */
int stage_job_new(const struct stage_spec *spec, struct error *err);
