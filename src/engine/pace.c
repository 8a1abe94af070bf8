/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeping the pace. A pause is on the maintenance thread's parker, so that closing the cache, or a
 * timer set meanwhile, ends it; nobody spins. Pauses are bounded, so even the lowest duty is not a
 * standstill. The deep interval is counted from the end of a pass that did something: after a quiet
 * time the first pass is not late, and nothing is scheduled while there is nothing to do. The duty
 * is processor time in real time: while others had the processor the thread has paused already.
 */
#include "engine/pace.h"

#include "engine/engine.h"

enum {
    PAUSE_MAX_US = 100 * 1000,
    NEWS_US = 1000, /* work that takes longer is worth a look by the control plane */
    NS_PER_US = 1000,
    NS_PER_MS = 1000000,
};

void
pace_init(struct pace *p)
{
    atomic_init(&p->duty_permille, PACE_FULL);
    atomic_init(&p->deep_last_ms, INT64_MIN);
    atomic_init(&p->sweep_at_ms, INT64_MIN);
}

int64_t
pace_next_deep_ms(const struct pace *p)
{
    int64_t interval_ms = atomic_load(&p->deep_interval_ms);
    int64_t last_ms = atomic_load(&p->deep_last_ms);
    return interval_ms && last_ms != INT64_MIN ? last_ms + interval_ms : INT64_MIN;
}

bool
pace_is_deep(const struct pace *p, int64_t now_ms)
{
    return atomic_load(&p->is_passing) || pace_next_deep_ms(p) <= now_ms;
}

void
pace_deep_did(struct pace *p, int64_t now_ms, bool more)
{
    atomic_store(&p->is_passing, more);
    if (more)
        return;
    atomic_store(&p->deep_last_ms, now_ms);
    atomic_fetch_add(&p->deep_passes, 1);
}

bool
pace_sweep_begins(struct pace *p, int64_t now_ms)
{
    int64_t interval_ms = atomic_load(&p->sweep_interval_ms);
    if (interval_ms == 0 || atomic_load(&p->sweep_at_ms) > now_ms)
        return false;
    atomic_store(&p->sweep_at_ms, now_ms + interval_ms);
    atomic_fetch_add(&p->sweeps, 1);
    return true;
}

/* Sleeps, but not past a timer that is set meanwhile. */
static void
pause_for(struct attl *a, int64_t pause_us)
{
    int64_t now_ms = engine_now_ms(a);
    int64_t until_ms = now_ms + pause_us / (NS_PER_MS / NS_PER_US);
    int64_t timer_ms = timers_next(&a->timers);
    if (timer_ms <= until_ms)
        pause_us = (timer_ms - now_ms) * (NS_PER_MS / NS_PER_US);
    if (pause_us <= 0 || atomic_load(&a->stopping))
        return;
    atomic_store(&a->armed_ms, until_ms);
    if (timers_next(&a->timers) >= timer_ms) /* again: what was set before that could be seen */
        parker_sleep_us(&a->parker, pause_us);
    atomic_store(&a->armed_ms, INT64_MIN);
}

void
pace_rest(struct attl *a, struct pace_run *run)
{
    struct pace *p = &a->pace;
    if (!run->begun_ns)
        return;
    int64_t now_ns = clock_mono_ns();
    if (!run->told && now_ns - run->run_ns > NEWS_US * NS_PER_US) {
        run->told = true;
        control_wake(a);
    }
    int64_t duty = atomic_load_explicit(&p->duty_permille, memory_order_relaxed);
    int64_t elapsed_ns = now_ns - run->begun_ns;
    if (duty >= PACE_FULL || elapsed_ns < (int64_t)atomic_load(&p->quantum_us) * NS_PER_US)
        return;
    int64_t worked_ns = clock_thread_cpu_ns() - run->cpu_ns;
    int64_t pause_us = (worked_ns * PACE_FULL / (duty > 0 ? duty : 1) - elapsed_ns) / NS_PER_US;
    if (pause_us <= 0)
        return; /* others had the processor meanwhile: that was the pause */
    lock_release(&a->tick_lock);
    pause_for(a, pause_us < PAUSE_MAX_US ? pause_us : PAUSE_MAX_US);
    lock_acquire(&a->tick_lock);
    run->begun_ns = clock_mono_ns();
    run->cpu_ns = clock_thread_cpu_ns();
    atomic_fetch_add(&p->pauses, 1);
    atomic_fetch_add(&p->pause_ns, (uint64_t)(run->begun_ns - now_ns));
}
