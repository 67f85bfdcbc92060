#include "base/internal.h"
#include <pthread.h>
#include <sodium.h>

static pthread_once_t random_once = PTHREAD_ONCE_INIT;

static void random_start(void) {
    if (sodium_init() < 0)
        base__die("retort: no source of random numbers\n");
}

void random__bytes(void *out, size_t len) {
    pthread_once(&random_once, random_start);
    randombytes_buf(out, len);
}
