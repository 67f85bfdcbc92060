/* base.h: the words every other file is written in: small macros, ownership, and what happens
 * when memory runs out.
 *
 * Row 0 of the module table: nothing here may include anything but libc and the packaged libraries.
 * The other headers of this folder have one subject each: bytes.h, arena.h, list.h, map.h, clock.h,
 * fd.h, error.h, log.h, json.h, id.h, grammar.h, verdict.h.
 *
 * Ownership. A descriptor or an allocation held by a local variable carries a cleanup attribute;
 * STEAL_FD and STEAL_PTR hand it on. A `_free` function takes NULL and returns nothing; a `_done`
 * function empties a struct that the caller embeds and may be called twice.
 *
 * Memory. Two policies, told apart by name: base_alloc and its kin are for what is small and
 * bounded by us, and end the process in one place when there is none; base_try_alloc is for sizes
 * that a client chose, and may return NULL.
 *
 * Errors. These modules return 0 or a negative errno; outputs named `ret_…` are untouched on
 * failure.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* Each argument is evaluated once. The counter gives every use its own names, so that they nest. */
#define MIN(a, b) BASE_PICK_(<, a, b, __COUNTER__)
#define MAX(a, b) BASE_PICK_(>, a, b, __COUNTER__)
#define BASE_PICK_(op, a, b, n) BASE_PICK_NAMED_(op, a, b, n)
#define BASE_PICK_NAMED_(op, a, b, n)                                                              \
    ({                                                                                             \
        __typeof__(a) pick_a_##n = (a);                                                            \
        __typeof__(b) pick_b_##n = (b);                                                            \
        pick_a_##n op pick_b_##n ? pick_a_##n : pick_b_##n;                                        \
    })
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define KIB (1024UL)
#define MIB (1024UL * KIB)
#define GIB (1024UL * MIB)

/* Returns the value and leaves "nothing" behind, so that a cleanup attribute has nothing to do. */
#define STEAL_PTR(p)                                                                               \
    ({                                                                                             \
        __typeof__(p) steal_ = (p);                                                                \
        (p) = NULL;                                                                                \
        steal_;                                                                                    \
    })
#define STEAL_FD(fd)                                                                               \
    ({                                                                                             \
        int steal_ = (fd);                                                                         \
        (fd) = -1;                                                                                 \
        steal_;                                                                                    \
    })

#define CLEANUP_FREE __attribute__((cleanup(base_cleanup_free)))
#define CLEANUP_CLOSE __attribute__((cleanup(base_cleanup_close)))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define FALLTHROUGH __attribute__((fallthrough))

/* Zeroed memory for what we bound ourselves; never NULL. Freed with free(). */
void *base_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *base_alloc_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *base_realloc_array(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
/* NULL stays NULL. */
char *base_strdup(const char *text);
char *base_strndup(const char *text, size_t len);
char *base_printf(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((returns_nonnull));

/* Zeroed memory for a size that somebody else chose; NULL when there is none. */
void *base_try_alloc(size_t size) __attribute__((malloc)) MUST_CHECK;

/* Targets of the cleanup attributes; not to be called. */
void base_cleanup_free(void *ptr_to_ptr);
void base_cleanup_close(int *fd);
