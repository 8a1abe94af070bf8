/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SLOWLOG, COMMANDLOG and ATTL.SLOWLOG: the lists of the slow log as replies. The first two have
 * the shape of Redis and Valkey to the element, because some clients count the elements; what is
 * more, the client's number and the trace id, is in the third. All three say nothing where there
 * is no slow log.
 */
#include "command/commands.h"
#include "command/info_lines.h"
#include "command/reply.h"
#include "command/slowlog.h"

#include "base/num.h"

#include <inttypes.h>

enum { COUNT_DEFAULT = 10, ENTRY_ITEMS = 6, ENTRY_FIELDS = 8 };

/* What -1 stands for. */
#define COUNT_ALL INT64_MAX

/* A count in argument `i`, COUNT_ALL for -1; false after answering that it is none. */
static bool
count_arg(struct request *rq, size_t i, int64_t *ret_count)
{
    int64_t count;
    if (!num_parse_i64(rq->argv[i], &count) || count < -1) {
        resp_error(rq->out, "ERR count should be greater than or equal to -1");
        return false;
    }
    *ret_count = count == -1 ? COUNT_ALL : count;
    return true;
}

/* A kind in argument `i`; false after answering that it is none. */
static bool
kind_arg(struct request *rq, size_t i, enum slowlog_kind *ret_kind)
{
    for (unsigned kind = 0; kind < SLOWLOG_KINDS; kind++) {
        if (arg_is(rq->argv[i], slowlog_kind_name((enum slowlog_kind)kind))) {
            *ret_kind = (enum slowlog_kind)kind;
            return true;
        }
    }
    resp_error(rq->out,
               "ERR type should be one of the following: slow, large-request, large-reply");
    return false;
}

static void
reply_words(struct request *rq, const struct slow_entry *e)
{
    attl_slice word;
    size_t at = 0;
    resp_array(rq->out, e->words);
    while (slowlog_word(e, &at, &word))
        resp_bulk(rq->out, word);
}

static void
reply_entry(void *ud, const struct slow_entry *e)
{
    struct request *rq = ud;
    resp_array(rq->out, ENTRY_ITEMS);
    resp_int(rq->out, (int64_t)e->id);
    resp_int(rq->out, e->time_s);
    resp_int(rq->out, e->value);
    reply_words(rq, e);
    resp_bulk_str(rq->out, e->addr);
    resp_bulk_str(rq->out, e->name);
}

struct map_reply {
    struct request *rq;
    enum slowlog_kind kind;
};

static void
reply_map(void *ud, const struct slow_entry *e)
{
    struct map_reply *m = ud;
    struct request *rq = m->rq;
    resp_map(rq->out, rq->s->proto, ENTRY_FIELDS);
    reply_field_int(rq, "id", (int64_t)e->id);
    reply_field_int(rq, "time_s", e->time_s);
    reply_field_int(rq, m->kind == SLOWLOG_SLOW ? "duration_us" : "bytes", e->value);
    resp_bulk_str(rq->out, "command");
    reply_words(rq, e);
    reply_field_int(rq, "client_id", (int64_t)e->client);
    reply_field_str(rq, "addr", e->addr);
    reply_field_str(rq, "name", e->name);
    reply_field_str(rq, "trace", e->trace);
}

static void
reply_list(struct request *rq, enum slowlog_kind kind, int64_t count,
           void (*fn)(void *ud, const struct slow_entry *entry), void *ud)
{
    size_t mark = rq->out->len, n = 0;
    if (rq->env->slow)
        n = slowlog_each(rq->env->slow, kind, (uint64_t)count, fn, ud);
    reply_insert_array(rq->out, mark, n);
}

static void
reply_len(struct request *rq, enum slowlog_kind kind)
{
    resp_int(rq->out, rq->env->slow ? (int64_t)slowlog_summary(rq->env->slow, kind).len : 0);
}

static void
reset(struct request *rq, enum slowlog_kind kind)
{
    if (rq->env->slow)
        slowlog_reset(rq->env->slow, kind);
    reply_ok(rq);
}

/* SLOWLOG GET [count] */
void
cmd_slowlog_get(struct request *rq)
{
    int64_t count = COUNT_DEFAULT;
    if (rq->argc > 3)
        reply_arity_error(rq);
    else if (rq->argc == 2 || count_arg(rq, 2, &count))
        reply_list(rq, SLOWLOG_SLOW, count, reply_entry, rq);
}

/* SLOWLOG LEN */
void
cmd_slowlog_len(struct request *rq)
{
    reply_len(rq, SLOWLOG_SLOW);
}

/* SLOWLOG RESET */
void
cmd_slowlog_reset(struct request *rq)
{
    reset(rq, SLOWLOG_SLOW);
}

/* COMMANDLOG GET count kind */
void
cmd_commandlog_get(struct request *rq)
{
    enum slowlog_kind kind;
    int64_t count;
    if (kind_arg(rq, 3, &kind) && count_arg(rq, 2, &count))
        reply_list(rq, kind, count, reply_entry, rq);
}

/* COMMANDLOG LEN kind */
void
cmd_commandlog_len(struct request *rq)
{
    enum slowlog_kind kind;
    if (kind_arg(rq, 2, &kind))
        reply_len(rq, kind);
}

/* COMMANDLOG RESET kind */
void
cmd_commandlog_reset(struct request *rq)
{
    enum slowlog_kind kind;
    if (kind_arg(rq, 2, &kind))
        reset(rq, kind);
}

/* ATTL.SLOWLOG [count [kind]] */
void
cmd_attl_slowlog(struct request *rq)
{
    struct map_reply m = { rq, SLOWLOG_SLOW };
    int64_t count = COUNT_DEFAULT;
    if (rq->argc > 3)
        reply_syntax_error(rq);
    else if ((rq->argc < 2 || count_arg(rq, 1, &count)) &&
             (rq->argc < 3 || kind_arg(rq, 2, &m.kind)))
        reply_list(rq, m.kind, count, reply_map, &m);
}

void
info_slowlog(struct info *info)
{
    struct slowlog *log = info->env->slow;
    if (!log)
        return;
    struct slow_list slow = slowlog_summary(log, SLOWLOG_SLOW);
    info_line(info, "slowlog_len", "%" PRIu64, slow.len);
    info_line(info, "slowlog_commands_count", "%" PRIu64, slow.seen);
    info_line(info, "slowlog_commands_time_ms_sum", "%" PRIu64, slow.sum / 1000);
    info_line(info, "slowlog_commands_time_ms_max", "%" PRId64, slow.worst / 1000);
    info_line(info, "commandlog_large_requests_count", "%" PRIu64,
              slowlog_summary(log, SLOWLOG_LARGE_REQUEST).seen);
    info_line(info, "commandlog_large_replies_count", "%" PRIu64,
              slowlog_summary(log, SLOWLOG_LARGE_REPLY).seen);
}
