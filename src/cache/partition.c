/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Growing and shrinking a partition's table. The new table is filled while readers keep using the
 * old one, which nobody changes because the lock is held; then the pointer is swapped and the old
 * table waits for its readers. Growth is by a sixth, so that tables stay about four fifths full,
 * and the keys' records are fetched in batches, because a rebuild is bound by their cache misses.
 */
#include "cache/partition.h"

#include "base/hash.h"

enum { GROW_NUM = 7, GROW_DEN = 6, SHRINK_FILL_DIVISOR = 4, REBUILD_TRIES = 4 };

/* Up to LIMIT_BATCH entries whose records are being fetched. */
struct batch {
    struct index_pos pos[LIMIT_BATCH];
    unsigned count;
};

static bool
batch_flush(struct batch *b, const struct partition_env *env, struct table *to)
{
    for (unsigned i = 0; i < b->count; i++) {
        uint64_t address = index_address(b->pos[i]);
        const struct record *r = region_pointer(env->region, address);
        struct record_shape shape = record_shape(r);
        uint64_t hash = hash_bytes(env->hash, record_key(r, &shape));
        if (!index_insert(to, hash, address, index_freq(b->pos[i])))
            return false;
    }
    b->count = 0;
    return true;
}

static bool
table_copy(struct table *from, struct table *to, const struct partition_env *env)
{
    struct batch batch = { .count = 0 };
    uint32_t buckets = from->home_count + 1 + from->stash_count;
    for (uint32_t i = 0; i < buckets; i++) {
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
            struct index_pos pos = { &from->buckets[i], slot };
            uint64_t address = index_address(pos);
            if (!address)
                continue;
            __builtin_prefetch(region_pointer(env->region, address));
            batch.pos[batch.count++] = pos;
            if (batch.count == LIMIT_BATCH && !batch_flush(&batch, env, to))
                return false;
        }
    }
    return batch_flush(&batch, env, to);
}

static uint32_t
next_size(uint32_t bytes)
{
    uint64_t grown = (uint64_t)bytes * GROW_NUM / GROW_DEN / TABLE_GRANULE_BYTES *
                     TABLE_GRANULE_BYTES;
    if (grown <= bytes)
        grown = (uint64_t)bytes + TABLE_GRANULE_BYTES;
    return grown > TABLE_MAX_BYTES ? TABLE_MAX_BYTES : (uint32_t)grown;
}

/* Replaces the table by one of at least `bytes`. */
static int
partition_rebuild(struct partition *p, const struct partition_env *env, uint32_t bytes)
{
    struct table *old = partition_table(p);
    for (int tries = 0; tries < REBUILD_TRIES; tries++) {
        struct table *t = index_table_new(env->tables, bytes);
        if (!t)
            return ATTL_E_NOMEM;
        if (!old || table_copy(old, t, env)) {
            partition_table_set(p, t);
            if (old)
                index_table_retire(old, env->limbo);
            atomic_fetch_add_explicit(env->rebuilds, old != NULL, memory_order_relaxed);
            return ATTL_OK;
        }
        index_table_free(t); /* unlucky placement: the next size will do */
        if (bytes == TABLE_MAX_BYTES)
            break;
        bytes = next_size(bytes);
    }
    return ATTL_E_NOMEM;
}

int
partition_insert(struct partition *p, const struct partition_env *env, uint64_t hash,
                 uint64_t address)
{
    lock_assert_held(&p->lock);
    for (int tries = 0; tries < REBUILD_TRIES; tries++) {
        struct table *t = partition_table(p);
        if (t && index_insert(t, hash, address, 0))
            return ATTL_OK;
        if (t && t->bytes == TABLE_MAX_BYTES)
            return ATTL_E_NOMEM;
        uint32_t bytes = t ? next_size(t->bytes) : TABLE_GRANULE_BYTES;
        int status = partition_rebuild(p, env, bytes);
        if (status != ATTL_OK)
            return status;
    }
    return ATTL_E_NOMEM;
}

void
partition_reserve(struct partition *p, const struct partition_env *env, uint64_t entries)
{
    lock_assert_held(&p->lock);
    if (!partition_table(p))
        (void)partition_rebuild(p, env, index_table_bytes(entries));
}

void
partition_shrink(struct partition *p, const struct partition_env *env, bool drop_empty)
{
    lock_assert_held(&p->lock);
    struct table *t = partition_table(p);
    if (!t)
        return;
    if (p->items == 0 && drop_empty) {
        partition_table_set(p, NULL);
        index_table_retire(t, env->limbo);
        return;
    }
    if (t->bytes == TABLE_GRANULE_BYTES || p->items * SHRINK_FILL_DIVISOR > index_table_slots(t))
        return;
    uint32_t bytes = index_table_bytes(p->items);
    if (bytes < t->bytes)
        (void)partition_rebuild(
            p, env, bytes); /* without memory the large table stays: correct, only larger */
}
