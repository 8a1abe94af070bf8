/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling others of incidents by webhook. Each change of an incident becomes one delivery per
 * target: a body made from a template when the change happens, posted by one thread that sleeps
 * while nothing waits, and tried again with growing pauses until the target takes it or the tries
 * are used up. What has not been delivered when the same incident changes again is superseded: a
 * receiver that was away hears of each incident once, in its latest state. To one target deliveries
 * go one at a time and in order; targets do not wait for each other.
 *
 * Everything is bounded: targets, deliveries that wait, what is remembered, answers. Deliveries and
 * counters are guarded by one lock, which is never held while the network is used.
 */
#ifndef ATTL_ALERT_ALERT_H
#define ATTL_ALERT_ALERT_H

#include "config/config.h"

#include <attl/attl.h>

enum {
    ALERT_TARGETS_MAX = 4,
    ALERT_WAITING_MAX = 48, /* deliveries of one target; what is more is dropped and counted */
    ALERT_REMEMBERED = 256, /* deliveries: those that wait and the last of those that do not */
    ALERT_SHOWN_URL_BYTES = 128,
    ALERT_PROBLEM_BYTES = 160,
};

enum alert_state {
    ALERT_WAITING,
    ALERT_SENDING,
    ALERT_DELIVERED,
    ALERT_SUPERSEDED, /* the incident changed before it could be delivered */
    ALERT_GAVE_UP
};

/* One delivery, as it is shown. */
struct alert_delivery {
    uint64_t id; /* 1, 2, ... */
    uint64_t incident;
    uint64_t correlation;
    const char *event; /* "open", "escalate", "resolve", "test" */
    const char *kind, *severity;
    enum alert_state state;
    unsigned attempts;
    long http_code;                     /* of the last attempt, 0: there was no answer */
    char problem[ALERT_PROBLEM_BYTES];  /* of the last attempt, "" for none */
    char target[ALERT_SHOWN_URL_BYTES]; /* without its path, in which a secret may stand */
    int64_t created_ms, changed_ms;     /* Unix */
    int64_t next_ms;                    /* when it is tried again, 0: not */
};

struct alert_stats {
    uint64_t targets, waiting;
    uint64_t delivered, gave_up, superseded;
    uint64_t dropped; /* for lack of room or memory */
    uint64_t attempts, failures;
};

struct alert;

/*
 * Reads alert.*. ATTL_OK; ATTL_E_CONFIG with a text, ATTL_E_NOMEM. Without alert.url there are no
 * targets and no thread. `log` may be called from the thread.
 */
int alert_open(struct alert **ret_alert, const attl_config *config, attl_log_fn log, void *log_ud,
               struct config_error err);
/* Takes over what may change at run time. */
void alert_configure(struct alert *a, const attl_config *config);
/* Gives what waits `wait_ms` to be delivered, says what was not, frees. NULL is allowed. */
void alert_close(struct alert **alert, int64_t wait_ms);

/* An attl_incident_event_fn; `ud` is the alert. Does not block on the network. */
void alert_incident(void *ud, int event, const attl_incident *i);
/* A delivery to each target, as if something had happened. How many targets there are. */
size_t alert_test(struct alert *a);

void alert_stats_get(struct alert *a, struct alert_stats *ret_stats);
/* Copies of the newest `max` deliveries at most, newest first; how many. */
size_t alert_list(struct alert *a, struct alert_delivery *ret, size_t max);
const char *alert_state_name(enum alert_state state);

#endif
