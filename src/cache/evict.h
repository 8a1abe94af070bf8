/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens to a record when its chunk is drained: the S3-FIFO policy (Yang et al., "FIFO queues
 * are all you need for cache eviction", SOSP 2023) at the granularity of chunks, as pure functions
 * of numbers, so that a table of cases tests them. Expiry, cascade, eviction and compaction differ
 * only here. Nothing here reads a clock or takes a lock.
 */
#ifndef ATTL_CACHE_EVICT_H
#define ATTL_CACHE_EVICT_H

#include "cache/chunk.h"

enum drain_reason {
    DRAIN_DUE, /* the chunk's wheel slot has come: drop the expired, move the rest to finer slots */
    DRAIN_EVICT, /* a limit was reached */
    DRAIN_CLEAN, /* too much of the chunk is dead: keep the living */
    DRAIN_MOVE,  /* the chunk's arena is to be emptied and given back: keep the living */
    DRAIN_REASONS
};

enum drain_fate { FATE_KEEP, FATE_EXPIRE, FATE_EVICT };

enum evict_policy { EVICT_S3FIFO, EVICT_VOLATILE_TTL, EVICT_NONE };

struct drain_case {
    enum drain_reason reason;
    enum evict_policy policy;
    enum chunk_gen gen;
    unsigned freq;
    bool expired;
    bool has_ttl;
};

struct drain_verdict {
    enum drain_fate fate;
    enum chunk_gen gen; /* where a kept record goes */
    unsigned freq;      /* and with what frequency */
};

struct drain_verdict evict_decide(const struct drain_case *c);
/* Which generation gives up its oldest chunk, from the live bytes of both. */
enum chunk_gen evict_choose_gen(uint64_t new_bytes, uint64_t survivor_bytes);
/*
 * How much a chunk is worth cleaning: (1 - u) / (1 + u) * age (Rosenblum and Ousterhout, "The
 * design and implementation of a log-structured file system", 1992). 0 if nothing in it is dead.
 */
double evict_clean_benefit(uint32_t live_bytes, uint32_t used_bytes, uint64_t age);

#endif
