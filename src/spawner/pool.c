/* The pool: sandboxes that wait READY, so that a request does not wait for one to be made.
 *
 * One is filled at a time, and only while a core is idle: filling hides latency, it does not save
 * CPU. After a failure the next try waits, longer each time, so that a host that cannot make
 * sandboxes is not kept busy failing; an order still tries at once.
 */
#include "base/clock.h"
#include "spawner/internal.h"

#define FILL_BACKOFF_US (250ull * 1000)
#define FILL_BACKOFF_MAX 6 /* doublings: 16 s */

static unsigned count(const struct spawner *s, enum seat_state state, int profile) {
    unsigned n = 0;
    for (unsigned i = 0; i < s->settings.slots; i++) {
        const struct seat *seat = &s->seats[i];
        n += seat->state == state && (profile < 0 || seat->profile == (unsigned)profile);
    }
    return n;
}

void pool_refill(struct spawner *s) {
    if (s->settings.pool == 0 || s->server.draining || s->server.pidfd < 0)
        return;
    uint64_t now = clock_now_us();
    if (now < s->fill_again_us || count(s, SEAT_FILLING, -1) > 0 ||
        count(s, SEAT_CLAIMED, -1) >= s->cores)
        return;
    /* One seat always stays free for a profile that has nothing ready. */
    if (count(s, SEAT_EMPTY, -1) < 2)
        return;
    for (unsigned want = 1; want <= s->settings.pool; want++) {
        for (unsigned profile = 0; profile < s->settings.profiles_len; profile++) {
            if (!s->profiles[profile] || count(s, SEAT_READY, (int)profile) >= want)
                continue;
            if (s->fill_failures > 0) {
                unsigned doublings = MIN(s->fill_failures - 1, (unsigned)FILL_BACKOFF_MAX);
                s->fill_again_us = now + (FILL_BACKOFF_US << doublings);
            }
            struct seat *seat = seat_find(s, SEAT_EMPTY, -1);
            if (seat_fill(s, seat, profile, NULL) < 0) {
                if (s->fill_failures++ == 0)
                    s->fill_again_us = now + FILL_BACKOFF_US;
            }
            return;
        }
    }
}

bool pool_evict(struct spawner *s, unsigned for_profile) {
    /* A seat that is on its way to be free is waited for before another is emptied. */
    if (count(s, SEAT_DYING, -1) + count(s, SEAT_CLEANING, -1) > 0)
        return false;
    for (unsigned i = 0; i < s->settings.slots; i++) {
        struct seat *seat = &s->seats[i];
        if (seat->state == SEAT_READY && seat->profile != for_profile) {
            seat_kill(seat, SPAWNER_KILLED);
            return true;
        }
    }
    return false;
}
