/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Iterating over all entries. A cursor is a partition and a position hash; because home buckets are
 * monotone in that hash whatever the table's size, an entry that is there during the whole
 * iteration is visited exactly once, also across growth, eviction, draining and partition moves.
 * Cursors hold no state and may be dropped; any number is a valid cursor.
 */
#ifndef ATTL_CACHE_SCAN_H
#define ATTL_CACHE_SCAN_H

#include "cache/cache.h"

/* Called with the partition's lock held: copy, do not call back. Entries that are negative or past
 * their hard deadline are not shown. */
typedef void (*scan_fn)(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms);

/* Visits about `count` entries, at least one home bucket. Returns the next cursor; 0: complete. */
uint64_t scan_step(struct cache *c, uint64_t cursor, size_t count, int64_t now_ms, scan_fn fn,
                   void *ud);
/* An entry as it is stored, whoever may see it. */
struct scan_entry {
    attl_slice key, value;
    int64_t gone_ms;
    bool has_life;
    struct life life; /* if has_life */
};
typedef void (*scan_all_fn)(void *ud, const struct scan_entry *e);
/* The same for all that are not gone. */
uint64_t scan_step_all(struct cache *c, uint64_t cursor, size_t count, int64_t now_ms,
                       scan_all_fn fn, void *ud);
/* Calls `fn` with an entry near a random place; false if the cache is (almost) empty. */
bool scan_random(struct cache *c, uint64_t random, int64_t now_ms, scan_fn fn, void *ud);

#endif
