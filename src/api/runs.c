/* POST /api/v1/runs: the native run. Its fields are read in runs_request.c, its answer worded in
 * runs_answer.c. */
#include "api/internal.h"
#include "language/limits.h"

#define BODY_MAX (16 * MIB)

static bool on_check(struct http_exchange *x, const struct http_route *route) {
    if (!api_check_origin(x, route))
        return false;
    if (!api_body_is_over(x, BODY_MAX))
        return true;
    http_respond_problem(x, 413, "too-large", "The body is over the limit of %lu bytes.", BODY_MAX);
    return false;
}

static void answer(struct http_exchange *x, const struct api *api, const struct language *language,
                   const struct run_result *result, bool note) {
    (void)note;
    struct api_refusal refusal;
    switch (result->outcome) {
    case RUN_DONE: {
        json_t *body = runs_answer(result, language, api->limits_not_enforced);
        api_respond_json(x, 200, body);
        json_decref(body);
        return;
    }
    case RUN_BUSY:
        api_refuse(&refusal, 503, "busy", "%s", API_BUSY_TEXT);
        break;
    case RUN_UNAVAILABLE:
        api_refuse(&refusal, 503, "unavailable", "%s", API_UNAVAILABLE_TEXT);
        break;
    case RUN_REFUSED:
        api_refuse_run(&refusal, -result->refusal.code, result->refusal.message);
        break;
    }
    api_respond_refusal(x, &refusal);
}

static void on_request(struct http_exchange *x, const struct http_route *route) {
    const struct api *api = route->user;
    if (http_method(x) == HTTP_OPTIONS) {
        api_respond_preflight(x, "POST, OPTIONS");
        return;
    }
    struct api_refusal refusal;
    struct runs_request request;
    struct error err = {0};
    struct arena arena;
    /* The decoded bytes and the lists; the run copies what it keeps. */
    arena_init(&arena, 2 * BODY_MAX);
    int r = runs_request_read(&arena, api->languages, http_body(x), &request, &refusal);
    if (r == 0) {
        r = api_pending_start(x, api, &request.spec, answer, false, &err);
        if (r < 0)
            api_refuse_run(&refusal, r, err.message);
    }
    if (r < 0)
        api_respond_refusal(x, &refusal);
    runs_request_done(&request);
    arena_done(&arena);
}

void api_route_runs(struct http_route *route, struct api *api) {
    *route = (struct http_route){.methods = HTTP_POST | HTTP_OPTIONS,
                                 .path = "/api/v1/runs",
                                 .max_body_bytes = BODY_MAX,
                                 .on_check = on_check,
                                 .on_request = on_request,
                                 .user = api};
}
