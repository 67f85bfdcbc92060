/* options.h: the settings of `retort serve`, from one table: each has a flag (--queue-wait), an
 * environment variable (RETORT_QUEUE_WAIT) and a key in the configuration file (queue_wait).
 * Built-in < file < environment < flag. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

struct settings {
    char *studio;          /* ADDR:PORT */
    char *data;            /* folder of the server's own */
    char *toolchains;      /* folder of prepared toolchain files, "" = <data>/toolchains */
    char *languages;       /* folder of the language table */
    char *langs;           /* which of them; "" = all */
    char *hosts;           /* names beside loopback ones, comma-separated */
    char *user;            /* the server's user; "" = `retort` if it exists, else id_base */
    char *cgroups;         /* "auto" or "none" */
    char *on_output_limit; /* "kill" or "truncate" */
    char *cors_origins;    /* comma-separated, or "*" */
    char *log_level;
    uint64_t id_base; /* 0: the first free range */
    uint64_t runs;    /* places; 0: twice the cores */
    uint64_t slots;   /* 0: what runs and pool need */
    uint64_t pool;
    uint64_t loops; /* event loops; 0: one a core, at least two */
    uint64_t queue_max, queue_wait_ms;
    uint64_t watchdog_ms, drain_ms;
    uint64_t parent_memory_bytes; /* 0: from the machine */
    uint64_t max_wall_ms, max_cpu_ms, max_memory_bytes, max_processes, max_output_bytes;
    bool stats;
    bool print_config;
};

/* Reads argv (after the verb), the environment and the file. -EINVAL with words that name the
 * option and the nearest valid one. *ret is to be emptied with settings_done in any case. */
int settings_read(int argc, char **argv, struct settings *ret, struct error *err);
void settings_done(struct settings *s);
/* `key = value  # where it came from`, one line each. */
void settings_print(const struct settings *s, FILE *out);
/* `--name VALUE  what it is (default)`, one line each. */
void settings_help(FILE *out);
