/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether all workers still make progress, without asking the time. Whoever wants to know raises a
 * number, which wakes the workers; each copies it in its next turn, behind the requests of that
 * turn. A worker that hangs in a request, a lock or a loop does not get there. One thread asks.
 */
#ifndef ATTL_NET_HEARTBEAT_H
#define ATTL_NET_HEARTBEAT_H

#include <stdbool.h>

struct net;
struct worker;

/* Asks all workers. */
void net_heartbeat_ask(struct net *net);
/* Whether all have answered the last question, or have ended. True before the first. */
bool net_heartbeat_answered(struct net *net);

/* ---- for the worker, at the end of each turn ---- */

void worker_heartbeat(struct worker *w);

#endif
