/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache as a whole: iterating, clearing, counting, and the statistics, with the calls of
 * attl_unstable.h beside them. Nothing here changes a single entry. Statistics lock one shard at a
 * time and are therefore a little blurred while others work.
 */
#include "api/api.h"

#include "cache/scan.h"
#include "engine/durability.h"
#include "engine/journal.h"
#include "engine/scope.h"
#include "os/mem.h"

#include <attl/attl_unstable.h>

int
attl_scan(attl *a, uint64_t *cursor, size_t count, attl_scan_fn fn, void *ud)
{
    if (count == 0 || api_is_confined(a))
        return ATTL_E_INVALID;
    *cursor = scan_step(&a->cache, *cursor, count, engine_now_ms(a), fn, ud);
    return *cursor == 0 ? ATTL_DONE : ATTL_OK;
}

struct key_out {
    void *buf;
    size_t buf_len, len;
};

static void
copy_key(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct key_out *out = ud;
    (void)value;
    (void)deadline_ms;
    out->len = key.len;
    if (key.len && key.len <= out->buf_len)
        memcpy(out->buf, key.data, key.len);
}

int
attl_random_key(attl *a, void *buf, size_t buf_len, size_t *ret_len)
{
    struct key_out out = { .buf = buf, .buf_len = buf_len };
    uint64_t random;
    if (api_is_confined(a))
        return ATTL_E_INVALID;
    if (!os_mem_random(&random, sizeof(random)))
        random = (uint64_t)engine_now_ms(a) * UINT64_C(0x9e3779b97f4a7c15);
    if (!scan_random(&a->cache, random, engine_now_ms(a), copy_key, &out))
        return ATTL_MISS;
    if (ret_len)
        *ret_len = out.len;
    return out.len <= buf_len ? ATTL_OK : ATTL_E_BUFFER;
}

/* In a scope, where all locks are held. */
static int
clear_in_scope(struct scope *s)
{
    if (!claim_is_whole(&s->claim))
        return ATTL_E_INVALID;
    if (s->admitted != ATTL_OK)
        return s->admitted;
    if (durability_admit_all(s->a) != ATTL_OK)
        return ATTL_E_IO;
    if (!journal_group_reserve(s->a, &s->logged, 0))
        return ATTL_E_NOMEM;
    cache_clear_claimed(&s->a->cache, notice_clear, s->a);
    return ATTL_OK;
}

int
attl_clear(attl *a)
{
    if (scope_mine(a, reclaim_self()))
        return clear_in_scope(scope_mine(a, reclaim_self()));
    const struct reclaim_reader *r = reclaim_self();
    int status = r ? journal_admit(a) : ATTL_E_NOMEM;
    if (status == ATTL_OK)
        status = durability_admit_all(a);
    if (status != ATTL_OK)
        return status;
    cache_clear(&a->cache, notice_clear, a);
    status = journal_settle(a, r, ATTL_OK);
    parker_wake(&a->parker); /* empty arenas go back to the system */
    return status;
}

uint64_t
attl_size(attl *a)
{
    return cache_items(&a->cache);
}

/* ---- statistics ------------------------------------------------------------------------------ */

static void
shard_stats(struct shard *s, int64_t now_ms, attl_stats *st)
{
    uint64_t items = atomic_load_explicit(&s->items, memory_order_relaxed);
    st->items += items;
    st->items_ttl += atomic_load_explicit(&s->ttl_items, memory_order_relaxed);
    st->shard_max_items = items > st->shard_max_items ? items : st->shard_max_items;
    if (s->index < st->shards && items < st->shard_min_items)
        st->shard_min_items = items;
    for (unsigned gen = 0; gen < GEN_COUNT; gen++) {
        int64_t live = atomic_load_explicit(&s->live_bytes[gen], memory_order_relaxed);
        st->mem_live += live > 0 ? (uint64_t)live : 0;
    }
    st->mem_dead += shard_dead_bytes(s);
    shard_advance(s, now_ms); /* so that what is due is in the due list and counted */
    lock_acquire(&s->lock);
    st->mem_unsealed += s->open_bytes - s->open_used_bytes;
    for (const struct chunk *c = s->due.first; c; c = c->link[LINK_CHAIN].next)
        st->mem_expired_unreclaimed += atomic_load_explicit(&c->live_bytes, memory_order_relaxed);
    lock_release(&s->lock);
}

static void
memory_stats(struct cache *c, attl_stats *st)
{
    uint64_t chunks = atomic_load_explicit(&c->chunk_pool.used_bytes, memory_order_relaxed);
    uint64_t known = st->mem_live + st->mem_dead + st->mem_unsealed;
    st->mem_retired = chunks > known ? chunks - known : 0; /* tails of sealed chunks included */
    st->mem_index = atomic_load_explicit(&c->table_pool.used_bytes, memory_order_relaxed) +
                    c->fixed_bytes;
    st->mem_extents = atomic_load_explicit(&c->extents.used_bytes, memory_order_relaxed);
    st->mem_ghost = atomic_load_explicit(&c->ghost_bytes, memory_order_relaxed);
    st->mem_used = cache_used_bytes(c);
    st->mem_used_peak = atomic_load_explicit(&c->peak_bytes, memory_order_relaxed);
    st->mem_used_peak = st->mem_used > st->mem_used_peak ? st->mem_used : st->mem_used_peak;
    st->mem_committed = atomic_load_explicit(&c->region.committed_bytes, memory_order_relaxed) +
                        c->fixed_bytes + st->mem_ghost +
                        atomic_load_explicit(&c->extents.mapped_bytes, memory_order_relaxed);
    st->mem_pinned = atomic_load_explicit(&c->pinned_bytes, memory_order_relaxed);
    st->max_memory = atomic_load_explicit(&c->hard_bytes, memory_order_relaxed);
    st->max_entries = atomic_load_explicit(&c->max_items, memory_order_relaxed);
    st->huge_pages = c->region.huge;
}

static void
counter_stats(struct cache *c, attl_stats *st)
{
    st->hits = cache_counter_sum(c, COUNT_HITS);
    st->misses = cache_counter_sum(c, COUNT_MISSES);
    st->sets = cache_counter_sum(c, COUNT_SETS);
    st->deletes = cache_counter_sum(c, COUNT_DELETES) + cache_counter_sum(c, COUNT_ROLLED_BACK);
    st->expired = cache_counter_sum(c, COUNT_EXPIRED);
    st->evicted = cache_counter_sum(c, COUNT_EVICTED);
    st->refused_full = cache_counter_sum(c, COUNT_REFUSED_FULL);
    st->records_written = cache_counter_sum(c, COUNT_RECORDS_WRITTEN);
    st->records_copied = cache_counter_sum(c, COUNT_RECORDS_COPIED);
    st->writes_in_place = cache_counter_sum(c, COUNT_WRITES_IN_PLACE);
    st->chunks_drained = cache_counter_sum(c, COUNT_CHUNKS_DRAINED);
    st->misses_cold = cache_counter_sum(c, COUNT_MISSES_COLD);
    st->misses_expired = cache_counter_sum(c, COUNT_MISSES_EXPIRED);
    st->misses_evicted = cache_counter_sum(c, COUNT_MISSES_EVICTED);
    st->misses_deleted = cache_counter_sum(c, COUNT_MISSES_DELETED);
    st->ghost_hits = cache_counter_sum(c, COUNT_GHOST_HITS);
    st->expire_lag_ms_sum = cache_counter_sum(c, COUNT_LAG_SUM_MS);
    st->expire_cpu_ns = cache_counter_sum(c, COUNT_EXPIRE_CPU_NS);
    for (unsigned rule = 0; rule < sizeof(st->refused) / sizeof(st->refused[0]); rule++)
        st->refused[rule] = cache_counter_sum(c, (enum cache_counter)(COUNT_REFUSED_RULE + rule));
    st->rebuilds = atomic_load_explicit(&c->rebuilds, memory_order_relaxed);
    st->partition_moves = atomic_load_explicit(&c->moves, memory_order_relaxed);
    st->expire_lag_ms_max = atomic_load_explicit(&c->lag_max_ms, memory_order_relaxed);
}

struct life_sum {
    int64_t now_ms;
    uint64_t sum_ms, count;
};

static void
add_life(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct life_sum *sum = ud;
    (void)key;
    (void)value;
    if (deadline_ms == ATTL_NO_DEADLINE)
        return;
    sum->sum_ms += (uint64_t)(deadline_ms - sum->now_ms);
    sum->count++;
}

/* The sum of remaining lives, estimated from a few entries near random places. */
static void
sample_lives(struct attl *a, attl_stats *st)
{
    enum { SAMPLES = 16 };
    struct life_sum sum = { .now_ms = engine_now_ms(a) };
    uint64_t random = (uint64_t)clock_mono_ns();
    for (int i = 0; i < SAMPLES && st->items_ttl; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        /* An empty cache has nothing to add. */
        (void)scan_random(&a->cache, random, sum.now_ms, add_life, &sum);
    }
    st->ttl_sum_ms = sum.count ? sum.sum_ms / sum.count * st->items_ttl : 0;
}

void
attl_stats_get(attl *a, attl_stats *ret_stats)
{
    struct cache *c = &a->cache;
    attl_stats st = { .shards = atomic_load(&c->shards_active),
                      .partitions = UINT64_C(1) << c->partition_bits,
                      .shard_min_items = UINT64_MAX };
    int64_t now_ms = engine_now_ms(a);
    for (unsigned i = 0; i < c->shard_count; i++)
        shard_stats(&c->shards[i], now_ms, &st);
    memory_stats(c, &st);
    counter_stats(c, &st);
    st.mem_ledger = a->ledger ? ledger_bytes(a->ledger) : 0;
    sample_lives(a, &st);
    sized_export(&st, sizeof st, ret_stats);
}

void
attl_stats_reset(attl *a)
{
    cache_counters_reset(&a->cache);
}

/* ---- attl_unstable.h ------------------------------------------------------------------------- */

int
attl_unstable_check(attl *a, const char **ret_broken)
{
    lock_acquire(&a->tick_lock); /* the maintenance is somebody else */
    const char *broken = cache_check(&a->cache);
    lock_release(&a->tick_lock);
    if (ret_broken)
        *ret_broken = broken;
    return broken ? -1 : 0;
}

void
attl_unstable_partition_move(attl *a, uint64_t partition, uint32_t shard)
{
    uint64_t partitions = UINT64_C(1) << a->cache.partition_bits;
    cache_move_partition(&a->cache, (unsigned)(partition % partitions),
                         shard % atomic_load(&a->cache.shards_active));
}

void
attl_unstable_fail_commits(attl *a, int64_t n)
{
    atomic_store(&a->cache.region.commits_until_failure, n);
}

void
attl_unstable_fix_secret(attl *a, uint64_t seed)
{
    struct hash_key *k = &a->cache.hash;
    k->sip[0] = k->sip[1] = seed;
    for (size_t i = 0; i < sizeof(k->secret); i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        k->secret[i] = (uint8_t)(seed >> 56);
    }
}

void
attl_unstable_settle(attl *a)
{
    enum { ROUNDS = 64 };
    for (int i = 0; i < ROUNDS && engine_maintain(a, 0) <= engine_now_ms(a); i++)
        ;
}
