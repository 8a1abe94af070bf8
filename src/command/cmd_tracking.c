/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CLIENT TRACKING and its companions. The checks come in Redis' order with Redis' texts, because
 * clients show them; what is tracked for whom is the host's. A wish is checked as a whole before
 * anything is changed.
 */
#include "command/tracking.h"

#include "command/commands.h"
#include "command/keys.h"
#include "command/reply.h"
#include "command/session.h"
#include "command/transaction.h"

#include <stdlib.h>

enum { WISH_PREFIXES_MAX = 1024 };

/* ---- the requests of a tracking connection ---- */

static bool
wants_keys(const struct session_tracking *t)
{
    bool said = t->flags & TRACKING_CACHING;
    if (t->flags & TRACKING_BCAST)
        return false;
    if (t->flags & TRACKING_OPTIN)
        return said;
    return !(t->flags & TRACKING_OPTOUT) || !said;
}

void
tracking_before(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    if (!(rq->cmd->flags & CMD_READONLY) || !wants_keys(&rq->s->tracking))
        return;
    struct key_range range = command_key_range(rq->cmd, rq->argv, rq->argc);
    for (size_t i = 0; i < range.n; i++)
        host->track_key(host->ud, rq->argv[range.first + i * range.step]);
}

void
tracking_after(struct request *rq)
{
    const struct transaction *t = rq->s->transaction;
    bool goes_on = t && t->queueing; /* it holds for all of a transaction */
    if (!goes_on && (!rq->cmd || strncmp(rq->cmd->name, "client", strlen("client")) != 0))
        rq->s->tracking.flags &= ~(unsigned)TRACKING_CACHING;
}

/* ---- CLIENT TRACKING ---- */

/* False after answering. */
static bool
wish_redirect(struct request *rq, size_t i, struct tracking_wish *wish)
{
    const struct command_host *host = rq->env->host;
    int64_t id;
    if (wish->redirect != 0) {
        resp_error(rq->out, "ERR A client can only redirect to a single other client");
        return false;
    }
    if (!arg_i64(rq, i, NULL, &id))
        return false;
    if (id <= 0 || !host->client_exists(host->ud, (uint64_t)id)) {
        resp_error(rq->out, "ERR The client ID you want redirect to does not exist");
        return false;
    }
    wish->redirect = (uint64_t)id;
    return true;
}

static unsigned
flag_of(attl_slice word)
{
    static const struct {
        const char *word;
        unsigned flag;
    } flags[] = {
        { "bcast", TRACKING_BCAST },
        { "optin", TRACKING_OPTIN },
        { "optout", TRACKING_OPTOUT },
        { "noloop", TRACKING_NOLOOP },
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (arg_is(word, flags[i].word))
            return flags[i].flag;
    return 0;
}

/* Reads the words behind ON or OFF; `prefixes` has room for all. False after answering. */
static bool
wish_read(struct request *rq, struct tracking_wish *wish, attl_slice *prefixes)
{
    for (size_t i = 3; i < rq->argc; i++) {
        bool more = i + 1 < rq->argc;
        unsigned flag = flag_of(rq->argv[i]);
        if (flag) {
            wish->flags |= flag;
        } else if (more && arg_is(rq->argv[i], "redirect")) {
            if (!wish_redirect(rq, ++i, wish))
                return false;
        } else if (more && arg_is(rq->argv[i], "prefix")) {
            prefixes[wish->prefixes_len++] = rq->argv[++i];
        } else {
            reply_syntax_error(rq);
            return false;
        }
    }
    wish->prefixes = prefixes;
    return true;
}

/* What is wrong with the wish, or NULL. */
static const char *
wish_problem(const struct session_tracking *t, const struct tracking_wish *wish)
{
    unsigned flags = wish->flags;
    if (!(flags & TRACKING_BCAST) && wish->prefixes_len > 0)
        return "ERR PREFIX option requires BCAST mode to be enabled";
    if ((t->flags & TRACKING_ON) && ((t->flags ^ flags) & TRACKING_BCAST))
        return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, "
               "and then re-enabling it with a different mode.";
    if ((flags & TRACKING_BCAST) && (flags & (TRACKING_OPTIN | TRACKING_OPTOUT)))
        return "ERR OPTIN and OPTOUT are not compatible with BCAST";
    if ((flags & TRACKING_OPTIN) && (flags & TRACKING_OPTOUT))
        return "ERR You can't specify both OPTIN mode and OPTOUT mode";
    if (((flags & TRACKING_OPTIN) && (t->flags & TRACKING_OPTOUT)) ||
        ((flags & TRACKING_OPTOUT) && (t->flags & TRACKING_OPTIN)))
        return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, "
               "and then re-enabling it with a different mode.";
    if (wish->prefixes_len > WISH_PREFIXES_MAX)
        return "ERR too many prefixes";
    return NULL;
}

/* Whether one of them begins with the other. */
static bool
overlap(attl_slice a, attl_slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    return len == 0 || memcmp(a.data, b.data, len) == 0;
}

static int
shown_len(attl_slice text)
{
    return (int)(text.len < 128 ? text.len : 128);
}

/* False after answering. A connection without prefixes of its own named has the empty one. */
static bool
prefixes_are_apart(struct request *rq, const struct tracking_wish *wish)
{
    const struct command_host *host = rq->env->host;
    for (size_t i = 0; i < wish->prefixes_len; i++) {
        attl_slice p = wish->prefixes[i];
        attl_slice other;
        for (size_t j = 0; host->tracked_prefix(host->ud, j, &other); j++) {
            if (!overlap(p, other))
                continue;
            resp_errorf(rq->out,
                        "ERR Prefix '%.*s' overlaps with an existing prefix '%.*s'. Prefixes for "
                        "a single client must not overlap.",
                        shown_len(p), p.len ? (const char *)p.data : "", shown_len(other),
                        other.len ? (const char *)other.data : "");
            return false;
        }
        for (size_t j = i + 1; j < wish->prefixes_len; j++) {
            other = wish->prefixes[j];
            if (!overlap(p, other))
                continue;
            resp_errorf(rq->out,
                        "ERR Prefix '%.*s' overlaps with another provided prefix '%.*s'. Prefixes "
                        "for a single client must not overlap.",
                        shown_len(p), p.len ? (const char *)p.data : "", shown_len(other),
                        other.len ? (const char *)other.data : "");
            return false;
        }
    }
    return true;
}

static void
tracking_on(struct request *rq, const struct tracking_wish *wish)
{
    const struct command_host *host = rq->env->host;
    const char *problem = wish_problem(&rq->s->tracking, wish);
    if (problem) {
        resp_error(rq->out, problem);
        return;
    }
    if ((wish->flags & TRACKING_BCAST) && !prefixes_are_apart(rq, wish))
        return;
    int status = host->track(host->ud, wish);
    if (status == ATTL_MISS)
        resp_error(rq->out, "ERR The client ID you want redirect to does not exist");
    else if (!reply_if_failed(rq, status))
        reply_ok(rq);
}

static void
tracking_with(struct request *rq, attl_slice *prefixes)
{
    const struct command_host *host = rq->env->host;
    struct tracking_wish wish = { .flags = 0 };
    if (!wish_read(rq, &wish, prefixes))
        return;
    if (arg_is(rq->argv[2], "on")) {
        tracking_on(rq, &wish);
    } else if (arg_is(rq->argv[2], "off")) {
        host->pushes(host->ud, rq->out); /* nothing comes behind the answer */
        host->untrack(host->ud);
        reply_ok(rq);
    } else {
        reply_syntax_error(rq);
    }
}

/* CLIENT TRACKING ON | OFF [REDIRECT id] [PREFIX p ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP] */
void
cmd_client_tracking(struct request *rq)
{
    if (!rq->env->host->track) {
        resp_error(rq->out, "ERR tracking is not available");
        return;
    }
    attl_slice *prefixes = malloc(rq->argc * sizeof *prefixes);
    if (!prefixes) {
        reply_failure(rq, ATTL_E_NOMEM);
        return;
    }
    tracking_with(rq, prefixes);
    free(prefixes);
}

/* ---- its companions ---- */

/* CLIENT CACHING YES | NO */
void
cmd_client_caching(struct request *rq)
{
    struct session_tracking *t = &rq->s->tracking;
    bool yes = arg_is(rq->argv[2], "yes");
    if (!(t->flags & TRACKING_ON)) {
        resp_error(rq->out, "ERR CLIENT CACHING can be called only when the client is in tracking "
                            "mode with OPTIN or OPTOUT mode enabled");
        return;
    }
    if (!yes && !arg_is(rq->argv[2], "no")) {
        reply_syntax_error(rq);
        return;
    }
    if (yes && !(t->flags & TRACKING_OPTIN)) {
        resp_error(rq->out,
                   "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
        return;
    }
    if (!yes && !(t->flags & TRACKING_OPTOUT)) {
        resp_error(rq->out,
                   "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
        return;
    }
    t->flags |= TRACKING_CACHING;
    reply_ok(rq);
}

/* CLIENT GETREDIR */
void
cmd_client_getredir(struct request *rq)
{
    resp_int(rq->out, session_redirect(rq->s));
}

static void
reply_tracking_flags(struct request *rq, unsigned flags)
{
    bool said = flags & TRACKING_CACHING;
    const struct {
        bool holds;
        const char *name;
    } all[] = {
        { flags & TRACKING_ON, "on" },
        { !(flags & TRACKING_ON), "off" },
        { flags & TRACKING_BCAST, "bcast" },
        { flags & TRACKING_OPTIN, "optin" },
        { (flags & TRACKING_OPTIN) && said, "caching-yes" },
        { flags & TRACKING_OPTOUT, "optout" },
        { (flags & TRACKING_OPTOUT) && said, "caching-no" },
        { flags & TRACKING_NOLOOP, "noloop" },
        { flags & TRACKING_BROKEN, "broken_redirect" },
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        n += all[i].holds;
    resp_set(rq->out, rq->s->proto, n);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].holds)
            resp_bulk_str(rq->out, all[i].name);
}

/* CLIENT TRACKINGINFO */
void
cmd_client_trackinginfo(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    resp_map(rq->out, rq->s->proto, 3);
    resp_bulk_str(rq->out, "flags");
    reply_tracking_flags(rq, rq->s->tracking.flags);
    reply_field_int(rq, "redirect", session_redirect(rq->s));
    resp_bulk_str(rq->out, "prefixes");
    size_t mark = rq->out->len;
    size_t n = 0;
    attl_slice prefix;
    for (; host->tracked_prefix && host->tracked_prefix(host->ud, n, &prefix); n++)
        resp_bulk(rq->out, prefix);
    reply_insert_array(rq->out, mark, n);
}
