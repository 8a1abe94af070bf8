/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replies that wait for the log. Under persist.fsync = always a reply acknowledges a change only
 * once that change is durable; until then its connection is held: nothing of it is sent and nothing
 * more is read from it, while the worker serves the others. The log says when more has become
 * durable, and wakes only workers that hold somebody. All functions but hold_wake() belong to the
 * worker's thread; where they touch a connection they REQUIRE the worker's lock.
 */
#ifndef ATTL_NET_HOLD_H
#define ATTL_NET_HOLD_H

#include "net/worker.h"

/* After requests of `c` have run: remembers up to where the log must be durable before a reply. */
void hold_note_changes(struct worker *w, struct conn *c);
/* Whether a reply of `c` has to wait now. One load when there is nothing to wait for. */
bool hold_is_needed(struct worker *w, struct conn *c);
/* Holds `c`, whose `replies` replies lie in c->out from `from` on. */
void hold_add(struct worker *w, struct conn *c, size_t from, uint64_t replies);
/* Takes `c` out again; its output stays as it is. */
void hold_remove(struct worker *w, struct conn *c);
/* Lets go of those whose changes have become durable, or never will. Takes the worker's lock. */
void hold_settle(struct worker *w);
/* Looks at the log again even if it has not reported anything. */
void hold_look_again(struct worker *w);
/* The log has news. Any thread, no locks needed, at most one system call. */
void hold_wake(struct worker *w);

#endif
