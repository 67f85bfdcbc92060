/* multipart.c: multipart/form-data (RFC 7578, RFC 2046 section 5.1).
 *
 *   body      = [preamble CRLF] "--" boundary CRLF part *( CRLF "--" boundary CRLF part )
 *               CRLF "--" boundary "--" [epilogue]
 *   part      = *( field CRLF ) CRLF bytes
 *
 * A boundary counts only at the start of a line, and a line ends with CR LF. The values are spans
 * of the body itself, so a large file is not copied. The body must end with its last boundary: one
 * that was cut is refused, not guessed.
 */
#include "base/grammar.h"
#include "http/form.h"
#include <errno.h>
#include <string.h>

enum { BOUNDARY_MAX = 70, PART_FIELDS_MAX = 16, PART_HEADER_MAX = 8 * 1024 };

struct delimiter {
    char text[BOUNDARY_MAX + 5]; /* CR LF "--" boundary */
    size_t len;
};

static int malformed(struct http_form *form, const char *why) {
    return error_set(form->err, EINVAL, "the multipart body is malformed: %s", why);
}

static bool boundary_char(char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
}

static int read_boundary(struct http_form *form, struct span parameters, struct delimiter *d) {
    struct span boundary;
    int r = http_parameter(form->arena, parameters, "boundary", &boundary);
    if (r == -ENOMEM)
        return error_set(form->err, ENOMEM, "the form is too large");
    if (r < 0 || boundary.len == 0 || boundary.len > BOUNDARY_MAX)
        return malformed(form, "the content type has no boundary of 1 to 70 characters");
    for (size_t i = 0; i < boundary.len; i++) {
        if (!boundary_char(boundary.data[i]))
            return malformed(form, "the boundary has a character that is not allowed");
    }
    memcpy(d->text, "\r\n--", 4);
    memcpy(d->text + 4, boundary.data, boundary.len);
    d->len = boundary.len + 4;
    return 0;
}

/* Where the next delimiter begins in `s`, or NULL. */
static const char *find_delimiter(struct span s, const struct delimiter *d) {
    return s.len == 0 ? NULL : memmem(s.data, s.len, d->text, d->len);
}

/* Takes what follows a delimiter: "--" for the last one, else spaces and CR LF. */
static int after_delimiter(struct http_form *form, struct span *rest, bool *ret_last) {
    if (span_starts_with(*rest, SPAN("--"))) {
        *ret_last = true;
        return 0;
    }
    while (rest->len > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t'))
        *rest = (struct span){rest->data + 1, rest->len - 1};
    if (!span_starts_with(*rest, SPAN("\r\n")))
        return malformed(form, "a boundary does not end its line");
    *rest = (struct span){rest->data + 2, rest->len - 2};
    *ret_last = false;
    return 0;
}

static int disposition(struct http_form *form, struct span value, struct http_field *field) {
    size_t len = 0;
    while (len < value.len && value.data[len] != ';')
        len++;
    struct span parameters = {value.data + len, value.len - len};
    if (!span_eq_nocase(span_trim((struct span){value.data, len}, " \t"), SPAN("form-data")))
        return malformed(form, "a part is not form-data");
    int r = http_parameter(form->arena, parameters, "name", &field->name);
    if (r == -ENOENT)
        return malformed(form, "a part has no name");
    if (r == 0) {
        r = http_parameter(form->arena, parameters, "filename", &field->filename);
        r = r == -ENOENT ? 0 : r;
    }
    if (r == -ENOMEM)
        return error_set(form->err, ENOMEM, "the form is too large");
    return r == 0 ? 0 : malformed(form, "a Content-Disposition cannot be read");
}

/* One header line of a part. */
static int part_field(struct http_form *form, struct span line, struct http_field *field) {
    struct span value;
    struct span name = span_cut(line, ':', &value);
    if (value.data == NULL || !grammar_is_token(name) || !grammar_is_field_value(value))
        return malformed(form, "a header line of a part cannot be read");
    value = span_trim(value, " \t");
    if (span_eq_nocase(name, SPAN("Content-Disposition"))) {
        if (field->name.data != NULL)
            return malformed(form, "a part has two Content-Dispositions");
        return disposition(form, value, field);
    }
    if (span_eq_nocase(name, SPAN("Content-Transfer-Encoding")) &&
        !span_eq_nocase(value, SPAN("binary")) && !span_eq_nocase(value, SPAN("8bit")) &&
        !span_eq_nocase(value, SPAN("7bit")))
        return malformed(form, "a part has a Content-Transfer-Encoding");
    return 0;
}

/* Takes the header section of a part off the front of *rest, with its empty line. */
static int part_head(struct http_form *form, struct span *rest, struct http_field *field) {
    const char *begin = rest->data;
    for (int lines = 0; lines <= PART_FIELDS_MAX; lines++) {
        const char *end = rest->len == 0 ? NULL : memmem(rest->data, rest->len, "\r\n", 2);
        if (end == NULL || end - begin > PART_HEADER_MAX)
            return malformed(form, "the header of a part does not end");
        struct span line = {rest->data, (size_t)(end - rest->data)};
        *rest = (struct span){end + 2, rest->len - line.len - 2};
        if (line.len == 0)
            return field->name.data == NULL ? malformed(form, "a part has no name") : 0;
        int r = part_field(form, line, field);
        if (r < 0)
            return r;
    }
    return malformed(form, "a part has too many header fields");
}

int http_multipart_parse(struct http_form *form, struct span parameters, struct span body) {
    struct delimiter d;
    struct span rest = body;
    bool last;
    int r = read_boundary(form, parameters, &d);
    if (r < 0)
        return r;
    /* The first delimiter may stand at the very beginning, without the CR LF before it. */
    if (rest.len < d.len - 2 || memcmp(rest.data, d.text + 2, d.len - 2) != 0) {
        const char *first = find_delimiter(rest, &d);
        if (first == NULL)
            return malformed(form, "the boundary does not occur");
        rest = (struct span){first + 2, (size_t)(body.data + body.len - first) - 2};
    }
    rest = (struct span){rest.data + d.len - 2, rest.len - (d.len - 2)};
    for (;;) {
        struct http_field field = {0};
        r = after_delimiter(form, &rest, &last);
        if (r < 0 || last)
            return r;
        r = part_head(form, &rest, &field);
        if (r < 0)
            return r;
        /* A delimiter that shares its CR LF with the empty line before the value: some parsers see
         * an empty value there, others go on to the next boundary. */
        struct span search = {rest.data - 2, rest.len + 2};
        const char *end = find_delimiter(search, &d);
        if (end == NULL)
            return malformed(form, "the last boundary is missing");
        if (end < rest.data)
            return malformed(form, "a boundary follows the header of a part at once");
        field.value = (struct span){rest.data, (size_t)(end - rest.data)};
        rest = (struct span){end + d.len, (size_t)(body.data + body.len - end) - d.len};
        r = http_form_add(form, field);
        if (r < 0)
            return r;
    }
}
