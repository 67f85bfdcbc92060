#include "metrics/metrics.h"
#include "base/base.h"
#include "base/list.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Four buckets to a doubling: the boundaries are 2^(k/4), so a bucket's upper end is at most 1.19
 * times any value in it. 0 has a bucket of its own. */
enum { STEPS_PER_DOUBLING = 4, BUCKETS = 1 + 64 * STEPS_PER_DOUBLING };

struct metrics_counter {
    struct list link;
    char *name;
    char *label; /* NULL: the name alone */
    _Atomic int64_t value;
};

struct metrics_histogram {
    struct list link;
    char *name;
    _Atomic uint64_t sum, max;
    _Atomic uint64_t buckets[BUCKETS];
};

struct metrics {
    struct list counters, histograms;
};

struct metrics *metrics_new(void) {
    struct metrics *m = base_alloc(sizeof(*m));
    list_init(&m->counters);
    list_init(&m->histograms);
    return m;
}

void metrics_free(struct metrics *m) {
    if (m == NULL)
        return;
    LIST_FOREACH(&m->counters, c, struct metrics_counter, link) {
        free(c->name);
        free(c->label);
        free(c);
    }
    LIST_FOREACH(&m->histograms, h, struct metrics_histogram, link) {
        free(h->name);
        free(h);
    }
    free(m);
}

static bool same_label(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

struct metrics_counter *metrics_counter(struct metrics *m, const char *name, const char *label) {
    LIST_FOREACH(&m->counters, c, struct metrics_counter, link) {
        if (strcmp(c->name, name) != 0)
            continue;
        if (same_label(c->label, label))
            return c;
        /* One name is either a number or an object of labels in the JSON, never both. */
        assert((c->label == NULL) == (label == NULL));
    }
    struct metrics_counter *c = base_alloc(sizeof(*c));
    c->name = base_strdup(name);
    c->label = base_strdup(label);
    list_push_back(&m->counters, &c->link);
    return c;
}

void metrics_add(struct metrics_counter *c, int64_t delta) {
    atomic_fetch_add_explicit(&c->value, delta, memory_order_relaxed);
}

int64_t metrics_value(const struct metrics_counter *c) {
    return atomic_load_explicit(&c->value, memory_order_relaxed);
}

struct metrics_histogram *metrics_histogram(struct metrics *m, const char *name) {
    LIST_FOREACH(&m->histograms, h, struct metrics_histogram, link) {
        if (strcmp(h->name, name) == 0)
            return h;
    }
    struct metrics_histogram *h = base_alloc(sizeof(*h));
    h->name = base_strdup(name);
    list_push_back(&m->histograms, &h->link);
    return h;
}

/* 2^(step/4) as a fraction of 2^63, rounded up: the first mantissa of that step. */
static const uint64_t step_start[STEPS_PER_DOUBLING] = {
    0x8000000000000000U,
    0x9837F0518DB8A970U,
    0xB504F333F9DE6485U,
    0xD744FCCAD69D6AF5U,
};

static unsigned bucket_of(uint64_t value) {
    if (value == 0)
        return 0;
    unsigned zeros = (unsigned)__builtin_clzll(value);
    uint64_t mantissa = value << zeros;
    unsigned step = STEPS_PER_DOUBLING - 1;
    while (mantissa < step_start[step])
        step--;
    return 1 + (63 - zeros) * STEPS_PER_DOUBLING + step;
}

/* The largest value that falls into the bucket. */
static uint64_t bucket_end(unsigned bucket) {
    if (bucket == 0)
        return 0;
    unsigned doubling = (bucket - 1) / STEPS_PER_DOUBLING;
    unsigned step = (bucket - 1) % STEPS_PER_DOUBLING;
    if (step == STEPS_PER_DOUBLING - 1)
        return doubling == 63 ? UINT64_MAX : (2UL << doubling) - 1;
    return (step_start[step + 1] - 1) >> (63 - doubling);
}

void metrics_observe(struct metrics_histogram *h, uint64_t value) {
    atomic_fetch_add_explicit(&h->sum, value, memory_order_relaxed);
    uint64_t max = atomic_load_explicit(&h->max, memory_order_relaxed);
    while (value > max && !atomic_compare_exchange_weak_explicit(
                              &h->max, &max, value, memory_order_relaxed, memory_order_relaxed)) {
    }
    atomic_fetch_add_explicit(&h->buckets[bucket_of(value)], 1, memory_order_relaxed);
}

static uint64_t count_of(const struct metrics_histogram *h) {
    uint64_t count = 0;
    for (unsigned i = 0; i < BUCKETS; i++)
        count += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
    return count;
}

uint64_t metrics_quantile(const struct metrics_histogram *h, double q) {
    assert(q > 0 && q <= 1);
    uint64_t count = count_of(h);
    uint64_t max = atomic_load_explicit(&h->max, memory_order_relaxed);
    if (count == 0)
        return 0;
    double exact = q * (double)count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact)
        rank++;
    rank = MIN(MAX(rank, (uint64_t)1), count);
    uint64_t below = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        below += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
        if (below >= rank)
            return MIN(bucket_end(i), max);
    }
    return max;
}

static json_t *histogram_json(const struct metrics_histogram *h) {
    json_t *out = json_object();
    const struct {
        const char *key;
        uint64_t value;
    } figures[] = {
        {"count", count_of(h)},
        {"sum", atomic_load_explicit(&h->sum, memory_order_relaxed)},
        {"p50", metrics_quantile(h, 0.50)},
        {"p90", metrics_quantile(h, 0.90)},
        {"p99", metrics_quantile(h, 0.99)},
        {"max", atomic_load_explicit(&h->max, memory_order_relaxed)},
    };
    for (size_t i = 0; i < ARRAY_LEN(figures); i++)
        json_object_set_new(out, figures[i].key,
                            json_integer((json_int_t)MIN(figures[i].value, (uint64_t)INT64_MAX)));
    return out;
}

json_t *metrics_json(const struct metrics *m) {
    json_t *out = json_object();
    LIST_FOREACH(&m->counters, c, struct metrics_counter, link) {
        json_t *into = out;
        if (c->label != NULL) {
            into = json_object_get(out, c->name);
            if (into == NULL) {
                into = json_object();
                json_object_set_new(out, c->name, into);
            }
        }
        json_object_set_new(into, c->label != NULL ? c->label : c->name,
                            json_integer(metrics_value(c)));
    }
    LIST_FOREACH(&m->histograms, h, struct metrics_histogram, link) {
        json_object_set_new(out, h->name, histogram_json(h));
    }
    return out;
}
