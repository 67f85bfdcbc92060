/* `retort serve`: reads the settings and the languages, opens the sockets, makes the data folder,
 * and becomes the spawner, which starts the server (mechanics: who starts whom). */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "main/commands.h"
#include "main/folder.h"
#include "main/listen.h"
#include "main/options.h"
#include "main/profiles.h"
#include "main/server.h"
#include "spawner/spawner.h"

#define LOOPS_MAX 16
#define SPARE_SLOTS 4 /* being cleaned, or made for a profile that has none ready */

struct serve {
    struct settings settings;
    struct listening studio;
    struct language_table *languages;
    struct profiles profiles;
    struct spawner *spawner;
    uint32_t id_base;
    int range_lock;
    struct server_ids ids;
    unsigned cores, loops, runs;
    int config_fd, exe_fd;
    char service[40], life[ID_SIZE];
};

/* ---- the server's exec ---- */

/* Moves the descriptors to where server.h says, through numbers above all that are in use, and
 * becomes the server. In a fresh child of the spawner. */
static void exec_server(int wire, void *user) {
    struct serve *s = user;
    int from[LISTEN_MAX + 2], to[LISTEN_MAX + 2], high[LISTEN_MAX + 2];
    size_t n = 0;
    from[n] = wire, to[n++] = SERVER_FD_WIRE;
    from[n] = s->config_fd, to[n++] = SERVER_FD_CONFIG;
    for (size_t i = 0; i < s->studio.count; i++)
        from[n] = s->studio.fds[i], to[n++] = SERVER_FD_LISTEN + (int)i;
    int above = s->exe_fd + 1;
    for (size_t i = 0; i < n; i++)
        above = MAX(above, MAX(from[i], to[i]) + 1);
    int exe = fcntl(s->exe_fd, F_DUPFD_CLOEXEC, above);
    for (size_t i = 0; i < n; i++)
        high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, above);
    for (size_t i = 0; i < n; i++) {
        if (high[i] < 0 || dup2(high[i], to[i]) < 0) {
            log_error("hand descriptors to the server: %s", strerror(errno));
            _exit(SPAWNER_SERVER_CANNOT_BEGIN);
        }
    }
    char *argv[] = {"retort", "server-process", NULL};
    fexecve(exe, argv, environ);
    log_error("start the server: %s", strerror(errno));
    _exit(SPAWNER_SERVER_CANNOT_BEGIN);
}

/* While this process holds the listening sockets, the kernel goes on taking connections for a
 * server that does not answer them any more. */
static void on_drain(void *user) {
    struct serve *s = user;
    listen_close(&s->studio);
}

/* ---- ids ---- */

#define ID_BASE_FIRST 1900000000u /* above systemd's container range (S10) */
#define ID_RANGE 65536u
#define ID_RANGES 64u
#define RUN_DIR "/run/retort"

/* A sandbox with the uid of somebody who exists would have that user's files. */
static int check_range_unused(uint32_t base, struct error *err) {
    const struct passwd *p;
    int r = 0;
    setpwent();
    while (r == 0 && (p = getpwent()))
        if (p->pw_uid >= base && p->pw_uid - base < ID_RANGE)
            r = error_set(
                err, EINVAL,
                "--id-base: the range %u to %u holds user %s (%u); choose one that nobody has",
                base, base + ID_RANGE - 1, p->pw_name, p->pw_uid);
    endpwent();
    return r;
}

/* A range of host ids belongs to one server at a time: the lock lives as long as the process. */
static int lock_range(uint32_t base, int *ret_fd) {
    char path[64];
    snprintf(path, sizeof path, RUN_DIR "/ids-%u.lock", base);
    CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return -errno;
    *ret_fd = STEAL_FD(fd);
    return 0;
}

/* Without a user of its own the server's uid is the range's first one, and so is the owner of the
 * data folder that an earlier start has made: that range is the one to take again. 0: none is. */
static uint32_t range_of_data(const struct settings *settings) {
    struct stat st;
    if (stat(settings->data, &st) < 0 || st.st_uid < ID_BASE_FIRST ||
        st.st_uid >= ID_BASE_FIRST + ID_RANGES * ID_RANGE ||
        (st.st_uid - ID_BASE_FIRST) % ID_RANGE != 0)
        return 0;
    return st.st_uid;
}

static int take_range(struct serve *s, struct error *err) {
    if (mkdir(RUN_DIR, 0755) < 0 && errno != EEXIST)
        return error_errno(err, errno, "make %s", RUN_DIR);
    uint32_t wanted = (uint32_t)s->settings.id_base;
    if (!wanted)
        wanted = range_of_data(&s->settings);
    else if (check_range_unused(wanted, err) < 0)
        return -EINVAL;
    for (uint32_t i = 0; i < (wanted ? 1 : ID_RANGES); i++) {
        uint32_t base = wanted ? wanted : ID_BASE_FIRST + i * ID_RANGE;
        int r = lock_range(base, &s->range_lock);
        if (r == 0) {
            s->id_base = base;
            snprintf(s->service, sizeof s->service, "retort-%u", base);
            return 0;
        }
        if (r != -EWOULDBLOCK)
            return error_errno(err, -r, "lock the id range %u in %s", base, RUN_DIR);
    }
    if (wanted)
        return error_set(
            err, EBUSY,
            "the id range %u (of %s) belongs to another retort that is running: end that "
            "one first, or choose another %s",
            wanted, s->settings.id_base ? "--id-base" : s->settings.data,
            s->settings.id_base ? "--id-base" : "--data");
    return error_set(err, EBUSY, "all %u id ranges belong to other servers", ID_RANGES);
}

static int find_user(struct serve *s, struct error *err) {
    bool named = *s->settings.user != '\0';
    const struct passwd *p = getpwnam(named ? s->settings.user : "retort");
    if (!p && named)
        return error_set(err, EINVAL, "--user: there is no user \"%s\"", s->settings.user);
    if (p && p->pw_uid == 0)
        return error_set(err, EINVAL, "--user: the server does not run as root");
    s->ids =
        p ? (struct server_ids){p->pw_uid, p->pw_gid} : (struct server_ids){s->id_base, s->id_base};
    return 0;
}

/* ---- the parts ---- */

static char *default_languages(void) {
    /* Beside the binary as it was built, then where a package puts it. */
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n > 0) {
        exe[n] = '\0';
        char *slash = strrchr(exe, '/');
        if (slash) {
            *slash = '\0';
            char *beside = base_printf("%s/../languages", exe);
            if (access(beside, R_OK) == 0)
                return beside;
            free(beside);
        }
    }
    return base_strdup("/usr/share/retort/languages");
}

/* The process's folder is not the reader's of a message, nor of a later start. */
static void make_absolute(char **path) {
    if (**path == '/' || !**path)
        return;
    CLEANUP_FREE char *cwd = get_current_dir_name();
    char *whole = base_printf("%s/%s", cwd ? cwd : "", *path);
    free(*path);
    *path = whole;
}

static void complete_settings(struct serve *s) {
    struct settings *set = &s->settings;
    make_absolute(&set->data);
    make_absolute(&set->languages);
    make_absolute(&set->toolchains);
    if (!*set->data) {
        free(set->data);
        set->data = base_strdup("/var/lib/retort");
    }
    if (!*set->languages) {
        free(set->languages);
        set->languages = default_languages();
    }
    if (!*set->toolchains) {
        free(set->toolchains);
        set->toolchains = base_printf("%s/toolchains", set->data);
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    s->cores = cores > 0 ? (unsigned)cores : 1;
    s->loops = set->loops ? (unsigned)MIN(set->loops, (uint64_t)LOOPS_MAX) : MAX(s->cores, 2u);
    s->loops = MIN(s->loops, (unsigned)LOOPS_MAX);
    s->runs = set->runs ? (unsigned)MIN(set->runs, (uint64_t)512) : 2 * s->cores;
}

static int read_languages(struct serve *s, struct error *err) {
    const struct settings *set = &s->settings;
    int r = language_table_read(set->languages, *set->langs ? set->langs : NULL, set->toolchains,
                                s->id_base + 1, &s->languages, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < language_count(s->languages); i++) {
        const struct language *l = language_at(s->languages, i);
        if (l->state == LANGUAGE_READY)
            log_info("language %s: %s", l->name, *l->version ? l->version : "ready");
        else
            log_warning("language %s: %s", l->name, l->reason);
    }
    profiles_new(s->languages, &s->profiles);
    return 0;
}

static int open_spawner(struct serve *s, struct error *err) {
    const struct settings *set = &s->settings;
    size_t stages = 0;
    for (size_t i = 0; i < s->profiles.count; i++)
        stages += s->profiles.specs[i].name != NULL;
    uint64_t slots = set->slots ? set->slots : s->runs + set->pool * stages + SPARE_SLOTS;
    if (slots < s->runs + SPARE_SLOTS)
        return error_set(err, EINVAL, "--slots: %u runs need at least %u", s->runs,
                         s->runs + SPARE_SLOTS);
    id_new(s->life);
    struct spawner_settings spawner = {
        .profiles = s->profiles.specs,
        .profiles_len = s->profiles.count,
        .service = s->service,
        .life = s->life,
        .id_base = s->id_base,
        .slots = (unsigned)MIN(slots, (uint64_t)SPAWNER_SLOTS_MAX),
        .pool = (unsigned)set->pool,
        .no_cgroups = strcmp(set->cgroups, "none") == 0,
        .parent_memory_bytes = set->parent_memory_bytes,
        .watchdog_s = (unsigned)((set->watchdog_ms + 999) / 1000),
        .drain_s = (unsigned)((set->drain_ms + 999) / 1000),
        .exec_server = exec_server,
        .on_drain = on_drain,
        .user = s,
    };
    return spawner_new(&spawner, &s->spawner, err);
}

static void say_missing_limits(const struct serve *s) {
    for (const char *const *m = spawner_missing_limits(s->spawner); *m; m++)
        log_warning("this host does not limit %s in sandboxes; `retort doctor` says why", *m);
}

static int make_config(struct serve *s, struct error *err) {
    json_t *json = server_config_new(&s->settings, &s->ids, &s->studio, s->loops, s->runs,
                                     spawner_missing_limits(s->spawner), s->languages);
    if (!json)
        return error_set(err, ENOMEM, "the server's configuration could not be written");
    CLEANUP_FREE char *written = json_write(json, false);
    json_decref(json);
    s->config_fd = fd_sealed_memfd("retort-config", span_of(written));
    s->exe_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (s->config_fd < 0 || s->exe_fd < 0)
        return error_errno(err, errno, "the server's configuration");
    return 0;
}

static int begin(struct serve *s, struct error *err) {
    if (geteuid() != 0)
        return error_set(
            err, EPERM,
            "retort serve must be started as root: it gives up every right it does not "
            "need (`retort doctor` shows what this host gives a sandbox)");
    int r = listen_open(s->settings.studio, "--studio", s->loops, &s->studio, err);
    if (r == 0)
        r = take_range(s, err);
    if (r == 0)
        r = find_user(s, err);
    if (r == 0)
        r = folder_own(s->settings.data, s->ids.uid, s->ids.gid, err);
    if (r == 0)
        r = read_languages(s, err);
    if (r == 0)
        r = open_spawner(s, err);
    return r == 0 ? make_config(s, err) : r;
}

static void done(struct serve *s) {
    spawner_free(s->spawner);
    profiles_done(&s->profiles);
    language_table_free(s->languages);
    listen_close(&s->studio);
    settings_done(&s->settings);
    fd_close(s->config_fd);
    fd_close(s->exe_fd);
    fd_close(s->range_lock);
}

/* What whoever started us has left open is not for the server and the sandboxes (S5); and a slot
 * needs some ten descriptors, more than many a soft limit has. */
static void prepare_descriptors(void) {
    struct rlimit files;
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int serve_main(int argc, char **argv) {
    struct serve s = {.config_fd = -1, .exe_fd = -1, .range_lock = -1};
    struct error err = {0};
    log_set_process("serve");
    prepare_descriptors();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            printf("retort serve [OPTION]...\n\n");
            settings_help(stdout);
            return 0;
        }
    }
    int r = settings_read(argc - 1, argv + 1, &s.settings, &err);
    if (r == 0)
        complete_settings(&s);
    if (r == 0 && s.settings.print_config) {
        settings_print(&s.settings, stdout);
        done(&s);
        return 0;
    }
    if (r == 0)
        r = begin(&s, &err);
    int code = 1;
    if (r < 0) {
        fprintf(stderr, "retort serve: %s\n", err.message);
        code = 2;
    } else {
        say_missing_limits(&s);
        log_info("id range %u, service %s", s.id_base, s.service);
        code = spawner_run(s.spawner);
    }
    done(&s);
    return code;
}
