/* internal.h: what the surfaces share. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "http/http.h"
#include "language/language.h"
#include "run/run.h"

/* What a client is told when its request is refused before anything ran: a problem document, or the
 * same words in a compatible format's own way. */
struct api_refusal {
    int status;
    const char *type; /* "unknown-language" */
    char detail[640];
};
/* Returns -EINVAL, for `return api_refuse(…)`. */
int api_refuse(struct api_refusal *refusal, int status, const char *type, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void api_respond_refusal(struct http_exchange *x, const struct api_refusal *refusal);

/* The reasons that both surfaces word the same way. */
int api_refuse_unknown_language(struct api_refusal *refusal, const struct language_table *languages,
                                struct span name);
/* Why it is not ready, in words for strangers; NULL when it is. */
const char *api_language_reason(const struct language *language);
int api_refuse_not_ready(struct api_refusal *refusal, const struct language *language);
/* -EINVAL, -E2BIG and the rest of run_start, or of RUN_REFUSED. */
int api_refuse_run(struct api_refusal *refusal, int code, const char *words);
#define API_RETRY_AFTER_S "1"
#define API_BUSY_TEXT "No sandbox is free. Try again in a second."
#define API_UNAVAILABLE_TEXT "No sandbox can be made at this moment. Try again in a second."

/* ---- origin.c: who may use the API from a browser (H33, H34) ---- */
enum api_origin {
    API_ORIGIN_NONE,   /* no Origin: not a page of a browser, or a plain GET of one */
    API_ORIGIN_OWN,    /* the studio's own: http:// and the request's Host */
    API_ORIGIN_LISTED, /* in cors_origins */
    API_ORIGIN_ANY,    /* cors_origins is "*" */
    API_ORIGIN_FORBIDDEN,
};
/* Pure. `host` has been checked by http (H35). */
enum api_origin api_origin_judge(struct span origin, struct span host, const char *const *allowed);
/* Adds Vary, Access-Control-Allow-Origin and nosniff. For what starts work: answers 403 and returns
 * false when the origin is forbidden. An http_check_fn. */
bool api_check_origin(struct http_exchange *x, const struct http_route *route);
/* The same headers for what only reads: another origin's page cannot read the answer, no more. */
bool api_check_read(struct http_exchange *x, const struct http_route *route);
/* Answers a preflight (after api_check_origin). */
void api_respond_preflight(struct http_exchange *x, const char *methods);
/* Content-Length above `max` already at the head. */
bool api_body_is_over(const struct http_exchange *x, size_t max);

void api_respond_json(struct http_exchange *x, int status, const json_t *body);

/* ---- runs_request.c: the fields of POST /api/v1/runs; pure ---- */
struct runs_request {
    json_t *document; /* owns what the spans point to, beside the arena */
    struct run_spec spec;
};
int runs_request_read(struct arena *arena, const struct language_table *languages, struct span body,
                      struct runs_request *ret, struct api_refusal *refusal);
void runs_request_done(struct runs_request *request);

/* ---- runs_answer.c: a result as design.md words it; pure ---- */
json_t *runs_answer(const struct run_result *result, const struct language *language,
                    const char *const *limits_not_enforced);
/* "SIGKILL"; for numbers without a name "SIG34". */
const char *runs_signal_name(int signal, char buffer[16]);

/* ---- compile_answer.c: WebCompile's four keys; pure ---- */
struct compile_form {
    struct span code, lang, stdin_bytes;
    bool has_lang;
};
void compile_form_read(const struct http_field *fields, size_t count, struct compile_form *ret);
bool compile_code_fits(struct span code);
#define COMPILE_SIZE_TEXT "Code must be greater than 0 and less than max limit"
/* To free(). Keys in WebCompile's order, no newline at the end. */
char *compile_answer_text(struct span output, uint64_t latency_ms, struct span error, bool timeout);
char *compile_answer(const struct run_result *result, bool with_execution_line);

/* ---- the routes: each fills in one ---- */
void api_route_studio(struct http_route routes[4], struct api *api);
void api_route_compile(struct http_route *route, struct api *api);
void api_route_runs(struct http_route *route, struct api *api);
void api_route_languages(struct http_route *route, struct api *api);
void api_route_live(struct http_route *route, struct api *api);
void api_route_stats(struct http_route *route, struct api *api);
json_t *api_language_json(const struct language *language);

/* ---- pending.c: one exchange and the run it waits for (H14) ---- */
/* Called once with the result unless the client has left. `note`: what the caller gave. */
typedef void api_answer_fn(struct http_exchange *x, const struct api *api,
                           const struct language *language, const struct run_result *result,
                           bool note);
/* Starts the run and binds it to the exchange: a client that leaves cancels it. On failure (one of
 * run_start's) the exchange is untouched and the caller answers. */
int api_pending_start(struct http_exchange *x, const struct api *api, const struct run_spec *spec,
                      api_answer_fn *answer, bool note, struct error *err);
