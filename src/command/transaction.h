/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a connection has between WATCH or MULTI and the end of EXEC: watches, and the requests that
 * were queued, copied, because their bytes are gone when the next request is read. A session that
 * uses neither has none of it (`session.transaction` is NULL), and pays one comparison. Owned by
 * the session.
 */
#ifndef ATTL_COMMAND_TRANSACTION_H
#define ATTL_COMMAND_TRANSACTION_H

#include "command/table.h"

/* A copy of a request, its words behind it. */
struct queued {
    struct queued *next;
    const struct command *cmd;
    size_t argc;
    attl_slice argv[];
};

struct transaction {
    attl_txn *txn;     /* the watches; NULL: none, until EXEC needs one for its scope */
    bool queueing;     /* after MULTI */
    bool aborted;      /* a request was refused: EXEC will be as well */
    size_t len, bytes; /* of the queue */
    size_t max_len;
    struct queued *first, **last;
};

/* Whether a request belongs into the queue; if so it has been answered. */
bool transaction_takes(struct request *rq);
/* A request was refused, with the reply that starts at `mark`: a transaction, if there is one, will
 * not run. If it was EXEC itself that ends the transaction, and the reply says so. */
void transaction_refused(struct request *rq, size_t mark);
/* Ends it without a word: DISCARD, RESET, the end of the connection. */
void transaction_drop(struct session *s);

#endif
