/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <attl/pressure.h>. Numbers are copied from the loop that looks at memory, under its lock, which
 * is held for as long as a cycle of the control plane takes; what a server reports is left in
 * atomics, and wakes the control plane if its level has changed. A cache without a control plane
 * has neither.
 */
#include "api/api.h"
#include "control/control.h"

void
attl_pressure_get(attl *a, attl_pressure *ret)
{
    attl_pressure now = { .stall_percent = -1 };
    struct control *c = control_of(a);
    if (c) {
        lock_acquire(&c->lock);
        const struct pressure *p = &c->pressure;
        now.level = p->order.level;
        now.limit_bytes = p->seen.limit_bytes;
        now.used_bytes = p->seen.used_bytes;
        now.stall_percent = p->started ? p->seen.stall_percent : -1;
        now.soft_limit = p->dry_run ? 0 : p->order.soft_bytes;
        now.refuse_above = p->order.refuse_above == UINT64_MAX ? 0 : p->order.refuse_above;
        now.episodes = p->raised;
        lock_release(&c->lock);
        now.load_delay_us = atomic_load_explicit(&c->load.delay_us, memory_order_relaxed);
        now.load_shed = atomic_load_explicit(&c->load.shed, memory_order_relaxed);
    }
    now.allocation_failures = atomic_load_explicit(&a->cache.region.refused, memory_order_relaxed);
    sized_export(&now, sizeof now, ret);
}

void
attl_report_load(attl *a, int level, uint64_t delay_us, uint64_t shed)
{
    struct control *c = control_of(a);
    if (!c)
        return;
    atomic_store_explicit(&c->load.delay_us, delay_us, memory_order_relaxed);
    atomic_store_explicit(&c->load.shed, shed, memory_order_relaxed);
    if (atomic_exchange(&c->load.level, level) != level)
        control_wake(a);
}
