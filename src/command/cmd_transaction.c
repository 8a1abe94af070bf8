/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MULTI, EXEC, DISCARD, WATCH, UNWATCH with Redis' words. EXEC opens a scope over the keys of all
 * queued commands (attl_txn_scope_begin), which also asks the watches, and runs the commands in it
 * one after the other; nobody sees or does anything in between. Commands that do not concern the
 * contents - CONFIG, CLIENT, INFO - run after the scope, because they may wait for other workers,
 * who may be waiting for the scope; their replies stand where they belong all the same.
 */
#include "command/commands.h"
#include "command/execute.h"
#include "command/keys.h"
#include "command/permit.h"
#include "command/reply.h"
#include "command/transaction.h"

#include <stdlib.h>

enum { OPTION_TEXT_MAX = 32, REASON_MAX = 256, TRANSACTION_OPS_DEFAULT = 10000 };

/* ---- what a session has ---------------------------------------------------------------------- */

static void
queue_free(struct transaction *t)
{
    while (t->first) {
        struct queued *q = t->first;
        t->first = q->next;
        free(q);
    }
    t->last = &t->first;
    t->len = t->bytes = 0;
}

void
transaction_drop(struct session *s)
{
    struct transaction *t = s->transaction;
    if (!t)
        return;
    s->transaction = NULL;
    attl_txn_rollback(&t->txn);
    queue_free(t);
    free(t);
}

void
session_end(struct session *s)
{
    transaction_drop(s);
    permit_set_user(s, NULL, 0);
}

size_t
session_bytes(const struct session *s)
{
    return s->transaction ? sizeof *s->transaction + s->transaction->bytes : 0;
}

/* NULL after answering that there is no memory. */
static struct transaction *
transaction_of(struct request *rq)
{
    struct transaction *t = rq->s->transaction;
    if (t)
        return t;
    t = calloc(1, sizeof *t);
    if (!t) {
        reply_failure(rq, ATTL_E_NOMEM);
        return NULL;
    }
    t->last = &t->first;
    rq->s->transaction = t;
    return t;
}

/* "-ERR wrong number ..." becomes "-EXECABORT Transaction discarded because of: wrong number ...".
 */
static void
refuse_exec(struct request *rq, size_t mark)
{
    char text[REASON_MAX];
    const char *reason = rq->out->data + mark + 1;
    size_t len = rq->out->failed ? 0 : rq->out->len - mark - 1;
    if (len > 4 && memcmp(reason, "ERR ", 4) == 0) {
        reason += 4;
        len -= 4;
    }
    while (len > 0 && (reason[len - 1] == '\n' || reason[len - 1] == '\r'))
        len--;
    len = len < sizeof text ? len : sizeof text - 1;
    memcpy(text, reason, len);
    text[len] = '\0';
    rq->out->len = mark;
    resp_errorf(rq->out, "EXECABORT Transaction discarded because of: %s", text);
    transaction_drop(rq->s);
}

void
transaction_refused(struct request *rq, size_t mark)
{
    struct transaction *t = rq->s->transaction;
    if (rq->cmd && rq->cmd->run == cmd_exec && rq->out->len > mark)
        refuse_exec(rq, mark);
    else if (t && t->queueing)
        t->aborted = true;
}

/* ---- queueing -------------------------------------------------------------------------------- */

static struct queued *
queued_new(const struct request *rq, size_t *ret_bytes)
{
    size_t bytes = sizeof(struct queued) + rq->argc * sizeof(attl_slice);
    size_t at = bytes;
    for (size_t i = 0; i < rq->argc; i++)
        bytes += rq->argv[i].len;
    *ret_bytes = bytes;
    struct queued *q = malloc(bytes);
    if (!q)
        return NULL;
    q->next = NULL;
    q->cmd = rq->cmd;
    q->argc = rq->argc;
    for (size_t i = 0; i < rq->argc; i++) {
        char *word = (char *)q + at;
        if (rq->argv[i].len)
            memcpy(word, rq->argv[i].data, rq->argv[i].len);
        q->argv[i] = attl_b(word, rq->argv[i].len);
        at += rq->argv[i].len;
    }
    return q;
}

/* Answers and returns false if the queue may not grow by the request. */
static bool
queue_admits(struct request *rq, const struct transaction *t)
{
    const struct command_host *host = rq->env->host;
    size_t max_bytes = host->queue_bytes ? host->queue_bytes(host->ud) : 0;
    size_t bytes = rq->argc * sizeof(attl_slice);
    for (size_t i = 0; i < rq->argc; i++)
        bytes += rq->argv[i].len;
    if (rq->cmd->flags & CMD_NO_MULTI)
        resp_error(rq->out, "ERR Command not allowed inside a transaction");
    else if (t->len >= t->max_len)
        resp_errorf(rq->out,
                    "ERR too many commands in one transaction, the limit is %zu "
                    "(limits.transaction_ops)",
                    t->max_len);
    else if (max_bytes && t->bytes + bytes > max_bytes)
        resp_error(rq->out, "ERR the transaction is too long (server.query_buffer_limit)");
    else
        return true;
    return false;
}

bool
transaction_takes(struct request *rq)
{
    struct transaction *t = rq->s->transaction;
    if (!t->queueing || (rq->cmd->flags & CMD_AT_ONCE))
        return false;
    size_t bytes = 0;
    if (!queue_admits(rq, t)) {
        t->aborted = true;
        return true;
    }
    struct queued *q = queued_new(rq, &bytes);
    if (!q) {
        t->aborted = true;
        reply_failure(rq, ATTL_E_NOMEM);
        return true;
    }
    *t->last = q;
    t->last = &q->next;
    t->len++;
    t->bytes += bytes;
    resp_simple(rq->out, "QUEUED");
    return true;
}

/* ---- running --------------------------------------------------------------------------------- */

/* Whether a command looks at the contents, and so belongs into the scope. */
static bool
is_inside(const struct command *cmd)
{
    return command_has_keys(cmd) || (cmd->flags & (CMD_READONLY | CMD_WRITE | CMD_WHOLE));
}

struct execution {
    struct request *rq;
    struct transaction *t;
    attl_slice *keys;
    size_t keys_len;
    uint32_t flags;
    size_t outside; /* commands that run after the scope */
};

/* The keys of all queued commands; false on lack of memory. */
static bool
gather_keys(struct execution *x)
{
    size_t n = 0;
    for (const struct queued *q = x->t->first; q; q = q->next) {
        n += command_key_range(q->cmd, q->argv, q->argc).n;
        x->outside += !is_inside(q->cmd);
        if (q->cmd->flags & CMD_WHOLE)
            x->flags |= ATTL_SCOPE_WHOLE;
    }
    x->keys = malloc((n + 1) * sizeof *x->keys);
    if (!x->keys)
        return false;
    for (const struct queued *q = x->t->first; q; q = q->next) {
        struct key_range range = command_key_range(q->cmd, q->argv, q->argc);
        for (size_t i = 0; i < range.n; i++)
            x->keys[x->keys_len++] = q->argv[range.first + i * range.step];
    }
    return true;
}

static void
run_one(struct execution *x, const struct queued *q, struct buf *out)
{
    struct request rq = { x->rq->env, x->rq->s, q->argv, q->argc, out, q->cmd };
    size_t mark = out->len;
    bool runs = permit_admits_queued(&rq);
    if (runs)
        request_run_inside(&rq);
    request_count_error(&rq, mark, runs);
}

/* Runs the commands of the scope and ends it; *ret_status is that of the end. */
static void
run_inside(struct execution *x, struct buf *out, size_t *ends, int *ret_status)
{
    size_t i = 0;
    for (const struct queued *q = x->t->first; q; q = q->next, i++) {
        if (is_inside(q->cmd))
            run_one(x, q, out);
        if (ends)
            ends[i] = out->len;
    }
    *ret_status = attl_txn_scope_end(x->t->txn);
}

/* With commands that run outside: the replies of the others are kept apart until then. */
static bool
run_mixed(struct execution *x, int *ret_status)
{
    struct buf inside;
    size_t *ends = malloc(x->t->len * sizeof *ends);
    if (!ends)
        return false;
    buf_init(&inside, x->rq->out->max_bytes);
    run_inside(x, &inside, ends, ret_status);
    size_t i = 0, start = 0;
    for (const struct queued *q = x->t->first; q; start = ends[i++], q = q->next) {
        if (!is_inside(q->cmd))
            run_one(x, q, x->rq->out);
        else if (!inside.failed)
            buf_append(x->rq->out, inside.data + start, ends[i] - start);
    }
    if (inside.failed && !x->rq->out->failed)
        x->rq->out->failed = inside.failed;
    buf_fini(&inside);
    free(ends);
    return true;
}

/* In the scope, which it ends. */
static void
run_all(struct execution *x)
{
    struct buf *out = x->rq->out;
    size_t mark = out->len;
    int status = ATTL_OK;
    resp_array(out, x->t->len);
    if (x->outside == 0) {
        run_inside(x, out, NULL, &status);
    } else if (!run_mixed(x, &status)) {
        status = ATTL_E_NOMEM;
    }
    if (status != ATTL_OK) {
        out->len = mark;
        reply_failure(x->rq, status);
    }
}

static void
execute(struct request *rq, struct transaction *t)
{
    struct execution x = { .rq = rq, .t = t };
    int status = t->txn ? ATTL_OK : attl_txn_begin(rq->env->cache, &t->txn);
    if (status == ATTL_OK && !gather_keys(&x))
        status = ATTL_E_NOMEM;
    if (status == ATTL_OK)
        status = attl_txn_scope_begin(t->txn, x.keys, x.keys_len, t->bytes, x.flags);
    if (status == ATTL_OK)
        run_all(&x);
    else if (status == ATTL_E_CONFLICT)
        resp_null_array(rq->out, rq->s->proto);
    else
        reply_failure(rq, status);
    free(x.keys);
}

/* EXEC */
void
cmd_exec(struct request *rq)
{
    struct transaction *t = rq->s->transaction;
    if (!t || !t->queueing) {
        resp_error(rq->out, "ERR EXEC without MULTI");
        return;
    }
    rq->env->inner_ticks = 0;
    /* Taken out first: the commands are no longer to be queued. */
    rq->s->transaction = NULL;
    if (t->aborted)
        resp_error(rq->out, "EXECABORT Transaction discarded because of previous errors.");
    else
        execute(rq, t);
    struct session holder = { .transaction = t };
    transaction_drop(&holder);
}

/* MULTI */
void
cmd_multi(struct request *rq)
{
    struct transaction *t = transaction_of(rq);
    char text[OPTION_TEXT_MAX];
    if (!t)
        return;
    if (t->queueing) {
        resp_error(rq->out, "ERR MULTI calls can not be nested");
        return;
    }
    t->queueing = true;
    int st = attl_option_get(rq->env->cache, "limits.transaction_ops", text, sizeof text);
    t->max_len = st == ATTL_OK ? (size_t)strtoull(text, NULL, 10) : TRANSACTION_OPS_DEFAULT;
    reply_ok(rq);
}

/* DISCARD */
void
cmd_discard(struct request *rq)
{
    struct transaction *t = rq->s->transaction;
    if (!t || !t->queueing) {
        resp_error(rq->out, "ERR DISCARD without MULTI");
        return;
    }
    transaction_drop(rq->s);
    reply_ok(rq);
}

/* WATCH key [key ...] */
void
cmd_watch(struct request *rq)
{
    if (rq->s->transaction && rq->s->transaction->queueing) {
        resp_error(rq->out, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    struct transaction *t = transaction_of(rq);
    if (!t)
        return;
    int status = t->txn ? ATTL_OK : attl_txn_begin(rq->env->cache, &t->txn);
    for (size_t i = 1; status == ATTL_OK && i < rq->argc; i++)
        status = attl_txn_watch(t->txn, rq->argv[i]);
    if (status == ATTL_E_BUSY)
        resp_error(rq->out, "ERR too many watched keys (limits.transaction_ops)");
    else if (!reply_if_failed(rq, status))
        reply_ok(rq);
}

/* UNWATCH; in a transaction too late to change anything, as in Redis */
void
cmd_unwatch(struct request *rq)
{
    struct transaction *t = rq->s->transaction;
    if (t && !t->queueing)
        transaction_drop(rq->s);
    reply_ok(rq);
}
