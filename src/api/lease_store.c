/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the winner of a lease does with it: it stores the value, keeps the older one, says that
 * there is none, or that the source has failed. Each is refused, under the lock that would publish
 * it, if the lease is lost. All but the last are changes like any other and go to the log; those
 * who waited are told when the change is as durable as the caller's own acknowledgement.
 */
#include "api/lease.h"

#include "engine/value.h"

enum { BACKOFF_DEFAULT_MS = 1000 };

int
lease_import_fill_opts(const attl_fill_opts *from, attl_fill_opts *to)
{
    *to = (attl_fill_opts)ATTL_FILL_OPTS_INIT;
    int status = from ? lease_import(from, to, sizeof *to, offsetof(attl_fill_opts, ttl_ms))
                      : ATTL_OK;
    if (status != ATTL_OK)
        return status;
    if (to->ttl_ms == ATTL_TTL_KEEP || to->jitter_percent > 100)
        return ATTL_E_INVALID;
    return lease_is_span(to->soft_ms) && lease_is_span(to->grace_ms) ? ATTL_OK : ATTL_E_TTL_RANGE;
}

/* Stores, or keeps what is there, for a lease. */
struct lease_store {
    struct lease_call call;
    uint64_t token;
    struct stored_value stored;
    struct life_wish wish;
    int64_t hard_ms;
    attl_value *ret_value; /* NULL: not wanted */
};

/* How long the load took, as far as that can be remembered. */
static uint32_t
load_ms(const struct entry *e, const struct flight *f)
{
    int64_t took_ms = e->now_ms - f->won_ms;
    return took_ms < UINT32_MAX ? (uint32_t)took_ms : UINT32_MAX;
}

/* Everybody gets the value that is stored now. */
static void
land(struct entry *e, struct lease_store *st, struct flight *f, int status)
{
    flight_land(f, status, &st->call.release);
    lease_take_value(e, &st->call);
    if (st->ret_value && api_value_from_entry(e, st->ret_value) != ATTL_OK)
        *st->ret_value = (attl_value)ATTL_VALUE_INIT;
}

static int
fill_change(struct entry *e, void *ud)
{
    struct lease_store *st = ud;
    struct flight *f;
    int status = flight_check(st->call.a, e, st->token, &st->call.release, &f);
    lease_take_value(e, &st->call);
    if (status != ATTL_OK)
        return status;
    int64_t gone_ms = stored_value_begin(&st->stored, &st->wish, e->now_ms, st->hard_ms);
    st->stored.life.load_ms = load_ms(e, f);
    status = entry_put(e, &st->stored, gone_ms);
    if (status != ATTL_OK)
        return status;
    cache_count(e->cache, e->self, COUNT_SETS, 1);
    flight_count(&st->call.a->flights, FLIGHT_COUNT_FILLED);
    land(e, st, f, ATTL_OK);
    return ATTL_OK;
}

static int
keep_change(struct entry *e, void *ud)
{
    struct lease_store *st = ud;
    struct flight *f;
    int status = flight_check(st->call.a, e, st->token, &st->call.release, &f);
    lease_take_value(e, &st->call);
    if (status != ATTL_OK)
        return status;
    if (!e->found || (e->has_life && (e->life.flags & LIFE_NEGATIVE)))
        return ATTL_MISS;
    struct life life;
    int64_t gone_ms;
    bool has_life = life_begin(&st->wish, e->now_ms, st->hard_ms, &life, &gone_ms);
    life.load_ms = load_ms(e, f);
    status = has_life || e->has_life ? entry_set_life(e, &life, gone_ms)
                                     : entry_set_deadline(e, st->hard_ms);
    if (status != ATTL_OK)
        return status;
    flight_count(&st->call.a->flights, FLIGHT_COUNT_KEPT);
    land(e, st, f, ATTL_OK);
    return ATTL_OK;
}

/*
 * The lives of what is to be stored: what the caller left out is its namespace's. A jitter of the
 * caller's own takes the place of the namespace's and shortens both lives by the same part.
 */
static int
begin_store(struct lease_store *st, const struct reclaim_reader *r, attl_slice key,
            const attl_fill_opts *opts)
{
    struct attl *a = st->call.a;
    int64_t now_ms = engine_now_ms(a);
    st->wish = (struct life_wish){ .soft_ms = opts->soft_ms, .grace_ms = opts->grace_ms };
    int status = engine_check_key(a, r, key);
    if (status == ATTL_OK && life_is_wished(&st->wish))
        status = engine_check_wish(a, r, &st->wish);
    struct ttl_wish wish = { .key = key,
                             .ttl_ms = opts->ttl_ms,
                             .now_ms = now_ms,
                             .life = st->wish,
                             .own_jitter = opts->jitter_percent > 0 };
    struct ttl_given given = { .deadline_ms = ATTL_NO_DEADLINE };
    if (status == ATTL_OK)
        status = engine_life(a, r, &wish, &given);
    st->hard_ms = given.deadline_ms;
    st->wish = given.life;
    if (status != ATTL_OK || !opts->jitter_percent)
        return status;
    uint64_t hash = cache_hash(&a->cache, key);
    int64_t end_ms = st->hard_ms;
    if (end_ms != ATTL_NO_DEADLINE)
        st->hard_ms = now_ms +
                      flight_jitter_ms(end_ms - now_ms, opts->jitter_percent, hash, end_ms);
    st->wish.soft_ms = flight_jitter_ms(st->wish.soft_ms, opts->jitter_percent, hash, end_ms);
    return ATTL_OK;
}

static struct lease_store
new_store(struct attl *a, uint64_t token, attl_value *ret_value)
{
    return (struct lease_store){ .call = { .a = a, .value = ATTL_VALUE_INIT },
                                 .token = token,
                                 .ret_value = ret_value };
}

int
lease_fill(struct attl *a, attl_slice key, uint64_t token, attl_slice value,
           const attl_fill_opts *opts, attl_value *ret_value)
{
    const struct reclaim_reader *r = reclaim_self();
    if (!r)
        return ATTL_E_NOMEM;
    struct lease_store st = new_store(a, token, ret_value);
    int status = begin_store(&st, r, key, opts);
    if (status == ATTL_OK)
        status = engine_check_value(a, r, value.len);
    if (status == ATTL_OK)
        status = api_store_value(a, r, key, value, &st.stored);
    if (status != ATTL_OK)
        return status;
    status = engine_change_stale(a, key, fill_change, &st);
    stored_value_fini(&st.stored);
    lease_deliver(&st.call);
    return status;
}

struct lease_pass {
    struct lease_call call;
    uint64_t token;
    int status;
};

static int
pass_change(struct entry *e, void *ud)
{
    struct lease_pass *pass = ud;
    struct flight *f;
    int status = flight_check(pass->call.a, e, pass->token, &pass->call.release, &f);
    if (status == ATTL_OK)
        flight_land(f, pass->status, &pass->call.release);
    else
        lease_take_value(e, &pass->call);
    return status;
}

int
lease_pass(struct attl *a, attl_slice key, uint64_t token, int status, attl_slice value)
{
    struct lease_pass pass = { .call = { .a = a, .value = ATTL_VALUE_INIT },
                               .token = token,
                               .status = status };
    int done = engine_restore(a, key, pass_change, &pass);
    if (done == ATTL_OK && status == ATTL_OK && pass.call.release.first)
        pass.call.has_value = value_copy(&a->cache.config.alloc, value, &pass.call.value);
    lease_deliver(&pass.call);
    return done;
}

int
lease_keep(struct attl *a, attl_slice key, uint64_t token, const attl_fill_opts *opts,
           attl_value *ret_value)
{
    const struct reclaim_reader *r = reclaim_self();
    if (!r)
        return ATTL_E_NOMEM;
    struct lease_store st = new_store(a, token, ret_value);
    int status = begin_store(&st, r, key, opts);
    if (status == ATTL_OK)
        status = engine_change_stale(a, key, keep_change, &st);
    lease_deliver(&st.call);
    return status;
}

/* The source has no such value: that is stored, too. */
static int
negative_change(struct entry *e, void *ud)
{
    struct lease_store *st = ud;
    struct flight *f;
    int status = flight_check(st->call.a, e, st->token, &st->call.release, &f);
    lease_take_value(e, &st->call);
    if (status != ATTL_OK)
        return status;
    status = entry_put(e, &st->stored, st->hard_ms);
    if (status != ATTL_OK)
        return status;
    flight_land(f, ATTL_NEGATIVE, &st->call.release);
    return ATTL_OK;
}

struct lease_fail {
    struct lease_call call;
    uint64_t token;
    int64_t backoff_ms;
};

static int
fail_change(struct entry *e, void *ud)
{
    struct lease_fail *fail = ud;
    struct flight *f;
    int status = flight_check(fail->call.a, e, fail->token, &fail->call.release, &f);
    if (status == ATTL_OK)
        flight_fail(f, e, fail->backoff_ms, &fail->call.release);
    lease_take_value(e, &fail->call);
    return status;
}

/* Stores for `negative_ms` that there is no value, as the namespace lets it. */
static int
lease_fail_negative(struct attl *a, attl_slice key, uint64_t token, int64_t negative_ms)
{
    struct lease_store st = new_store(a, token, NULL);
    struct ttl_wish wish = { .key = key, .ttl_ms = negative_ms, .now_ms = engine_now_ms(a) };
    int status = engine_life_deadline(a, reclaim_self(), &wish, &st.hard_ms);
    if (status != ATTL_OK)
        return status;
    st.stored = (struct stored_value){
        .has_life = true,
        .life = { .soft_ms = ATTL_NO_DEADLINE, .hard_ms = st.hard_ms, .flags = LIFE_NEGATIVE }
    };
    status = engine_change_stale(a, key, negative_change, &st);
    lease_deliver(&st.call);
    return status;
}

int
lease_fail(struct attl *a, attl_slice key, uint64_t token, int64_t negative_ms, int64_t backoff_ms)
{
    bool by_default = negative_ms == ATTL_NEGATIVE_DEFAULT;
    if ((!by_default && !lease_is_span(negative_ms)) || !lease_is_span(backoff_ms))
        return ATTL_E_INVALID;
    const struct reclaim_reader *r = reclaim_self();
    int status = r ? engine_check_key(a, r, key) : ATTL_E_NOMEM;
    if (status != ATTL_OK)
        return status;
    if (by_default)
        negative_ms = engine_negative_ms(a, key);
    if (negative_ms > 0) {
        status = lease_fail_negative(a, key, token, negative_ms);
    } else if (by_default) { /* not to be kept: only those who wait hear of it */
        status = lease_pass(a, key, token, ATTL_NEGATIVE, attl_b(NULL, 0));
    } else {
        struct lease_fail fail = { .call = { .a = a, .value = ATTL_VALUE_INIT },
                                   .token = token,
                                   .backoff_ms = backoff_ms ? backoff_ms : BACKOFF_DEFAULT_MS };
        status = engine_restore(a, key, fail_change, &fail);
        lease_deliver(&fail.call);
    }
    if (status == ATTL_OK)
        flight_count(&a->flights, FLIGHT_COUNT_FAILED);
    return status;
}

int
attl_fill(attl *a, attl_slice key, uint64_t token, attl_slice value, const attl_fill_opts *opts)
{
    attl_fill_opts own;
    int status = lease_import_fill_opts(opts, &own);
    return status == ATTL_OK ? lease_fill(a, key, token, value, &own, NULL) : status;
}

int
attl_keep(attl *a, attl_slice key, uint64_t token, const attl_fill_opts *opts)
{
    attl_fill_opts own;
    int status = lease_import_fill_opts(opts, &own);
    return status == ATTL_OK ? lease_keep(a, key, token, &own, NULL) : status;
}

int
attl_fail(attl *a, attl_slice key, uint64_t token, int64_t negative_ms, int64_t backoff_ms)
{
    return lease_fail(a, key, token, negative_ms, backoff_ms);
}
