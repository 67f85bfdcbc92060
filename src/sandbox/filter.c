/* The system call filter: our front, then the program that libseccomp makes of the table.
 *
 *   front   architecture (S20), x32 (S20), calls newer than the table (S26), and the three calls
 *           of which only a few argument values are allowed: socket, socketpair (S25), personality.
 *           libseccomp can only say "this value is denied" in a filter that allows the rest, so
 *           "nothing but these" is written by hand. It compares the low 32 bits, as the kernel
 * does. table   filter_rows.c
 *
 * A program of the wrong architecture is killed, not refused: no legitimate one gets there.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/internal.h"

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000u
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#define X32_BIT 0x40000000u /* no such numbers: refused all the same */
#else
#error "no row for this architecture: name its AUDIT_ARCH here"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* The low half of argument n, on little-endian machines, which all of ours are. */
#define LOAD_ARG(n)                                                                                \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * (n))
#define AND(mask) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask)
#define IF_EQ(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define IF_SET(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, yes, no)
#define IF_ABOVE(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, yes, no)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define RETURN_ERRNO(code) RETURN(SECCOMP_RET_ERRNO | (code))

/* "yes" and "no" count the instructions to skip. Whatever falls through goes on in the table. */
static const struct sock_filter front[] = {
    LOAD(arch),
    IF_EQ(FILTER_ARCH, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
    IF_SET(X32_BIT, 0, 1),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    IF_ABOVE(FILTER_NEWEST_CALL, 0, 1),
    RETURN_ERRNO(ENOSYS),

    /* socket(domain, type, protocol): 20 instructions that always return. */
    IF_EQ(__NR_socket, 0, 20),
    LOAD_ARG(0),
    IF_EQ(AF_UNIX, 17, 0),    /* allowed */
    IF_EQ(AF_INET, 3, 0),     /* to internet */
    IF_EQ(AF_INET6, 2, 0),    /* to internet */
    IF_EQ(AF_NETLINK, 11, 0), /* to netlink */
    RETURN_ERRNO(EAFNOSUPPORT),
    /* internet: streams and datagrams of the plain protocols; no raw, SCTP, DCCP, MPTCP */
    LOAD_ARG(1),
    AND(0xf),
    IF_EQ(SOCK_STREAM, 2, 0),
    IF_EQ(SOCK_DGRAM, 1, 0),
    RETURN_ERRNO(EPERM),
    LOAD_ARG(2),
    IF_EQ(0, 6, 0),
    IF_EQ(IPPROTO_TCP, 5, 0),
    IF_EQ(IPPROTO_UDP, 4, 0),
    RETURN_ERRNO(EPROTONOSUPPORT),
    /* netlink: only routing, which getaddrinfo and Go ask for the list of addresses */
    LOAD_ARG(2),
    IF_EQ(NETLINK_ROUTE, 1, 0),
    RETURN_ERRNO(EPERM),
    RETURN(SECCOMP_RET_ALLOW),

    /* socketpair(domain, …) */
    IF_EQ(__NR_socketpair, 0, 4),
    LOAD_ARG(0),
    IF_EQ(AF_UNIX, 0, 1),
    RETURN(SECCOMP_RET_ALLOW),
    RETURN_ERRNO(EAFNOSUPPORT),

    /* personality(persona): asking, and the kinds that change nothing but uname's answer. Others
     * make old bugs come back: executable data, no address randomisation, a mapped page zero. */
    IF_EQ(__NR_personality, 0, 8),
    LOAD_ARG(0),
    IF_EQ(0, 5, 0),
    IF_EQ(0x8, 4, 0),
    IF_EQ(0x20000, 3, 0),
    IF_EQ(0x20008, 2, 0),
    IF_EQ(0xffffffff, 1, 0),
    RETURN_ERRNO(EPERM),
    RETURN(SECCOMP_RET_ALLOW),
};

static int add_row(scmp_filter_ctx ctx, const struct filter_row *row, struct error *err) {
    int call = row->number >= 0 ? row->number : seccomp_syscall_resolve_name(row->name);
    if (call == __NR_SCMP_ERROR)
        return error_set(err, ENOSYS, "libseccomp does not know the system call %s", row->name);
    if (call < 0)
        return 0; /* not on this architecture */
    unsigned argument = row->argument < 0 ? 0 : (unsigned)row->argument;
    struct scmp_arg_cmp compare = SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, row->mask, row->value);
    int r = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(row->error), call, row->argument < 0 ? 0 : 1,
                                   &compare);
    return r < 0 ? error_errno(err, -r, "filter row %s", row->name) : 0;
}

static int fill_context(scmp_filter_ctx ctx, struct error *err) {
    int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (r == 0)
        r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree over the numbers */
    if (r < 0)
        return error_errno(err, -r, "libseccomp: set attribute");
    size_t len;
    const struct filter_row *rows = sandbox_filter_rows(&len);
    for (size_t i = 0; i < len; i++) {
        r = add_row(ctx, &rows[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* libseccomp writes programs only to descriptors. */
static int export_program(scmp_filter_ctx ctx, struct sandbox_filter *f, struct error *err) {
    CLEANUP_CLOSE int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "memfd_create");
    int r = seccomp_export_bpf(ctx, fd);
    if (r < 0)
        return error_errno(err, -r, "libseccomp: export");
    struct stat st;
    if (fstat(fd, &st) < 0)
        return error_errno(err, errno, "fstat of the filter");
    size_t table = (size_t)st.st_size / sizeof(struct sock_filter);
    if (table + ARRAY_LEN(front) > SETUP_FILTER_MAX)
        return error_set(err, E2BIG, "the filter has %zu instructions", table + ARRAY_LEN(front));
    f->len = table + ARRAY_LEN(front);
    f->program = base_alloc_array(f->len, sizeof *f->program);
    memcpy(f->program, front, sizeof front);
    ssize_t n = pread(fd, f->program + ARRAY_LEN(front), (size_t)st.st_size, 0);
    return n == st.st_size ? 0 : error_set(err, EIO, "the filter cannot be read back");
}

int sandbox_filter_new(struct sandbox_filter **ret, struct error *err) {
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (!ctx)
        return error_set(err, ENOMEM, "libseccomp: no context");
    struct sandbox_filter *f = base_alloc(sizeof *f);
    int r = fill_context(ctx, err);
    if (r == 0)
        r = export_program(ctx, f, err);
    seccomp_release(ctx);
    if (r < 0) {
        sandbox_filter_free(f);
        return r;
    }
    *ret = f;
    return 0;
}

void sandbox_filter_free(struct sandbox_filter *f) {
    if (!f)
        return;
    free(f->program);
    free(f);
}
