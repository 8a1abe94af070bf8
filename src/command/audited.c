/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Without fail_closed a command runs first and is recorded with its outcome, by a line that is left
 * to the trail's thread. With it a line that says "begun" is waited for before the command runs, so
 * that nothing happens without one, and a second line says the outcome. CONFIG SET gets a line per
 * setting, with its value before and after as CONFIG GET shows them, secrets as asterisks. What a
 * word may give away is decided here and nowhere else.
 */
#include "command/audited.h"

#include "base/assert.h"
#include "command/keys.h"
#include "command/reply.h"
#include "command/session.h"

#include <stdlib.h>

enum {
    WORDS_BYTES = 4096,
    NAME_BYTES = 64,
    VALUE_BYTES = 1024,
    PAIRS_MAX = 64,
    KEYS_SHOWN = 16,
    OUTCOME_BYTES = 32
};

/* What only looks, by the command's own word. */
static const char *const looks[] = {
    "cat",         "count",       "doctor",   "dryrun",       "genpass", "get",      "getuser",
    "help",        "histogram",   "history",  "info",         "kinds",   "lastsave", "latest",
    "len",         "list",        "log",      "malloc-stats", "role",    "show",     "stats",
    "status",      "tail",        "usage",    "users",        "verify",  "whoami",   "attl.hotkeys",
    "attl.shards", "attl.config", "attl.due", "attl.slowlog",
};

/* Kinds by the beginning of the name; the first row that fits. */
static const struct {
    const char *prefix;
    enum audit_kind kind;
} kinds[] = {
    { "auth", AUDIT_AUTH },
    { "hello", AUDIT_AUTH },
    { "acl|", AUDIT_ACL },
    { "config|", AUDIT_CONFIG },
    { "client|", AUDIT_CLIENT },
    { "flush", AUDIT_FLUSH },
    { "attl.ns|", AUDIT_NAMESPACE },
    { "attl.erase", AUDIT_ERASE },
    { "attl.rollback", AUDIT_ROLLBACK },
    { "attl.incident|", AUDIT_INCIDENT },
    { "attl.audit|", AUDIT_AUDIT },
};

void
audited_prepare(struct command_env *env)
{
    bool on = env->host->audit != NULL;
    bool writes = on && (env->audit_spaces || audit_has_writes(env->host->audit));
    env->audit_flags = on ? CMD_ADMIN | CMD_AUDITED | (writes ? CMD_WRITE : 0U) : 0;
    env->audit_cats = on ? CAT_DANGEROUS : 0;
}

static bool
only_looks(const struct command *cmd)
{
    const char *word = command_word(cmd);
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++)
        if (strcmp(looks[i], word) == 0)
            return true;
    return false;
}

enum audit_kind
audited_kind(const struct command *cmd)
{
    if (only_looks(cmd))
        return AUDIT_KINDS;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(cmd->name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].kind;
    return cmd->flags & CMD_ADMIN || cmd->cats & CAT_DANGEROUS ? AUDIT_ADMIN : AUDIT_WRITE;
}

/* ---- words ---- */

static bool
name_is(const struct request *rq, const char *name)
{
    return strcmp(rq->cmd->name, name) == 0;
}

/* The user that HELLO or AUTH names; false if there is none. */
static bool
user_of_auth(const struct request *rq, attl_slice *ret)
{
    if (name_is(rq, "auth")) {
        *ret = rq->argc == 3 ? rq->argv[1] : attl_s("default");
        return true;
    }
    for (size_t i = 2; i + 2 < rq->argc; i++) {
        if (!arg_is(rq->argv[i], "auth"))
            continue;
        *ret = rq->argv[i + 1];
        return true;
    }
    return false;
}

static void
append_word(attl_slice word, struct buf *out)
{
    if (out->len)
        buf_append_str(out, " ");
    buf_append(out, word.data, word.len);
}

/* A rule of ACL SETUSER: passwords and their digests are left out. */
static void
append_rule(attl_slice word, struct buf *out)
{
    char first = word.len ? *(const char *)word.data : '\0';
    bool secret = first == '>' || first == '<' || first == '#' || first == '!';
    append_word(secret ? attl_b(word.data, 1) : word, out);
    if (secret)
        buf_append_str(out, "***");
}

static bool
is_key(const struct key_range *keys, size_t i)
{
    return keys->n && i >= keys->first && (i - keys->first) % keys->step == 0 &&
           (i - keys->first) / keys->step < keys->n;
}

/* From which word on all are names of keys, or patterns of them. */
static size_t
names_from(const struct request *rq)
{
    bool erases = strncmp(rq->cmd->name, "attl.erase|", strlen("attl.erase|")) == 0;
    return name_is(rq, "keys") ? 1 : erases ? 2 : SIZE_MAX;
}

static void
append_hidden(const struct request *rq, attl_slice key, struct buf *out)
{
    if (out->len)
        buf_append_str(out, " ");
    audit_hide(rq->env->host->audit, key, out);
}

/* The keys of a write, without anything else. */
static void
append_keys(const struct request *rq, struct buf *out)
{
    struct key_range keys = command_key_range(rq->cmd, rq->argv, rq->argc);
    for (size_t i = 0; i < keys.n && i < KEYS_SHOWN; i++)
        append_hidden(rq, rq->argv[keys.first + i * keys.step], out);
    if (keys.n > KEYS_SHOWN)
        buf_printf(out, " and %zu more", keys.n - KEYS_SHOWN);
}

/* What the request is about, with nothing in it that must not be in the trail. */
static void
append_words(const struct request *rq, enum audit_kind kind, struct buf *out)
{
    attl_slice user;
    if (kind == AUDIT_AUTH) {
        if (user_of_auth(rq, &user))
            append_word(user, out);
        return;
    }
    if (kind == AUDIT_WRITE) {
        append_keys(rq, out);
        return;
    }
    struct key_range keys = command_key_range(rq->cmd, rq->argv, rq->argc);
    size_t hidden = names_from(rq), step = name_is(rq, "config|set") ? 2 : 1;
    bool rules = name_is(rq, "acl|setuser");
    for (size_t i = command_is_sub(rq->cmd) ? 2 : 1; i < rq->argc && out->len < WORDS_BYTES / 2;
         i += step) {
        attl_slice word = rq->argv[i];
        if (word.len > AUDIT_TEXT_MAX_BYTES)
            word.len = AUDIT_TEXT_MAX_BYTES;
        if (i >= hidden || is_key(&keys, i))
            append_hidden(rq, rq->argv[i], out);
        else if (rules && i > 2)
            append_rule(word, out);
        else
            append_word(word, out);
    }
}

/* ---- lines ---- */

struct audited {
    struct request *rq;
    enum audit_kind kind;
    struct buf words;
};

static struct audit_record
record_of(const struct request *rq, enum audit_kind kind)
{
    const struct session *s = rq->s;
    struct audit_record r = { .kind = kind, .client_id = s->id };
    r.text[AUDIT_ACTION] = attl_s(rq->cmd->name);
    r.text[AUDIT_USER] = attl_s(session_user_name(s));
    r.text[AUDIT_ADDR] = attl_s(s->addr);
    r.text[AUDIT_CLIENT_NAME] = attl_s(s->name);
    r.text[AUDIT_TRACE] = attl_s(session_trace(s));
    return r;
}

/* The reply at `mark` in one word. */
static void
outcome_of(const struct request *rq, size_t mark, char out[OUTCOME_BYTES])
{
    const struct buf *b = rq->out;
    size_t n = 0;
    if (rq->s->waiting)
        memcpy(out, "started", sizeof "started");
    else if (b->failed || b->len <= mark || b->data[mark] != '-')
        memcpy(out, "ok", sizeof "ok");
    else {
        const char *p = b->data + mark + 1, *end = b->data + b->len;
        while (p + n < end && n < OUTCOME_BYTES - 1 && p[n] > ' ')
            n++;
        memcpy(out, p, n);
        out[n] = '\0';
    }
}

static void
put(struct audited *a, const char *outcome)
{
    struct audit_record r = record_of(a->rq, a->kind);
    r.text[AUDIT_OBJECT] = buf_slice(&a->words);
    r.text[AUDIT_OUTCOME] = attl_s(outcome);
    (void)audit_put(a->rq->env->host->audit, &r); /* a line that is lost is counted */
}

/* Before the command, where nothing may happen without a line. False after refusing. */
static bool
begin(struct audited *a)
{
    struct audit *audit = a->rq->env->host->audit;
    if (!audit_is_closed(audit))
        return true;
    struct audit_record r = record_of(a->rq, a->kind);
    r.text[AUDIT_OBJECT] = buf_slice(&a->words);
    r.text[AUDIT_OUTCOME] = attl_s("begun");
    if (!a->words.failed && audit_put_wait(audit, &r))
        return true;
    audit_refused(audit);
    resp_error(a->rq->out, "AUDIT the audit trail cannot be written, and audit.on_error is "
                           "fail_closed: nothing was done");
    return false;
}

/* ---- CONFIG SET ---- */

struct pair {
    char name[NAME_BYTES], before[VALUE_BYTES];
};

static void
read_setting(const struct request *rq, const char *name, char value[VALUE_BYTES])
{
    const struct command_host *host = rq->env->host;
    if (!name[0] || host->config_get(host->ud, name, value, VALUE_BYTES) != ATTL_OK)
        value[0] = '\0';
}

static void
read_pairs(const struct request *rq, struct pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!arg_text(rq->argv[2 + 2 * i], pairs[i].name, NAME_BYTES))
            pairs[i].name[0] = '\0';
        for (char *p = pairs[i].name; *p; p++)
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
        read_setting(rq, pairs[i].name, pairs[i].before);
    }
}

static void
put_pairs(struct audited *a, const struct pair *pairs, size_t n, const char *outcome)
{
    char after[VALUE_BYTES];
    for (size_t i = 0; i < n; i++) {
        read_setting(a->rq, pairs[i].name, after);
        struct audit_record r = record_of(a->rq, a->kind);
        r.text[AUDIT_OBJECT] = attl_s(pairs[i].name);
        r.text[AUDIT_BEFORE] = attl_s(pairs[i].before);
        r.text[AUDIT_AFTER] = attl_s(after);
        r.text[AUDIT_OUTCOME] = attl_s(outcome);
        (void)audit_put(a->rq->env->host->audit, &r); /* counted */
    }
}

/* ---- running ---- */

/* The key's namespace says it, or leaves it to audit.writes. */
static bool
wants_key(const struct command_env *env, attl_slice key)
{
    int says = env->audit_spaces ? attl_ns_audit(env->cache, key) : 0;
    return says > 0 || (says == 0 && audit_wants(env->host->audit, key));
}

/* Whether changes of one of the keys are recorded. */
static bool
wants_write(const struct request *rq)
{
    struct key_range keys = command_key_range(rq->cmd, rq->argv, rq->argc);
    for (size_t i = 0; i < keys.n; i++)
        if (wants_key(rq->env, rq->argv[keys.first + i * keys.step]))
            return true;
    return false;
}

/* Whether it is to be recorded, and as what. */
static bool
is_recorded(const struct request *rq, enum audit_kind kind)
{
    attl_slice user;
    switch (kind) {
    case AUDIT_KINDS: return false;
    case AUDIT_AUTH: return user_of_auth(rq, &user);
    case AUDIT_WRITE: return wants_write(rq);
    default: return true;
    }
}

static void
run_config_set(struct audited *a, void (*run)(struct request *rq))
{
    struct request *rq = a->rq;
    size_t mark = rq->out->len, n = (rq->argc - 2) / 2;
    char outcome[OUTCOME_BYTES];
    struct pair *pairs = n <= PAIRS_MAX ? calloc(n ? n : 1, sizeof *pairs) : NULL;
    if (pairs)
        read_pairs(rq, pairs, n);
    run(rq);
    outcome_of(rq, mark, outcome);
    if (pairs)
        put_pairs(a, pairs, n, outcome);
    else
        put(a, outcome);
    free(pairs);
}

void
audited_run(struct request *rq, void (*run)(struct request *rq))
{
    size_t mark = rq->out->len;
    char outcome[OUTCOME_BYTES];
    struct audited a = { .rq = rq, .kind = audited_kind(rq->cmd) };
    if (!is_recorded(rq, a.kind)) {
        run(rq);
        return;
    }
    buf_init(&a.words, WORDS_BYTES);
    append_words(rq, a.kind, &a.words);
    if (begin(&a)) {
        if (name_is(rq, "config|set")) {
            run_config_set(&a, run);
        } else {
            run(rq);
            outcome_of(rq, mark, outcome);
            put(&a, outcome);
        }
    }
    buf_fini(&a.words);
}

void
audited_denied(struct request *rq, size_t mark)
{
    static const char noperm[] = "-NOPERM";
    const struct buf *b = rq->out;
    struct audited a = { .rq = rq, .kind = AUDIT_DENIED };
    if (!rq->env->host->audit || !rq->cmd || b->failed || b->len - mark < sizeof noperm ||
        memcmp(b->data + mark, noperm, sizeof noperm - 1) != 0)
        return;
    buf_init(&a.words, WORDS_BYTES);
    append_keys(rq, &a.words);
    put(&a, "NOPERM");
    buf_fini(&a.words);
}

void
audited_job_end(struct request *rq, size_t mark)
{
    char outcome[OUTCOME_BYTES];
    struct audited a = { .rq = rq, .kind = audited_kind(rq->cmd) };
    if (a.kind == AUDIT_KINDS || a.kind == AUDIT_WRITE)
        return;
    buf_init(&a.words, WORDS_BYTES);
    outcome_of(rq, mark, outcome);
    put(&a, outcome);
    buf_fini(&a.words);
}
