/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring's items and how they are told apart. An item is a multiple of 8 bytes, and its first
 * word, stored last and with release, is its length plus, in the low three bits, what it is: a
 * frame as it will stand in the file, so that neighbours can be written with one call; a frame
 * behind a small struct of ours, because its value lies elsewhere or somebody wants its LSN; or
 * nothing, up to the end of the ring, because an item never straddles it. A sealed frame begins
 * with its length, which is the very word that was there before, so it can be taken again.
 *
 * Only the compare-and-exchange on `tail` orders producers; the consumer alone touches the rest.
 */
#include "persist/wal_ring.h"

#include "base/assert.h"
#include "persist/le.h"

#include <string.h>

enum item_kind {
    ITEM_FRAME = 0,
    ITEM_PADDING = 1, /* the rest of the ring, never taken */
    ITEM_SPECIAL = 2, /* struct special, then a frame or its head */
    ITEM_KINDS = 7    /* mask */
};

/* Room for an item is at most this part of the ring, so that a few large ones do not fill it. */
enum { INLINE_PARTS = 8, ITEM_ALIGN = 8 };

struct special {
    uint32_t word; /* as of every item */
    uint32_t frame_bytes;
    uint32_t head_bytes;
    uint32_t has_external;
    struct wal_external external;
    _Atomic uint64_t *ret_lsn;
};
_Static_assert(sizeof(struct special) % ITEM_ALIGN == 0, "the frame behind it is aligned");

/* What a producer wants to put. */
struct request {
    const struct wal_op *op; /* with the value that counts */
    const struct wal_external *external;
    _Atomic uint64_t *ret_lsn;
    uint32_t frame_bytes, head_bytes;
    uint64_t item_bytes;
};

bool
wal_ring_init(struct wal_ring *r, const attl_allocator *alloc, uint64_t size)
{
    ASSERT(size >= WAL_RING_MIN_BYTES && (size & (size - 1)) == 0);
    memset(r, 0, sizeof(*r));
    r->alloc = *alloc;
    r->size = size;
    r->data = alloc_line(alloc, size);
    return r->data != NULL;
}

void
wal_ring_fini(struct wal_ring *r)
{
    struct wal_ring_item item;
    if (!r->data)
        return;
    while (wal_ring_take(r, &item))
        ;
    wal_ring_release(r, r->taken);
    alloc_free_line(&r->alloc, r->data);
    r->data = NULL;
}

uint32_t
wal_ring_inline_max(const struct wal_ring *r)
{
    uint64_t max = r->size / INLINE_PARTS;
    return (uint32_t)(max < WAL_FRAME_MAX_BYTES ? max : WAL_FRAME_MAX_BYTES);
}

uint64_t
wal_ring_tail(const struct wal_ring *r)
{
    /* In the order of all such accesses: see the flusher's way of falling asleep. */
    return atomic_load(&r->tail);
}

uint64_t
wal_ring_used(const struct wal_ring *r)
{
    uint64_t released = atomic_load_explicit(&r->released, memory_order_acquire);
    return atomic_load_explicit(&r->tail, memory_order_acquire) - released;
}

static _Atomic uint32_t *
word_at(const struct wal_ring *r, uint64_t position)
{
    return (_Atomic uint32_t *)(void *)(r->data + (position & (r->size - 1)));
}

/* On disk the word is little-endian, and the sealed frame's is the item's. */
static uint32_t
word_swap(uint32_t x)
{
    unsigned char bytes[sizeof(x)];
    le_put_u32(bytes, x);
    memcpy(&x, bytes, sizeof(x));
    return x;
}

static void
word_publish(struct wal_ring *r, uint64_t position, uint64_t word)
{
    atomic_store_explicit(word_at(r, position), word_swap((uint32_t)word), memory_order_release);
}

/* Bytes from `position` to the end of the ring if an item of `bytes` would pass it, or 0. */
static uint64_t
padding_before(const struct wal_ring *r, uint64_t position, uint64_t bytes)
{
    uint64_t to_end = r->size - (position & (r->size - 1));
    return bytes > to_end ? to_end : 0;
}

/* Reserves `bytes` in one piece; false if there is no room. */
static bool
reserve(struct wal_ring *r, uint64_t bytes, uint64_t *ret_start)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    uint64_t padding;
    do {
        padding = padding_before(r, tail, bytes);
        uint64_t released = atomic_load_explicit(&r->released, memory_order_acquire);
        /* `tail` may be older than `released`; then the exchange fails. */
        if (tail >= released && tail + padding + bytes - released > r->size)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&r->tail, &tail, tail + padding + bytes,
                                                    memory_order_seq_cst, memory_order_relaxed));
    if (padding)
        word_publish(r, tail, padding | ITEM_PADDING);
    *ret_start = tail + padding;
    return true;
}

static uint64_t
put_frame(struct wal_ring *r, const struct request *q)
{
    uint64_t start;
    if (!reserve(r, q->item_bytes, &start))
        return 0;
    wal_frame_body(q->op, r->data + (start & (r->size - 1)));
    word_publish(r, start, q->frame_bytes);
    return start + q->item_bytes;
}

static uint64_t
put_special(struct wal_ring *r, const struct request *q)
{
    uint64_t start;
    if (!reserve(r, q->item_bytes, &start))
        return 0;
    struct special *s = (void *)(r->data + (start & (r->size - 1)));
    unsigned char *frame = (unsigned char *)(s + 1);
    s->frame_bytes = q->frame_bytes;
    s->ret_lsn = q->ret_lsn;
    if (q->external) {
        s->has_external = 1;
        s->external = *q->external;
        s->head_bytes = wal_frame_head(q->op, frame);
        ASSERT(s->head_bytes == q->head_bytes);
    } else {
        s->head_bytes = q->frame_bytes;
        wal_frame_body(q->op, frame);
    }
    word_publish(r, start, q->item_bytes | ITEM_SPECIAL);
    return start + q->item_bytes;
}

uint64_t
wal_ring_put(struct wal_ring *r, const struct wal_op *op, const struct wal_external *external,
             _Atomic uint64_t *ret_lsn)
{
    struct wal_op with_value = *op;
    if (external)
        with_value.value = external->value;
    struct request q = { .op = &with_value, .external = external, .ret_lsn = ret_lsn };
    q.frame_bytes = wal_frame_bytes(&with_value);
    ASSERT(q.frame_bytes > 0);
    if (!external && !ret_lsn) {
        q.item_bytes = q.frame_bytes;
        ASSERT(q.item_bytes <= wal_ring_inline_max(r));
        return put_frame(r, &q);
    }
    q.head_bytes = q.frame_bytes;
    if (external)
        q.head_bytes = wal_frame_head_bytes(op);
    q.item_bytes = (sizeof(struct special) + q.head_bytes + ITEM_ALIGN - 1) & ~UINT64_C(7);
    ASSERT(q.item_bytes <= wal_ring_inline_max(r) + sizeof(struct special));
    return put_special(r, &q);
}

/* The item at `taken`, over padding; false if it is not there yet. */
static bool
find_item(struct wal_ring *r, uint32_t *ret_word)
{
    for (;;) {
        if (r->taken == r->limit) {
            r->limit = atomic_load_explicit(&r->tail, memory_order_acquire);
            if (r->taken == r->limit)
                return false;
        }
        uint32_t word = word_swap(atomic_load_explicit(word_at(r, r->taken), memory_order_acquire));
        if (word == 0)
            return false;
        *ret_word = word;
        if ((word & ITEM_KINDS) != ITEM_PADDING)
            return true;
        r->taken += word & ~(uint32_t)ITEM_KINDS;
    }
}

bool
wal_ring_ready(struct wal_ring *r)
{
    uint32_t word;
    return find_item(r, &word);
}

static struct special *
special_at(const struct wal_ring *r, uint64_t position)
{
    return (void *)(r->data + (position & (r->size - 1)));
}

bool
wal_ring_take(struct wal_ring *r, struct wal_ring_item *ret)
{
    uint32_t word;
    if (!find_item(r, &word))
        return false;
    uint32_t bytes = word & ~(uint32_t)ITEM_KINDS;
    unsigned char *at = r->data + (r->taken & (r->size - 1));
    *ret = (struct wal_ring_item){ .frame = at, .bytes = bytes, .head_bytes = bytes };
    bool external = false;
    if ((word & ITEM_KINDS) == ITEM_SPECIAL) {
        struct special *s = (void *)at;
        ret->frame = at + sizeof(*s);
        ret->bytes = s->frame_bytes;
        ret->head_bytes = s->head_bytes;
        ret->ret_lsn = &s->ret_lsn;
        external = s->has_external != 0;
        if (external)
            ret->external = &s->external;
    }
    r->taken += bytes;
    ret->end = r->taken;
    if (r->taken > r->farthest) {
        r->farthest = r->taken;
        r->externals += external;
    }
    return true;
}

void
wal_ring_item_tell(const struct wal_ring_item *item, uint64_t lsn)
{
    if (!item->ret_lsn || !*item->ret_lsn)
        return;
    atomic_store_explicit(*item->ret_lsn, lsn, memory_order_release);
    *item->ret_lsn = NULL;
}

void
wal_ring_rewind(struct wal_ring *r, uint64_t at)
{
    ASSERT(at <= r->taken && at >= atomic_load_explicit(&r->released, memory_order_relaxed));
    r->taken = at;
}

/* Gives back what the items in `from`..`end` refer to. */
static void
release_externals(struct wal_ring *r, uint64_t from, uint64_t end)
{
    while (from < end && r->externals > 0) {
        uint32_t word = word_swap(atomic_load_explicit(word_at(r, from), memory_order_relaxed));
        const struct special *s = special_at(r, from);
        if ((word & ITEM_KINDS) == ITEM_SPECIAL && s->has_external) {
            r->externals--;
            s->external.release(s->external.ud);
        }
        from += word & ~(uint32_t)ITEM_KINDS;
    }
}

void
wal_ring_release(struct wal_ring *r, uint64_t end)
{
    uint64_t from = atomic_load_explicit(&r->released, memory_order_relaxed);
    ASSERT(end >= from && end <= r->taken);
    release_externals(r, from, end);
    uint64_t at = from & (r->size - 1);
    uint64_t first = r->size - at < end - from ? r->size - at : end - from;
    memset(r->data + at, 0, first);
    memset(r->data, 0, end - from - first);
    atomic_store_explicit(&r->released, end, memory_order_release);
}
