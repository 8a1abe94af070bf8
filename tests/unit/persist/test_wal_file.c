/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The segment being written, counted in calls to the disk: neighbours are one write, small pieces
 * cost a copy and not a call, large ones are written from where they lie; the name appears when
 * the contents are durable and not before; the next segment is prepared step by step, used if it is
 * large enough, and replaced if a crash left it behind.
 */
#include "persist/wal_file.h"

#include "persist/segment.h"
#include "support/check.h"
#include "support/sim_disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { SEGMENT_BYTES = 4 << 20 };

static const char first_name[] = "wal-0000000000000007.attl";

struct fix {
    struct sim_disk *disk;
    struct wal_file file;
    unsigned char memory[2 << 20];
};

static int
setup(void **state)
{
    struct fix *x = calloc(1, sizeof(*x));
    attl_allocator alloc = alloc_default();
    x->disk = sim_disk_new(1);
    assert_true(wal_file_init(&x->file, &alloc, sim_disk_table(x->disk)));
    for (size_t i = 0; i < sizeof(x->memory); i++)
        x->memory[i] = (unsigned char)(i * 7 >> 3);
    *state = x;
    return 0;
}

static int
teardown(void **state)
{
    struct fix *x = *state;
    wal_file_fini(&x->file);
    sim_disk_free(&x->disk);
    free(x);
    return 0;
}

static int
start(struct fix *x, uint64_t bytes)
{
    struct wal_segment_header h = { .first_lsn = 7, .file_bytes = bytes };
    return wal_file_start(&x->file, &h);
}

static uint64_t
writes(struct fix *x)
{
    return sim_disk_calls(x->disk, SIM_WRITE);
}

static void
neighbours_are_one_write_with_what_is_in_front(void **state)
{
    struct fix *x = *state;
    assert_int_equal(start(x, SEGMENT_BYTES), 0);
    assert_int_equal(wal_file_flush(&x->file), 0);
    uint64_t before = writes(x);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(wal_file_put(&x->file, x->memory + i * 100, 100), 0);
    assert_int_equal(writes(x), before);
    assert_int_equal(wal_file_flush(&x->file), 0);
    assert_int_equal(writes(x), before + 1);
    assert_int_equal(wal_file_copy(&x->file, "a mark", 6), 0);
    assert_int_equal(wal_file_put(&x->file, x->memory, 100), 0);
    assert_int_equal(wal_file_put(&x->file, x->memory + 5000, 100), 0); /* no neighbour */
    assert_int_equal(wal_file_flush(&x->file), 0);
    assert_int_equal(writes(x), before + 2);
    assert_int_equal(x->file.written, WAL_SEGMENT_HEADER_BYTES + 100000 + 206);
    assert_int_equal(wal_file_publish(&x->file), 0);
    size_t len;
    char *data = sim_disk_get(x->disk, first_name, &len);
    assert_int_equal(len, SEGMENT_BYTES);
    assert_memory_equal(data + WAL_SEGMENT_HEADER_BYTES, x->memory, 100000);
    assert_memory_equal(data + WAL_SEGMENT_HEADER_BYTES + 100000, "a mark", 6);
    assert_memory_equal(data + WAL_SEGMENT_HEADER_BYTES + 100106, x->memory + 5000, 100);
    free(data);
}

static void
large_pieces_are_written_from_where_they_lie(void **state)
{
    struct fix *x = *state;
    assert_int_equal(start(x, SEGMENT_BYTES), 0);
    uint64_t before = writes(x), offset = WAL_SEGMENT_HEADER_BYTES;
    static const size_t lengths[] = { 40, 300000, 5, 40, 70000, 70000, 1, 1500000 };
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_int_equal(wal_file_put(&x->file, x->memory + i * 1000, lengths[i]), 0);
        offset += lengths[i];
    }
    assert_int_equal(wal_file_flush(&x->file), 0);
    assert_int_equal(x->file.offset, offset);
    assert_int_equal(x->file.written, offset);
    assert_in_range(writes(x) - before, 7, 9);
    assert_int_equal(wal_file_publish(&x->file), 0);
    char *data = sim_disk_get(x->disk, first_name, &offset);
    offset = WAL_SEGMENT_HEADER_BYTES;
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_memory_equal(data + offset, x->memory + i * 1000, lengths[i]);
        offset += lengths[i];
    }
    free(data);
}

static void
a_segment_has_its_name_when_it_is_durable(void **state)
{
    struct fix *x = *state;
    assert_int_equal(start(x, 8192), 0);
    assert_int_equal(wal_file_flush(&x->file), 0);
    assert_false(sim_disk_has(x->disk, first_name));
    assert_int_equal(wal_file_publish(&x->file), 0);
    assert_true(sim_disk_has(x->disk, first_name));
    assert_true(sim_disk_is_durable(x->disk));
    assert_true(wal_file_has_room(&x->file, 8192 - WAL_SEGMENT_HEADER_BYTES));
    assert_false(wal_file_has_room(&x->file, 8193 - WAL_SEGMENT_HEADER_BYTES));
    wal_file_finish(&x->file);
    assert_false(wal_file_has_room(&x->file, 0));
    size_t len;
    free(sim_disk_get(x->disk, first_name, &len));
    assert_int_equal(len, WAL_SEGMENT_HEADER_BYTES);
}

static void
an_abandoned_segment_without_a_name_vanishes(void **state)
{
    struct fix *x = *state;
    sim_disk_put(x->disk, SEGMENT_NEXT_NAME, "left by a crash", 15);
    assert_int_equal(start(x, 8192), 0);
    sim_disk_fail(x->disk, SIM_WRITE, 1, -EIO, SIM_ONCE);
    assert_int_equal(wal_file_flush(&x->file), -EIO);
    wal_file_abandon(&x->file);
    assert_false(sim_disk_has(x->disk, SEGMENT_NEXT_NAME));
    wal_file_abandon(&x->file); /* nothing is open: nothing happens */
    assert_int_equal(start(x, 8192), 0);
    assert_int_equal(wal_file_flush(&x->file), 0);
    assert_int_equal(wal_file_publish(&x->file), 0);
}

static void
what_cannot_be_created_is_reported(void **state)
{
    struct fix *x = *state;
    static const unsigned kinds[] = { SIM_CREATE, SIM_ALLOCATE };
    for (unsigned i = 0; i < 2; i++) {
        sim_disk_fail(x->disk, kinds[i], 1, -ENOSPC, SIM_ONCE);
        assert_int_equal(start(x, 8192), -ENOSPC);
        assert_false(sim_disk_has(x->disk, SEGMENT_NEXT_NAME));
    }
    sim_disk_put(x->disk, SEGMENT_NEXT_NAME, "", 0);
    sim_disk_fail(x->disk, SIM_REMOVE, 1, -EACCES, SIM_ONCE);
    assert_int_equal(start(x, 8192), -EACCES);
    assert_int_equal(start(x, 8192), 0);
}

/* Prepares until there is nothing left to do; how many steps that took. */
static unsigned
prepare_all(struct fix *x, bool zero)
{
    int rc;
    unsigned steps = 0;
    while (wal_file_prepare(&x->file, SEGMENT_BYTES, zero, &rc)) {
        assert_int_equal(rc, 0);
        assert_true(++steps < 100);
    }
    return steps;
}

static void
the_next_segment_is_prepared_step_by_step_and_used(void **state)
{
    struct fix *x = *state;
    assert_int_equal(prepare_all(x, false), 1);
    assert_int_equal(prepare_all(x, true), 8); /* half a megabyte each */
    assert_int_equal(x->file.next_filled, SEGMENT_BYTES);
    uint64_t created = sim_disk_calls(x->disk, SIM_CREATE);
    assert_int_equal(start(x, SEGMENT_BYTES), 0);
    assert_int_equal(sim_disk_calls(x->disk, SIM_CREATE), created);
    assert_int_equal(wal_file_flush(&x->file), 0);
    assert_int_equal(wal_file_publish(&x->file), 0);
    wal_file_finish(&x->file);
    assert_int_equal(prepare_all(x, false), 1);
    assert_int_equal(start(x, SEGMENT_BYTES + 8), 0); /* too small: another one */
    assert_int_equal(sim_disk_calls(x->disk, SIM_CREATE), created + 2);
}

static void
a_failing_preparation_leaves_nothing(void **state)
{
    struct fix *x = *state;
    static const unsigned kinds[] = { SIM_CREATE, SIM_ALLOCATE, SIM_WRITE, SIM_SYNC };
    for (unsigned i = 0; i < 4; i++) {
        int rc = 0;
        sim_disk_fail(x->disk, kinds[i], 1, -EIO, SIM_ONCE);
        for (int step = 0; rc == 0 && step < 20; step++)
            assert_true(wal_file_prepare(&x->file, SEGMENT_BYTES, true, &rc));
        assert_int_equal(rc, -EIO);
        assert_false(sim_disk_has(x->disk, SEGMENT_NEXT_NAME));
    }
    assert_int_equal(prepare_all(x, true), 9);
}

int
main(void)
{
#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        FILE_TEST(neighbours_are_one_write_with_what_is_in_front),
        FILE_TEST(large_pieces_are_written_from_where_they_lie),
        FILE_TEST(a_segment_has_its_name_when_it_is_durable),
        FILE_TEST(an_abandoned_segment_without_a_name_vanishes),
        FILE_TEST(what_cannot_be_created_is_reported),
        FILE_TEST(the_next_segment_is_prepared_step_by_step_and_used),
        FILE_TEST(a_failing_preparation_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
