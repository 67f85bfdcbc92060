#include "base/arena.h"
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 4096 };

struct arena_block {
    struct arena_block *next;
    size_t cap, used;
    alignas(max_align_t) char bytes[];
};

static const size_t block_room = BLOCK_BYTES - sizeof(struct arena_block);

void arena_init(struct arena *a, size_t limit_bytes) {
    *a = (struct arena){._limit = limit_bytes};
}

static void free_blocks(struct arena_block *block) {
    while (block != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_done(struct arena *a) {
    free_blocks(a->_blocks);
    arena_init(a, a->_limit);
}

void arena_reset(struct arena *a) {
    /* Only a block of the usual size is worth keeping: one large request must not hold its memory
     * for as long as the connection lasts. */
    struct arena_block *keep = NULL;
    for (struct arena_block **at = &a->_blocks; *at != NULL; at = &(*at)->next) {
        if ((*at)->cap == block_room) {
            keep = *at;
            *at = keep->next;
            break;
        }
    }
    free_blocks(a->_blocks);
    if (keep != NULL) {
        keep->next = NULL;
        keep->used = 0;
    }
    a->_blocks = keep;
    a->_used = 0;
}

static struct arena_block *block_with_room(struct arena *a, size_t size) {
    struct arena_block *first = a->_blocks;
    if (first != NULL && first->cap - first->used >= size)
        return first;
    size_t cap = MAX(size, block_room);
    struct arena_block *block = malloc(sizeof(*block) + cap);
    if (block == NULL)
        return NULL;
    block->cap = cap;
    block->used = 0;
    /* A block for one large piece goes behind the first, which may still have room. */
    if (first != NULL && cap > block_room) {
        block->next = first->next;
        first->next = block;
    } else {
        block->next = first;
        a->_blocks = block;
    }
    return block;
}

void *arena_alloc(struct arena *a, size_t size) {
    const size_t align = alignof(max_align_t);
    if (size > a->_limit)
        return NULL;
    size_t rounded = (MAX(size, (size_t)1) + align - 1) & ~(align - 1);
    if (rounded < size || rounded > a->_limit - a->_used)
        return NULL;
    struct arena_block *block = block_with_room(a, rounded);
    if (block == NULL)
        return NULL;
    void *memory = block->bytes + block->used;
    block->used += rounded;
    a->_used += rounded;
    return memset(memory, 0, rounded);
}

char *arena_strndup(struct arena *a, const char *s, size_t n) {
    if (n == SIZE_MAX)
        return NULL;
    char *text = arena_alloc(a, n + 1);
    if (text != NULL && n > 0)
        memcpy(text, s, n);
    return text;
}

struct span arena_span(struct arena *a, struct span s) {
    char *text = arena_strndup(a, s.data, s.len);
    return (struct span){text, text == NULL ? 0 : s.len};
}

char *arena_printf(struct arena *a, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}
