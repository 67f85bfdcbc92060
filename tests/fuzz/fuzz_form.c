/* Form bodies. The first line of the input is the content type. */
#include "base/arena.h"
#include "http/http.h"
#include <assert.h>
#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sum;

/* Reads every byte, so that a sanitizer sees those that are not ours; their sum is of no interest.
 */
static void touch(struct span s) {
    for (size_t i = 0; i < s.len; i++)
        sum += (unsigned char)s.data[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span body, input = {(const char *)data, size};
    struct span type = span_cut(input, '\n', &body);
    struct arena arena;
    struct http_field *fields;
    struct error err = {0};
    size_t count, bytes = 0;
    arena_init(&arena, 1 << 20);
    int r = http_form_parse(&arena, type, body, &fields, &count, &err);
    if (r == 0) {
        assert(count <= 100);
        for (size_t i = 0; i < count; i++) {
            touch(fields[i].name);
            touch(fields[i].value);
            touch(fields[i].filename);
            bytes += fields[i].value.len;
        }
        assert(bytes <= body.len);
    } else {
        assert(r == -EINVAL || r == -ENOTSUP || r == -ENOMEM);
        assert(err.code == -r && strlen(err.message) > 0);
    }
    arena_done(&arena);
    return 0;
}
