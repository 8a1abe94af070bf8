/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory and load, as incidents. Both have been judged already, by the loop of memory pressure and
 * by a server that sheds load; what is made here of their judgement is a reading with a sentence,
 * and the record's account of what was done. Neither remembers anything.
 */
#include "control/control.h"
#include "control/detect.h"

#include <inttypes.h>

enum { US_PER_MS = 1000 };

void
detect_memory(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    const struct pressure *p = &c->pressure;
    (void)n;
    ret->value = p->order.level;
    if (!c->enabled[CONTROL_PRESSURE] || p->order.level == PRESSURE_NONE)
        return;
    ret->bad = ret->certain = true;
    ret->worse = p->order.level == PRESSURE_REFUSE;
    ret->limit = p->settings.high;
    incident_because(ret, "memory is short, step %d of 3: %s", p->order.level, p->order.why);
}

void
respond_memory(struct control *c, struct incident *i, int level)
{
    static const char *const steps[PRESSURE_LEVELS] = {
        [PRESSURE_EXPIRED] = "what has expired goes first, and empty memory is given back",
        [PRESSURE_COLD] = "what is used least goes too",
        [PRESSURE_REFUSE] = "large values are refused as well",
    };
    const struct pressure *p = &c->pressure;
    if (level >= 0 && i->simulated)
        incident_did(i, "would shed in steps: %s", steps[PRESSURE_EXPIRED]);
    else if (level >= 0 && p->order.level > PRESSURE_NONE && p->order.level < PRESSURE_LEVELS)
        incident_did(i, "%s%s", p->dry_run ? "dry run: " : "", steps[p->order.level]);
}

void
detect_overload(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    int level = atomic_load_explicit(&c->load.level, memory_order_relaxed);
    (void)n;
    ret->value = (double)atomic_load_explicit(&c->load.delay_us, memory_order_relaxed) / US_PER_MS;
    if (level <= 0)
        return;
    ret->bad = true;
    ret->worse = level > 1;
    incident_because(ret,
                     "requests wait %.0f ms before they are served; %" PRIu64
                     " have been refused or delayed since the start",
                     ret->value, atomic_load_explicit(&c->load.shed, memory_order_relaxed));
}
