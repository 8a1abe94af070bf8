/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of INFO that only the server knows: the process, its clients, its traffic. Lines have
 * the names Redis gives them, because monitoring tools index by name; what has no equal there is
 * in the section "attl". Called by workers, any number at a time.
 */
#ifndef ATTL_SERVER_INFO_H
#define ATTL_SERVER_INFO_H

#include "server/server.h"

/* Per second, between now and one to two seconds ago, or the start. */
struct server_rates {
    double requests, in_bytes, out_bytes;
    double hits, misses, sets, expired, evicted;
};

/* Appends the lines of one section (lower case name), nothing for a section that is not ours. */
void info_append(void *ud, const char *section, struct buf *out);
/* Makes the counters of "stats" start from zero. */
void info_reset(void *ud);

/* The net's counters since the last reset. */
struct net_counters server_counters(struct server *server);
struct server_rates server_rates(struct server *server);

#endif
