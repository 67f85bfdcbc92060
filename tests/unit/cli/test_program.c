/* program.c: what `retort run` sends, and the exit codes that scripts rely on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "cli/internal.h"

static void names_stay_below_the_folder(void **state) {
    (void)state;
    assert_string_equal(cli_file_name("main.c"), "main.c");
    assert_string_equal(cli_file_name("./main.c"), "main.c");
    assert_string_equal(cli_file_name("lib/add.h"), "lib/add.h");
    assert_string_equal(cli_file_name("/tmp/x/main.c"), "main.c");
    assert_string_equal(cli_file_name("../main.c"), "main.c");
    assert_string_equal(cli_file_name("a/../../main.c"), "main.c");
    assert_string_equal(cli_file_name("..main.c"), "..main.c");
}

static void the_request(void **state) {
    (void)state;
    char path[] = "/tmp/retort-cli-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "a\377", 2), 2);
    close(fd);
    const char *files[] = {path}, *args[] = {"--x", ""};
    struct cli_options o = {.files = files, .files_len = 1, .args = args, .args_len = 2};
    struct error err = {0};
    json_t *request = cli_run_request(&o, SPAN("in"), &err);
    assert_non_null(request);
    CLEANUP_FREE char *text = json_write(request, false);
    CLEANUP_FREE char *expected = base_printf(
        "{\"files\":[{\"name\":\"%s\",\"content_base64\":\"Yf8=\"}],\"args\":[\"--x\",\"\"],"
        "\"stdin\":\"in\"}",
        path + 5);
    assert_string_equal(text, expected);
    json_decref(request);
    unlink(path);
    assert_null(cli_run_request(&o, SPAN(""), &err));
    assert_non_null(strstr(err.message, path));
}

static int code_of(const char *text, char words[120]) {
    struct error err = {0};
    json_t *answer = json_read(span_of(text), &err);
    assert_non_null(answer);
    int code = cli_exit_code(answer, words, 120);
    json_decref(answer);
    return code;
}

static void exit_codes(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        int code;
        const char *words;
    } rows[] = {
        {"{\"verdict\":\"ok\",\"run\":{\"exit_code\":0}}", 0, ""},
        {"{\"verdict\":\"runtime_error\",\"stage\":\"run\",\"run\":{\"exit_code\":3}}", 3, ""},
        {"{\"verdict\":\"signalled\",\"stage\":\"run\",\"run\":{\"signal\":\"SIGKILL\"}}", 137,
         "SIGKILL"},
        {"{\"verdict\":\"signalled\",\"stage\":\"run\",\"run\":{\"signal\":\"SIGSEGV\"}}", 139,
         "SIGSEGV"},
        {"{\"verdict\":\"signalled\",\"stage\":\"run\",\"run\":{\"signal\":\"SIG40\"}}", 168,
         "SIG40"},
        {"{\"verdict\":\"signalled\",\"stage\":\"compile\",\"compile\":{\"signal\":\"SIGSEGV\"}}",
         125, "compiler: SIGSEGV"},
        {"{\"verdict\":\"compile_error\",\"stage\":\"compile\",\"compile\":{}}", 126, ""},
        {"{\"verdict\":\"time_limit\",\"stage\":\"run\",\"run\":{\"limit\":\"cpu\"}}", 124,
         "time limit (cpu time) (run stage)"},
        {"{\"verdict\":\"time_limit\",\"stage\":\"compile\",\"compile\":{\"limit\":\"wall\"}}", 124,
         "time limit (wall time) (compile stage)"},
        {"{\"verdict\":\"memory_limit\",\"stage\":\"run\",\"run\":{}}", 125,
         "memory limit (run stage)"},
        {"{\"verdict\":\"output_limit\",\"stage\":\"run\",\"run\":{}}", 125,
         "output limit (run stage)"},
        {"{\"verdict\":\"internal_error\",\"stage\":\"run\",\"run\":{}}", 125,
         "internal error (run stage)"},
        {"{\"verdict\":\"new_one\"}", 125, "the server's answer has no verdict that is known here"},
        {"{}", 125, "the server's answer has no verdict that is known here"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char words[120];
        int code = code_of(rows[i].answer, words);
        if (code != rows[i].code || strcmp(words, rows[i].words) != 0)
            fail_msg("%s gave %d \"%s\"", rows[i].answer, code, words);
    }
}

static void streams(void **state) {
    (void)state;
    struct error err = {0};
    json_t *stage = json_read(
        SPAN("{\"stdout_base64\":\"/wBB\",\"stderr\":\"h\\u00e9\",\"bad_base64\":\"*\"}"), &err);
    struct buffer b = BUFFER_INIT(0);
    assert_int_equal(cli_stream_bytes(stage, "stdout", &b), 0);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "\377\0A", 3);
    buffer_truncate(&b, 0);
    assert_int_equal(cli_stream_bytes(stage, "stderr", &b), 0);
    assert_string_equal(b.data, "h\303\251");
    assert_true(cli_stream_bytes(stage, "bad", &b) < 0);
    buffer_truncate(&b, 0);
    assert_int_equal(cli_stream_bytes(stage, "none", &b), 0);
    assert_int_equal(cli_stream_bytes(NULL, "none", &b), 0);
    assert_int_equal(b.len, 0);
    buffer_done(&b);
    json_decref(stage);
}

static void no_server_is_told_with_what_to_do(void **state) {
    (void)state;
    struct cli_response response;
    struct error err = {0};
    assert_true(cli_request("http://127.0.0.1:1", "/x", NULL, &response, &err) < 0);
    assert_non_null(strstr(err.message, "http://127.0.0.1:1"));
    assert_non_null(strstr(err.message, "retort serve"));
    assert_true(cli_request("file:///etc/passwd", "", NULL, &response, &err) < 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stay_below_the_folder),
        cmocka_unit_test(the_request),
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(streams),
        cmocka_unit_test(no_server_is_told_with_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
