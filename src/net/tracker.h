/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CLIENT TRACKING of one connection, on the side of the net: the receiver's place in the list of
 * trackers, its prefixes, and the receiver that gets its invalidations. Beginning takes effect as a
 * whole or not at all. All functions belong to the worker of the connection.
 */
#ifndef ATTL_NET_TRACKER_H
#define ATTL_NET_TRACKER_H

#include "net/exchange.h"

/* Begins, or changes, and takes the reference `redirect_to` (or NULL) over in any case. ATTL_OK,
 * ATTL_E_NOMEM, ATTL_E_BUSY (too many prefixes). */
int tracker_start(struct exchange *x, struct receiver *r, const struct tracking_wish *wish,
                  struct receiver *redirect_to);
/* Ends; nothing happens if it had not begun. */
void tracker_stop(struct exchange *x, struct receiver *r);

#endif
