/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.ALERT: what became of telling others of incidents, and a test of it. Deliveries are copied
 * out of the book, so nobody waits for the network. Addresses are shown without their paths, in
 * which secrets may stand.
 */
#include "alert/alert.h"

#include "base/alloc.h"
#include "command/commands.h"
#include "command/reply.h"

#include <inttypes.h>
#include <stdio.h>

enum { DELIVERY_FIELDS = 14, STATUS_FIELDS = 8, LIST_DEFAULT = 16, CORRELATION_BYTES = 17 };

static struct alert *
alert_of(struct request *rq)
{
    struct alert *a = rq->env->host->alert;
    if (!a)
        resp_error(rq->out, "ERR this server has nobody to tell of incidents");
    return a;
}

static void
reply_delivery(struct request *rq, const struct alert_delivery *d)
{
    char correlation[CORRELATION_BYTES];
    (void)snprintf(correlation, sizeof correlation, "%016" PRIx64, d->correlation); /* fits */
    resp_map(rq->out, rq->s->proto, DELIVERY_FIELDS);
    reply_field_int(rq, "id", (int64_t)d->id);
    reply_field_int(rq, "incident", (int64_t)d->incident);
    reply_field_str(rq, "event", d->event);
    reply_field_str(rq, "kind", d->kind);
    reply_field_str(rq, "severity", d->severity);
    reply_field_str(rq, "correlation", correlation);
    reply_field_str(rq, "target", d->target);
    reply_field_str(rq, "state", alert_state_name(d->state));
    reply_field_int(rq, "attempts", d->attempts);
    reply_field_int(rq, "http_code", d->http_code);
    reply_field_str(rq, "problem", d->problem);
    reply_field_int(rq, "created_ms", d->created_ms);
    reply_field_int(rq, "changed_ms", d->changed_ms);
    reply_field_int(rq, "next_ms", d->next_ms);
}

/* ATTL.ALERT LIST [count] */
void
cmd_attl_alert_list(struct request *rq)
{
    int64_t count = LIST_DEFAULT;
    if (rq->argc > 3) {
        reply_arity_error(rq);
        return;
    }
    if (rq->argc == 3 && !arg_i64(rq, 2, NULL, &count))
        return;
    if (count < 1 || count > ALERT_REMEMBERED) {
        resp_errorf(rq->out, "ERR the count is 1 to %d", ALERT_REMEMBERED);
        return;
    }
    struct alert *a = alert_of(rq);
    if (!a)
        return;
    attl_allocator memory = alloc_default();
    struct alert_delivery *list = alloc_zero(&memory, (size_t)count * sizeof *list);
    if (!list) {
        reply_failure(rq, ATTL_E_NOMEM);
        return;
    }
    size_t n = alert_list(a, list, (size_t)count);
    resp_array(rq->out, n);
    for (size_t i = 0; i < n; i++)
        reply_delivery(rq, &list[i]);
    alloc_free(&memory, list);
}

/* ATTL.ALERT STATUS */
void
cmd_attl_alert_status(struct request *rq)
{
    struct alert *a = alert_of(rq);
    if (!a)
        return;
    struct alert_stats st;
    alert_stats_get(a, &st);
    resp_map(rq->out, rq->s->proto, STATUS_FIELDS);
    reply_field_int(rq, "targets", (int64_t)st.targets);
    reply_field_int(rq, "waiting", (int64_t)st.waiting);
    reply_field_int(rq, "delivered", (int64_t)st.delivered);
    reply_field_int(rq, "gave_up", (int64_t)st.gave_up);
    reply_field_int(rq, "superseded", (int64_t)st.superseded);
    reply_field_int(rq, "dropped", (int64_t)st.dropped);
    reply_field_int(rq, "attempts", (int64_t)st.attempts);
    reply_field_int(rq, "failures", (int64_t)st.failures);
}

/* ATTL.ALERT TEST */
void
cmd_attl_alert_test(struct request *rq)
{
    struct alert *a = alert_of(rq);
    if (!a)
        return;
    size_t targets = alert_test(a);
    if (targets == 0)
        resp_error(rq->out, "ERR alert.url is not set: name a webhook in settings.toml or "
                            "ATTL_ALERT__URL and start attld anew");
    else
        resp_int(rq->out, (int64_t)targets);
}
