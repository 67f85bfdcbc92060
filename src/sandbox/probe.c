/* What this host gives the sandbox: nothing is concluded from versions or configuration files, each
 * thing is tried, in a child, and the answer is what happened. Nothing stays behind. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/internal.h"

#define MEMORY_LIMIT (16 * MIB)
#define MEMORY_TOUCHED (64 * MIB)
#define PROCESS_LIMIT 3
#define READY_TIMEOUT_MS 5000
#define PROBE_ID_BASE 1900000000u

struct probe {
    struct sandbox_finding *list;
    size_t max, len;
    struct sandbox_cgroups *cgroups; /* NULL: none could be made */
    struct sandbox_slot *slot;
};

static void find(struct probe *p, const char *name, bool essential, bool ok, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

static void find(struct probe *p, const char *name, bool essential, bool ok, const char *fmt, ...) {
    if (p->len == p->max)
        return;
    struct sandbox_finding *f = &p->list[p->len++];
    *f = (struct sandbox_finding){.name = name, .ok = ok, .essential = essential};
    va_list args;
    va_start(args, fmt);
    vsnprintf(f->detail, sizeof f->detail, fmt, args);
    va_end(args);
}

/* ---- tries in children ---- */

/* Runs `attempt` in a child: 0, its positive errno, or 128 + the signal that ended it. */
static int try_in_child(int (*attempt)(const void *arg), const void *arg) {
    pid_t pid = fork();
    if (pid < 0)
        return errno;
    if (pid == 0)
        _exit(attempt(arg) & 0x7f);
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int attempt_unshare(const void *arg) {
    const int *flag = arg;
    return unshare(*flag) < 0 ? errno : 0;
}

static int attempt_filter(const void *arg) {
    (void)arg;
    struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {.len = ARRAY_LEN(allow), .filter = allow};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return errno;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? errno : 0;
}

static int join(const struct sandbox_slot *slot) {
    const int *fds;
    size_t len = slot->ops->join(slot->group, &fds);
    for (size_t i = 0; i < len; i++)
        if (write(fds[i], "0", 1) != 1)
            return errno;
    return 0;
}

static int attempt_memory(const void *arg) {
    int r = join(arg);
    if (r)
        return r;
    char *p =
        mmap(NULL, MEMORY_TOUCHED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return errno;
    for (size_t i = 0; i < MEMORY_TOUCHED; i += 4096)
        ((volatile char *)p)[i] = 1;
    return 0; /* it should not have come so far */
}

static int attempt_processes(const void *arg) {
    int r = join(arg), refused = 0;
    for (int i = 0; r == 0 && i < 2 * PROCESS_LIMIT; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            usleep(50000);
            _exit(0);
        }
        refused += pid < 0 && errno == EAGAIN;
    }
    while (wait(NULL) > 0)
        continue;
    return r ? r : refused ? 0 : ERANGE;
}

static int attempt_cpu(const void *arg) {
    const struct sandbox_slot *slot = arg;
    int r = join(slot);
    for (volatile unsigned i = 0; r == 0 && i < 20000000; i++)
        continue;
    return r;
}

static int attempt_devices(const void *arg) {
    int r = join(arg);
    if (r)
        return r;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int denied = open("/dev/kmsg", O_RDONLY | O_CLOEXEC);
    return null >= 0 && denied < 0 && errno == EPERM ? 0 : ERANGE;
}

/* ---- namespaces and the other layers ---- */

static void probe_namespaces(struct probe *p) {
    static const struct {
        const char *name, *setting;
        int flag;
    } kinds[] = {
        {"user namespaces", "user", CLONE_NEWUSER},
        {"mount namespaces", "mnt", CLONE_NEWNS},
        {"process namespaces", "pid", CLONE_NEWPID},
        {"network namespaces", "net", CLONE_NEWNET},
        {"IPC namespaces", "ipc", CLONE_NEWIPC},
        {"UTS namespaces", "uts", CLONE_NEWUTS},
        {"cgroup namespaces", "cgroup", CLONE_NEWCGROUP},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        int r = try_in_child(attempt_unshare, &kinds[i].flag);
        if (r == 0)
            find(p, kinds[i].name, true, true, "can be made");
        else if (r == ENOSPC)
            find(p, kinds[i].name, true, false,
                 "none is allowed: sysctl user.max_%s_namespaces=65536", kinds[i].setting);
        else
            find(p, kinds[i].name, true, false, "%s: %s", strerror(r),
                 r == EPERM ? "run as root" : "this kernel is built without them");
    }
}

static void probe_layers(struct probe *p) {
    int r = try_in_child(attempt_filter, NULL);
    find(p, "seccomp", true, r == 0, "%s", r == 0 ? "filters can be installed" : strerror(r));
    long version = syscall(444 /* landlock_create_ruleset */, NULL, 0, 1 /* version */);
    if (version > 0)
        find(p, "landlock", false, true, "version %ld", version);
    else
        find(p, "landlock", false, false, "not active: boot with lsm=landlock,… in front");
}

/* ---- limits ---- */

static void open_group(struct probe *p, struct error *err) {
    char service[32];
    snprintf(service, sizeof service, "retort-probe-%d", (int)getpid());
    if (sandbox_cgroups_open(service, "probe", false, 0, &p->cgroups, err) < 0)
        return;
    if (sandbox_slot_new(p->cgroups, 1, PROBE_ID_BASE, &p->slot, err) < 0)
        p->slot = NULL;
}

static bool arm(struct probe *p, uint64_t memory, uint64_t processes) {
    struct sandbox_limits limits = {.memory_bytes = memory, .processes = processes};
    return p->slot && sandbox_slot_arm(p->slot, &limits, NULL) == 0;
}

static bool memory_holds(struct probe *p) {
    struct sandbox_usage usage = {0};
    if (!sandbox_cgroups_enforces(p->cgroups, "memory") || !arm(p, MEMORY_LIMIT, 0))
        return false;
    int r = try_in_child(attempt_memory, p->slot);
    return r == 128 + SIGKILL && sandbox_slot_usage(p->slot, &usage) == 0 && usage.oom_kills > 0 &&
           usage.memory_limit_reached;
}

static bool processes_hold(struct probe *p) {
    return sandbox_cgroups_enforces(p->cgroups, "processes") && arm(p, 0, PROCESS_LIMIT) &&
           try_in_child(attempt_processes, p->slot) == 0;
}

static bool cpu_counts(struct probe *p) {
    return sandbox_cgroups_enforces(p->cgroups, "cpu") && arm(p, 0, 0) &&
           try_in_child(attempt_cpu, p->slot) == 0 && sandbox_slot_cpu_us(p->slot) > 0;
}

static bool devices_hold(struct probe *p) {
    return sandbox_cgroups_enforces(p->cgroups, "devices") && arm(p, 0, 0) &&
           try_in_child(attempt_devices, p->slot) == 0;
}

static void probe_limit(struct probe *p, const char *name, bool essential,
                        bool (*holds)(struct probe *), const char *missing) {
    bool ok = p->slot && holds(p);
    find(p, name, essential, ok, "%s", ok ? "tried: it holds" : missing);
}

static void probe_cgroups(struct probe *p) {
    struct cgroup_mounts mounts = {0};
    struct error err = {0};
    cgroup_mounts_read(&mounts, &err);
    bool v2 = cgroup_mounts_have(&mounts, CGROUP_UNIFIED);
    open_group(p, &err);
    bool v1 = p->slot && sandbox_cgroups_kind(p->cgroups) == SANDBOX_CGROUP_V1;
    if (v1)
        find(p, "cgroups", true, true, "version 1%s", v2 ? ", hybrid" : "");
    else if (v2)
        find(p, "cgroups", true, false,
             "version 2 only, not used yet: boot with systemd.unified_cgroup_hierarchy=0");
    else
        find(p, "cgroups", true, false, "%s",
             err.code ? err.message : "none mounted: apt-get install cgroupfs-mount");
    probe_limit(p, "memory limit", true, memory_holds,
                "not enforced: boot with cgroup_enable=memory; else it is per process");
    probe_limit(p, "processes limit", true, processes_hold,
                "not enforced: mount -t cgroup -o pids pids /sys/fs/cgroup/pids");
    probe_limit(p, "cpu limit", true, cpu_counts,
                "not counted: mount -t cgroup -o cpuacct cpuacct /sys/fs/cgroup/cpuacct");
    probe_limit(p, "devices limit", false, devices_hold,
                "no second layer: mount -t cgroup -o devices devices /sys/fs/cgroup/devices");
    bool kill_all = p->slot && sandbox_cgroups_enforces(p->cgroups, "kill");
    find(p, "cgroup kill", false, kill_all, "%s",
         kill_all ? "in the version 2 tree" : "members are killed one by one");
    for (size_t i = 0; i < mounts.len; i++) {
        if (!(mounts.list[i].controllers & (1u << CGROUP_MEMORY)))
            continue;
        CLEANUP_CLOSE int fd = open(mounts.list[i].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool swap = fd >= 0 && faccessat(fd, "memory.memsw.usage_in_bytes", F_OK, 0) == 0;
        find(p, "swap accounting", false, swap, "%s",
             swap ? "memory limits include swap" : "swap is not limited: boot with swapaccount=1");
    }
    cgroup_mounts_done(&mounts);
}

/* ---- the rest ---- */

static void probe_capability(struct probe *p) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    bool ok =
        syscall(SYS_capget, &header, data) == 0 && data[0].effective & (1u << CAP_SYS_RESOURCE);
    find(p, "CAP_SYS_RESOURCE", false, ok, "%s",
         ok ? "here" : "missing: hard limits cannot be raised, the OOM score cannot be lowered");
}

static void probe_core_pattern(struct probe *p) {
    CLEANUP_BUFFER struct buffer text = BUFFER_INIT(0);
    if (fd_read_file(AT_FDCWD, "/proc/sys/kernel/core_pattern", 4096, &text) < 0)
        return;
    bool piped = text.len > 0 && text.data[0] == '|';
    find(p, "core dumps", false, !piped, "%s",
         piped ? "go to a program of the host: sysctl kernel.core_pattern=core" : "stay a file");
}

/* All of it together: does a sandbox become READY? */
static void probe_whole(struct probe *p) {
    struct error err = {0};
    struct sandbox_filter *filter = NULL;
    struct sandbox_profile *profile = NULL;
    struct sandbox_profile_spec spec = {.name = "probe"};
    struct sandbox s = {.pid = -1, .pidfd = -1, .control = -1};
    struct sandbox_report report = {0};
    bool ready = false;
    if (!p->slot)
        error_set(&err, ENODEV, "no slot can be made%s", geteuid() ? ": run as root" : "");
    else if (sandbox_filter_new(&filter, &err) == 0 && arm(p, 0, 0) &&
             sandbox_profile_new(&spec, filter, &profile, &err) == 0 &&
             sandbox_create(p->slot, profile, &s, &err) == 0) {
        struct pollfd wait_for = {.fd = s.control, .events = POLLIN};
        ready = poll(&wait_for, 1, READY_TIMEOUT_MS) == 1 &&
                recv(s.control, &report, sizeof report, MSG_DONTWAIT) == sizeof report &&
                report.type == SANDBOX_READY;
        report.step[sizeof report.step - 1] = '\0';
        if (!ready)
            error_errno(&err, report.status ? report.status : ETIMEDOUT, "step %s", report.step);
        sandbox_kill(&s);
        siginfo_t info;
        waitid(P_PIDFD, (id_t)s.pidfd, &info, WEXITED);
        sandbox_close(&s);
    }
    find(p, "sandbox", true, ready, "%s", ready ? "one was made and became ready" : err.message);
    sandbox_profile_free(profile);
    sandbox_filter_free(filter);
}

size_t sandbox_probe(struct sandbox_finding *findings, size_t max) {
    struct probe p = {.list = findings, .max = max};
    find(&p, "grade", true, geteuid() == 0, "%s",
         geteuid() == 0 ? "root" : "only root can make sandboxes: run as root");
    probe_namespaces(&p);
    probe_layers(&p);
    probe_cgroups(&p);
    probe_capability(&p);
    probe_core_pattern(&p);
    probe_whole(&p);
    sandbox_slot_free(p.slot);
    sandbox_cgroups_free(p.cgroups);
    return p.len;
}
