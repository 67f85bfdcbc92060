/* Which hierarchies this host has, and the small reading and writing that every kind of cgroup
 * needs.
 *
 * A version 1 host mounts each controller somewhere of its own, or several together; a hybrid one
 * has the version 2 tree beside them, without controllers. Where they are is read from mountinfo,
 * never assumed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/internal.h"

static const char *const controller_names[CGROUP_CONTROLLERS] = {
    [CGROUP_MEMORY] = "memory",   [CGROUP_PIDS] = "pids",       [CGROUP_CPU] = "cpu",
    [CGROUP_CPUACCT] = "cpuacct", [CGROUP_DEVICES] = "devices", [CGROUP_UNIFIED] = "",
};

/* ---- mountinfo ---- */

/* "\040" and its kin, as mountinfo writes blanks; in place. */
static void unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from;) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
            from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
            *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

static unsigned controllers_of(char *options) {
    unsigned bits = 0;
    char *rest = options;
    for (char *word; (word = strsep(&rest, ","));)
        for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
            if (*word && strcmp(word, controller_names[i]) == 0)
                bits |= 1u << i;
    return bits;
}

/* 36 35 98:0 /root /mount/point rw,noatime master:1 - type source super,options */
static void take_line(char *line, struct cgroup_mounts *m) {
    char *tail = strstr(line, " - ");
    if (!tail || m->len == ARRAY_LEN(m->list))
        return;
    *tail = '\0';
    tail += 3;
    char *type = strsep(&tail, " ");
    char *source = strsep(&tail, " ");
    char *rest = line, *point = NULL;
    for (int field = 0; field < 5 && rest; field++)
        point = strsep(&rest, " ");
    if (!type || !source || !tail || !point)
        return;
    unsigned found = 0;
    if (strcmp(type, "cgroup2") == 0)
        found = 1u << CGROUP_UNIFIED;
    else if (strcmp(type, "cgroup") == 0)
        found = controllers_of(tail);
    for (size_t i = 0; i < m->len; i++)
        found &= ~m->list[i].controllers; /* mounted twice: the first counts */
    if (!found)
        return;
    unescape(point);
    m->list[m->len++] = (struct cgroup_mount){.path = base_strdup(point), .controllers = found};
}

int cgroup_mounts_parse(const char *mountinfo, struct cgroup_mounts *ret) {
    struct cgroup_mounts m = {0};
    char *copy = base_strdup(mountinfo), *rest = copy;
    for (char *line; (line = strsep(&rest, "\n"));)
        take_line(line, &m);
    free(copy);
    *ret = m;
    return 0;
}

int cgroup_mounts_read(struct cgroup_mounts *ret, struct error *err) {
    CLEANUP_BUFFER struct buffer text = BUFFER_INIT(0);
    int r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", 4 * MIB, &text);
    if (r < 0)
        return error_errno(err, -r, "/proc/self/mountinfo");
    return cgroup_mounts_parse(text.data ? text.data : "", ret);
}

void cgroup_mounts_done(struct cgroup_mounts *m) {
    for (size_t i = 0; i < m->len; i++)
        free(m->list[i].path);
    m->len = 0;
}

bool cgroup_mounts_have(const struct cgroup_mounts *m, enum cgroup_controller c) {
    for (size_t i = 0; i < m->len; i++)
        if (m->list[i].controllers & (1u << c))
            return true;
    return false;
}

bool cgroup_name_ok(const char *name) {
    size_t len = strlen(name);
    return len > 0 && len < 128 && name[0] != '.' && !strchr(name, '/') && !strchr(name, '\n');
}

/* ---- files of a group ---- */

int cgroup_write(int dir_fd, const char *path, const char *text) {
    CLEANUP_CLOSE int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int cgroup_write_u64(int dir_fd, const char *path, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return cgroup_write(dir_fd, path, text);
}

static int read_small(int dir_fd, const char *path, char *text, size_t size) {
    CLEANUP_CLOSE int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, text, size - 1);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    return 0;
}

int cgroup_read_u64(int dir_fd, const char *path, uint64_t *ret) {
    char text[32], *end;
    int r = read_small(dir_fd, path, text, sizeof text);
    if (r < 0)
        return r;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno || end == text)
        return -EPROTO;
    *ret = value;
    return 0;
}

int cgroup_read_key(int dir_fd, const char *path, const char *key, uint64_t *ret) {
    char text[512];
    int r = read_small(dir_fd, path, text, sizeof text);
    if (r < 0)
        return r;
    size_t len = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) == 0 && line[len] == ' ') {
            *ret = strtoull(line + len + 1, NULL, 10);
            return 0;
        }
    }
    return -ENOENT;
}

/* The file is read in pieces: a bomb may have left thousands. */
int cgroup_kill_members(int dir_fd, const char *path) {
    char file[192];
    snprintf(file, sizeof file, "%s/cgroup.procs", path);
    CLEANUP_BUFFER struct buffer text = BUFFER_INIT(0);
    int r = fd_read_file(dir_fd, file, 4 * MIB, &text);
    if (r < 0)
        return r == -ENOENT || r == -ENODEV ? 0 : r;
    int count = 0;
    struct span rest = buffer_span(&text);
    while (rest.data && rest.len > 0) {
        uint64_t pid;
        struct span line = span_cut(rest, '\n', &rest);
        /* 0 is a process of another pid namespace; 1 and we ourselves are never meant. */
        if (span_to_u64(line, INT32_MAX, &pid) < 0 || pid <= 1 || (pid_t)pid == getpid())
            continue;
        kill((pid_t)pid, SIGKILL);
        count++;
    }
    return count;
}

/* ---- which kind ---- */

int sandbox_cgroups_open(const char *service, const char *life, bool force_none,
                         uint64_t parent_memory_bytes, struct sandbox_cgroups **ret,
                         struct error *err) {
    if (!cgroup_name_ok(service) || !cgroup_name_ok(life))
        return error_set(err, EINVAL, "\"%s\" or \"%s\" cannot name a group", service, life);
    if (force_none) {
        *ret = cgroup_none_open();
        return 0;
    }
    struct cgroup_mounts mounts;
    int r = cgroup_mounts_read(&mounts, err);
    if (r < 0)
        return r;
    if (cgroup_mounts_have(&mounts, CGROUP_MEMORY) || cgroup_mounts_have(&mounts, CGROUP_PIDS))
        r = cgroup_v1_open(service, life, &mounts, parent_memory_bytes, ret, err);
    else
        *ret = cgroup_none_open();
    cgroup_mounts_done(&mounts);
    return r;
}

void sandbox_cgroups_free(struct sandbox_cgroups *c) {
    if (c)
        c->ops->free(c);
}

enum sandbox_cgroup_kind sandbox_cgroups_kind(const struct sandbox_cgroups *c) {
    return c->ops->kind;
}

bool sandbox_cgroups_enforces(const struct sandbox_cgroups *c, const char *limit) {
    return c->ops->enforces(c, limit);
}
