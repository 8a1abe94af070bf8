/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading: one key or many, by copy, by pin or by visitor. No lock is taken; the epoch is left
 * before the caller sees a copied or pinned value, and after the visitor returns. Batches go
 * through the prefetching passes in groups of 32 keys, so that the misses of one key hide behind
 * those of the others.
 */
#include "api/api.h"

#include "engine/scope.h"

struct read_call {
    struct attl *a;
    struct reclaim_reader *self;
    int64_t now_ms;
};

/* Step 1 of every read. */
static int
read_begin(struct attl *a, attl_slice key, struct read_call *ret_call)
{
    struct reclaim_reader *self = reclaim_self();
    if (!self)
        return ATTL_E_NOMEM;
    *ret_call = (struct read_call){ .a = a, .self = self };
    return engine_check_key(a, self, key);
}

/* What a plain read sees; inside the epoch. */
static inline unsigned
plain_flags(struct attl *a, attl_slice key, unsigned flags)
{
    if (__builtin_expect(atomic_load_explicit(&a->serves_stale, memory_order_relaxed), 0))
        flags |= engine_read_flags(a, key);
    return flags;
}

/* Enters the epoch and reads; the caller leaves it. */
static int
read_enter(struct read_call *call, attl_slice key, unsigned flags, struct read_view *view)
{
    struct cache *c = &call->a->cache;
    struct sample sample = { .begun_ns = sample_begin(call->self) };
    struct index_key k = { .key = key, .hash = cache_hash(c, key) };
    call->now_ms = engine_now_ms(call->a);
    reclaim_enter(call->self);
    int status = read_key(c, &k, call->now_ms, plain_flags(call->a, key, flags), view);
    if (__builtin_expect(sample.begun_ns != 0, 0))
        sample_end(call->a, call->self, CONTROL_READ, &k,
                   key.len + (status == ATTL_OK ? view->value.len : 0), &sample);
    if (status != ATTL_E_BUSY)
        cache_count(c, call->self, status == ATTL_OK ? COUNT_HITS : COUNT_MISSES, 1);
    if (status == ATTL_MISS)
        engine_note_miss(call->a, call->self, k.hash, view->deadline_ms != ATTL_NO_DEADLINE);
    return status;
}

int
attl_get(attl *a, attl_slice key, void *buf, size_t buf_len, size_t *ret_len)
{
    struct read_call call;
    int status = read_begin(a, key, &call);
    if (status != ATTL_OK)
        return status;
    struct read_view view;
    status = read_enter(&call, key, READ_TOUCH, &view);
    if (status == ATTL_OK) {
        if (ret_len)
            *ret_len = view.value.len;
        if (view.value.len > buf_len)
            status = ATTL_E_BUFFER;
        else if (view.value.len)
            memcpy(buf, view.value.data, view.value.len);
    }
    reclaim_exit(call.self);
    return status;
}

int
attl_get_pin(attl *a, attl_slice key, attl_value *ret_value)
{
    struct read_call call;
    int status = read_begin(a, key, &call);
    if (status != ATTL_OK)
        return status;
    struct read_view view;
    status = read_enter(&call, key, READ_TOUCH | READ_PIN, &view);
    if (status == ATTL_OK)
        api_value_from_view(&view, ret_value);
    reclaim_exit(call.self);
    return status;
}

int
attl_get_visit(attl *a, attl_slice key, attl_visit_fn fn, void *ud)
{
    struct read_call call;
    int status = read_begin(a, key, &call);
    if (status != ATTL_OK)
        return status;
    struct read_view view;
    status = read_enter(&call, key, READ_TOUCH, &view);
    if (status == ATTL_OK)
        fn(ud, view.value, view.deadline_ms);
    reclaim_exit(call.self);
    return status;
}

static int
look(attl *a, attl_slice key, unsigned flags, int64_t *ret_deadline_ms, int64_t *ret_now_ms)
{
    struct read_call call;
    int status = read_begin(a, key, &call);
    if (status != ATTL_OK)
        return status;
    struct index_key k = { .key = key, .hash = cache_hash(&a->cache, key) };
    struct read_view view;
    *ret_now_ms = engine_now_ms(a);
    reclaim_enter(call.self);
    status = read_key(&a->cache, &k, *ret_now_ms, flags, &view);
    reclaim_exit(call.self);
    if (status == ATTL_OK)
        *ret_deadline_ms = view.deadline_ms;
    return status;
}

int
attl_exists(attl *a, attl_slice key)
{
    int64_t deadline_ms, now_ms;
    return look(a, key, 0, &deadline_ms, &now_ms);
}

int
attl_touch(attl *a, attl_slice key)
{
    int64_t deadline_ms, now_ms;
    return look(a, key, READ_TOUCH, &deadline_ms, &now_ms);
}

int
attl_ttl(attl *a, attl_slice key, int64_t *ret_ttl_ms)
{
    int64_t deadline_ms, now_ms;
    int status = look(a, key, 0, &deadline_ms, &now_ms);
    if (status == ATTL_OK)
        *ret_ttl_ms = deadline_ms == ATTL_NO_DEADLINE ? ATTL_TTL_NONE : deadline_ms - now_ms;
    return status;
}

/* ---- all deadlines --------------------------------------------------------------------------- */

static attl_peek_info
peek_info(const struct read_view *view, int64_t now_ms, int64_t skew_ms)
{
    attl_peek_info info = ATTL_PEEK_INFO_INIT;
    struct life life = { .soft_ms = ATTL_NO_DEADLINE, .hard_ms = view->deadline_ms };
    if (view->has_life)
        life = view->life;
    info.stale = life_has_passed(life.hard_ms, now_ms)   ? 2
                 : life_has_passed(life.soft_ms, now_ms) ? 1
                                                         : 0;
    info.soft_ms = life_shift_deadline(life.soft_ms, skew_ms);
    info.hard_ms = life_shift_deadline(life.hard_ms, skew_ms);
    info.gone_ms = life_shift_deadline(view->has_life ? view->gone_ms : view->deadline_ms, skew_ms);
    info.negative = (life.flags & LIFE_NEGATIVE) != 0;
    info.load_ms = life.load_ms;
    return info;
}

int
attl_peek(attl *a, attl_slice key, attl_value *ret_value, attl_peek_info *ret_info)
{
    struct read_call call;
    if (ret_info && ret_info->struct_size < sizeof(uint32_t) * 2)
        return ATTL_E_INVALID;
    int status = read_begin(a, key, &call);
    if (status != ATTL_OK)
        return status;
    struct read_view view;
    struct index_key k = { .key = key, .hash = cache_hash(&a->cache, key) };
    call.now_ms = engine_now_ms(a);
    reclaim_enter(call.self);
    status = read_key(&a->cache, &k, call.now_ms, READ_STALE | (ret_value ? READ_PIN : 0), &view);
    if (status == ATTL_OK && ret_value)
        api_value_from_view(&view, ret_value);
    reclaim_exit(call.self);
    if (status != ATTL_OK)
        return status;
    attl_peek_info info = peek_info(&view, call.now_ms, engine_skew_ms(a));
    if (ret_info)
        sized_export(&info, sizeof info, ret_info);
    if (info.negative)
        return ATTL_NEGATIVE;
    return info.stale ? ATTL_STALE : ATTL_OK;
}

/* ---- batches --------------------------------------------------------------------------------- */

/* Checks and hashes up to LIMIT_BATCH keys and starts fetching them; statuses[i] < 0 are skipped.
 */
static void
batch_begin(struct read_call *call, const attl_slice *keys, size_t n, struct index_key *ks,
            int *statuses)
{
    struct cache *c = &call->a->cache;
    struct index_key good[LIMIT_BATCH];
    size_t good_count = 0;
    for (size_t i = 0; i < n; i++) {
        statuses[i] = engine_check_key(call->a, call->self, keys[i]);
        if (statuses[i] != ATTL_OK)
            continue;
        ks[i] = (struct index_key){ .key = keys[i], .hash = cache_hash(c, keys[i]) };
        good[good_count++] = ks[i];
    }
    read_prefetch(c, good, good_count);
}

typedef void (*batch_fn)(void *ud, size_t i, int status, const struct read_view *view);

struct batch_sink {
    unsigned flags;
    batch_fn fn;
    void *ud;
    uint32_t claims; /* sum over the keys of their partitions' claims, before each was read */
};

static uint32_t
claims_of(struct cache *c, uint64_t hash)
{
    return atomic_load_explicit(&cache_partition(c, hash)->claims, memory_order_acquire);
}

/* Whether no transaction has been inside a partition of the keys since batch_read() read there;
 * `before` is the number of all transactions when it began. */
static bool
batch_is_one(attl *a, const attl_slice *keys, size_t n, const struct batch_sink *sink,
             uint64_t before)
{
    struct cache *c = &a->cache;
    uint32_t claims = 0;
    if (atomic_load_explicit(&c->claims, memory_order_acquire) == before)
        return true;
    for (size_t i = 0; i < n; i++)
        claims += validate_key(&a->rules, keys[i]) == ATTL_OK ? claims_of(c, cache_hash(c, keys[i]))
                                                              : 0;
    return claims == sink->claims;
}

static int
read_one(struct read_call *call, const struct index_key *k, unsigned flags, struct read_view *view)
{
    struct sample sample = { .begun_ns = sample_begin(call->self) };
    int status =
        read_key(&call->a->cache, k, call->now_ms, plain_flags(call->a, k->key, flags), view);
    if (__builtin_expect(sample.begun_ns != 0, 0))
        sample_end(call->a, call->self, CONTROL_READ, k,
                   k->key.len + (status == ATTL_OK ? view->value.len : 0), &sample);
    return status;
}

static size_t
batch_read(attl *a, const attl_slice *keys, size_t n, struct batch_sink *sink)
{
    struct read_call call = { .a = a, .self = reclaim_self() };
    struct index_key ks[LIMIT_BATCH];
    int statuses[LIMIT_BATCH];
    size_t hits = 0;
    sink->claims = 0;
    if (!call.self) {
        for (size_t i = 0; i < n; i++)
            sink->fn(sink->ud, i, ATTL_E_NOMEM, NULL);
        return 0;
    }
    call.now_ms = engine_now_ms(a);
    for (size_t first = 0; first < n; first += LIMIT_BATCH) {
        size_t count = n - first < LIMIT_BATCH ? n - first : LIMIT_BATCH;
        size_t hits_before = hits, misses = 0;
        struct read_view view;
        reclaim_enter(call.self);
        batch_begin(&call, keys + first, count, ks, statuses);
        for (size_t i = 0; i < count; i++) {
            if (statuses[i] == ATTL_OK) {
                sink->claims += claims_of(&a->cache, ks[i].hash);
                statuses[i] = read_one(&call, &ks[i], sink->flags, &view);
            }
            hits += statuses[i] == ATTL_OK;
            if (statuses[i] == ATTL_MISS) {
                misses++;
                engine_note_miss(a, call.self, ks[i].hash, view.deadline_ms != ATTL_NO_DEADLINE);
            }
            sink->fn(sink->ud, first + i, statuses[i], &view);
        }
        reclaim_exit(call.self);
        cache_count(&a->cache, call.self, COUNT_HITS, hits - hits_before);
        cache_count(&a->cache, call.self, COUNT_MISSES, misses);
    }
    return hits;
}

/* Reads until it has been as of one moment; what came before is told anew from i = 0. */
static int
batch_read_as_one(attl *a, const attl_slice *keys, size_t n, struct batch_sink *sink,
                  size_t *ret_hits)
{
    enum { TRIES = 4 };
    struct scope scope;
    struct scope_plan plan = { .keys = keys, .n = n };
    for (unsigned tries = 0; tries < TRIES; tries++) {
        uint64_t before = atomic_load_explicit(&a->cache.claims, memory_order_acquire);
        *ret_hits = batch_read(a, keys, n, sink);
        if (n < 2 || api_is_inside(a) || batch_is_one(a, keys, n, sink, before))
            return ATTL_OK;
    }
    /* There are too many transactions: be one. */
    int status = scope_begin(&scope, a, &plan);
    if (status != ATTL_OK)
        return status;
    *ret_hits = batch_read(a, keys, n, sink);
    return scope_end(&scope);
}

struct mget_out {
    attl *a;
    attl_value *values;
    int *statuses;
    size_t filled; /* values that an attempt before has left */
};

static void
mget_store(void *ud, size_t i, int status, const struct read_view *view)
{
    struct mget_out *out = ud;
    if (i < out->filled)
        attl_value_release(out->a, &out->values[i]);
    else
        out->filled = i + 1;
    out->statuses[i] = status;
    if (status == ATTL_OK)
        api_value_from_view(view, &out->values[i]);
    else
        out->values[i] = (attl_value)ATTL_VALUE_INIT;
}

size_t
attl_mget(attl *a, const attl_slice *keys, size_t n, attl_value *values, int *statuses)
{
    struct mget_out out = { a, values, statuses, 0 };
    struct batch_sink sink = { READ_TOUCH | READ_PIN, mget_store, &out, 0 };
    size_t hits;
    /* Without memory for a scope the last attempt stands. */
    (void)batch_read_as_one(a, keys, n, &sink, &hits);
    return hits;
}

struct visit_out {
    attl_mvisit_fn fn;
    void *ud;
};

static void
mget_pass_on(void *ud, size_t i, int status, const struct read_view *view)
{
    struct visit_out *out = ud;
    if (status == ATTL_OK)
        out->fn(out->ud, i, status, view->value, view->deadline_ms);
    else
        out->fn(out->ud, i, status, attl_b(NULL, 0), ATTL_NO_DEADLINE);
}

size_t
attl_mget_visit(attl *a, const attl_slice *keys, size_t n, attl_mvisit_fn fn, void *ud)
{
    struct visit_out out = { fn, ud };
    struct batch_sink sink = { READ_TOUCH, mget_pass_on, &out, 0 };
    return batch_read(a, keys, n, &sink);
}

int
attl_mget_at_once(attl *a, const attl_slice *keys, size_t n, attl_mvisit_fn fn, void *ud,
                  size_t *ret_hits)
{
    struct visit_out out = { fn, ud };
    struct batch_sink sink = { READ_TOUCH, mget_pass_on, &out, 0 };
    size_t hits;
    int status = batch_read_as_one(a, keys, n, &sink, &hits);
    if (ret_hits)
        *ret_hits = hits;
    return status;
}

void
attl_prefetch(attl *a, const attl_slice *keys, size_t n)
{
    struct reclaim_reader *self = reclaim_self();
    if (!self)
        return;
    for (size_t first = 0; first < n; first += LIMIT_BATCH) {
        size_t count = n - first < LIMIT_BATCH ? n - first : LIMIT_BATCH;
        struct index_key ks[LIMIT_BATCH];
        for (size_t i = 0; i < count; i++)
            ks[i].hash = cache_hash(&a->cache, keys[first + i]);
        reclaim_enter(self); /* the tables must not go while they are looked at */
        read_prefetch(&a->cache, ks, count);
        reclaim_exit(self);
    }
}
