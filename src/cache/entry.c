/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes to one entry. A new value of the same shape whose deadline is not earlier is stored into
 * the old record; everything else is appended to the log and published with one store to the index,
 * after which the old record is dead. Order matters: append, publish, account, so that a failure
 * leaves all as it was, and a reader sees either value whole.
 */
#include "cache/entry.h"

#include "cache/freeze.h"
#include "cache/weigh.h"

int
stored_value_init(struct cache *c, attl_slice value, struct stored_value *ret_stored)
{
    if (value.len <= LIMIT_INLINE_VALUE_BYTES) {
        /* Member by member: clearing the life, which few have, would cost every SET. */
        ret_stored->bytes = value;
        ret_stored->flags = 0;
        ret_stored->ref.extent = NULL;
        ret_stored->has_life = false;
        return ATTL_OK;
    }
    int status = stored_value_init_extent(c, value.len, ret_stored);
    if (status == ATTL_OK)
        memcpy(ret_stored->ref.extent->data, value.data, value.len);
    return status;
}

int
stored_value_init_extent(struct cache *c, uint64_t len, struct stored_value *ret_stored)
{
    if (!cache_may_use(c, extent_bytes(len), false))
        return ATTL_E_FULL;
    struct extent *e = extent_new(&c->extents, len);
    if (!e)
        return ATTL_E_NOMEM;
    e->limbo.born = limbo_cut(&c->limbo);
    *ret_stored = (struct stored_value){ .flags = RECORD_EXTENT, .ref = { e, len } };
    return ATTL_OK;
}

void
stored_value_init_integer(int64_t number, struct stored_value *ret_stored)
{
    ret_stored->flags = RECORD_INTEGER;
    ret_stored->ref.extent = NULL;
    ret_stored->integer = number;
    ret_stored->has_life = false;
}

int
stored_value_init_life(struct cache *c, const struct life *life, attl_slice value,
                       struct stored_value *ret_stored)
{
    int status = stored_value_init(c, value, ret_stored);
    if (status != ATTL_OK)
        return status;
    ret_stored->has_life = true;
    ret_stored->life = *life;
    return ATTL_OK;
}

int64_t
stored_value_begin(struct stored_value *v, const struct life_wish *wish, int64_t now_ms,
                   int64_t hard_ms)
{
    int64_t gone_ms;
    v->has_life = life_begin(wish, now_ms, hard_ms, &v->life, &gone_ms);
    return gone_ms;
}

void
stored_value_fini(struct stored_value *v)
{
    if (v->ref.extent)
        extent_disown(v->ref.extent);
    v->ref.extent = NULL;
}

/* The bytes that go into the record. */
static attl_slice
stored_bytes(const struct stored_value *v)
{
    if (v->flags & RECORD_EXTENT)
        return attl_b(&v->ref, sizeof(v->ref));
    if (v->flags & RECORD_INTEGER)
        return attl_b(&v->integer, sizeof(v->integer));
    return v->bytes;
}

static struct extent *
entry_extent(const struct entry *e)
{
    if (!(e->shape.flags & RECORD_EXTENT))
        return NULL;
    struct extent_ref ref;
    memcpy(&ref, record_value(e->record, &e->shape).data, sizeof(ref));
    return ref.extent;
}

bool
entry_is_integer(const struct entry *e, int64_t *ret_number)
{
    if (!(e->shape.flags & RECORD_INTEGER))
        return false;
    memcpy(ret_number, record_value(e->record, &e->shape).data, sizeof(*ret_number));
    return true;
}

attl_slice
entry_value(struct entry *e)
{
    ASSERT(e->found);
    struct extent *extent = entry_extent(e);
    if (extent)
        return attl_b(extent->data, extent->len);
    int64_t number;
    if (entry_is_integer(e, &number))
        return attl_b(e->text, num_format_i64(e->text, number));
    return record_value(e->record, &e->shape);
}

/* Adds the difference between two states of an entry to all sums. */
static void
account(struct entry *e, int items, int ttl_items, int64_t live_bytes)
{
    struct partition *p = e->partition;
    p->items += (uint64_t)(int64_t)items;
    p->ttl_items += (uint64_t)(int64_t)ttl_items;
    p->live_bytes += (uint64_t)live_bytes;
    struct shard *owner = cache_shard(e->cache, p);
    if (items)
        atomic_fetch_add_explicit(&owner->items, (uint64_t)(int64_t)items, memory_order_relaxed);
    if (ttl_items)
        atomic_fetch_add_explicit(&owner->ttl_items, (uint64_t)(int64_t)ttl_items,
                                  memory_order_relaxed);
}

static void
note_deadline(struct entry *e, int64_t deadline_ms)
{
    if (deadline_ms != ATTL_NO_DEADLINE && deadline_ms < e->written_deadline_ms)
        e->written_deadline_ms = deadline_ms;
}

/* What the log will say about this entry. */
static void
note_change(struct entry *e, enum entry_change change, const struct record *record)
{
    e->change = change;
    e->changed = record;
}

static const struct record *
staged_record(const struct entry *e)
{
    return region_pointer(&e->cache->region, e->staged.address);
}

/* The record in place, if its shape allows, and nobody has the value pinned. */
static bool
put_in_place(struct entry *e, const struct record_spec *spec)
{
    if (!freeze_allows_in_place(e->partition) ||
        !record_can_overwrite(e->record, &e->shape, spec, e->now_ms))
        return false;
    ASSERT(!spec->life || life_is_valid(spec->life, spec->deadline_ms));
    struct chunk *c = region_chunk(&e->cache->region, region_address(&e->cache->region, e->record));
    index_write_begin(e->pos.bucket);
    bool pinned = atomic_load(&c->pins) != 0;
    if (!pinned)
        record_overwrite(e->record, &e->shape, spec);
    index_write_end(e->pos.bucket);
    if (pinned)
        return false;
    bool had_ttl = e->shape.flags & RECORD_HAS_TTL;
    account(e, 0, had_ttl && spec->deadline_ms == ATTL_NO_DEADLINE ? -1 : 0, 0);
    index_touch(e->pos.bucket, e->pos.slot);
    cache_count(e->cache, e->self, COUNT_WRITES_IN_PLACE, 1);
    return true;
}

/* Retires what the entry held before: its extent, its record. */
static void
bury(struct entry *e, struct extent *extent)
{
    if (extent)
        extent_retire(extent, &e->cache->limbo);
    uint64_t address = region_address(&e->cache->region, e->record);
    shard_record_died(region_chunk(&e->cache->region, address), e->cache, e->shape.bytes);
}

static void
announce(const struct entry *e, enum cache_counter why, bool early)
{
    struct cache_death death = { .key = e->key.key,
                                 .hash = e->key.hash,
                                 .partition = e->partition,
                                 .deadline_ms = e->deadline_ms,
                                 .now_ms = e->now_ms,
                                 .why = why,
                                 .early = early };
    if (e->cache->death_fn)
        e->cache->death_fn(e->cache->death_ud, &death);
}

/* Tells whoever counts this partition. False: it is refused. */
static inline bool
weigh(const struct entry *e, int items, int64_t bytes, bool may_refuse)
{
    if (__builtin_expect(e->partition->tally == 0, 1))
        return true;
    struct cache_weight w = { .partition = e->partition,
                              .key = e->key.key,
                              .hash = e->key.hash,
                              .items = items,
                              .bytes = bytes,
                              .may_refuse = may_refuse && !e->unbounded };
    return weigh_change(e->cache, &w);
}

/* Out of the index, and out of all sums. */
static void
take_out(struct entry *e, enum cache_counter why)
{
    if (e->cache->death_soon_fn)
        e->cache->death_soon_fn(e->cache->death_ud, e->key.hash);
    struct extent *extent = entry_extent(e);
    int64_t bytes = (int64_t)e->shape.bytes + (extent ? (int64_t)extent->bytes : 0);
    index_remove(e->pos);
    account(e, -1, -((e->shape.flags & RECORD_HAS_TTL) != 0), -bytes);
    (void)weigh(e, -1, -bytes, false);
    bury(e, extent);
    partition_shrink(e->partition, &e->cache->env, false);
    cache_count(e->cache, e->self, why, 1);
    e->found = false;
}

/*
 * What is gone goes, as its deadline says to whoever replays the log. What is only out of sight
 * goes too, because the change that is about to be made finds nothing there; of that a log is told.
 */
static void
drop_dead(struct entry *e)
{
    bool gone = life_has_passed(e->gone_ms, e->now_ms);
    if (e->sees_expired || (!gone && (e->sees_stale || !entry_is_hidden(e))))
        return;
    take_out(e, COUNT_EXPIRED);
    announce(e, COUNT_EXPIRED, !gone);
}

void
entry_find(struct entry *e)
{
    lock_assert_held(&e->partition->lock);
    e->change = ENTRY_SAME;
    struct table *t = partition_table(e->partition);
    e->found = t && index_find(t, &e->cache->region, &e->key, &e->pos);
    if (!e->found)
        return;
    e->record = region_pointer(&e->cache->region, index_address(e->pos));
    e->shape = record_shape(e->record);
    e->deadline_ms = e->gone_ms = record_deadline(e->record, &e->shape, e->now_ms);
    e->has_life = (e->shape.flags & RECORD_LIFE) != 0;
    if (__builtin_expect(e->has_life, 0)) {
        e->life = record_life(e->record, &e->shape);
        e->deadline_ms = e->life.hard_ms;
    }
    drop_dead(e);
    if (e->found)
        e->kept_deadline_ms = e->deadline_ms;
}

/* Writes the record where nobody sees it yet. */
static int
append(struct entry *e, const struct record_spec *record, bool urgent)
{
    ASSERT(!record->life || life_is_valid(record->life, record->deadline_ms));
    struct append_spec spec = { .record = record,
                                .hash = e->key.hash,
                                .gen = GEN_NEW,
                                .new_entry = !e->found,
                                .urgent = urgent,
                                .now_ms = e->now_ms };
    if (e->found) {
        /* An overwrite stays in its generation: it is the same entry to the eviction policy. */
        uint64_t old = region_address(&e->cache->region, e->record);
        spec.gen = (enum chunk_gen)region_chunk(&e->cache->region, old)->gen;
    }
    e->staged_deadline_ms = record->deadline_ms;
    return shard_append(cache_shard(e->cache, e->partition), &spec, &e->staged);
}

/*
 * Makes the index refer to the staged record, and buries what was there before. A quota may refuse
 * any new entry, and a larger value where the caller can take a refusal.
 */
static int
publish(struct entry *e, int64_t extent_bytes_more, bool keeps_extent, bool may_refuse)
{
    int ttl = e->staged_deadline_ms != ATTL_NO_DEADLINE;
    int64_t live = e->staged.bytes + extent_bytes_more;
    struct extent *old_extent = e->found && !keeps_extent ? entry_extent(e) : NULL;
    if (e->found)
        live -= e->shape.bytes + (old_extent ? (int64_t)old_extent->bytes : 0);
    if (!weigh(e, !e->found, live, may_refuse || !e->found)) {
        entry_abort(e);
        return ATTL_E_QUOTA;
    }
    if (e->found) {
        ttl -= (e->shape.flags & RECORD_HAS_TTL) != 0;
        index_replace(e->pos, e->staged.address);
        index_touch(e->pos.bucket, e->pos.slot);
        bury(e, old_extent);
    } else {
        int status = partition_insert(e->partition, &e->cache->env, e->key.hash, e->staged.address);
        if (status != ATTL_OK) {
            (void)weigh(e, -1, -live, false);
            entry_abort(e);
            return status;
        }
        if (e->staged.ghost_hit)
            cache_count(e->cache, e->self, COUNT_GHOST_HITS, 1);
    }
    account(e, e->found ? 0 : 1, ttl, live);
    note_deadline(e, e->staged_deadline_ms);
    cache_count(e->cache, e->self, COUNT_RECORDS_WRITTEN, 1);
    return ATTL_OK;
}

static struct record_spec
spec_of(const struct entry *e, const struct stored_value *v, int64_t deadline_ms)
{
    return (struct record_spec){ .key = e->key.key,
                                 .value = stored_bytes(v),
                                 .deadline_ms = deadline_ms,
                                 .value_flags = v->flags,
                                 .life = v->has_life ? &v->life : NULL };
}

int
entry_stage(struct entry *e, struct stored_value *v, int64_t deadline_ms, bool urgent)
{
    struct record_spec spec = spec_of(e, v, deadline_ms);
    return append(e, &spec, urgent);
}

static int
commit(struct entry *e, struct stored_value *v, bool may_refuse)
{
    int status = publish(e, v->ref.extent ? (int64_t)v->ref.extent->bytes : 0, false, may_refuse);
    if (status != ATTL_OK)
        return status;
    v->ref.extent = NULL; /* the index owns it now */
    note_change(e, ENTRY_PUT, staged_record(e));
    return ATTL_OK;
}

int
entry_commit(struct entry *e, struct stored_value *v)
{
    return commit(e, v, false);
}

void
entry_abort(struct entry *e)
{
    shard_record_died(e->staged.chunk, e->cache, e->staged.bytes);
}

/* True if a new entry would pass max_items. Where entries can be evicted a transaction may, because
 * that is done when it is over. */
static bool
at_item_limit(const struct entry *e)
{
    struct cache *c = e->cache;
    uint64_t max = atomic_load_explicit(&c->max_items, memory_order_relaxed);
    if (!max || cache_items(c) < max)
        return false;
    return !e->urgent || atomic_load_explicit(&c->policy, memory_order_relaxed) == EVICT_NONE;
}

/* Whether the log record that is being gathered can take the value; short ones it always can. */
static bool
fits_log(const struct entry *e, const struct stored_value *v)
{
    return !v->ref.extent || !e->urgent || v->ref.len <= e->log_room;
}

int
entry_put(struct entry *e, struct stored_value *v, int64_t deadline_ms)
{
    struct record_spec spec = spec_of(e, v, deadline_ms);
    if (e->found && put_in_place(e, &spec)) {
        note_deadline(e, deadline_ms);
        note_change(e, ENTRY_PUT, e->record);
        return ATTL_OK;
    }
    if (!e->found && !e->replaces && at_item_limit(e))
        return ATTL_E_FULL;
    if (__builtin_expect(!fits_log(e, v), 0)) {
        e->log_room = v->ref.len;
        return ATTL_E_NOMEM;
    }
    int status = append(e, &spec, e->urgent);
    return status == ATTL_OK ? commit(e, v, true) : status;
}

/* `life`: NULL for an entry that has none, and gets none. */
static int
set_deadlines(struct entry *e, int64_t deadline_ms, const struct life *life)
{
    ASSERT(e->found);
    if (freeze_allows_in_place(e->partition) && e->has_life == (life != NULL) &&
        record_can_prolong(e->record, &e->shape, deadline_ms, e->now_ms)) {
        index_write_begin(e->pos.bucket);
        record_prolong(e->record, &e->shape, deadline_ms);
        ASSERT(!life || life_is_valid(life, deadline_ms));
        if (life)
            record_set_life(e->record, &e->shape, life);
        index_write_end(e->pos.bucket);
        account(e, 0, (deadline_ms != ATTL_NO_DEADLINE) - ((e->shape.flags & RECORD_HAS_TTL) != 0),
                0);
        note_change(e, ENTRY_EXPIRE, e->record);
        return ATTL_OK;
    }
    /* Another wheel slot: the record moves, its value (or its extent) is taken along as it is. */
    struct record_spec spec = { .key = record_key(e->record, &e->shape),
                                .value = record_value(e->record, &e->shape),
                                .deadline_ms = deadline_ms,
                                .value_flags = e->shape.flags & (RECORD_INTEGER | RECORD_EXTENT),
                                .life = life };
    int status = append(e, &spec, e->urgent);
    if (status == ATTL_OK)
        status = publish(e, 0, true, false);
    if (status == ATTL_OK)
        note_change(e, ENTRY_EXPIRE, staged_record(e));
    return status;
}

int
entry_set_deadline(struct entry *e, int64_t deadline_ms)
{
    if (!e->has_life)
        return set_deadlines(e, deadline_ms, NULL);
    struct life life = e->life;
    int64_t gone_ms = life_move(&life, e->gone_ms, deadline_ms);
    return set_deadlines(e, gone_ms, &life);
}

int
entry_set_life(struct entry *e, const struct life *life, int64_t gone_ms)
{
    return set_deadlines(e, gone_ms, life);
}

void
entry_evict(struct entry *e)
{
    ASSERT(e->found);
    take_out(e, COUNT_EVICTED);
    announce(e, COUNT_EVICTED, false);
}

void
entry_remove(struct entry *e, enum cache_counter why)
{
    ASSERT(e->found);
    take_out(e, why);
    note_change(e, ENTRY_REMOVE, NULL);
    e->removed_as = why;
}
