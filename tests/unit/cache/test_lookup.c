/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lookups without the lock while a writer rearranges the table as hard as it can: it inserts and
 * removes neighbours, so that entries move between buckets, gives keys other records, and changes
 * values in place. Keys that are there all the time must never be missed, and what is believed must
 * be whole and not older than what was believed before. The one interleaving that threads meet too
 * rarely is forced, by a page fault between the reader's two looks.
 */
#include "cache/lookup.h"

#include "cache_support.h"
#include "support/check.h"
#include "support/rng.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

enum {
    TABLE_BYTES = 2048,
    STEADY = 100,
    CHURN = 400,
    READERS = 2,
    WRITES = 60000,
    LOOKUPS_MIN = 20000
};

/* The value of a record: the same number twice, so that a torn one shows. */
struct twin {
    uint64_t serial[2];
};

struct arena_field {
    struct ground ground;
    struct table *table;
    uint64_t hashes[STEADY + CHURN];
    struct record *records[STEADY + CHURN];
    char *room; /* for records: never used again, so that no epochs are needed */
    char *arenas[8];
    unsigned arena_count;
    _Atomic bool stop;
    _Atomic unsigned reading;
};

static struct record *
new_record(struct arena_field *f, uint64_t key, uint64_t serial)
{
    struct twin twin = { { serial, serial } };
    struct record_spec spec = { .key = attl_b(&key, sizeof(key)),
                                .value = attl_b(&twin, sizeof(twin)),
                                .deadline_ms = ATTL_NO_DEADLINE };
    char *last = f->arena_count ? f->arenas[f->arena_count - 1] : NULL;
    if (!last || f->room + record_bytes(&spec, START_MS) > last + LIMIT_ARENA_BYTES) {
        CHECK(f->arena_count < 8, "too many records");
        f->room = f->arenas[f->arena_count++] =
            arena_pool_alloc(&f->ground.chunks, LIMIT_ARENA_BYTES);
        CHECK(f->room != NULL, "no memory");
    }
    struct record *r = (struct record *)(void *)f->room;
    record_write(r, &spec, START_MS);
    f->room += record_bytes(&spec, START_MS);
    f->records[key] = r;
    return r;
}

static int
field_setup(void **state)
{
    struct arena_field *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    struct rng r = rng_from_seed(1);
    ground_init(&f->ground);
    f->table = index_table_new(&f->ground.tables, TABLE_BYTES);
    for (uint64_t i = 0; i < STEADY + CHURN; i++) {
        f->hashes[i] = rng_u64(&r);
        uint64_t address = region_address(&f->ground.region, new_record(f, i, 0));
        if (i < STEADY)
            CHECK(index_insert(f->table, f->hashes[i], address, 0), "too small");
    }
    *state = f;
    return 0;
}

static int
field_teardown(void **state)
{
    struct arena_field *f = *state;
    index_table_free(f->table);
    for (unsigned i = 0; i < f->arena_count; i++)
        arena_pool_free(&f->ground.chunks, f->arenas[i], LIMIT_ARENA_BYTES);
    ground_fini(&f->ground);
    free(f);
    return 0;
}

/* Reads a key until the table lets itself be believed; true with *ret_serial if it is there. */
static bool
read_serial(struct arena_field *f, uint64_t key, uint64_t *ret_serial)
{
    struct index_key k = { attl_b(&key, sizeof(key)), f->hashes[key] };
    for (;;) {
        struct lookup_hit hit;
        uint64_t scratch[RECORD_SCRATCH_WORDS];
        struct twin twin;
        enum lookup_result result = lookup(table_ref_to(f->table), &f->ground.region, &k, &hit);
        if (result == LOOKUP_MISS)
            return false;
        if (result == LOOKUP_RETRY)
            continue;
        memcpy(&twin, record_copy_value(hit.record, &hit.shape, scratch).data, sizeof(twin));
        if (!lookup_valid(&hit))
            continue;
        CHECK(twin.serial[0] == twin.serial[1], "torn: %" PRIu64 " %" PRIu64, twin.serial[0],
              twin.serial[1]);
        CHECK(hit.shape.key_len == sizeof(key), "another record");
        *ret_serial = twin.serial[0];
        return true;
    }
}

static void *
read_all_the_time(void *arg)
{
    struct arena_field *f = arg;
    struct rng r = rng_from_seed(atomic_fetch_add(&f->reading, 1) + 100);
    uint64_t last[STEADY + CHURN] = { 0 }, serial;
    for (unsigned n = 0; !atomic_load(&f->stop) || n < LOOKUPS_MIN; n++) {
        uint64_t key = rng_below(&r, rng_one_in(&r, 4) ? STEADY + CHURN : STEADY);
        bool there = read_serial(f, key, &serial);
        CHECK(there || key >= STEADY, "key %" PRIu64 " was missed", key);
        if (!there)
            continue;
        CHECK(serial >= last[key], "key %" PRIu64 ": %" PRIu64 " after %" PRIu64, key, serial,
              last[key]);
        last[key] = serial;
        if (n % 256 == 0)
            (void)sched_yield();
    }
    return NULL;
}

static void
change_one(struct arena_field *f, struct rng *r, uint64_t serial)
{
    uint64_t key = rng_below(r, STEADY + CHURN);
    uint64_t old = region_address(&f->ground.region, f->records[key]);
    struct twin twin = { { serial, serial } };
    struct index_pos pos;
    bool there = index_find_address(f->table, f->hashes[key], old, &pos);
    CHECK(there || key >= STEADY, "lost");
    if (!there) {
        uint64_t address = region_address(&f->ground.region, new_record(f, key, serial));
        (void)index_insert(f->table, f->hashes[key], address, 0); /* a full table is part of it */
    } else if (key >= STEADY) {
        index_remove(pos);
    } else if (rng_one_in(r, 2)) {
        index_replace(pos, region_address(&f->ground.region, new_record(f, key, serial)));
    } else {
        struct record_shape shape = record_shape(f->records[key]);
        struct record_spec spec = { .value = attl_b(&twin, sizeof(twin)),
                                    .deadline_ms = ATTL_NO_DEADLINE };
        index_write_begin(pos.bucket);
        record_overwrite(f->records[key], &shape, &spec);
        index_write_end(pos.bucket);
    }
}

static void
nothing_is_missed_torn_or_older_while_a_writer_is_at_work(void **state)
{
    struct arena_field *f = *state;
    struct rng r = rng_from_seed(2);
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, f), 0);
    while (atomic_load(&f->reading) < READERS)
        (void)sched_yield();
    for (uint64_t serial = 1; serial <= WRITES; serial++) {
        change_one(f, &r, serial);
        if (serial % 1024 == 0)
            (void)sched_yield();
    }
    atomic_store(&f->stop, true);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(readers[i], NULL), 0);
}

/* ---- an entry on its way --------------------------------------------------------------------- */

enum { PAGE = 4096, LAST_OF_PAGE = PAGE / BUCKET_BYTES - 2, LARGER_TABLE_BYTES = 2 * PAGE };

/* What happens when the reader touches the table's second page: the only way to stop it. */
struct trap {
    struct table *table;
    uint64_t hash, address; /* to insert meanwhile */
    volatile sig_atomic_t sprung;
};

static struct trap trap;

static void
spring(int sig)
{
    if (trap.sprung || mprotect((char *)trap.table + PAGE, PAGE, PROT_READ | PROT_WRITE) != 0)
        (void)signal(sig, SIG_DFL); /* a fault of another kind: die of it */
    trap.sprung = 1;
    CHECK(index_insert(trap.table, trap.hash, trap.address, 0), "no room");
}

static uint64_t
hash_with_home(const struct table *t, uint32_t home, struct rng *r)
{
    uint64_t hash;
    do
        hash = rng_u64(r);
    while (index_home(hash, t->home_count) != home);
    return hash;
}

/* Puts key i, with a hash that belongs to `home`, into the table; returns the hash. */
static uint64_t
put_at_home(struct arena_field *f, struct table *t, uint64_t i, uint32_t home, struct rng *r)
{
    uint64_t hash = hash_with_home(t, home, r);
    uint64_t address = region_address(&f->ground.region, f->records[i]);
    CHECK(index_insert(t, hash, address, 0), "no room");
    return hash;
}

/*
 * The reader has seen the home bucket, without the key, which was in the next one; before it looks
 * there, an insertion moves the key home. It finds it nowhere, and must not say that it is not
 * there.
 */
static void
an_entry_on_its_way_is_not_missed(void **state)
{
    struct arena_field *f = *state;
    struct rng r = rng_from_seed(3);
    void *filler = arena_pool_alloc(&f->ground.tables, PAGE - TABLE_BYTES); /* to the next page */
    struct table *t = index_table_new(&f->ground.tables, LARGER_TABLE_BYTES);
    struct index_pos pos;
    struct lookup_hit hit;
    uint64_t key = 20, first = 0;
    assert_int_equal((uintptr_t)t % PAGE, 0);
    for (uint64_t i = 0; i < BUCKET_SLOTS; i++)
        first = put_at_home(f, t, i, LAST_OF_PAGE, &r);
    struct index_key k = { attl_b(&key, sizeof(key)), put_at_home(f, t, key, LAST_OF_PAGE, &r) };
    for (uint64_t i = 10; i < 10 + BUCKET_SLOTS - 1; i++)
        (void)put_at_home(f, t, i, LAST_OF_PAGE + 1, &r); /* the next bucket is full too */
    assert_true(
        index_find_address(t, first, region_address(&f->ground.region, f->records[8]), &pos));
    index_remove(pos); /* room at home */
    trap = (struct trap){ .table = t,
                          .hash = hash_with_home(t, LAST_OF_PAGE + 1, &r),
                          .address = region_address(&f->ground.region, f->records[30]) };
    struct sigaction action = { .sa_handler = spring }, before;
    assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
    assert_int_equal(mprotect((char *)t + PAGE, PAGE, PROT_NONE), 0);
    enum lookup_result result = lookup(table_ref_to(t), &f->ground.region, &k, &hit);
    assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
    assert_true(trap.sprung);
    assert_int_equal(result, LOOKUP_RETRY);
    assert_int_equal(lookup(table_ref_to(t), &f->ground.region, &k, &hit), LOOKUP_HIT);
    assert_ptr_equal(hit.pos.bucket, &t->buckets[LAST_OF_PAGE]);
    index_table_free(t);
    arena_pool_free(&f->ground.tables, filler, PAGE - TABLE_BYTES);
}

/* A bucket that is being changed, and one that changed after it was read, are not believed. */
static void
changes_are_noticed(void **state)
{
    struct arena_field *f = *state;
    uint64_t key = 0, absent = STEADY;
    struct index_key k = { attl_b(&key, sizeof(key)), f->hashes[key] };
    struct index_key missing = { attl_b(&absent, sizeof(absent)), f->hashes[absent] };
    struct lookup_hit hit;
    table_ref ref = table_ref_to(f->table);
    assert_int_equal(lookup(ref, &f->ground.region, &k, &hit), LOOKUP_HIT);
    assert_true(lookup_valid(&hit));
    struct bucket *b = hit.pos.bucket;
    index_write_begin(b);
    assert_false(lookup_valid(&hit));
    assert_int_equal(lookup(ref, &f->ground.region, &k, &hit), LOOKUP_RETRY);
    index_write_end(b);
    assert_int_equal(lookup(ref, &f->ground.region, &k, &hit), LOOKUP_HIT);
    index_replace(hit.pos, hit.address);
    assert_false(lookup_valid(&hit));
    struct bucket *home = &f->table->buckets[index_home(missing.hash, f->table->home_count)];
    assert_int_equal(lookup(ref, &f->ground.region, &missing, &hit), LOOKUP_MISS);
    for (int i = 0; i < 2; i++) {
        index_write_begin(home + i);
        assert_int_equal(lookup(ref, &f->ground.region, &missing, &hit), LOOKUP_RETRY);
        index_write_end(home + i);
    }
    assert_int_equal(lookup(ref, &f->ground.region, &missing, &hit), LOOKUP_MISS);
}

#define FIELD_TEST(f) cmocka_unit_test_setup_teardown(f, field_setup, field_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIELD_TEST(changes_are_noticed),
        FIELD_TEST(an_entry_on_its_way_is_not_missed),
        FIELD_TEST(nothing_is_missed_torn_or_older_while_a_writer_is_at_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
