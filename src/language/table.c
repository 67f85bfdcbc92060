/* The table: every folder, in the order of names, and look-ups. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/nearest.h"
#include "language/internal.h"

struct language_table *table_new(void) {
    return base_alloc(sizeof(struct language_table));
}

struct language *table_append(struct language_table *t) {
    t->list = base_realloc_array(t->list, t->len + 1, sizeof *t->list);
    struct language *l = &t->list[t->len];
    *l = (struct language){.index = t->len};
    t->len++;
    return l;
}

void language_table_free(struct language_table *t) {
    if (!t)
        return;
    for (size_t i = 0; i < t->len; i++)
        language_done(&t->list[i]);
    free(t->list);
    free(t);
}

size_t language_count(const struct language_table *t) {
    return t->len;
}

const struct language *language_at(const struct language_table *t, size_t index) {
    return index < t->len ? &t->list[index] : NULL;
}

static bool answers_to(const struct language *l, struct span name) {
    if (span_eq_nocase(span_of(l->name), name))
        return true;
    for (size_t i = 0; i < l->aliases_len; i++)
        if (span_eq_nocase(span_of(l->aliases[i]), name))
            return true;
    return false;
}

const struct language *language_find(const struct language_table *t, struct span name) {
    for (size_t i = 0; i < t->len; i++)
        if (answers_to(&t->list[i], name))
            return &t->list[i];
    return NULL;
}

const struct language *language_for_file(const struct language_table *t, struct span file_name) {
    for (size_t i = 0; i < t->len; i++)
        for (size_t k = 0; k < t->list[i].extensions_len; k++)
            if (span_ends_with(file_name, span_of(t->list[i].extensions[k])))
                return &t->list[i];
    return NULL;
}

char *language_names(const struct language_table *t) {
    char *names = base_strdup("");
    for (size_t i = 0; i < t->len; i++) {
        if (t->list[i].state != LANGUAGE_READY)
            continue;
        char *longer = base_printf("%s%s%s", names, *names ? ", " : "", t->list[i].name);
        free(names);
        names = longer;
    }
    return names;
}

/* ---- reading ---- */

static bool is_wanted(const char *only, const char *name) {
    struct span rest = span_of(only);
    if (!only)
        return true;
    while (rest.data)
        if (span_eq_text(span_trim(span_cut(rest, ',', &rest), " "), name))
            return true;
    return false;
}

/* Two languages that answer to one name would make it a matter of luck which is meant. */
static int check_names(const struct language_table *t, const struct language *l,
                       struct error *err) {
    for (size_t i = 0; i < t->len; i++) {
        const struct language *other = &t->list[i];
        if (other == l)
            continue;
        bool clash = answers_to(other, span_of(l->name));
        const char *name = l->name;
        for (size_t k = 0; !clash && k < l->aliases_len; k++) {
            name = l->aliases[k];
            clash = answers_to(other, span_of(name));
        }
        if (clash)
            return error_set(err, EINVAL, "languages %s and %s both answer to \"%s\"", other->name,
                             l->name, name);
    }
    return 0;
}

static int read_one(struct language_table *t, const char *folder, const char *name,
                    const struct resolve_context *context, struct error *err) {
    CLEANUP_FREE char *path = base_printf("%s/language.ini", folder);
    CLEANUP_BUFFER struct buffer text = BUFFER_INIT(LANGUAGE_INI_BYTES_MAX);
    int r = fd_read_file(AT_FDCWD, path, LANGUAGE_INI_BYTES_MAX, &text);
    if (r < 0)
        return error_errno(err, -r, "%s", path);
    struct ini ini;
    r = ini_read(buffer_span(&text), path, &ini, err);
    if (r < 0)
        return r;
    struct language l;
    r = language_define(&ini, name, &l, err);
    if (r == 0) {
        r = language_resolve(&ini, context, &l, err);
        struct language *row = table_append(t);
        l.index = row->index;
        *row = l;
        if (r == 0)
            r = check_names(t, row, err);
    }
    ini_done(&ini);
    return r;
}

static int is_folder(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

/* Names that `only` asks for and no folder has; the list is of all folders, also unread ones. */
static int check_only(const char *only, const char *const *folders, struct error *err) {
    struct span rest = span_of(only);
    while (only && rest.data) {
        CLEANUP_FREE char *name = span_dup(span_trim(span_cut(rest, ',', &rest), " "));
        size_t i = 0;
        while (folders[i] && strcmp(folders[i], name) != 0)
            i++;
        if (folders[i] || !*name)
            continue;
        const char *nearest = nearest_name(name, folders);
        return nearest ? error_set(err, EINVAL, "there is no language \"%s\", did you mean \"%s\"?",
                                   name, nearest)
                       : error_set(err, EINVAL, "there is no language \"%s\"", name);
    }
    return 0;
}

static int read_folders(struct language_table *t, const char *dir, const char *const *folders,
                        const char *only, const char *toolchains, unsigned reader_uid,
                        struct error *err) {
    int r = check_only(only, folders, err);
    for (size_t i = 0; r == 0 && folders[i]; i++) {
        CLEANUP_FREE char *folder = base_printf("%s/%s", dir, folders[i]);
        struct resolve_context context = {folder, toolchains, reader_uid};
        struct stat st;
        if (is_wanted(only, folders[i]) && stat(folder, &st) == 0 && S_ISDIR(st.st_mode))
            r = read_one(t, folder, folders[i], &context, err);
    }
    return r;
}

int language_table_read(const char *dir, const char *only, const char *toolchains,
                        unsigned reader_uid, struct language_table **ret_table, struct error *err) {
    struct dirent **entries;
    int n = scandir(dir, &entries, is_folder, alphasort);
    if (n < 0)
        return error_errno(err, errno, "languages: %s", dir);
    char **folders = base_alloc(sizeof *folders);
    size_t folders_len = 0;
    for (int i = 0; i < n; i++) {
        words_append(&folders, &folders_len, base_strdup(entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    struct language_table *t = table_new();
    int r = read_folders(t, dir, (const char *const *)folders, only, toolchains, reader_uid, err);
    words_free(folders, folders_len);
    if (r < 0) {
        language_table_free(t);
        return r;
    }
    *ret_table = t;
    return 0;
}
