/* id.h: identifiers that may be shown to strangers: UUIDv7 (RFC 9562), text form. */
#pragma once
#define ID_SIZE 37              /* 36 characters and NUL */
void id_new(char out[ID_SIZE]); /* thread-safe; sorts by time of making */
