/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking the index, table by table. An entry is removed as a caller who meets it would remove it,
 * so its death is told and counted in the same way. Removing may replace the partition's
 * table by a smaller one; the walk goes on in the old one, which the epoch keeps, and whose
 * remaining slots still name all that is left. The partition's lock is held for the whole table:
 * that is what makes it the baseline.
 */
#include "engine/sweep.h"

#include "cache/freeze.h"
#include "engine/engine.h"

struct sweep {
    struct attl *a;
    struct reclaim_reader *self;
    struct partition *partition;
    uint64_t removed;
};

/* The partition is locked. */
static void
look_at(struct sweep *w, uint64_t address)
{
    struct record *r = region_pointer(&w->a->cache.region, address);
    struct record_shape shape = record_shape(r);
    int64_t now_ms = engine_now_ms(w->a);
    if (!life_has_passed(record_deadline(r, &shape, now_ms), now_ms))
        return;
    struct entry e;
    engine_entry_init(w->a, w->self, record_key(r, &shape), &e);
    e.sees_stale = true;
    entry_find(&e); /* finds that it has expired, and removes it */
    w->removed += !e.found;
}

static void
sweep_partition(struct sweep *w)
{
    if (!cache_lock(&w->a->cache, w->partition))
        return; /* no memory to leave a snapshot its table: next time */
    struct table *t = partition_table(w->partition);
    uint32_t buckets = t ? t->home_count + 1 + t->stash_count : 0;
    for (uint32_t i = 0; i < buckets; i++)
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
            uint64_t address = index_address((struct index_pos){ &t->buckets[i], slot });
            if (address)
                look_at(w, address);
        }
    lock_release(&w->partition->lock);
}

uint64_t
sweep_all(struct attl *a)
{
    struct sweep w = { .a = a, .self = reclaim_self() };
    if (!w.self)
        return 0;
    size_t partitions = (size_t)1 << a->cache.partition_bits;
    for (size_t i = 0; i < partitions && !atomic_load(&a->stopping); i++) {
        w.partition = &a->cache.partitions[i];
        reclaim_enter(w.self);
        sweep_partition(&w);
        reclaim_exit(w.self);
    }
    return w.removed;
}
