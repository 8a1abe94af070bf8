/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The read path: table, bucket, record, deadline, then the version and the table pointer again. An
 * entry with a life costs one more look; one without costs a test of flags that are at hand.
 * Whatever changed in between makes the read start over; after a bounded number of attempts it
 * takes the lock like a writer, so that it ends. Values of records that may change in place are
 * copied before the check; all others are immutable and are handed out where they lie.
 */
#include "cache/read.h"

#include "base/num.h"
#include "cache/claim.h"
#include "cache/lookup.h"

/* Presents an int64 value as text. */
static void
view_integer(struct read_view *view)
{
    int64_t number;
    memcpy(&number, view->value.data, sizeof(number));
    char text[NUM_TEXT_MAX];
    size_t len = num_format_i64(text, number);
    memcpy(view->scratch, text, len);
    view->value = attl_b(view->scratch, len);
}

static bool
pin_budget_take(struct cache *c, uint64_t len)
{
    uint64_t max = atomic_load_explicit(&c->max_pinned_bytes, memory_order_relaxed);
    uint64_t before = atomic_fetch_add_explicit(&c->pinned_bytes, len, memory_order_relaxed);
    if (before + len <= max)
        return true;
    atomic_fetch_sub_explicit(&c->pinned_bytes, len, memory_order_relaxed);
    return false;
}

void
read_unpin(struct cache *c, struct chunk *chunk, struct extent *extent, uint64_t len)
{
    /* The descriptor outlives its chunk, so it may be looked at after the pin has ended. */
    if (chunk && atomic_fetch_sub(&chunk->pins, 1) == 1 &&
        atomic_load(&chunk->state) == CHUNK_RETIRED)
        limbo_unpinned(&c->limbo);
    if (extent)
        extent_drop(extent);
    if (chunk || extent)
        atomic_fetch_sub_explicit(&c->pinned_bytes, len, memory_order_relaxed);
}

bool
read_pin_again(struct cache *c, struct chunk *chunk, struct extent *extent, uint64_t len)
{
    if (!pin_budget_take(c, len))
        return false;
    if (chunk)
        atomic_fetch_add(&chunk->pins, 1);
    if (extent)
        extent_hold(extent);
    return true;
}

/* Fills the view from a hit; values that stay where they are get a pin if asked for. */
static inline __attribute__((always_inline)) int
view_fill(struct cache *c, const struct lookup_hit *hit, unsigned flags, struct read_view *view)
{
    const struct record_shape *shape = &hit->shape;
    view->chunk = NULL;
    view->extent = NULL;
    if (shape->flags & RECORD_EXTENT) {
        struct extent_ref ref;
        memcpy(&ref, record_copy_value(hit->record, shape, view->scratch).data, sizeof(ref));
        view->value = attl_b(ref.extent->data, ref.len);
        if (!(flags & READ_PIN))
            return ATTL_OK;
        if (!pin_budget_take(c, ref.len))
            return ATTL_E_BUSY;
        extent_hold(ref.extent);
        view->extent = ref.extent;
        return ATTL_OK;
    }
    bool small = shape->value_len <= sizeof(((attl_value *)0)->pad);
    if (!small && (flags & READ_PIN)) {
        if (!pin_budget_take(c, shape->value_len))
            return ATTL_E_BUSY;
        /* Before the version is looked at again: whoever overwrites in place looks at the pins
         * after making the version odd, so one of the two sees the other. */
        view->chunk = region_chunk(&c->region, hit->address);
        atomic_fetch_add(&view->chunk->pins, 1);
        view->value = record_value(hit->record, shape);
        return ATTL_OK;
    }
    if (record_is_mutable(shape))
        view->value = record_copy_value(hit->record, shape, view->scratch);
    else
        view->value = record_value(hit->record, shape);
    if (shape->flags & RECORD_INTEGER)
        view_integer(view);
    return ATTL_OK;
}

static bool
still_there(const struct partition *p, table_ref t, const struct lookup_hit *hit)
{
    return lookup_valid(hit) && atomic_load_explicit(&p->table, memory_order_relaxed) == t;
}

/* The life of a hit. False if it is out of sight of a reader with these flags. Not inlined: plain
 * reads should not carry it along. */
static __attribute__((noinline)) bool
view_life(const struct lookup_hit *hit, int64_t now_ms, unsigned flags, struct read_view *view)
{
    view->life = record_life(hit->record, &hit->shape);
    view->gone_ms = view->deadline_ms;
    view->deadline_ms = view->life.hard_ms;
    if (flags & READ_GRACE)
        return !(view->life.flags & LIFE_NEGATIVE);
    return (flags & READ_STALE) || !life_is_hidden(&view->life, now_ms);
}

struct read_how {
    int64_t now_ms;
    unsigned flags;
    bool locked; /* the partition is the caller's: a transaction inside is its own */
};

/* One attempt. ATTL_DONE: something changed, or a transaction is inside; try again. */
static inline __attribute__((always_inline)) int
attempt(struct cache *c, struct partition *p, const struct index_key *k, struct read_how how,
        struct read_view *view)
{
    int64_t now_ms = how.now_ms;
    unsigned flags = how.flags;
    table_ref t = atomic_load_explicit(&p->table, memory_order_acquire);
    view->deadline_ms = ATTL_NO_DEADLINE;
    table_ref readable = how.locked ? t & ~TABLE_BUSY : t;
    if (!table_ref_usable(readable))
        return readable ? ATTL_DONE : ATTL_MISS;
    struct lookup_hit hit;
    enum lookup_result result = lookup(readable, &c->region, k, &hit);
    if (result == LOOKUP_RETRY)
        return ATTL_DONE;
    if (result == LOOKUP_MISS)
        return atomic_load_explicit(&p->table, memory_order_acquire) == t ? ATTL_MISS : ATTL_DONE;
    view->deadline_ms = record_deadline(hit.record, &hit.shape, now_ms);
    view->has_life = (hit.shape.flags & RECORD_LIFE) != 0;
    if (life_has_passed(view->deadline_ms, now_ms) ||
        (__builtin_expect(view->has_life, 0) && !view_life(&hit, now_ms, flags, view)))
        return still_there(p, t, &hit) ? ATTL_MISS : ATTL_DONE;
    int status = view_fill(c, &hit, flags, view);
    if (status != ATTL_OK)
        return status;
    if (!still_there(p, t, &hit)) {
        read_unpin(c, view->chunk, view->extent, view->value.len);
        return ATTL_DONE;
    }
    if (flags & READ_TOUCH)
        index_touch(hit.pos.bucket, hit.pos.slot);
    return ATTL_OK;
}

static __attribute__((noinline)) int
try_read(struct cache *c, struct partition *p, const struct index_key *k, int64_t now_ms,
         unsigned flags, struct read_view *view)
{
    struct read_how how = { now_ms, flags, false };
    return attempt(c, p, k, how, view);
}

/* As a writer would: behind the lock, unless it is ours. */
static __attribute__((noinline)) int
read_locked(struct cache *c, struct partition *p, const struct index_key *k, struct read_how how,
            struct read_view *view)
{
    const struct claim *claim = claim_mine(c);
    bool mine = claim && claim_has(claim, p);
    if (claim && !mine)
        return ATTL_E_BUSY; /* waiting for somebody else's transaction inside one's own */
    if (!mine)
        lock_acquire(&p->lock);
    int status = attempt(c, p, k, how, view);
    if (!mine)
        lock_release(&p->lock);
    ASSERT(status != ATTL_DONE); /* nobody else can have changed anything */
    return status;
}

int
read_key(struct cache *c, const struct index_key *k, int64_t now_ms, unsigned flags,
         struct read_view *view)
{
    struct partition *p = cache_partition(c, k->hash);
    for (int tries = 0; tries < LIMIT_READ_RETRIES; tries++) {
        int status = try_read(c, p, k, now_ms, flags, view);
        if (status != ATTL_DONE)
            return status;
        if (atomic_load_explicit(&p->table, memory_order_relaxed) & TABLE_BUSY)
            break; /* a transaction takes its time: wait for it, do not spin */
    }
    return read_locked(c, p, k, (struct read_how){ now_ms, flags, true }, view);
}

void
read_prefetch(struct cache *c, const struct index_key *keys, size_t n)
{
    table_ref tables[LIMIT_BATCH];
    ASSERT(n <= LIMIT_BATCH);
    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(cache_partition(c, keys[i].hash));
    for (size_t i = 0; i < n; i++) {
        tables[i] =
            atomic_load_explicit(&cache_partition(c, keys[i].hash)->table, memory_order_acquire);
        if (table_ref_usable(tables[i]))
            lookup_prefetch_buckets(tables[i], keys[i].hash);
    }
    for (size_t i = 0; i < n; i++)
        if (table_ref_usable(tables[i]))
            lookup_prefetch_record(tables[i], &c->region, keys[i].hash);
}
