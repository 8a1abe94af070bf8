/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Appending to, and taking chunks from, a shard. The size of a new chunk is a sixteenth of its
 * chain, so that free tails stay near 3 % of what is stored, whether a slot holds a kilobyte or a
 * gigabyte. Chunks are born and sealed in order, which is the FIFO the eviction policy wants at no
 * cost per entry.
 */
#include "cache/shard.h"

#include "cache/cache.h"

enum {
    CHAIN_SHARE = 16, /* a new chunk is this part of its chain */
    EARLY_EXPIRE_MAX_BYTES = 256 << 10,
    CLEAN_SCAN_MAX = 65536, /* chunks looked at for one choice */
    CLEAN_MAX_LIVE_PERCENT = 97,
    MOSTLY_DEAD_BYTES = 2048,   /* live bytes left in a chunk */
    DEAD_MIN_BYTES = 256 << 10, /* less is never worth cleaning */
};

void
shard_init(struct shard *s, struct cache *cache, uint16_t index, int64_t now_ms)
{
    s->cache = cache;
    s->index = index;
    lock_init(&s->lock);
    lock_init(&s->drain_lock);
    wheel_init(&s->wheel, now_ms);
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        s->chains[i].min_deadline_ms = INT64_MAX;
    ghost_init(&s->ghost, &cache->config.alloc);
    atomic_init(&s->earliest_ms, INT64_MAX);
}

void
shard_fini(struct shard *s)
{
    ghost_fini(&s->ghost);
}

/* ---- life of a chunk: open, sealed, retired ------------------------------------------- */

static uint32_t
pow2_at_most(uint64_t x)
{
    return x ? UINT32_C(1) << (63 - __builtin_clzll(x)) : 0;
}

static uint32_t
chunk_size_for(const struct shard *s, const struct chain *chain, uint32_t record_bytes)
{
    uint64_t share = chain->bytes / CHAIN_SHARE;
    uint32_t max = s->cache->chunk_max_bytes;
    uint32_t bytes = pow2_at_most(share < max ? share : max);
    if (bytes < LIMIT_CHUNK_MIN_BYTES)
        bytes = LIMIT_CHUNK_MIN_BYTES;
    while (bytes < record_bytes)
        bytes *= 2;
    return bytes;
}

static bool
release_chunk(void *ud, struct limbo_node *node)
{
    struct chunk *c = (struct chunk *)((char *)node - offsetof(struct chunk, limbo));
    if (atomic_load(&c->pins) != 0)
        return false;
    chunk_free(ud, c);
    return true;
}

static void
retire(struct shard *s, struct chunk *c)
{
    ASSERT(atomic_load(&c->live_items) == 0);
    s->sealed_used_bytes -= c->used;
    atomic_store(&c->state, CHUNK_RETIRED);
    c->limbo.release = release_chunk;
    c->limbo.bytes = c->bytes / LIMBO_UNIT_BYTES;
    limbo_retire(&s->cache->limbo, &c->limbo);
}

/* Takes a sealed or draining chunk out of its chain, and out of the fifo if it is in it. */
static void
chunk_unlink(struct shard *s, struct chunk *c)
{
    struct chain *chain = &s->chains[c->slot];
    chunk_list_remove(&chain->sealed, c, LINK_CHAIN);
    if (atomic_load(&c->state) == CHUNK_SEALED)
        chunk_list_remove(&s->fifo[c->gen], c, LINK_FIFO);
    chain->bytes -= c->bytes;
    if (!chain->sealed.first && !chain->open[GEN_NEW] && !chain->open[GEN_SURVIVOR]) {
        chain->min_deadline_ms = INT64_MAX;
        wheel_mark(&s->wheel, c->slot, false);
    }
}

static void
chunk_seal(struct shard *s, struct chain *chain, unsigned gen)
{
    struct chunk *c = chain->open[gen];
    if (!c)
        return;
    chain->open[gen] = NULL;
    s->open_bytes -= c->bytes;
    s->open_used_bytes -= c->used;
    s->sealed_used_bytes += c->used;
    atomic_store(&c->state, CHUNK_SEALED);
    chunk_list_append(&chain->sealed, c, LINK_CHAIN);
    chunk_list_append(&s->fifo[gen], c, LINK_FIFO);
    if (atomic_load(&c->live_items) == 0) {
        chunk_unlink(s, c);
        retire(s, c);
    }
}

static int
chunk_open(struct shard *s, struct chain *chain, const struct append_spec *spec,
           uint32_t record_bytes)
{
    uint32_t bytes = chunk_size_for(s, chain, record_bytes);
    /* Near the limit, or in a fragmented pool, a smaller chunk may still be had. */
    while (!cache_may_use(s->cache, bytes, spec->urgent)) {
        if (bytes / 2 < LIMIT_CHUNK_MIN_BYTES || bytes / 2 < record_bytes)
            return ATTL_E_FULL;
        bytes /= 2;
    }
    struct chunk *c = chunk_new(&s->cache->chunks, bytes);
    while (!c && bytes / 2 >= LIMIT_CHUNK_MIN_BYTES && bytes / 2 >= record_bytes) {
        bytes /= 2;
        c = chunk_new(&s->cache->chunks, bytes);
    }
    if (!c)
        return ATTL_E_NOMEM;
    c->opened_seq = s->seq++;
    c->limbo.born = limbo_cut(&s->cache->limbo);
    atomic_store(&c->shard, s->index);
    c->gen = (uint8_t)spec->gen;
    chain->open[spec->gen] = c;
    chain->bytes += bytes;
    s->open_bytes += bytes;
    /* A new chunk is when debts are looked at: whoever writes next pays in small coin. */
    atomic_store_explicit(&s->owes, true, memory_order_relaxed);
    return ATTL_OK;
}

/* ---- appending ------------------------------------------------------------------------------- */

static int
append_locked(struct shard *s, const struct append_spec *spec, struct appended *ret)
{
    const struct record_spec *record = spec->record;
    uint32_t bytes = record_bytes(record, spec->now_ms);
    unsigned slot = wheel_slot(&s->wheel, record->deadline_ms);
    struct chain *chain = &s->chains[slot];
    struct chunk *c = chain->open[spec->gen];
    if (!c || c->bytes - c->used < bytes) {
        chunk_seal(s, chain, spec->gen);
        int status = chunk_open(s, chain, spec, bytes);
        if (status != ATTL_OK)
            return status;
        c = chain->open[spec->gen];
        c->slot = (uint16_t)slot;
        wheel_mark(&s->wheel, slot, true);
    }
    struct record *r = (struct record *)(void *)(c->data + c->used);
    record_write(r, record, spec->now_ms);
    c->used += bytes;
    s->open_used_bytes += bytes;
    atomic_fetch_add_explicit(&c->live_bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->live_items, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->live_bytes[spec->gen], bytes, memory_order_relaxed);
    int64_t deadline_ms = record->deadline_ms == ATTL_NO_DEADLINE ? INT64_MAX : record->deadline_ms;
    if (deadline_ms < chain->min_deadline_ms)
        chain->min_deadline_ms = deadline_ms;
    if (deadline_ms < atomic_load_explicit(&s->earliest_ms, memory_order_relaxed))
        atomic_store_explicit(&s->earliest_ms, deadline_ms, memory_order_relaxed);
    ret->address = region_address(&s->cache->region, r);
    ret->chunk = c;
    ret->bytes = bytes;
    return ATTL_OK;
}

int
shard_append(struct shard *s, const struct append_spec *spec, struct appended *ret)
{
    struct append_spec own = *spec;
    lock_acquire(&s->lock);
    ret->ghost_hit = own.new_entry && ghost_has(&s->ghost, own.hash);
    if (ret->ghost_hit)
        own.gen = GEN_SURVIVOR;
    int status = append_locked(s, &own, ret);
    if (ret->ghost_hit && status == ATTL_OK)
        ghost_forget(&s->ghost, own.hash);
    lock_release(&s->lock);
    return status;
}

/* ---- expiry ---------------------------------------------------------------------------------- */

static void
count_due(struct shard *s, const struct chunk *c, bool comes)
{
    uint64_t bytes = comes ? c->bytes : UINT64_C(0) - c->bytes;
    s->due_bytes += bytes;
    if (c->slot < WHEEL_LEVEL_SLOTS)
        s->due_expired_bytes += bytes;
}

static void
slot_make_due(struct shard *s, unsigned slot, int64_t turn_ms)
{
    struct chain *chain = &s->chains[slot];
    for (unsigned gen = 0; gen < GEN_COUNT; gen++)
        chunk_seal(s, chain, gen);
    struct chunk *next;
    for (struct chunk *c = chain->sealed.first; c; c = next) {
        next = c->link[LINK_CHAIN].next;
        chunk_unlink(s, c);
        atomic_store(&c->state, CHUNK_DUE);
        c->due_ms = turn_ms;
        count_due(s, c, true);
        chunk_list_append(&s->due, c, LINK_CHAIN);
        for (unsigned reason = 0; reason < DRAIN_REASONS; reason++)
            if (s->draining[reason] == c)
                s->draining[reason] = NULL; /* whoever works on it finishes its quantum */
    }
    wheel_mark(&s->wheel, slot, false);
}

/* Recomputes the lower bound of deadlines after something has left. */
static void
refresh_earliest(struct shard *s)
{
    unsigned slot;
    (void)wheel_next(&s->wheel, &slot);
    int64_t earliest_ms = slot == WHEEL_NEVER ? INT64_MAX : s->chains[slot].min_deadline_ms;
    if (s->due.first)
        earliest_ms = 0;
    atomic_store_explicit(&s->earliest_ms, earliest_ms, memory_order_relaxed);
}

void
shard_advance(struct shard *s, int64_t now_ms)
{
    lock_acquire(&s->lock);
    unsigned slot;
    int64_t turn_ms = wheel_next(&s->wheel, &slot);
    while ((slot = wheel_advance(&s->wheel, now_ms)) != WHEEL_NEVER) {
        slot_make_due(s, slot, turn_ms);
        turn_ms = wheel_next(&s->wheel, &slot);
    }
    refresh_earliest(s);
    lock_release(&s->lock);
}

void
shard_expire_early(struct shard *s, int64_t now_ms)
{
    lock_acquire(&s->lock);
    unsigned slot = wheel_slot(&s->wheel, now_ms);
    struct chain *chain = &s->chains[slot];
    if (slot < WHEEL_LEVEL_SLOTS && chain->min_deadline_ms <= now_ms &&
        chain->bytes <= EARLY_EXPIRE_MAX_BYTES)
        slot_make_due(s, slot, now_ms);
    refresh_earliest(s);
    lock_release(&s->lock);
}

/* Of a slot: a part of what is spread over a long time is coming within a short one. */
static void
observe_slot(const struct shard *s, unsigned slot, int64_t until_ms, struct shard_due *due)
{
    int64_t span_ms = wheel_span_ms(slot);
    int64_t begins_ms = wheel_turn_ms(&s->wheel, slot) - (slot < WHEEL_LEVEL_SLOTS ? span_ms : 0);
    if (begins_ms >= until_ms)
        return;
    double share = (double)(until_ms - begins_ms) / (double)span_ms;
    due->coming_bytes += (uint64_t)((double)s->chains[slot].bytes * (share < 1 ? share : 1));
}

void
shard_observe_due(struct shard *s, int64_t now_ms, int64_t horizon_ms, struct shard_due *ret_due)
{
    lock_acquire(&s->lock);
    struct shard_due due = { .due_bytes = s->due_bytes,
                             .expired_bytes = s->due_expired_bytes,
                             .since_ms = s->due.first ? s->due.first->due_ms : INT64_MAX };
    for (unsigned level = 0; level < WHEEL_LEVELS; level++)
        for (uint64_t mask = s->wheel.occupied[level]; mask; mask &= mask - 1)
            observe_slot(s, level * WHEEL_LEVEL_SLOTS + (unsigned)__builtin_ctzll(mask),
                         now_ms + horizon_ms, &due);
    lock_release(&s->lock);
    *ret_due = due;
}

int64_t
shard_next_due(struct shard *s)
{
    lock_acquire(&s->lock);
    unsigned slot;
    int64_t due_ms = wheel_next(&s->wheel, &slot);
    if (s->due.first)
        due_ms = 0;
    lock_release(&s->lock);
    return due_ms;
}

/* ---- choosing victims ------------------------------------------------------------------------ */

static uint64_t
live_of(const struct shard *s, enum chunk_gen gen)
{
    int64_t live = atomic_load_explicit(&s->live_bytes[gen], memory_order_relaxed);
    return live > 0 ? (uint64_t)live : 0;
}

static struct chain *
oldest_open(struct shard *s, enum chunk_gen gen)
{
    struct chain *oldest = NULL;
    for (unsigned i = 0; i < WHEEL_SLOTS; i++) {
        struct chunk *c = s->chains[i].open[gen];
        if (c && (!oldest || c->opened_seq < oldest->open[gen]->opened_seq))
            oldest = &s->chains[i];
    }
    return oldest;
}

/* The oldest chunk of a generation; seals open ones if no sealed chunk is left. */
static struct chunk *
oldest_of(struct shard *s, enum chunk_gen gen)
{
    struct chain *chain;
    /* Sealing a chunk without a living record frees it at once, so more than one may be needed. */
    while (!s->fifo[gen].first && (chain = oldest_open(s, gen)) != NULL)
        chunk_seal(s, chain, gen);
    return s->fifo[gen].first;
}

/* The chunk whose entries expire next, for volatile-ttl; perhaps one that is being cleaned already.
 */
static struct chunk *
soonest(struct shard *s)
{
    unsigned slot;
    (void)wheel_next(&s->wheel, &slot);
    while (slot != WHEEL_NEVER) {
        struct chain *chain = &s->chains[slot];
        for (unsigned gen = 0; !chain->sealed.first && gen < GEN_COUNT; gen++)
            chunk_seal(s, chain, gen);
        if (chain->sealed.first)
            return chain->sealed.first;
        (void)wheel_next(&s->wheel, &slot); /* all of it was dead, and the slot is empty now */
    }
    return NULL;
}

static struct chunk *
evictable(struct shard *s)
{
    if (atomic_load_explicit(&s->cache->policy, memory_order_relaxed) == EVICT_VOLATILE_TTL)
        return soonest(s);
    enum chunk_gen gen = evict_choose_gen(live_of(s, GEN_NEW), live_of(s, GEN_SURVIVOR));
    struct chunk *c = oldest_of(s, gen);
    return c ? c : oldest_of(s, gen == GEN_NEW ? GEN_SURVIVOR : GEN_NEW);
}

/* The chunk most worth cleaning. */
static struct chunk *
cleanable(struct shard *s)
{
    struct chunk *best = NULL;
    double best_benefit = 0;
    unsigned scanned = 0;
    for (unsigned gen = 0; gen < GEN_COUNT; gen++) {
        for (struct chunk *c = s->fifo[gen].first; c && scanned < CLEAN_SCAN_MAX; scanned++) {
            uint32_t live = atomic_load_explicit(&c->live_bytes, memory_order_relaxed);
            double benefit = evict_clean_benefit(live, c->used, s->seq - c->opened_seq);
            if (benefit > best_benefit &&
                (uint64_t)live * 100 <= (uint64_t)c->used * CLEAN_MAX_LIVE_PERCENT) {
                best = c;
                best_benefit = benefit;
            }
            c = c->link[LINK_FIFO].next;
        }
    }
    return best;
}

static bool
is_removed(const struct shard *s)
{
    return s->index >= atomic_load(&s->cache->shards_active);
}

/* Any chunk at all, one that was begun for another reason first; open ones are sealed. */
static struct chunk *
remaining(struct shard *s)
{
    for (unsigned reason = 0; reason < DRAIN_REASONS; reason++)
        if (s->draining[reason])
            return s->draining[reason];
    for (unsigned gen = 0; gen < GEN_COUNT; gen++) {
        for (unsigned i = 0; i < WHEEL_SLOTS; i++)
            chunk_seal(s, &s->chains[i], gen);
        if (s->fifo[gen].first)
            return s->fifo[gen].first;
    }
    return NULL;
}

/* A chunk that lies in the arena to be emptied; open ones are sealed first. */
static struct chunk *
movable(struct shard *s)
{
    if (is_removed(s))
        return remaining(s);
    const struct arena_pool *pool = &s->cache->chunk_pool;
    for (unsigned gen = 0; gen < GEN_COUNT; gen++) {
        for (unsigned i = 0; i < WHEEL_SLOTS; i++)
            if (s->chains[i].open[gen] &&
                arena_pool_is_emptying(pool, s->chains[i].open[gen]->data))
                chunk_seal(s, &s->chains[i], gen);
        for (struct chunk *c = s->fifo[gen].first; c; c = c->link[LINK_FIFO].next)
            if (arena_pool_is_emptying(pool, c->data))
                return c;
    }
    return NULL;
}

static struct chunk *
choose(struct shard *s, enum drain_reason reason)
{
    switch (reason) {
    case DRAIN_EVICT: return evictable(s);
    case DRAIN_CLEAN: return cleanable(s);
    case DRAIN_MOVE: return movable(s);
    default: return s->due.first;
    }
}

struct chunk *
shard_take(struct shard *s, enum drain_reason reason)
{
    lock_acquire(&s->lock);
    struct chunk *c = s->draining[reason];
    if (!c)
        c = choose(s, reason);
    if (c && atomic_load(&c->state) == CHUNK_SEALED) {
        chunk_list_remove(&s->fifo[c->gen], c, LINK_FIFO);
        atomic_store(&c->state, CHUNK_DRAINING);
    }
    s->draining[reason] = c;
    if (!c)
        refresh_earliest(s);
    lock_release(&s->lock);
    return c;
}

void
shard_finish(struct shard *s, struct chunk *c)
{
    lock_acquire(&s->lock);
    if (atomic_load(&c->state) == CHUNK_DUE) {
        chunk_list_remove(&s->due, c, LINK_CHAIN);
        count_due(s, c, false);
    } else {
        chunk_unlink(s, c);
    }
    for (unsigned reason = 0; reason < DRAIN_REASONS; reason++)
        if (s->draining[reason] == c)
            s->draining[reason] = NULL;
    retire(s, c);
    refresh_earliest(s);
    lock_release(&s->lock);
}

void
shard_record_died(struct chunk *c, struct cache *cache, uint32_t bytes)
{
    struct shard *s = &cache->shards[atomic_load_explicit(&c->shard, memory_order_relaxed)];
    atomic_fetch_sub_explicit(&s->live_bytes[c->gen], bytes, memory_order_relaxed);
    uint32_t live = atomic_fetch_sub_explicit(&c->live_bytes, bytes, memory_order_relaxed);
    /* Deletes open no chunks, so a sealed one that becomes mostly dead is where they look at debts.
     */
    if (live >= MOSTLY_DEAD_BYTES && live - bytes < MOSTLY_DEAD_BYTES &&
        atomic_load_explicit(&c->state, memory_order_relaxed) == CHUNK_SEALED)
        atomic_store_explicit(&s->owes, true, memory_order_relaxed);
    if (atomic_fetch_sub(&c->live_items, 1) != 1 || atomic_load(&c->state) != CHUNK_SEALED)
        return;
    /* It was the last one. Somebody may be taking the chunk right now, or may already have had it
     * and opened it anew: what counts is what holds under the lock. */
    lock_acquire(&s->lock);
    if (atomic_load(&c->shard) == s->index && atomic_load(&c->state) == CHUNK_SEALED &&
        atomic_load(&c->live_items) == 0) {
        chunk_unlink(s, c);
        retire(s, c);
    }
    lock_release(&s->lock);
}

uint64_t
shard_dead_bytes(struct shard *s)
{
    lock_acquire(&s->lock);
    uint64_t used = s->sealed_used_bytes + s->open_used_bytes;
    lock_release(&s->lock);
    uint64_t live = live_of(s, GEN_NEW) + live_of(s, GEN_SURVIVOR);
    return used > live ? used - live : 0;
}

bool
shard_is_leaving(struct shard *s)
{
    if (__builtin_expect(!is_removed(s), 1))
        return false;
    lock_acquire(&s->lock);
    bool holds = s->sealed_used_bytes || s->open_bytes;
    lock_release(&s->lock);
    return holds;
}

bool
shard_wants_cleaning(struct shard *s)
{
    uint64_t dead = shard_dead_bytes(s);
    if (dead < DEAD_MIN_BYTES)
        return false;
    uint64_t whole = dead + live_of(s, GEN_NEW) + live_of(s, GEN_SURVIVOR);
    unsigned percent = atomic_load_explicit(&s->cache->utilization_percent, memory_order_relaxed);
    return dead * 100 > whole * (100 - percent);
}
