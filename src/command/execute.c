/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request from words to reply. The checks come in Redis' order - does the command exist, does
 * the number of words fit, is the connection authenticated, is the server ready - because clients
 * see which error wins. Whether a reply is an error is read from its first byte afterwards, so that
 * commands need not report it; then the session's reply mode decides whether the reply stays. The
 * path of a command that runs allocates nothing and takes no lock.
 */
#include "command/execute.h"

#include "base/assert.h"
#include "command/audited.h"
#include "command/commands.h"
#include "command/job.h"
#include "command/permit.h"
#include "command/reply.h"
#include "command/session.h"
#include "command/shed.h"
#include "command/slowlog.h"
#include "command/stats.h"
#include "command/table.h"
#include "command/tracking.h"
#include "command/transaction.h"
#include "os/clock.h"
#include "os/trace.h"

#include <stdio.h>

/* Redis echoes at most this much of an unknown command and, again, of its arguments. */
enum { ECHO_MAX_BYTES = 128, ECHO_QUOTES_BYTES = 4, NS_PER_US = 1000 };

/* Bytes of `arg` that Redis' "%.128s" would print: it stops at a NUL. */
static int
echo_len(attl_slice arg, size_t max)
{
    size_t len = arg.len < max ? arg.len : max;
    const char *nul = len ? memchr(arg.data, '\0', len) : NULL;
    return (int)(nul ? (size_t)(nul - (const char *)arg.data) : len);
}

static void
reply_unknown(struct request *rq)
{
    char args[ECHO_MAX_BYTES + ECHO_QUOTES_BYTES];
    size_t len = 0;
    args[0] = '\0';
    for (size_t i = 1; i < rq->argc && len < ECHO_MAX_BYTES; i++) {
        int room = echo_len(rq->argv[i], ECHO_MAX_BYTES - len);
        int n = snprintf(args + len, sizeof args - len, "'%.*s' ", room,
                         room ? (const char *)rq->argv[i].data : "");
        ASSERT(n >= 0 && (size_t)n < sizeof args - len);
        len += (size_t)n;
    }
    attl_slice name = rq->argv[0];
    resp_errorf(rq->out, "ERR unknown command '%.*s', with args beginning with: %s",
                echo_len(name, ECHO_MAX_BYTES), name.len ? (const char *)name.data : "", args);
}

static void
reply_unknown_sub(struct request *rq, const struct command *container)
{
    char upper[COMMAND_NAME_MAX];
    size_t len = strlen(container->name);
    for (size_t i = 0; i <= len; i++) {
        char c = container->name[i];
        upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    attl_slice word = rq->argv[1];
    resp_errorf(rq->out, "ERR unknown subcommand '%.*s'. Try %s HELP.",
                echo_len(word, ECHO_MAX_BYTES), word.len ? (const char *)word.data : "", upper);
}

/* The row that serves the request, in rq->cmd; false after answering that there is none. */
static bool
request_resolve(struct request *rq)
{
    const struct command *cmd = command_find(rq->argv[0]);
    if (!cmd) {
        reply_unknown(rq);
        return false;
    }
    rq->cmd = cmd;
    if (cmd->subs_len == 0 || rq->argc == 1)
        return true;
    const struct command *sub = command_find_sub(cmd, rq->argv[1]);
    if (!sub) {
        rq->cmd = NULL;
        reply_unknown_sub(rq, cmd);
        return false;
    }
    rq->cmd = sub;
    return true;
}

/*
 * What only some sessions are asked: may their user do this, is it still in time. A subscriber
 * under protocol 2 cannot tell replies from messages, so it gets few of the former.
 */
static bool
request_admit_special(struct request *rq)
{
    const struct session *s = rq->s;
    if (permit_is_stale(rq) && !permit_renew(rq))
        return false;
    if ((s->special & SESSION_RESTRICTED) && !permit_admits(rq))
        return false;
    if ((s->special & SESSION_DEADLINE) && !shed_is_in_time(rq))
        return false;
    if (s->special & SESSION_TRACED)
        trace_set(session_trace(s));
    if (!(s->special & SESSION_SUBSCRIBED) || s->proto > 2 || (rq->cmd->flags & CMD_SUBSCRIBED))
        return true;
    resp_errorf(rq->out,
                "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
                "RESET are allowed in this context",
                rq->cmd->name);
    return false;
}

/* Whether the request may run; answers if not. */
static bool
request_admit(struct request *rq)
{
    const struct command *cmd = rq->cmd;
    const struct command_host *host = rq->env->host;
    if (!command_arity_fits(cmd, rq->argc) || !cmd->run) {
        reply_arity_error(rq);
        return false;
    }
    if (!rq->s->authenticated && !(cmd->flags & CMD_NO_AUTH) && host->auth_required(host->ud)) {
        resp_error(rq->out, "NOAUTH Authentication required.");
        return false;
    }
    if (__builtin_expect(rq->s->special | permit_is_stale(rq), 0) && !request_admit_special(rq))
        return false;
    if (rq->env->loading && !(cmd->flags & CMD_LOADING)) {
        resp_error(rq->out, "LOADING Redis is loading the dataset in memory");
        return false;
    }
    return __builtin_expect(rq->env->shed_level == 0, 1) || shed_admits(rq);
}

void
command_turn_begin(struct command_env *env, size_t bytes)
{
    env->turn_bytes = bytes;
    env->turn = env->slow && slowlog_is_timing(env->slow);
    if (env->turn)
        env->turn_ticks = clock_ticks(env->slow->clock);
}

void
command_turn_end(struct command_env *env)
{
    env->turn = false;
}

/* Runs the command; the ticks it took. */
static uint64_t
run_measured(struct request *rq)
{
    struct command_env *env = rq->env;
    uint64_t start = env->turn ? env->turn_ticks : clock_ticks(env->slow->clock);
    rq->cmd->run(rq);
    env->turn_ticks = clock_ticks(env->slow->clock);
    return env->turn_ticks - start;
}

static size_t
words_bytes(const struct request *rq)
{
    size_t bytes = 0;
    for (size_t i = 0; i < rq->argc; i++)
        bytes += rq->argv[i].len;
    return bytes;
}

/* Whether the request, or its reply that starts at `mark`, is large enough for the slow log. */
static bool
is_large(const struct request *rq, size_t mark)
{
    const struct command_env *env = rq->env;
    if (slowlog_is_large(env->slow, SLOWLOG_LARGE_REPLY, rq->out->len - mark))
        return true;
    if (env->turn && !slowlog_is_large(env->slow, SLOWLOG_LARGE_REQUEST, env->turn_bytes))
        return false; /* as a rule: no need to add up */
    return slowlog_is_large(env->slow, SLOWLOG_LARGE_REQUEST, words_bytes(rq));
}

/* The commands that EXEC runs speak for themselves; its own is what it took besides. */
static void
note_remarkable(struct request *rq, size_t mark, int64_t took_us)
{
    size_t reply_bytes = rq->out->len > mark ? rq->out->len - mark : 0;
    if (rq->cmd->run == cmd_exec) {
        if (took_us > 0 && atomic_load(&rq->env->slow->slow_us) == 0)
            return; /* everything is asked for, and its commands are there */
        took_us -= clock_ticks_ns(rq->env->slow->clock, rq->env->inner_ticks) / NS_PER_US;
        reply_bytes = 0;
    }
    if (!rq->s->waiting)
        slowlog_note(rq, took_us, reply_bytes);
}

static void
run_plainly(struct request *rq)
{
    if (__builtin_expect(rq->s->special & SESSION_TRACKING, 0))
        tracking_before(rq);
    struct command_stats *stats = rq->env->stats;
    size_t row = command_index(rq->cmd);
    size_t mark = rq->out->len;
    rq->s->last_command = rq->cmd->name;
    bool timed = stats_call(stats, row) && !rq->env->untimed;
    const struct slowlog *slow = rq->env->slow;
    if (__builtin_expect(slow && slowlog_is_timing(slow), 1)) {
        uint64_t ticks = run_measured(rq);
        if (timed)
            stats_timed(stats, row, clock_ticks_ns(slow->clock, ticks));
        if (__builtin_expect(slowlog_is_long(slow, ticks) || is_large(rq, mark), 0))
            note_remarkable(rq, mark, clock_ticks_ns(slow->clock, ticks) / NS_PER_US);
    } else if (!timed) {
        rq->cmd->run(rq);
        if (__builtin_expect(slow && is_large(rq, mark), 0))
            note_remarkable(rq, mark, 0);
    } else {
        int64_t start_ns = clock_mono_ns();
        rq->cmd->run(rq);
        stats_timed(stats, row, clock_mono_ns() - start_ns);
        if (__builtin_expect(slow && is_large(rq, mark), 0))
            note_remarkable(rq, mark, 0);
    }
}

void
request_run_inside(struct request *rq)
{
    struct command_env *env = rq->env;
    bool turn = env->turn;
    size_t turn_bytes = env->turn_bytes;
    command_turn_begin(env, SIZE_MAX);
    if (!env->turn) {
        request_run(rq);
        return;
    }
    uint64_t start = env->turn_ticks;
    request_run(rq);
    env->inner_ticks += env->turn_ticks - start;
    env->turn = turn;
    env->turn_bytes = turn_bytes;
}

/* Writing the trail takes its time, before the command and behind it, and is nobody else's. */
static void
run_audited(struct request *rq)
{
    struct command_env *env = rq->env;
    bool turn = env->turn;
    command_turn_end(env);
    audited_run(rq, run_plainly);
    if (turn)
        command_turn_begin(env, env->turn_bytes);
}

void
request_run(struct request *rq)
{
    if (__builtin_expect(audited_is(rq->env, rq->cmd), 0))
        run_audited(rq);
    else
        run_plainly(rq);
}

void
request_count_error(struct request *rq, size_t mark, bool ran)
{
    if (rq->out->len <= mark || rq->out->data[mark] != '-')
        return;
    struct command_stats *stats = rq->env->stats;
    attl_slice text = attl_b(rq->out->data + mark + 1, rq->out->len - mark - 1);
    stats_error(stats, text);
    if (!rq->cmd)
        return;
    struct command_counter *c = &stats->counters[command_index(rq->cmd)];
    stats_add(ran ? &c->failed : &c->rejected, 1);
}

/* Drops or keeps the reply that starts at `mark`, and moves SKIP on by one request. */
static void
session_apply_reply_mode(struct session *s, struct buf *out, size_t mark)
{
    size_t end = s->keep_reply ? out->len : mark;
    s->keep_reply = false;
    switch (s->reply_mode) {
    case SESSION_REPLY_ON: return;
    case SESSION_REPLY_SKIP: s->reply_mode = SESSION_REPLY_ON; break;
    case SESSION_REPLY_SKIP_NEXT: s->reply_mode = SESSION_REPLY_SKIP; break;
    case SESSION_REPLY_OFF: break;
    }
    out->len = end;
}

/* The end of a request whose reply starts at `mark`. */
static void
request_end(struct request *rq, size_t mark, bool ran)
{
    request_count_error(rq, mark, ran);
    if (__builtin_expect(rq->s->special & SESSION_TRACKING, 0))
        tracking_after(rq);
    if (__builtin_expect(rq->s->special & SESSION_TRACED, 0)) {
        trace_set(NULL);
        session_trace_used(rq->s);
    }
    session_apply_reply_mode(rq->s, rq->out, mark);
}

void
command_execute(struct command_env *env, struct session *s, const attl_slice *argv, size_t argc,
                struct buf *out)
{
    ASSERT(argc >= 1);
    size_t mark = out->len;
    struct request rq = { env, s, argv, argc, out, NULL };
    bool ran = request_resolve(&rq) && request_admit(&rq);
    if (__builtin_expect(s->interrupt & SESSION_PUT_OFF, 0)) {
        trace_set(NULL);
        return; /* put off: nothing has happened */
    }
    if (!ran) {
        audited_denied(&rq, mark);
        transaction_refused(&rq, mark);
    } else if (__builtin_expect(!s->transaction, 1) || !transaction_takes(&rq))
        request_run(&rq);
    s->commands++;
    if (!s->waiting)
        request_end(&rq, mark, ran);
    else
        trace_set(NULL);
}

void
command_job_reply(struct command_job *job, struct command_env *env, struct session *s,
                  struct buf *out)
{
    size_t mark = out->len;
    struct request rq = { env, s, NULL, 0, out, job->cmd };
    s->waiting = false;
    if (s->special & SESSION_TRACED)
        trace_set(session_trace(s));
    if (job->took_ns > 0)
        slowlog_note_job(env, s, job->cmd, job->took_ns / NS_PER_US);
    job->reply(job, &rq);
    if (audited_is(env, rq.cmd))
        audited_job_end(&rq, mark);
    request_end(&rq, mark, true);
}
