/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watching for callers: the hook that hears of every change, on whose behalf a thread works, events
 * on queues, and the ledger of what is gone. All of it ends at the engine's notice board; nothing
 * is kept here. The hook itself runs under a partition's lock, which is why it is a function of a
 * configuration and cannot be replaced later.
 */
#include "api/api.h"
#include "base/slice.h"

void
attl_config_set_notice(attl_config *config, attl_notice_fn fn, void *ud)
{
    if (!config)
        return;
    config->notice_fn = fn;
    config->notice_ud = ud;
}

void
attl_notice_mask(attl *a, uint32_t kinds)
{
    notice_mask_set(&a->notices, NOTICE_SINK_HOOK, kinds & ATTL_EV_ALL);
}

void
attl_actor_set(attl *a, uint64_t actor)
{
    const struct reclaim_reader *r = reclaim_self();
    if (r)
        cache_actor_set(&a->cache, r, actor);
}

int
attl_watch(attl_queue *q, attl_slice prefix, uint32_t kinds, uint64_t user_data, uint64_t *ret_id)
{
    if (kinds == 0 || (kinds & ~ATTL_EV_ALL) || prefix.len > LIMIT_KEY_BYTES)
        return ATTL_E_INVALID;
    uint64_t id;
    int status = feed_watch(q, prefix, kinds, user_data, &id);
    if (status == ATTL_OK && ret_id)
        *ret_id = id;
    return status;
}

int
attl_unwatch(attl_queue *q, uint64_t id)
{
    return feed_unwatch(q, id);
}

const char *
attl_cause_name(uint32_t cause)
{
    static const char *const names[] = {
        [ATTL_CAUSE_NONE] = "none",
        [ATTL_CAUSE_EXPIRED] = "expired",
        [ATTL_CAUSE_MEMORY] = "evicted-memory",
        [ATTL_CAUSE_ENTRIES] = "evicted-entries",
        [ATTL_CAUSE_QUOTA] = "evicted-quota",
        [ATTL_CAUSE_DELETED] = "deleted",
        [ATTL_CAUSE_ROLLED_BACK] = "rolled-back",
        [ATTL_CAUSE_CLEARED] = "cleared",
    };
    return cause < sizeof names / sizeof names[0] ? names[cause] : "unknown";
}

/* Looking is enough to make an entry go whose deadline has passed. */
static int
look_change(struct entry *e, void *ud)
{
    (void)ud;
    return e->found ? ATTL_OK : ATTL_MISS;
}

int
attl_trace_set(const char *id)
{
    size_t len = id ? strnlen(id, TRACE_MAX + 1) : 0;
    if (len > TRACE_MAX || !slice_is_printable(attl_b(id, len)))
        return ATTL_E_INVALID;
    trace_set(id);
    return ATTL_OK;
}

int
attl_why(attl *a, attl_slice key, size_t max, attl_death_fn fn, void *ud)
{
    if (!a->ledger)
        return ATTL_E_UNSUPPORTED;
    int status = engine_look(a, key, look_change, NULL);
    if (status < 0)
        return status;
    struct ledger_death deaths[LIMIT_WHY_DEATHS];
    size_t n = ledger_find(a->ledger, cache_hash(&a->cache, key), deaths,
                           max < LIMIT_WHY_DEATHS ? max : LIMIT_WHY_DEATHS);
    int64_t skew_ms = engine_skew_ms(a);
    for (size_t i = 0; i < n; i++) {
        char trace[TRACE_MAX + 1];
        ledger_trace_of(a->ledger, &deaths[i], trace);
        attl_death death = { .struct_size = sizeof death,
                             .cause = ledger_cause(&deaths[i]),
                             .at_ms = ledger_at_ms(&deaths[i]) + skew_ms,
                             .ttl_left_ms = deaths[i].ttl_left_ms,
                             .actor = deaths[i].actor,
                             .trace = trace };
        fn(ud, &death);
    }
    return n ? ATTL_OK : ATTL_MISS;
}
