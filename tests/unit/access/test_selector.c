/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules and what they allow: a table of lines with how they are shown, one of rules that are wrong,
 * one of requests and verdicts. The texts were compared with Redis 7; tests/e2e/test_acl.py does
 * that again where a redis-server is installed.
 */
#include "access_support.h"
#include "support/refusing.h"

static void
rules_are_shown_so_that_they_can_be_given_again(void **state)
{
    static const struct {
        const char *rules, *shown;
    } cases[] = {
        { "", "off sanitize-payload resetchannels -@all" },
        { "on nopass allkeys allchannels allcommands", "on nopass sanitize-payload ~* &* +@all" },
        { "+get +SET", "off sanitize-payload resetchannels -@all +get +set" },
        { "+get -get", "off sanitize-payload resetchannels -@all -get" },
        { "+@all -config", "off sanitize-payload resetchannels +@all -config" },
        { "+config|get +config", "off sanitize-payload resetchannels -@all +config" },
        { "+config -config|set", "off sanitize-payload resetchannels -@all +config -config|set" },
        { "+@Read +@write -@read", "off sanitize-payload resetchannels -@all +@write -@read" },
        { "+select|0 +SELECT|1", "off sanitize-payload resetchannels -@all +select|0 +select|1" },
        { "+get nocommands +set", "off sanitize-payload resetchannels -@all +set" },
        { "~a %R~b %W~c %RW~d", "off sanitize-payload ~a %R~b %W~c ~d resetchannels -@all" },
        { "%R~a %W~a", "off sanitize-payload ~a resetchannels -@all" },
        { "~a ~a &x &x &y", "off sanitize-payload ~a resetchannels &x &y -@all" },
        { "~a allkeys", "off sanitize-payload ~* resetchannels -@all" },
        { "~* resetkeys ~b", "off sanitize-payload ~b resetchannels -@all" },
        { "&a &* resetchannels &b", "off sanitize-payload resetchannels &b -@all" },
        { "(+get ~a) (%R~b +@all)", "off sanitize-payload resetchannels -@all (~a resetchannels "
                                    "-@all +get) (%R~b resetchannels +@all)" },
        { "(+get) clearselectors", "off sanitize-payload resetchannels -@all" },
        { "on nopass +get ~x (+set) reset", "off sanitize-payload resetchannels -@all" },
        { "skip-sanitize-payload", "off skip-sanitize-payload resetchannels -@all" },
    };
    struct refusing r;
    char text[TEXT_MAX_BYTES], again[TEXT_MAX_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct access *a = new_access(&r);
        assert_int_equal(set_user(a, "u", cases[i].rules), RULE_OK);
        assert_string_equal(user_text(a, "u", text), cases[i].shown);
        assert_int_equal(set_user(a, "v", text), RULE_OK);
        assert_string_equal(user_text(a, "v", again), text);
        access_free(&a);
        assert_int_equal(r.live, 0);
    }
}

static void
wrong_rules_are_refused_and_change_nothing(void **state)
{
    static const struct {
        const char *rules;
        enum rule_result result;
    } cases[] = {
        { "+nothing", RULE_UNKNOWN },
        { "-nothing", RULE_UNKNOWN },
        { "+@nothing", RULE_UNKNOWN },
        { "-@nothing", RULE_UNKNOWN },
        { "+", RULE_UNKNOWN },
        { "+@", RULE_UNKNOWN },
        { "+config|nothing", RULE_UNKNOWN },
        { "-config|nothing", RULE_UNKNOWN },
        { "-select|0", RULE_UNKNOWN },
        { "+config|get|x", RULE_FIRST_ARG },
        { "+select|", RULE_SYNTAX },
        { "~* ~a", RULE_ALL_KEYS },
        { "allkeys %R~a", RULE_ALL_KEYS },
        { "&* &a", RULE_ALL_CHANNELS },
        { "%~a", RULE_SYNTAX },
        { "%R", RULE_SYNTAX },
        { "%RR~a", RULE_SYNTAX },
        { "%X~a", RULE_SYNTAX },
        { "~a\tb", RULE_SYNTAX },
        { "&a\nb", RULE_SYNTAX },
        { "word", RULE_SYNTAX },
        { "<nothing", RULE_NO_PASSWORD },
        { "#short", RULE_BAD_HASH },
        { "#2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B", RULE_BAD_HASH },
        { "!2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b", RULE_NO_PASSWORD },
        { "(+get", RULE_SYNTAX },
        { "(+get ~a", RULE_SYNTAX },
        { "(+nothing)", RULE_UNKNOWN },
        { "(on)", RULE_SYNTAX },
    };
    struct refusing r;
    char before[TEXT_MAX_BYTES], after[TEXT_MAX_BYTES];
    struct access *a = new_access(&r);
    (void)state;
    assert_int_equal(set_user(a, "u", "on >x ~a +get"), RULE_OK);
    user_text(a, "u", before);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t generation = access_generation(a);
        assert_int_equal(set_user(a, "u", "reset"), RULE_OK);
        assert_int_equal(set_user(a, "u", before), RULE_OK);
        enum rule_result result = set_user(a, "u", cases[i].rules);
        if (result != cases[i].result)
            fail_msg("%s: %d instead of %d", cases[i].rules, result, cases[i].result);
        assert_string_equal(user_text(a, "u", after), before);
        assert_true(access_generation(a) == generation + 2);
        assert_true(rule_text(result)[0] != '\0');
    }
    access_free(&a);
    assert_int_equal(r.live, 0);
}

/* The verdict on a request of two words, its second a key if `kinds` is not 0. */
static enum access_verdict
verdict_on(struct access *a, const char *name, size_t row, const char *arg, unsigned kinds)
{
    attl_slice argv[2] = { attl_s(fake_rows[row].name), attl_s(arg) };
    struct access_request q = { .row = row, .words = 1, .argv = argv, .argc = 2, .key_first = 1 };
    size_t at = 0;
    q.open = row == ROW_AUTH;
    q.key_step = 1;
    q.key_n = kinds ? 1 : 0;
    q.key_kinds = kinds;
    if (row == ROW_PUBLISH) {
        q.channel_first = 1;
        q.channel_n = 1;
    }
    struct access_user *u = access_find(a, attl_s(name));
    assert_non_null(u);
    enum access_verdict verdict = user_check(u, &q, &at);
    user_free(u);
    if (verdict > ACCESS_NO_COMMAND)
        assert_int_equal(at, 1);
    return verdict;
}

static void
requests_are_judged_by_command_key_and_channel(void **state)
{
    static const struct {
        const char *rules;
        size_t row;
        const char *arg;
        unsigned kinds;
        enum access_verdict verdict;
    } cases[] = {
        { "", ROW_GET, "a", ACCESS_READ, ACCESS_NO_COMMAND },
        { "", ROW_AUTH, "x", 0, ACCESS_ALLOWED },
        { "+get", ROW_GET, "a", ACCESS_READ, ACCESS_NO_KEY },
        { "+get ~a*", ROW_GET, "abc", ACCESS_READ, ACCESS_ALLOWED },
        { "+get ~a*", ROW_GET, "b", ACCESS_READ, ACCESS_NO_KEY },
        { "+get %W~a*", ROW_GET, "abc", ACCESS_READ, ACCESS_NO_KEY },
        { "+get %R~a*", ROW_GET, "abc", ACCESS_READ, ACCESS_ALLOWED },
        { "+set %R~a*", ROW_SET, "abc", ACCESS_READ | ACCESS_WRITE, ACCESS_NO_KEY },
        { "+set %R~a* %W~a*", ROW_SET, "abc", ACCESS_READ | ACCESS_WRITE, ACCESS_ALLOWED },
        { "+@all -set ~*", ROW_SET, "a", ACCESS_WRITE, ACCESS_NO_COMMAND },
        { "+@all -@write ~*", ROW_SET, "a", ACCESS_WRITE, ACCESS_NO_COMMAND },
        { "+@all -@write +set ~*", ROW_SET, "a", ACCESS_WRITE, ACCESS_ALLOWED },
        { "+select|0", ROW_SELECT, "0", 0, ACCESS_ALLOWED },
        { "+select|0", ROW_SELECT, "1", 0, ACCESS_NO_COMMAND },
        { "+select|0 -select", ROW_SELECT, "0", 0, ACCESS_NO_COMMAND },
        { "+config|get", ROW_CONFIG_GET, "x", 0, ACCESS_ALLOWED },
        { "+config|get", ROW_CONFIG_SET, "x", 0, ACCESS_NO_COMMAND },
        { "+config -config|set", ROW_CONFIG_SET, "x", 0, ACCESS_NO_COMMAND },
        { "+config -config|set", ROW_CONFIG_GET, "x", 0, ACCESS_ALLOWED },
        { "+publish", ROW_PUBLISH, "x", 0, ACCESS_NO_CHANNEL },
        { "+publish &x*", ROW_PUBLISH, "xy", 0, ACCESS_ALLOWED },
        { "+publish &x*", ROW_PUBLISH, "y", 0, ACCESS_NO_CHANNEL },
        { "+publish allchannels", ROW_PUBLISH, "y", 0, ACCESS_ALLOWED },
        { "+get ~a (+set ~b)", ROW_SET, "b", ACCESS_WRITE, ACCESS_ALLOWED },
        { "+get ~a (+set ~b)", ROW_SET, "a", ACCESS_WRITE, ACCESS_NO_KEY },
        { "+get ~a (+set ~b)", ROW_GET, "b", ACCESS_READ, ACCESS_NO_KEY },
        { "+get ~a (+set ~b)", ROW_PUBLISH, "b", 0, ACCESS_NO_COMMAND },
    };
    struct refusing r;
    struct access *a = new_access(&r);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(set_user(a, "u", "reset"), RULE_OK);
        assert_int_equal(set_user(a, "u", cases[i].rules), RULE_OK);
        enum access_verdict verdict =
            verdict_on(a, "u", cases[i].row, cases[i].arg, cases[i].kinds);
        if (verdict != cases[i].verdict)
            fail_msg("case %zu (%s): %d instead of %d", i, cases[i].rules, verdict,
                     cases[i].verdict);
    }
    access_free(&a);
    assert_int_equal(r.live, 0);
}

/* A prefix needs a pattern that plainly covers it, patterns need all keys. */
static void
prefixes_and_patterns_need_more_than_a_key(void **state)
{
    static const struct {
        const char *rules;
        enum access_form form;
        const char *arg;
        enum access_verdict verdict;
    } cases[] = {
        { "+set ~app:*", ACCESS_KEYS, "app:1", ACCESS_ALLOWED },
        { "+set ~app:*", ACCESS_KEYS, "other:1", ACCESS_NO_KEY },
        { "+set ~app:*", ACCESS_PREFIXES, "app:", ACCESS_ALLOWED },
        { "+set ~app:*", ACCESS_PREFIXES, "app:users:", ACCESS_ALLOWED },
        { "+set ~app:*", ACCESS_PREFIXES, "app", ACCESS_NO_KEY },
        { "+set ~app:*", ACCESS_PREFIXES, "", ACCESS_NO_KEY },
        { "+set ~app:*", ACCESS_PREFIXES, "apq:", ACCESS_NO_KEY },
        { "+set ~app:*", ACCESS_PREFIXES, "app*", ACCESS_NO_KEY },
        { "+set ~app:*", ACCESS_PATTERNS, "app:*", ACCESS_NO_KEY },
        { "+set ~app:", ACCESS_PREFIXES, "app:", ACCESS_NO_KEY },
        { "+set ~a?p:*", ACCESS_PREFIXES, "app:", ACCESS_NO_KEY },
        { "+set ~a*p:*", ACCESS_PREFIXES, "app:", ACCESS_NO_KEY },
        { "+set ~a[p]p:*", ACCESS_PREFIXES, "a[p]p:", ACCESS_NO_KEY },
        { "+set ~app\\*", ACCESS_PREFIXES, "app\\x", ACCESS_NO_KEY },
        { "+set %R~app:*", ACCESS_PREFIXES, "app:", ACCESS_NO_KEY },
        { "+set %W~app:*", ACCESS_PREFIXES, "app:", ACCESS_ALLOWED },
        { "+set ~other ~app:*", ACCESS_PREFIXES, "app:", ACCESS_ALLOWED },
        { "+set (+set ~app:*)", ACCESS_PREFIXES, "app:", ACCESS_ALLOWED },
        { "+set ~*", ACCESS_PREFIXES, "app:", ACCESS_ALLOWED },
        { "+set ~*", ACCESS_PATTERNS, "app:*", ACCESS_ALLOWED },
        { "~*", ACCESS_PATTERNS, "app:*", ACCESS_NO_COMMAND },
    };
    struct refusing r;
    struct access *a = new_access(&r);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        attl_slice argv[2] = { attl_s("set"), attl_s(cases[i].arg) };
        struct access_request q = { .row = ROW_SET,
                                    .words = 1,
                                    .argv = argv,
                                    .argc = 2,
                                    .key_first = 1,
                                    .key_n = 1,
                                    .key_step = 1,
                                    .key_form = cases[i].form,
                                    .key_kinds = ACCESS_WRITE };
        size_t at = 0;
        assert_int_equal(set_user(a, "u", "reset"), RULE_OK);
        assert_int_equal(set_user(a, "u", cases[i].rules), RULE_OK);
        struct access_user *u = access_find(a, attl_s("u"));
        enum access_verdict verdict = user_check(u, &q, &at);
        user_free(u);
        if (verdict != cases[i].verdict)
            fail_msg("case %zu (%s, %s): %d instead of %d", i, cases[i].rules, cases[i].arg,
                     verdict, cases[i].verdict);
    }
    access_free(&a);
    assert_int_equal(r.live, 0);
}

static void
only_who_may_do_everything_is_unlimited(void **state)
{
    static const struct {
        const char *rules;
        bool unlimited;
    } cases[] = {
        { "+@all ~* &*", true },
        { "+@all ~* &* -get", false },
        { "+@all ~* &* -get +get", false }, /* cautious: it is checked, and allowed */
        { "+@all ~*", false },
        { "+@all &* ~a", false },
        { "+get (+@all ~* &*)", true },
    };
    struct refusing r;
    struct access *a = new_access(&r);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(set_user(a, "u", "reset"), RULE_OK);
        assert_int_equal(set_user(a, "u", cases[i].rules), RULE_OK);
        struct access_user *u = access_find(a, attl_s("u"));
        assert_int_equal(u->unlimited, cases[i].unlimited);
        user_free(u);
    }
    access_free(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_shown_so_that_they_can_be_given_again),
        cmocka_unit_test(wrong_rules_are_refused_and_change_nothing),
        cmocka_unit_test(requests_are_judged_by_command_key_and_channel),
        cmocka_unit_test(prefixes_and_patterns_need_more_than_a_key),
        cmocka_unit_test(only_who_may_do_everything_is_unlimited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
