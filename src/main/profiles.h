/* profiles.h: the language table as the spawner's plain data. The profile of a stage has the id
 * that build_profile_id gives it. */
#pragma once
#include "language/language.h"
#include "sandbox/sandbox.h"

struct profiles {
    struct sandbox_profile_spec *specs; /* name NULL: that stage does not exist */
    size_t count;
};
void profiles_new(const struct language_table *languages, struct profiles *ret);
void profiles_done(struct profiles *p);
