/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding a key without the lock, inside an epoch. A bucket's version must be even and unchanged
 * around the loads of a tag and its address, so that the two belong together; the caller checks it
 * once more after it has used the record (lookup_valid), together with the table reference. All
 * inline: this is the one path whose every instruction is paid on each read.
 */
#ifndef ATTL_CACHE_LOOKUP_H
#define ATTL_CACHE_LOOKUP_H

#include "cache/index.h"

/* A hit, to be believed only after lookup_valid(). */
struct lookup_hit {
    struct index_pos pos;
    uint32_t version;
    uint64_t address;
    const struct record *record;
    struct record_shape shape;
};

enum lookup_result { LOOKUP_HIT, LOOKUP_MISS, LOOKUP_RETRY };

static inline bool
lookup_version_is(const struct bucket *b, uint32_t version)
{
    return atomic_load_explicit(&b->version, memory_order_relaxed) == version;
}

static inline enum lookup_result
lookup_in_bucket(struct bucket *b, const struct region *region, const struct index_key *k,
                 struct lookup_hit *hit)
{
    uint32_t version = atomic_load_explicit(&b->version, memory_order_acquire);
    hit->version = version;
    if (version & 1)
        return LOOKUP_RETRY;
    for (uint64_t match = bucket_match(b, index_tag(k->hash)); match; match &= match - 1) {
        unsigned slot = bucket_match_slot(match);
        uint64_t address = bucket_address(b, slot);
        if (!lookup_version_is(b, version))
            return LOOKUP_RETRY; /* tag and address may belong to two different entries */
        const struct record *r = region_pointer(region, address);
        struct record_shape shape = record_shape(r);
        if (!record_key_is(r, &shape, k->key))
            continue;
        hit->pos = (struct index_pos){ b, slot };
        hit->address = address;
        hit->record = r;
        hit->shape = shape;
        return LOOKUP_HIT;
    }
    return LOOKUP_MISS;
}

static inline enum lookup_result
lookup_in_stash(const struct table *t, const struct region *region, const struct index_key *k,
                struct lookup_hit *ret_hit)
{
    for (unsigned choice = 0; choice < 2; choice++) {
        struct bucket *b = index_stash(t, k->hash, choice);
        enum lookup_result result = lookup_in_bucket(b, region, k, ret_hit);
        if (result != LOOKUP_MISS)
            return result;
        if (!lookup_version_is(b, ret_hit->version))
            return LOOKUP_RETRY;
    }
    return LOOKUP_MISS;
}

/* HIT fills *ret_hit. A MISS is good if the table reference is still the partition's. */
static inline __attribute__((always_inline)) enum lookup_result
lookup(table_ref ref, const struct region *region, const struct index_key *k,
       struct lookup_hit *ret_hit)
{
    struct table *t = table_of(ref);
    struct bucket *home = &t->buckets[index_home(k->hash, table_ref_home_count(ref))];
    enum lookup_result result = lookup_in_bucket(home, region, k, ret_hit);
    if (__builtin_expect(result != LOOKUP_MISS, 1))
        return result;
    uint32_t home_version = ret_hit->version;
    bool overflow = atomic_load_explicit(&home->bits, memory_order_acquire) & BUCKET_OVERFLOW;
    struct bucket *alt = home + 1;
    result = lookup_in_bucket(alt, region, k, ret_hit);
    if (result != LOOKUP_MISS)
        return result;
    uint32_t alt_version = ret_hit->version;
    if (overflow) {
        result = lookup_in_stash(t, region, k, ret_hit);
        if (result != LOOKUP_MISS)
            return result;
    }
    /* An entry on its way from one bucket to the other changes both versions. */
    return lookup_version_is(home, home_version) && lookup_version_is(alt, alt_version)
               ? LOOKUP_MISS
               : LOOKUP_RETRY;
}

/* True if nothing in the bucket changed since the hit; ordered before no later load of ours. */
static inline bool
lookup_valid(const struct lookup_hit *hit)
{
    return atomic_load(&hit->pos.bucket->version) == hit->version;
}

static inline void
lookup_prefetch_buckets(table_ref ref, uint64_t hash)
{
    const struct bucket *home =
        &table_of(ref)->buckets[index_home(hash, table_ref_home_count(ref))];
    __builtin_prefetch(home);
    __builtin_prefetch(home + 1);
}

/* Fetches the record whose tag matches in one of the two buckets. */
static inline void
lookup_prefetch_record(table_ref ref, const struct region *region, uint64_t hash)
{
    const struct bucket *b = &table_of(ref)->buckets[index_home(hash, table_ref_home_count(ref))];
    uint64_t match = bucket_match(b, index_tag(hash));
    if (!match) {
        b++;
        match = bucket_match(b, index_tag(hash));
    }
    if (!match)
        return;
    uint64_t address = bucket_address(b, bucket_match_slot(match));
    if (!address)
        return; /* it was removed since */
    const char *record = region_pointer(region, address);
    __builtin_prefetch(record);
    __builtin_prefetch(record + 64);
}

#endif
