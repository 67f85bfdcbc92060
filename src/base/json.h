/* json.h: strict JSON on top of jansson.
 *
 * Reading refuses duplicate keys, trailing bytes, NUL bytes in strings and more than JSON_DEPTH_MAX
 * levels, and says where: "line 3, column 7: …". Callers use jansson's own types.
 */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include <jansson.h>

#define JSON_DEPTH_MAX 64

/* The document, or NULL with *err. To be released with json_decref. */
json_t *json_read(struct span text, struct error *err);
/* Compact, or indented with a newline at the end; keys stay in the order of insertion, numbers with
 * a fraction have at most 15 digits. Never NULL; to free(). */
char *json_write(const json_t *value, bool indented);
/* Bytes as JSON (text of over 1 KiB of which an eighth is control bytes goes as base64 too, since
 * escaped it would be six times as long): sets key to the text when it is valid UTF-8 without NUL,
 * else key + "_base64". */
void json_set_bytes(json_t *object, const char *key, struct span bytes);
/* Bytes as text whatever they are: what is not UTF-8, and NUL, becomes U+FFFD. New reference. */
json_t *json_text_lossy(struct span bytes);
