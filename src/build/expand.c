/* The words of a command, with their placeholders replaced. There is no shell: a word of the
 * manifest is one argument, whatever it becomes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build/build.h"

struct words {
    char **list;
    size_t len;
};

struct expansion {
    const struct language *language;
    const struct stage_file *files;
    size_t files_len;
    const char *const *args;
    size_t args_len;
    uint64_t memory_bytes;
};

static void words_add(struct words *w, char *word) {
    w->list = base_realloc_array(w->list, w->len + 1, sizeof *w->list);
    w->list[w->len++] = word;
}

static void words_done(struct words *w) {
    for (size_t i = 0; i < w->len; i++)
        free(w->list[i]);
    free(w->list);
}

/* A tool would take such a name for an option, or for a file with more options (S61, S66). */
static int check_file(struct span name, struct error *err) {
    if (name.len > 0 && (name.data[0] == '-' || name.data[0] == '@'))
        return error_set(err, EINVAL, "file name \"%.*s\": must not begin with '%c'",
                         (int)MIN(name.len, (size_t)100), name.data, name.data[0]);
    return 0;
}

static int add_file(struct words *w, struct span name, struct error *err) {
    int r = check_file(name, err);
    if (r == 0)
        words_add(w, span_dup(name));
    return r;
}

static int add_files_ending(struct words *w, const struct expansion *e, struct span ending,
                            struct error *err) {
    size_t before = w->len;
    for (size_t i = 0; i < e->files_len; i++) {
        if (!span_ends_with(e->files[i].name, ending))
            continue;
        int r = add_file(w, e->files[i].name, err);
        if (r < 0)
            return r;
    }
    return w->len > before
               ? 0
               : error_set(err, EINVAL, "no file's name ends in \"%.*s\"", SPAN_ARG(ending));
}

/* What a placeholder inside a word becomes; to free(). NULL: it is none, and stays as it is. */
static char *value_of(const struct expansion *e, struct span name) {
    if (span_eq_text(name, "source"))
        return e->files_len > 0 ? span_dup(e->files[0].name) : base_strdup(e->language->entry);
    if (span_eq_text(name, "artifact"))
        return base_strdup(e->language->artifact_name ? e->language->artifact_name : "");
    if (span_eq_text(name, "memory_mib"))
        return base_printf("%llu", (unsigned long long)(e->memory_bytes / MIB));
    return NULL;
}

static char *replace_inside(const struct expansion *e, const char *word) {
    CLEANUP_BUFFER struct buffer out = BUFFER_INIT(0);
    int r = 0;
    while (*word && r == 0) {
        const char *open = strchr(word, '{');
        const char *close = open ? strchr(open, '}') : NULL;
        if (!close) {
            r = buffer_append_text(&out, word);
            break;
        }
        struct span name = {open + 1, (size_t)(close - open - 1)};
        CLEANUP_FREE char *value = value_of(e, name);
        r = buffer_append(&out, word, (size_t)(open - word));
        if (r == 0)
            r = value ? buffer_append_text(&out, value)
                      : buffer_append(&out, open, (size_t)(close - open + 1));
        word = close + 1;
    }
    return r < 0 ? NULL : buffer_steal(&out, NULL);
}

static int add_word(struct words *w, const struct expansion *e, const char *word,
                    struct error *err) {
    struct span s = span_of(word);
    struct span files = SPAN("{files:");
    if (span_eq_text(s, "{args}")) {
        for (size_t i = 0; i < e->args_len; i++)
            words_add(w, base_strdup(e->args[i]));
        return 0;
    }
    if (span_starts_with(s, files) && span_ends_with(s, SPAN("}")))
        return add_files_ending(w, e, (struct span){s.data + files.len, s.len - files.len - 1},
                                err);
    int r = e->files_len > 0 && strstr(word, "{source}") ? check_file(e->files[0].name, err) : 0;
    if (r < 0)
        return r;
    char *replaced = replace_inside(e, word);
    if (!replaced)
        return error_set(err, ENOMEM, "a command: no memory");
    words_add(w, replaced);
    return 0;
}

/* Pointers and texts in one block. */
static char **pack(const struct words *w) {
    size_t bytes = (w->len + 1) * sizeof(char *);
    for (size_t i = 0; i < w->len; i++)
        bytes += strlen(w->list[i]) + 1;
    char **block = base_alloc(bytes);
    char *text = (char *)(block + w->len + 1);
    for (size_t i = 0; i < w->len; i++) {
        block[i] = text;
        text = stpcpy(text, w->list[i]) + 1;
    }
    return block;
}

int build_expand_command(const struct language *language, const struct language_stage *stage,
                         const struct stage_file *files, size_t files_len, const char *const *args,
                         size_t args_len, uint64_t memory_bytes, char ***ret_argv, size_t *ret_len,
                         struct error *err) {
    struct expansion e = {language, files, files_len, args, args_len, memory_bytes};
    struct words w = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < stage->command_len; i++)
        r = add_word(&w, &e, stage->command[i], err);
    if (r == 0) {
        *ret_argv = pack(&w);
        *ret_len = w.len;
    }
    words_done(&w);
    return r;
}
