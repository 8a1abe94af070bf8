/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entering a sample. The distance to the next one is uniform in 1..2 * CONTROL_SAMPLE_EVERY - 1,
 * whose mean is CONTROL_SAMPLE_EVERY. A duration, or a wait, enters the costs at most as
 * CONTROL_SAMPLE_MAX_NS: a thread that lost the processor in the middle says nothing about what the
 * operation costs; in the histogram it stays what it was, because a caller waited for it.
 */
#include "engine/sample.h"

#include "engine/engine.h"

int
sampler_open(struct attl *a)
{
    struct sampler *s = &a->sampler;
    const attl_allocator *alloc = &a->cache.config.alloc;
    size_t partitions = (size_t)1 << a->cache.partition_bits;
    s->cells = alloc_zero(alloc, partitions * sizeof(*s->cells));
    s->stripes = alloc_line(alloc, SAMPLE_STRIPES * sizeof(*s->stripes));
    s->hot = hot_new(alloc);
    if (!s->cells || !s->stripes || !s->hot)
        return ATTL_E_NOMEM; /* sampler_close() sees to it */
    memset(s->stripes, 0, SAMPLE_STRIPES * sizeof(*s->stripes));
    return ATTL_OK;
}

void
sampler_close(struct attl *a)
{
    const attl_allocator *alloc = &a->cache.config.alloc;
    alloc_free(alloc, a->sampler.cells);
    alloc_free_line(alloc, a->sampler.stripes);
    hot_free(alloc, a->sampler.hot);
    a->sampler.hot = NULL;
    a->sampler.cells = NULL;
    a->sampler.stripes = NULL;
}

/* Marsaglia, "Xorshift RNGs", 2003: no more is needed to break a rhythm. */
static uint32_t
next_random(uint32_t x)
{
    x ^= x << 13;
    x ^= x >> 17;
    return x ^ x << 5;
}

int64_t
sample_draw(struct reclaim_reader *r)
{
    bool is_first = r->sample_seed == 0; /* a thread's very first operation is no random choice */
    uint32_t x = next_random(is_first ? r->index * 2654435761u + 1 : r->sample_seed);
    r->sample_seed = x;
    r->until_sample = 1 + (int32_t)(((uint64_t)x * (2 * CONTROL_SAMPLE_EVERY - 1)) >> 32);
    return is_first ? 0 : clock_mono_ns();
}

static void
add32(_Atomic uint32_t *to, uint32_t n)
{
    atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static void
add64(_Atomic uint64_t *to, uint64_t n)
{
    atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

void
sample_end(struct attl *a, const struct reclaim_reader *r, enum control_kind kind,
           const struct index_key *key, uint64_t bytes, const struct sample *s)
{
    int64_t now_ns = clock_mono_ns(), took = now_ns - s->begun_ns;
    uint64_t took_ns = took > 0 ? (uint64_t)took : 0;
    struct sample_stripe *stripe = &a->sampler.stripes[r->index % SAMPLE_STRIPES];
    add32(&stripe->latency[kind][histogram_class(took_ns)], 1);
    add64(&stripe->took_ns[kind], took_ns);
    add64(&stripe->cost_ns[kind],
          took_ns < CONTROL_SAMPLE_MAX_NS ? took_ns : CONTROL_SAMPLE_MAX_NS);
    unsigned partition = (unsigned)(key->hash >> (64 - a->cache.partition_bits));
    struct sample_cell *cell = &a->sampler.cells[partition];
    add32(&cell->ops[kind], 1);
    add64(&cell->bytes, bytes);
    if (s->wait_ns > 0)
        add64(&cell->wait_ns,
              (uint64_t)(s->wait_ns < CONTROL_SAMPLE_MAX_NS ? s->wait_ns : CONTROL_SAMPLE_MAX_NS));
    unsigned shard =
        atomic_load_explicit(&a->cache.partitions[partition].owner, memory_order_relaxed);
    hot_enter(a->sampler.hot, kind, key->key, key->hash, shard, now_ns);
    atomic_fetch_add(&stripe->ops[kind], 1); /* before `asleep`: see engine/control.c */
    if (atomic_load(&a->sampler.asleep))
        control_stir(a);
}
