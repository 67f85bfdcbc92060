/* listen.h: the listening sockets, opened before the fork, one for each loop and address. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define LISTEN_MAX 64

struct listening {
    int fds[LISTEN_MAX]; /* fds[i] is for loop i % loops */
    size_t count;
    char url[80]; /* "http://127.0.0.1:8000" */
};

/* `address` is ADDR:PORT, with IPv6 in brackets; `option` names it in messages. Loopback only, for
 * now: anything else is refused. 127.0.0.1 also takes ::1 where it is there. */
int listen_open(const char *address, const char *option, size_t loops, struct listening *ret,
                struct error *err);
void listen_close(struct listening *l);
