/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl/queue.h - submitting operations instead of waiting for them, and reaping their results in
 * batches from a queue that any event loop can watch. Part of <attl/attl.h>, which is what programs
 * include. Whoever reaps a completion owns its value.
 */
#ifndef ATTL_QUEUE_H
#define ATTL_QUEUE_H

#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Submitting instead of waiting. attl_submit_...() accepts an operation and returns at once; its
 * result comes as a completion to the queue it was submitted to. The calls of the same names
 * without submit are the same operations, waited for. What a submission promises:
 *   - It is accepted (ATTL_OK) or not (a failure: nothing has happened, no completion will come).
 *     ATTL_E_BUSY means that the queue owes as many completions as it has places, or that too much
 *     waits in front of the threads or the log: reap, then try again. ATTL_E_CLOSED: shut down.
 *   - Each accepted one gets exactly one completion, whatever happens: also when it is cancelled or
 *     late, when the queue is shut down, and when the cache is closed.
 *   - It never blocks. Changes (set, del) are made before the call returns, so they have the order
 *     of the calls and are visible at once; their completion says that the promise of persist.fsync
 *     holds for them (without `always` it comes at once). Everything else is done by threads of the
 *     library (async.threads).
 *   - A deadline (timeout_ms) or a cancellation ends the waiting, not what has been done: a change
 *     stays made, and whether it is durable is then not known; a snapshot, rollback or scan that
 *     has begun goes on without being reported, one that has not begun will not be done.
 * Completions come in the order in which they happen. A queue is reaped by one thread at a time;
 * submissions come from any number. Close queues before their cache, or reap them afterwards:
 * a value that only the cache could have released is then missing, and the status is ATTL_E_CLOSED.
 */
typedef struct attl_queue attl_queue;

enum attl_op { /* attl_completion.kind; events have kinds below 0x100 */
               ATTL_OP_SET = 0x101,
               ATTL_OP_DEL = 0x102,
               ATTL_OP_SYNC = 0x103,
               ATTL_OP_SNAPSHOT = 0x104, /* value: an attl_snapshot_info; number: its lsn */
               ATTL_OP_ROLLBACK =
                   0x105, /* value: an attl_rollback_report, or the sentence of a failure */
               ATTL_OP_RESTORE = 0x106, /* as ROLLBACK */
               ATTL_OP_SCAN =
                   0x107, /* value: a page, see attl_page_next; number: the next cursor  */
               ATTL_OP_LOAD = 0x108, /* value: the value */
               ATTL_OP_FETCH = 0x109
};

/* One result. Its size does not change before the next SONAME. */
typedef struct attl_completion {
    uint32_t struct_size; /* set by the library */
    uint32_t kind;        /* enum attl_op, or ATTL_EV_... */
    int32_t status;       /* what the call that waits would have returned; ATTL_E_TIMEOUT,
                           * ATTL_E_CANCELED, ATTL_E_CLOSED */
    uint32_t flags;       /* kind-specific, else 0 */
    uint64_t user_data;   /* as given at submission */
    uint64_t id;          /* of the submission */
    attl_value value;     /* to be released by who reaps; empty if there is none */
    attl_slice key;       /* events: valid until this queue is reaped again */
    int64_t deadline_ms;  /* kind-specific */
    uint64_t number;      /* kind-specific */
} attl_completion;

typedef struct attl_submit_opts {
    uint32_t struct_size;
    uint32_t flags;     /* 0 */
    uint64_t user_data; /* comes back in the completion */
    int64_t timeout_ms; /* at most so long from now, in the cache's time; 0: as long as it takes */
} attl_submit_opts;
#define ATTL_SUBMIT_OPTS_INIT             \
    {                                     \
        sizeof(attl_submit_opts), 0, 0, 0 \
    }

/*
 * A queue that owes at most `capacity` completions (1 .. 262144) at a time: submissions that are
 * not complete and completions that were not reaped. ATTL_OK, ATTL_E_INVALID, ATTL_E_NOMEM,
 * ATTL_E_BUSY (the process has no descriptors left). Threads: any. Since 0.3.
 */
ATTL_CHECKED int attl_queue_open(attl *cache, uint32_t capacity, attl_queue **ret_queue);
/*
 * A descriptor for poll, epoll, libuv, libevent, asyncio: readable, level-triggered, from when
 * there is something to reap until attl_queue_reap() has returned 0 once. So reap until it does, or
 * be called again. Watch it for reading, nothing else; it is the queue's. Since 0.3.
 */
ATTL_API int attl_queue_fd(const attl_queue *queue);
/* Takes up to `max` completions, oldest first, and returns how many. Never blocks. Since 0.3. */
ATTL_API size_t attl_queue_reap(attl_queue *queue, attl_completion *out, size_t max);
/*
 * Blocks until there is something to reap, at most timeout_ms (real time; 0: only looks, < 0: for
 * ever). ATTL_OK, ATTL_E_TIMEOUT, ATTL_E_CLOSED (it was shut down and owes nothing). Since 0.3.
 */
ATTL_CHECKED int attl_queue_wait(attl_queue *queue, int64_t timeout_ms);
/* Ends the waiting for a submission: ATTL_OK, its completion is ATTL_E_CANCELED; ATTL_MISS, it is
 * complete already. Threads: any. Since 0.3. */
ATTL_API int attl_queue_cancel(attl_queue *queue, uint64_t id);
/*
 * Nothing new is accepted. What has begun completes with its result, what has not with
 * ATTL_E_CLOSED; attl_queue_wait() says when all of it has been reaped. Threads: any. Since 0.3.
 */
ATTL_API void attl_queue_shutdown(attl_queue *queue);
/* Closes `*queue` and sets it to NULL; both may be NULL. Gives up what is open and releases what
 * was not reaped. Never waits for running work. No other thread may be using it. Since 0.3. */
ATTL_API void attl_queue_close(attl_queue **queue);

/*
 * attl_set. ATTL_OK, and the failures of attl_set; ATTL_E_BUSY, ATTL_E_CLOSED. The completion's
 * status is attl_set's, or ATTL_E_IO: made, but not durable. Key and value are copied. `opts` and
 * `ret_id` may be NULL here and below. Threads: any. Since 0.3.
 */
ATTL_CHECKED int attl_submit_set(attl_queue *queue, attl_slice key, attl_slice value,
                                 int64_t ttl_ms, const attl_submit_opts *opts, uint64_t *ret_id);
/* attl_del; the completion's status may be ATTL_MISS. Otherwise as attl_submit_set. Since 0.3. */
ATTL_CHECKED int attl_submit_del(attl_queue *queue, attl_slice key, const attl_submit_opts *opts,
                                 uint64_t *ret_id);
/* attl_log_sync: completes when everything logged so far is durable. ATTL_OK, ATTL_E_BUSY,
 * ATTL_E_CLOSED, ATTL_E_NOMEM. Since 0.3. */
ATTL_CHECKED int attl_submit_sync(attl_queue *queue, const attl_submit_opts *opts,
                                  uint64_t *ret_id);
/* attl_snapshot, in a thread of the library. As attl_submit_sync, and ATTL_E_UNSUPPORTED. Since
 * 0.3. */
ATTL_CHECKED int attl_submit_snapshot(attl_queue *queue, const attl_submit_opts *opts,
                                      uint64_t *ret_id);
/* attl_rollback to what `target` says, which is copied. As attl_submit_snapshot, and
 * ATTL_E_INVALID. Since 0.3. */
ATTL_CHECKED int attl_submit_rollback(attl_queue *queue, const attl_rollback_opts *target,
                                      const attl_submit_opts *opts, uint64_t *ret_id);
/* The same to the snapshot of that name. Since 0.3. */
ATTL_CHECKED int attl_submit_restore(attl_queue *queue, const char *snapshot_name,
                                     const attl_submit_opts *opts, uint64_t *ret_id);

#define ATTL_SCAN_KEYS 0x01u /* without values */
/*
 * One page of an iteration, as attl_scan: about `count` (1 .. 65536) entries from `cursor` on (0 at
 * first), fewer if they are large. The completion's value is the page, its number the cursor to
 * submit next, its status ATTL_OK or, with the last page, ATTL_DONE. A page has at most a few MiB:
 * a value above 64 KiB that would take it above 1 MiB is left out. As attl_submit_sync, and
 * ATTL_E_INVALID, ATTL_E_UNSUPPORTED. Since 0.3.
 */
ATTL_CHECKED int attl_submit_scan(attl_queue *queue, uint64_t cursor, size_t count, uint32_t flags,
                                  const attl_submit_opts *opts, uint64_t *ret_id);
typedef struct attl_page_entry {
    attl_slice key;
    attl_slice value; /* data is NULL if it is not in the page; len is its length all the same */
    int64_t deadline_ms;
} attl_page_entry;
/*
 * The page's entry at *offset, which starts at 0 and is moved behind it. ATTL_OK, ATTL_DONE. The
 * entry lies in the page. Pure. Since 0.3.
 */
ATTL_API int attl_page_next(attl_slice page, size_t *offset, attl_page_entry *ret_entry);

#ifdef __cplusplus
}
#endif
#endif
