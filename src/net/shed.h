/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a worker sheds load. What is measured is how long requests wait for it: the time from the
 * moment a turn's events are known until the last of them is served. As CoDel does (Nichols and
 * Jacobson, "Controlling queue delay", 2012) it looks at the least of an interval: one long turn is
 * a burst and no queue, but if every turn was long there is one that does not go away. Then the
 * level rises, by one per interval; it falls by one when waits have been short for a while, and
 * that while doubles if the queue was back at once. Pure functions of time and waits; the state
 * belongs to one worker.
 */
#ifndef ATTL_NET_SHED_H
#define ATTL_NET_SHED_H

#include <stdbool.h>
#include <stdint.h>

enum { SHED_LEVEL_MAX = 3, SHED_INTERVAL_MS = 100 };

struct shed {
    unsigned level;
    bool watching;      /* a turn was long, or the level is not 0: every turn is measured */
    int64_t begun_ms;   /* of the interval */
    int64_t least_ms;   /* wait of a turn in it; INT64_MAX: there was none */
    int64_t most_ms;    /* and the longest */
    int64_t changed_ms; /* when the level last moved */
    int64_t hold_ms;    /* calm before it falls; 0: as at the beginning */
    int64_t fell_ms;    /* when it last fell; 0: never */
    unsigned bad;       /* intervals above the target in a row */
    unsigned good;      /* the same below half of it */
};

/* Switched off, or in the beginning. */
void shed_reset(struct shed *s);
/* A turn in which the last request waited for `wait_ms` has ended, or none was served for a while
 * (0). True if the level has changed. */
bool shed_note(struct shed *s, int64_t target_ms, int64_t now_ms, int64_t wait_ms);
/* How long a client that is refused now should stay away. */
int64_t shed_retry_ms(const struct shed *s, int64_t target_ms, int64_t now_ms);
/* When shed_note() wants to be called although nothing is served; INT64_MAX: never. */
int64_t shed_next_ms(const struct shed *s, int64_t target_ms);

#endif
