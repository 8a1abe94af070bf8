/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics as dicts. One table per struct says which member has which name; nothing else here
 * knows the members. Reading them blocks nobody, so the GIL is held.
 */
#include "module.h"

#include <stddef.h>
#include <string.h>

enum kind { U32, I32, U64, I64 };

struct member {
    const char *name;
    size_t at;
    enum kind kind;
};

#define M(kind, name)                       \
    {                                       \
#name, offsetof(STRUCT, name), kind \
    }

#define STRUCT attl_stats
static const struct member stats_members[] = {
    M(U32, shards),
    M(U64, partitions),
    M(U64, items),
    M(U64, items_ttl),
    M(U64, ttl_sum_ms),
    M(U64, mem_used),
    M(U64, mem_used_peak),
    M(U64, mem_live),
    M(U64, mem_dead),
    M(U64, mem_index),
    M(U64, mem_extents),
    M(U64, mem_committed),
    M(U64, mem_expired_unreclaimed),
    M(U64, mem_pinned),
    M(U64, max_memory),
    M(U64, max_entries),
    M(U64, hits),
    M(U64, misses),
    M(U64, sets),
    M(U64, deletes),
    M(U64, expired),
    M(U64, evicted),
    M(U64, refused_full),
    M(U64, chunks_drained),
    M(U64, rebuilds),
    M(U64, partition_moves),
    M(U64, expire_lag_ms_sum),
    M(U64, expire_lag_ms_max),
    M(U64, expire_cpu_ns),
    M(U64, ghost_hits),
    M(U64, shard_max_items),
    M(U64, shard_min_items),
    { NULL, 0, U64 },
};
#undef STRUCT

#define STRUCT attl_persist_stats
static const struct member persist_members[] = {
    M(U32, enabled),
    M(U32, state),
    M(I32, last_error),
    M(U64, next_lsn),
    M(U64, written_lsn),
    M(U64, durable_lsn),
    M(U64, log_bytes),
    M(U64, log_segments),
    M(U64, log_writes),
    M(U64, log_syncs),
    M(U64, unsynced_bytes),
    M(U64, buffer_bytes),
    M(U64, buffer_used),
    M(U64, write_errors),
    M(U64, sync_errors),
    M(U64, unlogged_changes),
    M(U64, sync_us_p50),
    M(U64, sync_us_p99),
    M(U64, sync_us_max),
    M(U64, snapshots),
    M(U64, snapshot_failures),
    M(U64, snapshot_running),
    M(I64, last_snapshot_ms),
    M(U64, last_snapshot_bytes),
    M(U64, last_snapshot_entries),
    M(I64, last_snapshot_took_ms),
    M(I32, last_snapshot_status),
    M(U64, changes_since_snapshot),
    M(U64, replay_bytes),
    M(I64, replay_ms),
    M(U64, recovered_entries),
    M(U64, recovered_lost_frames),
    M(I64, recovery_ms),
    M(U64, disk_bytes),
    { NULL, 0, U64 },
};
#undef STRUCT

static PyObject *
number(const char *at, enum kind kind)
{
    uint32_t u32;
    int32_t i32;
    uint64_t u64;
    int64_t i64;
    switch (kind) {
    case U32: memcpy(&u32, at, sizeof u32); return PyLong_FromUnsignedLong(u32);
    case I32: memcpy(&i32, at, sizeof i32); return PyLong_FromLong(i32);
    case I64: memcpy(&i64, at, sizeof i64); return PyLong_FromLongLong(i64);
    case U64: break;
    }
    memcpy(&u64, at, sizeof u64);
    return PyLong_FromUnsignedLongLong(u64);
}

static PyObject *
dict_of(const struct member *members, const void *from)
{
    PyObject *dict = PyDict_New();
    for (const struct member *m = members; dict && m->name; m++) {
        PyObject *value = number((const char *)from + m->at, m->kind);
        if (!value || PyDict_SetItemString(dict, m->name, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

PyObject *
cache_stats(PyObject *self, PyObject *none)
{
    (void)none;
    attl *a = cache_use((struct py_cache *)self);
    if (!a)
        return NULL;
    attl_stats stats = { .struct_size = sizeof stats };
    attl_stats_get(a, &stats);
    return dict_of(stats_members, &stats);
}

PyObject *
cache_persist_stats(PyObject *self, PyObject *none)
{
    (void)none;
    attl *a = cache_use((struct py_cache *)self);
    if (!a)
        return NULL;
    attl_persist_stats stats = { .struct_size = sizeof stats };
    attl_persist_stats_get(a, &stats);
    return dict_of(persist_members, &stats);
}
