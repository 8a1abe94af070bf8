/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arithmetic of a hierarchical timing wheel: which slot a deadline belongs to, and which slot
 * comes due next. A tick is 512 ms; six levels of 64 slots reach the year 3084, and what lies
 * beyond, or never expires, has a slot of its own. Pure: it holds a position and one occupancy mask
 * per level, and knows nothing of chunks.
 */
#ifndef ATTL_CACHE_WHEEL_H
#define ATTL_CACHE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WHEEL_TICK_SHIFT = 9, /* 512 ms: reclaim lags by half of that in the mean */
    WHEEL_LEVEL_BITS = 6,
    WHEEL_LEVEL_SLOTS = 64,
    WHEEL_LEVELS = 6, /* five would reach 17 years, but not across a multiple of 2^39 ms (2039) */
    WHEEL_NEVER = WHEEL_LEVELS *
                  WHEEL_LEVEL_SLOTS, /* the slot of entries without a reachable deadline */
    WHEEL_SLOTS = WHEEL_NEVER + 1,
};

struct wheel {
    int64_t tick; /* the tick we are in: all earlier ones are done */
    uint64_t occupied[WHEEL_LEVELS];
};

void wheel_init(struct wheel *w, int64_t now_ms);
/* The slot for a deadline (ATTL_NO_DEADLINE: WHEEL_NEVER); past ones go to the present tick's slot.
 */
unsigned wheel_slot(const struct wheel *w, int64_t deadline_ms);
void wheel_mark(struct wheel *w, unsigned slot, bool occupied);
/* When the next occupied slot wants attention (Unix ms): no entry in the wheel expires before the
 * slot starts. INT64_MAX if the wheel is empty. *ret_slot is that slot. */
int64_t wheel_next(const struct wheel *w, unsigned *ret_slot);
/* When the turn of an occupied slot comes, and how much time its deadlines span. WHEEL_NEVER has
 * none. */
int64_t wheel_turn_ms(const struct wheel *w, unsigned slot);
int64_t wheel_span_ms(unsigned slot);
/*
 * Moves to the next occupied slot whose turn has come by `now_ms` and returns it; WHEEL_NEVER when
 * there is none left, and then the wheel stands at the present tick. The slot's contents must then
 * be drained: level 0 because its tick is over, higher levels because they now belong to lower
 * ones.
 */
unsigned wheel_advance(struct wheel *w, int64_t now_ms);

#endif
