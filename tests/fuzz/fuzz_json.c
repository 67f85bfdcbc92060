/* json.h: what can be read can be written, and is then read as the same text again; what cannot be
 * read has a message that is text. The writers of bytes make text of anything. */
#include "base/json.h"
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 15 digits round the last few numbers below the largest double up to one that is none. */
static bool has_huge_number(const json_t *value) {
    size_t index;
    const char *key;
    json_t *item;
    if (json_is_real(value))
        return json_real_value(value) > 1.7e308 || json_real_value(value) < -1.7e308;
    json_array_foreach(value, index, item) {
        if (has_huge_number(item))
            return true;
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, item) {
        if (has_huge_number(item))
            return true;
    }
    return false;
}

static void check_round_trip(const json_t *value, bool indented) {
    char *once = json_write(value, indented);
    assert(utf8_valid(span_of(once)));
    json_t *again = json_read(span_of(once), NULL);
    assert(again != NULL);
    char *twice = json_write(again, indented);
    assert(strcmp(once, twice) == 0);
    json_decref(again);
    free(once);
    free(twice);
}

static void check_bytes(struct span bytes) {
    json_t *object = json_object();
    json_t *text = json_text_lossy(bytes);
    assert(memchr(json_string_value(text), '\0', json_string_length(text)) == NULL);
    json_object_set_new(object, "lossy", text);
    json_set_bytes(object, "bytes", bytes);
    check_round_trip(object, false);
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size};
    struct error err = {0};
    json_t *value = json_read(text, &err);
    if (value == NULL) {
        assert(err.code != 0 && strncmp(err.message, "line ", 5) == 0);
        assert(utf8_valid(span_of(err.message)));
    } else if (!has_huge_number(value)) {
        check_round_trip(value, false);
        check_round_trip(value, true);
    }
    json_decref(value);
    check_bytes(text);
    return 0;
}
