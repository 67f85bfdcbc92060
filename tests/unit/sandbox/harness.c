#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "sandbox/job.h"

#define ID_BASE 1900000000u
#define OUTPUT_MAX (1 * MIB)

bool harness_can_run(int *ret_exit) {
    if (geteuid() == 0)
        return true;
    const char *ci = getenv("CI");
    fprintf(stderr, "skipped: sandboxes need root\n");
    *ret_exit = ci && strcmp(ci, "true") == 0 ? 1 : 77;
    return false;
}

/* ---- the set-up ---- */

static unsigned counter;

/* A test that fails leaves its sandboxes where they were: nothing of them outlives the process. */
static void sweep_all(void) {
    char service[64];
    for (unsigned i = 0; i < counter; i++) {
        snprintf(service, sizeof service, "retort-test-%d-%u", (int)getpid(), i);
        sandbox_cgroups_sweep(service, NULL);
    }
}

void harness_open(struct harness *h, const struct harness_options *o) {
    if (counter == 0)
        atexit(sweep_all);
    static const struct sandbox_mount mounts[] = {{"/usr", "/usr"}};
    static const struct sandbox_link links[] = {
        {"usr/bin", "/bin"}, {"usr/lib", "/lib"}, {"usr/lib64", "/lib64"}, {"usr/sbin", "/sbin"}};
    struct error err = {0};
    *h = (struct harness){0};
    snprintf(h->service, sizeof h->service, "retort-test-%d-%u", (int)getpid(), counter++);
    const struct sandbox_profile_spec spec = {
        .name = "test",
        .mounts = mounts,
        .mounts_len = ARRAY_LEN(mounts),
        .links = links,
        .links_len = ARRAY_LEN(links),
        .scratch_bytes = o && o->scratch_bytes ? o->scratch_bytes : 16 * MIB,
        .proc_full = o && o->proc_full,
        .max_file_bytes = 32 * MIB,
        .max_open_files = 256,
    };
    if (o && o->stop_at)
        setenv("RETORT_STOP_AT", o->stop_at, 1);
    if (o && o->layers_off)
        setenv("RETORT_LAYERS_OFF", o->layers_off, 1);
    if (sandbox_filter_new(&h->filter, &err) < 0 ||
        sandbox_cgroups_open(h->service, "life", o && o->no_cgroups, o ? o->parent_memory_bytes : 0,
                             &h->cgroups, &err) < 0 ||
        sandbox_profile_new(&spec, h->filter, &h->profile, &err) < 0 ||
        sandbox_slot_new(h->cgroups, 1 + (unsigned)getpid() % 60000, ID_BASE, &h->slot, &err) < 0)
        fail_msg("harness: %s", err.message);
    unsetenv("RETORT_STOP_AT");
    unsetenv("RETORT_LAYERS_OFF");
}

void harness_close(struct harness *h) {
    struct error err = {0};
    sandbox_slot_free(h->slot);
    sandbox_profile_free(h->profile);
    sandbox_cgroups_free(h->cgroups);
    sandbox_filter_free(h->filter);
    /* Whatever a test left behind is a mistake of ours. */
    int left = sandbox_cgroups_sweep(h->service, &err);
    if (left != 0)
        fail_msg("%d groups were left behind %s", left, err.message);
}

unsigned harness_open_fds(void) {
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* ---- the job ---- */

static void put_u32(struct buffer *b, size_t value) {
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 24)};
    assert_return_code(buffer_append(b, bytes, sizeof bytes), 0);
}

static void put_string(struct buffer *b, const char *text) {
    put_u32(b, strlen(text));
    assert_return_code(buffer_append_text(b, text), 0);
}

int harness_job_memfd(const struct harness_job *job) {
    static const char *const env[] = {"PATH=/usr/bin:/usr/sbin", "HOME=/box"};
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    size_t argc = 0;
    while (job->argv && job->argv[argc])
        argc++;
    const char *artifact = job->artifact ? job->artifact : "";
    put_u32(&b, JOB_MAGIC);
    put_u32(&b, argc ? argc : 1);
    put_u32(&b, ARRAY_LEN(env));
    put_u32(&b, job->file_name ? 1 : 0);
    put_u32(&b, 0);
    put_u32(&b, strlen(artifact));
    assert_return_code(buffer_append_text(&b, artifact), 0);
    for (size_t i = 0; i < argc; i++)
        put_string(&b, job->argv[i]);
    if (argc == 0)
        put_string(&b, "");
    for (size_t i = 0; i < ARRAY_LEN(env); i++)
        put_string(&b, env[i]);
    if (job->file_name) {
        put_u32(&b, strlen(job->file_name));
        put_u32(&b, job->file_mode ? job->file_mode : 0644);
        size_t len = job->file_len ? job->file_len : strlen(job->file_text);
        put_u32(&b, len);
        assert_return_code(buffer_append_text(&b, job->file_name), 0);
        assert_return_code(buffer_append(&b, job->file_text, len), 0);
    }
    if (!job->unsealed) {
        int fd = fd_sealed_memfd("job", buffer_span(&b));
        assert_true(fd >= 0);
        return fd;
    }
    int fd = memfd_create("job", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(fd >= 0 && fd_write_full(fd, b.data, b.len) == 0);
    return fd;
}

/* ---- one sandbox ---- */

bool harness_wait_message(struct sandbox *s, struct sandbox_report *ret) {
    struct pollfd p = {.fd = s->control, .events = POLLIN};
    if (poll(&p, 1, 10000) != 1)
        return false;
    return recv(s->control, ret, sizeof *ret, 0) == sizeof *ret;
}

int harness_end(struct harness *h, struct sandbox *s) {
    struct pollfd p = {.fd = s->pidfd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_int_equal(sandbox_reap(s), 1);
    sandbox_close(s);
    int left = sandbox_slot_empty(h->slot), r = -EAGAIN;
    for (int i = 0; i < 400 && r == -EAGAIN; i++) {
        r = sandbox_slot_clean(h->slot);
        if (r == -EAGAIN)
            usleep(5000);
    }
    assert_int_equal(r, 0);
    return left;
}

static void send_start(struct sandbox *s, const struct harness_job *job, int null, int out,
                       int artifact) {
    struct sandbox_start start = {
        .type = SANDBOX_START,
        .fd_mask = SANDBOX_FD_JOB | SANDBOX_FD_STDIN | SANDBOX_FD_STDOUT | SANDBOX_FD_STDERR,
        .cpu_seconds = job->cpu_seconds,
        .processes = job->nproc,
        .file_bytes = job->file_bytes,
        .data_bytes = job->data_bytes,
        .artifact_bytes = job->artifact_limit ? job->artifact_limit : 8 * MIB,
    };
    int memfd = harness_job_memfd(job);
    int fds[FD_PASS_MAX] = {memfd, null, out, out};
    size_t count = 4;
    if (job->artifact_in) {
        start.fd_mask |= SANDBOX_FD_ARTIFACT_IN;
        fds[count++] = job->artifact_in;
    }
    if (job->artifact) {
        start.fd_mask |= SANDBOX_FD_ARTIFACT_OUT;
        fds[count++] = artifact;
    }
    assert_return_code(sandbox_start(s, &start, fds, count), 0);
    fd_close(memfd);
}

void harness_start(struct sandbox *s, const struct harness_job *job) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    send_start(s, job, null, null, -1);
    fd_close(null);
}

static bool drain(int fd, struct buffer *b) {
    char bytes[65536];
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n <= 0)
        return false;
    if (b->len < OUTPUT_MAX * 16)
        assert_return_code(buffer_append(b, bytes, (size_t)n), 0);
    return true;
}

/* Until the sandbox has ended and its pipes are dry. */
static void collect(struct sandbox *s, struct harness_result *ret, int out, int artifact,
                    unsigned timeout_ms) {
    uint64_t end = clock_now_ms() + timeout_ms;
    struct pollfd p[] = {{.fd = s->control, .events = POLLIN},
                         {.fd = s->pidfd, .events = POLLIN},
                         {.fd = out, .events = POLLIN},
                         {.fd = artifact, .events = POLLIN}};
    while (p[1].fd >= 0 || p[2].fd >= 0 || p[3].fd >= 0) {
        if (clock_now_ms() >= end && !ret->timed_out) {
            ret->timed_out = true;
            sandbox_kill(s);
        }
        poll(p, ARRAY_LEN(p), 20);
        struct sandbox_report m;
        if (p[0].revents) {
            ssize_t n = recv(s->control, &m, sizeof m, MSG_DONTWAIT);
            if (n == sizeof m && m.type == SANDBOX_REPORT && !ret->reported) {
                ret->reported = true;
                ret->report = m;
            } else if (n == sizeof m && m.type == SANDBOX_FAILED) {
                ret->failed = true;
                ret->report = m;
            } else if (n <= 0) {
                p[0].fd = -1;
            }
        }
        if (p[1].revents && p[0].fd < 0)
            p[1].fd = -1;
        if (p[2].revents && !drain(out, &ret->out))
            p[2].fd = -1;
        if (p[3].fd >= 0 && p[3].revents && !drain(artifact, &ret->artifact))
            p[3].fd = -1;
    }
}

static void take_head(struct harness_result *ret) {
    if (ret->artifact.len < 8)
        return;
    memcpy(&ret->artifact_head, ret->artifact.data, 8);
    ret->artifact_framed = true;
    buffer_consume(&ret->artifact, 8);
}

void harness_run(struct harness *h, const struct harness_job *job, struct harness_result *ret) {
    struct error err = {0};
    struct sandbox s;
    int out[2], artifact[2] = {-1, -1};
    struct sandbox_limits limits = job->limits;
    if (!limits.memory_bytes)
        limits.memory_bytes = 256 * MIB;
    if (!limits.processes)
        limits.processes = 64;
    *ret = (struct harness_result){0};
    uint64_t t = clock_now_us();
    if (sandbox_create(h->slot, h->profile, &s, &err) < 0)
        fail_msg("create: %s", err.message);
    ret->ready = harness_wait_message(&s, &ret->report) && ret->report.type == SANDBOX_READY;
    ret->create_ms = (double)(clock_now_us() - t) / 1000;
    if (!ret->ready)
        fail_msg("not ready: %s: %s", ret->report.step, strerror(ret->report.status));
    if (sandbox_slot_arm(h->slot, &limits, &err) < 0)
        fail_msg("arm: %s", err.message);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_return_code(pipe2(out, O_CLOEXEC), errno);
    if (job->artifact)
        assert_return_code(pipe2(artifact, O_CLOEXEC), errno);
    send_start(&s, job, null, out[1], artifact[1]);
    fd_close(null);
    fd_close(out[1]);
    fd_close(artifact[1]);
    collect(&s, ret, out[0], artifact[0], job->kill_after_ms ? job->kill_after_ms : 20000);
    fd_close(out[0]);
    fd_close(artifact[0]);
    assert_return_code(sandbox_slot_usage(h->slot, &ret->usage), 0);
    take_head(ret);
    ret->left = harness_end(h, &s);
}

void harness_result_done(struct harness_result *r) {
    buffer_done(&r->out);
    buffer_done(&r->artifact);
}

char *harness_shell(struct harness *h, const char *script) {
    const char *const argv[] = {"/usr/bin/sh", "-c", script, NULL};
    struct harness_result r;
    harness_run(h, &(struct harness_job){.argv = argv}, &r);
    if (!r.reported || r.report.status != 0)
        fail_msg("sh: status %x, step %s: %s", r.report.status, r.report.step,
                 r.out.data ? r.out.data : "");
    assert_int_equal(r.left, 0);
    char *text = buffer_steal(&r.out, NULL);
    harness_result_done(&r);
    return text;
}

/* ---- the attack helper ---- */

void harness_try_inside(struct harness *h, const char *const *lines, size_t len, int *ret_errnos) {
    CLEANUP_BUFFER struct buffer script = BUFFER_INIT(0), helper = BUFFER_INIT(0);
    assert_return_code(fd_read_file(AT_FDCWD, getenv("SANDBOX_TRY"), 8 * MIB, &helper), 0);
    for (size_t i = 0; i < len; i++)
        assert_return_code(buffer_printf(&script, "echo %zu `./try %s`\n", i, lines[i]), 0);
    const char *const argv[] = {"/usr/bin/sh", "-c", script.data, NULL};
    struct harness_result r;
    harness_run(h,
                &(struct harness_job){.argv = argv,
                                      .file_name = "try",
                                      .file_text = helper.data,
                                      .file_len = helper.len,
                                      .file_mode = 0755},
                &r);
    for (size_t i = 0; i < len; i++)
        ret_errnos[i] = -1;
    struct span rest = buffer_span(&r.out);
    while (rest.len > 0) {
        struct span line = span_cut(rest, '\n', &rest), value;
        struct span index = span_cut(line, ' ', &value);
        uint64_t i, code;
        if (span_to_u64(index, len - 1, &i) == 0 && value.data &&
            span_to_u64(value, 4096, &code) == 0)
            ret_errnos[i] = (int)code;
    }
    harness_result_done(&r);
}

int harness_try_outside(const char *line) {
    char command[512], text[32] = "";
    snprintf(command, sizeof command, "%s %s 2>&1", getenv("SANDBOX_TRY"), line);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    char *got = fgets(text, sizeof text, f);
    pclose(f);
    return got ? atoi(text) : -1;
}
