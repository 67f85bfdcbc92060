/* list.h: order, removal inside the loop, and removing twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
    int number;
    struct list link;
};

static int digits(struct list *head) {
    int value = 0;
    LIST_FOREACH(head, item, struct item, link) {
        value = value * 10 + item->number;
    }
    return value;
}

static void items_keep_their_order(void **state) {
    (void)state;
    struct list head = LIST_INIT(head);
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    assert_true(list_empty(&head));
    assert_null(LIST_FIRST(&head, struct item, link));
    list_push_back(&head, &items[1].link);
    list_push_back(&head, &items[2].link);
    list_push_front(&head, &items[0].link);
    assert_int_equal(digits(&head), 123);
    assert_ptr_equal(LIST_FIRST(&head, struct item, link), &items[0]);
    list_remove(&items[1].link);
    list_remove(&items[1].link);
    assert_int_equal(digits(&head), 13);
}

static void the_item_may_go_inside_the_loop(void **state) {
    (void)state;
    struct list head = LIST_INIT(head);
    struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    for (int i = 0; i < 4; i++)
        list_push_back(&head, &items[i].link);
    int seen = 0;
    LIST_FOREACH(&head, item, struct item, link) {
        list_remove(&item->link);
        seen++;
    }
    assert_int_equal(seen, 4);
    assert_true(list_empty(&head));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_keep_their_order),
        cmocka_unit_test(the_item_may_go_inside_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
