/* server.c: what all loops share: configuration with its defaults, routes, figures, addresses.
 *
 * Routes are read-only once the first listener exists; counters are atomic; only the counts per
 * address are behind a lock, which is taken when a connection is opened or closed.
 */
#include "http/internal.h"
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct address_count {
    size_t connections;
};

void http_count(struct metrics_counter *counter, int64_t delta) {
    if (counter != NULL)
        metrics_add(counter, delta);
}

#define OR_DEFAULT(field, value) ((field) = (field) != 0 ? (field) : (value))
static void fill_defaults(struct http_limits *l) {
    OR_DEFAULT(l->request_line_bytes, 8 * KIB);
    OR_DEFAULT(l->header_bytes, 32 * KIB);
    OR_DEFAULT(l->header_count, 100);
    OR_DEFAULT(l->chunk_ext_bytes, 256);
    OR_DEFAULT(l->header_ms, 10 * 1000);
    OR_DEFAULT(l->body_total_ms, 300 * 1000);
    OR_DEFAULT(l->body_grace_ms, 10 * 1000);
    OR_DEFAULT(l->body_min_bytes_per_s, 256);
    OR_DEFAULT(l->keep_alive_ms, 15 * 1000);
    OR_DEFAULT(l->write_ms, 30 * 1000);
    OR_DEFAULT(l->requests_per_connection, 10000);
    OR_DEFAULT(l->connections, 4096);
    OR_DEFAULT(l->connections_per_address, 1024);
    OR_DEFAULT(l->send_buffer_bytes, 256 * KIB);
    OR_DEFAULT(l->bodies_bytes, 256 * MIB);

    /* A quarter of the descriptors is left to everything that is not a connection (H13). */
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY)
        l->connections = MIN(l->connections, MAX((size_t)files.rlim_cur / 4 * 3, (size_t)1));
}

static void register_figures(struct http_figures *f, const char *server, struct metrics *m) {
    static const char *const classes[6] = {NULL, "1xx", "2xx", "3xx", "4xx", "5xx"};
    char requests[64], connections[64], refused[64], bytes[64], trouble[64];
    snprintf(requests, sizeof requests, "%s_http_requests", server);
    snprintf(connections, sizeof connections, "%s_http_connections", server);
    snprintf(refused, sizeof refused, "%s_http_refused", server);
    snprintf(trouble, sizeof trouble, "%s_http_trouble", server);
    snprintf(bytes, sizeof bytes, "%s_http_bytes", server);
    for (size_t i = 1; i < ARRAY_LEN(classes); i++)
        f->status[i] = metrics_counter(m, requests, classes[i]);
    f->left = metrics_counter(m, requests, "client_left");
    f->accepted = metrics_counter(m, connections, "accepted");
    f->open = metrics_counter(m, connections, "open");
    f->refused_total = metrics_counter(m, refused, "total");
    f->refused_address = metrics_counter(m, refused, "address");
    f->refused_descriptors = metrics_counter(m, refused, "descriptors");
    f->parse_errors = metrics_counter(m, trouble, "parse_errors");
    f->timeouts = metrics_counter(m, trouble, "timeouts");
    f->received = metrics_counter(m, bytes, "received");
    f->sent = metrics_counter(m, bytes, "sent");
}

struct http_server *http_server_new(const struct http_config *config, struct metrics *metrics) {
    struct http_server *s = base_alloc(sizeof *s);
    s->config = *config;
    if (s->config.name == NULL)
        s->config.name = "http";
    fill_defaults(&s->config.limits);
    s->arena_limit = MIB;
    s->addresses = map_new();
    pthread_mutex_init(&s->addresses_lock, NULL);
    if (metrics != NULL)
        register_figures(&s->figures, s->config.name, metrics);
    return s;
}

void http_server_free(struct http_server *server) {
    if (server == NULL)
        return;
    assert(atomic_load(&server->connections) == 0);
    map_free(server->addresses); /* each count is freed with its last connection */
    pthread_mutex_destroy(&server->addresses_lock);
    free(server);
}

void http_server_route(struct http_server *server, const struct http_route *route) {
    assert(route->path[0] == '/' && route->on_request != NULL);
    if (server->route_count == ROUTES_MAX)
        abort();
    server->routes[server->route_count++] = route;
    /* What a handler takes from the arena to understand a body may be as large as the body twice.
     */
    server->arena_limit = MAX(server->arena_limit, MIB + 2 * route->max_body_bytes);
}

/* ---- routes ---- */

/* How well a route fits: 0 not at all, else the more bytes of the path it names the better, and an
 * exact path better than any prefix. */
static size_t route_fit(const struct http_route *route, struct span path, struct span *ret_rest) {
    struct span pattern = span_of(route->path);
    if (!span_ends_with(pattern, SPAN("/*"))) {
        *ret_rest = (struct span){path.data + path.len, 0};
        return span_eq(pattern, path) ? SIZE_MAX : 0;
    }
    struct span prefix = {pattern.data, pattern.len - 1};
    if (!span_starts_with(path, prefix))
        return 0;
    *ret_rest = (struct span){path.data + prefix.len, path.len - prefix.len};
    return prefix.len;
}

struct http_match http_server_match(const struct http_server *server, enum http_method method,
                                    struct span path) {
    /* HEAD is what GET would answer, without the body. */
    unsigned wanted = method == HTTP_HEAD ? HTTP_HEAD | HTTP_GET : method;
    struct http_match best = {0};
    size_t best_fit = 0;
    for (size_t i = 0; i < server->route_count; i++) {
        const struct http_route *route = server->routes[i];
        struct span rest;
        size_t fit = route_fit(route, path, &rest);
        if (fit == 0 || fit < best_fit)
            continue;
        if (fit > best_fit)
            best = (struct http_match){.rest = rest};
        best_fit = fit;
        best.allowed |= route->methods;
        bool exactly = (route->methods & method) != 0;
        if (exactly || (best.route == NULL && (route->methods & wanted) != 0))
            best.route = route;
    }
    if (best.allowed & HTTP_GET)
        best.allowed |= HTTP_HEAD;
    if (best.allowed != 0)
        best.allowed |= HTTP_OPTIONS;
    return best;
}

void http_allow_text(unsigned methods, char out[ALLOW_TEXT_SIZE]) {
    static const char *const names[] = {"GET",    "HEAD",  "POST",   "PUT",
                                        "DELETE", "PATCH", "OPTIONS"}; /* bit by bit */
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if ((methods & 1u << i) == 0)
            continue;
        len += (size_t)snprintf(out + len, ALLOW_TEXT_SIZE - len, "%s%s", len > 0 ? ", " : "",
                                names[i]);
        assert(len < ALLOW_TEXT_SIZE);
    }
}

/* ---- addresses ---- */

void http_address_of(const struct sockaddr_storage *from, struct http_address *out) {
    *out = (struct http_address){.text = "local"};
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)from;
        memcpy(out->bytes, &v4->sin_addr, out->len = 4);
        inet_ntop(AF_INET, &v4->sin_addr, out->text, sizeof out->text);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)from;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            memcpy(out->bytes, v6->sin6_addr.s6_addr + 12, out->len = 4);
            inet_ntop(AF_INET, out->bytes, out->text, sizeof out->text);
            return;
        }
        memcpy(out->bytes, v6->sin6_addr.s6_addr, out->len = 8);
        inet_ntop(AF_INET6, &v6->sin6_addr, out->text, sizeof out->text);
    }
}

bool http_address_take(struct http_server *server, const struct http_address *address) {
    struct span key = {(const char *)address->bytes, address->len};
    if (key.len == 0)
        return true;
    pthread_mutex_lock(&server->addresses_lock);
    struct address_count *count = map_get(server->addresses, key);
    if (count == NULL) {
        count = base_alloc(sizeof *count);
        map_set(server->addresses, key, count);
    }
    bool taken = count->connections < server->config.limits.connections_per_address;
    if (taken)
        count->connections++;
    pthread_mutex_unlock(&server->addresses_lock);
    return taken;
}

void http_address_release(struct http_server *server, const struct http_address *address) {
    struct span key = {(const char *)address->bytes, address->len};
    if (key.len == 0)
        return;
    pthread_mutex_lock(&server->addresses_lock);
    struct address_count *count = map_get(server->addresses, key);
    assert(count != NULL && count->connections > 0);
    if (--count->connections == 0) {
        map_remove(server->addresses, key);
        free(count);
    }
    pthread_mutex_unlock(&server->addresses_lock);
}
