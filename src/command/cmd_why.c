/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.WHY: what became of a key. The cache's ledger knows cause, time and the number of the
 * client; name and address are asked of the connections that are still there, once for the whole
 * reply. An empty reply means that nothing is known, which is not the same as that nothing
 * happened: the ledger remembers a bounded number of deaths.
 */
#include "command/commands.h"
#include "command/reply.h"

enum { WHY_DEFAULT = 10, WHY_MAX = 64, WHY_FIELDS = 8 };

struct why_line {
    attl_death death;
    char trace[SESSION_TRACE_MAX + 1];
    char addr[sizeof(((struct session *)0)->addr)];
    char name[SESSION_NAME_MAX + 1];
};

struct why {
    size_t n;
    struct why_line lines[WHY_MAX];
};

static void
add_death(void *ud, const attl_death *death)
{
    struct why *why = ud;
    if (why->n == WHY_MAX)
        return;
    struct why_line *line = &why->lines[why->n++];
    line->death = *death;
    memcpy(line->trace, death->trace, strnlen(death->trace, SESSION_TRACE_MAX) + 1); /* as long */
    line->addr[0] = line->name[0] = '\0';
}

static void
fill_in_client(void *ud, const struct session *s)
{
    struct why *why = ud;
    for (size_t i = 0; i < why->n; i++) {
        struct why_line *line = &why->lines[i];
        if (line->death.actor != s->id)
            continue;
        memcpy(line->addr, s->addr, sizeof line->addr);
        memcpy(line->name, s->name, sizeof line->name);
    }
}

static bool
has_clients(const struct why *why)
{
    for (size_t i = 0; i < why->n; i++)
        if (why->lines[i].death.actor)
            return true;
    return false;
}

static void
reply_line(struct request *rq, const struct why_line *line, int64_t now_ms)
{
    const attl_death *d = &line->death;
    resp_map(rq->out, rq->s->proto, WHY_FIELDS);
    reply_field_str(rq, "cause", attl_cause_name(d->cause));
    reply_field_int(rq, "at_ms", d->at_ms);
    reply_field_int(rq, "ago_ms", now_ms > d->at_ms ? now_ms - d->at_ms : 0);
    reply_field_int(rq, "ttl_left_ms", d->ttl_left_ms);
    reply_field_int(rq, "client_id", (int64_t)d->actor);
    reply_field_str(rq, "client_addr", line->addr);
    reply_field_str(rq, "client_name", line->name);
    reply_field_str(rq, "trace", line->trace);
}

static bool
read_count(struct request *rq, int64_t *ret_count)
{
    *ret_count = WHY_DEFAULT;
    if (rq->argc == 2)
        return true;
    if (rq->argc != 4 || !arg_is(rq->argv[2], "count")) {
        reply_syntax_error(rq);
        return false;
    }
    if (!arg_i64(rq, 3, NULL, ret_count))
        return false;
    if (*ret_count > 0)
        return true;
    resp_error(rq->out, "ERR COUNT must be positive");
    return false;
}

/* ATTL.WHY key [COUNT count] */
void
cmd_attl_why(struct request *rq)
{
    int64_t count;
    if (!read_count(rq, &count))
        return;
    struct why why;
    why.n = 0;
    int status = attl_why(rq->env->cache, rq->argv[1], count < WHY_MAX ? (size_t)count : WHY_MAX,
                          add_death, &why);
    if (status == ATTL_E_UNSUPPORTED) {
        resp_error(rq->out, "ERR the death ledger is off: set ledger.entries");
        return;
    }
    if (reply_if_failed(rq, status))
        return;
    if (has_clients(&why))
        rq->env->host->each_client(rq->env->host->ud, fill_in_client, &why);
    int64_t now_ms = request_now_ms(rq);
    resp_array(rq->out, why.n);
    for (size_t i = 0; i < why.n; i++)
        reply_line(rq, &why.lines[i], now_ms);
}
