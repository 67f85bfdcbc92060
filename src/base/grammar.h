/* grammar.h: the character classes of HTTP (RFC 9110 section 5.6), for the parser and for whoever
 * checks header fields that come from a worker. */
#pragma once
#include "base/bytes.h"
#include <stdbool.h>

bool grammar_is_token_char(unsigned char c);
bool grammar_is_token(struct span s);       /* one or more token characters */
bool grammar_is_field_value(struct span s); /* no CR, LF, NUL, other control bytes but tab */
