/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling of changes: the one place where a change that has been made is reported to whoever asked
 * to hear of it. A notice is given with the partition's lock held, right after the change and in
 * its order, so a sink may do no more than note it down: it must not block, nor call into the
 * cache. What nobody asked for costs one load. Sinks are named here, each has a mask of kinds that
 * may be changed at any time; watches of single keys (watch.h) are told of everything.
 */
#ifndef ATTL_ENGINE_NOTICE_H
#define ATTL_ENGINE_NOTICE_H

#include "cache/entry.h"

struct attl;

enum notice_kind {
    NOTICE_SET = ATTL_EV_SET,
    NOTICE_EXPIRE = ATTL_EV_EXPIRE,
    NOTICE_DELETED = ATTL_EV_DELETED,
    NOTICE_EXPIRED = ATTL_EV_EXPIRED,
    NOTICE_EVICTED = ATTL_EV_EVICTED,
    NOTICE_CLEARED = ATTL_EV_CLEARED, /* no key, once for all */
};

struct notice {
    enum notice_kind kind;
    enum attl_cause cause;
    bool is_new;    /* SET: there was nothing before */
    attl_slice key; /* for the call only */
    uint64_t hash;
    int64_t deadline_ms, now_ms; /* in the cache's time; of what went, the deadline it had */
    uint64_t actor;              /* 0: the cache itself, or nobody in particular */
};

typedef void (*notice_fn)(void *ud, const struct notice *n);

/* Who listens. */
enum notice_sink_id { NOTICE_SINK_HOOK, NOTICE_SINK_QUEUES, NOTICE_SINK_LEDGER, NOTICE_SINKS };

struct notice_sink {
    notice_fn fn;
    void *ud;
    _Atomic uint32_t mask; /* enum notice_kind */
};

struct notice_board {
    struct notice_sink sinks[NOTICE_SINKS];
    _Atomic uint32_t mask; /* of all of them together */
    struct lock lock;      /* whoever changes a mask */
};

/* The function that the program gave, for NOTICE_SINK_HOOK; `ud` is the struct attl. */
void notice_hook(void *ud, const struct notice *n);

void notice_board_init(struct notice_board *b);
/* Installs a sink, which hears nothing yet. Before the first change. */
void notice_sink_set(struct notice_board *b, enum notice_sink_id id, notice_fn fn, void *ud);
/* What it hears from now on; 0: nothing. Any thread. */
void notice_mask_set(struct notice_board *b, enum notice_sink_id id, uint32_t mask);

/* Reports what was done to an entry since entry_find(); partition's lock held. */
void notice_entry(struct attl *a, const struct entry *e);
/* For cache.death_fn; `ud` is the struct attl. */
void notice_death(void *ud, const struct cache_death *death);
/* For cache.death_soon_fn, where there is a ledger. */
void notice_death_soon(void *ud, uint64_t hash);
/* For cache_clear(), with all partitions locked; `ud` is the struct attl. */
void notice_clear(void *ud);

#endif
