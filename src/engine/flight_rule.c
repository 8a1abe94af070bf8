/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules. XFetch (Vattani, Chierichetti, Lowenstein 2015): renew when now + load * beta * -ln(u)
 * reaches the end of the fresh life, for an even u in (0, 1]; the expected number of early loads is
 * then near one however many ask. The logarithm is taken in fixed point, good to a tenth, because
 * what it drives is chance.
 */
#include "engine/flight_rule.h"

#include "base/limits.h"

#include <attl/attl.h>

enum { PERCENT = 100, LN2_MILLI = 693, MILLI = 1000, FRACTION_BITS = 10 };

static bool
is_before(int64_t now_ms, int64_t deadline_ms)
{
    return deadline_ms == ATTL_NO_DEADLINE || now_ms < deadline_ms;
}

bool
flight_is_welcome(const struct flight_view *v, int64_t now_ms, const struct flight_wants *wants)
{
    return v->found && !v->negative && wants->stale_ms >= 0 &&
           now_ms - v->fresh_ms <= wants->stale_ms;
}

enum flight_verdict
flight_decide(const struct flight_view *v, int64_t now_ms, const struct flight_wants *wants,
              uint64_t dice)
{
    bool may_win = !v->leased && now_ms >= v->retry_ms;
    if (v->found && is_before(now_ms, v->fresh_ms)) {
        if (v->negative)
            return FLIGHT_NEGATIVE;
        return may_win && flight_is_early(v, now_ms, wants, dice) ? FLIGHT_WIN : FLIGHT_HIT;
    }
    if (may_win)
        return FLIGHT_WIN;
    return flight_is_welcome(v, now_ms, wants) ? FLIGHT_STALE : FLIGHT_WAIT;
}

/* -ln of an even number in (0, 1], times 1000. */
static uint64_t
minus_ln_milli(uint64_t dice)
{
    dice |= 1;
    unsigned zeros = (unsigned)__builtin_clzll(dice);
    /* dice = 2^-zeros * (0.5 + f/2), and log2(1 + f) is about f. */
    uint64_t fraction = (dice << zeros << 1) >> (64 - FRACTION_BITS);
    uint64_t log2 = ((uint64_t)(zeros + 1) << FRACTION_BITS) - fraction;
    return (log2 * LN2_MILLI) >> FRACTION_BITS;
}

bool
flight_is_early(const struct flight_view *v, int64_t now_ms, const struct flight_wants *wants,
                uint64_t dice)
{
    if (v->fresh_ms == ATTL_NO_DEADLINE)
        return false;
    int64_t left_ms = v->fresh_ms - now_ms;
    if (left_ms <= wants->early_ms)
        return true;
    if (!wants->early_beta || !v->load_ms)
        return false;
    uint64_t ahead_ms = minus_ln_milli(dice) * v->load_ms / MILLI * wants->early_beta / PERCENT;
    return (int64_t)ahead_ms >= left_ms;
}

int64_t
flight_backoff_ms(int64_t base_ms, unsigned failures)
{
    int64_t wait_ms = base_ms;
    for (unsigned i = 1; i < failures && wait_ms < LIMIT_BACKOFF_MS; i++)
        wait_ms *= 2;
    return wait_ms < LIMIT_BACKOFF_MS ? wait_ms : LIMIT_BACKOFF_MS;
}

uint64_t
flight_dice(uint64_t a, uint64_t b)
{
    uint64_t x = a ^ (b * UINT64_C(0x9E3779B97F4A7C15));
    x ^= x >> 32;
    x *= UINT64_C(0xD6E8FEB86659FD93);
    x ^= x >> 32;
    x *= UINT64_C(0xD6E8FEB86659FD93);
    return x ^ (x >> 32);
}

int64_t
flight_jitter_ms(int64_t life_ms, unsigned percent, uint64_t hash, int64_t deadline_ms)
{
    if (life_ms <= 0 || percent == 0)
        return life_ms;
    uint64_t part = flight_dice(hash, (uint64_t)deadline_ms) >> 44; /* of 2^20 */
    uint64_t most = (uint64_t)life_ms / PERCENT * percent;
    int64_t less_ms = (int64_t)((most >> 20) * part + ((most & 0xFFFFF) * part >> 20));
    return life_ms - less_ms;
}
