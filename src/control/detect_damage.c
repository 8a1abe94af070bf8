/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Damage in the data directory. The engine heals it by itself, because that cannot wait for a
 * reading; here it becomes an incident, which is open from the finding until nothing is left to be
 * healed. What was damaged before anybody looked, while loading, is found by the first reading. The
 * record says for each file what was lost and what was done, and again when that has changed.
 */
#include "control/control.h"
#include "control/detect.h"

#include <inttypes.h>

enum { TELL_MOST = 8 };

void
judge_damage(const struct control_damage *d, uint64_t seen, struct incident_reading *ret)
{
    if (d->unhealed == 0 && d->count <= seen)
        return;
    ret->bad = ret->certain = true;
    ret->worse = d->unhealed > 0;
    ret->value = (double)(d->unhealed > 0 ? d->unhealed : d->count - seen);
    ret->limit = 0;
    memcpy(ret->request, d->trace, sizeof ret->request);
    incident_because(ret,
                     "%s is damaged at offset %" PRIu64 " (%" PRIu64 " files so far, %" PRIu64
                     " not healed yet)",
                     d->file, d->offset, d->count, d->unhealed);
}

void
detect_corruption(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    struct control_damage d;
    (void)n;
    control_observe_damage(c->a, &d);
    judge_damage(&d, c->incidents.damages_seen, ret);
    c->incidents.damages_seen = d.count;
}

void
respond_corruption(struct control *c, struct incident *i, int level)
{
    struct control_damage d;
    if (i->simulated) {
        if (level >= 0)
            incident_did(i, "would take a snapshot from memory and set the file aside");
        return;
    }
    for (int n = 0; n < TELL_MOST && control_next_damage(c->a, c->incidents.damage_told, &d); n++) {
        c->incidents.damage_told = d.revision;
        if (d.number > c->incidents.damage_listed) {
            c->incidents.damage_listed = d.number;
            incident_did(i, "%s: %s", d.file, d.lost);
        }
        incident_did(i, "%s: %s", d.file, d.done[0] ? d.done : "is being seen to");
    }
}
