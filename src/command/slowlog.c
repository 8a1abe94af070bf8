/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of entries, the newest first. An entry is one allocation, made before the lock is taken;
 * without memory for it the request is counted and nothing else happens. Identifiers go on after a
 * reset, as Redis' do, so that whoever polls can tell what is new.
 */
#include "command/slowlog.h"

#include "base/assert.h"
#include "command/redact.h"
#include "os/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LINE_MAX = 1024,    /* bytes of a log line's text */
    LINE_WORDS_MAX = 8, /* words of the request in it */
    LOG_LEVEL_INFO = 1, /* of attl_log_fn */
    LENGTH_BYTES = 2,
    NS_PER_US = 1000,
    US_PER_MS = 1000,
    US_PER_S = 1000000
};

/* The words of a request as they will be shown, each behind its length. */
struct words {
    size_t n, len;
    char text[SLOWLOG_WORDS_MAX * (LENGTH_BYTES + REDACT_TEXT_MAX)];
};

/* ---- lists ----------------------------------------------------------------------------------- */

struct slowlog *
slowlog_new(const struct clock *clock)
{
    struct slowlog *log = aligned_alloc(_Alignof(struct slowlog), sizeof *log);
    if (!log)
        return NULL;
    memset(log, 0, sizeof *log);
    log->clock = clock;
    lock_init(&log->lock);
    latency_init(&log->monitor);
    log->hash.use_siphash = true;
    /* Without randomness hashes could be guessed, but the system has some once it has started. */
    (void)process_random(log->hash.sip, sizeof log->hash.sip);
    static const struct slowlog_limits none = { { -1, -1, -1 }, { 0 }, 0, false, true };
    slowlog_set_limits(log, &none);
    return log;
}

/* REQUIRES log->lock */
static void
drop_oldest(struct slowlog *log, struct slow_list *list)
{
    struct slow_entry *e = list->oldest;
    list->oldest = e->newer;
    if (list->oldest)
        list->oldest->older = NULL;
    else
        list->newest = NULL;
    list->len--;
    log->bytes -= e->bytes;
    free(e);
}

/* Keeps a list to `len_max`, and all of them to SLOWLOG_BYTES_MAX at the cost of this one. REQUIRES
 * log->lock */
static void
trim(struct slowlog *log, struct slow_list *list)
{
    while (list->len > list->len_max || (list->len > 0 && log->bytes > SLOWLOG_BYTES_MAX))
        drop_oldest(log, list);
}

void
slowlog_reset(struct slowlog *log, enum slowlog_kind kind)
{
    lock_acquire(&log->lock);
    while (log->lists[kind].len > 0)
        drop_oldest(log, &log->lists[kind]);
    lock_release(&log->lock);
}

void
slowlog_reset_stats(struct slowlog *log)
{
    lock_acquire(&log->lock);
    for (unsigned kind = 0; kind < SLOWLOG_KINDS; kind++) {
        struct slow_list *list = &log->lists[kind];
        list->seen = list->dropped = list->sum = 0;
        list->worst = 0;
    }
    lock_release(&log->lock);
}

void
slowlog_free(struct slowlog **log_ptr)
{
    struct slowlog *log = *log_ptr;
    if (!log)
        return;
    for (unsigned kind = 0; kind < SLOWLOG_KINDS; kind++)
        slowlog_reset(log, (enum slowlog_kind)kind);
    free(log);
    *log_ptr = NULL;
}

/* What counts from `least` on, if that is >= 0. */
static uint64_t
bound_of(int64_t least)
{
    return least < 0 ? UINT64_MAX : (uint64_t)least;
}

void
slowlog_set_limits(struct slowlog *log, const struct slowlog_limits *limits)
{
    int64_t slow_us = limits->least[SLOWLOG_SLOW];
    int64_t monitor_us = limits->monitor_ms > 0 ? limits->monitor_ms * US_PER_MS : -1;
    int64_t least_us = slow_us < 0 || (monitor_us >= 0 && monitor_us < slow_us) ? monitor_us
                                                                                : slow_us;
    uint64_t ticks = least_us < 0 ? UINT64_MAX : clock_ns_ticks(log->clock, least_us * NS_PER_US);
    atomic_store(&log->slow_us, slow_us < 0 ? INT64_MAX : slow_us);
    atomic_store(&log->monitor.threshold_ms, limits->monitor_ms);
    atomic_store(&log->ticks_least, ticks);
    atomic_store(&log->timing, least_us >= 0);
    atomic_store(&log->redact, limits->redact);
    atomic_store(&log->redact_log, limits->redact_log);
    lock_acquire(&log->lock);
    for (unsigned kind = 0; kind < SLOWLOG_KINDS; kind++) {
        atomic_store(&log->bytes_least[kind], bound_of(limits->least[kind]));
        log->lists[kind].len_max = limits->len_max[kind];
        trim(log, &log->lists[kind]);
    }
    lock_release(&log->lock);
}

const char *
slowlog_kind_name(enum slowlog_kind kind)
{
    static const char *const names[SLOWLOG_KINDS] = { "slow", "large-request", "large-reply" };
    ASSERT(kind < SLOWLOG_KINDS);
    return names[kind];
}

struct slow_list
slowlog_summary(struct slowlog *log, enum slowlog_kind kind)
{
    lock_acquire(&log->lock);
    struct slow_list list = log->lists[kind];
    lock_release(&log->lock);
    list.newest = list.oldest = NULL;
    return list;
}

size_t
slowlog_each(struct slowlog *log, enum slowlog_kind kind, uint64_t max,
             void (*fn)(void *ud, const struct slow_entry *entry), void *ud)
{
    size_t n = 0;
    lock_acquire(&log->lock);
    for (const struct slow_entry *e = log->lists[kind].newest; e && n < max; e = e->older, n++)
        fn(ud, e);
    lock_release(&log->lock);
    return n;
}

bool
slowlog_word(const struct slow_entry *e, size_t *at, attl_slice *ret_word)
{
    if (*at >= e->text_len)
        return false;
    size_t len = (unsigned char)e->text[*at] | (size_t)(unsigned char)e->text[*at + 1] << 8;
    *ret_word = attl_b(e->text + *at + LENGTH_BYTES, len);
    *at += LENGTH_BYTES + len;
    return true;
}

/* ---- entries --------------------------------------------------------------------------------- */

static void
words_add(struct words *w, const char *text, size_t len)
{
    ASSERT(len < REDACT_TEXT_MAX && w->n < SLOWLOG_WORDS_MAX);
    char *to = w->text + w->len;
    to[0] = (char)(len & 0xff);
    to[1] = (char)(len >> 8);
    memcpy(to + LENGTH_BYTES, text, len);
    w->len += LENGTH_BYTES + len;
    w->n++;
}

/* As Redis: of more than 32 words the last says how many there are besides. */
static void
words_of_request(struct words *w, const struct request *rq, const struct hash_key *hash)
{
    char text[REDACT_TEXT_MAX];
    w->n = w->len = 0;
    size_t shown = rq->argc <= SLOWLOG_WORDS_MAX ? rq->argc : SLOWLOG_WORDS_MAX - 1;
    for (size_t i = 0; i < shown; i++)
        words_add(w, text, redact_argument(rq, i, hash, text));
    if (shown == rq->argc)
        return;
    int n = snprintf(text, sizeof text, "... (%zu more arguments)", rq->argc - shown);
    words_add(w, text, n > 0 ? (size_t)n : 0);
}

/* The name alone, "attl.log|sync" as two words. */
static void
words_of_command(struct words *w, const struct command *cmd)
{
    w->n = w->len = 0;
    size_t len = strcspn(cmd->name, "|");
    words_add(w, cmd->name, len);
    if (cmd->name[len] == '|')
        words_add(w, cmd->name + len + 1, strlen(cmd->name + len + 1));
}

static void
put_entry(struct slowlog *log, enum slowlog_kind kind, struct slow_entry *e, int64_t value)
{
    struct slow_list *list = &log->lists[kind];
    lock_acquire(&log->lock);
    list->seen++;
    list->sum += (uint64_t)value;
    list->worst = value > list->worst ? value : list->worst;
    if (!e) {
        list->dropped++;
    } else {
        e->id = list->next_id++;
        e->older = list->newest;
        e->newer = NULL;
        if (list->newest)
            list->newest->newer = e;
        else
            list->oldest = e;
        list->newest = e;
        list->len++;
        log->bytes += e->bytes;
        trim(log, list);
    }
    lock_release(&log->lock);
}

static void
add(struct command_env *env, const struct session *s, enum slowlog_kind kind, const struct words *w,
    int64_t value)
{
    size_t bytes = sizeof(struct slow_entry) + w->len;
    struct slow_entry *e = malloc(bytes);
    if (e) {
        *e = (struct slow_entry){ .client = s->id, .value = value, .bytes = bytes };
        e->time_s = env->host->wall_us(env->host->ud) / US_PER_S;
        e->words = w->n;
        e->text_len = w->len;
        memcpy(e->addr, s->addr, sizeof e->addr);
        memcpy(e->name, s->name, sizeof e->name);
        memcpy(e->trace, s->trace, sizeof e->trace);
        memcpy(e->text, w->text, w->len);
    }
    put_entry(env->slow, kind, e, value);
}

/* ---- log lines ------------------------------------------------------------------------------- */

/* Appends the words of a line; what does not fit is left out. */
static size_t
line_words(char line[LINE_MAX], const struct words *w)
{
    size_t len = 0, at = 0;
    for (size_t i = 0; i < w->n && i < LINE_WORDS_MAX; i++) {
        size_t n = (unsigned char)w->text[at] | (size_t)(unsigned char)w->text[at + 1] << 8;
        if (len + n + 1 >= LINE_MAX / 2)
            break;
        memcpy(line + len, w->text + at + LENGTH_BYTES, n);
        /* A NUL would end the line, which is text. */
        for (size_t j = 0; j < n; j++)
            if (line[len + j] == '\0')
                line[len + j] = '?';
        len += n;
        line[len++] = ' ';
        at += LENGTH_BYTES + n;
    }
    return len;
}

static void
tell(struct command_env *env, const struct session *s, enum slowlog_kind kind,
     const struct words *w, int64_t value)
{
    static const char *const events[SLOWLOG_KINDS] = { "slow_command", "large_request",
                                                       "large_reply" };
    static const char *const verbs[SLOWLOG_KINDS] = { "took", "had a request of",
                                                      "had a reply of" };
    if (!env->host->log)
        return;
    char line[LINE_MAX];
    size_t len = line_words(line, w);
    (void)snprintf(line + len, sizeof line - len, "%s %" PRId64 " %s (client %" PRIu64 " %s%s%s)",
                   verbs[kind], value, kind == SLOWLOG_SLOW ? "us" : "bytes", s->id, s->addr,
                   s->name[0] ? " " : "", s->name); /* cut is fine */
    env->host->log(env->host->ud, LOG_LEVEL_INFO, events[kind], line);
}

/* ---- noting ---------------------------------------------------------------------------------- */

static void
record(const struct request *rq, enum slowlog_kind kind, int64_t value)
{
    struct slowlog *log = rq->env->slow;
    bool redact = atomic_load(&log->redact), redact_log = atomic_load(&log->redact_log);
    struct words w;
    words_of_request(&w, rq, redact ? &log->hash : NULL);
    add(rq->env, rq->s, kind, &w, value);
    if (redact != redact_log)
        words_of_request(&w, rq, redact_log ? &log->hash : NULL);
    tell(rq->env, rq->s, kind, &w, value);
}

static void
note_duration(struct command_env *env, const struct command *cmd, int64_t took_us)
{
    latency_note(&env->slow->monitor,
                 cmd->flags & CMD_FAST ? LATENCY_FAST_COMMAND : LATENCY_COMMAND,
                 env->host->wall_us(env->host->ud) / US_PER_S, took_us / US_PER_MS);
}

void
slowlog_note(const struct request *rq, int64_t took_us, size_t reply_bytes)
{
    struct slowlog *log = rq->env->slow;
    size_t request_bytes = 0;
    for (size_t i = 0; i < rq->argc; i++)
        request_bytes += rq->argv[i].len;
    if (slowlog_is_timing(log))
        note_duration(rq->env, rq->cmd, took_us);
    if (took_us >= atomic_load(&log->slow_us))
        record(rq, SLOWLOG_SLOW, took_us);
    if (slowlog_is_large(log, SLOWLOG_LARGE_REQUEST, request_bytes))
        record(rq, SLOWLOG_LARGE_REQUEST, (int64_t)request_bytes);
    if (!rq->out->failed && slowlog_is_large(log, SLOWLOG_LARGE_REPLY, reply_bytes))
        record(rq, SLOWLOG_LARGE_REPLY, (int64_t)reply_bytes);
}

void
slowlog_note_job(struct command_env *env, const struct session *s, const struct command *cmd,
                 int64_t took_us)
{
    if (!env->slow || !slowlog_is_timing(env->slow))
        return;
    note_duration(env, cmd, took_us);
    if (took_us < atomic_load(&env->slow->slow_us))
        return;
    struct words w;
    words_of_command(&w, cmd);
    add(env, s, SLOWLOG_SLOW, &w, took_us);
    tell(env, s, SLOWLOG_SLOW, &w, took_us);
}
