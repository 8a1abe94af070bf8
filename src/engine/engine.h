/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: one cache with its clock, its rules, its settings and its maintenance thread, and the
 * one scheme by which everything changes:
 *
 *   1. validate: a clear error, nothing changed, counted; ask whether the log takes changes now;
 *   2. lock the partition, find the entry, decide, publish, append the change to the log;
 *   3. if there was no room: unlock, make room, start over;
 *   4. count once, tell whoever watches, wake the maintenance if an earlier deadline came in, pay
 * what is owed; wait for the log if the caller's promise wants that.
 *
 * The place in the log is taken under the same lock that orders the changes of a key, so the log's
 * order is the cache's.
 *
 * The public functions in api/ supply the decision of step 2.
 */
#ifndef ATTL_ENGINE_ENGINE_H
#define ATTL_ENGINE_ENGINE_H

#include "cache/claim.h"
#include "cache/drain.h"
#include "cache/entry.h"
#include "cache/read.h"
#include "config/config.h"
#include "engine/completion.h"
#include "engine/control.h"
#include "engine/erase.h"
#include "engine/feed.h"
#include "engine/flight.h"
#include "engine/ledger.h"
#include "engine/log_wait.h"
#include "engine/namespace.h"
#include "engine/notice.h"
#include "engine/pace.h"
#include "engine/pool.h"
#include "engine/quota.h"
#include "engine/sample.h"
#include "engine/timer.h"
#include "engine/validate.h"
#include "engine/watch.h"
#include "os/clock.h"
#include "os/parker.h"
#include "os/pressure.h"
#include "os/thread.h"

struct store;

/* The control plane, as the engine knows it. */
struct control_link {
    struct control_hooks hooks;
    void *_Atomic ud; /* NULL: there is none yet; the data directory's threads may be faster */
    struct timer timer;
    _Atomic uint32_t news;   /* calls of control_wake() */
    _Atomic int64_t last_ms; /* when the last cycle was */
    _Atomic int64_t next_ms; /* what the timer was set to by that one */
};

struct attl {
    struct cache cache;
    struct store *store;                        /* the data directory; NULL: there is none */
    _Atomic(struct namespace_set *) namespaces; /* NULL: there are none */
    struct quota_state quotas;
    struct namespace_set *durabilities; /* as opened; NULL: everything is logged */
    struct notice_board notices;
    attl_notice_fn notice_fn; /* the program's hook, NULL: none */
    void *notice_ud;
    struct watch_table watches;
    struct feed_list feeds;
    struct ledger *ledger; /* NULL: ledger.entries is 0 */
    struct flight_table flights;
    struct validate_rules rules;
    _Atomic bool rejects;           /* some namespace does, while the log cannot be written */
    _Atomic bool serves_stale;      /* some namespace does; beside what every read looks at */
    _Atomic int64_t default_ttl_ms; /* 0: none */
    _Atomic int64_t return_delay_ms;
    _Atomic int64_t transaction_ops, rollback_ops; /* most of them in one */
    struct clock clock;
    attl_clock_fn clock_fn; /* NULL: the clock above */
    void *clock_ud;
    attl_log_fn log_fn;
    void *log_ud;
    struct lock config_lock;
    attl_config *config; /* settings in force */

    /* Maintenance. */
    bool background;
    _Atomic bool stopping;
    struct thread thread;
    struct parker parker;
    _Atomic int64_t armed_ms;   /* when the thread will wake by itself; INT64_MIN while awake */
    _Atomic int64_t trim_at_ms; /* when empty arenas go back to the system; INT64_MAX: none */
    struct lock tick_lock;
    struct pace pace;

    struct sampler sampler;
    struct control_link control;
    struct pressure_source pressure; /* the control plane's */

    /* Asynchronous work. */
    struct timers timers;
    struct queue_list queues;
    struct pool pool;
    struct log_waits log_waits;

    struct erase_totals erased;

    attl_slow_fn slow_fn; /* NULL: nobody wants to hear of what is slow */
    void *slow_ud;
    _Atomic int64_t slow_limit_ns; /* 0: the same */
};

/* Whether keys may have policies at all. */
static inline bool
engine_has_namespaces(const struct attl *a)
{
    return __builtin_expect(atomic_load_explicit(&a->namespaces, memory_order_relaxed) != NULL, 0);
}

/* When something began that may be slow; 0: nobody wants to know. */
static inline int64_t
engine_slow_begin(const struct attl *a)
{
    int64_t limit_ns = atomic_load_explicit(&a->slow_limit_ns, memory_order_relaxed);
    return __builtin_expect(limit_ns > 0, 0) ? clock_mono_ns() : 0;
}

/* It took so long: tells of it if that is long. */
void engine_slow_took(const struct attl *a, enum attl_slow what, int64_t took_ns);

/* The end of what began at `begun_ns`. */
static inline void
engine_slow_end(const struct attl *a, enum attl_slow what, int64_t begun_ns)
{
    if (__builtin_expect(begun_ns > 0, 0))
        engine_slow_took(a, what, clock_mono_ns() - begun_ns);
}

/* Builds everything from `config` (not NULL), and reads the data directory if there is one, without
 * starting the thread. `err` gets a sentence where a status is not enough. */
int engine_open(struct attl *a, const attl_config *config, char *err, size_t err_len);
void engine_start(struct attl *a);
void engine_close(struct attl *a);

/* The cache's time, Unix ms. */
int64_t engine_now_ms(const struct attl *a);
/* What must be added to the cache's time to get the system's wall clock. */
int64_t engine_skew_ms(const struct attl *a);
void engine_log(const struct attl *a, int level, const char *event, const char *text);

/* Counts why a key was missed, where there is a ledger; `expired`: it was met past its deadline. */
void engine_note_miss(struct attl *a, const struct reclaim_reader *r, uint64_t hash, bool expired);

/* Validates, and counts the rule that refused. `r` is the calling thread's reader. */
int engine_check_key(struct attl *a, const struct reclaim_reader *r, attl_slice key);
int engine_check_value(struct attl *a, const struct reclaim_reader *r, uint64_t len);
/* Counts a refusal and returns `status`. */
int engine_refuse(struct attl *a, const struct reclaim_reader *r, int status);
/*
 * The deadline for a life of `ttl_ms` (as in attl_set) or, if > 0, for the point `deadline_ms`.
 * ATTL_DELETED if that point has passed, which a life from now never has. ATTL_TTL_KEEP gives
 * ATTL_OK and is the caller's to honour. `now_ms` 0: the clock is read, if the life depends on it.
 */
int engine_deadline(struct attl *a, const struct reclaim_reader *r, int64_t ttl_ms,
                    int64_t deadline_ms, int64_t now_ms, int64_t *ret_deadline_ms);

/* The deadlines that a caller wishes for beside its own: ATTL_OK, or counted ATTL_E_TTL_RANGE. A
 * grace is bounded as a life is. */
int engine_check_wish(struct attl *a, const struct reclaim_reader *r, struct life_wish *wish);

/* Step 2: decides and changes, under the lock. */
typedef int (*engine_change_fn)(struct entry *e, void *ud);
/* Steps 1 to 4 for one key. Returns what `fn` returned, or a failure before it. */
int engine_change(struct attl *a, attl_slice key, engine_change_fn fn, void *ud);
/* The same for who waits elsewhere, or not at all: never blocks on the log. */
int engine_change_now(struct attl *a, attl_slice key, engine_change_fn fn, void *ud);
/* The key's entry ready for entry_find; the partition is not locked yet. */
void engine_entry_init(struct attl *a, const struct reclaim_reader *r, attl_slice key,
                       struct entry *e);
/* The same for who also meets entries that are negative or past their hard deadline. */
int engine_change_stale(struct attl *a, attl_slice key, engine_change_fn fn, void *ud);
/* As that, without the rules for keys and without waiting for the log: for what was accepted once.
 */
int engine_restore(struct attl *a, attl_slice key, engine_change_fn fn, void *ud);
/* The same for a call that only looks: it is not refused while changes are, and because it must not
 * remove what others may still want, it has to ask entry_is_hidden() itself. */
int engine_look(struct attl *a, attl_slice key, engine_change_fn fn, void *ud);
/* Step 3. False if the change must be given up with `status`. */
bool engine_retry(struct attl *a, struct entry *e, int status, unsigned round);
/* Step 4, without a lock. */
void engine_settle(struct attl *a, struct entry *e);
/* The same after changes in several partitions: once for each of them, and for the limits, which a
 * transaction may have passed. */
void engine_settle_claim(struct attl *a, const struct claim *claim, int64_t written_deadline_ms);

/* Maintenance in at most about `budget_us` (0: all); returns when it wants to run again (INT64_MAX:
 * never). */
int64_t engine_maintain(struct attl *a, uint64_t budget_us);
/* Sees to it that the maintenance runs at `at_ms`, or soon after. */
void engine_wake_at(struct attl *a, int64_t at_ms);
/* Applies the settings that may change at run time. */
void engine_apply_config(struct attl *a, const attl_config *config);

#endif
