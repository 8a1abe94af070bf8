/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of outlets and their lines. A job of an outlet takes one note after the other until its
 * line is empty, under control.lock for as long as that takes, and delivers without it. When the
 * pool does not take the job the notes stay, and each reading of the loop tries again; when the
 * cache is being closed the job leaves them to incident_tell_fini(). The end of an incident is
 * outside the rate: who was told of an incident must hear that it is over.
 */
#include "control/incident_tell.h"

#include "base/alloc.h"
#include "base/slice.h"
#include "control/control.h"

#include <stdio.h>

enum { MINUTE_MS = 60000 };

/* Whether the outlet has anybody to tell; under control.lock. */
typedef bool (*outlet_wants_fn)(const struct incident_tell *t);
/* Tells, without it. False if that failed. */
typedef bool (*outlet_deliver_fn)(struct control *c, const struct incident_note *note);

static bool
function_wants(const struct incident_tell *t)
{
    return t->fn != NULL;
}

static bool
function_deliver(struct control *c, const struct incident_note *note)
{
    struct incident_tell *t = &c->incidents.tell;
    attl_incident shown;
    incident_show(&note->incident, &shown);
    lock_acquire(&t->calling);
    lock_acquire(&c->lock);
    attl_incident_event_fn fn = t->fn;
    void *ud = t->ud;
    lock_release(&c->lock);
    if (fn)
        fn(ud, note->event, &shown);
    lock_release(&t->calling);
    return true;
}

static bool
exec_wants(const struct incident_tell *t)
{
    return t->exec[0] != '\0';
}

/* A way to tell; another one is a row more, and an enumerator. */
static const struct {
    outlet_wants_fn wants;
    outlet_deliver_fn deliver;
    bool limited; /* by incident.rate */
} ways[INCIDENT_OUTLETS] = {
    [INCIDENT_OUTLET_FUNCTION] = { function_wants, function_deliver, false },
    [INCIDENT_OUTLET_EXEC] = { exec_wants, incident_exec, true },
};

bool
incident_rate_take(struct incident_rate *r, unsigned limit, int64_t now_ms)
{
    if (now_ms - r->minute_ms >= MINUTE_MS)
        *r = (struct incident_rate){ .minute_ms = now_ms };
    if (r->used >= limit)
        return false;
    r->used++;
    return true;
}

static struct incident_note *
take_note(struct incident_outlet *o)
{
    struct incident_note *note = o->first;
    if (!note)
        return NULL;
    o->first = note->next;
    if (!o->first)
        o->last = NULL;
    o->waiting--;
    return note;
}

static void
work(struct pool_job *job)
{
    struct incident_outlet *o = (struct incident_outlet *)(void *)job; /* its first member */
    struct control *c = o->c;
    attl_incident_stats *stats = &c->incidents.stats;
    size_t id = (size_t)(o - c->incidents.tell.outlets);
    lock_acquire(&c->lock);
    struct incident_note *note;
    while (!control_is_closing(c->a) && (note = take_note(o))) {
        lock_release(&c->lock);
        bool done = ways[id].deliver(c, note);
        alloc_free(&c->alloc, note);
        lock_acquire(&c->lock);
        stats->told++;
        stats->told_failed += !done;
    }
    o->busy = false;
    lock_release(&c->lock);
}

/* Sees to it that somebody works through the line. */
static void
start(struct control *c, struct incident_outlet *o)
{
    if (!o->busy && o->first)
        o->busy = control_run(c->a, &o->job) == ATTL_OK;
}

bool
incident_tell_again(struct control *c)
{
    bool waiting = false;
    for (int id = 0; id < INCIDENT_OUTLETS; id++) {
        struct incident_outlet *o = &c->incidents.tell.outlets[id];
        start(c, o);
        waiting |= o->first && !o->busy;
    }
    return waiting;
}

static void
add_note(struct control *c, struct incident_outlet *o, enum attl_incident_event event,
         const struct incident *i)
{
    struct incident_note *note = NULL;
    if (o->waiting < INCIDENT_NOTES_MAX)
        note = alloc_zero(&c->alloc, sizeof(*note));
    if (!note) {
        c->incidents.stats.told_dropped++;
        return;
    }
    note->event = event;
    note->incident = *i;
    *(o->last ? &o->last->next : &o->first) = note;
    o->last = note;
    o->waiting++;
    start(c, o);
}

void
incident_tell(struct control *c, enum attl_incident_event event, const struct incident *i)
{
    struct incidents *is = &c->incidents;
    if (!is->tell.wanted[i->kind])
        return;
    for (int id = 0; id < INCIDENT_OUTLETS; id++) {
        struct incident_outlet *o = &is->tell.outlets[id];
        if (!ways[id].wants(&is->tell))
            continue;
        if (ways[id].limited && event != ATTL_INCIDENT_CLOSED &&
            !incident_rate_take(&o->rates[i->kind], is->rate, i->changed_ms))
            is->stats.told_dropped++;
        else
            add_note(c, o, event, i);
    }
}

void
incident_tell_set(struct control *c, attl_incident_event_fn fn, void *ud)
{
    struct incident_tell *t = &c->incidents.tell;
    lock_acquire(&t->calling);
    lock_acquire(&c->lock);
    t->fn = fn;
    t->ud = ud;
    lock_release(&c->lock);
    lock_release(&t->calling);
}

/* Takes the next word, up to a comma or a space, off `text`. */
static attl_slice
next_word(const char **text)
{
    static const char separators[] = ", ";
    const char *start = *text + strspn(*text, separators);
    size_t len = strcspn(start, separators);
    *text = start + len;
    return attl_b(start, len);
}

/* Marks the kinds a word names. False if there are none. */
static bool
mark_kinds(attl_slice word, bool wanted[INCIDENT_KINDS])
{
    bool known = false;
    for (int kind = 0; kind < INCIDENT_KINDS; kind++)
        if (slice_is(word, "all") || slice_is(word, incident_row(kind)->word))
            known = wanted[kind] = true;
    return known;
}

static int
check_handlers(const attl_config *config, char *err, size_t err_len)
{
    bool wanted[INCIDENT_KINDS];
    const char *text = config_str(config, OPT_INCIDENT_HANDLERS);
    for (attl_slice word = next_word(&text); word.len > 0; word = next_word(&text)) {
        if (mark_kinds(word, wanted))
            continue;
        if (err)
            (void)snprintf(err, err_len,
                           "incident.handlers: there is no kind %.*s; it is `all`, or kinds as "
                           "ATTL.INCIDENT KINDS lists them",
                           (int)(word.len < 64 ? word.len : 64),
                           (const char *)word.data); /* cut is fine */
        return ATTL_E_CONFIG;
    }
    return ATTL_OK;
}

int
incidents_check(const attl_config *config, char *err, size_t err_len)
{
    char text[INCIDENT_EXEC_BYTES];
    char *words[INCIDENT_EXEC_ARGS];
    (void)snprintf(text, sizeof text, "%s", config_str(config, OPT_INCIDENT_EXEC));
    if (text[0] != '\0' && incident_exec_words(text, words, INCIDENT_EXEC_ARGS) == 0) {
        if (err)
            (void)snprintf(err, err_len,
                           "incident.exec wants the absolute path of a program and at most %d "
                           "arguments, separated by spaces",
                           INCIDENT_EXEC_ARGS - 2); /* cut is fine */
        return ATTL_E_CONFIG;
    }
    return check_handlers(config, err, err_len);
}

void
incident_tell_configure(struct control *c, const attl_config *config)
{
    struct incident_tell *t = &c->incidents.tell;
    const char *text = config_str(config, OPT_INCIDENT_HANDLERS);
    memset(t->wanted, 0, sizeof t->wanted);
    for (attl_slice word = next_word(&text); word.len > 0; word = next_word(&text))
        (void)mark_kinds(word, t->wanted); /* incidents_check() has refused what is unknown */
    t->exec_timeout_ms = config_i64(config, OPT_INCIDENT_EXEC_TIMEOUT);
}

void
incident_tell_init(struct control *c, const attl_config *config)
{
    struct incident_tell *t = &c->incidents.tell;
    lock_init(&t->calling);
    t->fn = config->incident_fn;
    t->ud = config->incident_ud;
    (void)snprintf(t->exec, sizeof t->exec, "%s", config_str(config, OPT_INCIDENT_EXEC));
    for (int id = 0; id < INCIDENT_OUTLETS; id++)
        t->outlets[id] = (struct incident_outlet){ .job = { .run = work }, .c = c };
}

void
incident_tell_fini(struct control *c)
{
    for (int id = 0; id < INCIDENT_OUTLETS; id++) {
        struct incident_outlet *o = &c->incidents.tell.outlets[id];
        struct incident_note *note;
        while ((note = take_note(o)))
            alloc_free(&c->alloc, note);
    }
}
