/* Which limits a stage gets. */
#include <errno.h>
#include <inttypes.h>

#include "language/limits.h"
#include "run/internal.h"

struct field {
    const char *name;
    size_t offset;
    uint64_t compile_default, run_default, maximum;
};

/* A request cannot name the last two; they stand here so that every limit goes the same way. */
static const struct field fields[] = {
    {"wall_ms", offsetof(struct language_limits, wall_ms), LIMIT_COMPILE_WALL_MS, LIMIT_RUN_WALL_MS,
     LIMIT_MAX_WALL_MS},
    {"cpu_ms", offsetof(struct language_limits, cpu_ms), LIMIT_COMPILE_CPU_MS, LIMIT_RUN_CPU_MS,
     LIMIT_MAX_CPU_MS},
    {"memory_bytes", offsetof(struct language_limits, memory_bytes), LIMIT_COMPILE_MEMORY_BYTES,
     LIMIT_RUN_MEMORY_BYTES, LIMIT_MAX_MEMORY_BYTES},
    {"processes", offsetof(struct language_limits, processes), LIMIT_COMPILE_PROCESSES,
     LIMIT_RUN_PROCESSES, LIMIT_MAX_PROCESSES},
    {"output_bytes", offsetof(struct language_limits, output_bytes), LIMIT_COMPILE_OUTPUT_BYTES,
     LIMIT_RUN_OUTPUT_BYTES, LIMIT_MAX_OUTPUT_BYTES},
    {"scratch_bytes", offsetof(struct language_limits, scratch_bytes), LIMIT_COMPILE_SCRATCH_BYTES,
     LIMIT_RUN_SCRATCH_BYTES, LIMIT_MAX_SCRATCH_BYTES},
    {"artifact_bytes", offsetof(struct language_limits, artifact_bytes), LIMIT_ARTIFACT_BYTES,
     LIMIT_ARTIFACT_BYTES, LIMIT_MAX_SCRATCH_BYTES},
};

static uint64_t value_of(const struct language_limits *limits, const struct field *f) {
    return *(const uint64_t *)(const void *)((const char *)limits + f->offset);
}

int run_limits_merge(enum verdict_stage stage, const struct language_limits *asked,
                     const struct language_limits *language, const struct language_limits *maximum,
                     struct language_limits *ret, struct error *err) {
    struct language_limits merged = {0};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct field *f = &fields[i];
        uint64_t max = value_of(maximum, f) ? value_of(maximum, f) : f->maximum;
        uint64_t value = value_of(asked, f);
        if (value > max)
            return error_set(err, EINVAL,
                             "limits.%s.%s: %" PRIu64 " is above the maximum of %" PRIu64,
                             verdict_stage_name(stage), f->name, value, max);
        if (value == 0)
            value = value_of(language, f);
        if (value == 0)
            value = stage == STAGE_COMPILE ? f->compile_default : f->run_default;
        *(uint64_t *)(void *)((char *)&merged + f->offset) = MIN(value, max);
    }
    *ret = merged;
    return 0;
}
