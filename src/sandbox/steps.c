/* The names of the steps. Linked into retort-init as well, so libc only. */
#include "sandbox/steps.h"

#include <strings.h>

static const char *const names[SANDBOX_STEP_COUNT] = {
#define X(id, name) name,
    SANDBOX_STEPS(X)
#undef X
};

const char *sandbox_step_name(enum sandbox_step step) {
    return (unsigned)step < SANDBOX_STEP_COUNT ? names[step] : 0;
}

int sandbox_step_parse(const char *name) {
    for (int i = 0; i < SANDBOX_STEP_COUNT; i++)
        if (strcasecmp(names[i], name) == 0)
            return i;
    return -1;
}
