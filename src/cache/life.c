/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arithmetic of lives. All of it is here so that it cannot differ between a SET, an EXPIRE and
 * a restart: soft is never behind hard, hard never behind gone, and what has no hard deadline has
 * no grace either, because there is nothing it could begin at. Pure functions: nothing is owned and
 * nothing locked.
 */
#include "cache/life.h"

bool
life_is_valid(const struct life *life, int64_t gone_ms)
{
    if (life->soft_ms < ATTL_NO_DEADLINE || life->hard_ms < ATTL_NO_DEADLINE ||
        (life->flags & ~(uint32_t)LIFE_NEGATIVE) != 0)
        return false;
    if (life->hard_ms == ATTL_NO_DEADLINE || gone_ms == ATTL_NO_DEADLINE)
        return life->hard_ms == gone_ms;
    return life->soft_ms <= life->hard_ms && life->hard_ms <= gone_ms;
}

bool
life_begin(const struct life_wish *wish, int64_t now_ms, int64_t hard_ms, struct life *ret_life,
           int64_t *ret_gone_ms)
{
    bool ends = hard_ms != ATTL_NO_DEADLINE;
    int64_t soft_ms = wish->soft_ms > 0 ? now_ms + wish->soft_ms : ATTL_NO_DEADLINE;
    int64_t grace_ms = ends && wish->grace_ms > 0 ? wish->grace_ms : 0;
    if (ends && soft_ms >= hard_ms)
        soft_ms = ATTL_NO_DEADLINE; /* it would say nothing that hard does not say */
    *ret_gone_ms = ends ? hard_ms + grace_ms : ATTL_NO_DEADLINE;
    *ret_life = (struct life){ .soft_ms = soft_ms, .hard_ms = hard_ms };
    return soft_ms != ATTL_NO_DEADLINE || grace_ms > 0;
}

int64_t
life_move(struct life *life, int64_t gone_ms, int64_t hard_ms)
{
    bool had_grace = life->hard_ms != ATTL_NO_DEADLINE && gone_ms != ATTL_NO_DEADLINE;
    int64_t grace_ms = had_grace ? gone_ms - life->hard_ms : 0;
    life->hard_ms = hard_ms;
    if (hard_ms == ATTL_NO_DEADLINE)
        return ATTL_NO_DEADLINE;
    if (life->soft_ms > hard_ms)
        life->soft_ms = hard_ms;
    return hard_ms + grace_ms;
}

int64_t
life_shift_deadline(int64_t deadline_ms, int64_t by_ms)
{
    if (deadline_ms == ATTL_NO_DEADLINE)
        return ATTL_NO_DEADLINE;
    return deadline_ms + by_ms > 0 ? deadline_ms + by_ms : 0;
}

void
life_shift(struct life *life, int64_t by_ms)
{
    life->soft_ms = life_shift_deadline(life->soft_ms, by_ms);
    life->hard_ms = life_shift_deadline(life->hard_ms, by_ms);
}

bool
life_equals(const struct life *a, const struct life *b)
{
    return a->soft_ms == b->soft_ms && a->hard_ms == b->hard_ms && a->flags == b->flags &&
           a->load_ms == b->load_ms;
}
