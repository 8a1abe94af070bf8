/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which client has read which key: the table behind CLIENT TRACKING's ordinary mode. A read-only
 * command enters its keys before it reads, so a change that comes later finds the entry; a change
 * takes the entry out and sends its key to everybody in it, once. The table is bounded: above its
 * maximum an older entry goes, and its receivers are told as if the key had changed. Sixty-four
 * shards, each with its lock, below the partitions of the cache: looking up is all that is done
 * there.
 */
#ifndef ATTL_NET_TRACKED_H
#define ATTL_NET_TRACKED_H

#include "base/hash.h"
#include "net/receiver.h"

enum { TRACKED_SHARDS = 64 };

struct tracked;

struct tracked_shard {
    _Alignas(64) struct lock lock;
    struct tracked **buckets; /* NULL: none yet */
    unsigned bits;
    size_t len;
    struct tracked *oldest, *newest;
    struct tracked *trash; /* entries that everybody was told of, to be freed */
};

struct tracked_table {
    struct hash_key hash;
    _Atomic uint64_t max_keys;  /* 0: no limit */
    _Atomic size_t keys, items; /* entries; receivers in them */
    _Atomic bool has_trash;
    struct tracked_shard shards[TRACKED_SHARDS];
};

void tracked_init(struct tracked_table *t, const struct hash_key *hash, uint64_t max_keys);
void tracked_fini(struct tracked_table *t);

/* `r` is about to read `key`. Without memory it is told to forget what it will have read. */
void tracked_add(struct tracked_table *t, struct receiver *r, attl_slice key);
/* The key has changed, by client `actor` (0: by nobody). Takes its entry out. */
void tracked_tell(struct tracked_table *t, attl_slice key, uint64_t actor);
/* Empties the table at a few pointers' cost, without telling anybody: see tracked_collect(). */
void tracked_drop_all(struct tracked_table *t);
/* Frees what tracked_drop_all() took out. */
void tracked_collect(struct tracked_table *t);

#endif
