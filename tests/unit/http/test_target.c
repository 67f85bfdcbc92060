/* Targets, paths and hosts: H4, H20, H35; and which route a path finds. */
#include "check.h"
#include "http/internal.h"

/* The decoded path, or NULL when it is refused. */
static const char *decoded(struct span raw) {
    static char out[256];
    size_t len;
    assert_true(raw.len < sizeof out);
    if (http_path_decode(raw, out, &len) != NULL)
        return NULL;
    out[len] = '\0';
    return out;
}

static void test_path_h20(void **state) {
    (void)state;
    assert_string_equal(decoded(SPAN("/")), "/");
    assert_string_equal(decoded(SPAN("/say/hello")), "/say/hello");
    assert_string_equal(decoded(SPAN("/say/")), "/say/"); /* another path than /say */
    assert_string_equal(decoded(SPAN("/a%20b%c3%a9")), "/a b\xc3\xa9");
    assert_string_equal(decoded(SPAN("/%2541")), "/%41"); /* decoded once */
    assert_string_equal(decoded(SPAN("/..a/.b/c.")), "/..a/.b/c.");
    assert_string_equal(decoded(SPAN("/.../x")), "/.../x");
    static const struct span refused[] = {
        RAW("//"),         RAW("/a//b"),      RAW("/a//"),  RAW("/."),        RAW("/.."),
        RAW("/a/./b"),     RAW("/a/../b"),    RAW("/a/.."), RAW("/a/%2e%2E"), RAW("/%2e/a"),
        RAW("/a%2fb"),     RAW("/a%5cb"),     RAW("/a\\b"), RAW("/a%00"),     RAW("/%0a"),
        RAW("/%7f"),       RAW("/%"),         RAW("/%4"),   RAW("/%4g"),      RAW("/%c0%af"),
        RAW("/%e0%80%af"), RAW("/%ed%a0%80"), RAW("/%ff"),  RAW("/%c3"),      RAW("/%f4%90%80%80"),
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (decoded(refused[i]) != NULL)
            fail_msg("%.*s is taken", SPAN_ARG(refused[i]));
    }
}

static void test_forms_of_target(void **state) {
    (void)state;
    struct http_target t;
    assert_null(http_target_split(SPAN("/a?b?c"), HTTP_GET, &t));
    assert_true(span_eq_text(t.path, "/a"));
    assert_true(span_eq_text(t.query, "b?c"));
    assert_null(t.authority.data);
    assert_null(http_target_split(SPAN("/a"), HTTP_GET, &t));
    assert_null(t.query.data);
    assert_null(http_target_split(SPAN("/a?"), HTTP_GET, &t));
    assert_non_null(t.query.data);
    assert_null(http_target_split(SPAN("HTTP://h:1/a?b"), HTTP_GET, &t));
    assert_true(span_eq_text(t.authority, "h:1"));
    assert_true(span_eq_text(t.path, "/a"));
    assert_null(http_target_split(SPAN("http://h"), HTTP_GET, &t));
    assert_true(span_eq_text(t.path, "/"));
    assert_null(http_target_split(SPAN("http://h?q"), HTTP_GET, &t));
    assert_true(span_eq_text(t.path, "/"));
    assert_true(span_eq_text(t.query, "q"));
    assert_null(http_target_split(SPAN("*"), HTTP_OPTIONS, &t));
    assert_true(t.asterisk);
    assert_non_null(http_target_split(SPAN("*"), HTTP_GET, &t));
    assert_non_null(http_target_split(SPAN("a"), HTTP_GET, &t));
    assert_non_null(http_target_split(SPAN("?a"), HTTP_GET, &t));
    assert_non_null(http_target_split(SPAN("http:///a"), HTTP_GET, &t));
    assert_non_null(http_target_split(SPAN("https://h/a"), HTTP_GET, &t));
    assert_non_null(http_target_split(SPAN("ftp://h/a"), HTTP_GET, &t));
    assert_non_null(http_target_split(SPAN("/a#b"), HTTP_GET, &t));
    assert_non_null(http_target_split(SPAN("h:80"), HTTP_GET, &t));
}

static bool same_host(struct span a, struct span b) {
    struct http_authority x, y;
    assert_null(http_authority_parse(a, &x));
    assert_null(http_authority_parse(b, &y));
    return http_authority_eq(&x, &y);
}

static void test_authority_h4(void **state) {
    (void)state;
    struct http_authority a;
    assert_true(same_host(SPAN("A.example"), SPAN("a.EXAMPLE:80")));
    assert_true(same_host(SPAN("a:"), SPAN("a")));
    assert_false(same_host(SPAN("a:8080"), SPAN("a")));
    assert_false(same_host(SPAN("a"), SPAN("b")));
    assert_true(same_host(SPAN("[::1]:80"), SPAN("[::1]")));
    static const struct span refused[] = {
        RAW(""),      RAW(":80"),     RAW("a:b"), RAW("a:1:2"), RAW("a:000080"),     RAW("u@h"),
        RAW("a%41"),  RAW("a..b"),    RAW(".a"),  RAW("[]"),    RAW("[::1"),         RAW("::1"),
        RAW("[g::]"), RAW("[::1]80"), RAW("a/"),  RAW("a\0b"),  RAW("[::1%25eth0]"),
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (http_authority_parse(refused[i], &a) == NULL)
            fail_msg("row %zu is taken: %.*s", i, SPAN_ARG(refused[i]));
    }
}

static void test_known_hosts_h35(void **state) {
    (void)state;
    const char *const names[] = {"retort.example", NULL};
    assert_true(http_host_known(SPAN("localhost"), NULL));
    assert_true(http_host_known(SPAN("LocalHost"), NULL));
    assert_true(http_host_known(SPAN("127.0.0.1"), NULL));
    assert_true(http_host_known(SPAN("127.9.8.7"), NULL));
    assert_true(http_host_known(SPAN("[::1]"), NULL));
    assert_true(http_host_known(SPAN("[0:0:0:0:0:0:0:1]"), NULL));
    assert_true(http_host_known(SPAN("Retort.Example"), names));
    assert_false(http_host_known(SPAN("retort.example"), NULL));
    assert_false(http_host_known(SPAN("evil.example"), names));
    assert_false(http_host_known(SPAN("localhost.evil.example"), names));
    assert_false(http_host_known(SPAN("127.0.0.1.nip.io"), names));
    assert_false(http_host_known(SPAN("10.0.0.1"), names));
    assert_false(http_host_known(SPAN("[::2]"), names));
}

static void on_request(struct http_exchange *x, const struct http_route *route) {
    (void)x;
    (void)route;
}

static void test_routes(void **state) {
    (void)state;
    static const struct http_route table[] = {
        {.methods = HTTP_ANY, .path = "/*", .on_request = on_request},
        {.methods = HTTP_GET, .path = "/a", .on_request = on_request},
        {.methods = HTTP_POST, .path = "/a", .on_request = on_request},
        {.methods = HTTP_GET, .path = "/a/*", .on_request = on_request},
        {.methods = HTTP_DELETE | HTTP_GET, .path = "/a/b/*", .on_request = on_request},
    };
    struct http_config config = {.name = "test"};
    struct http_server *server = http_server_new(&config, NULL);
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        http_server_route(server, &table[i]);
    struct http_match m = http_server_match(server, HTTP_POST, SPAN("/a"));
    assert_ptr_equal(m.route, &table[2]);
    m = http_server_match(server, HTTP_HEAD, SPAN("/a"));
    assert_ptr_equal(m.route, &table[1]);
    m = http_server_match(server, HTTP_PUT, SPAN("/a"));
    assert_null(m.route); /* the most specific path decides, also against itself */
    assert_int_equal(m.allowed, HTTP_GET | HTTP_HEAD | HTTP_POST | HTTP_OPTIONS);
    m = http_server_match(server, HTTP_GET, SPAN("/a/b/c/d"));
    assert_ptr_equal(m.route, &table[4]);
    assert_true(span_eq_text(m.rest, "c/d"));
    m = http_server_match(server, HTTP_GET, SPAN("/a/b"));
    assert_ptr_equal(m.route, &table[3]);
    assert_true(span_eq_text(m.rest, "b"));
    m = http_server_match(server, HTTP_GET, SPAN("/A"));
    assert_ptr_equal(m.route, &table[0]);
    char allow[ALLOW_TEXT_SIZE];
    http_allow_text(HTTP_ANY, allow);
    assert_string_equal(allow, "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
    http_server_free(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_h20),     cmocka_unit_test(test_forms_of_target),
        cmocka_unit_test(test_authority_h4), cmocka_unit_test(test_known_hosts_h35),
        cmocka_unit_test(test_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
