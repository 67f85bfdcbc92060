/* utf8_valid against a second, slow opinion: every sequence up to three bytes, and chosen longer
 * ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

/* Decodes by arithmetic and then asks whether the number and the length belong together. */
static bool slow_valid(const unsigned char *p, size_t n) {
    while (n > 0) {
        size_t len = *p < 0x80   ? 1
                     : *p < 0xC0 ? 0
                     : *p < 0xE0 ? 2
                     : *p < 0xF0 ? 3
                     : *p < 0xF8 ? 4
                                 : 0;
        if (len == 0 || len > n)
            return false;
        unsigned long c = len == 1 ? *p : *p & (0x7FU >> len);
        for (size_t i = 1; i < len; i++) {
            if (p[i] >> 6 != 2)
                return false;
            c = c << 6 | (p[i] & 0x3FU);
        }
        static const unsigned long smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        if (c < smallest[len] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
            return false;
        p += len;
        n -= len;
    }
    return true;
}

static void all_short_sequences(void **state) {
    (void)state;
    unsigned char p[3];
    for (unsigned v = 0; v < 1U << 24; v++) {
        p[0] = (unsigned char)(v >> 16);
        p[1] = (unsigned char)(v >> 8);
        p[2] = (unsigned char)v;
        if (utf8_valid((struct span){(char *)p, 3}) != slow_valid(p, 3))
            fail_msg("%02x %02x %02x", p[0], p[1], p[2]);
    }
}

static void edges_of_four_bytes(void **state) {
    (void)state;
    static const unsigned char edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0xBF, 0xC0, 0xFF};
    for (unsigned lead = 0xEF; lead <= 0xFF; lead++)
        for (unsigned i = 0; i < 8 * 8 * 8; i++) {
            unsigned char p[4] = {(unsigned char)lead, edges[i >> 6], edges[i >> 3 & 7],
                                  edges[i & 7]};
            assert_int_equal(utf8_valid((struct span){(char *)p, 4}), slow_valid(p, 4));
        }
}

static void a_bad_byte_is_found_at_each_place_of_a_long_text(void **state) {
    (void)state;
    char text[40];
    memset(text, 'a', sizeof(text));
    assert_true(utf8_valid((struct span){text, sizeof(text)}));
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)0xFE;
        assert_false(utf8_valid((struct span){text, sizeof(text)}));
        text[i] = 'a';
    }
    assert_true(utf8_valid((struct span){0}));
    assert_true(utf8_valid(SPAN("nul \0 is UTF-8, \xF0\x9F\x8D\xB7 too")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_short_sequences),
        cmocka_unit_test(edges_of_four_bytes),
        cmocka_unit_test(a_bad_byte_is_found_at_each_place_of_a_long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
