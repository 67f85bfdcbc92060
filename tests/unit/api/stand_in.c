#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loop/loop.h"
#include "spawner/spawner.h"
#include "stand_in.h"

struct language_table {
    struct language rows[5];
};

static char *py_aliases[] = {"py"}, *cs_aliases[] = {"cs", "c#"}, *go_packages[] = {"golang-go"};
static char *mono_packages[] = {"mono-mcs", "mono-runtime"}, *c_extensions[] = {".c"};
static struct language_table table = {{
    {.name = "c",
     .title = "C",
     .entry = "main.c",
     .version = "gcc 12",
     .has_compile = true,
     .extensions = c_extensions,
     .extensions_len = 1,
     .sample = "int main(void) {}",
     .index = 0},
    {.name = "csharp",
     .title = "C#",
     .aliases = cs_aliases,
     .aliases_len = 2,
     .entry = "main.cs",
     .version = "mono 6",
     .has_compile = true,
     .packages = mono_packages,
     .packages_len = 2,
     .index = 1},
    {.name = "python",
     .title = "Python",
     .aliases = py_aliases,
     .aliases_len = 1,
     .entry = "main.py",
     .version = "Python 3",
     .index = 2,
     .run = {.limits = {.wall_ms = 1234}}},
    {.name = "go",
     .title = "Go",
     .entry = "main.go",
     .version = "",
     .packages = go_packages,
     .packages_len = 1,
     .state = LANGUAGE_MISSING,
     .reason = "go: not found",
     .index = 3},
    {.name = "ruby",
     .title = "Ruby",
     .entry = "main.rb",
     .version = "",
     .state = LANGUAGE_UNUSABLE,
     .reason = "ruby: not readable",
     .index = 4},
}};

struct language_table *stand_in_languages(void) {
    return &table;
}

void stand_in_set_csharp_missing(bool missing) {
    table.rows[1].state = missing ? LANGUAGE_MISSING : LANGUAGE_READY;
    table.rows[1].reason = missing ? "mcs: not found" : NULL;
}

size_t language_count(const struct language_table *t) {
    return ARRAY_LEN(t->rows);
}

const struct language *language_at(const struct language_table *t, size_t index) {
    return &t->rows[index];
}

const struct language *language_find(const struct language_table *t, struct span name) {
    for (size_t i = 0; i < ARRAY_LEN(t->rows); i++) {
        const struct language *l = &t->rows[i];
        if (span_eq_nocase(name, span_of(l->name)))
            return l;
        for (size_t k = 0; k < l->aliases_len; k++)
            if (span_eq_nocase(name, span_of(l->aliases[k])))
                return l;
    }
    return NULL;
}

const struct language *language_for_file(const struct language_table *t, struct span name) {
    return span_ends_with(name, SPAN(".c")) ? &t->rows[0] : NULL;
}

char *language_names(const struct language_table *t) {
    (void)t;
    return base_strdup("c, csharp, python");
}

const char *build_severity_name(enum build_severity s) {
    return s == SEVERITY_ERROR ? "error" : s == SEVERITY_WARNING ? "warning" : "note";
}

void spawner_client_figures(struct spawner_client *c, struct spawner_figures *ret) {
    (void)c;
    *ret = (struct spawner_figures){.slots = 8, .ready = 2, .cpu_us = 3000};
}

/* ---- runs ---- */

struct stand_in_run stand_in_run;

struct run {
    struct loop_task task;
    struct loop *loop;
    void (*on_done)(struct run *run, const struct run_result *result, void *user);
    void *user;
};

static void on_end(struct loop_task *task) {
    struct run *run = CONTAINER_OF(task, struct run, task);
    struct run_result result = stand_in_run.result;
    if (stand_in_run.out)
        assert_int_equal(buffer_append_text(&result.run.out, stand_in_run.out), 0);
    if (stand_in_run.err)
        assert_int_equal(buffer_append_text(&result.run.err, stand_in_run.err), 0);
    if (stand_in_run.cancelled)
        result = (struct run_result){.verdict = VERDICT_CANCELLED};
    stand_in_run.ended++;
    run->on_done(run, &result, run->user);
    buffer_done(&result.run.out);
    buffer_done(&result.run.err);
    free(run);
    if (stand_in_run.cancelled && stand_in_run.on_cancelled)
        stand_in_run.on_cancelled();
}

static void keep(char *to, size_t size, struct span s) {
    (void)snprintf(to, size, "%.*s", SPAN_ARG(s));
}

int run_start(struct runner *r, struct loop *loop, const struct run_spec *spec,
              void (*on_done)(struct run *run, const struct run_result *result, void *user),
              void *user, struct run **ret_run, struct error *err) {
    (void)r;
    struct stand_in_run *s = &stand_in_run;
    if (s->code)
        return error_set(err, -s->code, "%s", s->words);
    s->started++;
    keep(s->language, sizeof s->language, span_of(spec->language->name));
    keep(s->source, sizeof s->source, spec->files[0].content);
    keep(s->name, sizeof s->name, spec->files[0].name);
    keep(s->input, sizeof s->input, spec->stdin_bytes);
    s->deadline_ms = spec->deadline_ms;
    s->run_wall_ms = spec->run_limits.wall_ms;
    struct run *run = base_alloc(sizeof *run);
    *run = (struct run){.loop = loop, .on_done = on_done, .user = user};
    if (!s->hangs)
        loop_post(loop, &run->task, on_end);
    *ret_run = run;
    return 0;
}

void run_cancel(struct run *run) {
    stand_in_run.cancelled++;
    if (stand_in_run.hangs)
        loop_post(run->loop, &run->task, on_end);
}
