/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The data directory as the control plane sees it. Everything copied here was written down by the
 * log's thread, the keeper or the scrubber, so a cycle never waits for the disk, and is told by
 * control_wake() when something of it has changed. What a response may do is set a wish and wake
 * the keeper. The only lock taken is that of the log's figures, for a few loads.
 */
#include "engine/control.h"

#include "engine/store.h"

#include <errno.h>

static void
observe_log(struct store *s, struct control_disk *ret)
{
    struct wal_stats st;
    if (!s->wal)
        return;
    wal_stats_get(s->wal, &st);
    ret->has_log = true;
    ret->retrying = st.state == WAL_RETRYING;
    ret->memory_only = st.state == WAL_DETACHED;
    ret->behind_gap = st.state == WAL_WRITING && st.gaps > atomic_load(&s->gaps_bridged);
    ret->log_error = st.last_error;
    ret->latest_error = st.latest_error;
    ret->failing_since_ms = st.error_since_ms;
    ret->log_errors = st.write_errors + st.sync_errors;
    ret->unsynced_bytes = st.unsynced_bytes;
    ret->next_lsn = st.next_lsn;
    ret->sync_us_p99 = st.sync_us_p99;
    uint64_t slowest_us = wal_take_slowest_sync(s->wal);
    ret->slowest_sync_us = slowest_us > st.syncing_us ? slowest_us : st.syncing_us;
    ret->gap_from_lsn = st.gap_from_lsn;
    ret->gap_to_lsn = st.gap_to_lsn;
    ret->gap_changes = st.gap_frames;
    ret->gap_from_ms = st.gap_from_ms;
    ret->gap_to_ms = st.gap_to_ms;
}

static void
observe_space(const struct space *p, struct control_disk *ret)
{
    ret->space_known = atomic_load(&p->known);
    ret->free_bytes = atomic_load(&p->free_bytes);
    ret->total_bytes = atomic_load(&p->total_bytes);
    ret->need_bytes = atomic_load(&p->need_bytes);
    ret->low_bytes = space_low_limit((uint64_t)atomic_load(&p->low_bytes), ret->need_bytes);
    ret->reserve_wanted = atomic_load(&p->reserve_wish_bytes) > 0;
    ret->reserve_bytes = atomic_load(&p->reserve_bytes);
    ret->reserve_released = atomic_load(&p->reserve_released);
    ret->segments_gone = atomic_load(&p->segments_gone);
}

void
control_observe_disk(struct attl *a, struct control_disk *ret)
{
    struct store *s = a->store;
    *ret = (struct control_disk){ .present = s && !store_is_loading(s) };
    if (!ret->present)
        return;
    observe_log(s, ret);
    observe_space(&s->space, ret);
    ret->snapshots = atomic_load(&s->snapshots);
    ret->snapshot_failures = atomic_load(&s->snapshot_failures);
    ret->snapshot_error = atomic_load(&s->snapshot_error);
    lock_acquire(&s->rules_lock);
    memcpy(ret->snapshot_trace, s->snapshot_trace, sizeof ret->snapshot_trace);
    lock_release(&s->rules_lock);
    if (ret->snapshot_error == -ECANCELED)
        ret->snapshot_error = 0; /* the cache was being closed */
}

void
control_disk_emergency(struct attl *a, bool on)
{
    struct store *s = a->store;
    if (!s)
        return;
    atomic_store(&s->space.emergency, on);
    parker_wake(&s->parker);
}

void
control_disk_snapshot(struct attl *a)
{
    struct store *s = a->store;
    if (!s)
        return;
    atomic_store(&s->snapshot_again, true);
    parker_wake(&s->parker);
}
