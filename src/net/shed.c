/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two intervals in a row must be bad before anything is shed, one is enough for each further level.
 * Between target and half of it nothing moves. Shedding takes the load away that it was begun for,
 * so the waits of a level say little about what comes when it ends: the first return within twice
 * the hold is taken as the answer, and the next hold is twice as long, to HOLD_MAX_MS.
 */
#include "net/shed.h"

enum {
    BAD_FIRST = 2,
    GOOD_ENOUGH = 3, /* intervals, at level 0, before turns are not measured any more */
    HOLD_MIN_MS = 500,
    HOLD_MAX_MS = 8000,
    RETURN_FACTOR = 2,
};

void
shed_reset(struct shed *s)
{
    *s = (struct shed){ .least_ms = INT64_MAX };
}

static int64_t
interval_of(int64_t target_ms)
{
    return 2 * target_ms > SHED_INTERVAL_MS ? 2 * target_ms : SHED_INTERVAL_MS;
}

static void
begin_interval(struct shed *s, int64_t now_ms)
{
    s->begun_ms = now_ms;
    s->least_ms = INT64_MAX;
    s->most_ms = 0;
}

static void
rise(struct shed *s, int64_t now_ms)
{
    bool back = s->fell_ms && now_ms - s->fell_ms < RETURN_FACTOR * s->hold_ms;
    if (back)
        s->hold_ms = 2 * s->hold_ms < HOLD_MAX_MS ? 2 * s->hold_ms : HOLD_MAX_MS;
    else if (s->level == 0)
        s->hold_ms = HOLD_MIN_MS;
    s->fell_ms = 0;
    s->level++;
    s->changed_ms = now_ms;
}

static void
fall(struct shed *s, int64_t now_ms)
{
    s->level--;
    s->changed_ms = s->fell_ms = now_ms;
}

/* Judges the interval that ends now; a while without a turn is calm. */
static bool
judge(struct shed *s, int64_t target_ms, int64_t now_ms)
{
    bool bad = s->least_ms != INT64_MAX && s->least_ms >= target_ms;
    bool good = s->least_ms == INT64_MAX || s->least_ms < (target_ms + 1) / 2;
    s->bad = bad ? s->bad + 1 : 0;
    s->good = good ? s->good + 1 : 0;
    if (s->bad >= (s->level ? 1 : BAD_FIRST) && s->level < SHED_LEVEL_MAX) {
        rise(s, now_ms);
        return true;
    }
    if (bad) { /* as much is shed as can be: the calm begins anew */
        s->changed_ms = now_ms;
        return false;
    }
    if (good && s->level > 0 && now_ms - s->changed_ms >= s->hold_ms) {
        fall(s, now_ms);
        return true;
    }
    return false;
}

bool
shed_note(struct shed *s, int64_t target_ms, int64_t now_ms, int64_t wait_ms)
{
    bool changed = false;
    if (!s->watching)
        begin_interval(s, now_ms);
    s->watching = true;
    s->least_ms = wait_ms < s->least_ms ? wait_ms : s->least_ms;
    s->most_ms = wait_ms > s->most_ms ? wait_ms : s->most_ms;
    if (now_ms - s->begun_ms >= interval_of(target_ms)) {
        changed = judge(s, target_ms, now_ms);
        begin_interval(s, now_ms);
    }
    s->watching = s->level > 0 || s->good < GOOD_ENOUGH;
    if (!s->watching)
        s->good = 0;
    return changed;
}

int64_t
shed_retry_ms(const struct shed *s, int64_t target_ms, int64_t now_ms)
{
    int64_t left_ms = s->changed_ms + s->hold_ms - now_ms;
    return left_ms > interval_of(target_ms) ? left_ms : interval_of(target_ms);
}

int64_t
shed_next_ms(const struct shed *s, int64_t target_ms)
{
    return s->level > 0 ? s->begun_ms + interval_of(target_ms) : INT64_MAX;
}
