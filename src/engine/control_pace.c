/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the control plane sees of garbage and does about the pace. Sums are per shard and constant
 * in the number of entries, because they are looked at ten times a second while a burst is
 * reclaimed; what comes due is read from the wheel's chains, whole chunks at a time. A pace takes
 * effect with the next quantum of work. Each shard's lock is held for as long as one shard is added
 * up.
 */
#include "engine/engine.h"

void
control_observe_garbage(struct attl *a, int64_t horizon_ms, struct control_garbage *ret)
{
    const struct pace *p = &a->pace;
    int64_t now_ms = engine_now_ms(a);
    *ret = (struct control_garbage){
        .deep_passes = atomic_load(&p->deep_passes),
        .sweeps = atomic_load(&p->sweeps),
        .pauses = atomic_load(&p->pauses),
        .pause_ns = atomic_load(&p->pause_ns),
        .reclaimed = cache_counter_sum(&a->cache, COUNT_EXPIRED),
    };
    for (unsigned i = 0; i < a->cache.shard_count; i++) {
        struct shard_due due;
        shard_observe_due(&a->cache.shards[i], now_ms, horizon_ms, &due);
        ret->expired_bytes += due.expired_bytes;
        ret->due_bytes += due.due_bytes;
        ret->coming_bytes += due.coming_bytes;
        if (due.since_ms < now_ms && now_ms - due.since_ms > ret->waited_ms)
            ret->waited_ms = now_ms - due.since_ms;
        ret->dead_bytes += shard_dead_bytes(&a->cache.shards[i]);
    }
}

void
control_set_pace(struct attl *a, const struct control_pace *pace)
{
    struct pace *p = &a->pace;
    atomic_store(&p->quantum_us, pace->quantum_us);
    atomic_store(&p->duty_permille, pace->duty_permille);
    int64_t deep_before_ms = atomic_exchange(&p->deep_interval_ms, pace->deep_interval_ms);
    int64_t sweep_before_ms = atomic_exchange(&p->sweep_interval_ms, pace->sweep_interval_ms);
    atomic_store(&a->cache.writers_expire, pace->writers_help);
    for (unsigned i = 0; pace->writers_help && i < a->cache.shard_count; i++)
        atomic_store(&a->cache.shards[i].owes, true);
    if (sweep_before_ms != pace->sweep_interval_ms)
        atomic_store(&p->sweep_at_ms, engine_now_ms(a) + pace->sweep_interval_ms);
    if (sweep_before_ms != pace->sweep_interval_ms || pace->deep_interval_ms < deep_before_ms)
        engine_wake_at(a, INT64_MIN + 1); /* it sleeps until a time that holds no more */
}
