/* The few functions of libc that retort-init calls, and its start. Linked into the program only;
 * unit tests link the same parts with libc itself.
 *
 * Why not libc: the start of a static program asks the processor about itself with dozens of CPUID
 * instructions, and each of those is a trip to the hypervisor on a virtual machine. Measured there,
 * an exec costs 580 us with libc and 80 without, once for every sandbox. What is left out with it
 * are locales, locks, threads and stdio, none of which pid 1 has a use for.
 *
 * The declarations are libc's own headers, so a function that is wrong here does not compile; one
 * that is missing does not link.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define KERNEL_SIGSET_BYTES 8
#define ARENA_BYTES (256UL * 1024)
#define ERRORS_FROM (-4095L)

int main(void);
void runtime_start(long *stack) __attribute__((noreturn, used));
void __stack_chk_fail(void) __attribute__((noreturn));

/* ---- the way into the kernel ---- */

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n"
        "  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call runtime_start\n");

static long raw(long n, long a, long b, long c, long d, long e, long f) {
    long ret;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n"
        "  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl runtime_start\n");

static long raw(long n, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#else
#error "no row for this architecture: its system call and its start belong here"
#endif

static int error_number;

int *__errno_location(void) {
    return &error_number;
}

static long checked(long ret) {
    if (ret >= 0 || ret < ERRORS_FROM)
        return ret;
    errno = (int)-ret;
    return -1;
}

#define P(pointer) ((long)(uintptr_t)(pointer))
#define CALL0(n) checked(raw(n, 0, 0, 0, 0, 0, 0))
#define CALL1(n, a) checked(raw(n, a, 0, 0, 0, 0, 0))
#define CALL2(n, a, b) checked(raw(n, a, b, 0, 0, 0, 0))
#define CALL3(n, a, b, c) checked(raw(n, a, b, c, 0, 0, 0))
#define CALL4(n, a, b, c, d) checked(raw(n, a, b, c, d, 0, 0))
#define CALL5(n, a, b, c, d, e) checked(raw(n, a, b, c, d, e, 0))
#define CALL6(n, a, b, c, d, e, f) checked(raw(n, a, b, c, d, e, f))

/* Callers pass as many as the call has; the kernel looks at no more. */
long syscall(long n, ...) {
    va_list v;
    va_start(v, n);
    long a[6];
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(v, long);
    va_end(v);
    return CALL6(n, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- the start and the end ---- */

uintptr_t __stack_chk_guard;

void __stack_chk_fail(void) {
    _exit(127);
}

void _exit(int status) {
    for (;;)
        raw(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

/* The kernel's block: argc, argv, NULL, environment, NULL, then pairs. One of these is 16 random
 * bytes, of which the first stays 0, so that no string can carry the guard on. */
void runtime_start(long *stack) {
    long *p = stack + 1 + stack[0] + 1;
    while (*p)
        p++;
    for (p++; p[0] != AT_NULL; p += 2)
        if (p[0] == AT_RANDOM)
            __stack_chk_guard = *(uintptr_t *)(uintptr_t)p[1] & ~(uintptr_t)0xff;
    _exit(main());
}

/* ---- memory ---- */

/* One job a life: what is taken is never given back. */
void *malloc(size_t size) {
    static uint8_t *next;
    static size_t left;
    size = (size + 15) & ~(size_t)15;
    if (size > left) {
        size_t want = size > ARENA_BYTES ? size : ARENA_BYTES;
        void *p = mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return NULL;
        next = p;
        left = want;
    }
    uint8_t *p = next;
    next += size;
    left -= size;
    return p;
}

void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return malloc(bytes); /* fresh pages are zero */
}

void free(void *p) {
    (void)p;
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset) {
    long r = CALL6(SYS_mmap, P(at), (long)len, prot, flags, fd, offset);
    return r == -1 ? MAP_FAILED : (void *)(uintptr_t)r;
}

int munmap(void *at, size_t len) {
    return (int)CALL2(SYS_munmap, P(at), (long)len);
}

void *memcpy(void *restrict to, const void *restrict from, size_t len) {
    uint8_t *t = to;
    const uint8_t *f = from;
    while (len--)
        *t++ = *f++;
    return to;
}

void *memset(void *at, int value, size_t len) {
    uint8_t *p = at;
    while (len--)
        *p++ = (uint8_t)value;
    return at;
}

void *memchr(const void *at, int value, size_t len) {
    const uint8_t *p = at;
    for (; len--; p++)
        if (*p == (uint8_t)value)
            return (void *)(uintptr_t)p;
    return NULL;
}

size_t strlen(const char *text) {
    size_t len = 0;
    while (text[len])
        len++;
    return len;
}

char *strchr(const char *text, int c) {
    for (;; text++) {
        if (*text == (char)c)
            return (char *)(uintptr_t)text;
        if (!*text)
            return NULL;
    }
}

char *strncpy(char *restrict to, const char *restrict from, size_t size) {
    size_t i = 0;
    for (; i < size && from[i]; i++)
        to[i] = from[i];
    for (; i < size; i++)
        to[i] = '\0';
    return to;
}

/* ---- descriptors and files ---- */

int open(const char *path, int flags, ...) {
    return (int)CALL4(SYS_openat, AT_FDCWD, P(path), flags, 0); /* nobody here creates by it */
}

int close(int fd) {
    return (int)CALL1(SYS_close, fd);
}

ssize_t read(int fd, void *data, size_t len) {
    return CALL3(SYS_read, fd, P(data), (long)len);
}

ssize_t write(int fd, const void *data, size_t len) {
    return CALL3(SYS_write, fd, P(data), (long)len);
}

int dup(int fd) {
    return (int)CALL1(SYS_dup, fd);
}

int dup2(int from, int to) {
    return (int)CALL3(SYS_dup3, from, to, 0); /* EINVAL when they are the same: never here */
}

int fcntl(int fd, int command, ...) {
    va_list v;
    va_start(v, command);
    long argument = va_arg(v, long);
    va_end(v);
    return (int)CALL3(SYS_fcntl, fd, command, argument);
}

int close_range(unsigned first, unsigned last, int flags) {
    return (int)CALL3(SYS_close_range, first, last, flags);
}

int pipe2(int fds[2], int flags) {
    return (int)CALL2(SYS_pipe2, P(fds), flags);
}

int mkdirat(int dir, const char *name, mode_t mode) {
    return (int)CALL3(SYS_mkdirat, dir, P(name), mode);
}

int fstat(int fd, struct stat *ret) {
    return (int)CALL2(SYS_fstat, fd, P(ret));
}

int statfs(const char *path, struct statfs *ret) {
    return (int)CALL2(SYS_statfs, P(path), P(ret));
}

int poll(struct pollfd *list, nfds_t len, int timeout_ms) {
    struct timespec t = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
    return (int)CALL5(SYS_ppoll, P(list), (long)len, timeout_ms < 0 ? 0 : P(&t), 0, 0);
}

ssize_t send(int fd, const void *data, size_t len, int flags) {
    return CALL6(SYS_sendto, fd, P(data), (long)len, flags, 0, 0);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags) {
    return CALL3(SYS_recvmsg, fd, P(m), flags);
}

/* ---- processes and signals ---- */

int prctl(int option, ...) {
    va_list v;
    va_start(v, option);
    long a[4];
    for (int i = 0; i < 4; i++)
        a[i] = va_arg(v, long);
    va_end(v);
    return (int)CALL5(SYS_prctl, option, a[0], a[1], a[2], a[3]);
}

pid_t fork(void) {
    return (pid_t)CALL5(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

pid_t setsid(void) {
    return (pid_t)CALL0(SYS_setsid);
}

int execve(const char *path, char *const argv[], char *const envp[]) {
    return (int)CALL3(SYS_execve, P(path), P(argv), P(envp));
}

int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags) {
    return (int)CALL5(SYS_execveat, fd, P(path), P(argv), P(envp), flags);
}

int kill(pid_t pid, int signal) {
    return (int)CALL2(SYS_kill, pid, signal);
}

pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage) {
    return (pid_t)CALL4(SYS_wait4, pid, P(status), options, P(usage));
}

pid_t waitpid(pid_t pid, int *status, int options) {
    return wait4(pid, status, options, NULL);
}

int getrlimit(__rlimit_resource_t resource, struct rlimit *ret) {
    return (int)CALL4(SYS_prlimit64, 0, (long)resource, 0, P(ret));
}

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit) {
    return (int)CALL4(SYS_prlimit64, 0, (long)resource, P(limit), 0);
}

int sigemptyset(sigset_t *set) {
    memset(set, 0, sizeof *set);
    return 0;
}

int sigaddset(sigset_t *set, int signal) {
    set->__val[0] |= 1UL << (signal - 1);
    return 0;
}

int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old) {
    return (int)CALL4(SYS_rt_sigprocmask, how, P(set), P(old), KERNEL_SIGSET_BYTES);
}

/* Only ever used to go back to the default, so no handler needs a way to return. */
int sigaction(int signal, const struct sigaction *restrict action, struct sigaction *restrict old) {
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } kernel = {action->sa_handler, 0, NULL, 0};
    (void)old;
    return (int)CALL4(SYS_rt_sigaction, signal, P(&kernel), 0, KERNEL_SIGSET_BYTES);
}

int signalfd(int fd, const sigset_t *set, int flags) {
    return (int)CALL4(SYS_signalfd4, fd, P(set), KERNEL_SIGSET_BYTES, flags);
}
