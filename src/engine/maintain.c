/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maintenance: what the cache does by itself. It drains what has become due, cleans where too much
 * is dead, releases memory whose readers have left and gives empty arenas back, in quanta of 64
 * records, and then sleeps until the next occupied wheel slot: an idle cache does not wake up. A
 * writer that brings an earlier deadline wakes it; `armed_ms` is published before the wheels are
 * looked at once more, so that one of the two always sees the other.
 */
#include "engine/engine.h"

#include "engine/durability.h"
#include "engine/store.h"

enum {
    TRIM_ARENAS_PER_STEP = 16,
    KEEP_ARENAS = 1,
    COLLECT_CHUNKS = 8, /* drained chunks before their memory is looked after */
    LIMBO_RETRY_MS = 100,
    BLOCKED_RETRY_MS = 50,
    SLEEP_MAX_MS = 3600 * 1000,
    NS_PER_US = 1000,
};

struct budget {
    int64_t end_ns; /* 0: none */
};

static bool
spent(const struct budget *b)
{
    return b->end_ns && clock_mono_ns() >= b->end_ns;
}

static enum drain_reason
most_urgent(struct attl *a, struct shard *s, int64_t now_ms)
{
    if (shard_next_due(s) <= now_ms)
        return DRAIN_DUE;
    if (shard_wants_cleaning(s))
        return DRAIN_CLEAN;
    bool moves = shard_is_leaving(s) || arena_pool_defragment(&a->cache.chunk_pool);
    return moves ? DRAIN_MOVE : DRAIN_REASONS;
}

/* One quantum for shard `s`. True if it may have more to do now. */
static bool
maintain_shard(struct attl *a, struct shard *s, int64_t now_ms, struct drain_done *done)
{
    struct drain_done step = { 0 };
    enum drain_reason reason = most_urgent(a, s, now_ms);
    if (reason == DRAIN_REASONS)
        return false;
    if (reason == DRAIN_DUE)
        shard_advance(s, now_ms);
    drain_step(&a->cache, s, reason, now_ms, LIMIT_DRAIN_QUANTUM, &step);
    done->expired += step.expired;
    done->records += step.records;
    done->chunks += step.chunks;
    done->blocked |= step.blocked;
    return !step.blocked && !(step.finished && reason != DRAIN_DUE);
}

/* Gives empty arenas back once they have been empty for the delay. Returns when to look again. */
static int64_t
trim(struct attl *a, int64_t now_ms)
{
    struct arena_pool *pools[] = { &a->cache.chunk_pool, &a->cache.table_pool,
                                   &a->cache.extent_pool };
    bool spare = false;
    for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
        lock_acquire(&pools[i]->lock);
        spare |= pools[i]->empty_arenas > KEEP_ARENAS;
        lock_release(&pools[i]->lock);
    }
    int64_t at_ms = atomic_load(&a->trim_at_ms);
    if (!spare) {
        atomic_store(&a->trim_at_ms, INT64_MAX);
        return INT64_MAX;
    }
    if (at_ms == INT64_MAX) {
        at_ms = now_ms + atomic_load(&a->return_delay_ms);
        atomic_store(&a->trim_at_ms, at_ms);
    }
    if (at_ms > now_ms)
        return at_ms;
    for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
        (void)arena_pool_trim(pools[i], KEEP_ARENAS, TRIM_ARENAS_PER_STEP); /* the rest next time */
    return now_ms;
}

static int64_t
next_due(struct attl *a)
{
    int64_t next_ms = INT64_MAX;
    for (unsigned i = 0; i < a->cache.shard_count; i++) {
        int64_t due_ms = shard_next_due(&a->cache.shards[i]);
        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    return next_ms;
}

static bool
drain_round(struct attl *a, int64_t now_ms, struct drain_done *done)
{
    bool more = false;
    for (unsigned i = 0; i < a->cache.shard_count; i++)
        more |= maintain_shard(a, &a->cache.shards[i], now_ms, done);
    return more;
}

/* When a chunk or a timer is due, whichever is first. */
static int64_t
next_alarm(struct attl *a)
{
    int64_t due_ms = next_due(a), timer_ms = timers_next(&a->timers);
    return timer_ms < due_ms ? timer_ms : due_ms;
}

/* When there will be work again, `next_ms` at the latest. */
static int64_t
next_wish(struct attl *a, int64_t now_ms, int64_t next_ms)
{
    if (atomic_load(&a->cache.limbo.count) > 0 && next_ms > now_ms + LIMBO_RETRY_MS)
        next_ms = now_ms + LIMBO_RETRY_MS;
    int64_t due_ms = next_alarm(a);
    return due_ms < next_ms ? due_ms : next_ms;
}

/* A drain may last: timers do not wait for its end. They fire without the lock. */
static void
fire_meanwhile(struct attl *a, int64_t now_ms)
{
    if (__builtin_expect(timers_next(&a->timers) > now_ms, 1))
        return;
    lock_release(&a->tick_lock);
    (void)timers_fire(a, now_ms);
    lock_acquire(&a->tick_lock);
}

int64_t
engine_maintain(struct attl *a, uint64_t budget_us)
{
    struct reclaim_reader *self = reclaim_self();
    (void)timers_fire(a, engine_now_ms(a));  /* the next one is looked at when all is done */
    if (!self || store_is_loading(a->store)) /* nothing is old before all of the log is read */
        return engine_now_ms(a) + BLOCKED_RETRY_MS;
    if (__builtin_expect(cache_has_wish(&a->cache), 0)) {
        cache_serve_wish(&a->cache, engine_now_ms(a));
        control_wake(a);
    }
    struct budget budget = { budget_us ? clock_mono_ns() + (int64_t)budget_us * NS_PER_US : 0 };
    struct drain_done done = { 0 };
    int64_t cpu_ns = clock_thread_cpu_ns();
    int64_t now_ms = engine_now_ms(a);
    bool more = true;
    lock_acquire(&a->tick_lock);
    while (more && !done.blocked && !spent(&budget) && !atomic_load(&a->stopping)) {
        more = drain_round(a, now_ms, &done);
        more |= quota_maintain(a, now_ms);
        if (done.chunks >= COLLECT_CHUNKS) {
            (void)limbo_collect(&a->cache.limbo);
            done.chunks = 0;
        }
        now_ms = engine_now_ms(a);
        fire_meanwhile(a, now_ms);
    }
    (void)limbo_collect(&a->cache.limbo);
    int64_t next_ms = trim(a, now_ms);
    lock_release(&a->tick_lock);
    if (done.expired)
        cache_count(&a->cache, self, COUNT_EXPIRE_CPU_NS,
                    (uint64_t)(clock_thread_cpu_ns() - cpu_ns));
    if (done.blocked)
        return now_ms + BLOCKED_RETRY_MS;
    return more ? now_ms : next_wish(a, now_ms, next_ms);
}

static void *
maintenance_main(void *arg)
{
    struct attl *a = arg;
    thread_be_nice();
    while (!atomic_load(&a->stopping)) {
        int64_t next_ms = engine_maintain(a, 0);
        atomic_store(&a->armed_ms, next_ms);
        int64_t due_ms = next_alarm(a); /* again: what came in before armed_ms could be seen */
        next_ms = due_ms < next_ms ? due_ms : next_ms;
        int64_t now_ms = engine_now_ms(a);
        if (next_ms > now_ms && !atomic_load(&a->stopping)) {
            int64_t wait_ms = next_ms - now_ms;
            parker_sleep(&a->parker, next_ms == INT64_MAX     ? -1
                                     : wait_ms < SLEEP_MAX_MS ? wait_ms
                                                              : SLEEP_MAX_MS);
        }
        atomic_store(&a->armed_ms, INT64_MIN);
    }
    return NULL;
}

void
engine_start(struct attl *a)
{
    if (!a->background)
        return;
    if (!thread_start(&a->thread, "attl-maintain", maintenance_main, a)) {
        a->background = false;
        engine_log(a, 3, "maintenance_thread_failed",
                   "the system refused a thread: only writes and attl_tick reclaim expired memory");
    }
}

void
engine_close(struct attl *a)
{
    atomic_store(&a->stopping, true);
    parker_wake(&a->parker);
    thread_join(&a->thread);
    pool_close(a);
    if (a->control.ud)
        a->control.hooks.close(a->control.ud);
    store_close(&a->store);
    queue_list_close(a);
    flight_table_fini(a);
    engine_free_namespaces(a);
    durability_fini(a);
    sampler_close(a);
    if (a->cache.partitions)
        cache_fini(&a->cache);
    ledger_free(a->ledger);
    attl_config_free(a->config);
    a->config = NULL;
}
