/* init.h: the parts of retort-init, pid 1 of every sandbox.
 *
 * A small static program of libc only, exec'd from a sealed memfd by enter.c with its control
 * socket at descriptor 3 and its setup (setup.h) at 4. One thread, one job, one way:
 *
 *   seal.c      reads the setup, takes away every right that is left        → READY
 *   main.c      waits for START; EOF of the control socket ends everything
 *   job_read.c  reads the sealed job, which is hostile
 *   files.c     writes the job's files under /box; sends the artifact's bytes
 *   program.c   forks and execs the program
 *   main.c      reaps whoever dies, until the program does                  → REPORT, end
 *
 * From the seal on it runs under the tenant's own filter with the tenant's own rights, and is
 * trusted as little. All functions return 0 or a negative errno. Unit tests link these parts.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/setup.h"
#include "sandbox/steps.h"

#define INIT_BOX "/box"

/* ---- seal.c ---- */
/* Maps the setup and checks its form. Valid until the exec; the descriptor is closed. */
int setup_read(int fd, const struct init_setup **ret);
/* One step of the seal; main.c holds the list. */
int seal_ceilings(const struct init_setup *s);
int seal_no_new_privs(const struct init_setup *s);
int seal_capabilities(const struct init_setup *s);
int seal_landlock(const struct init_setup *s); /* landlock.c */
int seal_filter(const struct init_setup *s);
int seal_dumpable(const struct init_setup *s);
/* The hard limit never rises; without the right to raise it that is not an error. */
int limit_set(int resource, uint64_t soft, uint64_t hard);

/* ---- job_read.c ---- */
struct job_file {
    char *name; /* relative, checked */
    uint32_t mode;
    const uint8_t *content; /* in the job's own bytes */
    size_t content_len;
};
struct job {
    char **argv, **envp; /* NULL-terminated */
    size_t argc, envc;
    struct job_file *files;
    size_t filec;
    char *artifact; /* "": nothing leaves */
};
/* `data` must live as long as the job. -EINVAL: not a job; -E2BIG: beyond a limit; -ENOMEM. */
int job_read(const uint8_t *data, size_t len, struct job *ret);
void job_done(struct job *j);
/* Checks the seals, maps and reads; the mapping stays. -EPERM: not sealed. */
int job_open(int fd, struct job *ret);
/* A name that stays below its folder: relative, no empty, "." or ".." segment, none over 255. */
bool job_name_ok(const char *name, size_t len);

/* ---- files.c ---- */
int files_create(int box_fd, const struct job *job);
/* Opens a regular file below box_fd. */
int file_open_beneath(int box_fd, const char *name);
/* The frame of job.h. Returns how many bytes left, or what the frame says; -EPIPE and its kin when
 * the reader is gone. */
int64_t artifact_send(int box_fd, const char *name, uint64_t limit, int pipe_fd);
uint64_t scratch_used(void); /* of /box and /tmp */

/* ---- program.c ---- */
struct program {
    const struct job *job;
    int stdio[3];    /* -1: /dev/null */
    int artifact_in; /* -1, or the executable */
    uint32_t cpu_seconds, processes;
    uint64_t file_bytes, data_bytes;
};
/* Forks and execs. *ret_pid is the program's; when the exec fails the child has been reaped and its
 * errno is returned. */
int program_start(const struct program *p, pid_t *ret_pid);
