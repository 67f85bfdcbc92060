/* options.c: the words after `retort run` and `retort languages`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/internal.h"

static struct cli_options o;
static struct error err;

static int set_up(void **state) {
    (void)state;
    unsetenv("RETORT_SERVER");
    err = (struct error){0};
    o = (struct cli_options){0};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    cli_options_done(&o);
    unsetenv("RETORT_SERVER");
    return 0;
}

/* At most ten words, after the verb. */
static int parse(bool is_run, const char *const *words) {
    static char *argv[12];
    int argc = 0;
    argv[argc++] = (char *)(uintptr_t)(is_run ? "run" : "languages");
    while (*words)
        argv[argc++] = (char *)(uintptr_t)*words++;
    argv[argc] = NULL;
    cli_options_done(&o);
    return cli_options_read(argc, argv, is_run, &o, &err);
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void everything(void **state) {
    (void)state;
    assert_int_equal(parse(true, WORDS("a.c", "--lang", "c", "b.h", "--stdin=in", "--json",
                                       "--server", "http://x", "--", "--json")),
                     0);
    assert_int_equal(o.files_len, 2);
    assert_string_equal(o.files[1], "b.h");
    assert_string_equal(o.lang, "c");
    assert_string_equal(o.stdin_file, "in");
    assert_string_equal(o.server, "http://x");
    assert_true(o.json);
    assert_int_equal(o.args_len, 1);
    assert_string_equal(o.args[0], "--json");
}

static void the_server(void **state) {
    (void)state;
    assert_int_equal(parse(false, WORDS("--json")), 0);
    assert_string_equal(o.server, "http://127.0.0.1:8000");
    setenv("RETORT_SERVER", "http://there", 1);
    assert_int_equal(parse(false, WORDS("--json")), 0);
    assert_string_equal(o.server, "http://there");
    assert_int_equal(parse(false, WORDS("--server", "http://flag")), 0);
    assert_string_equal(o.server, "http://flag");
}

static void assert_refused(bool is_run, const char *const *words, const char *text) {
    assert_true(parse(is_run, words) < 0);
    if (!strstr(err.message, text))
        fail_msg("no \"%s\" in: %s", text, err.message);
}

static void mistakes_are_named(void **state) {
    (void)state;
    assert_refused(true, WORDS("a.c", "--land", "c"), "--land; did you mean --lang?");
    assert_refused(true, WORDS("a.c", "--stdni=x"), "--stdni; did you mean --stdin?");
    assert_refused(true, WORDS("a.c", "--zzzzzz"), "unknown option --zzzzzz (--help");
    assert_refused(true, WORDS("a.c", "-x"), "unknown option -x");
    assert_refused(true, WORDS("a.c", "--lang"), "--lang needs a value");
    assert_refused(true, WORDS("a.c", "--lang="), "--lang needs a value");
    assert_refused(true, WORDS("a.c", "--json=yes"), "--json takes no value");
    assert_refused(true, WORDS("--json"), "no source file");
    assert_refused(true, WORDS("--", "x"), "no source file");
    assert_refused(false, WORDS("x"), "takes no argument, but got x");
    assert_refused(false, WORDS("--lang", "c"), "unknown option --lang");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {CASE(everything), CASE(the_server),
                                       CASE(mistakes_are_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
