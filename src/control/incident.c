/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of kinds, made from incidents.inc, and the texts of a record. Whatever is written into
 * a record is made printable here, at the one place through which all text comes, so that log
 * lines, JSON and the environment of programs need not care what a file's name or a library's
 * message may hold. Nothing here allocates.
 */
#include "control/incident.h"

#include "control/detect.h"
#include "control/detect_disk.h"

#include <stdarg.h>
#include <stdio.h>

static const struct incident_row rows[] = {
#define INCIDENT(id, word, severity, detect, respond, detected, done) \
    [INCIDENT_##id] = { word, severity, detect, respond, detected, done },
#include "control/incidents.inc"
#undef INCIDENT
};

_Static_assert((int)INCIDENT_KINDS == (int)ATTL_INCIDENT_KINDS, "attl/incident.h has every kind");
_Static_assert((int)INCIDENT_OVERLOAD == (int)ATTL_INCIDENT_OVERLOAD, "in the same order");
_Static_assert((int)INCIDENT_KINDS <= (int)(sizeof((attl_incident_stats){ 0 }.by_kind) /
                                            sizeof((attl_incident_stats){ 0 }.by_kind[0])),
               "each kind has its count");

const struct incident_row *
incident_row(int kind)
{
    return kind >= 0 && kind < INCIDENT_KINDS ? &rows[kind] : NULL;
}

static void
make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

void
incident_because(struct incident_reading *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(r->cause, sizeof r->cause, format, args); /* cut is fine */
    va_end(args);
    make_printable(r->cause);
}

void
incident_did(struct incident *i, const char *format, ...)
{
    char line[INCIDENT_CAUSE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args); /* cut is fine */
    va_end(args);
    make_printable(line);
    size_t room = sizeof i->actions - i->actions_len, len = strlen(line) + (i->actions_len > 0);
    if (len >= room)
        return; /* a line is noted whole or not at all */
    if (i->actions_len > 0)
        i->actions[i->actions_len++] = '\n';
    memcpy(i->actions + i->actions_len, line, strlen(line) + 1);
    i->actions_len += strlen(line);
}

void
incident_show(const struct incident *i, attl_incident *ret)
{
    *ret = (attl_incident){
        .struct_size = sizeof *ret,
        .id = i->id,
        .correlation = i->correlation,
        .kind = (int)i->kind,
        .severity = (int)rows[i->kind].severity,
        .state = (int)i->state,
        .level = i->level,
        .simulated = i->simulated,
        .times = i->times,
        .since_ms = i->since_ms,
        .changed_ms = i->changed_ms,
        .resolved_ms = i->state == ATTL_INCIDENT_RESOLVED ? i->resolved_ms : ATTL_NO_DEADLINE,
        .value = i->value,
        .limit = i->limit,
        .name = rows[i->kind].word,
        .cause = i->cause,
        .actions = i->actions,
        .request = i->request,
    };
}

const char *
attl_incident_kind_name(int kind)
{
    const struct incident_row *row = incident_row(kind);
    return row ? row->word : NULL;
}

const char *
attl_incident_kind_text(int kind)
{
    const struct incident_row *row = incident_row(kind);
    return row ? row->detected : NULL;
}

const char *
attl_incident_kind_response(int kind)
{
    const struct incident_row *row = incident_row(kind);
    return row ? row->done : NULL;
}

const char *
attl_incident_state_name(int state)
{
    switch ((enum attl_incident_state)state) {
    case ATTL_INCIDENT_OPEN: return "open";
    case ATTL_INCIDENT_ACKNOWLEDGED: return "acknowledged";
    case ATTL_INCIDENT_RESOLVED: return "resolved";
    }
    return "?";
}

int
attl_incident_kind_severity(int kind)
{
    const struct incident_row *row = incident_row(kind);
    return row ? (int)row->severity : ATTL_SEVERITY_INFO;
}

const char *
attl_severity_name(int severity)
{
    switch ((enum attl_severity)severity) {
    case ATTL_SEVERITY_INFO: return "info";
    case ATTL_SEVERITY_WARNING: return "warning";
    case ATTL_SEVERITY_CRITICAL: return "critical";
    }
    return "?";
}

const char *
attl_incident_event_name(int event)
{
    switch ((enum attl_incident_event)event) {
    case ATTL_INCIDENT_OPENED: return "open";
    case ATTL_INCIDENT_ESCALATED: return "escalate";
    case ATTL_INCIDENT_CLOSED: return "resolve";
    }
    return "?";
}
