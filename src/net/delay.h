/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Load shedding in a worker: it measures its turns, sets the level by which commands refuse or put
 * off (command/shed.h), and keeps the connections whose requests were put off. Such a connection is
 * not read from and gets no turn until nothing of its kind is shed any more, or it has waited for
 * shed.max_delay; then all that it has sent runs, once. A worker that is not overloaded compares
 * two numbers per turn. Everything here belongs to the worker's thread; where it touches a
 * connection it REQUIRES the worker's lock.
 */
#ifndef ATTL_NET_DELAY_H
#define ATTL_NET_DELAY_H

#include "net/worker.h"

/* Puts `c` off, the first of whose requests was not executed. */
void delay_add(struct worker *w, struct conn *c);
/* Takes `c` out again; its input stays as it is. */
void delay_remove(struct worker *w, struct conn *c);
/* The time the bytes that were just read came in, for the connection's deadline. */
void delay_stamp(const struct worker *w, struct session *s);
/* The end of a turn that was watched or seems long: measures it, moves the level. */
void delay_measure(struct worker *w, bool served);
/* Lets go of those whose time has come. Takes the worker's lock. */
void delay_settle(struct worker *w);
/* When the next of them is due, or the level wants to be looked at; INT64_MAX: never. */
int64_t delay_next_ms(const struct worker *w);

/* At the beginning of a turn, after the clock was read: whether it must be measured. What lies
 * between two beginnings was served in less than that. */
static inline bool
delay_is_watched(struct worker *w)
{
    int64_t since_ms = w->now_ms - w->turn_ms;
    w->turn_ms = w->now_ms;
    return __builtin_expect(w->shed.watching || since_ms >= LIMIT_LOAD(w->net, shed_target_ms), 0);
}

#endif
