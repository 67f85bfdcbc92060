/* clock.h: time. Durations and deadlines use the monotonic clock; wall time is only a label. */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint64_t clock_now_us(void); /* CLOCK_MONOTONIC, microseconds */
uint64_t clock_now_ms(void);
uint64_t clock_cpu_us(void); /* this process's CPU time, user and system */

#define CLOCK_RFC3339_SIZE 32
/* "2026-11-24T01:02:03.456Z" of the wall clock. */
void clock_rfc3339(char out[CLOCK_RFC3339_SIZE]);
#define CLOCK_HTTP_DATE_SIZE 32
/* "Tue, 24 Nov 2026 01:02:03 GMT" (RFC 9110 IMF-fixdate) of the wall clock; made once a second. */
void clock_http_date(char out[CLOCK_HTTP_DATE_SIZE]);
