/* The restricted Damerau-Levenshtein distance over three rows of a table. */
#include "base/nearest.h"

#include <stddef.h>
#include <string.h>

#include "base/base.h"

#define WORD_MAX 64

static unsigned char lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len) {
    unsigned rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned char x = lower(a[i - 1]), y = lower(b[j - 1]);
            unsigned best = above[j - 1] + (x != y);
            best = MIN(best, above[j] + 1);
            best = MIN(best, row[j - 1] + 1);
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]))
                best = MIN(best, rows[(i - 2) % 3][j - 2] + 1);
            row[j] = best;
        }
    }
    return rows[a_len % 3][b_len];
}

const char *nearest_name(const char *word, const char *const *names) {
    size_t len = strlen(word);
    if (len == 0 || len > WORD_MAX)
        return NULL;
    const char *best = NULL;
    unsigned best_distance = 0;
    for (size_t i = 0; names[i]; i++) {
        size_t name_len = strlen(names[i]);
        if (name_len > WORD_MAX)
            continue;
        unsigned d = distance(word, len, names[i], name_len);
        /* One edit in three letters is a slip; more is another word. A short word may miss one. */
        size_t longer = MAX(len, name_len);
        if (d > MAX(longer / 3, 1UL) || d >= longer)
            continue;
        if (!best || d < best_distance) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
