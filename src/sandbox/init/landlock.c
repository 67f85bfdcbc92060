/* Landlock, the third layer under mounts and filter (S37): writes only where the sandbox has its
 * own file systems, no TCP, no abstract socket or signal beyond the sandbox.
 *
 * Reading and executing are left to the mounts: an artifact is execveat'd from a descriptor whose
 * file lies outside the tree, which no rule about paths could name in advance. Kernels differ in
 * what they know; each gets what it has, and one without Landlock gets nothing. The constants are
 * written out, since the headers of Debian 12 end at version 2.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/init/init.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1 };

#define FS_WRITE_FILE (1ULL << 1)
#define FS_REMOVE_DIR (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_CHAR (1ULL << 6)
#define FS_MAKE_DIR (1ULL << 7)
#define FS_MAKE_REG (1ULL << 8)
#define FS_MAKE_SOCK (1ULL << 9)
#define FS_MAKE_FIFO (1ULL << 10)
#define FS_MAKE_BLOCK (1ULL << 11)
#define FS_MAKE_SYM (1ULL << 12)
#define FS_REFER (1ULL << 13)    /* version 2 */
#define FS_TRUNCATE (1ULL << 14) /* version 3 */
#define NET_BIND_TCP (1ULL << 0) /* version 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_SOCKET (1ULL << 0) /* version 6 */
#define SCOPE_SIGNAL (1ULL << 1)

#define FS_SPECIAL (FS_MAKE_CHAR | FS_MAKE_BLOCK) /* granted nowhere */
#define FS_PLACES                                                                                  \
    (FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_MAKE_SOCK |   \
     FS_MAKE_FIFO | FS_MAKE_SYM)

struct ruleset_attr {
    uint64_t fs, net, scoped;
};
struct path_attr {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

static int allow_beneath(int ruleset, const char *path, uint64_t rights) {
    struct path_attr attr = {.allowed = rights};
    attr.parent = open(path, O_PATH | O_CLOEXEC);
    if (attr.parent < 0)
        return -errno;
    int r = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &attr, 0) < 0 ? -errno : 0;
    close(attr.parent);
    return r;
}

static int fill_rules(int ruleset, uint64_t handled) {
    const struct {
        const char *path;
        uint64_t rights;
    } rules[] = {
        {INIT_BOX, FS_PLACES | FS_REFER | FS_TRUNCATE},
        {"/tmp", FS_PLACES | FS_REFER | FS_TRUNCATE},
        {"/dev/shm", FS_PLACES | FS_REFER | FS_TRUNCATE},
        {"/dev", FS_WRITE_FILE | FS_TRUNCATE},  /* null; the folder itself is read-only */
        {"/proc", FS_WRITE_FILE | FS_TRUNCATE}, /* /proc/self/comm, and what a runtime sets */
    };
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof rules / sizeof rules[0]; i++)
        r = allow_beneath(ruleset, rules[i].path, rules[i].rights & handled);
    return r;
}

int seal_landlock(const struct init_setup *s) {
    if (!(s->layers & INIT_LAYER_LANDLOCK))
        return 0;
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
    if (version < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
    struct ruleset_attr attr = {.fs = FS_PLACES | FS_SPECIAL};
    size_t size = sizeof attr.fs;
    attr.fs |= (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0);
    if (version >= 4) {
        attr.net = NET_BIND_TCP | NET_CONNECT_TCP;
        size = offsetof(struct ruleset_attr, scoped);
    }
    if (version >= 6) {
        attr.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
        size = sizeof attr;
    }
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        return -errno;
    int r = fill_rules(ruleset, attr.fs);
    if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        r = -errno;
    close(ruleset);
    return r;
}
