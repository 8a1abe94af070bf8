/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What to do about memory pressure: from a few numbers to an order, without a side effect, so that
 * tables and a simulated machine test it. Three things are watched: how much of its limit our
 * control group uses, how long processes wait for memory (PSI), and allocations that failed. They
 * give a level: 1 expired data goes and empty memory is given back, 2 cold data goes as well, 3
 * large values are refused on top. The level rises at once and falls one step at a time, after a
 * calm while, and only well below where it rose.
 *
 * The data's limit is moved so that the group stays below `high` on its own account: data may grow
 * by what is free, and no further. Under pressure the limit falls in steps of STEP_SHARE, never
 * below the floor; afterwards it comes back slowly, a fiftieth a second. Who owns the state calls
 * from one thread at a time.
 */
#ifndef ATTL_CONTROL_PRESSURE_RULE_H
#define ATTL_CONTROL_PRESSURE_RULE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PRESSURE_NONE,
    PRESSURE_EXPIRED,
    PRESSURE_COLD,
    PRESSURE_REFUSE,
    PRESSURE_LEVELS,
    PRESSURE_WHY_MAX = 160
};

struct pressure_settings {
    double high;          /* share of the group's limit above which there is pressure */
    double stall_percent; /* the same of PSI; 0: is not looked at */
    double floor;         /* share of the budget below which data is not pressed */
    uint64_t oversize;    /* values above it are refused at level 3 */
    uint64_t max_bytes;   /* as configured; 0: no limit */
};

/* What was seen, sums since the cache was opened. */
struct pressure_input {
    int64_t now_ms;
    uint64_t limit_bytes, used_bytes; /* of the group; 0: no limit */
    double stall_percent;             /* < 0: unknown */
    uint64_t refused;                 /* failed allocations */
    uint64_t data_bytes;
    uint64_t held_bytes; /* memory that the system has given for data, free or not */
    uint64_t ops;
};

struct pressure_state {
    int level;
    int64_t level_since_ms, calm_since_ms, last_ms; /* 0: never */
    int64_t refused_ms;                             /* when an allocation last failed */
    uint64_t refused, ops, used_bytes;              /* at the last look */
    uint64_t budget_bytes; /* of which floor and steps are shares; 0: not known yet */
    uint64_t soft_bytes;   /* in force; 0: none */
    bool regaining;        /* the limit was lowered and has not come back */
    bool cold;             /* level 2 has been reached since there was none */
    int64_t idle_since_ms; /* nothing has happened since; 0: something has */
};

struct pressure_order {
    int level;
    bool changed;          /* the level has */
    uint64_t soft_bytes;   /* limit of the data; 0: as configured */
    uint64_t refuse_above; /* UINT64_MAX: nothing */
    bool trim, evict;
    int64_t next_ms; /* when to look again; INT64_MAX: when something happens */
    char why[PRESSURE_WHY_MAX];
};

void pressure_decide(struct pressure_state *s, const struct pressure_settings *set,
                     const struct pressure_input *in, struct pressure_order *ret);

#endif
