/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Permissions of requests. What a request does is read from its row: the keys and what becomes of
 * them, the channels of publish and subscribe. Two rows need a look at the words: SET reads only
 * with GET, and the movable keys follow a count. Texts are those of Redis 7.2. Nothing here locks:
 * a user's version never changes.
 */
#include "command/permit.h"

#include "command/commands.h"
#include "command/keys.h"
#include "command/reply.h"
#include "command/session.h"
#include "command/transaction.h"

#include <assert.h>

enum { CLIENT_TEXT_MAX = 1024 };
static_assert((int)SESSION_USER_MAX >= (int)ACCESS_NAME_MAX, "every user has room in a session");

/* ---- whose session it is --------------------------------------------------------------------- */

void
permit_set_user(struct session *s, struct access_user *user, uint64_t generation)
{
    struct access_user *before = s->user;
    s->user = user;
    s->access_seen = generation;
    if (!user || user->unlimited)
        s->special &= ~(unsigned)SESSION_RESTRICTED;
    else
        s->special |= SESSION_RESTRICTED;
    memcpy(s->user_name, user ? user->name : "", user ? strlen(user->name) + 1 : 1);
    user_free(before);
}

bool
permit_renew(struct request *rq)
{
    struct session *s = rq->s;
    struct access *a = rq->env->access;
    /* Read first: a change in between is then seen by the next request. */
    uint64_t generation = access_generation(a);
    if (s->privileged) {
        s->access_seen = generation;
        return true;
    }
    struct access_user *newest = access_newest(a, s->user);
    if (!newest) {
        s->close_after_reply = true;
        resp_error(rq->out, "NOAUTH the user of this connection was deleted");
        return false;
    }
    permit_set_user(s, newest, generation);
    return true;
}

/* ---- what a request does --------------------------------------------------------------------- */

static unsigned
kinds_of(unsigned key_access)
{
    unsigned kinds = 0;
    if (key_access & KEY_ACCESS)
        kinds |= ACCESS_READ;
    if (key_access & (KEY_INSERT | KEY_UPDATE | KEY_DELETE))
        kinds |= ACCESS_WRITE;
    return kinds;
}

/* SET reads the old value only if it is asked for it. */
static bool
set_reads(const attl_slice *argv, size_t argc)
{
    for (size_t i = 3; i < argc; i++)
        if (arg_is(argv[i], "get"))
            return true;
    return false;
}

static void
request_keys(const struct command *cmd, struct access_request *r)
{
    struct key_range range = command_key_range(cmd, r->argv, r->argc);
    r->key_first = range.first;
    r->key_n = range.n;
    r->key_step = range.step;
    r->key_kinds = kinds_of(cmd->keys.access);
    if (cmd->flags & CMD_MOVABLEKEYS)
        r->key_kinds = ACCESS_WRITE;
    if ((cmd->keys.access & KEY_VARIABLE) && cmd->run == cmd_set && !set_reads(r->argv, r->argc))
        r->key_kinds = ACCESS_WRITE;
    r->key_pair = cmd->keys.access_second != 0;
    r->key_kinds_second = kinds_of(cmd->keys.access_second);
}

/* Erasing is writing, whatever becomes of the entry; behind the names are options. */
static void
request_erasure(const struct command *cmd, struct access_request *r)
{
    if (r->argc < 3)
        return;
    r->key_first = 2;
    r->key_n = erase_names_end(r->argv, r->argc) - 2;
    r->key_step = 1;
    r->key_kinds = ACCESS_WRITE;
    switch (erase_kind(cmd)) {
    case ATTL_ERASE_KEY: r->key_form = ACCESS_KEYS; break;
    case ATTL_ERASE_PREFIX: r->key_form = ACCESS_PREFIXES; break;
    default: r->key_form = ACCESS_PATTERNS; break;
    }
}

static void
request_channels(const struct command *cmd, struct access_request *r)
{
    bool publishes = cmd->run == cmd_publish;
    if (!publishes && cmd->run != cmd_subscribe)
        return;
    r->channel_first = 1;
    r->channel_n = publishes ? 1 : r->argc - 1;
    r->channel_literal = cmd->name[0] == 'p' && cmd->name[1] == 's'; /* psubscribe */
}

struct access_request
permit_request(const struct command *cmd, const attl_slice *argv, size_t argc)
{
    struct access_request r = {
        .row = command_index(cmd),
        .open = cmd->flags & CMD_NO_AUTH,
        .words = command_is_sub(cmd) ? 2 : 1,
        .argv = argv,
        .argc = argc,
    };
    if (command_has_keys(cmd))
        request_keys(cmd, &r);
    if (cmd->run == cmd_attl_erase)
        request_erasure(cmd, &r);
    request_channels(cmd, &r);
    return r;
}

/* ---- refusing -------------------------------------------------------------------------------- */

void
permit_record(struct request *rq, enum denial_reason reason, attl_slice object, attl_slice user)
{
    const struct session *s = rq->s;
    struct buf client;
    if (!rq->env->access)
        return;
    buf_init(&client, CLIENT_TEXT_MAX);
    struct denial_report report = { .reason = reason,
                                    .multi = s->transaction && s->transaction->queueing,
                                    .now_ms = request_now_ms(rq),
                                    .object = object,
                                    .user = user };
    session_describe(s, report.now_ms, &client);
    report.client = buf_slice(&client);
    denials_add(&rq->env->access->denials, &report);
    buf_fini(&client);
}

static int
shown(attl_slice text)
{
    enum { SHOWN_MAX = 128 };
    size_t len = text.len < SHOWN_MAX ? text.len : SHOWN_MAX;
    return (int)len;
}

void
permit_explain(const struct access_user *u, const struct command *cmd, enum access_verdict verdict,
               attl_slice object, struct buf *out)
{
    if (verdict == ACCESS_NO_COMMAND)
        buf_printf(out, "User %s has no permissions to run the '%s' command", u->name, cmd->name);
    else
        buf_printf(out, "User %s has no permissions to access the '%.*s' %s", u->name,
                   shown(object), object.len ? (const char *)object.data : "",
                   verdict == ACCESS_NO_KEY ? "key" : "channel");
}

/* The verdict on the request, recorded unless it is favourable. */
static enum access_verdict
judge(struct request *rq)
{
    struct access_request r = permit_request(rq->cmd, rq->argv, rq->argc);
    size_t arg = 0;
    enum access_verdict verdict = user_check(rq->s->user, &r, &arg);
    if (verdict == ACCESS_ALLOWED)
        return verdict;
    attl_slice object = verdict == ACCESS_NO_COMMAND ? attl_s(rq->cmd->name) : rq->argv[arg];
    enum denial_reason reason = verdict == ACCESS_NO_COMMAND ? DENIAL_COMMAND
                                : verdict == ACCESS_NO_KEY   ? DENIAL_KEY
                                                             : DENIAL_CHANNEL;
    permit_record(rq, reason, object, attl_s(session_user_name(rq->s)));
    return verdict;
}

bool
permit_admits(struct request *rq)
{
    switch (judge(rq)) {
    case ACCESS_ALLOWED: return true;
    case ACCESS_NO_COMMAND:
        resp_errorf(rq->out, "NOPERM User %s has no permissions to run the '%s' command",
                    session_user_name(rq->s), rq->cmd->name);
        break;
    case ACCESS_NO_KEY: resp_error(rq->out, "NOPERM No permissions to access a key"); break;
    case ACCESS_NO_CHANNEL: resp_error(rq->out, "NOPERM No permissions to access a channel"); break;
    }
    return false;
}

bool
permit_admits_queued(struct request *rq)
{
    static const char *const reasons[] = {
        "", "no permission to execute the command or subcommand",
        "no permission to touch the specified keys",
        "no permission to access one of the channels used as arguments to the command"
    };
    if (!(rq->s->special & SESSION_RESTRICTED))
        return true;
    enum access_verdict verdict = judge(rq);
    if (verdict == ACCESS_ALLOWED)
        return true;
    resp_errorf(rq->out,
                "NOPERM ACLs rules changed between the moment the transaction was accumulated and "
                "the EXEC call. This command is no longer allowed for the following reason: %s",
                reasons[verdict]);
    return false;
}
