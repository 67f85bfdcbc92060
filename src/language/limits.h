/* limits.h: the default limits of every stage, in one place (S56). language.ini may raise them; the
 * operator's maximum binds. */
#pragma once
#include "base/base.h"

#define LIMIT_COMPILE_WALL_MS 20000
#define LIMIT_COMPILE_CPU_MS 20000
#define LIMIT_COMPILE_MEMORY_BYTES (1 * GIB)
#define LIMIT_COMPILE_PROCESSES 128
#define LIMIT_COMPILE_OUTPUT_BYTES (1 * MIB)
#define LIMIT_COMPILE_SCRATCH_BYTES (256 * MIB)
#define LIMIT_ARTIFACT_BYTES (64 * MIB)

#define LIMIT_RUN_WALL_MS 10000
#define LIMIT_RUN_CPU_MS 5000
#define LIMIT_RUN_MEMORY_BYTES (256 * MIB)
#define LIMIT_RUN_PROCESSES 64
#define LIMIT_RUN_OUTPUT_BYTES (1 * MIB)
#define LIMIT_RUN_SCRATCH_BYTES (64 * MIB)

/* What no request may exceed, unless the operator says so. */
#define LIMIT_MAX_WALL_MS 60000
#define LIMIT_MAX_CPU_MS 60000
#define LIMIT_MAX_MEMORY_BYTES (2 * GIB)
#define LIMIT_MAX_PROCESSES 512
#define LIMIT_MAX_OUTPUT_BYTES (16 * MIB)
#define LIMIT_MAX_SCRATCH_BYTES (512 * MIB)
#define LIMIT_MAX_ARTIFACT_BYTES (256 * MIB)

/* A job (S19). */
#define LIMIT_JOB_ARGS 256
#define LIMIT_JOB_ENV 256
#define LIMIT_JOB_STRING_BYTES (128 * KIB)
#define LIMIT_JOB_STRINGS_BYTES (1 * MIB)
#define LIMIT_JOB_NAMES_BYTES (64 * KIB)
#define LIMIT_JOB_BYTES (32 * MIB)
#define LIMIT_JOB_FILES 1024

/* WebCompile's shape. */
#define LIMIT_WEBCOMPILE_MS 5000
#define LIMIT_WEBCOMPILE_CODE_BYTES (64 * KIB)
