/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Erasures of a store: what was asked, how far it is, and the files that remember it. An erasure
 * goes through four steps, each of which may be cut off by a crash and is done again then: its
 * names and a first line are written (erase_book.c); what fits goes from memory; a snapshot is cut
 * behind that, at the begin of a new segment; every file of before is removed, and what is left is
 * read (erase.c). From then on nothing that a start or a rollback could read has it.
 *
 * Names stand in a file of their own as long as files of before may hold them anyway; the line of a
 * receipt has their keyed digest only.
 *
 * `run_lock` is held by whoever works at erasures and comes before every other lock, keep_lock
 * apart; `lock` guards the list and is taken last.
 */
#ifndef ATTL_ENGINE_ERASE_H
#define ATTL_ENGINE_ERASE_H

#include "base/buf.h"
#include "base/sha256.h"
#include "config/config.h"
#include "engine/erase_select.h"
#include "os/lock.h"

struct attl;
struct store;

#define ERASE_RECEIPTS_NAME "erasures.jsonl"
#define ERASE_KEY_NAME "erasures.key"

struct erasure {
    attl_erasure receipt;
    struct erase_select *select; /* what was asked for, as long as it is open; else NULL */
    uint64_t rollbacks;          /* of the store, before memory was looked through */
};

/* Counters since the cache was opened, also of a cache without a store: struct attl has them. */
struct erase_totals {
    _Atomic uint64_t requested, done, failed, entries, files, bytes;
    _Atomic uint64_t checks[ATTL_ERASE_UNREADABLE + 1]; /* by enum attl_erase_check */
};

struct erase {
    struct lock run_lock;
    _Atomic int64_t within_ms;
    _Atomic bool look;      /* old files may have gone */
    _Atomic bool leftovers; /* a file of names could not be removed */
    _Atomic unsigned open;  /* erasures that are not over; read without the lock */
    /* run_lock */
    bool looks; /* old files may have gone before this turn */
    bool has_key;
    unsigned char key[SHA256_BYTES]; /* for digests of names */
    char last_hash[SHA256_HEX_CHARS + 1];
    uint64_t file_bytes;        /* of the receipts, up to the end of the last whole line */
    int64_t retry_ms, pause_ms; /* the cache's time */
    struct lock lock;           /* what follows */
    struct erasure *list;       /* oldest first */
    size_t len, cap;
};

void erase_init(struct store *s);
void erase_fini(struct store *s);
void erase_apply_config(struct store *s, const attl_config *config);
/* Reads what the directory says of erasures. 0 or a negative errno, -EBADMSG apart, which is only
 * told of: a directory is not given up for its receipts. */
int erase_load(struct store *s);
/* The keeper's part: goes on with what is open. Milliseconds until it wants to be called again. */
int64_t erase_keep(struct store *s);
/* Old files have gone: some erasure may be over. */
void erase_look(struct store *s);
/* As attl_erase, its arguments checked. */
int erase_run(struct store *s, const attl_erase_request *request, attl_erasure *ret);
/* The same in a cache without a store. */
int erase_memory_only(struct attl *a, const attl_erase_request *request, attl_erasure *ret);
int erase_list(struct store *s, const char *id, attl_erasure_fn fn, void *ud);
/* `s` may be NULL: no directory. */
void erase_stats(struct attl *a, struct store *s, attl_erase_stats *ret);
/* Whether a rollback to before change `lsn` must not bring the key back. */
bool erase_forbids(struct store *s, attl_slice key, uint64_t lsn);

/* A receipt has changed from `before`: counts what has been done. */
void erase_note(struct attl *a, const attl_erasure *before, const attl_erasure *r);

static inline bool
erase_unfinished(const attl_erasure *r)
{
    return r->state == ATTL_ERASE_STARTED || r->state == ATTL_ERASE_PENDING;
}

/* ---- memory, erase_memory.c ---- */

/* Removes what fits, or with `dry_run` counts it. ATTL_OK or a failure; *ret_count as far as it
 * went. */
int erase_memory(struct attl *a, const struct erase_select *select, bool dry_run,
                 uint64_t *ret_count);

/* ---- files, erase_files.c ---- */

/* Where the old files end. */
struct erase_line {
    uint64_t before_lsn; /* segments and asides */
    uint64_t snapshot_lsn;
    int64_t snapshot_ms; /* snapshots; asides of that age are old as well */
};

struct erase_counts {
    uint64_t entries, records; /* in old files */
    uint64_t found;            /* in the snapshot that was to be without it */
    uint64_t fresh;            /* in what was written after that */
    uint64_t files;            /* old ones */
    bool unreadable;           /* one of the others could not be read to its end */
};

static inline struct erase_line
erase_line_of(const attl_erasure *r)
{
    return (struct erase_line){ r->before_lsn, r->snapshot_lsn, r->snapshot_ms };
}

/* Reads snapshots and log and counts what fits. ATTL_OK, ATTL_E_IO, ATTL_E_NOMEM, ATTL_E_BUSY (the
 * store is being closed). `old_too`: the old files as well, otherwise they are only listed. */
int erase_count(struct store *s, const struct erase_select *select, const struct erase_line *line,
                bool old_too, struct erase_counts *ret);
/* How many old files there are. */
int erase_left(struct store *s, const struct erase_line *line, uint64_t *ret_files);
/* Removes the old files, with the claim held. ATTL_OK; a file that stays is in files_left. */
int erase_remove(struct store *s, attl_erasure *r);

/* ---- the book, erase_book.c ---- */

/* The same with a key that is given. */
void erase_subject(const unsigned char key[SHA256_BYTES], const struct erase_select *select,
                   attl_erasure *r);
/* Fills in the digest of the names. ATTL_OK, ATTL_E_IO, ATTL_E_NOMEM. */
int erase_book_subject(struct store *s, const struct erase_select *select, attl_erasure *r);
/* Keeps the names of an erasure until it is over. */
int erase_book_keep_names(struct store *s, const attl_erasure *r,
                          const struct erase_select *select);
int erase_book_drop_names(struct store *s, const attl_erasure *r);
/* Appends the receipt as it is now; fills in its hash. ATTL_OK, ATTL_E_IO, ATTL_E_NOMEM. */
int erase_book_append(struct store *s, attl_erasure *r, const struct erase_select *select);
/* Reads all receipts and the names of those that are open, into the list. */
int erase_book_load(struct store *s);
/* Removes names that no open erasure needs. */
int erase_book_sweep(struct store *s);
/* Enters an erasure that has begun; ATTL_OK, ATTL_E_NOMEM. It is the last of the list. */
int erase_book_add(struct store *s, const attl_erasure *r, struct erase_select *select);
/* Takes the last one out again. */
void erase_book_take_back(struct store *s);

/* ---- the line of a receipt, erase_line.c; pure ---- */

/* Appends the line, with its line end; fills in r->hash. `prev`: the hash of the line before. */
void erase_line_write(struct buf *out, attl_erasure *r, const struct erase_select *select,
                      const char *prev);
/* False if it is not such a line; r->intact: it has the digest that it says. */
bool erase_line_read(attl_slice line, attl_erasure *r);

#endif
