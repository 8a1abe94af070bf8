/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop of the balancer, and the calls that show it. The first look after sleeping starts the
 * smoothing anew, because what was before says nothing. The loop sleeps when an interval brought
 * fewer samples than any decision could rest on, and the next sample wakes it: an idle cache is not
 * looked at. A shard may hold twice its even share of the memory, less a tenth: entries that share
 * a shard are evicted together, so one that held much more would evict earlier than the others.
 */
#include "control/balancer.h"

#include "control/balancer_look.h"
#include "control/control.h"

#include "base/alloc.h"
#include "base/sized.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    UNEVEN_LOOKS = 2,  /* before it acts by itself */
    REST_S = 60,       /* of a moved partition: none is moved twice in a minute */
    SAMPLES_MIN = 256, /* less in an interval: there is nothing to watch (300 ops/s at 60 s) */
    MS_PER_S = 1000,
    PERCENT = 100,
    MEMORY_PERCENT = 90, /* of what a shard may hold */
    MEMORY_SHARES = 2,   /* a shard may hold that many even shares of the memory */
};

void
balancer_configure(struct control *c, const attl_config *config)
{
    struct balancer *b = &c->balancer;
    int64_t old_ms = b->interval_ms;
    b->threshold = config_double(config, OPT_BALANCER_IMBALANCE_THRESHOLD);
    b->interval_ms = config_i64(config, OPT_BALANCER_INTERVAL);
    b->budget = (unsigned)config_i64(config, OPT_BALANCER_BUDGET);
    if (old_ms == 0) {
        b->due_ms = INT64_MAX;
        b->stats.imbalance = 1;
    } else if (b->due_ms != INT64_MAX) {
        b->due_ms += b->interval_ms - old_ms;
    }
}

void
balancer_fini(struct control *c)
{
    alloc_free(&c->alloc, c->balancer.cells);
    alloc_free(&c->alloc, c->balancer.history);
}

/* ---- deciding and acting --------------------------------------------------------------------- */

static struct balance_input
input_of(const struct balancer *b, const struct look *l)
{
    const struct control_numbers *n = l->n;
    struct balance_input in = { .items = l->items,
                                .partitions = n->partitions,
                                .shards = n->shards };
    in.settings.threshold = b->threshold;
    in.settings.stop = balance_stop(b->threshold);
    in.settings.budget = b->budget;
    in.settings.noise = balance_noise(look_worth(b), n->shards, b->mean, b->mean_square);
    if (n->max_bytes && n->shards > MEMORY_SHARES)
        in.settings.shard_bytes_max = n->max_bytes / n->shards * MEMORY_SHARES / PERCENT *
                                      MEMORY_PERCENT;
    return in;
}

static void
act(struct control *c, struct look *l)
{
    struct balancer *b = &c->balancer;
    struct balance_plan *plan = l->plan;
    for (unsigned i = 0; i < plan->count; i++) {
        const struct balance_move *m = &plan->moves[i];
        control_move(c->a, m->partition, m->to);
        b->cells[m->partition].rests_s = (uint32_t)(l->n->now_ms / MS_PER_S) + REST_S;
        b->stats.entries_moved += l->entries[m->partition];
        b->stats.bytes_moved += l->items[m->partition].bytes;
    }
    b->stats.partitions_moved += plan->count;
    b->stats.rebalances += plan->count > 0;
    if (plan->count)
        b->stats.moved_at_ms = l->n->now_ms + l->n->skew_ms;
}

static void
remember(struct control *c, const struct look *l, bool dry_run, bool asked_for)
{
    struct balancer *b = &c->balancer;
    struct balancer_cycle *cycle = &b->history[b->history_next];
    const struct balance_plan *plan = l->plan;
    *cycle = (struct balancer_cycle){ .at_ms = l->n->now_ms + l->n->skew_ms,
                                      .before = plan->before,
                                      .after = plan->after,
                                      .count = plan->count,
                                      .dry_run = dry_run,
                                      .asked_for = asked_for };
    for (unsigned i = 0; i < plan->count; i++) {
        cycle->moves[i] = plan->moves[i];
        cycle->entries += l->entries[plan->moves[i].partition];
        cycle->bytes += l->items[plan->moves[i].partition].bytes;
    }
    memcpy(cycle->why, b->stats.why, sizeof(cycle->why));
    b->history_next = (b->history_next + 1) % LIMIT_BALANCE_HISTORY;
    b->history_count += b->history_count < LIMIT_BALANCE_HISTORY;
    char text[ATTL_WHY_BYTES + 96];
    (void)snprintf(text, sizeof(text), "%s: %u partitions with %" PRIu64 " entries: %s",
                   dry_run ? "would move" : "moved", cycle->count, cycle->entries,
                   cycle->why); /* cut is fine */
    control_say(c, CONTROL_INFO, "rebalanced", text);
}

/* Decides on fresh loads. `now`: without waiting for a second uneven look. */
static void
consider(struct control *c, struct look *l, bool now, bool dry_run)
{
    struct balancer *b = &c->balancer;
    struct balance_input in = input_of(b, l);
    bool uneven = balance_is_uneven(&in, l->shards, l->plan);
    if (uneven && (now || b->uneven + 1 >= UNEVEN_LOOKS))
        balance_decide(&in, l->shards, l->owners, l->plan);
    if (!now)
        b->uneven = uneven ? b->uneven + 1 : 0;
    b->stats.imbalance = l->plan->before;
    b->stats.noise = in.settings.noise;
    balance_why(l->plan, &in.settings, b->stats.why, sizeof(b->stats.why));
    if (!dry_run)
        act(c, l);
    if (l->plan->count || now)
        remember(c, l, dry_run, now);
}

int64_t
balancer_step(struct control *c, const struct control_numbers *n)
{
    struct balancer *b = &c->balancer;
    struct look l;
    if (n->shards < 2) {
        b->due_ms = INT64_MAX;
        return CONTROL_NEVER;
    }
    if (b->due_ms == INT64_MAX) {
        if (look_sampled(n) == b->sampled_step)
            return INT64_MAX;
        b->fresh = true;
        b->looked_ns = n->mono_ns; /* before, nothing happened */
        b->due_ms = n->now_ms + b->interval_ms;
        return b->due_ms;
    }
    if (n->now_ms < b->due_ms)
        return b->due_ms;
    uint64_t fresh = look_sampled(n) - b->sampled_step;
    b->sampled_step = look_sampled(n);
    b->due_ms = fresh < SAMPLES_MIN ? INT64_MAX : n->now_ms + b->interval_ms;
    if (b->due_ms == INT64_MAX) {
        b->uneven = 0;
        return b->due_ms;
    }
    if (look_open(c, n, &l)) { /* without memory: the next time */
        look_now(c, &l);
        consider(c, &l, false, false);
        look_close(c, &l);
    }
    return b->due_ms;
}

/* ---- the calls ------------------------------------------------------------------------------- */

static void
copy_report(const struct balancer_cycle *cycle, attl_balance_report *ret)
{
    *ret = (attl_balance_report){ .struct_size = sizeof(*ret),
                                  .dry_run = cycle->dry_run,
                                  .asked_for = cycle->asked_for,
                                  .count = cycle->count,
                                  .at_ms = cycle->at_ms,
                                  .before = cycle->before,
                                  .after = cycle->after,
                                  .entries = cycle->entries,
                                  .bytes = cycle->bytes };
    memcpy(ret->why, cycle->why, sizeof(ret->why));
}

/* The cycle `back` before the last, 0: the last. */
static const struct balancer_cycle *
cycle_at(const struct balancer *b, unsigned back)
{
    return &b->history[(b->history_next + LIMIT_BALANCE_HISTORY - 1 - back) %
                       LIMIT_BALANCE_HISTORY];
}

int
balancer_run(struct control *c, bool dry_run, attl_balance_report *ret)
{
    struct control_numbers n;
    struct look l;
    control_observe(c->a, &n);
    lock_acquire(&c->lock);
    bool looked = look_open(c, &n, &l);
    if (looked) {
        look_now(c, &l);
        consider(c, &l, true, dry_run);
        look_close(c, &l);
        copy_report(cycle_at(&c->balancer, 0), ret);
    }
    control_unlock(c);
    return looked ? ATTL_OK : ATTL_E_NOMEM;
}

/* Sums up the partitions of each shard. */
static void
sum_up(const struct look *l, attl_shard_info *infos)
{
    double total = 0;
    for (unsigned p = 0; p < l->n->partitions; p++) {
        const struct balance_item *it = &l->items[p];
        attl_shard_info *info = &infos[it->owner];
        info->partitions++;
        info->resting += it->resting;
        info->items += l->entries[p];
        info->bytes += it->bytes;
        info->share += it->load;
        total += it->load;
        if (it->load > (double)info->busiest_ns) {
            info->busiest = p;
            info->busiest_ns = (uint64_t)it->load;
        }
    }
    for (unsigned i = 0; i < l->n->shards; i++) {
        infos[i].struct_size = sizeof(infos[i]);
        infos[i].shard = i;
        infos[i].load_ns = (uint64_t)infos[i].share;
        infos[i].share = total > 0 ? infos[i].share / total * l->n->shards : 1;
    }
}

int
balancer_list(struct control *c, attl_shard_fn fn, void *ud)
{
    struct control_numbers n;
    struct look l;
    control_observe(c->a, &n);
    attl_shard_info *infos = alloc_zero(&c->alloc, n.shards * sizeof(*infos));
    if (!infos)
        return ATTL_E_NOMEM;
    lock_acquire(&c->lock);
    bool looked = look_open(c, &n, &l);
    if (looked) {
        look_now(c, &l);
        sum_up(&l, infos);
        look_close(c, &l);
    }
    control_unlock(c);
    for (unsigned i = 0; looked && i < n.shards; i++)
        fn(ud, &infos[i]);
    alloc_free(&c->alloc, infos);
    return looked ? ATTL_OK : ATTL_E_NOMEM;
}

/* The look is the caller's own, so the lock is needed only while it is made. */
int
balancer_partitions(struct control *c, attl_partition_fn fn, void *ud)
{
    struct control_numbers n;
    struct look l;
    control_observe(c->a, &n);
    lock_acquire(&c->lock);
    bool looked = look_open(c, &n, &l);
    if (looked)
        look_now(c, &l);
    control_unlock(c);
    if (!looked)
        return ATTL_E_NOMEM;
    for (unsigned p = 0; p < n.partitions; p++) {
        const struct balance_item *it = &l.items[p];
        attl_partition_info info = { .struct_size = sizeof info,
                                     .partition = p,
                                     .shard = it->owner,
                                     .resting = it->resting,
                                     .items = l.entries[p],
                                     .bytes = it->bytes,
                                     .load_ns = it->load > 0 ? (uint64_t)it->load : 0 };
        fn(ud, &info);
    }
    look_close(c, &l);
    return ATTL_OK;
}

/* The lock is held while `fn` runs: that is why it must not call into the cache. */
int
balancer_history(struct control *c, size_t max, attl_balance_fn fn, void *ud)
{
    static const attl_balance_move empty = { .struct_size = sizeof(empty) };
    attl_balance_move moves[LIMIT_BALANCE_MOVES];
    const struct balancer *b = &c->balancer;
    lock_acquire(&c->lock);
    for (unsigned back = 0; back < b->history_count && back < max; back++) {
        const struct balancer_cycle *cycle = cycle_at(b, back);
        attl_balance_report report;
        copy_report(cycle, &report);
        for (unsigned i = 0; i < cycle->count; i++) {
            moves[i] = empty;
            moves[i].partition = cycle->moves[i].partition;
            moves[i].from = cycle->moves[i].from;
            moves[i].to = cycle->moves[i].to;
            moves[i].load_ns = (uint64_t)cycle->moves[i].load;
        }
        report.moves = moves;
        fn(ud, &report);
    }
    control_unlock(c);
    return ATTL_OK;
}

void
balancer_stats(struct control *c, attl_balance_stats *ret)
{
    lock_acquire(&c->lock);
    attl_balance_stats st = c->balancer.stats;
    st.enabled = c->enabled[CONTROL_BALANCER];
    control_unlock(c);
    sized_export(&st, sizeof st, ret);
}
