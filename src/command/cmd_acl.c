/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACL: users and what they may do, with the words and replies of Redis 7.2. The users are those of
 * src/access; here are the replies, and what a change means for connections that exist: those of a
 * user that is gone are closed, and so are subscribers that may not hear any more what they are
 * subscribed to. All other changes are seen by each session before its next request.
 */
#include "command/category.h"
#include "command/commands.h"
#include "command/permit.h"
#include "command/reply.h"
#include "command/session.h"

#include "access/access_file.h"
#include "base/hex.h"
#include "base/num.h"
#include "os/process.h"

#include <stdlib.h>

enum {
    ECHO_MAX = 128,
    USER_TEXT_MAX = 16 << 20,
    PROBLEM_TEXT_MAX = 4096,
    GENPASS_BITS_MAX = 4096,
    GENPASS_BITS_DEFAULT = 256,
    RULES_MAX = 65536
};

static int
shown(attl_slice text)
{
    return (int)(text.len < ECHO_MAX ? text.len : ECHO_MAX);
}

static const char *
bytes(attl_slice text)
{
    return text.len ? text.data : "";
}

/* The users; NULL after answering that there are none here. */
static struct access *
users_of(struct request *rq)
{
    if (!rq->env->access)
        resp_error(rq->out, "ERR there are no users here");
    return rq->env->access;
}

static void
reply_shape_error(struct request *rq)
{
    resp_errorf(rq->out,
                "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try ACL HELP.",
                shown(rq->argv[1]), bytes(rq->argv[1]));
}

/* The text in `text` as a bulk string; ends it. */
static void
reply_buf(struct request *rq, struct buf *text)
{
    if (text->failed)
        reply_failure(rq, ATTL_E_NOMEM);
    else
        resp_bulk(rq->out, buf_slice(text));
    buf_fini(text);
}

/* ---- what a change does to connections ------------------------------------------------------- */

static bool
may_hear(const void *ud, enum pubsub_kind kind, attl_slice name)
{
    const struct access_user *after = ud;
    return user_allows_channel(after, name, kind == PUBSUB_PATTERN);
}

/* Whether something that `before` may hear could be denied to `after`. */
static bool
hears_less(const struct access_user *before, const struct access_user *after)
{
    for (size_t i = 0; i < after->selectors_len; i++)
        if (after->selectors[i]->all_channels)
            return false;
    for (size_t i = 0; i < before->selectors_len; i++) {
        const struct selector *was = before->selectors[i];
        if (was->all_channels)
            return true;
        for (size_t k = 0; k < was->channels.len; k++)
            if (!user_allows_channel(after, word_slice(was->channels.items[k]), true))
                return true;
    }
    return false;
}

static void
user_changed(void *ud, const struct access_user *before, const struct access_user *after)
{
    const struct request *rq = ud;
    const struct command_host *host = rq->env->host;
    struct client_filter filter = { .user = before ? before->name : NULL };
    if (!before || (after && !hears_less(before, after)))
        return;
    if (after && after->id == before->id) {
        filter.type = CLIENT_PUBSUB;
        filter.may_hear = may_hear;
        filter.may_hear_ud = after;
    }
    (void)host->kill_clients(host->ud, &filter);
}

/* ---- SETUSER, DELUSER ------------------------------------------------------------------------ */

/* The words of the rule that was refused, as the client wrote them. */
static void
reply_rule_error(struct request *rq, struct rule_place place, enum rule_result result)
{
    struct buf text;
    buf_init(&text, PROBLEM_TEXT_MAX);
    buf_append_str(&text, "ERR Error in ACL SETUSER modifier '");
    for (size_t i = 0; i < place.n; i++) {
        attl_slice word = rq->argv[3 + place.at + i];
        buf_append_str(&text, i ? " " : "");
        buf_printf(&text, "%.*s", shown(word), bytes(word));
    }
    buf_printf(&text, "': %s", rule_text(result));
    buf_append(&text, "", 1);
    resp_error(rq->out, text.failed ? "ERR Error in ACL SETUSER modifier" : text.data);
    buf_fini(&text);
}

/* ACL SETUSER username [rule [rule ...]] */
void
cmd_acl_setuser(struct request *rq)
{
    struct access *a = users_of(rq);
    struct access_listener listener = { user_changed, rq };
    struct rule_place place;
    if (!a)
        return;
    if (!user_name_valid(rq->argv[2])) {
        resp_errorf(rq->out,
                    rq->argv[2].len > ACCESS_NAME_MAX
                        ? "ERR Usernames can't be longer than %d bytes"
                        : "ERR Usernames can't contain spaces or null characters",
                    ACCESS_NAME_MAX);
        return;
    }
    enum rule_result result =
        access_set(a, rq->argv[2], rq->argv + 3, rq->argc - 3, &listener, &place);
    if (result == RULE_OK)
        reply_ok(rq);
    else if (result == RULE_SYNTAX && place.n == 0)
        resp_errorf(rq->out, "ERR Unmatched parenthesis in acl selector starting at '%.*s'.",
                    shown(rq->argv[3 + place.at]), bytes(rq->argv[3 + place.at]));
    else if (rq->argc == 3)
        resp_errorf(rq->out, "ERR %s", rule_text(result));
    else
        reply_rule_error(rq, place, result);
}

/* ACL DELUSER username [username ...] */
void
cmd_acl_deluser(struct request *rq)
{
    struct access *a = users_of(rq);
    struct access_listener listener = { user_changed, rq };
    int64_t n = 0;
    if (!a)
        return;
    for (size_t i = 2; i < rq->argc; i++) {
        if (slice_equal(rq->argv[i], attl_s("default"))) {
            resp_error(rq->out, "ERR The 'default' user cannot be removed");
            return;
        }
    }
    for (size_t i = 2; i < rq->argc; i++)
        n += access_delete(a, rq->argv[i], &listener);
    resp_int(rq->out, n);
}

/* ---- GETUSER --------------------------------------------------------------------------------- */

static void
reply_described(struct request *rq, const char *name, const struct selector *s,
                void (*describe)(const struct selector *s, struct buf *out))
{
    struct buf text;
    buf_init(&text, USER_TEXT_MAX);
    describe(s, &text);
    resp_bulk_str(rq->out, name);
    reply_buf(rq, &text);
}

static void
reply_selector(struct request *rq, const struct selector *s)
{
    reply_described(rq, "commands", s, selector_describe_commands);
    reply_described(rq, "keys", s, selector_describe_keys);
    reply_described(rq, "channels", s, selector_describe_channels);
}

static void
reply_flags(struct request *rq, const struct access_user *u)
{
    resp_bulk_str(rq->out, "flags");
    resp_set(rq->out, rq->s->proto, 2u + u->no_password);
    resp_bulk_str(rq->out, u->enabled ? "on" : "off");
    if (u->no_password)
        resp_bulk_str(rq->out, "nopass");
    resp_bulk_str(rq->out, u->skip_sanitize ? "skip-sanitize-payload" : "sanitize-payload");
}

static void
reply_user(struct request *rq, const struct access_user *u)
{
    resp_map(rq->out, rq->s->proto, 6);
    reply_flags(rq, u);
    resp_bulk_str(rq->out, "passwords");
    resp_array(rq->out, u->passwords.len);
    for (size_t i = 0; i < u->passwords.len; i++)
        resp_bulk(rq->out, word_slice(u->passwords.items[i]));
    reply_selector(rq, u->selectors[0]);
    resp_bulk_str(rq->out, "selectors");
    resp_array(rq->out, u->selectors_len - 1);
    for (size_t i = 1; i < u->selectors_len; i++) {
        resp_map(rq->out, rq->s->proto, 3);
        reply_selector(rq, u->selectors[i]);
    }
}

/* ACL GETUSER username */
void
cmd_acl_getuser(struct request *rq)
{
    struct access *a = users_of(rq);
    struct access_user *u = a ? access_find(a, rq->argv[2]) : NULL;
    if (u)
        reply_user(rq, u);
    else if (a)
        resp_null(rq->out, rq->s->proto);
    user_free(u);
}

/* ---- LIST, USERS, WHOAMI --------------------------------------------------------------------- */

struct listing {
    struct request *rq;
    size_t n;
};

static void
list_user(void *ud, const struct access_user *u)
{
    struct listing *list = ud;
    struct buf text;
    buf_init(&text, USER_TEXT_MAX);
    buf_printf(&text, "user %s ", u->name);
    user_describe(u, &text);
    reply_buf(list->rq, &text);
    list->n++;
}

static void
list_name(void *ud, const struct access_user *u)
{
    struct listing *list = ud;
    resp_bulk_str(list->rq->out, u->name);
    list->n++;
}

static void
reply_users(struct request *rq, void (*fn)(void *ud, const struct access_user *u))
{
    struct listing list = { rq, 0 };
    struct access *a = users_of(rq);
    size_t mark = rq->out->len;
    if (!a)
        return;
    access_each(a, fn, &list);
    reply_insert_array(rq->out, mark, list.n);
}

/* ACL LIST */
void
cmd_acl_list(struct request *rq)
{
    reply_users(rq, list_user);
}

/* ACL USERS */
void
cmd_acl_users(struct request *rq)
{
    reply_users(rq, list_name);
}

/* ACL WHOAMI */
void
cmd_acl_whoami(struct request *rq)
{
    resp_bulk_str(rq->out, session_user_name(rq->s));
}

/* ---- CAT ------------------------------------------------------------------------------------- */

static void
reply_category(struct request *rq, uint32_t bit)
{
    size_t mark = rq->out->len, n = 0;
    for (size_t row = 0; row < command_table_len; row++) {
        if (!(command_categories(&command_table[row]) & bit))
            continue;
        resp_bulk_str(rq->out, command_table[row].name);
        n++;
    }
    reply_insert_array(rq->out, mark, n);
}

/* ACL CAT [category] */
void
cmd_acl_cat(struct request *rq)
{
    if (rq->argc > 3) {
        reply_shape_error(rq);
        return;
    }
    if (rq->argc == 2) {
        resp_array(rq->out, command_catalog.categories_len);
        for (size_t i = 0; i < command_catalog.categories_len; i++)
            resp_bulk_str(rq->out, command_catalog.category_names[i]);
        return;
    }
    uint32_t bit = catalog_category(&command_catalog, rq->argv[2]);
    if (bit)
        reply_category(rq, bit);
    else
        resp_errorf(rq->out, "ERR Unknown category '%.*s'", shown(rq->argv[2]), bytes(rq->argv[2]));
}

/* ---- LOAD, SAVE ------------------------------------------------------------------------------ */

/* The users, if they have a file; NULL after answering. */
static struct access *
filed_users_of(struct request *rq)
{
    struct access *a = users_of(rq);
    if (!a || a->path[0])
        return a;
    resp_error(rq->out, "ERR This Redis instance is not configured to use an ACL file. You may "
                        "want to specify users via the ACL SETUSER command and then issue a CONFIG "
                        "REWRITE (assuming you have a Redis configuration file set) in order to "
                        "store users in the Redis configuration.");
    return NULL;
}

/* ACL LOAD */
void
cmd_acl_load(struct request *rq)
{
    struct access *a = filed_users_of(rq);
    struct access_listener listener = { user_changed, rq };
    struct buf problems;
    if (!a)
        return;
    buf_init(&problems, PROBLEM_TEXT_MAX);
    if (access_load(a, &listener, &problems))
        reply_ok(rq);
    else
        resp_errorf(rq->out,
                    "ERR %.*sWARNING: ACL errors detected, no change to the previously active ACL "
                    "rules was performed",
                    (int)problems.len, problems.len ? problems.data : "");
    buf_fini(&problems);
}

/* ACL SAVE */
void
cmd_acl_save(struct request *rq)
{
    struct access *a = filed_users_of(rq);
    char err[ACCESS_PATH_MAX + ECHO_MAX] = "";
    if (!a)
        return;
    if (access_save(a, err, sizeof err))
        reply_ok(rq);
    else
        resp_errorf(rq->out, "ERR There was an error trying to save the ACLs: %s", err);
}

/* ---- LOG ------------------------------------------------------------------------------------- */

static void
reply_denial(struct request *rq, const struct denial *e, int64_t now_ms)
{
    static const char *const reasons[] = { "command", "key", "channel", "auth", "tls-cert" };
    resp_map(rq->out, rq->s->proto, 10);
    reply_field_int(rq, "count", (int64_t)e->count);
    reply_field_str(rq, "reason", reasons[e->reason]);
    reply_field_str(rq, "context", e->multi ? "multi" : "toplevel");
    resp_bulk_str(rq->out, "object");
    resp_bulk(rq->out, attl_b(e->object, e->object_len));
    resp_bulk_str(rq->out, "username");
    resp_bulk(rq->out, attl_b(e->user, e->user_len));
    resp_bulk_str(rq->out, "age-seconds");
    resp_double(rq->out, rq->s->proto, (double)(now_ms - e->updated_ms) / 1000);
    resp_bulk_str(rq->out, "client-info");
    resp_bulk(rq->out, attl_b(e->client, e->client_len));
    reply_field_int(rq, "entry-id", (int64_t)e->id);
    reply_field_int(rq, "timestamp-created", e->created_ms);
    reply_field_int(rq, "timestamp-last-updated", e->updated_ms);
}

static void
reply_denials(struct request *rq, struct access *a, int64_t count)
{
    size_t max = denials_len(&a->denials);
    if (count < 0)
        count = 0;
    if ((uint64_t)count < max)
        max = (size_t)count;
    struct denial *list = malloc((max + 1) * sizeof *list);
    if (!list) {
        reply_failure(rq, ATTL_E_NOMEM);
        return;
    }
    size_t n = denials_get(&a->denials, list, max);
    resp_array(rq->out, n);
    for (size_t i = 0; i < n; i++)
        reply_denial(rq, &list[i], request_now_ms(rq));
    free(list);
}

/* ACL LOG [count | RESET] */
void
cmd_acl_log(struct request *rq)
{
    enum { COUNT_DEFAULT = 10 };
    struct access *a = users_of(rq);
    int64_t count = COUNT_DEFAULT;
    if (!a)
        return;
    if (rq->argc > 3) {
        reply_shape_error(rq);
    } else if (rq->argc == 3 && arg_is(rq->argv[2], "reset")) {
        denials_clear(&a->denials);
        reply_ok(rq);
    } else if (rq->argc == 2 || arg_i64(rq, 2, NULL, &count)) {
        reply_denials(rq, a, count);
    }
}

/* ---- DRYRUN, GENPASS ------------------------------------------------------------------------- */

/* What would become of it if that user ran the command. */
static void
reply_dry_run(struct request *rq, const struct access_user *u, const struct command *cmd)
{
    const attl_slice *argv = rq->argv + 3;
    struct access_request r = permit_request(cmd, argv, rq->argc - 3);
    size_t arg = 0;
    enum access_verdict verdict = user_check(u, &r, &arg);
    if (verdict == ACCESS_ALLOWED) {
        reply_ok(rq);
        return;
    }
    struct buf text;
    buf_init(&text, PROBLEM_TEXT_MAX);
    permit_explain(u, cmd, verdict, argv[arg], &text);
    reply_buf(rq, &text);
}

/* ACL DRYRUN username command [argument ...] */
void
cmd_acl_dryrun(struct request *rq)
{
    struct access *a = users_of(rq);
    struct access_user *u = a ? access_find(a, rq->argv[2]) : NULL;
    if (!a)
        return;
    if (!u) {
        resp_errorf(rq->out, "ERR User '%.*s' not found", shown(rq->argv[2]), bytes(rq->argv[2]));
        return;
    }
    const struct command *cmd = command_find(rq->argv[3]);
    if (cmd && cmd->subs_len && rq->argc > 4)
        cmd = command_find_sub(cmd, rq->argv[4]);
    if (!cmd)
        resp_errorf(rq->out, "ERR Command '%.*s' not found", shown(rq->argv[3]),
                    bytes(rq->argv[3]));
    else if (!command_arity_fits(cmd, rq->argc - 3))
        resp_errorf(rq->out, "ERR wrong number of arguments for '%s' command", cmd->name);
    else
        reply_dry_run(rq, u, cmd);
    user_free(u);
}

/* ACL GENPASS [bits] */
void
cmd_acl_genpass(struct request *rq)
{
    unsigned char random[GENPASS_BITS_MAX / 8] = { 0 };
    char text[GENPASS_BITS_MAX / 4];
    int64_t bits = GENPASS_BITS_DEFAULT;
    if (rq->argc > 3) {
        reply_shape_error(rq);
        return;
    }
    if (rq->argc == 3 && !arg_i64(rq, 2, NULL, &bits))
        return;
    if (bits <= 0 || bits > GENPASS_BITS_MAX) {
        resp_errorf(rq->out,
                    "ERR ACL GENPASS argument must be the number of bits for the output password, "
                    "a positive number up to %d",
                    GENPASS_BITS_MAX);
        return;
    }
    if (!process_random(random, sizeof random)) {
        resp_error(rq->out, "ERR the system has no random numbers");
        return;
    }
    size_t chars = (size_t)(bits + 3) / 4;
    hex_digits(text, random, sizeof random);
    resp_bulk(rq->out, attl_b(text, chars));
    explicit_bzero(text, sizeof text);
    explicit_bzero(random, sizeof random);
}
