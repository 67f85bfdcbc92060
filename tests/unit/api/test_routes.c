/* The routes over real HTTP, with runs that are stood in for: status, headers, who is let in (H30,
 * H33, H34), and what a client that leaves does to its run (H14). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "language/limits.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "stand_in.h"

struct fixture {
    struct loop *loop;
    struct metrics *metrics;
    struct http_server *server;
    struct http_listener *listener;
    struct api api;
    uint16_t port;
    char host[32];
};
static struct fixture f;
static const char *const listed[] = {"https://course.example", NULL};
static const char *const any[] = {"*", NULL};
static const char *const empty[] = {NULL};

static int listen_socket(uint16_t *ret_port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static int set_up(void **state) {
    (void)state;
    memset(&f, 0, sizeof f);
    stand_in_run = (struct stand_in_run){0};
    assert_int_equal(loop_new(&f.loop, 0), 0);
    f.metrics = metrics_new();
    struct http_config config = {.name = "studio", .hosts = empty, .check_host = true};
    f.server = http_server_new(&config, f.metrics);
    f.api = (struct api){.languages = stand_in_languages(),
                         .metrics = f.metrics,
                         .cors_origins = listed,
                         .limits_not_enforced = empty,
                         .stats_enabled = true,
                         .version = "0.1"};
    api_register_studio(f.server, &f.api);
    int fd = listen_socket(&f.port);
    (void)snprintf(f.host, sizeof f.host, "127.0.0.1:%u", f.port);
    struct error err = {0};
    assert_int_equal(http_listen(f.server, f.loop, fd, &f.listener, &err), 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    http_listener_free(f.listener);
    http_server_free(f.server);
    metrics_free(f.metrics);
    loop_free(f.loop);
    return 0;
}

/* ---- a client on a thread of its own ---- */

struct client {
    const char *request;
    size_t len;
    bool leaves; /* does not wait for the answer */
    struct buffer answer;
};

static void *client_main(void *user) {
    struct client *c = user;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(f.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 20};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
        /* A server that refuses at the head may close before the body is sent. */
        (void)!send(fd, c->request, c->len, MSG_NOSIGNAL);
        if (c->leaves) {
            usleep(50000); /* the run has begun */
        } else {
            char chunk[4096];
            ssize_t n;
            while ((n = recv(fd, chunk, sizeof chunk, 0)) > 0)
                (void)!buffer_append(&c->answer, chunk, (size_t)n);
        }
    }
    fd_close(fd);
    if (!c->leaves)
        loop_stop(f.loop);
    return NULL;
}

/* The answer as text; the caller frees. */
static char *exchange(struct client *c) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, client_main, c), 0);
    loop_run(f.loop);
    pthread_join(thread, NULL);
    assert_int_equal(buffer_append(&c->answer, "", 0), 0);
    return buffer_steal(&c->answer, NULL);
}

/* `head`: lines after the request line's, each with its CRLF. */
static char *ask(const char *line, const char *head, const char *body) {
    CLEANUP_FREE char *request = base_printf(
        "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s", line,
        f.host, strlen(body), head, body);
    struct client c = {.request = request, .len = strlen(request)};
    return exchange(&c);
}

static void assert_has(const char *answer, const char *text) {
    if (!strcasestr(answer, text))
        fail_msg("no \"%s\" in\n%s", text, answer);
}

static void assert_has_not(const char *answer, const char *text) {
    if (strcasestr(answer, text))
        fail_msg("\"%s\" in\n%s", text, answer);
}

static void assert_asked(const char *line, const char *head, const char *body, const char *status,
                         const char *text) {
    CLEANUP_FREE char *answer = ask(line, head, body);
    CLEANUP_FREE char *status_line = base_printf("HTTP/1.1 %s", status);
    if (strncmp(answer, status_line, strlen(status_line)) != 0)
        fail_msg("not %s but\n%s", status, answer);
    assert_has(answer, text);
    assert_has(answer, "X-Content-Type-Options: nosniff"); /* H30 */
}

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define RUNS "POST /api/v1/runs"
#define COMPILE "POST /compile"
#define SIZE_ANSWER                                                                                \
    "{\"Output\":\"\",\"LatencyInMS\":0,\"ErrorString\":\"Code must be greater than 0 and less "   \
    "than max limit\",\"Timeout\":false}"
static const char hello[] = "{\"language\":\"python\",\"source\":\"print(1)\"}";

/* ---- the native run ---- */

static void a_run_is_answered(void **state) {
    (void)state;
    stand_in_run.result = (struct run_result){.id = "an-id", .stage = STAGE_RUN, .ran = true};
    stand_in_run.out = "1\n";
    assert_asked(RUNS, "", hello, "200", "\"stdout\":\"1\\n\"");
    assert_string_equal(stand_in_run.language, "python");
    assert_string_equal(stand_in_run.source, "print(1)");
    assert_int_equal(stand_in_run.deadline_ms, 0);
    CLEANUP_FREE char *answer = ask(RUNS, "", hello);
    assert_has(answer, "Content-Type: application/json\r\n");
    assert_has(answer, "Cache-Control: no-store");
}

static void what_did_not_run_is_503(void **state) {
    (void)state;
    stand_in_run.result.outcome = RUN_BUSY;
    assert_asked(RUNS, "", hello, "503", "/problems/busy");
    CLEANUP_FREE char *answer = ask(RUNS, "", hello);
    assert_has(answer, "Retry-After: 1\r\n");
    stand_in_run.result.outcome = RUN_UNAVAILABLE;
    CLEANUP_FREE char *other = ask(RUNS, "", hello);
    assert_has(other, "HTTP/1.1 503");
    assert_has(other, "/problems/unavailable");
    assert_has(other, "Retry-After: 1\r\n");
}

static void refusals_of_a_run_are_told(void **state) {
    (void)state;
    stand_in_run.result = (struct run_result){
        .outcome = RUN_REFUSED, .refusal = {.code = EINVAL, .message = "two files are named x"}};
    assert_asked(RUNS, "", hello, "400", "two files are named x");
    stand_in_run.code = -EINVAL;
    stand_in_run.words = "limits.run.wall_ms: 9 is above";
    assert_asked(RUNS, "", hello, "400", "limits.run.wall_ms: 9 is above");
    stand_in_run.code = -E2BIG;
    assert_asked(RUNS, "", hello, "413", "/problems/too-large");
    assert_asked(RUNS, "", "{", "400", "/problems/bad-json");
    assert_asked(RUNS, "", "{\"language\":\"go\",\"source\":\"x\"}", "501", "golang-go");
}

static void a_body_over_the_limit_is_413_at_the_head(void **state) {
    (void)state;
    CLEANUP_FREE char *request = base_printf(
        RUNS " HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: 17000000\r\n\r\n",
        f.host);
    struct client c = {.request = request, .len = strlen(request)};
    CLEANUP_FREE char *answer = exchange(&c);
    assert_has(answer, "HTTP/1.1 413");
    assert_has(answer, "too-large");
    assert_has(answer, "16777216");
}

static void stop_loop(void) {
    loop_stop(f.loop);
}

/* H14 */
static void a_client_that_leaves_cancels_its_run(void **state) {
    (void)state;
    const char *const lines[] = {RUNS, COMPILE};
    const char *const bodies[] = {hello, "code=x"};
    for (int i = 0; i < 2; i++) {
        stand_in_run = (struct stand_in_run){.hangs = true, .on_cancelled = stop_loop};
        CLEANUP_FREE char *request =
            base_printf("%s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %zu\r\n\r\n%s", lines[i],
                        f.host, FORM, strlen(bodies[i]), bodies[i]);
        struct client c = {.request = request, .len = strlen(request), .leaves = true};
        free(exchange(&c));
        assert_int_equal(stand_in_run.started, 1);
        assert_int_equal(stand_in_run.cancelled, 1);
        assert_int_equal(stand_in_run.ended, 1);
    }
}

/* ---- who may ask (H33, H34) ---- */

static void other_origins_start_nothing(void **state) {
    (void)state;
    const char *const heads[] = {"Origin: http://evil.example\r\n", "Origin: null\r\n"};
    for (int i = 0; i < 2; i++) {
        assert_asked(RUNS, heads[i], hello, "403", "/problems/forbidden-origin");
        assert_asked(RUNS, heads[i], hello, "403", "--cors-origins");
        CLEANUP_FREE char *head = base_printf("%s%s", FORM, heads[i]);
        assert_asked(COMPILE, head, "code=x", "403", "/problems/forbidden-origin");
        assert_asked("OPTIONS /compile", heads[i], "", "403", "--cors-origins");
        CLEANUP_FREE char *answer = ask(RUNS, heads[i], hello);
        assert_has_not(answer, "Access-Control-Allow-Origin");
        assert_has(answer, "Vary: Origin");
    }
    assert_int_equal(stand_in_run.started, 0);
}

static void own_and_listed_origins_do(void **state) {
    (void)state;
    CLEANUP_FREE char *own = base_printf("Origin: http://%s\r\n", f.host);
    assert_asked(RUNS, own, hello, "200", "\"verdict\"");
    CLEANUP_FREE char *answer = ask(RUNS, "Origin: https://course.example\r\n", hello);
    assert_has(answer, "HTTP/1.1 200");
    assert_has(answer, "Access-Control-Allow-Origin: https://course.example\r\n");
    assert_has(answer, "Vary: Origin");
    CLEANUP_FREE char *preflight =
        ask("OPTIONS /api/v1/runs", "Origin: https://course.example\r\n", "");
    assert_has(preflight, "HTTP/1.1 200");
    assert_has(preflight, "Access-Control-Allow-Origin: https://course.example\r\n");
    assert_has(preflight, "Access-Control-Allow-Methods: POST");
    assert_has(preflight, "Access-Control-Allow-Headers: Content-Type");
    assert_int_equal(stand_in_run.started, 2);
    f.api.cors_origins = any;
    CLEANUP_FREE char *star = ask(COMPILE, FORM "Origin: http://evil.example\r\n", "code=x");
    assert_has(star, "HTTP/1.1 200");
    assert_has(star, "Access-Control-Allow-Origin: *\r\n");
}

/* ---- WebCompile ---- */

static void compile_is_answered(void **state) {
    (void)state;
    stand_in_run.result = (struct run_result){.stage = STAGE_RUN, .ran = true, .total_us = 5000};
    stand_in_run.result.run.wall_us = 2000;
    stand_in_run.out = "Sum\n";
    CLEANUP_FREE char *answer = ask(COMPILE, FORM, "code=class+X%7B%7D");
    const char *body = strstr(answer, "\r\n\r\n") + 4;
    assert_string_equal(body, "{\"Output\":\"Sum\\nCode Execution: 2 ms\\n\",\"LatencyInMS\":5,"
                              "\"ErrorString\":\"\",\"Timeout\":false}");
    assert_has(answer, "Content-Type: application/json\r\n");
    assert_string_equal(stand_in_run.language, "csharp");
    assert_string_equal(stand_in_run.source, "class X{}");
    assert_string_equal(stand_in_run.name, "main.cs");
    assert_int_equal(stand_in_run.deadline_ms, LIMIT_WEBCOMPILE_MS);
    assert_asked(COMPILE, FORM, "code=x&lang=py&stdin=a%0Ab", "200", "\"Output\":\"Sum\\n\"");
    assert_string_equal(stand_in_run.language, "python");
    assert_string_equal(stand_in_run.input, "a\nb");
    /* No content type is a form, as curl would not send but sockets do. */
    assert_asked(COMPILE, "", "code=x", "200", "Code Execution");
    assert_asked(COMPILE, "Content-Type: multipart/form-data; boundary=B\r\n",
                 "--B\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\nbody\r\n--B--\r\n",
                 "200", "Code Execution");
    assert_string_equal(stand_in_run.source, "body");
}

static void compile_refuses_in_its_own_way(void **state) {
    (void)state;
    assert_asked(COMPILE, FORM, "code=", "200", SIZE_ANSWER);
    assert_asked(COMPILE, FORM, "", "200", SIZE_ANSWER);
    assert_asked(COMPILE, FORM, "x=1", "200", SIZE_ANSWER);
    assert_asked(COMPILE, FORM, "code=%zz", "200", SIZE_ANSWER);
    assert_asked("GET /compile?code=x", "", "", "200", SIZE_ANSWER);
    CLEANUP_FREE char *code = base_alloc(3 * (LIMIT_WEBCOMPILE_CODE_BYTES + 1) + 6);
    memcpy(code, "code=", 5);
    for (size_t i = 0; i <= LIMIT_WEBCOMPILE_CODE_BYTES; i++)
        memcpy(code + 5 + 3 * i, "%41", 3);
    assert_asked(COMPILE, FORM, code, "200", SIZE_ANSWER);
    assert_int_equal(stand_in_run.started, 0);
    assert_asked(COMPILE, FORM, "code=x&lang=cobol", "200", "There are: c, csharp, python");
    assert_asked(COMPILE, FORM, "code=x&lang=", "200", "There are: c, csharp, python");
    stand_in_set_csharp_missing(true);
    assert_asked(COMPILE, FORM, "code=x", "200", "mono-mcs");
    stand_in_set_csharp_missing(false);
    stand_in_run.code = -EINVAL;
    stand_in_run.words = "some words";
    assert_asked(COMPILE, FORM, "code=x", "200", "\"ErrorString\":\"some words.\"");
}

static void a_form_far_too_large_too(void **state) {
    (void)state;
    CLEANUP_FREE char *request =
        base_printf(COMPILE " HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n" FORM
                            "Content-Length: 9000000\r\n\r\n",
                    f.host);
    struct client c = {.request = request, .len = strlen(request)};
    CLEANUP_FREE char *answer = exchange(&c);
    assert_has(answer, "HTTP/1.1 200");
    assert_has(answer, SIZE_ANSWER);
}

static void no_sandbox_is_its_only_503(void **state) {
    (void)state;
    stand_in_run.result.outcome = RUN_BUSY;
    CLEANUP_FREE char *answer = ask(COMPILE, FORM, "code=x");
    assert_has(answer, "HTTP/1.1 503");
    assert_has(answer, "Retry-After: 1\r\n");
    assert_has(answer, "{\"Output\":\"\",\"LatencyInMS\":0,\"ErrorString\":\"No sandbox is free.");
}

/* ---- the rest ---- */

static void the_page(void **state) {
    (void)state;
    CLEANUP_FREE char *answer = ask("GET /", "", "");
    assert_has(answer, "HTTP/1.1 200");
    assert_has(answer, "Content-Type: text/html; charset=utf-8");
    assert_has(answer, "Content-Security-Policy: default-src 'self'");
    assert_has(answer, "action=\"compile\"");
    assert_has(answer, "sum += i;");
    assert_has_not(answer, "style=");
    assert_has_not(answer, "<style");
    assert_has_not(answer, "onclick");
    assert_asked("GET /studio.js", "", "", "200", "text/javascript");
    assert_asked("GET /studio.css", "", "", "200", "text/css");
    assert_asked("GET /studio.svg", "", "", "200", "image/svg+xml");
}

static void the_languages(void **state) {
    (void)state;
    CLEANUP_FREE char *answer = ask("GET /api/v1/languages", "", "");
    assert_has(answer, "HTTP/1.1 200");
    assert_has(answer, "{\"languages\":[{\"name\":\"c\",\"title\":\"C\"");
    assert_has(answer, "\"state\":\"missing\",\"reason\":\"go: not found\","
                       "\"packages\":[\"golang-go\"]");
    assert_has(answer, "\"state\":\"unusable\"");
    assert_has(answer, "\"sample\":\"int main(void) {}\"");
    assert_has(answer, "\"limits\":{\"compile\":null,\"run\":{\"wall_ms\":1234,\"cpu_ms\":5000,");
    /* It changes nothing, so another page may ask; it may not read. */
    CLEANUP_FREE char *foreign =
        ask("GET /api/v1/languages", "Origin: http://evil.example\r\n", "");
    assert_has(foreign, "HTTP/1.1 200");
    assert_has_not(foreign, "Access-Control-Allow-Origin");
}

static void live_and_stats(void **state) {
    (void)state;
    assert_asked("GET /-/live", "", "", "200", "\r\n\r\nlive\n");
    assert_asked("GET /stats", "", "", "200", "\"sandboxes\":{\"slots\":8,\"ready\":2,");
    assert_asked("GET /stats", "", "", "200", "\"spawner_ms\":3}");
    assert_asked("GET /stats", "", "", "200", "\"metrics\":{");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_run_is_answered),
        CASE(what_did_not_run_is_503),
        CASE(refusals_of_a_run_are_told),
        CASE(a_body_over_the_limit_is_413_at_the_head),
        CASE(a_client_that_leaves_cancels_its_run),
        CASE(other_origins_start_nothing),
        CASE(own_and_listed_origins_do),
        CASE(compile_is_answered),
        CASE(compile_refuses_in_its_own_way),
        CASE(a_form_far_too_large_too),
        CASE(no_sandbox_is_its_only_503),
        CASE(the_page),
        CASE(the_languages),
        CASE(live_and_stats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
