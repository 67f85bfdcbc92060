#include "base/base.h"
#include "base/fd.h"
#include "base/internal.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void base__die(const char *text) {
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
    abort();
}

/* The one place where a small allocation that failed ends the process. */
static void *or_die(void *memory) {
    if (memory == NULL)
        base__die("retort: out of memory\n");
    return memory;
}

void *base_alloc(size_t size) {
    return or_die(calloc(1, MAX(size, (size_t)1)));
}

void *base_alloc_array(size_t count, size_t size) {
    return or_die(calloc(MAX(count, (size_t)1), MAX(size, (size_t)1)));
}

void *base_realloc_array(void *old, size_t count, size_t size) {
    return or_die(reallocarray(old, MAX(count, (size_t)1), MAX(size, (size_t)1)));
}

char *base_strdup(const char *text) {
    return text == NULL ? NULL : or_die(strdup(text));
}

char *base_strndup(const char *text, size_t len) {
    return text == NULL ? NULL : or_die(strndup(text, len));
}

char *base_printf(const char *fmt, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    return or_die(len < 0 ? NULL : text);
}

void *base_try_alloc(size_t size) {
    return calloc(1, MAX(size, (size_t)1));
}

void base_cleanup_free(void *ptr_to_ptr) {
    /* The attribute hands over the address of a pointer of any type; memcpy reads it as one. */
    void *memory;
    memcpy(&memory, ptr_to_ptr, sizeof(memory));
    int saved = errno;
    free(memory);
    errno = saved;
}

void base_cleanup_close(int *fd) {
    int saved = errno;
    fd_close(*fd);
    errno = saved;
}
