/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Passes over the log and over snapshots: what is counted, where they stop, and that control-C ends
 * them. The disks are simulated; what a failing one does is in test_offline_faults.c.
 */
#include "cli_support.h"

#include "base/alloc.h"
#include "cli/interrupt.h"
#include "cli/offline_read.h"
#include "support/snapshot_sample.h"
#include "support/wal_log.h"

#include <errno.h>
#include <signal.h>
#include <sysexits.h>

struct counter {
    uint64_t seen, stop_after;
    uint64_t last_offset;
    unsigned ends;
    bool interrupt;
};

static bool
on_frame(void *ud, const struct wal_frame *f, const struct read_place *place)
{
    struct counter *c = ud;
    (void)f;
    assert_string_equal(place->segment, "wal-0000000000000001.attl");
    assert_true(place->offset > c->last_offset);
    c->last_offset = place->offset;
    return ++c->seen != c->stop_after;
}

static bool
on_end(void *ud, const struct wal_verdict *v)
{
    struct counter *c = ud;
    (void)v;
    c->ends++;
    return true;
}

static bool
on_entry(void *ud, const struct snapshot_entry *e)
{
    struct counter *c = ud;
    (void)sample_number(e); /* checks it */
    if (c->interrupt)
        assert_int_equal(raise(SIGINT), 0);
    return ++c->seen != c->stop_after;
}

static struct offline
offline_on(struct sim_disk *sim)
{
    return (struct offline){ .alloc = alloc_default(), .disk = sim_disk_table(sim) };
}

static void
frames_are_counted_by_kind(void **state)
{
    struct sim_disk *sim = sim_disk_new(1);
    struct offline o = offline_on(sim);
    struct wal_log l;
    struct counter c = { 0 };
    struct read_log log = { .frame = on_frame, .end = on_end, .ud = &c };
    (void)state;
    wal_log_begin(&l, 1, false);
    wal_log_puts(&l, 7);
    wal_log_mark(&l, 8);
    wal_log_store(&l, sim);
    wal_log_free(&l);
    assert_int_equal(read_log_run(&o, &log), 0);
    assert_int_equal(c.seen, 8);
    assert_int_equal(c.ends, 1);
    assert_int_equal(log.frames, 8);
    assert_int_equal(log.changes, 7);
    assert_int_equal(log.kinds[WAL_PUT], 7);
    assert_int_equal(log.kinds[WAL_MARK], 1);
    assert_int_equal(log.first_lsn, 1);
    assert_int_equal(log.last_lsn, 8);
    assert_int_equal(log.verdict.end, WAL_END_CLEAN);
    c = (struct counter){ .stop_after = 3 };
    log = (struct read_log){ .from_lsn = 2, .frame = on_frame, .end = on_end, .ud = &c };
    assert_int_equal(read_log_run(&o, &log), 0);
    assert_true(log.stopped);
    assert_int_equal(log.last_lsn, 4);
    assert_int_equal(c.ends, 0);
    sim_disk_free(&sim);
}

static void
entries_are_given_until_it_is_enough(void **state)
{
    struct sim_disk *sim = sim_disk_new(1);
    struct offline o = offline_on(sim);
    struct read_snapshot s;
    struct counter c = { 0 };
    char name[SEGMENT_NAME_MAX];
    (void)state;
    assert_int_equal(sample_write(o.disk, &o.alloc, false, 50, name), 0);
    read_snapshot_head(&o, name, &s);
    assert_int_equal(s.result, SNAPSHOT_OK);
    assert_int_equal(s.meta.entries, 50);
    read_snapshot_all(&o, name, on_entry, &c, &s);
    assert_int_equal(c.seen, 50);
    assert_false(s.stopped);
    assert_int_equal(read_snapshot_code(&s), EX_OK);
    c = (struct counter){ .stop_after = 7 };
    read_snapshot_all(&o, name, on_entry, &c, &s);
    assert_int_equal(c.seen, 7);
    assert_true(s.stopped);
    read_snapshot_all(&o, "snap-0", NULL, NULL, &s);
    assert_true(s.gone);
    assert_int_equal(read_snapshot_code(&s), EX_NOINPUT);
    sim_disk_free(&sim);
}

static void
control_c_ends_a_pass(void **state)
{
    struct sim_disk *sim = sim_disk_new(1);
    struct offline o = offline_on(sim);
    struct read_snapshot s;
    struct read_log log = { 0 };
    struct counter c = { .interrupt = true, .stop_after = 1 };
    char name[SEGMENT_NAME_MAX];
    (void)state;
    interrupt_install();
    assert_int_equal(sample_write(o.disk, &o.alloc, false, 50, name), 0);
    read_snapshot_all(&o, name, on_entry, &c, &s);
    assert_true(s.stopped);
    assert_true(interrupt_pending());
    assert_int_equal(read_log_run(&o, &log), -EINTR);
    interrupt_clear();
    assert_int_equal(read_log_run(&o, &log), 0);
    sim_disk_free(&sim);
}

static void
every_result_has_its_status(void **state)
{
    static const int cases[][2] = {
        { SNAPSHOT_OK, EX_OK },    { SNAPSHOT_DAMAGED, EX_DATAERR }, { SNAPSHOT_NEWER, EX_DATAERR },
        { SNAPSHOT_IO, EX_IOERR }, { SNAPSHOT_NOMEM, EX_OSERR },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct read_snapshot s = { .result = (enum snapshot_result)cases[i][0] };
        assert_int_equal(read_snapshot_code(&s), cases[i][1]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_counted_by_kind),
        cmocka_unit_test(entries_are_given_until_it_is_enough),
        cmocka_unit_test(control_c_ends_a_pass),
        cmocka_unit_test(every_result_has_its_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
