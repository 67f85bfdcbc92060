/* job.h: the format of a job: what pid 1 of a sandbox is to do, as one sealed memfd (S19).
 *
 * Written by the server, read by retort-init; the spawner passes it on unread. All integers are
 * little-endian u32, nothing is aligned beyond 4 bytes:
 *
 *   magic "RJB1" | argc | envc | filec | flags | artifact name length
 *   artifact name bytes            (empty: nothing leaves)
 *   argc × { length, bytes }       argv[0] is the path to exec, or empty with ARTIFACT_IN
 *   envc × { length, bytes }       NAME=value
 *   filec × { name length, mode, content length, name bytes, content bytes }
 *
 * Strings carry no NUL inside and none at the end. File names are relative to /box, of at most 255
 * bytes a segment; folders on the way are made. Limits: language/limits.h, LIMIT_JOB_…; the reader
 * checks them again. An empty argv[0] reaches the program as "program".
 *
 * The artifact leaves over its pipe as one frame: a signed little-endian 64-bit number, then, if it
 * is not negative, exactly so many bytes of the file (S70). A negative number is -errno: why
 * nothing leaves (-ENOENT: the program made none, -EFBIG, -ELOOP: a link, -EINVAL: not a regular
 * file). Nothing at all: pid 1 did not come so far. It is looked for only after exit status 0.
 */
#pragma once
#include <stdint.h>

#define JOB_MAGIC 0x31424a52u /* "RJB1" */
#define JOB_MAX_ARGS 256
#define JOB_MAX_ENV 256
#define JOB_MAX_FILES 1024
#define JOB_MAX_STRING (128u * 1024)
#define JOB_MAX_STRINGS (1024u * 1024)
#define JOB_MAX_NAMES (64u * 1024)
#define JOB_MAX_BYTES (32u * 1024 * 1024)

struct job_header {
    uint32_t magic, argc, envc, filec, flags, artifact_len;
};
