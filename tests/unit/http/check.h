/* check.h: what the unit tests of this folder share. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka.h needs those above it. */
#include <cmocka.h>
#include <string.h>

#include "http/http.h"

/* The limits as http.h names them. */
static inline struct http_limits default_limits(void) {
    return (struct http_limits){.request_line_bytes = 8192,
                                .header_bytes = 32768,
                                .header_count = 100,
                                .chunk_ext_bytes = 256};
}
/* A literal with its NUL bytes. */
#define RAW(literal)                                                                               \
    { ("" literal), sizeof(literal) - 1 }
