/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way out of a connection: from the worker's gathering buffer to the socket, with a buffer of
 * the connection's own for what the socket does not take. Requests of a connection append to its
 * own buffer as long as something waits in it, so replies never change order. All functions
 * REQUIRE the worker's lock, and none closes the connection: they report that it must be closed.
 */
#ifndef ATTL_NET_OUTPUT_H
#define ATTL_NET_OUTPUT_H

#include "net/worker.h"

/* Half the limit: so much may wait before we stop reading, and a reply in the making fits on top.
 */
size_t output_pause_bytes(const struct worker *w);
/* Sends what waits, or else what was gathered; false if the connection must be closed. */
bool output_send(struct worker *w, struct conn *c);
/* The same for what waits only; there must be something. */
bool output_send_waiting(struct worker *w, struct conn *c);
/* Moves what was gathered to the connection, which must have nothing waiting, without sending it;
 * false on lack of memory. */
bool output_keep(struct worker *w, struct conn *c);
/* Empties the gathering buffer, whose replies were sent or have no receiver any more. */
void output_forget(struct worker *w);

#endif
