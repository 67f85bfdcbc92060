/* form.h: shared by form.c and multipart.c. */
#pragma once
#include "base/arena.h"
#include "http/http.h"

enum { FORM_FIELDS_MAX = 100, FORM_PARAMETER_MAX = 256 };

struct http_form {
    struct arena *arena;
    struct http_field *fields; /* FORM_FIELDS_MAX, in the arena */
    size_t count;
    struct error *err;
};
/* -EINVAL with words; -ENOMEM for the arena's limit. */
int http_form_add(struct http_form *form, struct http_field field);
/* `parameters` is what follows the media type, beginning with ';', or is empty. Finds `name` and
 * gives its value, unquoted: in the arena if it had escapes. -ENOENT: it is not there; -EINVAL:
 * malformed or repeated. */
int http_parameter(struct arena *arena, struct span parameters, const char *name,
                   struct span *ret_value);
int http_multipart_parse(struct http_form *form, struct span parameters, struct span body);
