/* arena.h: one lifetime, one limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void memory_is_zeroed_aligned_and_apart(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 1 * MIB);
    unsigned char *pieces[300];
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        size_t size = i * 7;
        pieces[i] = arena_alloc(&a, size);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i & 0xFF), size);
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        for (size_t k = 0; k < i * 7; k++)
            assert_int_equal(pieces[i][k], i & 0xFF);
    arena_done(&a);
    arena_done(&a);
}

static void the_limit_gives_null(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 1024);
    assert_null(arena_alloc(&a, 1025));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 3));
    assert_null(arena_strndup(&a, "x", SIZE_MAX));
    assert_non_null(arena_alloc(&a, 512));
    assert_non_null(arena_alloc(&a, 512));
    assert_null(arena_alloc(&a, 1));
    assert_null(arena_printf(&a, "x"));
    assert_null(arena_span(&a, SPAN("x")).data);
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 1024));
    arena_done(&a);
}

static void reset_zeroes_what_is_used_again(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 1 * MIB);
    char *first = arena_alloc(&a, 100);
    memset(first, 'x', 100);
    assert_non_null(arena_alloc(&a, 100 * KIB));
    assert_non_null(arena_alloc(&a, 100));
    arena_reset(&a);
    char *again = arena_alloc(&a, 100);
    assert_ptr_equal(again, first);
    for (int i = 0; i < 100; i++)
        assert_int_equal(again[i], 0);
    arena_done(&a);
}

static void a_large_piece_does_not_outlive_the_reset(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 1 * MIB);
    assert_non_null(arena_alloc(&a, 512 * KIB));
    arena_reset(&a);
    assert_null(a._blocks);
    arena_done(&a);
}

static void texts_are_copied(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 64 * KIB);
    assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
    struct span s = arena_span(&a, SPAN("a\0b"));
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.data, "a\0b", 4);
    assert_non_null(arena_span(&a, (struct span){0}).data);
    assert_string_equal(arena_printf(&a, "%d:%s", 5, "five"), "5:five");
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(the_limit_gives_null),
        cmocka_unit_test(reset_zeroes_what_is_used_again),
        cmocka_unit_test(a_large_piece_does_not_outlive_the_reset),
        cmocka_unit_test(texts_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
