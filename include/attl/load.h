/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl/load.h - one load for a thousand callers who miss the same key, in the process and between
 * processes. Part of <attl/attl.h>, which is what programs include. Tokens prove who may store.
 */
#ifndef ATTL_LOAD_H
#define ATTL_LOAD_H

#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A thousand callers who miss the same key cause one load. Whoever asks first wins a lease, the
 * right to load for a limited time, proven by a token; the others get the older value, or wait. An
 * entry is fresh until its soft deadline (or its deadline, if it has no soft one), and may be
 * served as ATTL_STALE from then until its grace is over. A plain write, delete or clear of the key
 * during a lease wins: the later fill gets ATTL_E_LEASE_LOST, and those who wait have what was
 * written, or the first of them the next lease, as soon as the maintenance has run (without
 * cache.background: attl_tick). Expiry and eviction do not count.
 * At most 65536 keys are being loaded, and 65536 wait for one key: beyond it is ATTL_E_BUSY.
 */
#define ATTL_FETCH_NO_STALE 0x01u /* no older value, whatever its grace                        */

typedef struct attl_fetch_opts {
    uint32_t struct_size;
    uint32_t flags;
    int64_t lease_ms;    /* how long the winner has; 0: 5000                                   */
    int64_t wait_ms;     /* attl_submit_fetch: for a value that somebody else loads; 0: not    */
    int64_t stale_ms;    /* how old beyond its freshness a value may be; 0: as old as it gets  */
    int64_t early_ms;    /* renew a fresh value that has no more than this left; 0: do not     */
    uint32_t early_beta; /* renew by chance, the likelier the nearer the end and the slower the
                          * last load (XFetch); in percent, 100 is the optimum; 0: do not       */
    uint32_t reserved;
} attl_fetch_opts;
#define ATTL_FETCH_OPTS_INIT                         \
    {                                                \
        sizeof(attl_fetch_opts), 0, 0, 0, 0, 0, 0, 0 \
    }

typedef struct attl_lease {
    uint32_t struct_size;
    uint32_t has_value; /* 1: *ret_value holds a value                                         */
    uint64_t token;     /* ATTL_WON: proof of the lease; grows, also across restarts           */
    int64_t end_ms;     /* ATTL_WON: when the lease ends by itself, Unix ms                    */
    int64_t retry_ms;   /* the source has failed and is left alone until then; 0: it is not    */
    int64_t fresh_ms;   /* until when the value is fresh, or ATTL_NO_DEADLINE                  */
} attl_lease;
#define ATTL_LEASE_INIT                   \
    {                                     \
        sizeof(attl_lease), 0, 0, 0, 0, 0 \
    }

/*
 * Reads, or wins the right to load. ATTL_OK: a fresh value. ATTL_STALE: an older one, because
 * somebody else loads or the source is left alone. ATTL_WON: load, then fill, keep or fail;
 * *ret_value is the older value, if there is one. ATTL_NEGATIVE: known not to exist. ATTL_MISS:
 * somebody else loads, and there is nothing to serve. Failures: ATTL_E_KEY_*, ATTL_E_BUSY,
 * ATTL_E_NOMEM, ATTL_E_LOADING, ATTL_E_INVALID. opts and ret_value may be NULL. Threads: any.
 * Never blocks; a fresh value is read without a lock. Since 0.3.
 */
ATTL_CHECKED int attl_fetch(attl *cache, attl_slice key, const attl_fetch_opts *opts,
                            attl_value *ret_value, attl_lease *ret_lease);
/*
 * The same as a submission (ATTL_OP_FETCH). Who would get ATTL_MISS waits up to opts->wait_ms,
 * until the value is filled, or the source has failed, or the lease is passed on: then it has
 * ATTL_WON. In the completion `number` is the token, `deadline_ms` the lease's end, and
 * value.data.data is NULL if there is no value. ATTL_OK, ATTL_E_BUSY, ATTL_E_CLOSED, ATTL_E_NOMEM,
 * and the failures above. Since 0.3.
 */
ATTL_CHECKED int attl_submit_fetch(attl_queue *queue, attl_slice key, const attl_fetch_opts *fetch,
                                   const attl_submit_opts *opts, uint64_t *ret_id);

/* The lives of what is filled. What is left out is the namespace's, as for attl_set; a jitter of
 * its own takes the place of the namespace's. */
typedef struct attl_fill_opts {
    uint32_t struct_size;
    uint32_t jitter_percent; /* shorten soft and hard life by up to so much, 0 .. 100; the same
                              * for one key and one deadline, and by the same part for both     */
    int64_t ttl_ms;          /* as in attl_set, but for ATTL_TTL_KEEP                           */
    int64_t soft_ms;         /* fresh for so long; 0: until its deadline                        */
    int64_t grace_ms;        /* kept for stale reads beyond its deadline; 0: not                */
} attl_fill_opts;
#define ATTL_FILL_OPTS_INIT                               \
    {                                                     \
        sizeof(attl_fill_opts), 0, ATTL_TTL_DEFAULT, 0, 0 \
    }
/* Stores for a lease, which ends, and releases those who wait. ATTL_OK, ATTL_E_LEASE_LOST, and the
 * failures of attl_set, after which the lease is still held. opts may be NULL. Since 0.3. */
ATTL_CHECKED int attl_fill(attl *cache, attl_slice key, uint64_t token, attl_slice value,
                           const attl_fill_opts *opts);
/* The source says that the older value has not changed: it begins its life anew. Also ATTL_MISS: it
 * is not there any more, and the lease is still held. Since 0.3. */
ATTL_CHECKED int attl_keep(attl *cache, attl_slice key, uint64_t token, const attl_fill_opts *opts);
/* For attl_fail: as long as the key's namespace says (negative_ttl), or not at all. Since 0.4. */
#define ATTL_NEGATIVE_DEFAULT INT64_C(-1)
/*
 * The load has failed. With negative_ms > 0 that there is no such value is kept for so long (within
 * what the key's namespace allows), and askers get ATTL_NEGATIVE; with ATTL_NEGATIVE_DEFAULT those
 * who wait get it even if the namespace does not keep it. Otherwise nobody loads the key for
 * backoff_ms (0: 1000), twice as long after each further failure in a row, a minute at most; askers
 * get the older value, if there is one, or ATTL_MISS. ATTL_OK, ATTL_E_LEASE_LOST, ATTL_E_INVALID,
 * and the failures of attl_set, after which the lease is still held. Since 0.3.
 */
ATTL_CHECKED int attl_fail(attl *cache, attl_slice key, uint64_t token, int64_t negative_ms,
                           int64_t backoff_ms);
/* The lease lasts lease_ms from now on; 0: it is given back, for the next. ATTL_OK,
 * ATTL_E_LEASE_LOST, ATTL_E_INVALID. Since 0.3. */
ATTL_CHECKED int attl_renew(attl *cache, attl_slice key, uint64_t token, int64_t lease_ms);

/* One load, from its start until it is done, kept or failed. */
typedef struct attl_load attl_load;
/*
 * Loads the value of attl_load_key(load) and calls attl_load_done() or attl_load_keep() before it
 * returns ATTL_OK. Or it returns ATTL_NEGATIVE: there is none; or anything else: it has failed.
 */
typedef int (*attl_loader_fn)(void *ud, attl_load *load);
/* Sees to it that the load is done, kept or failed later, by any thread; must not block. */
typedef void (*attl_executor_fn)(void *ud, attl_load *load);

#define ATTL_LOAD_NO_STALE 0x01u /* no older value, not even if the load fails               */
#define ATTL_LOAD_FRESH                                                   \
    0x02u /* wait for the load although there is an older value, which is \
           * served when the load fails or timeout_ms has passed      */
#define ATTL_LOAD_BACKGROUND                                             \
    0x04u /* attl_get_or_load: serve the older value at once and load in \
           * a thread of the library; `ud` must live that long        */

typedef struct attl_load_opts {
    uint32_t struct_size;
    uint32_t flags;
    int64_t ttl_ms, soft_ms, grace_ms; /* of what is loaded: as in attl_fill_opts              */
    uint32_t jitter_percent;
    uint32_t early_beta;    /* as in attl_fetch_opts                                          */
    uint32_t early_percent; /* renew once so much of the fresh life has passed; 0: do not     */
    uint32_t reserved;
    int64_t stale_ms;          /* as in attl_fetch_opts                                          */
    int64_t lease_ms;          /* after this another caller may load; 0: 30000                   */
    int64_t timeout_ms;        /* how long to wait for somebody else's load; 0: 5000             */
    int64_t negative_ms;       /* how long ATTL_NEGATIVE is kept; 0: as the namespace says       */
    int64_t backoff_ms;        /* as in attl_fail                                                */
    attl_executor_fn executor; /* loads instead of the loader; submissions only; or NULL       */
    void *executor_ud;
    const attl_load *parent; /* on whose behalf this is asked, if in another thread; or NULL   */
    uint64_t user_data;      /* of a submission: comes back in its completion */
} attl_load_opts;
#define ATTL_LOAD_OPTS_INIT                                                                       \
    {                                                                                             \
        sizeof(attl_load_opts), 0, ATTL_TTL_DEFAULT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, \
            NULL, 0                                                                               \
    }

/*
 * The value, loaded by `loader` in the calling thread if nobody else does; who finds a load under
 * way waits for it. ATTL_OK; ATTL_STALE (an older value: the load failed or is under way);
 * ATTL_NEGATIVE; ATTL_E_LOADER (it failed, or has just failed and the source is left alone);
 * ATTL_E_TIMEOUT (the load goes on and may still store); ATTL_E_REENTRANT; and the failures of
 * attl_fetch. If what was loaded could not be stored, or somebody else wrote the key, the caller
 * gets it all the same. A thread that loads cannot be interrupted: timeout_ms is for those who
 * wait. Blocks. Since 0.3.
 */
ATTL_CHECKED int attl_get_or_load(attl *cache, attl_slice key, attl_loader_fn loader, void *ud,
                                  const attl_load_opts *opts, attl_value *ret_value);
/*
 * The same as a submission (ATTL_OP_LOAD): the loader runs in a thread of the library
 * (async.threads), or opts->executor has it run. An older value completes it at once, and the load
 * goes on behind it, unless ATTL_LOAD_FRESH. Never blocks. Since 0.3.
 */
ATTL_CHECKED int attl_submit_get_or_load(attl_queue *queue, attl_slice key, attl_loader_fn loader,
                                         void *ud, const attl_load_opts *opts, uint64_t *ret_id);
/* What is to be loaded. Until the load ends. Since 0.3. */
ATTL_API attl_slice attl_load_key(const attl_load *load);
/* The correlation id of who asked for this load (attl_trace_set), "" if it had none; of several who
 * ask the one that got the lease. While a loader of the library's threads runs it is the thread's.
 * Until the load ends. Since 0.6. */
ATTL_API const char *attl_load_trace(const attl_load *load);
/* The older value, for a source that can say "not modified". ATTL_OK, ATTL_MISS. Since 0.3. */
ATTL_CHECKED int attl_load_stale(const attl_load *load, attl_slice *ret_value);
/* The value is loaded, with the life of the options or of `opts` (may be NULL). Ends the load.
 * Returns what attl_fill returns; who waits gets the value whatever that is, unless it is
 * ATTL_E_LEASE_LOST. Since 0.3. */
ATTL_API int attl_load_done(attl_load *load, attl_slice value, const attl_fill_opts *opts);
/* The older value has not changed. ATTL_MISS does not end the load. Since 0.3. */
ATTL_API int attl_load_keep(attl_load *load, const attl_fill_opts *opts);
/* It has failed: `status` is ATTL_NEGATIVE (there is none) or anything else. Ends the load. Since
 * 0.3. */
ATTL_API int attl_load_fail(attl_load *load, int status);

typedef struct attl_load_stats {
    uint32_t struct_size; /* set by the caller: the library fills no more than this */
    uint32_t reserved;
    uint64_t loading, waiting; /* now: keys with a load or a back-off; askers that wait        */
    uint64_t stale, negative;  /* answers; fresh ones are attl_stats.hits                      */
    uint64_t won, early, promoted; /* leases; of them for a fresh value; of them after waiting */
    uint64_t waited, timeouts;     /* askers that waited; of them in vain                      */
    uint64_t missed;               /* askers with nothing to serve that did not wait           */
    uint64_t filled, kept, failed; /* ends of leases                                           */
    uint64_t lost, ended;     /* leases of keys that somebody wrote; that ended by themselves */
    uint64_t reentrant, busy; /* refused                                                  */
} attl_load_stats;
/* Fills *ret_stats (struct_size must be set). Threads: any. Since 0.3. */
ATTL_API void attl_load_stats_get(attl *cache, attl_load_stats *ret_stats);

#ifdef __cplusplus
}
#endif
#endif
