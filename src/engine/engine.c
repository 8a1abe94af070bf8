/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building an engine from settings, and the scheme of a change. A change that finds no room
 * unlocks, makes room and starts over from the lookup, because anything may have happened
 * meanwhile; the number of rounds is bounded, and only what nobody can serve (noeviction at the
 * limit, no memory at all) is refused. No lock is held while room is made.
 */
#include "engine/engine.h"

#include "cache/freeze.h"
#include "engine/durability.h"
#include "engine/journal.h"
#include "engine/scope.h"
#include "engine/store.h"

enum {
    NOMEM_ROUNDS = 8,
    COLLECT_ABOVE = 32, /* retired pieces of memory before a writer looks whether they can go */
    PERCENT = 100,
    TRIM_LOOK_MS = 1000,
};

static enum evict_policy
policy_of(const attl_config *config)
{
    switch ((enum choice_eviction)config_i64(config, OPT_CACHE_EVICTION)) {
    case CHOICE_EVICTION_VOLATILE_TTL: return EVICT_VOLATILE_TTL;
    case CHOICE_EVICTION_NONE: return EVICT_NONE;
    case CHOICE_EVICTION_S3FIFO: break;
    }
    return EVICT_S3FIFO;
}

static struct cache_config
cache_settings(const attl_config *config)
{
    uint64_t partitions = (uint64_t)config_i64(config, OPT_CACHE_PARTITIONS);
    return (struct cache_config){
        .alloc = config->has_allocator ? config->allocator : alloc_default(),
        .max_bytes = (uint64_t)config_memory_limit_bytes(config),
        .max_items = (uint64_t)config_entries_limit(config),
        .max_pinned_bytes = (uint64_t)config_i64(config, OPT_CACHE_MAX_PINNED),
        .policy = policy_of(config),
        .utilization_percent =
            (unsigned)(config_double(config, OPT_CACHE_UTILIZATION) * PERCENT + 0.5),
        .shards = (unsigned)config_i64(config, OPT_CACHE_NUM_SHARDS),
        .partition_bits = partitions > 1 ? 64 - (unsigned)__builtin_clzll(partitions - 1) : 0,
        .huge_pages = config_i64(config, OPT_CACHE_HUGE_PAGES) != CHOICE_HUGE_PAGES_OFF,
        .use_siphash = config_i64(config, OPT_CACHE_HASH) == CHOICE_HASH_SIPHASH,
    };
}

void
engine_apply_config(struct attl *a, const attl_config *config)
{
    struct cache_config c = cache_settings(config);
    cache_set_hard_limit(&a->cache, c.max_bytes);
    atomic_store(&a->cache.max_items, c.max_items);
    atomic_store(&a->cache.max_pinned_bytes, c.max_pinned_bytes);
    atomic_store(&a->cache.policy, c.policy);
    atomic_store(&a->cache.utilization_percent, c.utilization_percent);
    cache_wish_shards(&a->cache, c.shards);
    if (!config_bool(config, OPT_HOTKEYS_ENABLED) &&
        atomic_exchange(&a->sampler.hot->enabled, false))
        hot_reset(a->sampler.hot); /* keys are not kept for nobody */
    else
        atomic_store(&a->sampler.hot->enabled, config_bool(config, OPT_HOTKEYS_ENABLED));
    atomic_store(&a->rules.mode, (int)config_i64(config, OPT_VALIDATION_MODE));
    atomic_store(&a->rules.max_key_bytes, (uint64_t)config_key_limit_bytes(config));
    atomic_store(&a->rules.max_value_bytes,
                 (uint64_t)config_i64(config, OPT_VALIDATION_MAX_VALUE_BYTES));
    atomic_store(&a->rules.max_ttl_ms, config_ttl_limit_ms(config));
    atomic_store(&a->default_ttl_ms, config_i64(config, OPT_CACHE_DEFAULT_TTL));
    atomic_store(&a->return_delay_ms, config_i64(config, OPT_CACHE_RETURN_DELAY));
    atomic_store(&a->pool.threads_max, (uint32_t)config_i64(config, OPT_ASYNC_THREADS));
    atomic_store(&a->pool.waiting_max, (uint32_t)config_i64(config, OPT_ASYNC_QUEUE));
    atomic_store(&a->transaction_ops, config_i64(config, OPT_LIMITS_TRANSACTION_OPS));
    atomic_store(&a->rollback_ops, config_i64(config, OPT_LIMITS_ROLLBACK_OPS));
    if (a->store)
        store_apply_config(a->store, config);
    if (a->control.ud)
        a->control.hooks.configure(a->control.ud, config);
    for (unsigned i = 0; i < a->cache.shard_count; i++)
        atomic_store(&a->cache.shards[i].owes,
                     true); /* a lower limit is reached by the next writes */
}

static int
open_ledger(struct attl *a, const attl_config *config)
{
    uint64_t entries = (uint64_t)config_i64(config, OPT_LEDGER_ENTRIES);
    if (entries == 0)
        return ATTL_OK;
    a->ledger = ledger_new(&a->cache.config.alloc, entries);
    if (!a->ledger)
        return ATTL_E_NOMEM;
    notice_sink_set(&a->notices, NOTICE_SINK_LEDGER, ledger_note, a->ledger);
    notice_mask_set(&a->notices, NOTICE_SINK_LEDGER, LEDGER_KINDS);
    return ATTL_OK;
}

int
engine_open(struct attl *a, const attl_config *config, char *err, size_t err_len)
{
    *a = (struct attl){ .clock_fn = config->clock_fn,
                        .clock_ud = config->clock_ud,
                        .log_fn = config->log_fn,
                        .log_ud = config->log_ud,
                        .notice_fn = config->notice_fn,
                        .notice_ud = config->notice_ud,
                        .slow_fn = config->slow_fn,
                        .slow_ud = config->slow_ud };
    clock_init(&a->clock);
    lock_init(&a->config_lock);
    notice_board_init(&a->notices);
    if (config->notice_fn)
        notice_sink_set(&a->notices, NOTICE_SINK_HOOK, notice_hook, a);
    watch_table_init(&a->watches);
    feed_list_init(&a->feeds);
    notice_sink_set(&a->notices, NOTICE_SINK_QUEUES, feed_tell, a);
    flight_table_init(&a->flights, engine_now_ms(a));
    timers_init(&a->timers);
    queue_list_init(&a->queues);
    pool_init(&a->pool);
    log_waits_init(&a->log_waits);
    lock_init(&a->tick_lock);
    pace_init(&a->pace);
    lock_init(&a->quotas.lock);
    parker_init(&a->parker);
    atomic_init(&a->armed_ms, INT64_MIN);
    atomic_init(&a->trim_at_ms, INT64_MAX);
    atomic_init(&a->rules.room_bytes, UINT64_MAX);
    struct cache_config settings = cache_settings(config);
    a->config = config_copy(config);
    if (!a->config || !reclaim_self())
        return ATTL_E_NOMEM;
    int status = cache_init(&a->cache, &settings, engine_now_ms(a));
    if (status == ATTL_OK)
        status = sampler_open(a);
    if (status == ATTL_OK)
        status = open_ledger(a, config);
    if (status != ATTL_OK)
        return status;
    engine_apply_config(a, config);
    a->background = config_bool(config, OPT_CACHE_BACKGROUND);
    a->cache.death_fn = notice_death;
    a->cache.death_ud = a;
    a->cache.weight_fn = quota_weigh;
    a->cache.weight_ud = a;
    status = engine_apply_namespaces(a, config);
    if (status != ATTL_OK)
        return status;
    a->cache.death_soon_fn = a->ledger ? notice_death_soon : NULL;
    status = store_wanted(config) ? durability_init(a, config) : ATTL_OK;
    if (status != ATTL_OK)
        return status;
    status = store_wanted(config) ? store_open(a, err, err_len) : ATTL_OK;
    if (status == ATTL_OK)
        quota_begin(a);
    return status;
}

int64_t
engine_now_ms(const struct attl *a)
{
    return a->clock_fn ? a->clock_fn(a->clock_ud) : clock_now_ms(&a->clock);
}

int64_t
engine_skew_ms(const struct attl *a)
{
    return a->clock_fn ? 0 : clock_skew_ms(&a->clock);
}

void
engine_log(const struct attl *a, int level, const char *event, const char *text)
{
    if (a->log_fn)
        a->log_fn(a->log_ud, level, event, text);
}

void
engine_note_miss(struct attl *a, const struct reclaim_reader *r, uint64_t hash, bool expired)
{
    static const enum cache_counter counters[] = {
        [LEDGER_COLD] = COUNT_MISSES_COLD,
        [LEDGER_EXPIRED] = COUNT_MISSES_EXPIRED,
        [LEDGER_EVICTED] = COUNT_MISSES_EVICTED,
        [LEDGER_DELETED] = COUNT_MISSES_DELETED,
    };
    if (!a->ledger)
        return;
    enum ledger_class class = expired ? LEDGER_EXPIRED : ledger_class_of(a->ledger, hash);
    cache_count(&a->cache, r, counters[class], 1);
}

int
engine_refuse(struct attl *a, const struct reclaim_reader *r, int status)
{
    if (status <= ATTL_E_KEY_EMPTY && status >= ATTL_E_TTL_REQUIRED)
        cache_count(&a->cache, r,
                    (enum cache_counter)(COUNT_REFUSED_RULE + (ATTL_E_KEY_EMPTY - status)), 1);
    return status;
}

int
engine_check_key(struct attl *a, const struct reclaim_reader *r, attl_slice key)
{
    int status = validate_key(&a->rules, key);
    return status == ATTL_OK ? ATTL_OK : engine_refuse(a, r, status);
}

int
engine_check_value(struct attl *a, const struct reclaim_reader *r, uint64_t len)
{
    int status = validate_value_len(&a->rules, len);
    if (__builtin_expect(status != ATTL_OK, 0))
        return engine_refuse(a, r, status);
    if (__builtin_expect(len > atomic_load_explicit(&a->rules.room_bytes, memory_order_relaxed),
                         0)) {
        cache_count(&a->cache, r, COUNT_REFUSED_FULL, 1);
        control_wake(a); /* these are no operations that would: is it still so? */
        return ATTL_E_FULL;
    }
    return ATTL_OK;
}

int
engine_deadline(struct attl *a, const struct reclaim_reader *r, int64_t ttl_ms, int64_t deadline_ms,
                int64_t now_ms, int64_t *ret_deadline_ms)
{
    *ret_deadline_ms = ATTL_NO_DEADLINE;
    if (deadline_ms > 0) {
        now_ms = now_ms ? now_ms : engine_now_ms(a);
        if (deadline_ms > INT64_MAX / 2)
            deadline_ms = INT64_MAX / 2; /* out of every range, without overflowing below */
        deadline_ms -= engine_skew_ms(a);
        *ret_deadline_ms = deadline_ms > 0 ? deadline_ms : 0;
        if (deadline_ms <= now_ms)
            return ATTL_DELETED;
        ttl_ms = deadline_ms - now_ms;
    } else if (ttl_ms == ATTL_TTL_KEEP) {
        return ATTL_OK;
    } else if (ttl_ms == ATTL_TTL_DEFAULT) {
        int64_t by_default = atomic_load_explicit(&a->default_ttl_ms, memory_order_relaxed);
        ttl_ms = by_default ? by_default : ATTL_TTL_NONE;
    }
    int capped;
    int status = validate_ttl(&a->rules, &ttl_ms, &capped);
    if (status != ATTL_OK)
        return engine_refuse(a, r, status);
    if (capped)
        (void)engine_refuse(a, r, ATTL_E_TTL_RANGE); /* counted, not refused */
    if (ttl_ms != ATTL_TTL_NONE)
        *ret_deadline_ms = (now_ms ? now_ms : engine_now_ms(a)) + ttl_ms;
    return ATTL_OK;
}

int
engine_check_wish(struct attl *a, const struct reclaim_reader *r, struct life_wish *wish)
{
    int capped = 0;
    int status = ATTL_OK;
    if (wish->soft_ms < 0 || wish->soft_ms > LIMIT_TTL_MS || wish->grace_ms < 0)
        status = ATTL_E_TTL_RANGE;
    else if (wish->grace_ms > 0)
        status = validate_ttl(&a->rules, &wish->grace_ms, &capped);
    if (capped)
        (void)engine_refuse(a, r, ATTL_E_TTL_RANGE); /* counted, not refused */
    return status == ATTL_OK ? ATTL_OK : engine_refuse(a, r, status);
}

void
engine_entry_init(struct attl *a, const struct reclaim_reader *r, attl_slice key, struct entry *e)
{
    e->cache = &a->cache;
    e->self = r;
    e->key = (struct index_key){ .key = key, .hash = cache_hash(&a->cache, key) };
    e->partition = cache_partition(&a->cache, e->key.hash);
    e->now_ms = engine_now_ms(a);
    e->found = false;
    e->kept_deadline_ms = ATTL_NO_DEADLINE;
    e->sees_expired = false;
    e->sees_stale = false;
    e->has_life = false;
    e->hopeless = false;
    e->unwanted = false;
    e->unbounded = false;
    e->replaces = false;
    e->urgent = false;
    e->written_deadline_ms = INT64_MAX;
}

/* Only what has expired may make room where a namespace does not evict. */
static bool
retry_quota(struct attl *a, struct entry *e, unsigned round)
{
    if (round < LIMIT_ROOM_ROUNDS && drain_expire_some(&a->cache, e->now_ms)) {
        e->now_ms = engine_now_ms(a);
        return true;
    }
    quota_note_refused(a, e->key.key);
    return false;
}

bool
engine_retry(struct attl *a, struct entry *e, int status, unsigned round)
{
    if (status == ATTL_E_QUOTA)
        return retry_quota(a, e, round);
    if (status != ATTL_E_FULL && status != ATTL_E_NOMEM)
        return false;
    if (e->hopeless)
        return false;
    if (__builtin_expect(e->self->claim != NULL, 0) && scope_mine(a, e->self)) {
        cache_count(&a->cache, e->self, COUNT_REFUSED_FULL, 1);
        return false; /* locks are held before which those of the drain come */
    }
    unsigned rounds = status == ATTL_E_FULL ? LIMIT_ROOM_ROUNDS : NOMEM_ROUNDS;
    int64_t begun_ns = engine_slow_begin(a);
    bool room = round < rounds &&
                drain_make_room(&a->cache, cache_shard(&a->cache, e->partition), e->now_ms);
    engine_slow_end(a, ATTL_SLOW_EVICTION, begun_ns);
    if (room) {
        e->now_ms = engine_now_ms(a);
        return true;
    }
    cache_count(&a->cache, e->self, COUNT_REFUSED_FULL, 1);
    return false;
}

void
engine_slow_took(const struct attl *a, enum attl_slow what, int64_t took_ns)
{
    int64_t limit_ns = atomic_load_explicit(&a->slow_limit_ns, memory_order_relaxed);
    if (limit_ns > 0 && took_ns >= limit_ns)
        a->slow_fn(a->slow_ud, (int)what, took_ns);
}

void
engine_wake_at(struct attl *a, int64_t at_ms)
{
    if (a->background && at_ms < atomic_load(&a->armed_ms))
        parker_wake(&a->parker);
}

/* Wakes the maintenance thread if it would sleep past the moment this deadline is due. */
static void
wake_for(struct attl *a, int64_t deadline_ms)
{
    int64_t at_ms = ((deadline_ms >> WHEEL_TICK_SHIFT) + 1) << WHEEL_TICK_SHIFT;
    if (a->background && at_ms < atomic_load(&a->armed_ms) && !pace_sweeps(&a->pace))
        parker_wake(&a->parker);
}

/* Tables and the ghost grow without asking; the write that made them grow pays for it. */
static bool
is_over_limit(struct cache *c)
{
    return atomic_load_explicit(&c->max_bytes, memory_order_relaxed) > 0 &&
           atomic_load_explicit(&c->policy, memory_order_relaxed) != EVICT_NONE &&
           !cache_may_use(c, 0, false);
}

void
engine_settle(struct attl *a, struct entry *e)
{
    struct cache *c = &a->cache;
    if (e->written_deadline_ms != INT64_MAX)
        wake_for(a, e->written_deadline_ms);
    if (__builtin_expect(atomic_load_explicit(&a->quotas.active, memory_order_relaxed), 0) &&
        e->key.key.data) /* of a claim there is none: whoever made it settles its keys */
        quota_settle(a, e);
    struct shard *s = cache_shard(c, e->partition);
    if (atomic_load_explicit(&s->owes, memory_order_relaxed) && drain_assist(c, s, e->now_ms))
        wake_for(a, e->now_ms + TRIM_LOOK_MS); /* there may be arenas to give back */
    if (__builtin_expect(is_over_limit(c), 0))
        drain_to_limits(c, e->now_ms);
    if (atomic_load_explicit(&c->limbo.count, memory_order_relaxed) > COLLECT_ABOVE ||
        atomic_load_explicit(&c->limbo.urgent, memory_order_relaxed))
        (void)limbo_collect(&c->limbo);
}

void
engine_settle_claim(struct attl *a, const struct claim *claim, int64_t written_deadline_ms)
{
    enum { SETTLED_MAX = 64 }; /* what others owe the next write will pay */
    struct cache *c = &a->cache;
    size_t n = claim_is_whole(claim) ? 1 : claim->count;
    struct entry e = { .cache = c, .self = reclaim_self(), .now_ms = engine_now_ms(a) };
    for (size_t i = 0; i < n && i < SETTLED_MAX; i++) {
        e.partition = claim_is_whole(claim) ? &c->partitions[0] : claim->list[i];
        e.written_deadline_ms = i == 0 ? written_deadline_ms : INT64_MAX;
        engine_settle(a, &e);
    }
    uint64_t max = atomic_load_explicit(&c->max_items, memory_order_relaxed);
    if (max && cache_items(c) > max)
        drain_to_limits(c, e.now_ms);
}

struct change {
    engine_change_fn fn;
    void *ud;
    bool sees_stale;
};

/* Steps 2 to 4 without waiting for the log. */
static int
change_entry(struct attl *a, struct reclaim_reader *r, attl_slice key, const struct change *change)
{
    if (__builtin_expect(r->claim != NULL, 0) && scope_mine(a, r))
        return scope_change(scope_mine(a, r), key, change->fn, change->ud, change->sees_stale);
    struct sample sample = { .begun_ns = sample_begin(r) };
    struct entry e;
    engine_entry_init(a, r, key, &e);
    e.sees_stale = change->sees_stale;
    unsigned round = 0;
    int status;
    do {
        status = ATTL_E_NOMEM;
        if (!cache_lock(&a->cache, e.partition))
            continue;
        if (__builtin_expect(sample.begun_ns != 0, 0))
            sample.wait_ns = clock_mono_ns() - sample.begun_ns;
        entry_find(&e);
        status = change->fn(&e, change->ud);
        if (a->store)
            journal_entry(a, &e);
        notice_entry(a, &e);
        lock_release(&e.partition->lock);
    } while (status < 0 && engine_retry(a, &e, status, round++));
    engine_settle(a, &e);
    if (__builtin_expect(sample.begun_ns != 0, 0))
        sample_end(a, r, CONTROL_WRITE, &e.key, key.len, &sample);
    return status;
}

static int
check_and_change(struct attl *a, attl_slice key, const struct change *change)
{
    struct reclaim_reader *r = reclaim_self();
    int status = r ? engine_check_key(a, r, key) : ATTL_E_NOMEM;
    return status == ATTL_OK ? change_entry(a, r, key, change) : status;
}

static int
admit_and_change(struct attl *a, attl_slice key, const struct change *change)
{
    if (__builtin_expect(!a->store, 1))
        return check_and_change(a, key, change);
    struct scope *scope = scope_mine(a, reclaim_self());
    int status;
    if (scope)
        status = scope->admitted;
    else
        status = journal_admit(a);
    if (status == ATTL_OK)
        status = durability_admit(a, key);
    if (status == ATTL_OK)
        status = check_and_change(a, key, change);
    return status >= 0 && !scope ? journal_settle(a, reclaim_self(), status) : status;
}

int
engine_restore(struct attl *a, attl_slice key, engine_change_fn fn, void *ud)
{
    struct reclaim_reader *r = reclaim_self();
    struct change change = { fn, ud, .sees_stale = true };
    return r ? change_entry(a, r, key, &change) : ATTL_E_NOMEM;
}

int
engine_look(struct attl *a, attl_slice key, engine_change_fn fn, void *ud)
{
    struct change change = { fn, ud, .sees_stale = true };
    return check_and_change(a, key, &change);
}

int
engine_change_now(struct attl *a, attl_slice key, engine_change_fn fn, void *ud)
{
    int status = journal_admit_now(a);
    if (status == ATTL_OK)
        status = durability_admit(a, key);
    return status == ATTL_OK ? engine_look(a, key, fn, ud) : status;
}

int
engine_change(struct attl *a, attl_slice key, engine_change_fn fn, void *ud)
{
    struct change change = { fn, ud, .sees_stale = false };
    return admit_and_change(a, key, &change);
}

int
engine_change_stale(struct attl *a, attl_slice key, engine_change_fn fn, void *ud)
{
    struct change change = { fn, ud, .sees_stale = true };
    return admit_and_change(a, key, &change);
}
