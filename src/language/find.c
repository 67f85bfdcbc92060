/* Where a tool is, and whether a sandbox could use it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "language/internal.h"

/* Before PATH: what root installs by hand and what the distribution gives. */
static const char *const USUAL_PLACES[] = {"/usr/local/go/bin", "/usr/local/bin", "/usr/bin", NULL};

/* The kernel's own rule, without groups (a sandbox has none of the host's) and capabilities. */
static bool mode_allows(const struct stat *st, unsigned uid, mode_t bits) {
    mode_t mode = st->st_uid == uid ? st->st_mode >> 6 : st->st_mode;
    return (mode & bits) == bits;
}

bool path_usable(const char *path, unsigned reader_uid, bool run, char **ret_at) {
    struct stat st;
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        CLEANUP_FREE char *part =
            slash == path ? base_strdup("/") : base_strndup(path, (size_t)(slash - path));
        if (stat(part, &st) < 0 || !mode_allows(&st, reader_uid, S_IXOTH)) {
            *ret_at = STEAL_PTR(part);
            return false;
        }
    }
    mode_t bits = run ? S_IROTH | S_IXOTH : S_IROTH;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        bits = S_IROTH | S_IXOTH;
    if (stat(path, &st) < 0 || !mode_allows(&st, reader_uid, bits)) {
        *ret_at = base_strdup(path);
        return false;
    }
    return true;
}

/* A script needs an interpreter, mostly a shell, that no sandbox has: shims and wrappers. */
static bool is_script(const char *path) {
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char head[2];
    return fd >= 0 && read(fd, head, sizeof(head)) == 2 && memcmp(head, "#!", 2) == 0;
}

/* 1: *ret_path is it; 0: nothing there; -1: there, but of no use: *ret_reason. */
static int try_path(const char *path, unsigned reader_uid, char **ret_path, char **ret_reason) {
    char real[PATH_MAX];
    struct stat st;
    if (!realpath(path, real))
        return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    if (stat(real, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    CLEANUP_FREE char *at = NULL;
    bool program = st.st_mode & 0111;
    if (!path_usable(real, reader_uid, program, &at)) {
        *ret_reason =
            strcmp(at, real) == 0
                ? base_printf("%s: not readable by the sandbox's user", real)
                : base_printf("%s: not readable by the sandbox's user (%s is closed)", real, at);
        return -1;
    }
    if (program && is_script(real)) {
        *ret_reason = base_printf("%s: is a script, the sandbox needs the program itself", real);
        return -1;
    }
    *ret_path = base_strdup(real);
    return 1;
}

/* One candidate in one folder after the other; keeps the first reason. */
static bool try_folder(const char *folder, size_t folder_len, const char *name, unsigned reader_uid,
                       char **ret_path, char **reason) {
    CLEANUP_FREE char *path = base_printf("%.*s/%s", (int)folder_len, folder, name);
    char *why = NULL;
    int found = try_path(path, reader_uid, ret_path, &why);
    if (found < 0 && !*reason)
        *reason = why ? STEAL_PTR(why) : base_printf("%s: not readable", path);
    free(why);
    return found > 0;
}

static bool try_candidate(const char *name, unsigned reader_uid, char **ret_path, char **reason) {
    if (name[0] == '/')
        return try_folder("", 0, name + 1, reader_uid, ret_path, reason);
    for (size_t i = 0; USUAL_PLACES[i]; i++)
        if (try_folder(USUAL_PLACES[i], strlen(USUAL_PLACES[i]), name, reader_uid, ret_path,
                       reason))
            return true;
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t len = strcspn(path, ":");
        if (len && path[0] == '/' && len < PATH_MAX &&
            try_folder(path, len, name, reader_uid, ret_path, reason))
            return true;
        path += len + (path[len] == ':');
    }
    return false;
}

int tool_find(char *const *candidates, size_t candidates_len, unsigned reader_uid, char **ret_path,
              char **ret_reason, bool *ret_unusable) {
    char *reason = NULL;
    for (size_t i = 0; i < candidates_len; i++)
        if (try_candidate(candidates[i], reader_uid, ret_path, &reason)) {
            free(reason);
            return 0;
        }
    *ret_unusable = reason;
    *ret_reason = reason ? reason : base_printf("%s: not found", candidates[0]);
    return -ENOENT;
}
