/* The table over a folder of fixtures, its states and look-ups, and its way through JSON. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "language/internal.h"
#include "language/limits.h"

#define READER 1900000001u

static struct language_table *read_table(const char *dir, const char *only) {
    struct language_table *t = NULL;
    struct error err = {0};
    if (language_table_read(dir, only, "/data/tc", READER, &t, &err) < 0)
        fail_msg("%s", err.message);
    return t;
}

static void check_alpha(const struct language *l) {
    assert_string_equal(l->name, "alpha");
    if (l->state != LANGUAGE_READY)
        fail_msg("alpha: %s", l->reason);
    assert_string_equal(l->version, "alpha 4.5.6-rc1");
    assert_string_equal(l->sample, "say \"Hello, ⌘\"\n");
    assert_string_equal(l->entry, "main.alpha");
    assert_string_equal(l->artifact_name, "prog.out");
    assert_int_equal(l->artifact, ARTIFACT_FILE);
    assert_int_equal(l->diagnostics, DIAGNOSTICS_GCC);
    assert_int_equal(l->aliases_len, 3);
    assert_int_equal(l->extensions_len, 2);
    assert_true(l->has_compile && l->has_check);

    const struct language_stage *s = &l->compile;
    assert_int_equal(s->command_len, 7);
    assert_non_null(strstr(s->command[0], "/bin/echo"));
    assert_string_equal(s->command[1], "-v4.5.6-rc1");
    assert_string_equal(s->command[5], "{files:.alpha}");
    assert_string_equal(s->command[6], "--memory={memory_mib}");
    assert_string_equal(s->env[0], "ALPHA_HOME=/data/tc/alpha");
    assert_string_equal(s->env[1], "FLAGS=-a -b");
    assert_int_equal(s->mounts_len, 3); /* the optional ones are not there */
    assert_string_equal(s->mounts[0].source, s->command[0]);
    assert_string_equal(s->mounts[1].source, FIXTURES "/table/alpha/samples");
    assert_string_equal(s->mounts[1].target, "/samples");
    assert_string_equal(s->mounts[2].target, FIXTURES "/table/alpha/samples/run"); /* a pattern */
    assert_int_equal(s->links_len, 2);
    assert_string_equal(s->links[0].path, "/lib");
    assert_string_equal(s->links[0].target, "usr/lib");
    assert_true(s->proc_full);
    assert_int_equal(s->limits.wall_ms, 7000);
    assert_int_equal(s->limits.memory_bytes, 512 * MIB);
    assert_int_equal(s->limits.artifact_bytes, 8 * MIB);
    assert_int_equal(s->limits.processes, LIMIT_COMPILE_PROCESSES);
    assert_false(l->run.proc_full);
    assert_int_equal(l->run.limits.cpu_ms, LIMIT_RUN_CPU_MS);
}

static void check_others(const struct language_table *t) {
    const struct language *beta = language_find(t, SPAN("beta"));
    assert_int_equal(beta->state, LANGUAGE_MISSING);
    assert_string_equal(beta->reason, "no-such-tool-of-any-host: not found (apt-get install "
                                      "beta-compiler beta-runtime)");
    assert_string_equal(beta->version, "");
    const struct language *gamma = language_find(t, SPAN("gamma"));
    assert_int_equal(gamma->state, LANGUAGE_UNUSABLE);
    assert_string_equal(gamma->reason, "cache of gamma 9.1 not made (prepare /data/tc/gamma)");
    const struct language *delta = language_find(t, SPAN("delta"));
    assert_int_equal(delta->state, LANGUAGE_MISSING);
    assert_string_equal(delta->reason, "/no/such/library: not found (apt-get install delta-libs)");
}

static void check_table(const struct language_table *t) {
    assert_int_equal(language_count(t), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(language_at(t, i)->index, i);
    assert_null(language_at(t, 4));
    check_alpha(language_at(t, 0));
    check_others(t);
    assert_ptr_equal(language_find(t, SPAN("ALPH")), language_at(t, 0));
    assert_null(language_find(t, SPAN("alp")));
    assert_null(language_find(t, SPAN("")));
    assert_ptr_equal(language_for_file(t, SPAN("dir/x.al")), language_at(t, 0));
    assert_null(language_for_file(t, SPAN("x.txt")));
    char *names = language_names(t);
    assert_string_equal(names, "alpha"); /* only what is ready */
    free(names);
}

static void reads_states(void **state) {
    (void)state;
    struct language_table *t = read_table(FIXTURES "/table", NULL);
    check_table(t);
    language_table_free(t);
}

static void goes_through_json(void **state) {
    (void)state;
    struct language_table *t = read_table(FIXTURES "/table", NULL), *back = NULL;
    json_t *json = language_table_to_json(t);
    char *text = json_write(json, false);
    json_decref(json);
    json = json_read(span_of(text), NULL);
    assert_non_null(json);
    assert_int_equal(language_table_from_json(json, &back, NULL), 0);
    check_table(back);
    json_t *again = language_table_to_json(back);
    assert_true(json_equal(json, again));
    json_decref(again);
    json_decref(json);
    free(text);
    language_table_free(t);
    language_table_free(back);
}

static void refuses_other_json(void **state) {
    (void)state;
    static const char *const texts[] = {"{}", "[{}]", "[1]", "[{\"name\":1}]",
                                        /* one text, on two lines */
                                        ("[{\"name\":\"a\",\"title\":\"b\",\"entry\":\"c\","
                                         "\"artifact_name\":\"d\",\"version\":\"e\"}]")};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct language_table *t = NULL;
        json_t *json = json_read(span_of(texts[i]), NULL);
        assert_int_equal(language_table_from_json(json, &t, NULL), -EINVAL);
        assert_null(t);
        json_decref(json);
    }
}

static void narrows(void **state) {
    (void)state;
    struct language_table *t = read_table(FIXTURES "/table", "gamma, alpha");
    assert_int_equal(language_count(t), 2);
    assert_string_equal(language_at(t, 1)->name, "gamma");
    language_table_free(t);
    struct error err = {0};
    assert_int_equal(language_table_read(FIXTURES "/table", "alhpa", "/d", READER, &t, &err),
                     -EINVAL);
    assert_string_equal(err.message, "there is no language \"alhpa\", did you mean \"alpha\"?");
}

static void refuses_a_shared_name(void **state) {
    (void)state;
    struct language_table *t = NULL;
    struct error err = {0};
    assert_int_equal(language_table_read(FIXTURES "/clash", NULL, "/d", READER, &t, &err), -EINVAL);
    assert_string_equal(err.message, "languages one and two both answer to \"same\"");
    assert_int_equal(language_table_read("/no/such/folder", NULL, "/d", READER, &t, &err), -ENOENT);
}

/* The real ones: no mistake in a file, every reason has words, and no more mounts than are worth
 * their 30 microseconds in each sandbox. */
static void reads_the_languages_of_the_project(void **state) {
    (void)state;
    struct language_table *t = read_table(LANGUAGES, NULL);
    assert_true(language_count(t) >= 4);
    for (size_t i = 0; i < language_count(t); i++) {
        const struct language *l = language_at(t, i);
        assert_non_null(l->sample);
        assert_true(l->packages_len > 0);
        assert_true(l->state == LANGUAGE_READY ? *l->version != 0 : l->reason && *l->reason);
        assert_true(l->compile.mounts_len <= 10 && l->run.mounts_len <= 10);
    }
    language_table_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_states),
        cmocka_unit_test(goes_through_json),
        cmocka_unit_test(refuses_other_json),
        cmocka_unit_test(narrows),
        cmocka_unit_test(refuses_a_shared_name),
        cmocka_unit_test(reads_the_languages_of_the_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
