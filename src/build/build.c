/* The compile stage, and the check. */
#include "build/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "language/limits.h"

struct builder {
    struct spawner_client *client;
    int work_dir_fd;
};

struct build {
    const struct language *language;
    bool check;
    struct stage *stage;
    void (*on_done)(struct build *build, struct build_result *result, void *user);
    void *user;
};

unsigned build_profile_id(const struct language *language, enum build_profile which) {
    return (unsigned)language->index * 3 + (unsigned)which;
}

struct builder *builder_new(struct spawner_client *client, int work_dir_fd) {
    struct builder *b = base_alloc(sizeof *b);
    *b = (struct builder){client, work_dir_fd};
    return b;
}

void builder_free(struct builder *b) {
    free(b);
}

void build_result_done(struct build_result *r) {
    stage_result_done(&r->stage);
    build_diagnostics_free(STEAL_PTR(r->diagnostics), r->diagnostics_len);
    r->diagnostics_len = 0;
}

/* Which of the tenant's failures it is, when the compiler itself has ended as programs end. */
static void judge(struct stage_result *r, const struct language *language) {
    if (r->verdict == VERDICT_RUNTIME_ERROR) {
        r->verdict = VERDICT_COMPILE_ERROR;
    } else if (r->verdict == VERDICT_OK && r->artifact_missing) {
        if (r->artifact_error == EFBIG) {
            r->verdict = VERDICT_OUTPUT_LIMIT;
            r->limit = LIMIT_OUTPUT;
        } else {
            r->verdict = VERDICT_COMPILE_ERROR;
            int e =
                buffer_printf(&r->err, "the compiler ended well, but left no usable \"%s\": %s\n",
                              language->artifact_name, strerror(r->artifact_error));
            (void)e; /* at the output's limit: the verdict is enough */
        }
    }
}

static void on_stage_done(struct stage *stage, struct stage_result *result, void *user) {
    (void)stage;
    struct build *b = user;
    struct build_result r = {.stage = *result};
    result->out = result->err = BUFFER_INIT(0); /* taken over */
    result->artifact = -1;
    judge(&r.stage, b->language);
    r.diagnostics_len = build_diagnostics_parse(b->language->diagnostics, buffer_span(&r.stage.out),
                                                buffer_span(&r.stage.err), &r.diagnostics);
    /* Python's check tells the place there, for the line above alone: nobody else wrote it. */
    if (b->check && b->language->diagnostics == DIAGNOSTICS_PYTHON)
        buffer_truncate(&r.stage.out, 0);
    b->on_done(b, &r, b->user);
    build_result_done(&r);
    free(b);
}

static uint64_t either(uint64_t wanted, uint64_t languages, uint64_t standard) {
    return wanted ? wanted : languages ? languages : standard;
}

/* `argv` is to be freed by the caller. */
static int stage_spec_of(const struct builder *builder, const struct build_spec *spec,
                         struct stage_spec *ret, char ***ret_argv, struct error *err) {
    const struct language *l = spec->language;
    const struct language_stage *stage = spec->check ? &l->check : &l->compile;
    const struct language_limits *want = &spec->limits, *own = &stage->limits;
    uint64_t memory = either(want->memory_bytes, own->memory_bytes, LIMIT_COMPILE_MEMORY_BYTES);
    size_t argc;
    int r = build_expand_command(l, stage, spec->files, spec->files_len, NULL, 0, memory, ret_argv,
                                 &argc, err);
    if (r < 0)
        return r;
    bool leaves = !spec->check && l->artifact != ARTIFACT_NONE;
    *ret = (struct stage_spec){
        .profile = build_profile_id(l, spec->check ? BUILD_PROFILE_CHECK : BUILD_PROFILE_COMPILE),
        .args = (const char *const *)*ret_argv,
        .args_len = argc,
        .env = (const char *const *)stage->env,
        .env_len = stage->env_len,
        .files = spec->files,
        .files_len = spec->files_len,
        .artifact_fd = -1,
        .artifact_name = leaves ? l->artifact_name : NULL,
        .artifact_dir = leaves ? builder->work_dir_fd : -1,
        .wall_ms = either(want->wall_ms, own->wall_ms, LIMIT_COMPILE_WALL_MS),
        .cpu_ms = either(want->cpu_ms, own->cpu_ms, LIMIT_COMPILE_CPU_MS),
        .memory_bytes = memory,
        .processes = either(want->processes, own->processes, LIMIT_COMPILE_PROCESSES),
        .output_bytes = either(want->output_bytes, own->output_bytes, LIMIT_COMPILE_OUTPUT_BYTES),
        /* Above the scratch, so that a full disk is told as one (ENOSPC), not by a signal. */
        .file_bytes =
            either(want->scratch_bytes, own->scratch_bytes, LIMIT_COMPILE_SCRATCH_BYTES) + MIB,
        .artifact_bytes = either(want->artifact_bytes, own->artifact_bytes, LIMIT_ARTIFACT_BYTES),
        /* The end of a compiler's words says as much as the beginning. */
        .on_output_limit = STAGE_OUTPUT_TRUNCATE,
    };
    return 0;
}

int build_start(struct builder *builder, struct loop *loop, const struct build_spec *spec,
                void (*on_done)(struct build *build, struct build_result *result, void *user),
                void *user, struct build **ret, struct error *err) {
    struct stage_spec stage;
    CLEANUP_FREE char **argv = NULL;
    int r = stage_spec_of(builder, spec, &stage, &argv, err);
    if (r < 0)
        return r;
    struct build *b = base_alloc(sizeof *b);
    *b = (struct build){
        .language = spec->language, .check = spec->check, .on_done = on_done, .user = user};
    r = stage_start(builder->client, loop, &stage, on_stage_done, b, &b->stage, err);
    if (r < 0) {
        free(b);
        return r;
    }
    *ret = b;
    return 0;
}

void build_cancel(struct build *build) {
    stage_cancel(build->stage);
}
