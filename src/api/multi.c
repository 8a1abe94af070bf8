/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes of several keys as one. All partitions concerned are locked, in the order of their
 * addresses, before anything is looked at; everything that can fail happens before the first change
 * that cannot be taken back. So either all of it is done or none, and no other writer sees the
 * middle.
 */
#include "api/api.h"

#include "cache/freeze.h"
#include "engine/journal.h"

#include <stdlib.h>

#define LIFE_REFUSED INT64_MIN

/* The partitions of one change, sorted, each once. */
struct locked {
    struct partition **list;
    size_t count;
};

static int
compare_partitions(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (struct partition *const *)a;
    uintptr_t y = (uintptr_t) * (struct partition *const *)b;
    return (x > y) - (x < y);
}

/* False, with nothing locked, on lack of memory. */
static bool
lock_all(struct cache *c, struct locked *l, const struct entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++)
        l->list[i] = entries[i].partition;
    qsort(l->list, n, sizeof(*l->list), compare_partitions);
    l->count = 0;
    for (size_t i = 0; i < n; i++)
        if (l->count == 0 || l->list[l->count - 1] != l->list[i])
            l->list[l->count++] = l->list[i];
    size_t held = 0;
    while (held < l->count && cache_lock(c, l->list[held]))
        held++;
    if (held == l->count)
        return true;
    while (held-- > 0)
        lock_release(&l->list[held]->lock);
    return false;
}

static void
unlock_all(struct locked *l)
{
    for (size_t i = 0; i < l->count; i++)
        lock_release(&l->list[i]->lock);
}

/* ---- MSET ------------------------------------------------------------------------------------ */

struct mset {
    struct attl *a;
    struct cache *cache;
    size_t n;
    struct entry *entries;
    struct stored_value *stored;
    bool *is_new; /* published as a new entry by this call */
    struct locked locked;
    struct journal_group logged;
    struct ttl_given *given; /* each key's namespace may want its own */
    struct life_wish wish;
    bool keep_deadline;
    int life_status; /* why a key that is not there cannot get a life, although others keep theirs
                      */
    bool past;       /* the deadline had passed already when the call was made */
    const attl_set_opts *opts;
};

/* When the i-th is gone; its value gets its life. */
static int64_t
mset_deadline(struct mset *m, size_t i)
{
    struct ttl_given *given = &m->given[i];
    const struct entry *e = &m->entries[i];
    bool keeps = m->keep_deadline && (e->found || e->kept_deadline_ms != ATTL_NO_DEADLINE);
    int64_t deadline_ms = keeps ? e->kept_deadline_ms : given->deadline_ms;
    if (!life_is_wished(&given->life) || deadline_ms == LIFE_REFUSED)
        return deadline_ms;
    return stored_value_begin(&m->stored[i], &given->life, e->now_ms, deadline_ms);
}

/* Looks all keys up: the condition, and whether the new ones fit under max_items. */
static int
mset_look(struct mset *m)
{
    uint64_t fresh = 0;
    for (size_t i = 0; i < m->n; i++) {
        entry_find(&m->entries[i]);
        fresh += !m->entries[i].found;
        if (mset_deadline(m, i) == LIFE_REFUSED)
            return m->life_status;
        if (api_check_condition(&m->entries[i], m->opts) != ATTL_OK)
            return ATTL_NOT_SET;
    }
    uint64_t max = atomic_load_explicit(&m->cache->max_items, memory_order_relaxed);
    return max && fresh && cache_items(m->cache) + fresh > max ? ATTL_E_FULL : ATTL_OK;
}

/* Writes all records where nobody sees them; all or none. */
static int
mset_stage(struct mset *m)
{
    for (size_t i = 0; i < m->n; i++) {
        struct entry *e = &m->entries[i];
        entry_find(e); /* a look-up before may have moved it: expired neighbours shrink tables */
        int64_t deadline_ms = mset_deadline(m, i);
        int status = entry_stage(e, &m->stored[i], deadline_ms, true);
        if (status == ATTL_OK)
            continue;
        while (i-- > 0)
            entry_abort(&m->entries[i]);
        return status;
    }
    return ATTL_OK;
}

/* Removes the j-th entry, which was published, and has its large value back for another attempt. */
static void
mset_take_back(struct mset *m, size_t j)
{
    struct entry *e = &m->entries[j];
    entry_find(e);
    if (e->shape.flags & RECORD_EXTENT) {
        memcpy(&m->stored[j].ref, record_value(e->record, &e->shape).data,
               sizeof(m->stored[j].ref));
        extent_share(m->stored[j].ref.extent);
    }
    entry_remove(e, COUNT_DELETES);
}

/* Publishes the entries that are new; only this can fail, and then it is undone. */
static int
mset_commit_new(struct mset *m)
{
    for (size_t i = 0; i < m->n; i++) {
        struct entry *e = &m->entries[i];
        entry_find(e);
        m->is_new[i] = !e->found;
        if (e->found)
            continue;
        int status = entry_commit(e, &m->stored[i]);
        if (status == ATTL_OK)
            continue;
        for (size_t j = 0; j < m->n; j++) {
            if (j < i && m->is_new[j]) {
                mset_take_back(m, j);
            } else if (j != i) {
                entry_abort(&m->entries[j]);
            }
        }
        return status;
    }
    return ATTL_OK;
}

static void
mset_commit_rest(struct mset *m)
{
    for (size_t i = 0; i < m->n; i++) {
        struct entry *e = &m->entries[i];
        if (m->is_new[i])
            continue;
        entry_find(e);
        int status = entry_commit(e, &m->stored[i]);
        ASSERT(status == ATTL_OK); /* replacing an address needs no memory */
    }
}

/* With all partitions locked. */
static int
mset_apply(struct mset *m)
{
    int status = mset_look(m);
    if (status == ATTL_OK && m->past) {
        for (size_t i = 0; i < m->n; i++) {
            entry_find(&m->entries[i]);
            if (m->entries[i].found)
                entry_remove(&m->entries[i], COUNT_DELETES);
        }
        return ATTL_DELETED;
    }
    if (status == ATTL_OK)
        status = mset_stage(m);
    if (status == ATTL_OK)
        status = mset_commit_new(m);
    if (status == ATTL_OK)
        mset_commit_rest(m);
    return status;
}

/*
 * The same, and one frame of the log for all of it. Inside an epoch, because a key that is named
 * twice leaves a record behind that is dead before the log has read it.
 */
static int
mset_apply_logged(struct mset *m, const struct reclaim_reader *r)
{
    reclaim_enter((struct reclaim_reader *)r);
    int status = mset_apply(m);
    m->logged.len = 0;
    for (size_t i = 0; status >= 0 && i < m->n; i++) {
        journal_group_add(m->a, &m->logged, &m->entries[i]);
        notice_entry(m->a, &m->entries[i]);
    }
    journal_group_append(m->a, r, &m->logged);
    reclaim_exit((struct reclaim_reader *)r);
    return status;
}

/* The life of the i-th pair. */
static int
mset_life(struct mset *m, const struct reclaim_reader *r, attl_slice key, size_t i, int64_t now_ms)
{
    struct ttl_wish wish = { key, m->opts->ttl_ms, m->opts->deadline_ms, now_ms, m->wish };
    int status = engine_life(m->a, r, &wish, &m->given[i]);
    m->past = status == ATTL_DELETED;
    if (status < 0 && m->keep_deadline) {
        m->given[i].deadline_ms = LIFE_REFUSED;
        m->life_status = status;
    }
    return m->past || m->keep_deadline ? ATTL_OK : status;
}

static int
mset_prepare(struct mset *m, const struct reclaim_reader *r, const attl_slice *keys,
             const attl_slice *values)
{
    int64_t now_ms = engine_now_ms(m->a);
    int status = life_is_wished(&m->wish) ? engine_check_wish(m->a, r, &m->wish) : ATTL_OK;
    m->keep_deadline = m->opts->deadline_ms <= 0 && m->opts->ttl_ms == ATTL_TTL_KEEP;
    for (size_t i = 0; status == ATTL_OK && i < m->n; i++) {
        status = mset_life(m, r, keys[i], i, now_ms);
        if (status == ATTL_OK)
            status = engine_check_key(m->a, r, keys[i]);
        if (status == ATTL_OK)
            status = engine_check_value(m->a, r, values[i].len);
    }
    for (size_t i = 0; status == ATTL_OK && i < m->n; i++) {
        engine_entry_init(m->a, r, keys[i], &m->entries[i]);
        m->entries[i].now_ms = now_ms;
        m->entries[i].hopeless = cache_never_fits(m->cache, values[i].len);
        status = m->entries[i].hopeless ? ATTL_E_FULL
                                        : stored_value_init(m->cache, values[i], &m->stored[i]);
        for (unsigned round = 0;
             status != ATTL_OK && engine_retry(m->a, &m->entries[i], status, round); round++)
            status = stored_value_init(m->cache, values[i], &m->stored[i]);
    }
    return status;
}

static int
mset_run(struct mset *m, const struct reclaim_reader *r, const attl_slice *keys,
         const attl_slice *values)
{
    int status = mset_prepare(m, r, keys, values);
    if (status != ATTL_OK)
        return status;
    unsigned round = 0;
    do {
        for (size_t i = 0; i < m->n; i++)
            m->entries[i].now_ms = m->entries[0].now_ms;
        status = ATTL_E_NOMEM;
        if (lock_all(m->cache, &m->locked, m->entries, m->n)) {
            status = mset_apply_logged(m, r);
            unlock_all(&m->locked);
        }
    } while (status < 0 && engine_retry(m->a, &m->entries[0], status, round++));
    if (status == ATTL_OK)
        cache_count(m->cache, r, COUNT_SETS, m->n);
    for (size_t i = 0; i < m->n; i++)
        engine_settle(m->a, &m->entries[i]);
    return status;
}

static void
mset_free(struct mset *m)
{
    const attl_allocator *alloc = &m->cache->config.alloc;
    for (size_t i = 0; m->stored && i < m->n; i++)
        stored_value_fini(&m->stored[i]);
    journal_group_fini(&m->logged);
    alloc_free(alloc, m->entries);
    alloc_free(alloc, m->stored);
    alloc_free(alloc, m->is_new);
    alloc_free(alloc, m->given);
    alloc_free(alloc, m->locked.list);
}

static bool
mset_alloc(struct mset *m, const attl_slice *keys, const attl_slice *values)
{
    const attl_allocator *alloc = &m->cache->config.alloc;
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->n; i++)
        bytes += keys[i].len + values[i].len;
    if (!journal_group_init(m->a, &m->logged, m->n, bytes))
        return false;
    m->entries = alloc_zero(alloc, m->n * sizeof(*m->entries));
    m->stored = alloc_zero(alloc, m->n * sizeof(*m->stored));
    m->is_new = alloc_zero(alloc, m->n * sizeof(*m->is_new));
    m->given = alloc_zero(alloc, m->n * sizeof(*m->given));
    m->locked.list = alloc_zero(alloc, m->n * sizeof(*m->locked.list));
    return m->entries && m->stored && m->is_new && m->given && m->locked.list;
}

int
attl_mset(attl *a, const attl_slice *keys, const attl_slice *values, size_t n,
          const attl_set_opts *opts)
{
    const struct reclaim_reader *r = reclaim_self();
    attl_set_opts own = ATTL_SET_OPTS_INIT;
    own.ttl_ms = ATTL_TTL_NONE;
    int status = opts ? api_import_set_opts(opts, &own) : ATTL_OK;
    if (status == ATTL_OK && (n > LIMIT_MSET_PAIRS || (own.flags & ~(ATTL_SET_NX | ATTL_SET_XX))))
        status = ATTL_E_INVALID;
    if (status != ATTL_OK || n == 0)
        return status;
    uint64_t max = atomic_load_explicit(&a->cache.max_items, memory_order_relaxed);
    if (max && n > max)
        return ATTL_E_FULL;
    struct mset m = {
        .a = a, .cache = &a->cache, .n = n, .wish = { own.soft_ms, own.grace_ms }, .opts = &own
    };
    status = r && mset_alloc(&m, keys, values) ? journal_admit(a) : ATTL_E_NOMEM;
    if (status == ATTL_OK)
        status = journal_settle(a, r, mset_run(&m, r, keys, values));
    mset_free(&m);
    return status;
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
    bool keep_source;
    uint32_t flags;
};

/* Logs what was done to both as one. */
static void
transfer_log(const struct transfer *t, struct journal_group *g, struct entry *from,
             struct entry *to)
{
    journal_group_add(t->a, g, to);
    journal_group_add(t->a, g, from);
    notice_entry(t->a, to);
    notice_entry(t->a, from);
    journal_group_append(t->a, to->self, g);
}

static int
transfer_locked(struct entry *from, struct entry *to, const struct transfer *t)
{
    entry_find(to);
    entry_find(from); /* second: finding `to` may have rebuilt a shared table */
    if (!from->found)
        return ATTL_MISS;
    if ((t->flags & ATTL_SET_NX) && to->found)
        return ATTL_NOT_SET;
    if (from->key.hash == to->key.hash && from->key.key.len == to->key.key.len &&
        memcmp(from->key.key.data, to->key.key.data, from->key.key.len) == 0)
        return ATTL_OK;
    struct journal_group logged;
    if (!journal_group_init(t->a, &logged, 2,
                            from->key.key.len + to->key.key.len + entry_value(from).len))
        return ATTL_E_NOMEM;
    struct stored_value stored;
    int64_t deadline_ms;
    borrow_value(from, &stored);
    int status = engine_carry(t->a, from, to->key.key, &deadline_ms);
    if (status == ATTL_OK)
        status = entry_put(to, &stored, carry_life(from, &stored, deadline_ms));
    stored_value_fini(&stored);
    if (status == ATTL_OK && !t->keep_source) {
        entry_find(from);
        entry_remove(from, COUNT_DELETES);
    }
    if (status == ATTL_OK)
        transfer_log(t, &logged, from, to);
    journal_group_fini(&logged);
    return status;
}

static int
transfer_admitted(attl *a, const struct reclaim_reader *r, attl_slice from, attl_slice to,
                  const struct transfer *t)
{
    int status;
    struct entry entries[2];
    struct partition *pair[2];
    struct locked locked = { pair, 0 };
    engine_entry_init(a, r, from, &entries[0]);
    engine_entry_init(a, r, to, &entries[1]);
    entries[1].replaces = !t->keep_source;
    entries[1].unbounded = !t->keep_source && quota_same(a, from, to);
    unsigned round = 0;
    do {
        entries[0].now_ms = entries[1].now_ms;
        status = ATTL_E_NOMEM;
        if (lock_all(&a->cache, &locked, entries, 2)) {
            status = transfer_locked(&entries[0], &entries[1], t);
            unlock_all(&locked);
        }
    } while (status < 0 && engine_retry(a, &entries[1], status, round++));
    engine_settle(a, &entries[1]);
    return status;
}

static int
transfer(attl *a, attl_slice from, attl_slice to, const struct transfer *t)
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
        status = journal_admit(a);
    if (status != ATTL_OK)
        return status;
    return journal_settle(a, r, transfer_admitted(a, r, from, to, t));
}

int
attl_rename(attl *a, attl_slice from, attl_slice to, uint32_t flags)
{
    struct transfer t = { .a = a, .keep_source = false, .flags = flags };
    return transfer(a, from, to, &t);
}

int
attl_copy(attl *a, attl_slice from, attl_slice to, uint32_t flags)
{
    struct transfer t = { .a = a, .keep_source = true, .flags = flags };
    return transfer(a, from, to, &t);
}
