/* list.h: an intrusive doubly linked list.
 *
 * Invariants: a head is a node whose neighbours are itself when the list is empty; a node that is
 * in no list points to itself after list_init or list_remove, so list_remove may be called twice.
 */
#pragma once
#include "base/base.h"
#include <stdbool.h>

struct list {
    struct list *next, *prev;
};
#define LIST_INIT(name)                                                                            \
    { &(name), &(name) }

static inline void list_init(struct list *l) {
    l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l) {
    return l->next == l;
}
static inline void list__insert(struct list *node, struct list *prev, struct list *next) {
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}
static inline void list_push_back(struct list *head, struct list *node) {
    list__insert(node, head->prev, head);
}
static inline void list_push_front(struct list *head, struct list *node) {
    list__insert(node, head, head->next);
}
static inline void list_remove(struct list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}
/* First entry, or NULL. */
#define LIST_FIRST(head, type, member)                                                             \
    (list_empty(head) ? NULL : CONTAINER_OF((head)->next, type, member))
/* `item` may be removed inside the loop. */
#define LIST_FOREACH(head, item, type, member)                                                     \
    for (type *item = CONTAINER_OF((head)->next, type, member),                                    \
              *item##_next = CONTAINER_OF(item->member.next, type, member);                        \
         &item->member != (head);                                                                  \
         item = item##_next, item##_next = CONTAINER_OF(item->member.next, type, member))
