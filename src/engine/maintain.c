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
#include "engine/sweep.h"

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

/* One run of the maintenance: what it may do, and what it has done. */
struct run {
    int64_t now_ms;
    bool due;              /* what is due may be drained: not between two sweeps */
    bool deep;             /* so may what is not urgent be done */
    unsigned deep_records; /* that were looked at for it */
    struct drain_done done;
};

static enum drain_reason
most_urgent(struct attl *a, struct shard *s, const struct run *run)
{
    if (run->due && shard_next_due(s) <= run->now_ms)
        return DRAIN_DUE;
    if (!run->deep)
        return DRAIN_REASONS;
    if (shard_wants_cleaning(s))
        return DRAIN_CLEAN;
    bool moves = shard_is_leaving(s) || arena_pool_defragment(&a->cache.chunk_pool);
    return moves ? DRAIN_MOVE : DRAIN_REASONS;
}

/* One quantum for shard `s`. True if it may have more to do now. */
static bool
maintain_shard(struct attl *a, struct shard *s, struct run *run)
{
    struct drain_done step = { 0 };
    struct drain_done *done = &run->done;
    int64_t now_ms = run->now_ms;
    enum drain_reason reason = most_urgent(a, s, run);
    if (reason == DRAIN_REASONS)
        return false;
    if (reason == DRAIN_DUE)
        shard_advance(s, now_ms);
    drain_step(&a->cache, s, reason, now_ms, LIMIT_DRAIN_QUANTUM, &step);
    if (reason != DRAIN_DUE)
        run->deep_records += step.records;
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
    if (pace_sweeps(&a->pace))
        return atomic_load(&a->pace.sweep_at_ms);
    for (unsigned i = 0; i < a->cache.shard_count; i++) {
        int64_t due_ms = shard_next_due(&a->cache.shards[i]);
        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    return next_ms;
}

static bool
drain_round(struct attl *a, struct run *run)
{
    bool more = false;
    for (unsigned i = 0; i < a->cache.shard_count; i++)
        more |= maintain_shard(a, &a->cache.shards[i], run);
    return more;
}

/* Whether there is anything for a deep pass. */
static bool
wants_deep(struct attl *a)
{
    for (unsigned i = 0; i < a->cache.shard_count; i++)
        if (shard_wants_cleaning(&a->cache.shards[i]))
            return true;
    return arena_pool_is_scattered(&a->cache.chunk_pool);
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
    bool waits = atomic_load(&a->cache.limbo.count) > 0 || atomic_load(&a->pace.is_passing);
    if (waits && next_ms > now_ms + LIMBO_RETRY_MS)
        next_ms = now_ms + LIMBO_RETRY_MS;
    int64_t deep_ms = pace_next_deep_ms(&a->pace);
    if (deep_ms > now_ms && deep_ms < next_ms && wants_deep(a))
        next_ms = deep_ms;
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

static void
run_begin(struct attl *a, struct run *run)
{
    run->now_ms = engine_now_ms(a);
    bool sweeps = pace_sweeps(&a->pace);
    run->due = !sweeps;
    if (sweeps && pace_sweep_begins(&a->pace, run->now_ms)) {
        run->done.expired += (unsigned)sweep_all(a);
        run->now_ms = engine_now_ms(a);
        run->due = true; /* the chunks that are empty now */
    }
    run->deep = pace_is_deep(&a->pace, run->now_ms);
}

/* Emptying arenas goes on when the memory of the last one has come free. A pass that gets nowhere
 * is over. */
static void
end_deep(struct attl *a, const struct run *run)
{
    bool was_passing = atomic_load(&a->pace.is_passing);
    if (!run->deep || (!was_passing && run->deep_records == 0))
        return;
    bool waits = run->deep_records > 0 || atomic_load(&a->cache.limbo.count) > 0;
    pace_deep_did(&a->pace, run->now_ms, waits && wants_deep(a));
}

/* Works until nothing is left to do or the budget is spent; true if there may be more. */
static bool
work(struct attl *a, struct run *run, const struct budget *budget, struct pace_run *pace)
{
    bool more = true;
    while (more && !run->done.blocked && !spent(budget) && !atomic_load(&a->stopping)) {
        int64_t begun_ns = engine_slow_begin(a);
        more = drain_round(a, run);
        more |= quota_maintain(a, run->now_ms);
        engine_slow_end(a, ATTL_SLOW_EXPIRY, begun_ns);
        if (run->done.chunks >= COLLECT_CHUNKS) {
            (void)limbo_collect(&a->cache.limbo);
            run->done.chunks = 0;
        }
        if (more)
            pace_rest(a, pace);
        run->now_ms = engine_now_ms(a);
        fire_meanwhile(a, run->now_ms);
    }
    (void)limbo_collect(&a->cache.limbo);
    if (!more)
        end_deep(a, run);
    return more;
}

static int64_t
maintain(struct attl *a, uint64_t budget_us, bool paced)
{
    struct reclaim_reader *self = reclaim_self();
    (void)timers_fire(a, engine_now_ms(a));  /* the next one is looked at when all is done */
    if (!self || store_is_loading(a->store)) /* nothing is old before all of the log is read */
        return engine_now_ms(a) + BLOCKED_RETRY_MS;
    if (__builtin_expect(cache_has_wish(&a->cache), 0)) {
        cache_serve_wish(&a->cache, engine_now_ms(a));
        control_wake(a);
    }
    int64_t begun_ns = clock_mono_ns(), cpu_ns = clock_thread_cpu_ns();
    struct budget budget = { budget_us ? begun_ns + (int64_t)budget_us * NS_PER_US : 0 };
    struct pace_run pace = { paced ? begun_ns : 0, cpu_ns, begun_ns, false };
    struct run run = { 0 };
    lock_acquire(&a->tick_lock);
    run_begin(a, &run);
    bool more = work(a, &run, &budget, &pace);
    int64_t next_ms = trim(a, run.now_ms);
    lock_release(&a->tick_lock);
    if (run.done.expired)
        cache_count(&a->cache, self, COUNT_EXPIRE_CPU_NS,
                    (uint64_t)(clock_thread_cpu_ns() - cpu_ns));
    if (run.done.blocked)
        return run.now_ms + BLOCKED_RETRY_MS;
    return more ? run.now_ms : next_wish(a, run.now_ms, next_ms);
}

int64_t
engine_maintain(struct attl *a, uint64_t budget_us)
{
    return maintain(a, budget_us, false);
}

static void *
maintenance_main(void *arg)
{
    struct attl *a = arg;
    thread_be_nice();
    while (!atomic_load(&a->stopping)) {
        int64_t next_ms = maintain(a, 0, true);
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
    if (a->sampler.cells || a->sampler.stripes)
        sampler_close(a);
    if (a->cache.partitions)
        cache_fini(&a->cache);
    ledger_free(a->ledger);
    attl_config_free(a->config);
    a->config = NULL;
}
