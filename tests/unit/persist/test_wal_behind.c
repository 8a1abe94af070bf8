/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the log ended, judged by what lies behind its end: remains of a crash, frames that had been
 * promised, segments that are none. Each is made by damaging a good log in one place, and the
 * verdict must be the one docs/wal-format.md demands.
 */
#include "log_world.h"
#include "os/crc32c.h"
#include "persist/le.h"
#include "support/rng.h"

#include <errno.h>

/* ---- torn ends ---- */

static void
test_a_bad_last_frame_is_torn(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    wal_log_zeros(l, 4096);
    for (size_t at = l->last; at < l->last + 40; at++) {
        l->bytes[at] ^= 0x40;
        expect_end(w, 0, WAL_END_TORN, 10);
        expect_place(w, l, l->last);
        l->bytes[at] ^= 0x40;
    }
    expect_end(w, 0, WAL_END_CLEAN, 11);
}

static void
test_a_file_cut_anywhere_is_torn_or_clean(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 3);
    size_t last = l->last;
    for (size_t len = l->len - 1; len > last; len--) {
        l->len = len;
        expect_end(w, 0, WAL_END_TORN, 3);
        expect_place(w, l, last);
    }
    l->len = last;
    expect_end(w, 0, WAL_END_CLEAN, 3);
    for (size_t len = WAL_SEGMENT_HEADER_BYTES - 1; len < WAL_SEGMENT_HEADER_BYTES; len--) {
        l->len = len;
        expect_end(w, 0, len > 0 ? WAL_END_TORN : WAL_END_CLEAN, 1);
        expect_place(w, l, 0);
        expect_reason(w, "shorter than a header");
    }
}

static void
test_remains_behind_zeros_are_torn(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 3);
    size_t end = l->len;
    wal_log_zeros(l, 5000);
    for (size_t at = end; at < l->len; at += 7) {
        l->bytes[at] = 1;
        expect_end(w, 0, WAL_END_TORN, 4);
        expect_place(w, l, end);
        l->bytes[at] = 0;
    }
    l->bytes[l->len - 1] = 1;
    expect_end(w, 0, WAL_END_TORN, 4);
}

static void
test_good_frames_behind_a_bad_one_are_counted(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    l->bytes[l->last + 30] ^= 1;
    size_t bad = l->last;
    wal_log_puts(l, 7);
    add_log(w, 18, 5);
    expect_end(w, 0, WAL_END_TORN, 10);
    expect_place(w, l, bad);
    expect_reason(w, "checksum of the frame at offset");
    assert_int_equal(w->verdict.lost_frames, 12);
    assert_int_equal(w->verdict.last_lsn, 22);
    assert_int_equal(w->verdict.durable_lsn, 0);
}

static void
test_frames_behind_a_lost_length_are_found(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    le_put_u32(l->bytes + l->last, 0);
    wal_log_puts(l, 7);
    expect_end(w, 0, WAL_END_TORN, 10);
    assert_int_equal(w->verdict.lost_frames, 7);
    expect_reason(w, "nothing was written");
    le_put_u32(l->bytes + l->last, 12345);
    expect_end(w, 0, WAL_END_TORN, 10);
    assert_int_equal(w->verdict.lost_frames, 6);
}

static void
test_a_wrong_number_ends_the_log(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    l->next_lsn++;
    size_t end = l->len;
    wal_log_puts(l, 2);
    expect_end(w, 0, WAL_END_TORN, 11);
    expect_place(w, l, end);
    expect_reason(w, "number of the frame");
    assert_int_equal(w->verdict.lost_frames, 2);
}

static void
test_old_frames_behind_the_end_are_nothing_new(void **state)
{
    struct world *w = *state;
    struct wal_log copy, *l = add_log(w, 1, 10);
    wal_log_begin(&copy, 8, false);
    wal_log_puts(&copy, 2);
    l->bytes[l->last + 30] ^= 1;
    wal_log_raw(l, copy.bytes + WAL_SEGMENT_HEADER_BYTES, copy.len - WAL_SEGMENT_HEADER_BYTES);
    wal_log_free(&copy);
    expect_end(w, 0, WAL_END_TORN, 10);
    assert_int_equal(w->verdict.lost_frames, 0);
    assert_int_equal(w->verdict.last_lsn, 0);
}

/* ---- testimony ---- */

static void
test_a_mark_behind_the_end_proves_damage(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    l->bytes[l->last + 8] ^= 1;
    size_t bad = l->last;
    wal_log_puts(l, 3);
    wal_log_mark(l, 11);
    expect_end(w, 0, WAL_END_DAMAGED, 10);
    expect_place(w, l, bad);
    assert_int_equal(w->verdict.durable_lsn, 11);
    assert_int_equal(w->verdict.lost_frames, 4);
    expect_reason(w, "although all changes before LSN 11 were durable");
}

static void
test_a_mark_that_does_not_cover_the_end_proves_nothing(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    l->bytes[l->last + 8] ^= 1;
    wal_log_puts(l, 3);
    wal_log_mark(l, 10);
    wal_log_mark(l, 16); /* with LSN 15: that is the future */
    expect_end(w, 0, WAL_END_TORN, 10);
    assert_int_equal(w->verdict.durable_lsn, 10);
}

static void
test_a_mark_in_a_later_segment_proves_damage(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    l->bytes[l->last + 8] ^= 1;
    add_log(w, 11, 5);
    struct wal_log *third = add_log(w, 16, 0);
    expect_end(w, 0, WAL_END_TORN, 10); /* a later segment alone proves nothing */
    wal_log_mark(third, 16);
    expect_end(w, 0, WAL_END_DAMAGED, 10);
    third->bytes[3] ^= 1; /* not even a bad header in front of it helps */
    expect_end(w, 0, WAL_END_DAMAGED, 10);
}

static void
test_a_lost_tail_is_proved_by_the_next_segment(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    memset(l->bytes + l->last, 0, l->len - l->last);
    struct wal_log *next = add_log(w, 11, 1);
    expect_end(w, 0, WAL_END_TORN, 10);
    expect_reason(w, "LSN 10 is missing, the next segment begins at 11");
    wal_log_mark(next, 12);
    expect_end(w, 0, WAL_END_DAMAGED, 10);
}

static void
test_a_missing_segment_is_judged_by_marks(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    struct wal_log *third = add_log(w, 21, 5);
    expect_end(w, 0, WAL_END_TORN, 11);
    expect_place(w, l, l->len);
    expect_reason(w, "LSN 11 is missing, the next segment begins at 21");
    assert_int_equal(w->verdict.lost_frames, 5);
    wal_log_mark(third, 21);
    expect_end(w, 0, WAL_END_DAMAGED, 11);
}

static void
test_what_clients_store_is_no_testimony(void **state)
{
    struct world *w = *state;
    struct wal_log forged, *l = add_log(w, 1, 9);
    wal_log_begin(&forged, 11, false);
    wal_log_puts(&forged, 5);
    wal_log_mark(&forged, 15);
    struct wal_op op = { WAL_PUT,          0,    attl_b("", 0), attl_b(forged.bytes, forged.len),
                         ATTL_NO_DEADLINE, { 0 } };
    wal_log_op(l, &op);
    l->bytes[l->len - 1] ^= 1; /* torn: its head is there, its tail is not */
    wal_log_free(&forged);
    expect_end(w, 0, WAL_END_TORN, 10);
    assert_int_equal(w->verdict.lost_frames, 0);
}

static void
test_the_search_is_not_quadratic(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 3);
    size_t from = l->len, len = test_is_sanitized() ? 1 << 20 : 4 << 20;
    wal_log_zeros(l, 8 + len);
    for (size_t at = from + 8; at + 24 < l->len; at += 24) { /* each reaches to the end */
        uint32_t bytes = (uint32_t)(l->len - at) & ~7u;
        le_put_u32(l->bytes + at, bytes);
        le_put_u64(l->bytes + at + 8, 4 + (at - from) / 24);
        l->bytes[at + 16] = WAL_PUT;
        le_put_u32(l->bytes + at + 20, bytes - WAL_FRAME_HEADER_BYTES);
    }
    expect_end(w, 0, WAL_END_TORN, 4); /* minutes, if every one had its checksum computed */
}

static void
test_a_search_that_fails_proves_nothing(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10);
    l->bytes[l->last + 8] ^= 1;
    wal_log_zeros(l, 5 << 20);
    memset(l->bytes + l->last + 4096, 0xa5, 2 << 20); /* remains, then zeros */
    wal_log_mark(add_log(w, 11, 0), 11);
    uint64_t n = 1;
    for (;; n++) {
        store_all(w);
        sim_disk_fail(w->sim, SIM_READ, n, -EIO, SIM_ONCE);
        read_all(w, 0);
        if (sim_disk_failures(w->sim) == 0)
            break;
        assert_int_equal(w->verdict.end, WAL_END_IO);
        assert_int_equal(w->verdict.next_lsn, n == 1 ? 1 : 10);
    }
    assert_in_range(n, 6, 20);
    assert_int_equal(w->verdict.end, WAL_END_DAMAGED);
}

/* ---- segments that are none ---- */

static void
test_a_segment_just_being_made_is_nothing_yet(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10), *next = add_log(w, 11, 0);
    static const size_t lengths[] = { 0, 1, 63, 64, 4096 };
    memset(next->bytes, 0, next->len);
    wal_log_zeros(next, 4096);
    for (size_t i = 0; i < 5; i++) {
        next->len = lengths[i];
        expect_end(w, 0, WAL_END_CLEAN, 11);
        expect_place(w, l, l->len);
    }
    next->bytes[next->len - 1] = 1;
    expect_end(w, 0, WAL_END_TORN, 11);
    expect_reason(w, "the next segment, wal-000000000000000b.attl,");
}

static void
test_an_empty_segment_further_on_shows_that_some_are_missing(void **state)
{
    struct world *w = *state;
    add_log(w, 1, 10);
    struct wal_log *later = add_log(w, 12, 0);
    expect_end(w, 0, WAL_END_TORN, 11);
    later->len = 0;
    expect_end(w, 0, WAL_END_TORN, 11);
}

static void
test_a_foreign_file_in_front_is_no_log(void **state)
{
    struct world *w = *state;
    static const char text[] = "This is not a segment, but it is longer than a header would be.\n";
    sim_disk_put(w->sim, "wal-0000000000000005.attl", text, sizeof text);
    expect_end(w, 0, WAL_END_TORN, 5);
    assert_int_equal(w->verdict.offset, 0);
    expect_reason(w, "valid header");
    add_log(w, 6, 3);
    expect_end(w, 0, WAL_END_TORN, 5);
    assert_int_equal(w->verdict.lost_frames, 3);
}

static void
test_a_header_must_agree_with_the_name(void **state)
{
    struct world *w = *state;
    struct wal_log *l = add_log(w, 1, 10), *next = add_log(w, 11, 3);
    segment_name(12, next->name);
    expect_end(w, 0, WAL_END_TORN, 11);
    expect_place(w, l, l->len);
    expect_reason(w, "contradicts its name");
}

static void
test_a_newer_version_is_left_to_people(void **state)
{
    struct world *w = *state;
    add_log(w, 1, 10);
    struct wal_log *next = add_log(w, 11, 0);
    static const unsigned char newer[] = {
        'A', 'T', 'T', 'L', 'W', 'A', 'L', '1', WAL_VERSION + 1
    };
    memset(next->bytes, 0, next->len);
    memcpy(next->bytes, newer, sizeof newer);
    le_put_u32(next->bytes + 60, crc32c(0, next->bytes, 60));
    expect_end(w, 0, WAL_END_DAMAGED, 11);
    expect_reason(w, "newer version");
    expect_end(w, 11, WAL_END_DAMAGED, 11);
    assert_int_equal(w->verdict.offset, 0);
    expect_reason(w, "newer version");
}

/* ---- anything ---- */

/* Whatever is damaged, what is read is a prefix of what was written. */
static void
test_random_damage_leaves_a_prefix(void **state)
{
    struct world *w = *state;
    uint64_t seed = test_seed();
    struct rng rng = rng_from_seed(seed);
    test_announce("wal_behind", seed);
    for (uint64_t lsn = 1; lsn < 61; lsn += 20) {
        struct wal_log *l = add_log(w, lsn, 19);
        wal_log_mark(l, lsn + 10);
        wal_log_zeros(l, 300);
    }
    for (uint64_t round = 0; round < test_scaled(3000); round++) {
        size_t len[3];
        store_all(w);
        for (unsigned i = 0; i < 3; i++)
            len[i] = w->logs[i].len;
        for (uint64_t hits = rng_range(&rng, 1, 3); hits > 0; hits--) {
            uint64_t i = rng_below(&rng, 3);
            size_t at = rng_below(&rng, w->logs[i].len);
            if (rng_one_in(&rng, 8))
                sim_disk_put(w->sim, w->logs[i].name, w->logs[i].bytes, len[i] = at);
            else if (at < len[i])
                sim_disk_flip(w->sim, w->logs[i].name, at, (uint8_t)rng_range(&rng, 1, 255));
        }
        read_all(w, 0); /* checks numbers and contents */
        assert_int_equal(w->opened, 0);
        assert_true(w->frames == 0 || w->first_lsn == 1);
        assert_true(w->verdict.end == WAL_END_CLEAN || w->verdict.end == WAL_END_TORN ||
                    w->verdict.end == WAL_END_DAMAGED);
        if (w->verdict.durable_lsn > w->verdict.next_lsn)
            assert_int_equal(w->verdict.end, WAL_END_DAMAGED);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        WORLD_TEST(test_a_bad_last_frame_is_torn),
        WORLD_TEST(test_a_file_cut_anywhere_is_torn_or_clean),
        WORLD_TEST(test_remains_behind_zeros_are_torn),
        WORLD_TEST(test_good_frames_behind_a_bad_one_are_counted),
        WORLD_TEST(test_frames_behind_a_lost_length_are_found),
        WORLD_TEST(test_a_wrong_number_ends_the_log),
        WORLD_TEST(test_old_frames_behind_the_end_are_nothing_new),
        WORLD_TEST(test_a_mark_behind_the_end_proves_damage),
        WORLD_TEST(test_a_mark_that_does_not_cover_the_end_proves_nothing),
        WORLD_TEST(test_a_mark_in_a_later_segment_proves_damage),
        WORLD_TEST(test_a_lost_tail_is_proved_by_the_next_segment),
        WORLD_TEST(test_a_missing_segment_is_judged_by_marks),
        WORLD_TEST(test_what_clients_store_is_no_testimony),
        WORLD_TEST(test_the_search_is_not_quadratic),
        WORLD_TEST(test_a_search_that_fails_proves_nothing),
        WORLD_TEST(test_a_segment_just_being_made_is_nothing_yet),
        WORLD_TEST(test_an_empty_segment_further_on_shows_that_some_are_missing),
        WORLD_TEST(test_a_foreign_file_in_front_is_no_log),
        WORLD_TEST(test_a_header_must_agree_with_the_name),
        WORLD_TEST(test_a_newer_version_is_left_to_people),
        WORLD_TEST(test_random_damage_leaves_a_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
