/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Latency and the clock. The 99th percentile of the operations sampled since the reading before is
 * compared with a limit that a person set and with what is usual here: a slow average of good
 * readings, which bad ones do not enter, so that a long incident does not become the measure of
 * itself. A floor keeps microseconds from being called an incident. The clock is compared with
 * itself: a step of more than a second between two readings was set by somebody.
 */
#include "control/control.h"
#include "control/detect.h"

#include <inttypes.h>
#include <string.h>

enum {
    SAMPLES_MIN = 50,   /* below that a percentile is one thread's bad luck */
    FLOOR_NS = 5000000, /* what is below is never an incident by being unusual */
    USUAL_SHARE = 16,   /* of one reading in the average */
    WORSE_FACTOR = 4,
    P99_PERMILLE = 990,
    JUMP_MS = 1000,
    MS_PER_S = 1000,
};
#define NS_PER_MS 1e6

void
judge_latency(const struct latency_view *v, struct incident_reading *ret)
{
    if (v->samples < SAMPLES_MIN)
        return;
    uint64_t unusual_ns = v->usual_ns * v->factor;
    if (unusual_ns < FLOOR_NS)
        unusual_ns = FLOOR_NS;
    bool by_usual = v->usual_ns > 0 && unusual_ns < v->limit_ns;
    uint64_t limit_ns = by_usual ? unusual_ns : v->limit_ns;
    if (v->p99_ns <= limit_ns)
        return;
    ret->bad = true;
    ret->worse = v->p99_ns / WORSE_FACTOR > limit_ns;
    ret->value = (double)v->p99_ns / NS_PER_MS;
    ret->limit = (double)limit_ns / NS_PER_MS;
    incident_because(ret, "1 %% of operations take more than %.3f ms; the limit is %.3f ms, %s",
                     ret->value, ret->limit,
                     by_usual ? "from what was usual" : "adaptive.latency_threshold");
}

uint64_t
latency_usual(uint64_t usual_ns, uint64_t p99_ns)
{
    if (usual_ns == 0)
        return p99_ns;
    return usual_ns - usual_ns / USUAL_SHARE + p99_ns / USUAL_SHARE;
}

/* What was sampled since the reading before, of reads and writes together. */
static void
take_samples(struct control *c, struct latency_view *v)
{
    uint64_t both[HISTOGRAM_CLASSES] = { 0 }, now[HISTOGRAM_CLASSES], since[HISTOGRAM_CLASSES];
    for (int kind = 0; kind < CONTROL_KINDS; kind++) {
        uint64_t *before = c->incidents.detect.latency[kind];
        control_observe_latency(c->a, (enum control_kind)kind, now);
        v->samples += histogram_since(now, before, since);
        memcpy(before, now, sizeof now);
        for (unsigned class = 0; class < HISTOGRAM_CLASSES; class ++)
            both[class] += since[class];
    }
    v->p99_ns = histogram_percentile(both, P99_PERMILLE);
}

void
detect_latency(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    (void)n;
    struct detect_state *d = &c->incidents.detect;
    struct latency_view v = { .usual_ns = d->usual_ns,
                              .limit_ns = (uint64_t)c->incidents.latency_limit_ms *
                                          (uint64_t)NS_PER_MS,
                              .factor = c->incidents.latency_factor };
    take_samples(c, &v);
    if (d->has_before)
        judge_latency(&v, ret);
    if (!ret->bad && v.samples >= SAMPLES_MIN)
        d->usual_ns = latency_usual(d->usual_ns, v.p99_ns);
}

void
judge_clock(int64_t before_ms, int64_t skew_ms, struct incident_reading *ret)
{
    int64_t step_ms = skew_ms - before_ms;
    if (step_ms <= JUMP_MS && step_ms >= -JUMP_MS)
        return;
    ret->bad = ret->certain = true;
    ret->value = (double)step_ms / MS_PER_S;
    ret->limit = (double)JUMP_MS / MS_PER_S;
    incident_because(ret,
                     "the system's clock went %s by %.3f s; lives go on as they were, times in "
                     "logs and files follow the new clock",
                     step_ms > 0 ? "forward" : "back", (step_ms > 0 ? ret->value : -ret->value));
}

void
detect_clock(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    if (c->incidents.detect.has_before)
        judge_clock(c->incidents.detect.before.skew_ms, n->skew_ms, ret);
}
