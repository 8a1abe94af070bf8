/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scanning by home bucket. The entries whose home is bucket b are in b, in the one after it and in
 * the stash; each is told by hashing its key. The cursor names the first position hash of the next
 * home bucket, so that a table of another size continues at the same key; entries of the bucket it
 * falls into that lie before the cursor have been visited already and are skipped. The lock is held
 * for one bucket at a time.
 */
#include "cache/scan.h"

#include "base/num.h"
#include "cache/claim.h"

enum { EMPTY_PARTITIONS_PER_STEP = 512, RANDOM_STRIDE = 7919 /* a prime: reaches every place */ };

struct visitor {
    struct cache *cache;
    scan_fn fn; /* one of the two */
    scan_all_fn all_fn;
    void *ud;
    int64_t now_ms;
    size_t visited;
};

static void
show(struct visitor *v, const struct scan_entry *e)
{
    if (v->all_fn)
        v->all_fn(v->ud, e);
    else
        v->fn(v->ud, e->key, e->value, e->has_life ? e->life.hard_ms : e->gone_ms);
}

static void
visit(struct visitor *v, const struct record *r, const struct record_shape *shape)
{
    struct scan_entry e = { .gone_ms = record_deadline(r, shape, v->now_ms),
                            .has_life = (shape->flags & RECORD_LIFE) != 0 };
    if (life_has_passed(e.gone_ms, v->now_ms))
        return;
    if (e.has_life) {
        e.life = record_life(r, shape);
        if (!v->all_fn && life_is_hidden(&e.life, v->now_ms))
            return;
    }
    attl_slice value = record_value(r, shape);
    char text[NUM_TEXT_MAX];
    if (shape->flags & RECORD_EXTENT) {
        struct extent_ref ref;
        memcpy(&ref, value.data, sizeof(ref));
        value = attl_b(ref.extent->data, ref.len);
    } else if (shape->flags & RECORD_INTEGER) {
        int64_t number;
        memcpy(&number, value.data, sizeof(number));
        value = attl_b(text, num_format_i64(text, number));
    }
    v->visited++;
    e.key = record_key(r, shape);
    e.value = value;
    show(v, &e);
}

/* Visits the entries of one bucket whose position lies in [from, to). */
static void
visit_bucket(struct visitor *v, struct bucket *b, uint64_t from, uint64_t to)
{
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
        uint64_t address = index_address((struct index_pos){ b, slot });
        if (!address)
            continue;
        const struct record *r = region_pointer(&v->cache->region, address);
        struct record_shape shape = record_shape(r);
        uint64_t position = index_position(cache_hash(v->cache, record_key(r, &shape)));
        if (position >= from && position < to)
            visit(v, r, &shape);
    }
}

/* The first position whose home is bucket `home`. */
static uint64_t
home_start(const struct table *t, uint64_t home)
{
    return ((home << 32) + t->home_count - 1) / t->home_count;
}

/* Visits the home bucket that holds position `from`; returns where the next one starts (2^32:
 * none). */
static uint64_t
visit_home(struct visitor *v, struct table *t, uint64_t from)
{
    uint64_t home = (from * t->home_count) >> 32;
    uint64_t to = home + 1 == t->home_count ? UINT64_C(1) << 32 : home_start(t, home + 1);
    visit_bucket(v, &t->buckets[home], from, to);
    visit_bucket(v, &t->buckets[home + 1], from, to);
    if (!(atomic_load_explicit(&t->buckets[home].bits, memory_order_relaxed) & BUCKET_OVERFLOW))
        return to;
    for (uint32_t i = 0; i < t->stash_count; i++)
        visit_bucket(v, &t->buckets[t->home_count + 1 + i], from, to);
    return to;
}

/* Whoever has claimed the whole cache holds all locks already. */
static void
scan_lock(struct partition *p, const struct claim *claim)
{
    if (!claim)
        lock_acquire(&p->lock);
}

static void
scan_unlock(struct partition *p, const struct claim *claim)
{
    if (!claim)
        lock_release(&p->lock);
}

static uint64_t
step(struct visitor *v, uint64_t cursor, size_t count)
{
    struct cache *c = v->cache;
    uint64_t partition = cursor >> 32;
    uint64_t position = cursor & UINT32_MAX;
    uint64_t partitions = UINT64_C(1) << c->partition_bits;
    const struct claim *claim = claim_mine(c);
    if (claim && !claim_is_whole(claim))
        return 0; /* the others' locks come before or after ours: nobody knows */
    /* Empty partitions are cheap but not free: a step ends after so many homes, found or not. */
    for (size_t homes = 0;
         partition < partitions && v->visited < count && homes < count + EMPTY_PARTITIONS_PER_STEP;
         homes++) {
        struct partition *p = &c->partitions[partition];
        scan_lock(p, claim);
        struct table *t = partition_table(p);
        position = t ? visit_home(v, t, position) : UINT64_C(1) << 32;
        scan_unlock(p, claim);
        if (position > UINT32_MAX) {
            position = 0;
            partition++;
        }
    }
    return partition >= partitions ? 0 : partition << 32 | position;
}

uint64_t
scan_step(struct cache *c, uint64_t cursor, size_t count, int64_t now_ms, scan_fn fn, void *ud)
{
    struct visitor v = { .cache = c, .fn = fn, .ud = ud, .now_ms = now_ms };
    return step(&v, cursor, count);
}

uint64_t
scan_step_all(struct cache *c, uint64_t cursor, size_t count, int64_t now_ms, scan_all_fn fn,
              void *ud)
{
    struct visitor v = { .cache = c, .all_fn = fn, .ud = ud, .now_ms = now_ms };
    return step(&v, cursor, count);
}

bool
scan_random(struct cache *c, uint64_t random, int64_t now_ms, scan_fn fn, void *ud)
{
    struct visitor v = { .cache = c, .fn = fn, .ud = ud, .now_ms = now_ms };
    uint64_t partitions = UINT64_C(1) << c->partition_bits;
    uint64_t start = random >> (64 - c->partition_bits);
    const struct claim *claim = claim_mine(c);
    if (claim && !claim_is_whole(claim))
        return false;
    for (uint64_t i = 0; i < partitions; i++) {
        struct partition *p = &c->partitions[(start + i) % partitions];
        scan_lock(p, claim);
        struct table *t = partition_table(p);
        uint32_t places = t ? (t->home_count + 1 + t->stash_count) * BUCKET_SLOTS : 0;
        /* In strides, because entries gather in the first slots of a bucket. */
        uint64_t stride = places % RANDOM_STRIDE ? RANDOM_STRIDE : 1;
        for (uint32_t j = 0; j < places && v.visited == 0; j++) {
            uint32_t at = (uint32_t)((random % places + j * stride) % places);
            struct index_pos pos = { &t->buckets[at / BUCKET_SLOTS], at % BUCKET_SLOTS };
            uint64_t address = index_address(pos);
            if (!address)
                continue;
            const struct record *r = region_pointer(&c->region, address);
            struct record_shape shape = record_shape(r);
            visit(&v, r, &shape);
        }
        scan_unlock(p, claim);
        if (v.visited)
            return true;
    }
    return false;
}
