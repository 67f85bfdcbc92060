#include "base/bytes.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct span span_of(const char *text) {
    return text == NULL ? (struct span){0} : (struct span){text, strlen(text)};
}

/* memcmp and memcpy may not be given NULL, which is what an empty span may hold. */
static bool same_bytes(const char *a, const char *b, size_t len) {
    return len == 0 || memcmp(a, b, len) == 0;
}

bool span_eq(struct span a, struct span b) {
    return a.len == b.len && same_bytes(a.data, b.data, a.len);
}

bool span_eq_text(struct span a, const char *text) {
    return span_eq(a, span_of(text));
}

static char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool span_eq_nocase(struct span a, struct span b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    return true;
}

bool span_starts_with(struct span s, struct span prefix) {
    return s.len >= prefix.len && same_bytes(s.data, prefix.data, prefix.len);
}

bool span_ends_with(struct span s, struct span suffix) {
    if (s.len < suffix.len)
        return false;
    return suffix.len == 0 || same_bytes(s.data + (s.len - suffix.len), suffix.data, suffix.len);
}

static bool is_one_of(char c, const char *chars) {
    return c != '\0' && strchr(chars, c) != NULL;
}

struct span span_trim(struct span s, const char *chars) {
    while (s.len > 0 && is_one_of(s.data[0], chars)) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && is_one_of(s.data[s.len - 1], chars))
        s.len--;
    return s;
}

struct span span_cut(struct span s, char sep, struct span *rest) {
    const char *at = s.len == 0 ? NULL : memchr(s.data, sep, s.len);
    if (at == NULL) {
        *rest = (struct span){0};
        return s;
    }
    size_t len = (size_t)(at - s.data);
    *rest = (struct span){at + 1, s.len - len - 1};
    return (struct span){s.data, len};
}

int span_to_u64(struct span s, uint64_t max, uint64_t *ret_value) {
    if (s.len == 0)
        return -EINVAL;
    uint64_t value = 0;
    bool above = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return -EINVAL;
        uint64_t digit = (uint64_t)(s.data[i] - '0');
        /* The rest is still read: "99999999999999999999x" is no number rather than a large one. */
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, digit, &value))
            above = true;
    }
    if (above || value > max)
        return -ERANGE;
    *ret_value = value;
    return 0;
}

char *span_dup(struct span s) {
    char *text = base_alloc(s.len + 1);
    if (s.len > 0)
        memcpy(text, s.data, s.len);
    return text;
}

void buffer_init(struct buffer *b, size_t limit_bytes) {
    *b = BUFFER_INIT(limit_bytes);
}

void buffer_done(struct buffer *b) {
    free(b->data);
    *b = BUFFER_INIT(b->_limit);
}

int buffer_reserve(struct buffer *b, size_t more) {
    size_t need, cap;
    if (__builtin_add_overflow(b->len, more, &need) || need >= SIZE_MAX / 2)
        return -E2BIG;
    if (b->_limit != 0 && need > b->_limit)
        return -E2BIG;
    if (b->data != NULL && need < b->_cap)
        return 0;
    /* One byte more than what is counted, for the NUL; doubling keeps appending linear. */
    cap = MAX(b->_cap * 2, need + 1);
    cap = MAX(cap, (size_t)64);
    if (b->_limit != 0)
        cap = MIN(cap, MAX(b->_limit, need) + 1);
    char *data = realloc(b->data, cap);
    if (data == NULL)
        return -ENOMEM;
    data[b->len] = '\0';
    b->data = data;
    b->_cap = cap;
    return 0;
}

int buffer_append(struct buffer *b, const void *data, size_t len) {
    int r = buffer_reserve(b, len);
    if (r < 0)
        return r;
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

int buffer_append_span(struct buffer *b, struct span s) {
    return buffer_append(b, s.data, s.len);
}

int buffer_append_text(struct buffer *b, const char *text) {
    return buffer_append_span(b, span_of(text));
}

int buffer_printf(struct buffer *b, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    int r = len < 0 ? -EINVAL : buffer_reserve(b, (size_t)len);
    if (r == 0) {
        vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    }
    va_end(again);
    return r;
}

void buffer_consume(struct buffer *b, size_t len) {
    assert(len <= b->len);
    if (len == 0)
        return;
    memmove(b->data, b->data + len, b->len - len + 1);
    b->len -= len;
}

void buffer_truncate(struct buffer *b, size_t len) {
    assert(len <= b->len);
    b->len = len;
    if (b->data != NULL)
        b->data[len] = '\0';
}

struct span buffer_span(const struct buffer *b) {
    return (struct span){b->data, b->len};
}

char *buffer_steal(struct buffer *b, size_t *ret_len) {
    if (ret_len != NULL)
        *ret_len = b->len;
    char *data = b->data != NULL ? b->data : base_alloc(1);
    *b = BUFFER_INIT(b->_limit);
    return data;
}
