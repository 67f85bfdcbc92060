#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/loop.h"
#include "stand_in.h"

static struct stand_in *script;
static size_t script_len, script_at;

/* One object for both: only one stage is under way in these tests. */
struct build {
    struct loop_task task;
    struct loop *loop;
    struct stand_in *entry;
    void (*on_built)(struct build *build, struct build_result *result, void *user);
    void (*on_staged)(struct stage *stage, struct stage_result *result, void *user);
    void *user;
};

void stand_in_script(struct stand_in *entries, size_t count, struct loop *loop) {
    (void)loop;
    script = entries;
    script_len = count;
    script_at = 0;
}

size_t stand_in_begun(void) {
    return script_at;
}

static void put_text(struct buffer *b, const char *text) {
    if (text)
        assert_int_equal(buffer_append_text(b, text), 0);
}

static void end(struct build *b) {
    struct stand_in *e = b->entry;
    struct build_result result = {.stage = e->result};
    put_text(&result.stage.out, e->out);
    put_text(&result.stage.err, e->err);
    result.stage.out_bytes = result.stage.out.len;
    result.stage.err_bytes = result.stage.err.len;
    result.stage.artifact = -1;
    if (e->cancelled)
        result.stage.verdict = VERDICT_CANCELLED;
    if (e->artifact) {
        result.stage.artifact = memfd_create("artifact", MFD_CLOEXEC);
        assert_int_equal(write(result.stage.artifact, e->artifact, strlen(e->artifact)),
                         strlen(e->artifact));
    }
    if (b->on_built)
        b->on_built(b, &result, b->user);
    else
        b->on_staged((struct stage *)(void *)b, &result.stage, b->user);
    free(b);
}

static void on_task(struct loop_task *task) {
    struct build *b = CONTAINER_OF(task, struct build, task);
    if (b->entry->meanwhile)
        b->entry->meanwhile();
    if (!b->entry->hangs)
        end(b);
}

static void on_cancel_task(struct loop_task *task) {
    end(CONTAINER_OF(task, struct build, task));
}

static struct build *next(enum stand_in_kind kind, struct loop *loop, void *user) {
    assert_true(script_at < script_len);
    struct stand_in *e = &script[script_at++];
    assert_int_equal(e->kind, kind);
    struct build *b = base_alloc(sizeof *b);
    b->loop = loop;
    b->entry = e;
    b->user = user;
    e->began = true;
    return b;
}

static void join(char *out, size_t size, const char *word) {
    size_t len = strlen(out);
    (void)snprintf(out + len, size - len, "%s%s", len ? " " : "", word ? word : "(fd)");
}

static int begin(struct build *b, struct error *err) {
    int refuses = b->entry->refuses;
    if (refuses) {
        free(b);
        return error_set(err, -refuses, "refused by the test");
    }
    loop_post(b->loop, &b->task, on_task);
    return 0;
}

int build_start(struct builder *builder, struct loop *loop, const struct build_spec *spec,
                void (*on_done)(struct build *build, struct build_result *result, void *user),
                void *user, struct build **ret, struct error *err) {
    (void)builder;
    struct build *b = next(spec->check ? STAND_IN_CHECK : STAND_IN_COMPILE, loop, user);
    b->on_built = on_done;
    b->entry->wall_ms = spec->limits.wall_ms;
    b->entry->memory_bytes = spec->limits.memory_bytes;
    int r = begin(b, err);
    if (r == 0)
        *ret = b;
    return r;
}

void build_cancel(struct build *b) {
    b->entry->cancelled = true;
    if (b->entry->hangs)
        loop_post(b->loop, &b->task, on_cancel_task);
}

int stage_start(struct spawner_client *client, struct loop *loop, const struct stage_spec *spec,
                void (*on_done)(struct stage *stage, struct stage_result *result, void *user),
                void *user, struct stage **ret, struct error *err) {
    (void)client;
    struct build *b = next(STAND_IN_RUN, loop, user);
    struct stand_in *e = b->entry;
    b->on_staged = on_done;
    e->wall_ms = spec->wall_ms;
    e->memory_bytes = spec->memory_bytes;
    e->has_artifact_fd = spec->artifact_fd >= 0;
    for (size_t i = 0; i < spec->args_len; i++)
        join(e->args, sizeof e->args, spec->args[i]);
    for (size_t i = 0; i < spec->env_len; i++)
        join(e->env, sizeof e->env, spec->env[i]);
    for (size_t i = 0; i < spec->files_len; i++) {
        char word[80];
        (void)snprintf(word, sizeof word, "%.*s=%.*s", SPAN_ARG(spec->files[i].name),
                       SPAN_ARG(spec->files[i].content));
        join(e->files, sizeof e->files, word);
    }
    (void)snprintf(e->input, sizeof e->input, "%.*s", SPAN_ARG(spec->stdin_bytes));
    int r = begin(b, err);
    if (r == 0)
        *ret = (struct stage *)(void *)b;
    return r;
}

void stage_cancel(struct stage *stage) {
    build_cancel((struct build *)(void *)stage);
}

void stage_result_done(struct stage_result *r) {
    buffer_done(&r->out);
    buffer_done(&r->err);
    if (r->artifact > 0)
        close(r->artifact);
    r->artifact = -1;
}

void build_result_done(struct build_result *r) {
    stage_result_done(&r->stage);
}

unsigned build_profile_id(const struct language *language, enum build_profile which) {
    return (unsigned)language->index * 3 + which;
}

int build_expand_command(const struct language *language, const struct language_stage *stage,
                         const struct stage_file *files, size_t files_len, const char *const *args,
                         size_t args_len, uint64_t memory_bytes, char ***ret_argv, size_t *ret_len,
                         struct error *err) {
    (void)language;
    (void)memory_bytes;
    if (files_len && files[0].name.data[0] == '-')
        return error_set(err, EINVAL, "file name begins with -");
    size_t len = stage->command_len + args_len;
    char **argv = base_alloc_array(len + 1, sizeof *argv);
    for (size_t i = 0; i < len; i++)
        argv[i] = i < stage->command_len ? stage->command[i]
                                         : (char *)(uintptr_t)args[i - stage->command_len];
    *ret_argv = argv;
    *ret_len = len;
    return 0;
}

size_t language_count(const struct language_table *t) {
    (void)t;
    return 0;
}

const struct language *language_at(const struct language_table *t, size_t index) {
    (void)t;
    (void)index;
    return NULL;
}
