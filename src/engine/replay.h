/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bringing recorded changes into a cache, in parallel: one thread reads, several apply. Changes of
 * one key always go to the same thread, in the order in which they are given, so the result is that
 * of applying them one by one; changes of different keys need no order. Nothing is logged, and
 * nothing is validated: what was accepted once is accepted again.
 */
#ifndef ATTL_ENGINE_REPLAY_H
#define ATTL_ENGINE_REPLAY_H

#include "engine/engine.h"
#include "persist/snapshot.h"
#include "persist/wal_format.h"

struct replay;

/* Counts over all threads. */
struct replay_sums {
    uint64_t puts, removals, expired, refused;
};

/* `threads` of 0: as many as there are cores, at most a few. NULL on lack of memory. */
struct replay *replay_new(struct attl *a, unsigned threads);
/* Takes a change, which is copied; group members are given one by one. False on lack of memory. */
bool replay_op(struct replay *r, const struct wal_op *op);
/* Waits until everything given so far is applied. ATTL_OK or the first failure. */
int replay_wait(struct replay *r);
void replay_sums_get(struct replay *r, struct replay_sums *ret);
void replay_free(struct replay **r);

/* Applies one change in the calling thread. ATTL_OK; ATTL_E_FULL, ATTL_E_NOMEM. */
int replay_apply(struct attl *a, const struct wal_op *op, struct replay_sums *sums);
/* The change that makes an entry of a snapshot. */
struct wal_op replay_op_of(const struct snapshot_entry *e);
/* Reads all blocks of a snapshot into the cache with several threads; *ret_entries is their number.
 */
enum snapshot_result replay_snapshot(struct attl *a, struct snapshot_reader *reader,
                                     _Atomic uint64_t *done_bytes, struct replay_sums *sums);

#endif
