/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The level of a deadline is the highest 6-bit digit in which its tick differs from the present
 * tick (Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987, with the digit trick of
 * BSD's and tokio's timers). It follows that every occupied slot of a level lies ahead of the
 * present digit and that lower levels always come due before higher ones, so the next event is one
 * bit scan per level, and an idle cache can sleep until then. The caller's lock protects it.
 */
#include "cache/wheel.h"

#include "base/assert.h"

#include <attl/attl.h>

static int64_t
tick_of(int64_t ms)
{
    return ms >> WHEEL_TICK_SHIFT;
}

static unsigned
digit(int64_t tick, unsigned level)
{
    return (unsigned)(tick >> (level * WHEEL_LEVEL_BITS)) % WHEEL_LEVEL_SLOTS;
}

void
wheel_init(struct wheel *w, int64_t now_ms)
{
    *w = (struct wheel){ .tick = tick_of(now_ms) };
}

unsigned
wheel_slot(const struct wheel *w, int64_t deadline_ms)
{
    if (deadline_ms == ATTL_NO_DEADLINE)
        return WHEEL_NEVER;
    int64_t tick = tick_of(deadline_ms);
    if (tick <= w->tick)
        return digit(w->tick, 0);
    unsigned level = (63 - (unsigned)__builtin_clzll((uint64_t)(tick ^ w->tick))) /
                     WHEEL_LEVEL_BITS;
    if (level >= WHEEL_LEVELS)
        return WHEEL_NEVER;
    return level * WHEEL_LEVEL_SLOTS + digit(tick, level);
}

void
wheel_mark(struct wheel *w, unsigned slot, bool occupied)
{
    if (slot == WHEEL_NEVER)
        return;
    uint64_t bit = UINT64_C(1) << slot % WHEEL_LEVEL_SLOTS;
    uint64_t *mask = &w->occupied[slot / WHEEL_LEVEL_SLOTS];
    *mask = occupied ? *mask | bit : *mask & ~bit;
}

/* The tick at which `slot` of `level` starts, being ahead of or at the present one. */
static int64_t
slot_tick(const struct wheel *w, unsigned level, unsigned index)
{
    unsigned shift = level * WHEEL_LEVEL_BITS;
    int64_t above = w->tick >> (shift + WHEEL_LEVEL_BITS) << (shift + WHEEL_LEVEL_BITS);
    return above | (int64_t)index << shift;
}

static unsigned
next_occupied(const struct wheel *w)
{
    for (unsigned level = 0; level < WHEEL_LEVELS; level++)
        if (w->occupied[level])
            return level * WHEEL_LEVEL_SLOTS + (unsigned)__builtin_ctzll(w->occupied[level]);
    return WHEEL_NEVER;
}

/* When the slot's turn comes: a tick of level 0 when it is over, a higher slot when it begins. */
static int64_t
slot_turn_tick(const struct wheel *w, unsigned slot)
{
    unsigned level = slot / WHEEL_LEVEL_SLOTS;
    return slot_tick(w, level, slot % WHEEL_LEVEL_SLOTS) + (level == 0);
}

int64_t
wheel_turn_ms(const struct wheel *w, unsigned slot)
{
    return slot == WHEEL_NEVER ? INT64_MAX : slot_turn_tick(w, slot) << WHEEL_TICK_SHIFT;
}

int64_t
wheel_span_ms(unsigned slot)
{
    return INT64_C(1) << (WHEEL_TICK_SHIFT + slot / WHEEL_LEVEL_SLOTS * WHEEL_LEVEL_BITS);
}

int64_t
wheel_next(const struct wheel *w, unsigned *ret_slot)
{
    unsigned slot = next_occupied(w);
    *ret_slot = slot;
    return slot == WHEEL_NEVER ? INT64_MAX : slot_turn_tick(w, slot) << WHEEL_TICK_SHIFT;
}

unsigned
wheel_advance(struct wheel *w, int64_t now_ms)
{
    int64_t now_tick = tick_of(now_ms);
    unsigned slot = next_occupied(w);
    if (slot == WHEEL_NEVER || slot_turn_tick(w, slot) > now_tick) {
        if (now_tick > w->tick)
            w->tick = now_tick;
        return WHEEL_NEVER;
    }
    int64_t turn = slot_turn_tick(w, slot);
    ASSERT(turn >= w->tick);
    w->tick = turn;
    wheel_mark(w, slot, false);
    return slot;
}
