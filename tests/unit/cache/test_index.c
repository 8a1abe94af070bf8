/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table against a map. Tables of every size are filled to the first refusal and then searched,
 * emptied and filled again at random; after each phase the whole table is walked: each entry once,
 * in a bucket its key may be in, with the displaced and overflow bits that say so, and with the
 * frequency it was given, however often it was moved. How full tables get is printed, because
 * memory per entry depends on it.
 */
#include "cache/index.h"

#include "cache/lookup.h"
#include "cache_support.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY_TABLES = 1000, KEYS_MAX = 12000, KIB = 1024, DISPLACED_SHIFT = 18, SIZES = 64 };

struct entry_model {
    uint64_t hash;
    uint64_t address;
    unsigned freq;
    bool present;
};

/* A table, the records it refers to, and what should be in it. */
struct field {
    struct ground ground;
    struct record *records[KEYS_MAX]; /* record i has the key i */
    struct entry_model keys[KEYS_MAX];
    unsigned count; /* of those present */
    struct table *table;
    struct rng rng;
    void *arena;
};

static int
field_setup(void **state)
{
    struct field *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    ground_init(&f->ground);
    f->rng = rng_from_seed(1);
    f->arena = arena_pool_alloc(&f->ground.chunks, LIMIT_ARENA_BYTES);
    char *at = f->arena;
    for (uint64_t i = 0; i < KEYS_MAX; i++) {
        struct record_spec spec = { .key = attl_b(&i, sizeof(i)), .deadline_ms = ATTL_NO_DEADLINE };
        f->records[i] = (struct record *)(void *)at;
        record_write(f->records[i], &spec, START_MS);
        at += record_bytes(&spec, START_MS);
    }
    *state = f;
    return 0;
}

static int
field_teardown(void **state)
{
    struct field *f = *state;
    arena_pool_free(&f->ground.chunks, f->arena, LIMIT_ARENA_BYTES);
    ground_fini(&f->ground);
    free(f);
    return 0;
}

static void
field_start(struct field *f, uint32_t bytes)
{
    f->table = index_table_new(&f->ground.tables, bytes);
    assert_non_null(f->table);
    f->count = 0;
    for (unsigned i = 0; i < KEYS_MAX; i++)
        f->keys[i] = (struct entry_model){
            .hash = rng_u64(&f->rng),
            .address = region_address(&f->ground.region, f->records[i]),
            .freq = (unsigned)rng_below(&f->rng, FREQ_MAX + 1),
        };
}

static bool
field_insert(struct field *f, unsigned i)
{
    struct entry_model *k = &f->keys[i];
    if (!index_insert(f->table, k->hash, k->address, k->freq))
        return false;
    k->present = true;
    f->count++;
    return true;
}

static bool
field_find(struct field *f, uint64_t i, struct index_pos *ret_pos)
{
    struct index_key key = { attl_b(&i, sizeof(i)), f->keys[i].hash };
    bool found = index_find(f->table, &f->ground.region, &key, ret_pos);
    assert_int_equal(found, f->keys[i].present);
    struct lookup_hit hit;
    enum lookup_result result = lookup(table_ref_to(f->table), &f->ground.region, &key, &hit);
    assert_int_equal(result, found ? LOOKUP_HIT : LOOKUP_MISS);
    if (!found)
        return false;
    assert_true(lookup_valid(&hit));
    assert_true(hit.address == f->keys[i].address && hit.record == f->records[i]);
    assert_true(index_address(*ret_pos) == f->keys[i].address);
    assert_int_equal(index_freq(*ret_pos), f->keys[i].freq);
    return true;
}

/* The key whose record this is; dies if the slot refers to nothing we know. */
static unsigned
owner_of(const struct field *f, uint64_t address)
{
    uint64_t i = (address - region_address(&f->ground.region, f->records[0])) * 8 / 16;
    assert_true(i < KEYS_MAX && f->keys[i].address == address && f->keys[i].present);
    return (unsigned)i;
}

/* One slot: is its entry where it may be, and do the bits say so? */
static void
check_slot(const struct field *f, uint32_t at, unsigned slot)
{
    struct table *t = f->table;
    struct bucket *b = &t->buckets[at];
    uint64_t address = index_address((struct index_pos){ b, slot });
    if (!address)
        return;
    uint64_t hash = f->keys[owner_of(f, address)].hash;
    uint32_t home = index_home(hash, t->home_count);
    bool displaced = atomic_load(&b->bits) >> (DISPLACED_SHIFT + slot) & 1;
    if (at > t->home_count) { /* the stash */
        assert_true(b == index_stash(t, hash, 0) || b == index_stash(t, hash, 1));
        assert_true(atomic_load(&t->buckets[home].bits) & BUCKET_OVERFLOW);
        return;
    }
    assert_int_equal(at, home + displaced);
    assert_true(home < t->home_count);
}

static void
check_table(struct field *f)
{
    struct table *t = f->table;
    unsigned entries = 0;
    assert_int_equal((t->home_count + 1 + t->stash_count + 1) * BUCKET_BYTES, t->bytes);
    for (uint32_t at = 0; at < t->home_count + 1 + t->stash_count; at++) {
        assert_int_equal(atomic_load(&t->buckets[at].version) % 2, 0);
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
            check_slot(f, at, slot);
            entries += index_address((struct index_pos){ &t->buckets[at], slot }) != 0;
        }
    }
    assert_int_equal(entries, f->count);
    for (unsigned i = 0; i < KEYS_MAX; i++) {
        struct index_pos pos, by_address;
        if (!field_find(f, i, &pos))
            continue;
        assert_true(index_find_address(t, f->keys[i].hash, f->keys[i].address, &by_address));
        assert_true(by_address.bucket == pos.bucket && by_address.slot == pos.slot);
    }
}

/* Inserts until the table refuses; the refusal must have changed nothing. */
static unsigned
fill(struct field *f)
{
    unsigned i = 0;
    while (f->keys[i].present || field_insert(f, i))
        assert_true(++i < KEYS_MAX);
    char *before = malloc(f->table->bytes);
    assert_non_null(before);
    memcpy(before, f->table, f->table->bytes);
    assert_false(index_insert(f->table, f->keys[i].hash, f->keys[i].address, 0));
    assert_memory_equal(before, f->table, f->table->bytes);
    free(before);
    return f->count;
}

static void
tables_of_every_size_are_searched_rightly_when_full(void **state)
{
    struct field *f = *state;
    double sum = 0, lowest = 1;
    for (uint32_t kib = 1; kib <= SIZES; kib += kib < 8 ? 1 : 4) {
        field_start(f, kib * KIB);
        (void)fill(f); /* counted by check_table */
        check_table(f);
        index_table_free(f->table);
    }
    for (uint32_t kib = 1; kib <= SIZES; kib++) { /* and how full they are, by all their bytes */
        field_start(f, kib * KIB);
        double slots = (double)kib * KIB / BUCKET_BYTES * BUCKET_SLOTS;
        double part = fill(f) / slots;
        sum += part;
        lowest = part < lowest ? part : lowest;
        index_table_free(f->table);
    }
    print_message("full at %.1f %% in the mean, %.1f %% at least\n", sum / SIZES * 100,
                  lowest * 100);
    assert_true(sum / SIZES >= 0.80);
}

/* One random change, judged by what should be there. */
static void
step(struct field *f, unsigned keys)
{
    unsigned i = (unsigned)rng_below(&f->rng, keys);
    struct entry_model *k = &f->keys[i];
    struct index_pos pos;
    bool present = field_find(f, i, &pos);
    uint64_t what = rng_below(&f->rng, 8);
    if (!present) {
        (void)field_insert(f, i); /* a refusal is fine */
    } else if (what < 3) {
        index_remove(pos);
        k->present = false;
        f->count--;
    } else if (what == 3) {
        k->freq = (unsigned)rng_below(&f->rng, FREQ_MAX + 1);
        index_set_freq(pos, k->freq);
    } else if (what == 4) {
        index_touch(pos.bucket, pos.slot);
        k->freq += k->freq < FREQ_MAX;
    } else if (what == 5) {
        index_write_begin(pos.bucket);
        assert_int_equal(atomic_load(&pos.bucket->version) % 2, 1);
        index_write_end(pos.bucket);
    }
}

static void
random_changes_are_those_of_a_map(void **state)
{
    struct field *f = *state;
    for (uint32_t kib = 1; kib <= SIZES; kib *= 2) {
        field_start(f, kib * KIB);
        unsigned keys = kib * KIB / BUCKET_BYTES * BUCKET_SLOTS * 3 / 2;
        keys = keys < KEYS_MAX ? keys : KEYS_MAX;
        for (unsigned i = 0; i < 20000; i++)
            step(f, keys);
        check_table(f);
        for (unsigned i = 0; i < KEYS_MAX; i++) {
            struct index_pos pos;
            if (!field_find(f, i, &pos))
                continue;
            index_remove(pos);
            f->keys[i].present = false;
            f->count--;
        }
        check_table(f);
        index_table_free(f->table);
    }
}

/* An entry may get another record: all 36 bits of its address, and nothing else, change. */
static void
replacing_changes_the_address_only(void **state)
{
    struct field *f = *state;
    field_start(f, 4 * KIB);
    (void)fill(f); /* whatever fits */
    for (unsigned round = 0; round < 2000; round++) {
        unsigned i = (unsigned)rng_below(&f->rng, f->count);
        uint64_t address = rng_range(&f->rng, 1, (UINT64_C(1) << 36) - 1);
        struct index_pos pos, found;
        assert_true(index_find_address(f->table, f->keys[i].hash, f->keys[i].address, &pos));
        index_replace(pos, address);
        assert_true(index_address(pos) == address);
        assert_int_equal(index_freq(pos), f->keys[i].freq);
        assert_true(index_find_address(f->table, f->keys[i].hash, address, &found));
        assert_true(found.bucket == pos.bucket && found.slot == pos.slot);
        assert_false(index_find_address(f->table, f->keys[i].hash, f->keys[i].address, &found));
        index_replace(pos, f->keys[i].address);
    }
    check_table(f);
    index_table_free(f->table);
}

/* Every slot of a bucket, any two tags, any address bits next to them: equal or not. */
static void
tags_match_as_in_a_naive_loop(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(2);
    for (int round = 0; round < 200000; round++) {
        struct bucket b;
        uint16_t tags[BUCKET_SLOTS];
        uint64_t meta[2] = { 0, 0 };
        memset(&b, 0, sizeof(b));
        uint16_t probe = (uint16_t)rng_range(&r, 1, 0xfff);
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
            uint16_t near = (uint16_t)(probe ^ 1u << rng_below(&r, 12));
            uint16_t any[] = { probe, near,  (uint16_t)(probe + 1), (uint16_t)(probe - 1),
                               0,     0xfff, (uint16_t)rng_u64(&r) };
            tags[slot] = any[rng_below(&r, 7)] & 0xfff;
            uint16_t lane = (uint16_t)(tags[slot] << 4 | rng_below(&r, 16));
            if (slot < 8)
                meta[slot / 4] |= (uint64_t)lane << slot % 4 * 16;
            else
                atomic_init(&b.meta8, lane);
        }
        atomic_init(&b.meta[0], meta[0]);
        atomic_init(&b.meta[1], meta[1]);
        uint32_t want = 0, got = 0;
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++)
            want |= (uint32_t)(tags[slot] == probe) << slot;
        for (uint64_t match = bucket_match(&b, probe); match; match &= match - 1)
            got |= UINT32_C(1) << bucket_match_slot(match);
        assert_int_equal(got, want);
    }
}

static void
uses_are_counted_up_to_three_and_only_where_they_were(void **state)
{
    struct field *f = *state;
    field_start(f, KIB);
    struct bucket *b = &f->table->buckets[0];
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
        for (unsigned use = 1; use < 6; use++) {
            index_touch(b, slot);
            for (unsigned other = 0; other < BUCKET_SLOTS; other++) {
                unsigned uses = other < slot ? FREQ_MAX : other > slot ? 0 : use;
                assert_int_equal(index_freq((struct index_pos){ b, other }),
                                 uses < FREQ_MAX ? uses : FREQ_MAX);
            }
        }
    }
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++)
        index_set_freq((struct index_pos){ b, slot }, slot % 4);
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++)
        assert_int_equal(index_freq((struct index_pos){ b, slot }), slot % 4);
    assert_int_equal(atomic_load(&b->bits) >> DISPLACED_SHIFT, 0);
    index_table_free(f->table);
}

/* Whatever the number of buckets, keys ordered by position are ordered by home. */
static void
homes_keep_the_order_of_positions(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(3);
    for (uint32_t granules = 1; granules <= TABLE_MAX_BYTES / TABLE_GRANULE_BYTES; granules += 7) {
        uint32_t homes = table_ref_home_count(granules - 1);
        for (int i = 0; i < 2000; i++) {
            uint64_t a = rng_u64(&r), b = rng_u64(&r);
            uint32_t home_a = index_home(a, homes), home_b = index_home(b, homes);
            assert_true(home_a < homes && home_b < homes);
            if (index_position(a) <= index_position(b))
                assert_true(home_a <= home_b);
        }
        assert_int_equal(index_home(0, homes), 0);
        assert_int_equal(index_home(UINT64_MAX, homes), homes - 1);
    }
    /* Positions must not repeat the partition's bits nor the tag's: each half may vary alone. */
    assert_int_equal(index_position(UINT64_C(0x3ffff)), 0);
    assert_int_equal(index_position(~UINT64_C(0) << 50), 0);
}

static void
a_reference_tells_the_size_of_its_table(void **state)
{
    struct field *f = *state;
    for (uint32_t bytes = KIB; bytes <= TABLE_MAX_BYTES; bytes += 13 * KIB) {
        struct table *t = index_table_new(&f->ground.tables, bytes);
        assert_non_null(t);
        table_ref ref = table_ref_to(t);
        assert_ptr_equal(table_of(ref), t);
        assert_int_equal(table_ref_home_count(ref), t->home_count);
        assert_int_equal(index_table_slots(t), t->home_count * BUCKET_SLOTS);
        index_table_free(t);
    }
    assert_null(table_of(0));
}

static void
a_table_made_for_so_many_holds_them(void **state)
{
    struct field *f = *state;
    uint32_t last = 0;
    for (unsigned items = 0; items < 5000; items += 1 + items / 9) {
        uint32_t bytes = index_table_bytes(items);
        assert_true(bytes >= last && bytes % TABLE_GRANULE_BYTES == 0);
        last = bytes;
        field_start(f, bytes);
        for (unsigned i = 0; i < items; i++)
            assert_true(field_insert(f, i));
        index_table_free(f->table);
    }
    assert_int_equal(index_table_bytes(UINT64_C(1) << 40), TABLE_MAX_BYTES);
}

static void
no_memory_is_no_table(void **state)
{
    struct field *f = *state;
    atomic_store(&f->ground.region.commits_until_failure, 0);
    assert_null(index_table_new(&f->ground.tables, KIB));
    struct table *from = calloc(1, KIB);
    from->bytes = KIB;
    assert_null(index_table_copy(&f->ground.tables, from));
    free(from);
    atomic_store(&f->ground.region.commits_until_failure, -1);
}

static void
a_retired_table_is_freed_after_its_readers(void **state)
{
    struct field *f = *state;
    struct limbo limbo;
    limbo_init(&limbo, NULL);
    struct table *t = index_table_new(&f->ground.tables, 3 * KIB);
    struct reclaim_reader *self = reclaim_self();
    reclaim_enter(self);
    index_table_retire(t, &limbo);
    for (int i = 0; i < 5; i++)
        assert_int_equal(limbo_collect(&limbo), 0);
    assert_int_equal(atomic_load(&f->ground.tables.used_bytes), 3 * KIB);
    reclaim_exit(self);
    assert_int_equal(limbo_collect(&limbo), 1);
    assert_int_equal(atomic_load(&f->ground.tables.used_bytes), 0);
    limbo_fini(&limbo);
}

static void
a_copy_has_the_same_buckets_whatever_was_in_its_memory(void **state)
{
    struct field *f = *state;
    struct table *from = index_table_new(&f->ground.tables, 3 * KIB);
    struct table *used[MANY_TABLES];
    for (int i = 0; i < MANY_TABLES; i++) {
        used[i] = index_table_new(&f->ground.tables, 3 * KIB);
        memset(used[i]->buckets, 0xa5, 3 * KIB - sizeof(*used[i]));
    }
    for (int i = 0; i < MANY_TABLES; i++)
        index_table_free(used[i]);
    for (uint64_t i = 1; i <= 100; i++)
        assert_true(index_insert(from, rng_u64(&f->rng), i * 8, i & 3));
    struct table *to = index_table_copy(&f->ground.tables, from);
    assert_int_equal(to->home_count, from->home_count);
    assert_int_equal(to->stash_count, from->stash_count);
    assert_memory_equal(to->buckets, from->buckets, 3 * KIB - sizeof(*to));
    index_table_free(from);
    index_table_free(to);
}

#define FIELD_TEST(f) cmocka_unit_test_setup_teardown(f, field_setup, field_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIELD_TEST(tables_of_every_size_are_searched_rightly_when_full),
        FIELD_TEST(random_changes_are_those_of_a_map),
        FIELD_TEST(replacing_changes_the_address_only),
        cmocka_unit_test(tags_match_as_in_a_naive_loop),
        FIELD_TEST(uses_are_counted_up_to_three_and_only_where_they_were),
        cmocka_unit_test(homes_keep_the_order_of_positions),
        FIELD_TEST(a_reference_tells_the_size_of_its_table),
        FIELD_TEST(a_table_made_for_so_many_holds_them),
        FIELD_TEST(no_memory_is_no_table),
        FIELD_TEST(a_copy_has_the_same_buckets_whatever_was_in_its_memory),
        FIELD_TEST(a_retired_table_is_freed_after_its_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
