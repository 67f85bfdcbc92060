/* From the words of a manifest to the arguments of one job (S61, S66). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "build/build.h"

static const struct language LANGUAGE = {.name = "t", .entry = "main.t", .artifact_name = "prog"};

static int expand(const char *const *command, const char *const *names, const char *const *args,
                  char ***ret_argv, size_t *ret_len, struct error *err) {
    struct language_stage stage = {.command = (char **)command};
    struct stage_file files[8];
    size_t files_len = 0, args_len = 0;
    while (command[stage.command_len])
        stage.command_len++;
    for (; names[files_len]; files_len++)
        files[files_len] = (struct stage_file){.name = span_of(names[files_len])};
    while (args[args_len])
        args_len++;
    return build_expand_command(&LANGUAGE, &stage, files, files_len, args, args_len, 300 * MIB + 5,
                                ret_argv, ret_len, err);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void check(const char *const *command, const char *const *names, const char *const *args,
                  const char *const *want) {
    char **argv = NULL;
    size_t len = 99, i = 0;
    assert_int_equal(expand(command, names, args, &argv, &len, NULL), 0);
    for (; want[i]; i++) {
        assert_true(i < len);
        assert_string_equal(argv[i], want[i]);
    }
    assert_int_equal(len, i);
    assert_null(argv[len]);
    free(argv); /* one block */
}

static void replaces_words(void **state) {
    (void)state;
    check(LIST("/bin/cc", "-o", "{artifact}", "{files:.c}", "-lm"),
          LIST("main.c", "a.h", "lib/b.c"), LIST(),
          LIST("/bin/cc", "-o", "prog", "main.c", "lib/b.c", "-lm"));
    check(LIST("/bin/run", "{source}", "{args}"), LIST("main.t", "other"), LIST("", "a b", "-x"),
          LIST("/bin/run", "main.t", "", "a b", "-x")); /* no shell: a word stays a word */
    check(LIST("/bin/run", "{args}"), LIST("main.t"), LIST(), LIST("/bin/run"));
    check(LIST("/bin/run", "-Xmx{memory_mib}m", "-out:{artifact}", "{source}.x"), LIST("m"), LIST(),
          LIST("/bin/run", "-Xmx300m", "-out:prog", "m.x"));
    check(LIST("{artifact}", "{args}"), LIST("m"), LIST("1"), LIST("prog", "1"));
}

/* What a tenant sends is never read again for placeholders. */
static void does_not_expand_twice(void **state) {
    (void)state;
    check(LIST("/bin/run", "{source}", "{args}"), LIST("{args}"), LIST("{artifact}", "{files:.c}"),
          LIST("/bin/run", "{args}", "{artifact}", "{files:.c}"));
    check(LIST("/bin/run", "x{source}y"), LIST("{artifact}"), LIST(),
          LIST("/bin/run", "x{artifact}y"));
}

static void refuses_options(void **state) {
    (void)state;
    char **argv = NULL;
    size_t len = 99;
    struct error err = {0};
    assert_int_equal(expand(LIST("/bin/cc", "{files:.c}"), LIST("main.c", "-fplugin=x.c"), LIST(),
                            &argv, &len, &err),
                     -EINVAL);
    assert_non_null(strstr(err.message, "-fplugin=x.c"));
    assert_int_equal(expand(LIST("/bin/run", "{source}"), LIST("-c"), LIST(), &argv, &len, &err),
                     -EINVAL);
    assert_int_equal(expand(LIST("/bin/run", "{source}.x"), LIST("-c"), LIST(), &argv, &len, &err),
                     -EINVAL);
    /* gcc and others read more options from a file named so. */
    assert_int_equal(expand(LIST("/bin/cc", "{files:.c}"), LIST("@x.c"), LIST(), &argv, &len, &err),
                     -EINVAL);
    assert_null(argv);
    assert_int_equal(len, 99);
}

static void wants_a_file_to_compile(void **state) {
    (void)state;
    char **argv = NULL;
    size_t len;
    struct error err = {0};
    assert_int_equal(
        expand(LIST("/bin/cc", "{files:.c}"), LIST("main.h"), LIST(), &argv, &len, &err), -EINVAL);
    assert_string_equal(err.message, "no file's name ends in \".c\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces_words),
        cmocka_unit_test(does_not_expand_twice),
        cmocka_unit_test(refuses_options),
        cmocka_unit_test(wants_a_file_to_compile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
