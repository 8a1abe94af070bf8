/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Storing and deleting one key. The value is brought into its stored form before the lock is taken,
 * so a large one is copied while nobody waits; the decision under the lock is then a look at the
 * condition and one entry_put(). Nothing is published before everything that can fail has
 * succeeded.
 */
#include "api/api.h"

struct set_op {
    struct stored_value stored;
    const attl_set_opts *opts; /* NULL: unconditional */
    int64_t deadline_ms;
    struct life_wish wish;
    bool keep_deadline;
    int life_status; /* of the life an entry would get that is not there to keep its own */
    bool past;       /* the deadline had passed already when the call was made */
    attl_value *ret_old;
    int had_old;
};

static int
set_change(struct entry *e, void *ud)
{
    struct set_op *op = ud;
    op->had_old = e->found;
    if (op->ret_old && e->found && !op->ret_old->data.data) {
        int status = api_value_from_entry(e, op->ret_old);
        if (status != ATTL_OK)
            return status;
    }
    if (op->opts && api_check_condition(e, op->opts) != ATTL_OK)
        return ATTL_NOT_SET;
    int64_t deadline_ms = op->deadline_ms;
    if (op->keep_deadline && (e->found || e->kept_deadline_ms != ATTL_NO_DEADLINE))
        deadline_ms = e->kept_deadline_ms;
    else if (op->life_status < 0)
        return op->life_status;
    if (op->past) {
        if (e->found)
            entry_remove(e, COUNT_DELETES);
        return ATTL_DELETED;
    }
    if (__builtin_expect(life_is_wished(&op->wish), 0))
        deadline_ms = stored_value_begin(&op->stored, &op->wish, e->now_ms, deadline_ms);
    int status = entry_put(e, &op->stored, deadline_ms);
    if (status == ATTL_OK)
        cache_count(e->cache, e->self, COUNT_SETS, 1);
    return status;
}

int
api_store_value(struct attl *a, const struct reclaim_reader *r, attl_slice key, attl_slice value,
                struct stored_value *ret_stored)
{
    struct entry e;
    if (value.len <= LIMIT_INLINE_VALUE_BYTES)
        return stored_value_init(&a->cache, value, ret_stored);
    engine_entry_init(a, r, key, &e);
    e.hopeless = cache_never_fits(&a->cache, value.len);
    int status = e.hopeless ? ATTL_E_FULL : stored_value_init(&a->cache, value, ret_stored);
    for (unsigned round = 0; status != ATTL_OK && engine_retry(a, &e, status, round); round++)
        status = stored_value_init(&a->cache, value, ret_stored);
    return status;
}

struct set_call {
    attl_slice key, value;
    int64_t ttl_ms, deadline_ms;
    struct life_wish wish;
    const attl_set_opts *opts;
    bool now; /* the log is not waited for */
};

/* The life under the policy of the key's namespace. */
static __attribute__((noinline)) int
set_life(attl *a, const struct reclaim_reader *r, const struct set_call *call, struct set_op *op)
{
    struct ttl_wish wish = { .key = call->key,
                             .ttl_ms = call->ttl_ms,
                             .deadline_ms = call->deadline_ms,
                             .now_ms = engine_now_ms(a),
                             .life = op->wish };
    struct ttl_given given = { .deadline_ms = ATTL_NO_DEADLINE };
    int status = engine_life(a, r, &wish, &given);
    op->deadline_ms = given.deadline_ms;
    op->wish = given.life;
    if (!op->keep_deadline || (status != ATTL_E_TTL_REQUIRED && status != ATTL_E_TTL_RANGE))
        return status;
    op->life_status = status; /* only if there is no life to keep */
    return ATTL_OK;
}

static int
set_prepare(attl *a, const struct reclaim_reader *r, const struct set_call *call, struct set_op *op)
{
    int status = engine_check_key(a, r, call->key);
    if (status == ATTL_OK)
        status = engine_check_value(a, r, call->value.len);
    op->keep_deadline = call->deadline_ms <= 0 && call->ttl_ms == ATTL_TTL_KEEP;
    if (status == ATTL_OK && life_is_wished(&op->wish))
        status = engine_check_wish(a, r, &op->wish);
    if (status == ATTL_OK)
        status = engine_has_namespaces(a)
                     ? set_life(a, r, call, op)
                     : engine_deadline(a, r, call->ttl_ms, call->deadline_ms, 0, &op->deadline_ms);
    op->past = status == ATTL_DELETED;
    if (status == ATTL_OK)
        status = api_store_value(a, r, call->key, call->value, &op->stored);
    return status;
}

/* Member by member, because clearing the room for a life would cost every SET. */
static void
set_op_init(struct set_op *op, const struct set_call *call, attl_value *ret_old)
{
    op->stored.ref.extent = NULL;
    op->stored.has_life = false;
    op->opts = call->opts;
    op->wish = call->wish;
    op->life_status = ATTL_OK;
    op->deadline_ms = ATTL_NO_DEADLINE;
    op->keep_deadline = false;
    op->past = false;
    op->ret_old = ret_old;
    op->had_old = false;
}

static int
set_run(attl *a, const struct set_call *call, attl_value *ret_old, int *ret_had_old)
{
    const struct reclaim_reader *r = reclaim_self();
    if (!r)
        return ATTL_E_NOMEM;
    struct set_op op;
    set_op_init(&op, call, ret_old);
    int status = set_prepare(a, r, call, &op);
    if (status != ATTL_OK && !op.past)
        return status;
    if (ret_old)
        *ret_old = (attl_value)ATTL_VALUE_INIT;
    status = call->now ? engine_change_now(a, call->key, set_change, &op)
                       : engine_change(a, call->key, set_change, &op);
    stored_value_fini(&op.stored);
    if (status < 0 && ret_old)
        attl_value_release(a, ret_old);
    if (ret_had_old)
        *ret_had_old = status >= 0 && op.had_old;
    return status;
}

/* A change that says whether it was made. */
struct told_change {
    engine_change_fn fn;
    void *ud;
    bool made;
};

static int
told_change(struct entry *e, void *ud)
{
    struct told_change *told = ud;
    int status = told->fn(e, told->ud);
    told->made = e->change != ENTRY_SAME;
    return status;
}

int
api_set_told(attl *a, attl_slice key, attl_slice value, int64_t ttl_ms, struct api_told *ret_told)
{
    const struct reclaim_reader *r = reclaim_self();
    struct set_call call = { .key = key, .value = value, .ttl_ms = ttl_ms };
    struct set_op op;
    set_op_init(&op, &call, &ret_told->old);
    *ret_told = (struct api_told){ .old = ATTL_VALUE_INIT };
    int status = r ? set_prepare(a, r, &call, &op) : ATTL_E_NOMEM;
    if (status != ATTL_OK)
        return status;
    struct told_change told = { .fn = set_change, .ud = &op };
    status = engine_change(a, key, told_change, &told);
    stored_value_fini(&op.stored);
    ret_told->changed = told.made;
    ret_told->had_old = told.made && op.had_old;
    return status;
}

int
attl_set(attl *a, attl_slice key, attl_slice value, int64_t ttl_ms)
{
    struct set_call call = { .key = key, .value = value, .ttl_ms = ttl_ms };
    return set_run(a, &call, NULL, NULL);
}

int
api_set_now(attl *a, attl_slice key, attl_slice value, int64_t ttl_ms)
{
    struct set_call call = { .key = key, .value = value, .ttl_ms = ttl_ms, .now = true };
    return set_run(a, &call, NULL, NULL);
}

int
attl_set_if(attl *a, attl_slice key, attl_slice value, const attl_set_opts *opts,
            attl_value *ret_old, int *ret_had_old)
{
    attl_set_opts own;
    int status = api_import_set_opts(opts, &own);
    if (status != ATTL_OK)
        return status;
    if (own.deadline_ms < 0)
        return ATTL_E_TTL_RANGE;
    struct set_call call = { .key = key,
                             .value = value,
                             .ttl_ms = own.ttl_ms,
                             .deadline_ms = own.deadline_ms,
                             .wish = { own.soft_ms, own.grace_ms },
                             .opts = &own };
    return set_run(a, &call, ret_old, ret_had_old);
}

int
attl_cas(attl *a, attl_slice key, uint64_t digest, attl_slice value, int64_t ttl_ms)
{
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.flags = ATTL_SET_IFDEQ;
    opts.digest = digest;
    opts.ttl_ms = ttl_ms;
    return attl_set_if(a, key, value, &opts, NULL, NULL);
}

/* ---- deleting -------------------------------------------------------------------------------- */

static int
del_change(struct entry *e, void *ud)
{
    const attl_set_opts *opts = ud;
    e->unwanted = !e->found && !opts;
    if (!e->found)
        return ATTL_MISS;
    if (opts && api_check_condition(e, opts) != ATTL_OK)
        return ATTL_NOT_SET;
    entry_remove(e, COUNT_DELETES);
    return ATTL_OK;
}

int
attl_del(attl *a, attl_slice key)
{
    return engine_change(a, key, del_change, NULL);
}

int
api_del_now(attl *a, attl_slice key)
{
    return engine_change_now(a, key, del_change, NULL);
}

int
attl_del_if(attl *a, attl_slice key, const attl_set_opts *opts)
{
    attl_set_opts own;
    int status = api_import_set_opts(opts, &own);
    return status == ATTL_OK ? engine_change(a, key, del_change, &own) : status;
}

static int
getdel_change(struct entry *e, void *ud)
{
    e->unwanted = !e->found;
    if (!e->found)
        return ATTL_MISS;
    int status = api_value_from_entry(e, ud);
    if (status == ATTL_OK)
        entry_remove(e, COUNT_DELETES);
    return status;
}

static void
count_read(attl *a, attl_slice key, int status)
{
    const struct reclaim_reader *r = reclaim_self();
    if (r && status >= 0)
        cache_count(&a->cache, r, status == ATTL_MISS ? COUNT_MISSES : COUNT_HITS, 1);
    if (r && status == ATTL_MISS && a->ledger)
        engine_note_miss(a, r, cache_hash(&a->cache, key), false);
}

int
attl_getdel(attl *a, attl_slice key, attl_value *ret_value)
{
    *ret_value = (attl_value)ATTL_VALUE_INIT;
    int status = engine_change(a, key, getdel_change, ret_value);
    count_read(a, key, status);
    return status;
}

int
api_getdel_told(attl *a, attl_slice key, struct api_told *ret_told)
{
    *ret_told = (struct api_told){ .old = ATTL_VALUE_INIT };
    struct told_change told = { .fn = getdel_change, .ud = &ret_told->old };
    int status = engine_change(a, key, told_change, &told);
    ret_told->changed = told.made;
    ret_told->had_old = told.made;
    count_read(a, key, status);
    return status;
}

struct getex_op {
    attl *a;
    bool keep, past;
    int64_t deadline_ms;
    attl_value *ret_value;
};

static int
getex_change(struct entry *e, void *ud)
{
    struct getex_op *op = ud;
    if (!e->found)
        return ATTL_MISS;
    attl_value_release(op->a, op->ret_value); /* of an attempt that found no room */
    int status = api_value_from_entry(e, op->ret_value);
    if (status != ATTL_OK || op->keep)
        return status;
    if (op->past) {
        entry_remove(e, COUNT_DELETES);
        return ATTL_DELETED;
    }
    return entry_set_deadline(e, op->deadline_ms);
}

int
attl_getex(attl *a, attl_slice key, int64_t ttl_ms, int64_t deadline_ms, attl_value *ret_value)
{
    const struct reclaim_reader *r = reclaim_self();
    if (!r)
        return ATTL_E_NOMEM;
    *ret_value = (attl_value)ATTL_VALUE_INIT;
    struct getex_op op = { .a = a,
                           .keep = deadline_ms <= 0 && ttl_ms == ATTL_TTL_KEEP,
                           .ret_value = ret_value };
    struct ttl_wish wish = {
        .key = key, .ttl_ms = ttl_ms, .deadline_ms = deadline_ms, .now_ms = engine_now_ms(a)
    };
    int status = op.keep ? ATTL_OK : engine_life_deadline(a, r, &wish, &op.deadline_ms);
    op.past = status == ATTL_DELETED;
    if (status != ATTL_OK && !op.past)
        return status;
    status = engine_change(a, key, getex_change, &op);
    if (status < 0)
        attl_value_release(a, ret_value);
    count_read(a, key, status);
    return status;
}
