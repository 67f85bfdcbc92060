/* compile_answer.c: WebCompile's form and its four keys. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "language/limits.h"
#include "stand_in.h"

static struct run_result result;

static int set_up(void **state) {
    (void)state;
    result =
        (struct run_result){.stage = STAGE_RUN, .compiled = true, .ran = true, .total_us = 581600};
    result.run.wall_us = 22600;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    buffer_done(&result.compile.stage.out);
    buffer_done(&result.compile.stage.err);
    buffer_done(&result.run.out);
    buffer_done(&result.run.err);
    return 0;
}

static void put(struct buffer *b, const char *text) {
    assert_int_equal(buffer_append_text(b, text), 0);
}

static void end_as(enum verdict verdict, enum verdict_stage stage) {
    result.verdict = verdict;
    result.stage = stage;
    result.ran = stage == STAGE_RUN;
    (stage == STAGE_RUN ? &result.run : &result.compile.stage)->verdict = verdict;
}

static void assert_answer(bool line, const char *expected) {
    CLEANUP_FREE char *text = compile_answer(&result, line);
    assert_string_equal(text, expected);
}

static void the_documented_example(void **state) {
    (void)state;
    put(&result.run.out, "Sum: 499500\n");
    assert_answer(true, "{\"Output\":\"Sum: 499500\\nCode Execution: 23 ms\\n\","
                        "\"LatencyInMS\":582,\"ErrorString\":\"\",\"Timeout\":false}");
    assert_answer(false, "{\"Output\":\"Sum: 499500\\n\",\"LatencyInMS\":582,"
                         "\"ErrorString\":\"\",\"Timeout\":false}");
}

static void stderr_is_the_error_string(void **state) {
    (void)state;
    put(&result.run.out, "out");
    put(&result.run.err, "err");
    end_as(VERDICT_RUNTIME_ERROR, STAGE_RUN);
    assert_answer(true, "{\"Output\":\"outCode Execution: 23 ms\\n\",\"LatencyInMS\":582,"
                        "\"ErrorString\":\"err\",\"Timeout\":false}");
}

static void a_compile_error_has_the_compilers_words(void **state) {
    (void)state;
    put(&result.compile.stage.err, "main.cs(1,2): error CS0103\n");
    put(&result.compile.stage.out, "Compilation failed\n");
    end_as(VERDICT_COMPILE_ERROR, STAGE_COMPILE);
    assert_answer(true,
                  "{\"Output\":\"\",\"LatencyInMS\":582,\"ErrorString\":\"main.cs(1,2): error "
                  "CS0103\\nCompilation failed\\n\",\"Timeout\":false}");
}

static void a_time_out_keeps_the_output_so_far(void **state) {
    (void)state;
    put(&result.run.out, "so far\n");
    end_as(VERDICT_TIME_LIMIT, STAGE_RUN);
    assert_answer(true, "{\"Output\":\"so far\\n\",\"LatencyInMS\":582,\"ErrorString\":\"\","
                        "\"Timeout\":true}");
    end_as(VERDICT_TIME_LIMIT, STAGE_COMPILE);
    assert_answer(true, "{\"Output\":\"\",\"LatencyInMS\":582,\"ErrorString\":\"\","
                        "\"Timeout\":true}");
}

static void other_ends_are_told_in_words(void **state) {
    (void)state;
    static const struct {
        enum verdict verdict;
        const char *words;
        bool line;
    } rows[] = {
        {VERDICT_MEMORY_LIMIT, "memory limit: the program", false},
        {VERDICT_OUTPUT_LIMIT, "output limit: the program", false},
        {VERDICT_PROCESS_LIMIT, "process limit: the program", false},
        {VERDICT_INTERNAL_ERROR, "internal error", false},
        {VERDICT_SIGNALLED, "the program was ended by SIGSEGV", true},
    };
    result.run.signal = SIGSEGV;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        end_as(rows[i].verdict, STAGE_RUN);
        CLEANUP_FREE char *text = compile_answer(&result, true);
        assert_non_null(strstr(text, rows[i].words));
        assert_int_equal(strstr(text, "Code Execution") != NULL, rows[i].line);
        assert_non_null(strstr(text, "\"Timeout\":false}"));
    }
    end_as(VERDICT_MEMORY_LIMIT, STAGE_COMPILE);
    CLEANUP_FREE char *text = compile_answer(&result, true);
    assert_non_null(strstr(text, "memory limit: the compiler"));
}

/* S72 */
static void bytes_that_are_no_text_are_replaced(void **state) {
    (void)state;
    assert_int_equal(buffer_append(&result.run.out, "a\377\0b", 4), 0);
    assert_answer(false, "{\"Output\":\"a\357\277\275\357\277\275b\",\"LatencyInMS\":582,"
                         "\"ErrorString\":\"\",\"Timeout\":false}");
}

static void the_form(void **state) {
    (void)state;
    struct http_field fields[] = {
        {.name = SPAN("x"), .value = SPAN("1")},
        {.name = SPAN("code"), .value = SPAN("first")},
        {.name = SPAN("code"), .value = SPAN("second")},
        {.name = SPAN("stdin"), .value = SPAN("in")},
        {.name = SPAN("lang"), .value = SPAN("")},
    };
    struct compile_form form;
    compile_form_read(fields, 4, &form);
    assert_true(span_eq(form.code, SPAN("first")));
    assert_true(span_eq(form.stdin_bytes, SPAN("in")));
    assert_false(form.has_lang);
    compile_form_read(fields, 5, &form);
    assert_true(form.has_lang);
    compile_form_read(NULL, 0, &form);
    assert_int_equal(form.code.len, 0);
}

static void the_size_of_code(void **state) {
    (void)state;
    static char code[LIMIT_WEBCOMPILE_CODE_BYTES + 1];
    assert_false(compile_code_fits((struct span){code, 0}));
    assert_true(compile_code_fits((struct span){code, 1}));
    assert_true(compile_code_fits((struct span){code, LIMIT_WEBCOMPILE_CODE_BYTES}));
    assert_false(compile_code_fits((struct span){code, LIMIT_WEBCOMPILE_CODE_BYTES + 1}));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(the_documented_example),
        CASE(stderr_is_the_error_string),
        CASE(a_compile_error_has_the_compilers_words),
        CASE(a_time_out_keeps_the_output_so_far),
        CASE(other_ends_are_told_in_words),
        CASE(bytes_that_are_no_text_are_replaced),
        CASE(the_form),
        CASE(the_size_of_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
