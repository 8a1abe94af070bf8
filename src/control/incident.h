/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a detector or a response needs to know of incidents: the record, the reading and the two
 * kinds of functions that incidents.inc names. Readings become changes of the record by
 * incident_rule.h, the same for all kinds; the loop that does it is incidents.h. A record belongs
 * to control.lock, and outlives its end until a newer one of its kind opens.
 */
#ifndef ATTL_CONTROL_INCIDENT_H
#define ATTL_CONTROL_INCIDENT_H

#include "engine/control.h"
#include "os/trace.h"

#include <stdbool.h>

struct control;

enum { INCIDENT_CAUSE_BYTES = 224, INCIDENT_ACTIONS_BYTES = 512 };

enum incident_kind {
#define INCIDENT(id, word, severity, detect, respond, detected, done) INCIDENT_##id,
#include "control/incidents.inc"
#undef INCIDENT
    INCIDENT_KINDS
};

struct incident {
    uint64_t id, correlation; /* id 0: there is none */
    enum incident_kind kind;
    enum attl_incident_state state;
    int level; /* of escalation */
    bool simulated;
    uint32_t times; /* it opened: more than 1 if it came back soon */
    int64_t since_ms, changed_ms, resolved_ms;
    double value, limit;
    size_t actions_len;
    char request[TRACE_MAX + 1]; /* the correlation id of the request that caused it, or "" */
    char cause[INCIDENT_CAUSE_BYTES];
    char actions[INCIDENT_ACTIONS_BYTES]; /* lines */
};

/* What a detector saw. Zeroed before the call. */
struct incident_reading {
    bool bad;
    bool worse;   /* bad, and more so: the incident escalates if it stays */
    bool certain; /* one reading is enough to open it: no noise looks like this */
    double value, limit;
    char request[TRACE_MAX + 1];      /* whose doing it is, if a request's */
    char cause[INCIDENT_CAUSE_BYTES]; /* one sentence with the numbers, only if bad */
};

/* Looks at the cache. Called once per incident.interval while anything goes on or the kind is open,
 * with control.lock held; must not block. What it has to remember is in struct control. */
typedef void (*incident_detect_fn)(struct control *c, const struct control_numbers *n,
                                   struct incident_reading *ret);
/*
 * Called when the incident opens (level 0; `i->times` > 1: it came back), escalates (1, 2, 3) and
 * is resolved (-1; also when incident.enabled is switched off), with control.lock held; must not
 * block. In a drill (i->simulated) it says what it would do and does nothing. Not called above
 * incident.rate, but for -1.
 */
typedef void (*incident_respond_fn)(struct control *c, struct incident *i, int level);

/* Notes in the record what was done, one line for each call; what does not fit is cut. */
void incident_did(struct incident *i, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Formats the cause of a reading. */
void incident_because(struct incident_reading *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* One kind, as declared in incidents.inc. */
struct incident_row {
    const char *word;
    enum attl_severity severity;
    incident_detect_fn detect;
    incident_respond_fn respond;
    const char *detected, *done;
};
/* NULL if there is no such kind. */
const struct incident_row *incident_row(int kind);
/* The record as users see it. Text borrows from `i`. */
void incident_show(const struct incident *i, attl_incident *ret);

#endif
