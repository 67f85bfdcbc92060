/* api.h: the surfaces, one a file: each reads a request, calls the module that does the work, and
 * words the answer. Nothing is owned here but what one exchange needs.
 *
 *   studio.c     GET /                     the page, its style, script and icon
 *   compile.c    POST /compile             WebCompile's form and answer
 *   runs.c       POST /api/v1/runs         the native run
 *   languages.c  GET /api/v1/languages
 *   stats.c      GET /stats, GET /-/live
 *
 * Which pages of a browser may start work is decided in one place, origin.c (H33, H34).
 */
#pragma once
#include "http/http.h"
#include <stdbool.h>
#include <stdint.h>

struct language_table;
struct metrics;
struct runner;
struct spawner_client;

#define API_ROUTES 9
struct api {
    struct runner *runner;
    struct language_table *languages;
    struct spawner_client *spawner;
    struct metrics *metrics;
    /* NULL-terminated; "*" alone: any; empty: the studio's own (H34). */
    const char *const *cors_origins;
    const char *const *limits_not_enforced; /* NULL-terminated: "memory", … */
    bool stats_enabled;
    const char *version;
    uint64_t _started_ms;
    struct http_route _routes[API_ROUTES];
};

/* Registers the studio listener's routes. `api`, which holds them, must outlive the server. */
void api_register_studio(struct http_server *server, struct api *api);
