#include "main/profiles.h"

#include <stdlib.h>

#include "build/build.h"
#include "language/limits.h"

#define OPEN_FILES_MAX 256

static const char *const stage_names[] = {[BUILD_PROFILE_COMPILE] = "compile",
                                          [BUILD_PROFILE_RUN] = "run",
                                          [BUILD_PROFILE_CHECK] = "check"};

static void fill(const struct language *language, const struct language_stage *stage,
                 enum build_profile which, struct sandbox_profile_spec *spec) {
    struct sandbox_mount *mounts = base_alloc_array(stage->mounts_len + 1, sizeof *mounts);
    for (size_t i = 0; i < stage->mounts_len; i++)
        mounts[i] = (struct sandbox_mount){stage->mounts[i].source, stage->mounts[i].target};
    struct sandbox_link *links = base_alloc_array(stage->links_len + 1, sizeof *links);
    for (size_t i = 0; i < stage->links_len; i++)
        links[i] = (struct sandbox_link){stage->links[i].target, stage->links[i].path};
    *spec = (struct sandbox_profile_spec){
        .name = base_printf("%s %s", language->name, stage_names[which]),
        .mounts = mounts,
        .mounts_len = stage->mounts_len,
        .links = links,
        .links_len = stage->links_len,
        .scratch_bytes = stage->limits.scratch_bytes,
        .proc_full = stage->proc_full,
        .max_file_bytes = LIMIT_MAX_SCRATCH_BYTES + MIB,
        .max_open_files = OPEN_FILES_MAX,
    };
}

void profiles_new(const struct language_table *languages, struct profiles *ret) {
    size_t count = language_count(languages);
    struct profiles p = {.count = count * ARRAY_LEN(stage_names)};
    p.specs = base_alloc_array(p.count + 1, sizeof *p.specs);
    for (size_t i = 0; i < count; i++) {
        const struct language *l = language_at(languages, i);
        if (l->state != LANGUAGE_READY)
            continue;
        if (l->has_compile)
            fill(l, &l->compile, BUILD_PROFILE_COMPILE,
                 &p.specs[build_profile_id(l, BUILD_PROFILE_COMPILE)]);
        if (l->has_check)
            fill(l, &l->check, BUILD_PROFILE_CHECK,
                 &p.specs[build_profile_id(l, BUILD_PROFILE_CHECK)]);
        fill(l, &l->run, BUILD_PROFILE_RUN, &p.specs[build_profile_id(l, BUILD_PROFILE_RUN)]);
    }
    *ret = p;
}

void profiles_done(struct profiles *p) {
    for (size_t i = 0; i < p->count; i++) {
        free((void *)p->specs[i].name);
        free((void *)p->specs[i].mounts);
        free((void *)p->specs[i].links);
    }
    free(STEAL_PTR(p->specs));
    p->count = 0;
}
