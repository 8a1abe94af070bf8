/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames from entries. Small values are copied into the log's ring; values out of line stay where
 * they are, and the log holds a reference until it has written them. The position behind a thread's
 * last change is left in its stripe, where attl_log_position() and journal_settle() find it.
 */
#include "engine/journal.h"

#include "engine/durability.h"
#include "engine/scope.h"
#include "engine/store.h"

#include <errno.h>

enum { ADMIT_WAIT_MS = 1000, ADMIT_WAIT_SERVER_MS = 50 };

static struct wal *
wal_of(const struct attl *a)
{
    return a->store ? a->store->wal : NULL;
}

static int
admit(struct store *s, int64_t wait_ms)
{
    switch (s->wal ? wal_admit(s->wal, wait_ms) : 0) {
    case 0: return ATTL_OK;
    case -EAGAIN: return ATTL_E_BUSY;
    default: return ATTL_E_IO;
    }
}

int
journal_admit_loading(struct attl *a)
{
    struct store *s = a->store;
    return admit(s, s->wait_wanted ? ADMIT_WAIT_MS : ADMIT_WAIT_SERVER_MS);
}

int
journal_admit(struct attl *a)
{
    if (__builtin_expect(!a->store, 1))
        return ATTL_OK;
    if (atomic_load_explicit(&a->store->loading, memory_order_acquire))
        return ATTL_E_LOADING;
    return journal_admit_loading(a);
}

int
journal_admit_now(struct attl *a)
{
    if (!a->store)
        return ATTL_OK;
    if (atomic_load_explicit(&a->store->loading, memory_order_acquire))
        return ATTL_E_LOADING;
    return admit(a->store, 0);
}

static void
release_extent(void *ud)
{
    extent_drop(ud);
}

/* What was done to an entry, as the log puts it; *ret_extent holds the value, if it is not NULL. */
static struct wal_op
op_of(const struct attl *a, const struct entry *e, struct extent **ret_extent)
{
    struct wal_op op = { .kind = WAL_DEL, .key = e->key.key, .deadline_ms = ATTL_NO_DEADLINE };
    *ret_extent = NULL;
    if (e->change == ENTRY_REMOVE)
        return op;
    struct record_shape shape = record_shape(e->changed);
    /* Loaded once: deadlines of one entry must not change their order. */
    int64_t skew_ms = atomic_load_explicit(&a->store->skew_ms, memory_order_relaxed);
    op.deadline_ms = life_shift_deadline(record_deadline(e->changed, &shape, e->now_ms), skew_ms);
    op.kind = e->change == ENTRY_PUT ? WAL_PUT : WAL_EXPIRE;
    if (shape.flags & RECORD_LIFE) {
        op.flags |= WAL_LIFE;
        op.life = record_life(e->changed, &shape);
        life_shift(&op.life, skew_ms);
    }
    if (e->change != ENTRY_PUT)
        return op;
    op.value = record_value(e->changed, &shape);
    if (shape.flags & RECORD_INTEGER)
        op.flags |= WAL_INTEGER;
    if (shape.flags & RECORD_EXTENT) {
        struct extent_ref ref;
        memcpy(&ref, op.value.data, sizeof(ref));
        op.value = attl_b(ref.extent->data, ref.len);
        *ret_extent = ref.extent;
    }
    return op;
}

static void
append(struct attl *a, const struct reclaim_reader *r, const struct wal_op *op,
       const struct wal_external *external)
{
    uint64_t position = wal_append(wal_of(a), op, external, NULL);
    if (r)
        cache_mark_set(&a->cache, r, position);
}

/* Counts a change that snapshots keep; true if the log does, too. */
static bool
note_changed(struct attl *a, const struct entry *e)
{
    enum choice_durability durability = durability_of(a, e->key.key);
    if (durability != CHOICE_DURABILITY_NONE)
        cache_count(&a->cache, e->self, COUNT_CHANGES, 1);
    return durability == CHOICE_DURABILITY_LOG;
}

void
journal_forgotten(struct attl *a, attl_slice key)
{
    struct wal_op op = { .kind = WAL_DEL, .key = key, .deadline_ms = ATTL_NO_DEADLINE };
    if (wal_of(a))
        append(a, NULL, &op, NULL);
}

void
journal_entry(struct attl *a, const struct entry *e)
{
    if (e->change == ENTRY_SAME || !note_changed(a, e) || !wal_of(a))
        return;
    struct extent *extent;
    struct wal_op op = op_of(a, e, &extent);
    if (!extent) {
        append(a, e->self, &op, NULL);
        return;
    }
    extent_hold(extent);
    struct wal_external external = { op.value, release_extent, extent };
    append(a, e->self, &op, &external);
}

/* ---- groups ---------------------------------------------------------------------------------- */

enum {
    OP_OVERHEAD_BYTES = WAL_OP_HEADER_BYTES + 8 + LIFE_FORMAT_BYTES + 8, /* deadline; padding */
    GROUP_COPY_MAX_BYTES = 16 << 10, /* longer groups are not copied into the ring */
};

/* The log may hold a group's memory longer than the call that made it. */
struct group_memory {
    attl_allocator alloc;
    unsigned char bytes[];
};

static void
release_group(void *ud)
{
    struct group_memory *memory = ud;
    attl_allocator alloc = memory->alloc;
    alloc_free(&alloc, memory);
}

static struct group_memory *
memory_of(const struct journal_group *g)
{
    return (struct group_memory *)(void *)(g->bytes - offsetof(struct group_memory, bytes));
}

bool
journal_group_init(struct attl *a, struct journal_group *g, size_t entries, uint64_t bytes)
{
    *g = (struct journal_group){ 0 };
    if (!wal_of(a))
        return true;
    g->cap = bytes + entries * OP_OVERHEAD_BYTES;
    if (g->cap > WAL_FRAME_MAX_BYTES - WAL_FRAME_HEADER_BYTES)
        return false;
    struct group_memory *memory = alloc_zero(&a->cache.config.alloc, sizeof(*memory) + g->cap);
    if (!memory)
        return false;
    memory->alloc = a->cache.config.alloc;
    g->bytes = memory->bytes;
    return true;
}

bool
journal_group_reserve(struct attl *a, struct journal_group *g, uint64_t more)
{
    uint64_t need = g->len + more + OP_OVERHEAD_BYTES;
    uint64_t max = WAL_FRAME_MAX_BYTES - WAL_FRAME_HEADER_BYTES;
    if (!g->bytes || need <= g->cap)
        return true;
    uint64_t cap = need > 2 * (uint64_t)g->cap ? need : 2 * (uint64_t)g->cap;
    if (cap > max)
        cap = max;
    struct group_memory *memory =
        need <= cap ? alloc_zero(&a->cache.config.alloc, sizeof(*memory) + cap) : NULL;
    if (!memory)
        return false;
    memory->alloc = a->cache.config.alloc;
    memcpy(memory->bytes, g->bytes, g->len);
    release_group(memory_of(g));
    g->bytes = memory->bytes;
    g->cap = cap;
    return true;
}

uint64_t
journal_op_max_bytes(uint64_t key_bytes, uint64_t value_bytes)
{
    return key_bytes + value_bytes + OP_OVERHEAD_BYTES;
}

uint64_t
journal_group_room(const struct journal_group *g, uint64_t key_bytes)
{
    uint64_t used = g->len + key_bytes + OP_OVERHEAD_BYTES;
    return !g->bytes ? UINT64_MAX : used < g->cap ? g->cap - used : 0;
}

static void
group_put(struct journal_group *g, const struct wal_op *op)
{
    uint32_t bytes = wal_op_bytes(op);
    ASSERT(bytes <= g->cap - g->len);
    wal_op_encode(op, g->bytes + g->len);
    g->len += bytes;
}

void
journal_group_add(struct attl *a, struct journal_group *g, const struct entry *e)
{
    if (e->change == ENTRY_SAME || !note_changed(a, e) || !g->bytes)
        return;
    struct extent *extent;
    struct wal_op op = op_of(a, e, &extent);
    group_put(g, &op);
}

void
journal_group_add_clear(struct attl *a, struct journal_group *g)
{
    const struct reclaim_reader *r = reclaim_self();
    struct wal_op op = { .kind = WAL_CLEAR, .deadline_ms = ATTL_NO_DEADLINE };
    if (r)
        cache_count(&a->cache, r, COUNT_CHANGES, 1);
    if (g->bytes)
        group_put(g, &op);
}

void
journal_group_append(struct attl *a, const struct reclaim_reader *r, struct journal_group *g)
{
    if (!g->bytes || g->len == 0)
        return;
    struct wal_op op = { .kind = WAL_GROUP,
                         .value = attl_b(g->bytes, g->len),
                         .deadline_ms = ATTL_NO_DEADLINE };
    struct wal_external external = { op.value, release_group, memory_of(g) };
    bool copied = g->len <= GROUP_COPY_MAX_BYTES;
    append(a, r, &op, copied ? NULL : &external);
    if (!copied)
        g->bytes = NULL;
}

void
journal_group_fini(struct journal_group *g)
{
    if (g->bytes)
        release_group(memory_of(g));
    g->bytes = NULL;
}

/* ---- the whole cache ------------------------------------------------------------------------- */

void
journal_clear(struct attl *a)
{
    const struct reclaim_reader *r = reclaim_self();
    struct wal_op op = { .kind = WAL_CLEAR, .deadline_ms = ATTL_NO_DEADLINE };
    struct scope *scope = scope_mine(a, r);
    if (scope) {
        journal_group_add_clear(a, &scope->logged);
        return;
    }
    if (r)
        cache_count(&a->cache, r, COUNT_CHANGES, 1);
    if (wal_of(a))
        append(a, r, &op, NULL);
}

void
journal_dropped(struct attl *a, attl_slice key, bool evicted)
{
    struct wal_op op = { .kind = evicted ? WAL_EVICT : WAL_DEL,
                         .key = key,
                         .deadline_ms = ATTL_NO_DEADLINE };
    /* A log that is refused everything would never make room. What is left out here may come back
     * with a restart, and is then evicted again, or as much out of sight as before. */
    const struct reclaim_reader *r = evicted ? NULL : reclaim_self();
    if (r)
        cache_count(&a->cache, r, COUNT_CHANGES, 1);
    /* Nobody waits for an eviction, which they did not ask for. But whoever deletes what is out of
     * sight must not meet it again after a crash, as a stale value. */
    if (wal_of(a) && durability_of(a, key) == CHOICE_DURABILITY_LOG &&
        wal_admit(wal_of(a), 0) != -EIO)
        append(a, r, &op, NULL);
}

int
journal_settle(struct attl *a, const struct reclaim_reader *r, int status)
{
    struct store *s = a->store;
    if (!s || !s->wal || !atomic_load_explicit(&s->waits, memory_order_relaxed))
        return status;
    uint64_t mine = cache_mark(&a->cache, r);
    if (mine <= wal_safe_position(s->wal))
        return status;
    return wal_wait(s->wal, mine, -1) == 0 ? status : ATTL_E_IO;
}
