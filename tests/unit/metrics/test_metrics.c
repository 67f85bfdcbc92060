/* metrics.h: nothing is lost between threads, and quantiles are as right as they say. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "metrics/metrics.h"

enum { THREADS = 4, EACH = 20000 };

static void the_same_name_and_label_is_one_counter(void **state) {
    (void)state;
    struct metrics *m = metrics_new();
    char name[] = "runs_total", label[] = "ok";
    struct metrics_counter *a = metrics_counter(m, name, label);
    name[0] = label[0] = 'X'; /* both are copied */
    assert_ptr_equal(metrics_counter(m, "runs_total", "ok"), a);
    assert_ptr_not_equal(metrics_counter(m, "runs_total", "failed"), a);
    assert_ptr_not_equal(metrics_counter(m, "runs", NULL), a);
    assert_ptr_equal(metrics_counter(m, "runs", NULL), metrics_counter(m, "runs", NULL));
    assert_ptr_equal(metrics_histogram(m, "h"), metrics_histogram(m, "h"));
    metrics_add(a, 5);
    metrics_add(a, -7);
    assert_int_equal(metrics_value(a), -2);
    metrics_free(m);
    metrics_free(NULL);
}

struct shared {
    struct metrics_counter *counter;
    struct metrics_histogram *histogram;
};

static void *raise_many(void *arg) {
    struct shared *s = arg;
    for (unsigned i = 1; i <= EACH; i++) {
        metrics_add(s->counter, 3);
        metrics_observe(s->histogram, i);
    }
    return NULL;
}

static void threads_lose_nothing(void **state) {
    (void)state;
    struct metrics *m = metrics_new();
    struct shared s = {metrics_counter(m, "n", NULL), metrics_histogram(m, "h")};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, raise_many, &s), 0);
    /* Reading meanwhile is allowed and never torn. */
    for (int i = 0; i < 100; i++) {
        assert_true(metrics_value(s.counter) <= 3L * THREADS * EACH);
        assert_true(metrics_quantile(s.histogram, 0.5) <= EACH);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(metrics_value(s.counter), 3L * THREADS * EACH);
    json_t *out = metrics_json(m);
    json_t *h = json_object_get(out, "h");
    assert_int_equal(json_integer_value(json_object_get(h, "count")), THREADS * EACH);
    assert_int_equal(json_integer_value(json_object_get(h, "sum")),
                     (json_int_t)THREADS * EACH * (EACH + 1) / 2);
    assert_int_equal(json_integer_value(json_object_get(h, "max")), EACH);
    json_decref(out);
    metrics_free(m);
}

static void a_lone_value_is_right_within_19_percent(void **state) {
    (void)state;
    /* The second, larger value keeps the maximum from hiding the error. */
    for (unsigned shift = 0; shift < 63; shift++)
        for (uint64_t fraction = 0; fraction < 16; fraction++) {
            uint64_t value = ((16 + fraction) << shift) >> 4;
            if (shift > 58)
                value = (1UL << shift) + (fraction << (shift - 4));
            struct metrics *m = metrics_new();
            struct metrics_histogram *h = metrics_histogram(m, "h");
            metrics_observe(h, value);
            metrics_observe(h, UINT64_MAX);
            uint64_t seen = metrics_quantile(h, 0.5);
            assert_true(seen >= value);
            assert_true((double)seen <= (double)value * 1.19);
            metrics_free(m);
        }
}

static void small_values_are_exact(void **state) {
    (void)state;
    for (uint64_t value = 0; value <= 6; value++) {
        struct metrics *m = metrics_new();
        struct metrics_histogram *h = metrics_histogram(m, "h");
        metrics_observe(h, value);
        metrics_observe(h, 1000);
        assert_int_equal(metrics_quantile(h, 0.5), value);
        assert_int_equal(metrics_quantile(h, 1.0), 1000);
        metrics_free(m);
    }
}

static void quantiles_are_those_of_the_sorted_values(void **state) {
    (void)state;
    struct metrics *m = metrics_new();
    struct metrics_histogram *h = metrics_histogram(m, "h");
    assert_int_equal(metrics_quantile(h, 0.5), 0);
    for (unsigned i = 1; i <= 1000; i++)
        metrics_observe(h, i * i);
    static const double quantiles[] = {0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0};
    for (size_t i = 0; i < ARRAY_LEN(quantiles); i++) {
        double rank = quantiles[i] * 1000;
        double exact = rank * rank;
        double seen = (double)metrics_quantile(h, quantiles[i]);
        assert_true(seen >= exact * 0.999 && seen <= exact * 1.19 + 1);
    }
    assert_int_equal(metrics_quantile(h, 1.0), 1000000);
    /* The middle of three is the second. */
    struct metrics_histogram *three = metrics_histogram(m, "three");
    metrics_observe(three, 1);
    metrics_observe(three, 4);
    metrics_observe(three, 9000);
    assert_int_equal(metrics_quantile(three, 0.5), 4);
    metrics_free(m);
}

static void the_extremes_have_a_bucket(void **state) {
    (void)state;
    struct metrics *m = metrics_new();
    struct metrics_histogram *h = metrics_histogram(m, "h");
    metrics_observe(h, 0);
    assert_int_equal(metrics_quantile(h, 1.0), 0);
    metrics_observe(h, UINT64_MAX);
    assert_true(metrics_quantile(h, 1.0) == UINT64_MAX);
    json_t *out = metrics_json(m);
    json_t *max = json_object_get(json_object_get(out, "h"), "max");
    assert_true(json_integer_value(max) == INT64_MAX);
    json_decref(out);
    metrics_free(m);
}

static void json_has_the_form_of_the_header(void **state) {
    (void)state;
    struct metrics *m = metrics_new();
    metrics_add(metrics_counter(m, "runs_waiting", NULL), 2);
    metrics_add(metrics_counter(m, "runs_total", "ok"), 3);
    metrics_counter(m, "runs_total", "time_limit");
    metrics_observe(metrics_histogram(m, "run_wall_ms"), 4);
    json_t *out = metrics_json(m);
    CLEANUP_FREE char *text = json_write(out, false);
    assert_string_equal(text, "{\"runs_waiting\":2,\"runs_total\":{\"ok\":3,\"time_limit\":0},"
                              "\"run_wall_ms\":{\"count\":1,\"sum\":4,\"p50\":4,\"p90\":4,"
                              "\"p99\":4,\"max\":4}}");
    json_decref(out);
    metrics_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_name_and_label_is_one_counter),
        cmocka_unit_test(threads_lose_nothing),
        cmocka_unit_test(a_lone_value_is_right_within_19_percent),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(quantiles_are_those_of_the_sorted_values),
        cmocka_unit_test(the_extremes_have_a_bucket),
        cmocka_unit_test(json_has_the_form_of_the_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
