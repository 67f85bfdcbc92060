/* One request to a retort server. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/curl.h"
#include "cli/internal.h"

#define RESPONSE_MAX (128 * MIB) /* two streams at their largest, escaped */
#define CONNECT_TIMEOUT_MS 5000L
#define REQUEST_TIMEOUT_S 600L /* the queue, and both stages at their largest limits */

static size_t on_body(char *data, size_t size, size_t count, void *user) {
    struct cli_response *r = user;
    /* A short count makes curl end the transfer with CURLE_WRITE_ERROR. */
    return buffer_append(&r->body, data, size * count) < 0 ? 0 : size * count;
}

static char *join_url(const char *server, const char *path) {
    size_t len = strlen(server);
    while (len > 0 && server[len - 1] == '/')
        len--;
    return base_printf("%.*s%s", (int)len, server, path);
}

/* A proxy of the environment is for the world outside: what runs on this machine is asked directly,
 * as no_proxy says of other hosts. */
static char *no_proxy_list(void) {
    const char *own = getenv("no_proxy");
    if (!own)
        own = getenv("NO_PROXY");
    return base_printf("%s%slocalhost,127.0.0.1,::1", own ? own : "", own && *own ? "," : "");
}

static int transfer_failed(const struct cli_curl *c, CURLcode code, const char *detail,
                           const char *server, struct error *err) {
    const char *words = *detail ? detail : c->easy_strerror(code);
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
        return error_set(err, ECONNREFUSED,
                         "no server answers at %s (%s).\nStart one with `retort serve`, or name "
                         "another with --server URL or RETORT_SERVER.",
                         server, words);
    if (code == CURLE_WRITE_ERROR)
        return error_set(err, E2BIG, "the answer of %s is over %lu bytes", server, RESPONSE_MAX);
    return error_set(err, EIO, "%s: %s", server, words);
}

int cli_request(const char *server, const char *path, const char *body, struct cli_response *ret,
                struct error *err) {
    const struct cli_curl *c;
    int r = cli_curl_load(&c, err);
    if (r < 0)
        return r;
    CURL *curl = c->easy_init();
    if (!curl)
        return error_set(err, ENOMEM, "libcurl cannot start");
    CLEANUP_FREE char *url = join_url(server, path);
    CLEANUP_FREE char *no_proxy = no_proxy_list();
    char detail[CURL_ERROR_SIZE] = "";
    *ret = (struct cli_response){.body = BUFFER_INIT(RESPONSE_MAX)};
    struct curl_slist *headers = c->slist_append(NULL, "Content-Type: application/json");
    c->easy_setopt(curl, CURLOPT_URL, url);
    c->easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    c->easy_setopt(curl, CURLOPT_NOPROXY, no_proxy);
    c->easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    c->easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    c->easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    c->easy_setopt(curl, CURLOPT_TIMEOUT, REQUEST_TIMEOUT_S);
    c->easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    c->easy_setopt(curl, CURLOPT_WRITEDATA, ret);
    if (body) {
        c->easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        c->easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        c->easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    CURLcode code = c->easy_perform(curl);
    if (code == CURLE_OK)
        c->easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
    c->slist_free_all(headers);
    c->easy_cleanup(curl);
    if (code == CURLE_OK)
        return 0;
    cli_response_done(ret);
    return transfer_failed(c, code, detail, server, err);
}

void cli_response_done(struct cli_response *r) {
    buffer_done(&r->body);
}

int cli_report_problem(const struct cli_response *response) {
    json_t *problem = json_read(buffer_span(&response->body), NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    const char *title = json_string_value(json_object_get(problem, "title"));
    const char *type = json_string_value(json_object_get(problem, "type"));
    if (detail || title)
        (void)fprintf(stderr, "retort: %s\n", detail ? detail : title);
    else
        (void)fprintf(stderr, "retort: the server answered %ld\n", response->status);
    bool no_language =
        type && (strstr(type, "unknown-language") || strstr(type, "toolchain-missing"));
    json_decref(problem);
    return no_language ? CLI_EXIT_NOT_FOUND : CLI_EXIT_FAILED;
}
