/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two halves of a rollback share: finding the state of then (rollback.c) and bringing it
 * back (rollback_apply.c). It holds two caches without limits and threads: one of the keys that may
 * differ, one of what they were. The struct lives for one call, belongs to the thread that makes
 * it, and the store's snapshot_lock is held all the while.
 */
#ifndef ATTL_ENGINE_ROLLBACK_H
#define ATTL_ENGINE_ROLLBACK_H

#include "engine/store.h"
#include "engine/replay.h"

struct rollback {
    struct store *store;
    const attl_rollback_opts *opts;
    struct attl touched; /* keys that were changed since, without values */
    struct attl then;    /* the state of then, of those keys */
    bool everything;     /* any key may differ */
    bool touched_open, then_open;
    uint64_t target_lsn;
    int64_t target_ms;
    uint64_t before_lsn; /* the base must end there or earlier, 0: the target is not known yet */
    bool has_base;
    struct store_file base;
    struct snapshot_meta base_meta;
    struct replay_sums sums;
    attl_rollback_report report;
    char *err;
    size_t err_len;
};

/* True if the key is in one of the two caches of the rollback. */
bool rollback_knows(struct attl *scratch, attl_slice key);
/* Makes the cache differ no more from `then`, or with dry_run only counts. */
int rollback_apply(struct rollback *b);

#endif
