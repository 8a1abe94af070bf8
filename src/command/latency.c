/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Series of spikes. Each is a ring of samples, one per second with a spike, so that a burst does
 * not push out what happened before it. The lock is held for a copy of 2.5 KiB at most.
 */
#include "command/latency.h"

#include "base/assert.h"

#include <string.h>
#include <strings.h>

static const char *const names[LATENCY_EVENTS] = {
    [LATENCY_AOF_FSYNC_ALWAYS] = "aof-fsync-always",
    [LATENCY_AOF_WRITE] = "aof-write",
    [LATENCY_COMMAND] = "command",
    [LATENCY_EVICTION_CYCLE] = "eviction-cycle",
    [LATENCY_EXPIRE_CYCLE] = "expire-cycle",
    [LATENCY_FAST_COMMAND] = "fast-command",
    [LATENCY_LOADING] = "loading",
    [LATENCY_SNAPSHOT] = "snapshot",
};

void
latency_init(struct latency_monitor *m)
{
    memset(m, 0, sizeof *m);
    lock_init(&m->lock);
}

const char *
latency_event_name(enum latency_event event)
{
    ASSERT(event < LATENCY_EVENTS);
    return names[event];
}

enum latency_event
latency_event_find(const char *name, size_t len)
{
    unsigned event = 0;
    while (event < LATENCY_EVENTS &&
           (strlen(names[event]) != len || strncasecmp(names[event], name, len) != 0))
        event++;
    return (enum latency_event)event;
}

static void
series_add(struct latency_series *s, int64_t now_s, int64_t ms)
{
    size_t last = (s->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES;
    s->count++;
    s->sum_ms += (uint64_t)ms;
    s->worst_ms = ms > s->worst_ms ? ms : s->worst_ms;
    if (s->len > 0 && s->samples[last].time_s == now_s) {
        if (ms > s->samples[last].ms)
            s->samples[last].ms = ms;
        return;
    }
    s->samples[s->next] = (struct latency_sample){ now_s, ms };
    s->next = (s->next + 1) % LATENCY_SAMPLES;
    s->len += s->len < LATENCY_SAMPLES;
}

void
latency_note(struct latency_monitor *m, enum latency_event event, int64_t now_s, int64_t ms)
{
    int64_t threshold_ms = atomic_load_explicit(&m->threshold_ms, memory_order_relaxed);
    if (threshold_ms <= 0 || ms < threshold_ms)
        return;
    ASSERT(event < LATENCY_EVENTS);
    lock_acquire(&m->lock);
    series_add(&m->series[event], now_s, ms);
    lock_release(&m->lock);
}

void
latency_read(struct latency_monitor *m, enum latency_event event, struct latency_series *ret_series)
{
    ASSERT(event < LATENCY_EVENTS);
    lock_acquire(&m->lock);
    *ret_series = m->series[event];
    lock_release(&m->lock);
}

const struct latency_sample *
latency_sample_at(const struct latency_series *s, size_t i)
{
    ASSERT(i < s->len);
    return &s->samples[(s->next + LATENCY_SAMPLES - s->len + i) % LATENCY_SAMPLES];
}

bool
latency_reset(struct latency_monitor *m, enum latency_event event)
{
    ASSERT(event < LATENCY_EVENTS);
    lock_acquire(&m->lock);
    bool had = m->series[event].len > 0;
    memset(&m->series[event], 0, sizeof m->series[event]);
    lock_release(&m->lock);
    return had;
}
