#include "base/id.h"
#include "base/internal.h"
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

/* The first 60 bits that are ours: 48 of milliseconds and 12 of the fraction below (RFC 9562,
 * section 6.2, method 3). Two ids of one moment differ because the later one takes the next tick.
 */
static _Atomic uint64_t last_tick;

static uint64_t next_tick(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
    uint64_t fraction = (uint64_t)now.tv_nsec % 1000000U * 4096U / 1000000U;
    uint64_t tick = ms << 12 | fraction;
    uint64_t last = atomic_load_explicit(&last_tick, memory_order_relaxed);
    uint64_t take;
    do
        take = tick > last ? tick : last + 1;
    while (!atomic_compare_exchange_weak_explicit(&last_tick, &last, take, memory_order_relaxed,
                                                  memory_order_relaxed));
    return take;
}

void id_new(char out[ID_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    uint64_t tick = next_tick();
    random__bytes(bytes + 8, 8);
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(tick >> (52 - 8 * i));
    bytes[6] = (unsigned char)(0x70U | (tick >> 8 & 0x0FU));
    bytes[7] = (unsigned char)tick;
    bytes[8] = (unsigned char)(0x80U | (bytes[8] & 0x3FU));
    char *at = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    *at = '\0';
}
