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
#include "os/trace.h"

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
    struct flight_waiter *waiter;       /* to be parked after a WAIT, or NULL */
    const void *asker;                  /* the thread: it must not ask for what it loads; or NULL */
    const void *loader;                 /* the thread that loads if it wins, or NULL: another */
    uint64_t lineage[LIMIT_LOAD_DEPTH]; /* tokens of loads on whose behalf it asks */
    unsigned depth;
    attl_value *ret_value;
    attl_lease *ret_lease;
    bool insists;      /* would rather wait for a fresh value than have an older one */
    bool parks_winner; /* whoever loads is somebody else: the waiter waits for what it wins, too */
    bool patient;      /* waits also while nobody loads because the source is left alone */
    bool parked;
    bool is_fresh;             /* WON: and the value that is there is still fresh */
    bool failing;              /* WAIT, but nobody loads: the source is left alone */
    char trace[TRACE_MAX + 1]; /* of who asks; load_ask_init() */
};

/* The flights of a new cache get what their timers call. */
void lease_init(struct attl *a);
/*
 * Asks. ATTL_OK, ATTL_STALE, ATTL_NEGATIVE, ATTL_WON; ATTL_MISS: there is nothing to serve, and the
 * waiter is parked if there is one. ATTL_E_REENTRANT, ATTL_E_BUSY, ATTL_E_NOMEM, ATTL_E_KEY_*,
 * ATTL_E_LOADING.
 */
int lease_ask(struct attl *a, attl_slice key, struct lease_ask *ask);
/* Lets a waiter wait for a load that it has started itself. ATTL_OK, ATTL_E_LEASE_LOST,
 * ATTL_E_BUSY.
 */
int lease_park(struct attl *a, attl_slice key, uint64_t token, struct flight_waiter *w);
/* The lease is used by a loader in this thread from now on. ATTL_OK, ATTL_E_LEASE_LOST. */
int lease_mark_loader(struct attl *a, attl_slice key, uint64_t token, const void *loader);
/* Gives a lease back, for the next who waits or asks; nothing happens if it is lost. */
void lease_return(struct attl *a, attl_slice key, uint64_t token);
/* Takes a waiter back; false if it is, or will be, delivered to. */
bool lease_unpark(struct attl *a, attl_slice key, struct flight_waiter *w);
/* Stores for a lease, as attl_fill; ret_value (may be NULL): what was stored. */
int lease_fill(struct attl *a, attl_slice key, uint64_t token, attl_slice value,
               const attl_fill_opts *opts, attl_value *ret_value);
/* Ends the lease without storing anything: those who wait get `status`, and `value` with ATTL_OK.
 */
int lease_pass(struct attl *a, attl_slice key, uint64_t token, int status, attl_slice value);
/* As attl_keep. */
int lease_keep(struct attl *a, attl_slice key, uint64_t token, const attl_fill_opts *opts,
               attl_value *ret_value);
/* As attl_fail. */
int lease_fail(struct attl *a, attl_slice key, uint64_t token, int64_t negative_ms,
               int64_t backoff_ms);
/* Under the lock: takes out the value for those who have been released so far. */
void lease_take_value(struct entry *e, struct lease_call *call);
/* Without it: gives it to them. */
void lease_deliver(struct lease_call *call);

/* Copies an option struct of any release, of at least `least` bytes, over the defaults in `to`. */
int lease_import(const void *from, void *to, size_t size, size_t least);
/* Whether these are milliseconds that can be added to a point in time. */
static inline bool
lease_is_span(int64_t ms)
{
    return ms >= 0 && ms <= LIMIT_TTL_MS;
}
int lease_import_fill_opts(const attl_fill_opts *from, attl_fill_opts *to);
int lease_import_fetch_opts(const attl_fetch_opts *from, attl_fetch_opts *to);
void lease_wants(const attl_fetch_opts *opts, struct flight_wants *ret_wants);

#endif
