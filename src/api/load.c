/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads from beginning to end. What has been loaded reaches those who wait even if it cannot be
 * stored (no room, too long, no log): a cache that is full must not turn into a source that fails.
 * Only a lost lease keeps it from them, because then there is something newer. A loader that
 * returns without having ended its load has failed.
 */
#include "api/load.h"

#include "engine/value.h"

enum { LEASE_DEFAULT_MS = 30000, TIMEOUT_DEFAULT_MS = 5000, PERCENT = 100 };

static bool
are_spans(const attl_load_opts *o)
{
    return lease_is_span(o->timeout_ms) && lease_is_span(o->stale_ms) &&
           lease_is_span(o->negative_ms) && lease_is_span(o->backoff_ms);
}

int
load_import_opts(const attl_load_opts *from, attl_load_opts *to)
{
    *to = (attl_load_opts)ATTL_LOAD_OPTS_INIT;
    int status = ATTL_OK;
    if (from)
        status = lease_import(from, to, sizeof *to, offsetof(attl_load_opts, ttl_ms));
    if (status != ATTL_OK)
        return status;
    if (to->flags & ~(ATTL_LOAD_NO_STALE | ATTL_LOAD_FRESH | ATTL_LOAD_BACKGROUND))
        return ATTL_E_UNSUPPORTED;
    if (to->lease_ms == 0)
        to->lease_ms = LEASE_DEFAULT_MS;
    if (to->timeout_ms == 0)
        to->timeout_ms = TIMEOUT_DEFAULT_MS;
    if (to->lease_ms < 0 || to->lease_ms > LIMIT_LEASE_MS || !are_spans(to) ||
        to->early_percent > PERCENT)
        return ATTL_E_INVALID;
    attl_fill_opts fill = load_fill_opts(to), checked;
    return lease_import_fill_opts(&fill, &checked);
}

int64_t
load_early_ms(struct attl *a, attl_slice key, const attl_load_opts *opts)
{
    if (opts->early_percent == 0)
        return 0;
    int64_t life_ms = engine_fresh_ms(a, key, opts->ttl_ms, opts->soft_ms);
    return life_ms - life_ms / PERCENT * opts->early_percent;
}

int
load_ask_init(const attl_load_opts *opts, struct lease_ask *ask)
{
    bool no_stale = opts->flags & ATTL_LOAD_NO_STALE;
    ask->wants = (struct flight_wants){
        .lease_ms = opts->lease_ms,
        .stale_ms = no_stale              ? -1
                    : opts->stale_ms == 0 ? INT64_MAX
                                          : opts->stale_ms,
        .early_beta = opts->early_beta,
    };
    ask->insists = opts->flags & ATTL_LOAD_FRESH;
    ask->asker = reclaim_self();
    trace_copy(ask->trace);
    if (!opts->parent)
        return ATTL_OK;
    ask->depth = opts->parent->depth;
    memcpy(ask->lineage, opts->parent->lineage, sizeof ask->lineage);
    return ask->depth < LIMIT_LOAD_DEPTH ? ATTL_OK : ATTL_E_REENTRANT;
}

attl_fill_opts
load_fill_opts(const attl_load_opts *opts)
{
    attl_fill_opts fill = ATTL_FILL_OPTS_INIT;
    fill.jitter_percent = opts->jitter_percent;
    fill.ttl_ms = opts->ttl_ms;
    fill.soft_ms = opts->soft_ms;
    fill.grace_ms = opts->grace_ms;
    return fill;
}

/* ---- ends ------------------------------------------------------------------------------------ */

attl_slice
attl_load_key(const attl_load *load)
{
    return load->key;
}

const char *
attl_load_trace(const attl_load *load)
{
    return load->trace;
}

int
attl_load_stale(const attl_load *load, attl_slice *ret_value)
{
    if (!load->stale.data.data)
        return ATTL_MISS;
    *ret_value = load->stale.data;
    return ATTL_OK;
}

static void
load_free(attl_load *load)
{
    attl_value_release(load->a, &load->stale);
    alloc_free(&load->a->cache.config.alloc, load);
}

static void
end(attl_load *load, int status)
{
    load->ended = true;
    load->status = status;
    if (load->on_heap && !load->in_loader)
        load_free(load);
}

/* A caller's options, or those of the load. */
static int
life_of(const attl_load *load, const attl_fill_opts *opts, attl_fill_opts *ret)
{
    *ret = load_fill_opts(&load->opts);
    return opts ? lease_import_fill_opts(opts, ret) : ATTL_OK;
}

int
attl_load_done(attl_load *load, attl_slice value, const attl_fill_opts *opts)
{
    ASSERT(!load->ended);
    struct attl *a = load->a;
    attl_fill_opts fill;
    int status = life_of(load, opts, &fill);
    if (status == ATTL_OK)
        status = lease_fill(a, load->key, load->token, value, &fill, load->ret_value);
    if (status != ATTL_OK && status != ATTL_E_LEASE_LOST)
        (void)lease_pass(a, load->key, load->token, ATTL_OK, value); /* may be lost by now */
    int outcome = ATTL_OK;
    if (load->ret_value && !load->ret_value->data.data &&
        !value_copy(&a->cache.config.alloc, value, load->ret_value))
        outcome = ATTL_E_NOMEM;
    end(load, outcome);
    return status;
}

int
attl_load_keep(attl_load *load, const attl_fill_opts *opts)
{
    ASSERT(!load->ended);
    attl_fill_opts fill;
    int status = life_of(load, opts, &fill);
    if (status == ATTL_OK)
        status = lease_keep(load->a, load->key, load->token, &fill, load->ret_value);
    if (status == ATTL_MISS || !load->stale.data.data)
        return status; /* there is nothing to keep: it has to be loaded */
    if (status != ATTL_OK && status != ATTL_E_LEASE_LOST)
        (void)lease_pass(load->a, load->key, load->token, ATTL_OK, load->stale.data);
    if (load->ret_value && !load->ret_value->data.data) {
        value_move(load->ret_value, &load->stale);
        load->stale = (attl_value)ATTL_VALUE_INIT;
    }
    end(load, ATTL_OK);
    return status;
}

int
attl_load_fail(attl_load *load, int status)
{
    ASSERT(!load->ended);
    struct attl *a = load->a;
    int done;
    if (status == ATTL_NEGATIVE) {
        int64_t negative_ms = load->opts.negative_ms;
        if (negative_ms == 0)
            negative_ms = ATTL_NEGATIVE_DEFAULT;
        done = lease_fail(a, load->key, load->token, negative_ms, 0);
        if (done != ATTL_OK && done != ATTL_E_LEASE_LOST) /* there is no room for it */
            done = lease_pass(a, load->key, load->token, ATTL_NEGATIVE, attl_b(NULL, 0));
    } else {
        done = lease_fail(a, load->key, load->token, 0, load->opts.backoff_ms);
    }
    end(load, status == ATTL_NEGATIVE ? ATTL_NEGATIVE : ATTL_E_LOADER);
    return done;
}

/* ---- running --------------------------------------------------------------------------------- */

static void
run_loader(attl_load *load)
{
    load->in_loader = true;
    int status = load->loader(load->ud, load);
    if (!load->ended)
        (void)attl_load_fail(load, status); /* its lease may be lost: then that is that */
    load->in_loader = false;
}

static void
run_job(struct pool_job *job)
{
    attl_load *load = (attl_load *)job;
    struct attl *a = load->a;
    if (pool_is_closing(a))
        (void)lease_pass(a, load->key, load->token, ATTL_E_CLOSED, attl_b(NULL, 0));
    else if (lease_mark_loader(a, load->key, load->token, reclaim_self()) == ATTL_OK) {
        trace_set(load->trace); /* the thread is the library's, the request is not */
        run_loader(load);
        trace_set(NULL);
    }
    load_free(load);
}

static void
inherit(attl_load *load, const struct load_spec *spec)
{
    load->depth = spec->ask->depth;
    memcpy(load->lineage, spec->ask->lineage, sizeof load->lineage);
    load->lineage[load->depth++] = spec->token;
    memcpy(load->trace, spec->ask->trace, sizeof load->trace);
}

int
load_start(struct attl *a, const struct load_spec *spec, const attl_value *stale)
{
    attl_load *load = alloc_zero(&a->cache.config.alloc, sizeof *load + spec->key.len);
    if (!load)
        return ATTL_E_NOMEM;
    load->job.run = run_job;
    load->a = a;
    load->token = spec->token;
    load->loader = spec->loader;
    load->ud = spec->ud;
    load->opts = *spec->opts;
    load->on_heap = true;
    if (spec->key.len) /* the empty key may have no address */
        memcpy(load->key_bytes, spec->key.data, spec->key.len);
    load->key = attl_b(load->key_bytes, spec->key.len);
    inherit(load, spec);
    if (!stale->data.data || api_value_share(a, stale, &load->stale) != ATTL_OK)
        load->stale = (attl_value)ATTL_VALUE_INIT; /* the loader does without */
    if (spec->opts->executor) {
        spec->opts->executor(spec->opts->executor_ud, load);
        return ATTL_OK;
    }
    int status = pool_submit(a, &load->job);
    if (status != ATTL_OK)
        load_free(load);
    return status;
}

/* What there was before, if the load came to nothing. */
static int
fall_back(attl_load *load, bool was_fresh)
{
    if (load->status != ATTL_E_LOADER || !load->stale.data.data ||
        (load->opts.flags & ATTL_LOAD_NO_STALE && !was_fresh))
        return load->status;
    value_move(load->ret_value, &load->stale);
    load->stale = (attl_value)ATTL_VALUE_INIT;
    return was_fresh ? ATTL_OK : ATTL_STALE;
}

int
load_run_here(struct attl *a, const struct load_spec *spec, attl_value *stale,
              attl_value *ret_value)
{
    attl_load load = { .a = a,
                       .token = spec->token,
                       .key = spec->key,
                       .loader = spec->loader,
                       .ud = spec->ud,
                       .opts = *spec->opts,
                       .ret_value = ret_value };
    inherit(&load, spec);
    value_move(&load.stale, stale);
    *ret_value = (attl_value)ATTL_VALUE_INIT;
    run_loader(&load);
    int status = fall_back(&load, spec->ask->is_fresh);
    attl_value_release(a, &load.stale);
    return status;
}

void
attl_load_stats_get(attl *a, attl_load_stats *ret_stats)
{
    struct flight_table *t = &a->flights;
    uint64_t n[FLIGHT_COUNTS];
    for (unsigned i = 0; i < FLIGHT_COUNTS; i++)
        n[i] = atomic_load_explicit(&t->counts[i], memory_order_relaxed);
    attl_load_stats s = {
        .loading = atomic_load(&t->flights),
        .waiting = atomic_load(&t->waiting),
        .stale = n[FLIGHT_COUNT_STALE],
        .negative = n[FLIGHT_COUNT_NEGATIVE],
        .won = n[FLIGHT_COUNT_WON],
        .early = n[FLIGHT_COUNT_EARLY],
        .promoted = n[FLIGHT_COUNT_PROMOTED],
        .waited = n[FLIGHT_COUNT_PARKED],
        .timeouts = n[FLIGHT_COUNT_TIMEOUT],
        .missed = n[FLIGHT_COUNT_MISS],
        .filled = n[FLIGHT_COUNT_FILLED],
        .kept = n[FLIGHT_COUNT_KEPT],
        .failed = n[FLIGHT_COUNT_FAILED],
        .lost = n[FLIGHT_COUNT_LOST],
        .ended = n[FLIGHT_COUNT_ENDED],
        .reentrant = n[FLIGHT_COUNT_REENTRANT],
        .busy = n[FLIGHT_COUNT_BUSY],
    };
    sized_export(&s, sizeof s, ret_stats);
}
