/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl_latency_get(): the histograms that other layers keep, in one shape. Each has one place where
 * it is counted: the sampler (reads and changes), the flusher (syncs), the drain (expiry). Reading
 * adds them up with relaxed loads, so a reading taken while others count is of no single moment.
 */
#include "api/api.h"
#include "base/histogram.h"
#include "base/sized.h"
#include "engine/control.h"
#include "engine/store.h"

enum { NS_PER_US = 1000, NS_PER_MS = 1000000 };

_Static_assert(ATTL_LATENCY_CLASSES == HISTOGRAM_CLASSES, "the public number is ours");

static void
read_operations(attl *a, enum control_kind kind, attl_latency *l)
{
    l->unit_ns = 1;
    control_observe_latency(a, kind, l->counts);
    l->sum_ns = control_observe_latency_sum(a, kind);
}

static void
read_syncs(attl *a, attl_latency *l)
{
    struct store *s = a->store;
    uint64_t sum_us = 0;
    l->unit_ns = NS_PER_US;
    if (s && !atomic_load(&s->loading) && s->wal)
        wal_sync_latency(s->wal, l->counts, &sum_us);
    l->sum_ns = sum_us * NS_PER_US;
}

static void
read_expiry(attl *a, attl_latency *l)
{
    l->unit_ns = NS_PER_MS;
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
        l->counts[i] = atomic_load_explicit(&a->cache.lags[i], memory_order_relaxed);
    l->sum_ns = cache_counter_sum(&a->cache, COUNT_LAG_SUM_MS) * NS_PER_MS;
}

int
attl_latency_get(attl *a, int stage, attl_latency *ret_latency)
{
    attl_latency l = { 0 };
    switch (stage) {
    case ATTL_LATENCY_READ: read_operations(a, CONTROL_READ, &l); break;
    case ATTL_LATENCY_WRITE: read_operations(a, CONTROL_WRITE, &l); break;
    case ATTL_LATENCY_SYNC: read_syncs(a, &l); break;
    case ATTL_LATENCY_EXPIRY: read_expiry(a, &l); break;
    default: return ATTL_E_INVALID;
    }
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
        l.count += l.counts[i];
    sized_export(&l, sizeof l, ret_latency);
    return ATTL_OK;
}

uint64_t
attl_latency_class_end(unsigned class_index)
{
    return class_index < HISTOGRAM_CLASSES ? histogram_class_end(class_index) : 0;
}

void
attl_config_set_slow(attl_config *config, attl_slow_fn fn, void *ud)
{
    if (!config)
        return;
    config->slow_fn = fn;
    config->slow_ud = ud;
}

void
attl_slow_limit(attl *a, int64_t limit_ns)
{
    bool wanted = a->slow_fn && limit_ns > 0;
    atomic_store_explicit(&a->slow_limit_ns, wanted ? limit_ns : 0, memory_order_relaxed);
}
