/* form.c: form bodies: the choice by content type, urlencoded ones, and header parameters. */
#include "http/form.h"
#include "base/grammar.h"
#include "http/internal.h"
#include <errno.h>
#include <string.h>

int http_form_add(struct http_form *form, struct http_field field) {
    if (form->count == FORM_FIELDS_MAX)
        return error_set(form->err, EINVAL, "the form has more than %d fields", FORM_FIELDS_MAX);
    form->fields[form->count++] = field;
    return 0;
}

/* ---- parameters of a header field ---- */

static struct span skip_space(struct span s) {
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = (struct span){s.data + 1, s.len - 1};
    return s;
}

static struct span skip(struct span s, size_t n) {
    return (struct span){s.data + n, s.len - n};
}

/* Takes a quoted string off the front of *rest. Only `\"` and `\\` are escapes: some browsers send
 * Windows paths with single backslashes. */
static int quoted(struct arena *arena, struct span *rest, struct span *ret_value) {
    char *out = arena_alloc(arena, rest->len + 1);
    if (out == NULL)
        return -ENOMEM;
    size_t len = 0;
    for (size_t i = 1; i < rest->len; i++) {
        char c = rest->data[i];
        if (c == '"') {
            *ret_value = (struct span){out, len};
            *rest = skip(*rest, i + 1);
            return 0;
        }
        if (c == '\\' && i + 1 < rest->len &&
            (rest->data[i + 1] == '"' || rest->data[i + 1] == '\\'))
            c = rest->data[++i];
        out[len++] = c;
    }
    return -EINVAL; /* the closing quote is missing */
}

static int token(struct span *rest, struct span *ret_value) {
    size_t len = 0;
    while (len < rest->len && grammar_is_token_char((unsigned char)rest->data[len]))
        len++;
    if (len == 0)
        return -EINVAL;
    *ret_value = (struct span){rest->data, len};
    *rest = skip(*rest, len);
    return 0;
}

int http_parameter(struct arena *arena, struct span parameters, const char *name,
                   struct span *ret_value) {
    struct span rest = skip_space(parameters);
    bool found = false;
    while (rest.len > 0) {
        struct span key, value;
        if (rest.data[0] != ';')
            return -EINVAL;
        rest = skip_space(skip(rest, 1));
        if (rest.len == 0)
            break; /* a semicolon at the end is harmless and seen */
        if (token(&rest, &key) < 0 || rest.len == 0 || rest.data[0] != '=')
            return -EINVAL;
        rest = skip(rest, 1);
        int r = rest.len > 0 && rest.data[0] == '"' ? quoted(arena, &rest, &value)
                                                    : token(&rest, &value);
        if (r < 0)
            return r;
        rest = skip_space(rest);
        if (!span_eq_nocase(key, span_of(name)))
            continue;
        if (found)
            return -EINVAL;
        found = true;
        *ret_value = value;
    }
    return found ? 0 : -ENOENT;
}

/* ---- application/x-www-form-urlencoded ---- */

static int decode(struct http_form *form, struct span raw, struct span *ret_text) {
    char *out = arena_alloc(form->arena, raw.len + 1);
    size_t len;
    if (out == NULL)
        return error_set(form->err, ENOMEM, "the form is too large");
    if (!http_component_decode(raw, out, &len))
        return error_set(form->err, EINVAL,
                         "the form has a '%%' without two hexadecimal digits: encode it as %%25 "
                         "(curl: --data-urlencode)");
    *ret_text = (struct span){out, len};
    return 0;
}

static int parse_urlencoded(struct http_form *form, struct span body) {
    struct span rest = body;
    while (rest.data != NULL && rest.len > 0) {
        struct span value;
        struct span pair = span_cut(rest, '&', &rest);
        if (pair.len == 0)
            continue;
        struct http_field field = {0};
        struct span name = span_cut(pair, '=', &value);
        int r = decode(form, name, &field.name);
        if (r == 0)
            r = decode(form, value, &field.value);
        if (r == 0)
            r = http_form_add(form, field);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- the choice ---- */

int http_form_parse(struct arena *arena, struct span content_type, struct span body,
                    struct http_field **ret_fields, size_t *ret_count, struct error *err) {
    struct http_form form = {.arena = arena, .err = err};
    size_t len = 0;
    while (len < content_type.len && content_type.data[len] != ';')
        len++;
    struct span type = span_trim((struct span){content_type.data, len}, " \t");
    struct span parameters = {content_type.data + len, content_type.len - len};
    bool urlencoded = span_eq_nocase(type, SPAN("application/x-www-form-urlencoded"));
    if (!urlencoded && !span_eq_nocase(type, SPAN("multipart/form-data")))
        return error_set(err, ENOTSUP, "the content type is not that of a form");
    form.fields = arena_alloc(arena, FORM_FIELDS_MAX * sizeof *form.fields);
    if (form.fields == NULL)
        return error_set(err, ENOMEM, "the form is too large");
    int r =
        urlencoded ? parse_urlencoded(&form, body) : http_multipart_parse(&form, parameters, body);
    if (r < 0)
        return r;
    *ret_fields = form.fields;
    *ret_count = form.count;
    return 0;
}

int http_form(struct http_exchange *x, struct http_field **ret_fields, size_t *ret_count,
              struct error *err) {
    return http_form_parse(http_arena(x), http_header(x, "Content-Type"), http_body(x), ret_fields,
                           ret_count, err);
}
