/* grammar.h against RFC 9110, section 5.6.2 and 5.5, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/grammar.h"

static void token_characters_are_those_of_the_rfc(void **state) {
    (void)state;
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (unsigned c = 0; c < 256; c++)
        assert_int_equal(grammar_is_token_char((unsigned char)c),
                         memchr(allowed, (int)c, sizeof(allowed) - 1) != NULL);
}

static void a_token_has_at_least_one(void **state) {
    (void)state;
    assert_true(grammar_is_token(SPAN("X-Trace_1")));
    assert_false(grammar_is_token((struct span){0}));
    assert_false(grammar_is_token(SPAN("a b")));
    assert_false(grammar_is_token(SPAN("a:")));
    assert_false(grammar_is_token(SPAN("a\0")));
}

static void field_values_have_no_control_bytes(void **state) {
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        char value[3] = {'a', (char)c, 'b'};
        bool good = c == '\t' || (c >= 0x20 && c != 0x7F);
        assert_int_equal(grammar_is_field_value((struct span){value, 3}), good);
    }
    assert_true(grammar_is_field_value((struct span){0}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_characters_are_those_of_the_rfc),
        cmocka_unit_test(a_token_has_at_least_one),
        cmocka_unit_test(field_values_have_no_control_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
