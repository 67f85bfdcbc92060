/* The spawner takes no START that it could not act on (S3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "sandbox/sandbox.h"
#include "spawner/protocol.h"

#define FDS 4
static struct protocol_record good(void) {
    return (struct protocol_record){
        .type = PROTOCOL_START,
        .profile = 1,
        .id = 256,
        .start = {.wall_ms = 1000,
                  .cpu_ms = 1000,
                  .memory_bytes = 64 * MIB,
                  .file_bytes = MIB,
                  .processes = 16,
                  .fd_mask =
                      SANDBOX_FD_JOB | SANDBOX_FD_STDIN | SANDBOX_FD_STDOUT | SANDBOX_FD_STDERR},
    };
}

static void test_good(void **state) {
    (void)state;
    struct protocol_record r = good();
    assert_true(protocol_start_valid(&r, 2, FDS));
    r.start.fd_mask |= SANDBOX_FD_ARTIFACT_OUT;
    assert_true(protocol_start_valid(&r, 2, FDS + 1));
}

/* S3: one field out of range is enough. */
static void test_every_field(void **state) {
    (void)state;
    struct protocol_record r;
#define REFUSED(change)                                                                            \
    r = good();                                                                                    \
    change;                                                                                        \
    assert_false(protocol_start_valid(&r, 2, FDS))
    REFUSED(r.type = PROTOCOL_KILL);
    REFUSED(r.profile = 2);
    REFUSED(r.profile = UINT32_MAX);
    REFUSED(r.id = 0);
    REFUSED(r.start.wall_ms = 0);
    REFUSED(r.start.wall_ms = PROTOCOL_WALL_MS_MAX + 1);
    REFUSED(r.start.cpu_ms = 0);
    REFUSED(r.start.cpu_ms = UINT32_MAX);
    REFUSED(r.start.memory_bytes = 0);
    REFUSED(r.start.memory_bytes = UINT64_MAX);
    REFUSED(r.start.file_bytes = UINT64_MAX);
    REFUSED(r.start.artifact_bytes = UINT64_MAX);
    REFUSED(r.start.processes = 0);
    REFUSED(r.start.processes = PROTOCOL_PROCESSES_MAX + 1);
    REFUSED(r.start.fd_mask &= ~(uint32_t)SANDBOX_FD_JOB);
    REFUSED(r.start.fd_mask |= 1u << 31);
    REFUSED(r.start.fd_mask |= SANDBOX_FD_ARTIFACT_IN);
#undef REFUSED
    r = good();
    assert_false(protocol_start_valid(&r, 2, FDS - 1));
    assert_false(protocol_start_valid(&r, 0, FDS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
