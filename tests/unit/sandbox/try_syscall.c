/* try_syscall NUMBER [ARG…]: makes one system call and prints its errno, 0 when it succeeds (S28).
 * Arguments are hexadecimal; missing ones are ~0, which no call takes for a useful value. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    unsigned long a[6];
    if (argc < 2)
        return 2;
    for (int i = 0; i < 6; i++)
        a[i] = argc > 2 + i ? strtoul(argv[2 + i], NULL, 16) : ~0UL;
    errno = 0;
    long r = syscall(strtol(argv[1], NULL, 10), a[0], a[1], a[2], a[3], a[4], a[5]);
    if (r == 0 && strtol(argv[1], NULL, 10) == 56)
        _exit(0); /* the child of a clone that was let through */
    printf("%d\n", r == -1 ? errno : 0);
    return 0;
}
