/* id.h: version 7, variant 2, the time of making, unique and rising over threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/id.h"

enum { THREADS = 4, EACH = 5000 };

static void form_is_uuid_version_7(void **state) {
    (void)state;
    char id[ID_SIZE];
    id_new(id);
    assert_int_equal(strlen(id), 36);
    for (int i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23)
            assert_int_equal(id[i], '-');
        else
            assert_non_null(strchr("0123456789abcdef", id[i]));
    }
    assert_int_equal(id[14], '7');
    assert_non_null(strchr("89ab", id[19]));
}

static void first_bits_are_the_time(void **state) {
    (void)state;
    char id[ID_SIZE], digits[13];
    id_new(id);
    memcpy(digits, id, 8);
    memcpy(digits + 8, id + 9, 4);
    digits[12] = '\0';
    long long ms = strtoll(digits, NULL, 16);
    assert_true(llabs(ms / 1000 - (long long)time(NULL)) <= 2);
}

static void *make_many(void *out) {
    char(*ids)[ID_SIZE] = out;
    for (int i = 0; i < EACH; i++)
        id_new(ids[i]);
    return NULL;
}

static int compare(const void *a, const void *b) {
    return strcmp(a, b);
}

static void ids_rise_and_differ_over_threads(void **state) {
    (void)state;
    char(*ids)[ID_SIZE] = base_alloc_array(THREADS * EACH, ID_SIZE);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_many, ids + i * EACH), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int t = 0; t < THREADS; t++)
        for (int i = 1; i < EACH; i++)
            assert_true(strcmp(ids[t * EACH + i - 1], ids[t * EACH + i]) < 0);
    qsort(ids, THREADS * EACH, ID_SIZE, compare);
    for (int i = 1; i < THREADS * EACH; i++) {
        assert_string_not_equal(ids[i - 1], ids[i]);
        /* The time and the tick alone are never given twice: 18 characters. */
        assert_true(strncmp(ids[i - 1], ids[i], 18) < 0);
    }
    free(ids);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(form_is_uuid_version_7),
        cmocka_unit_test(first_bits_are_the_time),
        cmocka_unit_test(ids_rise_and_differ_over_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
