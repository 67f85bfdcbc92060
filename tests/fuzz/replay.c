/* replay.c: runs a fuzz target over files that are already there.
 *
 * Each argument is a file or a directory of files; each file is given to the target once, from a
 * block of exactly its size, so that a sanitizer sees a read beyond its end. Prints how many there
 * were, and fails when there were none: a corpus that is not found must not pass for one that is
 * clean.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Noreturn void give_up(const char *path) {
    fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
    exit(2);
}

static size_t replay_file(int fd, size_t size, const char *path) {
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL)
        give_up(path);
    for (size_t got = 0; got < size;) {
        ssize_t n = read(fd, data + got, size - got);
        if (n <= 0)
            give_up(path);
        got += (size_t)n;
    }
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

static size_t replay(int dir_fd, const char *path);

static size_t replay_directory(int fd, const char *path) {
    DIR *dir = fdopendir(fd);
    if (dir == NULL)
        give_up(path);
    size_t count = 0;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            count += replay(fd, entry->d_name);
    closedir(dir);
    return count;
}

static size_t replay(int dir_fd, const char *path) {
    struct stat st;
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        give_up(path);
    if (S_ISDIR(st.st_mode))
        return replay_directory(fd, path);
    size_t count = replay_file(fd, (size_t)st.st_size, path);
    close(fd);
    return count;
}

int main(int argc, char **argv) {
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count += replay(AT_FDCWD, argv[i]);
    printf("%zu inputs\n", count);
    return count > 0 ? 0 : 1;
}
