/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.METRICS: the table of metrics as text, which the admin port gives to Prometheus, for those
 * who have a connection of this protocol and no other. The text is made aside and then framed,
 * because its length comes first. Bounded by METRIC_TEXT_MAX_BYTES.
 */
#include "command/commands.h"
#include "command/metrics.h"
#include "command/reply.h"

static bool
parse_format(struct request *rq, enum metric_format *ret_format)
{
    static const char *const names[] = { [METRIC_PROMETHEUS] = "prometheus",
                                         [METRIC_OPENMETRICS] = "openmetrics",
                                         [METRIC_JSON] = "json" };
    *ret_format = METRIC_PROMETHEUS;
    if (rq->argc == 1)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (arg_is(rq->argv[1], names[i])) {
            *ret_format = (enum metric_format)i;
            return rq->argc == 2;
        }
    }
    return false;
}

/* ATTL.METRICS [PROMETHEUS|OPENMETRICS|JSON] */
void
cmd_attl_metrics(struct request *rq)
{
    enum metric_format format;
    struct buf text;
    if (!parse_format(rq, &format)) {
        reply_syntax_error(rq);
        return;
    }
    buf_init(&text, METRIC_TEXT_MAX_BYTES);
    command_metrics(rq->env, format, &text);
    if (text.failed)
        reply_failure(rq, ATTL_E_NOMEM);
    else
        resp_verbatim(rq->out, rq->s->proto, "txt", buf_slice(&text));
    buf_fini(&text);
}
