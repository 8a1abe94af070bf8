/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Carrying out what pressure_rule.c orders. Eviction goes on in slices of a millisecond between two
 * looks, so that no cycle lasts; expired data and empty memory go first, whatever the level. What
 * is switched off lets go of everything it holds: no limit of ours stays behind.
 */
#include "control/pressure.h"

#include "control/control.h"

#include <stdio.h>

enum { SLICE_US = 1000, SLICE_PAUSE_MS = 2 };

static void
release(struct control *c)
{
    struct pressure *p = &c->pressure;
    control_set_soft_limit(c->a, 0);
    control_refuse_above(c->a, UINT64_MAX);
    p->state = (struct pressure_state){ .level = PRESSURE_NONE };
    p->order = (struct pressure_order){ .refuse_above = UINT64_MAX };
    p->evicting = false;
    p->next_ms = 0;
}

void
pressure_configure(struct control *c, const attl_config *config)
{
    struct pressure *p = &c->pressure;
    p->settings = (struct pressure_settings){
        .high = config_double(config, OPT_PRESSURE_CGROUP_HIGH),
        .stall_percent = config_double(config, OPT_PRESSURE_PSI_LIMIT),
        .floor = config_double(config, OPT_PRESSURE_FLOOR),
        .oversize = (uint64_t)config_i64(config, OPT_PRESSURE_OVERSIZE),
        .max_bytes = (uint64_t)config_memory_limit_bytes(config),
    };
    p->dry_run = config_bool(config, OPT_PRESSURE_DRY_RUN);
    p->next_ms = 0; /* look at once */
    if (!c->enabled[CONTROL_PRESSURE] || p->dry_run)
        release(c);
}

static void
report(struct control *c)
{
    static const char *const names[PRESSURE_LEVELS] = { "none", "expired data first",
                                                        "cold data goes", "large values refused" };
    struct pressure *p = &c->pressure;
    char text[PRESSURE_WHY_MAX + 128];
    (void)snprintf(text, sizeof text, "level %d (%s): %s; limit of data %llu bytes%s",
                   p->order.level, names[p->order.level], p->order.why,
                   (unsigned long long)p->order.soft_bytes, p->dry_run ? " (dry run)" : "");
    control_say(c, p->order.level > PRESSURE_NONE ? CONTROL_WARNING : CONTROL_INFO,
                "memory_pressure", text); /* cut is fine */
}

static void
look(struct control *c, const struct control_numbers *n)
{
    struct pressure *p = &c->pressure;
    if (!p->started) {
        control_pressure_root(c->a, "");
        p->started = true;
    }
    control_observe_pressure(c->a, &p->seen);
    struct pressure_input in = { .now_ms = n->now_ms,
                                 .limit_bytes = p->seen.limit_bytes,
                                 .used_bytes = p->seen.used_bytes,
                                 .stall_percent = p->seen.stall_percent,
                                 .refused = p->seen.refused,
                                 .data_bytes = p->seen.data_bytes,
                                 .held_bytes = p->seen.held_bytes,
                                 .ops = p->seen.ops };
    int before = p->state.level;
    pressure_decide(&p->state, &p->settings, &in, &p->order);
    p->next_ms = p->order.next_ms;
    p->raised += before == PRESSURE_NONE && p->order.level > PRESSURE_NONE;
    if (p->order.changed)
        report(c);
    if (p->dry_run)
        return;
    if (p->order.trim)
        control_trim(c->a);
    control_set_soft_limit(c->a, p->order.soft_bytes);
    control_refuse_above(c->a, p->order.refuse_above);
    p->evicting = p->order.evict && p->seen.evicts;
}

int64_t
pressure_step(struct control *c, const struct control_numbers *n)
{
    struct pressure *p = &c->pressure;
    if (n->now_ms >= p->next_ms || p->next_ms == INT64_MAX)
        look(c, n);
    if (p->evicting) {
        uint64_t evicted;
        p->evicting = control_evict(c->a, 0, SLICE_US, &evicted);
        if (!p->evicting)
            control_trim(c->a); /* what it has emptied */
    }
    if (p->evicting && p->next_ms > n->now_ms + SLICE_PAUSE_MS)
        return n->now_ms + SLICE_PAUSE_MS;
    return p->next_ms;
}
