/* retort languages: what the server can run, and what it lacks for the rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/internal.h"

static const char usage[] =
    "retort languages [options]\n"
    "\n"
    "Lists the languages of a server, and what is missing for those that cannot be used.\n"
    "\n"
    "  --json         the whole list\n"
    "  --server URL   default: RETORT_SERVER, else " CLI_DEFAULT_SERVER "\n";

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void print_table(const json_t *list) {
    size_t i;
    json_t *row;
    int widths[2] = {8, 16};
    json_array_foreach(list, i, row) {
        widths[0] = MAX(widths[0], (int)strlen(text_of(row, "name")));
        widths[1] = MAX(widths[1], (int)strlen(text_of(row, "version")));
    }
    (void)printf("%-*s  %-8s  %-*s  %s\n", widths[0], "NAME", "STATE", widths[1], "VERSION",
                 "WHAT");
    json_array_foreach(list, i, row) {
        const char *reason = text_of(row, "reason");
        (void)printf("%-*s  %-8s  %-*s  %s\n", widths[0], text_of(row, "name"),
                     text_of(row, "state"), widths[1], text_of(row, "version"),
                     *reason ? reason : text_of(row, "title"));
    }
}

static int print(const struct cli_options *o, const struct cli_response *response) {
    if (response->status != 200)
        return cli_report_problem(response);
    struct error err = {0};
    json_t *answer = json_read(buffer_span(&response->body), &err);
    const json_t *list = json_object_get(answer, "languages");
    int code = 0;
    if (!json_is_array(list)) {
        (void)fprintf(stderr, "retort: %s gave no list of languages\n", o->server);
        code = CLI_EXIT_FAILED;
    } else if (o->json) {
        CLEANUP_FREE char *text = json_write(answer, true);
        (void)fputs(text, stdout);
    } else {
        print_table(list);
    }
    json_decref(answer);
    return code;
}

static int list(const struct cli_options *o, struct error *err) {
    struct cli_response response;
    int r = cli_request(o->server, "/api/v1/languages", NULL, &response, err);
    if (r < 0)
        return r;
    r = print(o, &response);
    cli_response_done(&response);
    return r;
}

int cli_languages(int argc, char **argv) {
    struct error err = {0};
    struct cli_options o;
    int r = cli_options_read(argc, argv, false, &o, &err);
    if (r == 0 && o.help)
        (void)fputs(usage, stdout);
    else if (r == 0)
        r = list(&o, &err);
    if (r < 0) {
        (void)fprintf(stderr, "retort: %s\n", err.message);
        r = CLI_EXIT_FAILED;
    }
    cli_options_done(&o);
    return r;
}
