/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.INCIDENT: looking at incidents, acknowledging them, drills. What an incident is and when it
 * opens is the cache's; here are words and replies. The actions of a record are one string each in
 * an array. Nothing here can change what a handler is: programs are named in the settings the
 * server was started with, never by a command.
 */
#include "command/commands.h"
#include "command/info_lines.h"
#include "command/reply.h"

#include <inttypes.h>
#include <stdio.h>

enum { FIELDS = 16, KIND_FIELDS = 4, KIND_MAX_BYTES = 32, CORRELATION_BYTES = 17 };

static void
field_double(struct request *rq, const char *name, double value)
{
    resp_bulk_str(rq->out, name);
    resp_double(rq->out, rq->s->proto, value);
}

/* Lines of text as an array of strings. */
static void
field_lines(struct request *rq, const char *name, const char *text)
{
    resp_bulk_str(rq->out, name);
    size_t mark = rq->out->len, n = 0;
    while (*text) {
        size_t len = strcspn(text, "\n");
        resp_bulk(rq->out, attl_b(text, len));
        text += len + (text[len] == '\n');
        n++;
    }
    reply_insert_array(rq->out, mark, n);
}

struct list {
    struct request *rq;
    size_t n;
};

static void
reply_incident(void *ud, const attl_incident *i)
{
    struct list *list = ud;
    struct request *rq = list->rq;
    char correlation[CORRELATION_BYTES];
    (void)snprintf(correlation, sizeof correlation, "%016" PRIx64, i->correlation); /* fits */
    list->n++;
    resp_map(rq->out, rq->s->proto, FIELDS);
    reply_field_int(rq, "id", (int64_t)i->id);
    reply_field_str(rq, "kind", i->name);
    reply_field_str(rq, "severity", attl_severity_name(i->severity));
    reply_field_str(rq, "state", attl_incident_state_name(i->state));
    reply_field_int(rq, "level", i->level);
    reply_field_int(rq, "times", i->times);
    reply_field_int(rq, "simulated", i->simulated);
    reply_field_int(rq, "since_ms", i->since_ms);
    reply_field_int(rq, "changed_ms", i->changed_ms);
    reply_field_int(rq, "resolved_ms", i->resolved_ms);
    field_double(rq, "value", i->value);
    field_double(rq, "limit", i->limit);
    reply_field_str(rq, "correlation", correlation);
    reply_field_str(rq, "cause", i->cause);
    field_lines(rq, "actions", i->actions);
    reply_field_str(rq, "response", attl_incident_kind_response(i->kind));
}

/* ATTL.INCIDENT LIST [OPEN] */
void
cmd_attl_incident_list(struct request *rq)
{
    bool open_only = rq->argc == 3;
    if (rq->argc > 3 || (open_only && !arg_is(rq->argv[2], "open"))) {
        reply_syntax_error(rq);
        return;
    }
    struct list list = { .rq = rq };
    size_t mark = rq->out->len;
    int status = attl_incidents_list(rq->env->cache, open_only, reply_incident, &list);
    if (!reply_if_failed(rq, status))
        reply_insert_array(rq->out, mark, list.n);
}

static bool
read_id(struct request *rq, uint64_t *ret_id)
{
    int64_t id;
    if (!arg_i64(rq, 2, NULL, &id))
        return false;
    *ret_id = id > 0 ? (uint64_t)id : 0; /* which nobody has */
    return true;
}

/* ATTL.INCIDENT SHOW id */
void
cmd_attl_incident_show(struct request *rq)
{
    uint64_t id;
    if (!read_id(rq, &id))
        return;
    struct list list = { .rq = rq };
    int status = attl_incident_get(rq->env->cache, id, reply_incident, &list);
    if (!reply_if_failed(rq, status) && status == ATTL_MISS)
        resp_error(rq->out, "ERR no such incident");
}

/* ATTL.INCIDENT ACK id */
void
cmd_attl_incident_ack(struct request *rq)
{
    uint64_t id;
    if (!read_id(rq, &id))
        return;
    if (attl_incident_ack(rq->env->cache, id) == ATTL_OK)
        reply_ok(rq);
    else
        resp_error(rq->out, "ERR no such incident, or it is resolved");
}

/* ATTL.INCIDENT KINDS */
void
cmd_attl_incident_kinds(struct request *rq)
{
    size_t mark = rq->out->len;
    int kind = 0;
    for (; attl_incident_kind_name(kind); kind++) {
        resp_map(rq->out, rq->s->proto, KIND_FIELDS);
        reply_field_int(rq, "number", kind);
        reply_field_str(rq, "kind", attl_incident_kind_name(kind));
        reply_field_str(rq, "detected", attl_incident_kind_text(kind));
        reply_field_str(rq, "response", attl_incident_kind_response(kind));
    }
    reply_insert_array(rq->out, mark, (size_t)kind);
}

/* The kind's number, < 0 if there is none of that name. */
static int
kind_of(attl_slice word)
{
    const char *name;
    for (int kind = 0; (name = attl_incident_kind_name(kind)); kind++)
        if (arg_is(word, name))
            return kind;
    return -1;
}

/* ATTL.INCIDENT SIMULATE kind [OFF] */
void
cmd_attl_incident_simulate(struct request *rq)
{
    int kind = kind_of(rq->argv[2]);
    bool off = rq->argc == 4;
    if (rq->argc > 4 || (off && !arg_is(rq->argv[3], "off"))) {
        reply_syntax_error(rq);
        return;
    }
    if (kind < 0) {
        resp_error(rq->out, "ERR no such kind of incident, try ATTL.INCIDENT KINDS");
        return;
    }
    int status = attl_incident_simulate(rq->env->cache, kind, !off);
    if (status == ATTL_E_UNSUPPORTED)
        resp_error(rq->out, "ERR incident response is off: set incident.enabled");
    else if (!reply_if_failed(rq, status))
        reply_ok(rq);
}

static void
note_last(void *ud, const attl_incident *i)
{
    struct info *info = ud;
    info_line(info, "incident_last",
              "id=%" PRIu64 ",kind=%s,severity=%s,state=%s,level=%d,since_ms=%" PRId64, i->id,
              i->name, attl_severity_name(i->severity), attl_incident_state_name(i->state),
              i->level, i->since_ms);
}

void
info_incidents(struct info *info)
{
    attl_incident_stats st = { .struct_size = sizeof st };
    attl_incident_stats_get(info->env->cache, &st);
    info_line(info, "incidents_open", "%" PRIu64, st.open);
    info_line(info, "incidents_total", "%" PRIu64, st.total);
    info_line(info, "incidents_reopened", "%" PRIu64, st.reopened);
    info_line(info, "incident_actions", "%" PRIu64, st.actions);
    info_line(info, "incident_actions_limited", "%" PRIu64, st.actions_limited);
    info_line(info, "incidents_told", "%" PRIu64, st.told);
    info_line(info, "incidents_told_failed", "%" PRIu64, st.told_failed);
    info_line(info, "incidents_told_dropped", "%" PRIu64, st.told_dropped);
    for (int kind = 0; attl_incident_kind_name(kind); kind++) {
        char field[KIND_MAX_BYTES + sizeof "incidents_"];
        (void)snprintf(field, sizeof field, "incidents_%s", attl_incident_kind_name(kind));
        info_line(info, field, "%" PRIu64, st.by_kind[kind]);
    }
    if (st.total > 0 && attl_incident_get(info->env->cache, st.total, note_last, info) != ATTL_OK)
        info_line(info, "incident_last", "unknown"); /* no memory for a look */
}
