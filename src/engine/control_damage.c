/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the control plane may know of damage in the data directory: the sums, the newest finding,
 * and the findings that have changed since it looked last. What the disk failed to read is not
 * among it, because nothing is known to be damaged then. All of it is copied under the lock of the
 * findings, behind which nobody waits for a disk.
 */
#include "engine/control.h"

#include "engine/store.h"

#include <stdio.h>

static void
fill(struct control_damage *ret, const struct scrub_finding *f)
{
    ret->number = f->number;
    ret->revision = f->revision;
    ret->healed = f->healed;
    ret->offset = f->offset;
    memcpy(ret->trace, f->trace, sizeof ret->trace);
    (void)snprintf(ret->file, sizeof ret->file, "%s", f->name);
    (void)snprintf(ret->lost, sizeof ret->lost, "%s", f->lost);
    (void)snprintf(ret->done, sizeof ret->done, "%s", f->done);
}

void
control_observe_damage(struct attl *a, struct control_damage *ret)
{
    struct scrub_finding found[SCRUB_FINDINGS];
    struct scrub_sums sums;
    *ret = (struct control_damage){ 0 };
    if (!a->store)
        return;
    scrub_sums_get(a->store, &sums);
    ret->count = sums.damaged;
    ret->unhealed = sums.unhealed;
    unsigned n = sums.damaged ? scrub_findings_get(a->store, found) : 0;
    while (n > 0 && found[n - 1].unreadable)
        n--;
    if (n > 0)
        fill(ret, &found[n - 1]);
}

bool
control_next_damage(struct attl *a, uint64_t revision, struct control_damage *ret)
{
    struct scrub_finding found[SCRUB_FINDINGS];
    const struct scrub_finding *next = NULL;
    unsigned n = a->store ? scrub_findings_get(a->store, found) : 0;
    for (unsigned i = 0; i < n; i++)
        if (!found[i].unreadable && found[i].revision > revision &&
            (!next || found[i].revision < next->revision))
            next = &found[i];
    if (!next)
        return false;
    *ret = (struct control_damage){ 0 };
    fill(ret, next);
    return true;
}
