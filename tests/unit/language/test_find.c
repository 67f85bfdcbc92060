/* Which tool is taken, and why another is not. The permissions are those of another user, so the
 * tests hold for root and for everybody else. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "language/internal.h"

#define READER 1900000001u

static char top[PATH_MAX];

static char *at(const char *name) {
    return base_printf("%s/%s", top, name);
}

static void make(const char *name, mode_t mode, const char *text) {
    CLEANUP_FREE char *path = at(name);
    CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
}

static void make_folder(const char *name, mode_t mode) {
    CLEANUP_FREE char *path = at(name);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* open/good works; closed/ is a home as pyenv's under /root; shim is a script. */
static int set_up(void **state) {
    (void)state;
    strcpy(top, "/tmp/retort-find-XXXXXX");
    if (!mkdtemp(top) || chmod(top, 0755) < 0)
        return -1;
    make_folder("open", 0755);
    make_folder("closed", 0755);
    make("open/good", 0755, "\177ELF");
    make("open/secret", 0750, "\177ELF");
    make("open/shim", 0755, "#!/bin/sh\n");
    make("open/data.exe", 0644, "MZ");
    make("closed/good", 0755, "\177ELF");
    CLEANUP_FREE char *closed = at("closed"), *link = at("open/alternative");
    return symlink("good", link) < 0 || chmod(closed, 0700) < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    CLEANUP_FREE char *command = base_printf("rm -rf %s", top);
    return system(command);
}

struct answer {
    char *path, *reason;
    bool unusable;
};

static struct answer ask(const char *first, const char *second) {
    char *candidates[] = {(char *)first, (char *)second};
    struct answer a = {0};
    int r = tool_find(candidates, second ? 2 : 1, READER, &a.path, &a.reason, &a.unusable);
    assert_true(r == 0 ? a.path && !a.reason : !a.path && a.reason);
    return a;
}

static void done(struct answer *a) {
    free(a->path);
    free(a->reason);
}

static void resolves_links(void **state) {
    (void)state;
    CLEANUP_FREE char *link = at("open/alternative"), *real = at("open/good");
    struct answer a = ask(link, NULL);
    assert_string_equal(a.path, real);
    done(&a);
}

static void tells_missing_from_unusable(void **state) {
    (void)state;
    struct answer a = ask("no-such-tool-of-any-host", NULL);
    assert_false(a.unusable);
    assert_string_equal(a.reason, "no-such-tool-of-any-host: not found");
    done(&a);
    CLEANUP_FREE char *closed = at("closed/good"), *folder = at("closed is closed");
    a = ask(closed, NULL);
    assert_true(a.unusable);
    assert_non_null(strstr(a.reason, "not readable by the sandbox's user"));
    assert_non_null(strstr(a.reason, folder));
    done(&a);
    CLEANUP_FREE char *secret = at("open/secret"), *shim = at("open/shim");
    a = ask(secret, NULL);
    assert_true(a.unusable);
    done(&a);
    a = ask(shim, NULL);
    assert_true(a.unusable);
    assert_non_null(strstr(a.reason, "is a script"));
    done(&a);
}

static void the_next_that_works_wins(void **state) {
    (void)state;
    CLEANUP_FREE char *closed = at("closed/good"), *good = at("open/good");
    struct answer a = ask(closed, good);
    assert_string_equal(a.path, good);
    done(&a);
    CLEANUP_FREE char *shims = at("closed"),
                      *path = base_printf("%s:relative::%s/open", shims, top);
    CLEANUP_FREE char *before = base_strdup(getenv("PATH"));
    setenv("PATH", path, 1);
    a = ask("good", NULL);
    setenv("PATH", before, 1);
    assert_string_equal(a.path, good);
    done(&a);
}

static void takes_what_is_no_program(void **state) {
    (void)state;
    CLEANUP_FREE char *assembly = at("open/data.exe");
    struct answer a = ask(assembly, NULL);
    assert_string_equal(a.path, assembly);
    done(&a);
}

/* The usual places come before PATH, where a shim may stand first. */
static void usual_places_come_first(void **state) {
    (void)state;
    CLEANUP_FREE char *fake = at("open/sort"), *folder = at("open");
    make("open/sort", 0755, "\177ELF");
    CLEANUP_FREE char *before = base_strdup(getenv("PATH"));
    setenv("PATH", folder, 1);
    struct answer a = ask("sort", NULL);
    setenv("PATH", before, 1);
    assert_string_not_equal(a.path, fake);
    done(&a);
}

static void owner_bits_are_the_owners(void **state) {
    (void)state;
    CLEANUP_FREE char *secret = at("open/secret"), *part = NULL;
    assert_true(path_usable(secret, getuid(), true, &part));
    assert_false(path_usable(secret, READER, true, &part));
    assert_string_equal(part, secret);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolves_links),           cmocka_unit_test(tells_missing_from_unusable),
        cmocka_unit_test(the_next_that_works_wins), cmocka_unit_test(takes_what_is_no_program),
        cmocka_unit_test(usual_places_come_first),  cmocka_unit_test(owner_bits_are_the_owners),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
