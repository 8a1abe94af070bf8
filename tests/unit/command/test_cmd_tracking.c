/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CLIENT TRACKING, as a command: its errors, which keys of which commands are tracked in which
 * mode, and for how long CLIENT CACHING holds. The host here notes what it is asked.
 */
#include "command_support.h"

enum { PREFIXES_MAX = 4 };

static char tracked[256]; /* keys, each with a blank behind it */
static char prefixes[PREFIXES_MAX][32];
static size_t prefixes_len;
static int refusal;

static int
fake_track(void *ud, const struct tracking_wish *wish)
{
    struct fixture *f = ud;
    if (refusal != ATTL_OK)
        return refusal;
    f->session.tracking = (struct session_tracking){ TRACKING_ON | wish->flags, wish->redirect };
    f->session.special |= SESSION_TRACKING;
    for (size_t i = 0; i < wish->prefixes_len; i++)
        (void)snprintf(prefixes[prefixes_len++], 32, "%.*s", (int)wish->prefixes[i].len,
                       (const char *)wish->prefixes[i].data);
    return ATTL_OK;
}

static void
fake_untrack(void *ud)
{
    struct fixture *f = ud;
    f->session.tracking = (struct session_tracking){ 0, 0 };
    f->session.special &= ~(unsigned)SESSION_TRACKING;
    prefixes_len = 0;
}

static bool
fake_client_exists(void *ud, uint64_t id)
{
    (void)ud;
    return id >= 1 && id <= CLIENTS;
}

static bool
fake_tracked_prefix(void *ud, size_t index, attl_slice *ret_prefix)
{
    (void)ud;
    if (index >= prefixes_len)
        return false;
    *ret_prefix = attl_s(prefixes[index]);
    return true;
}

static void
fake_track_key(void *ud, attl_slice key)
{
    (void)ud;
    size_t len = strlen(tracked);
    (void)snprintf(tracked + len, sizeof tracked - len, "%.*s ", (int)key.len,
                   (const char *)key.data);
}

static void
fake_pushes(void *ud, struct buf *out)
{
    (void)ud;
    (void)out;
}

static int
setup_tracking(void **state)
{
    int status = setup(state);
    struct fixture *f = fixture_of(state);
    tracked[0] = '\0';
    prefixes_len = 0;
    refusal = ATTL_OK;
    f->host.pushes = fake_pushes;
    f->host.track = fake_track;
    f->host.untrack = fake_untrack;
    f->host.client_exists = fake_client_exists;
    f->host.tracked_prefix = fake_tracked_prefix;
    f->host.track_key = fake_track_key;
    return status;
}

static void
expect_tracked(struct fixture *f, const char *line, const char *keys)
{
    tracked[0] = '\0';
    run(f, line);
    assert_string_equal(tracked, keys);
}

static void
wrong_wishes_change_nothing(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f,
        { "CLIENT TRACKING", "-ERR wrong number of arguments for 'client|tracking' command\r\n" },
        { "CLIENT TRACKING x", SYNTAX_ERROR }, { "CLIENT TRACKING ON x", SYNTAX_ERROR },
        { "CLIENT TRACKING ON REDIRECT", SYNTAX_ERROR },
        { "CLIENT TRACKING ON REDIRECT x", NOT_AN_INTEGER },
        { "CLIENT TRACKING ON REDIRECT 9",
          "-ERR The client ID you want redirect to does not exist\r\n" },
        { "CLIENT TRACKING ON REDIRECT 1 REDIRECT 2",
          "-ERR A client can only redirect to a single other client\r\n" },
        { "CLIENT TRACKING ON PREFIX a",
          "-ERR PREFIX option requires BCAST mode to be enabled\r\n" },
        { "CLIENT TRACKING ON BCAST OPTIN",
          "-ERR OPTIN and OPTOUT are not compatible with BCAST\r\n" },
        { "CLIENT TRACKING ON OPTIN OPTOUT",
          "-ERR You can't specify both OPTIN mode and OPTOUT mode\r\n" },
        { "CLIENT TRACKING ON BCAST PREFIX ab PREFIX a",
          "-ERR Prefix 'ab' overlaps with another provided prefix 'a'. Prefixes for a single "
          "client must not overlap.\r\n" },
        { "CLIENT CACHING YES", "-ERR CLIENT CACHING can be called only when the client is in "
                                "tracking mode with OPTIN or OPTOUT mode enabled\r\n" });
    assert_int_equal(f->session.tracking.flags, 0);
    refusal = ATTL_MISS;
    expect(f, "CLIENT TRACKING ON REDIRECT 2",
           "-ERR The client ID you want redirect to does not exist\r\n");
    refusal = ATTL_E_NOMEM;
    expect_part(f, "CLIENT TRACKING ON", "-OOM ");
}

static void
modes_change_only_by_way_of_off(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f, { "CLIENT TRACKING ON OPTIN", OK }, { "CLIENT TRACKING ON OPTIN NOLOOP", OK },
        { "CLIENT TRACKING ON OPTOUT",
          "-ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and "
          "then re-enabling it with a different mode.\r\n" },
        { "CLIENT TRACKING ON BCAST",
          "-ERR You can't switch BCAST mode on/off before disabling tracking for this client, and "
          "then re-enabling it with a different mode.\r\n" },
        { "CLIENT TRACKING OFF", OK }, { "CLIENT TRACKING OFF", OK },
        { "CLIENT TRACKING ON BCAST PREFIX u: PREFIX v:", OK },
        { "CLIENT TRACKING ON BCAST PREFIX u",
          "-ERR Prefix 'u' overlaps with an existing prefix 'u:'. Prefixes for a single client "
          "must not overlap.\r\n" },
        { "CLIENT TRACKINGINFO",
          "*6\r\n$5\r\nflags\r\n*2\r\n$2\r\non\r\n$5\r\nbcast\r\n$8\r\nredirect\r\n:0\r\n"
          "$8\r\nprefixes\r\n*2\r\n$2\r\nu:\r\n$2\r\nv:\r\n" });
}

static void
keys_of_reads_are_tracked_and_others_not(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_tracked(f, "GET k", "");
    expect(f, "CLIENT TRACKING ON", OK);
    expect_tracked(f, "GET k", "k ");
    expect_tracked(f, "MGET a b c", "a b c ");
    expect_tracked(f, "TTL k", "k ");
    expect_tracked(f, "SET k v", "");
    expect_tracked(f, "GETEX k", "");
    expect_tracked(f, "GET", "");
    expect_tracked(f, "PING k", "");
    expect_tracked(f, "OBJECT ENCODING k", "k ");
    expect(f, "CLIENT TRACKING OFF", OK);
    expect_tracked(f, "GET k", "");
    expect(f, "CLIENT TRACKING ON BCAST", OK);
    expect_tracked(f, "GET k", "");
}

static void
caching_holds_for_the_next_command(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "CLIENT TRACKING ON OPTIN");
    expect_tracked(f, "GET k", "");
    expect(f, "CLIENT CACHING NO",
           "-ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.\r\n");
    expect(f, "CLIENT CACHING x", SYNTAX_ERROR);
    expect(f, "CLIENT CACHING YES", OK);
    expect_part(f, "CLIENT TRACKINGINFO", "$11\r\ncaching-yes\r\n"); /* still to come */
    expect_tracked(f, "GET k", "k ");
    expect_tracked(f, "GET k", "");
    run(f, "CLIENT TRACKING OFF");
    run(f, "CLIENT TRACKING ON OPTOUT");
    expect_tracked(f, "GET k", "k ");
    expect(f, "CLIENT CACHING YES",
           "-ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.\r\n");
    expect(f, "CLIENT CACHING NO", OK);
    expect_tracked(f, "GET k", "");
    expect_tracked(f, "GET k", "k ");
}

static void
the_list_shows_it(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "CLIENT GETREDIR", ":-1\r\n" }, { "CLIENT TRACKING ON REDIRECT 2", OK },
               { "CLIENT GETREDIR", ":2\r\n" });
    expect_part(f, "CLIENT INFO", " flags=t ");
    expect_part(f, "CLIENT INFO", " redir=2 ");
    f->session.tracking.flags |= TRACKING_BROKEN;
    expect_part(f, "CLIENT INFO", " flags=tR ");
    expect_part(f, "CLIENT TRACKINGINFO", "broken_redirect");
    f->host.track = NULL;
    expect(f, "CLIENT TRACKING ON", "-ERR tracking is not available\r\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_tracking, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_wishes_change_nothing),
        TEST(modes_change_only_by_way_of_off),
        TEST(keys_of_reads_are_tracked_and_others_not),
        TEST(caching_holds_for_the_next_command),
        TEST(the_list_shows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
