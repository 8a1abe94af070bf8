/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regions, arenas and runs of granules. A pool keeps its arenas in lists by the size of their
 * largest free run, so that finding one that fits is a look at a few list heads, and prefers the
 * fullest that fits, so that others empty and can be given back. The free map is scanned word by
 * word; one arena is 64 to 256 bytes of map. The pool's lock guards its lists and maps; the
 * region's lock guards commit and decommit.
 */
#include "cache/arena.h"

#include "os/mem.h"

enum {
    REGION_MIN_BYTES = 4 * LIMIT_ARENA_BYTES,
    SCATTERED_SHARE = 4, /* this part of the arenas in use may lie free in pieces, */
    SCATTERED_MIN_BYTES = 4 * LIMIT_ARENA_BYTES, /* and so much in any case */
};

static size_t
whole_arenas(size_t bytes)
{
    bytes = bytes / LIMIT_ARENA_BYTES * LIMIT_ARENA_BYTES;
    return bytes > REGION_MIN_BYTES ? bytes : REGION_MIN_BYTES;
}

/* Where addresses are limited (ulimit -v), half of what would fit is taken: threads, buffers and
 * libraries live in the rest. */
static bool
reserve(struct region *r, size_t want_bytes)
{
    size_t max = os_mem_reserve_max(), bytes = whole_arenas(want_bytes < max ? want_bytes : max);
    bool refused = false;
    while (!(r->base = os_mem_reserve(bytes, LIMIT_ARENA_BYTES))) {
        if (bytes <= REGION_MIN_BYTES)
            return false;
        bytes = whole_arenas(bytes / 2);
        refused = true;
    }
    if (refused) {
        size_t half = whole_arenas(bytes / 2);
        os_mem_release(r->base + half, bytes - half);
        bytes = half;
    }
    r->arena_max = (uint32_t)(bytes / LIMIT_ARENA_BYTES);
    return true;
}

bool
region_init(struct region *r, const attl_allocator *alloc, size_t want_bytes, bool huge)
{
    *r = (struct region){ .alloc = alloc, .huge = huge };
    lock_init(&r->lock);
    atomic_init(&r->commits_until_failure, -1);
    atomic_init(&r->touched_max, UINT64_MAX);
    if (!reserve(r, want_bytes))
        return false;
    /* Mapped, not allocated: the tables of a large region cost memory only as far as they are used.
     */
    r->arenas = os_mem_map(r->arena_max * sizeof(*r->arenas));
    r->free_indices = os_mem_map(r->arena_max * sizeof(*r->free_indices));
    if (!r->arenas || !r->free_indices) {
        region_fini(r);
        return false;
    }
    return true;
}

void
region_fini(struct region *r)
{
    for (uint32_t i = 0; r->arenas && i < r->next_index; i++)
        if (r->arenas[i])
            alloc_free(r->alloc, r->arenas[i]);
    if (r->base)
        os_mem_release(r->base, (size_t)r->arena_max * LIMIT_ARENA_BYTES);
    os_mem_unmap(r->arenas, r->arena_max * sizeof(struct arena *));
    os_mem_unmap(r->free_indices, r->arena_max * sizeof(uint32_t));
    r->base = NULL;
    r->arenas = NULL;
    r->free_indices = NULL;
}

static bool
commit_must_fail(struct region *r)
{
    int64_t left = atomic_load_explicit(&r->commits_until_failure, memory_order_relaxed);
    if (left < 0)
        return false;
    if (left == 0)
        return true;
    atomic_store_explicit(&r->commits_until_failure, left - 1, memory_order_relaxed);
    return false;
}

static bool
region_commit(struct region *r, uint32_t *ret_index)
{
    lock_acquire(&r->lock);
    uint32_t index = r->free_count ? r->free_indices[r->free_count - 1] : r->next_index;
    bool ok =
        index < r->arena_max && !commit_must_fail(r) &&
        os_mem_commit(r->base + (size_t)index * LIMIT_ARENA_BYTES, LIMIT_ARENA_BYTES, r->huge);
    if (ok) {
        if (r->free_count)
            r->free_count--;
        else
            r->next_index++;
        atomic_fetch_add_explicit(&r->committed_bytes, LIMIT_ARENA_BYTES, memory_order_relaxed);
        *ret_index = index;
    } else {
        atomic_fetch_add_explicit(&r->refused, 1, memory_order_relaxed);
    }
    lock_release(&r->lock);
    return ok;
}

static void
region_decommit(struct region *r, uint32_t index)
{
    lock_acquire(&r->lock);
    /* If the system refuses, the pages stay mapped; the address is reused either way. */
    (void)os_mem_decommit(r->base + (size_t)index * LIMIT_ARENA_BYTES, LIMIT_ARENA_BYTES);
    r->arenas[index] = NULL;
    r->free_indices[r->free_count++] = index;
    atomic_fetch_sub_explicit(&r->committed_bytes, LIMIT_ARENA_BYTES, memory_order_relaxed);
    lock_release(&r->lock);
}

void
arena_pool_init(struct arena_pool *p, struct region *r, uint32_t granule_bytes, bool maps_chunks)
{
    *p = (struct arena_pool){ .region = r,
                              .granule_bytes = granule_bytes,
                              .maps_chunks = maps_chunks };
    lock_init(&p->lock);
    atomic_init(&p->emptying_index, UINT32_MAX);
}

static uint32_t
pool_granules(const struct arena_pool *p)
{
    return LIMIT_ARENA_BYTES / p->granule_bytes;
}

static int
floor_log2(uint32_t x)
{
    return 31 - __builtin_clz(x);
}

static void
class_remove(struct arena_pool *p, struct arena *a)
{
    if (a->class < 0)
        return;
    if (a->prev)
        a->prev->next = a->next;
    else
        p->by_class[a->class] = a->next;
    if (a->next)
        a->next->prev = a->prev;
    a->prev = a->next = NULL;
    a->class = -1;
}

static void
class_insert(struct arena_pool *p, struct arena *a, int class)
{
    a->class = (int8_t) class;
    if (class < 0)
        return;
    a->prev = NULL;
    a->next = p->by_class[class];
    if (a->next)
        a->next->prev = a;
    p->by_class[class] = a;
}

/* First granule at or after `from` whose bit equals `set`, or `n`. */
static uint32_t
map_find(const uint64_t *map, uint32_t n, uint32_t from, bool set)
{
    while (from < n) {
        uint64_t word = set ? map[from / 64] : ~map[from / 64];
        word &= ~UINT64_C(0) << (from % 64);
        if (word) {
            uint32_t at = from / 64 * 64 + (uint32_t)__builtin_ctzll(word);
            return at < n ? at : n;
        }
        from = (from / 64 + 1) * 64;
    }
    return n;
}

static uint32_t
map_largest_run(const uint64_t *map, uint32_t n)
{
    uint32_t largest = 0;
    uint32_t at = map_find(map, n, 0, true);
    while (at < n) {
        uint32_t end = map_find(map, n, at, false);
        largest = end - at > largest ? end - at : largest;
        at = map_find(map, n, end, true);
    }
    return largest;
}

static uint32_t
map_find_run(const uint64_t *map, uint32_t n, uint32_t want)
{
    uint32_t at = map_find(map, n, 0, true);
    while (at < n) {
        uint32_t end = map_find(map, n, at, false);
        if (end - at >= want)
            return at;
        at = map_find(map, n, end, true);
    }
    return n;
}

static void
map_fill(uint64_t *map, uint32_t at, uint32_t count, bool set)
{
    for (uint32_t i = at; i < at + count; i++) {
        uint64_t bit = UINT64_C(1) << (i % 64);
        map[i / 64] = set ? map[i / 64] | bit : map[i / 64] & ~bit;
    }
}

/* ---- what the system has given ---- */

/* Counts the granules of the run that were not touched before. */
static void
touch(struct arena_pool *p, struct arena *a, uint32_t at, uint32_t count)
{
    uint64_t fresh = 0;
    for (uint32_t i = at; i < at + count; i++) {
        uint64_t bit = UINT64_C(1) << (i % 64);
        fresh += !(a->touched_map[i / 64] & bit);
        a->touched_map[i / 64] |= bit;
    }
    if (fresh > 0)
        atomic_fetch_add_explicit(&p->region->touched_bytes, fresh * p->granule_bytes,
                                  memory_order_relaxed);
}

/* Forgets those of the run that were; returns their bytes. */
static uint64_t
untouch(struct arena_pool *p, struct arena *a, uint32_t at, uint32_t count)
{
    uint64_t bytes = 0;
    for (uint32_t i = at; i < at + count; i++) {
        uint64_t bit = UINT64_C(1) << (i % 64);
        bytes += a->touched_map[i / 64] & bit ? p->granule_bytes : 0;
        a->touched_map[i / 64] &= ~bit;
    }
    atomic_fetch_sub_explicit(&p->region->touched_bytes, bytes, memory_order_relaxed);
    return bytes;
}

/* Gives the memory of a free run back; the bytes. Granules smaller than a page share theirs with
 * others. */
static uint64_t
discard(struct arena_pool *p, struct arena *a, uint32_t at, uint32_t count)
{
    if (p->granule_bytes < ARENA_PAGE_BYTES)
        return 0;
    char *first = p->region->base + (size_t)a->index * LIMIT_ARENA_BYTES +
                  (size_t)at * p->granule_bytes;
    bool ok = os_mem_discard(first, (size_t)count * p->granule_bytes);
    return ok ? untouch(p, a, at, count) : 0;
}

static bool
is_above_max(struct region *r)
{
    return atomic_load_explicit(&r->touched_bytes, memory_order_relaxed) >
           atomic_load_explicit(&r->touched_max, memory_order_relaxed);
}

static uint64_t
discard_arena(struct arena_pool *p, struct arena *a, unsigned *runs_left)
{
    uint64_t bytes = 0;
    uint32_t n = pool_granules(p);
    uint32_t at = map_find(a->free_map, n, 0, true);
    while (*runs_left > 0 && at < n) {
        uint32_t end = map_find(a->free_map, n, at, false);
        if (map_find(a->touched_map, end, at, true) < end) {
            bytes += discard(p, a, at, end - at);
            --*runs_left;
        }
        at = map_find(a->free_map, n, end, true);
    }
    return bytes;
}

size_t
arena_pool_discard(struct arena_pool *p, unsigned max_runs)
{
    uint64_t bytes = 0;
    lock_acquire(&p->lock);
    for (int class = ARENA_CLASSES - 1; class >= 0; class --)
        for (struct arena *a = p->by_class[class]; a && max_runs > 0; a = a->next)
            bytes += discard_arena(p, a, &max_runs);
    lock_release(&p->lock);
    return (size_t)bytes;
}

static void
arena_reclass(struct arena_pool *p, struct arena *a)
{
    if (a == p->emptying) {
        if (a->free_granules < pool_granules(p))
            return;
        p->emptying = NULL;
        atomic_store_explicit(&p->emptying_index, UINT32_MAX, memory_order_relaxed);
    }
    uint32_t largest = a->free_granules ? map_largest_run(a->free_map, pool_granules(p)) : 0;
    int class = largest ? floor_log2(largest) : -1;
    if (class == a->class)
        return;
    class_remove(p, a);
    class_insert(p, a, class);
}

static struct arena *
arena_new(struct arena_pool *p)
{
    struct region *r = p->region;
    size_t pages = p->maps_chunks ? ARENA_PAGES : 0;
    struct arena *a = alloc_zero(r->alloc, sizeof(*a) + pages * sizeof(a->chunk_of[0]));
    if (!a)
        return NULL;
    if (!region_commit(r, &a->index)) {
        alloc_free(r->alloc, a);
        return NULL;
    }
    r->arenas[a->index] = a;
    a->free_granules = (uint16_t)pool_granules(p);
    map_fill(a->free_map, 0, pool_granules(p), true);
    class_insert(p, a, floor_log2(pool_granules(p)));
    p->arenas++;
    p->empty_arenas++;
    return a;
}

static void
arena_drop(struct arena_pool *p, struct arena *a)
{
    class_remove(p, a);
    p->arenas--;
    p->empty_arenas--;
    (void)untouch(p, a, 0, pool_granules(p));
    region_decommit(p->region, a->index);
    alloc_free(p->region->alloc, a);
}

/* An arena with a free run of at least `want` granules, committing one if there is none. */
static struct arena *
pool_find(struct arena_pool *p, uint32_t want)
{
    int sure = floor_log2(want) + ((want & (want - 1)) != 0);
    for (int class = sure; class < ARENA_CLASSES; class ++)
        if (p->by_class[class])
            return p->by_class[class];
    return arena_new(p);
}

void *
arena_pool_alloc(struct arena_pool *p, size_t bytes)
{
    uint32_t want = (uint32_t)((bytes + p->granule_bytes - 1) / p->granule_bytes);
    ASSERT(want > 0 && want <= pool_granules(p));
    void *at = NULL;
    lock_acquire(&p->lock);
    struct arena *a = pool_find(p, want);
    if (a) {
        uint32_t first = map_find_run(a->free_map, pool_granules(p), want);
        ASSERT(first + want <= pool_granules(p));
        if (a->free_granules == pool_granules(p))
            p->empty_arenas--;
        map_fill(a->free_map, first, want, false);
        touch(p, a, first, want);
        a->free_granules = (uint16_t)(a->free_granules - want);
        arena_reclass(p, a);
        at = p->region->base + (size_t)a->index * LIMIT_ARENA_BYTES +
             (size_t)first * p->granule_bytes;
        atomic_fetch_add_explicit(&p->used_bytes, (uint64_t)want * p->granule_bytes,
                                  memory_order_relaxed);
    }
    lock_release(&p->lock);
    return at;
}

void
arena_pool_free(struct arena_pool *p, void *at, size_t bytes)
{
    uint32_t count = (uint32_t)((bytes + p->granule_bytes - 1) / p->granule_bytes);
    size_t offset = (size_t)((char *)at - p->region->base);
    lock_acquire(&p->lock);
    struct arena *a = p->region->arenas[offset / LIMIT_ARENA_BYTES];
    uint32_t first = (uint32_t)(offset % LIMIT_ARENA_BYTES / p->granule_bytes);
    ASSERT(map_find(a->free_map, first + count, first, true) == first + count); /* no double free */
    map_fill(a->free_map, first, count, true);
    a->free_granules = (uint16_t)(a->free_granules + count);
    if (__builtin_expect(is_above_max(p->region), 0))
        (void)discard(p, a, first, count);
    if (a->free_granules == pool_granules(p))
        p->empty_arenas++;
    arena_reclass(p, a);
    atomic_fetch_sub_explicit(&p->used_bytes, (uint64_t)count * p->granule_bytes,
                              memory_order_relaxed);
    lock_release(&p->lock);
}

/* The arena with the fewest granules in use, if that is at most half of them. */
static struct arena *
emptiest(struct arena_pool *p)
{
    struct arena *best = NULL;
    for (int class = 0; class < ARENA_CLASSES; class ++)
        for (struct arena *a = p->by_class[class]; a; a = a->next)
            if (a->free_granules < pool_granules(p) && a->free_granules * 2 >= pool_granules(p) &&
                (!best || a->free_granules > best->free_granules))
                best = a;
    return best;
}

static bool
is_scattered(const struct arena_pool *p)
{
    uint64_t used = atomic_load_explicit(&p->used_bytes, memory_order_relaxed);
    uint64_t filled = (uint64_t)(p->arenas - p->empty_arenas) * LIMIT_ARENA_BYTES;
    return filled > used + filled / SCATTERED_SHARE + SCATTERED_MIN_BYTES;
}

bool
arena_pool_is_scattered(struct arena_pool *p)
{
    lock_acquire(&p->lock);
    bool busy = p->emptying || (is_scattered(p) && emptiest(p));
    lock_release(&p->lock);
    return busy;
}

bool
arena_pool_defragment(struct arena_pool *p)
{
    lock_acquire(&p->lock);
    if (!p->emptying && is_scattered(p) && (p->emptying = emptiest(p)) != NULL) {
        class_remove(p, p->emptying);
        atomic_store_explicit(&p->emptying_index, p->emptying->index, memory_order_relaxed);
    }
    bool busy = p->emptying != NULL;
    lock_release(&p->lock);
    return busy;
}

size_t
arena_pool_trim(struct arena_pool *p, uint32_t keep, uint32_t max_arenas)
{
    size_t given_back = 0;
    lock_acquire(&p->lock);
    struct arena *a = p->by_class[floor_log2(pool_granules(p))];
    while (a && p->empty_arenas > keep && given_back / LIMIT_ARENA_BYTES < max_arenas) {
        struct arena *next = a->next;
        if (a->free_granules == pool_granules(p)) {
            arena_drop(p, a);
            given_back += LIMIT_ARENA_BYTES;
        }
        a = next;
    }
    lock_release(&p->lock);
    return given_back;
}

void
arena_pool_map_chunk(struct arena_pool *p, void *at, size_t bytes, struct chunk *c)
{
    size_t offset = (size_t)((char *)at - p->region->base);
    struct arena *a = p->region->arenas[offset / LIMIT_ARENA_BYTES];
    size_t first = offset % LIMIT_ARENA_BYTES / ARENA_PAGE_BYTES;
    for (size_t i = 0; i < bytes / ARENA_PAGE_BYTES; i++)
        a->chunk_of[first + i] = c;
}
