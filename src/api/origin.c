/* Which pages of a browser may start work (H33, H34).
 *
 * A browser names the page a request comes from in Origin: always with POST, also for a plain form.
 * Without tokens this is the only thing between a page elsewhere and this server, so every route
 * that starts work has api_check_origin as its on_check: before a byte of the body is read. A
 * client that is no browser sends no Origin and is let through. */
#include "api/internal.h"

static bool is_own(struct span origin, struct span host) {
    const struct span scheme = SPAN("http://");
    if (host.len == 0 || origin.len != scheme.len + host.len || !span_starts_with(origin, scheme))
        return false;
    struct span rest = {.data = origin.data + scheme.len, .len = host.len};
    return span_eq_nocase(rest, host);
}

enum api_origin api_origin_judge(struct span origin, struct span host, const char *const *allowed) {
    bool any = allowed && allowed[0] && span_eq_text(SPAN("*"), allowed[0]);
    if (!origin.data)
        return any ? API_ORIGIN_ANY : API_ORIGIN_NONE;
    if (is_own(origin, host))
        return API_ORIGIN_OWN;
    if (any)
        return API_ORIGIN_ANY;
    for (size_t i = 0; allowed && allowed[i]; i++)
        if (span_eq_text(origin, allowed[i]))
            return API_ORIGIN_LISTED;
    return API_ORIGIN_FORBIDDEN;
}

static enum api_origin judge(struct http_exchange *x, const struct http_route *route) {
    const struct api *api = route->user;
    struct span origin = http_header(x, "Origin");
    enum api_origin verdict = api_origin_judge(origin, http_header(x, "Host"), api->cors_origins);
    http_add_header(x, "X-Content-Type-Options", "nosniff");
    http_add_header(x, "Vary", "Origin");
    if (verdict == API_ORIGIN_ANY) {
        http_add_header(x, "Access-Control-Allow-Origin", "*");
    } else if (verdict == API_ORIGIN_LISTED) {
        char *value = arena_strndup(http_arena(x), origin.data, origin.len);
        if (value)
            http_add_header(x, "Access-Control-Allow-Origin", value);
    }
    return verdict;
}

bool api_check_origin(struct http_exchange *x, const struct http_route *route) {
    /* A GET starts nothing. */
    bool reads = http_method(x) == HTTP_GET || http_method(x) == HTTP_HEAD;
    if (judge(x, route) != API_ORIGIN_FORBIDDEN || reads)
        return true;
    struct span origin = http_header(x, "Origin");
    http_respond_problem(x, 403, "forbidden-origin",
                         "Pages of the origin \"%.*s\" may not use this server. The option "
                         "--cors-origins (cors_origins in the file) names those that may.",
                         (int)MIN(origin.len, 200UL), origin.data);
    return false;
}

bool api_check_read(struct http_exchange *x, const struct http_route *route) {
    (void)judge(x, route);
    return true;
}

void api_respond_preflight(struct http_exchange *x, const char *methods) {
    http_add_header(x, "Access-Control-Allow-Methods", methods);
    http_add_header(x, "Access-Control-Allow-Headers", "Content-Type");
    http_add_header(x, "Access-Control-Max-Age", "600");
    http_respond(x, 200, NULL, SPAN(""));
}

bool api_body_is_over(const struct http_exchange *x, size_t max) {
    struct span length = http_header(x, "Content-Length");
    uint64_t value;
    return length.data && span_to_u64(length, max, &value) < 0;
}
