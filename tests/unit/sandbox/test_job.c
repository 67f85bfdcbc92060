/* The parser of jobs and the files it makes: all hostile bytes are refused (S18, S19, S70). Links
 * the parts of retort-init. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "sandbox/init/init.h"
#include "sandbox/job.h"

/* ---- writing jobs, also wrong ones ---- */

static void put(struct buffer *b, uint32_t v) {
    uint8_t bytes[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    assert_return_code(buffer_append(b, bytes, sizeof bytes), 0);
}

static void put_header(struct buffer *b, uint32_t argc, uint32_t envc, uint32_t filec,
                       const char *artifact) {
    put(b, JOB_MAGIC);
    put(b, argc);
    put(b, envc);
    put(b, filec);
    put(b, 0);
    put(b, (uint32_t)strlen(artifact));
    assert_return_code(buffer_append_text(b, artifact), 0);
}

static void put_text(struct buffer *b, const char *text) {
    put(b, (uint32_t)strlen(text));
    assert_return_code(buffer_append_text(b, text), 0);
}

static void put_file(struct buffer *b, const char *name, uint32_t mode, const char *content) {
    put(b, (uint32_t)strlen(name));
    put(b, mode);
    put(b, (uint32_t)strlen(content));
    assert_return_code(buffer_append_text(b, name), 0);
    assert_return_code(buffer_append_text(b, content), 0);
}

static int read_buffer(const struct buffer *b, struct job *j) {
    return job_read((const uint8_t *)b->data, b->len, j);
}

static void expect_refused(struct buffer *b, int code) {
    struct job j;
    int r = read_buffer(b, &j);
    assert_int_equal(r, code);
    buffer_truncate(b, 0);
}

/* ---- the parser ---- */

static void test_whole(void **state) {
    (void)state;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    struct job j;
    put_header(&b, 2, 1, 2, "out/prog");
    put_text(&b, "/usr/bin/cc");
    put_text(&b, "");
    put_text(&b, "PATH=/usr/bin");
    put_file(&b, "a/b/main.c", 0644, "int main(){}");
    put_file(&b, "run", 0755, "");
    assert_return_code(read_buffer(&b, &j), 0);
    assert_int_equal(j.argc, 2);
    assert_string_equal(j.argv[0], "/usr/bin/cc");
    assert_string_equal(j.argv[1], "");
    assert_null(j.argv[2]);
    assert_string_equal(j.envp[0], "PATH=/usr/bin");
    assert_null(j.envp[1]);
    assert_string_equal(j.artifact, "out/prog");
    assert_int_equal(j.filec, 2);
    assert_string_equal(j.files[0].name, "a/b/main.c");
    assert_memory_equal(j.files[0].content, "int main(){}", 12);
    assert_int_equal(j.files[1].mode, 0755);
    assert_int_equal(j.files[1].content_len, 0);
    job_done(&j);
}

/* Each prefix of a good job is refused, and so is one byte more. */
static void test_cut_anywhere(void **state) {
    (void)state;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    struct job j;
    put_header(&b, 1, 1, 1, "out");
    put_text(&b, "/bin/true");
    put_text(&b, "A=b");
    put_file(&b, "f", 0644, "text");
    for (size_t len = 0; len < b.len; len++) {
        /* In memory of its own size, so that a read beyond it is seen by the sanitizer. */
        uint8_t *copy = malloc(len ? len : 1);
        memcpy(copy, b.data, len);
        assert_int_equal(job_read(copy, len, &j), -EINVAL);
        free(copy);
    }
    assert_return_code(buffer_append(&b, "x", 1), 0);
    expect_refused(&b, -EINVAL);
}

static void test_header(void **state) {
    (void)state;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    put_header(&b, 0, 0, 0, "");
    expect_refused(&b, -EINVAL); /* nothing to run */
    put_header(&b, JOB_MAX_ARGS + 1, 0, 0, "");
    expect_refused(&b, -E2BIG);
    put_header(&b, 1, JOB_MAX_ENV + 1, 0, "");
    expect_refused(&b, -E2BIG);
    put_header(&b, 1, 0, JOB_MAX_FILES + 1, "");
    expect_refused(&b, -E2BIG);
    put_header(&b, 1, UINT32_MAX, UINT32_MAX, "");
    expect_refused(&b, -E2BIG);
    put_header(&b, 1, 0, 0, "");
    b.data[0] = 'X'; /* the magic */
    put_text(&b, "x");
    expect_refused(&b, -EINVAL);
    put_header(&b, 1, 0, 0, "");
    b.data[16] = 1; /* a flag that nobody knows */
    put_text(&b, "x");
    expect_refused(&b, -EINVAL);
}

static void test_strings(void **state) {
    (void)state;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    put_header(&b, 1, 0, 0, "");
    put(&b, 3);
    assert_return_code(buffer_append(&b, "a\0b", 3), 0);
    expect_refused(&b, -EINVAL);
    put_header(&b, 1, 0, 0, "");
    put(&b, JOB_MAX_STRING + 1);
    expect_refused(&b, -E2BIG);
    put_header(&b, 1, 0, 0, "");
    put(&b, UINT32_MAX);
    expect_refused(&b, -E2BIG);
    put_header(&b, 1, 1, 0, "");
    put_text(&b, "x");
    put_text(&b, "NOVALUE");
    expect_refused(&b, -EINVAL);
    put_header(&b, 1, 1, 0, "");
    put_text(&b, "x");
    put_text(&b, "=x");
    expect_refused(&b, -EINVAL);
    /* Nine strings of 128 KiB are over 1 MiB together. */
    static char big[JOB_MAX_STRING + 1];
    memset(big, 'a', JOB_MAX_STRING);
    put_header(&b, 9, 0, 0, "");
    for (int i = 0; i < 9; i++)
        put_text(&b, big);
    expect_refused(&b, -E2BIG);
    /* Eight fit. */
    struct job j;
    put_header(&b, 8, 0, 0, "");
    for (int i = 0; i < 8; i++)
        put_text(&b, big);
    assert_return_code(read_buffer(&b, &j), 0);
    job_done(&j);
}

static void test_names(void **state) {
    (void)state;
    static const char *const bad[] = {"",     "/etc/passwd", "..",  "../x",  "a/../b", "a/..",
                                      "a//b", "a/",          "./a", "a/./b", ".",      "/"};
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        put_header(&b, 1, 0, 1, "");
        put_text(&b, "x");
        put_file(&b, bad[i], 0644, "");
        expect_refused(&b, -EINVAL);
        if (!bad[i][0])
            continue; /* no artifact */
        put_header(&b, 1, 0, 0, bad[i]);
        put_text(&b, "x");
        expect_refused(&b, -EINVAL);
    }
    char segment[257];
    memset(segment, 'a', 256);
    segment[256] = '\0';
    assert_false(job_name_ok(segment, 256));
    assert_true(job_name_ok(segment, 255));
    assert_true(job_name_ok("..a", 3));
    assert_true(job_name_ok("a..", 3));
    put_header(&b, 1, 0, 1, "");
    put_text(&b, "x");
    put_file(&b, "f", 04755, ""); /* set-id */
    expect_refused(&b, -EINVAL);
}

static void test_many_names(void **state) {
    (void)state;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    char name[200];
    put_header(&b, 1, 0, 600, "");
    put_text(&b, "x");
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "%0120d", i);
        put_file(&b, name, 0644, "");
    }
    expect_refused(&b, -E2BIG); /* 72,000 bytes of names */
}

/* ---- the seals ---- */

static void test_seals(void **state) {
    (void)state;
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(0);
    struct job j;
    put_header(&b, 1, 0, 0, "");
    put_text(&b, "/bin/true");
    static const unsigned partly[] = {0, F_SEAL_WRITE, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK,
                                      F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK};
    for (size_t i = 0; i < ARRAY_LEN(partly); i++) {
        CLEANUP_CLOSE int fd = memfd_create("job", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        assert_return_code(fd_write_full(fd, b.data, b.len), 0);
        assert_return_code(fcntl(fd, F_ADD_SEALS, partly[i]), errno);
        assert_int_equal(job_open(fd, &j), -EPERM);
    }
    CLEANUP_CLOSE int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(job_open(file, &j), -EPERM);
    CLEANUP_CLOSE int sealed = fd_sealed_memfd("job", buffer_span(&b));
    assert_return_code(job_open(sealed, &j), 0);
    assert_string_equal(j.argv[0], "/bin/true");
    job_done(&j);
    CLEANUP_CLOSE int empty = fd_sealed_memfd("job", (struct span){"", 0});
    assert_int_equal(job_open(empty, &j), -EINVAL);
}

/* ---- files ---- */

struct folder {
    char path[64];
    int fd;
};

static struct folder folder_new(void) {
    struct folder f = {.path = "/tmp/retort-job-XXXXXX"};
    assert_non_null(mkdtemp(f.path));
    f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(f.fd >= 0);
    return f;
}

static void folder_done(struct folder *f) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", f->path);
    assert_int_equal(system(command), 0);
    fd_close(f->fd);
}

static int create_one(int dir, const char *name, const char *text) {
    char *copy = strdup(name);
    struct job_file file = {copy, 0644, (const uint8_t *)text, strlen(text)};
    struct job j = {.files = &file, .filec = 1};
    int r = files_create(dir, &j);
    free(copy);
    return r;
}

static void test_files(void **state) {
    (void)state;
    struct folder f = folder_new();
    CLEANUP_BUFFER struct buffer text = BUFFER_INIT(0);
    assert_return_code(create_one(f.fd, "a/b/c.txt", "hello"), 0);
    assert_return_code(fd_read_file(f.fd, "a/b/c.txt", 100, &text), 0);
    assert_string_equal(text.data, "hello");
    assert_return_code(create_one(f.fd, "a/d.txt", ""), 0);
    assert_int_equal(create_one(f.fd, "a/d.txt", "again"), -EEXIST);
    assert_int_equal(create_one(f.fd, "a/d.txt/e", ""), -ENOTDIR);
    folder_done(&f);
}

/* A planted link is followed neither as the file nor on the way to it. */
static void test_planted_links(void **state) {
    (void)state;
    struct folder f = folder_new(), outside = folder_new();
    assert_return_code(symlinkat(outside.path, f.fd, "way"), errno);
    assert_int_equal(create_one(f.fd, "way/x", "stolen"), -ENOTDIR);
    assert_return_code(symlinkat("/etc/passwd", f.fd, "file"), errno);
    int r = create_one(f.fd, "file", "stolen");
    assert_true(r == -EEXIST || r == -ELOOP);
    assert_int_equal(faccessat(outside.fd, "x", F_OK, AT_SYMLINK_NOFOLLOW), -1);
    assert_int_equal(file_open_beneath(f.fd, "way"), -ELOOP);
    assert_int_equal(file_open_beneath(f.fd, "file"), -ELOOP);
    assert_int_equal(file_open_beneath(f.fd, "way/x"), -ELOOP);
    assert_int_equal(file_open_beneath(f.fd, "../x"), -EXDEV);
    assert_int_equal(file_open_beneath(f.fd, "/etc/passwd"), -EXDEV);
    folder_done(&outside);
    folder_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),         cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_header),        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_names),         cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_seals),         cmocka_unit_test(test_files),
        cmocka_unit_test(test_planted_links),
    };
    return cmocka_run_group_tests_name("sandbox/job", tests, NULL, NULL);
}
