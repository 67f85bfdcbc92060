/* What a stage's sandbox sees of the host: the ini's words as what is there now.
 *
 *   mounts = [?]SOURCE[:TARGET]   SOURCE may be a pattern (*, ?, [abc]); '?' in front: optional
 *   links  = PATH:TEXT            a symbolic link of the sandbox's root
 */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "language/internal.h"

/* Inside the sandbox only the last part of the path counts: what lies above it is not there. */
static bool readable(const struct stat *st, unsigned reader_uid) {
    mode_t bits = S_ISDIR(st->st_mode) ? 05 : 04;
    mode_t mode = st->st_uid == reader_uid ? st->st_mode >> 6 : st->st_mode;
    return (mode & bits) == bits;
}

static int add_mount(struct language_stage *stage, const char *source, const char *target,
                     unsigned reader_uid, struct error *err) {
    char real[PATH_MAX];
    struct stat st;
    if (!realpath(source, real) || stat(real, &st) < 0)
        return error_errno(err, errno, "%s", source);
    if (!readable(&st, reader_uid))
        return error_set(err, EACCES, "%s: not readable by the sandbox's user", source);
    stage->mounts = base_realloc_array(stage->mounts, stage->mounts_len + 1, sizeof *stage->mounts);
    stage->mounts[stage->mounts_len++] =
        (struct language_mount){base_strdup(real), base_strdup(target)};
    return 0;
}

static int add_matches(struct language_stage *stage, const char *pattern, bool optional,
                       unsigned reader_uid, struct error *err) {
    glob_t found;
    int r = glob(pattern, 0, NULL, &found); /* GLOB_ERR: an absent folder would be a failure */
    if (r == GLOB_NOMATCH)
        return optional ? 0 : error_set(err, ENOENT, "%s: not found", pattern);
    if (r != 0)
        return error_set(err, EIO, "%s: cannot be read", pattern);
    for (size_t i = 0; r == 0 && i < found.gl_pathc; i++) {
        r = add_mount(stage, found.gl_pathv[i], found.gl_pathv[i], reader_uid, err);
        if (r < 0 && optional)
            r = 0;
    }
    globfree(&found);
    return r;
}

static int resolve_mount(struct language_stage *stage, char *word, unsigned reader_uid,
                         struct error *err) {
    bool optional = *word == '?';
    word += optional;
    char *target = strchr(word, ':');
    if (target)
        *target++ = '\0';
    if (word[0] != '/' || (target && target[0] != '/'))
        return error_set(err, EINVAL, "mount \"%s\": not an absolute path", word);
    if (!target)
        return add_matches(stage, word, optional, reader_uid, err);
    int r = add_mount(stage, word, target, reader_uid, err);
    return r < 0 && optional ? 0 : r;
}

static int resolve_link(struct language_stage *stage, char *word, struct error *err) {
    char *text = strchr(word, ':');
    if (!text || word[0] != '/' || !text[1])
        return error_set(err, EINVAL, "link \"%s\": is PATH:TEXT with an absolute PATH", word);
    *text++ = '\0';
    stage->links = base_realloc_array(stage->links, stage->links_len + 1, sizeof *stage->links);
    stage->links[stage->links_len++] =
        (struct language_link){.path = base_strdup(word), .target = base_strdup(text)};
    return 0;
}

int stage_resolve_mounts(const struct ini *ini, const char *section, const struct placeholders *p,
                         unsigned reader_uid, struct language_stage *stage, struct error *err) {
    size_t mounts_len, links_len;
    char **mounts = ini_words(ini, section, "mounts", &mounts_len);
    char **links = ini_words(ini, section, "links", &links_len);
    int r = 0;
    for (size_t i = 0; r == 0 && i < mounts_len; i++) {
        CLEANUP_FREE char *word = placeholders_replace(p, mounts[i]);
        r = resolve_mount(stage, word, reader_uid, err);
    }
    for (size_t i = 0; r == 0 && i < links_len; i++) {
        CLEANUP_FREE char *word = placeholders_replace(p, links[i]);
        r = resolve_link(stage, word, err);
    }
    words_free(mounts, mounts_len);
    words_free(links, links_len);
    return r;
}
