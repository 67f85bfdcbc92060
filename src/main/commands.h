/* commands.h: the verbs that act on this host; main.c has the table of all. argv[0] is the verb;
 * the result is the process's exit code. */
#pragma once

int serve_main(int argc, char **argv);
/* The unprivileged process that `serve` makes of itself; not for people. */
int server_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
