/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes of several keys as one: MSET, the commit of a transaction, the undoing of operations. All
 * partitions concerned are claimed before anything is looked at, and everything that can fail
 * happens before the first change that cannot be taken back; so either all of it is done or none,
 * nobody sees the middle, and the log has it in one record. Belongs to the call that builds it.
 * Inside a scope (scope.h) it uses the scope's claim and record instead of its own.
 */
#ifndef ATTL_ENGINE_BATCH_H
#define ATTL_ENGINE_BATCH_H

#include "engine/engine.h"
#include "engine/journal.h"

enum batch_kind {
    BATCH_PUT,
    BATCH_REMOVE, /* if it is there */
    BATCH_LOOK,   /* only locked, and looked up for `check` */
};

/* What to put. */
struct batch_put {
    attl_slice value;
    int64_t deadline_ms; /* the hard one */
    struct life_wish life;
    bool keep_deadline; /* the one it has, if it is there, and not deadline_ms */
    int life_status;    /* with keep_deadline: why it cannot be if it is not there, or ATTL_OK */
};

struct batch_item {
    enum batch_kind kind;
    bool is_new;                /* private: published as a new entry */
    struct batch_put put;       /* PUT */
    struct stored_value stored; /* PUT */
    struct entry entry;
};

struct batch {
    struct attl *a;
    const struct reclaim_reader *self;
    struct batch_item *items; /* of several PUTs of a key the last counts; a key that is removed
                                 occurs once */
    size_t n, cap;
    /* Called with everything locked and looked up; another status than ATTL_OK ends the batch with
     * nothing changed. NULL: no condition. */
    int (*check)(struct batch *b, void *ud);
    void *ud;
    struct claim claim;
    struct journal_group logged;
};

/* For up to `cap` items whose keys and values have `bytes` bytes in all. ATTL_OK, ATTL_E_NOMEM. */
int batch_init(struct batch *b, struct attl *a, size_t cap, uint64_t bytes);
/* Adds an item; key and value must stay. A PUT makes room for a large value. ATTL_OK, ATTL_E_FULL,
 * ATTL_E_NOMEM. */
int batch_add_put(struct batch *b, attl_slice key, const struct batch_put *put);
void batch_add(struct batch *b, attl_slice key, enum batch_kind kind);
/* Does it. The status of `check` if that was not ATTL_OK; ATTL_OK, ATTL_E_FULL, ATTL_E_NOMEM. */
int batch_run(struct batch *b);
void batch_fini(struct batch *b);

/* Whether the thread may change something now: as journal_admit(), in a scope what that was told.
 */
int batch_admit(struct attl *a);
/* The end of a call outside a scope; as journal_settle(). */
int batch_settle(struct attl *a, int status);

#endif
