/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When an incident opens, escalates and ends: a state machine for one kind, fed with one verdict
 * per reading, pure. Several bad readings in a row open it, more good ones end it, so a single odd
 * reading does nothing. One that comes back within the cool-down is the same incident again and
 * needs more good readings each time, so a signal that flaps stays open after a few turns instead
 * of opening and closing for ever. Nothing here reads a clock or allocates; the caller owns the
 * gauge and its lock.
 */
#ifndef ATTL_CONTROL_INCIDENT_RULE_H
#define ATTL_CONTROL_INCIDENT_RULE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    INCIDENT_LEVEL_MAX = 3,
    INCIDENT_STUBBORN_MAX = 8, /* the most that coming back multiplies close_after by */
};

struct incident_rules {
    unsigned open_after, close_after; /* readings */
    int64_t escalate_ms, cooldown_ms;
};

struct incident_verdict {
    bool bad, worse, certain; /* as in struct incident_reading */
};

/* The state of one kind; zeroed: nothing has happened. */
struct incident_gauge {
    bool open, acknowledged;
    unsigned bad, good, worse; /* readings in a row */
    int level;
    uint32_t times;      /* it opened, coming back included; 0: never */
    int64_t bad_ms;      /* the first of the bad readings in a row */
    int64_t level_ms;    /* when it got to the level it has */
    int64_t resolved_ms; /* meaningful if it is not open and `times` > 0 */
};

enum incident_change {
    INCIDENT_SAME,
    INCIDENT_OPENS,
    INCIDENT_RETURNS, /* the one that was resolved last, again */
    INCIDENT_ESCALATES,
    INCIDENT_ENDS
};

/* Takes one reading. At most one change follows from it. */
enum incident_change incident_rule_step(struct incident_gauge *g, const struct incident_rules *r,
                                        struct incident_verdict v, int64_t now_ms);
/* Somebody knows. False if it is not open. */
bool incident_rule_ack(struct incident_gauge *g);
/* Whether the next reading matters although nothing goes on in the cache. */
bool incident_rule_watches(const struct incident_gauge *g);

#endif
