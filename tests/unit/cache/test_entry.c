/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes to one entry: which of them stay in the old record and which write a new one, that a
 * failure leaves everything as it was, and that each keeps the sums right (the rig checks them all
 * at the end). A random run of every operation is compared with a plain table of values and
 * deadlines.
 */
#include "cache/entry.h"

#include "cache_support.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 300, STEPS = 30000, LARGE = 20000 };

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

static uint64_t
counter(const struct rig *rig, enum cache_counter which)
{
    return cache_counter_sum(&rig->cache, which);
}

/* Where the key's record lies; it must be there. */
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
a_missing_key_is_not_found_and_then_is(void **state)
{
    struct rig *rig = *state;
    struct entry e;
    rig_lock(rig, attl_s("k"), &e);
    assert_false(e.found);
    struct stored_value v;
    assert_int_equal(stored_value_init(&rig->cache, attl_s("value"), &v), ATTL_OK);
    assert_int_equal(entry_put(&e, &v, START_MS + 5000), ATTL_OK);
    assert_int_equal(e.written_deadline_ms, START_MS + 5000);
    rig_unlock(&e);
    rig_lock(rig, attl_s("k"), &e);
    assert_true(e.found);
    assert_int_equal(e.deadline_ms, START_MS + 5000);
    assert_int_equal(entry_value(&e).len, 5);
    assert_memory_equal(entry_value(&e).data, "value", 5);
    rig_unlock(&e);
    assert_int_equal(cache_items(&rig->cache), 1);
}

static void
a_value_of_the_same_shape_is_stored_in_place(void **state)
{
    struct rig *rig = *state;
    attl_slice k = attl_s("k");
    rig_set(rig, k, attl_s("aaaaa"), START_MS + 5000);
    uint64_t address = address_of(rig, k);
    rig_set(rig, k, attl_s("bbbbb"), START_MS + 5000);
    assert_true(address_of(rig, k) == address && rig_has(rig, k, attl_s("bbbbb")));
    rig_set(rig, k, attl_s("ccccc"), START_MS + 9000);
    assert_true(address_of(rig, k) == address && rig_has(rig, k, attl_s("ccccc")));
    rig_set(rig, k, attl_s("ddddd"), ATTL_NO_DEADLINE);
    assert_true(address_of(rig, k) == address && rig_has(rig, k, attl_s("ddddd")));
    assert_int_equal(counter(rig, COUNT_WRITES_IN_PLACE), 3);
    assert_int_equal(counter(rig, COUNT_RECORDS_WRITTEN), 1);
    rig_check(rig, "after writes in place");
    rig_set(rig, k, attl_s("eeeee"), START_MS + 5000); /* a deadline needs a place in the wheel */
    uint64_t moved = address_of(rig, k);
    assert_true(moved != address && rig_has(rig, k, attl_s("eeeee")));
    rig_set(rig, k, attl_s("fffff"), START_MS + 4999); /* so does an earlier one */
    assert_true(address_of(rig, k) != moved);
    moved = address_of(rig, k);
    rig_set(rig, k, attl_s("gggg"), START_MS + 4999);
    assert_true(address_of(rig, k) != moved && rig_has(rig, k, attl_s("gggg")));
    assert_int_equal(counter(rig, COUNT_WRITES_IN_PLACE), 3);
}

static void
a_pinned_value_is_never_changed_in_place(void **state)
{
    struct rig *rig = *state;
    char old[100], new[100];
    memset(old, 'o', sizeof(old));
    memset(new, 'n', sizeof(new));
    struct reclaim_reader *self = reclaim_self();
    struct index_key k = { attl_s("k"), cache_hash(&rig->cache, attl_s("k")) };
    struct read_view view;
    rig_set(rig, k.key, attl_b(old, sizeof(old)), START_MS + HOUR_MS);
    uint64_t address = address_of(rig, k.key);
    reclaim_enter(self);
    assert_int_equal(read_key(&rig->cache, &k, START_MS, READ_PIN, &view), ATTL_OK);
    reclaim_exit(self);
    assert_non_null(view.chunk);
    rig_set(rig, k.key, attl_b(new, sizeof(new)), START_MS + HOUR_MS);
    assert_memory_equal(view.value.data, old, sizeof(old));
    assert_true(address_of(rig, k.key) != address && rig_has(rig, k.key, attl_b(new, sizeof(new))));
    /* A deadline may move under a pin: it is not part of the value. */
    struct entry e;
    rig_lock(rig, k.key, &e);
    assert_int_equal(entry_set_deadline(&e, START_MS + 2 * HOUR_MS), ATTL_OK);
    rig_unlock(&e);
    assert_true(rig_del(rig, k.key));
    rig_collect(rig);
    rig_pass(rig, 3 * HOUR_MS);
    rig_collect(rig);
    assert_memory_equal(view.value.data, old, sizeof(old));
    read_unpin(&rig->cache, view.chunk, view.extent, view.value.len);
    assert_int_equal(atomic_load(&rig->cache.pinned_bytes), 0);
}

static void
deadlines_move_later_in_place_and_earlier_by_a_new_record(void **state)
{
    struct rig *rig = *state;
    static const struct {
        int64_t from_ms, to_ms; /* lives; -1: none */
        bool in_place;
    } cases[] = {
        { 1000, 2000, true },
        { 2000, 1000, false },
        { 1000, -1, true },
        { -1, 1000, false },
        { 1000, 1000, true },
        { -1, -1, true },
        { 1000, 300 * DAY_MS, false },
        { 300 * DAY_MS, 301 * DAY_MS, false },
        { 300 * DAY_MS, 5, false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t from_ms = cases[i].from_ms < 0 ? ATTL_NO_DEADLINE : START_MS + cases[i].from_ms;
        int64_t to_ms = cases[i].to_ms < 0 ? ATTL_NO_DEADLINE : START_MS + cases[i].to_ms;
        struct name name;
        attl_slice key = name_of(i, &name);
        struct entry e;
        rig_set(rig, key, attl_s("value"), from_ms);
        uint64_t address = address_of(rig, key);
        rig_lock(rig, key, &e);
        assert_int_equal(entry_set_deadline(&e, to_ms), ATTL_OK);
        rig_unlock(&e);
        rig_lock(rig, key, &e);
        assert_true(e.found);
        assert_int_equal(e.deadline_ms, to_ms);
        assert_memory_equal(entry_value(&e).data, "value", 5);
        rig_unlock(&e);
        assert_int_equal(address_of(rig, key) == address, cases[i].in_place);
        rig_check(rig, "after a deadline has moved");
    }
}

static void
a_large_value_moves_with_its_deadline_and_is_not_copied(void **state)
{
    struct rig *rig = *state;
    static char value[LARGE];
    memset(value, 'v', sizeof(value));
    rig_set(rig, attl_s("k"), attl_b(value, LARGE), START_MS + HOUR_MS);
    uint64_t used = atomic_load(&rig->cache.extents.used_bytes);
    struct entry e;
    rig_lock(rig, attl_s("k"), &e);
    const void *data = entry_value(&e).data;
    assert_int_equal(entry_set_deadline(&e, START_MS + 5), ATTL_OK);
    rig_unlock(&e);
    rig_lock(rig, attl_s("k"), &e);
    assert_ptr_equal(entry_value(&e).data, data);
    assert_int_equal(e.deadline_ms, START_MS + 5);
    rig_unlock(&e);
    rig_collect(rig);
    assert_true(rig_has(rig, attl_s("k"), attl_b(value, LARGE)));
    assert_int_equal(atomic_load(&rig->cache.extents.used_bytes), used);
    rig_set(rig, attl_s("k"), attl_b(value, LARGE - 1), START_MS + 5);
    rig_collect(rig);
    assert_int_equal(atomic_load(&rig->cache.extents.used_bytes), extent_bytes(LARGE - 1));
    assert_true(rig_del(rig, attl_s("k")));
    rig_collect(rig);
    assert_int_equal(atomic_load(&rig->cache.extents.used_bytes), 0);
}

static void
integers_are_stored_as_such_and_shown_as_text(void **state)
{
    struct rig *rig = *state;
    static const int64_t numbers[] = { 0, -1, 42, INT64_MAX, INT64_MIN };
    uint64_t address = 0;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct stored_value v;
        struct entry e;
        char text[NUM_TEXT_MAX];
        int64_t number = 77;
        stored_value_init_integer(numbers[i], &v);
        rig_lock(rig, attl_s("n"), &e);
        assert_int_equal(entry_put(&e, &v, START_MS + HOUR_MS), ATTL_OK);
        rig_unlock(&e);
        rig_lock(rig, attl_s("n"), &e);
        assert_true(entry_is_integer(&e, &number));
        assert_int_equal(number, numbers[i]);
        size_t len = num_format_i64(text, numbers[i]);
        assert_int_equal(entry_value(&e).len, len);
        assert_memory_equal(entry_value(&e).data, text, len);
        assert_true(i == 0 || index_address(e.pos) == address);
        address = index_address(e.pos);
        rig_unlock(&e);
        assert_true(rig_has(rig, attl_s("n"), attl_b(text, len)));
    }
    rig_set(rig, attl_s("n"), attl_s("12345678"),
            START_MS + HOUR_MS); /* eight bytes, and no integer */
    int64_t number;
    struct entry e;
    rig_lock(rig, attl_s("n"), &e);
    assert_false(entry_is_integer(&e, &number));
    rig_unlock(&e);
}

static void
an_expired_entry_is_removed_when_it_is_met(void **state)
{
    struct rig *rig = *state;
    struct entry e;
    rig_set(rig, attl_s("k"), attl_s("v"), START_MS + 100);
    rig->now_ms = START_MS + 99;
    rig_lock(rig, attl_s("k"), &e);
    assert_true(e.found);
    rig_unlock(&e);
    rig->now_ms = START_MS + 100;
    rig_lock(rig, attl_s("k"), &e);
    assert_false(e.found);
    rig_unlock(&e);
    assert_int_equal(cache_items(&rig->cache), 0);
    assert_int_equal(counter(rig, COUNT_EXPIRED), 1);
    assert_int_equal(counter(rig, COUNT_DELETES), 0);
}

static void
a_replay_meets_what_has_expired(void **state)
{
    struct rig *rig = *state;
    struct entry e;
    rig_set(rig, attl_s("k"), attl_s("v"), START_MS + 100);
    rig->now_ms = START_MS + 5000;
    rig_lock(rig, attl_s("k"), &e);
    assert_false(e.found); /* gone for everybody else */
    rig_unlock(&e);
    rig->now_ms = START_MS;
    rig_set(rig, attl_s("k"), attl_s("v"), START_MS + 100);
    rig->now_ms = START_MS + 5000;
    struct partition *p = cache_partition(&rig->cache, cache_hash(&rig->cache, attl_s("k")));
    e = (struct entry){ .cache = &rig->cache,
                        .self = reclaim_self(),
                        .partition = p,
                        .now_ms = rig->now_ms,
                        .sees_expired = true,
                        .key = { attl_s("k"), cache_hash(&rig->cache, attl_s("k")) } };
    assert_true(cache_lock(&rig->cache, p));
    entry_find(&e);
    assert_true(e.found && e.deadline_ms == START_MS + 100);
    assert_int_equal(entry_set_deadline(&e, START_MS + 9000), ATTL_OK);
    lock_release(&p->lock);
    assert_true(rig_has(rig, attl_s("k"), attl_s("v")));
}

static void
what_was_done_is_said_and_expiry_is_not(void **state)
{
    struct rig *rig = *state;
    struct entry e;
    struct stored_value v;
    assert_int_equal(stored_value_init(&rig->cache, attl_s("v"), &v), ATTL_OK);
    rig_lock(rig, attl_s("k"), &e);
    assert_int_equal(e.change, ENTRY_SAME);
    assert_int_equal(entry_put(&e, &v, START_MS + 100), ATTL_OK);
    assert_int_equal(e.change, ENTRY_PUT);
    struct record_shape shape = record_shape(e.changed);
    assert_true(record_deadline(e.changed, &shape, rig->now_ms) == START_MS + 100);
    entry_find(&e);
    assert_int_equal(e.change, ENTRY_SAME);                       /* since it was last found */
    assert_int_equal(entry_put(&e, &v, START_MS + 200), ATTL_OK); /* in place */
    assert_int_equal(e.change, ENTRY_PUT);
    assert_ptr_equal(e.changed, e.record);
    entry_find(&e);
    assert_int_equal(entry_set_deadline(&e, START_MS + 300), ATTL_OK); /* in place */
    assert_int_equal(e.change, ENTRY_EXPIRE);
    entry_find(&e);
    assert_int_equal(entry_set_deadline(&e, START_MS + 50), ATTL_OK); /* by a new record */
    assert_int_equal(e.change, ENTRY_EXPIRE);
    shape = record_shape(e.changed);
    assert_true(record_deadline(e.changed, &shape, rig->now_ms) == START_MS + 50);
    entry_find(&e);
    entry_remove(&e, COUNT_DELETES);
    assert_int_equal(e.change, ENTRY_REMOVE);
    rig_unlock(&e);
    rig_set(rig, attl_s("k"), attl_s("v"), START_MS + 100);
    rig->now_ms = START_MS + 100;
    rig_lock(rig, attl_s("k"), &e);
    assert_false(e.found);
    assert_int_equal(e.change, ENTRY_SAME);
    rig_unlock(&e);
}

static void
a_refused_write_changes_nothing(void **state)
{
    struct rig *rig = *state;
    static char value[LARGE];
    rig_set(rig, attl_s("k"), attl_s("old"), START_MS + HOUR_MS);
    atomic_store(&rig->cache.max_bytes, 1);
    assert_int_equal(rig_try_set(rig, attl_s("k"), attl_b(value, LARGE), ATTL_NO_DEADLINE),
                     ATTL_E_FULL);
    /* The open chunk has room: only what needs a new one is refused. */
    assert_int_equal(rig_try_set(rig, attl_s("k"), attl_b(value, 5000), ATTL_NO_DEADLINE),
                     ATTL_E_FULL);
    struct entry e;
    rig_lock(rig, attl_s("k"), &e);
    assert_int_equal(entry_set_deadline(&e, START_MS + 1), ATTL_E_FULL);
    rig_unlock(&e);
    assert_true(rig_has(rig, attl_s("k"), attl_s("old")));
    rig_check(rig, "after refusals");
    atomic_store(&rig->cache.max_bytes, 0);
    atomic_store(&rig->cache.max_items, 1);
    assert_int_equal(rig_try_set(rig, attl_s("new"), attl_s("v"), ATTL_NO_DEADLINE), ATTL_E_FULL);
    assert_int_equal(rig_try_set(rig, attl_s("k"), attl_s("newer"), ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(cache_items(&rig->cache), 1);
}

/* A rename: the new name comes before the old one goes, and never counts twice. */
static void
what_replaces_another_entry_needs_no_room_for_one(void **state)
{
    struct rig *rig = *state;
    struct entry e;
    struct stored_value v;
    rig_set(rig, attl_s("from"), attl_s("v"), ATTL_NO_DEADLINE);
    atomic_store(&rig->cache.max_items, 1);
    assert_int_equal(stored_value_init(&rig->cache, attl_s("v"), &v), ATTL_OK);
    rig_lock(rig, attl_s("to"), &e);
    assert_int_equal(entry_put(&e, &v, ATTL_NO_DEADLINE), ATTL_E_FULL);
    e.replaces = true;
    assert_int_equal(entry_put(&e, &v, ATTL_NO_DEADLINE), ATTL_OK);
    rig_unlock(&e);
    assert_true(rig_del(rig, attl_s("from")));
    assert_true(rig_has(rig, attl_s("to"), attl_s("v")));
}

/* A new key needs a table, which cannot be had: the record that was written already is given up. */
static void
a_key_without_room_in_the_index_leaves_no_trace(void **state)
{
    struct rig *rig = *state;
    struct arena_pool *tables = &rig->cache.table_pool;
    static void *taken[LIMIT_ARENA_BYTES / TABLE_GRANULE_BYTES];
    unsigned refused = 0, n = 0;
    rig_set(rig, attl_s("there"), attl_s("v"), START_MS + HOUR_MS);
    atomic_store(&rig->cache.region.commits_until_failure, 0);
    while ((taken[n] = arena_pool_alloc(tables, TABLE_GRANULE_BYTES)) != NULL)
        n++;
    for (uint64_t i = 0; i < 20000; i++) {
        struct name name;
        int status = rig_try_set(rig, name_of(i, &name), attl_s("v"), START_MS + HOUR_MS);
        if (status == ATTL_OK)
            continue;
        assert_int_equal(status, ATTL_E_NOMEM);
        assert_false(rig_has(rig, name_of(i, &name), attl_s("v")));
        if (++refused == 20)
            break;
    }
    assert_int_equal(refused, 20);
    rig_check(rig, "after the index ran out of memory");
    atomic_store(&rig->cache.region.commits_until_failure, -1);
    while (n > 0)
        arena_pool_free(tables, taken[--n], TABLE_GRANULE_BYTES);
    assert_true(rig_has(rig, attl_s("there"), attl_s("v")));
}

static void
a_staged_record_is_nobodys_business_until_committed(void **state)
{
    struct rig *rig = *state;
    struct entry e;
    struct stored_value v;
    rig_set(rig, attl_s("k"), attl_s("old"), START_MS + HOUR_MS);
    for (int commit = 0; commit < 2; commit++) {
        assert_int_equal(stored_value_init(&rig->cache, attl_s("staged"), &v), ATTL_OK);
        rig_lock(rig, attl_s("k"), &e);
        assert_int_equal(entry_stage(&e, &v, START_MS + 5000, false), ATTL_OK);
        assert_true(
            rig_has(rig, attl_s("k"), attl_s("old"))); /* lock-free readers see the old one */
        if (commit)
            assert_int_equal(entry_commit(&e, &v), ATTL_OK);
        else
            entry_abort(&e);
        rig_unlock(&e);
        assert_true(rig_has(rig, attl_s("k"), commit ? attl_s("staged") : attl_s("old")));
        rig_check(rig, "after a staged record");
    }
}

static void
an_uncommitted_extent_belongs_to_the_caller(void **state)
{
    struct rig *rig = *state;
    struct entry e;
    struct stored_value v;
    assert_int_equal(stored_value_init_extent(&rig->cache, LARGE, &v), ATTL_OK);
    memset(v.ref.extent->data, 'x', LARGE);
    rig_lock(rig, attl_s("k"), &e);
    assert_int_equal(entry_stage(&e, &v, ATTL_NO_DEADLINE, false), ATTL_OK);
    entry_abort(&e);
    rig_unlock(&e);
    assert_non_null(v.ref.extent);
    stored_value_fini(&v);
    stored_value_fini(&v); /* again does nothing */
    assert_int_equal(atomic_load(&rig->cache.extents.used_bytes), 0);
}

static void
an_urgent_record_may_pass_the_limit(void **state)
{
    struct rig *rig = *state;
    struct entry e;
    struct stored_value v;
    atomic_store(&rig->cache.max_bytes, 1);
    assert_int_equal(stored_value_init(&rig->cache, attl_s("v"), &v), ATTL_OK);
    rig_lock(rig, attl_s("k"), &e);
    assert_int_equal(entry_stage(&e, &v, ATTL_NO_DEADLINE, false), ATTL_E_FULL);
    assert_int_equal(entry_stage(&e, &v, ATTL_NO_DEADLINE, true), ATTL_OK);
    assert_int_equal(entry_commit(&e, &v), ATTL_OK);
    rig_unlock(&e);
    assert_true(rig_has(rig, attl_s("k"), attl_s("v")));
}

struct plain {
    bool present;
    size_t len;
    char fill;
    int64_t deadline_ms;
};

static int64_t
any_deadline(struct rng *r, int64_t now_ms)
{
    if (rng_one_in(r, 4))
        return ATTL_NO_DEADLINE;
    return now_ms + 1 + (int64_t)(rng_u64(r) >> rng_range(r, 24, 60));
}

static void
random_step(struct rig *rig, struct plain *plain, struct rng *r)
{
    static char value[LARGE];
    struct name name;
    size_t i = rng_below(r, KEYS);
    attl_slice key = name_of(i, &name);
    struct plain next = { true, rng_below(r, rng_one_in(r, 10) ? LARGE : 100),
                          (char)rng_range(r, 'a', 'z'), any_deadline(r, rig->now_ms) };
    struct entry e;
    switch (rng_below(r, 4)) {
    case 0:
        assert_int_equal(rig_del(rig, key), plain[i].present);
        plain[i].present = false;
        break;
    case 1:
        rig_lock(rig, key, &e);
        assert_int_equal(e.found, plain[i].present);
        if (e.found)
            assert_int_equal(entry_set_deadline(&e, next.deadline_ms), ATTL_OK);
        rig_unlock(&e);
        plain[i].deadline_ms = next.deadline_ms;
        break;
    default:
        if (plain[i].present && rng_one_in(r, 2))
            next.len = plain[i].len; /* perhaps in place */
        memset(value, next.fill, next.len);
        rig_set(rig, key, attl_b(value, next.len), next.deadline_ms);
        plain[i] = next;
    }
}

static void
compare(struct rig *rig, struct plain *plain, size_t i)
{
    struct name name;
    struct entry e;
    if (plain[i].present && plain[i].deadline_ms != ATTL_NO_DEADLINE &&
        plain[i].deadline_ms <= rig->now_ms)
        plain[i].present = false;
    rig_lock(rig, name_of(i, &name), &e);
    assert_int_equal(e.found, plain[i].present);
    if (e.found) {
        attl_slice value = entry_value(&e);
        assert_int_equal(e.deadline_ms, plain[i].deadline_ms);
        assert_int_equal(value.len, plain[i].len);
        for (size_t at = 0; at < value.len; at += 7)
            assert_int_equal(((const char *)value.data)[at], plain[i].fill);
    }
    rig_unlock(&e);
}

static void
any_sequence_of_changes_is_that_of_a_plain_table(void **state)
{
    struct rig *rig = *state;
    struct rng r = rng_from_seed(1);
    struct plain plain[KEYS] = { { .present = false } };
    for (unsigned step = 0; step < STEPS; step++) {
        if (rng_one_in(&r, 50)) {
            rig->now_ms += (int64_t)rng_below(&r, 5000);
            rig_pass(rig, 0);
            for (size_t i = 0; i < KEYS; i++)
                compare(rig, plain, i);
        }
        random_step(rig, plain, &r);
        compare(rig, plain, rng_below(&r, KEYS));
        if (step % 5000 == 0)
            rig_check(rig, "in between");
        if (step % 100 == 0)
            (void)limbo_collect(&rig->cache.limbo); /* memory is not the point here */
    }
}

#define ENTRY_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY_TEST(a_missing_key_is_not_found_and_then_is),
        ENTRY_TEST(a_value_of_the_same_shape_is_stored_in_place),
        ENTRY_TEST(a_pinned_value_is_never_changed_in_place),
        ENTRY_TEST(deadlines_move_later_in_place_and_earlier_by_a_new_record),
        ENTRY_TEST(a_large_value_moves_with_its_deadline_and_is_not_copied),
        ENTRY_TEST(integers_are_stored_as_such_and_shown_as_text),
        ENTRY_TEST(an_expired_entry_is_removed_when_it_is_met),
        ENTRY_TEST(a_replay_meets_what_has_expired),
        ENTRY_TEST(what_was_done_is_said_and_expiry_is_not),
        ENTRY_TEST(a_refused_write_changes_nothing),
        ENTRY_TEST(what_replaces_another_entry_needs_no_room_for_one),
        ENTRY_TEST(a_key_without_room_in_the_index_leaves_no_trace),
        ENTRY_TEST(a_staged_record_is_nobodys_business_until_committed),
        ENTRY_TEST(an_uncommitted_extent_belongs_to_the_caller),
        ENTRY_TEST(an_urgent_record_may_pass_the_limit),
        ENTRY_TEST(any_sequence_of_changes_is_that_of_a_plain_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
