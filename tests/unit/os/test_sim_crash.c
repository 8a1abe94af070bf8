/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A crash of the simulated disk loses what was not synced and nothing else, in every way that a
 * history allows. Random histories are compared with a model of what must survive: whatever was
 * synced and not touched since.
 */
#include "support/sim_disk.h"

#include "disk_contract.h"
#include "sim_fixture.h"
#include "support/check.h"
#include "support/rng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
what_was_synced_survives(void **state)
{
    struct fixture *x = *state;
    put_durably(x->d, "a", "synced");
    assert_true(sim_disk_is_durable(x->sim));
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        sim_disk_crash_with(x->sim, seed, (unsigned)seed % 4);
        disk_contract_expect(x->d, "a", "synced");
    }
}

/* Every outcome of a small history, as a set of bits, over many seeds. */
static unsigned
outcomes(struct sim_disk *sim, unsigned flags, unsigned (*look)(struct sim_disk *after))
{
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        struct sim_disk *after = sim_disk_clone(sim, seed);
        sim_disk_crash_with(after, seed, flags);
        assert_true(sim_disk_is_durable(after));
        seen |= 1u << look(after);
        sim_disk_crash(after, seed + 1); /* nothing more can be lost */
        sim_disk_free(&after);
    }
    return seen;
}

static unsigned
look_at_name(struct sim_disk *after)
{
    return sim_disk_has(after, "a");
}

static void
a_synced_file_may_lose_its_name(void **state)
{
    struct fixture *x = *state;
    struct disk_file *f = must_open(x->d, "a", DISK_CREATE);
    assert_int_equal(x->d->ops->sync(x->d, f), 0);
    assert_int_equal(x->d->ops->close(x->d, f), 0);
    assert_int_equal(outcomes(x->sim, 0, look_at_name), 3);
    assert_int_equal(outcomes(x->sim, SIM_CRASH_NOTHING, look_at_name), 1);
    assert_int_equal(outcomes(x->sim, SIM_CRASH_ALL, look_at_name), 2);
    assert_int_equal(x->d->ops->sync_dir(x->d), 0);
    assert_int_equal(outcomes(x->sim, 0, look_at_name), 2);
}

/* Which of three sectors hold the new bytes: a number 0..7. */
static unsigned
look_at_sectors(struct sim_disk *after)
{
    size_t len;
    char *bytes = sim_disk_get(after, "a", &len);
    unsigned sectors = 0;
    assert_int_equal(len, 3 * SECTOR);
    for (size_t i = 0; i < len; i++) {
        assert_true(bytes[i] == (bytes[i / SECTOR * SECTOR])); /* no sector is torn in itself */
        sectors |= bytes[i] == 'n' ? 1u << i / SECTOR : 0;
    }
    free(bytes);
    return sectors;
}

static void
an_unsynced_write_survives_by_sectors(void **state)
{
    struct fixture *x = *state;
    char bytes[3 * SECTOR];
    memset(bytes, 'o', sizeof bytes);
    sim_disk_put(x->sim, "a", bytes, sizeof bytes);
    struct disk_file *f = must_open(x->d, "a", DISK_WRITE);
    memset(bytes, 'n', sizeof bytes);
    assert_int_equal(x->d->ops->write(x->d, f, bytes, sizeof bytes, 0), 0);
    assert_int_equal(outcomes(x->sim, 0, look_at_sectors), 0xff);
    assert_int_equal(outcomes(x->sim, SIM_CRASH_NOTHING, look_at_sectors), 1);
    assert_int_equal(outcomes(x->sim, SIM_CRASH_ALL, look_at_sectors), 0x80);
    assert_int_equal(x->d->ops->sync(x->d, f), 0);
    assert_int_equal(outcomes(x->sim, 0, look_at_sectors), 0x80);
    assert_int_equal(x->d->ops->close(x->d, f), 0);
}

/* 0: empty; 1: first sector only; 2: both, whole; 3: both, one of them zeros; 4: with rubbish. */
static unsigned
look_at_growth(struct sim_disk *after)
{
    size_t len;
    char *bytes = sim_disk_get(after, "a", &len);
    unsigned zeros = 0, rubbish = 0;
    for (size_t i = 0; i < len; i++) {
        zeros += bytes[i] == 0;
        rubbish += bytes[i] != 0 && bytes[i] != 'n';
    }
    free(bytes);
    assert_true(len % SECTOR == 0 && len <= 2 * SECTOR);
    if (rubbish > 0) {
        return 4;
    }
    return len < 2 * SECTOR ? (unsigned)len / SECTOR : zeros == 0 ? 2 : 3;
}

static void
growth_survives_apart_from_the_bytes(void **state)
{
    struct fixture *x = *state;
    char bytes[SECTOR];
    sim_disk_put(x->sim, "a", "", 0);
    struct disk_file *f = must_open(x->d, "a", DISK_WRITE);
    memset(bytes, 'n', sizeof bytes);
    assert_int_equal(x->d->ops->write(x->d, f, bytes, sizeof bytes, 0), 0);
    assert_int_equal(x->d->ops->write(x->d, f, bytes, sizeof bytes, SECTOR), 0);
    assert_int_equal(outcomes(x->sim, 0, look_at_growth), 0x0f);
    assert_true(outcomes(x->sim, SIM_CRASH_RUBBISH, look_at_growth) & 0x10);
    assert_int_equal(x->d->ops->close(x->d, f), 0);
}

/* Whether the old end is back, and whether what was written after the cut is there. */
static unsigned
look_at_cut(struct sim_disk *after)
{
    size_t len;
    char *bytes = sim_disk_get(after, "a", &len);
    unsigned is = len == 10 ? 0 : len == 5 ? 1 : bytes[5] == 'x' ? 2 : 3;
    assert_memory_equal(bytes, "0123456789", len == 10 ? 10 : 5);
    if (is == 3) { /* grown again, without the byte */
        assert_int_equal(len, 6);
        assert_memory_equal(bytes, "01234\0", 6);
    }
    free(bytes);
    return is;
}

static void
a_lost_truncation_brings_the_old_end_back(void **state)
{
    struct fixture *x = *state;
    sim_disk_put(x->sim, "a", "0123456789", 10);
    struct disk_file *f = must_open(x->d, "a", DISK_WRITE);
    assert_int_equal(x->d->ops->truncate(x->d, f, 5), 0);
    assert_int_equal(x->d->ops->write(x->d, f, "x", 1, 5), 0);
    assert_int_equal(outcomes(x->sim, 0, look_at_cut), 0x0f);
    assert_int_equal(x->d->ops->close(x->d, f), 0);
}

/* Bits: a, b, c are there. */
static unsigned
look_at_three(struct sim_disk *after)
{
    return (unsigned)sim_disk_has(after, "a") | (unsigned)sim_disk_has(after, "b") << 1 |
           (unsigned)sim_disk_has(after, "c") << 2;
}

static void
names_survive_in_their_order_or_as_a_subset(void **state)
{
    struct fixture *x = *state;
    disk_contract_put(x->d, "a", "");
    disk_contract_put(x->d, "b", "");
    disk_contract_put(x->d, "c", "");
    assert_int_equal(outcomes(x->sim, 0, look_at_three), 1 << 0 | 1 << 1 | 1 << 3 | 1 << 7);
    assert_int_equal(outcomes(x->sim, SIM_CRASH_ANY_NAMES, look_at_three), 0xff);
}

static void
names_keep_their_dependencies(void **state)
{
    struct fixture *x = *state;
    disk_contract_put(x->d, "a", "");
    assert_int_equal(x->d->ops->rename(x->d, "a", "b"), 0);
    assert_int_equal(x->d->ops->rename(x->d, "b", "c"), 0);
    /* One file: never two names. */
    assert_int_equal(outcomes(x->sim, SIM_CRASH_ANY_NAMES, look_at_three),
                     1 << 0 | 1 << 1 | 1 << 2 | 1 << 4);
    assert_int_equal(x->d->ops->remove(x->d, "c"), 0);
    assert_true(outcomes(x->sim, SIM_CRASH_ANY_NAMES, look_at_three) & 1 << 0);
}

static unsigned
look_at_replaced(struct sim_disk *after)
{
    size_t len;
    char *bytes = sim_disk_get(after, "b", &len);
    assert_non_null(bytes); /* a rename over a name never leaves it empty */
    unsigned is_new = strcmp(bytes, "new") == 0;
    assert_true(is_new || strcmp(bytes, "old") == 0);
    assert_int_equal(sim_disk_has(after, "a"), !is_new);
    free(bytes);
    return is_new;
}

static void
a_rename_replaces_at_once(void **state)
{
    struct fixture *x = *state;
    put_durably(x->d, "b", "old");
    put_durably(x->d, "a", "new");
    assert_int_equal(x->d->ops->rename(x->d, "a", "b"), 0);
    assert_int_equal(outcomes(x->sim, SIM_CRASH_ANY_NAMES, look_at_replaced), 3);
}

static void
a_killed_process_loses_nothing_but_its_files(void **state)
{
    struct fixture *x = *state;
    struct disk_file *f = must_open(x->d, "a", DISK_CREATE);
    assert_int_equal(x->d->ops->write(x->d, f, "text", 4, 0), 0);
    sim_disk_kill(x->sim);
    assert_int_equal(x->d->ops->write(x->d, f, "more", 4, 0), -EIO);
    assert_int_equal(x->d->ops->close(x->d, f), -EIO);
    disk_contract_expect(x->d, "a", "text");
    assert_false(sim_disk_is_durable(x->sim));
    assert_int_equal(outcomes(x->sim, 0, look_at_name), 3);
}

/* Bits: the first byte survived, the second did. */
static unsigned
look_at_two(struct sim_disk *after)
{
    size_t len;
    char *bytes = sim_disk_get(after, "a", &len);
    unsigned is = (len > 0 && bytes[0] == '1') | (len > SECTOR && bytes[SECTOR] == '2') << 1;
    free(bytes);
    return is;
}

/* The kernel calls the pages clean: the second sync has nothing to write, and says so with 0. */
static void
a_failed_sync_is_never_made_good(void **state)
{
    struct fixture *x = *state;
    unsigned seen = 0;
    for (uint64_t i = 0; i < 20; i++) {
        sim_disk_put(x->sim, "a", "0", 1);
        struct disk_file *f = must_open(x->d, "a", DISK_WRITE);
        assert_int_equal(x->d->ops->write(x->d, f, "1", 1, 0), 0);
        sim_disk_fail(x->sim, SIM_SYNC, 1, -EIO, SIM_ONCE);
        assert_int_equal(x->d->ops->sync(x->d, f), -EIO);
        assert_int_equal(x->d->ops->write(x->d, f, "2", 1, SECTOR), 0);
        assert_int_equal(x->d->ops->sync(x->d, f), 0);
        assert_int_equal(x->d->ops->close(x->d, f), 0);
        assert_int_equal(look_at_two(x->sim), 3); /* readers see all of it */
        seen |= outcomes(x->sim, 0, look_at_two);
    }
    assert_int_equal(seen, 1 << 2 | 1 << 3);
}

/* ---- random histories ---- */

enum { FILE_BYTES = 4 * SECTOR, STEPS = 24 };

/* What must survive of one file: bytes synced and not written since. */
struct expected {
    uint8_t durable[FILE_BYTES];
    bool touched[FILE_BYTES];
};

static void
random_step(struct disk *d, struct disk_file *f, struct rng *r, struct expected *e, uint8_t *live)
{
    if (rng_one_in(r, 5)) {
        CHECK(d->ops->sync(d, f) == 0, "sync");
        memcpy(e->durable, live, FILE_BYTES);
        memset(e->touched, 0, sizeof e->touched);
        return;
    }
    uint8_t bytes[FILE_BYTES];
    size_t offset = (size_t)rng_below(r, FILE_BYTES);
    size_t len = (size_t)rng_range(r, 1, FILE_BYTES - offset);
    memset(bytes, (int)rng_range(r, 1, 255), len);
    CHECK(d->ops->write(d, f, bytes, len, offset) == 0, "write");
    memcpy(live + offset, bytes, len);
    memset(e->touched + offset, 1, len);
}

static void
synced_bytes_survive_any_history(void **state)
{
    (void)state;
    uint64_t seed = test_seed(), rounds = test_scaled(100000), calls = 0;
    test_announce("synced_bytes_survive_any_history", seed);
    for (uint64_t round = 0; round < rounds; round++) {
        struct rng r = rng_from_seed(seed + round);
        struct sim_disk *sim = sim_disk_new(seed + round);
        struct disk *d = sim_disk_table(sim);
        struct disk_file *f;
        struct expected e = { .durable = { 0 } };
        uint8_t live[FILE_BYTES] = { 0 }, got[FILE_BYTES];
        CHECK(d->ops->open(d, "a", DISK_CREATE, &f) == 0, "open");
        CHECK(d->ops->allocate(d, f, FILE_BYTES, true) == 0, "allocate");
        CHECK(d->ops->sync(d, f) == 0 && d->ops->sync_dir(d) == 0, "sync");
        for (uint64_t steps = rng_below(&r, STEPS); steps > 0; steps--) {
            random_step(d, f, &r, &e, live);
        }
        CHECK(disk_read_exact(d, f, got, FILE_BYTES, 0) == 0, "read");
        CHECK(memcmp(got, live, FILE_BYTES) == 0, "round %" PRIu64, round);
        sim_disk_crash_with(sim, seed + round, (unsigned)rng_below(&r, 4));
        (void)d->ops->close(d, f); /* stale */
        CHECK(d->ops->open(d, "a", DISK_READ, &f) == 0, "open");
        CHECK(disk_read_exact(d, f, got, FILE_BYTES, 0) == 0, "read");
        (void)d->ops->close(d, f); /* only read */
        for (size_t i = 0; i < FILE_BYTES; i++) {
            CHECK(e.touched[i] || got[i] == e.durable[i], "round %" PRIu64 ", byte %zu", round, i);
        }
        calls += sim_disk_calls(sim, SIM_ANY);
        sim_disk_free(&sim);
    }
    print_message("# %" PRIu64 " calls\n", calls);
}

/* The same seeds, the same outcome. */
static void
a_crash_can_be_replayed(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        char *got[2];
        size_t len[2];
        for (int i = 0; i < 2; i++) {
            struct sim_disk *sim = sim_disk_new(seed);
            struct disk *d = sim_disk_table(sim);
            struct rng r = rng_from_seed(seed);
            struct expected e;
            uint8_t live[FILE_BYTES];
            struct disk_file *f = must_open(d, "a", DISK_CREATE);
            assert_int_equal(d->ops->sync_dir(d), 0);
            sim_disk_fail(sim, SIM_ALLOCATE, 1, -EIO, SIM_ONCE);
            assert_int_equal(d->ops->allocate(d, f, 3333, true), -EIO);
            for (int step = 0; step < STEPS; step++) {
                random_step(d, f, &r, &e, live);
            }
            sim_disk_crash_with(sim, seed, SIM_CRASH_RUBBISH);
            assert_int_equal(d->ops->close(d, f), -EIO);
            got[i] = sim_disk_get(sim, "a", &len[i]);
            assert_non_null(got[i]);
            sim_disk_free(&sim);
        }
        assert_int_equal(len[0], len[1]);
        assert_memory_equal(got[0], got[1], len[0]);
        free(got[0]);
        free(got[1]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(what_was_synced_survives),
        SIM_TEST(a_synced_file_may_lose_its_name),
        SIM_TEST(an_unsynced_write_survives_by_sectors),
        SIM_TEST(growth_survives_apart_from_the_bytes),
        SIM_TEST(a_lost_truncation_brings_the_old_end_back),
        SIM_TEST(names_survive_in_their_order_or_as_a_subset),
        SIM_TEST(names_keep_their_dependencies),
        SIM_TEST(a_rename_replaces_at_once),
        SIM_TEST(a_killed_process_loses_nothing_but_its_files),
        SIM_TEST(a_failed_sync_is_never_made_good),
        cmocka_unit_test(synced_bytes_survive_any_history),
        cmocka_unit_test(a_crash_can_be_replayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
