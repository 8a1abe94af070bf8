/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of a batch: look everything up, ask the condition, write all records where nobody sees
 * them, publish those that are new, which is the last thing that can fail and is undone then, and
 * at last replace and remove. Looking up is repeated before each step, because an expired
 * neighbour that is met on the way may have shrunk a shared table. Records and notices are made at
 * the end, while everything is still locked.
 */
#include "engine/batch.h"

#include "cache/freeze.h"
#include "engine/durability.h"
#include "engine/scope.h"

int
batch_init(struct batch *b, struct attl *a, size_t cap, uint64_t bytes)
{
    *b = (struct batch){ .a = a, .self = reclaim_self(), .cap = cap };
    const attl_allocator *alloc = &a->cache.config.alloc;
    b->claim.cache = &a->cache;
    if (!b->self)
        return ATTL_E_NOMEM;
    b->items = alloc_zero(alloc, (cap + 1) * sizeof(*b->items));
    b->claim.list = alloc_zero(alloc, (cap + 1) * sizeof(struct partition *));
    /* In a scope the record is the scope's. */
    bool logs = scope_mine(a, b->self) || journal_group_init(a, &b->logged, cap, bytes);
    if (b->items && b->claim.list && logs)
        return ATTL_OK;
    batch_fini(b);
    return ATTL_E_NOMEM;
}

void
batch_fini(struct batch *b)
{
    const attl_allocator *alloc = &b->a->cache.config.alloc;
    for (size_t i = 0; i < b->n; i++)
        stored_value_fini(&b->items[i].stored);
    journal_group_fini(&b->logged);
    alloc_free(alloc, b->items);
    alloc_free(alloc, b->claim.list);
    b->items = NULL;
    b->claim.list = NULL;
    b->n = 0;
}

void
batch_add(struct batch *b, attl_slice key, enum batch_kind kind)
{
    ASSERT(b->n < b->cap);
    struct batch_item *item = &b->items[b->n++];
    item->kind = kind;
    engine_entry_init(b->a, b->self, key, &item->entry);
}

int
batch_add_put(struct batch *b, attl_slice key, const struct batch_put *put)
{
    struct cache *c = &b->a->cache;
    batch_add(b, key, BATCH_PUT);
    struct batch_item *item = &b->items[b->n - 1];
    struct entry *e = &item->entry;
    item->put = *put;
    e->hopeless = cache_never_fits(c, put->value.len);
    int status = e->hopeless ? ATTL_E_FULL : stored_value_init(c, put->value, &item->stored);
    for (unsigned round = 0; status != ATTL_OK && engine_retry(b->a, e, status, round); round++)
        status = stored_value_init(c, put->value, &item->stored);
    return status;
}

/* ---- with everything locked ------------------------------------------------------------------ */

static bool
keeps_deadline(const struct batch_item *item)
{
    const struct entry *e = &item->entry;
    return item->put.keep_deadline && (e->found || e->kept_deadline_ms != ATTL_NO_DEADLINE);
}

/* When it is gone; its value gets its life. */
static int64_t
deadline_of(struct batch_item *item)
{
    const struct entry *e = &item->entry;
    int64_t hard_ms = keeps_deadline(item) ? e->kept_deadline_ms : item->put.deadline_ms;
    if (!life_is_wished(&item->put.life))
        return hard_ms;
    return stored_value_begin(&item->stored, &item->put.life, e->now_ms, hard_ms);
}

/* Looks all keys up: the condition, and whether the new ones fit under max_items. */
static int
look(struct batch *b)
{
    struct cache *c = &b->a->cache;
    uint64_t fresh = 0;
    int status = ATTL_OK;
    for (size_t i = 0; i < b->n; i++) {
        struct batch_item *item = &b->items[i];
        entry_find(&item->entry);
        if (item->kind != BATCH_PUT)
            continue;
        fresh += !item->entry.found;
        if (status == ATTL_OK && item->put.life_status < 0 && !keeps_deadline(item))
            status = item->put.life_status;
    }
    if (status == ATTL_OK && b->check)
        status = b->check(b, b->ud);
    if (status != ATTL_OK)
        return status;
    uint64_t max = atomic_load_explicit(&c->max_items, memory_order_relaxed);
    bool strict = !b->items[0].entry.urgent ||
                  atomic_load_explicit(&c->policy, memory_order_relaxed) == EVICT_NONE;
    return strict && max && fresh && cache_items(c) + fresh > max ? ATTL_E_FULL : ATTL_OK;
}

/* Writes all records where nobody sees them; all or none. */
static int
stage(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct batch_item *item = &b->items[i];
        if (item->kind != BATCH_PUT)
            continue;
        entry_find(&item->entry);
        int status = entry_stage(&item->entry, &item->stored, deadline_of(item), true);
        if (status == ATTL_OK)
            continue;
        while (i-- > 0)
            if (b->items[i].kind == BATCH_PUT)
                entry_abort(&b->items[i].entry);
        return status;
    }
    return ATTL_OK;
}

/* After the first `committed` items: takes back what is new, and drops the rest but the one that
 * has failed, which has dropped itself. */
static void
take_back(struct batch *b, size_t failed)
{
    for (size_t i = 0; i < b->n; i++) {
        struct batch_item *item = &b->items[i];
        if (item->kind != BATCH_PUT || i == failed)
            continue;
        if (i < failed && item->is_new) {
            entry_find(&item->entry);
            entry_remove(&item->entry, COUNT_DELETES);
        } else {
            entry_abort(&item->entry);
        }
    }
}

/* Publishes an item. Its large value stays the item's too, because the batch may have to be taken
 * back, and tried again. */
static int
commit(struct batch_item *item)
{
    struct stored_value given = item->stored;
    if (given.ref.extent)
        extent_share(given.ref.extent);
    int status = entry_commit(&item->entry, &given);
    stored_value_fini(&given);
    return status;
}

/* Publishes the entries that are new; only this can fail, and then it is undone. */
static int
commit_new(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct batch_item *item = &b->items[i];
        if (item->kind != BATCH_PUT)
            continue;
        entry_find(&item->entry);
        item->is_new = !item->entry.found;
        int status = item->is_new ? commit(item) : ATTL_OK;
        if (status == ATTL_OK)
            continue;
        take_back(b, i);
        return status;
    }
    return ATTL_OK;
}

static void
commit_rest(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct batch_item *item = &b->items[i];
        if (item->kind == BATCH_LOOK || (item->kind == BATCH_PUT && item->is_new))
            continue;
        entry_find(&item->entry);
        if (item->kind == BATCH_REMOVE) {
            if (item->entry.found)
                entry_remove(&item->entry, COUNT_DELETES);
            continue;
        }
        int status = commit(item);
        ASSERT(status == ATTL_OK); /* replacing an address needs no memory */
    }
}

static int
apply(struct batch *b)
{
    int status = look(b);
    if (status == ATTL_OK)
        status = stage(b);
    if (status == ATTL_OK)
        status = commit_new(b);
    if (status == ATTL_OK)
        commit_rest(b);
    return status;
}

/*
 * The same, and one record of the log for all of it. Inside an epoch, because a key that is named
 * twice leaves a record behind that is dead before the log has read it.
 */
static int
apply_logged(struct batch *b, struct journal_group *g)
{
    struct reclaim_reader *self = (struct reclaim_reader *)b->self;
    reclaim_enter(self);
    int status = apply(b);
    for (size_t i = 0; status == ATTL_OK && i < b->n; i++) {
        if (b->items[i].kind == BATCH_LOOK)
            continue;
        journal_group_add(b->a, g, &b->items[i].entry);
        notice_entry(b->a, &b->items[i].entry);
    }
    reclaim_exit(self);
    return status;
}

/* ---- locking --------------------------------------------------------------------------------- */

static bool
all_ready(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (!freeze_ready(&b->a->cache, b->items[i].entry.partition))
            return false;
    return true;
}

static int
run_in_scope(struct batch *b, struct scope *s)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct batch_item *item = &b->items[i];
        if (!claim_has(&s->claim, item->entry.partition))
            return ATTL_E_INVALID;
        item->entry.urgent = true;
        item->entry.now_ms = b->items[0].entry.now_ms;
        uint64_t value_bytes = item->stored.ref.extent ? item->stored.ref.len
                                                       : LIMIT_INLINE_VALUE_BYTES;
        bytes += journal_op_max_bytes(item->entry.key.key.len, value_bytes);
    }
    if (!all_ready(b) || !journal_group_reserve(b->a, &s->logged, bytes))
        return ATTL_E_NOMEM;
    int status = apply_logged(b, &s->logged);
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].entry.written_deadline_ms < s->written_deadline_ms)
            s->written_deadline_ms = b->items[i].entry.written_deadline_ms;
    return status;
}

static int
run_claimed(struct batch *b)
{
    int status = ATTL_E_NOMEM;
    for (size_t i = 0; i < b->n; i++) {
        b->items[i].entry.now_ms = b->items[0].entry.now_ms;
        b->claim.list[i] = b->items[i].entry.partition;
    }
    b->claim.count = b->n;
    claim_sort(&b->claim);
    claim_take(&b->claim);
    if (all_ready(b)) {
        b->logged.len = 0;
        status = apply_logged(b, &b->logged);
        if (status == ATTL_OK)
            journal_group_append(b->a, b->self, &b->logged);
    }
    claim_drop(&b->claim);
    return status;
}

int
batch_run(struct batch *b)
{
    struct scope *scope = scope_mine(b->a, b->self);
    int status = ATTL_OK;
    for (size_t i = 0; status == ATTL_OK && i < b->n; i++)
        if (b->items[i].kind != BATCH_LOOK)
            status = durability_admit(b->a, b->items[i].entry.key.key);
    if (b->n == 0 || status != ATTL_OK)
        return status;
    if (scope)
        return run_in_scope(b, scope);
    unsigned round = 0;
    do
        status = run_claimed(b);
    while (status < 0 && engine_retry(b->a, &b->items[0].entry, status, round++));
    int64_t earliest_ms = INT64_MAX;
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].entry.written_deadline_ms < earliest_ms)
            earliest_ms = b->items[i].entry.written_deadline_ms;
    engine_settle_claim(b->a, &b->claim, earliest_ms);
    for (size_t i = 0; i < b->n && atomic_load(&b->a->quotas.active); i++)
        quota_settle(b->a, &b->items[i].entry);
    return status;
}

int
batch_admit(struct attl *a)
{
    struct scope *scope = scope_mine(a, reclaim_self());
    return scope ? scope->admitted : journal_admit(a);
}

int
batch_settle(struct attl *a, int status)
{
    const struct reclaim_reader *self = reclaim_self();
    return scope_mine(a, self) ? status : journal_settle(a, self, status);
}
