/* What a run keeps of its spec while it waits, and the run stage's spec made of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "build/build.h"
#include "language/limits.h"
#include "run/internal.h"
#include "run/run.h"

/* Room for the names, arguments and list entries beside the bytes themselves. */
#define ARENA_SLACK (4 * MIB)

static const char **copy_strings(struct arena *arena, const char *const *own, size_t own_len,
                                 const char *const *more, size_t more_len) {
    const char **copy = arena_alloc(arena, (own_len + more_len + 1) * sizeof *copy);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < own_len + more_len; i++) {
        const char *text = i < own_len ? own[i] : more[i - own_len];
        copy[i] = arena_strndup(arena, text, strlen(text));
        if (!copy[i])
            return NULL;
    }
    return copy;
}

/* One place more, for the artifact. */
static struct stage_file *copy_files(struct arena *arena, const struct stage_file *files,
                                     size_t len) {
    struct stage_file *copy = arena_alloc(arena, (len + 1) * sizeof *copy);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        copy[i].name = arena_span(arena, files[i].name);
        copy[i].content = arena_span(arena, files[i].content);
        copy[i].mode = files[i].mode ? files[i].mode : 0644;
        if (!copy[i].name.data || !copy[i].content.data)
            return NULL;
    }
    return copy;
}

static int copy_spec(struct run_job *job, const struct run_spec *spec, struct error *err) {
    const struct language_stage *run = &spec->language->run;
    job->files = copy_files(&job->arena, spec->files, spec->files_len);
    job->files_len = spec->files_len;
    job->args = copy_strings(&job->arena, NULL, 0, spec->args, spec->args_len);
    job->args_len = spec->args_len;
    /* The language's own come first: of two with one name, the later is the caller's. */
    job->env = copy_strings(&job->arena, (const char *const *)run->env, run->env_len, spec->env,
                            spec->env_len);
    job->env_len = run->env_len + spec->env_len;
    job->stdin_bytes = arena_span(&job->arena, spec->stdin_bytes);
    if (!job->files || !job->args || !job->env || !job->stdin_bytes.data)
        return error_set(err, ENOMEM, "no memory for the run's files");
    return 0;
}

/* The counts that the job will be held to, before a place is taken and before copies are made. */
static int check_sizes(const struct run_spec *spec, struct error *err) {
    if (spec->files_len == 0)
        return error_set(err, EINVAL, "there is no source file");
    if (spec->files_len > LIMIT_JOB_FILES)
        return error_set(err, E2BIG, "more than %d files", LIMIT_JOB_FILES);
    if (spec->args_len > LIMIT_JOB_ARGS)
        return error_set(err, E2BIG, "more than %d arguments", LIMIT_JOB_ARGS);
    if (spec->env_len > LIMIT_JOB_ENV)
        return error_set(err, E2BIG, "more than %d environment variables", LIMIT_JOB_ENV);
    size_t bytes = 0;
    for (size_t i = 0; i < spec->files_len; i++)
        bytes += spec->files[i].content.len;
    if (bytes > LIMIT_JOB_BYTES)
        return error_set(err, E2BIG, "the files are over %lu bytes together", LIMIT_JOB_BYTES);
    return 0;
}

/* A command that cannot be made of these names is refused at once, not after the compiler ran. */
static int check_command(const struct run_job *job, struct error *err) {
    struct run_stage_memory memory = {0};
    struct stage_spec spec;
    int r = run_job_stage(job, -1, &spec, &memory, err);
    run_stage_memory_done(&memory);
    return r;
}

int run_job_init(struct run_job *job, const struct run_spec *spec,
                 const struct language_limits *maximum, struct error *err) {
    const struct language *language = spec->language;
    *job = (struct run_job){.language = language};
    arena_init(&job->arena, 2 * LIMIT_JOB_BYTES + spec->stdin_bytes.len + ARENA_SLACK);
    int r = check_sizes(spec, err);
    if (r == 0)
        r = run_limits_merge(STAGE_COMPILE, &spec->compile_limits, &language->compile.limits,
                             maximum, &job->compile, err);
    if (r == 0)
        r = run_limits_merge(STAGE_COMPILE, &spec->compile_limits, &language->check.limits, maximum,
                             &job->check, err);
    if (r == 0)
        r = run_limits_merge(STAGE_RUN, &spec->run_limits, &language->run.limits, maximum,
                             &job->run, err);
    if (r == 0)
        r = copy_spec(job, spec, err);
    if (r == 0)
        r = check_command(job, err);
    /* An artifact that goes into the next job must leave room for what stands beside it there. */
    if (r == 0 && language->artifact == ARTIFACT_FILE)
        job->compile.artifact_bytes = MIN(job->compile.artifact_bytes, LIMIT_JOB_BYTES / 2);
    return r;
}

void run_job_done(struct run_job *job) {
    arena_done(&job->arena);
}

/* The compiled file, beside the sources: programs read data files that came with them. A source of
 * the artifact's own name gives way. */
static int add_artifact_file(const struct run_job *job, int artifact_fd, struct stage_spec *spec,
                             struct run_stage_memory *memory, struct error *err) {
    struct stat st;
    if (fstat(artifact_fd, &st) < 0)
        return error_errno(err, errno, "artifact");
    size_t len = (size_t)st.st_size;
    memory->artifact = base_try_alloc(MAX(len, (size_t)1));
    if (!memory->artifact)
        return error_set(err, ENOMEM, "no memory for the artifact");
    for (size_t have = 0; have < len;) {
        ssize_t n = pread(artifact_fd, (char *)memory->artifact + have, len - have, (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_errno(err, n < 0 ? errno : EIO, "artifact");
        have += (size_t)n;
    }
    struct span name = span_of(job->language->artifact_name);
    size_t place = 0;
    while (place < job->files_len && !span_eq(job->files[place].name, name))
        place++;
    job->files[place] = (struct stage_file){
        .name = name, .content = {.data = memory->artifact, .len = len}, .mode = 0644};
    spec->files_len = MAX(job->files_len, place + 1);
    return 0;
}

int run_job_stage(const struct run_job *job, int artifact_fd, struct stage_spec *ret,
                  struct run_stage_memory *memory, struct error *err) {
    const struct language *language = job->language;
    size_t argc = 0;
    int r = build_expand_command(language, &language->run, job->files, job->files_len, job->args,
                                 job->args_len, job->run.memory_bytes, &memory->argv, &argc, err);
    if (r < 0)
        return r;
    *ret = (struct stage_spec){
        .profile = build_profile_id(language, BUILD_PROFILE_RUN),
        .args_len = argc,
        .env = job->env,
        .env_len = job->env_len,
        .files = job->files,
        .files_len = job->files_len,
        .stdin_bytes = job->stdin_bytes,
        .artifact_fd = -1,
        .artifact_dir = -1,
        .wall_ms = job->run.wall_ms,
        .cpu_ms = job->run.cpu_ms,
        .memory_bytes = job->run.memory_bytes,
        .processes = job->run.processes,
        .output_bytes = job->run.output_bytes,
        /* Above the scratch, so that a full disk is told as one (ENOSPC), not by a signal. */
        .file_bytes = job->run.scratch_bytes + MIB,
    };
    if (artifact_fd >= 0 && language->artifact == ARTIFACT_NATIVE) {
        ret->artifact_fd = artifact_fd;
        memory->argv[0] = NULL; /* the descriptor is executed, not a path */
    } else if (artifact_fd >= 0 && language->artifact == ARTIFACT_FILE) {
        r = add_artifact_file(job, artifact_fd, ret, memory, err);
    }
    ret->args = (const char *const *)memory->argv;
    return r;
}

void run_stage_memory_done(struct run_stage_memory *memory) {
    free(STEAL_PTR(memory->argv));
    free(STEAL_PTR(memory->artifact));
}
