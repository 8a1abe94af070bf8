/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buckets. An entry lives in its home bucket, the one after it, or (rarely) one of two stash
 * buckets; to make room an insertion moves one neighbour by one bucket, which the displaced bits
 * allow without looking at its key. That fills tables to about 83 % before they must grow. Tags are
 * compared four at a time in ordinary 64-bit arithmetic: it is within a nanosecond of vector
 * instructions and the same on every machine.
 */
#include "cache/index.h"

enum { DISPLACED_SHIFT = 18, TARGET_FILL_PERCENT = 75 };

_Static_assert(sizeof(struct bucket) == BUCKET_BYTES, "a bucket is one cache line");

static inline uint32_t
home_of(const struct table *t, uint64_t hash)
{
    return index_home(hash, t->home_count);
}

static inline void
meta_store(struct bucket *b, unsigned slot, uint16_t meta)
{
    if (slot == 8) {
        atomic_store_explicit(&b->meta8, meta, memory_order_release);
        return;
    }
    uint64_t word = atomic_load_explicit(&b->meta[slot / 4], memory_order_relaxed);
    unsigned shift = slot % 4 * 16;
    word = (word & ~(UINT64_C(0xffff) << shift)) | (uint64_t)meta << shift;
    atomic_store_explicit(&b->meta[slot / 4], word, memory_order_release);
}

uint64_t
index_address(struct index_pos pos)
{
    return bucket_meta(pos.bucket, pos.slot) ? bucket_address(pos.bucket, pos.slot) : 0;
}

uint32_t
index_table_bytes(uint64_t items)
{
    uint64_t buckets = items * 100 / TARGET_FILL_PERCENT / BUCKET_SLOTS + 1;
    uint64_t bytes = (buckets + buckets / TABLE_STASH_SHARE + 3) * BUCKET_BYTES;
    bytes = (bytes + TABLE_GRANULE_BYTES - 1) / TABLE_GRANULE_BYTES * TABLE_GRANULE_BYTES;
    return (uint32_t)(bytes < TABLE_MAX_BYTES ? bytes : TABLE_MAX_BYTES);
}

/* Its buckets still hold whatever was there before. */
static struct table *
table_alloc(struct arena_pool *pool, uint32_t bytes)
{
    _Static_assert(sizeof(struct table) == BUCKET_BYTES,
                   "the header takes the place of one bucket");
    ASSERT(bytes % TABLE_GRANULE_BYTES == 0 && bytes <= TABLE_MAX_BYTES);
    struct table *t = arena_pool_alloc(pool, bytes);
    if (!t)
        return NULL;
    memset(t, 0, sizeof(*t));
    t->pool = pool;
    t->bytes = bytes;
    uint32_t usable = bytes / BUCKET_BYTES - 1;
    t->stash_count = table_stash_count(usable);
    t->home_count = usable - t->stash_count - 1;
    return t;
}

struct table *
index_table_new(struct arena_pool *pool, uint32_t bytes)
{
    struct table *t = table_alloc(pool, bytes);
    if (t)
        memset(t->buckets, 0, bytes - sizeof(*t));
    return t;
}

struct table *
index_table_copy(struct arena_pool *pool, const struct table *from)
{
    struct table *to = table_alloc(pool, from->bytes);
    if (!to)
        return NULL;
    /* Readers may count a use in `from` meanwhile: word by word, as they do. */
    const _Atomic uint64_t *source = (const _Atomic uint64_t *)(const void *)from->buckets;
    uint64_t *target = (uint64_t *)(void *)to->buckets;
    size_t words = (from->bytes - sizeof(*from)) / sizeof(uint64_t);
    for (size_t i = 0; i < words; i++)
        target[i] = atomic_load_explicit(&source[i], memory_order_relaxed);
    return to;
}

void
index_table_free(struct table *t)
{
    arena_pool_free(t->pool, t, t->bytes);
}

static bool
table_release(void *ud, struct limbo_node *node)
{
    (void)ud;
    index_table_free((struct table *)((char *)node - offsetof(struct table, limbo)));
    return true;
}

void
index_table_retire(struct table *t, struct limbo *limbo)
{
    t->limbo.release = table_release;
    t->limbo.born = UINT32_MAX; /* a snapshot holds the tables it needs by itself */
    limbo_retire(limbo, &t->limbo);
}

uint32_t
index_table_slots(const struct table *t)
{
    return t->home_count * BUCKET_SLOTS;
}

void
index_touch(struct bucket *b, unsigned slot)
{
    uint32_t bits = atomic_load_explicit(&b->bits, memory_order_relaxed);
    if ((bits >> (2 * slot) & 3) == FREQ_MAX)
        return; /* a hot key stops writing its line */
    /* One try: losing a race loses one count. */
    (void)atomic_compare_exchange_weak_explicit(&b->bits, &bits, bits + (UINT32_C(1) << 2 * slot),
                                                memory_order_relaxed, memory_order_relaxed);
}

/* ---- writers: under the partition's lock ---------------------------------------------------- */

void
index_write_begin(struct bucket *b)
{
    /* An exchange, so that a pin taken by a reader and this store are seen in one order by both. */
    uint32_t version = atomic_load_explicit(&b->version, memory_order_relaxed);
    ASSERT_SLOW((version & 1) == 0);
    (void)atomic_exchange(&b->version, version + 1);
}

void
index_write_end(struct bucket *b)
{
    uint32_t version = atomic_load_explicit(&b->version, memory_order_relaxed);
    ASSERT_SLOW((version & 1) == 1);
    atomic_store_explicit(&b->version, version + 1, memory_order_release);
}

static void
bits_change(struct bucket *b, uint32_t clear, uint32_t set)
{
    uint32_t bits = atomic_load_explicit(&b->bits, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&b->bits, &bits, (bits & ~clear) | set,
                                                  memory_order_release, memory_order_relaxed))
        ;
}

static void
slot_store(struct bucket *b, unsigned slot, uint16_t meta, uint64_t address)
{
    uint32_t version = atomic_load_explicit(&b->version, memory_order_relaxed);
    atomic_store_explicit(&b->version, version + 1, memory_order_relaxed);
    meta_store(b, slot, meta);
    atomic_store_explicit(&b->address[slot], (uint32_t)address, memory_order_release);
    atomic_store_explicit(&b->version, version + 2, memory_order_release);
}

static bool
bucket_find_key(struct bucket *b, const struct region *region, const struct index_key *k,
                struct index_pos *ret_pos)
{
    for (uint64_t match = bucket_match(b, index_tag(k->hash)); match; match &= match - 1) {
        unsigned slot = bucket_match_slot(match);
        const struct record *r = region_pointer(region, bucket_address(b, slot));
        struct record_shape shape = record_shape(r);
        if (record_key_is(r, &shape, k->key)) {
            *ret_pos = (struct index_pos){ b, slot };
            return true;
        }
    }
    return false;
}

static bool
bucket_find_address(struct bucket *b, uint64_t hash, uint64_t address, struct index_pos *ret_pos)
{
    for (uint64_t match = bucket_match(b, index_tag(hash)); match; match &= match - 1) {
        unsigned slot = bucket_match_slot(match);
        if (bucket_address(b, slot) == address) {
            *ret_pos = (struct index_pos){ b, slot };
            return true;
        }
    }
    return false;
}

bool
index_find(struct table *t, const struct region *region, const struct index_key *k,
           struct index_pos *ret_pos)
{
    struct bucket *home = &t->buckets[home_of(t, k->hash)];
    if (bucket_find_key(home, region, k, ret_pos) || bucket_find_key(home + 1, region, k, ret_pos))
        return true;
    if (!(atomic_load_explicit(&home->bits, memory_order_relaxed) & BUCKET_OVERFLOW))
        return false;
    return bucket_find_key(index_stash(t, k->hash, 0), region, k, ret_pos) ||
           bucket_find_key(index_stash(t, k->hash, 1), region, k, ret_pos);
}

bool
index_find_address(struct table *t, uint64_t hash, uint64_t address, struct index_pos *ret_pos)
{
    struct bucket *home = &t->buckets[home_of(t, hash)];
    return bucket_find_address(home, hash, address, ret_pos) ||
           bucket_find_address(home + 1, hash, address, ret_pos) ||
           bucket_find_address(index_stash(t, hash, 0), hash, address, ret_pos) ||
           bucket_find_address(index_stash(t, hash, 1), hash, address, ret_pos);
}

/* A free slot, or BUCKET_SLOTS. */
static unsigned
bucket_free_slot(const struct bucket *b)
{
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++)
        if (bucket_meta(b, slot) == 0)
            return slot;
    return BUCKET_SLOTS;
}

static inline uint32_t
displaced_bit(unsigned slot)
{
    return UINT32_C(1) << (DISPLACED_SHIFT + slot);
}

static void
bucket_put(struct bucket *b, unsigned slot, uint16_t meta, uint64_t address, uint32_t bits)
{
    uint32_t freq = (bits & 3) << (2 * slot);
    bits_change(b, UINT32_C(3) << (2 * slot) | displaced_bit(slot),
                freq | (bits & BUCKET_OVERFLOW ? displaced_bit(slot) : 0));
    slot_store(b, slot, meta, address);
}

/* What bucket_put wants: the frequency, and BUCKET_OVERFLOW standing for "displaced". */
static uint32_t
put_bits(unsigned freq, bool displaced)
{
    return freq | (displaced ? BUCKET_OVERFLOW : 0);
}

/* Moves one entry of `from` whose displaced bit equals `displaced` to `to`; returns the freed slot.
 */
static unsigned
bucket_move_one(struct bucket *from, struct bucket *to, bool displaced)
{
    unsigned free = bucket_free_slot(to);
    if (free == BUCKET_SLOTS)
        return BUCKET_SLOTS;
    uint32_t bits = atomic_load_explicit(&from->bits, memory_order_relaxed);
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
        if (!(bits & displaced_bit(slot)) == displaced)
            continue;
        uint16_t meta = bucket_meta(from, slot);
        /* First the copy, then the removal: a reader may find it twice, never not at all. */
        bucket_put(to, free, meta, bucket_address(from, slot),
                   put_bits(bits >> (2 * slot) & 3, !displaced));
        slot_store(from, slot, 0, 0);
        return slot;
    }
    return BUCKET_SLOTS;
}

bool
index_insert(struct table *t, uint64_t hash, uint64_t address, unsigned freq)
{
    uint32_t at = home_of(t, hash);
    struct bucket *home = &t->buckets[at];
    struct bucket *alt = home + 1;
    uint16_t meta = (uint16_t)(index_tag(hash) << 4 | address >> 32);
    unsigned slot = bucket_free_slot(home);
    if (slot == BUCKET_SLOTS && at > 0)
        slot = bucket_move_one(home, home - 1, true);
    if (slot < BUCKET_SLOTS) {
        bucket_put(home, slot, meta, address, put_bits(freq, false));
        return true;
    }
    slot = bucket_free_slot(alt);
    if (slot == BUCKET_SLOTS && at + 1 < t->home_count)
        slot = bucket_move_one(alt, alt + 1, false);
    if (slot < BUCKET_SLOTS) {
        bucket_put(alt, slot, meta, address, put_bits(freq, true));
        return true;
    }
    for (unsigned choice = 0; choice < 2; choice++) {
        struct bucket *b = index_stash(t, hash, choice);
        slot = bucket_free_slot(b);
        if (slot == BUCKET_SLOTS)
            continue;
        bucket_put(b, slot, meta, address, put_bits(freq, false));
        bits_change(home, 0, BUCKET_OVERFLOW);
        index_write_begin(home); /* readers that saw no overflow bit must not report a miss */
        index_write_end(home);
        return true;
    }
    return false;
}

void
index_replace(struct index_pos pos, uint64_t address)
{
    uint16_t meta = (uint16_t)((bucket_meta(pos.bucket, pos.slot) & 0xfff0) | address >> 32);
    slot_store(pos.bucket, pos.slot, meta, address);
}

void
index_remove(struct index_pos pos)
{
    slot_store(pos.bucket, pos.slot, 0, 0);
}

unsigned
index_freq(struct index_pos pos)
{
    return atomic_load_explicit(&pos.bucket->bits, memory_order_relaxed) >> (2 * pos.slot) & 3;
}

void
index_set_freq(struct index_pos pos, unsigned freq)
{
    bits_change(pos.bucket, UINT32_C(3) << (2 * pos.slot), freq << (2 * pos.slot));
}
