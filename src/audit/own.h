/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the trail is made of, for the files of this folder that share it. Lines wait in a list of
 * items until the thread takes all of them. `lock` guards that list, the rules and the figures; the
 * writer and the disk belong to the thread once it runs; what is constant after audit_open() says
 * so.
 */
#ifndef ATTL_AUDIT_OWN_H
#define ATTL_AUDIT_OWN_H

#include "audit/audit.h"
#include "audit/writer.h"
#include "os/lock.h"
#include "os/parker.h"
#include "os/thread.h"

enum { AUDIT_PATH_BYTES = 1200 };

/* Somebody who waits for a line, on his stack. Touched under the lock. */
struct audit_wait {
    struct parker parker;
    bool done, written;
};

enum audit_order { AUDIT_ORDER_LINE, AUDIT_ORDER_NONE /* only says that it was its turn */ };

struct audit_item {
    struct audit_item *next;
    struct audit_wait *wait; /* or NULL */
    enum audit_order order;
    bool written;
    size_t bytes;
    struct audit_record record; /* its texts are behind it */
    char texts[];
};

struct audit {
    /* constant */
    attl_allocator alloc;
    char dir[AUDIT_PATH_BYTES];
    char writes[AUDIT_PATH_BYTES];
    struct audit_key key, mask;
    bool plain_keys;
    struct disk *given; /* a test's, instead of the directory */
    void (*told)(void *ud, bool failing, const char *text);
    void *ud;
    int64_t (*now_us)(void *ud);
    _Atomic bool fail_closed;
    _Atomic bool stopping;
    struct parker parker; /* of the thread */
    struct thread thread;
    /* under the lock */
    struct lock lock;
    struct audit_item *first, **last;
    struct audit_item *taken; /* what the thread is at */
    uint64_t waiting, waiting_bytes, queue_max;
    uint64_t untold_lost, untold_refused; /* since the last line that said so */
    bool rotate;
    struct audit_rules rules;
    struct audit_stats stats;
    /* of the thread */
    struct os_disk own_disk;
    struct disk *disk; /* NULL: not opened yet */
    bool disk_is_own;
    struct audit_writer writer;
    bool failing;
};

/* Opens the disk and starts the thread; see audit_open(). */
int audit_thread_start(struct audit *a, char *err, size_t err_len);
void audit_thread_stop(struct audit *a);

#endif
