/* arena.h: memory with one lifetime. Everything taken from an arena goes when the arena goes.
 *
 * A request owns one. Not thread-safe. Sizes are bounded by the arena's limit: a request that asks
 * for more gets NULL, so what a client chose cannot exhaust the server.
 */
#pragma once
#include "base/base.h"
#include "base/bytes.h"
#include <stddef.h>

struct arena {
    struct arena_block *_blocks;
    size_t _used;
    size_t _limit;
};

void arena_init(struct arena *a, size_t limit_bytes);
void arena_done(struct arena *a);
/* Forgets everything but keeps one block for the next use. */
void arena_reset(struct arena *a);
void *arena_alloc(struct arena *a, size_t size) MUST_CHECK; /* zeroed; NULL at limit */
char *arena_strndup(struct arena *a, const char *s, size_t n) MUST_CHECK; /* adds NUL */
struct span arena_span(struct arena *a, struct span s) MUST_CHECK;        /* data NULL at limit */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
