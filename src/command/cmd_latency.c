/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LATENCY: the series of spikes as replies, and as a drawing. Each command copies the series it
 * shows, so a client that reads slowly holds no lock. Where there is no monitor all series are
 * empty.
 */
#include "command/commands.h"
#include "command/reply.h"
#include "command/slowlog.h"

enum { LATEST_ITEMS = 4, GRAPH_COLUMNS = 80, GRAPH_ROWS = 4, GRAPH_TEXT_MAX = 16 << 10 };

/* A copy of the series of `event`, empty without a monitor. */
static void
series_of(const struct request *rq, enum latency_event event, struct latency_series *ret_series)
{
    ret_series->len = 0;
    if (rq->env->slow)
        latency_read(&rq->env->slow->monitor, event, ret_series);
}

static enum latency_event
event_arg(const struct request *rq, size_t i)
{
    return latency_event_find(rq->argv[i].data, rq->argv[i].len);
}

/* LATENCY LATEST */
void
cmd_latency_latest(struct request *rq)
{
    struct latency_series s;
    size_t mark = rq->out->len, n = 0;
    for (unsigned event = 0; event < LATENCY_EVENTS; event++) {
        series_of(rq, (enum latency_event)event, &s);
        if (s.len == 0)
            continue;
        const struct latency_sample *last = latency_sample_at(&s, s.len - 1);
        resp_array(rq->out, LATEST_ITEMS);
        resp_bulk_str(rq->out, latency_event_name((enum latency_event)event));
        resp_int(rq->out, last->time_s);
        resp_int(rq->out, last->ms);
        resp_int(rq->out, s.worst_ms);
        n++;
    }
    reply_insert_array(rq->out, mark, n);
}

/* LATENCY HISTORY event */
void
cmd_latency_history(struct request *rq)
{
    struct latency_series s = { .len = 0 };
    enum latency_event event = event_arg(rq, 2);
    if (event < LATENCY_EVENTS)
        series_of(rq, event, &s);
    resp_array(rq->out, s.len);
    for (size_t i = 0; i < s.len; i++) {
        const struct latency_sample *sample = latency_sample_at(&s, i);
        resp_array(rq->out, 2);
        resp_int(rq->out, sample->time_s);
        resp_int(rq->out, sample->ms);
    }
}

/* LATENCY RESET [event ...] */
void
cmd_latency_reset(struct request *rq)
{
    int64_t n = 0;
    for (unsigned event = 0; rq->env->slow && event < LATENCY_EVENTS; event++) {
        bool named = rq->argc == 2;
        for (size_t i = 2; i < rq->argc; i++)
            named |= event_arg(rq, i) == (enum latency_event)event;
        if (named)
            n += latency_reset(&rq->env->slow->monitor, (enum latency_event)event);
    }
    resp_int(rq->out, n);
}

/* ---- GRAPH ----------------------------------------------------------------------------------- */

/* The age of a sample as two characters and a unit, from the top down: "12m". */
static size_t
age_label(int64_t age_s, char label[GRAPH_ROWS])
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    size_t u = 0;
    while (u < 3 && age_s < units[u].seconds)
        u++;
    int64_t n = age_s < 0 ? 0 : age_s / units[u].seconds;
    n = n > 99 ? 99 : n;
    size_t len = 0;
    if (n > 9)
        label[len++] = (char)('0' + n / 10);
    label[len++] = (char)('0' + n % 10);
    label[len++] = units[u].unit;
    return len;
}

/* The character of a sample in a row, 0 the lowest: a bar of its height in two steps per row. */
static char
bar(int64_t ms, int64_t low_ms, int64_t high_ms, int row)
{
    int64_t steps = 2 * GRAPH_ROWS - 1;
    int64_t height = high_ms > low_ms ? (ms - low_ms) * steps / (high_ms - low_ms) : steps;
    int64_t in_row = height - 2 * row;
    return in_row < 0 ? ' ' : in_row == 0 ? '_' : in_row == 1 ? '#' : '|';
}

static void
draw(struct buf *text, const struct latency_series *s, int64_t now_s)
{
    size_t first = s->len > GRAPH_COLUMNS ? s->len - GRAPH_COLUMNS : 0;
    int64_t low_ms = INT64_MAX, high_ms = 0;
    for (size_t i = first; i < s->len; i++) {
        int64_t ms = latency_sample_at(s, i)->ms;
        low_ms = ms < low_ms ? ms : low_ms;
        high_ms = ms > high_ms ? ms : high_ms;
    }
    buf_printf(text, "high %lld ms, low %lld ms (all time high %lld ms)\n", (long long)high_ms,
               (long long)low_ms, (long long)s->worst_ms);
    for (int column = 0; column < GRAPH_COLUMNS; column++)
        buf_append_str(text, "-");
    buf_append_str(text, "\n");
    for (int row = GRAPH_ROWS - 1; row >= 0; row--) {
        for (size_t i = first; i < s->len; i++) {
            char c = bar(latency_sample_at(s, i)->ms, low_ms, high_ms, row);
            buf_append(text, &c, 1);
        }
        buf_append_str(text, "\n");
    }
    buf_append_str(text, "\n");
    for (size_t row = 0; row < GRAPH_ROWS - 1; row++) {
        for (size_t i = first; i < s->len; i++) {
            char label[GRAPH_ROWS];
            size_t len = age_label(now_s - latency_sample_at(s, i)->time_s, label);
            buf_append(text, row < len ? &label[row] : " ", 1);
        }
        buf_append_str(text, "\n");
    }
}

/* LATENCY GRAPH event */
void
cmd_latency_graph(struct request *rq)
{
    struct latency_series s = { .len = 0 };
    enum latency_event event = event_arg(rq, 2);
    if (event < LATENCY_EVENTS)
        series_of(rq, event, &s);
    if (s.len == 0) {
        resp_errorf(rq->out, "ERR No samples available for event '%.*s'",
                    (int)(rq->argv[2].len < 64 ? rq->argv[2].len : 64),
                    rq->argv[2].len ? (const char *)rq->argv[2].data : "");
        return;
    }
    struct buf text;
    buf_init(&text, GRAPH_TEXT_MAX);
    buf_printf(&text, "%s - ", latency_event_name(event));
    draw(&text, &s, request_now_ms(rq) / 1000);
    if (text.failed)
        resp_error(rq->out, "OOM out of memory");
    else
        resp_verbatim(rq->out, rq->s->proto, "txt", buf_slice(&text));
    buf_fini(&text);
}
