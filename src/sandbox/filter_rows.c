/* The deny list (S22-S24): one row a call, or a call and a value of one argument, each with its
 * reason. Everything else that passes the front (filter.c) is allowed: runtimes need memfd_create,
 * execveat and mprotect with PROT_EXEC. The list is the floor, not the wall: no row is the only
 * thing that stands between a tenant and what the row forbids.
 *
 * EPERM where the kernel has the call for certain; ENOSYS for what is newer than the oldest kernel
 * we run on (6.1), so that a program takes the way it has for older kernels. uretprobe and uprobe
 * have no row: the kernel lets only its own trampolines call them, and exempts them from filters.
 */
#include "sandbox/internal.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "base/base.h"

#define CALL(n, why)                                                                               \
    { .name = n, .number = -1, .error = EPERM, .argument = -1, .reason = why }
#define MISSING(n, why)                                                                            \
    { .name = n, .number = -1, .error = ENOSYS, .argument = -1, .reason = why }
#define NUMBER(n, nr, why)                                                                         \
    { .name = n, .number = nr, .error = ENOSYS, .argument = -1, .reason = why }
#define VALUE(n, arg, m, v, why)                                                                   \
    {                                                                                              \
        .name = n, .number = -1, .error = EPERM, .argument = arg, .mask = m, .value = v,           \
        .reason = why                                                                              \
    }
/* What the kernel takes as 32 bits is compared as 32 bits: the upper half may hold anything. */
#define LOW32 0xffffffffULL
#define FLAG(n, arg, bit, why) VALUE(n, arg, bit, bit, why)
#define CLONE_NEWTIME_FLAG 0x80
#define IOPRIO_CLASS 0xe000ULL
#define IOPRIO_REAL_TIME 0x2000ULL
#define POLICY (LOW32 & ~0x40000000ULL) /* without SCHED_RESET_ON_FORK */
#define POLICY_DEADLINE 6

static const struct filter_row rows[] = {
    /* S22: namespaces. A nested user namespace gives back every capability inside it. */
    FLAG("clone", 0, CLONE_NEWUSER, "a user namespace of its own: capabilities again"),
    FLAG("clone", 0, CLONE_NEWNS, "a mount namespace of its own"),
    FLAG("clone", 0, CLONE_NEWPID, "a process namespace of its own"),
    FLAG("clone", 0, CLONE_NEWNET, "a network namespace of its own: netfilter, raw sockets"),
    FLAG("clone", 0, CLONE_NEWIPC, "an IPC namespace of its own"),
    FLAG("clone", 0, CLONE_NEWUTS, "a host name of its own"),
    FLAG("clone", 0, CLONE_NEWCGROUP, "a cgroup namespace of its own"),
    FLAG("clone", 0, CLONE_NEWTIME_FLAG, "a clock of its own"),
    MISSING("clone3",
            "its flags are in memory, where no filter sees them; callers fall back to clone"),
    CALL("unshare", "namespaces without clone"),
    CALL("setns", "another's namespaces"),

    /* S23: mounts. */
    CALL("mount", "changes the root that we made"),
    CALL("umount2", "uncovers what a mount hides"),
    CALL("pivot_root", "another root"),
    CALL("chroot", "another root"),
    CALL("swapon", "the host's memory"),
    CALL("swapoff", "the host's memory"),
    CALL("fsopen", "mounts by the newer calls"),
    CALL("fsconfig", "mounts by the newer calls"),
    CALL("fsmount", "mounts by the newer calls"),
    CALL("fspick", "mounts by the newer calls"),
    CALL("open_tree", "mounts by the newer calls"),
    CALL("move_mount", "mounts by the newer calls"),
    CALL("mount_setattr", "makes a read-only mount writable"),
    NUMBER("statmount", 457, "shows mounts of other namespaces"),
    NUMBER("listmount", 458, "shows mounts of other namespaces"),
    NUMBER("open_tree_attr", 467, "mounts by the newer calls"),

    /* S23: the kernel itself. */
    CALL("bpf", "programs in the kernel; a large and often broken verifier"),
    CALL("perf_event_open", "others' timing, and a long list of kernel faults"),
    CALL("userfaultfd", "holds the kernel at a page fault: makes races winnable"),
    CALL("kexec_load", "another kernel"),
    CALL("kexec_file_load", "another kernel"),
    CALL("init_module", "code in the kernel"),
    CALL("finit_module", "code in the kernel"),
    CALL("delete_module", "code in the kernel"),
    CALL("reboot", "the host's power"),
    CALL("acct", "a log of every process of the host"),
    CALL("quotactl", "the host's file systems"),
    CALL("quotactl_fd", "the host's file systems"),
    CALL("syslog", "the kernel's log: addresses and other people's faults"),
    CALL("iopl", "the ports of the machine"),
    CALL("ioperm", "the ports of the machine"),
    CALL("vhangup", "takes the terminal from whoever holds it"),
    CALL("nfsservctl", "long dead; nobody needs it"),
    CALL("lookup_dcookie", "paths of the host by number"),
    CALL("uselib", "long dead; nobody needs it"),
    CALL("modify_ldt", "segments: a source of kernel faults, for 16-bit programs only"),
    CALL("memfd_secret", "memory that the host cannot look at or reclaim"),
    MISSING("map_shadow_stack", "shadow stacks are not offered here"),
    CALL("remap_file_pages", "long replaced; emulated by code that is rarely run"),
    CALL("vmsplice", "pages shared with a pipe stay writable after they were checked"),
    NUMBER("lsm_get_self_attr", 459, "names the host's security modules"),
    NUMBER("lsm_set_self_attr", 460, "names the host's security modules"),
    NUMBER("lsm_list_modules", 461, "names the host's security modules"),

    /* S23: handles, and other processes' memory. */
    CALL("open_by_handle_at", "a file by its number, past every folder above it"),
    CALL("name_to_handle_at", "the number for it"),
    CALL("fanotify_init", "sees other people's files being opened"),
    CALL("fanotify_mark", "sees other people's files being opened"),
    CALL("ptrace", "control over a process of the same user, pid 1 among them"),
    CALL("process_vm_readv", "another process's memory"),
    CALL("process_vm_writev", "another process's memory"),
    CALL("process_madvise", "another process's memory"),
    CALL("kcmp", "compares kernel addresses"),
    CALL("pidfd_getfd", "takes another process's descriptors"),

    /* S23: rings, keys, state of the host. */
    CALL("io_uring_setup", "system calls that no filter sees"),
    CALL("io_uring_enter", "system calls that no filter sees"),
    CALL("io_uring_register", "system calls that no filter sees"),
    CALL("add_key", "keyrings are not split by namespaces"),
    CALL("request_key", "keyrings are not split by namespaces; runs a helper on the host"),
    CALL("keyctl", "keyrings are not split by namespaces"),
    CALL("settimeofday", "the host's clock"),
    CALL("clock_settime", "the host's clock"),
    CALL("clock_adjtime", "the host's clock"),
    CALL("adjtimex", "the host's clock"),
    CALL("sethostname", "identity is not the tenant's"),
    CALL("setdomainname", "identity is not the tenant's"),

    /* S23: placement of memory, a way to slow down neighbours; libnuma lives with EPERM. */
    CALL("mbind", "where memory lies on the host"),
    CALL("set_mempolicy", "where memory lies on the host"),
    CALL("set_mempolicy_home_node", "where memory lies on the host"),
    CALL("get_mempolicy", "where memory lies on the host"),
    CALL("migrate_pages", "where memory lies on the host"),
    CALL("move_pages", "where memory lies on the host"),

    /* S23, by argument. */
    FLAG("seccomp", 1, SECCOMP_FILTER_FLAG_NEW_LISTENER, "a process that answers for the kernel"),
    VALUE("ioprio_set", 2, IOPRIO_CLASS, IOPRIO_REAL_TIME, "real-time disk access starves others"),
    VALUE("sched_setscheduler", 1, POLICY, SCHED_FIFO, "real-time scheduling starves others"),
    VALUE("sched_setscheduler", 1, POLICY, SCHED_RR, "real-time scheduling starves others"),
    VALUE("sched_setscheduler", 1, POLICY, POLICY_DEADLINE, "real-time scheduling starves others"),
    CALL("sched_setattr", "the policy is in memory, where no filter sees it"),

    /* S24: terminals. */
    VALUE("ioctl", 1, LOW32, TIOCSTI, "types into the terminal of whoever started us"),
    VALUE("ioctl", 1, LOW32, TIOCLINUX, "pastes into the console"),
    VALUE("ioctl", 1, LOW32, TIOCCONS, "takes over the console's output"),
};

const struct filter_row *sandbox_filter_rows(size_t *ret_len) {
    *ret_len = ARRAY_LEN(rows);
    return rows;
}
