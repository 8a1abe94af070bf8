/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Draining. A quantum first walks a run of records, hashing their keys and fetching their
 * partitions and buckets, then settles each under its partition's lock: is the record still the one
 * the index refers to? If not it is dead and nobody cares. If it is, it goes, or its copy takes its
 * place, in one store to the slot. A writer that overwrote the record in between is thereby seen,
 * and a reader of the old place stays safe until its epoch ends. One drainer per shard:
 * `drain_lock`.
 */
#include "cache/drain.h"

#include "cache/freeze.h"
#include "cache/lookup.h"
#include "cache/weigh.h"

enum {
    BATCH = 16,
    ASSIST_RECORDS = 24,
    ASSIST_SHARE = 64, /* writers assist when less than this part of the limit is free */
    DUE_ROUNDS_MAX = 1 << 16,
};

struct drain {
    struct cache *cache;
    struct shard *shard;
    struct chunk *chunk;
    enum drain_reason reason;
    int64_t now_ms;
    struct drain_done *done;
    const struct reclaim_reader *self;
    unsigned lag_class, lags; /* the class of the last removals' lags, and how many in a row */
};

struct candidate {
    struct record *record;
    uint64_t hash;
    uint32_t bytes;
    struct partition *partition;
};

/* Tells whoever counts the partition. */
static void
weigh(struct drain *d, const struct candidate *it, int items, int64_t bytes)
{
    if (__builtin_expect(it->partition->tally == 0 || (items == 0 && bytes == 0), 1))
        return;
    struct cache_weight w = {
        .partition = it->partition, .hash = it->hash, .items = items, .bytes = bytes
    };
    struct record_shape shape = record_shape(it->record);
    w.key = record_key(it->record, &shape);
    (void)weigh_change(d->cache, &w);
}

/* Takes a record that is leaving for good out of the sums. */
static void
account_removal(struct drain *d, const struct candidate *it, const struct record_shape *shape)
{
    struct cache *c = d->cache;
    struct partition *p = it->partition;
    struct record *r = it->record;
    int64_t bytes = shape->bytes;
    struct shard *owner = cache_shard(c, p);
    p->items--;
    p->live_bytes -= shape->bytes;
    atomic_fetch_sub_explicit(&owner->items, 1, memory_order_relaxed);
    if (shape->flags & RECORD_HAS_TTL) {
        p->ttl_items--;
        atomic_fetch_sub_explicit(&owner->ttl_items, 1, memory_order_relaxed);
    }
    if (shape->flags & RECORD_EXTENT) {
        struct extent_ref ref;
        memcpy(&ref, record_value(r, shape).data, sizeof(ref));
        p->live_bytes -= ref.extent->bytes;
        bytes += (int64_t)ref.extent->bytes;
        extent_retire(ref.extent, &c->limbo);
    }
    weigh(d, it, -1, -bytes);
}

static void
remember_evicted(struct cache *c, struct partition *p, uint64_t hash)
{
    struct shard *owner = cache_shard(c, p);
    lock_acquire(&owner->lock);
    size_t before = ghost_bytes(&owner->ghost);
    ghost_resize(&owner->ghost, atomic_load_explicit(&owner->items, memory_order_relaxed) * 9 / 10);
    atomic_fetch_add_explicit(&c->ghost_bytes, ghost_bytes(&owner->ghost) - before,
                              memory_order_relaxed);
    ghost_add(&owner->ghost, hash);
    lock_release(&owner->lock);
}

/* Enters what has been counted aside: neighbours in a chunk expire together, and so one addition to
 * a shared line does for most of a quantum. */
static void
flush_lags(struct drain *d)
{
    if (d->lags > 0)
        atomic_fetch_add_explicit(&d->cache->lags[d->lag_class], d->lags, memory_order_relaxed);
    d->lags = 0;
}

static void
note_lag(struct drain *d, int64_t deadline_ms)
{
    uint64_t lag_ms = (uint64_t)(d->now_ms - deadline_ms);
    unsigned class = histogram_class(lag_ms);
    if (class != d->lag_class)
        flush_lags(d);
    d->lag_class = class;
    d->lags++;
    cache_count(d->cache, d->self, COUNT_LAG_SUM_MS, lag_ms);
    if (lag_ms > atomic_load_explicit(&d->cache->lag_max_ms, memory_order_relaxed))
        atomic_store_explicit(&d->cache->lag_max_ms, lag_ms, memory_order_relaxed);
}

static void
announce(struct drain *d, const struct candidate *it, const struct record_shape *shape,
         enum cache_counter why)
{
    struct cache_death death = { .key = record_key(it->record, shape),
                                 .hash = it->hash,
                                 .partition = it->partition,
                                 .deadline_ms = record_hard_deadline(it->record, shape, d->now_ms),
                                 .now_ms = d->now_ms,
                                 .why = why,
                                 .for_items = d->done->for_items };
    if (d->cache->death_fn)
        d->cache->death_fn(d->cache->death_ud, &death);
    cache_count(d->cache, d->self, why, 1);
}

static void
drop(struct drain *d, const struct candidate *it, struct index_pos pos, enum drain_fate fate)
{
    struct record_shape shape = record_shape(it->record);
    index_remove(pos);
    account_removal(d, it, &shape);
    shard_record_died(d->chunk, d->cache, it->bytes);
    if (fate == FATE_EXPIRE) {
        note_lag(d, record_deadline(it->record, &shape, d->now_ms));
        announce(d, it, &shape, COUNT_EXPIRED);
        d->done->expired++;
    } else {
        if (atomic_load_explicit(&d->cache->policy, memory_order_relaxed) == EVICT_S3FIFO)
            remember_evicted(d->cache, it->partition, it->hash);
        announce(d, it, &shape, COUNT_EVICTED);
        d->done->evicted++;
    }
    partition_shrink(it->partition, &d->cache->env, true);
}

/* Appends a copy and makes the index refer to it. False if there is no memory for it. */
static bool
keep(struct drain *d, const struct candidate *it, struct index_pos pos,
     const struct drain_verdict *verdict)
{
    struct record_shape shape = record_shape(it->record);
    struct life life;
    struct record_spec record = {
        .key = record_key(it->record, &shape),
        .value = record_value(it->record, &shape),
        .deadline_ms = record_deadline(it->record, &shape, d->now_ms),
        .value_flags = shape.flags & (RECORD_INTEGER | RECORD_EXTENT),
    };
    if (shape.flags & RECORD_LIFE) {
        life = record_life(it->record, &shape);
        record.life = &life;
    }
    struct append_spec spec = { .record = &record,
                                .hash = it->hash,
                                .gen = verdict->gen,
                                .urgent = true,
                                .now_ms = d->now_ms };
    struct appended appended;
    if (shard_append(cache_shard(d->cache, it->partition), &spec, &appended) != ATTL_OK)
        return false;
    it->partition->live_bytes += appended.bytes;
    it->partition->live_bytes -= it->bytes;
    weigh(d, it, 0, (int64_t)appended.bytes - it->bytes);
    index_replace(pos, appended.address);
    index_set_freq(pos, verdict->freq);
    shard_record_died(d->chunk, d->cache, it->bytes);
    cache_count(d->cache, d->self, COUNT_RECORDS_COPIED, 1);
    d->done->kept++;
    return true;
}

static bool
is_ageless(const struct cache *c)
{
    return atomic_load_explicit(&c->ageless, memory_order_relaxed);
}

/* Settles one record. False if it had to be kept and could not. */
static bool
settle(struct drain *d, const struct candidate *it)
{
    struct partition *p = it->partition;
    bool settled = true;
    if (!cache_lock(d->cache, p))
        return false;
    struct table *t = partition_table(p);
    struct index_pos pos;
    uint64_t address = region_address(&d->cache->region, it->record);
    if (t && index_find_address(t, it->hash, address, &pos)) {
        struct record_shape shape = record_shape(it->record);
        int64_t deadline_ms = record_deadline(it->record, &shape, d->now_ms);
        struct drain_case which = {
            .reason = d->reason,
            .policy =
                (enum evict_policy)atomic_load_explicit(&d->cache->policy, memory_order_relaxed),
            .gen = (enum chunk_gen)d->chunk->gen,
            .freq = index_freq(pos),
            .expired = deadline_ms != ATTL_NO_DEADLINE && deadline_ms <= d->now_ms &&
                       !(d->reason == DRAIN_CLEAN && is_ageless(d->cache)),
            .has_ttl = deadline_ms != ATTL_NO_DEADLINE,
        };
        struct drain_verdict verdict = evict_decide(&which);
        if (verdict.fate == FATE_KEEP)
            settled = keep(d, it, pos, &verdict);
        else
            drop(d, it, pos, verdict.fate);
    }
    lock_release(&p->lock);
    return settled;
}

/* Walks the next records of the chunk, fetching what settling them will touch. */
static unsigned
gather(struct drain *d, struct candidate batch[BATCH], unsigned max)
{
    struct cache *c = d->cache;
    uint32_t offset = d->chunk->drain_offset;
    uint64_t scratch[RECORD_SCRATCH_WORDS];
    bool may_die = d->reason == DRAIN_DUE || d->reason == DRAIN_EVICT;
    unsigned n = 0;
    for (; n < max && offset < d->chunk->used; n++) {
        struct record *r = (struct record *)(void *)(d->chunk->data + offset);
        struct record_shape shape = record_shape(r);
        struct candidate *it = &batch[n];
        it->record = r;
        it->bytes = shape.bytes;
        it->hash = cache_hash(c, record_stable_key(r, &shape, scratch));
        it->partition = cache_partition(c, it->hash);
        __builtin_prefetch(it->partition);
        offset += shape.bytes;
    }
    ASSERT(offset <= d->chunk->used);
    for (unsigned i = 0; i < n; i++) {
        table_ref ref = atomic_load_explicit(&batch[i].partition->table, memory_order_acquire);
        if (table_ref_usable(ref))
            lookup_prefetch_buckets(ref, batch[i].hash);
        if (may_die && c->death_soon_fn)
            c->death_soon_fn(c->death_ud, batch[i].hash);
    }
    return n;
}

/* Drains up to `max` records of the chunk; true when it is finished. */
static bool
drain_chunk(struct drain *d, unsigned max)
{
    struct candidate batch[BATCH];
    unsigned left = max;
    while (left > 0 && d->chunk->drain_offset < d->chunk->used) {
        /* Inside an epoch, because the tables looked at without a lock may be replaced meanwhile.
         */
        reclaim_enter((struct reclaim_reader *)d->self);
        unsigned n = gather(d, batch, left < BATCH ? left : BATCH);
        reclaim_exit((struct reclaim_reader *)d->self);
        for (unsigned i = 0; i < n; i++) {
            if (!settle(d, &batch[i])) {
                d->done->blocked = true;
                return false;
            }
            d->chunk->drain_offset += batch[i].bytes;
            d->done->records++;
        }
        left -= n;
    }
    return d->chunk->drain_offset >= d->chunk->used;
}

void
drain_step(struct cache *c, struct shard *s, enum drain_reason reason, int64_t now_ms,
           unsigned max_records, struct drain_done *done)
{
    struct drain d = { .cache = c, .shard = s, .reason = reason, .now_ms = now_ms, .done = done };
    d.self = reclaim_self();
    if (!d.self) {
        done->blocked = true;
        return;
    }
    lock_acquire(&s->drain_lock);
    d.chunk = shard_take(s, reason);
    if (d.chunk && drain_chunk(&d, max_records)) {
        shard_finish(s, d.chunk);
        done->chunks++;
        cache_count(c, d.self, COUNT_CHUNKS_DRAINED, 1);
    } else if (!d.chunk) {
        done->finished = true;
    }
    flush_lags(&d);
    lock_release(&s->drain_lock);
}

/* ---- making room ----------------------------------------------------------------------------- */

bool
drain_expire_some(struct cache *c, int64_t now_ms)
{
    struct drain_done done = { 0 };
    for (unsigned i = 0; i < c->shard_count && done.expired == 0; i++) {
        struct shard *s = &c->shards[i];
        if (atomic_load_explicit(&s->earliest_ms, memory_order_relaxed) > now_ms)
            continue;
        shard_advance(s, now_ms);
        shard_expire_early(s, now_ms);
        done.finished = done.blocked = false;
        for (unsigned round = 0; round < DUE_ROUNDS_MAX && !done.finished && !done.blocked;
             round++) {
            drain_step(c, s, DRAIN_DUE, now_ms, LIMIT_DRAIN_QUANTUM, &done);
            if (done.expired > 0)
                break;
        }
        shard_advance(s, now_ms); /* the lower bound of what is left */
    }
    return done.expired > 0;
}

static uint64_t
shard_weight(const struct shard *s)
{
    return atomic_load_explicit(&s->items, memory_order_relaxed);
}

/* The shard that should give: the one that wants to grow, unless another holds clearly more. */
static struct shard *
choose_victim(struct cache *c, struct shard *prefer)
{
    struct shard *heaviest = prefer;
    for (unsigned i = 0; i < c->shard_count; i++)
        if (shard_weight(&c->shards[i]) > shard_weight(heaviest) + shard_weight(heaviest) / 16 + 1)
            heaviest = &c->shards[i];
    return heaviest;
}

/* How many entries there are beyond what max_items allows once one more is added. */
static uint64_t
items_over(struct cache *c)
{
    uint64_t max = atomic_load_explicit(&c->max_items, memory_order_relaxed);
    uint64_t items = cache_items(c);
    return max && items >= max ? items - max + 1 : 0;
}

/* Evicts what max_items asks for, up to a quantum, or one whole chunk. */
static bool
evict_some(struct cache *c, struct shard *s, int64_t now_ms)
{
    struct drain_done done = { 0 };
    uint64_t over = items_over(c);
    unsigned want = over < LIMIT_DRAIN_QUANTUM ? (unsigned)over : LIMIT_DRAIN_QUANTUM;
    done.for_items = want > 0;
    for (unsigned round = 0; round < DUE_ROUNDS_MAX; round++) {
        unsigned gone = done.evicted + done.expired;
        if (want ? gone >= want : done.chunks > 0)
            return true;
        drain_step(c, s, DRAIN_EVICT, now_ms, want ? want - gone : LIMIT_DRAIN_QUANTUM, &done);
        if (done.blocked || done.finished)
            return done.evicted + done.expired > 0;
    }
    return false;
}

static bool
clean_some(struct cache *c, struct shard *s, int64_t now_ms)
{
    struct drain_done done = { 0 };
    for (unsigned round = 0; round < DUE_ROUNDS_MAX; round++) {
        drain_step(c, s, DRAIN_CLEAN, now_ms, LIMIT_DRAIN_QUANTUM, &done);
        if (done.blocked || done.finished)
            return false;
        if (done.chunks > 0)
            return true;
    }
    return false;
}

/* Evicts from the shard that should give, or from any other. */
static bool
evict_anywhere(struct cache *c, struct shard *prefer, int64_t now_ms)
{
    if (evict_some(c, choose_victim(c, prefer), now_ms))
        return true;
    for (unsigned i = 0; i < c->shard_count; i++)
        if (evict_some(c, &c->shards[i], now_ms))
            return true;
    return false;
}

static bool
clean_anywhere(struct cache *c, struct shard *prefer, int64_t now_ms)
{
    if (clean_some(c, prefer, now_ms))
        return true;
    for (unsigned i = 0; i < c->shard_count; i++)
        if (clean_some(c, &c->shards[i], now_ms))
            return true;
    return false;
}

bool
drain_make_room(struct cache *c, struct shard *prefer, int64_t now_ms)
{
    bool evicts = atomic_load_explicit(&c->policy, memory_order_relaxed) != EVICT_NONE;
    bool gained = drain_expire_some(c, now_ms);
    /* Where memory is not the question, collecting it would cost more than the eviction. */
    if (items_over(c) && cache_may_use(c, LIMIT_CHUNK_MIN_BYTES, false))
        return gained || (evicts ? evict_anywhere(c, prefer, now_ms)
                                 : limbo_collect(&c->limbo) > 0); /* for a large value */
    if (limbo_collect(&c->limbo) > 0 || gained)
        return true;
    if (!evicts || shard_wants_cleaning(prefer))
        gained = clean_anywhere(c, prefer, now_ms);
    if (!gained && evicts)
        gained = evict_anywhere(c, prefer, now_ms);
    (void)limbo_collect(&c->limbo);
    return gained;
}

void
drain_to_limits(struct cache *c, int64_t now_ms)
{
    uint64_t max_items = atomic_load_explicit(&c->max_items, memory_order_relaxed);
    /* Each round frees an entry, a chunk or dead space, or is the last. */
    while ((max_items && cache_items(c) > max_items) || !cache_may_use(c, 0, false))
        if (!drain_make_room(c, &c->shards[0], now_ms))
            break;
}

static bool
is_near_limit(struct cache *c)
{
    uint64_t max = atomic_load_explicit(&c->max_bytes, memory_order_relaxed);
    bool evicts = atomic_load_explicit(&c->policy, memory_order_relaxed) != EVICT_NONE;
    return max && evicts && !cache_may_use(c, max / ASSIST_SHARE, false);
}

static void
drain_due_some(struct cache *c, struct shard *s, int64_t now_ms, struct drain_done *done)
{
    if (atomic_load_explicit(&s->earliest_ms, memory_order_relaxed) > now_ms)
        return;
    shard_advance(s, now_ms);
    drain_step(c, s, DRAIN_DUE, now_ms, ASSIST_RECORDS, done);
}

/* Help with what is late is worth no waiting: who holds the lock is reclaiming. */
static bool
assist_wants_due(struct cache *c, struct shard *s, bool late, bool near_limit, bool dirty)
{
    return near_limit || (dirty && !is_ageless(c)) || (late && !lock_is_taken(&s->drain_lock));
}

bool
drain_assist(struct cache *c, struct shard *s, int64_t now_ms)
{
    bool late = atomic_load_explicit(&c->writers_expire, memory_order_relaxed);
    bool near_limit = is_near_limit(c);
    bool dirty = shard_wants_cleaning(s);
    struct drain_done done = { 0 };
    if (assist_wants_due(c, s, late, near_limit, dirty))
        drain_due_some(c, s, now_ms, &done);
    /* The present tick's slot may hold expired entries too: they go before any live one. */
    bool expired = near_limit && !dirty && done.records == 0 && drain_expire_some(c, now_ms);
    if ((near_limit || dirty) && done.records == 0 && !expired)
        drain_step(c, s, dirty ? DRAIN_CLEAN : DRAIN_EVICT, now_ms, ASSIST_RECORDS, &done);
    if (done.records == 0 && !expired && !late)
        atomic_store_explicit(&s->owes, false, memory_order_relaxed);
    if (done.chunks > 0)
        (void)limbo_collect(&c->limbo);
    return done.chunks > 0;
}
