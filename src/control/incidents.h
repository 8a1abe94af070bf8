/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop of incident response. Once per incident.interval, while the cache is used or something
 * is wrong, it reads all detectors, lets each kind's gauge judge, keeps the records, lets the
 * responses act and tells the outlets. At most one record of each kind is present, open or resolved
 * last; when a new one opens the older goes into a ring of history, which is made at the first
 * need, so that a cache without incidents pays nothing for it.
 *
 * All of it is a member of struct control and belongs to control.lock.
 */
#ifndef ATTL_CONTROL_INCIDENTS_H
#define ATTL_CONTROL_INCIDENTS_H

#include "config/config.h"
#include "control/detect.h"
#include "control/incident.h"
#include "control/incident_rule.h"
#include "control/incident_tell.h"

enum {
    INCIDENT_HISTORY = 128,   /* records that were resolved and are not the last of their kind */
    INCIDENT_DRILL_MS = 5000, /* how long a drill lasts by itself */
    INCIDENT_DRILL_WORSE_MS = 2000,
};

struct incidents {
    /* as configured */
    struct incident_rules rules;
    int64_t interval_ms, turnover_ms, latency_limit_ms;
    unsigned rate, latency_factor;
    /* the loop */
    int64_t next_ms; /* no reading before */
    uint64_t seen;   /* operations sampled at the last reading */
    struct detect_state detect;
    struct incident_gauge gauges[INCIDENT_KINDS];
    struct incident current[INCIDENT_KINDS];
    struct incident_rate responses[INCIDENT_KINDS];
    int64_t drill_ms[INCIDENT_KINDS];                /* when it was begun; 0: there is none */
    char drill_trace[INCIDENT_KINDS][TRACE_MAX + 1]; /* by which request */
    uint64_t last_id;
    uint64_t damages_seen;    /* damaged files, at the last reading */
    uint64_t damage_listed;   /* the number of the last one whose loss a record tells */
    uint64_t damage_told;     /* the last change of a finding that a record tells */
    struct incident *history; /* a ring; NULL: none yet */
    unsigned history_len, history_next;
    attl_incident_stats stats;
    int64_t counted_ms; /* up to when open incidents are in stats.open_ms; 0: never */
    struct incident_tell tell;
    int reported; /* level of ATTL_INCIDENT_AUDIT_FAILURE, by attl_incident_report(); 0: well */
    char reported_cause[INCIDENT_CAUSE_BYTES], reported_trace[TRACE_MAX + 1];
};

/* ATTL_E_CONFIG if incident.handlers or incident.exec make no sense. */
int incidents_check(const attl_config *config, char *err, size_t err_len);
/* Before the first cycle. */
void incidents_init(struct control *c, const attl_config *config);
void incidents_configure(struct control *c, const attl_config *config);
/* control_step_fn */
int64_t incidents_step(struct control *c, const struct control_numbers *n);
/* Nobody is inside any more. */
void incidents_fini(struct control *c);

/* Adds the time since the last call to what is open, before anything opens or ends. */
void incidents_count_time(struct incidents *is, int64_t now_ms);
/* The tuner is asked to clean more often for now, because entries are evicted too fast. */
bool incident_wants_cleaning(const struct control *c, int64_t now_ms);

/* What the public functions of the same names do; they take control.lock. `id` 0: all. */
int incidents_list(struct control *c, uint64_t id, bool open_only, attl_incident_fn fn, void *ud);
int incidents_ack(struct control *c, uint64_t id);
int incidents_drill(struct control *c, int kind, bool on, int64_t now_ms);
int incidents_report(struct control *c, int kind, int level, const char *cause);
void incidents_stats(struct control *c, attl_incident_stats *ret);

#endif
