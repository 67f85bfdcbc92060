/* stand_in.h: modules build and spawner/stage for the tests of run: each stage that begins takes
 * the next entry of a script and ends as it says, from the loop. */
#pragma once
#include "build/build.h"

enum stand_in_kind { STAND_IN_COMPILE, STAND_IN_RUN, STAND_IN_CHECK };
struct stand_in {
    enum stand_in_kind kind;    /* what must begin here */
    struct stage_result result; /* streams: given as text below */
    const char *out, *err;
    const char *artifact;    /* its bytes */
    bool hangs;              /* ends only when it is cancelled */
    int refuses;             /* build_start or stage_start fails with this */
    void (*meanwhile)(void); /* called once it has begun, from the loop */
    /* What the stage was given. */
    bool began, cancelled;
    uint64_t wall_ms, memory_bytes;
    char args[200], env[200], files[200], input[100]; /* words joined by a space */
    bool has_artifact_fd;
};
void stand_in_script(struct stand_in *entries, size_t count, struct loop *loop);
size_t stand_in_begun(void);
