/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shard: a timing wheel whose slots are chains of chunks, and the counters of the partitions it
 * owns. Appending a record finds the open chunk of (wheel slot, generation); draining takes chunks
 * from here. Records stay where they are when a partition moves to another shard: its next owner
 * gets them when they are next copied.
 *
 * `lock` guards everything but the atomics and `drain`; it is taken after a partition's lock and
 * before a pool's. `drain_lock` admits one drainer at a time and is taken before any partition's
 * lock.
 */
#ifndef ATTL_CACHE_SHARD_H
#define ATTL_CACHE_SHARD_H

#include "cache/chunk.h"
#include "cache/evict.h"
#include "cache/ghost.h"
#include "cache/record.h"
#include "cache/wheel.h"

struct cache;

struct chain {
    struct chunk *open[GEN_COUNT];
    struct chunk_list sealed; /* both generations */
    uint64_t bytes;           /* of all its chunks: sizes the next one */
    int64_t min_deadline_ms;  /* lower bound over its records; INT64_MAX while empty */
};

struct shard {
    struct cache *cache;
    uint16_t index;
    struct lock lock;
    struct wheel wheel;
    struct chain chains[WHEEL_SLOTS];
    struct chunk_list fifo[GEN_COUNT]; /* sealed chunks, oldest first */
    struct chunk_list due;
    struct ghost ghost;
    uint64_t seq;               /* births of chunks */
    uint64_t sealed_used_bytes; /* records in chunks not yet retired, dead ones included, without
                                   the open */
    uint64_t open_used_bytes, open_bytes;
    uint64_t due_bytes, due_expired_bytes; /* of `due`; the second: of what is past its deadline */

    struct lock drain_lock;
    struct chunk *draining[DRAIN_REASONS]; /* chunks partly done; written under `lock` */

    /* Changed without the lock. */
    _Atomic uint64_t items, ttl_items;     /* of the partitions it owns */
    _Atomic int64_t live_bytes[GEN_COUNT]; /* of the chunks it holds */
    _Atomic int64_t earliest_ms; /* no record of ours expires before: a lower bound for pollers */
    _Atomic bool owes; /* writers should drain a little with each write: see drain_assist */
};

/* What shard_append needs to know beside the record. */
struct append_spec {
    const struct record_spec *record;
    uint64_t hash;
    enum chunk_gen gen;
    bool new_entry; /* consult the ghost, which may promote it to the survivors */
    bool urgent;    /* the drain: may exceed the memory limit by the reserve */
    int64_t now_ms;
};

struct appended {
    uint64_t address;
    struct chunk *chunk;
    uint32_t bytes;
    bool ghost_hit;
};

void shard_init(struct shard *s, struct cache *cache, uint16_t index, int64_t now_ms);
void shard_fini(struct shard *s);
/* Writes a record. ATTL_OK, ATTL_E_FULL (make room and try again), ATTL_E_NOMEM. */
int shard_append(struct shard *s, const struct append_spec *spec, struct appended *ret);
/* Moves the chunks of all slots whose time has come to the due list. */
void shard_advance(struct shard *s, int64_t now_ms);
/* When the shard next wants to be drained (Unix ms; INT64_MAX: never). */
int64_t shard_next_due(struct shard *s);
/*
 * The chunk to drain for `reason`: one that is partly done, or the next by wheel, policy or
 * benefit; NULL if there is none. It stays in its chain or in the due list until shard_finish(), so
 * its entries stay visible to the clock; if its slot comes due meanwhile, it goes on as a due chunk
 * from where it stands. Under `drain_lock`.
 */
struct chunk *shard_take(struct shard *s, enum drain_reason reason);
/* All of the chunk's records are settled: its memory is reused when its readers have gone. */
void shard_finish(struct shard *s, struct chunk *c);
/* If the present tick's slot may hold expired records and is small, makes it due at once. */
void shard_expire_early(struct shard *s, int64_t now_ms);
/* A record in `c` died. Frees the chunk at once if it was the last one of a sealed chunk. */
void shard_record_died(struct chunk *c, struct cache *cache, uint32_t bytes);
/* What is due, and what will be. Bytes of chunks. */
struct shard_due {
    uint64_t due_bytes;     /* waits to be drained */
    uint64_t expired_bytes; /* of it, past its deadline */
    uint64_t coming_bytes;  /* its deadlines lie within the horizon, as far as one can tell */
    int64_t since_ms;       /* when the oldest of what waits came due; INT64_MAX: nothing does */
};
void shard_observe_due(struct shard *s, int64_t now_ms, int64_t horizon_ms,
                       struct shard_due *ret_due);
/* Bytes of dead records in its chunks, those being drained included. */
uint64_t shard_dead_bytes(struct shard *s);
/* True if the shard owns no partitions any more and still holds chunks: DRAIN_MOVE empties it. */
bool shard_is_leaving(struct shard *s);
/* True if more of the shard's bytes are dead than the utilisation setting allows. */
bool shard_wants_cleaning(struct shard *s);

#endif
