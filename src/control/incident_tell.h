/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling others of incidents. An outlet is one way to do it: a function of the program, a program
 * of its own; more can be added as a row of the table in incident_tell.c. Each has a line of notes,
 * copies of the record as it was at the change, and a job in the pool that works through it, so
 * that one that is slow delays nobody else, and an order is kept. A line is bounded and each kind
 * has a rate; what is left out is counted.
 *
 * Lines belong to control.lock. An outlet's function is called without it.
 */
#ifndef ATTL_CONTROL_INCIDENT_TELL_H
#define ATTL_CONTROL_INCIDENT_TELL_H

#include "config/config.h"
#include "control/incident.h"

enum {
    INCIDENT_NOTES_MAX = 64, /* in one line */
    INCIDENT_EXEC_BYTES = 513,
    INCIDENT_EXEC_ARGS = 32,
};

/* At most so many per minute; zeroed: none yet. */
struct incident_rate {
    int64_t minute_ms; /* when the minute began */
    unsigned used;
};
/* Takes one of `limit`. False if there is none left. */
bool incident_rate_take(struct incident_rate *r, unsigned limit, int64_t now_ms);

struct incident_note {
    struct incident_note *next;
    enum attl_incident_event event;
    struct incident incident;
};

enum incident_outlet_id { INCIDENT_OUTLET_FUNCTION, INCIDENT_OUTLET_EXEC, INCIDENT_OUTLETS };

struct incident_outlet {
    struct pool_job job;
    struct control *c;
    bool busy; /* the job is in the pool */
    unsigned waiting;
    struct incident_note *first, *last;
    struct incident_rate rates[INCIDENT_KINDS];
};

struct incident_tell {
    struct incident_outlet outlets[INCIDENT_OUTLETS];
    bool wanted[INCIDENT_KINDS]; /* incident.handlers */
    attl_incident_event_fn fn;
    void *ud;
    struct lock calling; /* held while `fn` is called; before control.lock */
    char exec[INCIDENT_EXEC_BYTES];
    int64_t exec_timeout_ms;
};

void incident_tell_init(struct control *c, const attl_config *config);
void incident_tell_configure(struct control *c, const attl_config *config);
void incident_tell_fini(struct control *c);
/* Puts a note for the change into each line that wants it. */
void incident_tell(struct control *c, enum attl_incident_event event, const struct incident *i);
/* Tries again what the pool would not take. True while notes wait. */
bool incident_tell_again(struct control *c);
/* Replaces the function; waits for a call that is being made. Takes the locks itself. */
void incident_tell_set(struct control *c, attl_incident_event_fn fn, void *ud);

/* Splits `text` at spaces into at most `max` - 1 words and a NULL, in place. How many; 0 if there
 * are none, too many, or the first is not an absolute path. */
size_t incident_exec_words(char *text, char **ret_words, size_t max);
/* Runs incident.exec for one change, without a lock. False if it failed. */
bool incident_exec(struct control *c, const struct incident_note *note);

/* What a note says as JSON, and as variables NAME=value (ends with NULL), for programs. */
struct incident_text {
    char json[4096];
    size_t json_len;
    char variables[2048];
    char *environment[24];
};
void incident_text_make(struct incident_text *t, const struct incident_note *note);

#endif
