/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The transitions. Being acknowledged stops the clock of escalation but not the verdict "worse",
 * because who acknowledged knew of something smaller. A level is never taken back: it says how bad
 * the episode was. Age escalates only on a bad reading: while good ones are being counted, waiting
 * for the end of the incident is the right thing to do.
 */
#include "control/incident_rule.h"

/* Counts on, without ever wrapping. */
static unsigned
one_more(unsigned n)
{
    return n < UINT32_MAX / INCIDENT_STUBBORN_MAX ? n + 1 : n;
}

static void
count(struct incident_gauge *g, struct incident_verdict v, int64_t now_ms)
{
    if (!v.bad) {
        g->good = one_more(g->good);
        g->bad = g->worse = 0;
        return;
    }
    if (g->bad == 0)
        g->bad_ms = now_ms;
    g->bad = one_more(g->bad);
    g->worse = v.worse ? one_more(g->worse) : 0;
    g->good = 0;
}

static enum incident_change
open_if_due(struct incident_gauge *g, const struct incident_rules *r, struct incident_verdict v,
            int64_t now_ms)
{
    if (!v.bad || (g->bad < r->open_after && !v.certain))
        return INCIDENT_SAME;
    bool returns = g->times > 0 && now_ms - g->resolved_ms < r->cooldown_ms;
    g->open = true;
    g->acknowledged = false;
    g->level = 0;
    g->level_ms = now_ms;
    g->worse = 0; /* getting worse is counted from here */
    g->times = returns ? g->times + 1 : 1;
    return returns ? INCIDENT_RETURNS : INCIDENT_OPENS;
}

static enum incident_change
escalate_if_due(struct incident_gauge *g, const struct incident_rules *r, int64_t now_ms)
{
    bool worse = g->worse >= r->open_after && g->level == 0;
    bool old = !g->acknowledged && now_ms - g->level_ms >= r->escalate_ms;
    if (g->level == INCIDENT_LEVEL_MAX || (!worse && !old))
        return INCIDENT_SAME;
    g->level++;
    g->level_ms = now_ms;
    return INCIDENT_ESCALATES;
}

static unsigned
good_wanted(const struct incident_gauge *g, const struct incident_rules *r)
{
    return r->close_after * (g->times < INCIDENT_STUBBORN_MAX ? g->times : INCIDENT_STUBBORN_MAX);
}

enum incident_change
incident_rule_step(struct incident_gauge *g, const struct incident_rules *r,
                   struct incident_verdict v, int64_t now_ms)
{
    count(g, v, now_ms);
    if (!g->open)
        return open_if_due(g, r, v, now_ms);
    if (v.bad)
        return escalate_if_due(g, r, now_ms);
    if (g->good < good_wanted(g, r))
        return INCIDENT_SAME;
    g->open = g->acknowledged = false;
    g->resolved_ms = now_ms;
    return INCIDENT_ENDS;
}

bool
incident_rule_ack(struct incident_gauge *g)
{
    if (!g->open)
        return false;
    g->acknowledged = true;
    return true;
}

bool
incident_rule_watches(const struct incident_gauge *g)
{
    return g->open || g->bad > 0;
}
