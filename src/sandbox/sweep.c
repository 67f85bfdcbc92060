/* Previous lives (S82): everything that a service ever made in the hierarchies lies under its name,
 * so a sweep needs to know nothing else. Walks by descriptors. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "sandbox/internal.h"

#define DEPTH_MAX 8
#define REMOVE_DEADLINE_MS 1000
#define REMOVE_PAUSE_US 2000

/* Kills until nobody is left: a fork bomb's members may fork once more before they hear of it. */
static int remove_emptied(int dir_fd, const char *name) {
    uint64_t end = clock_now_ms() + REMOVE_DEADLINE_MS;
    for (;;) {
        int n = cgroup_kill_members(dir_fd, name);
        if (n < 0)
            return n;
        if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0)
            return 1;
        if (errno == ENOENT)
            return 0;
        if (errno != EBUSY || clock_now_ms() > end)
            return -errno;
        usleep(REMOVE_PAUSE_US);
    }
}

/* Children first. Returns how many groups went; *failed keeps the first errno. */
static int sweep_group(int parent, const char *name, int depth, int *failed) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        if (errno != ENOENT && !*failed)
            *failed = -errno;
        return 0;
    }
    int count = 0;
    /* All of it at once, where the kernel can: a bomb then has no time to spread. */
    cgroup_write(fd, "cgroup.kill", "1");
    DIR *dir = fdopendir(fd);
    if (!dir) {
        fd_close(fd);
        return 0;
    }
    for (struct dirent *e; depth < DEPTH_MAX && (e = readdir(dir));) {
        if (e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            count += sweep_group(dirfd(dir), e->d_name, depth + 1, failed);
    }
    closedir(dir);
    int r = remove_emptied(parent, name);
    if (r < 0 && !*failed)
        *failed = r;
    return count + (r > 0);
}

int sandbox_cgroups_sweep(const char *service, struct error *err) {
    if (!cgroup_name_ok(service))
        return error_set(err, EINVAL, "\"%s\" cannot name a group", service);
    struct cgroup_mounts mounts;
    int r = cgroup_mounts_read(&mounts, err);
    if (r < 0)
        return r;
    int count = 0, failed = 0;
    for (size_t i = 0; i < mounts.len; i++) {
        CLEANUP_CLOSE int fd = open(mounts.list[i].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
            count += sweep_group(fd, service, 0, &failed);
        if (failed && err && err->code == 0)
            error_errno(err, -failed, "sweep %s/%s", mounts.list[i].path, service);
    }
    cgroup_mounts_done(&mounts);
    return failed ? failed : count;
}
