/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CLIENT TRACKING as sessions and hosts see it: what a connection asked for, and what came of it. A
 * part of command.h, which includes it. The state is the session's; the host keeps it true.
 */
#ifndef ATTL_COMMAND_TRACK_H
#define ATTL_COMMAND_TRACK_H

#include <attl/attl.h>

enum tracking_flag {
    TRACKING_ON = 1 << 0,
    TRACKING_BCAST = 1 << 1,
    TRACKING_OPTIN = 1 << 2,
    TRACKING_OPTOUT = 1 << 3,
    TRACKING_NOLOOP = 1 << 4,
    TRACKING_CACHING = 1 << 5, /* CLIENT CACHING was said, for the next command */
    TRACKING_BROKEN = 1 << 6   /* the client it redirects to has gone */
};

/* CLIENT TRACKING of one connection. */
struct session_tracking {
    unsigned flags;    /* enum tracking_flag */
    uint64_t redirect; /* the client that gets the invalidations; 0: the connection itself */
};

/* What CLIENT TRACKING ON asks for. */
struct tracking_wish {
    unsigned flags; /* TRACKING_BCAST to TRACKING_NOLOOP */
    uint64_t redirect;
    const attl_slice *prefixes;
    size_t prefixes_len;
};

#endif
