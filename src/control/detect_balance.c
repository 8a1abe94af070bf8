/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A balancer that is stuck: it has found the load uneven several times in a row and has not moved
 * anything, because no move would help or none is allowed. That is a judgement of its own looks,
 * which are far apart and smoothed, so one reading is enough. It ends when the load is even, or
 * something is moved, or the balancer has gone to sleep.
 */
#include "control/control.h"
#include "control/detect.h"

enum { STUCK_LOOKS = 3, WORSE_FACTOR = 2 };

void
judge_balance(unsigned looks, double imbalance, double threshold, const char *why,
              struct incident_reading *ret)
{
    if (looks < STUCK_LOOKS)
        return;
    ret->bad = ret->certain = true;
    ret->worse = imbalance > threshold * WORSE_FACTOR;
    ret->value = imbalance;
    ret->limit = threshold;
    incident_because(ret,
                     "the busiest shard has %.2f times the mean load, %u looks in a row without a "
                     "move: %s",
                     imbalance, looks, why);
}

void
detect_balance(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    struct detect_state *d = &c->incidents.detect;
    const struct balancer *b = &c->balancer;
    (void)n;
    bool moved = b->stats.rebalances != d->rebalances;
    if (moved || b->uneven < d->uneven || !c->enabled[CONTROL_BALANCER])
        d->stuck = 0;
    else
        d->stuck += b->uneven - d->uneven;
    d->uneven = b->uneven;
    d->rebalances = b->stats.rebalances;
    judge_balance(d->stuck, b->stats.imbalance, b->threshold, b->stats.why, ret);
}
