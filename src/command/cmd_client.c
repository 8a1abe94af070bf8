/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CLIENT: what a connection says about itself and what it may learn of or do to the others. The
 * list of connections belongs to the host; it is walked through a callback that writes text at once
 * and keeps nothing. A connection that closes itself still gets its reply first, so it is never
 * handed to the host's kill: its session is told to close after the reply.
 */
#include "access/access.h"
#include "command/commands.h"
#include "command/reply.h"
#include "command/session.h"

#include "base/num.h"
#include "base/slice.h"

#include <stdio.h>

enum { ADDRESS_TEXT_MAX = 128, WORD_ECHO_MAX = 128, LIST_IDS_MAX = 256 };

/* CLIENT ID */
void
cmd_client_id(struct request *rq)
{
    resp_int(rq->out, (int64_t)rq->s->id);
}

/* CLIENT GETNAME */
void
cmd_client_getname(struct request *rq)
{
    if (rq->s->name[0])
        resp_bulk_str(rq->out, rq->s->name);
    else
        resp_null(rq->out, rq->s->proto);
}

/* CLIENT SETNAME name */
void
cmd_client_setname(struct request *rq)
{
    const char *problem = session_name_problem(rq->argv[2]);
    if (problem) {
        resp_error(rq->out, problem);
        return;
    }
    session_set_name(rq->s, rq->argv[2]);
    reply_ok(rq);
}

/* CLIENT SETINFO LIB-NAME name | LIB-VER version */
void
cmd_client_setinfo(struct request *rq)
{
    attl_slice word = rq->argv[2], text = rq->argv[3];
    bool is_name = arg_is(word, "lib-name");
    if (!is_name && !arg_is(word, "lib-ver")) {
        resp_errorf(rq->out, "ERR Unrecognized option '%.*s'",
                    (int)(word.len < WORD_ECHO_MAX ? word.len : WORD_ECHO_MAX),
                    word.len ? (const char *)word.data : "");
        return;
    }
    const char *what = is_name ? "lib-name" : "lib-ver";
    if (!slice_is_printable(text)) {
        resp_errorf(rq->out, "ERR %s cannot contain spaces, newlines or special characters.", what);
        return;
    }
    /* Longer texts are cut: a library's name is no reason to refuse its connection. */
    char *to = is_name ? rq->s->lib_name : rq->s->lib_ver;
    size_t len = text.len < SESSION_NAME_MAX ? text.len : SESSION_NAME_MAX;
    if (len)
        memcpy(to, text.data, len);
    to[len] = '\0';
    reply_ok(rq);
}

/* CLIENT NO-EVICT ON | OFF */
void
cmd_client_no_evict(struct request *rq)
{
    if (arg_on_off(rq, 2, &rq->s->no_evict))
        reply_ok(rq);
}

/* CLIENT NO-TOUCH ON | OFF */
void
cmd_client_no_touch(struct request *rq)
{
    if (arg_on_off(rq, 2, &rq->s->no_touch))
        reply_ok(rq);
}

/* CLIENT REPLY ON | OFF | SKIP */
void
cmd_client_reply(struct request *rq)
{
    attl_slice mode = rq->argv[2];
    if (arg_is(mode, "on")) {
        rq->s->reply_mode = SESSION_REPLY_ON;
        reply_ok(rq);
    } else if (arg_is(mode, "off")) {
        rq->s->reply_mode = SESSION_REPLY_OFF;
    } else if (arg_is(mode, "skip")) {
        if (rq->s->reply_mode != SESSION_REPLY_OFF)
            rq->s->reply_mode = SESSION_REPLY_SKIP_NEXT;
    } else {
        reply_syntax_error(rq);
    }
}

/* CLIENT CAPA capability [capability ...] */
void
cmd_client_capa(struct request *rq)
{
    for (size_t i = 2; i < rq->argc; i++)
        if (arg_is(rq->argv[i], "throttled"))
            rq->s->throttled = true;
    reply_ok(rq);
}

/* CLIENT UNBLOCK id [TIMEOUT | ERROR] */
void
cmd_client_unblock(struct request *rq)
{
    int64_t id;
    if (rq->argc > 4) {
        resp_error(rq->out, "ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. "
                            "Try CLIENT HELP.");
        return;
    }
    if (rq->argc == 4 && !arg_is(rq->argv[3], "timeout") && !arg_is(rq->argv[3], "error")) {
        resp_error(rq->out, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return;
    }
    if (arg_i64(rq, 2, NULL, &id))
        resp_int(rq->out, 0);
}

/* CLIENT PAUSE timeout [WRITE | ALL] */
void
cmd_client_pause(struct request *rq)
{
    resp_error(rq->out, "ERR CLIENT PAUSE is not supported by this server");
}

/* CLIENT UNPAUSE */
void
cmd_client_unpause(struct request *rq)
{
    reply_ok(rq);
}

/* ---- KILL ---- */

struct kill_words {
    struct client_filter filter;
    char addr[ADDRESS_TEXT_MAX], laddr[ADDRESS_TEXT_MAX];
    char user[ACCESS_NAME_MAX + 1];
    bool nobody; /* a condition that no connection here can meet */
};

/* True for TYPE's words; *ret_type says which it is. */
static bool
client_type(struct request *rq, attl_slice type, enum client_type *ret_type)
{
    static const char *const others[] = { "master", "slave", "replica" };
    *ret_type = arg_is(type, "normal")   ? CLIENT_NORMAL
                : arg_is(type, "pubsub") ? CLIENT_PUBSUB
                                         : CLIENT_OTHER;
    bool known = *ret_type != CLIENT_OTHER;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        known |= arg_is(type, others[i]);
    if (!known)
        resp_errorf(rq->out, "ERR Unknown client type '%.*s'",
                    (int)(type.len < WORD_ECHO_MAX ? type.len : WORD_ECHO_MAX),
                    type.len ? (const char *)type.data : "");
    return known;
}

/* An address as text; one that is too long to be any connection's selects nobody. */
static const char *
kill_address(struct kill_words *w, attl_slice arg, char text[ADDRESS_TEXT_MAX])
{
    if (!arg_text(arg, text, ADDRESS_TEXT_MAX))
        w->nobody = true;
    return text;
}

static bool
kill_id(struct request *rq, size_t i, struct kill_words *w)
{
    int64_t id;
    if (!num_parse_i64(rq->argv[i], &id) || id < 1) {
        resp_error(rq->out, "ERR client-id should be greater than 0");
        return false;
    }
    w->filter.id = (uint64_t)id;
    return true;
}

static bool
kill_max_age(struct request *rq, size_t i, struct kill_words *w)
{
    int64_t age_s;
    if (!num_parse_i64(rq->argv[i], &age_s)) {
        resp_error(rq->out, "ERR maxage is not an integer or out of range");
        return false;
    }
    if (age_s <= 0) {
        resp_error(rq->out, "ERR maxage should be greater than 0");
        return false;
    }
    w->filter.min_age_s = age_s;
    return true;
}

static bool
kill_user(struct request *rq, size_t i, struct kill_words *w)
{
    attl_slice user = rq->argv[i];
    struct access *a = rq->env->access;
    struct access_user *u = a ? access_find(a, user) : NULL;
    user_free(u); /* the name is what matters */
    if (u || (!a && slice_equal(user, attl_s("default")))) {
        (void)snprintf(w->user, sizeof w->user, "%.*s", (int)user.len, (const char *)user.data);
        w->filter.user = w->user;
        return true;
    }
    resp_errorf(rq->out, "ERR No such user '%.*s'",
                (int)(user.len < WORD_ECHO_MAX ? user.len : WORD_ECHO_MAX),
                user.len ? (const char *)user.data : "");
    return false;
}

/* One pair of words at i; false after answering. */
static bool
kill_word(struct request *rq, size_t i, struct kill_words *w)
{
    attl_slice word = rq->argv[i];
    if (arg_is(word, "id"))
        return kill_id(rq, i + 1, w);
    if (arg_is(word, "maxage"))
        return kill_max_age(rq, i + 1, w);
    if (arg_is(word, "user"))
        return kill_user(rq, i + 1, w);
    if (arg_is(word, "type"))
        return client_type(rq, rq->argv[i + 1], &w->filter.type);
    if (arg_is(word, "addr")) {
        w->filter.addr = kill_address(w, rq->argv[i + 1], w->addr);
        return true;
    }
    if (arg_is(word, "laddr")) {
        w->filter.laddr = kill_address(w, rq->argv[i + 1], w->laddr);
        return true;
    }
    if (arg_is(word, "skipme")) {
        w->filter.skip_self = arg_is(rq->argv[i + 1], "yes");
        if (w->filter.skip_self || arg_is(rq->argv[i + 1], "no"))
            return true;
    }
    reply_syntax_error(rq);
    return false;
}

static bool
filter_selects(const struct client_filter *f, const struct session *s, int64_t now_ms)
{
    return session_has_type(s, f->type) && (!f->id || f->id == s->id) &&
           (!f->addr || strcmp(f->addr, s->addr) == 0) &&
           (!f->laddr || strcmp(f->laddr, s->laddr) == 0) &&
           (!f->user || strcmp(f->user, session_user_name(s)) == 0) &&
           (!f->min_age_s || (now_ms - s->created_ms) / 1000 >= f->min_age_s);
}

/* Closes what the words select; how many. */
static int64_t
kill_selected(struct request *rq, struct kill_words *w)
{
    const struct command_host *host = rq->env->host;
    if (w->nobody)
        return 0;
    bool self = !w->filter.skip_self && filter_selects(&w->filter, rq->s, request_now_ms(rq));
    w->filter.skip_self = true;
    w->filter.self_id = rq->s->id;
    if (self)
        rq->s->close_after_reply = true;
    return (int64_t)host->kill_clients(host->ud, &w->filter) + self;
}

/* CLIENT KILL address | [ID id] [ADDR a] [LADDR a] [TYPE t] [USER u] [MAXAGE s] [SKIPME YES | NO]
 */
void
cmd_client_kill(struct request *rq)
{
    struct kill_words w = { .nobody = false };
    if (rq->argc == 3) {
        w.filter.addr = kill_address(&w, rq->argv[2], w.addr);
        if (kill_selected(rq, &w) > 0)
            reply_ok(rq);
        else
            resp_error(rq->out, "ERR No such client");
        return;
    }
    w.filter.skip_self = true;
    for (size_t i = 2; i < rq->argc; i += 2) {
        if (i + 1 == rq->argc) {
            reply_syntax_error(rq);
            return;
        }
        if (!kill_word(rq, i, &w))
            return;
    }
    resp_int(rq->out, kill_selected(rq, &w));
}

/* ---- LIST ---- */

struct list_clients {
    const struct request *rq;
    struct buf *text;
    int64_t now_ms;
    enum client_type type;
    size_t first_id, n_ids; /* arguments that select; n_ids 0: all */
};

static bool
list_selects(const struct list_clients *list, const struct session *s)
{
    for (size_t i = 0; i < list->n_ids; i++) {
        int64_t id;
        if (num_parse_i64(list->rq->argv[list->first_id + i], &id) && (uint64_t)id == s->id)
            return true;
    }
    return list->n_ids == 0;
}

static void
list_client(void *ud, const struct session *s)
{
    struct list_clients *list = ud;
    if (!session_has_type(s, list->type) || !list_selects(list, s))
        return;
    session_describe(s, list->now_ms, list->text);
    buf_append(list->text, "\n", 1);
}

static void
reply_text(struct request *rq, struct buf *text)
{
    if (text->failed)
        resp_error(rq->out, "OOM out of memory");
    else
        resp_verbatim(rq->out, rq->s->proto, "txt", buf_slice(text));
}

static void
reply_client_list(struct request *rq, enum client_type type, size_t first_id)
{
    const struct command_host *host = rq->env->host;
    struct buf text;
    buf_init(&text, rq->out->max_bytes);
    struct list_clients list = { rq, &text, request_now_ms(rq), type, first_id, 0 };
    if (first_id)
        list.n_ids = rq->argc - first_id;
    host->each_client(host->ud, list_client, &list);
    reply_text(rq, &text);
    buf_fini(&text);
}

/* CLIENT LIST [TYPE type] [ID id [id ...]] */
void
cmd_client_list(struct request *rq)
{
    enum client_type type = CLIENT_ANY;
    size_t first_id = 0;
    if (rq->argc == 4 && arg_is(rq->argv[2], "type")) {
        if (!client_type(rq, rq->argv[3], &type))
            return;
    } else if (rq->argc > 3 && arg_is(rq->argv[2], "id")) {
        first_id = 3;
        if (rq->argc - first_id > LIST_IDS_MAX) {
            resp_error(rq->out, "ERR too many client IDs");
            return;
        }
        for (size_t i = first_id; i < rq->argc; i++) {
            int64_t id;
            if (!arg_i64(rq, i, "ERR Invalid client ID", &id))
                return;
        }
    } else if (rq->argc != 2) {
        reply_syntax_error(rq);
        return;
    }
    reply_client_list(rq, type, first_id);
}

/* CLIENT INFO */
void
cmd_client_info(struct request *rq)
{
    struct buf text;
    buf_init(&text, rq->out->max_bytes);
    session_describe(rq->s, request_now_ms(rq), &text);
    buf_append(&text, "\n", 1);
    reply_text(rq, &text);
    buf_fini(&text);
}
