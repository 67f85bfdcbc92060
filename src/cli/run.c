/* retort run FILE…: the program's own output and exit code. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/internal.h"

#define STDIN_MAX (16 * MIB)

static const char usage[] =
    "retort run FILE… [options] [-- ARGS]\n"
    "\n"
    "Compiles and runs a program in a sandbox. The first FILE is the program, the others stand\n"
    "beside it. Its output, its errors and its exit code are retort's own; ARGS are its "
    "arguments.\n"
    "Its stdin is retort's own, unless that is a terminal.\n"
    "\n"
    "  --lang NAME    the language; else the first file's name tells (`retort languages`)\n"
    "  --stdin FILE   what the program reads\n"
    "  --json         the whole answer: verdict, times, memory, the compiler's diagnostics\n"
    "  --server URL   default: RETORT_SERVER, else " CLI_DEFAULT_SERVER "\n"
    "\n"
    "Exit codes beside the program's own: 128 + n ended by signal n, 124 time limit, 125 another\n"
    "limit or retort's own failure, 126 does not compile, 127 no such language here.\n";

static int fail(const char *words) {
    (void)fprintf(stderr, "retort: %s\n", words);
    return CLI_EXIT_FAILED;
}

static int read_stdin(const struct cli_options *o, struct buffer *ret, struct error *err) {
    if (o->stdin_file) {
        int r = fd_read_file(AT_FDCWD, o->stdin_file, STDIN_MAX, ret);
        return r < 0 ? cli_read_failed(r, o->stdin_file, STDIN_MAX, err) : 0;
    }
    if (isatty(STDIN_FILENO))
        return 0;
    char chunk[16 * KIB];
    for (;;) {
        ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        /* A closed stdin is an empty one. */
        if (n < 0)
            return errno == EBADF ? 0 : error_errno(err, errno, "stdin");
        if (n == 0)
            return 0;
        int r = buffer_append(ret, chunk, (size_t)n);
        if (r < 0)
            return cli_read_failed(r, "stdin", STDIN_MAX, err);
    }
}

static int copy_stream(const json_t *stage, const char *key, int fd) {
    CLEANUP_BUFFER struct buffer bytes = BUFFER_INIT(0);
    int r = cli_stream_bytes(stage, key, &bytes);
    if (r == 0 && bytes.len)
        r = fd_write_full(fd, bytes.data, bytes.len);
    return r;
}

static int print_answer(const json_t *answer) {
    const json_t *compile = json_object_get(answer, "compile"),
                 *run = json_object_get(answer, "run");
    /* All that the compiler says is beside the program's output. */
    int r = copy_stream(compile, "stdout", STDERR_FILENO);
    if (r == 0)
        r = copy_stream(compile, "stderr", STDERR_FILENO);
    if (r == 0)
        r = copy_stream(run, "stdout", STDOUT_FILENO);
    return r < 0 ? r : copy_stream(run, "stderr", STDERR_FILENO);
}

static int finish(const struct cli_options *o, const struct cli_response *response) {
    if (response->status != 200) {
        if (o->json)
            (void)printf("%.*s\n", (int)response->body.len, response->body.data);
        return cli_report_problem(response);
    }
    struct error err = {0};
    json_t *answer = json_read(buffer_span(&response->body), &err);
    if (!answer) {
        (void)error_prefix(&err, "%s gave no answer of retort", o->server);
        return fail(err.message);
    }
    char words[120];
    int code = cli_exit_code(answer, words, sizeof words), r = 0;
    if (o->json) {
        CLEANUP_FREE char *text = json_write(answer, true);
        r = fputs(text, stdout) < 0 || fflush(stdout) != 0 ? -errno : 0;
    } else {
        r = print_answer(answer);
    }
    json_decref(answer);
    if (*words && !o->json)
        (void)fprintf(stderr, "retort: %s\n", words);
    return r < 0 ? fail("the output could not be written") : code;
}

static int run(const struct cli_options *o) {
    struct error err = {0};
    CLEANUP_BUFFER struct buffer stdin_bytes = BUFFER_INIT(STDIN_MAX);
    if (read_stdin(o, &stdin_bytes, &err) < 0)
        return fail(err.message);
    json_t *request = cli_run_request(o, buffer_span(&stdin_bytes), &err);
    if (!request)
        return fail(err.message);
    CLEANUP_FREE char *body = json_write(request, false);
    json_decref(request);
    struct cli_response response;
    if (cli_request(o->server, "/api/v1/runs", body, &response, &err) < 0)
        return fail(err.message);
    int code = finish(o, &response);
    cli_response_done(&response);
    return code;
}

int cli_run(int argc, char **argv) {
    struct error err = {0};
    struct cli_options o;
    int code = 0;
    if (cli_options_read(argc, argv, true, &o, &err) < 0) {
        code = fail(err.message);
        (void)fprintf(stderr, "%.*s", (int)(strchr(usage, '\n') - usage + 1), usage);
    } else if (o.help) {
        (void)fputs(usage, stdout);
    } else {
        code = run(&o);
    }
    cli_options_done(&o);
    return code;
}
