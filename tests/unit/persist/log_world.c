/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world of a log's test: see log_world.h.
 */
#include "log_world.h"

#include <stdlib.h>

static void *
world_alloc(void *ud, size_t bytes)
{
    struct world *w = ud;
    if (++w->calls == w->fail_at)
        return NULL;
    w->largest = bytes > w->largest ? bytes : w->largest;
    w->live++;
    return malloc(bytes);
}

static void
world_free(void *ud, void *ptr)
{
    struct world *w = ud;
    w->live -= ptr != NULL;
    free(ptr);
}

attl_allocator
world_allocator(struct world *w)
{
    return (attl_allocator){ .alloc = world_alloc, .free = world_free, .ud = w };
}

int
world_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    *state = w;
    if (!w)
        return -1;
    w->sim = sim_disk_new(1);
    return w->sim ? 0 : -1;
}

int
world_teardown(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < w->logs_len; i++)
        wal_log_free(&w->logs[i]);
    sim_disk_free(&w->sim);
    int64_t live = w->live;
    free(w);
    return live == 0 ? 0 : -1;
}

struct wal_log *
add_log(struct world *w, uint64_t first_lsn, unsigned count)
{
    assert_in_range(w->logs_len, 0, LOGS_MAX - 1);
    struct wal_log *l = &w->logs[w->logs_len++];
    wal_log_begin(l, first_lsn, false);
    wal_log_puts(l, count);
    return l;
}

struct wal_log *
add_gap(struct world *w, uint64_t first_lsn, unsigned count)
{
    struct wal_log *l = &w->logs[w->logs_len++];
    wal_log_begin(l, first_lsn, true);
    wal_log_puts(l, count);
    return l;
}

void
store_all(struct world *w)
{
    for (unsigned i = 0; i < w->logs_len; i++)
        wal_log_store(&w->logs[i], w->sim);
}

void
open_reader(struct world *w, uint64_t from_lsn, struct wal_reader **ret)
{
    attl_allocator alloc = world_allocator(w);
    w->opened = wal_reader_open(sim_disk_table(w->sim), &alloc, from_lsn, ret);
}

void
read_on(struct world *w, struct wal_reader *r)
{
    struct wal_frame frame;
    w->frames = 0;
    for (uint64_t lsn = 0; wal_reader_next(r, &frame); lsn = frame.lsn) {
        w->first_lsn = w->frames++ ? w->first_lsn : frame.lsn;
        assert_true(lsn == 0 || frame.lsn == lsn + 1);
        assert_true(frame.op.kind == WAL_MARK || wal_log_is_put(&frame));
    }
    assert_false(wal_reader_next(r, &frame)); /* it stays at the end */
    w->verdict = *wal_reader_verdict(r);
}

void
read_all(struct world *w, uint64_t from_lsn)
{
    struct wal_reader *r;
    open_reader(w, from_lsn, &r);
    if (w->opened == 0)
        read_on(w, r);
    else
        assert_null(r);
    wal_reader_close(&r);
    assert_null(r);
}

void
expect_end(struct world *w, uint64_t from_lsn, enum wal_end end, uint64_t next_lsn)
{
    store_all(w);
    read_all(w, from_lsn);
    assert_int_equal(w->opened, 0);
    if (w->verdict.end != end)
        fail_msg("it ended as %d: %s", (int)w->verdict.end, w->verdict.reason);
    assert_int_equal(w->verdict.next_lsn, next_lsn);
    assert_true(w->frames == 0 || w->first_lsn + w->frames == next_lsn);
    assert_true(w->verdict.reason[0] != '\0');
    assert_int_equal(w->live, 0);
}

void
expect_place(const struct world *w, const struct wal_log *l, uint64_t offset)
{
    assert_string_equal(w->verdict.name, l->name);
    assert_int_equal(w->verdict.offset, offset);
}

void
expect_reason(const struct world *w, const char *part)
{
    if (!strstr(w->verdict.reason, part))
        fail_msg("the reason is: %s", w->verdict.reason);
}
