#include "base/bytes.h"
#include "base/internal.h"
#include <stdint.h>
#include <string.h>

static bool is_continuation(unsigned char c) {
    return (c & 0xC0) == 0x80;
}

/* The range of the second byte is what excludes overlong forms, surrogates and what lies above
 * U+10FFFF (Unicode, table 3-7). */
static size_t sequence_shape(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high) {
    *ret_low = 0x80;
    *ret_high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (lead == 0xE0)
            *ret_low = 0xA0;
        if (lead == 0xED)
            *ret_high = 0x9F;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (lead == 0xF0)
            *ret_low = 0x90;
        if (lead == 0xF4)
            *ret_high = 0x8F;
        return 4;
    }
    return 0;
}

size_t utf8__sequence(const unsigned char *p, size_t n, size_t *ret_skip) {
    if (p[0] < 0x80)
        return 1;
    unsigned char low, high;
    size_t want = sequence_shape(p[0], &low, &high);
    size_t have = 1;
    if (want > 0 && n > 1 && p[1] >= low && p[1] <= high) {
        have = 2;
        while (have < want && have < n && is_continuation(p[have]))
            have++;
    }
    if (have == want)
        return want;
    *ret_skip = have;
    return 0;
}

bool utf8_valid(struct span s) {
    const unsigned char *p = (const unsigned char *)s.data;
    size_t left = s.len;
    while (left > 0) {
        uint64_t word;
        if (left >= sizeof(word)) {
            /* Program output is mostly ASCII: eight bytes at a time. */
            memcpy(&word, p, sizeof(word));
            if ((word & 0x8080808080808080U) == 0) {
                p += sizeof(word);
                left -= sizeof(word);
                continue;
            }
        }
        size_t skip;
        size_t len = utf8__sequence(p, left, &skip);
        if (len == 0)
            return false;
        p += len;
        left -= len;
    }
    return true;
}
