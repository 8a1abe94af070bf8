/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One reading of all kinds, and what follows from it. A drill is a reading of its own, put in the
 * place of a good one, so that everything behind it is what happens in earnest; a bad reading of a
 * detector wins over it, and an incident that was a drill becomes a real one by it. Acting and
 * telling are limited in number per minute and kind, recording is not.
 */
#include "control/incidents.h"

#include "base/alloc.h"
#include "control/control.h"

#include <inttypes.h>
#include <stdio.h>

enum { LOG_TEXT_BYTES = 512 };

bool
incident_wants_cleaning(const struct control *c, int64_t now_ms)
{
    return now_ms < c->incidents.detect.tighten_until_ms;
}

static void
log_change(struct control *c, const char *event, const struct incident *i)
{
    const struct incident_row *row = incident_row((int)i->kind);
    char text[LOG_TEXT_BYTES];
    (void)snprintf(
        text, sizeof text,
        "%s, id %" PRIu64 ", %s, level %d, %g above %g, correlation %016" PRIx64 "%s: %s",
        row->word, i->id, attl_severity_name(row->severity), i->level, i->value, i->limit,
        i->correlation, i->simulated ? ", a drill" : "", i->cause); /* cut is fine */
    bool ends = i->state == ATTL_INCIDENT_RESOLVED;
    int level = ends || row->severity == ATTL_SEVERITY_INFO ? CONTROL_INFO
                : row->severity == ATTL_SEVERITY_WARNING    ? CONTROL_WARNING
                                                            : CONTROL_ERROR;
    control_say_of(c, i->request, level, event, text);
}

static void
respond(struct control *c, struct incident *i, int level)
{
    struct incidents *is = &c->incidents;
    incident_respond_fn fn = incident_row((int)i->kind)->respond;
    if (!fn)
        return;
    if (level >= 0 && !incident_rate_take(&is->responses[i->kind], is->rate, i->changed_ms)) {
        is->stats.actions_limited++;
        return;
    }
    is->stats.actions += level >= 0;
    fn(c, i, level);
}

/* Makes a number that nobody else has: from two clocks and a counter (Steele et al., "Fast
 * splittable pseudorandom number generators", 2014). */
static uint64_t
make_correlation(const struct control_numbers *n, uint64_t id)
{
    uint64_t x = (uint64_t)n->now_ms * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)n->mono_ns;
    x += id * UINT64_C(0xd1b54a32d192ed03);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* The last record of its kind makes room for a new one. */
static void
keep_in_history(struct control *c, const struct incident *i)
{
    struct incidents *is = &c->incidents;
    if (i->id == 0)
        return;
    if (!is->history)
        is->history = alloc_zero(&c->alloc, INCIDENT_HISTORY * sizeof(*is->history));
    if (!is->history) {
        is->stats.forgotten++; /* no memory: the record is lost, the incident was told of */
        return;
    }
    is->history[is->history_next] = *i;
    is->history_next = (is->history_next + 1) % INCIDENT_HISTORY;
    if (is->history_len < INCIDENT_HISTORY)
        is->history_len++;
    else
        is->stats.forgotten++;
}

static void
begin(struct control *c, enum incident_kind kind, bool simulated, const struct control_numbers *n)
{
    struct incidents *is = &c->incidents;
    struct incident *i = &is->current[kind];
    keep_in_history(c, i);
    uint64_t id = ++is->last_id;
    *i = (struct incident){ .id = id,
                            .correlation = make_correlation(n, id),
                            .kind = kind,
                            .simulated = simulated,
                            .since_ms = is->gauges[kind].bad_ms };
    is->stats.total++;
    is->stats.by_kind[kind]++;
}

static void
take_reading(struct incident *i, const struct incident_reading *r)
{
    i->value = r->value;
    i->limit = r->limit;
    memcpy(i->cause, r->cause, sizeof i->cause);
    if (r->request[0]) /* of a later reading there may be nobody to name */
        memcpy(i->request, r->request, sizeof i->request);
}

static void
end(struct control *c, struct incident *i, int64_t now_ms)
{
    i->state = ATTL_INCIDENT_RESOLVED;
    i->changed_ms = i->resolved_ms = now_ms;
    respond(c, i, -1);
    log_change(c, "incident_resolve", i);
    incident_tell(c, ATTL_INCIDENT_CLOSED, i);
}

static void
change_to(struct control *c, struct incident *i, const struct incident_gauge *g, bool escalates,
          int64_t now_ms)
{
    i->state = g->acknowledged ? ATTL_INCIDENT_ACKNOWLEDGED : ATTL_INCIDENT_OPEN;
    i->level = g->level;
    i->times = g->times;
    i->changed_ms = now_ms;
    respond(c, i, g->level);
    log_change(c, escalates ? "incident_escalate" : "incident_open", i);
    incident_tell(c, escalates ? ATTL_INCIDENT_ESCALATED : ATTL_INCIDENT_OPENED, i);
}

/* A drill that turned out to be needed: the response has only been talked about so far. */
static void
become_real(struct control *c, struct incident *i, int64_t now_ms)
{
    i->simulated = false;
    incident_did(i, "it was a drill until now");
    i->changed_ms = now_ms;
    respond(c, i, i->level);
    log_change(c, "incident_open", i);
    incident_tell(c, ATTL_INCIDENT_OPENED, i);
}

static void
judge(struct control *c, enum incident_kind kind, const struct incident_reading *r, bool simulated,
      const struct control_numbers *n)
{
    struct incidents *is = &c->incidents;
    struct incident_gauge *g = &is->gauges[kind];
    struct incident *i = &is->current[kind];
    struct incident_verdict v = { r->bad, r->worse, r->certain };
    enum incident_change change = incident_rule_step(g, &is->rules, v, n->now_ms);
    if (change == INCIDENT_RETURNS && i->simulated != simulated) {
        change = INCIDENT_OPENS; /* a drill and an incident are never the same one */
        g->times = 1;
    }
    if (change == INCIDENT_OPENS)
        begin(c, kind, simulated, n);
    is->stats.reopened += change == INCIDENT_RETURNS;
    if (g->open && r->bad)
        take_reading(i, r);
    if (change == INCIDENT_ENDS)
        end(c, i, n->now_ms);
    else if (change != INCIDENT_SAME)
        change_to(c, i, g, change == INCIDENT_ESCALATES, n->now_ms);
    if (g->open && r->bad && i->simulated && !simulated)
        become_real(c, i, n->now_ms);
}

/* What a drill puts in the place of a good reading. False if there is none. */
static bool
read_drill(struct incidents *is, enum incident_kind kind, int64_t now_ms,
           struct incident_reading *ret)
{
    int64_t since_ms = now_ms - is->drill_ms[kind];
    if (is->drill_ms[kind] == 0)
        return false;
    if (since_ms >= INCIDENT_DRILL_MS) {
        is->drill_ms[kind] = 0;
        return false;
    }
    *ret = (struct incident_reading){ .bad = true,
                                      .certain = true,
                                      .worse = since_ms >= INCIDENT_DRILL_WORSE_MS,
                                      .value = 1 + (since_ms >= INCIDENT_DRILL_WORSE_MS) };
    memcpy(ret->request, is->drill_trace[kind], sizeof ret->request);
    incident_because(ret, "simulated: %s", incident_row((int)kind)->detected);
    return true;
}

static void
read_kind(struct control *c, enum incident_kind kind, const struct control_numbers *n)
{
    struct incident_reading r = { 0 };
    incident_detect_fn detect = incident_row((int)kind)->detect;
    if (detect)
        detect(c, n, &r);
    bool simulated = !r.bad && read_drill(&c->incidents, kind, n->now_ms, &r);
    judge(c, kind, &r, simulated, n);
}

/* Whether the next reading may say something new. */
static bool
is_watching(struct control *c, const struct control_numbers *n)
{
    struct incidents *is = &c->incidents;
    uint64_t seen = n->sampled[CONTROL_READ] + n->sampled[CONTROL_WRITE];
    bool active = seen != is->seen;
    is->seen = seen;
    for (int kind = 0; kind < INCIDENT_KINDS; kind++)
        active |= is->drill_ms[kind] != 0 || incident_rule_watches(&is->gauges[kind]);
    return incident_tell_again(c) || active;
}

void
incidents_count_time(struct incidents *is, int64_t now_ms)
{
    int64_t passed_ms = is->counted_ms && now_ms > is->counted_ms ? now_ms - is->counted_ms : 0;
    bool any = false, critical = false;
    is->counted_ms = now_ms;
    for (int kind = 0; kind < INCIDENT_KINDS; kind++) {
        if (!is->gauges[kind].open || is->current[kind].simulated)
            continue;
        is->stats.open_ms[kind] += (uint64_t)passed_ms;
        any = true;
        critical |= incident_row(kind)->severity == ATTL_SEVERITY_CRITICAL;
    }
    is->stats.any_open_ms += any ? (uint64_t)passed_ms : 0;
    is->stats.critical_open_ms += critical ? (uint64_t)passed_ms : 0;
}

int64_t
incidents_step(struct control *c, const struct control_numbers *n)
{
    struct incidents *is = &c->incidents;
    if (n->now_ms < is->next_ms)
        return is->next_ms;
    incidents_count_time(is, n->now_ms);
    for (int kind = 0; kind < INCIDENT_KINDS; kind++)
        read_kind(c, (enum incident_kind)kind, n);
    is->detect.before = *n;
    is->detect.has_before = true;
    is->next_ms = n->now_ms + is->interval_ms;
    return is_watching(c, n) ? is->next_ms : INT64_MAX;
}

int
incidents_ack(struct control *c, uint64_t id)
{
    struct incidents *is = &c->incidents;
    int status = ATTL_MISS;
    lock_acquire(&c->lock);
    for (int kind = 0; kind < INCIDENT_KINDS && status != ATTL_OK; kind++) {
        struct incident *i = &is->current[kind];
        if (i->id != id || id == 0 || !incident_rule_ack(&is->gauges[kind]))
            continue;
        i->state = ATTL_INCIDENT_ACKNOWLEDGED;
        log_change(c, "incident_ack", i);
        status = ATTL_OK;
    }
    control_unlock(c);
    return status;
}

int
incidents_drill(struct control *c, int kind, bool on, int64_t now_ms)
{
    if (!incident_row(kind))
        return ATTL_E_INVALID;
    lock_acquire(&c->lock);
    bool enabled = c->enabled[CONTROL_INCIDENT];
    if (enabled) {
        c->incidents.drill_ms[kind] = on ? now_ms : 0;
        trace_copy(c->incidents.drill_trace[kind]);
        c->incidents.next_ms = now_ms; /* at once: a drill is somebody waiting */
    }
    control_unlock(c);
    if (!enabled)
        return ATTL_E_UNSUPPORTED;
    control_wake(c->a);
    return ATTL_OK;
}

void
detect_report(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    const struct incidents *is = &c->incidents;
    (void)n;
    ret->value = is->reported;
    if (is->reported == 0)
        return;
    ret->bad = ret->certain = true;
    ret->worse = is->reported > 1;
    memcpy(ret->request, is->reported_trace, sizeof ret->request);
    incident_because(ret, "%s", is->reported_cause);
}

int
incidents_report(struct control *c, int kind, int level, const char *cause)
{
    struct incidents *is = &c->incidents;
    if (kind != ATTL_INCIDENT_AUDIT_FAILURE || level < 0 || level > 2)
        return ATTL_E_INVALID;
    lock_acquire(&c->lock);
    is->reported = level;
    trace_copy(is->reported_trace);
    (void)snprintf(is->reported_cause, sizeof is->reported_cause, "%s",
                   cause ? cause : "no reason was given"); /* cut is fine */
    control_unlock(c);
    control_wake(c->a);
    return ATTL_OK;
}

/* Everything that is open ends, because nobody looks any more. */
static void
switch_off(struct control *c, int64_t now_ms)
{
    struct incidents *is = &c->incidents;
    incidents_count_time(is, now_ms);
    for (int kind = 0; kind < INCIDENT_KINDS; kind++) {
        struct incident *i = &is->current[kind];
        is->drill_ms[kind] = 0;
        if (is->gauges[kind].open) {
            incident_did(i, "incident.enabled was switched off: nobody looks any more");
            end(c, i, now_ms);
        }
        is->gauges[kind] = (struct incident_gauge){ 0 };
    }
    is->detect = (struct detect_state){ 0 };
}

void
incidents_configure(struct control *c, const attl_config *config)
{
    struct incidents *is = &c->incidents;
    is->rules = (struct incident_rules){
        .open_after = (unsigned)config_i64(config, OPT_INCIDENT_OPEN_AFTER),
        .close_after = (unsigned)config_i64(config, OPT_INCIDENT_CLOSE_AFTER),
        .escalate_ms = config_i64(config, OPT_INCIDENT_ESCALATE_AFTER),
        .cooldown_ms = config_i64(config, OPT_INCIDENT_COOLDOWN),
    };
    is->interval_ms = config_i64(config, OPT_INCIDENT_INTERVAL);
    is->turnover_ms = config_i64(config, OPT_INCIDENT_TURNOVER);
    is->latency_limit_ms = config_i64(config, OPT_ADAPTIVE_LATENCY_THRESHOLD);
    is->rate = (unsigned)config_i64(config, OPT_INCIDENT_RATE);
    is->latency_factor = (unsigned)config_i64(config, OPT_INCIDENT_LATENCY_FACTOR);
    is->next_ms = 0; /* the interval may have become shorter */
    incident_tell_configure(c, config);
    if (!c->enabled[CONTROL_INCIDENT])
        switch_off(c, control_now_ms(c->a));
}

void
incidents_init(struct control *c, const attl_config *config)
{
    incident_tell_init(c, config);
}

void
incidents_fini(struct control *c)
{
    incident_tell_fini(c);
    alloc_free(&c->alloc, c->incidents.history);
}
