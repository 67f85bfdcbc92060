/* api.h: the surfaces, one a file: each reads a request, calls the module that does the work, and
 * words the answer. Nothing is owned here but what one exchange needs.
 *
 *   studio.c     GET /                     the page
 *   compile.c    POST /compile             WebCompile's form and answer
 *   runs.c       POST /api/v1/runs         the native run
 *   languages.c  GET /api/v1/languages
 *   stats.c      GET /stats, GET /-/live
 */
#pragma once
#include <stdbool.h>
#include "base/error.h"

struct http_server;
struct language_table;
struct metrics;
struct runner;
struct spawner_client;

struct api {
    struct runner *runner;
    struct language_table *languages;
    struct spawner_client *spawner;
    struct metrics *metrics;
    const char *const *cors_origins; /* NULL-terminated; "*" alone: any; empty: the studio's own (H34) */
    const char *const *limits_not_enforced; /* NULL-terminated: "memory", … */
    bool stats_enabled;
    const char *version;
};

/* Registers the studio listener's routes. `api` must outlive the server. */
void api_register_studio(struct http_server *server, const struct api *api);
