/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACL and the checks of permissions, byte for byte, on one session: what is refused and with which
 * words, what a change does to the session that is there, what EXEC says. The rules themselves are
 * tested in tests/unit/access, real clients in tests/e2e/test_acl.py.
 */
#include "command_support.h"

#include "access/access.h"
#include "command/category.h"
#include "command/session.h"

static struct access *
give_users(struct fixture *f)
{
    attl_allocator alloc = alloc_default();
    f->env.access = access_new(&command_catalog, &alloc);
    assert_non_null(f->env.access);
    return f->env.access;
}

static int
teardown_users(void **state)
{
    struct fixture *f = fixture_of(state);
    session_end(&f->session);
    access_free(&f->env.access);
    return teardown(state);
}

/* As ACL SETUSER bob; a ~ is one here. */
static void
set_bob(struct fixture *f, const char *line)
{
    attl_slice rules[WORDS_MAX];
    struct rule_place place;
    size_t n = 0;
    for (const char *p = line; *p;) {
        size_t len = strcspn(p, " ");
        rules[n++] = attl_b(p, len);
        p += len + (p[len] == ' ');
    }
    assert_int_equal(access_set(f->env.access, attl_s("bob"), rules, n, NULL, &place), RULE_OK);
}

/* From now on the session is bob's. */
static void
become_bob(struct fixture *f)
{
    struct access_user *u = access_find(f->env.access, attl_s("bob"));
    assert_non_null(u);
    session_end(&f->session);
    memcpy(f->session.user_name, u->name, sizeof u->name);
    f->session.user = u;
}

static void
users_are_made_shown_and_deleted(void **state)
{
    struct fixture *f = fixture_of(state);
    (void)give_users(f);
    EXPECT_ALL(f, { "ACL WHOAMI", "$7\r\ndefault\r\n" }, { "ACL SETUSER bob on +get", OK },
               { "ACL USERS", "*2\r\n$3\r\nbob\r\n$7\r\ndefault\r\n" },
               { "ACL LIST", "*2\r\n$53\r\nuser bob on sanitize-payload resetchannels -@all "
                             "+get\r\n$51\r\nuser default on nopass sanitize-payload ~* &* "
                             "+@all\r\n" },
               { "ACL GETUSER nobody", NIL },
               { "ACL GETUSER bob",
                 "*12\r\n$5\r\nflags\r\n*2\r\n$2\r\non\r\n$16\r\nsanitize-payload\r\n$9\r\n"
                 "passwords\r\n*0\r\n$8\r\ncommands\r\n$10\r\n-@all +get\r\n$4\r\nkeys\r\n$0\r\n"
                 "\r\n$8\r\nchannels\r\n$0\r\n\r\n$9\r\nselectors\r\n*0\r\n" },
               { "ACL SETUSER bob +nosuch",
                 "-ERR Error in ACL SETUSER modifier '+nosuch': Unknown command or category name "
                 "in ACL\r\n" },
               { "ACL SETUSER a~b", "-ERR Usernames can't contain spaces or null characters\r\n" },
               { "ACL DELUSER default", "-ERR The 'default' user cannot be removed\r\n" },
               { "ACL DELUSER bob nobody", ":1\r\n" },
               { "ACL USERS", "*1\r\n$7\r\ndefault\r\n" }, );
    assert_string_equal(f->killed.user ? "bob" : "", "bob");
}

static void
what_is_refused_is_said_in_the_words_of_redis(void **state)
{
    struct fixture *f = fixture_of(state);
    struct access *a = give_users(f);
    set_bob(f, "on +@all -flushall ~a* %R~r* &c*");
    become_bob(f);
    EXPECT_ALL(
        f, { "SET a 1", OK }, { "GET a", "$1\r\n1\r\n" },
        { "SET b 1", "-NOPERM No permissions to access a key\r\n" },
        { "SET r 1", "-NOPERM No permissions to access a key\r\n" }, { "GET r", NIL },
        { "MGET a b", "-NOPERM No permissions to access a key\r\n" },
        { "MSETEX 1 b x", "-NOPERM No permissions to access a key\r\n" }, { "COPY r a", ":0\r\n" },
        { "RENAME r a", "-NOPERM No permissions to access a key\r\n" },
        { "FLUSHALL", "-NOPERM User bob has no permissions to run the 'flushall' command\r\n" },
        { "PUBLISH d x", "-NOPERM No permissions to access a channel\r\n" },
        { "ACL DRYRUN bob GET a", OK },
        { "ACL DRYRUN bob SET b x",
          "$49\r\nUser bob has no permissions to access the 'b' key\r\n" }, );
    struct denial log[8];
    assert_true(denials_get(&a->denials, log, 8) >= 3);
    assert_int_equal(log[0].reason, DENIAL_CHANNEL);
}

static void
erasing_is_bounded_by_the_patterns_of_keys(void **state)
{
    struct fixture *f = fixture_of(state);
    static const char refused[] = "-NOPERM No permissions to access a key\r\n";
    give_users(f);
    set_bob(f, "on nopass +@all ~app:*");
    expect(f, "MSET app:1 v app:2 v app:3 v other:1 v now v", OK);
    become_bob(f);
    EXPECT_ALL(
        f, { "ATTL.ERASE KEY other:1", refused }, { "ATTL.ERASE KEY app:1 other:1", refused },
        { "ATTL.ERASE KEY other:1 NOW DRYRUN", refused },
        { "ATTL.ERASE KEY now", refused }, /* the last name is no option */
        { "ATTL.ERASE PREFIX other:", refused }, { "ATTL.ERASE PREFIX app", refused },
        { "ATTL.ERASE PREFIX app: a DRYRUN", refused }, { "ATTL.ERASE MATCH app:*", refused });
    expect_part(f, "ATTL.ERASE KEY app:1 NOW", "done");
    expect_part(f, "ATTL.ERASE PREFIX app:2 PLAIN", "done");
    expect_part(f, "ATTL.ERASE PREFIX app: DRYRUN", "dry_run");
    expect(f, "EXISTS app:1 app:2 app:3", ":1\r\n");
    EXPECT_ALL(f, { "ACL DRYRUN bob ATTL.ERASE KEY app:9 NOW", OK },
               { "ACL DRYRUN bob ATTL.ERASE MATCH app:*",
                 "$53\r\nUser bob has no permissions to access the 'app:*' key\r\n" });
}

static void
a_change_is_seen_by_the_next_request(void **state)
{
    struct fixture *f = fixture_of(state);
    struct access *a = give_users(f);
    attl_slice no_get = attl_s("-get");
    struct rule_place place;
    set_bob(f, "on +@all ~* &*");
    become_bob(f);
    expect(f, "GET a", NIL);
    assert_int_equal(f->session.special, 0);
    assert_int_equal(access_set(a, attl_s("bob"), &no_get, 1, NULL, &place), RULE_OK);
    expect(f, "GET a", "-NOPERM User bob has no permissions to run the 'get' command\r\n");
    assert_int_equal(f->session.special, SESSION_RESTRICTED);
    expect(f, "MULTI", OK);
    expect(f, "SET a 1", "+QUEUED\r\n");
    no_get = attl_s("-set");
    assert_int_equal(access_set(a, attl_s("bob"), &no_get, 1, NULL, &place), RULE_OK);
    expect(
        f, "EXEC",
        "*1\r\n-NOPERM ACLs rules changed between the moment the transaction was accumulated and "
        "the EXEC call. This command is no longer allowed for the following reason: no permission "
        "to execute the command or subcommand\r\n");
    assert_true(access_delete(a, attl_s("bob"), NULL));
    expect(f, "PING", "-NOAUTH the user of this connection was deleted\r\n");
    assert_true(f->session.close_after_reply);
}

static void
the_servers_own_sessions_are_not_asked(void **state)
{
    struct fixture *f = fixture_of(state);
    (void)give_users(f);
    expect(f, "ACL SETUSER default -@all", OK);
    expect(f, "GET a", "-NOPERM User default has no permissions to run the 'get' command\r\n");
    session_end(&f->session);
    f->session.privileged = true;
    expect(f, "GET a", NIL);
}

static void
every_command_is_in_the_categories_that_follow_from_it(void **state)
{
    (void)state;
    for (size_t row = 0; row < command_table_len; row++) {
        const struct command *cmd = &command_table[row];
        uint32_t bits = command_categories(cmd);
        uint32_t fast = catalog_category(&command_catalog, attl_s("fast"));
        uint32_t slow = catalog_category(&command_catalog, attl_s("slow"));
        uint32_t admin = catalog_category(&command_catalog, attl_s("admin"));
        uint32_t dangerous = catalog_category(&command_catalog, attl_s("dangerous"));
        uint32_t ours = catalog_category(&command_catalog, attl_s("attl"));
        assert_true(!(bits & fast) != !(bits & slow));
        if (bits & admin)
            assert_true(bits & dangerous);
        assert_int_equal(!!(bits & ours), strncmp(cmd->name, "attl.", 5) == 0);
    }
    assert_int_equal(catalog_category(&command_catalog, attl_s("nosuch")), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown_users)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(users_are_made_shown_and_deleted),
        TEST(what_is_refused_is_said_in_the_words_of_redis),
        TEST(erasing_is_bounded_by_the_patterns_of_keys),
        TEST(a_change_is_seen_by_the_next_request),
        TEST(the_servers_own_sessions_are_not_asked),
        TEST(every_command_is_in_the_categories_that_follow_from_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
