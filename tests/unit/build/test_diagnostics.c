/* Diagnostics: what gcc 12, gold and bfd, mcs 6.8, Go 1.19 and 1.26 and Python 3.11 really print,
 * then what a source can make them print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "build/build.h"

struct expected {
    const char *file;
    unsigned line, column;
    enum build_severity severity;
    const char *message;
};

static void check(enum language_diagnostics kind, const char *out, const char *err,
                  const struct expected *rows, size_t len) {
    struct build_diagnostic *d = NULL;
    size_t n = build_diagnostics_parse(kind, span_of(out), span_of(err), &d);
    for (size_t i = 0; i < n && i < len; i++) {
        assert_string_equal(d[i].file, rows[i].file);
        assert_string_equal(d[i].message, rows[i].message);
        assert_int_equal(d[i].line, rows[i].line);
        assert_int_equal(d[i].column, rows[i].column);
        assert_int_equal(d[i].severity, rows[i].severity);
    }
    assert_int_equal(n, len);
    build_diagnostics_free(d, n);
}
#define CHECK(kind, out, err, ...)                                                                 \
    do {                                                                                           \
        const struct expected rows_[] = {__VA_ARGS__};                                             \
        check(kind, out, err, rows_, ARRAY_LEN(rows_));                                            \
    } while (0)
#define CHECK_NONE(kind, out, err) check(kind, out, err, NULL, 0)

static void gcc_errors_warnings_notes(void **state) {
    (void)state;
    CHECK(DIAGNOSTICS_GCC, "",
          "main.c: In function 'f':\n"
          "main.c:2:37: error: expected ';' before '}' token\n"
          "    2 | static int f(void) { int x; return 1 }\n"
          "      |                                     ^~\n"
          "      |                                     ;\n"
          "main.c:2:26: warning: unused variable 'x' [-Wunused-variable]\n"
          "    2 | static int f(void) { int x; return 1 }\n"
          "      |                          ^\n"
          "/box/lib/a.c:4:31: note: each undeclared identifier is reported only once\n"
          "In file included from main.c:1:\n"
          "main.c:9: warning: no column: here\n",
          {"main.c", 2, 37, SEVERITY_ERROR, "expected ';' before '}' token"},
          {"main.c", 2, 26, SEVERITY_WARNING, "unused variable 'x' [-Wunused-variable]"},
          {"lib/a.c", 4, 31, SEVERITY_NOTE, "each undeclared identifier is reported only once"},
          {"main.c", 9, 0, SEVERITY_WARNING, "no column: here"});
    CHECK(DIAGNOSTICS_GCC, "",
          "b.c:1:10: fatal error: nothere.h: No such file or directory\n"
          "    1 | #include \"nothere.h\"\n"
          "      |          ^~~~~~~~~~~\n"
          "compilation terminated.\n",
          {"b.c", 1, 10, SEVERITY_ERROR, "nothere.h: No such file or directory"});
}

static void linkers(void **state) {
    (void)state;
    CHECK(DIAGNOSTICS_GCC, "",
          "/usr/bin/ld: error: /tmp/ccQiewjo.o: multiple definition of 'twice'\n"
          "/usr/bin/ld: /tmp/ccVGzaRq.o: previous definition here\n"
          "/tmp/ccVGzaRq.o:c.c:function main: error: undefined reference to 'foo'\n"
          "collect2: error: ld returned 1 exit status\n",
          {"", 0, 0, SEVERITY_ERROR, "multiple definition of 'twice'"},
          {"c.c", 0, 0, SEVERITY_ERROR, "undefined reference to 'foo'"});
    CHECK(DIAGNOSTICS_GCC, "",
          "/usr/bin/ld: /tmp/ccIf2HfC.o:(.data+0x0): multiple definition of `twice'; "
          "/tmp/cc9bFxi5.o:(.data+0x0): first defined here\n"
          "/usr/bin/ld: /tmp/cc9bFxi5.o: in function `main':\n"
          "c.c:(.text.startup+0x1): undefined reference to `foo'\n"
          "/usr/bin/ld: d.c:(.text+0x9): undefined reference to `bar'\n",
          {"", 0, 0, SEVERITY_ERROR,
           "multiple definition of `twice'; /tmp/cc9bFxi5.o:(.data+0x0): first defined here"},
          {"c.c", 0, 0, SEVERITY_ERROR, "undefined reference to `foo'"},
          {"d.c", 0, 0, SEVERITY_ERROR, "undefined reference to `bar'"});
    /* No main: the part of the C library that misses it is no file of the user's. */
    CHECK(DIAGNOSTICS_GCC, "",
          "/usr/lib/gcc/x86_64-linux-gnu/12/../../../x86_64-linux-gnu/Scrt1.o:function _start: "
          "error: undefined reference to 'main'\n",
          {"", 0, 0, SEVERITY_ERROR, "undefined reference to 'main'"});
    CHECK(DIAGNOSTICS_GCC, "", "(.text+0x17): undefined reference to `main'\n",
          {"", 0, 0, SEVERITY_ERROR, "undefined reference to `main'"});
}

static void mcs(void **state) {
    (void)state;
    CHECK(DIAGNOSTICS_MCS, "Compilation failed: 1 error(s), 0 warnings\n",
          "main.cs(2,7): error CS0542: `X.X': member names cannot be the same\n"
          "main.cs(1,14): (Location of the symbol related to previous error)\n"
          "/box/a.cs(10,103): warning CS0219: The variable `y' is assigned\r\n",
          {"main.cs", 2, 7, SEVERITY_ERROR, "CS0542: `X.X': member names cannot be the same"},
          {"a.cs", 10, 103, SEVERITY_WARNING, "CS0219: The variable `y' is assigned"});
    CHECK(DIAGNOSTICS_MCS, "",
          "error CS5001: Program `prog.exe' does not contain a static `Main' method\n",
          {"", 0, 0, SEVERITY_ERROR,
           "CS5001: Program `prog.exe' does not contain a static `Main' method"});
    CHECK(DIAGNOSTICS_MCS, "main.cs(1,2): error CS1002: ; expected\n", "",
          {"main.cs", 1, 2, SEVERITY_ERROR, "CS1002: ; expected"});
}

static void go(void **state) {
    (void)state;
    CHECK(DIAGNOSTICS_GO, "",
          "# command-line-arguments\n"
          "./main.go:3:8: \"os\" imported and not used\n"
          "./main.go:7:4: not enough arguments in call to f\n"
          "\thave (number)\n"
          "\twant (int, string)\n"
          "./main.go:8:2: declared and not used: x\n",
          {"main.go", 3, 8, SEVERITY_ERROR, "\"os\" imported and not used"},
          {"main.go", 7, 4, SEVERITY_ERROR,
           "not enough arguments in call to f\n\thave (number)\n\twant (int, string)"},
          {"main.go", 8, 2, SEVERITY_ERROR, "declared and not used: x"});
    CHECK(DIAGNOSTICS_GO, "",
          "main.go:3:69: package foo is not in std (/usr/local/go/src/foo)\n"
          "package command-line-arguments\n"
          "\tmain.go:3:76: use of internal package internal/abi not allowed\n",
          {"main.go", 3, 69, SEVERITY_ERROR, "package foo is not in std (/usr/local/go/src/foo)"},
          {"main.go", 3, 76, SEVERITY_ERROR, "use of internal package internal/abi not allowed"});
    CHECK(DIAGNOSTICS_GO, "",
          "# command-line-arguments\n"
          "runtime.main_main\xc2\xb7"
          "f: function main is undeclared in the main package\n",
          {"", 0, 0, SEVERITY_ERROR,
           "runtime.main_main\xc2\xb7"
           "f: function main is undeclared in the main package"});
}

static void python(void **state) {
    (void)state;
    const char *words = "  File \"/box/main.py\", line 3\n"
                        "    y=2\n"
                        "TabError: inconsistent use of tabs and spaces in indentation\n";
    /* Exact from check.py; the same without it, but for the column. */
    CHECK(DIAGNOSTICS_PYTHON,
          "main.py:3:9: TabError: inconsistent use of tabs and spaces in indentation\n", words,
          {"main.py", 3, 9, SEVERITY_ERROR,
           "TabError: inconsistent use of tabs and spaces in indentation"});
    CHECK(DIAGNOSTICS_PYTHON, "", words,
          {"main.py", 3, 0, SEVERITY_ERROR,
           "TabError: inconsistent use of tabs and spaces in indentation"});
    CHECK(DIAGNOSTICS_PYTHON, "main.py:0:0: SyntaxError: unknown encoding: foo\n", "",
          {"main.py", 0, 0, SEVERITY_ERROR, "SyntaxError: unknown encoding: foo"});
    CHECK(DIAGNOSTICS_PYTHON, "", "SyntaxError: encoding problem: foo\n",
          {"", 0, 0, SEVERITY_ERROR, "SyntaxError: encoding problem: foo"});
    CHECK_NONE(DIAGNOSTICS_PYTHON, "",
               "Traceback (most recent call last):\n  File \"/box/main.py\", line 1, in <module>\n"
               "    x\nNameError: name 'x' is not defined\n");
}

static void leaves_out_what_is_none(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "\n\n\n",
        ":",
        "::::",
        "main.c:",
        "main.c:1",
        "main.c:1:",
        "main.c:1:2",
        "main.c:x:2: error: no",
        "main.c:1:2:error: no space",
        "main.c:99999999999999999999:1: error: beyond any line",
        "main.c:1:99999999999: error: beyond any column",
        ":1:2: error: no name",
        " main.c:1:2: error: part of a source line",
        "main.cs(1,5: error CS1002: x",
        "main.cs(,): error CS1: x",
        "(1,1): error",
        "  File \"",
        "  File \"main.py\", line",
        "undefined reference to",
    };
    for (int kind = DIAGNOSTICS_NONE; kind <= DIAGNOSTICS_PYTHON; kind++)
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
            CHECK_NONE((enum language_diagnostics)kind, texts[i], texts[i]);
    CHECK_NONE(DIAGNOSTICS_NONE, "", "main.c:1:2: error: nobody asked\n");
}

/* A source can name its files and fill its messages (#line, #error): bounds hold, bytes stay bytes.
 */
static void bounds_hostile_output(void **state) {
    (void)state;
    size_t len = 1000000;
    char *text = malloc(len);
    size_t used = 0;
    for (int i = 1; used + 64 < len; i++)
        used += (size_t)snprintf(text + used, len - used, "main.c:%d:1: error: %d\n", i, i);
    struct build_diagnostic *d = NULL;
    size_t n = build_diagnostics_parse(DIAGNOSTICS_GCC, (struct span){text, 0},
                                       (struct span){text, used}, &d);
    assert_int_equal(n, BUILD_DIAGNOSTICS_MAX);
    build_diagnostics_free(d, n);

    memset(text, 'a', len);
    memcpy(text, "main.c:1:1: error: ", 19);
    n = build_diagnostics_parse(DIAGNOSTICS_GCC, (struct span){0}, (struct span){text, len}, &d);
    assert_int_equal(n, 1);
    assert_true(strlen(d[0].message) <= 2000);
    build_diagnostics_free(d, n);

    /* The continuation of a Go message, without end; a file name as long as the output. */
    used = (size_t)snprintf(text, len, "main.go:1:1: x\n");
    while (used + 20 < len)
        used += (size_t)snprintf(text + used, len - used, "\tmore of the same\n");
    n = build_diagnostics_parse(DIAGNOSTICS_GO, (struct span){0}, (struct span){text, used}, &d);
    assert_int_equal(n, 1);
    assert_true(strlen(d[0].message) <= 2000);
    build_diagnostics_free(d, n);
    memset(text, 'a', len);
    memcpy(text + len - 20, ".go:1:1: error: long", 20);
    n = build_diagnostics_parse(DIAGNOSTICS_GCC, (struct span){0}, (struct span){text, len}, &d);
    assert_true(n == 0 || strlen(d[0].file) <= 1024);
    build_diagnostics_free(d, n);
    free(text);

    static const char nul[] = "ma\0in.c:1:2: error: a\0b\n\xff.c:1:2: error: \xff\xfe\n";
    n = build_diagnostics_parse(DIAGNOSTICS_GCC, (struct span){0},
                                (struct span){nul, sizeof(nul) - 1}, &d);
    assert_int_equal(n, 2);
    build_diagnostics_free(d, n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gcc_errors_warnings_notes),
        cmocka_unit_test(linkers),
        cmocka_unit_test(mcs),
        cmocka_unit_test(go),
        cmocka_unit_test(python),
        cmocka_unit_test(leaves_out_what_is_none),
        cmocka_unit_test(bounds_hostile_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
