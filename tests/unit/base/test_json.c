/* json.h: what is refused, where, and that whatever goes in comes out as text. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static void refuse(struct span text, const char *place) {
    struct error err = {0};
    json_t *value = json_read(text, &err);
    assert_null(value);
    assert_int_equal(err.code, EINVAL);
    if (strncmp(err.message, place, strlen(place)) != 0)
        fail_msg("%.*s: \"%s\" does not start with \"%s\"", SPAN_ARG(text), err.message, place);
    assert_true(utf8_valid(span_of(err.message)));
    for (const char *p = err.message; *p != '\0'; p++)
        assert_true((unsigned char)*p >= 0x20 && *p != 0x7F);
    assert_null(json_read(text, NULL));
}

static void malformed_text_is_refused_with_its_place(void **state) {
    (void)state;
    refuse(SPAN(""), "line 1, column 0: ");
    refuse((struct span){0}, "line 1, column 0: ");
    refuse(SPAN("{"), "line 1, column 1: ");
    refuse(SPAN("{\n  \"a\": 1,\n  \"b\" 2}"), "line 3, column 7: ");
    refuse(SPAN("[1,]"), "line 1, column 4: ");
    refuse(SPAN("{'a':1}"), "line 1, column 2: ");
    refuse(SPAN("[01]"), "line 1, column 2: ");
    refuse(SPAN("[NaN]"), "line 1, column 4: ");
    refuse(SPAN("[1e999]"), "line 1, column 6: ");
    refuse(SPAN("[99999999999999999999]"), "line 1, column ");
    refuse(SPAN("[\"\xFF\"]"), "line 1, column ");
    refuse(SPAN("[\"\xED\xA0\x80\"]"), "line 1, column ");
    refuse(SPAN("[\"\\uD800\"]"), "line 1, column ");
    refuse(SPAN("[\"a\nb\"]"), "line ");
    refuse(SPAN("\xEF\xBB\xBF{}"), "line 1, column ");
    refuse(SPAN("[a\x1B\x7F]"), "line 1, column ");
    refuse(SPAN("[\x1B]"), "line 1, column ");
    refuse(SPAN("[1] // no comments"), "line 1, column ");
}

static void duplicates_are_refused(void **state) {
    (void)state;
    refuse(SPAN("{\"a\":1,\"a\":2}"), "line 1, column ");
    refuse(SPAN("{\"a\":1,\"\\u0061\":2}"), "line 1, column ");
    refuse(SPAN("[{\"x\":{\"a\":1,\"b\":0,\"a\":1}}]"), "line 1, column ");
}

static void trailing_bytes_are_refused(void **state) {
    (void)state;
    refuse(SPAN("{} x"), "line 1, column 4: ");
    refuse(SPAN("{}{}"), "line 1, column 3: ");
    refuse(SPAN("{}\0"), "line 1, column ");
    refuse(SPAN("1 2"), "line 1, column 3: ");
}

static void nul_is_refused(void **state) {
    (void)state;
    refuse(SPAN("[\"a\\u0000b\"]"), "line 1, column ");
    refuse(SPAN("{\"a\\u0000\":1}"), "line 1, column ");
    refuse(SPAN("[\"a\0b\"]"), "line 1, column ");
}

static void nest(struct buffer *b, const char *open, const char *close, unsigned levels) {
    buffer_truncate(b, 0);
    for (unsigned i = 0; i < levels; i++)
        assert_int_equal(buffer_append_text(b, open), 0);
    assert_int_equal(buffer_append_text(b, "1"), 0);
    for (unsigned i = 0; i < levels; i++)
        assert_int_equal(buffer_append_text(b, close), 0);
}

static void depth_has_a_limit(void **state) {
    (void)state;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    nest(&b, "[", "]", JSON_DEPTH_MAX);
    json_t *value = json_read(buffer_span(&b), NULL);
    assert_non_null(value);
    json_decref(value);
    nest(&b, "[", "]", JSON_DEPTH_MAX + 1);
    refuse(buffer_span(&b), "line 1, column 65: more than 64 levels");
    nest(&b, "\n{\"a\":", "}", JSON_DEPTH_MAX + 1);
    refuse(buffer_span(&b), "line 66, column 1: more than 64 levels");
    nest(&b, "[", "]", 100000);
    refuse(buffer_span(&b), "line 1, column 65: more than 64 levels");
}

static void brackets_in_strings_are_no_levels(void **state) {
    (void)state;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    assert_int_equal(buffer_append_text(&b, "[\"\\\\\",\"\\\""), 0);
    for (int i = 0; i < 200; i++)
        assert_int_equal(buffer_append_text(&b, "[{"), 0);
    assert_int_equal(buffer_append_text(&b, "\"]"), 0);
    json_t *value = json_read(buffer_span(&b), NULL);
    assert_non_null(value);
    json_decref(value);
}

static void the_message_is_text_wherever_the_input_was_cut(void **state) {
    (void)state;
    char text[200] = "[";
    for (size_t shift = 0; shift < 4; shift++) {
        size_t at = 1;
        memset(text + at, 'x', shift);
        at += shift;
        for (; at + 4 < sizeof(text); at += 4)
            memcpy(text + at, "\xF0\x9F\x8D\xB7", 5);
        refuse(span_of(text), "line 1, column ");
    }
}

static void writing_keeps_order_and_form(void **state) {
    (void)state;
    json_t *value = json_read(SPAN("{\"z\":1,\"a\":[true,null,\"\\n\\u20ac\"],\"m\":0.2}"), NULL);
    assert_non_null(value);
    CLEANUP_FREE char *compact = json_write(value, false);
    assert_string_equal(compact, "{\"z\":1,\"a\":[true,null,\"\\n\xE2\x82\xAC\"],\"m\":0.2}");
    CLEANUP_FREE char *indented = json_write(value, true);
    assert_string_equal(indented, "{\n  \"z\": 1,\n  \"a\": [\n    true,\n    null,\n"
                                  "    \"\\n\xE2\x82\xAC\"\n  ],\n  \"m\": 0.2\n}\n");
    json_decref(value);
    json_t *lone = json_string("x");
    CLEANUP_FREE char *text = json_write(lone, false);
    assert_string_equal(text, "\"x\"");
    json_decref(lone);
}

static void bytes_that_are_no_text_become_base64(void **state) {
    (void)state;
    json_t *object = json_object();
    json_set_bytes(object, "a", SPAN("gr\xC3\xBC\xC3\x9F"));
    json_set_bytes(object, "b", SPAN("\xFF\xFE"));
    json_set_bytes(object, "c", SPAN("x\0y"));
    json_set_bytes(object, "d", (struct span){0});
    CLEANUP_FREE char *text = json_write(object, false);
    assert_string_equal(text, "{\"a\":\"gr\xC3\xBC\xC3\x9F\",\"b_base64\":\"//4=\","
                              "\"c_base64\":\"eAB5\",\"d\":\"\"}");
    json_decref(object);
}

static void lossy_text_replaces_as_unicode_says(void **state) {
    (void)state;
#define R "\xEF\xBF\xBD"
    static const struct {
        struct span given;
        const char *text;
    } cases[] = {
        {{NULL, 0}, ""},
        {{"plain", 5}, "plain"},
        {{"a\0b", 3}, "a" R "b"},
        {{"\xFF\xFE", 2}, R R},
        {{"\xE2\x82", 2}, R}, /* cut character: one replacement */
        {{"\xE2\x82x", 3}, R "x"},
        {{"\xF0\x9F\x8Dz", 4}, R "z"},
        {{"\xE0\x80\x80", 3}, R R R}, /* overlong: each byte */
        {{"\xED\xA0\x80", 3}, R R R}, /* surrogate */
        {{"\xC3\xBC\x80", 3}, "\xC3\xBC" R},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *value = json_text_lossy(cases[i].given);
        assert_string_equal(json_string_value(value), cases[i].text);
        assert_int_equal(json_string_length(value), strlen(cases[i].text));
        json_decref(value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_text_is_refused_with_its_place),
        cmocka_unit_test(duplicates_are_refused),
        cmocka_unit_test(trailing_bytes_are_refused),
        cmocka_unit_test(nul_is_refused),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(brackets_in_strings_are_no_levels),
        cmocka_unit_test(the_message_is_text_wherever_the_input_was_cut),
        cmocka_unit_test(writing_keeps_order_and_form),
        cmocka_unit_test(bytes_that_are_no_text_become_base64),
        cmocka_unit_test(lossy_text_replaces_as_unicode_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
