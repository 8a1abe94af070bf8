/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slow log: the last commands that took long, and the last with a large request or reply. Every
 * command is measured, not a sample, because the one that matters is rare: two readings of a
 * counter, one where commands follow each other, and none if nothing asks for it. What was found
 * remarkable goes to lists for all workers, under a lock that other commands never touch; there is
 * no limit in it that changes without one. Memory is bounded by lengths and by SLOWLOG_BYTES_MAX.
 */
#ifndef ATTL_COMMAND_SLOWLOG_H
#define ATTL_COMMAND_SLOWLOG_H

#include "base/hash.h"
#include "command/command.h"
#include "command/latency.h"
#include "os/clock.h"
#include "os/lock.h"

struct request;
struct command;

enum slowlog_kind {
    SLOWLOG_SLOW,          /* microseconds */
    SLOWLOG_LARGE_REQUEST, /* bytes of its words */
    SLOWLOG_LARGE_REPLY,   /* bytes */
    SLOWLOG_KINDS
};

enum { SLOWLOG_WORDS_MAX = 32, SLOWLOG_BYTES_MAX = 16 << 20 };

/* What is found remarkable; settings of the same names. */
struct slowlog_limits {
    int64_t least[SLOWLOG_KINDS]; /* microseconds and bytes; < 0: nothing is */
    uint64_t len_max[SLOWLOG_KINDS];
    int64_t monitor_ms;      /* 0: LATENCY is told nothing */
    bool redact, redact_log; /* keys and values: in the lists, in log lines */
};

struct slow_entry {
    struct slow_entry *newer, *older;
    uint64_t id;
    uint64_t client;
    int64_t time_s; /* Unix */
    int64_t value;  /* of its kind's unit */
    char addr[64];
    char name[SESSION_NAME_MAX + 1];
    char trace[SESSION_TRACE_MAX + 1];
    size_t bytes;           /* of this allocation */
    size_t words, text_len; /* words of the request, each behind two bytes with its length */
    char text[];
};

struct slow_list {
    struct slow_entry *newest, *oldest;
    uint64_t len, len_max;
    uint64_t next_id;
    uint64_t seen;    /* since the start or CONFIG RESETSTAT, also what has no entry any more */
    uint64_t dropped; /* for lack of memory */
    uint64_t sum;     /* of the values seen */
    int64_t worst;
};

struct slowlog {
    /* Read by every command, written by CONFIG SET only. */
    _Alignas(64) _Atomic uint64_t ticks_least;   /* what takes less is not looked at */
    _Atomic uint64_t bytes_least[SLOWLOG_KINDS]; /* [SLOWLOG_SLOW] is not used */
    const struct clock *clock;
    _Atomic bool timing; /* false: nothing asks for durations */
    _Atomic bool redact, redact_log;
    _Atomic int64_t slow_us; /* INT64_MAX: nothing is slow */
    struct hash_key hash;
    _Alignas(64) struct lock lock; /* guards what follows, but for the monitor */
    struct slow_list lists[SLOWLOG_KINDS];
    size_t bytes;
    struct latency_monitor monitor;
};

/* NULL on lack of memory. Nothing is remarkable until slowlog_set_limits(). `clock` stays. */
struct slowlog *slowlog_new(const struct clock *clock);
void slowlog_free(struct slowlog **log);
void slowlog_set_limits(struct slowlog *log, const struct slowlog_limits *limits);
/* "slow", "large-request", "large-reply", as COMMANDLOG has them. */
const char *slowlog_kind_name(enum slowlog_kind kind);
void slowlog_reset(struct slowlog *log, enum slowlog_kind kind);
/* Forgets the sums of all kinds, not the entries: CONFIG RESETSTAT. */
void slowlog_reset_stats(struct slowlog *log);
/* A copy of a list without its entries. */
struct slow_list slowlog_summary(struct slowlog *log, enum slowlog_kind kind);
/* One call per entry, the newest first, `max` at most, under the lock; how many. */
size_t slowlog_each(struct slowlog *log, enum slowlog_kind kind, uint64_t max,
                    void (*fn)(void *ud, const struct slow_entry *entry), void *ud);
/* The next word of an entry; *at begins at 0. False behind the last. */
bool slowlog_word(const struct slow_entry *entry, size_t *at, attl_slice *ret_word);

/* ---- for whoever executes commands ---- */

/* Looks closely at a request that has run and seems remarkable. `reply_bytes` of its reply. */
void slowlog_note(const struct request *rq, int64_t took_us, size_t reply_bytes);
/* A command that another thread did, whose words are gone. */
void slowlog_note_job(struct command_env *env, const struct session *s, const struct command *cmd,
                      int64_t took_us);

static inline bool
slowlog_is_timing(const struct slowlog *log)
{
    return atomic_load_explicit(&log->timing, memory_order_relaxed);
}

static inline bool
slowlog_is_long(const struct slowlog *log, uint64_t ticks)
{
    return ticks >= atomic_load_explicit(&log->ticks_least, memory_order_relaxed);
}

static inline bool
slowlog_is_large(const struct slowlog *log, enum slowlog_kind kind, size_t bytes)
{
    return bytes >= atomic_load_explicit(&log->bytes_least[kind], memory_order_relaxed);
}

#endif
