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

struct wanted {
    uint64_t id; /* 0: all */
    bool open_only;
};

static bool
is_wanted(const struct incident *i, const struct wanted *w)
{
    if (i->id == 0 || (w->id != 0 && i->id != w->id))
        return false;
    return !w->open_only || i->state != ATTL_INCIDENT_RESOLVED;
}

static int
newest_first(const void *x, const void *y)
{
    uint64_t a = ((const struct incident *)x)->id, b = ((const struct incident *)y)->id;
    return a < b ? 1 : a > b ? -1 : 0;
}

/* How many are wanted; the first `room` of them go to `to`. */
static size_t
copy_wanted(const struct incidents *is, const struct wanted *w, struct incident *to, size_t room)
{
    size_t n = 0;
    for (int kind = 0; kind < INCIDENT_KINDS; kind++)
        if (is_wanted(&is->current[kind], w) && n++ < room)
            to[n - 1] = is->current[kind];
    for (unsigned k = 0; k < is->history_len; k++)
        if (is_wanted(&is->history[k], w) && n++ < room)
            to[n - 1] = is->history[k];
    return n;
}

static size_t
copy_locked(struct control *c, const struct wanted *w, struct incident *to, size_t room)
{
    lock_acquire(&c->lock);
    size_t n = copy_wanted(&c->incidents, w, to, room);
    control_unlock(c);
    return n;
}

/*
 * Counted first, because a record has several KiB, and as a rule none is open and who asks takes a
 * reading of all metrics. What has come meanwhile may need the room of all.
 */
int
incidents_list(struct control *c, uint64_t id, bool open_only, attl_incident_fn fn, void *ud)
{
    const struct wanted wanted = { id, open_only };
    struct incident *copies = NULL;
    size_t room = 0, n = copy_locked(c, &wanted, NULL, 0);
    for (int look = 0; n > room; look++) {
        if (copies)
            alloc_free(&c->alloc, copies);
        room = look == 0 ? n : RECORDS_MAX;
        copies = alloc_zero(&c->alloc, room * sizeof(*copies));
        if (!copies)
            return ATTL_E_NOMEM;
        n = copy_locked(c, &wanted, copies, room);
    }
    if (n > 1)
        qsort(copies, n, sizeof(*copies), newest_first);
    for (size_t k = 0; k < n; k++) {
        attl_incident shown;
        incident_show(&copies[k], &shown);
        fn(ud, &shown);
    }
    if (copies)
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
