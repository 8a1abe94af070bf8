/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the control plane sees of the data directory: numbers that the log's thread and the keeper
 * keep anyway, copied without touching the disk. What only the disk can say, how much space is
 * left, the keeper has asked at its last look.
 */
#include "engine/control.h"

#include "engine/store.h"

static enum control_log
log_of(enum wal_state state)
{
    switch (state) {
    case WAL_RETRYING: return CONTROL_LOG_RETRYING;
    case WAL_DETACHED: return CONTROL_LOG_DETACHED;
    case WAL_WRITING:
    case WAL_CLOSED: break;
    }
    return CONTROL_LOG_WRITING;
}

void
control_observe_disk(struct attl *a, struct control_disk *ret)
{
    struct store *s = a->store;
    *ret = (struct control_disk){ .free_bytes = UINT64_MAX };
    if (!s || store_is_loading(s))
        return;
    ret->exists = true;
    ret->free_bytes = atomic_load(&s->free_bytes);
    ret->needed_bytes = s->segment_bytes + atomic_load(&s->last_bytes);
    ret->snapshots = atomic_load(&s->snapshots);
    ret->snapshot_failures = atomic_load(&s->snapshot_failures);
    ret->snapshot_status = atomic_load(&s->last_status);
    if (!s->wal)
        return;
    struct wal_stats st;
    wal_stats_get(s->wal, &st);
    ret->log = log_of(st.state);
    ret->error = st.last_error;
    ret->error_since_ms = st.error_since_ms;
    ret->gap = st.gaps > atomic_load(&s->gaps_bridged);
    ret->not_logged = st.frames_dropped;
    ret->next_lsn = st.next_lsn;
    ret->slow_syncs = st.delayed_syncs;
    ret->sync_max_us = st.sync_us_max;
    ret->unsynced_bytes = st.unsynced_bytes;
}

void
control_retain(struct attl *a)
{
    if (!a->store)
        return;
    atomic_store(&a->store->retain_wanted, true);
    parker_wake(&a->store->parker);
}
