/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prefixes are entered before the connection counts as one that tracks, so that none of its later
 * reads is older than what it will hear of. Those of a client are few and in order, for CLIENT
 * TRACKINGINFO; they are copies, because those of the set come and go with other clients. No lock
 * is taken here but those of the parts.
 */
#include "net/tracker.h"

#include <stdlib.h>

static int
compare(attl_slice a, attl_slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.data, b.data, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* ATTL_OK, also if it was there. There is room in r->prefixes. */
static int
add_prefix(struct exchange *x, struct receiver *r, attl_slice text)
{
    size_t place = 0;
    while (place < r->prefixes_len && compare(r->prefixes[place], text) < 0)
        place++;
    if (place < r->prefixes_len && compare(r->prefixes[place], text) == 0)
        return ATTL_OK;
    char *copy = malloc(text.len + 1);
    if (!copy)
        return ATTL_E_NOMEM;
    int status = prefix_add(&x->prefixes, r, text);
    if (status != ATTL_OK) {
        free(copy);
        return status;
    }
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    memmove(r->prefixes + place + 1, r->prefixes + place,
            (r->prefixes_len - place) * sizeof *r->prefixes);
    r->prefixes[place] = attl_b(copy, text.len);
    r->prefixes_len++;
    return ATTL_OK;
}

static void
drop_prefix(struct exchange *x, struct receiver *r, size_t place)
{
    prefix_remove(&x->prefixes, r, r->prefixes[place]);
    free((void *)(uintptr_t)r->prefixes[place].data);
    r->prefixes_len--;
    memmove(r->prefixes + place, r->prefixes + place + 1,
            (r->prefixes_len - place) * sizeof *r->prefixes);
}

static void
drop_prefixes(struct exchange *x, struct receiver *r)
{
    while (r->prefixes_len > 0)
        drop_prefix(x, r, r->prefixes_len - 1);
    free(r->prefixes);
    r->prefixes = NULL;
}

static void
drop_named(struct exchange *x, struct receiver *r, attl_slice text)
{
    for (size_t i = 0; i < r->prefixes_len; i++)
        if (compare(r->prefixes[i], text) == 0) {
            drop_prefix(x, r, i);
            return;
        }
}

/* All of the wish, or none. They do not overlap with those that are there, so none is there. */
static int
add_prefixes(struct exchange *x, struct receiver *r, const struct tracking_wish *wish)
{
    static const attl_slice every = { "", 0 };
    const attl_slice *texts = wish->prefixes_len > 0 ? wish->prefixes : &every;
    size_t n = wish->prefixes_len > 0 ? wish->prefixes_len : 1;
    if (r->prefixes_len + n > PREFIXES_PER_CLIENT_MAX)
        return ATTL_E_BUSY;
    attl_slice *room = realloc(r->prefixes, (r->prefixes_len + n) * sizeof *room);
    if (!room)
        return ATTL_E_NOMEM;
    r->prefixes = room;
    for (size_t i = 0; i < n; i++) {
        int status = add_prefix(x, r, texts[i]);
        if (status == ATTL_OK)
            continue;
        while (i-- > 0)
            drop_named(x, r, texts[i]);
        return status;
    }
    return ATTL_OK;
}

int
tracker_start(struct exchange *x, struct receiver *r, const struct tracking_wish *wish,
              struct receiver *redirect_to)
{
    bool had_any = r->prefixes_len > 0;
    int status = wish->flags & TRACKING_BCAST ? add_prefixes(x, r, wish) : ATTL_OK;
    if (status != ATTL_OK) {
        receiver_free(redirect_to);
        if (!had_any)
            drop_prefixes(x, r);
        return status;
    }
    receiver_free(r->redirect_to);
    r->redirect_to = redirect_to;
    atomic_store(&r->no_loop, wish->flags & TRACKING_NOLOOP);
    if (!atomic_load(&r->tracks))
        exchange_track(x, r);
    return ATTL_OK;
}

void
tracker_stop(struct exchange *x, struct receiver *r)
{
    drop_prefixes(x, r);
    receiver_free(r->redirect_to);
    r->redirect_to = NULL;
    if (atomic_load(&r->tracks))
        exchange_untrack(x, r);
}
