/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All connections of all workers: listing them, killing some, and finding the one that holds the
 * most memory. The callers are workers in the middle of a turn, holding their own lock; each
 * function lets go of it and takes the others' one at a time, so that two workers listing at once
 * cannot wait for each other. Afterwards the caller's lock is held again, and its own connections
 * are where they were.
 */
#ifndef ATTL_NET_REGISTRY_H
#define ATTL_NET_REGISTRY_H

#include "net/worker.h"

/* command_host's each_client and kill_clients; `ud` is a net_caller. */
void registry_each_client(void *ud, void (*fn)(void *fn_ud, const struct session *s), void *fn_ud);
size_t registry_kill_clients(void *ud, const struct client_filter *filter);
/* Disconnects the client with the largest buffers, whoever serves it. */
void registry_drop_largest(struct worker *w);

struct receiver;
/* The receiver of client `id`, made if need be, with a reference for the caller; ret_receiver NULL:
 * only whether there is such a client. ATTL_OK, ATTL_MISS, ATTL_E_NOMEM. Lets go of `w`'s lock. */
int registry_receiver(struct worker *w, uint64_t id, struct receiver **ret_receiver);

#endif
