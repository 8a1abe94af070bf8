/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making room inside a namespace. The entry that came first goes, unless it was used since its turn
 * came last: then it loses one use and goes to the end, which is S3-FIFO without its small queue. A
 * bounded number of entries is passed over for one that goes, so no write pays for much. Entries
 * that are in no queue (they were there before the quota, or there was no memory) are found by
 * walking partitions, a few per write; what that leaves is the maintenance's. What has expired goes
 * first, as everywhere.
 */
#include "base/alloc.h"
#include "cache/freeze.h"
#include "cache/weigh.h"
#include "engine/engine.h"
#include "engine/quota_queue.h"

enum {
    EVICTIONS_PER_EPOCH = 64,
    ROUNDS_PER_WRITE = 64,
    TRIES_PER_EVICTION = 64,
    CHANCES_PER_EVICTION = 16, /* entries passed over because they were used */
    WALK_PARTITIONS = 16,      /* in one go */
    WALK_HASHES = 64,
    EXPIRE_ROUNDS = 1024,
    QUEUE_SLACK = 64,
    TRIM_STEPS = 4,
};

/* One namespace that has too much. Inside an epoch. */
struct relief {
    struct attl *a;
    const struct reclaim_reader *self;
    const struct namespace_set *set;
    const struct namespace *ns;
    struct quota *q;
    uint64_t spared; /* what has just been written goes last */
    int64_t now_ms;
};

enum verdict { VERDICT_ABSENT, VERDICT_KEPT, VERDICT_GONE, VERDICT_NOMEM };

/* With `others` entries taken as gone already. */
static bool
is_over(const struct namespace *ns, const struct quota *q, uint32_t others)
{
    int64_t entries = atomic_load_explicit(&q->entries, memory_order_relaxed) - others;
    int64_t bytes = atomic_load_explicit(&q->bytes, memory_order_relaxed);
    return (ns->max_entries && entries > (int64_t)ns->max_entries) ||
           (ns->max_bytes && bytes > (int64_t)ns->max_bytes);
}

/* Announces that this thread lets an entry go, so that two threads that see one entry too many do
 * not take one each. Bytes know no such thing: two may free more than one would have. */
static bool
leave_begin(struct relief *f)
{
    uint32_t others = atomic_fetch_add_explicit(&f->q->leaving, 1, memory_order_acq_rel);
    if (is_over(f->ns, f->q, others))
        return true;
    atomic_fetch_sub_explicit(&f->q->leaving, 1, memory_order_release);
    return false;
}

static void
leave_end(struct relief *f)
{
    atomic_fetch_sub_explicit(&f->q->leaving, 1, memory_order_release);
}

/* For who has announced itself. */
static bool
is_over_still(const struct relief *f)
{
    return is_over(f->ns, f->q, atomic_load_explicit(&f->q->leaving, memory_order_acquire) - 1);
}

/* What becomes of an entry that was found; its partition is locked. */
static enum verdict
judge(struct relief *f, struct entry *e, bool has_chances)
{
    entry_find(e);
    if (!e->found)
        return VERDICT_GONE; /* it had expired */
    unsigned freq = index_freq(e->pos);
    if (has_chances && (freq > 0 || e->key.hash == f->spared)) {
        index_set_freq(e->pos, freq > 0 ? freq - 1 : 0);
        return VERDICT_KEPT;
    }
    entry_evict(e);
    atomic_fetch_add_explicit(&f->q->evicted, 1, memory_order_relaxed);
    return VERDICT_GONE;
}

static enum verdict
consider(struct relief *f, uint64_t hash, bool only_look, bool has_chances)
{
    struct cache *c = &f->a->cache;
    struct partition *p = cache_partition(c, hash);
    enum verdict verdict = VERDICT_ABSENT;
    if (!cache_lock(c, p))
        return VERDICT_NOMEM;
    attl_slice key = weigh_find(c, p, hash);
    if (key.data && namespace_match(f->set, key) == f->ns) {
        struct entry e;
        engine_entry_init(f->a, f->self, key, &e);
        e.now_ms = f->now_ms;
        e.sees_stale = true;
        verdict = only_look ? VERDICT_KEPT : judge(f, &e, has_chances);
    }
    lock_release(&p->lock);
    return verdict;
}

/* ---- entries that are in no queue ---- */

struct gathered {
    const struct relief *relief;
    uint64_t hashes[WALK_HASHES];
    unsigned count;
};

static bool
gather(void *ud, const struct cache_weight *w)
{
    struct gathered *g = ud;
    if (g->count < WALK_HASHES && namespace_match(g->relief->set, w->key) == g->relief->ns)
        g->hashes[g->count++] = w->hash;
    return true;
}

/* Evicts what a few partitions hold of the namespace. False if that was nothing. */
static bool
walk(struct relief *f)
{
    unsigned mask = (1u << f->a->cache.partition_bits) - 1;
    bool any = false;
    for (unsigned i = 0; i < WALK_PARTITIONS && !any; i++) {
        struct gathered g = { .relief = f };
        weigh_visit(&f->a->cache, atomic_fetch_add(&f->q->walk, 1) & mask, gather, &g);
        for (unsigned j = 0; j < g.count && is_over_still(f); j++)
            any |= consider(f, g.hashes[j], false, g.hashes[j] == f->spared) == VERDICT_GONE;
    }
    return any;
}

/* ---- the queue ---- */

/* Lets one entry go, or finds that those before it have gone already. False if there is nothing. */
static bool
evict_one(struct relief *f)
{
    const attl_allocator *alloc = &f->set->quotas->alloc;
    unsigned chances = CHANCES_PER_EVICTION;
    for (unsigned i = 0; i < TRIES_PER_EVICTION; i++) {
        uint64_t hash;
        if (!quota_queue_pop(f->q, alloc, &hash))
            return walk(f);
        enum verdict verdict = consider(f, hash, false, chances > 0);
        if (verdict == VERDICT_KEPT) {
            quota_queue_push(f->q, alloc, hash);
            chances--;
        } else if (verdict != VERDICT_ABSENT) {
            return verdict == VERDICT_GONE;
        }
    }
    return true;
}

/* Takes leftovers out of a queue that is mostly that. */
static void
trim(struct relief *f)
{
    const attl_allocator *alloc = &f->set->quotas->alloc;
    for (unsigned i = 0; i < TRIM_STEPS; i++) {
        uint64_t hash, queued = atomic_load_explicit(&f->q->queued, memory_order_relaxed);
        int64_t entries = atomic_load_explicit(&f->q->entries, memory_order_relaxed);
        if (queued <= 2 * (uint64_t)(entries > 0 ? entries : 0) + QUEUE_SLACK ||
            !quota_queue_pop(f->q, alloc, &hash))
            return;
        if (consider(f, hash, true, false) == VERDICT_KEPT)
            quota_queue_push(f->q, alloc, hash);
    }
}

/* ---- when ---- */

enum outcome { OUTCOME_FITS, OUTCOME_MORE, OUTCOME_STUCK };

static enum outcome
relieve(struct relief *f)
{
    bool found = true;
    for (unsigned i = 0; found && i < EVICTIONS_PER_EPOCH && leave_begin(f); i++) {
        found = evict_one(f);
        leave_end(f);
    }
    if (!found)
        return OUTCOME_STUCK;
    trim(f);
    return is_over(f->ns, f->q, 0) ? OUTCOME_MORE : OUTCOME_FITS;
}

/* Looks at the namespace of a key once. */
static enum outcome
look_at(struct attl *a, const struct entry *e, bool may_evict)
{
    struct reclaim_reader *r = reclaim_self();
    enum outcome outcome = OUTCOME_FITS;
    reclaim_enter(r);
    const struct namespace_set *set = atomic_load(&a->namespaces);
    const struct namespace *ns = set && set->quotas ? namespace_match(set, e->key.key) : NULL;
    if (ns && ns->evicts) {
        struct relief f = { .a = a,
                            .self = r,
                            .set = set,
                            .ns = ns,
                            .q = &set->quotas->items[namespace_index(set, ns)],
                            .spared = e->key.hash,
                            .now_ms = e->now_ms };
        if (may_evict || !is_over(ns, f.q, 0))
            outcome = relieve(&f);
        else
            outcome = OUTCOME_MORE;
    }
    reclaim_exit(r);
    return outcome;
}

void
quota_settle(struct attl *a, const struct entry *e)
{
    enum outcome outcome = look_at(a, e, false);
    for (unsigned i = 0; outcome == OUTCOME_MORE && i < EXPIRE_ROUNDS; i++) {
        if (!drain_expire_some(&a->cache, e->now_ms))
            break;
        outcome = look_at(a, e, false);
    }
    for (unsigned i = 0; outcome == OUTCOME_MORE && i < ROUNDS_PER_WRITE; i++)
        outcome = look_at(a, e, true);
    if (outcome == OUTCOME_FITS)
        return;
    atomic_store(&a->quotas.lowered, true);
    if (a->background)
        parker_wake(&a->parker);
}

bool
quota_relieve_some(struct attl *a, int64_t now_ms)
{
    struct reclaim_reader *r = reclaim_self();
    bool more = false;
    if (!r)
        return false;
    reclaim_enter(r);
    const struct namespace_set *set = atomic_load(&a->namespaces);
    for (uint32_t i = 0; set && set->quotas && i < set->count && !more; i++) {
        struct relief f = { .a = a,
                            .self = r,
                            .set = set,
                            .ns = &set->items[i],
                            .q = &set->quotas->items[i],
                            .now_ms = now_ms };
        if (!f.ns->evicts || !is_over(f.ns, f.q, 0))
            continue;
        /* Stuck may mean that other partitions have to be walked: all of them, once and a bit. */
        if (relieve(&f) != OUTCOME_STUCK)
            a->quotas.fruitless = 0;
        else
            a->quotas.fruitless++;
        more = a->quotas.fruitless <= (1u << a->cache.partition_bits) / WALK_PARTITIONS + 1;
        if (!more)
            a->quotas.fruitless = 0;
    }
    reclaim_exit(r);
    return more;
}
