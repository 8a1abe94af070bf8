/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands of our own. ATTL.STATS is attl_stats as a map, every member of it. ATTL.ACCOUNTING says
 * what the used memory consists of and what is left unexplained: the counters behind it are kept
 * exactly, so a remainder that does not vanish when the cache is quiet is a bug worth reporting.
 */
#include "command/commands.h"
#include "command/reply.h"
#include "command/stats_fields.h"

static attl_stats
read_stats(struct request *rq)
{
    attl_stats stats = { .struct_size = sizeof stats };
    attl_stats_get(rq->env->cache, &stats);
    return stats;
}

/* ATTL.STATS */
void
cmd_attl_stats(struct request *rq)
{
    attl_stats stats = read_stats(rq);
    resp_map(rq->out, rq->s->proto, stats_fields_len);
    for (size_t i = 0; i < stats_fields_len; i++)
        reply_field_int(rq, stats_fields[i].name,
                        (int64_t)stats_field_value(&stats_fields[i], &stats));
}

/* ATTL.ACCOUNTING */
void
cmd_attl_accounting(struct request *rq)
{
    attl_stats stats = read_stats(rq);
    size_t parts = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < stats_fields_len; i++) {
        if (stats_fields[i].role == STATS_USED_PART) {
            parts++;
            sum += stats_field_value(&stats_fields[i], &stats);
        }
    }
    resp_map(rq->out, rq->s->proto, parts + 5);
    for (size_t i = 0; i < stats_fields_len; i++)
        if (stats_fields[i].role == STATS_USED_PART)
            reply_field_int(rq, stats_fields[i].name,
                            (int64_t)stats_field_value(&stats_fields[i], &stats));
    reply_field_int(rq, "sum_of_parts", (int64_t)sum);
    reply_field_int(rq, "mem_used", (int64_t)stats.mem_used);
    reply_field_int(rq, "unexplained", (int64_t)(stats.mem_used - sum));
    reply_field_int(rq, "items", (int64_t)stats.items);
    reply_field_int(rq, "bytes_per_item",
                    stats.items ? (int64_t)(stats.mem_used / stats.items) : 0);
}
