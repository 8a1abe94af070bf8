/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bringing the state of then back: what was not there goes, what was there returns. Each key is
 * compared and changed under its own lock, so that readers and writers go on, and an entry that is
 * as it was is not touched. Whether the log takes changes is asked before each one, never with a
 * lock held.
 */
#include "engine/rollback.h"

#include "cache/scan.h"
#include "engine/journal.h"

enum { SCAN_COUNT = 64 };

struct restore_op {
    struct rollback *rollback;
    attl_slice value;
    int64_t gone_ms; /* by the clock of the cache that is rolled back, as the life is */
    struct stored_value stored;
    bool is_dry;
};

static bool
is_as_it_was(struct entry *e, const struct restore_op *op)
{
    attl_slice now = entry_value(e);
    if (now.len != op->value.len || e->gone_ms != op->gone_ms ||
        e->has_life != op->stored.has_life ||
        (e->has_life && !life_equals(&e->life, &op->stored.life)))
        return false;
    return now.len == 0 || memcmp(now.data, op->value.data, now.len) == 0;
}

static int
restore_change(struct entry *e, void *ud)
{
    struct restore_op *op = ud;
    attl_rollback_report *report = &op->rollback->report;
    if (e->found && is_as_it_was(e, op))
        return ATTL_OK;
    bool was_there = e->found;
    e->unbounded = true; /* it was accepted once */
    int status = op->is_dry ? ATTL_OK : entry_put(e, &op->stored, op->gone_ms);
    if (status == ATTL_OK)
        was_there ? report->changed++ : report->restored++;
    return status;
}

struct restore_walk {
    struct rollback *rollback;
    int status;
    uint64_t live;
};

static void
restore_entry(void *ud, const struct scan_entry *then)
{
    struct restore_walk *w = ud;
    struct rollback *b = w->rollback;
    struct attl *a = b->store->a;
    if (w->status != ATTL_OK)
        return;
    w->live++;
    if (erase_forbids(b->store, then->key, b->target_lsn))
        return; /* it was erased, and files of before are only waiting to go */
    int64_t by_ms = engine_skew_ms(&b->then) - engine_skew_ms(a); /* from one's clock to ours */
    struct restore_op op = { .rollback = b,
                             .value = then->value,
                             .gone_ms = life_shift_deadline(then->gone_ms, by_ms),
                             .is_dry = b->opts->dry_run != 0 };
    w->status = op.is_dry ? ATTL_OK : journal_admit(a);
    if (w->status == ATTL_OK && !op.is_dry)
        w->status = stored_value_init(&a->cache, then->value, &op.stored);
    op.stored.has_life = then->has_life;
    if (then->has_life) {
        op.stored.life = then->life;
        life_shift(&op.stored.life, by_ms);
    }
    if (w->status == ATTL_OK)
        w->status = engine_restore(a, then->key, restore_change, &op);
    stored_value_fini(&op.stored);
}

static int
remove_change(struct entry *e, void *ud)
{
    struct rollback *b = ud;
    if (!e->found)
        return ATTL_MISS;
    b->report.removed++;
    if (!b->opts->dry_run)
        entry_remove(e, COUNT_ROLLED_BACK);
    return ATTL_OK;
}

/* Keys are gathered first, because a scan holds the lock of what it visits. */
static void
gather_key(void *ud, const struct scan_entry *e)
{
    struct buf *keys = ud;
    uint32_t len = (uint32_t)e->key.len;
    buf_append(keys, &len, sizeof len);
    buf_append(keys, e->key.data, e->key.len);
}

static int
remove_gathered(struct rollback *b, const struct buf *keys)
{
    for (size_t at = 0; at < keys->len;) {
        uint32_t len;
        memcpy(&len, keys->data + at, sizeof len);
        attl_slice key = attl_b(keys->data + at + sizeof len, len);
        at += sizeof len + len;
        if (rollback_knows(&b->then, key))
            continue;
        int status = b->opts->dry_run ? ATTL_OK : journal_admit(b->store->a);
        if (status == ATTL_OK)
            status = engine_restore(b->store->a, key, remove_change, b);
        if (status < 0)
            return status;
    }
    return keys->failed ? ATTL_E_NOMEM : ATTL_OK;
}

/* Removes what was not there then: of the touched keys, or of all. */
static int
remove_newer(struct rollback *b)
{
    struct attl *from = b->everything ? b->store->a : &b->touched;
    struct buf keys;
    uint64_t cursor = 0;
    int status = ATTL_OK;
    buf_init(&keys, SIZE_MAX);
    do {
        buf_clear(&keys, SIZE_MAX);
        cursor =
            scan_step_all(&from->cache, cursor, SCAN_COUNT, engine_now_ms(from), gather_key, &keys);
        status = remove_gathered(b, &keys);
    } while (status == ATTL_OK && cursor != 0);
    buf_fini(&keys);
    return status;
}

int
rollback_apply(struct rollback *b)
{
    struct store *s = b->store;
    struct restore_walk w = { .rollback = b, .status = ATTL_OK };
    uint64_t cursor = 0;
    uint64_t then = cache_items(&b->then.cache); /* looking for one that has expired removes it */
    b->report.entries_before = cache_items(&s->a->cache);
    int status = remove_newer(b);
    /* The other cache's partitions are locked while ours are: nobody else knows it. */
    do {
        if (status == ATTL_OK)
            cursor = scan_step_all(&b->then.cache, cursor, SCAN_COUNT, engine_now_ms(&b->then),
                                   restore_entry, &w);
    } while (status == ATTL_OK && w.status == ATTL_OK && cursor != 0);
    if (status == ATTL_OK)
        status = w.status;
    b->report.entries_after = b->opts->dry_run ? b->report.entries_before + b->report.restored -
                                                     b->report.removed
                                               : cache_items(&s->a->cache);
    b->report.expired = then > w.live ? then - w.live : 0;
    return status;
}
