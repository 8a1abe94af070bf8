/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A load: the handle a loader gets, in the calling thread, on the pool or in the caller's executor.
 * It knows its lease; ending it (done, kept, failed) ends the lease, and whoever waits gets what
 * came of it. One of the stack belongs to the call that made it; one of the heap belongs to
 * whoever is to end it, and is freed by that. Between start and end nothing is locked.
 */
#ifndef ATTL_API_LOAD_H
#define ATTL_API_LOAD_H

#include "api/lease.h"
#include "engine/pool.h"

struct attl_load {
    struct pool_job job;
    struct attl *a;
    uint64_t token;
    attl_slice key;
    attl_loader_fn loader;
    void *ud;
    attl_load_opts opts;
    attl_value stale; /* data.data is NULL if there is none */
    bool on_heap;
    bool in_loader; /* the loader runs: its caller frees */
    bool ended;
    int status;                         /* what came of it */
    attl_value *ret_value;              /* NULL, or who called: gets the value */
    uint64_t lineage[LIMIT_LOAD_DEPTH]; /* its own token last */
    unsigned depth;
    char trace[TRACE_MAX + 1]; /* of who asks */
    char key_bytes[];
};

/* A caller's options with defaults in place. ATTL_OK, ATTL_E_INVALID, ATTL_E_UNSUPPORTED. */
int load_import_opts(const attl_load_opts *from, attl_load_opts *to);
/* The asker's part of them. ATTL_OK, ATTL_E_REENTRANT (loads of loads of loads ...). */
int load_ask_init(const attl_load_opts *opts, struct lease_ask *ask);
/* What of it depends on the key's namespace: how much of the fresh life is left when it is renewed
 * early. */
int64_t load_early_ms(struct attl *a, attl_slice key, const attl_load_opts *opts);
/* The fill's part of them. */
attl_fill_opts load_fill_opts(const attl_load_opts *opts);

struct load_spec {
    attl_slice key;
    uint64_t token;
    attl_loader_fn loader;
    void *ud;
    const attl_load_opts *opts;
    const struct lease_ask *ask; /* its lineage */
};

/*
 * Starts a load on the pool, or in the executor of the options; shares `stale` (data.data may be
 * NULL). ATTL_OK, or a failure after which the lease is still held.
 */
int load_start(struct attl *a, const struct load_spec *spec, const attl_value *stale);
/* Runs the loader here, for a lease just won. */
int load_run_here(struct attl *a, const struct load_spec *spec, attl_value *stale,
                  attl_value *ret_value);

#endif
