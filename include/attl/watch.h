/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl/watch.h - hearing of changes as they happen, and asking what became of a key. Part of
 * <attl/attl.h>, which is what programs include. Nobody who changes something waits for those who
 * watch.
 */
#ifndef ATTL_WATCH_H
#define ATTL_WATCH_H

#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What can happen to an entry; bits of a mask. */
#define ATTL_EV_SET 0x01u     /* it has a new value (and deadline)                          */
#define ATTL_EV_EXPIRE 0x02u  /* it has another deadline, or none any more                  */
#define ATTL_EV_DELETED 0x04u /* it was removed by a caller                                 */
#define ATTL_EV_EXPIRED 0x08u /* its deadline had passed and it was removed                 */
#define ATTL_EV_EVICTED 0x10u /* it was removed to make room for others                     */
#define ATTL_EV_CLEARED 0x20u /* everything was removed at one moment: told once, no key    */
#define ATTL_EV_ALL 0x3fu
#define ATTL_EV_LOST 0x40u /* of a watch: events of its are missing here                    */

/* Why an entry is gone. */
enum attl_cause {
    ATTL_CAUSE_NONE = 0,        /* it is not gone                                           */
    ATTL_CAUSE_EXPIRED = 1,     /* its deadline had passed                                  */
    ATTL_CAUSE_MEMORY = 2,      /* evicted: cache.max_memory was reached                    */
    ATTL_CAUSE_ENTRIES = 3,     /* evicted: cache.max_entries was reached                   */
    ATTL_CAUSE_QUOTA = 4,       /* evicted: the quota of its namespace was reached          */
    ATTL_CAUSE_DELETED = 5,     /* by a caller                                              */
    ATTL_CAUSE_ROLLED_BACK = 6, /* a rollback went back to when it was not there            */
    ATTL_CAUSE_CLEARED = 7      /* all entries were removed at once                         */
};
/* A word for a cause: "expired", "evicted-memory", ... Never NULL. Threads: any. Since 0.3. */
ATTL_API const char *attl_cause_name(uint32_t cause);

/* One change that has been made. */
typedef struct attl_notice {
    uint32_t struct_size;
    uint32_t kind;       /* one of ATTL_EV_*                                                */
    attl_slice key;      /* for the call only; empty for CLEARED                            */
    int64_t deadline_ms; /* Unix ms or ATTL_NO_DEADLINE: the entry's, of one removed its last */
    int64_t at_ms;       /* Unix ms: the time of the call that changed it                   */
    uint64_t actor;      /* see attl_actor_set; 0 for what the cache did by itself          */
    uint32_t cause;      /* enum attl_cause                                                 */
    uint32_t is_new;     /* SET: 1 if there was nothing before; since 0.4, before it 0      */
} attl_notice;
/*
 * Called in the thread that changes something, right after the change and before anybody else can
 * change the same key, so that notices of one key come in the order of its changes. A part of the
 * cache is locked meanwhile: the function notes it down, no more. It must not block and must not
 * call into the cache. Changes of different keys may be told by several threads at once.
 */
typedef void (*attl_notice_fn)(void *ud, const attl_notice *notice);
/* Makes `fn` the hook of caches opened from `config`. It hears nothing before attl_notice_mask().
 * Since 0.3. */
ATTL_API void attl_config_set_notice(attl_config *config, attl_notice_fn fn, void *ud);
/* What the hook hears from now on: a sum of ATTL_EV_*, 0 at first. Changes that are being made may
 * still be told by the old mask. Never blocks. Threads: any. Since 0.3. */
ATTL_API void attl_notice_mask(attl *cache, uint32_t kinds);
/*
 * Says on whose behalf the calling thread changes this cache from now on: any number, 0 (at first)
 * for nobody in particular. Notices and attl_why() repeat it. A few nanoseconds; never blocks; only
 * the first 1024 threads of the process are remembered. Since 0.3.
 */
ATTL_API void attl_actor_set(attl *cache, uint64_t actor);

/*
 * Gives what the calling thread does from now on a correlation id, in all caches: at most 64
 * printable characters without blanks; NULL or "" (at first): none. Lines of the log, incidents it
 * causes, the deaths that attl_why() shows and the loads it asks for (attl_load_trace) carry it. It
 * is not copied: keep it until another is set. ATTL_OK, ATTL_E_INVALID. A few nanoseconds. Since
 * 0.6.
 */
ATTL_API int attl_trace_set(const char *id);

/*
 * Events as completions of a queue: from now on every change of the given kinds (a sum of
 * ATTL_EV_*) to a key that starts with `prefix` (copied; empty: any key) gives one completion with
 * kind the event, flags its cause (enum attl_cause), id the watch's, user_data as given, key,
 * deadline_ms (Unix ms; of an entry removed the one it had), number the actor (attl_actor_set).
 * Events of one key come in the order of its changes. CLEARED comes once, without a key, whatever
 * the prefix.
 *
 * Events have as many places as the queue has for completions, and 64 bytes for the keys of each;
 * they take none of the completions' places. Nobody who changes something ever waits: what finds no
 * place is dropped, and where it is missing there is one LOST with the number dropped in `number`;
 * then events go on. A queue may watch with several prefixes, each with its own LOST; if two of
 * them meet in a key, each gets the event. Watching ends with attl_unwatch(), which *ret_id (may be
 * NULL) is for, and with the queue.
 *
 * ATTL_OK, ATTL_E_INVALID, ATTL_E_BUSY (1024 watches in this cache), ATTL_E_NOMEM, ATTL_E_CLOSED.
 * Locks the whole cache for some ten microseconds. Threads: any, not from hooks. Since 0.3.
 */
ATTL_CHECKED int attl_watch(attl_queue *queue, attl_slice prefix, uint32_t kinds,
                            uint64_t user_data, uint64_t *ret_id);
/* Ends a watch; events it has had so far stay to be reaped. ATTL_OK, ATTL_MISS, ATTL_E_CLOSED.
 * Locks and threads as attl_watch. Since 0.3. */
ATTL_API int attl_unwatch(attl_queue *queue, uint64_t id);

/* What became of an entry: one line of the death ledger. */
typedef struct attl_death {
    uint32_t struct_size;
    uint32_t cause;      /* enum attl_cause                                                 */
    int64_t at_ms;       /* Unix ms: when it died; for expired its deadline                 */
    int64_t ttl_left_ms; /* of its life at that moment, -1 if it had no deadline            */
    uint64_t actor;      /* who did it, see attl_actor_set; 0 for what the cache did by itself */
    const char *trace;   /* the correlation id of the request that did it (attl_trace_set), "" if
                          * it had none or the ledger has forgotten; for the call. Since 0.6   */
} attl_death;
typedef void (*attl_death_fn)(void *ud, const attl_death *death);
/*
 * Why `key` is gone: calls `fn` for up to `max` of its deaths that the ledger still knows (at most
 * 64), newest first. A cause of CLEARED says that everything went then; whether the key was there
 * is not known. Keys are told apart by 64 bits of hash. The key may be there again: ask for it.
 * No lock is held while `fn` runs. Without ledger.entries: ATTL_E_UNSUPPORTED. ATTL_OK, ATTL_MISS
 * (nothing is known), ATTL_E_KEY_*, ATTL_E_NOMEM. Never blocks for long. Since 0.3.
 */
ATTL_CHECKED int attl_why(attl *cache, attl_slice key, size_t max, attl_death_fn fn, void *ud);

#ifdef __cplusplus
}
#endif
#endif
