#include "cli/curl.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool find_all(void *library, struct cli_curl *c) {
    /* A function pointer and a data pointer are different things to C, not to POSIX. */
#define FIND(name, result, arguments)                                                              \
    {                                                                                              \
        void *at = dlsym(library, "curl_" #name);                                                  \
        if (!at)                                                                                   \
            return false;                                                                          \
        memcpy(&c->name, &at, sizeof at);                                                          \
    }
    CLI_CURL_FUNCTIONS(FIND)
#undef FIND
    return true;
}

int cli_curl_load(const struct cli_curl **ret, struct error *err) {
    static struct cli_curl curl;
    static bool loaded;
    if (!loaded) {
        void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
        if (!library || !find_all(library, &curl))
            return error_set(err, ENOENT,
                             "libcurl is needed by this verb (apt-get install libcurl4)");
        if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            return error_set(err, ENOMEM, "libcurl cannot start");
        loaded = true;
    }
    *ret = &curl;
    return 0;
}
