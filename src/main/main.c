/* retort: source code in, an answer out, sealed. This file is the table of the verbs. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "base/nearest.h"
#include "cli/cli.h"
#include "main/commands.h"

static int help_main(int argc, char **argv);
static int version_main(int argc, char **argv);

static const struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; /* NULL: not for people */
} verbs[] = {
    {"serve", serve_main, "start the server"},
    {"run", cli_run, "run a program: its own output and exit code"},
    {"languages", cli_languages, "what can be run"},
    {"doctor", doctor_main, "what this host gives a sandbox"},
    {"version", version_main, "which retort this is"},
    {"help", help_main, "this"},
    {"server-process", server_main, NULL},
};

static int help_main(int argc, char **argv) {
    (void)argc;
    (void)argv;
    puts("retort: source code in, an answer out, sealed\n");
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (verbs[i].help)
            printf("  retort %-10s %s\n", verbs[i].name, verbs[i].help);
    puts("\nretort VERB --help says more.");
    return 0;
}

static int version_main(int argc, char **argv) {
    bool as_json = argc == 2 && strcmp(argv[1], "--json") == 0;
    printf(as_json ? "{\"version\":\"%s\"}\n" : "retort %s\n", RETORT_VERSION);
    return 0;
}

static int unknown(const char *word) {
    const char *names[ARRAY_LEN(verbs) + 1] = {NULL};
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (verbs[i].help)
            names[n++] = verbs[i].name;
    const char *near = nearest_name(word, names);
    fprintf(stderr, "retort: there is no verb \"%s\"%s%s%s\n", word, near ? "; did you mean " : "",
            near ? near : "; retort help lists them", near ? "?" : "");
    return 2;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        help_main(argc, argv);
        return 2;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        word = "help";
    if (strcmp(word, "--version") == 0)
        word = "version";
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(verbs[i].name, word) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    return unknown(word);
}
