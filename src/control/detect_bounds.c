/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits and evictions. A cache above its limits for several readings is one whose evictor does not
 * get there: the response helps it down to the low-water mark. What does not fit is seen by keys
 * that are stored again shortly after they were evicted; what turns over too fast by the time in
 * which evictions replace every entry. Neither is helped by throwing more away, so of those two the
 * numbers are told that a person needs for choosing a size.
 */
#include "control/control.h"
#include "control/detect.h"

#include <inttypes.h>

enum {
    SLACK_SHARE = 64, /* a limit is exceeded from 1/64 above it: writers under way come back */
    WORSE_SHARE = 4,  /* worse: from a quarter above */
    LOW_WATER_PERCENT = 5,
    EVICT_US = 5000,  /* at most in one response: a cycle is not the place to work for long */
    EVENTS_MIN = 100, /* evictions or sets in a span below which a rate says nothing */
    UNFIT_PERCENT = 25,
    UNFIT_WORSE_PERCENT = 50,
    TURNOVER_WORSE = 4,
    TIGHTEN_MS = 60000,
    PERCENT = 100,
    MS_PER_S = 1000,
};
#define NS_PER_S 1e9

static uint64_t
grown(uint64_t before, uint64_t now)
{
    return now > before ? now - before : 0; /* counters may have been reset */
}

struct detect_span
detect_span(const struct control_numbers *before, const struct control_numbers *n)
{
    if (before->mono_ns == 0 || n->mono_ns <= before->mono_ns)
        return (struct detect_span){ 0 };
    return (struct detect_span){
        .seconds = (double)(n->mono_ns - before->mono_ns) / NS_PER_S,
        .sets = grown(before->sets, n->sets),
        .reads = grown(before->hits, n->hits) + grown(before->misses, n->misses),
        .evicted = grown(before->evicted, n->evicted),
        .ghost_hits = grown(before->ghost_hits, n->ghost_hits),
    };
}

/* True if `used` is above `max`, which may be 0 for none. */
static bool
judge_limit(uint64_t used, uint64_t max, const char *what, struct incident_reading *ret)
{
    if (max == 0 || used <= max + max / SLACK_SHARE)
        return false;
    ret->bad = true;
    ret->worse = used > max + max / WORSE_SHARE;
    ret->value = (double)used;
    ret->limit = (double)max;
    incident_because(ret, "%" PRIu64 " %s are held, the limit is %" PRIu64, used, what, max);
    return true;
}

static void
judge_fit(const struct control_numbers *n, const struct detect_span *s,
          struct incident_reading *ret)
{
    uint64_t of = s->reads > s->sets ? s->reads : s->sets;
    if (s->ghost_hits < EVENTS_MIN || s->ghost_hits * PERCENT < of * UNFIT_PERCENT)
        return;
    double percent = PERCENT * (double)s->ghost_hits / (double)of;
    ret->bad = true;
    ret->worse = percent >= UNFIT_WORSE_PERCENT;
    ret->value = percent;
    ret->limit = UNFIT_PERCENT;
    incident_because(ret,
                     "%.0f %% of requests store again what was evicted a short while ago: it does "
                     "not fit into %" PRIu64 " entries (%" PRIu64 " bytes), twice that would do",
                     percent, n->items, n->used_bytes);
}

void
judge_bounds(const struct control_numbers *n, const struct detect_span *s,
             struct incident_reading *ret)
{
    if (judge_limit(n->used_bytes, n->max_bytes, "bytes", ret) ||
        judge_limit(n->items, n->max_items, "entries", ret))
        return;
    judge_fit(n, s, ret);
}

void
judge_evictions(const struct control_numbers *n, const struct detect_span *s, int64_t turnover_ms,
                struct incident_reading *ret)
{
    if (s->evicted < EVENTS_MIN || s->seconds <= 0)
        return;
    double rate = (double)s->evicted / s->seconds;
    double limit = (double)n->items * MS_PER_S / (double)turnover_ms;
    if (rate <= limit)
        return;
    double wanted = rate * (double)turnover_ms / MS_PER_S;
    double entry_bytes = n->items ? (double)n->used_bytes / (double)n->items : 0;
    ret->bad = true;
    ret->worse = rate > limit * TURNOVER_WORSE;
    ret->value = rate;
    ret->limit = limit;
    incident_because(ret,
                     "%.0f evictions/s at %.0f sets/s replace all %" PRIu64
                     " entries in %.1f s; to keep them %.0f s takes about %.0f entries, %.0f MiB",
                     rate, (double)s->sets / s->seconds, n->items, (double)n->items / rate,
                     (double)turnover_ms / MS_PER_S, wanted,
                     wanted * entry_bytes / (double)(1 << 20));
}

void
detect_bounds(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    struct detect_span s = detect_span(&c->incidents.detect.before, n);
    judge_bounds(n, &s, ret);
}

void
detect_evictions(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    struct detect_span s = detect_span(&c->incidents.detect.before, n);
    judge_evictions(n, &s, c->incidents.turnover_ms, ret);
}

void
respond_bounds(struct control *c, struct incident *i, int level)
{
    const struct control_numbers *n = &c->incidents.detect.before;
    bool above = (n->max_bytes && n->used_bytes > n->max_bytes) ||
                 (n->max_items && n->items > n->max_items);
    uint64_t evicted;
    if (level < 0)
        return;
    if (i->simulated) {
        incident_did(i, "would evict down to %d %% below the limits", LOW_WATER_PERCENT);
    } else if (above) {
        (void)control_evict(c->a, LOW_WATER_PERCENT, EVICT_US, &evicted); /* the next reading */
        incident_did(i, "evicted %" PRIu64 " entries on the way to %d %% below the limits", evicted,
                     LOW_WATER_PERCENT);
    } else {
        incident_did(i, "told the sizing numbers; nothing is thrown away");
    }
}

void
respond_evictions(struct control *c, struct incident *i, int level)
{
    if (level < 0) {
        c->incidents.detect.tighten_until_ms = 0;
        return;
    }
    if (i->simulated) {
        incident_did(i, "would ask for cleaning more often for %d s", TIGHTEN_MS / MS_PER_S);
        return;
    }
    c->incidents.detect.tighten_until_ms = i->changed_ms + TIGHTEN_MS;
    incident_did(i, "asked for cleaning more often for %d s", TIGHTEN_MS / MS_PER_S);
}
