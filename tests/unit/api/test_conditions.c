/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conditional stores and deletes: the whole table of conditions against an absent, an equal and
 * another value; the previous value that comes back; compare-and-set by digest; and how option
 * structs of older and newer callers are read. Nothing may change when a condition is not met.
 */
#include "support/unit.h"

enum before { ABSENT, EQUAL, OTHER, BEFORES };

/* Puts the key into the state before: "match" is what the conditions compare with. */
static void
arrange(struct fixture *f, enum before before)
{
    drop(f->cache, "k");
    if (before != ABSENT) {
        put(f->cache, "k", before == EQUAL ? "match" : "other", 5000);
    }
}

static void
conditions_of_set_are_a_table(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint32_t flag;
        bool stored[BEFORES];
    } rows[] = {
        { 0, { true, true, true } },
        { ATTL_SET_NX, { true, false, false } },
        { ATTL_SET_XX, { false, true, true } },
        { ATTL_SET_IFEQ, { false, true, false } },
        { ATTL_SET_IFNE, { true, false, true } },
        { ATTL_SET_IFDEQ, { false, true, false } },
        { ATTL_SET_IFDNE, { true, false, true } },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int before = 0; before < BEFORES; before++) {
            attl_set_opts opts = ATTL_SET_OPTS_INIT;
            attl_value old = ATTL_VALUE_INIT;
            int had_old = 77;
            opts.flags = rows[i].flag;
            opts.match = attl_s("match");
            opts.digest = attl_digest(opts.match);
            opts.ttl_ms = 9000;
            arrange(f, (enum before)before);
            ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("new"), &opts, &old, &had_old),
                          rows[i].stored[before] ? ATTL_OK : ATTL_NOT_SET);
            assert_int_equal(had_old != 0, before != ABSENT);
            if (had_old) {
                assert_int_equal(old.data.len, 5);
                assert_memory_equal(old.data.data, before == EQUAL ? "match" : "other", 5);
                assert_int_equal(old.deadline_ms, sim_now(&f->sim) + 5000);
            }
            attl_value_release(f->cache, &old);
            if (rows[i].stored[before]) {
                expect(f->cache, "k", "new");
                expect_ttl(f->cache, "k", 9000);
            } else {
                expect(f->cache, "k",
                       before == ABSENT  ? NULL
                       : before == EQUAL ? "match"
                                         : "other");
            }
        }
    }
}

static void
conditions_of_delete_are_a_table(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint32_t flag;
        int want[BEFORES];
    } rows[] = {
        { ATTL_SET_IFEQ, { ATTL_MISS, ATTL_OK, ATTL_NOT_SET } },
        { ATTL_SET_IFNE, { ATTL_MISS, ATTL_NOT_SET, ATTL_OK } },
        { ATTL_SET_IFDEQ, { ATTL_MISS, ATTL_OK, ATTL_NOT_SET } },
        { ATTL_SET_IFDNE, { ATTL_MISS, ATTL_NOT_SET, ATTL_OK } },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int before = 0; before < BEFORES; before++) {
            attl_set_opts opts = ATTL_SET_OPTS_INIT;
            opts.flags = rows[i].flag;
            opts.match = attl_s("match");
            opts.digest = attl_digest(opts.match);
            arrange(f, (enum before)before);
            int want = rows[i].want[before];
            ASSERT_STATUS(attl_del_if(f->cache, attl_s("k"), &opts), want);
            ASSERT_STATUS(attl_exists(f->cache, attl_s("k")),
                          want == ATTL_NOT_SET ? ATTL_OK : ATTL_MISS);
        }
    }
}

static void
at_most_one_condition_is_allowed(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint32_t flags;
        int want;
    } rows[] = {
        { ATTL_SET_NX | ATTL_SET_XX, ATTL_E_INVALID },
        { ATTL_SET_IFEQ | ATTL_SET_IFNE, ATTL_E_INVALID },
        { ATTL_SET_NX | ATTL_SET_IFDEQ, ATTL_E_INVALID },
        { 0x40, ATTL_E_UNSUPPORTED }, /* a condition of a later release */
        { 0x80000000u, ATTL_E_UNSUPPORTED },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        attl_set_opts opts = ATTL_SET_OPTS_INIT;
        opts.flags = rows[i].flags;
        ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("v"), &opts, NULL, NULL),
                      rows[i].want);
        expect(f->cache, "k", NULL);
    }
}

static void
an_expired_value_meets_no_condition(void **state)
{
    struct fixture *f = *state;
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    int had_old = 77;
    attl_value old = ATTL_VALUE_INIT;
    put(f->cache, "k", "v", 10);
    sim_advance(&f->sim, 10);
    opts.flags = ATTL_SET_XX;
    opts.match = attl_s("v");
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("w"), &opts, &old, &had_old),
                  ATTL_NOT_SET);
    assert_int_equal(had_old, 0);
    opts.flags = ATTL_SET_IFEQ;
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("w"), &opts, NULL, NULL), ATTL_NOT_SET);
    ASSERT_STATUS(attl_cas(f->cache, attl_s("k"), attl_digest(attl_s("v")), attl_s("w"), 5),
                  ATTL_NOT_SET);
    ASSERT_STATUS(attl_del_if(f->cache, attl_s("k"), &opts), ATTL_MISS);
    opts.flags = ATTL_SET_NX;
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("w"), &opts, NULL, NULL), ATTL_OK);
    expect(f->cache, "k", "w");
}

static void
cas_stores_over_the_version_it_names(void **state)
{
    struct fixture *f = *state;
    attl_slice key = attl_s("k");
    uint64_t one = attl_digest(attl_s("one")), two = attl_digest(attl_s("two"));
    ASSERT_STATUS(attl_cas(f->cache, key, one, attl_s("two"), 100), ATTL_NOT_SET);
    expect(f->cache, "k", NULL);
    put(f->cache, "k", "one", 5000);
    ASSERT_STATUS(attl_cas(f->cache, key, two, attl_s("three"), 100), ATTL_NOT_SET);
    expect(f->cache, "k", "one");
    expect_ttl(f->cache, "k", 5000);
    ASSERT_STATUS(attl_cas(f->cache, key, one, attl_s("two"), ATTL_TTL_KEEP), ATTL_OK);
    expect(f->cache, "k", "two");
    expect_ttl(f->cache, "k", 5000);
    ASSERT_STATUS(attl_cas(f->cache, key, one, attl_s("three"), 100), ATTL_NOT_SET);
    ASSERT_STATUS(attl_cas(f->cache, key, two, attl_s("three"), 100), ATTL_OK);
    expect_ttl(f->cache, "k", 100);
}

static void
integers_compare_as_their_text(void **state)
{
    struct fixture *f = *state;
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    int64_t sum;
    ASSERT_STATUS(attl_incr(f->cache, attl_s("n"), 41, ATTL_TTL_NONE, &sum), ATTL_OK);
    opts.flags = ATTL_SET_IFEQ;
    opts.match = attl_s("41");
    opts.ttl_ms = ATTL_TTL_NONE;
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("n"), attl_s("42"), &opts, NULL, NULL), ATTL_OK);
    ASSERT_STATUS(attl_cas(f->cache, attl_s("n"), attl_digest(attl_s("42")), attl_s("x"), 0),
                  ATTL_OK);
    expect(f->cache, "n", "x");
}

static void
a_shorter_option_struct_is_an_older_caller(void **state)
{
    struct fixture *f = *state;
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    memset(&opts.match, 0xff, sizeof(opts.match)); /* past the end of what the caller knows */
    memset(&opts.digest, 0xff, sizeof(opts.digest));
    opts.struct_size = offsetof(attl_set_opts, match);
    opts.flags = ATTL_SET_NX;
    opts.ttl_ms = 7000;
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("v"), &opts, NULL, NULL), ATTL_OK);
    expect_ttl(f->cache, "k", 7000);
    opts.struct_size = 0;
    assert_true(attl_set_if(f->cache, attl_s("j"), attl_s("v"), &opts, NULL, NULL) < 0);
    expect(f->cache, "j", NULL);
}

static void
a_longer_option_struct_is_a_newer_caller(void **state)
{
    struct fixture *f = *state;
    struct {
        attl_set_opts known;
        uint64_t later[2];
    } opts = { ATTL_SET_OPTS_INIT, { 0, 0 } };
    opts.known.struct_size = sizeof(opts);
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("v"), &opts.known, NULL, NULL),
                  ATTL_OK);
    opts.later[1] = 1; /* asks for something this library does not know */
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("w"), &opts.known, NULL, NULL),
                  ATTL_E_UNSUPPORTED);
    expect(f->cache, "k", "v");
    ASSERT_STATUS(attl_del_if(f->cache, attl_s("k"), &opts.known), ATTL_E_UNSUPPORTED);
    expect(f->cache, "k", "v");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(conditions_of_set_are_a_table),
        UNIT_TEST(conditions_of_delete_are_a_table),
        UNIT_TEST(at_most_one_condition_is_allowed),
        UNIT_TEST(an_expired_value_meets_no_condition),
        UNIT_TEST(cas_stores_over_the_version_it_names),
        UNIT_TEST(integers_compare_as_their_text),
        UNIT_TEST(a_shorter_option_struct_is_an_older_caller),
        UNIT_TEST(a_longer_option_struct_is_a_newer_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
