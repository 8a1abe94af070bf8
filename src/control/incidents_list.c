/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Showing records. They are copied under the lock and shown without it, so that a visitor may take
 * its time and call the cache. The newest come first: present ones and history together, by their
 * number.
 */
#include "control/control.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { RECORDS_MAX = INCIDENT_KINDS + INCIDENT_HISTORY };

/* Whether a caller wants to see it. `id` 0: all. */
static bool
is_wanted(const struct incident *i, uint64_t id, bool open_only)
{
    if (i->id == 0 || (id != 0 && i->id != id))
        return false;
    return !open_only || i->state != ATTL_INCIDENT_RESOLVED;
}

static int
newest_first(const void *x, const void *y)
{
    uint64_t a = ((const struct incident *)x)->id, b = ((const struct incident *)y)->id;
    return a < b ? 1 : a > b ? -1 : 0;
}

static size_t
copy_wanted(const struct incidents *is, uint64_t id, bool open_only, struct incident *to)
{
    size_t n = 0;
    for (int kind = 0; kind < INCIDENT_KINDS; kind++)
        if (is_wanted(&is->current[kind], id, open_only))
            to[n++] = is->current[kind];
    for (unsigned k = 0; k < is->history_len; k++)
        if (is_wanted(&is->history[k], id, open_only))
            to[n++] = is->history[k];
    return n;
}

int
incidents_list(struct control *c, uint64_t id, bool open_only, attl_incident_fn fn, void *ud)
{
    struct incident *copies = alloc_zero(&c->alloc, RECORDS_MAX * sizeof(*copies));
    if (!copies)
        return ATTL_E_NOMEM;
    lock_acquire(&c->lock);
    size_t n = copy_wanted(&c->incidents, id, open_only, copies);
    control_unlock(c);
    qsort(copies, n, sizeof(*copies), newest_first);
    for (size_t k = 0; k < n; k++) {
        attl_incident shown;
        incident_show(&copies[k], &shown);
        fn(ud, &shown);
    }
    alloc_free(&c->alloc, copies);
    return id != 0 && n == 0 ? ATTL_MISS : ATTL_OK;
}

void
incidents_stats(struct control *c, attl_incident_stats *ret)
{
    lock_acquire(&c->lock);
    incidents_count_time(&c->incidents, control_now_ms(c->a));
    *ret = c->incidents.stats;
    for (int kind = 0; kind < INCIDENT_KINDS; kind++)
        ret->open += c->incidents.gauges[kind].open;
    control_unlock(c);
}
