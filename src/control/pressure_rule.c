/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thresholds. Between `high` and the limit there is a margin; level 2 begins after two fifths
 * of it, level 3 after four. The data's limit aims half a margin below `high`, so that in the
 * steady state, where every byte that is free is used, no level is reached: otherwise the rule
 * would be its own disturbance. A level is left three tenths of a margin below where it began.
 *
 * A look lowers the limit by one step at most, because writers evict down to it, and a level that
 * does not help becomes the next only after a while. Without a control group (PSI, failed
 * allocations) there is no telling how much is too much, and steps go on for as long as there is
 * pressure.
 */
#include "control/pressure_rule.h"

#include <stdio.h>

enum {
    CALM_MS = 5000,        /* below the threshold before the level falls */
    PATIENCE_MS = 3000,    /* at level 1 before it becomes 2 */
    REFUSED_MS = 3000,     /* for so long a failed allocation is recent */
    IDLE_MS = 10000,       /* without an operation and a change before it sleeps */
    LOOK_MS = 1000,        /* while something happens */
    LOOK_PRESSED_MS = 250, /* under pressure */
    LOOK_CLOSE_MS = 100,   /* the group is nearly full: others may fill it within a second */
    LOOK_SOON_MS = 50,     /* while memory fills fast */
    STEP_DIVISOR = 20,     /* 5 %: what one look takes at most */
    REGAIN_DIVISOR = 50,   /* 2 % a second: how it comes back */
    SLACK_DIVISOR = 32,    /* 3 %: what a full cache stays below its limit */
    SPARE_DIVISOR = 16,    /* so much of the data may be free and not given back yet */
    STALL_HARD = 3,        /* times the limit of PSI: level 2 */
    MS_PER_SECOND = 1000,
};

/* Shares of the margin between `high` and 1. */
static const double level_at[PRESSURE_LEVELS] = { 0, 0, 0.4, 0.8 };
#define CLOSE_SHARE 0.75 /* of the group's limit */
static const double leave_below = 0.3;
static const double aim_below = 0.5;
static const double stall_leave = 0.5; /* of the limit */

static double
share_of(const struct pressure_input *in)
{
    return in->limit_bytes ? (double)in->used_bytes / (double)in->limit_bytes : 0;
}

/* The highest level that `share` reaches when its thresholds are moved down by `slack` margins. */
static int
level_by_share(const struct pressure_settings *set, double share, double slack)
{
    double margin = 1 - set->high;
    int level = PRESSURE_NONE;
    for (int i = PRESSURE_EXPIRED; i < PRESSURE_LEVELS; i++)
        if (share >= set->high + (level_at[i] - slack) * margin)
            level = i;
    return level;
}

/* PSI may be somebody else's doing, so it never refuses anything. */
static int
level_by_stall(const struct pressure_settings *set, double stall, double scale)
{
    double limit = set->stall_percent * scale;
    if (limit <= 0 || stall < limit)
        return PRESSURE_NONE;
    return stall >= STALL_HARD * limit ? PRESSURE_COLD : PRESSURE_EXPIRED;
}

static int
level_by_refusals(const struct pressure_state *s, const struct pressure_input *in)
{
    if (s->refused_ms == 0 || in->now_ms - s->refused_ms > REFUSED_MS)
        return PRESSURE_NONE;
    /* They go on although cold data has been going for a while: large values must wait. */
    bool persistent = s->level >= PRESSURE_COLD && s->refused_ms - s->level_since_ms > PATIENCE_MS;
    return persistent ? PRESSURE_REFUSE : PRESSURE_COLD;
}

static int
max3(int a, int b, int c)
{
    int m = a > b ? a : b;
    return m > c ? m : c;
}

/* The level that the numbers ask for; `hold` is the one below which they must fall to leave. */
static int
wanted_level(const struct pressure_state *s, const struct pressure_settings *set,
             const struct pressure_input *in, int *ret_hold)
{
    double share = share_of(in);
    int refused = level_by_refusals(s, in);
    *ret_hold = max3(in->limit_bytes ? level_by_share(set, share, leave_below) : PRESSURE_NONE,
                     level_by_stall(set, in->stall_percent, stall_leave), refused);
    return max3(in->limit_bytes ? level_by_share(set, share, 0) : PRESSURE_NONE,
                level_by_stall(set, in->stall_percent, 1), refused);
}

static void
set_level(struct pressure_state *s, int level, int64_t now_ms)
{
    s->level = level;
    s->cold = level >= PRESSURE_COLD || (s->cold && level > PRESSURE_NONE);
    s->level_since_ms = now_ms;
    s->calm_since_ms = 0;
}

static void
move_level(struct pressure_state *s, const struct pressure_settings *set,
           const struct pressure_input *in)
{
    int hold;
    int wanted = wanted_level(s, set, in, &hold);
    if (wanted == PRESSURE_EXPIRED && s->level == PRESSURE_EXPIRED &&
        in->now_ms - s->level_since_ms >= PATIENCE_MS)
        wanted = PRESSURE_COLD; /* what has expired was not enough */
    if (wanted > s->level) {
        set_level(s, wanted, in->now_ms);
    } else if (hold >= s->level || s->level == PRESSURE_NONE) {
        s->calm_since_ms = 0;
    } else if (s->calm_since_ms == 0) {
        s->calm_since_ms = in->now_ms;
    } else if (in->now_ms - s->calm_since_ms >= CALM_MS) {
        set_level(s, s->level - 1, in->now_ms);
    }
}

/* ---- the limit of the data ---- */

/*
 * How much the data may be for the group to stay where we aim; 0: nobody says. What the group uses
 * beside us is what it uses less what we were given, whatever of that is free at the moment: so
 * what has been evicted and is still on its way back to the system is not evicted for twice.
 */
static uint64_t
ceiling_of(const struct pressure_settings *set, const struct pressure_input *in)
{
    if (in->limit_bytes == 0)
        return 0;
    double aim = (set->high - aim_below * (1 - set->high)) * (double)in->limit_bytes;
    double others = (double)in->used_bytes - (double)in->held_bytes;
    double ceiling = (aim - (others > 0 ? others : 0)) * SPARE_DIVISOR / (SPARE_DIVISOR + 1);
    return ceiling > 1 ? (uint64_t)ceiling : 1;
}

static uint64_t
at_least(uint64_t x, uint64_t least)
{
    return x > least ? x : least;
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What floor and steps are shares of: the configured limit, else the most the group allows, else
 * what there was when pressure began. */
static void
learn_budget(struct pressure_state *s, const struct pressure_settings *set,
             const struct pressure_input *in)
{
    uint64_t group = (uint64_t)(set->high * (double)in->limit_bytes);
    if (set->max_bytes && (!group || set->max_bytes < group))
        s->budget_bytes = set->max_bytes;
    else if (group)
        s->budget_bytes = group;
    else if (s->level == PRESSURE_NONE || s->budget_bytes == 0)
        s->budget_bytes = in->data_bytes;
}

/* Back to where nothing limits us, by a share of the budget a second. */
static uint64_t
regain(struct pressure_state *s, const struct pressure_settings *set,
       const struct pressure_input *in, uint64_t ceiling)
{
    int64_t past_ms = s->last_ms && in->now_ms > s->last_ms ? in->now_ms - s->last_ms : 0;
    past_ms = past_ms > LOOK_MS ? LOOK_MS : past_ms;
    uint64_t more = s->budget_bytes / REGAIN_DIVISOR * (uint64_t)past_ms / MS_PER_SECOND + 1;
    uint64_t whole = ceiling ? ceiling : at_least(set->max_bytes, s->budget_bytes);
    s->regaining = s->soft_bytes + more < whole;
    return s->regaining ? s->soft_bytes + more : ceiling;
}

/* Where the limit should be, however far that is; 0: nowhere. */
static uint64_t
target_of(struct pressure_state *s, const struct pressure_settings *set,
          const struct pressure_input *in)
{
    uint64_t ceiling = ceiling_of(set, in);
    if (s->level == PRESSURE_NONE)
        return s->regaining ? regain(s, set, in, ceiling) : ceiling;
    s->regaining = true;
    /* The group says how much is too much, unless it is not what is full. */
    bool elsewhere = level_by_share(set, share_of(in), leave_below) == PRESSURE_NONE;
    bool presses = s->level >= PRESSURE_COLD && s->calm_since_ms == 0;
    if (presses && (!ceiling || elsewhere))
        return 1;
    uint64_t here = at_least(in->data_bytes + s->budget_bytes / SLACK_DIVISOR, 1);
    uint64_t still = s->soft_bytes ? smaller(s->soft_bytes, here) : here; /* no growth */
    return ceiling ? smaller(still, ceiling) : still;
}

static void
move_limit(struct pressure_state *s, const struct pressure_settings *set,
           const struct pressure_input *in)
{
    uint64_t floor = (uint64_t)(set->floor * (double)s->budget_bytes) + 1;
    uint64_t step = s->budget_bytes / STEP_DIVISOR + 1;
    uint64_t from = s->soft_bytes ? smaller(s->soft_bytes, in->data_bytes) : in->data_bytes;
    uint64_t lowest = from > step ? from - step : 1;
    uint64_t to = target_of(s, set, in);
    if (to)
        to = at_least(at_least(to, lowest), floor);
    s->soft_bytes = to && set->max_bytes && to >= set->max_bytes ? 0 : to;
}

/* ---- when to look again ---- */

/* While memory fills, so often that a quarter of what is left is seen to go. */
static int64_t
look_after(const struct pressure_state *s, const struct pressure_input *in)
{
    int64_t past_ms = in->now_ms - s->last_ms;
    bool close = in->limit_bytes && (double)in->used_bytes >= CLOSE_SHARE * (double)in->limit_bytes;
    int64_t most_ms = close ? LOOK_CLOSE_MS : s->level > PRESSURE_NONE ? LOOK_PRESSED_MS : LOOK_MS;
    if (in->limit_bytes == 0 || s->last_ms == 0 || past_ms <= 0 || in->used_bytes <= s->used_bytes)
        return most_ms;
    double left = in->limit_bytes > in->used_bytes ? (double)(in->limit_bytes - in->used_bytes) : 0;
    double rate = (double)(in->used_bytes - s->used_bytes) / (double)past_ms;
    double ms = left / 4 / rate;
    return ms >= (double)most_ms ? most_ms : ms <= LOOK_SOON_MS ? LOOK_SOON_MS : (int64_t)ms;
}

static bool
has_idled(struct pressure_state *s, const struct pressure_input *in, bool changed)
{
    if (in->ops != s->ops || changed || s->last_ms == 0) {
        s->idle_since_ms = 0;
        return false;
    }
    if (s->idle_since_ms == 0)
        s->idle_since_ms = s->last_ms;
    bool quiet = s->level == PRESSURE_NONE && !s->regaining;
    return quiet || in->now_ms - s->idle_since_ms >= IDLE_MS;
}

static void
explain(const struct pressure_state *s, const struct pressure_input *in, struct pressure_order *ret)
{
    if (s->refused_ms && in->now_ms - s->refused_ms <= REFUSED_MS)
        (void)snprintf(ret->why, sizeof ret->why,
                       "the system refused memory, %llu times so far; data holds %llu bytes",
                       (unsigned long long)in->refused, (unsigned long long)in->data_bytes);
    else if (in->limit_bytes)
        (void)snprintf(ret->why, sizeof ret->why,
                       "the control group uses %llu of %llu bytes, processes stall %.1f%%; data "
                       "holds %llu bytes",
                       (unsigned long long)in->used_bytes, (unsigned long long)in->limit_bytes,
                       in->stall_percent < 0 ? 0 : in->stall_percent,
                       (unsigned long long)in->data_bytes);
    else
        (void)snprintf(ret->why, sizeof ret->why,
                       "processes stall %.1f%% for memory; data holds %llu bytes",
                       in->stall_percent < 0 ? 0 : in->stall_percent,
                       (unsigned long long)in->data_bytes); /* all three fit, or are cut */
}

void
pressure_decide(struct pressure_state *s, const struct pressure_settings *set,
                const struct pressure_input *in, struct pressure_order *ret)
{
    int before = s->level;
    if (in->refused > s->refused)
        s->refused_ms = in->now_ms > 0 ? in->now_ms : 1;
    s->refused = in->refused;
    move_level(s, set, in);
    learn_budget(s, set, in);
    move_limit(s, set, in);
    *ret = (struct pressure_order){
        .level = s->level,
        .changed = s->level != before,
        .soft_bytes = s->soft_bytes,
        .refuse_above = s->level >= PRESSURE_REFUSE ? set->oversize : UINT64_MAX,
        .trim = s->level > PRESSURE_NONE,
        .evict = s->cold && s->soft_bytes && in->data_bytes > s->soft_bytes,
    };
    explain(s, in, ret);
    bool idle = has_idled(s, in, ret->changed);
    ret->next_ms = idle ? INT64_MAX : in->now_ms + look_after(s, in);
    s->last_ms = in->now_ms;
    s->ops = in->ops;
    s->used_bytes = in->used_bytes;
}
