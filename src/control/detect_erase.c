/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Erasures that miss what they promised. The bound is stated in a receipt, so missing it is an
 * incident whatever the reason; a few seconds are left to the keeper, which begins to remove files
 * when they are due. Nothing is done here: the keeper tries again by itself, and removing more than
 * was asked for would help nobody. Pure but for the look at the engine.
 */
#include "control/control.h"
#include "control/detect.h"

#include <inttypes.h>

enum { SLACK_MS = 10000, MS_PER_S = 1000 };

void
judge_erasures(const struct control_erasures *e, struct incident_reading *ret)
{
    if (e->late == 0 || e->overdue_ms <= SLACK_MS)
        return;
    ret->bad = true;
    ret->worse = e->overdue_ms > e->within_ms;
    ret->value = (double)e->overdue_ms / MS_PER_S;
    ret->limit = (double)SLACK_MS / MS_PER_S;
    incident_because(ret,
                     "%u erasures are late, the first, %s, by %" PRId64 " s with %" PRIu64
                     " older files left: %s",
                     e->late, e->id, e->overdue_ms / MS_PER_S, e->files_left,
                     e->problem[0] ? e->problem : "they are being removed");
}

void
detect_erasures(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    struct control_erasures e;
    (void)n;
    control_observe_erasures(c->a, &e);
    judge_erasures(&e, ret);
}
