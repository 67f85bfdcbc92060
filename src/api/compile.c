/* POST /compile: WebCompile's form and answer, in its own manners: whatever is wrong with the code
 * is told with 200 and in ErrorString; only "no sandbox" is 503. Beside its field `code` it takes
 * `lang` and `stdin`. */
#include <stdlib.h>

#include "api/internal.h"
#include "language/limits.h"

/* More than any code that fits, three times as long when each byte is escaped, and room for stdin:
 * what is over the limit is still read, so that it is answered in WebCompile's own way. */
#define BODY_MAX (4 * MIB)
#define METHODS "PUT, GET, POST, DELETE, OPTIONS"

static const struct span form_type = SPAN("application/x-www-form-urlencoded");

static void respond(struct http_exchange *x, int status, char *text) {
    http_add_header(x, "Cache-Control", "no-store");
    http_respond(x, status, "application/json", span_of(text));
    free(text);
}

static void respond_error(struct http_exchange *x, int status, const char *words) {
    if (status == 503)
        http_add_header(x, "Retry-After", API_RETRY_AFTER_S);
    respond(x, status, compile_answer_text(SPAN(""), 0, span_of(words), false));
}

static bool on_check(struct http_exchange *x, const struct http_route *route) {
    if (!api_check_origin(x, route))
        return false;
    if (!api_body_is_over(x, BODY_MAX))
        return true;
    respond_error(x, 200, COMPILE_SIZE_TEXT);
    return false;
}

static void answer(struct http_exchange *x, const struct api *api, const struct language *language,
                   const struct run_result *result, bool with_execution_line) {
    (void)api;
    (void)language;
    switch (result->outcome) {
    case RUN_DONE:
        respond(x, 200, compile_answer(result, with_execution_line));
        break;
    case RUN_BUSY:
        respond_error(x, 503, API_BUSY_TEXT);
        break;
    case RUN_UNAVAILABLE:
        respond_error(x, 503, API_UNAVAILABLE_TEXT);
        break;
    case RUN_REFUSED:
        respond_error(x, 200, result->refusal.message);
        break;
    }
}

/* Everything that is no form has no code, as WebCompile sees it. */
static void read_form(struct http_exchange *x, struct compile_form *ret) {
    struct http_field *fields = NULL;
    size_t count = 0;
    struct error err;
    bool typed = http_header(x, "Content-Type").data;
    int r = typed ? http_form(x, &fields, &count, &err)
                  : http_form_parse(http_arena(x), form_type, http_body(x), &fields, &count, &err);
    compile_form_read(fields, r < 0 ? 0 : count, ret);
}

static const struct language *find_language(const struct api *api, const struct compile_form *form,
                                            struct api_refusal *refusal) {
    struct span name = form->has_lang ? form->lang : SPAN("csharp");
    const struct language *language = language_find(api->languages, name);
    if (!language)
        api_refuse_unknown_language(refusal, api->languages, name);
    else if (language->state != LANGUAGE_READY)
        api_refuse_not_ready(refusal, language);
    return language && language->state == LANGUAGE_READY ? language : NULL;
}

static void on_request(struct http_exchange *x, const struct http_route *route) {
    const struct api *api = route->user;
    if (http_method(x) == HTTP_OPTIONS) {
        api_respond_preflight(x, METHODS);
        return;
    }
    struct compile_form form = {0};
    if (http_method(x) == HTTP_POST || http_method(x) == HTTP_PUT || http_method(x) == HTTP_PATCH)
        read_form(x, &form);
    if (!compile_code_fits(form.code)) {
        respond_error(x, 200, COMPILE_SIZE_TEXT);
        return;
    }
    struct api_refusal refusal;
    const struct language *language = find_language(api, &form, &refusal);
    if (!language) {
        respond_error(x, 200, refusal.detail);
        return;
    }
    struct stage_file file = {.name = span_of(language->entry), .content = form.code, .mode = 0644};
    struct run_spec spec = {
        .language = language,
        .files = &file,
        .files_len = 1,
        .stdin_bytes = form.stdin_bytes,
        .deadline_ms = LIMIT_WEBCOMPILE_MS,
    };
    struct error err = {0};
    int r = api_pending_start(x, api, &spec, answer, !form.has_lang, &err);
    if (r < 0) {
        api_refuse_run(&refusal, r, err.message);
        respond_error(x, refusal.status == 503 ? 503 : 200, refusal.detail);
    }
}

void api_route_compile(struct http_route *route, struct api *api) {
    *route = (struct http_route){.methods = HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_PATCH |
                                            HTTP_DELETE | HTTP_OPTIONS,
                                 .path = "/compile",
                                 .max_body_bytes = BODY_MAX,
                                 .on_check = on_check,
                                 .on_request = on_request,
                                 .user = api};
}
