/* setup.h: what the spawner hands to retort-init besides its control socket: one sealed memfd for
 * each profile, made once, at descriptor 4. The program reads it, closes it, and seals itself by
 * it. Both sides are built together, so the layout is the struct.
 */
#pragma once
#include <linux/filter.h>
#include <stdint.h>

#define SETUP_MAGIC 0x31534a52u
#define SETUP_FILTER_MAX 4096 /* BPF_MAXINSNS */

/* The descriptors that retort-init is exec'd with, beside 0-2 on /dev/null. */
enum { INIT_FD_CONTROL = 3, INIT_FD_SETUP = 4 };

struct init_setup {
    uint32_t magic;
    int32_t stop_at;         /* enum sandbox_step, or -1: the test switch */
    uint64_t max_file_bytes; /* ceilings: hard limits */
    uint64_t max_open_files;
    uint32_t layers; /* enum init_layer: what is to be sealed */
    uint32_t filter_len;
    struct sock_filter filter[];
};

/* Every layer is on, but in tests that prove that the others hold without it (S7). */
enum init_layer {
    INIT_LAYER_FILTER = 1 << 0,
    INIT_LAYER_LANDLOCK = 1 << 1,
    INIT_LAYER_ALL = INIT_LAYER_FILTER | INIT_LAYER_LANDLOCK,
};
