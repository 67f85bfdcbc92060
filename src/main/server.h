/* server.h: what `serve` hands to the server's process: one JSON document in a sealed memfd, at a
 * descriptor of its own, so that the re-exec'd process reads no file twice and parses no option. */
#pragma once
#include <jansson.h>
#include <stddef.h>

#include "base/error.h"
#include "language/language.h"
#include "main/listen.h"
#include "main/options.h"

/* Where the re-exec'd server finds things. */
enum { SERVER_FD_WIRE = 3, SERVER_FD_CONFIG = 4, SERVER_FD_LISTEN = 5 };

struct server_ids {
    unsigned uid, gid;
};

/* `limits_missing`: NULL-terminated. The document is the caller's. */
json_t *server_config_new(const struct settings *settings, const struct server_ids *ids,
                          const struct listening *studio, unsigned loops, unsigned runs,
                          const char *const *limits_missing,
                          const struct language_table *languages);
