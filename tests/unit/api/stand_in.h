/* stand_in.h: the modules below api for its tests: a small language table, and runs that end as the
 * test says. */
#pragma once
#include "api/internal.h"

/* c, csharp, python are ready; go is missing (packages golang-go), ruby unusable. */
struct language_table *stand_in_languages(void);
void stand_in_set_csharp_missing(bool missing);

/* The next run_start: fails with `code`, or ends with `result` from the loop; `hangs`: only when it
 * is cancelled, which calls on_cancelled. What the run was given is kept. */
struct stand_in_run {
    int code;
    const char *words;
    struct run_result result;
    const char *out, *err;
    bool hangs;
    void (*on_cancelled)(void);
    unsigned started, cancelled, ended;
    char language[20], source[100], name[40], input[40];
    uint64_t deadline_ms, run_wall_ms;
};
extern struct stand_in_run stand_in_run;
