/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index of one partition: 64-byte buckets of nine slots. A slot is a 36-bit record address and
 * a 12-bit tag; a bucket also holds a version, two frequency bits per slot, one bit per slot that
 * says "this entry's home is the bucket before", and an overflow bit. The home bucket is monotone
 * in the key's position hash, whatever the number of buckets, which is what lets a scan survive
 * resizes.
 *
 * Writers hold the partition's lock; they make a bucket's version odd, store, and make it even.
 * Readers hold no lock: they believe a slot only if the version was even and unchanged around the
 * loads, and a miss only if the versions of both buckets and the table itself are unchanged. The
 * version is 32 bits wide: a reader would have to sleep through exactly a multiple of 2^32 changes
 * of one bucket to be fooled.
 */
#ifndef ATTL_CACHE_INDEX_H
#define ATTL_CACHE_INDEX_H

#include "cache/arena.h"
#include "cache/reclaim.h"
#include "cache/record.h"

enum {
    BUCKET_SLOTS = 9,
    BUCKET_BYTES = 64,
    FREQ_MAX = 3,
    TABLE_GRANULE_BYTES = 1024,
    TABLE_MAX_BYTES = 1 << 20, /* about 120 000 entries in one partition */
    TABLE_STASH_SHARE = 26,    /* one bucket in 26 is stash */
};

#define BUCKET_OVERFLOW (UINT32_C(1) << 27)

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
    _Alignas(64) struct bucket buckets[];
};

/*
 * A table as readers find it: its address, and in the ten low bits its size, from which the number
 * of home buckets follows. One load then tells all a lookup needs, without touching the table's
 * header. 0: none.
 */
typedef uintptr_t table_ref;

/*
 * In a partition's reference: a transaction is inside (claim.h). It is the sign, so that a reader
 * tests for it and for "none" at once, and finding it set in either of its two looks at the
 * reference makes the reader start over. No table lies in that half of the address space.
 */
#define TABLE_BUSY ((table_ref)1 << (sizeof(table_ref) * 8 - 1))

/* Whether a reference that was read without the lock leads to a table that may be read. */
static inline bool
table_ref_usable(table_ref ref)
{
    return (intptr_t)ref > 0;
}

static inline struct table *
table_of(table_ref ref)
{
    return (struct table *)(ref & ~(uintptr_t)(TABLE_GRANULE_BYTES - 1));
}

static inline table_ref
table_ref_to(const struct table *t)
{
    return (uintptr_t)t | (t->bytes / TABLE_GRANULE_BYTES - 1);
}

static inline uint32_t
table_stash_count(uint32_t usable_buckets)
{
    uint32_t stash = usable_buckets / TABLE_STASH_SHARE;
    return stash ? stash : 1;
}

static inline uint32_t
table_ref_home_count(table_ref ref)
{
    uint32_t granules = (uint32_t)(ref & (TABLE_GRANULE_BYTES - 1)) + 1;
    uint32_t usable = granules * (TABLE_GRANULE_BYTES / BUCKET_BYTES) -
                      1; /* the header takes one */
    return usable - table_stash_count(usable) - 1;
}

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

static inline uint32_t
index_position(uint64_t hash)
{
    return (uint32_t)(hash >> 18);
}

/* Never 0, which marks an empty slot together with the high address bits. */
static inline uint16_t
index_tag(uint64_t hash)
{
    uint16_t tag = (uint16_t)(hash & 0xfff);
    return tag ? tag : 1;
}

static inline uint16_t
bucket_meta(const struct bucket *b, unsigned slot)
{
    if (slot == 8)
        return (uint16_t)atomic_load_explicit(&b->meta8, memory_order_acquire);
    return (uint16_t)(atomic_load_explicit(&b->meta[slot / 4], memory_order_acquire) >>
                      (slot % 4 * 16));
}

static inline uint64_t
bucket_address(const struct bucket *b, unsigned slot)
{
    uint64_t high = bucket_meta(b, slot) & 0xf;
    return high << 32 | atomic_load_explicit(&b->address[slot], memory_order_acquire);
}

/* The top bit of each 16-bit lane whose upper twelve bits equal `tag`, moved to the lane's lowest
 * bit. */
static inline uint64_t
lanes_with_tag(uint64_t lanes, uint16_t tag)
{
    const uint64_t ones = UINT64_C(0x0001000100010001), low15 = UINT64_C(0x7fff7fff7fff7fff);
    uint64_t diff = (lanes ^ ((uint64_t)tag << 4) * ones) & (ones * 0xfff0);
    return ~(((diff & low15) + low15) | diff | low15) >> 15;
}

/* The slots whose tag matches, one bit each; bucket_match_slot tells which, lowest bit first. */
static inline uint64_t
bucket_match(const struct bucket *b, uint16_t tag)
{
    uint64_t low = lanes_with_tag(atomic_load_explicit(&b->meta[0], memory_order_acquire), tag);
    uint64_t high = lanes_with_tag(atomic_load_explicit(&b->meta[1], memory_order_acquire), tag);
    uint32_t last = atomic_load_explicit(&b->meta8, memory_order_acquire);
    return low | high << 1 | (uint64_t)((last >> 4 & 0xfff) == tag) << 2;
}

/* Bit 16 i stands for slot i, bit 16 i + 1 for slot 4 + i, bit 2 for slot 8. */
static inline unsigned
bucket_match_slot(uint64_t match)
{
    unsigned bit = (unsigned)__builtin_ctzll(match);
    return bit / 16 + bit % 4 * 4;
}

static inline uint32_t
index_home(uint64_t hash, uint32_t home_count)
{
    return (uint32_t)(((uint64_t)index_position(hash) * home_count) >> 32);
}

/* The two stash buckets a key may be in. */
static inline struct bucket *
index_stash(const struct table *t, uint64_t hash, unsigned choice)
{
    uint32_t i = (uint32_t)((hash >> 12) + choice) % t->stash_count;
    return (struct bucket *)&t->buckets[t->home_count + 1 + i];
}

/* The bytes of a table that holds about `items`, rounded to the granule of tables. */
uint32_t index_table_bytes(uint64_t items);
struct table *index_table_new(struct arena_pool *pool, uint32_t bytes);
/* The same buckets in memory of its own, or NULL; readers of `from` may go on. */
struct table *index_table_copy(struct arena_pool *pool, const struct table *from);
void index_table_free(struct table *t);
/* Frees the table after its readers have left. */
void index_table_retire(struct table *t, struct limbo *limbo);
uint32_t index_table_slots(const struct table *t);
/* One more use of a slot, as far as two bits can count. Needs no lock. */
void index_touch(struct bucket *b, unsigned slot);

/* Lock-free lookups are in lookup.h. What follows needs the partition's lock. */
bool index_find(struct table *t, const struct region *region, const struct index_key *k,
                struct index_pos *ret_pos);
bool index_find_address(struct table *t, uint64_t hash, uint64_t address,
                        struct index_pos *ret_pos);
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
