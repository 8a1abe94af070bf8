/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes of several keys as one: MSET is a batch (engine/batch.h); RENAME and COPY claim two
 * partitions themselves, because the value of one entry becomes that of another. In a scope they
 * use its claim and its record of the log. Either all of it is done or none, and nobody sees the
 * middle.
 */
#include "api/api.h"

#include "cache/freeze.h"
#include "engine/batch.h"
#include "engine/durability.h"
#include "engine/scope.h"

/* ---- MSET ------------------------------------------------------------------------------------ */

static int
mset_check(struct batch *b, void *ud)
{
    for (size_t i = 0; i < b->n; i++)
        if (api_check_condition(&b->items[i].entry, ud) != ATTL_OK)
            return ATTL_NOT_SET;
    return ATTL_OK;
}

struct mset {
    const attl_slice *keys, *values;
    size_t n;
    attl_set_opts opts;
    int64_t now_ms;
};

static int
mset_validate(struct attl *a, const struct reclaim_reader *r, const struct mset *m)
{
    int status = ATTL_OK;
    for (size_t i = 0; status == ATTL_OK && i < m->n; i++) {
        status = engine_check_key(a, r, m->keys[i]);
        if (status == ATTL_OK)
            status = engine_check_value(a, r, m->values[i].len);
    }
    return status;
}

/* The life of the i-th pair: each key's namespace may want its own. *ret_past: its deadline has
 * passed. */
static int
mset_life(struct batch *b, const struct mset *m, size_t i, struct batch_put *ret_put)
{
    const attl_set_opts *opts = &m->opts;
    struct ttl_wish wish = { .key = m->keys[i],
                             .ttl_ms = opts->ttl_ms,
                             .deadline_ms = opts->deadline_ms,
                             .now_ms = m->now_ms,
                             .life = { opts->soft_ms, opts->grace_ms } };
    struct ttl_given given = { 0 };
    int status = engine_life(b->a, b->self, &wish, &given);
    *ret_put = (struct batch_put){ .value = m->values[i],
                                   .deadline_ms = given.deadline_ms,
                                   .life = given.life,
                                   .keep_deadline = opts->deadline_ms <= 0 &&
                                                    opts->ttl_ms == ATTL_TTL_KEEP };
    if (status < 0 && ret_put->keep_deadline) {
        ret_put->life_status = status; /* others may keep theirs */
        return ATTL_OK;
    }
    return status;
}

/* Adds all pairs; *ret_past: the deadline has passed already, so they go instead. */
static int
mset_fill(struct batch *b, const struct mset *m, bool *ret_past)
{
    struct life_wish life = { m->opts.soft_ms, m->opts.grace_ms };
    int status = life_is_wished(&life) ? engine_check_wish(b->a, b->self, &life) : ATTL_OK;
    if (status == ATTL_OK)
        status = mset_validate(b->a, b->self, m);
    for (size_t i = 0; status == ATTL_OK && i < m->n; i++) {
        struct batch_put put;
        status = mset_life(b, m, i, &put);
        *ret_past |= status == ATTL_DELETED;
        if (status == ATTL_DELETED) {
            batch_add(b, m->keys[i], BATCH_REMOVE);
            status = ATTL_OK;
        } else if (status == ATTL_OK) {
            status = batch_add_put(b, m->keys[i], &put);
        }
    }
    return status;
}

static int
mset_run(struct attl *a, struct mset *m)
{
    struct batch b;
    uint64_t bytes = 0;
    bool past = false;
    for (size_t i = 0; i < m->n; i++)
        bytes += m->keys[i].len + m->values[i].len;
    int status = batch_init(&b, a, m->n, bytes);
    if (status != ATTL_OK)
        return status;
    b.check = mset_check;
    b.ud = &m->opts;
    status = batch_admit(a);
    if (status == ATTL_OK)
        status = mset_fill(&b, m, &past);
    if (status == ATTL_OK)
        status = batch_run(&b);
    if (status == ATTL_OK && past)
        status = ATTL_DELETED;
    else if (status == ATTL_OK)
        cache_count(&a->cache, b.self, COUNT_SETS, m->n);
    batch_fini(&b);
    return batch_settle(a, status);
}

int
attl_mset(attl *a, const attl_slice *keys, const attl_slice *values, size_t n,
          const attl_set_opts *opts)
{
    struct mset m = { keys, values, n, ATTL_SET_OPTS_INIT, engine_now_ms(a) };
    m.opts.ttl_ms = ATTL_TTL_NONE;
    int status = opts ? api_import_set_opts(opts, &m.opts) : ATTL_OK;
    if (status == ATTL_OK &&
        (n > LIMIT_MSET_PAIRS || (m.opts.flags & ~(ATTL_SET_NX | ATTL_SET_XX))))
        status = ATTL_E_INVALID;
    if (status != ATTL_OK || n == 0)
        return status;
    uint64_t max = atomic_load_explicit(&a->cache.max_items, memory_order_relaxed);
    if (max && n > max)
        return ATTL_E_FULL;
    return mset_run(a, &m);
}

/* ---- RENAME and COPY --------------------------------------------------------------------------
 */

/* The value and the life of `from` in stored form; an extent is shared, not copied. */
static void
borrow_value(struct entry *from, struct stored_value *ret_stored)
{
    int64_t number;
    if (from->shape.flags & RECORD_EXTENT) {
        *ret_stored = (struct stored_value){ .flags = RECORD_EXTENT };
        memcpy(&ret_stored->ref, record_value(from->record, &from->shape).data,
               sizeof(ret_stored->ref));
        extent_share(ret_stored->ref.extent);
    } else if (entry_is_integer(from, &number)) {
        stored_value_init_integer(number, ret_stored);
    } else {
        *ret_stored = (struct stored_value){ .bytes = record_value(from->record, &from->shape) };
    }
    ret_stored->has_life = from->has_life;
    if (from->has_life)
        ret_stored->life = from->life;
}

/* When it is gone under its new key, where its hard deadline may be an earlier one. */
static int64_t
carry_life(const struct entry *from, struct stored_value *stored, int64_t hard_ms)
{
    if (hard_ms == from->deadline_ms)
        return from->gone_ms;
    return stored->has_life ? life_move(&stored->life, from->gone_ms, hard_ms) : hard_ms;
}

struct transfer {
    struct attl *a;
    struct scope *scope; /* that the caller is in, or NULL */
    bool keep_source;
    uint32_t flags;
    struct entry from, to;
};

/* Logs what was done to both as one. */
static void
transfer_log(struct transfer *t, struct journal_group *own)
{
    struct journal_group *g = t->scope ? &t->scope->logged : own;
    journal_group_add(t->a, g, &t->to);
    journal_group_add(t->a, g, &t->from);
    notice_entry(t->a, &t->from); /* in the order of Redis' rename_from and rename_to */
    notice_entry(t->a, &t->to);
    if (!t->scope)
        journal_group_append(t->a, t->to.self, g);
}

static bool
is_same_key(const struct index_key *a, const struct index_key *b)
{
    return a->hash == b->hash && a->key.len == b->key.len &&
           (a->key.len == 0 || memcmp(a->key.data, b->key.data, a->key.len) == 0);
}

static int
transfer_reserve(struct transfer *t, struct journal_group *own)
{
    uint64_t bytes = t->from.key.key.len + t->to.key.key.len + entry_value(&t->from).len;
    bool done = t->scope ? journal_group_reserve(t->a, &t->scope->logged,
                                                 2 * journal_op_max_bytes(0, 0) + bytes)
                         : journal_group_init(t->a, own, 2, bytes);
    if (t->scope)
        t->to.log_room = UINT64_MAX; /* just made */
    return done ? ATTL_OK : ATTL_E_NOMEM;
}

static int
transfer_locked(struct transfer *t)
{
    struct entry *from = &t->from, *to = &t->to;
    if (!freeze_ready(from->cache, from->partition) || !freeze_ready(to->cache, to->partition))
        return ATTL_E_NOMEM;
    entry_find(to);
    entry_find(from); /* second: finding `to` may have rebuilt a shared table */
    if (!from->found)
        return ATTL_MISS;
    if ((t->flags & ATTL_SET_NX) && to->found)
        return ATTL_NOT_SET;
    if (is_same_key(&from->key, &to->key))
        return ATTL_OK;
    struct journal_group own = { 0 };
    int status = transfer_reserve(t, &own);
    if (status != ATTL_OK)
        return status;
    struct stored_value stored;
    int64_t deadline_ms;
    borrow_value(from, &stored);
    status = engine_carry(t->a, from, to->key.key, &deadline_ms);
    if (status == ATTL_OK)
        status = entry_put(to, &stored, carry_life(from, &stored, deadline_ms));
    stored_value_fini(&stored);
    if (status == ATTL_OK && !t->keep_source) {
        entry_find(from);
        entry_remove(from, COUNT_DELETES);
    }
    if (status == ATTL_OK)
        transfer_log(t, &own);
    journal_group_fini(&own);
    return status;
}

static int
transfer_in_scope(struct transfer *t)
{
    struct scope *s = t->scope;
    if (!claim_has(&s->claim, t->from.partition) || !claim_has(&s->claim, t->to.partition))
        return ATTL_E_INVALID;
    t->to.urgent = true;
    t->from.now_ms = t->to.now_ms;
    int status = transfer_locked(t);
    if (t->to.written_deadline_ms < s->written_deadline_ms)
        s->written_deadline_ms = t->to.written_deadline_ms;
    return status;
}

static int
transfer_claimed(struct transfer *t)
{
    unsigned round = 0;
    int status;
    struct partition *pair[2];
    struct claim claim = { .cache = &t->a->cache, .list = pair };
    do {
        pair[0] = t->from.partition;
        pair[1] = t->to.partition;
        claim.count = 2;
        claim_sort(&claim);
        t->from.now_ms = t->to.now_ms;
        claim_take(&claim);
        status = transfer_locked(t);
        claim_drop(&claim);
    } while (status < 0 && engine_retry(t->a, &t->to, status, round++));
    engine_settle(t->a, &t->to);
    return status;
}

static int
transfer(attl *a, attl_slice from, attl_slice to, struct transfer *t)
{
    const struct reclaim_reader *r = reclaim_self();
    if (!r)
        return ATTL_E_NOMEM;
    if (t->flags & ~ATTL_SET_NX)
        return ATTL_E_INVALID;
    int status = engine_check_key(a, r, from);
    if (status == ATTL_OK)
        status = engine_check_key(a, r, to);
    if (status == ATTL_OK)
        status = batch_admit(a);
    if (status == ATTL_OK && !t->keep_source)
        status = durability_admit(a, from);
    if (status == ATTL_OK)
        status = durability_admit(a, to);
    if (status != ATTL_OK)
        return status;
    t->a = a;
    t->scope = scope_mine(a, r);
    engine_entry_init(a, r, from, &t->from);
    engine_entry_init(a, r, to, &t->to);
    t->to.replaces = !t->keep_source;
    t->to.unbounded = !t->keep_source && quota_same(a, from, to);
    if (t->scope)
        return transfer_in_scope(t);
    return journal_settle(a, r, transfer_claimed(t));
}

int
attl_rename(attl *a, attl_slice from, attl_slice to, uint32_t flags)
{
    struct transfer t = { .keep_source = false, .flags = flags };
    return transfer(a, from, to, &t);
}

int
attl_copy(attl *a, attl_slice from, attl_slice to, uint32_t flags)
{
    struct transfer t = { .keep_source = true, .flags = flags };
    return transfer(a, from, to, &t);
}
