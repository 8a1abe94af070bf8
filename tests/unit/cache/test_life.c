/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arithmetic of lives as tables, and what the cache makes of them below the public API: a
 * reader that asks for stale entries finds them with all their deadlines, a life can be given and
 * changed without touching the value, in place where that is allowed, and a record with a life is
 * the same record with three words more.
 */
#include "cache/life.h"

#include "cache/freeze.h"
#include "cache/read.h"
#include "cache/scan.h"
#include "cache_support.h"
#include "support/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LARGE = 20000, NONE = -1 };

/* ---- arithmetic ------------------------------------------------------------------------------ */

static void
a_life_begins_as_wished(void **state)
{
    (void)state;
    static const struct {
        struct life_wish wish;
        int64_t hard_ms;
        bool want;
        int64_t soft_ms, gone_ms;
    } rows[] = {
        { { 0, 0 }, 200, false, NONE, 200 },    { { 0, 0 }, NONE, false, NONE, NONE },
        { { 50, 0 }, 200, true, 150, 200 },     { { 50, 30 }, 200, true, 150, 230 },
        { { 0, 30 }, 200, true, NONE, 230 },    { { 99, 0 }, 200, true, 199, 200 },
        { { 100, 0 }, 200, false, NONE, 200 }, /* soft at hard says nothing */
        { { 500, 30 }, 200, true, NONE, 230 },  { { 50, 0 }, NONE, true, 150, NONE },
        { { 0, 30 }, NONE, false, NONE, NONE }, /* a grace with nothing to begin at */
        { { 50, 30 }, NONE, true, 150, NONE },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct life life;
        int64_t gone_ms;
        bool is_one = life_begin(&rows[i].wish, 100, rows[i].hard_ms, &life, &gone_ms);
        if (is_one != rows[i].want || life.soft_ms != rows[i].soft_ms ||
            life.hard_ms != rows[i].hard_ms || gone_ms != rows[i].gone_ms)
            fail_msg("row %zu", i);
        assert_true(life_is_valid(&life, gone_ms));
    }
}

static void
moving_keeps_the_grace_and_the_order(void **state)
{
    (void)state;
    static const struct {
        int64_t soft_ms, hard_ms, gone_ms, to_ms, want_soft_ms, want_gone_ms;
    } rows[] = {
        { 150, 200, 230, 400, 150, 430 },   { 150, 200, 230, 120, 120, 150 },
        { 150, 200, 230, 150, 150, 180 },   { 150, 200, 230, NONE, 150, NONE },
        { NONE, 200, 230, 120, NONE, 150 }, { 150, NONE, NONE, 400, 150, 400 },
        { 150, NONE, NONE, 120, 120, 120 }, { 150, NONE, NONE, NONE, 150, NONE },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct life life = { rows[i].soft_ms, rows[i].hard_ms, LIFE_NEGATIVE, 7 };
        int64_t gone_ms = life_move(&life, rows[i].gone_ms, rows[i].to_ms);
        if (life.soft_ms != rows[i].want_soft_ms || life.hard_ms != rows[i].to_ms ||
            gone_ms != rows[i].want_gone_ms)
            fail_msg("row %zu", i);
        assert_true(life_is_valid(&life, gone_ms));
        assert_true(life.flags == LIFE_NEGATIVE && life.load_ms == 7);
    }
}

static void
only_what_can_be_is_valid(void **state)
{
    (void)state;
    static const struct {
        struct life life;
        int64_t gone_ms;
        bool want;
    } rows[] = {
        { { 150, 200, 0, 0 }, 230, true },   { { 200, 200, 0, 0 }, 200, true },
        { { NONE, 200, 1, 9 }, 200, true },  { { 150, NONE, 0, 0 }, NONE, true },
        { { 201, 200, 0, 0 }, 230, false },  { { 150, 231, 0, 0 }, 230, false },
        { { 150, NONE, 0, 0 }, 230, false }, { { 150, 200, 0, 0 }, NONE, false },
        { { -2, 200, 0, 0 }, 230, false },   { { 150, -2, 0, 0 }, NONE, false },
        { { 150, 200, 2, 0 }, 230, false },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (life_is_valid(&rows[i].life, rows[i].gone_ms) != rows[i].want)
            fail_msg("row %zu", i);
}

static void
another_clock_shifts_what_there_is(void **state)
{
    (void)state;
    struct life life = { 150, NONE, 0, 0 };
    life_shift(&life, 30);
    assert_true(life.soft_ms == 180 && life.hard_ms == ATTL_NO_DEADLINE);
    life_shift(&life, -500); /* not before the beginning, where it would say "none" */
    assert_true(life.soft_ms == 0 && life.hard_ms == ATTL_NO_DEADLINE);
    assert_true(life_shift_deadline(1, -2) == 0);
}

/* ---- records and reads ----------------------------------------------------------------------- */

static int
setup(void **state)
{
    struct cache_config config = rig_config();
    *state = rig_open(&config);
    return 0;
}

static int
teardown(void **state)
{
    rig_close(*state);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void
put_life(struct rig *rig, attl_slice key, attl_slice value, struct life life, int64_t gone_ms)
{
    struct entry e;
    struct stored_value v;
    rig_lock(rig, key, &e);
    assert_int_equal(stored_value_init_life(&rig->cache, &life, value, &v), ATTL_OK);
    assert_int_equal(entry_put(&e, &v, gone_ms), ATTL_OK);
    stored_value_fini(&v);
    rig_unlock(&e);
}

static int
read_view_of(struct rig *rig, attl_slice key, unsigned flags, struct read_view *view)
{
    struct reclaim_reader *self = reclaim_self();
    struct index_key k = { key, cache_hash(&rig->cache, key) };
    reclaim_enter(self);
    int status = read_key(&rig->cache, &k, rig->now_ms, flags, view);
    reclaim_exit(self);
    return status;
}

static void
a_reader_who_asks_finds_what_is_hidden(void **state)
{
    struct rig *rig = *state;
    struct read_view view;
    const struct life life = { START_MS + 10, START_MS + 20, 0, 3 };
    const struct life negative = { NONE, START_MS + 20, LIFE_NEGATIVE, 4 };
    put_life(rig, attl_s("k"), attl_s("value"), life, START_MS + 50);
    put_life(rig, attl_s("n"), attl_s(""), negative, START_MS + 20);
    assert_int_equal(read_view_of(rig, attl_s("k"), 0, &view), ATTL_OK);
    assert_true(view.has_life && life_equals(&view.life, &life));
    assert_true(view.deadline_ms == START_MS + 20 && view.gone_ms == START_MS + 50);
    assert_int_equal(view.value.len, 5);
    assert_int_equal(read_view_of(rig, attl_s("n"), 0, &view), ATTL_MISS);
    assert_int_equal(read_view_of(rig, attl_s("n"), READ_STALE, &view), ATTL_OK);
    assert_true(life_equals(&view.life, &negative));
    rig->now_ms = START_MS + 20;
    assert_int_equal(read_view_of(rig, attl_s("k"), 0, &view), ATTL_MISS);
    assert_int_equal(read_view_of(rig, attl_s("k"), READ_STALE, &view), ATTL_OK);
    assert_memory_equal(view.value.data, "value", 5);
    assert_int_equal(read_view_of(rig, attl_s("n"), READ_STALE, &view), ATTL_MISS); /* gone */
    rig->now_ms = START_MS + 50;
    assert_int_equal(read_view_of(rig, attl_s("k"), READ_STALE, &view), ATTL_MISS);
    rig_set(rig, attl_s("plain"), attl_s("v"), ATTL_NO_DEADLINE);
    assert_int_equal(read_view_of(rig, attl_s("plain"), READ_STALE, &view), ATTL_OK);
    assert_false(view.has_life);
}

/* Every optional word before the key, and each length of key, with and without a life. */
static void
a_record_with_a_life_is_the_same_with_three_words_more(void **state)
{
    (void)state;
    static char key[400];
    static uint64_t memory[2][200];
    memset(key, 'k', sizeof(key));
    static const size_t lengths[] = { 0, 1, 8, 255, 256, 400 };
    static const int64_t deadlines[] = { NONE, START_MS + 5000, START_MS + 300 * DAY_MS };
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < 3; j++) {
            struct life life = { NONE, deadlines[j], 0, 9 };
            struct record_spec spec = { .key = attl_b(key, lengths[i]),
                                        .value = attl_s("the value"),
                                        .deadline_ms = deadlines[j] };
            uint32_t plain = record_bytes(&spec, START_MS);
            spec.life = &life;
            struct record *r = (struct record *)(void *)memory[0];
            assert_int_equal(record_bytes(&spec, START_MS), plain + LIFE_BYTES);
            record_write(r, &spec, START_MS);
            struct record_shape s = record_shape(r);
            assert_int_equal(s.bytes, plain + LIFE_BYTES);
            assert_true(record_deadline(r, &s, START_MS) == deadlines[j]);
            assert_true(record_key_is(r, &s, spec.key));
            assert_int_equal(record_value(r, &s).len, 9);
            assert_memory_equal(record_value(r, &s).data, "the value", 9);
            struct life got = record_life(r, &s);
            assert_true(life_equals(&got, &life));
            assert_true(record_hard_deadline(r, &s, START_MS) == deadlines[j]);
        }
    }
}

/* ---- changing a life ------------------------------------------------------------------------- */

static uint64_t
address_of(struct rig *rig, attl_slice key)
{
    struct entry e;
    rig_lock(rig, key, &e);
    uint64_t address = e.found ? index_address(e.pos) : 0;
    rig_unlock(&e);
    assert_true(address != 0);
    return address;
}

static void
set_life(struct rig *rig, attl_slice key, struct life life, int64_t gone_ms)
{
    struct entry e;
    rig_lock(rig, key, &e);
    assert_true(e.found);
    assert_int_equal(entry_set_life(&e, &life, gone_ms), ATTL_OK);
    assert_int_equal(e.change, ENTRY_EXPIRE);
    rig_unlock(&e);
    struct read_view view;
    assert_int_equal(read_view_of(rig, key, READ_STALE, &view), ATTL_OK);
    assert_true(view.has_life && life_equals(&view.life, &life) && view.gone_ms == gone_ms);
    rig_check(rig, "after a new life");
}

static void
a_life_is_changed_without_the_value(void **state)
{
    struct rig *rig = *state;
    static char large[LARGE];
    memset(large, 'x', sizeof(large));
    attl_slice values[] = { attl_s("small"), attl_b(large, 600), attl_b(large, LARGE) };
    attl_slice k = attl_s("k");
    for (int i = 0; i < 3; i++) {
        const struct life life = { START_MS + 10, START_MS + 2000, 0, 0 };
        put_life(rig, k, values[i], life, START_MS + 5000);
        uint64_t address = address_of(rig, k);
        uint64_t extents = atomic_load(&rig->cache.extents.used_bytes);
        set_life(rig, k, (struct life){ START_MS + 20, START_MS + 3000, 0, 1 }, START_MS + 6000);
        assert_true(address_of(rig, k) ==
                    address); /* of any size: a later end needs no new place */
        set_life(rig, k, (struct life){ START_MS + 5, START_MS + 6, 0, 1 }, START_MS + 1500);
        assert_true(address_of(rig, k) != address);
        assert_true(atomic_load(&rig->cache.extents.used_bytes) == extents);
        assert_true(rig_has(rig, k, values[i]));
        assert_true(rig_del(rig, k));
    }
    rig_set(rig, k, attl_s("plain"), START_MS + 5000); /* an ordinary one gets one */
    set_life(rig, k, (struct life){ START_MS + 20, START_MS + 3000, 0, 1 }, START_MS + 6000);
    assert_true(rig_has(rig, k, attl_s("plain")));
}

static void
a_new_value_replaces_the_life_too(void **state)
{
    struct rig *rig = *state;
    struct read_view view;
    attl_slice k = attl_s("k");
    const struct life life = { START_MS + 10, START_MS + 2000, 0, 0 };
    const struct life next = { START_MS + 20, START_MS + 2500, 0, 8 };
    put_life(rig, k, attl_s("aaaaa"), life, START_MS + 5000);
    uint64_t address = address_of(rig, k);
    put_life(rig, k, attl_s("bbbbb"), next, START_MS + 5000);
    assert_true(address_of(rig, k) == address);
    assert_int_equal(read_view_of(rig, k, 0, &view), ATTL_OK);
    assert_true(life_equals(&view.life, &next));
    assert_memory_equal(view.value.data, "bbbbb", 5);
    rig_set(rig, k, attl_s("ccccc"), START_MS + 5000); /* the same shape but for the life */
    assert_true(address_of(rig, k) != address);
    assert_int_equal(read_view_of(rig, k, 0, &view), ATTL_OK);
    assert_false(view.has_life);
    assert_true(view.deadline_ms == START_MS + 5000);
}

static void
who_sees_stale_entries_may_renew_them(void **state)
{
    struct rig *rig = *state;
    attl_slice k = attl_s("k");
    const struct life life = { START_MS + 10, START_MS + 20, 0, 0 };
    struct entry e;
    put_life(rig, k, attl_s("value"), life, START_MS + 5000);
    rig->now_ms = START_MS + 100;
    rig_lock(rig, k, &e); /* the rig's entry asks for nothing: it is gone then */
    assert_false(e.found);
    rig_unlock(&e);
    assert_int_equal(rig_counter(rig, COUNT_EXPIRED), 1);
    const struct life again = { NONE, START_MS + 120, 0, 0 };
    put_life(rig, k, attl_s("value"), again, START_MS + 5000);
    rig->now_ms = START_MS + 200;
    rig_lock(rig, attl_s("other"), &e);
    e.key = (struct index_key){ k, cache_hash(&rig->cache, k) };
    rig_unlock(&e);
    e.partition = cache_partition(&rig->cache, e.key.hash);
    e.sees_stale = true;
    assert_true(cache_lock(&rig->cache, e.partition));
    entry_find(&e);
    assert_true(e.found && e.has_life && entry_is_hidden(&e));
    assert_true(e.deadline_ms == START_MS + 120 && e.gone_ms == START_MS + 5000);
    assert_int_equal(entry_value(&e).len, 5);
    const struct life renewed = { START_MS + 250, START_MS + 300, 0, 0 };
    assert_int_equal(entry_set_life(&e, &renewed, START_MS + 5000), ATTL_OK);
    lock_release(&e.partition->lock);
    assert_true(rig_has(rig, k, attl_s("value")));
}

/* ---- walks ----------------------------------------------------------------------------------- */

static void
count_plain(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    (void)key;
    (void)value;
    (void)deadline_ms;
    ++*(unsigned *)ud;
}

static void
count_all(void *ud, const struct scan_entry *e)
{
    assert_true(e->has_life && e->gone_ms == START_MS + 5000);
    ++*(unsigned *)ud;
}

static bool
count_frozen(void *ud, const struct freeze_entry *e)
{
    assert_true(e->has_life && e->deadline_ms == START_MS + 5000);
    ++*(unsigned *)ud;
    return true;
}

static void
walks_show_what_their_caller_may_see(void **state)
{
    struct rig *rig = *state;
    unsigned plain = 0, all = 0, frozen = 0;
    put_life(rig, attl_s("a"), attl_s("1"), (struct life){ NONE, START_MS + 10, 0, 0 },
             START_MS + 5000);
    put_life(rig, attl_s("b"), attl_s("2"), (struct life){ NONE, START_MS + 99, 0, 0 },
             START_MS + 5000);
    put_life(rig, attl_s("c"), attl_s(""), (struct life){ NONE, START_MS + 99, LIFE_NEGATIVE, 0 },
             START_MS + 5000);
    rig->now_ms = START_MS + 10;
    for (uint64_t at = 0, first = 1; at || first; first = 0)
        at = scan_step(&rig->cache, at, 10, rig->now_ms, count_plain, &plain);
    for (uint64_t at = 0, first = 1; at || first; first = 0)
        at = scan_step_all(&rig->cache, at, 10, rig->now_ms, count_all, &all);
    freeze_begin(&rig->cache, NULL, NULL);
    for (unsigned i = 0; i < 1u << rig->cache.partition_bits; i++)
        assert_true(freeze_walk(&rig->cache, i, rig->now_ms, count_frozen, &frozen));
    freeze_end(&rig->cache);
    assert_int_equal(plain, 1);
    assert_int_equal(all, 3);
    assert_int_equal(frozen, 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_begins_as_wished),
        cmocka_unit_test(moving_keeps_the_grace_and_the_order),
        cmocka_unit_test(only_what_can_be_is_valid),
        cmocka_unit_test(another_clock_shifts_what_there_is),
        TEST(a_reader_who_asks_finds_what_is_hidden),
        cmocka_unit_test(a_record_with_a_life_is_the_same_with_three_words_more),
        TEST(a_life_is_changed_without_the_value),
        TEST(a_new_value_replaces_the_life_too),
        TEST(who_sees_stale_entries_may_renew_them),
        TEST(walks_show_what_their_caller_may_see),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
