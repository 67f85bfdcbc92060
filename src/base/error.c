#include "base/error.h"
#include "base/internal.h"
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message that was cut must not end inside a character: it is shown in JSON. */
static void drop_cut_character(char *text) {
    size_t len = strlen(text);
    size_t start = len;
    while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    size_t skip;
    const unsigned char *lead = (const unsigned char *)text + start - 1;
    if (*lead >= 0xC0 && utf8__sequence(lead, len - start + 1, &skip) == 0)
        text[start - 1] = '\0';
}

/* The words are made apart from *err, because one of the arguments may be the old message. */
static int set(struct error *err, int code, const char *fmt, va_list args, const char *tail) {
    assert(code > 0);
    if (err == NULL)
        return -code;
    struct error made = {.code = code};
    const int size = sizeof(made.message);
    int len = vsnprintf(made.message, (size_t)size, fmt, args);
    if (len >= 0 && len < size && tail != NULL)
        len += snprintf(made.message + len, (size_t)(size - len), ": %s", tail);
    if (len >= size)
        drop_cut_character(made.message);
    *err = made;
    return -code;
}

int error_set(struct error *err, int code, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int r = set(err, code, fmt, args, NULL);
    va_end(args);
    return r;
}

int error_errno(struct error *err, int code, const char *fmt, ...) {
    /* Unlike strerror it needs no locale and no memory, so it is thread-safe. */
    const char *tail = strerrordesc_np(code);
    va_list args;
    va_start(args, fmt);
    int r = set(err, code, fmt, args, tail != NULL ? tail : "unknown error");
    va_end(args);
    return r;
}

int error_prefix(struct error *err, const char *fmt, ...) {
    if (err == NULL)
        return -EIO;
    struct error old = *err;
    va_list args;
    va_start(args, fmt);
    int r = set(err, old.code > 0 ? old.code : EIO, fmt, args, old.message);
    va_end(args);
    return r;
}
