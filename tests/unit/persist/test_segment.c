/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names come back as what they were made from, and nothing but such a name is ours; a list has our
 * files in order, whatever order the directory has, and fails as a whole or not at all.
 */
#include "persist/segment.h"

#include "support/check.h"
#include "support/rng.h"
#include "support/sim_disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NAME_WAL "wal-00000000000000ff.attl"
#define NAME_SNAP "snap-00000000000000ff-00000193abcdef01.attl"

static struct store_file
parsed(const char *name)
{
    struct store_file f;
    memset(&f, 0xee, sizeof f);
    if (!store_name_parse(name, &f)) {
        fail_msg("'%s' is not taken for ours", name);
    }
    assert_string_equal(f.name, name);
    return f;
}

static void
names_are_written_as_specified(void **state)
{
    (void)state;
    char name[SEGMENT_NAME_MAX];
    segment_name(0xff, name);
    assert_string_equal(name, NAME_WAL);
    snapshot_name(0xff, 0x193abcdef01, name);
    assert_string_equal(name, NAME_SNAP);
    aside_name(0x193abcdef02, NAME_WAL, name);
    assert_string_equal(name, "aside-00000193abcdef02-" NAME_WAL);
}

static void
names_come_back_as_what_they_were_made_from(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    struct rng r = rng_from_seed(seed);
    test_announce("names", seed);
    for (int i = 0; i < 20000; i++) {
        char name[SEGMENT_NAME_MAX], aside[SEGMENT_NAME_MAX];
        uint64_t lsn = rng_u64(&r) >> rng_below(&r, 64);
        int64_t ms = (int64_t)(rng_u64(&r) >> (1 + rng_below(&r, 63)));
        segment_name(lsn, name);
        struct store_file f = parsed(name);
        assert_true(f.kind == STORE_WAL && f.lsn == lsn && f.created_ms == 0);
        aside_name(ms, name, aside);
        f = parsed(aside);
        assert_true(f.kind == STORE_ASIDE && f.lsn == lsn && f.created_ms == ms);
        snapshot_name(lsn, ms, name);
        f = parsed(name);
        assert_true(f.kind == STORE_SNAPSHOT && f.lsn == lsn && f.created_ms == ms);
        aside_name(ms / 2, name, aside);
        f = parsed(aside);
        assert_true(f.kind == STORE_ASIDE && f.lsn == lsn && f.created_ms == ms / 2);
    }
}

static void
names_sort_as_their_numbers_do(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(1);
    for (int i = 0; i < 5000; i++) {
        char a[SEGMENT_NAME_MAX], b[SEGMENT_NAME_MAX];
        uint64_t x = rng_u64(&r) >> rng_below(&r, 64), y = rng_u64(&r) >> rng_below(&r, 64);
        segment_name(x, a);
        segment_name(y, b);
        assert_true((strcmp(a, b) < 0) == (x < y));
    }
}

static void
temporary_names_are_ours_too(void **state)
{
    (void)state;
    static const char *const names[] = { NAME_WAL ".tmp", NAME_SNAP ".tmp", SEGMENT_NEXT_NAME,
                                         SEGMENT_NEXT_NAME ".tmp",
                                         "aside-00000193abcdef02-" NAME_WAL ".tmp" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct store_file f = parsed(names[i]);
        assert_int_equal(f.kind, STORE_TEMPORARY);
        assert_int_equal(f.created_ms, 0);
    }
    assert_int_equal(parsed(NAME_SNAP ".tmp").lsn, 0xff);
}

static void
every_other_name_is_not_ours(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "wal-",
        "wal-.attl",
        "wal-00000000000000ff",
        "wal-00000000000000ff.att",
        "wal-00000000000000ff.attl ",
        " wal-00000000000000ff.attl",
        "wal-00000000000000ff.attl~",
        "wal-00000000000000ff.attl.bak",
        "wal-00000000000000ff.attl.tmp.tmp",
        "wal-00000000000000FF.attl",
        "WAL-00000000000000ff.attl",
        "wal-0000000000000ff.attl",
        "wal-000000000000000ff.attl",
        "wal-0x000000000000ff.attl",
        "wal- 0000000000000ff.attl",
        "wal-+0000000000000ff.attl",
        "wal-00000000000000fg.attl",
        "wal-next",
        "wal-nextattl",
        "wal-next.attl.",
        "snap-00000000000000ff.attl",
        "snap-00000000000000ff-.attl",
        "snap-00000000000000ff-00000193abcdef1.attl",
        "snap-00000000000000ff_00000193abcdef01.attl",
        "snap-00000000000000ff-8000000000000000.attl", /* before 1970 */
        "snap-00000000000000ff-00000193abcdef01.attl.tmp2",
        "aside-00000193abcdef02",
        "aside-00000193abcdef02-",
        "aside-00000193abcdef02-notes.txt",
        "aside-00000193abcdef02-attl.lock",
        "aside-8000000000000000-wal-00000000000000ff.attl",
        "aside-00000193abcdef02-aside-00000193abcdef02-wal-00000000000000ff.attl",
        "aside-wal-00000000000000ff.attl",
        "attl.lock",
        "settings.toml",
        ".wal-00000000000000ff.attl",
    };
    struct store_file f, before;
    memset(&f, 0xee, sizeof f);
    before = f;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (store_name_parse(names[i], &f)) {
            fail_msg("'%s' is taken for ours", names[i]);
        }
        assert_memory_equal(&f, &before, sizeof f);
    }
    char longer[300];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    memcpy(longer, NAME_WAL, sizeof NAME_WAL - 1);
    assert_false(store_name_parse(longer, &f));
}

/* One character changed, dropped or added: not ours, or one that we would write for other numbers.
 */
static void
a_name_nearly_ours_is_not_the_same_file(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(test_seed());
    static const char letters[] = "0189afgAFxX-._ nwst\n";
    for (int i = 0; i < 50000; i++) {
        char name[SEGMENT_NAME_MAX], again[SEGMENT_NAME_MAX];
        struct store_file f;
        memcpy(name, i % 2 ? NAME_WAL : NAME_SNAP, i % 2 ? sizeof NAME_WAL : sizeof NAME_SNAP);
        size_t at = (size_t)rng_below(&r, strlen(name));
        name[at] = letters[rng_below(&r, sizeof letters - 1)];
        if (!store_name_parse(name, &f)) {
            continue;
        }
        if (f.kind == STORE_WAL) {
            segment_name(f.lsn, again);
        } else {
            snapshot_name(f.lsn, f.created_ms, again);
        }
        assert_string_equal(again, name);
    }
}

static void
names_have_room_whatever_the_numbers(void **state)
{
    (void)state;
    char name[SEGMENT_NAME_MAX], aside[SEGMENT_NAME_MAX], again[SEGMENT_NAME_MAX];
    snapshot_name(UINT64_MAX, INT64_MAX, name);
    assert_int_equal(parsed(name).lsn, UINT64_MAX);
    aside_name(INT64_MAX, name, aside);
    assert_int_equal(parsed(aside).created_ms, INT64_MAX);
    aside_name(7, aside, again); /* once more: not longer */
    assert_int_equal(strlen(again), strlen(aside));
    assert_int_equal(parsed(again).created_ms, 7);
    snapshot_name(1, -5, name); /* a clock that is wrong */
    assert_int_equal(parsed(name).created_ms, 0);
    aside_name(INT64_MIN, name, aside);
    assert_int_equal(parsed(aside).created_ms, 0);
}

/* ---- lists ---- */

static void
put(struct sim_disk *sim, const char *name, size_t bytes)
{
    static const char data[100];
    sim_disk_put(sim, name, data, bytes);
}

static void
fill(struct sim_disk *sim)
{
    sim_disk_set_time(sim, 5000);
    put(sim, "wal-0000000000000020.attl", 20);
    put(sim, "snap-0000000000000020-0000000000000003.attl", 1);
    put(sim, "aside-0000000000000009-wal-0000000000000001.attl", 2);
    put(sim, "notes.txt", 50);
    put(sim, "wal-0000000000000100.attl", 30);
    put(sim, "snap-0000000000000020-0000000000000002.attl", 3);
    put(sim, "wal-next.attl", 4);
    put(sim, "wal-0000000000000003.attl", 10);
    put(sim, "attl.lock", 5);
}

static void
a_list_has_our_files_in_order(void **state)
{
    (void)state;
    static const char *const want[] = { "wal-0000000000000003.attl",
                                        "wal-0000000000000020.attl",
                                        "wal-0000000000000100.attl",
                                        "snap-0000000000000020-0000000000000002.attl",
                                        "snap-0000000000000020-0000000000000003.attl",
                                        "aside-0000000000000009-wal-0000000000000001.attl",
                                        "wal-next.attl" };
    attl_allocator alloc = alloc_default();
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_disk *sim = sim_disk_new(seed); /* lists in another order each time */
        struct store_list l;
        size_t len;
        fill(sim);
        assert_int_equal(store_list_init(&l, &alloc, sim_disk_table(sim)), 0);
        assert_int_equal(l.len, sizeof want / sizeof *want);
        assert_int_equal(l.total_bytes, 70);
        for (size_t i = 0; i < l.len; i++) {
            assert_string_equal(l.files[i].name, want[i]);
        }
        assert_int_equal(l.files[1].bytes, 20);
        assert_int_equal(l.files[1].created_ms, 5000); /* when it was last written to */
        assert_int_equal(l.files[3].created_ms, 2);
        assert_int_equal(l.files[6].created_ms, 5000);
        assert_ptr_equal(store_list_of(&l, STORE_WAL, &len), l.files);
        assert_int_equal(len, 3);
        assert_ptr_equal(store_list_of(&l, STORE_SNAPSHOT, &len), l.files + 3);
        assert_int_equal(len, 2);
        assert_ptr_equal(store_list_of(&l, STORE_ASIDE, &len), l.files + 5);
        assert_int_equal(len, 1);
        assert_ptr_equal(store_list_of(&l, STORE_TEMPORARY, &len), l.files + 6);
        assert_int_equal(len, 1);
        store_list_fini(&l);
        store_list_fini(&l);
        sim_disk_free(&sim);
    }
}

static void
an_empty_list_is_a_list(void **state)
{
    (void)state;
    attl_allocator alloc = alloc_default();
    struct sim_disk *sim = sim_disk_new(1);
    struct store_list l;
    size_t len = 1;
    put(sim, "notes.txt", 50);
    assert_int_equal(store_list_init(&l, &alloc, sim_disk_table(sim)), 0);
    assert_int_equal(l.len, 0);
    assert_int_equal(l.total_bytes, 0);
    (void)store_list_of(&l, STORE_SNAPSHOT, &len);
    assert_int_equal(len, 0);
    store_list_fini(&l);
    sim_disk_free(&sim);
}

struct failing {
    unsigned left;
};

static void *
alloc_until(void *ud, size_t bytes)
{
    struct failing *f = ud;
    return f->left == 0 ? NULL : (f->left--, malloc(bytes));
}

static void
free_any(void *ud, void *ptr)
{
    (void)ud;
    free(ptr);
}

static void
a_list_fails_as_a_whole(void **state)
{
    (void)state;
    struct sim_disk *sim = sim_disk_new(1);
    char name[SEGMENT_NAME_MAX];
    for (uint64_t i = 0; i < 100; i++) {
        segment_name(i, name);
        put(sim, name, 1);
    }
    struct store_list l;
    unsigned failed = 0;
    for (unsigned n = 0;; n++) {
        struct failing f = { n };
        attl_allocator alloc = { .ud = &f, .alloc = alloc_until, .free = free_any };
        int rc = store_list_init(&l, &alloc, sim_disk_table(sim));
        if (rc == 0) {
            assert_int_equal(l.len, 100);
            store_list_fini(&l);
            break;
        }
        assert_int_equal(rc, -ENOMEM);
        assert_int_equal(l.len, 0);
        assert_null(l.files);
        store_list_fini(&l);
        failed++;
    }
    assert_int_equal(failed, 4); /* 16, 32, 64, 128 */
    attl_allocator alloc = alloc_default();
    sim_disk_fail(sim, SIM_LIST, 1, -EIO, SIM_ONCE);
    assert_int_equal(store_list_init(&l, &alloc, sim_disk_table(sim)), -EIO);
    assert_int_equal(l.len, 0);
    store_list_fini(&l);
    sim_disk_free(&sim);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_written_as_specified),
        cmocka_unit_test(names_come_back_as_what_they_were_made_from),
        cmocka_unit_test(names_sort_as_their_numbers_do),
        cmocka_unit_test(temporary_names_are_ours_too),
        cmocka_unit_test(every_other_name_is_not_ours),
        cmocka_unit_test(a_name_nearly_ours_is_not_the_same_file),
        cmocka_unit_test(names_have_room_whatever_the_numbers),
        cmocka_unit_test(a_list_has_our_files_in_order),
        cmocka_unit_test(an_empty_list_is_a_list),
        cmocka_unit_test(a_list_fails_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
