/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Publish and subscribe, as commands: what is answered, and what the host is asked. The host here
 * remembers up to a few names per kind, in order; messages go nowhere.
 */
#include "command_support.h"

enum { NAMES_MAX = 8 };

/* Of the one connection there is. */
static char names[PUBSUB_KINDS][NAMES_MAX][32];
static size_t names_len[PUBSUB_KINDS];
static int refusal; /* what subscribing answers, if not ATTL_OK */

static void
recount(struct fixture *f)
{
    bool any = false;
    for (size_t k = 0; k < PUBSUB_KINDS; k++) {
        f->session.subscribed[k] = names_len[k];
        any |= names_len[k] > 0;
    }
    f->session.special = any ? SESSION_SUBSCRIBED : 0;
}

static size_t
place_of(enum pubsub_kind kind, attl_slice name)
{
    size_t i = 0;
    while (i < names_len[kind] &&
           (strlen(names[kind][i]) != name.len || memcmp(names[kind][i], name.data, name.len) != 0))
        i++;
    return i;
}

static int
fake_subscribe(void *ud, enum pubsub_kind kind, attl_slice name)
{
    if (refusal != ATTL_OK)
        return refusal;
    if (place_of(kind, name) < names_len[kind])
        return ATTL_NOT_SET;
    assert_true(names_len[kind] < NAMES_MAX);
    (void)snprintf(names[kind][names_len[kind]++], 32, "%.*s", (int)name.len,
                   (const char *)name.data);
    recount(ud);
    return ATTL_OK;
}

static int
fake_unsubscribe(void *ud, enum pubsub_kind kind, attl_slice name)
{
    size_t i = place_of(kind, name);
    if (i == names_len[kind])
        return ATTL_NOT_SET;
    memmove(names[kind][i], names[kind][i + 1], (NAMES_MAX - i - 1) * sizeof names[kind][0]);
    names_len[kind]--;
    recount(ud);
    return ATTL_OK;
}

static bool
fake_subscription(void *ud, enum pubsub_kind kind, attl_slice *ret_name)
{
    (void)ud;
    if (names_len[kind] == 0)
        return false;
    *ret_name = attl_s(names[kind][0]);
    return true;
}

static size_t
fake_publish(void *ud, enum pubsub_kind kind, attl_slice channel, attl_slice payload)
{
    (void)ud;
    return payload.len > 0 && place_of(kind, channel) < names_len[kind];
}

static size_t
fake_subscribers(void *ud, enum pubsub_kind kind, attl_slice name)
{
    (void)ud;
    return place_of(kind, name) < names_len[kind];
}

static void
fake_each_topic(void *ud, enum pubsub_kind kind, void (*fn)(void *fn_ud, attl_slice name),
                void *fn_ud)
{
    (void)ud;
    for (size_t i = 0; i < names_len[kind]; i++)
        fn(fn_ud, attl_s(names[kind][i]));
}

static size_t
fake_topics(void *ud, enum pubsub_kind kind)
{
    (void)ud;
    return names_len[kind];
}

static void
fake_pushes(void *ud, struct buf *out)
{
    (void)ud;
    (void)out;
}

static void
fake_leave(void *ud)
{
    memset(names_len, 0, sizeof names_len);
    recount(ud);
}

static int
setup_pubsub(void **state)
{
    int status = setup(state);
    struct fixture *f = fixture_of(state);
    memset(names_len, 0, sizeof names_len);
    refusal = ATTL_OK;
    f->host.subscribe = fake_subscribe;
    f->host.unsubscribe = fake_unsubscribe;
    f->host.subscription = fake_subscription;
    f->host.publish = fake_publish;
    f->host.subscribers = fake_subscribers;
    f->host.each_topic = fake_each_topic;
    f->host.topics = fake_topics;
    f->host.pushes = fake_pushes;
    f->host.leave = fake_leave;
    return status;
}

static void
each_name_is_confirmed_with_the_count(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f,
               { "SUBSCRIBE a b", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
                                  "*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n" },
               { "SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:2\r\n" },
               { "PSUBSCRIBE p*", "*3\r\n$10\r\npsubscribe\r\n$2\r\np*\r\n:3\r\n" },
               { "SSUBSCRIBE s", "*3\r\n$10\r\nssubscribe\r\n$1\r\ns\r\n:1\r\n" },
               { "UNSUBSCRIBE x", "*3\r\n$11\r\nunsubscribe\r\n$1\r\nx\r\n:3\r\n" },
               { "UNSUBSCRIBE", "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:2\r\n"
                                "*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:1\r\n" },
               { "UNSUBSCRIBE", "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:1\r\n" },
               { "SUNSUBSCRIBE", "*3\r\n$12\r\nsunsubscribe\r\n$1\r\ns\r\n:0\r\n" },
               { "PUNSUBSCRIBE p*", "*3\r\n$12\r\npunsubscribe\r\n$2\r\np*\r\n:0\r\n" });
    f->session.proto = 3;
    EXPECT_ALL(f, { "SUBSCRIBE a", ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n" },
               { "PUNSUBSCRIBE", ">3\r\n$12\r\npunsubscribe\r\n_\r\n:1\r\n" });
}

static void
a_subscriber_under_protocol_2_may_do_little(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "SUBSCRIBE a");
    EXPECT_ALL(
        f,
        { "GET k", "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT "
                   "/ RESET are allowed in this context\r\n" },
        { "PUBLISH a m", "-ERR Can't execute 'publish': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / "
                         "PING / QUIT / RESET are allowed in this context\r\n" },
        { "PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n" },
        { "PING hi", "*2\r\n$4\r\npong\r\n$2\r\nhi\r\n" });
    f->session.proto = 3;
    EXPECT_ALL(f, { "GET k", "_\r\n" }, { "PING", "+PONG\r\n" }, { "PUBLISH a m", ":1\r\n" });
    f->session.proto = 2;
    expect(f, "RESET", "+RESET\r\n");
    EXPECT_ALL(f, { "GET k", NIL }, { "PING", "+PONG\r\n" });
}

static void
confirmations_are_sent_to_who_wants_no_replies(void **state)
{
    struct fixture *f = fixture_of(state);
    f->session.proto = 3;
    EXPECT_ALL(f, { "CLIENT REPLY OFF", "" }, { "PING", "" },
               { "SUBSCRIBE a", ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n" }, { "PING", "" },
               { "UNSUBSCRIBE a", ">3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n" },
               { "CLIENT REPLY ON", OK });
}

static void
publishing_counts_and_pubsub_shows(void **state)
{
    struct fixture *f = fixture_of(state);
    f->session.proto = 3;
    run(f, "SUBSCRIBE one two");
    run(f, "PSUBSCRIBE p*");
    run(f, "SSUBSCRIBE s");
    EXPECT_ALL(f, { "PUBLISH one m", ":1\r\n" }, { "PUBLISH three m", ":0\r\n" },
               { "SPUBLISH s m", ":1\r\n" }, { "SPUBLISH one m", ":0\r\n" },
               { "PUBSUB CHANNELS", "*2\r\n$3\r\none\r\n$3\r\ntwo\r\n" },
               { "PUBSUB CHANNELS t*", "*1\r\n$3\r\ntwo\r\n" },
               { "PUBSUB CHANNELS a b", "-ERR unknown subcommand or wrong number of arguments for "
                                        "'CHANNELS'. Try PUBSUB HELP.\r\n" },
               { "PUBSUB SHARDCHANNELS", "*1\r\n$1\r\ns\r\n" }, { "PUBSUB NUMPAT", ":1\r\n" },
               { "PUBSUB NUMSUB", "*0\r\n" },
               { "PUBSUB NUMSUB one x", "*4\r\n$3\r\none\r\n:1\r\n$1\r\nx\r\n:0\r\n" },
               { "PUBSUB SHARDNUMSUB s", "*2\r\n$1\r\ns\r\n:1\r\n" });
    expect_part(f, "CLIENT INFO", " flags=P db=0 sub=2 psub=1 ssub=1 ");
}

static void
what_is_refused_is_an_error(void **state)
{
    struct fixture *f = fixture_of(state);
    refusal = ATTL_E_BUSY;
    expect(f, "SUBSCRIBE a",
           "-ERR this connection, or all together, has too many subscriptions\r\n");
    refusal = ATTL_E_NOMEM;
    expect_part(f, "SUBSCRIBE a", "-OOM ");
    f->host.subscribe = NULL;
    expect(f, "SUBSCRIBE a", "-ERR publish and subscribe are not available\r\n");
    expect(f, "PUBSUB NUMPAT", "-ERR publish and subscribe are not available\r\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_pubsub, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_name_is_confirmed_with_the_count),
        TEST(a_subscriber_under_protocol_2_may_do_little),
        TEST(confirmations_are_sent_to_who_wants_no_replies),
        TEST(publishing_counts_and_pubsub_shows),
        TEST(what_is_refused_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
