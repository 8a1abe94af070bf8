/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The room on the disk: the reserve is there when it is needed and comes back when there is room,
 * an open segment that somebody removes is missed and made good, the interval that was not logged
 * is kept exactly, and a disk that fails once, at any of its calls, costs nothing that was
 * acknowledged and leaves an incident behind. The keeper's work is done by attl_tick().
 */
#include "api/api.h"
#include "engine/store.h"
#include "support/durable.h"
#include "support/refusing.h"
#include "support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

enum { PATIENCE_MS = 20000, VALUE_BYTES = 1000 };

static const struct sim_option with_reserve[] = { { "persist.reserve", "256KiB" },
                                                  { "persist.segment_size", "64KiB" },
                                                  { "incident.open_after", "1" },
                                                  { "incident.close_after", "1" },
                                                  { NULL, NULL } };
static const struct sim_option degrading[] = { { "persist.fsync", "everysec" },
                                               { "persist.on_error", "degrade" },
                                               { NULL, NULL } };

static void
nap(void)
{
    struct parker parker = { 0 };
    parker_sleep(&parker, 2);
}

/* The keeper looks, and the control plane reads. */
static void
look(struct durable *d)
{
    sim_advance(&d->sim, 1000);
    attl_tick(d->cache, 0, NULL);
}

static bool
is_writing(struct durable *d)
{
    return durable_stats(d).state == WAL_WRITING;
}

static bool
is_detached(struct durable *d)
{
    return durable_stats(d).state == WAL_DETACHED;
}

static bool
is_whole(struct durable *d)
{
    return durable_stats(d).state == 0;
}

static bool
has_reserve(struct durable *d)
{
    return durable_stats(d).reserve_bytes > 0;
}

static bool
reserve_is_gone(struct durable *d)
{
    return durable_stats(d).reserve_released > 0;
}

static uint64_t
open_segment(struct durable *d)
{
    struct wal_stats st;
    wal_stats_get(d->cache->store->wal, &st);
    return st.segment_first_lsn;
}

typedef bool (*wish_fn)(struct durable *d);

static void
wait_for(struct durable *d, wish_fn wish, const char *what)
{
    int64_t end_ns = clock_mono_ns() + PATIENCE_MS * INT64_C(1000000);
    while (!wish(d)) {
        if (clock_mono_ns() > end_ns)
            fail_msg("waited in vain: %s", what);
        look(d);
        nap();
    }
}

#define WAIT_FOR(d, wish) wait_for((d), (wish), #wish)

static int
store_one(struct durable *d, unsigned i)
{
    char key[16], value[VALUE_BYTES];
    (void)snprintf(key, sizeof key, "k%u", i);
    memset(value, 'a' + (int)(i % 26), sizeof value);
    return attl_set(d->cache, attl_s(key), attl_b(value, sizeof value), ATTL_TTL_NONE);
}

static bool
has_one(struct durable *d, unsigned i)
{
    char key[16], got[VALUE_BYTES];
    size_t len = 0;
    (void)snprintf(key, sizeof key, "k%u", i);
    return attl_get(d->cache, attl_s(key), got, sizeof got, &len) == ATTL_OK &&
           len == VALUE_BYTES && got[0] == (char)('a' + (int)(i % 26));
}

static uint64_t
incidents(struct durable *d, int kind)
{
    attl_incident_stats st = { .struct_size = sizeof st };
    attl_incident_stats_get(d->cache, &st);
    return st.by_kind[kind];
}

static void
sizes_follow_from_the_disk(void **state)
{
    (void)state;
    assert_int_equal(space_reserve_size(64 * MIB, 100000 * MIB), 64 * MIB);
    assert_int_equal(space_reserve_size(64 * MIB, 1000 * MIB), 10 * MIB);
    assert_int_equal(space_reserve_size(0, 1000 * MIB), 0);
    assert_int_equal(space_reserve_size(64 * MIB, 0), 0);
    assert_int_equal(space_low_limit(0, 5), 5);
    assert_int_equal(space_low_limit(6, 5), 6);
}

/* Only what the reserve gives back lets the log go on: nobody notices more than a delay. */
static void
a_full_disk_finds_the_reserve(void **state)
{
    struct durable *d = *state;
    uint64_t free_bytes;
    struct disk *disk = sim_disk_table(d->disk);
    sim_disk_set_capacity(d->disk, 64 * MIB);
    durable_open(d, with_reserve);
    WAIT_FOR(d, has_reserve);
    assert_int_equal(durable_stats(d).reserve_bytes, 256 * KIB);
    assert_true(sim_disk_has(d->disk, SPACE_RESERVE_NAME));
    unsigned n = 0;
    for (; n < 10; n++)
        ASSERT_STATUS(store_one(d, n), ATTL_OK);
    assert_int_equal(disk->ops->free_bytes(disk, &free_bytes), 0);
    sim_disk_set_capacity(d->disk, 64 * MIB - free_bytes + 4 * KIB);
    for (int refused = 0; !reserve_is_gone(d); refused++) {
        n += store_one(d, n) == ATTL_OK;
        look(d);
        assert_true(refused < 10000);
    }
    assert_int_equal(durable_events(d, "reserve_released"), 1);
    WAIT_FOR(d, is_writing);
    for (unsigned i = 0; i < 60; i++, n++)
        ASSERT_STATUS(store_one(d, n), ATTL_OK);
    assert_int_equal(durable_stats(d).unlogged_changes, 0);
    for (int i = 0; i < 20; i++)
        look(d);
    assert_true(durable_stats(d).reserve_bytes < 256 * KIB); /* there is no room for it yet */
    assert_true(incidents(d, ATTL_INCIDENT_LOW_DISK) > 0);
    assert_true(incidents(d, ATTL_INCIDENT_WAL_FAILURE) > 0);
    sim_disk_set_capacity(d->disk, 64 * MIB);
    WAIT_FOR(d, has_reserve);
    durable_crash(d, 3);
    durable_open(d, with_reserve);
    for (unsigned i = 0; i < n; i++)
        assert_true(has_one(d, i));
    look(d);
    assert_int_equal(durable_stats(d).reserve_bytes, 256 * KIB); /* it was found again */
}

static void
a_reserve_nobody_wants_goes(void **state)
{
    struct durable *d = *state;
    sim_disk_set_capacity(d->disk, 64 * MIB);
    durable_open(d, with_reserve);
    WAIT_FOR(d, has_reserve);
    sim_option(d->cache, "persist.reserve", "0");
    look(d);
    assert_false(sim_disk_has(d->disk, SPACE_RESERVE_NAME));
    assert_int_equal(durable_stats(d).reserve_bytes, 0);
}

static void
a_reserve_that_cannot_be_made_is_no_error(void **state)
{
    struct durable *d = *state;
    sim_disk_set_capacity(d->disk, 64 * MIB);
    durable_open(d, with_reserve);
    ASSERT_STATUS(store_one(d, 0), ATTL_OK);
    sim_option(d->cache, "persist.reserve", "0");
    look(d);
    sim_disk_fail(d->disk, SIM_ALLOCATE, 1, -EIO, SIM_ONCE);
    sim_option(d->cache, "persist.reserve", "128KiB");
    look(d);
    assert_false(sim_disk_has(d->disk, SPACE_RESERVE_NAME));
    WAIT_FOR(d, has_reserve);
}

static void
an_open_segment_that_goes_is_missed(void **state)
{
    struct durable *d = *state;
    char name[SEGMENT_NAME_MAX];
    durable_open(d, with_reserve);
    for (unsigned i = 0; i < 5; i++)
        ASSERT_STATUS(store_one(d, i), ATTL_OK);
    look(d);
    segment_name(1, name);
    assert_true(sim_disk_has(d->disk, name));
    sim_disk_drop(d->disk, name);
    for (unsigned i = 5; i < 8; i++)
        ASSERT_STATUS(store_one(d, i), ATTL_OK);
    for (int i = 0; i < 5; i++)
        look(d);
    assert_int_equal(durable_events(d, "segment_gone"), 1);
    assert_true(durable_stats(d).snapshots > 0);
    assert_int_equal(incidents(d, ATTL_INCIDENT_CORRUPTION), 1);
    attl_scrub_stats scrub = { .struct_size = sizeof scrub };
    attl_scrub_stats_get(d->cache, &scrub);
    assert_int_equal(scrub.unhealed, 0);
    ASSERT_STATUS(store_one(d, 8), ATTL_OK);
    durable_crash(d, 9);
    durable_open(d, NULL);
    for (unsigned i = 0; i < 9; i++)
        assert_true(has_one(d, i));
}

/* Cut under the log, which goes on writing where it was. */
static void
an_open_segment_that_is_cut_is_missed(void **state)
{
    struct durable *d = *state;
    struct disk *disk = sim_disk_table(d->disk);
    struct disk_file *f;
    char name[SEGMENT_NAME_MAX];
    durable_open(d, with_reserve);
    for (unsigned i = 0; i < 5; i++)
        ASSERT_STATUS(store_one(d, i), ATTL_OK);
    look(d);
    segment_name(1, name);
    assert_int_equal(disk->ops->open(disk, name, DISK_WRITE, &f), 0);
    assert_int_equal(disk->ops->truncate(disk, f, 100), 0);
    assert_int_equal(disk->ops->close(disk, f), 0);
    for (unsigned i = 5; i < 8; i++)
        ASSERT_STATUS(store_one(d, i), ATTL_OK);
    look(d);
    assert_int_equal(durable_events(d, "segment_gone"), 0); /* it might have been its end */
    for (int i = 0; i < 4; i++)
        look(d);
    assert_int_equal(durable_events(d, "segment_gone"), 1);
    assert_int_equal(incidents(d, ATTL_INCIDENT_CORRUPTION), 1);
    durable_crash(d, 11);
    durable_open(d, NULL);
    for (unsigned i = 0; i < 8; i++)
        assert_true(has_one(d, i));
}

static void
segments_that_end_are_not_missed(void **state)
{
    struct durable *d = *state;
    durable_open(d, with_reserve);
    for (unsigned i = 0; i < 400; i++) {
        ASSERT_STATUS(store_one(d, i), ATTL_OK);
        look(d);
    }
    assert_true(open_segment(d) > 1);
    assert_int_equal(durable_events(d, "segment_gone"), 0);
    assert_int_equal(durable_stats(d).snapshots, 0);
}

/* ---- closing ---- */

static void
closing_misses_an_open_segment_too(void **state)
{
    struct durable *d = *state;
    char name[SEGMENT_NAME_MAX];
    durable_open(d, with_reserve);
    for (unsigned i = 0; i < 5; i++)
        ASSERT_STATUS(store_one(d, i), ATTL_OK);
    look(d);
    look(d);
    segment_name(1, name);
    sim_disk_drop(d->disk, name);
    attl_close(&d->cache);
    assert_int_equal(durable_events(d, "segment_gone"), 1);
    assert_int_equal(durable_events(d, "closing_snapshot"), 1);
    durable_open(d, NULL);
    for (unsigned i = 0; i < 5; i++)
        assert_true(has_one(d, i));
}

static void
closing_spends_the_reserve(void **state)
{
    struct durable *d = *state;
    uint64_t free_bytes;
    struct disk *disk = sim_disk_table(d->disk);
    const struct sim_option options[] = { { "persist.reserve", "256KiB" },
                                          { "persist.segment_size", "64KiB" },
                                          { "persist.fsync", "no" },
                                          { NULL, NULL } };
    sim_disk_set_capacity(d->disk, 64 * MIB);
    durable_open(d, options);
    WAIT_FOR(d, has_reserve);
    assert_int_equal(disk->ops->free_bytes(disk, &free_bytes), 0);
    sim_disk_set_capacity(d->disk, 64 * MIB - free_bytes);
    unsigned n = 0; /* more than what is left of the segment */
    for (; n < 100; n++)
        ASSERT_STATUS(store_one(d, n), ATTL_OK);
    attl_close(&d->cache);
    assert_int_equal(durable_events(d, "reserve_released"), 1);
    assert_int_equal(durable_events(d, "log_close"), 0);
    durable_crash(d, 4);
    sim_disk_set_capacity(d->disk, 64 * MIB);
    durable_open(d, NULL);
    for (unsigned i = 0; i < n; i++)
        assert_true(has_one(d, i));
}

static void
closing_in_memory_only_leaves_a_snapshot(void **state)
{
    struct durable *d = *state;
    durable_open(d, degrading);
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, 1, -ENOSPC, SIM_FOREVER);
    unsigned n = 0;
    for (; !is_detached(d); n++) {
        ASSERT_STATUS(store_one(d, n), ATTL_OK);
        nap();
    }
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    attl_close(&d->cache);
    assert_int_equal(durable_events(d, "closing_snapshot"), 1);
    durable_open(d, NULL);
    for (unsigned i = 0; i < n; i++)
        assert_true(has_one(d, i));
}

/* ---- what was not logged ---- */

static void
the_interval_that_was_not_logged_is_kept(void **state)
{
    struct durable *d = *state;
    durable_open(d, degrading);
    ASSERT_STATUS(store_one(d, 0), ATTL_OK);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    uint64_t first = durable_next_lsn(d);
    assert_int_equal(durable_stats(d).log_gap_from, 0);
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, 1, -ENOSPC, SIM_FOREVER);
    unsigned n = 1;
    for (; !is_detached(d); n++) {
        ASSERT_STATUS(store_one(d, n), ATTL_OK);
        nap();
    }
    for (unsigned i = 0; i < 10; i++, n++)
        ASSERT_STATUS(store_one(d, n), ATTL_OK);
    look(d);
    attl_persist_stats st = durable_stats(d);
    assert_true(st.log_gap_from >= first && st.log_gap_to == 0);
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    WAIT_FOR(d, is_whole);
    st = durable_stats(d);
    assert_true(st.log_gap_to > st.log_gap_from);
    assert_true(st.log_gap_changes >= n - 1 && st.log_gap_changes == st.unlogged_changes);
    assert_true(st.log_gap_from_ms > 0 && st.log_gap_to_ms >= st.log_gap_from_ms);
    assert_true(incidents(d, ATTL_INCIDENT_WAL_FAILURE) > 0);
    durable_crash(d, 5);
    durable_open(d, NULL);
    for (unsigned i = 0; i < n; i++)
        assert_true(has_one(d, i));
}

/* One failure at the n-th call that changes the disk, while incidents are looked for. */
static void
one_failure_anywhere_is_an_incident_and_no_loss(void **state)
{
    struct durable *d = *state;
    for (unsigned nth = 1; nth <= 24; nth++) {
        bool acknowledged[40] = { false };
        durable_open(d, with_reserve);
        look(d);
        sim_disk_fail(d->disk, SIM_MUTATING, nth, nth % 2 ? -EIO : -ENOSPC, SIM_ONCE);
        for (unsigned i = 0; i < 40; i++) {
            acknowledged[i] = store_one(d, i) == ATTL_OK;
            if (i % 8 == 0)
                look(d);
        }
        bool met = sim_disk_failures(d->disk) > 0;
        sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
        WAIT_FOR(d, is_writing);
        look(d);
        attl_persist_stats st = durable_stats(d);
        if (met && st.write_errors + st.sync_errors > 0)
            assert_true(incidents(d, ATTL_INCIDENT_WAL_FAILURE) > 0);
        durable_crash(d, nth);
        durable_open(d, NULL);
        for (unsigned i = 0; i < 40; i++)
            assert_true(!acknowledged[i] || has_one(d, i));
        attl_close(&d->cache);
    }
}

/* The n-th allocation of the keeper's work fails, wherever it is: it is done later. */
static void
no_memory_is_no_loss(void **state)
{
    struct durable *d = *state;
    char name[SEGMENT_NAME_MAX];
    unsigned failed = 0;
    for (int64_t nth = 0; nth < 12; nth++) {
        struct refusing refusing = { .left = nth };
        durable_open(d, with_reserve);
        uint64_t first = open_segment(d);
        for (unsigned i = 0; i < 5; i++)
            ASSERT_STATUS(store_one(d, i), ATTL_OK);
        segment_name(first, name);
        sim_disk_drop(d->disk, name);
        attl_allocator was = d->cache->store->alloc;
        d->cache->store->alloc = refusing_hooks(&refusing);
        for (int i = 0; i < 3; i++)
            look(d);
        d->cache->store->alloc = was;
        failed += durable_stats(d).snapshots == 0;
        d->cache->store->retry_at_ns = 0; /* no pause after what failed */
        for (int i = 0; i < 4; i++)
            look(d);
        assert_true(durable_events(d, "segment_gone") > 0);
        assert_true(durable_stats(d).snapshots > 0);
        durable_crash(d, (uint64_t)nth + 1);
        durable_open(d, NULL);
        for (unsigned i = 0; i < 5; i++)
            assert_true(has_one(d, i));
        attl_close(&d->cache);
    }
    assert_true(failed > 0 && failed < 12);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_follow_from_the_disk),
        DURABLE_TEST(a_full_disk_finds_the_reserve),
        DURABLE_TEST(a_reserve_nobody_wants_goes),
        DURABLE_TEST(a_reserve_that_cannot_be_made_is_no_error),
        DURABLE_TEST(an_open_segment_that_goes_is_missed),
        DURABLE_TEST(an_open_segment_that_is_cut_is_missed),
        DURABLE_TEST(segments_that_end_are_not_missed),
        DURABLE_TEST(closing_misses_an_open_segment_too),
        DURABLE_TEST(closing_spends_the_reserve),
        DURABLE_TEST(closing_in_memory_only_leaves_a_snapshot),
        DURABLE_TEST(the_interval_that_was_not_logged_is_kept),
        DURABLE_TEST(one_failure_anywhere_is_an_incident_and_no_loss),
        DURABLE_TEST(no_memory_is_no_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
