/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watching for callers: the hook that hears of every change, and on whose behalf a thread works.
 * All of it ends at the engine's notice board; nothing is kept here. The hook itself runs under a
 * partition's lock, which is why it is a function of a configuration and cannot be replaced later.
 */
#include "api/api.h"

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
