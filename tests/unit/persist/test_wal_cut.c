/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cutting the log. Afterwards it ends cleanly with the frames it had, nothing that could be of use
 * is lost, and a new segment can be begun; also if the power goes after any of the steps and the
 * whole is done again, if any call fails, and if memory is refused.
 */
#include "log_world.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>

enum { STEPS_MOST = 1000, GOOD_FRAMES = 9, TAIL_FRAMES = 5, SEEDS = 3 };

#define NOW_MS INT64_C(1735689700000)

/* ---- the log that is cut ---- */

/*
 * Ten changes, the last of them bad, and five good ones behind it; then a segment of which a mark
 * makes this damage, one without frames, and a file that only has a segment's name.
 */
static void
make_damaged(struct world *w)
{
    struct wal_log *l = add_log(w, 1, GOOD_FRAMES + 1);
    l->bytes[l->last + 30] ^= 1;
    wal_log_puts(l, TAIL_FRAMES);
    wal_log_zeros(l, 700);
    wal_log_mark(add_log(w, 16, 5), 20);
    wal_log_zeros(add_log(w, 22, 0), 300);
    l = add_log(w, 30, 0);
    l->len = 0;
    wal_log_raw(l, "not ours", 8);
    store_all(w);
}

/* Ten changes, then a segment that has none yet. */
static void
make_rotated(struct world *w)
{
    wal_log_zeros(add_log(w, 1, GOOD_FRAMES), 100);
    wal_log_zeros(add_log(w, GOOD_FRAMES + 1, 0), 300);
    store_all(w);
}

/* Ten changes, and a later file with remains but no header. */
static void
make_unfinished(struct world *w)
{
    wal_log_zeros(add_log(w, 1, GOOD_FRAMES), 100);
    struct wal_log *l = add_log(w, GOOD_FRAMES + 1, 2);
    memset(l->bytes, 0, WAL_SEGMENT_HEADER_BYTES);
    store_all(w);
}

typedef void (*make_fn)(struct world *w);
static const make_fn makers[] = { make_damaged, make_rotated, make_unfinished };
enum { MAKERS = sizeof makers / sizeof *makers };

/* ---- what must be true ---- */

static int
cut(struct world *w, struct sim_disk *sim, int64_t now_ms)
{
    attl_allocator alloc = world_allocator(w);
    return wal_cut(sim_disk_table(sim), &alloc, &w->verdict, now_ms);
}

/* Reads the log on `sim`: it must have the good frames, whatever its end is. */
static void
read_frames(struct world *w, struct sim_disk *sim)
{
    struct sim_disk *own = w->sim;
    w->sim = sim;
    read_all(w, 0);
    w->sim = own;
    assert_int_equal(w->opened, 0);
    assert_int_equal(w->frames, GOOD_FRAMES);
    assert_int_equal(w->verdict.next_lsn, GOOD_FRAMES + 1);
}

struct looking {
    struct sim_disk *sim;
    const void *data; /* an aside must be exactly this */
    size_t len;
    unsigned asides, segments_behind;
};

static void
look_at(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    struct looking *k = ud;
    struct store_file file;
    (void)modified_ms;
    assert_true(store_name_parse(name, &file));
    k->segments_behind += file.kind == STORE_WAL && file.lsn > GOOD_FRAMES;
    if (file.kind != STORE_ASIDE || bytes != k->len)
        return;
    size_t len;
    void *data = sim_disk_get(k->sim, name, &len);
    assert_non_null(data);
    k->asides += len == k->len && memcmp(data, k->data, len) == 0;
    free(data);
}

static struct looking
look(struct sim_disk *sim, const void *data, size_t len)
{
    struct looking k = { .sim = sim, .data = data, .len = len };
    struct disk *d = sim_disk_table(sim);
    assert_int_equal(d->ops->list(d, look_at, &k), 0);
    return k;
}

/* Where the good frames of a segment end. */
static size_t
good_end(const struct wal_log *l)
{
    struct wal_frame frame;
    uint32_t need;
    size_t at = WAL_SEGMENT_HEADER_BYTES;
    while (wal_frame_decode(l->bytes + at, l->len - at, &frame, &need) == WAL_FRAME)
        at += frame.bytes;
    return at;
}

/* What had contents and is not part of the log any more lies aside. */
static void
expect_preserved(const struct world *w, struct sim_disk *sim)
{
    for (unsigned i = 0; i < w->logs_len; i++) {
        const struct wal_log *l = &w->logs[i];
        size_t from = i == 0 ? good_end(l) : 0, end = l->len;
        while (i == 0 && end > from && l->bytes[end - 1] == 0)
            end--;
        bool empty = end == from || (l->len >= 64 && l->next_lsn == l->first_lsn);
        if (!empty && look(sim, l->bytes + from, end - from).asides == 0)
            fail_msg("%s is lost from %zu to %zu", l->name, from, end);
    }
}

static void
expect_cut(struct world *w, struct sim_disk *sim)
{
    read_frames(w, sim);
    if (w->verdict.end != WAL_END_CLEAN)
        fail_msg("after the cut: %s", w->verdict.reason);
    assert_string_equal(w->verdict.name, w->logs[0].name);
    assert_int_equal(w->verdict.lost_frames, 0);
    assert_int_equal(look(sim, NULL, SIZE_MAX).segments_behind, 0);
    expect_preserved(w, sim);
    assert_int_equal(w->live, 0);
}

/* ---- tests ---- */

static void
test_the_log_ends_where_the_verdict_says(void **state)
{
    struct world *w = *state;
    make_damaged(w);
    read_frames(w, w->sim);
    assert_int_equal(w->verdict.end, WAL_END_DAMAGED);
    uint64_t offset = w->verdict.offset;
    assert_int_equal(cut(w, w->sim, NOW_MS), 0);
    expect_cut(w, w->sim);
    assert_int_equal(w->verdict.offset, offset);
    size_t len;
    free(sim_disk_get(w->sim, w->logs[0].name, &len));
    assert_int_equal(len, offset);
    assert_true(sim_disk_is_durable(w->sim));
}

static void
test_what_says_nothing_is_removed(void **state)
{
    struct world *w = *state;
    make_rotated(w);
    read_frames(w, w->sim);
    assert_int_equal(w->verdict.end, WAL_END_CLEAN);
    assert_string_equal(w->verdict.name, w->logs[0].name);
    assert_int_equal(cut(w, w->sim, NOW_MS), 0);
    assert_false(sim_disk_has(w->sim, w->logs[1].name));
    expect_cut(w, w->sim);
}

static void
test_cutting_again_changes_nothing(void **state)
{
    struct world *w = *state;
    make_damaged(w);
    read_frames(w, w->sim);
    assert_int_equal(cut(w, w->sim, NOW_MS), 0);
    uint64_t changes = sim_disk_calls(w->sim, SIM_MUTATING & ~SIM_SYNC_DIR);
    assert_int_equal(cut(w, w->sim, NOW_MS), 0);
    assert_int_equal(sim_disk_calls(w->sim, SIM_MUTATING & ~SIM_SYNC_DIR), changes);
    expect_cut(w, w->sim);
}

static void
test_no_aside_file_is_replaced(void **state)
{
    struct world *w = *state;
    static const char old[] = "kept for people";
    char name[SEGMENT_NAME_MAX];
    make_damaged(w);
    for (unsigned i = 0; i < 2; i++) {
        aside_name(NOW_MS, w->logs[i].name, name);
        sim_disk_put(w->sim, name, old, sizeof old);
    }
    read_frames(w, w->sim);
    assert_int_equal(cut(w, w->sim, NOW_MS), 0);
    expect_cut(w, w->sim);
    assert_int_equal(look(w->sim, old, sizeof old).asides, 2);
}

static void
test_aside_names_come_to_an_end(void **state)
{
    struct world *w = *state;
    char name[SEGMENT_NAME_MAX];
    make_damaged(w);
    for (unsigned i = 0; i < 1000; i++) {
        aside_name(NOW_MS + i, w->logs[0].name, name);
        sim_disk_put(w->sim, name, "", 0);
    }
    read_frames(w, w->sim);
    assert_int_equal(cut(w, w->sim, NOW_MS), -EEXIST);
    assert_int_equal(cut(w, w->sim, NOW_MS + 1), 0);
    expect_cut(w, w->sim);
}

static void
test_older_segments_stay(void **state)
{
    struct world *w = *state;
    wal_log_zeros(add_log(w, 1, 10), 100);
    struct wal_log *l = add_log(w, 11, 10);
    l->bytes[l->last + 30] ^= 1;
    expect_end(w, 0, WAL_END_TORN, 20);
    assert_int_equal(cut(w, w->sim, NOW_MS), 0);
    size_t len;
    free(sim_disk_get(w->sim, w->logs[0].name, &len));
    assert_int_equal(len, w->logs[0].len);
    read_all(w, 0);
    assert_int_equal(w->frames, 19);
    assert_int_equal(w->verdict.end, WAL_END_CLEAN);
}

static void
test_no_log_needs_no_cut(void **state)
{
    struct world *w = *state;
    read_all(w, 0);
    assert_int_equal(cut(w, w->sim, NOW_MS), 0);
    assert_int_equal(sim_disk_calls(w->sim, SIM_MUTATING), 0);
}

static void
test_what_could_not_be_read_is_not_cut(void **state)
{
    struct world *w = *state;
    make_damaged(w);
    sim_disk_fail(w->sim, SIM_READ, 1, -EIO, SIM_ONCE);
    read_all(w, 0);
    assert_int_equal(cut(w, w->sim, NOW_MS), -EIO);
    w->fail_at = w->calls + 3;
    read_all(w, 0);
    assert_int_equal(cut(w, w->sim, NOW_MS), -ENOMEM);
    assert_int_equal(sim_disk_calls(w->sim, SIM_MUTATING), 0);
}

static void
test_a_new_segment_follows_a_cut_that_was_undone(void **state)
{
    struct world *w = *state;
    make_damaged(w);
    size_t len = w->logs[0].len;
    read_frames(w, w->sim);
    assert_int_equal(cut(w, w->sim, NOW_MS), 0);
    w->logs[0].len = len; /* the tail is back, for instance because the sync had lied */
    w->logs_len = 1;
    for (unsigned i = 1; i < 4; i++)
        wal_log_free(&w->logs[i]);
    add_log(w, GOOD_FRAMES + 1, 4);
    expect_end(w, 0, WAL_END_CLEAN, GOOD_FRAMES + 5);
}

/* The power goes after each change the cut makes, and whatever is left is cut again. */
static void
crash_walk(struct world *w)
{
    static const unsigned flags[] = { 0, SIM_CRASH_ANY_NAMES, SIM_CRASH_RUBBISH, SIM_CRASH_NOTHING,
                                      SIM_CRASH_ALL };
    bool dead = true;
    uint64_t n = 0;
    for (; dead && n < STEPS_MOST; n++) {
        struct sim_disk *base = sim_disk_clone(w->sim, n);
        read_frames(w, base);
        sim_disk_crash_after(base, n);
        int rc = cut(w, base, NOW_MS);
        dead = sim_disk_is_dead(base);
        assert_int_equal(rc, dead ? -EIO : 0);
        for (unsigned i = 0; i < SEEDS * 5; i++) {
            struct sim_disk *sim = sim_disk_clone(base, i);
            sim_disk_crash_with(sim, n * 100 + i, flags[i % 5]);
            read_frames(w, sim);
            if (!dead)
                expect_cut(w, sim);
            assert_int_equal(cut(w, sim, NOW_MS + i % 2), 0);
            expect_cut(w, sim);
            sim_disk_free(&sim);
        }
        sim_disk_free(&base);
    }
    assert_in_range(n, 3, STEPS_MOST - 1);
}

static void
test_a_crash_at_any_step_is_repaired(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < MAKERS; i++) {
        sim_disk_free(&w->sim);
        w->sim = sim_disk_new(1);
        while (w->logs_len > 0)
            wal_log_free(&w->logs[--w->logs_len]);
        makers[i](w);
        crash_walk(w);
    }
}

static void
test_any_call_may_fail(void **state)
{
    struct world *w = *state;
    make_damaged(w);
    uint64_t met = 1;
    uint64_t n = 0;
    while (met > 0 && n < STEPS_MOST) {
        struct sim_disk *sim = sim_disk_clone(w->sim, n);
        enum sim_span span = ++n % 2 ? SIM_ONCE : SIM_FOREVER;
        read_frames(w, sim);
        sim_disk_fail(sim, SIM_ANY & ~SIM_CLOSE, n, -ENOSPC, span);
        int rc = cut(w, sim, NOW_MS);
        met = sim_disk_failures(sim);
        assert_int_equal(rc, met > 0 ? -ENOSPC : 0);
        sim_disk_fail(sim, SIM_ANY, 0, 0, SIM_ONCE);
        read_frames(w, sim);
        assert_int_equal(cut(w, sim, NOW_MS), 0);
        expect_cut(w, sim);
        sim_disk_free(&sim);
    }
    assert_in_range(n, 10, STEPS_MOST - 1);
}

static void
test_no_space_for_the_aside_leaves_all_as_it_was(void **state)
{
    struct world *w = *state;
    make_damaged(w);
    read_frames(w, w->sim);
    struct wal_verdict before = w->verdict;
    sim_disk_set_capacity(w->sim, 1); /* no more than there is */
    assert_int_equal(cut(w, w->sim, NOW_MS), -ENOSPC);
    read_frames(w, w->sim);
    assert_memory_equal(&w->verdict, &before, sizeof before);
    sim_disk_set_capacity(w->sim, UINT64_MAX);
    assert_int_equal(cut(w, w->sim, NOW_MS), 0);
    expect_cut(w, w->sim);
}

static void
test_memory_may_be_refused(void **state)
{
    struct world *w = *state;
    make_damaged(w);
    int64_t n = 1;
    for (bool refused = true; refused && n < STEPS_MOST; n++) {
        struct sim_disk *sim = sim_disk_clone(w->sim, 1);
        read_frames(w, sim);
        w->calls = 0;
        w->fail_at = n;
        int rc = cut(w, sim, NOW_MS);
        refused = w->calls >= n;
        w->fail_at = 0;
        assert_int_equal(rc, refused ? -ENOMEM : 0);
        assert_int_equal(cut(w, sim, NOW_MS), 0);
        expect_cut(w, sim);
        sim_disk_free(&sim);
    }
    assert_in_range(n, 4, STEPS_MOST - 1);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        WORLD_TEST(test_the_log_ends_where_the_verdict_says),
        WORLD_TEST(test_what_says_nothing_is_removed),
        WORLD_TEST(test_cutting_again_changes_nothing),
        WORLD_TEST(test_no_aside_file_is_replaced),
        WORLD_TEST(test_aside_names_come_to_an_end),
        WORLD_TEST(test_older_segments_stay),
        WORLD_TEST(test_no_log_needs_no_cut),
        WORLD_TEST(test_what_could_not_be_read_is_not_cut),
        WORLD_TEST(test_a_new_segment_follows_a_cut_that_was_undone),
        WORLD_TEST(test_a_crash_at_any_step_is_repaired),
        WORLD_TEST(test_any_call_may_fail),
        WORLD_TEST(test_no_space_for_the_aside_leaves_all_as_it_was),
        WORLD_TEST(test_memory_may_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
