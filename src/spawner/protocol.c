#include "spawner/protocol.h"

#include "sandbox/sandbox.h"

static const uint32_t required_fds =
    SANDBOX_FD_JOB | SANDBOX_FD_STDIN | SANDBOX_FD_STDOUT | SANDBOX_FD_STDERR;
static const uint32_t known_fds = SANDBOX_FD_JOB | SANDBOX_FD_STDIN | SANDBOX_FD_STDOUT |
                                  SANDBOX_FD_STDERR | SANDBOX_FD_ARTIFACT_IN |
                                  SANDBOX_FD_ARTIFACT_OUT;

static bool within(uint64_t value, uint64_t low, uint64_t high) {
    return value >= low && value <= high;
}

bool protocol_start_valid(const struct protocol_record *record, size_t profiles_len,
                          size_t fd_count) {
    const struct protocol_start *s = &record->start;
    return record->type == PROTOCOL_START && record->profile < profiles_len && record->id != 0 &&
           within(s->wall_ms, 1, PROTOCOL_WALL_MS_MAX) &&
           within(s->cpu_ms, 1, PROTOCOL_CPU_MS_MAX) &&
           within(s->memory_bytes, PROTOCOL_MEMORY_BYTES_MIN, PROTOCOL_MEMORY_BYTES_MAX) &&
           within(s->processes, 1, PROTOCOL_PROCESSES_MAX) &&
           within(s->file_bytes, 0, PROTOCOL_FILE_BYTES_MAX) &&
           within(s->artifact_bytes, 0, PROTOCOL_FILE_BYTES_MAX) &&
           (s->fd_mask & ~known_fds) == 0 && (s->fd_mask & required_fds) == required_fds &&
           (size_t)__builtin_popcount(s->fd_mask) == fd_count;
}
