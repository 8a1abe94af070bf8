/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the log: what is there comes back, from any LSN on and over any border; gaps and fresh
 * segments are met as docs/wal-format.md says; and a disk that fails, or memory that is refused, is
 * never taken for a statement about the contents.
 */
#include "log_world.h"
#include "persist/le.h"
#include "persist/wal_window.h"
#include "support/unit.h"

#include <errno.h>

enum { FAILURES_MOST = 10000 };

/* ---- clean ends ---- */

static void
test_no_log_is_a_clean_end(void **state)
{
    struct world *w = *state;
    expect_end(w, 0, WAL_END_CLEAN, 1);
    assert_string_equal(w->verdict.name, "");
    expect_end(w, 77, WAL_END_CLEAN, 77);
    assert_int_equal(w->frames, 0);
}

static void
test_zeros_end_the_log(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 20);
    size_t end = l->len;
    static const size_t zeros[] = { 0, 4, 8, 12, 64, 4096 };
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        wal_log_zeros(l, zeros[i]);
        expect_end(w, 0, WAL_END_CLEAN, 21);
        expect_place(w, l, end);
        assert_int_equal(w->frames, 20);
        assert_int_equal(w->verdict.lost_frames, 0);
        l->len = end;
    }
}

static void
test_a_header_without_frames_is_a_clean_end(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 9, 0);
    expect_end(w, 0, WAL_END_CLEAN, 9);
    expect_place(w, l, WAL_SEGMENT_HEADER_BYTES);
    assert_false(w->verdict.gap);
}

static void
test_segments_are_read_one_after_the_other(void **state)
{
    struct world *w = *state;
    for (uint64_t lsn = 1; lsn < 41; lsn += 10)
        wal_log_zeros(add_log(w, lsn, 10), lsn % 4 * 40); /* over at its end, or in zeros */
    expect_end(w, 0, WAL_END_CLEAN, 41);
    assert_int_equal(w->frames, 40);
    expect_place(w, &w->logs[3], w->logs[3].len - 120);
}

static void
test_marks_are_remembered(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 5);
    wal_log_mark(l, 4);
    wal_log_mark(l, 3);
    wal_log_mark(l, 99); /* nobody knows the future */
    expect_end(w, 0, WAL_END_CLEAN, 9);
    assert_int_equal(w->verdict.durable_lsn, 4);
}

/* ---- where reading starts ---- */

static void
test_reading_starts_at_any_lsn(void **state)
{
    struct world *w = *state;
    for (uint64_t lsn = 11; lsn < 41; lsn += 10)
        add_log(w, lsn, 10);
    for (uint64_t from = 0; from < 50; from++) {
        expect_end(w, from, WAL_END_CLEAN, 41);
        uint64_t first = from < 11 ? 11 : from;
        assert_int_equal(w->frames, first < 41 ? 41 - first : 0);
        assert_true(w->frames == 0 || w->first_lsn == first);
    }
}

static void
test_old_segments_are_not_opened(void **state)
{
    struct world *w = *state;
    add_log(w, 1, 10)->bytes[0] = 'X';
    add_log(w, 11, 10);
    expect_end(w, 11, WAL_END_CLEAN, 21);
    assert_int_equal(w->frames, 10);
}

static void
test_place_and_progress_are_those_of_the_frame(void **state)
{
    struct world *w = *state;
    struct wal_reader *r;
    struct wal_frame frame;
    const char *name;
    uint64_t offset, done, total, before = 0;
    bool gap;
    add_log(w, 1, 10);
    add_gap(w, 11, 0);
    w->logs_len--; /* its place is reused */
    wal_log_free(&w->logs[1]);
    struct wal_log *second = add_log(w, 11, 1);
    store_all(w);
    open_reader(w, 0, &r);
    while (wal_reader_next(r, &frame)) {
        wal_reader_progress(r, &done, &total);
        assert_int_equal(total, w->logs[0].len + second->len);
        assert_in_range(done, before + 24, total);
        before = done;
    }
    wal_reader_place(r, &name, &offset, &gap);
    assert_string_equal(name, second->name);
    assert_int_equal(offset, second->last);
    assert_false(gap);
    wal_reader_progress(r, &done, &total);
    assert_int_equal(done, total);
    wal_reader_close(&r);
}

/* ---- borders of the pieces that are read ---- */

static void
test_frames_cross_the_borders_of_pieces(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 0);
    for (unsigned i = 0; i < 40; i++) {
        wal_log_put(l, 90000 + i * 1111);
        wal_log_puts(l, 30);
    }
    assert_true(l->len > 4 * WAL_PIECE_BYTES);
    expect_end(w, 0, WAL_END_CLEAN, 40 * 31 + 1);
    assert_in_range(w->largest, 1, WAL_PIECE_BYTES);
}

static void
test_frames_larger_than_a_piece(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 3);
    wal_log_put(l, 3 * WAL_PIECE_BYTES + 5);
    wal_log_puts(l, 3);
    wal_log_put(l, WAL_PIECE_BYTES);
    wal_log_put(l, 5 * WAL_PIECE_BYTES);
    wal_log_puts(l, 1);
    add_log(w, l->next_lsn, 5);
    expect_end(w, 0, WAL_END_CLEAN, 16);
    assert_in_range(w->largest, 5 * WAL_PIECE_BYTES, 5 * WAL_PIECE_BYTES + 64);
    l->bytes[l->last + 8]++; /* and when the end is searched behind them */
    expect_end(w, 0, WAL_END_TORN, 10);
}

static void
test_a_length_that_is_nonsense_costs_no_memory(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 3);
    wal_log_puts(l, 1);
    le_put_u32(l->bytes + l->last,
               512 << 20); /* consistent with the value's: only the file knows */
    le_put_u32(l->bytes + l->last + 20, (512 << 20) - WAL_FRAME_HEADER_BYTES - 2);
    wal_log_zeros(l, 4096);
    expect_end(w, 0, WAL_END_TORN, 4);
    expect_reason(w, "length");
    assert_in_range(w->largest, 1, WAL_PIECE_BYTES);
}

/* ---- segments written anew ---- */

static void
test_a_fresh_segment_takes_over(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 15);
    struct wal_log *fresh = add_log(w, 11, 2);
    l->bytes[l->last + 30] ^= 1; /* what the old one holds from LSN 11 on is never looked at */
    expect_end(w, 0, WAL_END_CLEAN, 13);
    expect_place(w, fresh, fresh->len);
    expect_end(w, 12, WAL_END_CLEAN, 13);
}

static void
test_a_fresh_segment_without_frames_waits(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 15);
    struct wal_log *fresh = add_log(w, 11, 0);
    wal_log_zeros(fresh, 512);
    expect_end(w, 0, WAL_END_CLEAN, 16);
    expect_place(w, l, l->len);
    fresh->bytes[0] ^= 1;
    expect_end(w, 0, WAL_END_TORN, 16);
    expect_reason(w, "the next segment, wal-000000000000000b.attl, does not begin with a valid");
}

static void
test_an_empty_segment_at_the_end_adds_nothing(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    wal_log_zeros(add_log(w, 11, 0), 512);
    expect_end(w, 0, WAL_END_CLEAN, 11);
    expect_place(w, l, l->len);
}

static void
test_remains_before_an_empty_segment_are_torn(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 11);
    l->bytes[l->last + 30] ^= 1; /* LSN 11, whose write failed; the fresh segment came too late */
    add_log(w, 11, 0);
    expect_end(w, 0, WAL_END_TORN, 11);
    expect_place(w, l, l->last);
}

/* ---- gaps ---- */

static void
test_a_gap_ends_the_log(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    wal_log_zeros(l, 512);
    wal_log_mark(add_gap(w, 21, 3), 24); /* its marks know nothing of what was before the gap */
    add_log(w, 25, 2);
    expect_end(w, 0, WAL_END_CLEAN, 11);
    expect_place(w, l, l->last + 40);
    expect_reason(w, "changes from LSN 11 up to 21 were never logged");
    assert_int_equal(w->verdict.lost_frames, 6);
    assert_int_equal(w->verdict.last_lsn, 26);
    assert_int_equal(w->verdict.durable_lsn, 0);
    expect_end(w, 15, WAL_END_CLEAN, 11);
}

static void
test_a_gap_without_missing_numbers_ends_the_log(void **state)
{
    struct world *w = *state;
    add_log(w, 1, 10);
    add_gap(w, 11, 3);
    expect_end(w, 0, WAL_END_CLEAN, 11);
    assert_int_equal(w->verdict.lost_frames, 3);
}

static void
test_torn_remains_before_a_gap_are_torn(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    l->bytes[l->last + 8] ^= 1;
    add_gap(w, 21, 3);
    expect_end(w, 0, WAL_END_TORN, 10);
}

static void
test_reading_from_behind_a_gap(void **state)
{
    struct world *w = *state;
    struct wal_reader *r;
    struct wal_frame frame;
    const char *name;
    uint64_t offset;
    bool gap;
    add_log(w, 1, 10);
    struct wal_log *behind = add_gap(w, 21, 3);
    expect_end(w, 21, WAL_END_CLEAN, 24);
    expect_end(w, 23, WAL_END_CLEAN, 24);
    assert_int_equal(w->frames, 1);
    assert_false(w->verdict.gap);
    open_reader(w, 21, &r);
    assert_true(wal_reader_next(r, &frame));
    wal_reader_place(r, &name, &offset, &gap);
    assert_true(gap);
    wal_reader_close(&r);
    behind->len = WAL_SEGMENT_HEADER_BYTES;
    expect_end(w, 21, WAL_END_CLEAN, 21);
    assert_true(w->verdict.gap); /* who writes on must know */
}

/* ---- salvage ---- */

static void
test_salvage_goes_on_behind_damage(void **state)
{
    struct world *w = *state;
    struct wal_reader *r;
    struct wal_log *l = add_log(w, 1, 10);
    l->bytes[l->last + 30] ^= 1;
    wal_log_puts(l, 5);
    le_put_u32(l->bytes + l->last, 7);
    wal_log_puts(l, 5);
    add_log(w, 31, 4)->bytes[5] = 0;
    store_all(w);
    static const uint64_t first[] = { 1, 11, 16, 31 }, frames[] = { 9, 4, 5, 4 };
    open_reader(w, 0, &r);
    assert_false(wal_reader_skip_damage(r)); /* it has not ended */
    for (unsigned i = 0; i < 4; i++) {
        read_on(w, r);
        assert_int_equal(w->first_lsn, first[i]);
        assert_int_equal(w->frames, frames[i]);
        assert_true(wal_reader_skip_damage(r) == (i < 3));
    }
    wal_reader_close(&r);
    open_reader(w, 12, &r); /* what is older than from_lsn stays out */
    read_on(w, r);
    assert_int_equal(w->frames, 0);
    assert_true(wal_reader_skip_damage(r));
    read_on(w, r);
    assert_int_equal(w->first_lsn, 12);
    assert_int_equal(w->frames, 3);
    wal_reader_close(&r);
}

static void
test_salvage_crosses_a_gap(void **state)
{
    struct world *w = *state;
    struct wal_reader *r;
    add_log(w, 1, 10);
    add_gap(w, 21, 3);
    store_all(w);
    open_reader(w, 0, &r);
    read_on(w, r);
    assert_true(wal_reader_skip_damage(r));
    read_on(w, r);
    assert_int_equal(w->first_lsn, 21);
    assert_int_equal(w->verdict.end, WAL_END_CLEAN);
    assert_false(wal_reader_skip_damage(r));
    wal_reader_close(&r);
}

static void
test_salvage_passes_over_what_cannot_be_read(void **state)
{
    struct world *w = *state;
    struct wal_reader *r;
    add_log(w, 1, 10);
    add_log(w, 11, 10);
    add_log(w, 21, 10);
    store_all(w);
    open_reader(w, 0, &r);
    sim_disk_fail(w->sim, SIM_READ, 1, -EIO, SIM_ONCE);
    read_on(w, r);
    assert_int_equal(w->verdict.end, WAL_END_IO);
    sim_disk_fail(w->sim, SIM_OPEN, 1, -EIO, SIM_ONCE); /* the second is gone, too */
    assert_true(wal_reader_skip_damage(r));
    read_on(w, r);
    assert_int_equal(w->first_lsn, 21);
    assert_int_equal(w->verdict.end, WAL_END_CLEAN);
    wal_reader_close(&r);
    open_reader(w, 0, &r);
    sim_disk_fail(w->sim, SIM_READ, 1, -EIO, SIM_FOREVER);
    read_on(w, r);
    assert_false(wal_reader_skip_damage(r));
    wal_reader_close(&r);
}

static void
test_salvage_that_cannot_read_says_so(void **state)
{
    struct world *w = *state;
    struct wal_reader *r;
    struct wal_log *l = add_log(w, 1, 10);
    l->bytes[l->last + 30] ^= 1;
    wal_log_puts(l, 5);
    store_all(w);
    open_reader(w, 0, &r);
    read_on(w, r);
    sim_disk_fail(w->sim, SIM_OPEN, 1, -EIO, SIM_ONCE);
    assert_false(wal_reader_skip_damage(r));
    assert_int_equal(wal_reader_verdict(r)->end, WAL_END_IO);
    wal_reader_close(&r);
}

/* ---- when disk and memory fail ---- */

/* A log with every kind of work for the reader. */
static void
add_eventful_log(struct world *w)
{
    struct wal_log *l = add_log(w, 1, 10);
    wal_log_put(l, WAL_PIECE_BYTES + 77);
    wal_log_puts(l, 14);
    add_log(w, 21, 5);
    add_log(w, 26, 10);
    l = add_log(w, 36, 10);
    l->bytes[l->last + 8] ^= 1;
    wal_log_put(l, 3 * WAL_PIECE_BYTES);
    add_log(w, 47, 5);
    store_all(w);
}

static void
test_no_failure_of_the_disk_is_taken_for_contents(void **state)
{
    struct world *w = *state;
    add_eventful_log(w);
    read_all(w, 0);
    struct wal_verdict want = w->verdict;
    uint64_t all = w->frames, n = 0;
    assert_int_equal(want.end, WAL_END_TORN);
    assert_int_equal(want.next_lsn, 45);
    do {
        enum sim_span span = ++n % 2 ? SIM_ONCE : SIM_FOREVER;
        sim_disk_fail(w->sim, SIM_ANY & ~SIM_CLOSE, n, -EIO, span);
        read_all(w, 0);
        assert_int_equal(w->live, 0);
        if (sim_disk_failures(w->sim) == 0)
            break;
        if (w->opened < 0) {
            assert_int_equal(w->opened, -EIO);
            continue;
        }
        assert_int_equal(w->verdict.end, WAL_END_IO);
        assert_int_equal(w->verdict.error, -EIO);
        assert_in_range(w->frames, 0, all);
        assert_int_equal(w->verdict.next_lsn, w->frames + 1);
        expect_reason(w, "could not be read");
    } while (n < FAILURES_MOST);
    assert_in_range(n, 10, FAILURES_MOST - 1);
    assert_memory_equal(&w->verdict, &want, sizeof want);
}

static void
test_a_file_that_has_become_shorter_is_a_failure(void **state)
{
    struct world *w = *state;
    struct wal_reader *r;
    struct wal_frame frame;
    struct wal_log *l = add_log(w, 1, 0);
    for (unsigned i = 0; i < 3; i++)
        wal_log_put(l, WAL_PIECE_BYTES);
    store_all(w);
    open_reader(w, 0, &r);
    assert_true(wal_reader_next(r, &frame));
    struct disk *d = sim_disk_table(w->sim);
    struct disk_file *f;
    assert_int_equal(d->ops->open(d, l->name, DISK_WRITE, &f), 0);
    assert_int_equal(d->ops->truncate(d, f, WAL_PIECE_BYTES + 500), 0);
    assert_int_equal(d->ops->close(d, f), 0);
    assert_false(wal_reader_next(r, &frame));
    assert_int_equal(wal_reader_verdict(r)->end, WAL_END_IO);
    assert_int_equal(wal_reader_verdict(r)->error, -ENODATA);
    wal_reader_close(&r);
}

static void
test_refused_memory_is_said(void **state)
{
    struct world *w = *state;
    add_eventful_log(w);
    read_all(w, 0);
    struct wal_verdict want = w->verdict;
    for (w->fail_at = 1; w->fail_at < FAILURES_MOST; w->fail_at++) {
        w->calls = 0;
        read_all(w, 0);
        assert_int_equal(w->live, 0);
        if (w->calls < w->fail_at)
            break;
        if (w->opened < 0)
            assert_int_equal(w->opened, -ENOMEM);
        else {
            assert_int_equal(w->verdict.end, WAL_END_NOMEM);
            assert_int_equal(w->verdict.next_lsn, w->frames + 1);
        }
    }
    assert_in_range(w->fail_at, 6, FAILURES_MOST - 1);
    assert_memory_equal(&w->verdict, &want, sizeof want);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        WORLD_TEST(test_no_log_is_a_clean_end),
        WORLD_TEST(test_zeros_end_the_log),
        WORLD_TEST(test_a_header_without_frames_is_a_clean_end),
        WORLD_TEST(test_segments_are_read_one_after_the_other),
        WORLD_TEST(test_marks_are_remembered),
        WORLD_TEST(test_reading_starts_at_any_lsn),
        WORLD_TEST(test_old_segments_are_not_opened),
        WORLD_TEST(test_place_and_progress_are_those_of_the_frame),
        WORLD_TEST(test_frames_cross_the_borders_of_pieces),
        WORLD_TEST(test_frames_larger_than_a_piece),
        WORLD_TEST(test_a_length_that_is_nonsense_costs_no_memory),
        WORLD_TEST(test_a_fresh_segment_takes_over),
        WORLD_TEST(test_a_fresh_segment_without_frames_waits),
        WORLD_TEST(test_an_empty_segment_at_the_end_adds_nothing),
        WORLD_TEST(test_remains_before_an_empty_segment_are_torn),
        WORLD_TEST(test_a_gap_ends_the_log),
        WORLD_TEST(test_a_gap_without_missing_numbers_ends_the_log),
        WORLD_TEST(test_torn_remains_before_a_gap_are_torn),
        WORLD_TEST(test_reading_from_behind_a_gap),
        WORLD_TEST(test_salvage_goes_on_behind_damage),
        WORLD_TEST(test_salvage_crosses_a_gap),
        WORLD_TEST(test_salvage_passes_over_what_cannot_be_read),
        WORLD_TEST(test_salvage_that_cannot_read_says_so),
        WORLD_TEST(test_no_failure_of_the_disk_is_taken_for_contents),
        WORLD_TEST(test_a_file_that_has_become_shorter_is_a_failure),
        WORLD_TEST(test_refused_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
