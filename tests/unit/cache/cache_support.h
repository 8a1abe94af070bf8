/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the cache core share: an allocator that can be told to refuse and counts what
 * is out, memory pools without a cache around them, and a rig, which is a cache with a time of its
 * own and short ways to set, read and drain. A failed expectation in here ends the process (CHECK),
 * because threads use these helpers too.
 */
#ifndef ATTL_TESTS_CACHE_SUPPORT_H
#define ATTL_TESTS_CACHE_SUPPORT_H

#include "cache/cache.h"
#include "cache/drain.h"
#include "cache/entry.h"
#include "cache/freeze.h"
#include "cache/read.h"

#include "../../support/check.h"
#include "../../support/rng.h"

/* 2025-01-01, and six ticks into a lap of the finest wheel: lives of less than half a minute stay
 * on it. */
#define START_MS INT64_C(1735689604219)
#define SECOND_MS INT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)
#define DAY_MS (24 * HOUR_MS)

/* True if `fn` ends its process by an abort; it runs in a child. */
bool dies(void (*fn)(void *ud), void *ud);

/* malloc that refuses the n-th request from now and all later ones, and knows how many blocks are
 * out. */
struct purse {
    _Atomic int64_t until_refusal; /* < 0: never refuses */
    _Atomic int64_t out;
};

attl_allocator purse_open(struct purse *p);

/* A region with one pool of each kind. */
struct ground {
    struct purse purse;
    attl_allocator alloc;
    struct region region;
    struct arena_pool chunks, tables, extents;
};

void ground_init(struct ground *g);
/* Fails if a pool still has something in use, or a block of the allocator is still out. */
void ground_fini(struct ground *g);

struct rig {
    struct cache cache;
    struct purse purse;
    int64_t now_ms;
};

/* No limits, one shard, the fewest partitions, ordinary pages. */
struct cache_config rig_config(void);
struct rig *rig_open(const struct cache_config *config);
/* Checks the structures a last time, and that all memory has come back. */
void rig_close(struct rig *rig);
void rig_check(struct rig *rig, const char *when);

/* Locks the key's partition and looks for it. */
void rig_lock(struct rig *rig, attl_slice key, struct entry *ret_entry);
void rig_unlock(struct entry *e);

/* One attempt to store, as the engine makes it. */
int rig_try_set(struct rig *rig, attl_slice key, attl_slice value, int64_t deadline_ms);
/* Stores, making room as often as it takes. */
void rig_set(struct rig *rig, attl_slice key, attl_slice value, int64_t deadline_ms);
/* Deletes; false if it was not there. */
bool rig_del(struct rig *rig, attl_slice key);
/* True if the key is there and, `value.data` not being NULL, has exactly this value. */
bool rig_has(struct rig *rig, attl_slice key, attl_slice value);

/* Key number i, in a buffer of the caller's. */
struct name {
    char text[24];
};
attl_slice name_of(uint64_t i, struct name *ret_name);

/* Key number i with a value of `len` bytes that are all (char)i: stores it; true if it is there. */
void rig_put(struct rig *rig, uint64_t i, size_t len, int64_t deadline_ms);
bool rig_holds(struct rig *rig, uint64_t i, size_t len);
/* Reads key number i so many times, counting as uses. */
void rig_touch(struct rig *rig, uint64_t i, unsigned times);
uint64_t rig_counter(const struct rig *rig, enum cache_counter which);

static inline struct shard *
rig_shard(struct rig *rig)
{
    return &rig->cache.shards[0];
}

/* Drains all there is for a reason, or until it is blocked. */
struct drain_done rig_drain(struct rig *rig, enum drain_reason reason);
/* Moves time on and drains what has become due, everywhere. */
void rig_pass(struct rig *rig, int64_t ms);
/* Releases everything that no reader holds. */
void rig_collect(struct rig *rig);

#endif
