/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl/transaction.h - several changes as one, and undoing them. Part of <attl/attl.h>, which is
 * what programs include. A transaction belongs to one thread at a time.
 */
#ifndef ATTL_TRANSACTION_H
#define ATTL_TRANSACTION_H

#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct attl_txn attl_txn; /* one transaction of one thread at a time */

/*
 * A transaction gathers changes and makes them at attl_txn_commit() as one, if what it has read or
 * watched is as it was: no other call sees a part of it, nothing comes in between, and recovery
 * applies all of it or nothing. Until then it holds no lock and changes nothing, so it may take as
 * long as it likes; if somebody else was faster the commit says ATTL_E_CONFLICT, and the caller
 * begins again. It may name limits.transaction_ops keys. End it with attl_txn_commit() or
 * attl_txn_rollback(), before the cache is closed. Threads: one at a time. ATTL_OK, ATTL_E_NOMEM.
 * Since 0.3.
 */
ATTL_CHECKED int attl_txn_begin(attl *cache, attl_txn **ret_txn);
/*
 * The value as the transaction would find it: what it has set itself, or the cache's, and then the
 * commit depends on it, found or not. Release it before the transaction ends. ATTL_OK, ATTL_MISS,
 * ATTL_E_BUSY (too many bytes pinned, or too many keys), ATTL_E_NOMEM, ATTL_E_KEY_*. Since 0.3.
 */
ATTL_CHECKED int attl_txn_get(attl_txn *txn, attl_slice key, attl_value *ret_value);
/*
 * Stores at the commit; the last of several for one key counts. Key and value are copied. `ttl_ms`
 * as in attl_set, counted from the commit; ATTL_TTL_KEEP: the deadline that is there then. ATTL_OK,
 * ATTL_E_BUSY (too many keys), ATTL_E_NOMEM, and attl_set's validation. Since 0.3.
 */
ATTL_CHECKED int attl_txn_set(attl_txn *txn, attl_slice key, attl_slice value, int64_t ttl_ms);
/* Deletes at the commit what is there then. ATTL_OK, ATTL_E_BUSY, ATTL_E_NOMEM, ATTL_E_KEY_*. Since
 * 0.3. */
ATTL_CHECKED int attl_txn_del(attl_txn *txn, attl_slice key);
/* The commit depends on this key from now on: any change of it, its expiry, its eviction and its
 * first appearance are conflicts, also if this thread makes them. As attl_txn_del. Since 0.3. */
ATTL_CHECKED int attl_txn_watch(attl_txn *txn, attl_slice key);
/*
 * Makes the changes, or nothing. Either way the transaction is over: *txn is freed and set to NULL.
 * May pass max_memory by a sixteenth until the next write. ATTL_OK; ATTL_E_CONFLICT; ATTL_E_FULL,
 * ATTL_E_NOMEM, ATTL_E_LOADING, ATTL_E_BUSY, ATTL_E_IO (the log does not take it, or, after the
 * change, under `always`: it is made but not durable), ATTL_E_TTL_*. Waits as attl_set does. Since
 * 0.3.
 */
ATTL_CHECKED int attl_txn_commit(attl_txn **txn);
/* Forgets it. *txn is freed and set to NULL; both may be NULL. Since 0.3. */
ATTL_API void attl_txn_rollback(attl_txn **txn);

#define ATTL_SCOPE_WHOLE 0x01u /* the whole cache is held, not only `keys` */

/*
 * The other way to use a transaction: run ordinary calls in it. From attl_txn_scope_begin() to
 * attl_txn_scope_end() the calling thread may use, with any call for one or several keys, the n
 * `keys` (and the watched ones); everybody else who needs them waits. So be quick, and neither
 * block nor wait for another thread inside. Nothing is taken back: a call that fails has changed
 * nothing, and the others stand. What was changed becomes one record of the log.
 * `bytes` is about how much will be written: room for it is made before, because inside nothing can
 * be evicted; a call that finds no room fails with ATTL_E_FULL. With ATTL_SCOPE_WHOLE attl_scan,
 * attl_random_key and attl_clear may be used as well. Inside get ATTL_E_INVALID: other keys where
 * they change something, attl_snapshot, attl_rollback, attl_retention_run, another scope; reads of
 * other keys may get ATTL_E_BUSY; attl_tick does nothing. What attl_txn_set and attl_txn_del have
 * gathered is not applied.
 * ATTL_OK; otherwise no scope was begun: ATTL_E_CONFLICT (a watched key has changed),
 * ATTL_E_INVALID (the thread is in a scope), ATTL_E_NOMEM. Since 0.3.
 */
ATTL_CHECKED int attl_txn_scope_begin(attl_txn *txn, const attl_slice *keys, size_t n,
                                      uint64_t bytes, uint32_t flags);
/* Ends the scope. The transaction stays, still watching; end it with attl_txn_rollback().
 * ATTL_OK, or ATTL_E_IO (under `always`: what was changed is not durable). Waits for the log as
 * attl_set does. Same thread as attl_txn_scope_begin(). Since 0.3. */
ATTL_CHECKED int attl_txn_scope_end(attl_txn *txn);

/* One operation to be undone: what was there before it. */
typedef struct attl_undo_op {
    attl_slice key;
    attl_slice value;      /* if had_previous */
    int64_t deadline_ms;   /* if had_previous: as in attl_value, or ATTL_NO_DEADLINE */
    uint32_t had_previous; /* 0: the key was absent */
    uint32_t reserved;     /* 0 */
} attl_undo_op;
/*
 * Undoes operations, given in the order in which they were made: the newest first, so that a key
 * that occurs several times ends as it was before its oldest. All of it as one, as attl_mset, and
 * one record in the log. A previous state whose deadline has passed meanwhile is absence. What
 * others have done to these keys since is undone as well; to refuse that, watch them in a
 * transaction. n <= limits.rollback_ops. attl_set_if() with ret_old tells what to remember:
 * ret_had_old, and the value with its deadline; attl_undo does all of that.
 * ATTL_OK; ATTL_E_INVALID (too many, or `reserved`); ATTL_E_FULL, ATTL_E_NOMEM and the others of
 * attl_set, with nothing undone. Since 0.3.
 */
ATTL_CHECKED int attl_rollback_ops(attl *cache, const attl_undo_op *ops, size_t n);

/*
 * A list of operations that remembers what was there before. attl_undo_set() and attl_undo_del()
 * change the cache at once, as attl_set and attl_del, and return what those do; a change that
 * cannot be remembered (limits.rollback_ops: ATTL_E_BUSY; too many bytes pinned: ATTL_E_BUSY; no
 * memory) is not made, and one that was made without becoming durable (ATTL_E_IO) is remembered;
 * so the list is what was done in the cache, whatever the calls said. While the log takes no
 * changes attl_undo_rollback() gets ATTL_E_IO too, and keeps the list for another try. Large
 * previous values are held by reference and count as pinned. attl_undo_rollback() undoes the list,
 * as attl_rollback_ops, and empties it if that has succeeded; attl_undo_forget() empties it.
 * Threads: one at a time. Since 0.3.
 */
typedef struct attl_undo attl_undo;
ATTL_CHECKED int attl_undo_new(attl *cache, attl_undo **ret_undo);
ATTL_CHECKED int attl_undo_set(attl_undo *undo, attl_slice key, attl_slice value, int64_t ttl_ms);
ATTL_CHECKED int attl_undo_del(attl_undo *undo, attl_slice key);
ATTL_CHECKED int attl_undo_rollback(attl_undo *undo);
ATTL_API void attl_undo_forget(attl_undo *undo);
/* Forgets and frees; *undo is set to NULL; both may be NULL. Before the cache is closed. Since 0.3.
 */
ATTL_API void attl_undo_free(attl_undo **undo);

#ifdef __cplusplus
}
#endif
#endif
