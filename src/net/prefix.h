/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which client wants to hear of which keys, by prefix: CLIENT TRACKING's broadcasting mode. Nothing
 * is remembered per key; a change is compared with the registered prefixes, which are few, and goes
 * to all who registered one that fits. Prefixes are kept by their first byte, so that most are
 * never looked at. One lock, below the partitions of the cache; nothing is held while there are no
 * prefixes.
 */
#ifndef ATTL_NET_PREFIX_H
#define ATTL_NET_PREFIX_H

#include "net/receiver.h"

enum {
    PREFIX_LISTS = 257, /* by first byte, and the empty one */
    PREFIXES_MAX = 65536,
    PREFIXES_PER_CLIENT_MAX = 1024
};

struct prefix {
    struct prefix *next;
    struct receiver **who; /* references */
    size_t len, cap;
    size_t text_len;
    char text[];
};

struct prefix_set {
    struct lock lock;
    struct prefix *lists[PREFIX_LISTS];
    _Atomic size_t len; /* different prefixes */
};

void prefix_init(struct prefix_set *set);
void prefix_fini(struct prefix_set *set);
/* `r` hears of keys that begin with `text`, which it did not before. ATTL_OK, ATTL_E_NOMEM, or
 * ATTL_E_BUSY: there are too many. */
int prefix_add(struct prefix_set *set, struct receiver *r, attl_slice text);
void prefix_remove(struct prefix_set *set, struct receiver *r, attl_slice text);
/* The key has changed, by client `actor` (0: by nobody). */
void prefix_tell(struct prefix_set *set, attl_slice key, uint64_t actor);

#endif
