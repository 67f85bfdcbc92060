/* The server's process: re-exec'd by `serve`, without privileges, one event loop a thread. It wires
 * the modules together; what they do is theirs. */
#include "main/server.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "api/api.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "build/build.h"
#include "http/http.h"
#include "loop/loop.h"
#include "main/commands.h"
#include "main/privileges.h"
#include "metrics/metrics.h"
#include "run/run.h"
#include "spawner/spawner.h"

#define LOOPS_MAX 16
#define CONFIG_BYTES_MAX (16 * MIB)
#define DRAIN_LOOK_MS 20

struct server;

/* One event loop and its thread. */
struct lane {
    struct server *server;
    struct loop *loop;
    pthread_t thread;
    struct http_listener *listeners[LISTEN_MAX];
    size_t listeners_len;
    struct loop_task drain;
    struct loop_timer drain_look;
};

struct server {
    json_t *config;
    struct lane lanes[LOOPS_MAX];
    struct loop *loops[LOOPS_MAX];
    unsigned lanes_len;
    int work_dir;
    struct metrics *metrics;
    struct language_table *languages;
    struct spawner_client *client;
    struct builder *builder;
    struct runner *runner;
    struct http_server *studio;
    struct api api;
    atomic_uint lanes_busy; /* while draining: those that still have connections */
};

/* ---- the document ---- */

static json_t *texts(const char *const *list) {
    json_t *array = json_array();
    for (; list && *list; list++)
        json_array_append_new(array, json_string(*list));
    return array;
}

static json_t *split(const char *commas) {
    json_t *array = json_array();
    struct span rest = span_of(commas);
    while (rest.data && rest.len > 0) {
        struct span word = span_trim(span_cut(rest, ',', &rest), " ");
        if (word.len > 0)
            json_array_append_new(array, json_stringn(word.data, word.len));
    }
    return array;
}

json_t *server_config_new(const struct settings *s, const struct server_ids *ids,
                          const struct listening *studio, unsigned loops, unsigned runs,
                          const char *const *limits_missing,
                          const struct language_table *languages) {
    return json_pack(
        "{s:i,s:i,s:i,s:s,s:s,s:s,s:i,s:o,s:o,s:o,s:b,s:o,"
        "s:{s:i,s:I,s:I,s:b,s:I,s:I,s:I,s:I,s:I}}",
        "uid", (int)ids->uid, "gid", (int)ids->gid, "loops", (int)loops, "data", s->data,
        "studio_url", studio->url, "log_level", s->log_level, "studio_sockets", (int)studio->count,
        "hosts", split(s->hosts), "cors_origins", split(s->cors_origins), "limits_not_enforced",
        texts(limits_missing), "stats", (int)s->stats, "languages",
        language_table_to_json(languages), "runner", "places", (int)runs, "queue_max",
        (json_int_t)s->queue_max, "queue_wait_ms", (json_int_t)s->queue_wait_ms, "truncate",
        strcmp(s->on_output_limit, "truncate") == 0, "max_wall_ms", (json_int_t)s->max_wall_ms,
        "max_cpu_ms", (json_int_t)s->max_cpu_ms, "max_memory_bytes",
        (json_int_t)s->max_memory_bytes, "max_processes", (json_int_t)s->max_processes,
        "max_output_bytes", (json_int_t)s->max_output_bytes);
}

static int number(const json_t *object, const char *key) {
    return (int)json_integer_value(json_object_get(object, key));
}
static uint64_t big_number(const json_t *object, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(object, key));
}
static const char *text(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

/* A NULL-terminated array of the texts, which stay the document's. */
static const char **list(const json_t *object, const char *key) {
    const json_t *array = json_object_get(object, key);
    size_t len = json_array_size(array);
    const char **ret = base_alloc_array(len + 1, sizeof *ret);
    for (size_t i = 0; i < len; i++)
        ret[i] = json_string_value(json_array_get(array, i));
    return ret;
}

static int read_config(struct server *s, struct error *err) {
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT(CONFIG_BYTES_MAX);
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", SERVER_FD_CONFIG);
    int r = fd_read_file(AT_FDCWD, path, CONFIG_BYTES_MAX, &b);
    if (r < 0)
        return error_errno(err, -r, "the server is started by `retort serve` only");
    fd_close(SERVER_FD_CONFIG);
    s->config = json_read(buffer_span(&b), err);
    if (!s->config)
        return -EINVAL;
    return language_table_from_json(json_object_get(s->config, "languages"), &s->languages, err);
}

/* ---- the end ---- */

static void stop_all(struct server *s) {
    for (unsigned i = 0; i < s->lanes_len; i++)
        loop_stop(s->lanes[i].loop);
}

static size_t connections(const struct lane *lane) {
    size_t n = 0;
    for (size_t i = 0; i < lane->listeners_len; i++)
        n += http_listener_connections(lane->listeners[i]);
    return n;
}

/* Every lane looks after its own connections. The first one ends last: it is the one that hears the
 * spawner, for all of them. */
static void on_drain_look(struct loop_timer *timer) {
    struct lane *lane = CONTAINER_OF(timer, struct lane, drain_look);
    struct server *s = lane->server;
    bool first = lane == &s->lanes[0];
    if (connections(lane) > 0 || (first && atomic_load(&s->lanes_busy) > 0)) {
        loop_timer_start(lane->loop, timer, DRAIN_LOOK_MS, on_drain_look);
        return;
    }
    if (!first)
        atomic_fetch_sub(&s->lanes_busy, 1);
    loop_stop(lane->loop);
}

static void on_lane_drain(struct loop_task *task) {
    struct lane *lane = CONTAINER_OF(task, struct lane, drain);
    for (size_t i = 0; i < lane->listeners_len; i++)
        http_listener_drain(lane->listeners[i]);
    loop_timer_start(lane->loop, &lane->drain_look, 0, on_drain_look);
}

static void on_drain(void *user) {
    struct server *s = user;
    log_info("draining");
    atomic_store(&s->lanes_busy, s->lanes_len - 1);
    for (unsigned i = s->lanes_len; i-- > 0;)
        loop_post(s->lanes[i].loop, &s->lanes[i].drain, on_lane_drain);
}

/* Without a spawner nothing can be run and nothing limits what runs: the process ends at once, and
 * with it the connections (S9). */
static void on_lost(void *user) {
    (void)user;
    log_error("the spawner is gone");
    _exit(1);
}

/* ---- the wiring ---- */

static int open_modules(struct server *s, struct error *err) {
    const json_t *runner = json_object_get(s->config, "runner");
    struct runner_settings settings = {
        .places = (unsigned)number(runner, "places"),
        .queue_max = (unsigned)number(runner, "queue_max"),
        .queue_wait_ms = big_number(runner, "queue_wait_ms"),
        .on_output_limit = json_is_true(json_object_get(runner, "truncate")) ? STAGE_OUTPUT_TRUNCATE
                                                                             : STAGE_OUTPUT_KILL,
        .languages = s->languages,
        .maximum = {.wall_ms = big_number(runner, "max_wall_ms"),
                    .cpu_ms = big_number(runner, "max_cpu_ms"),
                    .memory_bytes = big_number(runner, "max_memory_bytes"),
                    .processes = big_number(runner, "max_processes"),
                    .output_bytes = big_number(runner, "max_output_bytes")},
    };
    int r = spawner_client_new(SERVER_FD_WIRE, s->loops, s->lanes_len, on_drain, on_lost, s,
                               &s->client, err);
    if (r < 0)
        return r;
    s->builder = builder_new(s->client, s->work_dir);
    s->runner = runner_new(s->builder, s->client, &settings, s->metrics);
    struct http_config http = {
        .name = "studio", .hosts = list(s->config, "hosts"), .check_host = true};
    s->studio = http_server_new(&http, s->metrics);
    s->api = (struct api){
        .runner = s->runner,
        .languages = s->languages,
        .spawner = s->client,
        .metrics = s->metrics,
        .cors_origins = list(s->config, "cors_origins"),
        .limits_not_enforced = list(s->config, "limits_not_enforced"),
        .stats_enabled = json_is_true(json_object_get(s->config, "stats")),
        .version = RETORT_VERSION,
    };
    api_register_studio(s->studio, &s->api);
    return 0;
}

static int open_listeners(struct server *s, struct error *err) {
    int sockets = number(s->config, "studio_sockets");
    for (int i = 0; i < sockets; i++) {
        struct lane *lane = &s->lanes[(unsigned)i % s->lanes_len];
        int r = http_listen(s->studio, lane->loop, SERVER_FD_LISTEN + i,
                            &lane->listeners[lane->listeners_len], err);
        if (r < 0)
            return r;
        lane->listeners_len++;
    }
    return 0;
}

static int open_lanes(struct server *s, struct error *err) {
    s->lanes_len = (unsigned)MIN(MAX(number(s->config, "loops"), 1), LOOPS_MAX);
    for (unsigned i = 0; i < s->lanes_len; i++) {
        s->lanes[i].server = s;
        int r = loop_new(&s->lanes[i].loop, i);
        if (r < 0)
            return error_errno(err, -r, "event loop");
        s->loops[i] = s->lanes[i].loop;
    }
    return 0;
}

static void *lane_main(void *user) {
    struct lane *lane = user;
    loop_run(lane->loop);
    return NULL;
}

static int run_lanes(struct server *s, struct error *err) {
    for (unsigned i = 1; i < s->lanes_len; i++) {
        int r = pthread_create(&s->lanes[i].thread, NULL, lane_main, &s->lanes[i]);
        if (r)
            return error_errno(err, r, "thread");
    }
    printf("studio %s\n", text(s->config, "studio_url"));
    fflush(stdout);
    lane_main(&s->lanes[0]);
    for (unsigned i = 1; i < s->lanes_len; i++)
        pthread_join(s->lanes[i].thread, NULL);
    return 0;
}

static int drop(const struct server *s, struct error *err) {
    struct privileges p = {
        .uid = (uid_t)number(s->config, "uid"),
        .gid = (gid_t)number(s->config, "gid"),
        .data = text(s->config, "data"),
    };
    return privileges_drop(&p, err);
}

static void ignore_signals(void) {
    /* SIGPIPE: a write says it. SIGINT, SIGTERM: the spawner hears them and tells us to drain. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
}

static int begin(struct server *s, struct error *err) {
    int r = read_config(s, err);
    if (r < 0)
        return r;
    s->work_dir = open(text(s->config, "data"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->work_dir < 0)
        return error_errno(err, errno, "open %s", text(s->config, "data"));
    r = drop(s, err);
    if (r == 0)
        r = open_lanes(s, err);
    if (r == 0)
        r = open_modules(s, err);
    return r == 0 ? open_listeners(s, err) : r;
}

static void end(struct server *s) {
    stop_all(s);
    for (unsigned i = 0; i < s->lanes_len; i++)
        for (size_t k = 0; k < s->lanes[i].listeners_len; k++)
            http_listener_free(s->lanes[i].listeners[k]);
}

static enum log_level level_of(const char *name) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return (enum log_level)i;
    return LOG_INFO;
}

int server_main(int argc, char **argv) {
    (void)argc;
    (void)argv;
    static struct server server = {.work_dir = -1};
    struct error err = {0};
    log_set_process("server");
    prctl(PR_SET_NAME, "retort-server");
    ignore_signals();
    server.metrics = metrics_new();
    int r = begin(&server, &err);
    if (r == 0) {
        log_set_level(level_of(text(server.config, "log_level")));
        r = run_lanes(&server, &err);
    }
    if (r < 0) {
        log_error("the server cannot begin: %s", err.message);
        return SPAWNER_SERVER_CANNOT_BEGIN;
    }
    end(&server);
    return 0;
}
