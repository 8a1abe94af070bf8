/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The numbers of the loop that sets the maintenance's pace. They are copied under the control
 * plane's lock, so they belong together; garbage is looked at anew, because the loop itself sleeps
 * while nothing happens. Nothing of the cache is locked but each shard in turn.
 */
#include "api/api.h"

#include "control/control.h"

enum { PERMILLE = 1000 };

/* As good as never, and no sum of it with a time overflows. */
#define HORIZON_MAX_MS (INT64_MAX / 4)

void
attl_tuner_stats_get(attl *a, attl_tuner_stats *ret_stats)
{
    struct control_garbage garbage;
    control_observe_garbage(a, 0, &garbage);
    struct control *c = control_of(a);
    lock_acquire(&c->lock);
    const struct tuner *t = &c->tuner;
    attl_tuner_stats s = {
        .enabled = c->enabled[CONTROL_TUNER],
        .sweeps = t->sweeps,
        .duty_permille = (uint32_t)(t->duty.duty * PERMILLE + 0.5),
        .interval_ms = (int64_t)t->interval.pause_ms,
        .duty_reason = tune_reason_name(t->duty.reason),
        .duty_reason_text = tune_reason_text(t->duty.reason),
        .interval_reason = tune_reason_name(t->interval.reason),
        .interval_reason_text = tune_reason_text(t->interval.reason),
        .read_p99_ns = t->p99_ns[CONTROL_READ],
        .write_p99_ns = t->p99_ns[CONTROL_WRITE],
        .quiet_p99_ns = (uint64_t)t->quiet_p99_ns,
        .limit_ns = tune_limit_ns((uint64_t)t->quiet_p99_ns),
        .cycles = t->cycles,
    };
    lock_release(&c->lock);
    s.backlog_bytes = garbage.expired_bytes;
    s.dead_bytes = garbage.dead_bytes;
    s.deep_passes = garbage.deep_passes;
    s.sweeps_done = garbage.sweeps;
    s.pauses = garbage.pauses;
    s.pause_ns = garbage.pause_ns;
    sized_export(&s, sizeof s, ret_stats);
}

uint64_t
attl_due_bytes(attl *a, int64_t within_ms)
{
    struct control_garbage garbage;
    int64_t horizon_ms = within_ms < HORIZON_MAX_MS ? within_ms : HORIZON_MAX_MS;
    control_observe_garbage(a, horizon_ms > 0 ? horizon_ms : 0, &garbage);
    /* What waits to be moved to finer slots expires soon. */
    return within_ms <= 0 ? garbage.expired_bytes : garbage.due_bytes + garbage.coming_bytes;
}
