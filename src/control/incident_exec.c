/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling a program. incident.exec is split at spaces and nothing else is done to it: no shell, no
 * quotes, no variables, so nothing that a record holds can become a command. The record reaches the
 * program as JSON on its input and in a few variables; it gets none of our own environment, in
 * which a password may stand. It has a bounded time, and ends with the cache.
 */
#include "control/control.h"

#include "base/json.h"
#include "os/child.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { LOG_TEXT_BYTES = 256, REAL_DIGITS = 15 };

size_t
incident_exec_words(char *text, char **ret_words, size_t max)
{
    size_t n = 0;
    for (char *at = text; *at;) {
        at += strspn(at, " ");
        if (*at == '\0')
            break;
        if (n + 1 == max)
            return 0;
        ret_words[n++] = at;
        at += strcspn(at, " ");
        if (*at)
            *at++ = '\0';
    }
    ret_words[n] = NULL;
    return n > 0 && ret_words[0][0] == '/' ? n : 0;
}

static void
write_json(struct incident_text *t, const attl_incident *i, const char *event)
{
    char correlation[17];
    struct buf out;
    struct json j;
    (void)snprintf(correlation, sizeof correlation, "%016" PRIx64, i->correlation);
    buf_init_fixed(&out, t->json, sizeof t->json);
    json_init_cut(&j, &out, JSON_SHORT, sizeof "\n");
    json_open(&j, NULL, '{');
    json_put_u64(&j, "id", i->id);
    json_put_str(&j, "event", event);
    json_put_str(&j, "kind", i->name);
    json_put_str(&j, "severity", attl_severity_name(i->severity));
    json_put_str(&j, "state", attl_incident_state_name(i->state));
    json_put_i64(&j, "level", i->level);
    json_put_i64(&j, "times", i->times);
    json_put_str(&j, "correlation", correlation);
    json_put_bool(&j, "simulated", i->simulated);
    json_put_i64(&j, "since_ms", i->since_ms);
    json_put_i64(&j, "changed_ms", i->changed_ms);
    json_put_i64(&j, "resolved_ms", i->resolved_ms);
    json_put_real(&j, "value", isfinite(i->value) ? i->value : 0, REAL_DIGITS);
    json_put_real(&j, "limit", isfinite(i->limit) ? i->limit : 0, REAL_DIGITS);
    json_put_str(&j, "cause", i->cause);
    json_put_str(&j, "actions", i->actions);
    json_close(&j);
    buf_append(&out, "\n", sizeof "\n"); /* with the NUL; their room was kept */
    t->json_len = out.len - 1;
}

struct variables {
    struct incident_text *t;
    size_t n, len;
};

static void variable(struct variables *v, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
variable(struct variables *v, const char *format, ...)
{
    struct incident_text *t = v->t;
    if (v->n + 1 == sizeof t->environment / sizeof t->environment[0] ||
        v->len + 1 >= sizeof t->variables)
        return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->variables + v->len, sizeof t->variables - v->len, format, args);
    va_end(args);
    if (n < 0 || v->len + (size_t)n >= sizeof t->variables)
        return; /* a variable is there whole or not at all */
    t->environment[v->n++] = t->variables + v->len;
    v->len += (size_t)n + 1;
}

static void
write_variables(struct incident_text *t, const attl_incident *i, const char *event)
{
    struct variables v = { .t = t };
    variable(&v, "PATH=/usr/local/bin:/usr/bin:/bin");
    variable(&v, "ATTL_INCIDENT_ID=%" PRIu64, i->id);
    variable(&v, "ATTL_INCIDENT_EVENT=%s", event);
    variable(&v, "ATTL_INCIDENT_KIND=%s", i->name);
    variable(&v, "ATTL_INCIDENT_SEVERITY=%s", attl_severity_name(i->severity));
    variable(&v, "ATTL_INCIDENT_STATE=%s", attl_incident_state_name(i->state));
    variable(&v, "ATTL_INCIDENT_LEVEL=%d", i->level);
    variable(&v, "ATTL_INCIDENT_CORRELATION=%016" PRIx64, i->correlation);
    variable(&v, "ATTL_INCIDENT_SIMULATED=%d", i->simulated);
    variable(&v, "ATTL_INCIDENT_VALUE=%.15g", i->value);
    variable(&v, "ATTL_INCIDENT_LIMIT=%.15g", i->limit);
    variable(&v, "ATTL_INCIDENT_CAUSE=%s", i->cause);
    t->environment[v.n] = NULL;
}

void
incident_text_make(struct incident_text *t, const struct incident_note *note)
{
    attl_incident shown;
    incident_show(&note->incident, &shown);
    const char *event = attl_incident_event_name((int)note->event);
    write_json(t, &shown, event);
    write_variables(t, &shown, event);
}

static bool
is_closing(void *ud)
{
    return control_is_closing(ud);
}

static bool
report(struct control *c, const struct incident_note *note, enum child_end end, int code)
{
    static const char *const how[] = { [CHILD_EXITED] = "ended with code",
                                       [CHILD_SIGNALED] = "was ended by signal",
                                       [CHILD_KILLED] = "took too long and was killed",
                                       [CHILD_NOT_STARTED] = "could not be started: error" };
    if (end == CHILD_EXITED && code <= 0) /* < 0: the host took the result */
        return true;
    char text[LOG_TEXT_BYTES], number[16] = "";
    if (end != CHILD_KILLED)
        (void)snprintf(number, sizeof number, " %d", code);
    (void)snprintf(text, sizeof text, "incident.exec for incident %" PRIu64 " %s%s",
                   note->incident.id, how[end], number); /* fits */
    control_log(c->a, CONTROL_WARNING, "incident_exec_failed", text);
    return false;
}

bool
incident_exec(struct control *c, const struct incident_note *note)
{
    struct incident_text text;
    char command[INCIDENT_EXEC_BYTES];
    char *words[INCIDENT_EXEC_ARGS];
    int code;
    lock_acquire(&c->lock);
    int64_t timeout_ms = c->incidents.tell.exec_timeout_ms;
    lock_release(&c->lock);
    memcpy(command, c->incidents.tell.exec, sizeof command); /* never changes */
    if (incident_exec_words(command, words, INCIDENT_EXEC_ARGS) == 0)
        return false; /* incidents_check() has refused it */
    incident_text_make(&text, note);
    struct child_call call = { .argv = words,
                               .environment = text.environment,
                               .input = text.json,
                               .input_len = text.json_len,
                               .timeout_ms = timeout_ms,
                               .stop = is_closing,
                               .ud = c->a };
    enum child_end end = child_run(&call, &code);
    return report(c, note, end, code);
}
