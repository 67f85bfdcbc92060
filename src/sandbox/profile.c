/* A profile: everything about a kind of sandbox that does not change from one to the next, made
 * ahead, so that making a sandbox touches no configuration and no path of the host. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/internal.h"

/* A file of a tmpfs costs kernel memory even when it is empty, so their number is bounded (S32). */
#define BYTES_PER_INODE (8 * KIB)
#define MIN_INODES 1024UL
#define MAX_INODES 65536UL
#define DEFAULT_SCRATCH (64 * MIB)
#define DEFAULT_FILE_BYTES (64 * MIB)
#define DEFAULT_OPEN_FILES 1024

extern const unsigned char sandbox_init_program[];
extern const size_t sandbox_init_program_len;

int sandbox_require_root(struct error *err) {
    if (geteuid() == 0)
        return 0;
    return error_set(err, EPERM,
                     "sandboxes are made by root only (user %d has no way yet): start as root",
                     (int)geteuid());
}

/* The program is exec'd from memory that nobody can write, so that a tenant who reaches
 * /proc/1/exe finds no file of the host behind it. */
static int init_memfd(struct error *err) {
    struct span bytes = {(const char *)sandbox_init_program, sandbox_init_program_len};
    int fd = fd_sealed_memfd("retort-init", bytes);
    if (fd < 0)
        return error_errno(err, -fd, "memfd of retort-init");
    if (fchmod(fd, 0555) < 0) {
        int code = errno;
        fd_close(fd);
        return error_errno(err, code, "memfd of retort-init: mode");
    }
    return fd;
}

#if RETORT_TEST_SWITCHES
static int stop_at(void) {
    const char *name = getenv("RETORT_STOP_AT");
    return name && *name ? sandbox_step_parse(name) : -1;
}

/* RETORT_LAYERS_OFF=filter,landlock: the other layers must hold alone (S7). */
static uint32_t layers(void) {
    const char *off = getenv("RETORT_LAYERS_OFF");
    uint32_t on = INIT_LAYER_ALL;
    if (off && strstr(off, "filter"))
        on &= ~(uint32_t)INIT_LAYER_FILTER;
    if (off && strstr(off, "landlock"))
        on &= ~(uint32_t)INIT_LAYER_LANDLOCK;
    return on;
}
#else
static int stop_at(void) {
    return -1;
}

static uint32_t layers(void) {
    return INIT_LAYER_ALL;
}
#endif

static int setup_memfd(const struct sandbox_profile *p, const struct sandbox_profile_spec *spec,
                       const struct sandbox_filter *filter, struct error *err) {
    size_t size = sizeof(struct init_setup) + filter->len * sizeof *filter->program;
    struct init_setup *setup = base_alloc(size);
    *setup = (struct init_setup){
        .magic = SETUP_MAGIC,
        .stop_at = p->stop_at,
        .max_file_bytes = spec->max_file_bytes ? spec->max_file_bytes : DEFAULT_FILE_BYTES,
        .max_open_files = spec->max_open_files ? spec->max_open_files : DEFAULT_OPEN_FILES,
        .layers = layers(),
        .filter_len = (uint32_t)filter->len,
    };
    memcpy(setup->filter, filter->program, filter->len * sizeof *filter->program);
    int fd = fd_sealed_memfd("setup", (struct span){(const char *)setup, size});
    free(setup);
    return fd < 0 ? error_errno(err, -fd, "memfd of the setup") : fd;
}

static void scratch_options(struct sandbox_profile *p, uint64_t bytes) {
    uint64_t scratch = bytes ? bytes : DEFAULT_SCRATCH;
    uint64_t inodes = MIN(MAX(scratch / BYTES_PER_INODE, MIN_INODES), MAX_INODES);
    snprintf(p->scratch_options, sizeof p->scratch_options, "size=%llu,nr_inodes=%llu,mode=755",
             (unsigned long long)scratch, (unsigned long long)inodes);
    snprintf(p->tmp_options, sizeof p->tmp_options, "size=%llu,nr_inodes=%llu,mode=1777",
             (unsigned long long)scratch, (unsigned long long)inodes);
}

/* A descriptor into its place; an error leaves the place empty. */
static int keep(int *place, int fd_or_error) {
    if (fd_or_error < 0)
        return fd_or_error;
    *place = fd_or_error;
    return 0;
}

int sandbox_profile_new(const struct sandbox_profile_spec *spec,
                        const struct sandbox_filter *filter, struct sandbox_profile **ret,
                        struct error *err) {
    int r = sandbox_require_root(err);
    if (r < 0)
        return r;
    struct root_spec root = {spec->mounts, spec->mounts_len, spec->links, spec->links_len};
    struct sandbox_profile *p = base_alloc(sizeof *p);
    *p = (struct sandbox_profile){
        .name = base_strdup(spec->name ? spec->name : "unnamed"),
        .template = -1,
        .setup = -1,
        .init = -1,
        .stop_at = stop_at(),
        .proc_full = spec->proc_full,
    };
    scratch_options(p, spec->scratch_bytes);
    r = keep(&p->setup, setup_memfd(p, spec, filter, err));
    if (r == 0)
        r = keep(&p->init, init_memfd(err));
    if (r == 0)
        r = keep(&p->template, root_template_new(&root, err));
    if (r < 0) {
        error_prefix(err, "profile %s", p->name);
        sandbox_profile_free(p);
        return r;
    }
    *ret = p;
    return 0;
}

void sandbox_profile_free(struct sandbox_profile *p) {
    if (!p)
        return;
    fd_close(p->template);
    fd_close(p->setup);
    fd_close(p->init);
    free(p->name);
    free(p);
}
