/* try_compat x32|int80: a system call past the 64-bit entry (S20); prints only when it came back.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
#if defined(__x86_64__)
    long r = 0;
    if (strcmp(argv[1], "int80") == 0)
        __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L /* getpid */) : "memory");
    else
        r = syscall(0x40000000L + 39 /* getpid */);
    printf("came back: %ld\n", r);
#endif
    return 0;
}
