/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading once, as the files of this folder do it: each call locks the key's partition, puts the
 * question to the flights, takes out the value that is to be served, and delivers to those who
 * waited after the lock has been let go. A `lease_call` carries one such call through the lock; it
 * lives on the caller's stack. Whoever parks a waiter keeps its memory until it is delivered to or
 * unparked.
 */
#ifndef ATTL_API_LEASE_H
#define ATTL_API_LEASE_H

#include "api/api.h"

/* What all calls bring back through the lock. */
struct lease_call {
    struct attl *a;
    struct flight_release release;
    attl_value value; /* for those who are released */
    bool has_value;
};

/* An asker. */
struct lease_ask {
    struct lease_call call;
    struct flight_wants wants;
    struct flight_waiter *waiter; /* to be parked after a WAIT, or NULL */
    const void *loader;           /* who loads if it wins, and must not ask again; or NULL */
    uint64_t lineage[LIMIT_LOAD_DEPTH]; /* tokens of loads on whose behalf it asks */
    unsigned depth;
    attl_value *ret_value;
    attl_lease *ret_lease;
    bool patient; /* waits also while nobody loads because the source is left alone */
    bool parked;
    bool failing; /* WAIT, but nobody loads: the source is left alone */
};

/*
 * Asks. ATTL_OK, ATTL_STALE, ATTL_NEGATIVE, ATTL_WON; ATTL_MISS: there is nothing to serve, and the
 * waiter is parked if there is one. ATTL_E_REENTRANT, ATTL_E_BUSY, ATTL_E_NOMEM, ATTL_E_KEY_*,
 * ATTL_E_LOADING.
 */
int lease_ask(struct attl *a, attl_slice key, struct lease_ask *ask);
/* Takes a waiter back; false if it is, or will be, delivered to. */
bool lease_unpark(struct attl *a, attl_slice key, struct flight_waiter *w);
/* Stores for a lease, as attl_fill; ret_value (may be NULL): what was stored. */
int lease_fill(struct attl *a, attl_slice key, uint64_t token, attl_slice value,
               const attl_fill_opts *opts, attl_value *ret_value);
/* As attl_keep. */
int lease_keep(struct attl *a, attl_slice key, uint64_t token, const attl_fill_opts *opts,
               attl_value *ret_value);
/* As attl_fail. */
int lease_fail(struct attl *a, attl_slice key, uint64_t token, int64_t negative_ms,
               int64_t backoff_ms);
/* Reads option structs of other releases. */
int lease_import_fill_opts(const attl_fill_opts *from, attl_fill_opts *to);
int lease_import_fetch_opts(const attl_fetch_opts *from, attl_fetch_opts *to);
void lease_wants(const attl_fetch_opts *opts, struct flight_wants *ret_wants);

#endif
