/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.DUE: how much expires when, as bins between five horizons. The cache answers how much there
 * is up to a horizon; a bin is the difference of two answers, which are not of one moment, so one
 * that would be negative is 0. Bytes, because the wheel knows them without looking at entries.
 */
#include "command/commands.h"
#include "command/reply.h"

enum { BIN_FIELDS = 2 };

/* Ends of the bins, in milliseconds from now; the first is what has expired, -1 all the rest. */
static const int64_t bin_ends_ms[] = { 0, 60000, 300000, 3600000, 86400000, -1 };
enum { BINS = sizeof bin_ends_ms / sizeof bin_ends_ms[0] };

/* ATTL.DUE */
void
cmd_attl_due(struct request *rq)
{
    uint64_t before = 0;
    resp_array(rq->out, BINS);
    for (size_t i = 0; i < BINS; i++) {
        int64_t end_ms = bin_ends_ms[i];
        uint64_t sum = attl_due_bytes(rq->env->cache, end_ms < 0 ? INT64_MAX : end_ms);
        resp_map(rq->out, rq->s->proto, BIN_FIELDS);
        reply_field_int(rq, "up_to_ms", end_ms);
        reply_field_int(rq, "bytes", sum > before ? (int64_t)(sum - before) : 0);
        before = sum > before ? sum : before;
    }
}
