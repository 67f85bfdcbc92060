/* folder.h: the data folder: the server's own, 0700 (S8). */
#pragma once
#include <sys/types.h>

#include "base/error.h"

/* Makes it (and its parents) if it is not there, and gives it to the server's ids. One that is
 * there and belongs to somebody else is refused by name, never chowned; so is one that the server
 * could not reach. */
int folder_own(const char *path, uid_t uid, gid_t gid, struct error *err);
