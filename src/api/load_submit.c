/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fetching and loading as submissions. The submission is open before the key is asked for, so
 * everything that comes after is a completion; its waiter is parked at the flight and carries the
 * worker's reference, which whoever takes the waiter out drops. A cancellation takes it out itself,
 * or finds that it is being delivered to, and then the delivery finds the submission decided. A
 * lease that was won for somebody who has gone is given back.
 */
#include "api/load.h"

#include "engine/submission.h"
#include "engine/value.h"

struct parked {
    struct submission s;
    struct flight_waiter waiter;
    bool loads; /* attl_submit_get_or_load */
    attl_loader_fn loader;
    void *ud;
    attl_load_opts opts;
    struct lease_ask ask;
    attl_lease lease;
    size_t key_len;
    char key[];
};

static attl_slice
key_of(const struct parked *p)
{
    return attl_b(p->key, p->key_len);
}

/* Everything is decided. Takes `value` and the worker's reference over; false: too late. */
static bool
complete(struct parked *p, int status, const attl_value *value, const attl_lease *lease)
{
    attl_completion c = { .status = status, .deadline_ms = ATTL_NO_DEADLINE };
    value_move(&c.value, value);
    if (lease && status == ATTL_WON) {
        c.number = lease->token;
        c.deadline_ms = lease->end_ms;
    } else {
        c.deadline_ms = value->deadline_ms;
    }
    return submission_complete(&p->s, &c);
}

static bool
complete_status(struct parked *p, int status)
{
    attl_value none = ATTL_VALUE_INIT;
    return complete(p, status, &none, NULL);
}

/* The load that this one has won, for itself and all others. */
static int
start(struct parked *p, uint64_t token, const attl_value *stale)
{
    struct load_spec spec = { .key = key_of(p),
                              .token = token,
                              .loader = p->loader,
                              .ud = p->ud,
                              .opts = &p->opts,
                              .ask = &p->ask };
    return load_start(p->s.cache, &spec, stale);
}

/* ---- deliveries ------------------------------------------------------------------------------ */

/* Whoever waited is to load: it goes on waiting, for its own load. */
static void
load_promoted(struct parked *p)
{
    struct attl *a = p->s.cache;
    uint64_t token = p->waiter.token;
    attl_value none = ATTL_VALUE_INIT;
    if (submission_is_over(&p->s)) {
        lease_return(a, key_of(p), token); /* for the next; lost is as well */
        (void)complete_status(p, ATTL_E_CANCELED);
        return;
    }
    submission_ref(&p->s); /* once it is parked anybody may complete it */
    int status = lease_park(a, key_of(p), token, &p->waiter);
    if (status != ATTL_OK)
        (void)complete_status(p, ATTL_E_BUSY); /* somebody wrote it, or too many wait */
    else if ((status = start(p, token, &none)) != ATTL_OK)
        (void)lease_pass(a, key_of(p), token, status, attl_b(NULL, 0));
    submission_unref(&p->s);
}

static int
status_for(const struct parked *p, int status)
{
    if (p->loads)
        return status == ATTL_MISS ? ATTL_E_LOADER : status;
    return status == ATTL_E_TIMEOUT ? ATTL_MISS : status;
}

static void
deliver_parked(struct flight_waiter *w, const attl_value *value)
{
    struct parked *p = (struct parked *)((char *)w - offsetof(struct parked, waiter));
    struct attl *a = p->s.cache;
    int status = status_for(p, w->status);
    if (p->loads && status == ATTL_WON) {
        load_promoted(p);
        return;
    }
    attl_value own = ATTL_VALUE_INIT;
    if (status == ATTL_OK || status == ATTL_STALE || status == ATTL_WON) {
        bool has = value && api_value_share(a, value, &own) == ATTL_OK;
        if (!has && status != ATTL_WON)
            status = ATTL_E_BUSY;
    }
    attl_lease lease = { .token = w->token, .end_ms = w->lease_end_ms };
    submission_ref(&p->s);
    if (!complete(p, status, &own, &lease) && status == ATTL_WON)
        lease_return(a, key_of(p), lease.token); /* for the next; lost is as well */
    submission_unref(&p->s);
}

static void
abandon_parked(struct submission *s)
{
    struct parked *p = (struct parked *)s;
    if (lease_unpark(s->cache, key_of(p), &p->waiter))
        submission_unref(s); /* nobody else will */
}

/* ---- submitting ------------------------------------------------------------------------------ */

static int
parked_new(attl_queue *q, uint32_t kind, attl_slice key, const struct submission_spec *spec,
           struct parked **ret)
{
    struct attl *a = completion_cache(q);
    const struct reclaim_reader *r = reclaim_self();
    int status = !r ? ATTL_E_NOMEM : a ? engine_check_key(a, r, key) : ATTL_E_CLOSED;
    if (status != ATTL_OK)
        return status;
    struct submission *s;
    status = submission_new(q, sizeof(struct parked) + key.len, kind, spec, &s);
    if (status != ATTL_OK)
        return status;
    struct parked *p = (struct parked *)s;
    s->abandoned = abandon_parked;
    p->waiter.deliver = deliver_parked;
    p->waiter.deadline_ms = ATTL_NO_DEADLINE;
    p->key_len = key.len;
    if (key.len) /* the empty key may have no address */
        memcpy(p->key, key.data, key.len);
    p->ask.waiter = &p->waiter;
    p->ask.ret_lease = &p->lease;
    *ret = p;
    return ATTL_OK;
}

/* It has won: the load is started, and an older value is an answer meanwhile. */
static int
load_won(struct parked *p, const attl_value *older)
{
    struct attl *a = p->s.cache;
    int started = start(p, p->lease.token, older);
    if (started != ATTL_OK && p->ask.parked)
        (void)lease_pass(a, key_of(p), p->lease.token, started, attl_b(NULL, 0));
    else if (started != ATTL_OK)
        lease_return(a, key_of(p), p->lease.token); /* somebody else may do it */
    if (older->data.data)
        return p->ask.is_fresh ? ATTL_OK : ATTL_STALE;
    return started == ATTL_OK ? ATTL_E_BUSY : started; /* if it is not parked, too many wait */
}

/* The question. What is not parked by it is complete. */
static void
ask_parked(struct parked *p)
{
    struct attl *a = p->s.cache;
    attl_value value = ATTL_VALUE_INIT;
    p->ask.ret_value = &value;
    p->waiter.wants = p->ask.wants;
    int status = lease_ask(a, key_of(p), &p->ask);
    if (p->loads && status == ATTL_WON)
        status = load_won(p, &value);
    else if (p->loads && status == ATTL_MISS)
        status = p->ask.failing ? ATTL_E_LOADER : ATTL_E_TIMEOUT;
    if (p->ask.parked)
        attl_value_release(a, &value);
    else if (!complete(p, status, &value, &p->lease) && status == ATTL_WON)
        lease_return(a, key_of(p), p->lease.token); /* it was cancelled meanwhile */
}

static void
submit(struct parked *p, const struct submission_spec *spec, uint64_t *ret_id)
{
    submission_ref(&p->s);
    submission_open(&p->s, spec);
    if (ret_id)
        *ret_id = p->s.id;
    ask_parked(p);
    submission_unref(&p->s);
}

int
attl_submit_fetch(attl_queue *q, attl_slice key, const attl_fetch_opts *fetch,
                  const attl_submit_opts *opts, uint64_t *ret_id)
{
    attl_fetch_opts own;
    struct submission_spec spec;
    struct parked *p = NULL;
    int status = lease_import_fetch_opts(fetch, &own);
    if (status == ATTL_OK)
        status = submission_spec_of(opts, &spec);
    if (status == ATTL_OK)
        status = parked_new(q, ATTL_OP_FETCH, key, &spec, &p);
    if (status != ATTL_OK)
        return status;
    lease_wants(&own, &p->ask.wants);
    p->ask.patient = true;
    if (own.wait_ms > 0)
        p->waiter.deadline_ms = engine_now_ms(p->s.cache) + own.wait_ms;
    else
        p->ask.waiter = NULL;
    submit(p, &spec, ret_id);
    return ATTL_OK;
}

int
attl_submit_get_or_load(attl_queue *q, attl_slice key, attl_loader_fn loader, void *ud,
                        const attl_load_opts *opts, uint64_t *ret_id)
{
    attl_load_opts own;
    struct lease_ask ask = { .parks_winner = true };
    struct parked *p = NULL;
    int status = load_import_opts(opts, &own);
    if (status == ATTL_OK && !loader == !own.executor)
        status = ATTL_E_INVALID;
    if (status == ATTL_OK)
        status = load_ask_init(&own, &ask);
    struct submission_spec spec = { .user_data = own.user_data };
    if (status == ATTL_OK)
        status = parked_new(q, ATTL_OP_LOAD, key, &spec, &p);
    if (status != ATTL_OK)
        return status;
    ask.waiter = p->ask.waiter;
    ask.ret_lease = p->ask.ret_lease;
    p->ask = ask;
    p->loads = true;
    p->loader = loader;
    p->ud = ud;
    p->opts = own;
    p->ask.wants.early_ms = load_early_ms(p->s.cache, key, &own);
    p->waiter.deadline_ms = engine_now_ms(p->s.cache) + own.timeout_ms;
    submit(p, &spec, ret_id);
    return ATTL_OK;
}
