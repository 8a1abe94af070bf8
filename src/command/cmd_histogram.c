/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long commands take: LATENCY HISTOGRAM and the section Latencystats of INFO, both from the
 * classes that workers count timed calls in. Buckets are those of Redis' reply, whose ends are what
 * its histogram takes 1024 ns, 2048 ns and so on for, with two significant digits. One call in
 * COMMAND_TIMED_EVERY is timed: counts are multiplied, and cut at the number of calls, so that they
 * never fall and the last of them is all calls.
 */
#include "command/commands.h"
#include "command/info_lines.h"
#include "command/reply.h"
#include "command/stats.h"

enum { FIRST_LOG2 = 10, LAST_LOG2 = 40, DIGITS_LOG2 = 7, NS_PER_US = 1000 };

/* The end of the bucket of 2^log2 ns as Redis prints it, us. */
static int64_t
bucket_us(unsigned log2)
{
    int64_t end_ns = (INT64_C(1) << log2) + (INT64_C(1) << (log2 - DIGITS_LOG2)) - 1;
    return end_ns / NS_PER_US;
}

/* Appends "command", calls and buckets; false without calls that were timed. */
static bool
reply_histogram(struct request *rq, const struct command *cmd)
{
    uint64_t counts[HISTOGRAM_CLASSES] = { 0 };
    struct command_total total = stats_total(rq->env, command_index(cmd));
    if (total.timed == 0)
        return false;
    stats_latency(rq->env, command_index(cmd), counts);
    resp_bulk_str(rq->out, cmd->name);
    resp_map(rq->out, rq->s->proto, 2);
    reply_field_int(rq, "calls", (int64_t)total.calls);
    resp_bulk_str(rq->out, "histogram_usec");
    size_t mark = rq->out->len, buckets = 0;
    uint64_t seen = 0, shown = 0;
    unsigned class = 0;
    for (unsigned log2 = FIRST_LOG2; log2 <= LAST_LOG2; log2++) {
        for (; class < HISTOGRAM_CLASSES && histogram_class_end(class) < UINT64_C(1) << log2;
             class ++)
            seen += counts[class];
        uint64_t scaled = seen * COMMAND_TIMED_EVERY;
        scaled = scaled < total.calls ? scaled : total.calls;
        if (scaled == shown)
            continue;
        resp_int(rq->out, bucket_us(log2));
        resp_int(rq->out, (int64_t)scaled);
        shown = scaled;
        buckets++;
    }
    reply_insert_map(rq, mark, buckets);
    return true;
}

/* Whether argument `word` names the command, or the container it belongs to. */
static bool
is_named(attl_slice word, const struct command *cmd)
{
    size_t len = strcspn(cmd->name, "|");
    return arg_is(word, cmd->name) ||
           (word.len == len && cmd->name[len] && strncasecmp(word.data, cmd->name, len) == 0);
}

static bool
is_wanted(const struct request *rq, const struct command *cmd)
{
    bool wanted = rq->argc == 2;
    for (size_t i = 2; i < rq->argc && !wanted; i++)
        wanted = is_named(rq->argv[i], cmd);
    return wanted;
}

/* LATENCY HISTOGRAM [command ...] */
void
cmd_latency_histogram(struct request *rq)
{
    size_t mark = rq->out->len, n = 0;
    for (size_t row = 0; row < command_table_len; row++)
        if (is_wanted(rq, &command_table[row]))
            n += reply_histogram(rq, &command_table[row]);
    reply_insert_map(rq, mark, n);
}

/* The end of the class of the permille-th call, us. */
static double
percentile_us(const uint64_t counts[HISTOGRAM_CLASSES], unsigned permille)
{
    return (double)histogram_percentile(counts, permille) / NS_PER_US;
}

void
info_latencystats(struct info *info)
{
    for (size_t row = 0; row < command_table_len; row++) {
        uint64_t counts[HISTOGRAM_CLASSES] = { 0 };
        if (stats_total(info->env, row).timed == 0)
            continue;
        stats_latency(info->env, row, counts);
        buf_printf(info->text, "latency_percentiles_usec_%s:p50=%.3f,p99=%.3f,p99.9=%.3f\r\n",
                   command_table[row].name, percentile_us(counts, 500), percentile_us(counts, 990),
                   percentile_us(counts, 999));
    }
}
