/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing snapshots. What is written is whole when it has its final name, and only then: each call
 * of the disk fails in turn, each allocation, the power goes after each change, and bytes rot
 * between the sync and the reading back. Afterwards there is either no snapshot or a good one, and
 * a temporary file only if it could not be removed.
 */
#include "persist/snapshot.h"

#include "os/zstd.h"
#include "support/rng.h"
#include "support/sim_disk.h"
#include "support/snapshot_sample.h"
#include "support/unit.h"

#include <errno.h>
#include <stdio.h>

enum {
    ENTRIES = 5000, /* some 900 KiB: four blocks */
    LARGE_BYTES = 700000,
    WALK_MOST = 1000,
    CRASH_SEEDS = 20,
};

struct world {
    struct sim_disk *sim;
    struct disk *disk;
    attl_allocator alloc;
    char name[SEGMENT_NAME_MAX], temporary[SEGMENT_NAME_MAX + 4];
};

static void
world_init(struct world *w, uint64_t seed)
{
    w->sim = sim_disk_new(seed);
    w->disk = sim_disk_table(w->sim);
    w->alloc = alloc_default();
    snapshot_name(SAMPLE_CUT_LSN, SAMPLE_CREATED_MS, w->name);
    (void)snprintf(w->temporary, sizeof(w->temporary), "%s.tmp", w->name);
}

static void
world_fini(struct world *w)
{
    sim_disk_free(&w->sim);
}

/* Small entries and, in between, one that has a block of its own. The value of the large one is
 * random, so that it stays large when packed. */
static int
write_script(struct world *w, bool compressed, struct snapshot_meta *ret_meta)
{
    struct snapshot_meta meta = sample_meta(compressed);
    struct snapshot_writer *writer = NULL;
    struct rng r = rng_from_seed(1);
    struct snapshot_sample s;
    char name[SEGMENT_NAME_MAX];
    static unsigned char large[LARGE_BYTES];
    for (size_t i = 0; i < sizeof(large); i += 8)
        memcpy(large + i, &(uint64_t){ rng_u64(&r) }, 8);
    int result = snapshot_writer_open(w->disk, &w->alloc, &meta, &writer);
    if (result < 0)
        return result;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        if (i == ENTRIES / 2)
            (void)snapshot_writer_add(writer,
                                      &(struct snapshot_entry){ attl_s("large"),
                                                                attl_b(large, sizeof(large)),
                                                                ATTL_NO_DEADLINE,
                                                                false,
                                                                false,
                                                                { 0 } });
        sample_make(i, &s);
        (void)snapshot_writer_add(writer, &s.entry); /* its failure comes again at the end */
    }
    return snapshot_writer_finish(&writer, SAMPLE_CUT_LSN, ret_meta, name);
}

/* True if there is a snapshot, which must then be whole. */
static bool
is_there(struct world *w)
{
    struct snapshot_meta meta;
    char err[200] = "";
    if (!sim_disk_has(w->sim, w->name))
        return false;
    enum snapshot_result result =
        snapshot_verify(w->disk, &w->alloc, w->name, &meta, err, sizeof(err));
    CHECK(result == SNAPSHOT_OK && meta.entries == ENTRIES + 1, "result %d: %s", result, err);
    return true;
}

/* ---- what is written ------------------------------------------------------------------------ */

static void
test_what_is_written_can_be_read(void **state)
{
    (void)state;
    static const uint32_t counts[] = { 0, 1, 2, 1000, ENTRIES };
    for (unsigned i = 0; i < 2 * sizeof(counts) / sizeof(counts[0]); i++) {
        struct world w;
        char name[SEGMENT_NAME_MAX];
        if (i % 2 && !zstd_supported())
            continue;
        world_init(&w, 1);
        assert_int_equal(sample_write(w.disk, &w.alloc, i % 2, counts[i / 2], name), 0);
        assert_string_equal(name, w.name);
        assert_int_equal(sample_read(w.disk, &w.alloc, name, counts[i / 2]), SNAPSHOT_OK);
        assert_false(sim_disk_has(w.sim, w.temporary));
        assert_true(sim_disk_is_durable(w.sim));
        world_fini(&w);
    }
}

static void
test_meta_is_completed(void **state)
{
    (void)state;
    struct world w;
    struct snapshot_meta meta = sample_meta(false), done, read;
    struct snapshot_writer *writer;
    char name[SEGMENT_NAME_MAX], err[200];
    world_init(&w, 1);
    meta.kind = SNAPSHOT_FUZZY;
    assert_int_equal(snapshot_writer_open(w.disk, &w.alloc, &meta, &writer), 0);
    struct snapshot_entry e = { attl_s("key"), attl_s("value"), ATTL_NO_DEADLINE,
                                false,         false,           { 0 } };
    assert_int_equal(snapshot_writer_add(writer, &e), 0);
    assert_int_equal(snapshot_writer_finish(&writer, SAMPLE_CUT_LSN + 9, &done, name), 0);
    assert_null(writer);
    assert_int_equal(snapshot_verify(w.disk, &w.alloc, name, &read, err, sizeof(err)), SNAPSHOT_OK);
    const struct snapshot_meta *both[] = { &done, &read };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(both[i]->version, SNAPSHOT_VERSION);
        assert_int_equal(both[i]->kind, SNAPSHOT_FUZZY);
        assert_true(both[i]->cut_lsn == SAMPLE_CUT_LSN && both[i]->end_lsn == SAMPLE_CUT_LSN + 9);
        assert_true(both[i]->created_ms == SAMPLE_CREATED_MS && both[i]->run_id == meta.run_id);
        assert_true(both[i]->entries == 1 && both[i]->raw_bytes == 8 && !both[i]->compressed);
        assert_true(both[i]->file_bytes == 64 + 24 + 16 + 64);
    }
    world_fini(&w);
}

/* Whether its header still waits in memory or has long been written. */
static void
test_it_may_become_fuzzy_on_the_way(void **state)
{
    static const uint32_t before[] = { 0, 3, ENTRIES };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(before) / sizeof(before[0]); i++) {
        bool compressed = i % 2;
        struct world w;
        struct snapshot_meta meta = sample_meta(compressed && zstd_supported()), seen;
        struct snapshot_writer *writer;
        struct snapshot_sample s;
        char name[SEGMENT_NAME_MAX], err[200] = "";
        world_init(&w, 1);
        assert_int_equal(snapshot_writer_open(w.disk, &w.alloc, &meta, &writer), 0);
        for (uint32_t n = 0; n < ENTRIES + 2; n++) {
            if (n == before[i / 2])
                snapshot_writer_relax(writer);
            sample_make(n, &s);
            assert_int_equal(snapshot_writer_add(writer, &s.entry), 0);
        }
        assert_int_equal(snapshot_writer_finish(&writer, SAMPLE_CUT_LSN + 9, &meta, name), 0);
        assert_int_equal(meta.kind, SNAPSHOT_FUZZY);
        if (snapshot_verify(w.disk, &w.alloc, name, &seen, err, sizeof(err)) != SNAPSHOT_OK)
            fail_msg("%s", err);
        assert_int_equal(seen.kind, SNAPSHOT_FUZZY);
        assert_int_equal(seen.end_lsn, SAMPLE_CUT_LSN + 9);
        assert_int_equal(sample_read(w.disk, &w.alloc, name, ENTRIES + 2), SNAPSHOT_OK);
        world_fini(&w);
    }
}

static void
test_compression_makes_the_file_smaller(void **state)
{
    (void)state;
    if (!zstd_supported())
        skip();
    struct world w;
    size_t plain = 0, packed = 0;
    char name[SEGMENT_NAME_MAX];
    world_init(&w, 1);
    assert_int_equal(sample_write(w.disk, &w.alloc, false, ENTRIES, name), 0);
    free(sim_disk_get(w.sim, name, &plain));
    assert_int_equal(sample_write(w.disk, &w.alloc, true, ENTRIES, name), 0);
    free(sim_disk_get(w.sim, name, &packed));
    assert_true(packed < plain / 3);
    world_fini(&w);
}

static void
test_compression_that_is_not_built_in_is_refused(void **state)
{
    (void)state;
    if (zstd_supported())
        skip();
    struct world w;
    struct snapshot_meta meta = sample_meta(true);
    struct snapshot_writer *writer;
    world_init(&w, 1);
    assert_int_equal(snapshot_writer_open(w.disk, &w.alloc, &meta, &writer), -ENOTSUP);
    assert_false(sim_disk_has(w.sim, w.temporary));
    world_fini(&w);
}

static void
test_impossible_entries_change_nothing(void **state)
{
    (void)state;
    struct world w;
    struct snapshot_meta meta = sample_meta(false);
    struct snapshot_writer *writer;
    struct snapshot_sample s;
    char name[SEGMENT_NAME_MAX];
    world_init(&w, 1);
    assert_int_equal(snapshot_writer_open(w.disk, &w.alloc, &meta, &writer), 0);
    const struct snapshot_entry bad = { attl_s("k"), attl_s("v"), ATTL_NO_DEADLINE,
                                        true,        false,       { 0 } };
    for (uint32_t i = 0; i < 3; i++) {
        sample_make(i, &s);
        assert_int_equal(snapshot_writer_add(writer, &bad), -EINVAL);
        assert_int_equal(snapshot_writer_add(writer, &s.entry), 0);
        assert_int_equal(snapshot_writer_add(writer, &bad), -EINVAL);
    }
    assert_int_equal(snapshot_writer_finish(&writer, SAMPLE_CUT_LSN, &meta, name), 0);
    assert_int_equal(sample_read(w.disk, &w.alloc, name, 3), SNAPSHOT_OK);
    world_fini(&w);
}

static void
test_a_leftover_is_written_over(void **state)
{
    (void)state;
    struct world w;
    char name[SEGMENT_NAME_MAX];
    world_init(&w, 1);
    sim_disk_put(w.sim, w.temporary, "of a run that is over", 21);
    assert_int_equal(sample_write(w.disk, &w.alloc, false, 3, name), 0);
    assert_int_equal(sample_read(w.disk, &w.alloc, name, 3), SNAPSHOT_OK);
    assert_false(sim_disk_has(w.sim, w.temporary));
    world_fini(&w);
}

static void
test_aborting_leaves_nothing(void **state)
{
    (void)state;
    struct world w;
    struct snapshot_meta meta = sample_meta(false);
    struct snapshot_writer *writer;
    struct snapshot_sample s;
    world_init(&w, 1);
    assert_int_equal(snapshot_writer_open(w.disk, &w.alloc, &meta, &writer), 0);
    assert_true(sim_disk_has(w.sim, w.temporary));
    uint64_t before = snapshot_writer_bytes(writer);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        sample_make(i, &s);
        assert_int_equal(snapshot_writer_add(writer, &s.entry), 0);
    }
    assert_true(snapshot_writer_bytes(writer) >= before + SNAPSHOT_BLOCK_BYTES);
    snapshot_writer_close(&writer);
    assert_null(writer);
    snapshot_writer_close(&writer);
    assert_false(sim_disk_has(w.sim, w.temporary));
    assert_false(sim_disk_has(w.sim, w.name));
    world_fini(&w);
}

/* ---- what goes wrong ------------------------------------------------------------------------ */

static void
test_a_full_disk_is_left_as_it_was(void **state)
{
    (void)state;
    for (uint64_t capacity = 0; capacity < 1500000; capacity += 200000) {
        struct world w;
        struct snapshot_meta meta;
        world_init(&w, 1);
        sim_disk_set_capacity(w.sim, capacity);
        assert_int_equal(write_script(&w, false, &meta), -ENOSPC);
        assert_false(sim_disk_has(w.sim, w.temporary));
        assert_false(is_there(&w));
        sim_disk_set_capacity(w.sim, UINT64_MAX);
        assert_int_equal(write_script(&w, false, &meta), 0);
        assert_true(is_there(&w));
        world_fini(&w);
    }
}

/* The n-th call fails. True if it came to that. */
static bool
fail_one_call(uint64_t n, bool compressed, enum sim_span span)
{
    struct world w;
    struct snapshot_meta meta;
    world_init(&w, n);
    sim_disk_fail(w.sim, SIM_ANY, n, -EIO, span);
    int result = write_script(&w, compressed, &meta);
    bool failed = sim_disk_failures(w.sim) > 0;
    sim_disk_fail(w.sim, SIM_ANY, 0, 0, SIM_ONCE);
    assert_int_equal(result, failed ? -EIO : 0);
    bool there = is_there(&w);
    if (result == 0)
        assert_true(there);
    else if (span == SIM_ONCE) { /* otherwise even cleaning up fails */
        assert_false(there);
        assert_false(sim_disk_has(w.sim, w.temporary));
    }
    assert_int_equal(write_script(&w, compressed, &meta), 0); /* whatever was left */
    assert_true(is_there(&w));
    world_fini(&w);
    return failed;
}

static void
test_each_call_of_the_disk_may_fail(void **state)
{
    (void)state;
    for (int mode = 0; mode < (zstd_supported() ? 4 : 2); mode++) {
        uint64_t n = 1;
        while (n < WALK_MOST && fail_one_call(n, mode / 2, mode % 2 ? SIM_FOREVER : SIM_ONCE))
            n++;
        assert_in_range(n, 15, WALK_MOST - 1);
    }
}

static void
test_each_allocation_may_fail(void **state)
{
    (void)state;
    for (int mode = 0; mode < (zstd_supported() ? 4 : 2); mode++) {
        int64_t n = 1;
        for (int result = -ENOMEM; result != 0; n++) {
            struct world w;
            struct sample_alloc a;
            struct snapshot_meta meta;
            world_init(&w, 1);
            sample_alloc_init(&a);
            a.fail_at = n;
            a.for_good = mode % 2;
            w.alloc = a.hooks;
            result = write_script(&w, mode / 2, &meta);
            assert_int_equal(result, a.calls >= n ? -ENOMEM : 0);
            a.fail_at = 0;
            assert_true(is_there(&w) == (result == 0));
            assert_false(sim_disk_has(w.sim, w.temporary));
            assert_true(a.live_bytes == 0);
            world_fini(&w);
        }
        assert_in_range(n, 3, WALK_MOST);
    }
}

/* The power goes after `n` changes. False if it did not come to that. */
static bool
crash_after(uint64_t n, bool compressed, uint64_t seed)
{
    static const unsigned flags[] = { 0, SIM_CRASH_ANY_NAMES, SIM_CRASH_RUBBISH, SIM_CRASH_NOTHING,
                                      SIM_CRASH_ALL };
    struct world w;
    struct snapshot_meta meta;
    world_init(&w, seed);
    sim_disk_crash_after(w.sim, n);
    int result = write_script(&w, compressed, &meta);
    bool died = sim_disk_is_dead(w.sim);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        struct world after = w;
        after.sim = sim_disk_clone(w.sim, seed);
        after.disk = sim_disk_table(after.sim);
        sim_disk_crash_with(after.sim, seed + i, flags[i]);
        bool there = is_there(&after); /* and whole */
        if (result == 0)
            assert_true(there);
        sim_disk_free(&after.sim);
    }
    world_fini(&w);
    return died;
}

static void
test_a_crash_leaves_no_snapshot_or_a_whole_one(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    test_announce("crash", seed);
    for (uint64_t round = test_scaled(CRASH_SEEDS); round > 0; round--) {
        bool compressed = round % 2 && zstd_supported();
        uint64_t n = 0;
        while (n < WALK_MOST && crash_after(n, compressed, seed + round * 1000 + n))
            n++;
        assert_in_range(n, 6, WALK_MOST - 1);
    }
}

/* ---- reading back --------------------------------------------------------------------------- */

struct rot {
    struct world *w;
    uint64_t offset; /* of the byte that changes; UINT64_MAX: `cut` bytes go */
    size_t cut;
    size_t file_bytes;
};

/* Strikes when the file is opened again to be read back. */
static void
rot_before_reading(void *ud, enum sim_op op, const char *name)
{
    struct rot *rot = ud;
    if (op != SIM_OPEN || strcmp(name, rot->w->temporary) != 0)
        return;
    char *data = sim_disk_get(rot->w->sim, name, &rot->file_bytes);
    if (rot->offset != UINT64_MAX)
        sim_disk_flip(rot->w->sim, name, rot->offset, 0x10);
    else
        sim_disk_put(rot->w->sim, name, data, rot->file_bytes - rot->cut);
    free(data);
}

static void
test_what_does_not_read_back_is_no_snapshot(void **state)
{
    (void)state;
    size_t file_bytes = 1;
    for (uint64_t offset = 0; offset < file_bytes; offset++) {
        struct world w;
        char name[SEGMENT_NAME_MAX];
        world_init(&w, 1);
        struct rot rot = { .w = &w, .offset = offset };
        sim_disk_set_hook(w.sim, rot_before_reading, &rot);
        assert_int_equal(sample_write(w.disk, &w.alloc, false, 5, name), -EBADMSG);
        assert_false(sim_disk_has(w.sim, w.temporary));
        assert_false(sim_disk_has(w.sim, w.name));
        file_bytes = rot.file_bytes;
        world_fini(&w);
    }
    assert_true(file_bytes > 128);
}

static void
test_what_is_shorter_than_written_is_no_snapshot(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < 200; cut++) {
        struct world w;
        char name[SEGMENT_NAME_MAX];
        world_init(&w, 1);
        struct rot rot = { .w = &w, .offset = UINT64_MAX, .cut = cut };
        sim_disk_set_hook(w.sim, rot_before_reading, &rot);
        assert_int_equal(sample_write(w.disk, &w.alloc, false, 5, name), -EBADMSG);
        assert_false(sim_disk_has(w.sim, w.temporary));
        assert_false(sim_disk_has(w.sim, w.name));
        world_fini(&w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_can_be_read),
        cmocka_unit_test(test_meta_is_completed),
        cmocka_unit_test(test_it_may_become_fuzzy_on_the_way),
        cmocka_unit_test(test_compression_makes_the_file_smaller),
        cmocka_unit_test(test_compression_that_is_not_built_in_is_refused),
        cmocka_unit_test(test_impossible_entries_change_nothing),
        cmocka_unit_test(test_a_leftover_is_written_over),
        cmocka_unit_test(test_aborting_leaves_nothing),
        cmocka_unit_test(test_a_full_disk_is_left_as_it_was),
        cmocka_unit_test(test_each_call_of_the_disk_may_fail),
        cmocka_unit_test(test_each_allocation_may_fail),
        cmocka_unit_test(test_a_crash_leaves_no_snapshot_or_a_whole_one),
        cmocka_unit_test(test_what_does_not_read_back_is_no_snapshot),
        cmocka_unit_test(test_what_is_shorter_than_written_is_no_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
