/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking one partition's table, and finding an entry by its hash alone, for whoever keeps hashes
 * of entries in an order of its own. A partition holds a few thousand entries, so counting one is
 * some hundred microseconds with its lock held, once. Two keys with the same 64-bit hash are met
 * once in the life of a planet; then the wrong one of the two is found, which is as good a victim.
 */
#include "cache/weigh.h"

static uint64_t
record_weight(const struct record *r, const struct record_shape *shape)
{
    if (!(shape->flags & RECORD_EXTENT))
        return shape->bytes;
    struct extent_ref ref;
    memcpy(&ref, record_value(r, shape).data, sizeof(ref));
    return shape->bytes + ref.extent->bytes;
}

static void
visit_locked(struct cache *c, struct partition *p, cache_weight_fn fn, void *ud)
{
    struct table *t = partition_table(p);
    uint32_t places = t ? (t->home_count + 1 + t->stash_count) * BUCKET_SLOTS : 0;
    for (uint32_t i = 0; i < places; i++) {
        struct index_pos pos = { &t->buckets[i / BUCKET_SLOTS], i % BUCKET_SLOTS };
        uint64_t address = index_address(pos);
        if (!address)
            continue;
        struct record *r = region_pointer(&c->region, address);
        struct record_shape shape = record_shape(r);
        struct cache_weight w = { .partition = p,
                                  .key = record_key(r, &shape),
                                  .items = 1,
                                  .bytes = (int64_t)record_weight(r, &shape) };
        w.hash = cache_hash(c, w.key);
        (void)fn(ud, &w);
    }
}

void
weigh_partition(struct cache *c, unsigned i, uint32_t generation, cache_weight_fn fn, void *ud)
{
    struct partition *p = &c->partitions[i];
    lock_acquire(&p->lock);
    p->tally = generation;
    if (fn)
        visit_locked(c, p, fn, ud);
    lock_release(&p->lock);
}

void
weigh_visit(struct cache *c, unsigned i, cache_weight_fn fn, void *ud)
{
    struct partition *p = &c->partitions[i];
    lock_acquire(&p->lock);
    visit_locked(c, p, fn, ud);
    lock_release(&p->lock);
}

static attl_slice
find_in_bucket(struct cache *c, const struct bucket *b, uint64_t hash)
{
    for (uint64_t match = bucket_match(b, index_tag(hash)); match; match &= match - 1) {
        uint64_t address = bucket_address(b, bucket_match_slot(match));
        struct record *r = region_pointer(&c->region, address);
        struct record_shape shape = record_shape(r);
        attl_slice key = record_key(r, &shape);
        if (cache_hash(c, key) == hash)
            return key;
    }
    return attl_b(NULL, 0);
}

attl_slice
weigh_find(struct cache *c, const struct partition *p, uint64_t hash)
{
    struct table *t = partition_table(p);
    if (!t)
        return attl_b(NULL, 0);
    uint32_t home = index_home(hash, t->home_count);
    const struct bucket *places[] = { &t->buckets[home], &t->buckets[home + 1],
                                      index_stash(t, hash, 0), index_stash(t, hash, 1) };
    attl_slice key = attl_b(NULL, 0);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !key.data; i++)
        key = find_in_bucket(c, places[i], hash);
    return key;
}
