/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking, deciding, saying so. Latency is that of the sampled operations of the last half to whole
 * second, as the difference of two readings of the histograms; with too few of them it is unknown
 * and harms nobody. Quiet times, in which nothing is due, give the latency to compare with. What is
 * waiting is known exactly from the chains of the wheel, so the duty follows a burst at once and
 * not after it was felt.
 */
#include "control/tuner.h"

#include "control/control.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    DUTY_PERIOD_MS = 100,
    INTERVAL_PERIOD_MS = 1000,
    WINDOW_HALF_MS = 500,
    SAMPLES_LEAST = 32,
    QUANTUM_US = 200,
    PERMILLE = 1000,
    P99 = 990,
    TEXT_MAX = 320,
};

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S 1e9
#define RATE_TAU_S 30.0
#define QUIET_TAU_S 30.0
#define WORK_NS_PER_BYTE 4.0 /* of draining, for entries of 80 bytes; larger ones take less */
#define BUDGET_LEAST_BYTES 67108864.0 /* what garbage is a part of where there is no limit */
#define SAY_FACTOR 1.5                /* a change that is worth a line of the log */

/* ---- latency -----------------------------------------------------------------------------------
 */

static uint64_t
window_p99(const uint64_t now[HISTOGRAM_CLASSES], const uint64_t then[HISTOGRAM_CLASSES])
{
    uint64_t counts[HISTOGRAM_CLASSES];
    uint64_t total = histogram_since(now, then, counts);
    return total >= SAMPLES_LEAST ? histogram_percentile(counts, P99) : 0;
}

static uint64_t
worse_of(const struct tuner *t)
{
    uint64_t read_ns = t->p99_ns[CONTROL_READ], write_ns = t->p99_ns[CONTROL_WRITE];
    return read_ns > write_ns ? read_ns : write_ns;
}

static void
look_at_latency(struct control *c, const struct control_numbers *n)
{
    struct tuner *t = &c->tuner;
    struct tuner_window *w = &t->window;
    uint64_t now[CONTROL_KINDS][HISTOGRAM_CLASSES];
    for (unsigned kind = 0; kind < CONTROL_KINDS; kind++) {
        control_observe_latency(c->a, (enum control_kind)kind, now[kind]);
        t->p99_ns[kind] = window_p99(now[kind], w->older[kind]);
    }
    if (n->mono_ns - w->newer_ns < WINDOW_HALF_MS * NS_PER_MS)
        return;
    uint64_t p99_ns = worse_of(t);
    if (t->is_quiet && p99_ns)
        t->quiet_p99_ns = t->quiet_p99_ns > 0
                              ? tune_mean(t->quiet_p99_ns, (double)p99_ns,
                                          (double)(n->mono_ns - w->newer_ns) / NS_PER_S,
                                          QUIET_TAU_S)
                              : (double)p99_ns;
    t->is_quiet = true;
    memcpy(w->older, w->newer, sizeof w->older);
    memcpy(w->newer, now, sizeof w->newer);
    w->newer_ns = n->mono_ns;
}

/* ---- deciding ----------------------------------------------------------------------------------
 */

static double
budget_bytes(const struct control_numbers *n)
{
    double bytes = n->max_bytes ? (double)n->max_bytes : (double)n->used_bytes;
    return bytes > BUDGET_LEAST_BYTES ? bytes : BUDGET_LEAST_BYTES;
}

static void
decide_duty(struct tuner *t, const struct control_numbers *n)
{
    struct tune_load load = {
        .garbage_share = (double)t->garbage.expired_bytes / budget_bytes(n),
        .used_share = n->max_bytes ? (double)n->used_bytes / (double)n->max_bytes : 0,
        .work_s = (double)t->garbage.due_bytes * WORK_NS_PER_BYTE / NS_PER_S,
        .waited_s = (double)t->garbage.waited_ms / 1000,
        .p99_ns = worse_of(t),
        .limit_ns = tune_limit_ns((uint64_t)t->quiet_p99_ns),
        .threshold_ns = t->threshold_ns,
    };
    if (t->garbage.due_bytes)
        t->duty = tune_duty(&t->duty, &load);
    else
        t->duty.reason = TUNE_REST;
}

static void
decide_interval(struct tuner *t, const struct control_numbers *n, double dt_s)
{
    double dead = (double)t->garbage.dead_bytes - (double)t->last_dead_bytes;
    double inserts = (double)(n->sets - t->last.sets) / dt_s;
    double horizon_s = t->interval.interval_ms / 1000;
    t->dead_per_s = tune_mean(t->dead_per_s, dead > 0 ? dead / dt_s : 0, dt_s, RATE_TAU_S);
    t->expired_per_s =
        tune_mean(t->expired_per_s, (double)t->garbage.coming_bytes / horizon_s, dt_s, RATE_TAU_S);
    struct tune_flow flow = {
        .min_ms = t->min_ms,
        .max_ms = t->max_ms,
        .budget_bytes = budget_bytes(n),
        .expired_per_s = t->expired_per_s,
        .dead_per_s = t->dead_per_s,
        .inserts_per_s = inserts,
        .inserts_mean_per_s = t->inserts_mean_per_s,
        .insert_threshold = t->insert_threshold,
        .garbage_share = (double)t->garbage.expired_bytes / budget_bytes(n),
        .p99_ns = worse_of(t),
        .limit_ns = tune_limit_ns((uint64_t)t->quiet_p99_ns),
    };
    t->interval = tune_interval(t->interval.interval_ms, &flow);
    t->inserts_mean_per_s = tune_mean(t->inserts_mean_per_s, inserts, dt_s, RATE_TAU_S);
    t->last_dead_bytes = t->garbage.dead_bytes;
}

/* ---- acting ------------------------------------------------------------------------------------
 */

static void
set_pace(struct control *c, int64_t now_ms)
{
    const struct tuner *t = &c->tuner;
    bool tight = incident_wants_cleaning(c, now_ms); /* whatever the law says */
    struct control_pace pace = {
        .duty_permille = t->duty.reason == TUNE_REST
                             ? PERMILLE /* what is quickly done is done, and more is told at once */
                             : (unsigned)(t->duty.duty * PERMILLE + 0.5),
        .quantum_us = QUANTUM_US,
        .deep_interval_ms = (int64_t)(tight ? t->min_ms : t->interval.pause_ms),
        .sweep_interval_ms = t->sweeps ? t->base_ms : 0,
    };
    if (pace.duty_permille == 0)
        pace.duty_permille = 1;
    control_set_pace(c->a, &pace);
}

/* One line for what matters: another reason to go slower or faster, or another interval. */
static void
say(struct control *c, const struct tuner *before)
{
    const struct tuner *t = &c->tuner;
    double was_ms = before->interval.interval_ms, is_ms = t->interval.interval_ms;
    bool duty = t->duty.reason != before->duty.reason &&
                (t->duty.reason == TUNE_MEMORY || t->duty.reason == TUNE_BREAKER ||
                 before->duty.reason == TUNE_BREAKER);
    bool interval = is_ms > was_ms * SAY_FACTOR || was_ms > is_ms * SAY_FACTOR;
    if (!duty && !interval)
        return;
    char text[TEXT_MAX];
    const char *why = tune_reason_text(duty ? t->duty.reason : t->interval.reason);
    (void)snprintf(text, sizeof text,
                   "%s (duty %u/1000, interval %u ms, p99 %" PRIu64 " ns, limit %" PRIu64
                   " ns, expired and not reclaimed %" PRIu64 " bytes, dead %" PRIu64 " bytes)",
                   why, (unsigned)(t->duty.duty * PERMILLE), (unsigned)is_ms, worse_of(t),
                   tune_limit_ns((uint64_t)t->quiet_p99_ns), t->garbage.expired_bytes,
                   t->garbage.dead_bytes); /* cut is fine */
    control_say(c, CONTROL_INFO, duty ? "reclaim_pace" : "cleanup_interval", text);
}

static bool
is_in_use(const struct tuner *t, const struct control_numbers *n)
{
    return n->hits + n->misses + n->sets + n->deletes !=
           t->last.hits + t->last.misses + t->last.sets + t->last.deletes;
}

int64_t
tuner_step(struct control *c, const struct control_numbers *n)
{
    struct tuner *t = &c->tuner, before;
    if (t->sweeps)
        return CONTROL_NEVER;
    if (t->last.mono_ns == 0) {
        t->last = *n;
        t->interval_ns = t->duty_ns = n->mono_ns;
    }
    bool wants_interval = n->mono_ns - t->interval_ns >= INTERVAL_PERIOD_MS * NS_PER_MS;
    control_observe_garbage(c->a, (int64_t)t->interval.interval_ms, &t->garbage);
    look_at_latency(c, n);
    before.duty = t->duty;
    before.interval = t->interval;
    if (t->garbage.due_bytes)
        t->is_quiet = false;
    if (t->garbage.due_bytes == 0 || n->mono_ns - t->duty_ns >= DUTY_PERIOD_MS * NS_PER_MS ||
        t->duty.reason == TUNE_REST) {
        decide_duty(t, n);
        t->duty_ns = n->mono_ns;
    }
    bool in_use = is_in_use(t, n);
    if (wants_interval) {
        decide_interval(t, n, (double)(n->mono_ns - t->interval_ns) / NS_PER_S);
        t->interval_ns = n->mono_ns;
        t->last = *n;
    }
    t->cycles++;
    set_pace(c, n->now_ms);
    say(c, &before);
    if (t->garbage.due_bytes)
        return n->now_ms + DUTY_PERIOD_MS;
    return in_use || !wants_interval ? n->now_ms + INTERVAL_PERIOD_MS : INT64_MAX;
}

void
tuner_configure(struct control *c, const attl_config *config)
{
    struct tuner *t = &c->tuner;
    t->sweeps = config_i64(config, OPT_ADAPTIVE_RECLAIM) == CHOICE_RECLAIM_SWEEP;
    t->base_ms = config_i64(config, OPT_ADAPTIVE_BASE_INTERVAL);
    t->min_ms = (double)config_i64(config, OPT_ADAPTIVE_MIN_INTERVAL);
    t->max_ms = (double)config_i64(config, OPT_ADAPTIVE_MAX_INTERVAL);
    t->insert_threshold = (double)config_i64(config, OPT_ADAPTIVE_INSERT_THRESHOLD);
    t->threshold_ns = (uint64_t)config_i64(config, OPT_ADAPTIVE_LATENCY_THRESHOLD) *
                      (uint64_t)NS_PER_MS;
    double base_ms = (double)t->base_ms;
    if (!c->enabled[CONTROL_TUNER] || t->sweeps) {
        t->duty = (struct tune_duty){ 1, TUNE_OFF, 0 };
        t->interval = (struct tune_interval){ base_ms, base_ms, TUNE_FIXED };
    } else if (t->interval.interval_ms == 0 || t->interval.reason == TUNE_FIXED) {
        t->duty = (struct tune_duty){ tune_duty_start(), TUNE_REST, 0 };
        t->interval = (struct tune_interval){ base_ms, base_ms, TUNE_STEADY };
    }
    set_pace(c, control_now_ms(c->a));
}
