/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One list of facts, made anew for each use: names with a value of one of three types. A template
 * is walked once, from dollar to dollar; checking is the same walk without writing. Numbers are
 * written as JSON has them, so they may stand in a template without quotes.
 */
#include "alert/template.h"

#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { FACTS = 18, CORRELATION_CHARS = 16, REAL_DIGITS = 15 };

struct fact {
    const char *name;
    enum { FACT_TEXT, FACT_INTEGER, FACT_REAL } type;
    const char *text;
    int64_t integer;
    double real;
};

struct fact_list {
    struct fact facts[FACTS];
    char correlation[CORRELATION_CHARS + 1];
};

const char template_default[] =
    "{\"event\":\"${event}\",\"id\":${id},\"kind\":\"${kind}\",\"severity\":\"${severity}\","
    "\"state\":\"${state}\",\"level\":${level},\"times\":${times},\"simulated\":${simulated},"
    "\"since_ms\":${since_ms},\"changed_ms\":${changed_ms},\"resolved_ms\":${resolved_ms},"
    "\"value\":${value},\"limit\":${limit},\"cause\":\"${cause}\",\"actions\":\"${actions}\","
    "\"correlation\":\"${correlation}\",\"host\":\"${host}\",\"delivery\":${delivery}}";

static struct fact
text(const char *name, const char *value)
{
    return (struct fact){ .name = name, .type = FACT_TEXT, .text = value };
}

static struct fact
integer(const char *name, int64_t value)
{
    return (struct fact){ .name = name, .type = FACT_INTEGER, .integer = value };
}

static struct fact
real(const char *name, double value)
{
    return (struct fact){ .name = name, .type = FACT_REAL, .real = value };
}

static void
list_facts(const struct template_facts *f, struct fact_list *ret)
{
    const attl_incident *i = f->incident;
    (void)snprintf(ret->correlation, sizeof ret->correlation, "%016" PRIx64, i->correlation);
    const struct fact facts[FACTS] = {
        text("event", f->event),
        text("host", f->host),
        text("kind", i->name),
        text("severity", attl_severity_name(i->severity)),
        text("state", attl_incident_state_name(i->state)),
        text("cause", i->cause),
        text("actions", i->actions),
        text("correlation", ret->correlation),
        text("simulated", i->simulated ? "true" : "false"),
        integer("delivery", (int64_t)f->delivery),
        integer("id", (int64_t)i->id),
        integer("level", i->level),
        integer("times", i->times),
        integer("since_ms", i->since_ms),
        integer("changed_ms", i->changed_ms),
        integer("resolved_ms", i->resolved_ms),
        real("value", i->value),
        real("limit", i->limit),
    };
    memcpy(ret->facts, facts, sizeof facts);
}

static void
put(struct buf *out, const struct fact *fact)
{
    struct json j;
    json_init(&j, out, 0);
    switch (fact->type) {
    case FACT_TEXT: json_escape(&j, attl_s(fact->text)); break;
    case FACT_INTEGER: json_put_i64(&j, NULL, fact->integer); break;
    case FACT_REAL: /* JSON has no other numbers */
        json_put_real(&j, NULL, isfinite(fact->real) ? fact->real : 0, REAL_DIGITS);
        break;
    }
}

/* Goes over what begins with the dollar at `at`, and writes it to `out` if there is one. Where it
 * ends; NULL if it is not right. */
static const char *
take_dollar(const char *at, const struct fact_list *list, struct buf *out)
{
    if (at[1] == '$') {
        if (out)
            buf_append_str(out, "$");
        return at + 2;
    }
    const char *end = at[1] == '{' ? strchr(at, '}') : NULL;
    size_t len = end ? (size_t)(end - at - 2) : 0;
    for (size_t i = 0; end && i < FACTS; i++) {
        const char *name = list->facts[i].name;
        if (strlen(name) != len || memcmp(name, at + 2, len) != 0)
            continue;
        if (out)
            put(out, &list->facts[i]);
        return end + 1;
    }
    return NULL;
}

const char *
template_problem(const char *template)
{
    static const attl_incident nothing = { .name = "", .cause = "", .actions = "" };
    const struct template_facts facts = { .event = "", .incident = &nothing, .host = "" };
    struct fact_list list;
    const char *dollar;
    list_facts(&facts, &list);
    while ((dollar = strchr(template, '$'))) {
        template = take_dollar(dollar, &list, NULL);
        if (!template)
            return dollar;
    }
    return NULL;
}

void
template_fill(const char *template, const struct template_facts *facts, struct buf *out)
{
    struct fact_list list;
    const char *dollar;
    list_facts(facts, &list);
    while (template && (dollar = strchr(template, '$'))) {
        buf_append(out, template, (size_t)(dollar - template));
        template = take_dollar(dollar, &list, out);
    }
    if (template)
        buf_append_str(out, template);
}
