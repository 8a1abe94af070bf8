/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others see of erasures: the receipts, counters, and whether a key must not come back. The
 * counters are the cache's, because an erasure without a data directory counts as well; they are
 * added up where a receipt changes, so that what was read from a file at a start counts nothing.
 * Receipts are read under `lock`, which is held for as long as one pass over the list takes.
 */
#include "engine/erase.h"

#include "engine/store.h"

void
erase_note(struct attl *a, const attl_erasure *before, const attl_erasure *r)
{
    struct erase_totals *t = &a->erased;
    atomic_fetch_add(&t->entries, r->in_memory - before->in_memory);
    atomic_fetch_add(&t->files, r->files_removed - before->files_removed);
    atomic_fetch_add(&t->bytes, r->bytes_removed - before->bytes_removed);
    if (erase_unfinished(r) || !erase_unfinished(before))
        return;
    atomic_fetch_add(r->state == ATTL_ERASE_DONE ? &t->done : &t->failed, 1);
    atomic_fetch_add(&t->checks[r->checked], 1);
}

int
erase_list(struct store *s, const char *id, attl_erasure_fn fn, void *ud)
{
    struct erase *e = &s->erase;
    int status = id ? ATTL_MISS : ATTL_OK;
    if (store_is_loading(s))
        return ATTL_E_LOADING;
    lock_acquire(&e->lock);
    for (size_t i = 0; i < e->len; i++) {
        if (id && strcmp(e->list[i].receipt.id, id) != 0)
            continue;
        status = ATTL_OK;
        fn(ud, &e->list[i].receipt);
    }
    lock_release(&e->lock);
    return status;
}

static void
stats_pending(const attl_erasure *r, int64_t now_ms, attl_erase_stats *ret)
{
    if (!erase_unfinished(r))
        return;
    ret->pending++;
    ret->late += r->due_ms < now_ms;
    if (!ret->oldest_ms || r->requested_ms < ret->oldest_ms)
        ret->oldest_ms = r->requested_ms;
    if (!ret->due_ms || r->due_ms < ret->due_ms)
        ret->due_ms = r->due_ms;
}

void
erase_stats(struct attl *a, struct store *s, attl_erase_stats *ret)
{
    struct erase_totals *t = &a->erased;
    *ret = (attl_erase_stats){ .struct_size = sizeof *ret,
                               .requested = atomic_load(&t->requested),
                               .done = atomic_load(&t->done),
                               .failed = atomic_load(&t->failed),
                               .entries = atomic_load(&t->entries),
                               .files_removed = atomic_load(&t->files),
                               .bytes_removed = atomic_load(&t->bytes),
                               .clean = atomic_load(&t->checks[ATTL_ERASE_CLEAN]),
                               .found = atomic_load(&t->checks[ATTL_ERASE_FOUND]),
                               .unreadable = atomic_load(&t->checks[ATTL_ERASE_UNREADABLE]) };
    if (!s)
        return;
    ret->within_ms = atomic_load(&s->erase.within_ms);
    if (atomic_load(&s->erase.open) == 0)
        return;
    int64_t now_ms = engine_now_ms(a) + engine_skew_ms(a);
    lock_acquire(&s->erase.lock);
    for (size_t i = 0; i < s->erase.len; i++)
        stats_pending(&s->erase.list[i].receipt, now_ms, ret);
    lock_release(&s->erase.lock);
}

bool
erase_forbids(struct store *s, attl_slice key, uint64_t lsn)
{
    struct erase *e = &s->erase;
    bool forbids = false;
    if (atomic_load(&e->open) == 0)
        return false;
    lock_acquire(&e->lock);
    for (size_t i = 0; i < e->len && !forbids; i++) {
        const struct erasure *one = &e->list[i];
        bool reaches = one->receipt.state == ATTL_ERASE_STARTED || lsn <= one->receipt.before_lsn;
        forbids = one->select && reaches && erase_select_fits(one->select, key);
    }
    lock_release(&e->lock);
    return forbids;
}
