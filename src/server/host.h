/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What commands may ask of the server: settings, passwords, facts for INFO, the end. The
 * functions are called by workers, any number at a time; `ud` of each is a net_caller whose `ud`
 * is the server. They may block for the microseconds another one holds the configuration, never
 * on a client.
 */
#ifndef ATTL_SERVER_HOST_H
#define ATTL_SERVER_HOST_H

#include "server/server.h"

/* Fills in all functions but those about clients, which are the net's. */
void host_fill(struct command_host *host, struct server *server);

static inline struct server *
host_server(void *ud)
{
    return ((struct net_caller *)ud)->ud;
}

#endif
