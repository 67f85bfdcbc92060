/* http_test_server.c: the http module with a few routes behind it, for tests that need what no real
 * surface shows: answers of any size and speed, both directions at once, limits of a few
 * milliseconds.
 *
 *   http_test_server [LOOPS] [name=value]…     the names are those of struct http_limits
 *
 * Prints "port N" once it listens. SIGTERM drains and exits when the last connection is gone;
 * SIGINT closes everything at once.
 */
#include "base/log.h"
#include "http/http.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOPS_MAX = 8 };

struct test_loop {
    struct loop *loop;
    struct http_listener *listener;
    pthread_t thread;
    struct loop_task drain, close;
    struct loop_timer wait;
};

static struct test_loop loops[LOOPS_MAX];
static unsigned loop_count = 2;
static struct metrics *metrics;
static atomic_int gone_count;

/* ---- answers at once ---- */

static void on_echo(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    struct span type = http_header(x, "Content-Type");
    char *text = span_dup(type);
    http_respond(x, 200, type.len > 0 ? text : "application/octet-stream", http_body(x));
    free(text);
}

static void on_show(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    bool found;
    struct span q = http_query(x, "q", &found);
    struct buffer out = BUFFER_INIT(0);
    int r =
        buffer_printf(&out, "path=%.*s\nrest=%.*s\nquery=%.*s\nq=%.*s\nfound=%d\npeer=%.*s\n",
                      SPAN_ARG(http_path(x)), SPAN_ARG(http_path_rest(x)),
                      SPAN_ARG(http_target_query(x)), SPAN_ARG(q), found, SPAN_ARG(http_peer(x)));
    http_add_header(x, "X-Shown", "yes");
    http_respond(x, r < 0 ? 500 : 200, "text/plain", buffer_span(&out));
    buffer_done(&out);
}

static void on_empty(struct http_exchange *x, const struct http_route *route) {
    http_respond(x, *(const int *)route->user, NULL, (struct span){0});
}

static void on_form(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    struct http_field *fields;
    size_t count;
    struct error err;
    int r = http_form(x, &fields, &count, &err);
    if (r < 0) {
        http_respond_problem(x, 400, "bad-form", "%s", err.message);
        return;
    }
    struct buffer out = BUFFER_INIT(0);
    for (size_t i = 0; i < count; i++)
        r |=
            buffer_printf(&out, "%.*s=%.*s\n", SPAN_ARG(fields[i].name), SPAN_ARG(fields[i].value));
    http_respond(x, r < 0 ? 500 : 200, "text/plain", buffer_span(&out));
    buffer_done(&out);
}

static void on_stats(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    json_t *figures = metrics_json(metrics);
    json_object_set_new(figures, "gone", json_integer(atomic_load(&gone_count)));
    char *text = json_dumps(figures, 0);
    json_decref(figures);
    http_respond(x, 200, "application/json", span_of(text));
    free(text);
}

/* ---- answers later ---- */

struct job {
    struct http_exchange *x;
    struct loop *home;
    struct loop_timer timer;
    struct loop_task task;
    size_t left;
    bool gone;
};

static size_t number(struct http_exchange *x, const char *name, size_t otherwise) {
    bool found;
    uint64_t value;
    struct span text = http_query(x, name, &found);
    return found && span_to_u64(text, SIZE_MAX / 2, &value) == 0 ? (size_t)value : otherwise;
}

static struct job *job_new(struct http_exchange *x, void (*on_gone)(struct http_exchange *x)) {
    struct job *job = base_alloc(sizeof *job);
    job->x = x;
    job->home = http_loop(x);
    http_set_user(x, job);
    http_on_gone(x, on_gone);
    return job;
}

static void on_job_gone(struct http_exchange *x) {
    struct job *job = http_user(x);
    atomic_fetch_add(&gone_count, 1);
    loop_timer_stop(&job->timer);
    free(job);
}

static void on_slow_end(struct loop_timer *timer) {
    struct job *job = CONTAINER_OF(timer, struct job, timer);
    http_respond(job->x, 200, "text/plain", SPAN("slow\n"));
    free(job);
}

static void on_slow(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    struct job *job = job_new(x, on_job_gone);
    loop_timer_start(job->home, &job->timer, number(x, "ms", 100), on_slow_end);
}

/* An answer by way of another thread, which outlives a client that leaves. */
static void on_back_home(struct loop_task *task) {
    struct job *job = CONTAINER_OF(task, struct job, task);
    if (!job->gone)
        http_respond(job->x, 200, "text/plain", SPAN("there and back\n"));
    free(job);
}

static void on_abroad(struct loop_task *task) {
    struct job *job = CONTAINER_OF(task, struct job, task);
    loop_post(job->home, &job->task, on_back_home);
}

static void on_traveller_gone(struct http_exchange *x) {
    struct job *job = http_user(x);
    atomic_fetch_add(&gone_count, 1);
    job->gone = true;
}

static void on_thread(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    struct job *job = job_new(x, on_traveller_gone);
    unsigned next = (loop_index(job->home) + 1) % loop_count;
    loop_post(loops[next].loop, &job->task, on_abroad);
}

/* ---- answers in pieces ---- */

static char block[64 * 1024];

static void on_big_drain(struct http_exchange *x) {
    struct job *job = http_user(x);
    while (job->left > 0) {
        size_t len = MIN(job->left, sizeof block);
        job->left -= len;
        if (!http_respond_data(x, (struct span){block, len}))
            return;
    }
    http_respond_end(x);
    free(job);
}

static void on_big(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    struct job *job = job_new(x, on_job_gone);
    job->left = number(x, "bytes", 1000);
    http_respond_begin(x, 200, "application/octet-stream");
    http_on_drain(x, on_big_drain);
    on_big_drain(x);
}

static void on_whole(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    size_t len = number(x, "bytes", 1000);
    char *body = base_alloc(len + 1);
    memset(body, 'w', len);
    http_respond(x, 200, "application/octet-stream", (struct span){body, len});
    free(body);
}

static void on_drip_time(struct loop_timer *timer) {
    struct job *job = CONTAINER_OF(timer, struct job, timer);
    http_respond_data(job->x, SPAN("drip\n"));
    if (--job->left > 0) {
        loop_timer_start(job->home, &job->timer, 50, on_drip_time);
        return;
    }
    http_respond_end(job->x);
    free(job);
}

static void on_drip(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    struct job *job = job_new(x, on_job_gone);
    job->left = number(x, "count", 3);
    http_respond_begin(x, 200, "text/plain");
    loop_timer_start(job->home, &job->timer, 50, on_drip_time);
}

static void on_abort_time(struct loop_timer *timer) {
    struct job *job = CONTAINER_OF(timer, struct job, timer);
    http_abort(job->x);
    free(job);
}

static void on_abort(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    struct job *job = job_new(x, on_job_gone);
    http_respond_begin(x, 200, "text/plain");
    http_respond_data(x, SPAN("half\n"));
    loop_timer_start(job->home, &job->timer, 50, on_abort_time);
}

/* ---- bodies in pieces ---- */

static void on_stream_drain(struct http_exchange *x) {
    http_read_pause(x, false);
}

static void on_stream_data(struct http_exchange *x, struct span data, bool end) {
    bool more = http_respond_data(x, data);
    if (end) {
        free(http_user(x));
        http_respond_end(x);
    } else if (!more) {
        http_read_pause(x, true);
    }
}

static void on_stream(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    job_new(x, on_job_gone);
    http_respond_begin(x, 200, "application/octet-stream");
    http_on_drain(x, on_stream_drain);
    http_read(x, on_stream_data);
}

static void on_pause_over(struct loop_timer *timer) {
    struct job *job = CONTAINER_OF(timer, struct job, timer);
    http_read_pause(job->x, false);
}

/* Counts; with ?pause=MS it rests after each piece. */
static void on_sink_data(struct http_exchange *x, struct span data, bool end) {
    struct job *job = http_user(x);
    job->left += data.len;
    size_t pause = number(x, "pause", 0);
    if (end) {
        char text[32];
        snprintf(text, sizeof text, "%zu\n", job->left);
        loop_timer_stop(&job->timer);
        free(job);
        http_respond(x, 200, "text/plain", span_of(text));
    } else if (pause > 0) {
        http_read_pause(x, true);
        loop_timer_start(job->home, &job->timer, pause, on_pause_over);
    }
}

static void on_sink(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    job_new(x, on_job_gone);
    http_read(x, on_sink_data);
}

static void on_late_read(struct loop_timer *timer) {
    struct job *job = CONTAINER_OF(timer, struct job, timer);
    http_read(job->x, on_sink_data);
}

/* Begins to read only after a while: until then nothing may be taken from the client. */
static void on_late(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    struct job *job = job_new(x, on_job_gone);
    loop_timer_start(job->home, &job->timer, number(x, "ms", 100), on_late_read);
}

static void on_early(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    http_respond(x, 200, "text/plain", SPAN("early\n"));
}

static bool check_token(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    if (span_eq_text(http_header(x, "X-Token"), "yes"))
        return true;
    http_respond_problem(x, 403, "no-token", "X-Token is not \"yes\"");
    return false;
}

/* ---- the program ---- */

static const int no_content = 204, not_modified = 304, ok = 200;

static const struct http_route routes[] = {
    {.methods = HTTP_POST | HTTP_PUT,
     .path = "/echo",
     .max_body_bytes = MIB,
     .on_request = on_echo},
    {.methods = HTTP_POST, .path = "/tiny", .max_body_bytes = 20, .on_request = on_echo},
    {.methods = HTTP_POST, .path = "/form", .max_body_bytes = MIB, .on_request = on_form},
    {.methods = HTTP_GET, .path = "/show/*", .on_request = on_show},
    {.methods = HTTP_GET, .path = "/stats", .on_request = on_stats},
    /* The studio's paths that tests/integration/raw_requests.py uses. */
    {.methods = HTTP_GET, .path = "/-/live", .on_request = on_empty, .user = (void *)&ok},
    {.methods = HTTP_POST, .path = "/compile", .max_body_bytes = MIB, .on_request = on_echo},
    {.methods = HTTP_POST, .path = "/api/v1/runs", .max_body_bytes = MIB, .on_request = on_echo},
    {.methods = HTTP_GET, .path = "/empty", .on_request = on_empty, .user = (void *)&ok},
    {.methods = HTTP_GET, .path = "/204", .on_request = on_empty, .user = (void *)&no_content},
    {.methods = HTTP_GET, .path = "/304", .on_request = on_empty, .user = (void *)&not_modified},
    {.methods = HTTP_GET, .path = "/slow", .on_request = on_slow},
    {.methods = HTTP_POST, .path = "/slow", .max_body_bytes = MIB, .on_request = on_slow},
    {.methods = HTTP_GET, .path = "/thread", .on_request = on_thread},
    {.methods = HTTP_GET, .path = "/big", .on_request = on_big},
    {.methods = HTTP_GET, .path = "/whole", .on_request = on_whole},
    {.methods = HTTP_GET, .path = "/drip", .on_request = on_drip},
    {.methods = HTTP_GET, .path = "/abort", .on_request = on_abort},
    {.methods = HTTP_POST,
     .path = "/stream",
     .max_body_bytes = GIB,
     .stream_body = true,
     .on_request = on_stream},
    {.methods = HTTP_POST,
     .path = "/sink",
     .max_body_bytes = GIB,
     .stream_body = true,
     .on_request = on_sink},
    {.methods = HTTP_POST,
     .path = "/sink-tiny",
     .max_body_bytes = 20,
     .stream_body = true,
     .on_request = on_sink},
    {.methods = HTTP_POST,
     .path = "/late",
     .max_body_bytes = GIB,
     .stream_body = true,
     .on_request = on_late},
    {.methods = HTTP_POST,
     .path = "/early",
     .max_body_bytes = GIB,
     .stream_body = true,
     .on_request = on_early},
    {.methods = HTTP_POST,
     .path = "/checked",
     .max_body_bytes = 1000,
     .on_check = check_token,
     .on_request = on_echo},
};

static void read_limits(struct http_limits *limits, int argc, char **argv) {
    /* 64 bits each, whatever their type is called. */
    const struct {
        const char *name;
        uint64_t *value;
    } names[] = {
#define LIMIT(field) {#field, (uint64_t *)&limits->field}
        LIMIT(request_line_bytes), LIMIT(header_bytes),
        LIMIT(header_count),       LIMIT(chunk_ext_bytes),
        LIMIT(header_ms),          LIMIT(body_total_ms),
        LIMIT(body_grace_ms),      LIMIT(body_min_bytes_per_s),
        LIMIT(keep_alive_ms),      LIMIT(write_ms),
        LIMIT(connections),        LIMIT(connections_per_address),
        LIMIT(send_buffer_bytes),  LIMIT(requests_per_connection),
        LIMIT(bodies_bytes),
    };
    for (int i = 1; i < argc; i++) {
        struct span value;
        struct span name = span_cut(span_of(argv[i]), '=', &value);
        bool known = false;
        if (value.data == NULL) {
            loop_count = (unsigned)atoi(argv[i]);
            continue;
        }
        for (size_t j = 0; j < ARRAY_LEN(names); j++) {
            if (span_eq_text(name, names[j].name))
                known = span_to_u64(value, UINT64_MAX, names[j].value) == 0;
        }
        if (!known) {
            fprintf(stderr, "%s: not a limit\n", argv[i]);
            exit(2);
        }
    }
}

static int listen_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 512) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        perror("listen");
        exit(1);
    }
    printf("port %u\n", ntohs(address.sin_port));
    return fd;
}

static void on_wait(struct loop_timer *timer) {
    struct test_loop *l = CONTAINER_OF(timer, struct test_loop, wait);
    if (http_listener_connections(l->listener) == 0)
        loop_stop(l->loop);
    else
        loop_timer_start(l->loop, &l->wait, 10, on_wait);
}

static void on_drain(struct loop_task *task) {
    struct test_loop *l = CONTAINER_OF(task, struct test_loop, drain);
    http_listener_drain(l->listener);
    on_wait(&l->wait);
}

static void on_close(struct loop_task *task) {
    struct test_loop *l = CONTAINER_OF(task, struct test_loop, close);
    http_listener_free(STEAL_PTR(l->listener));
    loop_timer_stop(&l->wait);
    loop_stop(l->loop);
}

static void *run_loop(void *arg) {
    struct test_loop *l = arg;
    loop_run(l->loop);
    return NULL;
}

int main(int argc, char **argv) {
    struct http_config config = {.name = "test", .check_host = true};
    sigset_t signals;
    int signal_number;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    log_set_level(getenv("TEST_SERVER_DEBUG") != NULL ? LOG_DEBUG : LOG_INFO);
    memset(block, 'b', sizeof block);
    read_limits(&config.limits, argc, argv);
    metrics = metrics_new();
    struct http_server *server = http_server_new(&config, metrics);
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        http_server_route(server, &routes[i]);
    int fd = listen_somewhere();
    for (unsigned i = 0; i < loop_count; i++) {
        struct error err;
        int own = i == 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (loop_new(&loops[i].loop, i) < 0 ||
            http_listen(server, loops[i].loop, own, &loops[i].listener, &err) < 0)
            return 1;
    }
    for (unsigned i = 0; i < loop_count; i++)
        pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]);
    sigwait(&signals, &signal_number);
    for (unsigned i = 0; i < loop_count; i++) {
        if (signal_number == SIGTERM)
            loop_post(loops[i].loop, &loops[i].drain, on_drain);
        else
            loop_post(loops[i].loop, &loops[i].close, on_close);
    }
    for (unsigned i = 0; i < loop_count; i++)
        pthread_join(loops[i].thread, NULL);
    for (unsigned i = 0; i < loop_count; i++) {
        http_listener_free(loops[i].listener);
        loop_free(loops[i].loop);
    }
    http_server_free(server);
    metrics_free(metrics);
    puts("ended");
    return 0;
}
