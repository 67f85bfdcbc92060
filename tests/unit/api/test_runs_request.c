/* runs_request.c: each field of POST /api/v1/runs, and the words for each that is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stand_in.h"

static struct arena arena;
static struct runs_request request;
static struct api_refusal refusal;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 1 * MIB);
    request = (struct runs_request){0};
    refusal = (struct api_refusal){0};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    runs_request_done(&request);
    arena_done(&arena);
    return 0;
}

static int read_text(const char *text) {
    runs_request_done(&request);
    return runs_request_read(&arena, stand_in_languages(), span_of(text), &request, &refusal);
}

static void assert_refused(const char *text, int status, const char *type, const char *words) {
    assert_true(read_text(text) < 0);
    if (refusal.status != status || strcmp(refusal.type, type) != 0 ||
        !strstr(refusal.detail, words))
        fail_msg("%s\n  gave %d %s: %s", text, refusal.status, refusal.type, refusal.detail);
}

static void assert_span(struct span got, const char *expected) {
    assert_int_equal(got.len, strlen(expected));
    assert_memory_equal(got.data, expected, got.len);
}

static void every_field(void **state) {
    (void)state;
    int r =
        read_text("{\"language\":\"PY\",\"files\":[{\"name\":\"a.py\",\"content\":\"print(1)\"},"
                  "{\"name\":\"b.bin\",\"content_base64\":\"/wBB\"}],\"stdin\":\"in\","
                  "\"args\":[\"x\",\"\"],\"env\":{\"A\":\"1\",\"_b2\":\"\"},"
                  "\"limits\":{\"run\":{\"wall_ms\":5,\"output_bytes\":6},"
                  "\"compile\":{\"memory_bytes\":7,\"cpu_ms\":8,\"processes\":9}}}");
    assert_int_equal(r, 0);
    const struct run_spec *s = &request.spec;
    assert_string_equal(s->language->name, "python");
    assert_int_equal(s->files_len, 2);
    assert_span(s->files[0].name, "a.py");
    assert_span(s->files[0].content, "print(1)");
    assert_int_equal(s->files[1].content.len, 3);
    assert_memory_equal(s->files[1].content.data, "\377\0A", 3);
    assert_span(s->stdin_bytes, "in");
    assert_int_equal(s->args_len, 2);
    assert_string_equal(s->args[1], "");
    assert_int_equal(s->env_len, 2);
    assert_string_equal(s->env[0], "A=1");
    assert_string_equal(s->env[1], "_b2=");
    assert_int_equal(s->run_limits.wall_ms, 5);
    assert_int_equal(s->run_limits.output_bytes, 6);
    assert_int_equal(s->compile_limits.memory_bytes, 7);
    assert_int_equal(s->compile_limits.cpu_ms, 8);
    assert_int_equal(s->compile_limits.processes, 9);
    assert_int_equal(s->run_limits.cpu_ms, 0);
    assert_int_equal(s->deadline_ms, 0);
}

static void one_file_needs_no_name(void **state) {
    (void)state;
    assert_int_equal(read_text("{\"language\":\"c\",\"source\":\"int x;\"}"), 0);
    assert_span(request.spec.files[0].name, "main.c");
    assert_span(request.spec.files[0].content, "int x;");
    assert_int_equal(read_text("{\"language\":\"c\",\"files\":[{\"content\":\"int y;\"}]}"), 0);
    assert_span(request.spec.files[0].name, "main.c");
    /* And the name may tell the language. */
    assert_int_equal(read_text("{\"files\":[{\"name\":\"x.c\",\"content\":\"int y;\"}]}"), 0);
    assert_string_equal(request.spec.language->name, "c");
    assert_int_equal(read_text("{\"language\":\"c\",\"source\":\"x\",\"stdin_base64\":\"/w==\"}"),
                     0);
    assert_int_equal(request.spec.stdin_bytes.len, 1);
}

static void the_language(void **state) {
    (void)state;
    assert_refused("{\"language\":\"cobol\",\"source\":\"x\"}", 400, "unknown-language",
                   "\"cobol\". There are: c, csharp, python");
    assert_refused("{\"source\":\"x\"}", 400, "unknown-language", "There are: c, csharp, python");
    assert_refused("{\"files\":[{\"name\":\"x.zz\",\"content\":\"x\"}]}", 400, "unknown-language",
                   "c, csharp");
    assert_refused("{\"language\":7,\"source\":\"x\"}", 400, "bad-request", "language");
    assert_refused("{\"language\":\"go\",\"source\":\"x\"}", 501, "toolchain-missing", "golang-go");
    assert_refused("{\"language\":\"ruby\",\"source\":\"x\"}", 501, "toolchain-missing",
                   "cannot be used; the server");
}

static void no_source(void **state) {
    (void)state;
    assert_refused("{\"language\":\"c\"}", 400, "empty-source", "source");
    assert_refused("{\"language\":\"c\",\"source\":\"\"}", 400, "empty-source", "source");
    assert_refused("{\"language\":\"c\",\"files\":[]}", 400, "empty-source", "source");
    assert_refused("{\"language\":\"c\",\"files\":[{\"name\":\"a.c\",\"content\":\"\"}]}", 400,
                   "empty-source", "source");
}

static void no_json(void **state) {
    (void)state;
    assert_refused("{\"language\":\n  \"c\",}", 400, "bad-json", "line 2");
    assert_refused("", 400, "bad-json", "line 1");
    assert_refused("{\"language\":\"c\",\"language\":\"c\"}", 400, "bad-json", "language");
    assert_refused("[1]", 400, "bad-request", "a JSON object");
}

static void unknown_fields_name_the_nearest(void **state) {
    (void)state;
    assert_refused("{\"langauge\":\"c\"}", 400, "bad-request", "\"language\"?");
    assert_refused("{\"language\":\"c\",\"source\":\"x\",\"zzzzzz\":1}", 400, "bad-request",
                   "no field \"zzzzzz\".");
    assert_refused("{\"language\":\"c\",\"files\":[{\"nam\":\"x\",\"content\":\"x\"}]}", 400,
                   "bad-request", "files[0] has no field \"nam\"; did you mean \"name\"?");
    assert_refused("{\"language\":\"c\",\"source\":\"x\",\"limits\":{\"runn\":{}}}", 400,
                   "bad-request", "limits has no field \"runn\"; did you mean \"run\"?");
    assert_refused("{\"language\":\"c\",\"source\":\"x\",\"limits\":{\"run\":{\"wall\":1}}}", 400,
                   "bad-request", "limits.run has no field \"wall\"");
}

static void wrong_types(void **state) {
    (void)state;
    static const char *const bodies[][2] = {
        {"\"files\":\"x\"", "files must be"},
        {"\"files\":[7]", "files[0] must be"},
        {"\"files\":[{\"name\":7,\"content\":\"x\"}]", "files[0].name"},
        {"\"files\":[{\"name\":\"a\"}]", "files[0] has neither"},
        {"\"files\":[{\"content\":\"a\"},{\"content\":\"b\"}]", "files[0] has no \"name\""},
        {"\"files\":[{\"name\":\"a\",\"content\":7}]", "files[0].content must be"},
        {"\"files\":[{\"name\":\"a\",\"content\":\"x\",\"content_base64\":\"eA==\"}]", "exclude"},
        {"\"files\":[{\"name\":\"a\",\"content_base64\":\"e\"}]", "files[0].content_base64"},
        {"\"files\":[],\"source\":\"x\"", "files and source"},
        {"\"source\":7", "source must be"},
        {"\"source\":\"x\",\"stdin\":7", "stdin must be"},
        {"\"source\":\"x\",\"stdin_base64\":\"*\"", "stdin_base64"},
        {"\"source\":\"x\",\"args\":\"x\"", "args must be"},
        {"\"source\":\"x\",\"args\":[\"a\",7]", "args must be"},
        {"\"source\":\"x\",\"env\":[]", "env must be"},
        {"\"source\":\"x\",\"env\":{\"A\":7}", "env must be"},
        {"\"source\":\"x\",\"env\":{\"A=B\":\"7\"}", "A=B"},
        {"\"source\":\"x\",\"env\":{\"\":\"7\"}", "env"},
        {"\"source\":\"x\",\"env\":{\"1A\":\"7\"}", "1A"},
        {"\"source\":\"x\",\"limits\":7", "limits must be"},
        {"\"source\":\"x\",\"limits\":{\"run\":7}", "limits.run must be"},
        {"\"source\":\"x\",\"limits\":{\"run\":{\"wall_ms\":-1}}", "limits.run.wall_ms"},
        {"\"source\":\"x\",\"limits\":{\"run\":{\"wall_ms\":0}}", "limits.run.wall_ms"},
        {"\"source\":\"x\",\"limits\":{\"run\":{\"wall_ms\":1.5}}", "limits.run.wall_ms"},
        {"\"source\":\"x\",\"limits\":{\"compile\":{\"cpu_ms\":\"1\"}}", "limits.compile.cpu_ms"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        CLEANUP_FREE char *text = base_printf("{\"language\":\"c\",%s}", bodies[i][0]);
        assert_refused(text, 400, "bad-request", bodies[i][1]);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(every_field),  CASE(one_file_needs_no_name),
        CASE(the_language), CASE(no_source),
        CASE(no_json),      CASE(unknown_fields_name_the_nearest),
        CASE(wrong_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
