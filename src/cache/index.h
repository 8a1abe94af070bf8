/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index of one partition: 64-byte buckets of nine slots. A slot is a 36-bit record address and a
 * 12-bit tag; a bucket also holds a version, two frequency bits per slot, one bit per slot that says "this
 * entry's home is the bucket before", and an overflow bit. The home bucket is monotone in the key's
 * position hash, whatever the number of buckets, which is what lets a scan survive resizes.
 *
 * Writers hold the partition's lock; they make a bucket's version odd, store, and make it even. Readers
 * hold no lock: they believe a slot only if the version was even and unchanged around the loads, and a miss
 * only if the versions of both buckets and the table itself are unchanged. The version is 32 bits wide: a
 * reader would have to sleep through exactly a multiple of 2^32 changes of one bucket to be fooled.
 */
#ifndef ATTL_CACHE_INDEX_H
#define ATTL_CACHE_INDEX_H

#include "cache/arena.h"
#include "cache/reclaim.h"
#include "cache/record.h"

enum { BUCKET_SLOTS = 9, FREQ_MAX = 3 };

struct bucket {
    _Atomic uint32_t version;
    _Atomic uint32_t bits;    /* freq 2 x 9 | displaced 9 | overflow 1 */
    _Atomic uint64_t meta[2]; /* slots 0..7, 16 bits each: tag 12 | address bits 35..32 */
    _Atomic uint32_t meta8;   /* slot 8 */
    _Atomic uint32_t address[BUCKET_SLOTS];
};

struct table {
    struct limbo_node limbo;
    struct arena_pool *pool;
    uint32_t bytes;
    uint32_t home_count;  /* buckets that are somebody's home; one guard bucket follows */
    uint32_t stash_count; /* and then these */
    uint32_t unused;
    _Alignas(64) struct bucket buckets[];
};

/* What identifies a key: where it belongs and how to recognise it. */
struct index_key {
    attl_slice key;
    uint64_t hash;
};

/* A place in a table. */
struct index_pos {
    struct bucket *bucket;
    unsigned slot;
};

/* A hit found without the lock. */
struct index_hit {
    struct index_pos pos;
    uint32_t version;
    uint64_t address;
    const struct record *record;
    struct record_shape shape;
};

enum index_result { INDEX_HIT, INDEX_MISS, INDEX_RETRY };

static inline uint32_t
index_position(uint64_t hash)
{
    return (uint32_t)(hash >> 18);
}

/* The bytes of a table that holds about `items`, rounded to the granule of tables. */
uint32_t index_table_bytes(uint64_t items);
struct table *index_table_new(struct arena_pool *pool, uint32_t bytes);
void index_table_free(struct table *t);
/* Frees the table after its readers have left. */
void index_table_retire(struct table *t, struct limbo *limbo);
uint32_t index_table_slots(const struct table *t);

/* Lock-free lookup inside an epoch. HIT fills *ret_hit; believe what was read of it after index_hit_valid. */
enum index_result index_lookup(const struct table *t, const struct region *region, const struct index_key *k,
                               struct index_hit *ret_hit);
bool index_hit_valid(const struct index_hit *hit);
/* One more use, as far as two bits can count. */
void index_touch(struct bucket *b, unsigned slot);
void index_prefetch_buckets(const struct table *t, uint64_t hash);
/* Fetches the record(s) whose tag matches. */
void index_prefetch_record(const struct table *t, const struct region *region, uint64_t hash);

/* The rest needs the partition's lock. */
bool index_find(struct table *t, const struct region *region, const struct index_key *k,
                struct index_pos *ret_pos);
bool index_find_address(struct table *t, uint64_t hash, uint64_t address, struct index_pos *ret_pos);
/* False if there is no room near the key's home: grow. */
bool index_insert(struct table *t, uint64_t hash, uint64_t address, unsigned freq);
void index_replace(struct index_pos pos, uint64_t address);
void index_remove(struct index_pos pos);
uint64_t index_address(struct index_pos pos); /* 0: the slot is empty */
unsigned index_freq(struct index_pos pos);
void index_set_freq(struct index_pos pos, unsigned freq);

/* Brackets a change in place of a record that `bucket` refers to. */
void index_write_begin(struct bucket *b);
void index_write_end(struct bucket *b);

#endif
