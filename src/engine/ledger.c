/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing and asking the ledger. A death costs one short lock, one 32-byte record in a place that
 * is next to the last one, and one two-byte mark; nothing is moved and nothing is looked up. Four
 * marks make a bucket of one word, youngest first, which is read and written whole. A mark may
 * speak of a death that its ring has long forgotten, which is fine for counting. The caller holds
 * the key's partition lock, and with it the order of the deaths of a key.
 */
#include "engine/ledger.h"

#include "base/alloc.h"
#include "base/limits.h"

enum {
    DEATHS_PER_RING_MIN = 1024, /* a small ledger has fewer rings */
    MARKS_PER_DEATH = 2,
    MARKS_PER_BUCKET = 4,
    MARK_BITS = 16,
    MARK_ALL = (1 << MARK_BITS) - 1,
    MARK_CLASS_BITS = 2,
    MARK_CLASS = (1 << MARK_CLASS_BITS) - 1,
    MARK_HASH_SHIFT = 32, /* what a mark remembers of the hash */
    RING_HASH_BITS = 4,   /* the lowest bits choose the ring, those above the bucket */
    SCAN_DEATHS = 256,    /* looked at in one hold of the lock */
};

static uint64_t
power_of_two_at_least(uint64_t x)
{
    return x <= 1 ? 1 : UINT64_C(1) << (64 - __builtin_clzll(x - 1));
}

struct ledger *
ledger_new(const attl_allocator *alloc, uint64_t entries)
{
    struct ledger *l = alloc_line(alloc, sizeof(*l));
    if (!l)
        return NULL;
    unsigned rings = LEDGER_RINGS;
    while (rings > 1 && entries / rings < DEATHS_PER_RING_MIN)
        rings /= 2;
    l->alloc = *alloc;
    l->ring_mask = rings - 1;
    l->ring_deaths = (uint32_t)((entries + rings - 1) / rings);
    l->bucket_mask = (uint32_t)power_of_two_at_least((uint64_t)l->ring_deaths * MARKS_PER_DEATH /
                                                     MARKS_PER_BUCKET) -
                     1;
    for (unsigned i = 0; i < LEDGER_RINGS; i++)
        lock_init(&l->rings[i].lock);
    lock_init(&l->clears_lock);
    lock_init(&l->traces_lock);
    atomic_init(&l->bytes, sizeof(*l));
    return l;
}

void
ledger_free(struct ledger *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < LEDGER_RINGS; i++)
        l->alloc.free(l->alloc.ud, l->rings[i].deaths);
    l->alloc.free(l->alloc.ud, l->traces);
    attl_allocator alloc = l->alloc;
    alloc_free_line(&alloc, l);
}

uint64_t
ledger_bytes(const struct ledger *l)
{
    return atomic_load_explicit(&l->bytes, memory_order_relaxed);
}

/* ---- marks ----------------------------------------------------------------------------------- */

static uint32_t
bucket_place(const struct ledger *l, uint64_t hash)
{
    return (uint32_t)(hash >> RING_HASH_BITS) & l->bucket_mask;
}

/* Some bits of the hash that choose neither ring nor bucket in a ledger of usual size. */
static uint64_t
mark_of(uint64_t hash, enum ledger_class class)
{
    return (hash >> MARK_HASH_SHIFT << MARK_CLASS_BITS | class) & MARK_ALL;
}

static uint64_t
mark_at(uint64_t bucket, unsigned lane)
{
    return bucket >> lane * MARK_BITS & MARK_ALL;
}

static bool
is_same_key(uint64_t mark, uint64_t other)
{
    return mark >> MARK_CLASS_BITS == other >> MARK_CLASS_BITS;
}

/* The bucket with a mark in front, instead of an older one of the same key, or of the oldest. */
static uint64_t
bucket_with(uint64_t bucket, uint64_t mark)
{
    unsigned lane = 0;
    while (lane < MARKS_PER_BUCKET - 1 && !is_same_key(mark_at(bucket, lane), mark))
        lane++;
    uint64_t younger = bucket & ((UINT64_C(1) << lane * MARK_BITS) - 1);
    uint64_t older = bucket >> lane * MARK_BITS >> MARK_BITS;
    return older << lane * MARK_BITS << MARK_BITS | younger << MARK_BITS | mark;
}

enum ledger_class
ledger_class_of(const struct ledger *l, uint64_t hash)
{
    const struct ledger_ring *r = &l->rings[hash & l->ring_mask];
    _Atomic uint64_t *marks = atomic_load_explicit(&r->marks, memory_order_acquire);
    if (!marks)
        return LEDGER_COLD;
    uint64_t bucket = atomic_load_explicit(&marks[bucket_place(l, hash)], memory_order_relaxed);
    for (unsigned lane = 0; lane < MARKS_PER_BUCKET; lane++) {
        uint64_t mark = mark_at(bucket, lane);
        if (is_same_key(mark, mark_of(hash, LEDGER_COLD)))
            return (enum ledger_class)(mark & MARK_CLASS);
    }
    return LEDGER_COLD;
}

static enum ledger_class
class_of(enum notice_kind kind)
{
    switch (kind) {
    case NOTICE_EXPIRED: return LEDGER_EXPIRED;
    case NOTICE_EVICTED: return LEDGER_EVICTED;
    default: return LEDGER_DELETED;
    }
}

void
ledger_prefetch(const struct ledger *l, uint64_t hash)
{
    const struct ledger_ring *r = &l->rings[hash & l->ring_mask];
    _Atomic uint64_t *marks = atomic_load_explicit(&r->marks, memory_order_relaxed);
    __builtin_prefetch(r, 1);
    if (marks)
        __builtin_prefetch(&marks[bucket_place(l, hash)], 1);
}

/* ---- noting ---------------------------------------------------------------------------------- */

/* Takes the ring's memory. Only the marks are cleared: places not yet written are never read. */
static bool
ring_grow(struct ledger *l, struct ledger_ring *r)
{
    size_t deaths_bytes = l->ring_deaths * sizeof(struct ledger_death);
    size_t marks_bytes = ((size_t)l->bucket_mask + 1) * sizeof(uint64_t);
    struct ledger_death *deaths = l->alloc.alloc(l->alloc.ud, deaths_bytes + marks_bytes);
    if (!deaths)
        return false;
    memset(deaths + l->ring_deaths, 0, marks_bytes);
    r->deaths = deaths;
    atomic_store_explicit(&r->marks, (_Atomic uint64_t *)(void *)(deaths + l->ring_deaths),
                          memory_order_release);
    atomic_fetch_add_explicit(&l->bytes, deaths_bytes + marks_bytes, memory_order_relaxed);
    return true;
}

/*
 * An entry is gone from its deadline on, whenever it was found to be, so that is when it died.
 */
static struct ledger_death
death_of(const struct ledger *l, const struct notice *n)
{
    bool expired = n->kind == NOTICE_EXPIRED;
    int64_t at_ms = expired ? n->deadline_ms : n->now_ms;
    struct ledger_death d = { .hash = n->hash,
                              .at_cause = (uint64_t)at_ms << 16 | (l->clears_count & 0xff) << 8 |
                                          (uint64_t)n->cause,
                              .ttl_left_ms = -1,
                              .actor = n->actor };
    if (n->deadline_ms != ATTL_NO_DEADLINE)
        d.ttl_left_ms = n->deadline_ms > at_ms ? n->deadline_ms - at_ms : 0;
    return d;
}

/* Remembers whose doing it was; without memory nobody knows. */
static void
note_trace(struct ledger *l, const struct ledger_death *death)
{
    size_t bytes = LEDGER_TRACES * sizeof(struct ledger_trace);
    lock_acquire(&l->traces_lock);
    if (!l->traces) {
        l->traces = l->alloc.alloc(l->alloc.ud, bytes);
        atomic_fetch_add_explicit(&l->bytes, l->traces ? bytes : 0, memory_order_relaxed);
    }
    if (l->traces) {
        struct ledger_trace *t = &l->traces[l->traces_count++ % LEDGER_TRACES];
        t->death = *death;
        trace_copy(t->id);
    }
    lock_release(&l->traces_lock);
}

/* What went by its age, or for room, was nobody's request, whichever thread found it. */
static bool
has_trace(const struct ledger_death *death)
{
    return ledger_cause(death) >= ATTL_CAUSE_DELETED && __builtin_expect(trace_get()[0] != '\0', 0);
}

static void
note_clear(struct ledger *l, const struct notice *n)
{
    struct ledger_death death = death_of(l, n);
    lock_acquire(&l->clears_lock);
    l->clears[l->clears_count % LEDGER_CLEARS] = death;
    l->clears_count++;
    lock_release(&l->clears_lock);
    if (has_trace(&death))
        note_trace(l, &death);
}

void
ledger_note(void *ud, const struct notice *n)
{
    struct ledger *l = ud;
    if (__builtin_expect(n->kind == NOTICE_CLEARED, 0)) {
        note_clear(l, n);
        return;
    }
    struct ledger_ring *r = &l->rings[n->hash & l->ring_mask];
    struct ledger_death death = death_of(l, n);
    lock_acquire(&r->lock);
    if (__builtin_expect(r->deaths || ring_grow(l, r), 1)) {
        r->deaths[r->count++ % l->ring_deaths] = death;
        __builtin_prefetch(&r->deaths[(r->count + 2) % l->ring_deaths], 1);
        _Atomic uint64_t *marks = atomic_load_explicit(&r->marks, memory_order_relaxed);
        _Atomic uint64_t *at = &marks[bucket_place(l, n->hash)];
        uint64_t bucket = atomic_load_explicit(at, memory_order_relaxed);
        bucket = bucket_with(bucket, mark_of(n->hash, class_of(n->kind)));
        atomic_store_explicit(at, bucket, memory_order_relaxed);
    } else {
        r->lost++;
    }
    lock_release(&r->lock);
    if (has_trace(&death))
        note_trace(l, &death);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Goes on from the death before the `*at`-th of the ring, if it is still there, for a while. */
static size_t
ring_scan(const struct ledger *l, struct ledger_ring *r, uint64_t hash, uint64_t *at,
          struct ledger_death *out, size_t max)
{
    size_t n = 0;
    lock_acquire(&r->lock);
    uint64_t oldest = r->count > l->ring_deaths ? r->count - l->ring_deaths : 0;
    if (*at > r->count)
        *at = r->count;
    for (unsigned i = 0; i<SCAN_DEATHS && * at> oldest && n < max; i++) {
        const struct ledger_death *d = &r->deaths[--*at % l->ring_deaths];
        if (d->hash == hash)
            out[n++] = *d;
    }
    if (*at <= oldest)
        *at = 0;
    lock_release(&r->lock);
    return n;
}

/* Whether it came after; what came in the same millisecond knows how many clears it had seen. */
static bool
is_newer(const struct ledger_death *d, const struct ledger_death *clear)
{
    if (ledger_at_ms(d) != ledger_at_ms(clear))
        return ledger_at_ms(d) > ledger_at_ms(clear);
    return (int8_t)((d->at_cause >> 8) - (clear->at_cause >> 8)) > 0;
}

/* Puts a clear where its time wants it. `n` deaths are there, room for `max`. */
static size_t
insert_clear(struct ledger_death *out, size_t n, size_t max, const struct ledger_death *clear)
{
    size_t i = 0;
    while (i < n && is_newer(&out[i], clear))
        i++;
    if (i == max)
        return n;
    size_t end = n < max ? n + 1 : max;
    memmove(&out[i + 1], &out[i], (end - i - 1) * sizeof(*out));
    out[i] = *clear;
    return end;
}

size_t
ledger_find(struct ledger *l, uint64_t hash, struct ledger_death *out, size_t max)
{
    struct ledger_ring *r = &l->rings[hash & l->ring_mask];
    uint64_t at = UINT64_MAX;
    size_t n = 0;
    while (at > 0 && n < max)
        n += ring_scan(l, r, hash, &at, out + n, max - n);
    lock_acquire(&l->clears_lock);
    uint64_t clears = l->clears_count < LEDGER_CLEARS ? l->clears_count : LEDGER_CLEARS;
    for (uint64_t i = 0; i < clears; i++)
        n = insert_clear(out, n, max, &l->clears[(l->clears_count - 1 - i) % LEDGER_CLEARS]);
    lock_release(&l->clears_lock);
    return n;
}

void
ledger_trace_of(struct ledger *l, const struct ledger_death *death, char out[TRACE_MAX + 1])
{
    out[0] = '\0';
    lock_acquire(&l->traces_lock);
    uint64_t n = l->traces_count < LEDGER_TRACES ? l->traces_count : LEDGER_TRACES;
    for (uint64_t i = 1; i <= n && !out[0]; i++) {
        const struct ledger_trace *t = &l->traces[(l->traces_count - i) % LEDGER_TRACES];
        if (memcmp(&t->death, death, sizeof *death) == 0)
            memcpy(out, t->id, sizeof t->id);
    }
    lock_release(&l->traces_lock);
}
