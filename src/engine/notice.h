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
    NOTICE_SET = 1,      /* a new value                                        */
    NOTICE_EXPIRE = 2,   /* another deadline, or none                          */
    NOTICE_DELETED = 4,  /* removed by a caller                                */
    NOTICE_EXPIRED = 8,  /* its deadline had passed                            */
    NOTICE_EVICTED = 16, /* it made room for others                            */
    NOTICE_CLEARED = 32, /* everything went at one moment: no key, once for all */
};

struct notice {
    enum notice_kind kind;
    attl_slice key; /* for the call only */
    uint64_t hash;
    int64_t deadline_ms, now_ms; /* in the cache's time */
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

void notice_board_init(struct notice_board *b);
/* Installs a sink, which hears nothing yet. Before the first change. */
void notice_sink_set(struct notice_board *b, enum notice_sink_id id, notice_fn fn, void *ud);
/* What it hears from now on; 0: nothing. Any thread. */
void notice_mask_set(struct notice_board *b, enum notice_sink_id id, uint32_t mask);

/* Reports what was done to an entry since entry_find(); partition's lock held. */
void notice_entry(struct attl *a, const struct entry *e);
/* For cache.death_fn; `ud` is the struct attl. */
void notice_death(void *ud, const struct cache_death *death);
/* For cache_clear(), with all partitions locked; `ud` is the struct attl. */
void notice_clear(void *ud);

#endif
