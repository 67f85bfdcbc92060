/* internal.h: what the files of base share and nobody else sees. */
#pragma once
#include "base/base.h"
#include <stdbool.h>
#include <stddef.h>

/* Ends the process: memory is gone, or what must not fail did. Allocates nothing. */
_Noreturn void base__die(const char *text);

/* Random bytes of libsodium, which is started by the first call; thread-safe. */
void random__bytes(void *out, size_t len);

/* The length (1 to 4) of the valid UTF-8 sequence at p, of which n > 0 bytes are there; 0 when it
 * is not valid, and then *ret_skip is how many bytes one replacement character stands for (the
 * longest start of a valid sequence, at least 1). */
size_t utf8__sequence(const unsigned char *p, size_t n, size_t *ret_skip);
