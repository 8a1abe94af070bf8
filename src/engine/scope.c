/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Beginning, running and ending a scope. A watched key is looked up under the lock before its watch
 * is believed, so that a deadline that has passed unnoticed counts. A change is tried again inside
 * only for want of room in the log's record: short values always have that, a long one says how
 * much it needs and, having changed nothing, is run once more.
 */
#include "engine/scope.h"

#include "cache/freeze.h"

enum { FIRST_GROUP_BYTES = 1024 };

static bool
list_partitions(struct scope *s, const struct scope_plan *plan)
{
    struct cache *c = &s->a->cache;
    size_t n = plan->n + plan->watches_len;
    /* One more, because NULL means all. */
    s->claim.list = alloc_zero(&c->config.alloc, (n + 1) * sizeof(*s->claim.list));
    if (!s->claim.list)
        return false;
    for (size_t i = 0; i < plan->n; i++)
        s->claim.list[i] = cache_partition(c, cache_hash(c, plan->keys[i]));
    for (size_t i = 0; i < plan->watches_len; i++)
        s->claim.list[plan->n + i] = plan->watches[i].watch->partition;
    s->claim.count = n;
    claim_sort(&s->claim);
    return true;
}

/* Inside, only the reserve is left. */
static void
make_room(struct attl *a, uint64_t bytes)
{
    struct cache *c = &a->cache;
    for (unsigned round = 0; round < LIMIT_ROOM_ROUNDS && !cache_may_use(c, bytes, false); round++)
        if (!drain_make_room(c, &c->shards[0], engine_now_ms(a)))
            break;
}

/* Whether nothing has happened to what is watched. */
static int
check_watches(struct scope *s, const struct scope_plan *plan)
{
    for (size_t i = 0; i < plan->watches_len; i++) {
        const struct watch *w = plan->watches[i].watch;
        struct entry e;
        engine_entry_init(s->a, s->self, w->key, &e);
        if (!freeze_ready(&s->a->cache, e.partition))
            return ATTL_E_NOMEM;
        entry_find(&e);
        if (watch_seen(w) & ~plan->watches[i].ignored)
            return ATTL_E_CONFLICT;
    }
    return ATTL_OK;
}

static void
leave(struct scope *s)
{
    s->self->claim = NULL;
    claim_drop(&s->claim);
    if (claim_is_whole(&s->claim))
        lock_release(&s->a->cache.clear_lock);
}

static void
forget(struct scope *s)
{
    journal_group_fini(&s->logged);
    alloc_free(&s->a->cache.config.alloc, s->claim.list);
}

int
scope_begin(struct scope *s, struct attl *a, const struct scope_plan *plan)
{
    struct reclaim_reader *self = reclaim_self();
    if (!self)
        return ATTL_E_NOMEM;
    if (self->claim)
        return ATTL_E_INVALID;
    *s = (struct scope){
        .claim = { .cache = &a->cache }, .a = a, .self = self, .written_deadline_ms = INT64_MAX
    };
    if (!plan->whole && !list_partitions(s, plan))
        return ATTL_E_NOMEM;
    s->admitted = journal_admit(a);
    if (!journal_group_init(a, &s->logged, 0, FIRST_GROUP_BYTES)) {
        forget(s);
        return ATTL_E_NOMEM;
    }
    make_room(a, plan->bytes);
    if (plan->whole)
        lock_acquire(&a->cache.clear_lock); /* it comes before partitions, and a clear may follow */
    claim_take(&s->claim);
    self->claim = &s->claim;
    int status = check_watches(s, plan);
    if (status != ATTL_OK) {
        leave(s);
        forget(s);
    }
    return status;
}

int
scope_end(struct scope *s)
{
    struct attl *a = s->a;
    const struct reclaim_reader *self = s->self;
    bool changed = s->logged.len > 0;
    journal_group_append(a, self, &s->logged);
    leave(s);
    engine_settle_claim(a, &s->claim, s->written_deadline_ms);
    if (changed && atomic_load(&a->quotas.active)) { /* its keys are not known here any more */
        atomic_store(&a->quotas.lowered, true);
        if (a->background)
            parker_wake(&a->parker);
    }
    forget(s);
    return changed ? journal_settle(a, self, ATTL_OK) : ATTL_OK;
}

/* One attempt. *ret_wanted: how much more room in the log's record it would have needed, or 0. */
static int
try_change(struct scope *s, struct entry *e, engine_change_fn fn, void *ud, uint64_t *ret_wanted)
{
    uint64_t room = journal_group_room(&s->logged, e->key.key.len);
    e->log_room = room;
    entry_find(e);
    int status = fn(e, ud);
    *ret_wanted = status == ATTL_E_NOMEM && e->log_room != room ? e->log_room : 0;
    return status;
}

int
scope_change(struct scope *s, attl_slice key, engine_change_fn fn, void *ud, bool sees_stale)
{
    struct attl *a = s->a;
    struct entry e;
    engine_entry_init(a, s->self, key, &e);
    if (!claim_has(&s->claim, e.partition))
        return ATTL_E_INVALID;
    e.urgent = true;
    e.sees_stale = sees_stale;
    uint64_t wanted = 0;
    if (!freeze_ready(&a->cache, e.partition) ||
        !journal_group_reserve(a, &s->logged, key.len + LIMIT_INLINE_VALUE_BYTES))
        return ATTL_E_NOMEM;
    int status = try_change(s, &e, fn, ud, &wanted);
    if (wanted) {
        if (!journal_group_reserve(a, &s->logged, key.len + wanted))
            return ATTL_E_NOMEM;
        status = try_change(s, &e, fn, ud, &wanted);
    }
    journal_group_add(a, &s->logged, &e);
    notice_entry(a, &e);
    if (e.written_deadline_ms < s->written_deadline_ms)
        s->written_deadline_ms = e.written_deadline_ms;
    return status;
}
