/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer between those who change the cache and the flusher: a ring in which a frame's place is
 * reserved with one compare-and-exchange, under the lock that orders the change, and filled
 * without any further coordination. The first word of a frame, its length, is stored last: while
 * it is zero the frame is not there yet, which is why consumed memory is zeroed before it is
 * offered again. Positions count bytes since the ring was made and only grow, so a position says
 * "everything up to my change". Large values are not copied: the frame's place holds a reference.
 *
 * Producers: any thread. Consumer: the flusher alone.
 */
#ifndef ATTL_PERSIST_WAL_RING_H
#define ATTL_PERSIST_WAL_RING_H

#include "base/alloc.h"
#include "persist/wal_format.h"

#include <stdatomic.h>

/* A value that stays where it is until the flusher has written it. */
struct wal_external {
    attl_slice value;
    void (*release)(void *ud); /* called once, by the flusher or by wal_ring_fini */
    void *ud;
};

struct wal_ring {
    attl_allocator alloc;
    unsigned char *data;
    uint64_t size;                           /* a power of two */
    _Alignas(128) _Atomic uint64_t tail;     /* reserved up to here */
    _Alignas(128) _Atomic uint64_t released; /* free again up to here */
    /* The flusher's own, away from what producers read. */
    _Alignas(128) uint64_t taken; /* has been seen up to here */
    uint64_t limit;               /* `tail` as it was last looked at */
    uint64_t farthest;            /* the highest `taken` ever was: rewinding counts nothing twice */
    uint64_t externals;           /* seen and not released */
};

/* One frame as the flusher finds it. */
struct wal_ring_item {
    unsigned char *frame;                /* in the ring: the whole frame, or its head */
    uint32_t bytes;                      /* of the whole frame on disk, external value included */
    uint32_t head_bytes;                 /* of what lies at `frame` */
    uint64_t end;                        /* the position just behind it */
    const struct wal_external *external; /* NULL: nothing elsewhere */
    _Atomic uint64_t **ret_lsn; /* NULL, or the ring's note of who waits to learn its LSN */
};

enum { WAL_RING_MIN_BYTES = 4096 };

/* `size` is a power of two, at least WAL_RING_MIN_BYTES. False if there is no memory. */
bool wal_ring_init(struct wal_ring *r, const attl_allocator *alloc, uint64_t size);
/* Releases what is still in it. */
void wal_ring_fini(struct wal_ring *r);

/*
 * The largest frame that is copied into the ring; a longer one needs an external value. So much
 * must also suffice for what is kept of such a frame: a header, the key and the reference.
 */
uint32_t wal_ring_inline_max(const struct wal_ring *r);
/*
 * Copies `op` in (or its head, if `external` is not NULL: then op->value is ignored and
 * external->value is the value). Returns the position just behind it; 0 if there is no room now.
 * ret_lsn may be NULL.
 */
uint64_t wal_ring_put(struct wal_ring *r, const struct wal_op *op,
                      const struct wal_external *external, _Atomic uint64_t *ret_lsn);
uint64_t wal_ring_tail(const struct wal_ring *r);
/* Bytes reserved and not released. */
uint64_t wal_ring_used(const struct wal_ring *r);

/* The next frame that is complete, or false. */
bool wal_ring_take(struct wal_ring *r, struct wal_ring_item *ret);
/* Whether wal_ring_take() would return one. */
bool wal_ring_ready(struct wal_ring *r);
/* Tells whoever waits for the item's LSN, once: he may be gone when the item is taken again. */
void wal_ring_item_tell(const struct wal_ring_item *item, uint64_t lsn);
/* Starts taking again at position `at` (>= released): to write frames a second time. */
void wal_ring_rewind(struct wal_ring *r, uint64_t at);
/* Frames up to position `end` are not needed any more: releases externals, zeroes, frees. */
void wal_ring_release(struct wal_ring *r, uint64_t end);

#endif
