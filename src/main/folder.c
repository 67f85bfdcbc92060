#include "main/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every folder on the way must let the server through. */
static int check_reachable(const char *path, uid_t uid, gid_t gid, struct error *err) {
    char part[PATH_MAX];
    size_t len = strlen(path);
    for (size_t i = 1; i < len; i++) {
        if (path[i] != '/')
            continue;
        struct stat st;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (stat(part, &st) < 0)
            return error_errno(err, errno, "--data: %s", part);
        mode_t bit = st.st_uid == uid ? S_IXUSR : st.st_gid == gid ? S_IXGRP : S_IXOTH;
        if (!(st.st_mode & bit))
            return error_set(err, EACCES,
                             "--data: the server's user cannot reach %s: %s is closed to it (mode "
                             "%03o); choose a folder that any user can reach",
                             path, part, st.st_mode & 0777);
    }
    return 0;
}

static int make_parents(const char *path, struct error *err) {
    char part[PATH_MAX];
    for (size_t i = 1; path[i]; i++) {
        if (path[i] != '/')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return error_errno(err, errno, "--data: make %s", part);
    }
    return 0;
}

/* By descriptor: between mkdir and chown somebody who owns the parent could put a link in its
 * place. */
static int give_away(const char *path, uid_t uid, gid_t gid, struct error *err) {
    struct stat st;
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(err, errno, "--data: %s", path);
    if (st.st_uid != geteuid() || (st.st_mode & 0777) != 0700)
        return error_set(err, EPERM, "--data: %s is not the folder that was just made", path);
    if (fchown(fd, uid, gid) < 0)
        return error_errno(err, errno, "--data: give %s to the server", path);
    return 0;
}

int folder_own(const char *path, uid_t uid, gid_t gid, struct error *err) {
    struct stat st;
    if (path[0] != '/' || strlen(path) >= PATH_MAX)
        return error_set(err, EINVAL, "--data: \"%s\" is not an absolute path", path);
    int r = make_parents(path, err);
    if (r == 0)
        r = check_reachable(path, uid, gid, err);
    if (r < 0)
        return r;
    if (mkdir(path, 0700) == 0)
        return give_away(path, uid, gid, err);
    if (errno != EEXIST)
        return error_errno(err, errno, "--data: make %s", path);
    if (lstat(path, &st) < 0)
        return error_errno(err, errno, "--data: %s", path);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ENOTDIR, "--data: %s is not a folder", path);
    if (st.st_uid != uid)
        return error_set(
            err, EPERM,
            "--data: %s belongs to uid %u, and the server is uid %u; retort never takes "
            "over a folder that it has not made: choose another, or chown it yourself",
            path, st.st_uid, uid);
    if (st.st_mode & 077)
        return error_set(err, EPERM, "--data: %s is open to others (mode %03o); chmod 700 it", path,
                         st.st_mode & 0777);
    return 0;
}
