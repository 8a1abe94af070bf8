/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CONFIG. The settings belong to the host; here are the patterns of GET and the all-or-nothing of
 * SET: the old values are read first and put back when a later pair of the same request is refused.
 * Values travel as text of bounded length in both directions. The host shows a secret as asterisks,
 * which must never be "put back": secrets are therefore set last, when nothing else can fail any
 * more.
 */
#include "command/commands.h"
#include "base/glob.h"
#include "command/reply.h"
#include "command/slowlog.h"
#include "command/stats.h"

#include <stdlib.h>

enum {
    SETTING_NAME_MAX = 64,
    SETTING_VALUE_MAX = 1024,
    SETTING_PATTERNS_MAX = 64, /* of one CONFIG GET: each is compared with those before it */
    SETTING_PAIRS_MAX = 64,    /* of one CONFIG SET */
    SETTING_NAMES_MAX = 4096,  /* the host's list must end before */
    SETTING_ERROR_MAX = 256
};

/* ---- GET ---- */

static bool
has_wildcard(attl_slice pattern)
{
    const char *p = pattern.data;
    for (size_t i = 0; i < pattern.len; i++)
        if (strchr("*?[\\", p[i]) && p[i])
            return true;
    return false;
}

static void
text_lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

/* Writes the pair `name`, value if there is such a setting; how many pairs were written. */
static size_t
reply_setting(struct request *rq, const char *name)
{
    char value[SETTING_VALUE_MAX];
    const struct command_host *host = rq->env->host;
    if (host->config_get(host->ud, name, value, sizeof value) != ATTL_OK)
        return 0;
    reply_field_str(rq, name, value);
    return 1;
}

/* Whether one of the patterns before argument `end` matches, so that no setting is shown twice. */
static bool
matched_before(const struct request *rq, size_t end, const char *name)
{
    for (size_t i = 2; i < end; i++)
        if (glob_match_name(rq->argv[i], name))
            return true;
    return false;
}

/* The name without wildcards at argument i. It is echoed as it was written, which clients rely on.
 */
static size_t
reply_exact(struct request *rq, size_t i)
{
    const struct command_host *host = rq->env->host;
    char name[SETTING_NAME_MAX], value[SETTING_VALUE_MAX];
    if (!arg_text(rq->argv[i], name, sizeof name) || matched_before(rq, i, name))
        return 0;
    text_lower(name);
    if (host->config_get(host->ud, name, value, sizeof value) != ATTL_OK)
        return 0;
    resp_bulk(rq->out, rq->argv[i]);
    resp_bulk_str(rq->out, value);
    return 1;
}

static size_t
reply_matching(struct request *rq, size_t i)
{
    const struct command_host *host = rq->env->host;
    const char *name;
    size_t n = 0;
    for (size_t at = 0; at < SETTING_NAMES_MAX && host->config_name(host->ud, at, &name); at++)
        if (glob_match_name(rq->argv[i], name) && !matched_before(rq, i, name))
            n += reply_setting(rq, name);
    return n;
}

/* CONFIG GET pattern [pattern ...] */
void
cmd_config_get(struct request *rq)
{
    size_t mark = rq->out->len, n = 0;
    if (rq->argc - 2 > SETTING_PATTERNS_MAX) {
        resp_error(rq->out, "ERR too many patterns");
        return;
    }
    for (size_t i = 2; i < rq->argc; i++)
        n += has_wildcard(rq->argv[i]) ? reply_matching(rq, i) : reply_exact(rq, i);
    reply_insert_map(rq, mark, n);
}

/* ---- SET ---- */

struct config_change {
    size_t n;
    bool done[SETTING_PAIRS_MAX];
    char names[SETTING_PAIRS_MAX][SETTING_NAME_MAX];
    char old[SETTING_PAIRS_MAX][SETTING_VALUE_MAX];
};

static void
reply_config_problem(struct request *rq, attl_slice name, const char *problem)
{
    resp_errorf(rq->out, "ERR CONFIG SET failed (possibly related to argument '%.*s') - %s",
                (int)(name.len < SETTING_NAME_MAX ? name.len : SETTING_NAME_MAX),
                name.len ? (const char *)name.data : "", problem);
}

static bool
given_before(const struct request *rq, size_t end)
{
    for (size_t i = 2; i < end; i += 2)
        if (rq->argv[i].len == rq->argv[end].len &&
            strncasecmp(rq->argv[i].data, rq->argv[end].data, rq->argv[end].len) == 0)
            return true;
    return false;
}

/* Reads names and old values of all pairs; false after answering. Nothing was changed yet. */
static bool
change_prepare(struct request *rq, struct config_change *change)
{
    const struct command_host *host = rq->env->host;
    for (size_t i = 2; i < rq->argc; i += 2) {
        char *name = change->names[change->n];
        attl_slice arg = rq->argv[i];
        bool known = arg_text(arg, name, SETTING_NAME_MAX);
        text_lower(name);
        if (!known || host->config_get(host->ud, name, change->old[change->n], SETTING_VALUE_MAX) !=
                          ATTL_OK) {
            resp_errorf(rq->out,
                        "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
                        (int)(arg.len < SETTING_NAME_MAX ? arg.len : SETTING_NAME_MAX),
                        arg.len ? (const char *)arg.data : "");
            return false;
        }
        if (given_before(rq, i)) {
            reply_config_problem(rq, arg, "duplicate parameter");
            return false;
        }
        change->n++;
    }
    return true;
}

static bool
is_hidden(const char *value)
{
    return value[0] == '*' && strspn(value, "*") == strlen(value);
}

static void
change_undo(struct request *rq, struct config_change *change)
{
    const struct command_host *host = rq->env->host;
    /* The values were in force a moment ago, so they are accepted again; there is nobody else to
     * tell. */
    for (size_t i = change->n; i-- > 0;)
        if (change->done[i] && !is_hidden(change->old[i]))
            (void)host->config_set(host->ud, change->names[i], change->old[i], NULL, 0);
}

/* Sets the i-th pair; false after answering. */
static bool
change_one(struct request *rq, struct config_change *change, size_t i)
{
    const struct command_host *host = rq->env->host;
    char value[SETTING_VALUE_MAX] = "", problem[SETTING_ERROR_MAX] = "argument is too long";
    attl_slice arg = rq->argv[3 + 2 * i];
    int st = ATTL_E_CONFIG;
    if (arg.len == 0 || arg_text(arg, value, sizeof value))
        st = host->config_set(host->ud, change->names[i], value, problem, sizeof problem);
    change->done[i] = st == ATTL_OK;
    if (st == ATTL_E_IMMUTABLE)
        reply_config_problem(rq, rq->argv[2 + 2 * i], "can't set immutable config");
    else if (st != ATTL_OK)
        reply_config_problem(rq, rq->argv[2 + 2 * i], problem);
    return change->done[i];
}

/* Sets all pairs, secrets last; false after answering and undoing. */
static bool
change_apply(struct request *rq, struct config_change *change)
{
    for (int secrets = 0; secrets <= 1; secrets++) {
        for (size_t i = 0; i < change->n; i++) {
            if (is_hidden(change->old[i]) != secrets || change_one(rq, change, i))
                continue;
            change_undo(rq, change);
            return false;
        }
    }
    char problem[SETTING_ERROR_MAX] = "";
    const struct command_host *host = rq->env->host;
    if (!host->config_settle || host->config_settle(host->ud, problem, sizeof problem) == ATTL_OK)
        return true;
    change_undo(rq, change);
    (void)host->config_settle(host->ud, NULL, 0); /* as it was before */
    reply_config_problem(rq, rq->argv[2], problem);
    return false;
}

/* CONFIG SET name value [name value ...] */
void
cmd_config_set(struct request *rq)
{
    if (rq->argc % 2 != 0 || (rq->argc - 2) / 2 > SETTING_PAIRS_MAX) {
        reply_syntax_error(rq);
        return;
    }
    struct config_change *change = calloc(1, sizeof *change);
    if (!change) {
        reply_failure(rq, ATTL_E_NOMEM);
        return;
    }
    if (change_prepare(rq, change) && change_apply(rq, change))
        reply_ok(rq);
    free(change);
}

/* CONFIG RESETSTAT */
void
cmd_config_resetstat(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    attl_stats_reset(rq->env->cache);
    stats_reset(rq->env);
    if (rq->env->slow)
        slowlog_reset_stats(rq->env->slow);
    host->stats_reset(host->ud);
    reply_ok(rq);
}

/* CONFIG REWRITE */
void
cmd_config_rewrite(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    char problem[SETTING_ERROR_MAX] = "the settings could not be written";
    if (host->config_rewrite(host->ud, problem, sizeof problem) == ATTL_OK)
        reply_ok(rq);
    else
        resp_errorf(rq->out, "ERR Rewriting config file: %s", problem);
}
