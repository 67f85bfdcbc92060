/* What stands between braces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "language/internal.h"

static const struct language_tool TOOLS[] = {{"py", "/usr/bin/python3.11"},
                                             {"go", "/usr/local/go/bin/go"},
                                             {"odd", "/opt/odd/tool"},
                                             {"gone", NULL}};

static void replaces(void **state) {
    (void)state;
    const struct placeholders p = {TOOLS, ARRAY_LEN(TOOLS), "/data/tc", "/l/py", "3.11.2"};
    static const char *const rows[][2] = {
        {"plain", "plain"},
        {"", ""},
        {"{py}", "/usr/bin/python3.11"},
        {"{py.prefix}/lib", "/usr/lib"},
        {"{go.prefix}", "/usr/local/go"},
        {"{odd.prefix}", "/opt/odd"}, /* no bin/: its own folder */
        {"{gone}x", "x"},
        {"{toolchains}/{version}:{folder}", "/data/tc/3.11.2:/l/py"},
        {"{source}{args}-{files:.c}", "{source}{args}-{files:.c}"}, /* for the build to replace */
        {"-Xmx{memory_mib}m{py}", "-Xmx{memory_mib}m/usr/bin/python3.11"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = placeholders_replace(&p, rows[i][0]);
        assert_string_equal(text, rows[i][1]);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(replaces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
