/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scope: the calling thread runs ordinary calls as one transaction. Between scope_begin() and
 * scope_end() the partitions of the keys named at the beginning are claimed (cache/claim.h): nobody
 * else reads, changes, expires or evicts anything there, and the thread's own calls use them
 * without locking again. What they change is gathered into one record of the log, so recovery
 * applies all of it or nothing; that record is appended before the claim is dropped.
 *
 * Inside, no room can be made and nothing may wait: the locks of the drain and of the maintenance
 * come before those of partitions. Room is made before; a change that finds none uses the reserve
 * or fails, alone. Belongs to the thread that began it, which has one at a time.
 */
#ifndef ATTL_ENGINE_SCOPE_H
#define ATTL_ENGINE_SCOPE_H

#include "engine/engine.h"
#include "engine/journal.h"

struct scope {
    struct claim claim; /* what the thread's reader points to */
    struct attl *a;
    struct reclaim_reader *self;
    struct journal_group logged;
    int admitted; /* ATTL_OK, or what changes are answered: the log does not take any */
    int64_t written_deadline_ms;
};

/* A watch to be asked. */
struct scope_watch {
    struct watch *watch;
    uint32_t ignored; /* kinds of changes that do not matter to it */
};

struct scope_plan {
    const attl_slice *keys;
    size_t n;
    uint64_t bytes;                    /* about what will be written */
    bool whole;                        /* any key, and calls on all keys at once */
    const struct scope_watch *watches; /* their keys belong to the scope as well */
    size_t watches_len;
};

/*
 * ATTL_OK: the scope is open. ATTL_E_CONFLICT: something has happened to a watched key;
 * ATTL_E_INVALID: the thread is in a scope; ATTL_E_NOMEM. The plan may be forgotten afterwards.
 */
int scope_begin(struct scope *s, struct attl *a, const struct scope_plan *plan);
/* Logs, lets everybody in, and pays what is owed. ATTL_OK, or ATTL_E_IO as in journal_settle(). */
int scope_end(struct scope *s);

/* A change of one key inside; `sees_stale` as in struct entry. ATTL_E_INVALID for a key that the
 * scope does not hold. */
int scope_change(struct scope *s, attl_slice key, engine_change_fn fn, void *ud, bool sees_stale);

/* The scope on `a` that the calling thread, whose reader is `r` (may be NULL), is in; or NULL. */
static inline struct scope *
scope_mine(const struct attl *a, const struct reclaim_reader *r)
{
    /* A claim on a reader is always the first member of a scope. */
    return r && __builtin_expect(r->claim != NULL, 0) && r->claim->cache == &a->cache
               ? (struct scope *)r->claim
               : NULL;
}

#endif
