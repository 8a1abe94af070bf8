/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit trail of a server: any thread says what was done, one thread of the trail writes it.
 * Between them is a bounded queue, so that a slow disk delays nobody; who must not go on before it
 * is written (fail_closed) waits for that, at most AUDIT_WAIT_MS. While the trail cannot be
 * written, lines are counted as lost and a line says so afterwards; whoever opened the trail is
 * told when that begins and ends. The thread sleeps while there is nothing to write.
 */
#ifndef ATTL_AUDIT_AUDIT_H
#define ATTL_AUDIT_AUDIT_H

#include "audit/record.h"

enum {
    AUDIT_WAIT_MS = 5000,  /* who waits for a line waits so long at most */
    AUDIT_RETRY_MS = 1000, /* between two tries while it cannot be written */
    AUDIT_QUEUE_BYTES = 16 << 20,
    AUDIT_TAIL_MAX = 1000 /* lines of ATTL.AUDIT TAIL */
};

struct audit;
struct disk;

struct audit_settings {
    const char *dir;      /* created if it is missing, with its parent */
    const char *key_file; /* "": lines are chained without a key */
    const char *writes;   /* prefixes of keys whose changes are recorded, by blanks; * for all */
    bool plain_keys;      /* names of keys are written as they are */
    bool fail_closed, sync;
    uint64_t rotate_bytes, keep_files;
    int64_t rotate_ms, keep_ms;
    uint64_t queue; /* lines that may wait */
    /* Told from the trail's thread, which holds no lock then: it cannot be written, and why; or it
     * can again. May be NULL. */
    void (*told)(void *ud, bool failing, const char *text);
    void *ud;
    struct disk *disk;           /* for tests: instead of `dir`, which is then not looked at */
    int64_t (*now_us)(void *ud); /* for tests; NULL: the system's clock */
};

struct audit_stats {
    bool failing;
    uint64_t lines, lost, refused; /* written; not written; actions refused for it */
    uint64_t bytes;                /* of the lines that were written */
    uint64_t failures;             /* times that writing failed */
    uint64_t waiting;              /* now */
    uint64_t files, rotations, removed;
    int64_t oldest_us; /* when the oldest file was begun, Unix; 0: not known */
    uint64_t last_seq;
    char last_hash[AUDIT_HASH_CHARS + 1];
    char error[128]; /* of the last failure; "" for none */
    bool keyed, fail_closed, sync;
    const char *dir, *writes;
};

/*
 * Opens the trail and starts its thread. ATTL_OK; or ATTL_E_IO, ATTL_E_NOMEM, ATTL_E_CONFIG with a
 * sentence in `err`. A directory that cannot be used is a failure here if fail_closed; otherwise it
 * is told of, and tried again.
 */
int audit_open(struct audit **ret, const attl_allocator *alloc, const struct audit_settings *s,
               char *err, size_t err_len);
/* Writes what waits, and ends. NULL is allowed. */
void audit_close(struct audit **a);
/* Takes over what may be changed at run time: fail_closed, sync, rotation, keeping, the queue. */
void audit_configure(struct audit *a, const struct audit_settings *s);

/* Leaves a line to the thread; its time is now, unless r->time_us is set. False: it is lost, and
 * counted. Never waits. */
bool audit_put(struct audit *a, const struct audit_record *r);
/* The same, and waits until it is written, and synced if so configured. False: it may not be. */
bool audit_put_wait(struct audit *a, const struct audit_record *r);
/* An action was refused because it could not be recorded. */
void audit_refused(struct audit *a);
/* True if what cannot be recorded must not be done. */
bool audit_is_closed(const struct audit *a);
/* The next line begins a new file. */
void audit_rotate(struct audit *a);
/* Waits until what is queued now is written or lost. */
void audit_flush(struct audit *a);

/* Whether changes of any keys are recorded, and whether those of this one are. */
bool audit_has_writes(const struct audit *a);
bool audit_wants(const struct audit *a, attl_slice key);
/* What stands for a key's name in the trail, in `out`. */
void audit_hide(const struct audit *a, attl_slice key, struct buf *out);
void audit_stats_get(struct audit *a, struct audit_stats *ret);

struct audit_finding;
struct audit_verify;
/* Verifies the whole trail, beginning with what was written before the call; see verify.h. Blocks
 * for as long as reading it takes. 0 or a negative errno. */
int audit_verify_now(struct audit *a, struct audit_verify *v);
/* Appends the last `n` lines, oldest first, each with its line feed. 0 or a negative errno. */
int audit_tail(struct audit *a, size_t n, struct buf *out);

#endif
