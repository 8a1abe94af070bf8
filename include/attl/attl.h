/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl.h - AsyncTTLCache: an embeddable, sharded cache for values with a time to live.
 *
 * The model
 *   A `struct attl` is one cache. Any number of threads may use it at the same time, and one
 *   process may hold any number of caches. A key maps to a string of bytes and, optionally, to a
 *   deadline in milliseconds. An entry whose deadline has passed is never returned, by any call,
 *   however busy the cache is; its memory is reclaimed within a second of the deadline.
 *   Reads take no lock. Writes lock one of the cache's partitions for well under a microsecond.
 *   Without persist.fsync nothing touches a disk; with it, see durability.h. Nothing here
 *   touches the network.
 *
 * Statuses
 *   Calls return `int`: 0 (ATTL_OK) for done, > 0 for an ordinary outcome (no such key, a
 *   condition was not met), < 0 for a failure, after which nothing has changed. There is no errno
 *   and no "last error". attl_strerror() gives the text, attl_err_name() the name.
 *
 * Bytes
 *   Keys and values travel as `attl_slice`: a pointer and a length, borrowed for the call. They may
 *   hold any byte (how much of that is allowed for keys is the validation mode's business).
 *   Results that borrow from the cache are `attl_value`; each must be given to
 * attl_value_release().
 *
 * Time
 *   Lengths are milliseconds (`ttl_ms`); points in time are Unix milliseconds (`deadline_ms`).
 *   The cache's clock is monotonic: setting the system's clock back never prolongs a life.
 *
 * Caveats
 *   - A child of fork() must not use, nor close, a cache opened by its parent.
 *   - Close a cache only when no other thread is inside a call on it.
 *   - Visitor callbacks run while memory is protected from reuse: be quick, do not call back into
 *     the same cache from them, and never block.
 *   - No call aborts the process on lack of memory: it returns ATTL_E_NOMEM or ATTL_E_FULL.
 *
 * Growth: option structs carry their size as the first member (use the *_INIT macros), unknown
 * trailing bytes must be zero. Knobs are named as in settings.toml, so the ABI does not grow with
 * each of them.
 */
#ifndef ATTL_ATTL_H
#define ATTL_ATTL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ATTL_API __attribute__((visibility("default")))
#define ATTL_CHECKED __attribute__((visibility("default"), warn_unused_result))
#else
#define ATTL_API
#define ATTL_CHECKED
#endif

#define ATTL_VERSION_MAJOR 0
#define ATTL_VERSION_MINOR 1
#define ATTL_VERSION_PATCH 0
#define ATTL_VERSION_NUM \
    (ATTL_VERSION_MAJOR * 10000 + ATTL_VERSION_MINOR * 100 + ATTL_VERSION_PATCH)
#define ATTL_VERSION_STRING "0.1.0"

/* ---- statuses ------------------------------------------------------------------------------ */

enum attl_status {
    ATTL_OK = 0,

    /* outcomes */
    ATTL_MISS = 1,     /* no such key (or it has expired)                                */
    ATTL_NOT_SET = 2,  /* a condition (NX, XX, IFEQ, GT, version ...) was not met        */
    ATTL_DELETED = 3,  /* the given deadline had passed, so the entry was deleted        */
    ATTL_DONE = 4,     /* an iteration is complete                                       */
    ATTL_STALE = 5,    /* an older value, past its soft or hard deadline, while it is reloaded */
    ATTL_NEGATIVE = 6, /* known not to exist: the source said so, and the answer is kept       */
    ATTL_WON = 7,      /* there is no value, and the caller is the one to produce it           */

    /* failures: nothing has changed */
    ATTL_E_INVALID = -1,       /* an argument is out of its documented range             */
    ATTL_E_NOMEM = -2,         /* the allocator or the system refused memory             */
    ATTL_E_FULL = -3,          /* at max_memory or max_entries and the policy is noeviction */
    ATTL_E_KEY_EMPTY = -4,     /* validation: the key is empty                           */
    ATTL_E_KEY_LONG = -5,      /* validation: the key exceeds validation.max_key_bytes   */
    ATTL_E_KEY_CONTROL = -6,   /* validation: the key holds a control character          */
    ATTL_E_KEY_NUL = -7,       /* validation: the key holds a NUL byte                   */
    ATTL_E_VALUE_LONG = -8,    /* validation: the value exceeds validation.max_value_bytes */
    ATTL_E_TTL_RANGE = -9,     /* validation: the TTL is negative or above validation.max_ttl */
    ATTL_E_TTL_REQUIRED = -10, /* validation: strict mode wants a TTL                   */
    ATTL_E_NOT_INTEGER = -11,  /* the value is not a decimal 64-bit integer              */
    ATTL_E_OVERFLOW = -12,     /* the result would not fit                               */
    ATTL_E_BUFFER = -13, /* the caller's buffer is too small; *ret_len says how much is needed */
    ATTL_E_BUSY = -14,   /* a bounded resource (pins, for one) is used up: try again */
    ATTL_E_CONFIG = -15, /* a setting is unknown, malformed or out of range        */
    ATTL_E_IO = -16,     /* a file could not be read or written                    */
    ATTL_E_UNSUPPORTED = -17, /* not built in, or asked for by a newer caller           */
    ATTL_E_IMMUTABLE = -18,   /* the setting cannot be changed while the cache is open  */
    ATTL_E_DAMAGED = -19,     /* files of the data directory are damaged: see the log line */
    ATTL_E_LOADING = -20,     /* the data directory is still being read                 */
    ATTL_E_LOCKED = -21,      /* another process uses the data directory                */
    ATTL_E_CONFLICT = -22,    /* somebody else changed what the transaction depends on  */
    ATTL_E_TIMEOUT = -23,     /* it was not done in time                                */
    ATTL_E_CANCELED = -24,    /* the caller gave it up                                  */
    ATTL_E_CLOSED = -25,      /* the queue or the cache is being closed                 */
    ATTL_E_LOADER = -26,      /* the loader failed and there is nothing older to serve  */
    ATTL_E_REENTRANT = -27,   /* a loader asked for the key that it is loading          */
    ATTL_E_LEASE_LOST = -28,  /* the lease ended, or somebody else wrote the key        */
    ATTL_E_QUOTA = -29        /* the namespace's quota does not admit it                */
};

/* A sentence for a status, lower case, without a full stop. Never NULL. Threads: any. Since 0.1. */
ATTL_API const char *attl_strerror(int status);
/* The enumerator's name, "ATTL_E_FULL"; "ATTL_E_?" if unknown. Threads: any. Since 0.1. */
ATTL_API const char *attl_err_name(int status);
/* The library's version at run time, "0.1.0". Compare with ATTL_VERSION_STRING. Since 0.1. */
ATTL_API const char *attl_version(void);

/* ---- basic types --------------------------------------------------------------------------- */

typedef struct attl attl;               /* a cache                                     */
typedef struct attl_config attl_config; /* settings for attl_open                      */

typedef struct attl_slice {
    const void *data; /* borrowed; may be NULL when len is 0 */
    size_t len;       /* bytes */
} attl_slice;

/* The slice of a NUL-terminated string. */
static inline attl_slice
attl_s(const char *z)
{
    attl_slice s;
    s.data = z;
    s.len = strlen(z);
    return s;
}

/* The slice of `len` bytes at `data`. */
static inline attl_slice
attl_b(const void *data, size_t len)
{
    attl_slice s;
    s.data = data;
    s.len = len;
    return s;
}

#define ATTL_TTL_DEFAULT INT64_C(0)  /* cache.default_ttl (0 there: none)             */
#define ATTL_TTL_NONE INT64_C(-1)    /* never expires                                 */
#define ATTL_TTL_KEEP INT64_C(-2)    /* the entry keeps the deadline it has, if any   */
#define ATTL_NO_DEADLINE INT64_C(-1) /* in results: the entry does not expire         */

/*
 * A value handed out by the cache. `data` stays readable, and does not change, until
 * attl_value_release(); the entry itself may be overwritten, deleted or evicted meanwhile.
 * Initialise with ATTL_VALUE_INIT; a released or never-filled value may be released again.
 */
typedef struct attl_value {
    attl_slice data;
    int64_t deadline_ms; /* Unix ms, or ATTL_NO_DEADLINE */
    void *pin;           /* private */
    uint64_t pad[4];     /* private: small values live here */
} attl_value;
#define ATTL_VALUE_INIT                      \
    {                                        \
        { NULL, 0 }, ATTL_NO_DEADLINE, NULL, \
        {                                    \
            0, 0, 0, 0                       \
        }                                    \
    }

/* ---- configuration ------------------------------------------------------------------------- */

/*
 * A new set of settings holding the defaults of a library cache. NULL on lack of memory.
 * Owned by the caller; attl_open() copies what it needs. Threads: one at a time. Since 0.1.
 */
ATTL_API attl_config *attl_config_new(void);
/* Frees `config`; NULL is allowed. Since 0.1. */
ATTL_API void attl_config_free(attl_config *config);
/*
 * Sets one option by its name in settings.toml: ("cache.max_memory", "2GiB"). Aliases (Redis' and
 * the mission's names) work too. `err` receives a sentence saying what was wrong and the nearest
 * name; it may be NULL. Returns ATTL_OK, ATTL_E_CONFIG, ATTL_E_NOMEM. Since 0.1.
 */
ATTL_CHECKED int attl_config_set(attl_config *config, const char *name, const char *value,
                                 char *err, size_t err_len);
/*
 * Copies the option's present value as text, with its NUL, into `buf`. Returns ATTL_OK,
 * ATTL_E_CONFIG (unknown name), ATTL_E_BUFFER. Since 0.1.
 */
ATTL_CHECKED int attl_config_get(const attl_config *config, const char *name, char *buf,
                                 size_t len);
/*
 * Reads settings.toml at `path`. On failure `err` holds "file:line:column: what, and what to do",
 * and `config` is as before. In libattl-toml. Blocks on the file.
 * Returns ATTL_OK, ATTL_E_CONFIG, ATTL_E_IO, ATTL_E_NOMEM, ATTL_E_UNSUPPORTED. Since 0.1.
 */
ATTL_CHECKED int attl_config_load(attl_config *config, const char *path, char *err, size_t err_len);
/*
 * Applies the environment: ATTL_SECTION__KEY for every option and the classic names
 * (CACHE_VALIDATION_MODE, SHARD_IMBALANCE_THRESHOLD ...). An unknown ATTL_*__* variable is an
 * error. Reads the process environment: not while another thread calls setenv. Since 0.1.
 */
ATTL_CHECKED int attl_config_env(attl_config *config, char *err, size_t err_len);

/* Allocator of one cache's bookkeeping (entries live in memory mapped from the system). */
typedef struct attl_allocator {
    void *(*alloc)(void *ud, size_t bytes); /* NULL on failure; must be thread-safe */
    void (*free)(void *ud, void *ptr);      /* ptr may be NULL */
    void *ud;
} attl_allocator;
/* Uses `a` instead of malloc for caches opened from `config`. `a` is copied. Since 0.1. */
ATTL_API void attl_config_set_allocator(attl_config *config, const attl_allocator *a);

/* Log hook: `event` is a stable identifier, `text` a sentence. Levels: 0 debug .. 3 error. */
typedef void (*attl_log_fn)(void *ud, int level, const char *event, const char *text);
/* Sends the cache's log lines to `fn` (any thread, no locks held, be quick). Default: none. Since
 * 0.1. */
ATTL_API void attl_config_set_log(attl_config *config, attl_log_fn fn, void *ud);

/*
 * Clock hook, for tests: returns Unix milliseconds and must never go back. With a clock of your own
 * set cache.background = false and call attl_tick() yourself, or the maintenance thread sleeps by
 * the real clock. Since 0.1.
 */
typedef int64_t (*attl_clock_fn)(void *ud);
ATTL_API void attl_config_set_clock(attl_config *config, attl_clock_fn fn, void *ud);

/* ---- life ---------------------------------------------------------------------------------- */

/*
 * Opens a cache. `config` may be NULL: 100 MB, 100 000 entries, default TTL 60 s, background
 * maintenance by one thread that sleeps while there is nothing to do.
 * Returns ATTL_OK, ATTL_E_NOMEM, ATTL_E_CONFIG. Threads: any. May block briefly. Since 0.1.
 */
ATTL_CHECKED int attl_open(attl **ret_cache, const attl_config *config);
/* Closes `*cache` and sets it to NULL; both may be NULL. All values must have been released. Since
 * 0.1. */
ATTL_API void attl_close(attl **cache);
/*
 * One step of maintenance: reclaims expired entries, returns memory, in at most about `budget_us`
 * microseconds (0: everything that is due). Only needed with cache.background = false. With
 * persist.dir it also takes the snapshots that are due and removes old files, whatever the budget,
 * and then blocks on the disk.
 * Returns in *ret_next_ms (may be NULL) the milliseconds until there is work again, or -1 for none.
 * Threads: any. Since 0.1.
 */
ATTL_API void attl_tick(attl *cache, uint64_t budget_us, int64_t *ret_next_ms);
/*
 * Changes an option of an open cache by name; attl_option_get() reads the value in force.
 * Returns ATTL_OK, ATTL_E_CONFIG, ATTL_E_IMMUTABLE, ATTL_E_NOMEM, ATTL_E_BUFFER. Since 0.1.
 */
ATTL_CHECKED int attl_option_set(attl *cache, const char *name, const char *value, char *err,
                                 size_t err_len);
ATTL_CHECKED int attl_option_get(attl *cache, const char *name, char *buf, size_t len);

/* ---- one key ------------------------------------------------------------------------------- */

/*
 * Stores `value` under `key`. `ttl_ms` > 0 is a life in milliseconds, or one of ATTL_TTL_*.
 * Returns ATTL_OK; ATTL_E_KEY_*, ATTL_E_VALUE_LONG, ATTL_E_TTL_* (validation), ATTL_E_FULL,
 * ATTL_E_NOMEM. Threads: any. Never blocks on a reader. Since 0.1.
 */
ATTL_CHECKED int attl_set(attl *cache, attl_slice key, attl_slice value, int64_t ttl_ms);

#define ATTL_SET_NX 0x01u    /* only if the key is absent                                      */
#define ATTL_SET_XX 0x02u    /* only if the key is present                                     */
#define ATTL_SET_IFEQ 0x04u  /* only if present and the value equals `match`                   */
#define ATTL_SET_IFNE 0x08u  /* only if absent or the value differs from `match`               */
#define ATTL_SET_IFDEQ 0x10u /* only if present and attl_digest(value) == `digest`             */
#define ATTL_SET_IFDNE 0x20u /* only if absent or attl_digest(value) != `digest`               */

typedef struct attl_set_opts {
    uint32_t struct_size;
    uint32_t flags;      /* at most one ATTL_SET_* condition                                   */
    int64_t ttl_ms;      /* as in attl_set; ignored when deadline_ms > 0                       */
    int64_t deadline_ms; /* Unix ms; 0: unused. In the past: the key is deleted, ATTL_DELETED  */
    attl_slice match;    /* for IFEQ, IFNE                                                     */
    uint64_t digest;     /* for IFDEQ, IFDNE                                                   */
    int64_t soft_ms;     /* life until it should be reloaded; 0: none. Since 0.3               */
    int64_t grace_ms;    /* kept for stale reads beyond its deadline; 0: not. Since 0.3        */
} attl_set_opts;
#define ATTL_SET_OPTS_INIT                                                  \
    {                                                                       \
        sizeof(attl_set_opts), 0, ATTL_TTL_DEFAULT, 0, { NULL, 0 }, 0, 0, 0 \
    }

/*
 * Conditional store. An entry with soft_ms or grace_ms is an ordinary one until its deadline, and
 * absent from then on to every call but attl_peek() and those that load. If `ret_old` is not NULL
 * it receives the previous value, also when nothing was stored; *ret_had_old (may be NULL) says
 * whether there was one. Atomic. Returns ATTL_OK, ATTL_DELETED, ATTL_NOT_SET, and the failures of
 * attl_set. Since 0.1.
 */
ATTL_CHECKED int attl_set_if(attl *cache, attl_slice key, attl_slice value,
                             const attl_set_opts *opts, attl_value *ret_old, int *ret_had_old);
/*
 * Compare and set: stores if the key is present and attl_digest() of its value is `digest`. The
 * digest is the entry's version: equal values have equal versions. ATTL_OK or ATTL_NOT_SET, and the
 * failures of attl_set. Since 0.1.
 */
ATTL_CHECKED int attl_cas(attl *cache, attl_slice key, uint64_t digest, attl_slice value,
                          int64_t ttl_ms);
/* XXH3_64bits of `value`, as Redis' DIGEST. Pure. Since 0.1. */
ATTL_API uint64_t attl_digest(attl_slice value);

/*
 * Copies the value into `buf`. *ret_len (may be NULL) is the value's length. ATTL_OK, ATTL_MISS,
 * ATTL_E_BUFFER (with *ret_len), ATTL_E_KEY_*. Lock-free. Since 0.1.
 */
ATTL_CHECKED int attl_get(attl *cache, attl_slice key, void *buf, size_t buf_len, size_t *ret_len);
/*
 * The value without a copy (small ones are copied into the struct). Release it. ATTL_OK, ATTL_MISS,
 * ATTL_E_BUSY (too many bytes pinned: cache.max_pinned), ATTL_E_KEY_*. Lock-free. Since 0.1.
 */
ATTL_CHECKED int attl_get_pin(attl *cache, attl_slice key, attl_value *ret_value);
/* Ends the use of a value; idempotent; any thread. Since 0.1. */
ATTL_API void attl_value_release(attl *cache, attl_value *value);
/*
 * Calls `fn` once with the value while it cannot move: the cheapest read for who copies it onward.
 * ATTL_OK, ATTL_MISS, ATTL_E_KEY_*. `fn` must not block nor call this cache. Since 0.1.
 */
typedef void (*attl_visit_fn)(void *ud, attl_slice value, int64_t deadline_ms);
ATTL_CHECKED int attl_get_visit(attl *cache, attl_slice key, attl_visit_fn fn, void *ud);
/* Atomically returns and deletes. ATTL_OK, ATTL_MISS, ATTL_E_BUSY (nothing deleted). Since 0.1. */
ATTL_CHECKED int attl_getdel(attl *cache, attl_slice key, attl_value *ret_value);
/*
 * Atomically returns the value and changes its deadline: ttl_ms as in attl_set (ATTL_TTL_KEEP: no
 * change, ATTL_TTL_NONE: persist), or deadline_ms > 0 (in the past: deleted after reading).
 * ATTL_OK, ATTL_MISS, ATTL_DELETED, ATTL_E_BUSY, ATTL_E_TTL_*. Since 0.1.
 */
ATTL_CHECKED int attl_getex(attl *cache, attl_slice key, int64_t ttl_ms, int64_t deadline_ms,
                            attl_value *ret_value);

/* Deletes. ATTL_OK, ATTL_MISS, ATTL_E_KEY_*. Since 0.1. */
ATTL_CHECKED int attl_del(attl *cache, attl_slice key);
/*
 * Deletes if `opts` (IFEQ, IFNE, IFDEQ or IFDNE; other members ignored) holds. For a missing key
 * always ATTL_MISS. ATTL_OK, ATTL_MISS, ATTL_NOT_SET. Since 0.1.
 */
ATTL_CHECKED int attl_del_if(attl *cache, attl_slice key, const attl_set_opts *opts);
/* ATTL_OK if present, ATTL_MISS if not. Does not count as a use. Since 0.1. */
ATTL_CHECKED int attl_exists(attl *cache, attl_slice key);
/* Like attl_exists, and counts as a use for eviction. Since 0.1. */
ATTL_CHECKED int attl_touch(attl *cache, attl_slice key);

#define ATTL_EXPIRE_NX 0x01u /* only if the entry has no deadline                              */
#define ATTL_EXPIRE_XX 0x02u /* only if it has one                                             */
#define ATTL_EXPIRE_GT 0x04u /* only if later than the present one (none counts as infinite)   */
#define ATTL_EXPIRE_LT 0x08u /* only if earlier than the present one                           */
/*
 * Sets the life to `ttl_ms` from now (<= 0: delete at once) under conditions. XX may be combined
 * with GT or LT, no other pair. ATTL_OK, ATTL_DELETED, ATTL_MISS, ATTL_NOT_SET, ATTL_E_INVALID,
 * ATTL_E_TTL_RANGE. Since 0.1.
 */
ATTL_CHECKED int attl_expire(attl *cache, attl_slice key, int64_t ttl_ms, uint32_t flags);
/* The same with a point in time, Unix ms. Since 0.1. */
ATTL_CHECKED int attl_expire_at(attl *cache, attl_slice key, int64_t deadline_ms, uint32_t flags);
/* Removes the deadline. ATTL_OK, ATTL_NOT_SET (had none), ATTL_MISS, ATTL_E_TTL_REQUIRED. Since
 * 0.1. */
ATTL_CHECKED int attl_persist(attl *cache, attl_slice key);
/* Remaining life in *ret_ttl_ms (ATTL_TTL_NONE if without). ATTL_OK, ATTL_MISS. Since 0.1. */
ATTL_CHECKED int attl_ttl(attl *cache, attl_slice key, int64_t *ret_ttl_ms);

typedef struct attl_meta {
    uint32_t struct_size;
    uint32_t freq;         /* 0..3: recent uses as the eviction policy sees them            */
    int64_t deadline_ms;   /* Unix ms, or ATTL_NO_DEADLINE                                  */
    uint64_t value_bytes;  /* length of the value                                           */
    uint64_t memory_bytes; /* record, rounding and index share                              */
    int32_t is_integer;    /* stored as a 64-bit integer                                    */
    int32_t is_extent;     /* stored out of line                                            */
} attl_meta;
#define ATTL_META_INIT                      \
    {                                       \
        sizeof(attl_meta), 0, 0, 0, 0, 0, 0 \
    }
/* What is known about an entry, without counting as a use. ATTL_OK, ATTL_MISS. Since 0.1. */
ATTL_CHECKED int attl_meta_get(attl *cache, attl_slice key, attl_meta *ret_meta);

typedef struct attl_peek_info {
    uint32_t struct_size;
    uint32_t stale;    /* 0 fresh, 1 past its soft deadline, 2 past its deadline           */
    int64_t soft_ms;   /* Unix ms from when it should be reloaded, or ATTL_NO_DEADLINE     */
    int64_t hard_ms;   /* its deadline: other calls do not find it from then on            */
    int64_t gone_ms;   /* from when this call does not find it either                      */
    uint32_t negative; /* 1: known not to exist; other calls do not find it                */
    uint32_t load_ms;  /* how long loading it took; 0: it was not loaded                   */
} attl_peek_info;
#define ATTL_PEEK_INFO_INIT                                                                   \
    {                                                                                         \
        sizeof(attl_peek_info), 0, ATTL_NO_DEADLINE, ATTL_NO_DEADLINE, ATTL_NO_DEADLINE, 0, 0 \
    }
/*
 * The value with all of its deadlines, also where no other read finds it any more; does not count
 * as a use, and loads nothing. Either result may be NULL; a value must be released. ATTL_OK,
 * ATTL_STALE (past its soft deadline or its deadline), ATTL_NEGATIVE (the value is what was stored
 * with that answer), ATTL_MISS, ATTL_E_BUSY (too many bytes pinned), ATTL_E_INVALID, ATTL_E_KEY_*.
 * Lock-free. Threads: any. Since 0.3.
 */
ATTL_CHECKED int attl_peek(attl *cache, attl_slice key, attl_value *ret_value,
                           attl_peek_info *ret_info);

/*
 * Adds `delta` to the decimal integer at `key` (absent: 0), keeping its deadline; a new entry gets
 * `ttl_ms_if_new`. ATTL_OK with *ret_value, ATTL_E_NOT_INTEGER, ATTL_E_OVERFLOW, and attl_set's.
 * Since 0.1.
 */
ATTL_CHECKED int attl_incr(attl *cache, attl_slice key, int64_t delta, int64_t ttl_ms_if_new,
                           int64_t *ret_value);
/* Appends (absent: stores, without a deadline), keeping the deadline. *ret_len: the new length.
 * Since 0.1. */
ATTL_CHECKED int attl_append(attl *cache, attl_slice key, attl_slice tail, uint64_t *ret_len);
/* Overwrites from `offset`, padding with zero bytes; keeps the deadline. *ret_len: the new length.
 * Since 0.1. */
ATTL_CHECKED int attl_set_range(attl *cache, attl_slice key, uint64_t offset, attl_slice part,
                                uint64_t *ret_len);

/* ---- several keys -------------------------------------------------------------------------- */

/*
 * Reads `n` keys with their memory accesses overlapped (about three times faster per key than
 * single gets in a large cache). statuses[i] is as from attl_get_pin; values[i] is filled on
 * ATTL_OK and must be released. Returns the number of hits. Since 0.1.
 */
ATTL_API size_t attl_mget(attl *cache, const attl_slice *keys, size_t n, attl_value *values,
                          int *statuses);
/* The same with a callback per key, in order; status ATTL_OK or not, value empty if not. Since 0.1.
 */
typedef void (*attl_mvisit_fn)(void *ud, size_t i, int status, attl_slice value,
                               int64_t deadline_ms);
ATTL_API size_t attl_mget_visit(attl *cache, const attl_slice *keys, size_t n, attl_mvisit_fn fn,
                                void *ud);
/*
 * The same as of one moment: no transaction, nor attl_mset, comes between two of the keys, as is
 * also true of attl_mget. If one does it all begins again: `fn` is called with i = 0 and has to
 * drop what it had. After a few times others wait instead. *ret_hits may be NULL. ATTL_OK,
 * ATTL_E_NOMEM (what `fn` has is not of one moment). Since 0.3.
 */
ATTL_CHECKED int attl_mget_at_once(attl *cache, const attl_slice *keys, size_t n, attl_mvisit_fn fn,
                                   void *ud, size_t *ret_hits);
/*
 * A hint that these keys are about to be read or written: fetches their memory, all at once, so
 * that the calls that follow do not wait for it. Never fails. Since 0.1.
 */
ATTL_API void attl_prefetch(attl *cache, const attl_slice *keys, size_t n);
/*
 * Stores n pairs as one change: with ATTL_SET_NX none if any key exists, with ATTL_SET_XX none if
 * any is absent. opts may be NULL (then without a deadline: ATTL_TTL_NONE). n <= 65536. A key given
 * twice: the last counts. May pass max_memory by a sixteenth until the next write. ATTL_OK,
 * ATTL_NOT_SET, ATTL_DELETED (a deadline in the past), and attl_set's failures (nothing stored).
 * Since 0.1.
 */
ATTL_CHECKED int attl_mset(attl *cache, const attl_slice *keys, const attl_slice *values, size_t n,
                           const attl_set_opts *opts);
/*
 * Moves the value and deadline of `from` to `to` (ATTL_SET_NX: only if `to` is absent). Atomic.
 * ATTL_OK, ATTL_MISS, ATTL_NOT_SET. Since 0.1.
 */
ATTL_CHECKED int attl_rename(attl *cache, attl_slice from, attl_slice to, uint32_t flags);
/* The same, keeping `from`. Since 0.1. */
ATTL_CHECKED int attl_copy(attl *cache, attl_slice from, attl_slice to, uint32_t flags);

/* ---- the whole cache ----------------------------------------------------------------------- */

/*
 * One step of an iteration. *cursor starts at 0. Visits at least one home bucket and about `count`
 * entries, calling `fn` for each. Every entry that is there during the whole iteration is visited
 * exactly once, also while the cache grows, shrinks, evicts and moves partitions.
 * ATTL_OK (call again with *cursor), ATTL_DONE (*cursor is 0). Any cursor value is safe. Since 0.1.
 */
typedef void (*attl_scan_fn)(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms);
ATTL_CHECKED int attl_scan(attl *cache, uint64_t *cursor, size_t count, attl_scan_fn fn, void *ud);
/* A random entry's key, copied into `buf`. ATTL_OK, ATTL_MISS (empty), ATTL_E_BUFFER. Since 0.1. */
ATTL_CHECKED int attl_random_key(attl *cache, void *buf, size_t buf_len, size_t *ret_len);
/* Removes everything that is there at one moment. ATTL_OK, ATTL_E_LOADING, ATTL_E_IO, ATTL_E_BUSY
 * (the log cannot take it). Since 0.1. */
ATTL_API int attl_clear(attl *cache);
/* Number of entries, those expired and not yet reclaimed included. O(shards). Since 0.1. */
ATTL_API uint64_t attl_size(attl *cache);

typedef struct attl_stats {
    uint32_t struct_size; /* set by the caller: the library fills no more than this */
    uint32_t shards;
    uint64_t partitions;
    /* contents */
    uint64_t items;      /* entries                                                     */
    uint64_t items_ttl;  /* of which with a deadline                                    */
    uint64_t ttl_sum_ms; /* mean remaining life is ttl_sum_ms / items_ttl (sampled)     */
    /* memory, bytes; mem_used is what max_memory limits */
    uint64_t mem_used;
    uint64_t mem_used_peak;
    uint64_t mem_live;     /* records that are referenced                                 */
    uint64_t mem_dead;     /* overwritten or deleted, not yet compacted                   */
    uint64_t mem_unsealed; /* free tails of open chunks                                   */
    uint64_t mem_retired;  /* waiting for readers to leave                                */
    uint64_t mem_index;    /* tables, partitions and wheels                               */
    uint64_t mem_extents;  /* out-of-line values                                          */
    uint64_t mem_ghost;
    uint64_t mem_committed; /* mapped from the system, >= mem_used                         */
    uint64_t mem_expired_unreclaimed;
    uint64_t mem_pinned;
    uint64_t max_memory;
    uint64_t max_entries;
    uint64_t huge_pages; /* 1 if the arenas asked for huge pages and the system agreed  */
    /* counters */
    uint64_t hits, misses, sets, deletes;
    uint64_t expired; /* entries reclaimed because their deadline had passed         */
    uint64_t evicted; /* entries removed because a limit was reached                 */
    uint64_t refused_full;
    uint64_t records_written; /* by callers                                               */
    uint64_t records_copied;  /* by the drain: cascade, survival, compaction              */
    uint64_t writes_in_place; /* overwrites that needed no new record                     */
    uint64_t chunks_drained;
    uint64_t rebuilds; /* index tables grown or shrunk                                */
    uint64_t partition_moves;
    uint64_t refused[8]; /* validation, by rule: -4 - status, ATTL_E_KEY_EMPTY first    */
    uint64_t expire_lag_ms_sum, expire_lag_ms_max; /* deadline to reclaim                  */
    uint64_t expire_cpu_ns;
    uint64_t ghost_hits;
    uint64_t shard_max_items, shard_min_items;
    /* misses by what had become of the key; 0 without ledger.entries. Since 0.3 */
    uint64_t misses_cold;    /* never there, or forgotten                              */
    uint64_t misses_expired; /* its deadline had passed: is the TTL too short?         */
    uint64_t misses_evicted; /* it had made room for others: is the memory too small?  */
    uint64_t misses_deleted;
    uint64_t mem_ledger; /* bytes; not part of mem_used                                */
} attl_stats;
/* Fills *ret_stats (struct_size must be set). Counters are summed over threads. O(shards +
 * threads). Since 0.1. */
ATTL_API void attl_stats_get(attl *cache, attl_stats *ret_stats);
/* Clears hits, misses and the other counters. Since 0.1. */
ATTL_API void attl_stats_reset(attl *cache);

#ifdef __cplusplus
}
#endif

/* The rest by topic. */
#include <attl/durability.h>
#include <attl/queue.h>
#include <attl/watch.h>
#include <attl/load.h>
#include <attl/transaction.h>
#include <attl/namespace.h>
#include <attl/balance.h>
#include <attl/tune.h>
#include <attl/incident.h>
#include <attl/pressure.h>
#include <attl/health.h>
#include <attl/latency.h>
#include <attl/erase.h>
#endif
