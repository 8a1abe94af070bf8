/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries with more than one deadline, as callers meet them: ordinary until the hard deadline,
 * absent from then on to all calls but attl_peek(), gone with the end of the grace. Every call that
 * reads, changes or moves such an entry is tried on both sides of each deadline, for values of
 * every form; the clock is simulated, so "at" means to the millisecond.
 */
#include "support/unit.h"

#include <stdlib.h>

#define SECOND INT64_C(1000)

enum { LARGE = 20000 };

/* 10 s until it should be reloaded, 20 s of life, 30 s of grace. */
static attl_set_opts
life_opts(void)
{
    attl_set_opts o = ATTL_SET_OPTS_INIT;
    o.soft_ms = 10 * SECOND;
    o.ttl_ms = 20 * SECOND;
    o.grace_ms = 30 * SECOND;
    return o;
}

static void
put_life(attl *c, const char *key, attl_slice value)
{
    attl_set_opts o = life_opts();
    ASSERT_STATUS(attl_set_if(c, attl_s(key), value, &o, NULL, NULL), ATTL_OK);
}

static void
expect_peek(attl *c, const char *key, int want, const char *value)
{
    attl_value v = ATTL_VALUE_INIT;
    ASSERT_STATUS(attl_peek(c, attl_s(key), &v, NULL), want);
    if (value) {
        assert_int_equal(v.data.len, strlen(value));
        assert_memory_equal(v.data.data, value, v.data.len);
    }
    attl_value_release(c, &v);
}

static void
an_entry_passes_through_its_deadlines(void **state)
{
    struct fixture *f = *state;
    put_life(f->cache, "k", attl_s("value"));
    expect(f->cache, "k", "value");
    expect_ttl(f->cache, "k", 20 * SECOND);
    expect_peek(f->cache, "k", ATTL_OK, "value");
    sim_advance(&f->sim, 10 * SECOND - 1);
    expect_peek(f->cache, "k", ATTL_OK, "value");
    sim_advance(&f->sim, 1);
    expect_peek(f->cache, "k", ATTL_STALE, "value");
    expect(f->cache, "k", "value");
    sim_advance(&f->sim, 10 * SECOND - 1);
    expect(f->cache, "k", "value");
    expect_ttl(f->cache, "k", 1);
    sim_advance(&f->sim, 1);
    expect_peek(f->cache, "k", ATTL_STALE, "value");
    expect(f->cache, "k", NULL);
    expect_peek(f->cache, "k", ATTL_STALE, "value"); /* whoever only looks removes nothing */
    assert_int_equal(count_live(f->cache), 0);
    sim_advance(&f->sim, 30 * SECOND - 1);
    expect_peek(f->cache, "k", ATTL_STALE, "value");
    sim_advance(&f->sim, 1);
    expect_peek(f->cache, "k", ATTL_MISS, NULL);
    attl_tick(f->cache, 0, NULL);
    assert_int_equal(attl_size(f->cache), 0);
}

static void
peek_tells_all_deadlines(void **state)
{
    struct fixture *f = *state;
    attl_peek_info info = ATTL_PEEK_INFO_INIT;
    int64_t now_ms = sim_now(&f->sim);
    put_life(f->cache, "k", attl_s("value"));
    ASSERT_STATUS(attl_peek(f->cache, attl_s("k"), NULL, &info), ATTL_OK);
    assert_int_equal(info.struct_size, sizeof info);
    assert_int_equal(info.stale, 0);
    assert_int_equal(info.soft_ms, now_ms + 10 * SECOND);
    assert_int_equal(info.hard_ms, now_ms + 20 * SECOND);
    assert_int_equal(info.gone_ms, now_ms + 50 * SECOND);
    assert_int_equal(info.negative, 0);
    sim_advance(&f->sim, 10 * SECOND);
    ASSERT_STATUS(attl_peek(f->cache, attl_s("k"), NULL, &info), ATTL_STALE);
    assert_int_equal(info.stale, 1);
    sim_advance(&f->sim, 10 * SECOND);
    ASSERT_STATUS(attl_peek(f->cache, attl_s("k"), NULL, &info), ATTL_STALE);
    assert_int_equal(info.stale, 2);
    put(f->cache, "plain", "value", 5 * SECOND);
    now_ms = sim_now(&f->sim);
    ASSERT_STATUS(attl_peek(f->cache, attl_s("plain"), NULL, &info), ATTL_OK);
    assert_int_equal(info.soft_ms, ATTL_NO_DEADLINE);
    assert_int_equal(info.hard_ms, now_ms + 5 * SECOND);
    assert_int_equal(info.gone_ms, now_ms + 5 * SECOND);
    info.struct_size = 4;
    ASSERT_STATUS(attl_peek(f->cache, attl_s("k"), NULL, &info), ATTL_E_INVALID);
    info.struct_size = offsetof(attl_peek_info, gone_ms);
    info.gone_ms = 7;
    ASSERT_STATUS(attl_peek(f->cache, attl_s("k"), NULL, &info), ATTL_STALE);
    assert_int_equal(info.gone_ms, 7); /* an older caller's struct ends before it */
    ASSERT_STATUS(attl_peek(f->cache, attl_s("none"), NULL, NULL), ATTL_MISS);
}

static void
wishes_that_say_nothing_make_ordinary_entries(void **state)
{
    struct fixture *f = *state;
    attl_meta plain = ATTL_META_INIT, meta = ATTL_META_INIT;
    put(f->cache, "p", "v", 20 * SECOND);
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("p"), &plain), ATTL_OK);
    attl_set_opts o = life_opts();
    o.grace_ms = 0;
    o.soft_ms = 20 * SECOND; /* not before the hard one */
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("v"), &o, NULL, NULL), ATTL_OK);
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("k"), &meta), ATTL_OK);
    assert_int_equal(meta.memory_bytes, plain.memory_bytes);
    o = life_opts();
    o.soft_ms = 0;
    o.ttl_ms = ATTL_TTL_NONE; /* a grace with nothing to begin at */
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("v"), &o, NULL, NULL), ATTL_OK);
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("k"), &meta), ATTL_OK);
    assert_int_equal(meta.memory_bytes, plain.memory_bytes);
    assert_int_equal(meta.deadline_ms, ATTL_NO_DEADLINE);
    o.soft_ms = SECOND; /* to be reloaded, and yet never to go */
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("v"), &o, NULL, NULL), ATTL_OK);
    sim_advance(&f->sim, 1000 * SECOND);
    expect_peek(f->cache, "k", ATTL_STALE, "v");
    expect(f->cache, "k", "v");
    expect_ttl(f->cache, "k", ATTL_TTL_NONE);
}

static void
impossible_wishes_are_refused(void **state)
{
    struct fixture *f = *state;
    attl_set_opts o = life_opts();
    o.soft_ms = -1;
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("v"), &o, NULL, NULL),
                  ATTL_E_TTL_RANGE);
    o = life_opts();
    o.grace_ms = -1;
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("v"), &o, NULL, NULL),
                  ATTL_E_TTL_RANGE);
    o.grace_ms = INT64_MAX;
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("v"), &o, NULL, NULL),
                  ATTL_E_TTL_RANGE);
    attl_slice key = attl_s("k"), value = attl_s("v");
    ASSERT_STATUS(attl_mset(f->cache, &key, &value, 1, &o), ATTL_E_TTL_RANGE);
    expect(f->cache, "k", NULL);
}

/* Each form of value, before and after the hard deadline, and around again. */
static void
values_of_every_form_come_back_whole(void **state)
{
    struct fixture *f = *state;
    static const size_t lengths[] = { 0, 1, 7, 8, 31, 32, 33, 200, 480, 600, 8000, 8191, LARGE };
    char *bytes = malloc(LARGE);
    assert_non_null(bytes);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        attl_slice value = attl_b(bytes, lengths[i]);
        attl_value v = ATTL_VALUE_INIT;
        put_life(f->cache, "k", value);
        ASSERT_STATUS(attl_get_pin(f->cache, attl_s("k"), &v), ATTL_OK);
        assert_int_equal(v.data.len, value.len);
        assert_memory_equal(v.data.data, bytes, value.len);
        attl_value_release(f->cache, &v);
        ASSERT_STATUS(attl_copy(f->cache, attl_s("k"), attl_s("copy"), 0), ATTL_OK);
        sim_advance(&f->sim, 20 * SECOND);
        expect(f->cache, "copy", NULL);
        ASSERT_STATUS(attl_peek(f->cache, attl_s("copy"), &v, NULL), ATTL_STALE);
        assert_int_equal(v.data.len, value.len);
        assert_memory_equal(v.data.data, bytes, value.len);
        drop(f->cache, "copy"); /* the pin outlives it */
        assert_memory_equal(v.data.data, bytes, value.len);
        attl_value_release(f->cache, &v);
        expect_peek(f->cache, "copy", ATTL_MISS, NULL);
    }
    free(bytes);
}

static void
a_change_finds_nothing_behind_the_hard_deadline(void **state)
{
    struct fixture *f = *state;
    attl_value v = ATTL_VALUE_INIT;
    attl_set_opts nx = ATTL_SET_OPTS_INIT;
    int64_t number;
    uint64_t len;
    nx.flags = ATTL_SET_NX;
    nx.ttl_ms = ATTL_TTL_NONE;
    static const char *const keys[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i" };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        put_life(f->cache, keys[i], attl_s("7"));
    sim_advance(&f->sim, 20 * SECOND);
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("a"), attl_s("new"), &nx, NULL, NULL), ATTL_OK);
    expect_ttl(f->cache, "a", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_incr(f->cache, attl_s("b"), 1, ATTL_TTL_NONE, &number), ATTL_OK);
    assert_int_equal(number, 1);
    ASSERT_STATUS(attl_append(f->cache, attl_s("c"), attl_s("x"), &len), ATTL_OK);
    assert_int_equal(len, 1);
    ASSERT_STATUS(attl_getdel(f->cache, attl_s("d"), &v), ATTL_MISS);
    ASSERT_STATUS(attl_del(f->cache, attl_s("e")), ATTL_MISS);
    ASSERT_STATUS(attl_expire(f->cache, attl_s("f"), SECOND, 0), ATTL_MISS);
    ASSERT_STATUS(attl_persist(f->cache, attl_s("g")), ATTL_MISS);
    ASSERT_STATUS(attl_rename(f->cache, attl_s("h"), attl_s("z"), 0), ATTL_MISS);
    for (size_t i = 3; i < 8; i++)
        expect_peek(f->cache, keys[i], ATTL_MISS, NULL); /* what was deleted is not served stale */
    attl_meta meta = ATTL_META_INIT;
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("i"), &meta), ATTL_MISS);
    ASSERT_STATUS(attl_touch(f->cache, attl_s("i")), ATTL_MISS);
    expect_peek(f->cache, "i", ATTL_STALE, "7");
}

static void
expire_and_persist_move_the_hard_deadline(void **state)
{
    struct fixture *f = *state;
    attl_peek_info info = ATTL_PEEK_INFO_INIT;
    char large[LARGE] = { 'x' };
    attl_slice values[] = { attl_s("v"), attl_b(large, 600), attl_b(large, LARGE) };
    for (size_t i = 0; i < 3; i++) {
        int64_t now_ms = sim_now(&f->sim);
        put_life(f->cache, "k", values[i]);
        ASSERT_STATUS(attl_expire(f->cache, attl_s("k"), 100 * SECOND, 0), ATTL_OK);
        ASSERT_STATUS(attl_peek(f->cache, attl_s("k"), NULL, &info), ATTL_OK);
        assert_int_equal(info.soft_ms, now_ms + 10 * SECOND);
        assert_int_equal(info.hard_ms, now_ms + 100 * SECOND);
        assert_int_equal(info.gone_ms, now_ms + 130 * SECOND);
        ASSERT_STATUS(attl_expire(f->cache, attl_s("k"), 5 * SECOND, ATTL_EXPIRE_LT), ATTL_OK);
        ASSERT_STATUS(attl_peek(f->cache, attl_s("k"), NULL, &info), ATTL_OK);
        assert_int_equal(info.soft_ms, now_ms + 5 * SECOND);
        assert_int_equal(info.hard_ms, now_ms + 5 * SECOND);
        assert_int_equal(info.gone_ms, now_ms + 35 * SECOND);
        expect_ttl(f->cache, "k", 5 * SECOND);
        ASSERT_STATUS(attl_persist(f->cache, attl_s("k")), ATTL_OK);
        ASSERT_STATUS(attl_peek(f->cache, attl_s("k"), NULL, &info), ATTL_OK);
        assert_int_equal(info.soft_ms, now_ms + 5 * SECOND);
        assert_int_equal(info.hard_ms, ATTL_NO_DEADLINE);
        assert_int_equal(info.gone_ms, ATTL_NO_DEADLINE);
        ASSERT_STATUS(attl_persist(f->cache, attl_s("k")), ATTL_NOT_SET);
        ASSERT_STATUS(attl_expire(f->cache, attl_s("k"), 7 * SECOND, ATTL_EXPIRE_NX), ATTL_OK);
        ASSERT_STATUS(attl_peek(f->cache, attl_s("k"), NULL, &info), ATTL_OK);
        assert_int_equal(info.gone_ms, now_ms + 7 * SECOND);
        assert_int_equal(attl_size(f->cache), 1);
    }
}

static void
what_is_changed_becomes_an_ordinary_entry(void **state)
{
    struct fixture *f = *state;
    attl_peek_info info = ATTL_PEEK_INFO_INIT;
    int64_t number, now_ms = sim_now(&f->sim);
    uint64_t len;
    attl_set_opts keep = ATTL_SET_OPTS_INIT;
    keep.ttl_ms = ATTL_TTL_KEEP;
    static const char *const keys[] = { "a", "b", "c", "d" };
    for (size_t i = 0; i < 4; i++)
        put_life(f->cache, keys[i], attl_s("41"));
    ASSERT_STATUS(attl_incr(f->cache, attl_s("a"), 1, ATTL_TTL_NONE, &number), ATTL_OK);
    assert_int_equal(number, 42);
    ASSERT_STATUS(attl_append(f->cache, attl_s("b"), attl_s("!"), &len), ATTL_OK);
    ASSERT_STATUS(attl_set_range(f->cache, attl_s("c"), 1, attl_s("?"), &len), ATTL_OK);
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("d"), attl_s("new"), &keep, NULL, NULL), ATTL_OK);
    expect(f->cache, "b", "41!");
    expect(f->cache, "c", "4?");
    for (size_t i = 0; i < 4; i++) {
        ASSERT_STATUS(attl_peek(f->cache, attl_s(keys[i]), NULL, &info), ATTL_OK);
        assert_int_equal(info.soft_ms, ATTL_NO_DEADLINE);
        assert_int_equal(info.hard_ms, now_ms + 20 * SECOND);
        assert_int_equal(info.gone_ms, now_ms + 20 * SECOND);
    }
    sim_advance(&f->sim, 20 * SECOND);
    for (size_t i = 0; i < 4; i++)
        expect_peek(f->cache, keys[i], ATTL_MISS, NULL);
}

static void
conditions_see_the_value_without_the_life(void **state)
{
    struct fixture *f = *state;
    attl_set_opts o = life_opts();
    put_life(f->cache, "k", attl_s("value"));
    o.flags = ATTL_SET_IFEQ;
    o.match = attl_s("value");
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("other"), &o, NULL, NULL), ATTL_OK);
    ASSERT_STATUS(
        attl_cas(f->cache, attl_s("k"), attl_digest(attl_s("other")), attl_s("third"), 20 * SECOND),
        ATTL_OK);
    put_life(f->cache, "k", attl_s("value"));
    sim_advance(&f->sim, 20 * SECOND);
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("x"), &o, NULL, NULL), ATTL_NOT_SET);
}

static void
rename_copy_and_mset_keep_lives(void **state)
{
    struct fixture *f = *state;
    attl_peek_info info = ATTL_PEEK_INFO_INIT;
    int64_t now_ms = sim_now(&f->sim);
    put_life(f->cache, "k", attl_s("value"));
    ASSERT_STATUS(attl_copy(f->cache, attl_s("k"), attl_s("copy"), 0), ATTL_OK);
    ASSERT_STATUS(attl_rename(f->cache, attl_s("k"), attl_s("moved"), 0), ATTL_OK);
    attl_slice mkeys[] = { attl_s("m"), attl_s("n") }, mvalues[] = { attl_s("1"), attl_s("2") };
    attl_set_opts o = life_opts();
    ASSERT_STATUS(attl_mset(f->cache, mkeys, mvalues, 2, &o), ATTL_OK);
    static const char *const keys[] = { "copy", "moved", "m", "n" };
    for (size_t i = 0; i < 4; i++) {
        ASSERT_STATUS(attl_peek(f->cache, attl_s(keys[i]), NULL, &info), ATTL_OK);
        assert_int_equal(info.soft_ms, now_ms + 10 * SECOND);
        assert_int_equal(info.hard_ms, now_ms + 20 * SECOND);
        assert_int_equal(info.gone_ms, now_ms + 50 * SECOND);
    }
    assert_int_equal(count_live(f->cache), 4);
}

static void
lives_survive_the_drain(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 5000 };
    char key[32];
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof key, "key-%d", i);
        put_life(f->cache, key, attl_s(key));
    }
    for (int second = 0; second < 49; second++) { /* through the coarse slots of the wheel */
        sim_advance(&f->sim, SECOND);
        attl_tick(f->cache, 0, NULL);
    }
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof key, "key-%d", i);
        expect_peek(f->cache, key, ATTL_STALE, key);
    }
    sim_advance(&f->sim, 2 * SECOND);
    attl_tick(f->cache, 0, NULL);
    assert_int_equal(attl_size(f->cache), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(an_entry_passes_through_its_deadlines),
        UNIT_TEST(peek_tells_all_deadlines),
        UNIT_TEST(wishes_that_say_nothing_make_ordinary_entries),
        UNIT_TEST(impossible_wishes_are_refused),
        UNIT_TEST(values_of_every_form_come_back_whole),
        UNIT_TEST(a_change_finds_nothing_behind_the_hard_deadline),
        UNIT_TEST(expire_and_persist_move_the_hard_deadline),
        UNIT_TEST(what_is_changed_becomes_an_ordinary_entry),
        UNIT_TEST(conditions_see_the_value_without_the_life),
        UNIT_TEST(rename_copy_and_mset_keep_lives),
        UNIT_TEST(lives_survive_the_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
