/* What a compiler printed, for each kind. An input is stdout and stderr, cut at its first form
 * feed. */
#include <assert.h>
#include <string.h>

#include "build/build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span err, out = span_cut((struct span){(const char *)data, size}, '\f', &err);
    for (int kind = DIAGNOSTICS_NONE; kind <= DIAGNOSTICS_PYTHON; kind++) {
        struct build_diagnostic *d = NULL;
        size_t n = build_diagnostics_parse((enum language_diagnostics)kind, out, err, &d);
        assert(n <= BUILD_DIAGNOSTICS_MAX);
        for (size_t i = 0; i < n; i++) {
            assert(strlen(d[i].file) <= 1024 && strlen(d[i].message) <= 2000);
            assert(build_severity_name(d[i].severity));
        }
        build_diagnostics_free(d, n);
    }
    return 0;
}
