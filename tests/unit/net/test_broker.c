/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Subscriptions without connections: who gets what, how many are counted, that leaving leaves
 * nothing behind, and that a subscription for which there is no memory does not exist. Messages are
 * compared byte for byte.
 */
#include "net/broker.h"

#include "net_support.h"

#include <stdio.h>

enum { MANY = 3000 };

void *
__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *
__wrap_calloc(size_t n, size_t bytes)
{
    return fails() ? NULL : __real_calloc(n, bytes);
}

void *
__wrap_realloc(void *ptr, size_t bytes)
{
    return fails() ? NULL : __real_realloc(ptr, bytes);
}

struct rig {
    struct post post;
    struct broker broker;
    struct receiver *a, *b;
};

static int
setup(void **state)
{
    static const struct hash_key hash = { .use_siphash = true, .sip = { 1, 2 } };
    struct rig *g = calloc(1, sizeof *g);
    assert_non_null(g);
    post_init(&g->post);
    broker_init(&g->broker, &hash);
    g->a = post_receiver(&g->post, 7);
    g->b = post_receiver(&g->post, 8);
    *state = g;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *g = *state;
    broker_leave(&g->broker, g->a);
    broker_leave(&g->broker, g->b);
    broker_fini(&g->broker);
    while (post_next(&g->post))
        continue;
    assert_int_equal(atomic_load(&g->a->refs), 1);
    receiver_free(g->a);
    receiver_free(g->b);
    post_fini(&g->post);
    free(g);
    return 0;
}

static int
subscribe(struct rig *g, struct receiver *r, enum pubsub_kind kind, const char *name)
{
    return broker_subscribe(&g->broker, r, kind, attl_s(name));
}

static size_t
publish(struct rig *g, enum pubsub_kind kind, const char *channel, const char *payload)
{
    return broker_publish(&g->broker, kind, attl_s(channel), attl_s(payload));
}

static void
messages_go_to_subscribers_and_to_patterns(void **state)
{
    struct rig *g = *state;
    assert_int_equal(publish(g, PUBSUB_CHANNEL, "c", "m"), 0);
    assert_int_equal(subscribe(g, g->a, PUBSUB_CHANNEL, "c"), ATTL_OK);
    assert_int_equal(subscribe(g, g->a, PUBSUB_CHANNEL, "c"), ATTL_NOT_SET);
    assert_int_equal(subscribe(g, g->b, PUBSUB_CHANNEL, "c"), ATTL_OK);
    assert_int_equal(subscribe(g, g->b, PUBSUB_PATTERN, "[cd]"), ATTL_OK);
    assert_int_equal(subscribe(g, g->b, PUBSUB_SHARD, "c"), ATTL_OK);
    assert_int_equal(publish(g, PUBSUB_CHANNEL, "c", "m"), 3);
    static const char message[] = ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n";
    expect_letter(&g->post, g->a, LETTER_PUSH, message);
    expect_letter(&g->post, g->b, LETTER_PUSH, message);
    expect_letter(&g->post, g->b, LETTER_PUSH,
                  ">4\r\n$8\r\npmessage\r\n$4\r\n[cd]\r\n$1\r\nc\r\n$1\r\nm\r\n");
    assert_int_equal(publish(g, PUBSUB_SHARD, "c", ""), 1);
    expect_letter(&g->post, g->b, LETTER_PUSH, ">3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$0\r\n\r\n");
    assert_int_equal(publish(g, PUBSUB_CHANNEL, "d", "n"), 1);
    assert_int_equal(publish(g, PUBSUB_SHARD, "d", "n"), 0);
    assert_int_equal(broker_subscribers(&g->broker, PUBSUB_CHANNEL, attl_s("c")), 2);
    assert_int_equal(broker_subscribers(&g->broker, PUBSUB_CHANNEL, attl_s("x")), 0);
}

static void
subscriptions_end_one_by_one_or_all(void **state)
{
    struct rig *g = *state;
    attl_slice name;
    assert_int_equal(subscribe(g, g->a, PUBSUB_CHANNEL, "one"), ATTL_OK);
    assert_int_equal(subscribe(g, g->a, PUBSUB_PATTERN, "p*"), ATTL_OK);
    assert_int_equal(subscribe(g, g->a, PUBSUB_CHANNEL, "two"), ATTL_OK);
    assert_true(broker_subscription(&g->broker, g->a, PUBSUB_CHANNEL, &name));
    assert_memory_equal(name.data, "one", 3);
    assert_int_equal(broker_unsubscribe(&g->broker, g->a, PUBSUB_CHANNEL, name), ATTL_OK);
    assert_int_equal(broker_unsubscribe(&g->broker, g->a, PUBSUB_CHANNEL, attl_s("one")),
                     ATTL_MISS);
    assert_int_equal(broker_unsubscribe(&g->broker, g->b, PUBSUB_CHANNEL, attl_s("two")),
                     ATTL_MISS);
    assert_int_equal(broker_unsubscribe(&g->broker, g->a, PUBSUB_SHARD, attl_s("two")), ATTL_MISS);
    assert_int_equal(atomic_load(&g->broker.topics_of[PUBSUB_CHANNEL]), 1);
    assert_int_equal(atomic_load(&g->broker.topics_of[PUBSUB_PATTERN]), 1);
    broker_leave(&g->broker, g->a);
    assert_int_equal(atomic_load(&g->broker.subscriptions), 0);
    assert_int_equal(atomic_load(&g->broker.topics_of[PUBSUB_CHANNEL]), 0);
    assert_int_equal(publish(g, PUBSUB_CHANNEL, "two", "m"), 0);
    assert_false(broker_subscription(&g->broker, g->a, PUBSUB_CHANNEL, &name));
}

static void
count_names(void *ud, attl_slice name)
{
    (void)name;
    ++*(size_t *)ud;
}

static void
many_topics_are_found_again(void **state)
{
    struct rig *g = *state;
    char name[32];
    size_t n = 0;
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "channel:%d", i);
        assert_int_equal(subscribe(g, g->a, PUBSUB_CHANNEL, name), ATTL_OK);
        if (i % 3 == 0)
            assert_int_equal(subscribe(g, g->b, PUBSUB_CHANNEL, name), ATTL_OK);
    }
    broker_each(&g->broker, PUBSUB_CHANNEL, count_names, &n);
    assert_int_equal(n, MANY);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "channel:%d", i);
        assert_int_equal(broker_subscribers(&g->broker, PUBSUB_CHANNEL, attl_s(name)),
                         1 + (i % 3 == 0));
        assert_int_equal(broker_unsubscribe(&g->broker, g->a, PUBSUB_CHANNEL, attl_s(name)),
                         ATTL_OK);
        assert_int_equal(broker_subscribers(&g->broker, PUBSUB_CHANNEL, attl_s(name)), i % 3 == 0);
    }
}

static void
limits_are_kept(void **state)
{
    struct rig *g = *state;
    char *name = calloc(1, BROKER_NAME_BYTES_MAX + 1);
    assert_non_null(name);
    assert_int_equal(
        broker_subscribe(&g->broker, g->a, PUBSUB_CHANNEL, attl_b(name, BROKER_NAME_BYTES_MAX + 1)),
        ATTL_E_KEY_LONG);
    free(name);
    g->a->subscriptions = BROKER_SUBSCRIPTIONS_PER_CLIENT_MAX;
    assert_int_equal(subscribe(g, g->a, PUBSUB_CHANNEL, "one too many"), ATTL_E_BUSY);
    g->a->subscriptions = 0;
    assert_int_equal(atomic_load(&g->broker.topics_of[PUBSUB_CHANNEL]), 0);
}

static void
without_memory_there_is_no_subscription(void **state)
{
    struct rig *g = *state;
    long n = 1;
    for (; n < WALK_MOST; n++) {
        fail_in = n;
        int status = subscribe(g, g->a, PUBSUB_CHANNEL, "c");
        bool failed = fail_in == 0;
        fail_in = 0;
        if (!failed) {
            assert_int_equal(status, ATTL_OK);
            break;
        }
        assert_int_equal(status, ATTL_E_NOMEM);
        assert_int_equal(atomic_load(&g->broker.subscriptions), 0);
        assert_int_equal(atomic_load(&g->broker.topics_of[PUBSUB_CHANNEL]), 0);
    }
    assert_true(n > 3); /* two tables, the topic, its list, the subscription */
}

static void
a_message_without_memory_cuts_its_receivers(void **state)
{
    struct rig *g = *state;
    assert_int_equal(subscribe(g, g->a, PUBSUB_CHANNEL, "c"), ATTL_OK);
    fail_in = 1;
    assert_int_equal(publish(g, PUBSUB_CHANNEL, "c", "m"), 1);
    assert_true(atomic_load(&g->a->overrun));
    expect_none(&g->post);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_go_to_subscribers_and_to_patterns, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(subscriptions_end_one_by_one_or_all, setup, teardown),
        cmocka_unit_test_setup_teardown(many_topics_are_found_again, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(without_memory_there_is_no_subscription, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_without_memory_cuts_its_receivers, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
