/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * THE routine: take a chunk, look at each of its records that the index still refers to, and drop
 * it or append it elsewhere. Expiry, cascade, eviction and compaction are this loop with different
 * verdicts (evict.h). It works in quanta of a few dozen records, each under its partition's lock
 * only, and may be left and resumed at any record.
 */
#ifndef ATTL_CACHE_DRAIN_H
#define ATTL_CACHE_DRAIN_H

#include "cache/cache.h"

struct drain_done {
    unsigned records; /* looked at */
    unsigned expired, evicted, kept;
    unsigned chunks; /* finished */
    bool blocked;    /* a kept record found no memory: nothing is lost, try again later */
    bool finished;   /* the reason gives no more work in this shard */
    bool for_items;  /* in: what is evicted goes for max_items */
};

/* One quantum of at most `max_records` for `reason` in shard `s`. Adds to *done. */
void drain_step(struct cache *c, struct shard *s, enum drain_reason reason, int64_t now_ms,
                unsigned max_records, struct drain_done *done);

/*
 * Makes room after ATTL_E_FULL or before exceeding max_items: expired entries of all shards first,
 * then dead space, then entries by policy, at least one entry or one chunk. False if nothing can be
 * gained. The caller holds no lock and is outside any epoch. `prefer` is the shard that wants to
 * grow.
 */
bool drain_make_room(struct cache *c, struct shard *prefer, int64_t now_ms);

/* Brings the cache below its limits after they were lowered, as far as the policy allows. */
void drain_to_limits(struct cache *c, int64_t now_ms);

/*
 * A small step of what writers owe when the cache is near its limit, has much dead space, or what
 * is due is late, so that no single write has to pay for a whole chunk. Called while the shard's
 * `owes` is set; clears it once nothing is owed. True if a chunk was freed.
 */
bool drain_assist(struct cache *c, struct shard *s, int64_t now_ms);

/* Removes some of what has expired, wherever it is. False if nothing has. */
bool drain_expire_some(struct cache *c, int64_t now_ms);

#endif
