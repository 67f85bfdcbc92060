/* privileges.h: how the server's process gives up what it does not need (S6, S8). */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct privileges {
    uid_t uid;
    gid_t gid;
    const char *data; /* the only folder it may write to */
};
/* Ids, groups, capabilities, no_new_privs, Landlock, filter; each is read back and compared. Before
 * any thread. */
int privileges_drop(const struct privileges *p, struct error *err);
