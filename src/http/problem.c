/* problem.c: errors as RFC 9457 problem documents. */
#include "base/json.h"
#include "http/internal.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "unknown-language" → "Unknown language" */
static void title_of(const char *type, char *out, size_t size) {
    snprintf(out, size, "%s", type);
    out[0] = (char)toupper((unsigned char)out[0]);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '-')
            *c = ' ';
    }
}

void http_respond_problem(struct http_exchange *x, int status, const char *type,
                          const char *detail_fmt, ...) {
    char title[80], uri[112] = "about:blank";
    char *detail = NULL;
    va_list args;
    if (x->gone)
        return;
    va_start(args, detail_fmt);
    if (vasprintf(&detail, detail_fmt, args) < 0)
        abort();
    va_end(args);
    snprintf(title, sizeof title, "%s", http_reason(status));
    if (type != NULL) {
        title_of(type, title, sizeof title);
        snprintf(uri, sizeof uri, "/problems/%s", type);
    }
    json_t *document = json_object();
    json_object_set_new(document, "type", json_string(uri));
    json_object_set_new(document, "title", json_string(title));
    json_object_set_new(document, "status", json_integer(status));
    json_object_set_new(document, "detail", json_text_lossy(span_of(detail)));
    json_object_set_new(document, "instance", json_string(x->id));
    char *text = json_write(document, true);
    json_decref(document);
    free(detail);
    http_respond(x, status, "application/problem+json", span_of(text));
    free(text);
}
