/* The parser of jobs (S19), as retort-init has it. */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sandbox/init/init.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct job j;
    int r = job_read(data, size, &j);
    assert(r == 0 || r == -EINVAL || r == -E2BIG || r == -ENOMEM);
    if (r < 0)
        return 0;
    /* What was accepted is what the rest of the program relies on. */
    assert(j.argc > 0 && !j.argv[j.argc] && !j.envp[j.envc]);
    assert(!j.artifact[0] || job_name_ok(j.artifact, strlen(j.artifact)));
    for (size_t i = 0; i < j.filec; i++) {
        const struct job_file *f = &j.files[i];
        assert(job_name_ok(f->name, strlen(f->name)));
        assert((f->mode & ~0777u) == 0);
        assert(f->content >= data && f->content + f->content_len <= data + size);
    }
    job_done(&j);
    return 0;
}
