/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl_unstable.h - calls for tests and for the control plane. They may change in any release and
 * are not exported by the shared library: link the static one. None of them is needed to use a
 * cache.
 */
#ifndef ATTL_ATTL_UNSTABLE_H
#define ATTL_ATTL_UNSTABLE_H

#include <attl/attl.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Checks every invariant of a cache that nobody else is using. 0, or -1 with *ret_broken (may be
 * NULL) saying which one does not hold.
 */
int attl_unstable_check(attl *cache, const char **ret_broken);
/* Gives partition `partition` (modulo their number) to shard `shard` (modulo). */
void attl_unstable_partition_move(attl *cache, uint64_t partition, uint32_t shard);
/* Lets the n-th commit of an arena from now on fail, and all after it; n < 0: none. */
void attl_unstable_fail_commits(attl *cache, int64_t n);
/* Makes the placement of keys repeatable. Only for an empty cache that nobody uses yet. */
void attl_unstable_fix_secret(attl *cache, uint64_t seed);
/* Expired or dead memory is reclaimed, memory waiting for readers is released, empty arenas go
 * back. */
void attl_unstable_settle(attl *cache);

#ifdef __cplusplus
}
#endif
#endif
