/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A submission that has been accepted and is not complete yet. It has a place reserved in its
 * queue, a number under which it can be cancelled, perhaps a deadline, and exactly one completion:
 * whoever decides first, the one who does the work, the deadline, a cancellation or the end of the
 * queue, posts it, and the others find it decided. It is the first member of what its maker
 * allocates; references (the worker's, the timer's, for a moment a canceller's) keep it.
 *
 * No lock of the caller's is needed; the queue's open_lock guards the table of numbers only.
 */
#ifndef ATTL_ENGINE_SUBMISSION_H
#define ATTL_ENGINE_SUBMISSION_H

#include "engine/completion.h"
#include "engine/timer.h"

#include <stdbool.h>

struct submission {
    attl_queue *queue; /* only for who has not found it decided: it may be gone before this is */
    struct attl *cache;
    uint64_t id, user_data;
    uint32_t kind; /* ATTL_OP_... */
    uint32_t slot; /* in queue->open */
    _Atomic uint32_t state, refs;
    struct timer timer;
    /* Called once, without locks, if it was given up (cancelled, late, closed) before the worker
     * decided; the submission is still there during the call. May be NULL. */
    void (*abandoned)(struct submission *s);
    void (*free)(struct submission *s); /* instead of alloc_free(); may be NULL */
};

/* What attl_submit_opts say, checked. */
struct submission_spec {
    uint64_t user_data;
    int64_t timeout_ms; /* 0: none */
};

/* Reads a caller's options; NULL means none. ATTL_OK, ATTL_E_INVALID, ATTL_E_UNSUPPORTED. */
int submission_spec_of(const attl_submit_opts *opts, struct submission_spec *ret);
/*
 * A new one of `bytes` zeroed bytes, with one reference, the worker's. ATTL_OK, ATTL_E_BUSY,
 * ATTL_E_CLOSED, ATTL_E_NOMEM. Nobody else knows it before submission_open().
 */
int submission_new(attl_queue *q, size_t bytes, uint32_t kind, const struct submission_spec *spec,
                   struct submission **ret);
/* Gives up one that was not opened: its place is free again and there is no completion. */
void submission_drop(struct submission *s);
/* From now on it can be cancelled, and its time runs. Nothing may fail behind it: there will be a
 * completion. */
void submission_open(struct submission *s, const struct submission_spec *spec);
/* Takes an opened one back, as if it had never been accepted. False: it was decided meanwhile, so
 * its completion is there. The worker's reference goes either way. */
bool submission_close(struct submission *s);
/* The work begins; a shutdown of the queue lets it come to its end. False: it was given up. */
bool submission_begin(struct submission *s);
/* Whether somebody has decided; a long job looks now and then. */
bool submission_is_over(const struct submission *s);
/* The worker's result; takes over c->value and the worker's reference. Fills kind, id and
 * user_data. True: it was what the caller gets. */
bool submission_complete(struct submission *s, attl_completion *c);
/* The same with no more than a status. */
bool submission_complete_status(struct submission *s, int status);

void submission_ref(struct submission *s);
void submission_unref(struct submission *s);
/* Gives it up with `status`. False: it had been decided. Needs a reference. */
bool submission_abandon(struct submission *s, int status);
/* By number: ATTL_OK, ATTL_MISS. */
int submission_cancel(attl_queue *q, uint64_t id);
/* Gives up, with ATTL_E_CLOSED, all that have not begun; or all. */
void submission_abandon_all(attl_queue *q, bool begun_too);

#endif
