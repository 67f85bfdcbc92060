/* The root of a profile, built once (S30-S36).
 *
 * Theory of operation. The finished root of a kind of sandbox is made ahead, in a mount namespace
 * of its own that holds nothing of the host's tree:
 *
 *   /       an empty tmpfs
 *   /proc   the spawner's own proc: the kernel lets a child namespace mount a proc only where one
 * is fully in view already; and through it the child closes the door of user namespaces /new    the
 * sandbox's root: a tmpfs with the links, /etc and /dev, the profile's folders mounted read-only;
 * then itself made read-only. /proc, /tmp, /box and /dev/shm in it are empty
 *
 * A sandbox is cloned from inside that namespace, so the host's tree is never in view of it, its
 * copy costs a dozen mounts instead of the host's hundreds, and the child's part (enter.c) is one
 * clone of /new, what is new each time on top of it, and the pivot.
 *
 * Every source is opened and verified before, in the host's namespace, and mounted by descriptor;
 * no path is resolved twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "sandbox/internal.h"

#define TARGET_MAX 512
#define SEAL_ATTRS (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

struct device {
    const char *name;
    unsigned minor; /* of major 1 */
};
static const struct device devices[] = {
    {"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9},
};

/* One thing to mount: a detached copy of a verified source. */
struct piece {
    int tree;
    bool folder;
    char target[TARGET_MAX];
};
struct pieces {
    struct piece *list;
    size_t len;
};

static void pieces_done(struct pieces *p) {
    for (size_t i = 0; i < p->len; i++)
        fd_close(p->list[i].tree);
    free(p->list);
}

/* ---- sources: opened, verified, cloned, in the host's namespace ---- */

static int open_source(const char *path, int *ret_fd, struct stat *st, struct error *err) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (fd < 0)
        return error_errno(err, errno, "mount source %s%s", path,
                           errno == ELOOP ? " (links must be resolved before)" : "");
    if (fstat(fd, st) < 0) {
        int code = errno;
        fd_close(fd);
        return error_errno(err, code, "mount source %s", path);
    }
    *ret_fd = fd;
    return 0;
}

/* What shows the kernel's or the host's state is never part of a root (S33, S34). */
static int refuse_filesystem(int fd, const char *path, struct error *err) {
    static const long refused[] = {PROC_SUPER_MAGIC,    SYSFS_MAGIC,   CGROUP_SUPER_MAGIC,
                                   CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC, DEVPTS_SUPER_MAGIC};
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return error_errno(err, errno, "mount source %s", path);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (fs.f_type == refused[i])
            return error_set(err, EINVAL, "mount source %s lies on a file system of the kernel",
                             path);
    return 0;
}

/* Read-only, nosuid, nodev, not recursive; nodev would end a device node. */
static int clone_tree(int fd, uint64_t attrs, const char *path, struct error *err) {
    int tree = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (tree < 0)
        return error_errno(err, errno, "open_tree %s", path);
    struct mount_attr attr = {.attr_set = attrs};
    if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0) {
        int code = errno;
        fd_close(tree);
        return error_errno(err, code, "mount_setattr %s", path);
    }
    return tree;
}

static void add_piece(struct pieces *p, int tree, bool folder, const char *target) {
    struct piece *piece = &p->list[p->len++];
    piece->tree = tree;
    piece->folder = folder;
    snprintf(piece->target, sizeof piece->target, "%s", target);
}

static int add_mount(struct pieces *p, const struct sandbox_mount *m, struct error *err) {
    struct stat st;
    if (m->target[0] != '/' || m->target[1] == '\0' || strlen(m->target) >= TARGET_MAX ||
        strstr(m->target, "/../") || strstr(m->target, "//"))
        return error_set(err, EINVAL, "mount target %s", m->target);
    CLEANUP_CLOSE int fd = -1;
    int r = open_source(m->source, &fd, &st, err);
    if (r < 0)
        return r;
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return error_set(err, EINVAL, "mount source %s is neither a file nor a folder", m->source);
    r = refuse_filesystem(fd, m->source, err);
    if (r < 0)
        return r;
    int tree = clone_tree(fd, SEAL_ATTRS, m->source, err);
    if (tree < 0)
        return tree;
    add_piece(p, tree, S_ISDIR(st.st_mode), m->target + 1);
    return 0;
}

static int add_device(struct pieces *p, const struct device *d, struct error *err) {
    char path[32], target[32];
    struct stat st;
    snprintf(path, sizeof path, "/dev/%s", d->name);
    snprintf(target, sizeof target, "dev/%s", d->name);
    CLEANUP_CLOSE int fd = -1;
    int r = open_source(path, &fd, &st, err);
    if (r < 0)
        return r;
    if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, d->minor))
        return error_set(err, ENODEV, "%s is not what its name says", path);
    int tree = clone_tree(fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, path, err);
    if (tree < 0)
        return tree;
    add_piece(p, tree, false, target);
    return 0;
}

static int collect_pieces(const struct root_spec *spec, struct pieces *p, struct error *err) {
    p->list = base_alloc_array(spec->mounts_len + ARRAY_LEN(devices), sizeof *p->list);
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(devices); i++)
        r = add_device(p, &devices[i], err);
    for (size_t i = 0; r == 0 && i < spec->mounts_len; i++)
        r = add_mount(p, &spec->mounts[i], err);
    return r;
}

/* ---- the new tree; every path is relative to its root ---- */

static int make_folders(int root, const char *path, bool with_last, struct error *err) {
    char part[TARGET_MAX];
    size_t len = strlen(path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && !(path[i] == '\0' && with_last))
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdirat(root, part, 0755) < 0 && errno != EEXIST)
            return error_errno(err, errno, "mkdir /%s in the root", part);
    }
    return 0;
}

static int write_text(int root, const char *path, const char *text, struct error *err) {
    CLEANUP_CLOSE int fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || fd_write_full(fd, text, strlen(text)) < 0)
        return error_errno(err, errno, "write /%s in the root", path);
    return 0;
}

static int place_piece(int root, const struct piece *piece, struct error *err) {
    int r = make_folders(root, piece->target, piece->folder, err);
    if (r < 0)
        return r;
    if (!piece->folder) {
        int fd = openat(root, piece->target, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444);
        if (fd < 0)
            return error_errno(err, errno, "create /%s in the root", piece->target);
        fd_close(fd);
    }
    if (move_mount(piece->tree, "", root, piece->target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return error_errno(err, errno, "mount at /%s in the root", piece->target);
    return 0;
}

/* The few files of /etc that every program may ask for (S36); the rest are mounts of the profile.
 */
static int write_etc(int root, struct error *err) {
    static const struct {
        const char *path, *text;
    } files[] = {
        {"etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n"
                       "sandbox:x:1000:1000:sandbox:/box:/bin/sh\n"},
        {"etc/group", "root:x:0:\nsandbox:x:1000:\n"},
        {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n"},
        {"etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n"},
    };
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(files); i++)
        r = write_text(root, files[i].path, files[i].text, err);
    return r;
}

static int make_link(int root, const char *text, const char *path, struct error *err) {
    int r = make_folders(root, path, false, err);
    if (r == 0 && symlinkat(text, root, path) < 0)
        return error_errno(err, errno, "link /%s in the root", path);
    return r;
}

static int fill_root(int root, const struct root_spec *spec, const struct pieces *pieces,
                     struct error *err) {
    /* .empty is what covers a folder of /proc where a mask is needed. */
    static const char *const folders[] = {"dev", "dev/shm", "etc", "proc", "tmp", "box", ".empty"};
    static const struct sandbox_link links[] = {
        {"/proc/self/fd", "dev/fd"},
        {"/proc/self/fd/0", "dev/stdin"},
        {"/proc/self/fd/1", "dev/stdout"},
        {"/proc/self/fd/2", "dev/stderr"},
    };
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(folders); i++)
        r = make_folders(root, folders[i], true, err);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(links); i++)
        r = make_link(root, links[i].target, links[i].path, err);
    if (r == 0)
        r = write_etc(root, err);
    for (size_t i = 0; r == 0 && i < pieces->len; i++)
        r = place_piece(root, &pieces->list[i], err);
    for (size_t i = 0; r == 0 && i < spec->links_len; i++) {
        if (spec->links[i].path[0] != '/')
            return error_set(err, EINVAL, "link %s is not absolute", spec->links[i].path);
        r = make_link(root, spec->links[i].target, spec->links[i].path + 1, err);
    }
    return r;
}

/* ---- the namespace ---- */

/* Leaves the host's tree: an empty tmpfs becomes the root, the old one is let go. */
static int leave_host_tree(struct error *err) {
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return error_errno(err, errno, "make mounts private");
    if (mount("tmpfs", "/proc", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,nr_inodes=16,mode=755") <
        0)
        return error_errno(err, errno, "mount the outer root");
    if (chdir("/proc") < 0 || mkdir("proc", 0555) < 0 || mkdir("new", 0755) < 0)
        return error_errno(err, errno, "folders of the outer root");
    if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return error_errno(err, errno, "mount the outer proc");
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return error_errno(err, errno, "pivot to the outer root");
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return error_errno(err, errno, "let go of the host's tree");
    return 0;
}

static int build_new(const struct root_spec *spec, const struct pieces *pieces, struct error *err) {
    int r = leave_host_tree(err);
    if (r < 0)
        return r;
    if (mount("tmpfs", "/new", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,nr_inodes=1024,mode=755") <
        0)
        return error_errno(err, errno, "mount the root");
    CLEANUP_CLOSE int root = open("/new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return error_errno(err, errno, "open the root");
    r = fill_root(root, spec, pieces, err);
    if (r < 0)
        return r;
    /* Read-only twice: the mount, and the file system under it, which all sandboxes share. */
    fd_close(STEAL_FD(root));
    if (mount(NULL, "/new", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0 ||
        mount(NULL, "/new", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) <
            0 ||
        mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
        return error_errno(err, errno, "make the root read-only");
    int ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    return ns < 0 ? error_errno(err, errno, "open the mount namespace") : ns;
}

int root_template_new(const struct root_spec *spec, struct error *err) {
    struct pieces pieces = {0};
    int r = collect_pieces(spec, &pieces, err);
    CLEANUP_CLOSE int home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    CLEANUP_CLOSE int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (r == 0 && (home < 0 || cwd < 0))
        r = error_errno(err, errno, "remember the mount namespace");
    if (r == 0 && unshare(CLONE_NEWNS | CLONE_FS) < 0)
        r = error_errno(err, errno, "a mount namespace of its own");
    if (r == 0) {
        r = build_new(spec, &pieces, err);
        if (setns(home, CLONE_NEWNS) < 0 || fchdir(cwd) < 0) {
            log_error("cannot return to the host's mount namespace: %s", strerror(errno));
            abort();
        }
    }
    pieces_done(&pieces);
    return r;
}
