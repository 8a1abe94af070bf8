/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection itself: who it is, which protocol it speaks, when it ends. Passwords are compared
 * by the host, which takes constant time and knows the settings; here they are only carried. A
 * failed HELLO changes nothing, not even the protocol version.
 */
#include "command/commands.h"
#include "command/permit.h"
#include "command/reply.h"
#include "command/session.h"

#include "base/num.h"

enum { PROTO_MIN = 2, PROTO_MAX = 3, HELLO_FIELDS = 7 };

/* A subscriber under protocol 2 expects messages, so it gets one. */
static void
reply_pong_message(struct request *rq)
{
    resp_array(rq->out, 2);
    resp_bulk_str(rq->out, "pong");
    resp_bulk(rq->out, rq->argc == 2 ? rq->argv[1] : attl_s(""));
}

/* PING [message] */
void
cmd_ping(struct request *rq)
{
    if (rq->argc > 2)
        reply_arity_error(rq);
    else if (session_is_subscribed(rq->s) && rq->s->proto == 2)
        reply_pong_message(rq);
    else if (rq->argc == 2)
        resp_bulk(rq->out, rq->argv[1]);
    else
        resp_simple(rq->out, "PONG");
}

/* ECHO message */
void
cmd_echo(struct request *rq)
{
    resp_bulk(rq->out, rq->argv[1]);
}

/* SELECT index */
void
cmd_select(struct request *rq)
{
    int64_t index;
    if (!arg_i64(rq, 1, NULL, &index))
        return;
    if (index != 0)
        resp_error(rq->out, "ERR DB index is out of range");
    else
        reply_ok(rq);
}

/* QUIT */
void
cmd_quit(struct request *rq)
{
    reply_ok(rq);
    rq->s->close_after_reply = true;
}

/* RESET */
void
cmd_reset(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    if (host->leave) {
        host->pushes(host->ud, rq->out);
        host->leave(host->ud);
    }
    session_reset(rq->s);
    session_end(rq->s);
    rq->s->authenticated = !host->auth_required(host->ud);
    resp_simple(rq->out, "RESET");
}

/* False after answering. */
static bool
authenticate(struct request *rq, attl_slice user, attl_slice password)
{
    const struct command_host *host = rq->env->host;
    struct access_user *found = NULL;
    struct access *a = rq->env->access;
    uint64_t generation = a ? access_generation(a) : 0;
    if (!host->auth(host->ud, user, password, &found)) {
        permit_record(rq, DENIAL_AUTH, rq->argv[0], user);
        resp_error(rq->out, "WRONGPASS invalid username-password pair or user is disabled.");
        return false;
    }
    rq->s->authenticated = true;
    permit_set_user(rq->s, found, generation);
    return true;
}

/* Whether the default user needs no password. One that is off may have none either. */
static bool
default_is_open(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    struct access_user *u = rq->env->access ? access_find(rq->env->access, attl_s("default"))
                                            : NULL;
    bool open = u ? u->no_password : !host->auth_required(host->ud);
    user_free(u);
    return open;
}

/* AUTH [username] password */
void
cmd_auth(struct request *rq)
{
    if (rq->argc > 3) {
        reply_syntax_error(rq);
        return;
    }
    if (rq->argc == 2 && default_is_open(rq)) {
        resp_error(rq->out, "ERR AUTH <password> called without any password configured for the "
                            "default user. Are you sure your configuration is correct?");
        return;
    }
    attl_slice user = rq->argc == 3 ? rq->argv[1] : attl_s("default");
    if (authenticate(rq, user, rq->argv[rq->argc - 1]))
        reply_ok(rq);
}

struct hello_words {
    int64_t proto; /* 0: as it is */
    bool auth;
    attl_slice user, password;
    bool named;
    attl_slice name;
};

/* False after answering. */
static bool
hello_proto(struct request *rq, struct hello_words *w)
{
    if (rq->argc < 2)
        return true;
    if (!arg_i64(rq, 1, "ERR Protocol version is not an integer or out of range", &w->proto))
        return false;
    if (w->proto >= PROTO_MIN && w->proto <= PROTO_MAX)
        return true;
    resp_error(rq->out, "NOPROTO unsupported protocol version");
    return false;
}

/* False after answering. */
static bool
hello_options(struct request *rq, struct hello_words *w)
{
    for (size_t i = 2; i < rq->argc; i++) {
        size_t more = rq->argc - 1 - i;
        if (arg_is(rq->argv[i], "auth") && more >= 2) {
            w->auth = true;
            w->user = rq->argv[i + 1];
            w->password = rq->argv[i + 2];
            i += 2;
        } else if (arg_is(rq->argv[i], "setname") && more >= 1) {
            w->named = true;
            w->name = rq->argv[++i];
            const char *problem = session_name_problem(w->name);
            if (problem) {
                resp_error(rq->out, problem);
                return false;
            }
        } else {
            attl_slice arg = rq->argv[i];
            resp_errorf(rq->out, "ERR Syntax error in HELLO option '%.*s'",
                        (int)(arg.len < 128 ? arg.len : 128),
                        arg.len ? (const char *)arg.data : "");
            return false;
        }
    }
    return true;
}

static void
reply_hello(struct request *rq)
{
    resp_map(rq->out, rq->s->proto, HELLO_FIELDS);
    reply_field_str(rq, "server", "redis");
    reply_field_str(rq, "version", COMMAND_REDIS_VERSION);
    reply_field_int(rq, "proto", rq->s->proto);
    reply_field_int(rq, "id", (int64_t)rq->s->id);
    reply_field_str(rq, "mode", "standalone");
    reply_field_str(rq, "role", "master");
    resp_bulk_str(rq->out, "modules");
    resp_array(rq->out, 0);
}

/* HELLO [protover [AUTH username password] [SETNAME clientname]] */
void
cmd_hello(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    struct hello_words w = { .proto = 0 };
    if (!hello_proto(rq, &w) || !hello_options(rq, &w))
        return;
    if (w.auth && !authenticate(rq, w.user, w.password))
        return;
    if (!rq->s->authenticated && host->auth_required(host->ud)) {
        resp_error(
            rq->out,
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the "
            "HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and "
            "select the RESP protocol version at the same time");
        return;
    }
    if (w.named)
        session_set_name(rq->s, w.name);
    if (w.proto)
        rq->s->proto = (int)w.proto;
    reply_hello(rq);
}
