/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The death ledger: what became of entries that are gone. The last so many deaths are kept in rings
 * by the key's hash, 32 bytes each, so that all deaths of a key are in one ring and in their order;
 * beside each ring a small table of marks tells by a few bits of the hash what a key died of last,
 * which is what a miss asks for. A ring is written under its own lock, which is the last one taken;
 * marks are read without. Its memory is taken when a ring sees its first death.
 */
#ifndef ATTL_ENGINE_LEDGER_H
#define ATTL_ENGINE_LEDGER_H

#include "engine/notice.h"
#include "os/lock.h"
#include "os/trace.h"

enum {
    LEDGER_RINGS = 16,
    LEDGER_CLEARS = 16,   /* the last moments at which everything went */
    LEDGER_TRACES = 1024, /* the last deaths by requests with a correlation id */
};

/* Why a key is not there, as a miss counts it. */
enum ledger_class { LEDGER_COLD, LEDGER_EXPIRED, LEDGER_EVICTED, LEDGER_DELETED };

struct ledger_death {
    uint64_t hash;
    uint64_t at_cause;   /* ms in the cache's time << 16 | clears before it, mod 256 << 8 | cause */
    int64_t ttl_left_ms; /* -1: it had no deadline */
    uint64_t actor;
};

/* Whose doing a death was. Apart from it, because few have one: 32 bytes stay half a line. */
struct ledger_trace {
    struct ledger_death death;
    char id[TRACE_MAX + 1];
};

struct ledger_ring {
    _Alignas(128) struct lock lock;
    struct ledger_death *deaths;       /* NULL before the first */
    _Atomic(_Atomic uint64_t *) marks; /* buckets, behind them in the same piece of memory */
    uint64_t count;                    /* of deaths noted, ever */
    uint64_t lost;                     /* for lack of memory */
};

struct ledger {
    struct ledger_ring rings[LEDGER_RINGS];
    attl_allocator alloc;
    unsigned ring_mask;
    uint32_t ring_deaths; /* places in a ring */
    uint32_t bucket_mask; /* of marks, four to a bucket */
    struct lock clears_lock;
    uint64_t clears_count; /* changed with all partitions locked: who notes may read it */
    struct ledger_death clears[LEDGER_CLEARS];
    struct lock traces_lock;
    struct ledger_trace *traces; /* a ring; NULL before the first */
    uint64_t traces_count;
    _Atomic uint64_t bytes;
};

/* A ledger of about `entries` > 0 deaths; NULL on lack of memory. */
struct ledger *ledger_new(const attl_allocator *alloc, uint64_t entries);
void ledger_free(struct ledger *l);

/* A notice_fn: notes a removal; `ud` is the ledger. Never fails: without memory a death is lost. */
void ledger_note(void *ud, const struct notice *n);

/* Kinds of notices it wants to hear. */
#define LEDGER_KINDS (NOTICE_DELETED | NOTICE_EXPIRED | NOTICE_EVICTED | NOTICE_CLEARED)

/* A death of this hash may be noted in a moment. */
void ledger_prefetch(const struct ledger *l, uint64_t hash);

/* What a key of this hash died of last; rarely (1 in some thousand) that of another. No lock. */
enum ledger_class ledger_class_of(const struct ledger *l, uint64_t hash);

/*
 * The deaths of a hash and the clears, newest first, up to `max`; returns how many. Deaths that are
 * noted meanwhile may be left out. Locks a ring for a short piece of it at a time.
 */
size_t ledger_find(struct ledger *l, uint64_t hash, struct ledger_death *out, size_t max);

/* The correlation id of the request that did it; "" if it had none, or it is forgotten. */
void ledger_trace_of(struct ledger *l, const struct ledger_death *death, char out[TRACE_MAX + 1]);

/* Memory in use. */
uint64_t ledger_bytes(const struct ledger *l);

static inline int64_t
ledger_at_ms(const struct ledger_death *d)
{
    return (int64_t)(d->at_cause >> 16);
}

static inline enum attl_cause
ledger_cause(const struct ledger_death *d)
{
    return (enum attl_cause)(d->at_cause & 0xff);
}

#endif
