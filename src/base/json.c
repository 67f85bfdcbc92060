#include "base/json.h"
#include "base/internal.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* 15 digits are what a double keeps of any decimal number, so 0.2 is written as 0.2. */
#define JSON_WRITE_FLAGS (JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

static pthread_once_t json_once = PTHREAD_ONCE_INIT;

/* Keys are chosen by clients. Jansson seeds its tables by itself, but falls back to the time of day
 * where /dev/urandom cannot be opened. */
static void seed_tables(void) {
    size_t seed = 0;
    while (seed == 0)
        random__bytes(&seed, sizeof(seed));
    json_object_seed(seed);
}

/* Jansson allows 2048 levels; ours is checked before it allocates anything. What stands in strings
 * does not count. Malformed text may pass: jansson reads the same tokens and finds its error. */
static int check_depth(struct span text, struct error *err) {
    unsigned depth = 0, line = 1, column = 0;
    bool in_string = false, escaped = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (((unsigned char)c & 0xC0) != 0x80)
            column++;
        if (c == '\n') {
            line++;
            column = 0;
        }
        if (in_string) {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH_MAX)
                return error_set(err, EINVAL, "line %u, column %u: more than %d levels", line,
                                 column, JSON_DEPTH_MAX);
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return 0;
}

/* Jansson quotes what it choked on as it came; a message has no control bytes, wherever it ends. */
static void drop_control_bytes(char *text) {
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            *p = '?';
}

/* jansson quotes the text up to a number of bytes, also through the middle of a character. */
static void cut_to_utf8(char *words) {
    size_t len = strlen(words);
    for (size_t i = 0; i < len && !utf8_valid((struct span){words, len}); i++) {
        if ((unsigned char)words[i] >= 0x80)
            words[i] = '?';
    }
}

json_t *json_read(struct span text, struct error *err) {
    pthread_once(&json_once, seed_tables);
    if (check_depth(text, err) < 0)
        return NULL;
    json_error_t where;
    json_t *value = json_loadb(text.data == NULL ? "" : text.data, text.len,
                               JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
    if (value == NULL) {
        drop_control_bytes(where.text);
        cut_to_utf8(where.text);
        error_set(err, EINVAL, "line %d, column %d: %s", MAX(where.line, 1), MAX(where.column, 0),
                  where.text);
    }
    return value;
}

char *json_write(const json_t *value, bool indented) {
    assert(value != NULL);
    char *text = json_dumps(value, JSON_WRITE_FLAGS | (indented ? JSON_INDENT(2) : JSON_COMPACT));
    if (text == NULL)
        base__die("retort: out of memory for JSON\n");
    if (!indented)
        return text;
    size_t len = strlen(text);
    text = base_realloc_array(text, len + 2, 1);
    memcpy(text + len, "\n", 2);
    return text;
}

static json_t *must(json_t *made) {
    if (made == NULL)
        base__die("retort: out of memory for JSON\n");
    return made;
}

static void set_new(json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, must(value)) != 0)
        base__die("retort: out of memory for JSON\n");
}

/* Bytes that JSON writes as six (\u0001). Where they are many, base64 is far shorter. */
static bool mostly_controls(struct span bytes) {
    size_t controls = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        controls += (c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f;
    }
    return bytes.len >= KIB && controls > bytes.len / 8;
}

void json_set_bytes(json_t *object, const char *key, struct span bytes) {
    const char *data = bytes.data == NULL ? "" : bytes.data;
    if (memchr(data, '\0', bytes.len) == NULL && utf8_valid(bytes) && !mostly_controls(bytes)) {
        set_new(object, key, json_stringn(data, bytes.len));
        return;
    }
    const int variant = sodium_base64_VARIANT_ORIGINAL;
    size_t size = sodium_base64_encoded_len(bytes.len, variant);
    CLEANUP_FREE char *text = base_alloc(size);
    sodium_bin2base64(text, size, (const unsigned char *)data, bytes.len, variant);
    CLEANUP_FREE char *long_key = base_printf("%s_base64", key);
    set_new(object, long_key, json_string(text));
}

json_t *json_text_lossy(struct span bytes) {
    static const char replacement[] = "\xEF\xBF\xBD";
    CLEANUP_BUFFER struct buffer out = BUFFER_INIT(0);
    const unsigned char *p = (const unsigned char *)bytes.data;
    const unsigned char *end = bytes.len == 0 ? p : p + bytes.len;
    int r = buffer_reserve(&out, bytes.len);
    while (p < end && r == 0) {
        const unsigned char *good = p;
        size_t skip = 1, len = 0;
        while (p < end && *p != '\0' && (len = utf8__sequence(p, (size_t)(end - p), &skip)) != 0)
            p += len;
        r = buffer_append(&out, good, (size_t)(p - good));
        if (p < end && r == 0) {
            r = buffer_append_text(&out, replacement);
            p += *p == '\0' ? 1 : skip;
        }
    }
    if (r < 0)
        base__die("retort: out of memory for JSON\n");
    return must(json_stringn(out.data, out.len));
}
