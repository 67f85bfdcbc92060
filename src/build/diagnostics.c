/* What compilers say, line by line, as entries with file, line and column.
 *
 * A parser of foreign bytes: what a line is not is left out, nothing is believed, everything is
 * bounded. The compilers' formats are the ones that they print without a terminal:
 *
 *   gcc     main.c:3:5: error: …      main.c:3: warning: …
 *   bfd     main.c:(.text+0x9): undefined reference to …      (no line: nothing is built with -g)
 *   gold    /tmp/x.o:main.c:function main: error: undefined reference to …
 *   mcs     main.cs(3,5): error CS1002: …                       error CS5001: …
 *   go      ./main.go:3:5: …          and lines that begin with a tab go on with the one above
 *   python  main.py:3:5: SyntaxError: …     (languages/python/check.py, on stdout), else
 *           File "main.py", line 3  …  SyntaxError: …
 */
#include <stdlib.h>
#include <string.h>

#include "build/build.h"

#define MESSAGE_BYTES_MAX 2000
#define FILE_BYTES_MAX 1024
#define NUMBER_MAX 10000000

struct found {
    struct build_diagnostic *list;
    size_t len;
};

/* A place such as `main.c:3:5`, cut off the front of a line. */
struct place {
    struct span file;
    unsigned line, column;
};

const char *build_severity_name(enum build_severity s) {
    return s == SEVERITY_ERROR ? "error" : s == SEVERITY_WARNING ? "warning" : "note";
}

void build_diagnostics_free(struct build_diagnostic *d, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(d[i].file);
        free(d[i].message);
    }
    free(d);
}

/* The name that the user gave. */
static struct span users_name(struct span file) {
    static const struct span prefixes[] = {{"/box/", 5}, {"./", 2}};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (span_starts_with(file, prefixes[i])) {
            file.data += prefixes[i].len;
            file.len -= prefixes[i].len;
        }
    }
    return file;
}

static void add(struct found *f, const struct place *p, enum build_severity severity,
                struct span message) {
    if (f->len >= BUILD_DIAGNOSTICS_MAX || p->file.len > FILE_BYTES_MAX)
        return;
    message = span_trim(message, " \t\r");
    message.len = MIN(message.len, (size_t)MESSAGE_BYTES_MAX);
    f->list = base_realloc_array(f->list, f->len + 1, sizeof *f->list);
    f->list[f->len++] = (struct build_diagnostic){
        .file = span_dup(users_name(p->file)),
        .line = p->line,
        .column = p->column,
        .severity = severity,
        .message = span_dup(message),
    };
}

/* Decimal digits at the front of *s. */
static bool take_number(struct span *s, unsigned *ret) {
    size_t n = 0;
    uint64_t value;
    while (n < s->len && s->data[n] >= '0' && s->data[n] <= '9')
        n++;
    if (span_to_u64((struct span){s->data, n}, NUMBER_MAX, &value) < 0)
        return false;
    *ret = (unsigned)value;
    s->data += n;
    s->len -= n;
    return true;
}

static bool take_text(struct span *s, struct span text) {
    if (!span_starts_with(*s, text))
        return false;
    s->data += text.len;
    s->len -= text.len;
    return true;
}

static bool find(struct span s, struct span text, size_t *ret_at) {
    const char *at =
        s.data && s.len && text.len ? memmem(s.data, s.len, text.data, text.len) : NULL;
    if (at)
        *ret_at = (size_t)(at - s.data);
    return at != NULL;
}

/* `FILE:LINE:COLUMN: ` or `FILE:LINE: ` at the front. */
static bool take_colon_place(struct span *s, struct place *ret) {
    struct span rest;
    struct place p = {.file = span_cut(*s, ':', &rest)};
    if (!rest.data || p.file.len == 0 || p.file.data[0] == ' ' || !take_number(&rest, &p.line) ||
        !take_text(&rest, SPAN(":")))
        return false;
    if (take_number(&rest, &p.column) && !take_text(&rest, SPAN(":")))
        return false;
    if (!take_text(&rest, SPAN(" ")))
        return false;
    *ret = p;
    *s = span_trim(rest, " ");
    return true;
}

/* "error: ", "fatal error: ", "warning: ", "note: " at the front. */
static bool take_severity(struct span *s, enum build_severity *ret) {
    static const struct {
        struct span word;
        enum build_severity severity;
    } words[] = {
        {{"error: ", 7}, SEVERITY_ERROR},
        {{"fatal error: ", 13}, SEVERITY_ERROR},
        {{"warning: ", 9}, SEVERITY_WARNING},
        {{"note: ", 6}, SEVERITY_NOTE},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (take_text(s, words[i].word)) {
            *ret = words[i].severity;
            return true;
        }
    }
    return false;
}

static struct span last_word(struct span s) {
    size_t from = s.len;
    while (from > 0 && s.data[from - 1] != ' ')
        from--;
    return (struct span){s.data + from, s.len - from};
}

/* The linkers name an object, a source, or both: `OBJECT:SOURCE:function f: error`,
 * `OBJECT: in function …`, `SOURCE:(.text+0x9)`. An object is a temporary file or a part of the C
 * library: no file of the user's. */
static struct span linker_file(struct span place) {
    size_t at;
    if (find(place, SPAN(":function "), &at) || find(place, SPAN(":("), &at))
        place.len = at;
    struct span file = last_word(place), rest;
    for (span_cut(file, ':', &rest); rest.data; span_cut(file, ':', &rest))
        file = rest;
    return span_starts_with(file, SPAN("(")) || span_ends_with(file, SPAN(".o")) ||
                   span_ends_with(file, SPAN(".a")) || span_eq_text(file, "error")
               ? (struct span){0}
               : file;
}

static void gcc_line(struct found *f, struct span line) {
    struct place p;
    enum build_severity severity;
    struct span rest = line;
    size_t at;
    if (take_colon_place(&rest, &p) && take_severity(&rest, &severity)) {
        add(f, &p, severity, rest);
    } else if (find(line, SPAN("undefined reference to "), &at) ||
               find(line, SPAN("multiple definition of "), &at)) {
        p = (struct place){.file = linker_file(span_trim((struct span){line.data, at}, ": "))};
        add(f, &p, SEVERITY_ERROR, (struct span){line.data + at, line.len - at});
    }
}

static void mcs_line(struct found *f, struct span line) {
    struct span rest;
    struct place p = {.file = span_cut(line, '(', &rest)};
    enum build_severity severity;
    size_t at;
    if (rest.data && take_number(&rest, &p.line) && take_text(&rest, SPAN(",")) &&
        take_number(&rest, &p.column) && find(rest, SPAN("): "), &at)) {
        rest = (struct span){rest.data + at + 3, rest.len - at - 3};
    } else {
        p = (struct place){0};
        rest = line;
    }
    if (take_text(&rest, SPAN("error CS"))) {
        severity = SEVERITY_ERROR;
    } else if (take_text(&rest, SPAN("warning CS"))) {
        severity = SEVERITY_WARNING;
    } else {
        return;
    }
    rest.data -= 2; /* the code belongs to the message: CS1002: … */
    rest.len += 2;
    add(f, &p, severity, rest);
}

/* "\thave (number)" belongs to the message above. */
static void go_on(struct found *f, struct span line) {
    struct build_diagnostic *last = &f->list[f->len - 1];
    if (strlen(last->message) + line.len + 2 > MESSAGE_BYTES_MAX)
        return;
    char *longer = base_printf("%s\n%.*s", last->message, SPAN_ARG(line));
    free(last->message);
    last->message = longer;
}

static void go_line(struct found *f, struct span line) {
    struct place p;
    struct span rest = span_trim(line, "\t\r");
    if (take_colon_place(&rest, &p) && span_ends_with(p.file, SPAN(".go"))) {
        add(f, &p, SEVERITY_ERROR, rest);
    } else if (f->len > 0 && span_starts_with(line, SPAN("\t"))) {
        go_on(f, line);
    } else if (span_starts_with(line, SPAN("runtime.main_main"))) {
        p = (struct place){0};
        add(f, &p, SEVERITY_ERROR, line);
    }
}

static bool is_python_refusal(struct span text) {
    return span_starts_with(text, SPAN("SyntaxError: ")) ||
           span_starts_with(text, SPAN("IndentationError: ")) ||
           span_starts_with(text, SPAN("TabError: "));
}

/* `last` is the place of the File line above; the words of the error end the block. */
static void python_line(struct found *f, struct span line, struct place *last) {
    struct span rest = span_trim(line, " ");
    if (take_text(&rest, SPAN("File \""))) {
        struct place p = {.file = span_cut(rest, '"', &rest)};
        if (rest.data && take_text(&rest, SPAN(", line ")) && take_number(&rest, &p.line))
            *last = p;
    } else if (is_python_refusal(line)) {
        add(f, last, SEVERITY_ERROR, line);
    }
}

/* What check.py tells on stdout is exact; the caret on stderr stands below a line that has lost its
 * indentation, so a column is taken from stdout only. */
static void python_exact(struct found *f, struct span text) {
    while (text.data && text.len > 0 && f->len < BUILD_DIAGNOSTICS_MAX) {
        struct span line = span_cut(text, '\n', &text);
        struct place p;
        if (take_colon_place(&line, &p) && is_python_refusal(line))
            add(f, &p, SEVERITY_ERROR, line);
    }
}

static void parse(enum language_diagnostics kind, struct span text, struct found *f) {
    struct place last = {0};
    while (text.data && text.len > 0 && f->len < BUILD_DIAGNOSTICS_MAX) {
        struct span line = span_cut(text, '\n', &text);
        switch (kind) {
        case DIAGNOSTICS_GCC:
            gcc_line(f, line);
            break;
        case DIAGNOSTICS_MCS:
            mcs_line(f, line);
            break;
        case DIAGNOSTICS_GO:
            go_line(f, line);
            break;
        case DIAGNOSTICS_PYTHON:
            python_line(f, line, &last);
            break;
        case DIAGNOSTICS_NONE:
            return;
        }
    }
}

size_t build_diagnostics_parse(enum language_diagnostics kind, struct span out, struct span err,
                               struct build_diagnostic **ret) {
    struct found f = {0};
    if (kind == DIAGNOSTICS_PYTHON)
        python_exact(&f, out);
    if (f.len == 0)
        parse(kind, err, &f);
    if (kind == DIAGNOSTICS_MCS)
        parse(kind, out, &f); /* it writes to either */
    *ret = f.list;
    return f.len;
}
