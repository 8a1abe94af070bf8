/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Erasing, for callers: arguments are checked here and the work is the engine's. And how long
 * things are kept, which is a look at the list of files and at the settings. No state is kept here.
 */
#include "api/api.h"

#include "engine/store.h"

int
attl_erase(attl *a, const attl_erase_request *request, attl_erasure *ret_erasure)
{
    attl_erase_request own = { .struct_size = sizeof own };
    attl_erasure made;
    if (!request || request->struct_size < offsetof(attl_erase_request, now) || api_is_inside(a))
        return ATTL_E_INVALID;
    sized_export(request, request->struct_size < sizeof own ? request->struct_size : sizeof own,
                 &own);
    int status = a->store ? erase_run(a->store, &own, &made) : erase_memory_only(a, &own, &made);
    if (status == ATTL_OK && ret_erasure)
        sized_export(&made, sizeof made, ret_erasure);
    return status;
}

int
attl_erase_list(attl *a, const char *id, attl_erasure_fn fn, void *ud)
{
    if (!fn || api_is_inside(a))
        return ATTL_E_INVALID;
    return a->store ? erase_list(a->store, id, fn, ud) : ATTL_E_UNSUPPORTED;
}

void
attl_erase_stats_get(attl *a, attl_erase_stats *ret_stats)
{
    attl_erase_stats st;
    erase_stats(a, a->store, &st);
    sized_export(&st, sizeof st, ret_stats);
}

/* ---- how long things are kept ---------------------------------------------------------------- */

static void
look_at_files(const struct store_list *l, attl_keeping *k)
{
    size_t snapshots, segments, asides;
    const struct store_file *s = store_list_of(l, STORE_SNAPSHOT, &snapshots);
    const struct store_file *w = store_list_of(l, STORE_WAL, &segments);
    const struct store_file *f = store_list_of(l, STORE_ASIDE, &asides);
    k->snapshots = snapshots;
    k->segments = segments;
    k->asides = asides;
    k->bytes = l->total_bytes;
    for (size_t i = 0; i < snapshots; i++)
        if (!k->oldest_snapshot_ms || s[i].created_ms < k->oldest_snapshot_ms)
            k->oldest_snapshot_ms = s[i].created_ms;
    for (size_t i = 0; i < asides; i++)
        if (!k->oldest_aside_ms || f[i].created_ms < k->oldest_aside_ms)
            k->oldest_aside_ms = f[i].created_ms;
    k->oldest_lsn = segments ? w[0].lsn : 0;
    k->oldest_log_ms = segments ? w[0].created_ms : 0;
    k->rollback_ms = k->oldest_snapshot_ms;
    k->rollback_lsn = snapshots ? s[0].lsn : k->oldest_lsn;
}

static void
look_at_settings(struct store *s, attl_keeping *k)
{
    lock_acquire(&s->rules_lock);
    k->snapshot_ttl_ms = s->retention.snapshot_ttl_ms;
    k->log_ttl_ms = s->retention.wal_ttl_ms;
    k->snapshots_max = s->retention.snapshots_max;
    k->disk_budget = s->retention.disk_budget;
    lock_release(&s->rules_lock);
    k->retention = atomic_load(&s->retention_on);
    k->erase_within_ms = atomic_load(&s->erase.within_ms);
    k->erasures_open = atomic_load(&s->erase.open);
}

int
attl_keeping_get(attl *a, attl_keeping *ret_keeping)
{
    attl_keeping k = { .struct_size = sizeof k };
    struct store_list l;
    struct store *s = a->store;
    if (!s)
        return ATTL_E_UNSUPPORTED;
    if (store_is_loading(s))
        return ATTL_E_LOADING;
    int error = store_list_init(&l, &s->alloc, s->disk);
    if (error == 0)
        look_at_files(&l, &k);
    store_list_fini(&l);
    if (error)
        return store_status(error);
    look_at_settings(s, &k);
    sized_export(&k, sizeof k, ret_keeping);
    return ATTL_OK;
}
