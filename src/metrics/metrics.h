/* metrics.h: counters, gauges and histograms that any thread may raise, and what shows them.
 *
 * All metrics are registered before the threads start and live as long as the process. Raising one
 * is one relaxed atomic addition: a figure may lag, it is never torn. Names are snake_case with the
 * unit at the end ("run_wall_ms"); a label is one of a small closed set (never a path or a tenant's
 * word: H23).
 */
#pragma once
#include <jansson.h>
#include <stdatomic.h>
#include <stdint.h>

struct metrics;         /* a registry */
struct metrics_counter; /* also a gauge: it may be lowered */
struct metrics_histogram;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
/* label may be NULL; name and label are copied. The same name and label give the same counter. */
struct metrics_counter *metrics_counter(struct metrics *m, const char *name, const char *label);
void metrics_add(struct metrics_counter *c, int64_t delta);
int64_t metrics_value(const struct metrics_counter *c);
/* Logarithmic buckets, 4 to a doubling: quantiles are right within 19 %. */
struct metrics_histogram *metrics_histogram(struct metrics *m, const char *name);
void metrics_observe(struct metrics_histogram *h, uint64_t value);
/* q in (0,1]; 0 when nothing was observed. */
uint64_t metrics_quantile(const struct metrics_histogram *h, double q);
/* {"name": n, "name": {"label": n}, "hist": {"count","sum","p50","p90","p99","max"}} */
json_t *metrics_json(const struct metrics *m);
