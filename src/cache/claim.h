/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claims: partitions that one thread works in as if nothing else existed, for transactions. They
 * are locked in the order of their addresses, and their table references are marked as busy, which
 * sends lock-free readers behind the lock; so nobody sees a state in between, and readers of other
 * partitions notice nothing. The cost of being able to is one comparison that readers make anyway.
 * A claim belongs to the thread that took it. If that thread wants to use the ordinary functions
 * meanwhile it hangs the claim onto its reader, where they find it (claim_mine).
 */
#ifndef ATTL_CACHE_CLAIM_H
#define ATTL_CACHE_CLAIM_H

#include "cache/cache.h"

struct claim {
    struct cache *cache;
    struct partition **list; /* sorted, each once; NULL: all of them */
    size_t count;
};

/* Sorts list[0 .. count) and drops what is there twice. */
void claim_sort(struct claim *claim);
/* Waits for the locks, then marks. Nothing is prepared for changes yet: see freeze_ready(). */
void claim_take(struct claim *claim);
void claim_drop(struct claim *claim);
bool claim_has(const struct claim *claim, const struct partition *p);

static inline bool
claim_is_whole(const struct claim *claim)
{
    return !claim->list;
}

/* The claim on `c` that the calling thread works under, or NULL. */
struct claim *claim_mine(const struct cache *c);

#endif
