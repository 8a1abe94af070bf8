/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quotas of namespaces: exact sums of entries and bytes per namespace, kept while any namespace has
 * a quota, and what happens at a quota. The sums belong to a generation: partitions are counted
 * into it one by one, each under its lock, and tell of every change from then on (cache/weigh.h); a
 * change of the prefixes begins the next generation. A namespace that evicts keeps the hashes of
 * its entries in the order they came, and gives up the oldest that was not used lately; one that
 * does not refuses. Sums are atomics of one line per namespace; the order has a lock that nothing
 * is taken under.
 */
#ifndef ATTL_ENGINE_QUOTA_H
#define ATTL_ENGINE_QUOTA_H

#include "engine/namespace.h"

struct quota_segment;

struct quota {
    _Alignas(64) _Atomic int64_t entries, bytes;
    _Atomic uint64_t evicted, refused;
    _Atomic uint32_t leaving; /* threads that are letting an entry go */
    struct lock lock;         /* the queue */
    struct quota_segment *first, *last;
    uint32_t first_at, last_at; /* within their segments */
    _Atomic uint64_t queued;
    _Atomic uint32_t walk; /* the partition to look for entries in that are not in the queue */
};

/* What a cache knows of quotas besides the sums. */
struct quota_state {
    _Atomic bool active; /* somebody counts: beside what every change looks at */
    _Atomic bool counting;
    _Atomic bool lowered; /* a namespace may hold more than it should */
    uint32_t generation;  /* the last that was begun; config_lock */
    uint32_t wanted;      /* by the set in force, 0: none; config_lock */
    struct lock lock;     /* `next`, and the end of counting */
    uint32_t next;        /* partition */
    uint32_t fruitless;   /* walks in a row that found nothing to evict; tick_lock */
};

/* Shared by sets with the same prefixes. */
struct quota_block {
    _Atomic uint32_t refs;
    uint32_t generation; /* never 0 */
    uint32_t count;
    attl_allocator alloc;
    struct quota items[];
};

/* Gives `set` a block if it needs one: that of `old`, if its prefixes are the same. ATTL_OK,
 * ATTL_E_NOMEM. */
int quota_block_choose(struct attl *a, const struct namespace_set *old, struct namespace_set *set);
/* NULL is allowed. */
void quota_block_drop(struct quota_block *block);
/* The set in force has changed: partitions may have to be counted, quotas to be enforced. */
void quota_changed(struct attl *a);
/* Counts everything at once, before anybody else is there. */
void quota_begin(struct attl *a);
/* For cache.weight_fn; `ud` is the struct attl. */
bool quota_weigh(void *ud, const struct cache_weight *w);
/* Everything was cleared: all partitions are locked. */
void quota_cleared(struct attl *a);
/* After a change of `e`, without a lock: what its namespace has too much of goes. */
void quota_settle(struct attl *a, const struct entry *e);
/* One step of counting and of enforcing what was lowered. True if there is more to do. */
bool quota_maintain(struct attl *a, int64_t now_ms);
/* A part of that: evicts from a namespace that has too much. False if there is none. */
bool quota_relieve_some(struct attl *a, int64_t now_ms);
/* Counts that a quota has refused a change of `key`. */
void quota_note_refused(struct attl *a, attl_slice key);
/* True if two keys weigh on the same quota. */
bool quota_same(struct attl *a, attl_slice x, attl_slice y);

struct quota_sums {
    bool counted; /* of all partitions */
    int64_t entries, bytes;
    uint64_t evicted, refused;
};
/* Of the namespace `prefix`. False if nobody counts it. */
bool quota_sums_get(struct attl *a, attl_slice prefix, struct quota_sums *ret_sums);

#endif
