/* nearest.h: "did you mean …?" for options, fields and names that a person has typed. */
#pragma once

/* The name of the NULL-terminated list that is fewest edits (insert, drop, change, swap of two
 * neighbours) away from `word`, without regard to case; NULL when none is near enough to be meant.
 * Words longer than 64 bytes are near nothing. */
const char *nearest_name(const char *word, const char *const *names);
