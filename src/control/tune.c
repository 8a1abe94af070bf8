/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The duty is the part of its time that the maintenance thread works. Two floors hold it up: one by
 * the share of the memory that has expired and is not reclaimed, one by what is needed to be done
 * before the second is over; between the floor and the top callers decide: while their p99 is
 * harmed the duty is halved, otherwise it rises by steps. The interval is the time in which garbage
 * would grow to one part in a hundred of the budget; it moves in the logarithm, by at most a factor
 * of two per step and not at all within a fifth of its goal, so that it neither hunts nor jumps.
 */
#include "control/tune.h"

#define DUTY_STEP 0.02
#define DUTY_TOP 0.25         /* rises so far by itself */
#define DUTY_LATE_MAX 1.0     /* what promptness may ask for while callers are well, */
#define DUTY_HARM_MAX 0.5     /* and while they are not */
#define DUTY_MEMORY 0.5       /* at least, when the memory is nearly full */
#define DUTY_BREAKER 0.0025   /* when something else has gone wrong already */
#define HOLD_STEPS 6          /* the window of latencies is half a second to one */
#define FLOOR_FULL_SHARE 0.05 /* garbage that asks for all of DUTY_TOP */
#define FLOOR_LEAST 0.01      /* of DUTY_TOP */
#define MEMORY_FULL_SHARE 0.95
#define PROMPT_S \
    0.3 /* with the wheel's tick of half a second: within a second, with some to spare */
#define PROMPT_LEAST_S 0.1 /* the next look: what is late is to be done by then */
#define LIMIT_FACTOR 3
#define LIMIT_LEAST_NS 200000

#define GARBAGE_GOAL_SHARE 0.01
#define GARBAGE_URGENT_SHARE 0.05
#define GAIN 0.3
#define LN_2 0.6931471805599453
#define STEP_MAX LN_2
#define DEAD_BAND 0.1823215567939546 /* ln 1.2 */
#define INSERT_FACTOR 2
#define SLOW_FACTOR 2

static const struct {
    const char *name, *text;
} reasons[TUNE_REASONS] = {
    [TUNE_REST] = { "rest", "nothing is due" },
    [TUNE_RISE] = { "rise", "callers are not held up: more reclaim" },
    [TUNE_TOP] = { "top", "callers are not held up, and nothing asks for more" },
    [TUNE_LATENCY] = { "latency", "callers wait longer than in quiet times: less reclaim" },
    [TUNE_GARBAGE] = { "garbage", "expired memory piles up" },
    [TUNE_PROMPT] = { "prompt", "entries would be reclaimed late" },
    [TUNE_MEMORY] = { "memory", "the memory is nearly full" },
    [TUNE_BREAKER] = { "breaker", "latency is beyond adaptive.latency_threshold: reclaim waits" },
    [TUNE_OFF] = { "off", "adaptive.enabled is off: no pauses" },
    [TUNE_STEADY] = { "steady", "the interval fits" },
    [TUNE_MORE_GARBAGE] = { "more_garbage", "garbage grows faster than the interval allows" },
    [TUNE_LESS_GARBAGE] = { "less_garbage", "garbage grows slower than the interval allows" },
    [TUNE_INSERTS] = { "inserts", "inserts are above adaptive.insert_threshold and their mean" },
    [TUNE_SLOW] = { "slow", "callers wait longer than in quiet times: deep passes can wait" },
    [TUNE_FIXED] = { "fixed", "adaptive.base_interval" },
};

const char *
tune_reason_name(enum tune_reason reason)
{
    return reasons[reason].name;
}

const char *
tune_reason_text(enum tune_reason reason)
{
    return reasons[reason].text;
}

static double
larger(double x, double y)
{
    return x > y ? x : y;
}

static double
smaller(double x, double y)
{
    return x < y ? x : y;
}

/* The library does without libm: these two are right to six digits where they are used. */
static double
logarithm(double x)
{
    double ln = 0;
    for (; x > 1.5; x /= 2)
        ln += LN_2;
    for (; x < 0.75; x *= 2)
        ln -= LN_2;
    double z = (x - 1) / (x + 1), term = z, sum = 0;
    for (int i = 1; i < 16; i += 2, term *= z * z)
        sum += term / i;
    return ln + 2 * sum;
}

static double
exponential(double x) /* |x| <= ln 2 */
{
    double sum = 1, term = 1;
    for (int i = 1; i < 12; i++) {
        term *= x / i;
        sum += term;
    }
    return sum;
}

static double
clamp(double x, double least, double most)
{
    return x < least ? least : x > most ? most : x;
}

uint64_t
tune_limit_ns(uint64_t quiet_p99_ns)
{
    uint64_t limit_ns = LIMIT_FACTOR * quiet_p99_ns;
    return limit_ns > LIMIT_LEAST_NS ? limit_ns : LIMIT_LEAST_NS;
}

static double
garbage_floor(const struct tune_load *l)
{
    return clamp(l->garbage_share / FLOOR_FULL_SHARE, FLOOR_LEAST, 1) * DUTY_TOP;
}

/* The thread alone has not kept up. */
static bool
is_late(const struct tune_load *l)
{
    return l->waited_s > PROMPT_S;
}

/*
 * What is due is to be done in the time that is left for it, whatever was thought of the work
 * before: an estimate that was too low asks for more as time runs out. What promptness has asked
 * for holds until all of it is done: less for a smaller rest would be a rest that never ends.
 * Callers who are harmed keep half as long as nothing is late.
 */
static double
prompt_floor(const struct tune_duty *now, const struct tune_load *l)
{
    double most = l->p99_ns > l->limit_ns && !is_late(l) ? DUTY_HARM_MAX : DUTY_LATE_MAX;
    double wanted = l->work_s / larger(PROMPT_S - l->waited_s, PROMPT_LEAST_S);
    if (now->reason == TUNE_PROMPT && l->work_s > 0)
        wanted = larger(wanted, now->duty);
    return clamp(wanted, 0, most);
}

double
tune_duty_start(void)
{
    return DUTY_TOP;
}

/* Between the floor and the top: what callers feel decides, one cut per window of latencies. */
static struct tune_duty
follow_callers(const struct tune_duty *now, const struct tune_load *l)
{
    double duty = smaller(now->duty, DUTY_TOP);
    unsigned hold = now->hold > 0 ? now->hold - 1 : 0;
    if (hold > 0)
        return (struct tune_duty){ duty, TUNE_LATENCY, hold, false };
    if (l->p99_ns > l->limit_ns)
        return (struct tune_duty){ duty / 2, TUNE_LATENCY, HOLD_STEPS, false };
    if (duty + DUTY_STEP < DUTY_TOP)
        return (struct tune_duty){ duty + DUTY_STEP, TUNE_RISE, 0, false };
    return (struct tune_duty){ DUTY_TOP, TUNE_TOP, 0, false };
}

static struct tune_duty
choose_duty(const struct tune_duty *now, const struct tune_load *l)
{
    double floor = larger(garbage_floor(l), prompt_floor(now, l));
    if (l->used_share > MEMORY_FULL_SHARE)
        return (struct tune_duty){ larger(floor, DUTY_MEMORY), TUNE_MEMORY, 0, false };
    if (l->p99_ns > l->threshold_ns)
        return (struct tune_duty){ DUTY_BREAKER, TUNE_BREAKER, 0, false };
    struct tune_duty ret = follow_callers(now, l);
    if (ret.duty >= floor)
        return ret;
    ret.reason = floor > garbage_floor(l) ? TUNE_PROMPT : TUNE_GARBAGE;
    ret.duty = floor;
    return ret;
}

struct tune_duty
tune_duty(const struct tune_duty *now, const struct tune_load *l)
{
    struct tune_duty ret = choose_duty(now, l);
    ret.is_late = is_late(l) && ret.reason != TUNE_BREAKER;
    return ret;
}

static double
one_step(double interval_ms, double goal_ms, bool *ret_moved)
{
    double away = logarithm(goal_ms / interval_ms);
    *ret_moved = away >= DEAD_BAND || away <= -DEAD_BAND;
    return *ret_moved ? interval_ms * exponential(clamp(GAIN * away, -STEP_MAX, STEP_MAX))
                      : interval_ms;
}

struct tune_interval
tune_interval(double interval_ms, const struct tune_flow *f)
{
    double per_ms = (f->expired_per_s + f->dead_per_s) / 1000;
    double goal_bytes = GARBAGE_GOAL_SHARE * f->budget_bytes;
    double goal_ms = goal_bytes < per_ms * f->max_ms ? goal_bytes / per_ms : f->max_ms;
    bool inserts = f->inserts_per_s > f->insert_threshold &&
                   f->inserts_per_s > INSERT_FACTOR * f->inserts_mean_per_s;
    bool slow = f->p99_ns > f->limit_ns && f->garbage_share <= GARBAGE_URGENT_SHARE;
    struct tune_interval ret = { .reason = TUNE_INSERTS };
    if (inserts)
        goal_ms = smaller(goal_ms, interval_ms) / 2;
    else
        ret.reason = goal_ms < interval_ms ? TUNE_MORE_GARBAGE : TUNE_LESS_GARBAGE;
    bool moved;
    interval_ms = clamp(interval_ms, f->min_ms, f->max_ms);
    ret.interval_ms = one_step(interval_ms, clamp(goal_ms, f->min_ms, f->max_ms), &moved);
    ret.pause_ms = ret.interval_ms;
    if (!moved)
        ret.reason = TUNE_STEADY;
    if (slow && !inserts) {
        ret.pause_ms = smaller(SLOW_FACTOR * ret.interval_ms, f->max_ms);
        ret.reason = TUNE_SLOW;
    }
    return ret;
}

double
tune_mean(double mean, double value, double dt_s, double tau_s)
{
    return mean + (value - mean) * dt_s / (tau_s + dt_s);
}
