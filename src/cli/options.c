/* The words after `retort run` and `retort languages`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/internal.h"

static const char *const run_names[] = {"--lang", "--stdin", "--server", "--json", "--help", NULL};
static const char *const plain_names[] = {"--server", "--json", "--help", NULL};

/* "--lang" or "--lang=…"; *ret_value is what stands behind '=', or NULL. */
static bool is_option(const char *word, const char *name, const char **ret_value) {
    size_t len = strlen(name);
    if (strncmp(word, name, len) != 0 || (word[len] != '\0' && word[len] != '='))
        return false;
    *ret_value = word[len] == '=' ? word + len + 1 : NULL;
    return true;
}

static int unknown_option(const char *word, const char *const *names, struct error *err) {
    CLEANUP_FREE char *name = base_strndup(word, strcspn(word, "="));
    const char *near = nearest_name(name, names);
    if (near)
        return error_set(err, EINVAL, "unknown option %s; did you mean %s?", name, near);
    return error_set(err, EINVAL, "unknown option %s (--help lists them)", name);
}

static const char **value_place(struct cli_options *o, const char *name) {
    if (strcmp(name, "--lang") == 0)
        return &o->lang;
    return strcmp(name, "--stdin") == 0 ? &o->stdin_file : &o->server;
}

/* One option at argv[*i]; moves *i past its value. */
static int read_option(char **argv, int argc, int *i, const char *const *names,
                       struct cli_options *o, struct error *err) {
    const char *word = argv[*i], *value = NULL;
    size_t n = 0;
    while (names[n] && !is_option(word, names[n], &value))
        n++;
    if (!names[n])
        return unknown_option(word, names, err);
    bool *flag = strcmp(names[n], "--json") == 0   ? &o->json
                 : strcmp(names[n], "--help") == 0 ? &o->help
                                                   : NULL;
    if (flag && value)
        return error_set(err, EINVAL, "%s takes no value", names[n]);
    if (flag) {
        *flag = true;
        return 0;
    }
    if (!value && *i + 1 < argc)
        value = argv[++*i];
    if (!value || !*value)
        return error_set(err, EINVAL, "%s needs a value", names[n]);
    *value_place(o, names[n]) = value;
    return 0;
}

int cli_options_read(int argc, char **argv, bool is_run, struct cli_options *ret,
                     struct error *err) {
    const char *const *names = is_run ? run_names : plain_names;
    *ret = (struct cli_options){.files = base_alloc_array((size_t)argc + 1, sizeof(char *))};
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (is_run && strcmp(word, "--") == 0) {
            ret->args = (const char *const *)(argv + i + 1);
            ret->args_len = (size_t)(argc - i - 1);
            break;
        }
        if (strcmp(word, "-h") == 0) {
            ret->help = true;
        } else if (word[0] == '-' && word[1]) {
            int r = read_option(argv, argc, &i, names, ret, err);
            if (r < 0)
                return r;
        } else if (is_run) {
            ret->files[ret->files_len++] = word;
        } else {
            return error_set(err, EINVAL, "%s takes no argument, but got %s", argv[0], word);
        }
    }
    if (is_run && ret->files_len == 0 && !ret->help)
        return error_set(err, EINVAL, "no source file is named");
    const char *environment = getenv("RETORT_SERVER");
    if (!ret->server)
        ret->server = environment && *environment ? environment : CLI_DEFAULT_SERVER;
    return 0;
}

void cli_options_done(struct cli_options *o) {
    free(STEAL_PTR(o->files));
}
