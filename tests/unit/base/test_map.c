/* map.h: text to pointer, in order of insertion, under a hash that nobody outside can predict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"

static int numbers[5000];

static void values_come_back(void **state) {
    (void)state;
    struct map *m = map_new();
    char key[32];
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        assert_null(map_set(m, span_of(key), &numbers[i]));
    }
    memset(key, 'x', sizeof(key)); /* keys are copied */
    assert_int_equal(map_count(m), 5000);
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        assert_ptr_equal(map_get(m, span_of(key)), &numbers[i]);
        if (i % 2 == 0)
            assert_ptr_equal(map_remove(m, span_of(key)), &numbers[i]);
    }
    assert_int_equal(map_count(m), 2500);
    assert_null(map_get(m, SPAN("key-4")));
    assert_null(map_remove(m, SPAN("key-4")));
    assert_ptr_equal(map_get(m, SPAN("key-5")), &numbers[5]);
    map_free(m);
    map_free(NULL);
}

static void keys_are_bytes(void **state) {
    (void)state;
    struct map *m = map_new();
    assert_null(map_get(m, (struct span){0}));
    assert_null(map_set(m, SPAN("a"), &numbers[0]));
    assert_null(map_set(m, SPAN("a\0b"), &numbers[1]));
    assert_null(map_set(m, SPAN("a\0c"), &numbers[2]));
    assert_null(map_set(m, (struct span){0}, &numbers[3]));
    assert_ptr_equal(map_get(m, SPAN("a")), &numbers[0]);
    assert_ptr_equal(map_get(m, SPAN("a\0b")), &numbers[1]);
    assert_ptr_equal(map_get(m, SPAN("a\0c")), &numbers[2]);
    assert_ptr_equal(map_get(m, SPAN("")), &numbers[3]);
    map_free(m);
}

static void note(struct span key, void *value, void *user) {
    (void)value;
    strncat(user, key.data, key.len);
}

static void order_is_that_of_insertion(void **state) {
    (void)state;
    struct map *m = map_new();
    assert_null(map_set(m, SPAN("c"), &numbers[0]));
    assert_null(map_set(m, SPAN("a"), &numbers[1]));
    assert_null(map_set(m, SPAN("b"), &numbers[2]));
    /* Setting again replaces the value and keeps the place. */
    assert_ptr_equal(map_set(m, SPAN("a"), &numbers[3]), &numbers[1]);
    char seen[8] = "";
    map_each(m, note, seen);
    assert_string_equal(seen, "cab");
    assert_int_equal(map_count(m), 3);
    assert_ptr_equal(map_get(m, SPAN("a")), &numbers[3]);
    map_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(keys_are_bytes),
        cmocka_unit_test(order_is_that_of_insertion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
