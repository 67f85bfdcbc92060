/* The route table of the studio listener, and the words that several surfaces share. */
#include "api/api.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/json.h"

int api_refuse(struct api_refusal *refusal, int status, const char *type, const char *fmt, ...) {
    refusal->status = status;
    refusal->type = type;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(refusal->detail, sizeof refusal->detail, fmt, args);
    va_end(args);
    return -EINVAL;
}

void api_respond_refusal(struct http_exchange *x, const struct api_refusal *refusal) {
    if (refusal->status == 503)
        http_add_header(x, "Retry-After", API_RETRY_AFTER_S);
    http_respond_problem(x, refusal->status, refusal->type, "%s", refusal->detail);
}

int api_refuse_unknown_language(struct api_refusal *refusal, const struct language_table *languages,
                                struct span name) {
    CLEANUP_FREE char *ready = language_names(languages);
    const char *there = *ready ? ready : "none (no toolchain was found on this host)";
    if (name.len == 0)
        return api_refuse(refusal, 400, "unknown-language", "No language is named. There are: %s.",
                          there);
    return api_refuse(refusal, 400, "unknown-language",
                      "There is no language \"%.*s\". There are: %s.", (int)MIN(name.len, 60UL),
                      name.data, there);
}

const char *api_language_reason(const struct language *language) {
    if (language->state == LANGUAGE_READY)
        return NULL;
    /* A tool that is there and cannot be used is told with its path: that is the log's to say
     * (H42). */
    if (language->state == LANGUAGE_UNUSABLE || !language->reason)
        return "its toolchain is there but cannot be used; the server's log says why";
    return language->reason;
}

int api_refuse_not_ready(struct api_refusal *refusal, const struct language *language) {
    CLEANUP_BUFFER struct buffer packages = BUFFER_INIT(400);
    for (size_t i = 0; i < language->packages_len; i++)
        if (buffer_printf(&packages, "%s%s", i ? " " : "", language->packages[i]) < 0)
            break;
    const char *reason = api_language_reason(language);
    /* The reason may name the package already. */
    if (packages.len == 0 || strstr(reason, packages.data))
        return api_refuse(refusal, 501, "toolchain-missing", "%s cannot be used here: %s.",
                          language->title, reason);
    return api_refuse(refusal, 501, "toolchain-missing",
                      "%s cannot be used here: %s. Debian packages that have it: %s.",
                      language->title, reason, packages.data);
}

int api_refuse_run(struct api_refusal *refusal, int code, const char *words) {
    if (code == -E2BIG)
        return api_refuse(refusal, 413, "too-large", "The run is too large: %s.", words);
    if (code == -EINVAL)
        return api_refuse(refusal, 400, "bad-request", "%s.", words);
    return api_refuse(refusal, 503, "unavailable", "%s", API_UNAVAILABLE_TEXT);
}

void api_respond_json(struct http_exchange *x, int status, const json_t *body) {
    CLEANUP_FREE char *text = json_write(body, false);
    http_add_header(x, "Cache-Control", "no-store");
    http_respond(x, status, "application/json", span_of(text));
}

void api_register_studio(struct http_server *server, struct api *api) {
    struct http_route *routes = api->_routes;
    api->_started_ms = clock_now_ms();
    api_route_studio(routes, api); /* four of them */
    api_route_compile(&routes[4], api);
    api_route_runs(&routes[5], api);
    api_route_languages(&routes[6], api);
    api_route_live(&routes[7], api);
    api_route_stats(&routes[8], api); /* the last: it can be turned off */
    for (size_t i = 0; i < API_ROUTES - (api->stats_enabled ? 0U : 1U); i++)
        http_server_route(server, &routes[i]);
}
