/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a replay is spread over threads. Batches of encoded changes go from the reader to the
 * workers; a worker has at most QUEUE_BATCHES of them, so that memory is bounded and the reader
 * waits for the slowest. A worker looks ahead in its batch and fetches the memory of the next
 * changes while it applies the present ones, because a replay is bound by cache misses.
 */
#include "engine/replay.h"

#include "cache/freeze.h"

enum {
    THREADS_MAX = 8,
    QUEUE_BATCHES = 4,
    BATCH_BYTES = 256 << 10,
    ROOM_ROUNDS = 4096,
    WAIT_MS = 50,
};
#define PAST_MAX_MS (INT64_C(100) * 86400 * 1000)

struct batch {
    struct buf ops; /* encoded as in a group */
    bool full;      /* handed to the worker, not yet done */
};

struct replay_worker {
    struct replay *replay;
    struct thread thread;
    struct parker parker;
    struct lock lock; /* `full` of the batches */
    struct batch queue[QUEUE_BATCHES];
    unsigned filling, draining; /* by the reader; by the worker */
    struct replay_sums sums;
};

struct replay {
    struct attl *a;
    unsigned count;
    _Atomic bool stopping;
    _Atomic int status;
    struct parker reader;
    struct replay_worker workers[THREADS_MAX];
};

/* ---- one change ------------------------------------------------------------------------------ */

/*
 * In the cache's time. What lies long in the past is brought nearer, to where a record's short
 * deadline is still read as past.
 */
static int64_t
cache_deadline(int64_t skew_ms, int64_t deadline_ms, int64_t now_ms)
{
    if (deadline_ms == ATTL_NO_DEADLINE)
        return ATTL_NO_DEADLINE;
    deadline_ms -= skew_ms;
    return deadline_ms > now_ms - PAST_MAX_MS ? deadline_ms : now_ms - PAST_MAX_MS;
}

static struct life
cache_life(int64_t skew_ms, const struct wal_op *op)
{
    struct life life = op->life;
    life_shift(&life, -skew_ms);
    return life;
}

/*
 * A deadline that has passed by now had not when the change was made, and a later change may have
 * moved it in time: so nothing is dropped for its age before the end.
 */
static int
apply_locked(int64_t skew_ms, struct entry *e, const struct wal_op *op, struct stored_value *stored)
{
    int64_t deadline_ms = cache_deadline(skew_ms, op->deadline_ms, e->now_ms);
    e->sees_expired = true;
    entry_find(e);
    if (op->kind == WAL_PUT)
        return entry_put(e, stored, deadline_ms);
    if (!e->found)
        return ATTL_OK;
    if (op->kind == WAL_EXPIRE && (op->flags & WAL_LIFE)) {
        struct life life = cache_life(skew_ms, op);
        return entry_set_life(e, &life, deadline_ms);
    }
    if (op->kind == WAL_EXPIRE)
        return entry_set_deadline(e, deadline_ms);
    entry_remove(e, COUNT_DELETES);
    return ATTL_OK;
}

static int
store_op_value(struct attl *a, const struct wal_op *op, int64_t skew_ms,
               struct stored_value *ret_stored)
{
    *ret_stored = (struct stored_value){ 0 };
    if (op->kind != WAL_PUT)
        return ATTL_OK;
    if (op->flags & WAL_INTEGER) {
        int64_t number;
        memcpy(&number, op->value.data, sizeof(number));
        stored_value_init_integer(number, ret_stored);
    } else {
        int status = stored_value_init(&a->cache, op->value, ret_stored);
        if (status != ATTL_OK)
            return status;
    }
    ret_stored->has_life = (op->flags & WAL_LIFE) != 0;
    if (ret_stored->has_life)
        ret_stored->life = cache_life(skew_ms, op);
    return ATTL_OK;
}

static int
apply_op(struct attl *a, const struct wal_op *op, int64_t skew_ms, struct replay_sums *sums)
{
    const struct reclaim_reader *r = reclaim_self();
    if (!r)
        return ATTL_E_NOMEM;
    struct entry e;
    engine_entry_init(a, r, op->key, &e);
    int64_t deadline_ms = cache_deadline(skew_ms, op->deadline_ms, e.now_ms);
    struct stored_value stored;
    unsigned round = 0;
    int status;
    do {
        status = store_op_value(a, op, skew_ms, &stored);
        if (status == ATTL_OK && !cache_lock(&a->cache, e.partition))
            status = ATTL_E_NOMEM;
        else if (status == ATTL_OK) {
            status = apply_locked(skew_ms, &e, op, &stored);
            lock_release(&e.partition->lock);
        }
        stored_value_fini(&stored);
    } while (status < 0 && round < ROOM_ROUNDS && engine_retry(a, &e, status, round++));
    engine_settle(a, &e);
    if (op->kind != WAL_PUT)
        sums->removals++;
    else if (deadline_ms != ATTL_NO_DEADLINE && deadline_ms <= e.now_ms)
        sums->expired++;
    else if (status == ATTL_OK)
        sums->puts++;
    /* Limits may have been lowered since: what does not fit any more is not there, as in a cache.
     */
    if (status == ATTL_E_FULL) {
        sums->refused++;
        return ATTL_OK;
    }
    return status;
}

int
replay_apply(struct attl *a, const struct wal_op *op, struct replay_sums *sums)
{
    return apply_op(a, op, engine_skew_ms(a), sums);
}

/* ---- workers --------------------------------------------------------------------------------- */

static void
prefetch_keys(struct attl *a, struct index_key *keys, size_t n)
{
    struct reclaim_reader *self = reclaim_self();
    if (n == 0 || !self)
        return;
    for (size_t i = 0; i < n; i++)
        keys[i].hash = cache_hash(&a->cache, keys[i].key);
    reclaim_enter(self);
    read_prefetch(&a->cache, keys, n);
    reclaim_exit(self);
}

static void
prefetch_ops(struct attl *a, attl_slice ops, size_t *ahead)
{
    struct index_key keys[LIMIT_BATCH];
    struct wal_op op;
    size_t n = 0;
    while (n < LIMIT_BATCH && wal_op_next(ops, ahead, &op))
        keys[n++].key = op.key;
    prefetch_keys(a, keys, n);
}

static void
apply_batch(struct replay_worker *w, attl_slice ops)
{
    struct replay *r = w->replay;
    size_t offset = 0, ahead = 0;
    int64_t skew_ms = 0;
    struct wal_op op;
    for (unsigned i = 0; atomic_load(&r->status) == ATTL_OK; i++) {
        if (i % LIMIT_BATCH == 0) {
            prefetch_ops(r->a, ops, &ahead);
            skew_ms = engine_skew_ms(r->a);
        }
        if (!wal_op_next(ops, &offset, &op))
            break;
        int status = apply_op(r->a, &op, skew_ms, &w->sums);
        int fine = ATTL_OK;
        if (status != ATTL_OK)
            (void)atomic_compare_exchange_strong(&r->status, &fine, status); /* the first counts */
    }
}

static bool
batch_is_full(struct replay_worker *w, unsigned i)
{
    lock_acquire(&w->lock);
    bool full = w->queue[i].full;
    lock_release(&w->lock);
    return full;
}

static void
batch_mark(struct replay_worker *w, unsigned i, bool full)
{
    lock_acquire(&w->lock);
    w->queue[i].full = full;
    lock_release(&w->lock);
}

static void *
worker_main(void *arg)
{
    struct replay_worker *w = arg;
    struct replay *r = w->replay;
    for (;;) {
        if (!batch_is_full(w, w->draining)) {
            if (atomic_load(&r->stopping))
                return NULL;
            parker_sleep(&w->parker, -1);
            continue;
        }
        struct batch *b = &w->queue[w->draining];
        apply_batch(w, buf_slice(&b->ops));
        buf_clear(&b->ops, BATCH_BYTES);
        batch_mark(w, w->draining, false);
        w->draining = (w->draining + 1) % QUEUE_BATCHES;
        parker_wake(&r->reader);
    }
}

/* ---- the reader ------------------------------------------------------------------------------ */

struct replay *
replay_new(struct attl *a, unsigned threads)
{
    struct replay *r = alloc_line(&a->cache.config.alloc, sizeof(*r));
    if (!r)
        return NULL;
    *r = (struct replay){ .a = a };
    unsigned cores = thread_cpu_count();
    threads = threads ? threads : cores;
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    parker_init(&r->reader);
    for (; r->count < threads; r->count++) {
        struct replay_worker *w = &r->workers[r->count];
        w->replay = r;
        lock_init(&w->lock);
        parker_init(&w->parker);
        for (unsigned i = 0; i < QUEUE_BATCHES; i++)
            buf_init(&w->queue[i].ops, (size_t)WAL_FRAME_MAX_BYTES);
        if (!thread_start(&w->thread, "attl-replay", worker_main, w))
            break;
    }
    if (r->count == 0)
        replay_free(&r);
    return r;
}

void
replay_free(struct replay **replay)
{
    struct replay *r = *replay;
    if (!r)
        return;
    atomic_store(&r->stopping, true);
    for (unsigned i = 0; i < r->count; i++) {
        parker_wake(&r->workers[i].parker);
        thread_join(&r->workers[i].thread);
        for (unsigned j = 0; j < QUEUE_BATCHES; j++)
            buf_fini(&r->workers[i].queue[j].ops);
    }
    alloc_free_line(&r->a->cache.config.alloc, r);
    *replay = NULL;
}

static void
hand_over(struct replay_worker *w)
{
    batch_mark(w, w->filling, true);
    w->filling = (w->filling + 1) % QUEUE_BATCHES;
    parker_wake(&w->parker);
}

bool
replay_op(struct replay *r, const struct wal_op *op)
{
    uint64_t hash = cache_hash(&r->a->cache, op->key);
    struct replay_worker *w = &r->workers[hash % r->count];
    while (batch_is_full(w, w->filling))
        parker_sleep(&r->reader, WAIT_MS);
    struct buf *b = &w->queue[w->filling].ops;
    uint32_t bytes = wal_op_bytes(op);
    char *to = buf_reserve(b, bytes);
    if (!to)
        return false;
    wal_op_encode(op, (unsigned char *)to);
    b->len += bytes;
    if (b->len >= BATCH_BYTES)
        hand_over(w);
    return true;
}

int
replay_wait(struct replay *r)
{
    for (unsigned i = 0; i < r->count; i++) {
        struct replay_worker *w = &r->workers[i];
        while (batch_is_full(w, w->filling))
            parker_sleep(&r->reader, WAIT_MS);
        if (w->queue[w->filling].ops.len > 0)
            hand_over(w);
        for (unsigned j = 0; j < QUEUE_BATCHES; j++)
            while (batch_is_full(w, j))
                parker_sleep(&r->reader, WAIT_MS);
    }
    return atomic_load(&r->status);
}

void
replay_sums_get(struct replay *r, struct replay_sums *ret)
{
    *ret = (struct replay_sums){ 0 };
    for (unsigned i = 0; i < r->count; i++) {
        ret->puts += r->workers[i].sums.puts;
        ret->removals += r->workers[i].sums.removals;
        ret->expired += r->workers[i].sums.expired;
        ret->refused += r->workers[i].sums.refused;
    }
}

/* ---- snapshots ------------------------------------------------------------------------------- */

struct block_worker {
    struct attl *a;
    struct snapshot_reader *reader;
    _Atomic uint64_t *done_bytes;
    struct thread thread;
    struct replay_sums sums;
    enum snapshot_result result;
};

struct wal_op
replay_op_of(const struct snapshot_entry *e)
{
    struct wal_op op = { .kind = WAL_PUT,
                         .flags = e->is_integer ? WAL_INTEGER : 0,
                         .key = e->key,
                         .value = e->value,
                         .deadline_ms = e->deadline_ms };
    if (e->has_life) {
        op.flags |= WAL_LIFE;
        op.life = e->life;
    }
    return op;
}

/* Up to LIMIT_BATCH of the block's entries, and the start of fetching what they will touch. */
static size_t
gather_entries(struct block_worker *w, struct snapshot_block *b, struct snapshot_entry *entries)
{
    struct index_key keys[LIMIT_BATCH];
    size_t n = 0;
    while (n < LIMIT_BATCH && snapshot_block_next(b, &entries[n])) {
        keys[n].key = entries[n].key;
        n++;
    }
    prefetch_keys(w->a, keys, n);
    return n;
}

static enum snapshot_result
apply_block(struct block_worker *w, struct snapshot_block *b)
{
    struct snapshot_entry entries[LIMIT_BATCH];
    size_t n;
    while ((n = gather_entries(w, b, entries)) > 0) {
        int64_t skew_ms = engine_skew_ms(w->a);
        for (size_t i = 0; i < n; i++) {
            struct wal_op op = replay_op_of(&entries[i]);
            if (apply_op(w->a, &op, skew_ms, &w->sums) != ATTL_OK)
                return SNAPSHOT_NOMEM;
        }
    }
    return SNAPSHOT_OK;
}

static void *
block_main(void *arg)
{
    struct block_worker *w = arg;
    struct snapshot_block block;
    snapshot_block_init(&block);
    do {
        w->result = snapshot_reader_next(w->reader, &block);
        if (w->result == SNAPSHOT_OK)
            w->result = apply_block(w, &block);
        if (w->done_bytes)
            atomic_store(w->done_bytes, snapshot_reader_bytes_done(w->reader));
    } while (w->result == SNAPSHOT_OK);
    snapshot_block_fini(&block);
    return NULL;
}

enum snapshot_result
replay_snapshot(struct attl *a, struct snapshot_reader *reader, _Atomic uint64_t *done_bytes,
                struct replay_sums *sums)
{
    struct block_worker workers[THREADS_MAX];
    cache_reserve(&a->cache, snapshot_reader_meta(reader)->entries);
    unsigned cores = thread_cpu_count();
    unsigned count = cores < THREADS_MAX ? cores : THREADS_MAX;
    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct block_worker){ .a = a, .reader = reader, .done_bytes = done_bytes };
        /* The last one is this thread itself; so is each that the system refuses. */
        if (i + 1 == count ||
            !thread_start(&workers[i].thread, "attl-load", block_main, &workers[i]))
            (void)block_main(&workers[i]);
    }
    enum snapshot_result result = SNAPSHOT_END;
    for (unsigned i = 0; i < count; i++) {
        thread_join(&workers[i].thread);
        sums->puts += workers[i].sums.puts;
        sums->expired += workers[i].sums.expired;
        sums->refused += workers[i].sums.refused;
        if (workers[i].result != SNAPSHOT_END)
            result = workers[i].result;
    }
    return result;
}
