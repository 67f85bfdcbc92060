/* error.h: one error convention.
 *
 * Functions that can fail for a reason a person must read take `struct error *err` as their last
 * argument, return a negative errno, and write the message where the call failed, with the name of
 * what failed. Success leaves *err untouched. `err` may be NULL where the caller needs no words.
 */
#pragma once
#include "base/base.h"

struct error {
    int code; /* positive errno; 0: no error */
    char message[480];
};

/* Both return -code. error_errno appends ": " and the text of the errno. Arguments may be the old
 * message itself; what is too long is cut between two characters. */
int error_set(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
int error_errno(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts words in front of a message that is already there: "read foo.ini: line 3: …". Returns minus
 * the code that was there, -EIO when err is NULL. */
int error_prefix(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
