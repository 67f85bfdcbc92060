/* `retort doctor`: what this host gives a sandbox, and which limits are real. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "main/commands.h"
#include "sandbox/sandbox.h"

#define FINDINGS_MAX 64

static void print_json(const struct sandbox_finding *findings, size_t count, bool complete) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s,s:b,s:b,s:s}", "name", findings[i].name, "ok",
                                              findings[i].ok, "essential", findings[i].essential,
                                              "detail", findings[i].detail));
    json_t *all = json_pack("{s:b,s:o}", "complete", complete, "findings", list);
    CLEANUP_FREE char *text = json_write(all, true);
    fputs(text, stdout);
    json_decref(all);
}

int doctor_main(int argc, char **argv) {
    bool as_json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("retort doctor [--json]\n\nOne line for each thing that a sandbox needs of this host; "
             "exit "
             "code 1 if isolation\nwould be incomplete.");
        return 0;
    }
    if (argc > 1 && !as_json) {
        fprintf(stderr, "retort doctor: option %s is not known; there is only --json\n", argv[1]);
        return 2;
    }
    struct sandbox_finding findings[FINDINGS_MAX];
    size_t count = sandbox_probe(findings, FINDINGS_MAX);
    bool complete = true;
    for (size_t i = 0; i < count; i++)
        complete = complete && (findings[i].ok || !findings[i].essential);
    if (as_json) {
        print_json(findings, count, complete);
        return complete ? 0 : 1;
    }
    for (size_t i = 0; i < count; i++)
        printf("%-9s %-26s %s\n",
               findings[i].ok          ? "ok"
               : findings[i].essential ? "MISSING"
                                       : "weaker",
               findings[i].name, findings[i].detail);
    puts(complete ? "isolation is complete" : "isolation would be incomplete");
    return complete ? 0 : 1;
}
