#include "base/map.h"
#include "base/internal.h"
#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static unsigned hash_bytes(const void *data, size_t len);
#define HASH_FUNCTION(keyptr, keylen, hashv) (hashv) = hash_bytes((keyptr), (keylen))
#define uthash_fatal(msg) base__die("retort: out of memory\n")
#include <uthash.h>

struct entry {
    UT_hash_handle hh;
    void *value;
    size_t key_len;
    char key[];
};

struct map {
    struct entry *head;
};

static unsigned char hash_key[crypto_shorthash_KEYBYTES];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void make_hash_key(void) {
    random__bytes(hash_key, sizeof(hash_key));
}

static unsigned hash_bytes(const void *data, size_t len) {
    union {
        unsigned char bytes[crypto_shorthash_BYTES];
        unsigned word;
    } out;
    crypto_shorthash(out.bytes, data, len, hash_key);
    return out.word;
}

static struct entry *find(const struct map *m, struct span key) {
    struct entry *e;
    HASH_FIND(hh, m->head, key.data == NULL ? "" : key.data, key.len, e);
    return e;
}

struct map *map_new(void) {
    pthread_once(&hash_key_once, make_hash_key);
    return base_alloc(sizeof(struct map));
}

void map_free(struct map *m) {
    if (m == NULL)
        return;
    struct entry *e, *next;
    HASH_ITER(hh, m->head, e, next) {
        HASH_DEL(m->head, e);
        free(e);
    }
    free(m);
}

void *map_set(struct map *m, struct span key, void *value) {
    assert(value != NULL);
    assert(key.len <= UINT_MAX);
    struct entry *e = find(m, key);
    if (e != NULL) {
        void *before = e->value;
        e->value = value;
        return before;
    }
    e = base_alloc(sizeof(*e) + key.len + 1);
    e->value = value;
    e->key_len = key.len;
    if (key.len > 0)
        memcpy(e->key, key.data, key.len);
    HASH_ADD_KEYPTR(hh, m->head, e->key, e->key_len, e);
    return NULL;
}

void *map_get(const struct map *m, struct span key) {
    struct entry *e = find(m, key);
    return e == NULL ? NULL : e->value;
}

void *map_remove(struct map *m, struct span key) {
    struct entry *e = find(m, key);
    if (e == NULL)
        return NULL;
    void *value = e->value;
    HASH_DEL(m->head, e);
    free(e);
    return value;
}

size_t map_count(const struct map *m) {
    return HASH_COUNT(m->head);
}

void map_each(const struct map *m, void (*each)(struct span key, void *value, void *user),
              void *user) {
    for (struct entry *e = m->head; e != NULL; e = e->hh.next)
        each((struct span){e->key, e->key_len}, e->value, user);
}
