/* What retort-init takes away from itself before a tenant byte exists. Each step is read back where
 * the kernel lets us: a call that says yes and does nothing would be worse than one that says no.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/init/init.h"

#define STACK_SOFT (8ULL << 20)
#define STACK_HARD (64ULL << 20)
#define MEMLOCK_BYTES (64ULL << 10)
#define SIGNALS_QUEUED 1024

int setup_read(int fd, const struct init_setup **ret) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size < (off_t)sizeof(struct init_setup))
        return -EINVAL;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return -errno;
    close(fd);
    const struct init_setup *s = p;
    size_t want = sizeof *s + s->filter_len * sizeof(struct sock_filter);
    if (s->magic != SETUP_MAGIC || s->filter_len == 0 || s->filter_len > SETUP_FILTER_MAX ||
        want != (size_t)st.st_size)
        return -EINVAL;
    *ret = s;
    return 0;
}

int limit_set(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
        return -errno;
    if (hard > now.rlim_max)
        hard = now.rlim_max;
    if (soft > hard)
        soft = hard;
    struct rlimit want = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit((__rlimit_resource_t)resource, &want) < 0 ? -errno : 0;
}

/* S47. A core limit of 1 rather than 0: at 0 a piped core_pattern would still run on the host.
 * RLIMIT_AS stays: Go, Java and node reserve terabytes that they never touch. */
int seal_ceilings(const struct init_setup *s) {
    const struct {
        int resource;
        uint64_t soft, hard;
    } limits[] = {
        {RLIMIT_CORE, 1, 1},
        {RLIMIT_FSIZE, s->max_file_bytes, s->max_file_bytes},
        {RLIMIT_NOFILE, s->max_open_files, s->max_open_files},
        {RLIMIT_STACK, STACK_SOFT, STACK_HARD},
        {RLIMIT_MEMLOCK, MEMLOCK_BYTES, MEMLOCK_BYTES},
        {RLIMIT_MSGQUEUE, 0, 0},
        {RLIMIT_SIGPENDING, SIGNALS_QUEUED, SIGNALS_QUEUED},
        {RLIMIT_RTPRIO, 0, 0},
        {RLIMIT_NICE, 0, 0},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        int r = limit_set(limits[i].resource, limits[i].soft, limits[i].hard);
        if (r < 0)
            return r;
    }
    return setsid() < 0 && errno != EPERM ? -errno : 0; /* EPERM: it leads a session already */
}

int seal_no_new_privs(const struct init_setup *s) {
    (void)s;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -EPERM;
}

/* All five sets: the exec has taken three of them, the bounding set went before it (S16). The
 * ambient one is always a part of the permitted one. */
int seal_capabilities(const struct init_setup *s) {
    (void)s;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    if (syscall(SYS_capset, &header, data) < 0 || syscall(SYS_capget, &header, data) < 0)
        return -errno;
    for (int i = 0; i < 2; i++)
        if (data[i].effective || data[i].permitted || data[i].inheritable)
            return -EPERM;
    for (unsigned long cap = 0;; cap++) {
        int bounding = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
        if (bounding < 0)
            return cap > 0 ? 0 : -errno; /* beyond the last one */
        if (bounding > 0)
            return -EPERM;
    }
}

int seal_filter(const struct init_setup *s) {
    if (!(s->layers & INIT_LAYER_FILTER))
        return 0;
    const struct sock_fprog program = {
        .len = (unsigned short)s->filter_len,
        .filter = (struct sock_filter *)(uintptr_t)s->filter,
    };
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        return -errno;
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER ? 0 : -EPERM;
}

/* pid 1 has the tenant's uid: without this it could be traced, read and robbed (S14). */
int seal_dumpable(const struct init_setup *s) {
    (void)s;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -EPERM;
}
