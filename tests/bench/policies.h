/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exact eviction policies over unit-size objects, to put beside the cache's own hit ratio: LRU,
 * FIFO and S3-FIFO. Objects are dense numbers, so that a simulator is a few arrays and no hash
 * table. They are references, not part of the product: nothing is shared with the library's own
 * policy, or an error could hide on both sides of the comparison.
 */
#ifndef ATTL_TESTS_BENCH_POLICIES_H
#define ATTL_TESTS_BENCH_POLICIES_H

#include <stdint.h>

/* Each replays `n` requests for objects below `objects` through a cache of `capacity`; the misses.
 */
uint64_t policy_lru(const uint32_t *requests, uint64_t n, uint32_t objects, uint32_t capacity);
uint64_t policy_fifo(const uint32_t *requests, uint64_t n, uint32_t objects, uint32_t capacity);
/* Small queue 10 %, ghost of 0.9 capacity, promotion at two uses: libCacheSim's defaults. */
uint64_t policy_s3fifo(const uint32_t *requests, uint64_t n, uint32_t objects, uint32_t capacity);

#endif
