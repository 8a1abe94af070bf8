/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When memory may be used again. Readers announce the epoch they entered in; memory taken out of
 * reach in epoch e is reused when the epoch has reached e + 2, because by then every reader that
 * could have seen it has left. Readers pay one store on each side and no fence (the rare side runs
 * a barrier on all cores). Readers are registered per process, not per cache, so that entering
 * needs no lookup.
 */
#ifndef ATTL_CACHE_RECLAIM_H
#define ATTL_CACHE_RECLAIM_H

#include "os/lock.h"

#include <stddef.h>

/* One thread. `index` is dense and reused after the thread has ended: it selects statistics. */
struct reclaim_reader {
    _Alignas(128) _Atomic uint64_t epoch; /* 0: outside */
    uint32_t nesting;
    uint32_t index;
    int32_t until_sample; /* operations, until one is looked at closely: engine/sample.h */
    uint32_t sample_seed;
    struct claim *claim; /* partitions that the thread works in as one transaction, or NULL */
    bool fence_needed;
    uint32_t life; /* the how-manieth thread it serves: tells what an ended one left behind */
    _Atomic bool in_use;
    struct reclaim_reader *next;
};

/* The calling thread's reader, registered on first use; NULL on lack of memory. */
struct reclaim_reader *reclaim_self(void);
void reclaim_announce(struct reclaim_reader *r);

/* Between enter and exit everything found through the index stays where it is. May nest. */
static inline void
reclaim_enter(struct reclaim_reader *r)
{
    if (r->nesting++ == 0)
        reclaim_announce(r);
}

static inline void
reclaim_exit(struct reclaim_reader *r)
{
    ASSERT_SLOW(r->nesting > 0);
    if (--r->nesting == 0)
        atomic_store_explicit(&r->epoch, 0, memory_order_release);
}

/* Tries to pass to the next epoch: true if every reader inside has seen the present one. */
bool reclaim_advance(void);

/* Something out of reach, waiting for its readers. Embedded in what is retired. */
struct limbo_node {
    struct limbo_node *next;
    uint64_t epoch;
    uint32_t born;  /* limbo_cut() when the memory was taken into use; UINT32_MAX: never held */
    uint32_t bytes; /* in units of LIMBO_UNIT_BYTES, for the sum of what is held */
    /* Frees the owner of the node; false if it is pinned and must wait on. */
    bool (*release)(void *ud, struct limbo_node *node);
};

enum { LIMBO_UNIT_BYTES = 4096 };

/* The waiting list of one cache, oldest first. */
struct limbo {
    struct lock lock;
    struct limbo_node *head, **tail;
    struct limbo_node *pinned; /* ripe but pinned: looked at again when a pin has ended */
    _Atomic uint64_t count;    /* without the pinned */
    _Atomic bool urgent; /* worth a look at the next change: something large, or an ended pin */
    _Atomic bool recheck_pinned;
    _Atomic uint64_t unpins; /* pins that have ended on retired things */
    _Atomic uint32_t cut;    /* number of the last cut */
    bool holding;            /* what was born before it is kept: a snapshot may refer to it */
    struct limbo_node *held;
    _Atomic uint64_t held_units;
    void *ud; /* given to release() */
};

void limbo_init(struct limbo *l, void *ud);
/* Appends a node that no new reader can reach. */
void limbo_retire(struct limbo *l, struct limbo_node *node);
/* Releases what may be released, advancing the epoch if that helps; returns how many. */
size_t limbo_collect(struct limbo *l);
/* A pin has ended on something that may be waiting. */
void limbo_unpinned(struct limbo *l);
/*
 * A snapshot begins: from here on nothing that was in use before is released until limbo_unhold(),
 * however long it has been out of reach. The caller keeps everybody from retiring meanwhile what
 * the snapshot needs and from publishing what was born before (it holds all partitions' locks).
 */
void limbo_hold(struct limbo *l);
void limbo_unhold(struct limbo *l);

static inline uint32_t
limbo_cut(const struct limbo *l)
{
    return atomic_load_explicit(&l->cut, memory_order_relaxed);
}

/* Bytes kept for a snapshot that would otherwise be free. */
static inline uint64_t
limbo_held_bytes(const struct limbo *l)
{
    return atomic_load_explicit(&l->held_units, memory_order_relaxed) * LIMBO_UNIT_BYTES;
}

/* Releases everything at once: only when no reader can exist. Pinned nodes are released too. */
void limbo_fini(struct limbo *l);

#endif
