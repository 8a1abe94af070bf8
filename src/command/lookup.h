/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How names become slots of the perfect hash. Shared by the dispatcher and by the test that
 * generates lookup_slots.h, so that both compute the same words. Nothing here allocates or keeps
 * state.
 */
#ifndef ATTL_COMMAND_LOOKUP_H
#define ATTL_COMMAND_LOOKUP_H

#include <attl/attl.h>

enum { LOOKUP_SLOTS_LOG2 = 9, LOOKUP_SLOTS = 1 << LOOKUP_SLOTS_LOG2 };
/* A slot is the length of a name above this many bits of its row. */
enum { LOOKUP_ROW_BITS = 10 };

struct lookup_words {
    uint64_t low, high;
};

/* The name in lower case, packed in memory order and padded with zeros; `name.len` is 1 to 16. */
struct lookup_words lookup_pack(attl_slice name);

static inline size_t
lookup_slot(struct lookup_words w, uint64_t multiplier)
{
    return (size_t)(((w.low ^ (w.high << 7)) * multiplier) >> (64 - LOOKUP_SLOTS_LOG2));
}

#endif
