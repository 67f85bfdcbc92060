/* Strict reading: every slip in a language.ini is an error that names file, line and what was
 * meant. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "language/internal.h"
#include "language/limits.h"

#define HEAD "[language]\ntitle = T\nextensions = .t\nentry = main.t\n"
#define TOOLS "[tools]\nsay = echo\n"
#define RUN "[run]\ncommand = {say} {source}\n"

/* Both steps that look at the text alone. */
static int read_text(struct span text, struct language *ret, struct error *err) {
    struct ini ini;
    int r = ini_read(text, "x.ini", &ini, err);
    if (r < 0)
        return r;
    r = language_define(&ini, "t", ret, err);
    ini_done(&ini);
    return r;
}

static void reads_a_whole_file(void **state) {
    (void)state;
    struct language l;
    struct error err = {0};
    int r =
        read_text(SPAN("\xef\xbb\xbf; comment\n" HEAD "aliases = a\r\n  b c\n\n\td\n# more\n" TOOLS
                       "[compile]\ncommand = {say}\ncpu_ms = 0\nwall_ms = 1234\n"
                       "env = A=1 2\n  B=\n" RUN "\n"),
                  &l, &err);
    assert_int_equal(r, -EINVAL); /* [compile] without an artifact */
    assert_string_equal(err.message, "x.ini: 'artifact' and the section [compile] need each other");
    r = read_text(SPAN(HEAD "artifact = native prog\naliases = a\r\n  b c\n\n\td\n# more\n" TOOLS
                            "[compile]\ncommand = {say}\ncpu_ms = 0\nwall_ms = 1234\n"
                            "env = A=1 2\n  B=\n" RUN),
                  &l, &err);
    assert_int_equal(r, 0);
    assert_int_equal(l.aliases_len, 4);
    assert_string_equal(l.aliases[3], "d");
    assert_int_equal(l.artifact, ARTIFACT_NATIVE);
    assert_true(l.has_compile);
    assert_false(l.has_check);
    assert_int_equal(l.compile.limits.wall_ms, 1234);
    assert_int_equal(l.compile.limits.cpu_ms, LIMIT_COMPILE_CPU_MS); /* S56: 0 is the default */
    assert_int_equal(l.run.limits.memory_bytes, LIMIT_RUN_MEMORY_BYTES);
    assert_int_equal(l.compile.env_len, 2);
    assert_string_equal(l.compile.env[0], "A=1 2");
    assert_string_equal(l.compile.env[1], "B=");
    language_done(&l);
}

static const struct {
    const char *text, *message;
} MISTAKES[] = {
    {HEAD "[rnu]\ncommand = {say}\n", "line 5: unknown section 'rnu', did you mean 'run'?"},
    {HEAD "[nothing-like-it]\n", "line 5: unknown section 'nothing-like-it'"},
    {HEAD TOOLS "[run]\ncomand = {say}\n", "line 8: unknown key 'comand', did you mean 'command'?"},
    {HEAD TOOLS RUN "wall_ms = soon\n", "line 9: 'wall_ms' is a whole number, not 'soon'"},
    {HEAD TOOLS RUN "wall_ms = -1\n", "line 9: 'wall_ms' is a whole number, not '-1'"},
    {HEAD TOOLS RUN "wall_ms = 60001\n", "line 9: 'wall_ms' is at most 60000"},
    {HEAD TOOLS RUN "memory_mib = 99999999999999999999\n", "line 9: 'memory_mib' is at most 2048"},
    {HEAD TOOLS RUN "proc_full = true\n", "line 9: 'proc_full' cannot be 'true'"},
    {HEAD "title = again\n", "line 5: 'title' is there twice, first in line 2"},
    {HEAD TOOLS RUN "[run]\n", "line 9: the section [run] is there twice"},
    {HEAD "  more of it\n", "line 5: 'entry' takes one line"},
    {HEAD TOOLS RUN "  wall_ms = 5\n", "line 9: a key begins at the start of its line"},
    {HEAD "  [run]\n", "line 5: a section begins at the start of its line"},
    {HEAD "[run] x\n", "line 5: a section is one name in brackets"},
    {HEAD "aliases = a ; b\n", "line 5: a comment stands on a line of its own"},
    {HEAD "aliases =\n", "line 5: 'aliases' has no value"},
    {HEAD "aliases\n", "line 5: neither '[section]' nor 'key = value'"},
    {"title = T\n", "line 1: this stands before the first [section]"},
    {HEAD "aliases = a\001\n", "line 5: a control byte (0x01)"},
    {HEAD "aliases = \xff\n", "line 5: not UTF-8"},
    {HEAD "[tools]\nsource = x\n", "line 6: 'source' cannot be a tool's name"},
    {HEAD "[tools]\nSay = x\n", "line 6: 'Say' cannot be a tool's name"},
    {HEAD TOOLS "[run]\ncommand = {sya} x\n",
     "line 8: '{sya}' stands for nothing, did you mean '{say}'?"},
    {HEAD TOOLS "[run]\ncommand = {say} {surce}\n",
     "line 8: '{surce}' stands for nothing, did you mean '{source}'?"},
    {HEAD TOOLS RUN "mounts = /a/{source}\n", "line 9: '{source}' stands for nothing here"},
    {HEAD TOOLS "[run]\ncommand = {say} {source\n", "line 8: a brace without its other half"},
    {HEAD TOOLS "[run]\ncommand = sh x\n", "line 8: a command begins with a tool in braces"},
    {HEAD TOOLS RUN "env = NAME\n", "line 9: 'env' is NAME=value"},
    {HEAD TOOLS "[run]\nwall_ms = 1\n", "[run] has no 'command'"},
    {"[language]\ntitle = T\nentry = e\n" TOOLS RUN, "[language] has no 'extensions'"},
    {"[language]\ntitle = T\nextensions = t\nentry = e\n" TOOLS RUN,
     "line 3: an extension begins with a dot: 't'"},
    {"[language]\ntitle = T\nextensions = .t\nentry = ../e\n" TOOLS RUN,
     "line 4: 'entry' is a plain file name"},
    {"[language]\ntitle = T\nextensions = .t\nentry = -e\n" TOOLS RUN, /* S66 */
     "line 4: 'entry' is a plain file name"},
    {HEAD "sample = ../../etc/passwd\n" TOOLS RUN, "line 5: 'sample' is a plain file name"},
    {HEAD "artifact = native\n" TOOLS RUN, "line 5: 'artifact' is 'none', 'native NAME'"},
    {HEAD "artifact = natvie prog\n" TOOLS RUN,
     "line 5: 'artifact' cannot be 'natvie', did you mean 'native'?"},
    {HEAD "diagnostics = gc\n" TOOLS RUN, "line 5: 'diagnostics' cannot be 'gc'"},
};

static void names_each_mistake(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(MISTAKES); i++) {
        struct language l;
        struct error err = {0};
        int r = read_text(span_of(MISTAKES[i].text), &l, &err);
        if (r == 0 || !strstr(err.message, MISTAKES[i].message))
            fail_msg("%s\n → %d %s", MISTAKES[i].text, r, err.message);
        assert_int_equal(strncmp(err.message, "x.ini: ", 7), 0);
    }
}

/* inih alone cuts a long line in two and takes the second half for a line of its own. */
static void refuses_long_lines(void **state) {
    (void)state;
    char text[400] = "[language]\naliases = ";
    memset(text + strlen(text), 'a', 220);
    struct ini ini;
    struct error err = {0};
    assert_int_equal(ini_read(span_of(text), "x.ini", &ini, &err), -EINVAL);
    assert_non_null(strstr(err.message, "line 2: longer than"));
}

static void refuses_large_files(void **state) {
    (void)state;
    size_t len = LANGUAGE_INI_BYTES_MAX + 1;
    char *text = malloc(len);
    memset(text, '\n', len);
    struct ini ini;
    struct error err = {0};
    assert_int_equal(ini_read((struct span){text, len}, "x.ini", &ini, &err), -EFBIG);
    assert_int_equal(ini_read((struct span){text, len - 1}, "x.ini", &ini, &err), 0);
    ini_done(&ini);
    free(text);
}

static void refuses_folder_names(void **state) {
    (void)state;
    static const char *const names[] = {"", "C", "a b", "../c", "c#", "a/b"};
    struct ini ini;
    assert_int_equal(ini_read(SPAN(HEAD TOOLS RUN), "x.ini", &ini, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct language l;
        assert_int_equal(language_define(&ini, names[i], &l, NULL), -EINVAL);
    }
    ini_done(&ini);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_whole_file),   cmocka_unit_test(names_each_mistake),
        cmocka_unit_test(refuses_long_lines),   cmocka_unit_test(refuses_large_files),
        cmocka_unit_test(refuses_folder_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
