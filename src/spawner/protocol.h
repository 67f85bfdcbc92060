/* protocol.h: the records between server and spawner (S3).
 *
 * Each is 64 bytes in the host's own byte order (both ends are the same binary), sent as one
 * datagram of a SOCK_SEQPACKET; a START carries descriptors. The spawner range-checks every field:
 * a record that does not pass `protocol_start_valid` means that the server is broken or hostile,
 * and it is replaced.
 */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum protocol_type {
    PROTOCOL_START = 1, /* server → spawner */
    PROTOCOL_KILL,
    PROTOCOL_BEAT,
    PROTOCOL_EXIT, /* spawner → server */
    PROTOCOL_DRAIN,
    PROTOCOL_FIGURES,
};

struct protocol_start {
    uint32_t wall_ms, cpu_ms;
    uint64_t memory_bytes, file_bytes, artifact_bytes;
    uint32_t processes;
    uint32_t fd_mask; /* enum sandbox_fd */
    uint64_t reserved;
};

enum { PROTOCOL_WAS_READY = 1, PROTOCOL_PROCESSES_HIT = 2 };
struct protocol_exit {
    uint8_t cause; /* enum spawner_cause */
    uint8_t flags;
    uint16_t slot;
    int32_t status, error;
    uint32_t wall_us, cpu_user_us, cpu_system_us; /* saturate at 71 minutes */
    uint32_t max_rss_kib, context_switches;
    uint64_t peak_memory_bytes;
    uint32_t scratch_kib, processes_refused;
};

struct protocol_figures {
    uint16_t slots, ready, claimed, quarantined, filling, waiting, spare[2];
    uint64_t created, create_failed, cpu_us, reserved;
};

struct protocol_record {
    uint32_t type;
    uint32_t profile; /* START */
    uint64_t id;
    union {
        struct protocol_start start;
        struct protocol_exit exit;
        struct protocol_figures figures;
        uint8_t bytes[48];
    };
};
static_assert(sizeof(struct protocol_record) == 64, "one record is 64 bytes");

/* Ceilings of what may be asked for, whatever the server says. */
#define PROTOCOL_WALL_MS_MAX (3600u * 1000)
#define PROTOCOL_CPU_MS_MAX (3600u * 1000)
#define PROTOCOL_MEMORY_BYTES_MIN (1024u * 1024)
#define PROTOCOL_MEMORY_BYTES_MAX ((uint64_t)1 << 40)
#define PROTOCOL_PROCESSES_MAX 4096u
#define PROTOCOL_FILE_BYTES_MAX ((uint64_t)1 << 32)

/* Whether a START that came with `fd_count` descriptors may be acted on. */
bool protocol_start_valid(const struct protocol_record *record, size_t profiles_len,
                          size_t fd_count);
