/* log.h: the diagnostics log: one line an event on stderr, `time level process: text`.
 *
 * A library never logs above debug; who decides what a failure means logs it, once. Control bytes
 * in arguments are escaped (H42, S72), so a tenant's string cannot forge a line. Thread-safe: a
 * line is one write(2).
 */
#pragma once
#include "base/base.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
/* At most 15 bytes: "server", "spawner"; shown on each line. */
void log_set_process(const char *name);
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
