/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pace of the maintenance: how much of its time the thread works while something is due, how
 * often it does what is not urgent (deep passes: cleaning, defragmentation), and, in the mode that
 * serves as a baseline, when everything is swept. The numbers are wishes of the control plane
 * (control_set_pace); as long as nobody wishes, maintenance runs without pauses and does everything
 * each time. Wishes are atomics; the rest is the maintenance's own, under `tick_lock`.
 */
#ifndef ATTL_ENGINE_PACE_H
#define ATTL_ENGINE_PACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct attl;

enum { PACE_FULL = 1000 /* permille: no pauses */ };

struct pace {
    _Atomic uint32_t duty_permille, quantum_us;
    _Atomic int64_t deep_interval_ms;  /* 0: with every maintenance */
    _Atomic int64_t sweep_interval_ms; /* 0: the wheel reclaims */
    _Atomic int64_t deep_last_ms;      /* the end of the last deep pass that did something */
    _Atomic int64_t sweep_at_ms;
    _Atomic bool is_passing; /* a deep pass has begun and has more to do */
    _Atomic uint64_t deep_passes, sweeps, pauses, pause_ns;
};

/* One run of the maintenance thread: what pauses are measured from. */
struct pace_run {
    int64_t begun_ns; /* of the present quantum; 0: this run is not paced */
    int64_t cpu_ns;   /* of the thread, then */
    int64_t run_ns;   /* when the run began */
    bool told;        /* the control plane knows that there is work */
};

void pace_init(struct pace *p);
/* Whether what is not urgent may be done now. */
bool pace_is_deep(const struct pace *p, int64_t now_ms);
/* When it may be done next. */
int64_t pace_next_deep_ms(const struct pace *p);
/* A step of a deep pass is over; `more`: it waits for memory that it has let go, to go on. */
void pace_deep_did(struct pace *p, int64_t now_ms, bool more);
static inline bool
pace_sweeps(const struct pace *p)
{
    return atomic_load_explicit(&p->sweep_interval_ms, memory_order_relaxed) > 0;
}
/* Whether a sweep is due; then the next one is an interval away. */
bool pace_sweep_begins(struct pace *p, int64_t now_ms);
/*
 * Between two steps of work: rests if the quantum is used up, for as long as the duty says. The
 * caller holds `tick_lock`, which is released meanwhile, so that timers and attl_tick() go on.
 */
void pace_rest(struct attl *a, struct pace_run *run);

#endif
