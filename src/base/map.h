/* map.h: text to pointer. Keys may be chosen by an attacker: the hash is keyed (SipHash) with a
 * secret of this process. Not thread-safe. Keys are copied; values are the caller's. */
#pragma once
#include "base/bytes.h"
#include <stddef.h>

struct map;
struct map *map_new(void);
void map_free(struct map *m); /* the values are not touched */
/* Returns the value that was there before, or NULL. value must not be NULL. */
void *map_set(struct map *m, struct span key, void *value);
void *map_get(const struct map *m, struct span key);
void *map_remove(struct map *m, struct span key);
size_t map_count(const struct map *m);
/* Calls back for each entry, in order of insertion; the callback must not change the map. */
void map_each(const struct map *m, void (*each)(struct span key, void *value, void *user),
              void *user);
