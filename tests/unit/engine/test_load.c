/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What recovery makes of a directory: the newest whole snapshot and the log behind it, and what it
 * does when either is damaged, missing, newer or unreadable. Files are spoilt on the simulated disk
 * between two lives. What must not happen is tested with it: a refusal leaves every byte where it
 * was, and what a recovery has given up never comes back later.
 */
#include "api/api.h"
#include "engine/store.h"
#include "os/crc32c.h"
#include "persist/snapshot_format.h"
#include "support/durable.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct sim_option prefix[] = { { "persist.recover", "prefix" }, { NULL, NULL } };
static const struct sim_option salvage[] = { { "persist.recover", "salvage" }, { NULL, NULL } };

/* ---- spoiling -------------------------------------------------------------------------------- */

static void
flip_in(struct durable *d, const char *prefix_of_name, uint64_t offset)
{
    char name[96];
    assert_true(durable_files(d, prefix_of_name, name, sizeof name) > 0);
    sim_disk_flip(d->disk, name, offset, 0x40);
}

/* The offset of a text in the newest file of a kind. */
static uint64_t
find_text(struct durable *d, const char *prefix_of_name, const char *text)
{
    char name[96];
    size_t len;
    assert_true(durable_files(d, prefix_of_name, name, sizeof name) > 0);
    char *bytes = sim_disk_get(d->disk, name, &len);
    char *at = memmem(bytes, len, text, strlen(text));
    assert_non_null(at);
    uint64_t offset = (uint64_t)(at - bytes);
    free(bytes);
    return offset;
}

struct sums {
    uint64_t files, bytes, hash;
};

struct summing {
    struct durable *d;
    struct sums sums;
};

static void
add_file(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    struct summing *s = ud;
    size_t len;
    (void)modified_ms;
    uint64_t hash = 1;
    unsigned char *data = sim_disk_get(s->d->disk, name, &len);
    assert_int_equal(len, bytes);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ data[i]) * UINT64_C(1099511628211);
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    s->sums.hash += hash; /* in any order */
    s->sums.files++;
    s->sums.bytes += bytes;
    free(data);
}

/* All that is on the disk, in one number. */
static struct sums
sum_disk(struct durable *d)
{
    struct summing s = { d, { 0 } };
    struct disk *disk = sim_disk_table(d->disk);
    assert_int_equal(disk->ops->list(disk, add_file, &s), 0);
    return s.sums;
}

static void
assert_untouched(struct durable *d, struct sums before)
{
    struct sums now = sum_disk(d);
    assert_int_equal(now.files, before.files);
    assert_int_equal(now.bytes, before.bytes);
    assert_int_equal(now.hash, before.hash);
}

static void
assert_says(struct durable *d, const char *text)
{
    if (!strstr(d->err, text))
        fail_msg("\"%s\" does not say \"%s\"", d->err, text);
}

/* Snapshot "old" before a=2, snapshot "new" before a=3; the cache is open. */
static void
make_two_snapshots(struct durable *d)
{
    durable_open(d, NULL);
    put(d->cache, "a", "one", ATTL_TTL_NONE);
    put(d->cache, "gone", "x", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    put(d->cache, "a", "two", ATTL_TTL_NONE);
    drop(d->cache, "gone");
    sim_advance(&d->sim, 1000);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    put(d->cache, "b", "three", ATTL_TTL_NONE);
}

static void
expect_all(struct durable *d)
{
    expect(d->cache, "a", "two");
    expect(d->cache, "gone", NULL);
    expect(d->cache, "b", "three");
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static void
an_empty_directory_is_an_empty_cache(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    assert_int_equal(attl_size(d->cache), 0);
    assert_int_equal(durable_stats(d).recovered_frames, 0);
}

static void
the_newest_snapshot_and_the_log_behind_it_are_read(void **state)
{
    struct durable *d = *state;
    make_two_snapshots(d);
    durable_kill(d);
    durable_open(d, NULL);
    expect_all(d);
    attl_persist_stats st = durable_stats(d);
    assert_int_equal(st.recovered_entries, 2);
    assert_true(st.recovered_frames > 0 && st.recovered_frames < 8);
    assert_int_equal(st.changes_since_snapshot, 1);
    assert_true(st.last_snapshot_ms == SIM_START_MS + 1000);
}

static void
a_damaged_snapshot_is_set_aside_for_the_one_before(void **state)
{
    struct durable *d = *state;
    make_two_snapshots(d);
    durable_kill(d);
    flip_in(d, "snap-", find_text(d, "snap-", "two"));
    durable_open(d, NULL);
    expect_all(d);
    assert_int_equal(durable_events(d, "snapshot_damaged"), 1);
    assert_int_equal(durable_files(d, "aside-", NULL, 0), 1);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 1);
    durable_kill(d);
    durable_open(d, NULL);
    expect_all(d);
}

static void
without_any_whole_snapshot_the_log_alone_will_do(void **state)
{
    struct durable *d = *state;
    make_two_snapshots(d);
    durable_kill(d);
    flip_in(d, "snap-", 20);
    durable_open(d, NULL);
    durable_kill(d);
    flip_in(d, "snap-", 20);
    durable_open(d, NULL);
    expect_all(d);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 0);
    assert_int_equal(durable_files(d, "aside-", NULL, 0), 2);
}

static void
a_snapshot_of_a_newer_release_is_refused_and_not_touched(void **state)
{
    struct durable *d = *state;
    char name[96];
    size_t len;
    make_two_snapshots(d);
    durable_kill(d);
    assert_int_equal(durable_files(d, "snap-", name, sizeof name), 2);
    unsigned char *bytes = sim_disk_get(d->disk, name, &len);
    struct snapshot_meta meta;
    uint32_t crc;
    assert_int_equal(snapshot_header_decode(bytes, &meta, &crc), SNAPSHOT_OK);
    bytes[8] = SNAPSHOT_VERSION + 1;
    crc = crc32c(0, bytes, SNAPSHOT_HEADER_BYTES - sizeof crc);
    memcpy(bytes + SNAPSHOT_HEADER_BYTES - sizeof crc, &crc, sizeof crc);
    sim_disk_put(d->disk, name, bytes, len);
    free(bytes);
    struct sums before = sum_disk(d);
    ASSERT_STATUS(durable_try_open(d, NULL), ATTL_E_UNSUPPORTED);
    assert_says(d, name);
    assert_says(d, "newer");
    assert_untouched(d, before);
}

static void
a_disk_that_fails_to_read_is_not_damage(void **state)
{
    struct durable *d = *state;
    make_two_snapshots(d);
    durable_kill(d);
    /* The free space behind the log may have been cut off when it was opened: that is no loss. */
    for (uint64_t nth = 1;; nth++) {
        sim_disk_fail(d->disk, SIM_READ, nth, -EIO, SIM_FOREVER);
        int status = durable_try_open(d, NULL);
        if (sim_disk_failures(d->disk) == 0)
            break;
        ASSERT_STATUS(status, ATTL_E_IO);
        assert_int_equal(durable_files(d, "aside-", NULL, 0), 0);
    }
    expect_all(d);
    assert_int_equal(durable_files(d, "aside-", NULL, 0), 0);
}

/* ---- the log --------------------------------------------------------------------------------- */

/* Three acknowledged changes behind each other in the newest segment, the middle one damaged. */
static uint64_t
damage_the_middle(struct durable *d)
{
    durable_open(d, NULL);
    put(d->cache, "first", "11111111", ATTL_TTL_NONE);
    sim_advance(&d->sim, 1000); /* so that a mark testifies to what is durable */
    put(d->cache, "middle", "22222222", ATTL_TTL_NONE);
    sim_advance(&d->sim, 1000);
    put(d->cache, "last", "33333333", ATTL_TTL_NONE);
    sim_advance(&d->sim, 1000);
    put(d->cache, "end", "44444444", ATTL_TTL_NONE);
    durable_kill(d);
    uint64_t at = find_text(d, "wal-0", "22222222");
    flip_in(d, "wal-0", at);
    return at;
}

static void
damage_in_the_middle_is_refused_with_its_place(void **state)
{
    struct durable *d = *state;
    char name[96];
    uint64_t at = damage_the_middle(d);
    assert_true(durable_files(d, "wal-0", name, sizeof name) > 0);
    struct sums before = sum_disk(d);
    ASSERT_STATUS(durable_try_open(d, NULL), ATTL_E_DAMAGED);
    assert_says(d, name);
    assert_says(d, "--recover=prefix");
    assert_says(d, "--recover=salvage");
    assert_says(d, "Nothing was altered");
    const char *offset = strstr(d->err, "at offset ");
    assert_non_null(offset);
    uint64_t said = strtoull(offset + strlen("at offset "), NULL, 10);
    assert_in_range(said, at - 40, at); /* the frame begins a little before its value */
    assert_untouched(d, before);
    ASSERT_STATUS(durable_try_open(d, NULL), ATTL_E_DAMAGED); /* and again */
    assert_untouched(d, before);
}

static void
prefix_goes_on_before_the_damage(void **state)
{
    struct durable *d = *state;
    (void)damage_the_middle(d);
    durable_open(d, prefix);
    expect(d->cache, "first", "11111111");
    expect(d->cache, "middle", NULL);
    expect(d->cache, "last", NULL);
    assert_true(durable_stats(d).recovered_lost_frames >= 2);
    assert_int_equal(durable_files(d, "aside-", NULL, 0), 1);
    put(d->cache, "new", "5", ATTL_TTL_NONE);
    durable_crash(d, 7);
    durable_open(d, NULL);
    expect(d->cache, "first", "11111111");
    expect(d->cache, "last", NULL);
    expect(d->cache, "new", "5");
}

static void
salvage_takes_what_can_be_read(void **state)
{
    struct durable *d = *state;
    (void)damage_the_middle(d);
    durable_open(d, salvage);
    expect(d->cache, "first", "11111111");
    expect(d->cache, "middle", NULL);
    expect(d->cache, "last", "33333333");
    expect(d->cache, "end", "44444444");
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    put(d->cache, "new", "5", ATTL_TTL_NONE);
    durable_crash(d, 7);
    durable_open(d, NULL);
    expect(d->cache, "last", "33333333");
    expect(d->cache, "new", "5");
}

static void
a_hole_between_snapshot_and_log_is_refused(void **state)
{
    struct durable *d = *state;
    char first[96];
    make_two_snapshots(d);
    for (int i = 0; i < 40; i++) { /* several segments */
        char key[16], value[8000];
        (void)snprintf(key, sizeof key, "k%02d", i);
        memset(value, 'v', sizeof value);
        ASSERT_STATUS(attl_set(d->cache, attl_s(key), attl_b(value, sizeof value), ATTL_TTL_NONE),
                      ATTL_OK);
    }
    durable_kill(d);
    segment_name(1, first);
    assert_true(sim_disk_has(d->disk, first));
    sim_disk_drop(d->disk, first);
    struct sums before = sum_disk(d);
    ASSERT_STATUS(durable_try_open(d, NULL), ATTL_E_DAMAGED);
    assert_says(d, "missing");
    assert_says(d, "--recover=salvage");
    assert_untouched(d, before);
    durable_open(d, salvage);
    expect(d->cache, "a", "two");
    ASSERT_STATUS(attl_exists(d->cache, attl_s("k39")), ATTL_OK);
}

/* The same hole, and the segment behind it has lost its frames, too. */
static void
a_hole_in_front_of_an_empty_segment_is_refused(void **state)
{
    struct durable *d = *state;
    char name[96];
    durable_open(d, NULL);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    put(d->cache, "b", "2", ATTL_TTL_NONE);
    attl_close(&d->cache);
    durable_open(d, NULL); /* a segment of its own */
    attl_close(&d->cache);
    assert_true(durable_files(d, "wal-0", name, sizeof name) >= 2);
    size_t len;
    void *bytes = sim_disk_get(d->disk, name, &len);
    sim_disk_put(d->disk, name, bytes, WAL_SEGMENT_HEADER_BYTES);
    free(bytes);
    segment_name(1, name);
    sim_disk_drop(d->disk, name);
    struct sums before = sum_disk(d);
    ASSERT_STATUS(durable_try_open(d, NULL), ATTL_E_DAMAGED);
    assert_says(d, "missing");
    assert_untouched(d, before);
}

static void
a_refusal_leaves_damaged_snapshots_where_they_are(void **state)
{
    struct durable *d = *state;
    (void)damage_the_middle(d);
    durable_open(d, prefix);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    durable_kill(d);
    (void)damage_the_middle(d);
    flip_in(d, "snap-", 20);
    struct sums before = sum_disk(d);
    ASSERT_STATUS(durable_try_open(d, NULL), ATTL_E_DAMAGED);
    assert_says(d, "Nothing was altered");
    assert_untouched(d, before);
    durable_open(d, prefix);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 0);
}

static void
a_torn_tail_is_cut_and_the_log_goes_on(void **state)
{
    struct durable *d = *state;
    const struct sim_option lazy[] = { { "persist.fsync", "no" }, { NULL, NULL } };
    for (uint64_t seed = 1; seed < 20; seed++) {
        durable_open(d, lazy);
        put(d->cache, "kept", "1", ATTL_TTL_NONE);
        ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
        for (int i = 0; i < 50; i++)
            put(d->cache, "torn", "some value that is never synced", ATTL_TTL_NONE);
        durable_crash(d, seed);
        durable_open(d, NULL);
        expect(d->cache, "kept", "1");
        put(d->cache, "new", "2", ATTL_TTL_NONE);
        durable_crash(d, seed + 100);
        durable_open(d, NULL);
        expect(d->cache, "new", "2");
        ASSERT_STATUS(attl_clear(d->cache), ATTL_OK);
        attl_close(&d->cache);
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

static void
a_restart_prolongs_no_life(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put(d->cache, "short", "1", 5000);
    put(d->cache, "long", "2", 60000);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    put(d->cache, "short2", "1", 5000);
    put(d->cache, "long2", "2", 60000);
    durable_kill(d);
    sim_advance(&d->sim, 10000);
    durable_open(d, NULL);
    expect(d->cache, "short", NULL);
    expect(d->cache, "short2", NULL);
    expect_ttl(d->cache, "long", 50000);
    expect_ttl(d->cache, "long2", 50000);
}

static void
what_was_prolonged_in_time_survives(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put(d->cache, "k", "v", 1000);
    put(d->cache, "far", "v", 1000);
    sim_advance(&d->sim, 500);
    ASSERT_STATUS(attl_expire(d->cache, attl_s("k"), 100000, 0), ATTL_OK);
    ASSERT_STATUS(attl_expire(d->cache, attl_s("far"), INT64_C(365) * 86400000, 0), ATTL_OK);
    durable_kill(d);
    sim_advance(&d->sim, 5000);
    durable_open(d, NULL);
    expect_ttl(d->cache, "k", 95000);
    ASSERT_STATUS(attl_exists(d->cache, attl_s("far")), ATTL_OK);
}

/* Overwriting much makes dead space, and cleaning it must not take what will yet be prolonged. */
static void
what_was_prolonged_survives_much_overwriting_before(void **state)
{
    struct durable *d = *state;
    enum { KEYS = 200, OTHERS = 8000 };
    char key[16], value[2000];
    const struct sim_option one[] = { { "cache.num_shards", "1" },
                                      { "persist.fsync", "no" },
                                      { NULL, NULL } };
    durable_open(d, one);
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        put(d->cache, key, "v", 1000);
    }
    /* Every eighth stays, so that no chunk is dead as a whole. */
    for (int i = 0; i < OTHERS; i++) {
        memset(value, 'a' + i % 26, sizeof value);
        (void)snprintf(key, sizeof key, "o%d", i % 8 ? i % 7 : 100 + i);
        ASSERT_STATUS(
            attl_set(d->cache, attl_s(key), attl_b(value, 1000 + (size_t)i % 1000), ATTL_TTL_NONE),
            ATTL_OK);
    }
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        ASSERT_STATUS(attl_expire(d->cache, attl_s(key), 100000, 0), ATTL_OK);
    }
    attl_close(&d->cache);
    sim_advance(&d->sim, 20000);
    d->creeps = true; /* reading takes time, in which slots of the wheel come due */
    durable_open(d, one);
    d->creeps = false;
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        ASSERT_STATUS(attl_exists(d->cache, attl_s(key)), ATTL_OK);
    }
}

/* ---- what was given up does not come back ---------------------------------------------------- */

/* A snapshot whose log was cut short of its end holds changes that have been given up. */
static void
a_fuzzy_snapshot_that_lost_its_log_is_not_used_later(void **state)
{
    struct durable *d = *state;
    char name[96];
    size_t len;
    durable_open(d, NULL);
    put(d->cache, "a", "old", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK); /* whole, and older */
    put(d->cache, "b", "xxxxxxxx", ATTL_TTL_NONE);
    sim_advance(&d->sim, 1000);
    put(d->cache, "a", "lost", ATTL_TTL_NONE);
    put(d->cache, "ghost", "lost", ATTL_TTL_NONE);
    sim_advance(&d->sim, 1000);
    put(d->cache, "c", "1", ATTL_TTL_NONE);
    uint64_t end_lsn = durable_next_lsn(d);
    attl_snapshot_info info = { .struct_size = sizeof info };
    ASSERT_STATUS(attl_snapshot(d->cache, &info), ATTL_OK);
    durable_kill(d);
    /* It becomes one that was begun before the damage and ended behind it. */
    unsigned char *bytes = sim_disk_get(d->disk, info.name, &len);
    struct snapshot_meta meta;
    struct snapshot_trailer trailer;
    uint32_t crc;
    assert_int_equal(snapshot_header_decode(bytes, &meta, &crc), SNAPSHOT_OK);
    assert_true(
        snapshot_trailer_decode(bytes + len - SNAPSHOT_TRAILER_BYTES, &meta, crc, len, &trailer));
    meta.kind = SNAPSHOT_FUZZY;
    meta.cut_lsn = 4;
    trailer.header_crc = snapshot_header_encode(&meta, bytes);
    trailer.end_lsn = end_lsn;
    snapshot_trailer_encode(&trailer, bytes + len - SNAPSHOT_TRAILER_BYTES);
    sim_disk_drop(d->disk, info.name);
    snapshot_name(meta.cut_lsn, meta.created_ms, name);
    sim_disk_put(d->disk, name, bytes, len);
    free(bytes);
    flip_in(d, "wal-0", find_text(d, "wal-0", "xxxxxxxx"));
    ASSERT_STATUS(durable_try_open(d, NULL), ATTL_E_DAMAGED);
    durable_open(d, prefix);
    expect(d->cache, "a", "old");
    expect(d->cache, "ghost", NULL);
    for (int i = 0; i < 20; i++)
        put(d->cache, "b", "new", ATTL_TTL_NONE);
    assert_true(durable_next_lsn(d) > end_lsn);
    durable_crash(d, 3);
    durable_open(d, NULL);
    expect(d->cache, "a", "old");
    expect(d->cache, "ghost", NULL);
    expect(d->cache, "b", "new");
}

/* Without a log nobody knows what led to a snapshot, so the old log does not lead on to the new. */
static void
a_log_begun_after_unlogged_changes_stands_behind_a_gap(void **state)
{
    struct durable *d = *state;
    const struct sim_option off[] = { { "persist.fsync", "off" }, { NULL, NULL } };
    durable_open(d, NULL);
    put(d->cache, "a", "logged", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    put(d->cache, "b", "logged", ATTL_TTL_NONE);
    attl_close(&d->cache);
    durable_open(d, off);
    expect(d->cache, "b", "logged");
    put(d->cache, "a", "unlogged", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    attl_close(&d->cache);
    durable_open(d, NULL);
    expect(d->cache, "a", "unlogged");
    put(d->cache, "c", "logged", ATTL_TTL_NONE);
    durable_kill(d);
    struct sim_disk *whole = sim_disk_clone(d->disk, 1);
    flip_in(d, "snap-", 20);
    durable_open(d, NULL); /* the state before what was not logged, and nothing made of both */
    expect(d->cache, "a", "logged");
    expect(d->cache, "b", "logged");
    expect(d->cache, "c", NULL);
    attl_close(&d->cache);
    sim_disk_free(&d->disk);
    d->disk = whole;
    durable_open(d, NULL);
    expect(d->cache, "a", "unlogged");
    expect(d->cache, "c", "logged");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DURABLE_TEST(an_empty_directory_is_an_empty_cache),
        DURABLE_TEST(the_newest_snapshot_and_the_log_behind_it_are_read),
        DURABLE_TEST(a_damaged_snapshot_is_set_aside_for_the_one_before),
        DURABLE_TEST(without_any_whole_snapshot_the_log_alone_will_do),
        DURABLE_TEST(a_snapshot_of_a_newer_release_is_refused_and_not_touched),
        DURABLE_TEST(a_disk_that_fails_to_read_is_not_damage),
        DURABLE_TEST(damage_in_the_middle_is_refused_with_its_place),
        DURABLE_TEST(prefix_goes_on_before_the_damage),
        DURABLE_TEST(salvage_takes_what_can_be_read),
        DURABLE_TEST(a_hole_between_snapshot_and_log_is_refused),
        DURABLE_TEST(a_hole_in_front_of_an_empty_segment_is_refused),
        DURABLE_TEST(a_refusal_leaves_damaged_snapshots_where_they_are),
        DURABLE_TEST(a_torn_tail_is_cut_and_the_log_goes_on),
        DURABLE_TEST(a_restart_prolongs_no_life),
        DURABLE_TEST(what_was_prolonged_in_time_survives),
        DURABLE_TEST(what_was_prolonged_survives_much_overwriting_before),
        DURABLE_TEST(a_log_begun_after_unlogged_changes_stands_behind_a_gap),
        DURABLE_TEST(a_fuzzy_snapshot_that_lost_its_log_is_not_used_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
