/* GET /stats: figures of this process and its sandboxes. GET /-/live: the process answers. */
#include "api/internal.h"
#include "base/clock.h"
#include "base/json.h"
#include "metrics/metrics.h"
#include "spawner/spawner.h"

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

static json_t *sandboxes_json(const struct spawner_figures *f) {
    json_t *object = json_object();
    json_object_set_new(object, "slots", number(f->slots));
    json_object_set_new(object, "ready", number(f->ready));
    json_object_set_new(object, "claimed", number(f->claimed));
    json_object_set_new(object, "filling", number(f->filling));
    json_object_set_new(object, "quarantined", number(f->quarantined));
    json_object_set_new(object, "created", number(f->created));
    json_object_set_new(object, "create_failed", number(f->create_failed));
    return object;
}

static json_t *languages_json(const struct language_table *languages) {
    static const char *const names[] = {"ready", "missing", "unusable"};
    unsigned counts[ARRAY_LEN(names)] = {0};
    for (size_t i = 0; i < language_count(languages); i++)
        counts[language_at(languages, i)->state]++;
    json_t *object = json_object();
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        json_object_set_new(object, names[i], number(counts[i]));
    return object;
}

static void on_stats(struct http_exchange *x, const struct http_route *route) {
    const struct api *api = route->user;
    struct spawner_figures figures = {0};
    spawner_client_figures(api->spawner, &figures);
    json_t *cpu = json_object();
    json_object_set_new(cpu, "server_ms", number(clock_cpu_us() / 1000));
    json_object_set_new(cpu, "spawner_ms", number(figures.cpu_us / 1000));
    json_t *body = json_object();
    json_object_set_new(body, "version", json_string(api->version));
    json_object_set_new(body, "uptime_s", number((clock_now_ms() - api->_started_ms) / 1000));
    json_object_set_new(body, "cpu", cpu);
    json_object_set_new(body, "languages", languages_json(api->languages));
    json_object_set_new(body, "sandboxes", sandboxes_json(&figures));
    /* Runs by verdict and by language, the queue, and the listeners' own. */
    json_object_set_new(body, "metrics", metrics_json(api->metrics));
    api_respond_json(x, 200, body);
    json_decref(body);
}

static void on_live(struct http_exchange *x, const struct http_route *route) {
    (void)route;
    http_add_header(x, "X-Content-Type-Options", "nosniff");
    http_add_header(x, "Cache-Control", "no-store");
    http_respond(x, 200, "text/plain; charset=utf-8", SPAN("live\n"));
}

void api_route_live(struct http_route *route, struct api *api) {
    *route = (struct http_route){
        .methods = HTTP_GET, .path = "/-/live", .on_request = on_live, .user = api};
}

void api_route_stats(struct http_route *route, struct api *api) {
    *route = (struct http_route){.methods = HTTP_GET,
                                 .path = "/stats",
                                 .on_check = api_check_read,
                                 .on_request = on_stats,
                                 .user = api};
}
