/* The option table, and the three places that values come from. */
#include "main/options.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/nearest.h"

enum kind { TEXT, NUMBER, DURATION, SIZE, SWITCH, CHOICE };

struct option {
    const char *key; /* with underscores */
    enum kind kind;
    size_t offset;
    const char *standard;
    const char *value; /* word for the help */
    const char *help;
    const char *choices[4];
    uint64_t min, max; /* of numbers, in their unit; max 0: none */
    bool zero;         /* 0 has a meaning of its own beside min */
};

#define AT(field) offsetof(struct settings, field)
static const struct option options[] = {
    {"studio",
     TEXT,
     AT(studio),
     "127.0.0.1:8000",
     "ADDR:PORT",
     "where the page and the API listen; port 0 picks a free one",
     {0},
     0,
     0,
     false},
    {"data", TEXT, AT(data), "", "DIR", "the server's own folder", {0}, 0, 0, false},
    {"toolchains", TEXT, AT(toolchains), "", "DIR", "prepared toolchain files", {0}, 0, 0, false},
    {"languages", TEXT, AT(languages), "", "DIR", "the language table", {0}, 0, 0, false},
    {"langs",
     TEXT,
     AT(langs),
     "",
     "NAMES",
     "only these languages, comma-separated",
     {0},
     0,
     0,
     false},
    {"host",
     TEXT,
     AT(hosts),
     "",
     "NAMES",
     "names it answers to beside localhost",
     {0},
     0,
     0,
     false},
    {"user", TEXT, AT(user), "", "NAME", "user of the server's process", {0}, 0, 0, false},
    {"cgroups",
     CHOICE,
     AT(cgroups),
     "auto",
     "auto|none",
     "none: behave as on a host without any",
     {"auto", "none"},
     0,
     0,
     false},
    {"on_output_limit",
     CHOICE,
     AT(on_output_limit),
     "kill",
     "kill|truncate",
     "what happens to a program that writes too much",
     {"kill", "truncate"},
     0,
     0,
     false},
    {"cors_origins",
     TEXT,
     AT(cors_origins),
     "",
     "ORIGINS",
     "web origins that may send runs, comma-separated, or *",
     {0},
     0,
     0,
     false},
    {"log_level",
     CHOICE,
     AT(log_level),
     "info",
     "LEVEL",
     "error, warning, info or debug",
     {"error", "warning", "info", "debug"},
     0,
     0,
     false},
    {"id_base",
     NUMBER,
     AT(id_base),
     "0",
     "N",
     "first host id of the sandboxes; 0: a free range",
     {0},
     100000,
     4294901759u,
     true},
    {"runs",
     NUMBER,
     AT(runs),
     "0",
     "N",
     "runs in sandboxes at once; 0: twice the cores",
     {0},
     1,
     512,
     true},
    {"slots",
     NUMBER,
     AT(slots),
     "0",
     "N",
     "sandboxes at once; 0: what runs and pool need",
     {0},
     2,
     1024,
     true},
    {"pool",
     NUMBER,
     AT(pool),
     "1",
     "N",
     "sandboxes kept ready for each stage of each language",
     {0},
     0,
     64,
     false},
    {"loops",
     NUMBER,
     AT(loops),
     "0",
     "N",
     "event loops; 0: one a core, at least two",
     {0},
     1,
     16,
     true},
    {"queue_max",
     NUMBER,
     AT(queue_max),
     "256",
     "N",
     "runs that may wait for a place",
     {0},
     0,
     100000,
     false},
    {"queue_wait",
     DURATION,
     AT(queue_wait_ms),
     "10s",
     "TIME",
     "how long a run may wait",
     {0},
     0,
     3600000,
     false},
    {"watchdog",
     DURATION,
     AT(watchdog_ms),
     "10s",
     "TIME",
     "a server that is silent for so long is replaced; 0: never",
     {0},
     3000,
     3600000,
     true},
    {"drain",
     DURATION,
     AT(drain_ms),
     "10s",
     "TIME",
     "what SIGTERM gives the server to finish",
     {0},
     0,
     3600000,
     false},
    {"parent_memory",
     SIZE,
     AT(parent_memory_bytes),
     "0",
     "SIZE",
     "memory of all sandboxes together; 0: from the machine",
     {0},
     64 * MIB,
     1024 * GIB,
     true},
    {"max_wall",
     DURATION,
     AT(max_wall_ms),
     "60s",
     "TIME",
     "most wall time a run may ask for",
     {0},
     100,
     3600000,
     false},
    {"max_cpu",
     DURATION,
     AT(max_cpu_ms),
     "60s",
     "TIME",
     "most CPU time a run may ask for",
     {0},
     100,
     3600000,
     false},
    {"max_memory",
     SIZE,
     AT(max_memory_bytes),
     "2G",
     "SIZE",
     "most memory a run may ask for",
     {0},
     16 * MIB,
     1024 * GIB,
     false},
    {"max_processes",
     NUMBER,
     AT(max_processes),
     "512",
     "N",
     "most processes a run may ask for",
     {0},
     1,
     4096,
     false},
    {"max_output",
     SIZE,
     AT(max_output_bytes),
     "16M",
     "SIZE",
     "most output a run may ask for",
     {0},
     1 * KIB,
     1 * GIB,
     false},
    {"stats", SWITCH, AT(stats), "on", "on|off", "GET /stats", {0}, 0, 0, false},
};
#define OPTIONS ARRAY_LEN(options)

/* Where each value came from: for --print-config. One process, one set of settings. */
static const char *origin[OPTIONS];

static void *field(struct settings *s, const struct option *o) {
    return (char *)s + o->offset;
}

/* ---- values ---- */

static int parse_scaled(struct span text, const char *const *suffixes, const uint64_t *factors,
                        uint64_t *ret) {
    size_t digits = 0;
    while (digits < text.len && isdigit((unsigned char)text.data[digits]))
        digits++;
    uint64_t value;
    if (span_to_u64((struct span){text.data, digits}, UINT64_MAX / GIB, &value) < 0)
        return -EINVAL;
    struct span suffix = {text.data + digits, text.len - digits};
    for (size_t i = 0; suffixes[i]; i++) {
        if (span_eq_text(suffix, suffixes[i])) {
            *ret = value * factors[i];
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_duration(struct span text, uint64_t *ret_ms) {
    static const char *const suffixes[] = {"ms", "s", "m", "h", NULL};
    static const uint64_t factors[] = {1, 1000, 60000, 3600000};
    if (span_eq_text(text, "0")) {
        *ret_ms = 0;
        return 0;
    }
    return parse_scaled(text, suffixes, factors, ret_ms);
}

static int parse_size(struct span text, uint64_t *ret_bytes) {
    static const char *const suffixes[] = {"", "K", "M", "G", NULL};
    static const uint64_t factors[] = {1, KIB, MIB, GIB};
    return parse_scaled(text, suffixes, factors, ret_bytes);
}

static int parse_switch(struct span text, bool *ret) {
    bool on = span_eq_text(text, "on") || span_eq_text(text, "true") || span_eq_text(text, "1");
    bool off = span_eq_text(text, "off") || span_eq_text(text, "false") || span_eq_text(text, "0");
    if (!on && !off)
        return -EINVAL;
    *ret = on;
    return 0;
}

/* "--queue-wait" for a flag, the key elsewhere. */
static char *shown_name(const struct option *o, const char *from) {
    if (strcmp(from, "flag") != 0)
        return base_printf("%s: %s", from, o->key);
    char *name = base_printf("--%s", o->key);
    for (char *c = name; *c; c++)
        if (*c == '_')
            *c = '-';
    return name;
}

static int refuse(const struct option *o, struct span text, const char *from, const char *expected,
                  struct error *err) {
    CLEANUP_FREE char *name = shown_name(o, from);
    return error_set(err, EINVAL, "%s: \"%.*s\" is not %s", name, SPAN_ARG(text), expected);
}

static int check_range(const struct option *o, struct span text, uint64_t value, const char *from,
                       struct error *err) {
    static const char *const units[] = {[NUMBER] = "", [DURATION] = " ms", [SIZE] = " bytes"};
    if (o->max == 0 || (value >= o->min && value <= o->max) || (o->zero && value == 0))
        return 0;
    CLEANUP_FREE char *name = shown_name(o, from);
    return error_set(err, EINVAL, "%s: %.*s is not within %llu to %llu%s%s", name, SPAN_ARG(text),
                     (unsigned long long)o->min, (unsigned long long)o->max, units[o->kind],
                     o->zero ? ", or 0" : "");
}

static bool is_choice(const struct option *o, struct span text) {
    for (size_t i = 0; i < ARRAY_LEN(o->choices) && o->choices[i]; i++)
        if (span_eq_text(text, o->choices[i]))
            return true;
    return false;
}

static int set_value(struct settings *s, const struct option *o, const char *value,
                     const char *from, struct error *err) {
    struct span text = span_of(value);
    int r = 0;
    const char *expected = "";
    switch (o->kind) {
    case CHOICE:
        if (!is_choice(o, text))
            return refuse(o, text, from, o->value, err);
        FALLTHROUGH;
    case TEXT: {
        char **at = field(s, o);
        free(*at);
        *at = base_strdup(value);
        break;
    }
    case NUMBER:
        r = span_to_u64(text, UINT32_MAX, field(s, o));
        expected = "a number";
        break;
    case DURATION:
        r = parse_duration(text, field(s, o));
        expected = "a time such as 500ms, 10s or 2m";
        break;
    case SIZE:
        r = parse_size(text, field(s, o));
        expected = "a size such as 64M or 2G";
        break;
    case SWITCH:
        r = parse_switch(text, field(s, o));
        expected = "on or off";
        break;
    }
    if (r < 0)
        return refuse(o, text, from, expected, err);
    if (o->kind == NUMBER || o->kind == DURATION || o->kind == SIZE) {
        r = check_range(o, text, *(const uint64_t *)field(s, o), from, err);
        if (r < 0)
            return r;
    }
    origin[o - options] = from;
    return 0;
}

/* ---- names ---- */

static const struct option *find(const char *key) {
    for (size_t i = 0; i < OPTIONS; i++)
        if (strcmp(options[i].key, key) == 0)
            return &options[i];
    return NULL;
}

static int unknown(const char *what, const char *prefix, const char *key, char separator,
                   struct error *err) {
    const char *names[OPTIONS + 1];
    for (size_t i = 0; i < OPTIONS; i++)
        names[i] = options[i].key;
    names[OPTIONS] = NULL;
    const char *near = nearest_name(key, names);
    CLEANUP_FREE char *shown = base_strdup(near ? near : "");
    CLEANUP_FREE char *given = base_strdup(key);
    for (char *c = shown; *c; c++)
        if (*c == '_')
            *c = separator;
    for (char *c = given; *c; c++)
        if (*c == '_')
            *c = separator;
    if (!near)
        return error_set(err, EINVAL, "%s %s%s is not known; retort serve --help lists them", what,
                         prefix, given);
    return error_set(err, EINVAL, "%s %s%s is not known; did you mean %s%s?", what, prefix, given,
                     prefix, shown);
}

/* ---- the file ---- */

struct file_reader {
    struct settings *settings;
    const char *path;
    struct error *err;
    bool failed;
};

static int on_key(void *user, const char *section, const char *name, const char *value) {
    struct file_reader *f = user;
    if (f->failed)
        return 0;
    int r;
    const struct option *o = find(name);
    if (*section && strcmp(section, "serve") != 0)
        r = error_set(f->err, EINVAL, "section [%s] is not known; there is only [serve]", section);
    else if (!o)
        r = unknown("key", "", name, '_', f->err);
    else
        r = set_value(f->settings, o, value, f->path, f->err);
    f->failed = r < 0;
    return r == 0;
}

static int read_file(struct settings *s, const char *path, struct error *err) {
    struct file_reader f = {.settings = s, .path = path, .err = err};
    int r = ini_parse(path, on_key, &f);
    if (f.failed)
        return error_prefix(err, "%s: line %d", path, r);
    if (r < 0)
        return error_errno(err, errno ? errno : EIO, "read %s", path);
    if (r > 0)
        return error_set(err, EINVAL, "%s: line %d is not `key = value`", path, r);
    return 0;
}

/* ---- all together ---- */

static char *environment_name(const struct option *o) {
    char *name = base_printf("RETORT_%s", o->key);
    for (char *c = name; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return name;
}

static int read_environment(struct settings *s, struct error *err) {
    for (size_t i = 0; i < OPTIONS; i++) {
        CLEANUP_FREE char *name = environment_name(&options[i]);
        const char *value = getenv(name);
        int r = value ? set_value(s, &options[i], value, "environment", err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* --name VALUE and --name=VALUE. `only_config`: looks for --config alone, since the file comes
 * before the flags. */
static int read_flags(int argc, char **argv, struct settings *s, const char **config,
                      bool only_config, struct error *err) {
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0 || !argv[i][2])
            return error_set(err, EINVAL, "\"%s\" is not an option; retort serve --help lists them",
                             argv[i]);
        CLEANUP_FREE char *key = base_strdup(argv[i] + 2);
        char *value = strchr(key, '=');
        if (value)
            *value++ = '\0';
        for (char *c = key; *c; c++)
            if (*c == '-')
                *c = '_';
        if (strcmp(key, "print_config") == 0 && !value) {
            s->print_config = true;
            continue;
        }
        const struct option *o = find(key);
        bool is_config = strcmp(key, "config") == 0;
        if (!o && !is_config)
            return unknown("option", "--", key, '-', err);
        if (!value && ++i >= argc)
            return error_set(err, EINVAL, "option %s needs a value", argv[i - 1]);
        const char *text = value ? value : argv[i];
        int r = 0;
        if (is_config)
            *config = value ? strchr(argv[i], '=') + 1 : argv[i];
        else if (!only_config)
            r = set_value(s, o, text, "flag", err);
        if (r < 0)
            return r;
    }
    return 0;
}

int settings_read(int argc, char **argv, struct settings *ret, struct error *err) {
    *ret = (struct settings){0};
    const char *config = getenv("RETORT_CONFIG");
    int r = 0;
    for (size_t i = 0; r == 0 && i < OPTIONS; i++)
        r = set_value(ret, &options[i], options[i].standard, "built in", err);
    if (r == 0)
        r = read_flags(argc, argv, ret, &config, true, err);
    if (r == 0 && config && *config)
        r = read_file(ret, config, err);
    if (r == 0)
        r = read_environment(ret, err);
    if (r == 0)
        r = read_flags(argc, argv, ret, &config, false, err);
    return r;
}

void settings_done(struct settings *s) {
    for (size_t i = 0; i < OPTIONS; i++) {
        if (options[i].kind == TEXT || options[i].kind == CHOICE) {
            char **at = field(s, &options[i]);
            free(STEAL_PTR(*at));
        }
    }
}

void settings_print(const struct settings *s, FILE *out) {
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *o = &options[i];
        const void *at = (const char *)s + o->offset;
        fprintf(out, "%s = ", o->key);
        switch (o->kind) {
        case TEXT:
        case CHOICE:
            fputs(*(char *const *)at, out);
            break;
        case NUMBER:
        case SIZE:
            fprintf(out, "%llu", (unsigned long long)*(const uint64_t *)at);
            break;
        case DURATION:
            fprintf(out, "%llums", (unsigned long long)*(const uint64_t *)at);
            break;
        case SWITCH:
            fputs(*(const bool *)at ? "on" : "off", out);
            break;
        }
        fprintf(out, "  # %s\n", origin[i]);
    }
}

void settings_help(FILE *out) {
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *o = &options[i];
        CLEANUP_FREE char *flag = base_printf("--%s %s", o->key, o->value);
        for (char *c = flag; *c && *c != ' '; c++)
            if (*c == '_')
                *c = '-';
        fprintf(out, "  %-26s %s%s%s%s\n", flag, o->help, *o->standard ? " (" : "", o->standard,
                *o->standard ? ")" : "");
    }
    fprintf(out, "  %-26s %s\n  %-26s %s\n", "--config FILE", "key = value lines", "--print-config",
            "show every value and where it came from, and end");
}
