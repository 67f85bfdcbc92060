#include "base/log.h"
#include "base/clock.h"
#include "base/internal.h"
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* PIPE_BUF: up to here a write to a pipe is never mixed with that of another process. */
enum { LINE_MAX_BYTES = 4096, TEXT_MAX_BYTES = 3500, PROCESS_NAME_BYTES = 16 };

static _Atomic int log_threshold = LOG_INFO;
static char log_process[PROCESS_NAME_BYTES] = "retort";

void log_set_level(enum log_level level) {
    atomic_store_explicit(&log_threshold, (int)level, memory_order_relaxed);
}

void log_set_process(const char *name) {
    snprintf(log_process, sizeof(log_process), "%s", name);
}

static const char *level_name(enum log_level level) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    return names[level];
}

/* U+0080 to U+009F are control characters too, to a terminal that reads UTF-8. */
static bool is_control(const unsigned char *p, size_t len) {
    return (len == 1 && (p[0] < 0x20 || p[0] == 0x7F)) || (len == 2 && p[0] == 0xC2 && p[1] < 0xA0);
}

static size_t escape_byte(char *out, unsigned char c) {
    static const char digits[] = "0123456789abcdef";
    const char *short_form = c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;
    if (short_form != NULL) {
        memcpy(out, short_form, 2);
        return 2;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[c >> 4];
    out[3] = digits[c & 15];
    return 4;
}

/* Escapes text into out, which has room for `room` bytes; returns how many were written. What does
 * not fit is replaced by "...". */
static size_t escape_text(char *out, size_t room, const char *text, size_t len) {
    static const char more[] = "...";
    const unsigned char *p = (const unsigned char *)text;
    size_t used = 0;
    while (len > 0) {
        size_t skip = 0;
        size_t valid = utf8__sequence(p, len, &skip);
        size_t take = valid != 0 ? valid : skip;
        if (used + 4 * take + sizeof(more) > room) {
            memcpy(out + used, more, sizeof(more) - 1);
            return used + sizeof(more) - 1;
        }
        if (valid == 0 || is_control(p, valid)) {
            for (size_t i = 0; i < take; i++)
                used += escape_byte(out + used, p[i]);
        } else {
            memcpy(out + used, p, take);
            used += take;
        }
        p += take;
        len -= take;
    }
    return used;
}

void log_line(enum log_level level, const char *fmt, ...) {
    if ((int)level > atomic_load_explicit(&log_threshold, memory_order_relaxed))
        return;
    int saved_errno = errno;
    char text[TEXT_MAX_BYTES], line[LINE_MAX_BYTES], when[CLOCK_RFC3339_SIZE];
    va_list args;
    va_start(args, fmt);
    int made = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    size_t text_len = made < 0 ? 0 : MIN((size_t)made, sizeof(text) - 1);
    clock_rfc3339(when);
    int head = snprintf(line, sizeof(line), "%s %s %s: ", when, level_name(level), log_process);
    size_t used = (size_t)head;
    used += escape_text(line + used, sizeof(line) - 1 - used, text, text_len);
    line[used++] = '\n';
    /* There is nowhere to report that the log itself cannot be written. */
    ssize_t written;
    do
        written = write(STDERR_FILENO, line, used);
    while (written < 0 && errno == EINTR);
    errno = saved_errno;
}
