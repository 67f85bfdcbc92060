/* curl.h: libcurl, loaded when a client verb needs it.
 *
 * libcurl brings some thirty libraries with it. `retort serve` is the same binary, and its spawner
 * is copied for each sandbox: without them it has a third of the mappings, and a sandbox costs 0.44
 * ms of CPU less (3.50 against 3.06 ms for a program that only exits; docs/performance.md). It also
 * makes libcurl what it should be: needed by the client verbs alone.
 *
 * The functions have libcurl's own names and meanings.
 */
#pragma once
/* The checks of gcc's that wrap these names do not work through pointers. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/error.h"

/* Each: name, type of result, arguments. */
#define CLI_CURL_FUNCTIONS(F)                                                                      \
    F(global_init, CURLcode, (long flags))                                                         \
    F(easy_init, CURL *, (void))                                                                   \
    F(easy_setopt, CURLcode, (CURL * handle, CURLoption option, ...))                              \
    F(easy_perform, CURLcode, (CURL * handle))                                                     \
    F(easy_getinfo, CURLcode, (CURL * handle, CURLINFO info, ...))                                 \
    F(easy_cleanup, void, (CURL * handle))                                                         \
    F(easy_strerror, const char *, (CURLcode code))                                                \
    F(slist_append, struct curl_slist *, (struct curl_slist * list, const char *text))             \
    F(slist_free_all, void, (struct curl_slist * list))

struct cli_curl {
#define CLI_CURL_MEMBER(name, result, arguments) result(*name) arguments;
    CLI_CURL_FUNCTIONS(CLI_CURL_MEMBER)
#undef CLI_CURL_MEMBER
};

/* Loads and starts it once; -ENOENT with the package that has it. */
int cli_curl_load(const struct cli_curl **ret, struct error *err);
