/* cli.h: the client commands, over HTTP with libcurl: `retort run`, `retort languages`. They know
 * nothing of the server but its API, and work against any machine's. */
#pragma once

/* argv[0] is the verb. Returns the process's exit code: `run` the program's own (128 + n for a
 * signal), 124 time limit, 125 retort's own fault or any other limit, 126 the program was there but
 * could not be run (compile error), 127 unknown language or toolchain missing. */
int cli_run(int argc, char **argv);
int cli_languages(int argc, char **argv);
