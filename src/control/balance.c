/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The greedy weighted moves. The mean that counts is that of the shards which can be helped: one
 * whose heaviest partition alone exceeds the threshold is set aside, and it gives the rest of what
 * it has to the others until only a small part of a mean is left beside the hot partition. One move
 * costs a walk over the partitions, so a full budget is 256 walks.
 */
#include "control/balance.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    SWAP_CANDIDATES = 8, /* of the heaviest partitions that are tried in a swap */
    NONE = UINT16_MAX,
};
#define STOP_SHARE 0.25 /* of the way from 1 to the threshold */
#define SIGMAS 4.0
#define NOISE_STOP_SHARE 0.5 /* moving for less than that is moving by chance */

struct state {
    const struct balance_input *in;
    struct balance_shard *shards;
    uint16_t *owners;
    struct balance_plan *plan;
    double mean; /* of the shards that are not set aside, when they carry all that can be moved */
};

/* ---- what there is --------------------------------------------------------------------------- */

static void
sum_shards(struct state *s)
{
    memset(s->shards, 0, s->in->shards * sizeof(*s->shards));
    for (unsigned i = 0; i < s->in->partitions; i++) {
        const struct balance_item *it = &s->in->items[i];
        struct balance_shard *shard = &s->shards[it->owner];
        shard->load += it->load;
        shard->bytes += it->bytes;
        if (it->load > shard->biggest) {
            shard->biggest = it->load;
            shard->biggest_at = (uint16_t)i;
        }
    }
}

/* How much of its load a shard could give at all. */
static double
giveable(const struct balance_shard *shard)
{
    return shard->aside ? shard->load - shard->biggest : shard->load;
}

/* Mean load of all shards, or what each of those not set aside would carry if they carried all
 * that can be moved. */
static double
mean_of(const struct state *s, bool all)
{
    double sum = 0;
    unsigned n = 0;
    for (unsigned i = 0; i < s->in->shards; i++) {
        const struct balance_shard *shard = &s->shards[i];
        sum += all ? shard->load : giveable(shard);
        n += all || !shard->aside;
    }
    return n ? sum / n : 0;
}

static double
max_over_mean(const struct state *s)
{
    double mean = mean_of(s, true), max = 0;
    for (unsigned i = 0; i < s->in->shards; i++)
        max = s->shards[i].load > max ? s->shards[i].load : max;
    return mean > 0 ? max / mean : 1;
}

/* Setting one aside lowers the mean of the others, which may make another partition too hot. */
static void
set_aside_unsplittable(struct state *s)
{
    bool changed = true;
    while (changed) {
        changed = false;
        s->mean = mean_of(s, false);
        for (unsigned i = 0; i < s->in->shards; i++) {
            struct balance_shard *shard = &s->shards[i];
            if (shard->aside || shard->biggest <= s->in->settings.threshold * s->mean)
                continue;
            shard->aside = changed = true;
            s->plan->aside++;
            if (shard->biggest > s->plan->hot_load) {
                s->plan->hot_load = shard->biggest;
                s->plan->hot = shard->biggest_at;
            }
        }
    }
    double all = mean_of(s, true);
    s->plan->hot_load = all > 0 ? s->plan->hot_load / all : 0;
}

/* How far above what it should have a shard is, as a ratio comparable with max over mean. */
static double
excess(const struct state *s, const struct balance_shard *shard)
{
    double have = giveable(shard);
    return s->mean > 0 ? (shard->aside ? 1 + have / s->mean : have / s->mean) : 1;
}

static unsigned
hottest(const struct state *s, double *ret_excess)
{
    unsigned best = NONE;
    *ret_excess = 0;
    for (unsigned i = 0; i < s->in->shards; i++) {
        double e = excess(s, &s->shards[i]);
        if (!s->shards[i].stuck && e > *ret_excess) {
            *ret_excess = e;
            best = i;
        }
    }
    return best;
}

static unsigned
coldest(const struct state *s)
{
    unsigned best = NONE;
    for (unsigned i = 0; i < s->in->shards; i++)
        if (!s->shards[i].aside && (best == NONE || s->shards[i].load < s->shards[best].load))
            best = i;
    return best;
}

static double
trigger(const struct balance_settings *set)
{
    return set->threshold > 1 + set->noise ? set->threshold : 1 + set->noise;
}

static struct state
begin(const struct balance_input *in, struct balance_shard *scratch, struct balance_plan *ret)
{
    *ret = (struct balance_plan){ .before = 1, .after = 1, .relative = 1 };
    struct state s = { .in = in, .shards = scratch, .plan = ret };
    sum_shards(&s);
    set_aside_unsplittable(&s);
    ret->before = ret->after = max_over_mean(&s);
    unsigned hot = hottest(&s, &ret->relative);
    ret->hottest = hot == NONE ? 0 : hot;
    return s;
}

bool
balance_is_uneven(const struct balance_input *in, struct balance_shard *scratch,
                  struct balance_plan *ret)
{
    struct state s = begin(in, scratch, ret);
    bool uneven = s.mean > 0 && in->shards > 1 && ret->relative > trigger(&in->settings);
    ret->outcome = uneven                                               ? BALANCE_BUDGET
                   : ret->aside && ret->before > in->settings.threshold ? BALANCE_WAIT
                                                                        : BALANCE_EVEN;
    return uneven;
}

/* ---- moves ----------------------------------------------------------------------------------- */

static bool
may_hold(const struct state *s, unsigned to, uint64_t more)
{
    uint64_t max = s->in->settings.shard_bytes_max;
    return !max || s->shards[to].bytes + more <= max;
}

/* Whether a partition of shard `from` may go at all: each goes at most once in a cycle. */
static bool
may_go(const struct state *s, unsigned partition, unsigned from)
{
    const struct balance_shard *shard = &s->shards[from];
    const struct balance_item *it = &s->in->items[partition];
    return it->owner == from && s->owners[partition] == from && !it->resting && it->load > 0 &&
           !(shard->aside && partition == shard->biggest_at);
}

/* The heaviest partition of `from` that lies in (0, most] and fits into `to`. */
static unsigned
heaviest(const struct state *s, unsigned from, unsigned to, double most)
{
    unsigned best = NONE;
    for (unsigned i = 0; i < s->in->partitions; i++) {
        const struct balance_item *it = &s->in->items[i];
        if (it->load <= most && (best == NONE || it->load > s->in->items[best].load) &&
            may_go(s, i, from) && may_hold(s, to, it->bytes))
            best = i;
    }
    return best;
}

static void
record(struct state *s, unsigned partition, unsigned to)
{
    const struct balance_item *it = &s->in->items[partition];
    unsigned from = s->owners[partition];
    s->plan->moves[s->plan->count++] = (struct balance_move){ .partition = (uint16_t)partition,
                                                              .from = (uint16_t)from,
                                                              .to = (uint16_t)to,
                                                              .load = it->load };
    s->owners[partition] = (uint16_t)to;
    s->shards[from].load -= it->load;
    s->shards[from].bytes -= it->bytes;
    s->shards[to].load += it->load;
    s->shards[to].bytes += it->bytes;
}

/* The lightest partition of `to` that makes a swap with one of `load` worth at most `most`. */
static unsigned
partner(const struct state *s, unsigned to, double load, double most)
{
    unsigned best = NONE;
    for (unsigned i = 0; i < s->in->partitions; i++) {
        double gain = load - s->in->items[i].load;
        if (gain > 0 && gain <= most && may_go(s, i, to) &&
            (best == NONE || s->in->items[i].load < s->in->items[best].load))
            best = i;
    }
    return best;
}

/* A heavy partition against a light one, where nothing is small enough to be moved alone. */
static bool
swap(struct state *s, unsigned from, unsigned to, double most)
{
    double below = INFINITY;
    for (unsigned tried = 0; tried < SWAP_CANDIDATES; tried++) {
        unsigned heavy = heaviest(s, from, to, nextafter(below, 0));
        if (heavy == NONE)
            return false;
        below = s->in->items[heavy].load;
        unsigned light = partner(s, to, below, most);
        if (light == NONE || !may_hold(s, from, s->in->items[light].bytes))
            continue;
        record(s, heavy, to);
        record(s, light, from);
        return true;
    }
    return false;
}

/* One move, or a swap, from the shard `from`. */
static bool
relieve(struct state *s, unsigned from, unsigned budget)
{
    unsigned to = coldest(s);
    if (to == NONE || to == from)
        return false;
    double most = (s->shards[from].load - s->shards[to].load) / 2;
    unsigned partition = most > 0 ? heaviest(s, from, to, most) : NONE;
    if (partition != NONE) {
        record(s, partition, to);
        return true;
    }
    return most > 0 && budget >= 2 && !s->shards[from].aside && swap(s, from, to, most);
}

void
balance_decide(const struct balance_input *in, struct balance_shard *scratch, uint16_t *owners,
               struct balance_plan *ret)
{
    if (!balance_is_uneven(in, scratch, ret))
        return;
    struct state s = { .in = in, .shards = scratch, .owners = owners, .plan = ret };
    const struct balance_settings *set = &in->settings;
    s.mean = mean_of(&s, false);
    double stop = set->stop > 1 + set->noise * NOISE_STOP_SHARE ? set->stop
                                                                : 1 + set->noise * NOISE_STOP_SHARE;
    unsigned budget = set->budget < LIMIT_BALANCE_MOVES ? set->budget : LIMIT_BALANCE_MOVES;
    for (unsigned i = 0; i < in->partitions; i++)
        owners[i] = in->items[i].owner;
    double worst;
    bool stuck = false;
    for (;;) {
        unsigned from = hottest(&s, &worst);
        if (from == NONE || worst <= stop || ret->count >= budget)
            break;
        if (!relieve(&s, from, budget - ret->count))
            s.shards[from].stuck = stuck = true;
    }
    ret->after = max_over_mean(&s);
    ret->outcome = worst > stop && ret->count >= budget ? BALANCE_BUDGET
                   : stuck                              ? BALANCE_STUCK
                                                        : BALANCE_DONE;
}

/* ---- numbers and words ----------------------------------------------------------------------- */

double
balance_noise(double samples, unsigned shards, double mean, double mean_square)
{
    if (samples <= 0 || mean <= 0)
        return INFINITY;
    return SIGMAS * sqrt(mean_square / (mean * mean) * shards / samples);
}

double
balance_stop(double threshold)
{
    return 1 + (threshold - 1) * STOP_SHARE;
}

const char *
balance_outcome_name(enum balance_outcome outcome)
{
    switch (outcome) {
    case BALANCE_EVEN: return "even";
    case BALANCE_WAIT: return "unsplittable";
    case BALANCE_DONE: return "balanced";
    case BALANCE_BUDGET: return "budget";
    case BALANCE_STUCK: return "stuck";
    }
    return "?";
}

void
balance_why(const struct balance_plan *plan, const struct balance_settings *set, char *buf,
            size_t len)
{
    static const char *const ends[] = {
        [BALANCE_EVEN] = "nothing to do",
        [BALANCE_WAIT] = "nothing to move",
        [BALANCE_DONE] = "balanced by them",
        [BALANCE_BUDGET] = "the budget ends here, more is to be done",
        [BALANCE_STUCK] = "no other partition may or can help",
    };
    char hot[96] = "";
    if (plan->aside)
        (void)snprintf(hot, sizeof(hot),
                       "; partition %u alone has %.2f of the mean and cannot be split, so its "
                       "shard gives the others",
                       plan->hot, plan->hot_load); /* cut is fine */
    (void)snprintf(buf, len,
                   "max/mean %.3f (of what can be moved %.3f, acts above %.3f, chance %.3f)%s; "
                   "shard %u is the busiest; %u moves, expected %.3f: %s",
                   plan->before, plan->relative, trigger(set), set->noise, hot, plan->hottest,
                   plan->count, plan->after, ends[plan->outcome]); /* cut is fine */
}
