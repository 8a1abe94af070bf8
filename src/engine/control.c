/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the engine's numbers for the control plane, and waking it. A cycle runs from a timer of
 * the cache, so it is in the maintenance thread or in attl_tick(), follows a simulated clock, and
 * costs an idle cache nothing. While a cycle runs `asleep` is false; it is set before the last look
 * whether anything has come in, so that a sample is either seen by that look or wakes.
 */
#include "engine/control.h"

#include "engine/engine.h"

enum { NS_PER_MS = 1000000, STIR_AFTER_MS = 1000 };

static uint64_t
sampled(const struct attl *a)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < SAMPLE_STRIPES; i++)
        for (unsigned kind = 0; kind < CONTROL_KINDS; kind++)
            sum += atomic_load(&a->sampler.stripes[i].ops[kind]);
    return sum;
}

static void
cycle(struct timer *t)
{
    struct attl *a = (struct attl *)(void *)((char *)t - offsetof(struct attl, control.timer));
    uint32_t news = atomic_load(&a->control.news);
    uint64_t samples = sampled(a);
    int64_t now_ms = engine_now_ms(a);
    bool listens = false;
    int64_t next_ms = a->control.hooks.cycle(a->control.ud, now_ms, &listens);
    atomic_store(&a->control.last_ms, now_ms);
    atomic_store(&a->control.next_ms, next_ms);
    if (next_ms != INT64_MAX)
        timer_set(a, t, next_ms);
    if (listens)
        atomic_store(&a->sampler.asleep, true); /* the next sample wakes */
    if (atomic_load(&a->control.news) != news)
        control_wake(a); /* what came in meanwhile has set the timer, and we have moved it */
    else if (listens && sampled(a) != samples)
        control_stir(a);
}

void
control_attach(struct attl *a, const struct control_hooks *hooks, void *ud)
{
    a->control.hooks = *hooks;
    a->control.timer.fire = cycle;
    atomic_store(&a->control.ud, ud); /* from here on it may be woken */
    hooks->configure(ud, a->config);
    atomic_store(&a->control.next_ms, INT64_MAX);
    atomic_store(&a->sampler.asleep, true);
    if (atomic_load(&a->control.news) > 0)
        control_wake(a); /* loading has met damage */
}

void *
control_of(struct attl *a)
{
    return a->control.ud;
}

void
control_wake(struct attl *a)
{
    atomic_store(&a->sampler.asleep, false);
    atomic_fetch_add(&a->control.news, 1);
    if (a->control.ud)
        timer_set(a, &a->control.timer, engine_now_ms(a));
}

void
control_stir(struct attl *a)
{
    if (!a->control.ud || !atomic_exchange(&a->sampler.asleep, false))
        return;
    int64_t now_ms = engine_now_ms(a), at_ms = atomic_load(&a->control.last_ms) + STIR_AFTER_MS;
    if (at_ms < atomic_load(&a->control.next_ms))
        timer_set(a, &a->control.timer, at_ms > now_ms ? at_ms : now_ms);
}

void
control_observe(struct attl *a, struct control_numbers *ret)
{
    const struct cache *c = &a->cache;
    *ret = (struct control_numbers){
        .now_ms = engine_now_ms(a),
        .skew_ms = engine_skew_ms(a),
        .hits = cache_counter_sum(c, COUNT_HITS),
        .misses = cache_counter_sum(c, COUNT_MISSES),
        .sets = cache_counter_sum(c, COUNT_SETS),
        .deletes = cache_counter_sum(c, COUNT_DELETES),
        .expired = cache_counter_sum(c, COUNT_EXPIRED),
        .evicted = cache_counter_sum(c, COUNT_EVICTED),
        .refused_full = cache_counter_sum(c, COUNT_REFUSED_FULL),
        .items = cache_items(c),
        .used_bytes = cache_used_bytes(c),
        .max_items = atomic_load_explicit(&c->max_items, memory_order_relaxed),
        .max_bytes = atomic_load_explicit(&c->hard_bytes, memory_order_relaxed),
        .ghost_hits = cache_counter_sum(c, COUNT_GHOST_HITS),
        .shards = atomic_load(&c->shards_active),
        .partitions = 1u << c->partition_bits,
    };
    ret->mono_ns = a->clock_fn ? ret->now_ms * NS_PER_MS : clock_mono_ns();
    for (unsigned i = 0; i < SAMPLE_STRIPES; i++)
        for (unsigned kind = 0; kind < CONTROL_KINDS; kind++) {
            const struct sample_stripe *s = &a->sampler.stripes[i];
            ret->sampled[kind] += atomic_load_explicit(&s->ops[kind], memory_order_relaxed);
            ret->sampled_ns[kind] += atomic_load_explicit(&s->cost_ns[kind], memory_order_relaxed);
        }
}

void
control_observe_latency(struct attl *a, enum control_kind kind,
                        uint64_t ret_counts[HISTOGRAM_CLASSES])
{
    for (unsigned class = 0; class < HISTOGRAM_CLASSES; class ++) {
        ret_counts[class] = 0;
        for (unsigned i = 0; i < SAMPLE_STRIPES; i++)
            ret_counts[class] += atomic_load_explicit(&a->sampler.stripes[i].latency[kind][class],
                                                      memory_order_relaxed);
    }
}

uint64_t
control_observe_latency_sum(struct attl *a, enum control_kind kind)
{
    uint64_t sum_ns = 0;
    for (unsigned i = 0; i < SAMPLE_STRIPES; i++)
        sum_ns += atomic_load_explicit(&a->sampler.stripes[i].took_ns[kind], memory_order_relaxed);
    return sum_ns;
}

void
control_observe_loads(struct attl *a, unsigned first, unsigned n, struct control_load *ret)
{
    for (unsigned i = 0; i < n; i++) {
        const struct sample_cell *cell = &a->sampler.cells[first + i];
        struct partition *p = &a->cache.partitions[first + i];
        ret[i] = (struct control_load){
            .ops = { atomic_load_explicit(&cell->ops[CONTROL_READ], memory_order_relaxed),
                     atomic_load_explicit(&cell->ops[CONTROL_WRITE], memory_order_relaxed) },
            .bytes = atomic_load_explicit(&cell->bytes, memory_order_relaxed),
            .wait_ns = atomic_load_explicit(&cell->wait_ns, memory_order_relaxed),
            .owner = atomic_load_explicit(&p->owner, memory_order_relaxed),
        };
        lock_acquire(&p->lock); /* for as long as it takes to copy two numbers */
        ret[i].items = p->items;
        ret[i].live_bytes = p->live_bytes;
        lock_release(&p->lock);
    }
}

void
control_move(struct attl *a, unsigned partition, unsigned shard)
{
    cache_move_partition(&a->cache, partition, shard);
}

void
control_log(struct attl *a, int level, const char *event, const char *text)
{
    engine_log(a, level, event, text);
}
