/* internal.h: what the client commands share. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/error.h"

#define CLI_DEFAULT_SERVER "http://127.0.0.1:8000"
#define CLI_EXIT_TIME 124
#define CLI_EXIT_FAILED 125 /* retort's own fault, wrong use, or any other limit */
#define CLI_EXIT_NOT_RUNNABLE 126
#define CLI_EXIT_NOT_FOUND 127

/* ---- options.c ---- */
struct cli_options {
    const char *server; /* --server, else RETORT_SERVER, else the default */
    bool json, help;
    const char *lang, *stdin_file; /* run only; NULL: not given */
    const char **files;            /* what stands before "--"; owned */
    size_t files_len;
    const char *const *args; /* what stands behind it */
    size_t args_len;
};
/* argv[0] is the verb. Only `run` takes files, arguments, --lang and --stdin. */
int cli_options_read(int argc, char **argv, bool is_run, struct cli_options *ret,
                     struct error *err);
void cli_options_done(struct cli_options *o);

/* ---- client.c: one request over HTTP ---- */
struct cli_response {
    long status;
    struct buffer body;
};
/* `body` NULL: GET, else POST of JSON. An error is that no answer came: words for a person, with
 * the server's address. */
int cli_request(const char *server, const char *path, const char *body, struct cli_response *ret,
                struct error *err);
void cli_response_done(struct cli_response *r);
/* Prints what a problem document says (or the bare status) on stderr, and returns the exit code. */
int cli_report_problem(const struct cli_response *response);

/* ---- program.c: what `run` sends and what its answer means; pure ---- */
/* The name of a file inside the sandbox: its path when that stays below the current folder, else
 * its last segment. */
const char *cli_file_name(const char *path);
/* The body of POST /api/v1/runs. Reads the files; `stdin_bytes` may be empty. */
json_t *cli_run_request(const struct cli_options *o, struct span stdin_bytes, struct error *err);
/* Words for a file or stdin that could not be read; returns r. */
int cli_read_failed(int r, const char *what, size_t limit_bytes, struct error *err);
/* The text or bytes of a stream of a stage: `key` or `key`_base64. */
int cli_stream_bytes(const json_t *stage, const char *key, struct buffer *ret);
/* The exit code of an answer; words for stderr when the program's own output does not explain it
 * ("" else). */
int cli_exit_code(const json_t *answer, char *words, size_t size);
