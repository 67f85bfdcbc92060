#include "base/clock.h"
#include "base/internal.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t read_us(clockid_t clock) {
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        base__die("retort: clock_gettime failed\n");
    return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

uint64_t clock_now_us(void) {
    return read_us(CLOCK_MONOTONIC);
}
uint64_t clock_now_ms(void) {
    return clock_now_us() / 1000U;
}
uint64_t clock_cpu_us(void) {
    return read_us(CLOCK_PROCESS_CPUTIME_ID);
}

/* A field of so many digits; masks what cannot happen, so that the sizes below hold for any input.
 */
static unsigned field(int value, unsigned modulus) {
    return (unsigned)value % modulus;
}

void clock_rfc3339(char out[CLOCK_RFC3339_SIZE]) {
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    snprintf(out, CLOCK_RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             field(tm.tm_year + 1900, 10000), field(tm.tm_mon + 1, 100), field(tm.tm_mday, 100),
             field(tm.tm_hour, 100), field(tm.tm_min, 100), field(tm.tm_sec, 100),
             field((int)(now.tv_nsec / 1000000), 1000));
}

void clock_http_date(char out[CLOCK_HTTP_DATE_SIZE]) {
    /* strftime would follow the locale; the names of RFC 9110 are fixed. */
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static _Thread_local time_t made_at = -1;
    static _Thread_local char made[CLOCK_HTTP_DATE_SIZE];
    time_t now = time(NULL);
    if (now != made_at) {
        struct tm tm;
        gmtime_r(&now, &tm);
        snprintf(made, sizeof(made), "%s, %02u %s %04u %02u:%02u:%02u GMT",
                 days[field(tm.tm_wday, 7)], field(tm.tm_mday, 100), months[field(tm.tm_mon, 12)],
                 field(tm.tm_year + 1900, 10000), field(tm.tm_hour, 100), field(tm.tm_min, 100),
                 field(tm.tm_sec, 100));
        made_at = now;
    }
    memcpy(out, made, sizeof(made));
}
