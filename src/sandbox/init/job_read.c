/* Reads a job (job.h). Its bytes are hostile: every length is checked against what is left before
 * it is used, and every limit again, although the writer has checked them too. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sandbox/init/init.h"
#include "sandbox/job.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define SEGMENT_MAX 255
#define NAME_MAX_BYTES 4096

struct reader {
    const uint8_t *next;
    size_t left;
    size_t strings, names; /* bytes so far, of what has a limit together */
};

static int take_u32(struct reader *r, uint32_t *ret) {
    if (r->left < 4)
        return -EINVAL;
    *ret = (uint32_t)r->next[0] | (uint32_t)r->next[1] << 8 | (uint32_t)r->next[2] << 16 |
           (uint32_t)r->next[3] << 24;
    r->next += 4;
    r->left -= 4;
    return 0;
}

static int take_bytes(struct reader *r, size_t len, const uint8_t **ret) {
    if (r->left < len)
        return -EINVAL;
    *ret = r->next;
    r->next += len;
    r->left -= len;
    return 0;
}

/* A copy that ends with NUL; one that has a NUL inside is refused. */
static int take_text(struct reader *r, size_t len, char **ret) {
    const uint8_t *bytes;
    int e = take_bytes(r, len, &bytes);
    if (e < 0)
        return e;
    if (len > 0 && memchr(bytes, '\0', len))
        return -EINVAL;
    char *text = malloc(len + 1);
    if (!text)
        return -ENOMEM;
    if (len > 0)
        memcpy(text, bytes, len);
    text[len] = '\0';
    *ret = text;
    return 0;
}

static int take_string(struct reader *r, char **ret) {
    uint32_t len;
    int e = take_u32(r, &len);
    if (e < 0)
        return e;
    if (len > JOB_MAX_STRING || (r->strings += len) > JOB_MAX_STRINGS)
        return -E2BIG;
    return take_text(r, len, ret);
}

/* Fills list[0…count-1]; the array was allocated with room for the NULL behind the last. */
static int take_strings(struct reader *r, char **list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int e = take_string(r, &list[i]);
        if (e < 0)
            return e;
    }
    return 0;
}

bool job_name_ok(const char *name, size_t len) {
    if (len == 0 || len > NAME_MAX_BYTES || memchr(name, '\0', len))
        return false;
    size_t start = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && name[i] != '/')
            continue;
        size_t n = i - start;
        const char *segment = name + start;
        if (n == 0 || n > SEGMENT_MAX || (n == 1 && segment[0] == '.') ||
            (n == 2 && segment[0] == '.' && segment[1] == '.'))
            return false;
        start = i + 1;
    }
    return true;
}

static int take_file(struct reader *r, struct job_file *f) {
    uint32_t name_len, mode, content_len;
    int e = take_u32(r, &name_len);
    if (e == 0)
        e = take_u32(r, &mode);
    if (e == 0)
        e = take_u32(r, &content_len);
    if (e < 0)
        return e;
    if ((r->names += name_len) > JOB_MAX_NAMES)
        return -E2BIG;
    if (mode & ~0777u)
        return -EINVAL; /* no set-id bits, no types */
    e = take_text(r, name_len, &f->name);
    if (e < 0)
        return e;
    if (!job_name_ok(f->name, name_len))
        return -EINVAL;
    f->mode = mode;
    f->content_len = content_len;
    return take_bytes(r, content_len, &f->content);
}

static int take_header(struct reader *r, struct job_header *h) {
    uint32_t *fields[] = {&h->magic, &h->argc, &h->envc, &h->filec, &h->flags, &h->artifact_len};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        int e = take_u32(r, fields[i]);
        if (e < 0)
            return e;
    }
    if (h->magic != JOB_MAGIC || h->flags != 0 || h->argc == 0)
        return -EINVAL;
    if (h->argc > JOB_MAX_ARGS || h->envc > JOB_MAX_ENV || h->filec > JOB_MAX_FILES ||
        h->artifact_len > NAME_MAX_BYTES)
        return -E2BIG;
    return 0;
}

static int take_job(struct reader *r, struct job *j) {
    struct job_header h;
    int e = take_header(r, &h);
    if (e < 0)
        return e;
    j->argv = calloc(h.argc + 1, sizeof *j->argv);
    j->envp = calloc(h.envc + 1, sizeof *j->envp);
    j->files = calloc(h.filec + 1, sizeof *j->files);
    if (!j->argv || !j->envp || !j->files)
        return -ENOMEM;
    j->argc = h.argc;
    j->envc = h.envc;
    j->filec = h.filec;
    e = take_text(r, h.artifact_len, &j->artifact);
    if (e == 0 && h.artifact_len > 0 && !job_name_ok(j->artifact, h.artifact_len))
        e = -EINVAL;
    if (e == 0)
        e = take_strings(r, j->argv, j->argc);
    if (e == 0)
        e = take_strings(r, j->envp, j->envc);
    for (size_t i = 0; e == 0 && i < j->filec; i++)
        e = take_file(r, &j->files[i]);
    if (e == 0 && r->left > 0)
        e = -EINVAL; /* what follows belongs to nobody */
    for (size_t i = 0; e == 0 && i < j->envc; i++)
        if (j->envp[i][0] == '=' || !strchr(j->envp[i], '='))
            e = -EINVAL;
    return e;
}

int job_read(const uint8_t *data, size_t len, struct job *ret) {
    if (len > JOB_MAX_BYTES)
        return -E2BIG;
    struct reader r = {.next = data, .left = len};
    struct job j = {0};
    int e = take_job(&r, &j);
    if (e < 0) {
        job_done(&j);
        return e;
    }
    *ret = j;
    return 0;
}

void job_done(struct job *j) {
    for (size_t i = 0; j->argv && i < j->argc; i++)
        free(j->argv[i]);
    for (size_t i = 0; j->envp && i < j->envc; i++)
        free(j->envp[i]);
    for (size_t i = 0; j->files && i < j->filec; i++)
        free(j->files[i].name);
    free(j->argv);
    free(j->envp);
    free(j->files);
    free(j->artifact);
    *j = (struct job){0};
}

/* Without the seals the writer could change the job between our check and our use. */
int job_open(int fd, struct job *ret) {
    int seals = fcntl(fd, F_GET_SEALS, 0);
    if (seals < 0 || (seals & SEALS) != SEALS)
        return -EPERM;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size <= 0)
        return -EINVAL;
    if (st.st_size > (off_t)JOB_MAX_BYTES)
        return -E2BIG;
    const void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    return data == MAP_FAILED ? -errno : job_read(data, (size_t)st.st_size, ret);
}
