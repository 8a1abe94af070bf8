/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flights: the loads that are under way, at most one per key, and those who wait for them. A flight
 * is born when somebody wins the right to load, and ends with the value; in between it knows the
 * lease (a token that grows and never comes back, and when it ends by itself), whether anybody has
 * written the key since (a watch), how often the source has failed, and the waiters. All that
 * belongs to the lock of the key's partition, so a decision sees the entry and the flight of one
 * moment; only the chains have locks of their own. Who takes waiters out delivers to them after the
 * lock has been let go.
 */
#ifndef ATTL_ENGINE_FLIGHT_H
#define ATTL_ENGINE_FLIGHT_H

#include "cache/entry.h"
#include "engine/flight_rule.h"
#include "engine/timer.h"
#include "engine/watch.h"

struct attl;

enum { FLIGHT_BUCKETS = 256 };

/* Somebody who waits. Belongs to the flight from flight_park() until it is released. */
struct flight_waiter {
    struct flight_waiter *next, *prev;
    struct flight *flight; /* NULL: it is not parked */
    int64_t deadline_ms;   /* ATTL_NO_DEADLINE: none */
    struct flight_wants wants;
    const void *loader; /* the thread in which it would load, or NULL */
    /* Gives it what it has got; without a lock. Takes the waiter over. */
    void (*deliver)(struct flight_waiter *w, const attl_value *value);
    /* When it is released: */
    int status;     /* ATTL_OK, ATTL_STALE, ATTL_NEGATIVE, ATTL_WON, ATTL_MISS, ATTL_E_TIMEOUT */
    uint64_t token; /* of the lease it has won */
    int64_t lease_end_ms;
};

/* Waiters on their way out, and whether any of them wants the value. */
struct flight_release {
    struct flight_waiter *first, *last;
    bool wants_value;
};

struct flight {
    struct flight *next, *prev; /* the chain */
    struct attl *a;
    struct partition *partition;
    struct watch watch;
    struct timer timer;
    bool timer_out; /* armed, or about to fire */
    bool dead;      /* out of the table; the timer's last firing frees it */
    bool watching;
    uint64_t hash;
    uint64_t token; /* of the lease, 0: nobody loads */
    int64_t won_ms, lease_end_ms;
    int64_t retry_ms, forget_ms; /* after a failure */
    unsigned failures;
    const void *loader;                 /* the thread in which the loader runs, or NULL */
    struct flight_waiter *first, *last; /* by deadline */
    size_t waiters;
    size_t key_bytes;
    char key[];
};

struct flight_bucket {
    struct lock lock;
    struct flight *first;
};

enum flight_count {
    FLIGHT_COUNT_STALE,    /* answers from an older value                                */
    FLIGHT_COUNT_NEGATIVE, /* answers that there is no such value                        */
    FLIGHT_COUNT_WON,      /* leases granted                                             */
    FLIGHT_COUNT_EARLY,    /* of them, while the value was fresh                         */
    FLIGHT_COUNT_PROMOTED, /* of them, to somebody who waited                            */
    FLIGHT_COUNT_PARKED,   /* askers that waited                                         */
    FLIGHT_COUNT_TIMEOUT,  /* of them, in vain                                           */
    FLIGHT_COUNT_MISS,     /* askers that would not wait                                 */
    FLIGHT_COUNT_FILLED,
    FLIGHT_COUNT_KEPT,
    FLIGHT_COUNT_FAILED,
    FLIGHT_COUNT_LOST,  /* leases of keys that somebody else wrote                       */
    FLIGHT_COUNT_ENDED, /* leases that ended by themselves                               */
    FLIGHT_COUNT_REENTRANT,
    FLIGHT_COUNT_BUSY,
    FLIGHT_COUNTS
};

struct flight_table {
    struct flight_bucket buckets[FLIGHT_BUCKETS];
    _Atomic uint64_t last_token, dice;
    _Atomic size_t flights, waiting;
    void (*fire)(struct timer *t); /* of every flight's timer; set by who makes the first */
    _Atomic uint64_t counts[FLIGHT_COUNTS];
};

/* `now_ms` is where tokens begin, so that those of an earlier process are smaller. */
void flight_table_init(struct flight_table *t, int64_t now_ms);
/* Frees what is left; nobody waits any more and no timer fires. */
void flight_table_fini(struct attl *a);

static inline void
flight_count(struct flight_table *t, enum flight_count which)
{
    (void)atomic_fetch_add_explicit(&t->counts[which], 1, memory_order_relaxed);
}

/* What is known of an entry with this deadline and life (NULL: none), without its flight. */
struct flight_view flight_view_make(int64_t deadline_ms, const struct life *life);
/* Even bits, for a decision. */
uint64_t flight_throw(struct flight_table *t, uint64_t hash, int64_t now_ms);

/*
 * From here on the key's partition is locked, and `e` has been found with `sees_stale`.
 */

struct flight_result {
    enum flight_verdict verdict;
    struct flight *flight; /* NULL: none */
    uint64_t token;        /* WIN */
    int64_t lease_end_ms;  /* WIN */
    int64_t retry_ms;      /* STALE, WAIT: the source is left alone until then; 0: it is not */
};

/* The same of an entry that may not have been found. */
struct flight_view flight_view_of(const struct entry *e);
/* The key's flight, or NULL. */
struct flight *flight_find(struct attl *a, const struct entry *e);
/*
 * Decides for somebody who asks, and grants the lease on WIN. Waiters whose flight has come to
 * nothing meanwhile are put into `out`. ATTL_OK, ATTL_E_NOMEM, ATTL_E_BUSY (too many flights).
 */
int flight_ask(struct attl *a, const struct entry *e, const struct flight_wants *wants,
               struct flight_release *out, struct flight_result *ret);
/* Lets `w` wait after a WAIT. ATTL_OK, ATTL_E_BUSY. */
int flight_park(struct flight *f, struct flight_waiter *w);
/* Takes it back; false if it has been released. */
bool flight_unpark(struct flight_waiter *w);
/* Whether `token` may still store: ATTL_OK with the flight, or ATTL_E_LEASE_LOST. Settles a flight
 * that has come to nothing. */
int flight_check(struct attl *a, const struct entry *e, uint64_t token, struct flight_release *out,
                 struct flight **ret_flight);
/* The lease lasts `lease_ms` from now on; 0: it is given back, and the next who waits has it. */
void flight_renew(struct flight *f, const struct entry *e, int64_t lease_ms,
                  struct flight_release *out);
/* The value, or that there is none, has been stored: all waiters get `status` and the flight ends.
 */
void flight_land(struct flight *f, int status, struct flight_release *out);
/* The load has failed: the source is left alone for a while, and nobody waits for it. */
void flight_fail(struct flight *f, const struct entry *e, int64_t backoff_ms,
                 struct flight_release *out);
/* The timer has fired. True: that was all, and the caller frees the flight, without the lock. */
bool flight_fired(struct flight *f, const struct entry *e, struct flight_release *out);
void flight_free(struct flight *f);

/* Without the lock: delivers to all that were released; `value` belongs to the caller. */
void flight_deliver(struct flight_release *out, const attl_value *value);

#endif
