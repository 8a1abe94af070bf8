/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl/erase.h - forgetting for good, with a receipt. Part of <attl/attl.h>, which is what programs
 * include. An ordinary deletion leaves older values in the log and in snapshots until retention
 * removes them; an erasure sees to it that they go within a stated bound, looks whether they have
 * gone, and says so in a receipt. docs/erasure.md has the whole procedure and its limits.
 */
#ifndef ATTL_ERASE_H
#define ATTL_ERASE_H

#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ATTL_ERASE_NAMES = 1024,          /* in one request                     */
    ATTL_ERASE_NAMES_BYTES = 1 << 20, /* all together                      */
    ATTL_ERASE_PATTERN_BYTES = 128,   /* of a pattern                       */
    ATTL_ERASE_OPEN = 64,             /* that may be pending at a time      */
    ATTL_ERASE_KEPT = 256             /* receipts that attl_erase_list shows */
};

enum attl_erase_kind {
    ATTL_ERASE_KEY = 1, /* names are keys                                  */
    ATTL_ERASE_PREFIX,  /* names are prefixes of keys                      */
    ATTL_ERASE_MATCH    /* names are patterns, as Redis' KEYS has them     */
};

enum attl_erase_state {
    ATTL_ERASE_STARTED, /* gone from memory, or about to be; no snapshot without it yet */
    ATTL_ERASE_PENDING, /* a start does not need the older files any more; some are left */
    ATTL_ERASE_DONE,
    ATTL_ERASE_FAILED /* given up: `problem` says why, and it has to be asked for again */
};

enum attl_erase_check {
    ATTL_ERASE_UNCHECKED, /* the older files are not gone yet                        */
    ATTL_ERASE_CLEAN,     /* what is left was read, and nothing of before is in it   */
    ATTL_ERASE_FOUND,     /* it is in a file where it should not be                  */
    ATTL_ERASE_UNREADABLE /* something that is left could not be read to its end     */
};

/* What is to be erased: whatever fits one of the names. */
typedef struct attl_erase_request {
    uint32_t struct_size;
    int32_t kind;            /* enum attl_erase_kind                                          */
    const attl_slice *names; /* borrowed                                                      */
    size_t names_len;        /* 1 to ATTL_ERASE_NAMES                                         */
    uint32_t now;            /* 1: older files go at once, whatever retention would keep them
                                for; a rollback then reaches back to this erasure only        */
    uint32_t dry_run;        /* 1: only counts                                                */
    uint32_t plain;          /* 1: the receipt has the names themselves, not only their hash  */
    uint32_t reserved;       /* 0 */
    const char *who;         /* who asks, for the receipt; NULL: ""                           */
    const char *note;        /* for the receipt; NULL: ""                                     */
} attl_erase_request;

/* A receipt. */
typedef struct attl_erasure {
    uint32_t struct_size;
    int32_t kind;    /* enum attl_erase_kind  */
    int32_t state;   /* enum attl_erase_state */
    int32_t checked; /* enum attl_erase_check */
    uint32_t now, plain;
    uint32_t memory_only; /* 1: there is no data directory, and no file keeps this receipt */
    uint32_t intact;      /* 0: the line in the file is not what was written               */
    uint64_t names;
    int64_t requested_ms, due_ms, done_ms; /* Unix ms; due: when older files go at the latest */
    uint64_t in_memory;    /* entries removed                                              */
    uint64_t in_snapshots; /* entries found in older snapshots                             */
    uint64_t in_log;       /* records found in older segments of the log                   */
    uint64_t files_removed, bytes_removed;
    uint64_t files_left;    /* older files that are still there                            */
    uint64_t found;         /* by the check, where it should not be                        */
    uint64_t written_again; /* found by the check, but from after the erasure              */
    uint64_t before_lsn;    /* changes before it are in no file any more when it is done   */
    uint64_t snapshot_lsn;  /* the first snapshot without it */
    int64_t snapshot_ms;
    char id[40];
    char who[64];
    char subject[72]; /* HMAC-SHA-256 of kind and names, in hexadecimal digits            */
    char problem[160];
    char note[96];
    char hash[72]; /* SHA-256 of the receipt's line up to here */
} attl_erasure;

typedef void (*attl_erasure_fn)(void *ud, const attl_erasure *erasure);

/*
 * Removes every entry that fits from memory, as attl_del does, ends the loads of such keys, forgets
 * them where the cache counts hot keys; takes a snapshot without them, begins a new segment, and
 * removes the files of before: now, or when retention lets them go, after erase.within at the
 * latest. Then it reads what is left and looks for them. The receipt is in ret_erasure (may be
 * NULL) and, with a data directory, in its file erasures.jsonl; what a failing disk keeps it from
 * is tried again in the background and after a restart. Entries that others store meanwhile or
 * later stay. ATTL_OK: it is on its way, ret_erasure->state says how far; ATTL_E_INVALID,
 * ATTL_E_BUSY (too many are pending), ATTL_E_LOADING, ATTL_E_NOMEM; ATTL_E_IO: no receipt could be
 * written, and nothing was done. Threads: any. Blocks until the files have been read. Since 0.6.
 */
ATTL_CHECKED int attl_erase(attl *cache, const attl_erase_request *request,
                            attl_erasure *ret_erasure);
/* Shows the last receipts, oldest first; with `id` (may be NULL) only that one. ATTL_OK, ATTL_MISS
 * if there is none, ATTL_E_LOADING, ATTL_E_UNSUPPORTED without a data directory. `fn` must not call
 * attl_erase. Threads: any. Since 0.6. */
ATTL_CHECKED int attl_erase_list(attl *cache, const char *id, attl_erasure_fn fn, void *ud);
/* What became of erasures, since the cache was opened; what is pending may be of an earlier run. */
typedef struct attl_erase_stats {
    uint32_t struct_size;
    uint32_t pending;                 /* receipts that are neither done nor failed        */
    uint32_t late;                    /* of them, those past due_ms                       */
    uint32_t reserved;                /* 0                                                */
    uint64_t requested, done, failed; /* erasures                                         */
    uint64_t entries;                 /* removed from memory                              */
    uint64_t files_removed, bytes_removed;
    uint64_t clean, found, unreadable; /* what the checks said                             */
    int64_t oldest_ms; /* when the oldest that is pending was asked for, Unix ms; 0: none  */
    int64_t due_ms;    /* when the next of them is due; 0: none                            */
    int64_t within_ms; /* erase.within                                                     */
} attl_erase_stats;
/* Fills *ret_stats (struct_size must be set). Never blocks on the disk. Threads: any. Since 0.6. */
ATTL_API void attl_erase_stats_get(attl *cache, attl_erase_stats *ret_stats);

/* "key", "prefix", "match"; "started", "pending", "done", "failed"; "unchecked", "clean", "found",
 * "unreadable"; "?" if unknown. Threads: any. Since 0.6. */
ATTL_API const char *attl_erase_kind_name(int kind);
ATTL_API const char *attl_erase_state_name(int state);
ATTL_API const char *attl_erase_check_name(int check);

/* How long things are kept: what GDPR, article 5(1)(e), wants to know. Times are Unix ms, 0: none.
 */
typedef struct attl_keeping {
    uint32_t struct_size;
    uint32_t retention; /* 1: retention.enabled */
    uint64_t snapshots, segments, asides, bytes;
    int64_t oldest_snapshot_ms; /* its contents are of that moment */
    uint64_t oldest_lsn;        /* the first change that the log has */
    int64_t oldest_log_ms;      /* when the segment with it was last written to, as files go */
    int64_t oldest_aside_ms;
    int64_t rollback_ms;   /* the oldest moment a rollback reaches for certain */
    uint64_t rollback_lsn; /* and the oldest change */
    int64_t snapshot_ttl_ms, log_ttl_ms, erase_within_ms;
    uint64_t snapshots_max, disk_budget;
    uint64_t erasures_open;
} attl_keeping;

/* Lists the data directory. ATTL_OK, ATTL_E_UNSUPPORTED, ATTL_E_LOADING, ATTL_E_IO, ATTL_E_NOMEM.
 * Threads: any. Blocks on the disk. Since 0.6. */
ATTL_CHECKED int attl_keeping_get(attl *cache, attl_keeping *ret_keeping);

#ifdef __cplusplus
}
#endif

#endif
