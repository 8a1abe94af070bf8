/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker's side of messages: letters become pushes at their receivers, pushes become output of
 * their connections between two replies. Both happen at the end of each turn of the loop, so a push
 * never stands inside a reply, and an invalidation never overtakes the reply to a read that came
 * before it. A connection whose replies wait - for the log, for a slow command - gets its pushes
 * behind them. All functions belong to the worker's thread.
 */
#ifndef ATTL_NET_PUSH_H
#define ATTL_NET_PUSH_H

#include "net/worker.h"

/* The receiver of `c`, made on first use; NULL on lack of memory. Any thread with w's lock. */
struct receiver *push_receiver(struct worker *w, struct conn *c);
/* The connection is being closed: it gets nothing any more. */
void push_close(struct worker *w, struct conn *c);
/* Letters become pushes, and pushes output; the end of a turn. Takes the worker's lock. */
void push_settle(struct worker *w);
/* Letters become pushes, without sending: afterwards everything sent so far is in the receivers.
 * REQUIRES the worker's lock. */
void push_sort(struct worker *w);
/* The worker ends: lets go of receivers whose connections are closed. */
void push_end(struct worker *w);
/* Moves what waits at `c` to the end of `out`, of which `unsent` bytes have not been sent. */
void push_pour(struct conn *c, struct buf *out, size_t unsent);
/* Bytes that wait at `c`. */
size_t push_waiting_bytes(const struct conn *c);

#endif
