/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys that are asked for most: a Space-Saving sketch (Metwally, Agrawal, El Abbadi, 2005) over
 * sampled operations, whose counts fade with a time constant of ten seconds. It remembers a bounded
 * number of candidates; a key that is not among them takes the place of the least of them together
 * with its count, which from then on is how wrong the newcomer's count may be. Any key with more
 * than 1/64 of all operations is in it.
 *
 * Everything but `enabled` belongs to `lock`, which samplers only try: a sample that finds it taken
 * is not entered, so nobody waits.
 */
#ifndef ATTL_ENGINE_HOT_H
#define ATTL_ENGINE_HOT_H

#include "base/alloc.h"
#include "base/limits.h"
#include "engine/control.h"
#include "os/lock.h"

#include <stdbool.h>

struct hot_entry {
    float seen[CONTROL_KINDS]; /* since it is a candidate, faded */
    float inherited;           /* what it may have had before, at most */
    uint32_t key_len;          /* of the whole key */
    char key[LIMIT_HOT_KEY_BYTES];
};

struct hot_keys {
    struct lock lock;
    _Atomic bool enabled;
    int64_t begun_ns, faded_ns; /* 0: nothing has been entered yet */
    float total;                /* of all keys */
    float shard_total[LIMIT_SHARDS];
    unsigned count;
    uint64_t hashes[LIMIT_HOT_KEYS]; /* apart, because they are what is searched */
    float estimates[LIMIT_HOT_KEYS]; /* seen and inherited together: likewise */
    struct hot_entry entries[LIMIT_HOT_KEYS];
};

/* NULL: no memory. */
struct hot_keys *hot_new(const attl_allocator *alloc);
void hot_free(const attl_allocator *alloc, struct hot_keys *h);

/* One sampled operation on `key` of `shard`. */
void hot_enter(struct hot_keys *h, unsigned kind, attl_slice key, uint64_t hash, unsigned shard,
               int64_t now_ns);
/* Lets counts fade; `lock` is held. Returns for how many seconds' worth of operations they stand.
 */
double hot_fade(struct hot_keys *h, int64_t now_ns);
/* Forgets everything. */
void hot_reset(struct hot_keys *h);

#endif
