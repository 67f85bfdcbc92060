/* Form bodies: urlencoded and multipart. */
#include "base/arena.h"
#include "check.h"
#include <errno.h>
#include <stdlib.h>

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=B"

static struct arena arena;
static struct http_field *fields;
static size_t count;
static struct error err;

/* The body in memory of its own size, so that a look beyond it is seen. */
static int parse(const char *type, struct span body) {
    static char *copy;
    free(copy);
    copy = malloc(body.len + (body.len == 0));
    memcpy(copy, body.data, body.len);
    arena_done(&arena);
    arena_init(&arena, 1 << 20);
    count = 0;
    err = (struct error){0};
    int r = http_form_parse(&arena, span_of(type), (struct span){copy, body.len}, &fields, &count,
                            &err);
    if (r == -EINVAL)
        assert_true(strlen(err.message) > 0);
    return r;
}

static void field_is(size_t i, const char *name, const char *value) {
    assert_true(i < count);
    assert_true(span_eq_text(fields[i].name, name));
    assert_true(span_eq_text(fields[i].value, value));
}

static void test_urlencoded(void **state) {
    (void)state;
    assert_int_equal(parse(URLENCODED, SPAN("code=a+b%0A%2B&lang=c&&flag&e=")), 0);
    assert_int_equal(count, 4);
    field_is(0, "code", "a b\n+");
    field_is(1, "lang", "c");
    field_is(2, "flag", "");
    field_is(3, "e", "");
    assert_int_equal(parse(URLENCODED "; charset=UTF-8", SPAN("a=b=c")), 0);
    field_is(0, "a", "b=c");
    assert_int_equal(parse(URLENCODED, SPAN("")), 0);
    assert_int_equal(count, 0);
    assert_int_equal(parse(URLENCODED, SPAN("a=%00")), 0);
    assert_int_equal(fields[0].value.len, 1);
    assert_int_equal(parse(URLENCODED, SPAN("a=5 % 2")), -EINVAL);
    assert_int_equal(parse(URLENCODED, SPAN("a=%")), -EINVAL);
    assert_int_equal(parse(URLENCODED, SPAN("a%4=1")), -EINVAL);
    assert_int_equal(parse("text/plain", SPAN("a=b")), -ENOTSUP);
    assert_int_equal(parse("", SPAN("a=b")), -ENOTSUP);
    assert_int_equal(parse(NULL, SPAN("a=b")), -ENOTSUP);
}

static void test_count(void **state) {
    (void)state;
    char body[400] = "";
    for (int i = 0; i < 100; i++)
        strcat(body, "a&");
    assert_int_equal(parse(URLENCODED, span_of(body)), 0);
    assert_int_equal(count, 100);
    strcat(body, "a");
    assert_int_equal(parse(URLENCODED, span_of(body)), -EINVAL);
}

static void test_multipart(void **state) {
    (void)state;
    assert_int_equal(
        parse(MULTIPART, SPAN("--B\r\nContent-Disposition: form-data; name=\"code\"\r\n"
                              "\r\nint main\n--B\r\n -B\r\n\r\n--B \t\r\n"
                              "Content-Type: text/plain\r\n"
                              "content-disposition: FORM-DATA; name=f; "
                              "filename=\"a \\\"b\\\\ \\c.txt\"\r\n"
                              "\r\n\r\n--B--\r\nepilogue")),
        0);
    assert_int_equal(count, 2);
    field_is(0, "code", "int main\n--B\r\n -B\r\n");
    assert_null(fields[0].filename.data);
    field_is(1, "f", "");
    assert_true(span_eq_text(fields[1].filename, "a \"b\\ \\c.txt"));
    assert_int_equal(
        parse("Multipart/Form-Data; charset=x; BOUNDARY=\"a b\"",
              SPAN("preamble\r\n--a b\r\nContent-Disposition: form-data; name=n\r\n\r\n"
                   "v\r\n--a b--")),
        0);
    field_is(0, "n", "v");
    assert_int_equal(parse(MULTIPART, SPAN("--B--")), 0);
    assert_int_equal(count, 0);
}

static void test_multipart_refused(void **state) {
    (void)state;
#define PART "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nv"
    static const struct {
        const char *type;
        struct span body;
    } rows[] = {
        {"multipart/form-data", RAW(PART "\r\n--B--")},
        {"multipart/form-data; boundary=", RAW(PART "\r\n--B--")},
        {"multipart/form-data; boundary=\"\"", RAW(PART "\r\n--B--")},
        {"multipart/form-data; boundary=\"B", RAW(PART "\r\n--B--")},
        {"multipart/form-data; boundary=B; boundary=C", RAW(PART "\r\n--B--")},
        {"multipart/form-data; boundary=\"B\r\"", RAW(PART "\r\n--B--")},
        {"multipart/form-data; boundary="
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         RAW("--a--")},
        {MULTIPART, RAW("")},
        {MULTIPART, RAW("-")},
        {MULTIPART, RAW("--")},
        {MULTIPART, RAW("--B")},
        {MULTIPART, RAW("--B-")},
        {MULTIPART, RAW("--B\r")},
        {MULTIPART, RAW("--B\r\n")},
        {MULTIPART, RAW("--Bx\r\n")},
        {MULTIPART, RAW(PART "\r\n--Bx\r\n--B--")},
        {MULTIPART, RAW("--C--")},
        {MULTIPART, RAW(PART)},
        {MULTIPART, RAW(PART "\r\n--B")},
        {MULTIPART, RAW(PART "\n--B--")},
        {MULTIPART, RAW("--B\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--B--")},
        {MULTIPART, RAW("--B\r\nContent-Disposition: form-data; name=a\r\n\r\n--B--")},
        {MULTIPART, RAW("--B\r\n\r\nv\r\n--B--")},
        {MULTIPART, RAW("--B\r\nContent-Type: a\r\n\r\nv\r\n--B--")},
        {MULTIPART, RAW("--B\r\nContent-Disposition: form-data\r\n\r\nv\r\n--B--")},
        {MULTIPART, RAW("--B\r\nContent-Disposition: attachment; name=a\r\n\r\nv\r\n--B--")},
        {MULTIPART, RAW("--B\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nv\r\n--B--")},
        {MULTIPART, RAW("--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\nv\r\n--B--")},
        {MULTIPART, RAW("--B\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: "
                        "form-data; name=b\r\n\r\nv\r\n--B--")},
        {MULTIPART, RAW("--B\r\nContent-Disposition : form-data; name=a\r\n\r\nv\r\n--B--")},
        {MULTIPART, RAW("--B\r\nContent-Disposition: form-data; name=a\r\n"
                        "Content-Transfer-Encoding: base64\r\n\r\nv\r\n--B--")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int r = parse(rows[i].type, rows[i].body);
        if (r != -EINVAL)
            fail_msg("row %zu: %d instead of -EINVAL", i, r);
    }
}

static int done(void **state) {
    (void)state;
    parse(URLENCODED, SPAN(""));
    arena_done(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urlencoded),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_multipart_refused),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
