/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Weighing parts of the cache: who wants exact sums over some keys (a quota) has a partition
 * counted once, under its lock, and is told of every change of it from then on. `partition.tally`
 * is the generation it was counted for, 0: nobody counts, which is all that a change pays.
 * Everything here runs under the partition's lock; the sums and what they mean are the teller's,
 * not the cache's.
 */
#ifndef ATTL_CACHE_WEIGH_H
#define ATTL_CACHE_WEIGH_H

#include "cache/entry.h"

/* Calls `fn` for every entry of partition `i`, as new, and marks it as counted for `generation`. */
void weigh_partition(struct cache *c, unsigned i, uint32_t generation, cache_weight_fn fn,
                     void *ud);
/* The same without marking it. */
void weigh_visit(struct cache *c, unsigned i, cache_weight_fn fn, void *ud);
/* The key of an entry with that hash, or an empty slice; the partition is locked. */
attl_slice weigh_find(struct cache *c, const struct partition *p, uint64_t hash);

/* Tells of a change in a partition that is counted. False if it was refused, which only
 * `may_refuse` allows. */
static inline bool
weigh_change(const struct cache *c, const struct cache_weight *w)
{
    return c->weight_fn(c->weight_ud, w);
}

#endif
