/* harness.h: makes sandboxes for tests and runs one program in each: what the spawner does, without
 * its loop. Everything lies under a service name of this process alone and is gone at the end. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "sandbox/sandbox.h"

struct harness {
    struct sandbox_cgroups *cgroups;
    struct sandbox_filter *filter;
    struct sandbox_profile *profile;
    struct sandbox_slot *slot;
    char service[64];
};
struct harness_options {
    bool no_cgroups, proc_full;
    uint64_t parent_memory_bytes, scratch_bytes;
    const char *stop_at;
    const char *layers_off;
};
/* cmocka group fixtures; *state is the harness. */
void harness_open(struct harness *h, const struct harness_options *o);
void harness_close(struct harness *h);

struct harness_job {
    const char *const *argv;           /* NULL-terminated */
    const char *file_name, *file_text; /* one file of the job, or NULL */
    size_t file_len;                   /* 0: strlen(file_text) */
    uint32_t file_mode;                /* 0: 0644 */
    int artifact_in;                   /* 0: none (descriptor 0 never is one) */
    const char *artifact;              /* leaves into harness_result.artifact */
    uint64_t artifact_limit;
    struct sandbox_limits limits; /* 0: 256 MiB, 64 */
    uint32_t cpu_seconds, nproc;
    uint64_t file_bytes, data_bytes;
    unsigned kill_after_ms; /* 0: 20 s */
    bool unsealed;
};
struct harness_result {
    bool ready, reported, failed, timed_out;
    struct sandbox_report report;
    struct sandbox_usage usage;
    int left; /* processes after the reap */
    int64_t artifact_head;
    bool artifact_framed;
    struct buffer out, artifact; /* stdout and stderr together */
    double create_ms;
};
/* Asserts only what every run must do: made, reaped, emptied, cleaned. */
void harness_run(struct harness *h, const struct harness_job *job, struct harness_result *ret);
void harness_result_done(struct harness_result *r);
/* stdout of `sh -c script`; the result's status must be an exit with 0. Freed by the caller. */
char *harness_shell(struct harness *h, const char *script);

/* START with everything on /dev/null. */
void harness_start(struct sandbox *s, const struct harness_job *job);
/* READY or FAILED, within ten seconds. */
bool harness_wait_message(struct sandbox *s, struct sandbox_report *ret);
/* Reaps (after a kill), empties, cleans; returns what sandbox_slot_empty said. */
int harness_end(struct harness *h, struct sandbox *s);
/* One try_syscall for each line "NUMBER ARG…", all in one sandbox: their errnos in order, -1 where
 * nothing was printed. */
void harness_try_inside(struct harness *h, const char *const *lines, size_t len, int *ret_errnos);
/* The same on the host, as root, each in a process of its own. */
int harness_try_outside(const char *line);
/* The sealed job of sandbox/job.h. */
int harness_job_memfd(const struct harness_job *job);
unsigned harness_open_fds(void);

/* main() of each test: skips with a reason when not root, fails instead with CI=true. */
bool harness_can_run(int *ret_exit);
