/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handing a change on. The masks of all sinks are kept together in one word, which is all that a
 * change looks at when nobody listens; whether single keys of a partition are watched is a number
 * in the partition, whose line the change has just touched. Deaths that nobody asked for also go to
 * the log from here, because an eviction has to survive a restart.
 */
#include "engine/notice.h"

#include "engine/engine.h"
#include "engine/journal.h"

void
notice_board_init(struct notice_board *b)
{
    *b = (struct notice_board){ 0 };
    lock_init(&b->lock);
}

void
notice_sink_set(struct notice_board *b, enum notice_sink_id id, notice_fn fn, void *ud)
{
    b->sinks[id].fn = fn;
    b->sinks[id].ud = ud;
}

void
notice_mask_set(struct notice_board *b, enum notice_sink_id id, uint32_t mask)
{
    lock_acquire(&b->lock);
    atomic_store(&b->sinks[id].mask, b->sinks[id].fn ? mask : 0);
    uint32_t all = 0;
    for (unsigned i = 0; i < NOTICE_SINKS; i++)
        all |= atomic_load(&b->sinks[i].mask);
    atomic_store(&b->mask, all);
    lock_release(&b->lock);
}

static inline bool
is_wanted(const struct notice_board *b, enum notice_kind kind)
{
    return atomic_load_explicit(&b->mask, memory_order_relaxed) & kind;
}

static void
give(const struct notice_board *b, const struct notice *n)
{
    for (unsigned i = 0; i < NOTICE_SINKS; i++)
        if (atomic_load_explicit(&b->sinks[i].mask, memory_order_acquire) & n->kind)
            b->sinks[i].fn(b->sinks[i].ud, n);
}

static enum attl_cause
cause_of_removal(enum cache_counter as)
{
    switch (as) {
    case COUNT_EVICTED: return ATTL_CAUSE_QUOTA; /* the drain's are told by notice_death() */
    case COUNT_ROLLED_BACK: return ATTL_CAUSE_ROLLED_BACK;
    default: return ATTL_CAUSE_DELETED;
    }
}

__attribute__((noinline)) static void
give_entry(struct attl *a, const struct entry *e, enum notice_kind kind)
{
    struct notice n = { .kind = kind, .key = e->key.key, .hash = e->key.hash, .now_ms = e->now_ms };
    if (e->change == ENTRY_REMOVE) {
        n.cause = cause_of_removal(e->removed_as);
        n.deadline_ms = e->deadline_ms;
    } else {
        struct record_shape shape = record_shape(e->changed);
        n.deadline_ms = record_hard_deadline(e->changed, &shape, e->now_ms);
        n.is_new = !e->found; /* as it was before the change */
    }
    if (kind != NOTICE_EVICTED)
        n.actor = cache_actor(&a->cache, e->self);
    give(&a->notices, &n);
}

static inline enum notice_kind
kind_of_change(const struct entry *e)
{
    if (e->change == ENTRY_PUT)
        return NOTICE_SET;
    if (e->change == ENTRY_EXPIRE)
        return NOTICE_EXPIRE;
    return e->removed_as == COUNT_EVICTED ? NOTICE_EVICTED : NOTICE_DELETED;
}

void
notice_entry(struct attl *a, const struct entry *e)
{
    if (e->change == ENTRY_SAME) {
        if (__builtin_expect(e->unwanted && e->partition->watched > 0, 0))
            watch_tell_unwanted(&a->watches, e->key.hash, e->key.key);
        return;
    }
    enum notice_kind kind = kind_of_change(e);
    if (__builtin_expect(e->partition->watched > 0, 0))
        watch_tell(&a->watches, e->key.hash, e->key.key, kind);
    if (__builtin_expect(is_wanted(&a->notices, kind), 0))
        give_entry(a, e, kind);
}

static enum attl_cause
cause_of_death(const struct cache_death *death)
{
    if (death->why != COUNT_EVICTED)
        return ATTL_CAUSE_EXPIRED;
    return death->for_items ? ATTL_CAUSE_ENTRIES : ATTL_CAUSE_MEMORY;
}

void
notice_death(void *ud, const struct cache_death *death)
{
    struct attl *a = ud;
    bool evicted = death->why == COUNT_EVICTED;
    enum notice_kind kind = evicted ? NOTICE_EVICTED : NOTICE_EXPIRED;
    if ((evicted || death->early) && a->store)
        journal_dropped(a, death->key, evicted);
    if (death->partition->watched > 0)
        watch_tell(&a->watches, death->hash, death->key, kind);
    if (!is_wanted(&a->notices, kind))
        return;
    struct notice n = { .kind = kind,
                        .cause = cause_of_death(death),
                        .key = death->key,
                        .hash = death->hash,
                        .deadline_ms = death->deadline_ms,
                        .now_ms = death->now_ms };
    give(&a->notices, &n);
}

void
notice_death_soon(void *ud, uint64_t hash)
{
    const struct attl *a = ud;
    ledger_prefetch(a->ledger, hash);
}

void
notice_clear(void *ud)
{
    struct attl *a = ud;
    if (a->store)
        journal_clear(a);
    quota_cleared(a);
    watch_tell_all(&a->watches, NOTICE_CLEARED);
    if (!is_wanted(&a->notices, NOTICE_CLEARED))
        return;
    struct notice n = { .kind = NOTICE_CLEARED,
                        .cause = ATTL_CAUSE_CLEARED,
                        .deadline_ms = ATTL_NO_DEADLINE,
                        .now_ms = engine_now_ms(a),
                        .actor = cache_actor(&a->cache, reclaim_self()) };
    give(&a->notices, &n);
}

void
notice_hook(void *ud, const struct notice *n)
{
    struct attl *a = ud;
    int64_t skew_ms = engine_skew_ms(a);
    attl_notice out = { .struct_size = sizeof out,
                        .kind = n->kind,
                        .key = n->key,
                        .deadline_ms = ATTL_NO_DEADLINE,
                        .at_ms = n->now_ms + skew_ms,
                        .actor = n->actor,
                        .cause = n->cause,
                        .is_new = n->is_new };
    if (n->deadline_ms != ATTL_NO_DEADLINE)
        out.deadline_ms = n->deadline_ms + skew_ms;
    a->notice_fn(a->notice_ud, &out);
}
