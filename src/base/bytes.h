/* bytes.h: spans (borrowed bytes) and buffers (owned bytes that grow up to a limit).
 *
 * A span is a pointer and a length into memory that somebody else owns; it need not end with NUL
 * and may hold NUL. A buffer owns its memory; what a client can make grow has a limit, and meeting
 * it is an error (-E2BIG) that leaves the buffer as it was. No function here is tied to a thread.
 */
#pragma once
#include "base/base.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct span {
    const char *data;
    size_t len;
};
#define SPAN(literal) ((struct span){("" literal), sizeof(literal) - 1})
#define SPAN_ARG(s) (int)(s).len, (s).data /* for "%.*s" */

struct span span_of(const char *text); /* NULL gives the empty span */
bool span_eq(struct span a, struct span b);
bool span_eq_text(struct span a, const char *text);
bool span_eq_nocase(struct span a, struct span b); /* ASCII letters only */
bool span_starts_with(struct span s, struct span prefix);
bool span_ends_with(struct span s, struct span suffix);
struct span span_trim(struct span s, const char *chars); /* both ends */
/* Cuts s at the first `sep`: the part before it is returned, *rest is what follows (empty span
 * with data NULL when there was no separator). */
struct span span_cut(struct span s, char sep, struct span *rest);
/* Decimal digits only, no sign, no space. -EINVAL, or -ERANGE above `max`. */
int span_to_u64(struct span s, uint64_t max, uint64_t *ret_value) MUST_CHECK;
char *span_dup(struct span s); /* NUL-terminated; for bounded sizes */

/* Whether all bytes are valid UTF-8 (no overlong forms, no surrogates, at most U+10FFFF). */
bool utf8_valid(struct span s);

struct buffer {
    char *data; /* NUL after the last byte whenever it is not NULL */
    size_t len;
    size_t _cap;
    size_t _limit; /* 0: no limit of its own */
};
#define BUFFER_INIT(limit_bytes) ((struct buffer){._limit = (limit_bytes)})
#define CLEANUP_BUFFER __attribute__((cleanup(buffer_done)))

void buffer_init(struct buffer *b, size_t limit_bytes);
void buffer_done(struct buffer *b);
/* Room for `more` bytes behind the last one. -E2BIG at the limit, -ENOMEM. */
int buffer_reserve(struct buffer *b, size_t more) MUST_CHECK;
int buffer_append(struct buffer *b, const void *data, size_t len) MUST_CHECK;
int buffer_append_span(struct buffer *b, struct span s) MUST_CHECK;
int buffer_append_text(struct buffer *b, const char *text) MUST_CHECK;
int buffer_printf(struct buffer *b, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
void buffer_consume(struct buffer *b, size_t len); /* drops bytes at the front */
void buffer_truncate(struct buffer *b, size_t len);
struct span buffer_span(const struct buffer *b);
/* The memory becomes the caller's, to free(); the buffer is empty again. Never NULL. */
char *buffer_steal(struct buffer *b, size_t *ret_len);
