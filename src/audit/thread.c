/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread that writes. A round takes the whole queue, writes a line for each, settles once, and
 * only then answers those who wait, so that "written" means what the rules say. When something
 * fails the rest of the round is lost as well: trying each of a thousand lines against a full disk
 * would only take longer. While it fails it tries once a second with the line that says how many
 * were lost; the first success ends it. It holds no lock while it writes or tells.
 */
#include "audit/own.h"

#include "base/alloc.h"
#include "base/hex.h"
#include "os/clock.h"
#include "os/disk_dir.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { TEXT_BYTES = 256, ERR_BYTES = 640 };

static int64_t
now_us(const struct audit *a)
{
    return a->now_us ? a->now_us(a->ud) : clock_wall_us();
}

/* ---- the directory ---- */

/* Creates the directory above, if that is missing: the server's own, before anything was kept. */
static void
make_parent(const char *dir)
{
    char path[AUDIT_PATH_BYTES], err[ERR_BYTES];
    (void)snprintf(path, sizeof path, "%s", dir); /* as long */
    char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return;
    *slash = '\0';
    (void)disk_dir_make(path, err, sizeof err); /* if it fails, opening says why */
}

static int
open_disk(struct audit *a, char *err, size_t err_len)
{
    if (a->disk)
        return 0;
    make_parent(a->dir);
    int rc = os_disk_open(&a->own_disk, &a->alloc, a->dir, true, err, err_len);
    if (rc < 0)
        return rc;
    a->disk = &a->own_disk.disk;
    a->disk_is_own = true;
    a->writer.disk = a->disk;
    return 0;
}

/* ---- success and failure ---- */

static void
note_stats(struct audit *a)
{
    struct audit_stats *st = &a->stats;
    const struct audit_writer *w = &a->writer;
    lock_acquire(&a->lock);
    st->failing = a->failing;
    st->lines = w->lines;
    st->bytes = w->written_bytes;
    st->files = w->files;
    st->oldest_us = w->oldest_us;
    st->rotations = w->rotations;
    st->removed = w->removed;
    st->last_seq = w->last.seq;
    hex_text(st->last_hash, w->last.hash, AUDIT_HASH_BYTES);
    lock_release(&a->lock);
}

static void
failed(struct audit *a, int rc, const char *why)
{
    char reason[TEXT_BYTES], text[TEXT_BYTES];
    const char *z = why[0] ? why : strerror_r(-rc, reason, sizeof reason);
    bool began = !a->failing;
    a->failing = true;
    lock_acquire(&a->lock);
    a->stats.failures++;
    (void)snprintf(a->stats.error, sizeof a->stats.error, "%s", z); /* cut is fine */
    lock_release(&a->lock);
    note_stats(a);
    if (!began || !a->told)
        return;
    (void)snprintf(text, sizeof text, "the audit trail cannot be written: %s", z); /* cut is fine */
    a->told(a->ud, true, text);
}

static void
succeeded(struct audit *a)
{
    bool ended = a->failing;
    a->failing = false;
    note_stats(a);
    if (ended && a->told)
        a->told(a->ud, false, "the audit trail is written again");
}

/* ---- rounds ---- */

/* One line through to the file; 0 or a negative errno, told of. */
static int
write_one(struct audit *a, const struct audit_record *r)
{
    char err[ERR_BYTES] = "";
    int rc = open_disk(a, err, sizeof err);
    if (rc == 0)
        rc = audit_writer_append(&a->writer, r);
    if (rc < 0)
        failed(a, rc, err);
    return rc;
}

static int
settle(struct audit *a)
{
    int rc = a->disk ? audit_writer_settle(&a->writer) : 0;
    if (rc < 0)
        failed(a, rc, "");
    return rc;
}

/* Says how much was lost or refused, if anything was. 0 if there is nothing to say any more. */
static int
write_gap(struct audit *a)
{
    char text[TEXT_BYTES];
    lock_acquire(&a->lock);
    uint64_t lost = a->untold_lost, refused = a->untold_refused;
    lock_release(&a->lock);
    if (lost == 0 && refused == 0 && !a->failing)
        return 0;
    (void)snprintf(text, sizeof text, "%" PRIu64 " lines lost, %" PRIu64 " actions refused", lost,
                   refused); /* fits */
    struct audit_record r = { .kind = AUDIT_GAP, .time_us = now_us(a) };
    r.text[AUDIT_ACTION] = attl_s("gap");
    r.text[AUDIT_OBJECT] = attl_s(text);
    r.text[AUDIT_OUTCOME] = attl_s("ok");
    int rc = write_one(a, &r);
    if (rc == 0)
        rc = settle(a);
    if (rc < 0)
        return rc;
    lock_acquire(&a->lock);
    a->untold_lost -= lost;
    a->untold_refused -= refused;
    lock_release(&a->lock);
    return 0;
}

/* Takes the queue, and the rules as they are now. */
static struct audit_item *
take(struct audit *a)
{
    lock_acquire(&a->lock);
    struct audit_item *items = a->first;
    a->taken = items;
    a->first = NULL;
    a->last = &a->first;
    a->waiting = a->waiting_bytes = 0;
    a->writer.rules = a->rules;
    a->writer.rotate |= a->rotate;
    a->rotate = false;
    lock_release(&a->lock);
    return items;
}

/* Answers and frees; counts what was not written. */
static void
finish(struct audit *a, struct audit_item *items, bool settled)
{
    lock_acquire(&a->lock);
    a->taken = NULL;
    for (struct audit_item *i = items; i; i = i->next) {
        bool written = i->written && settled;
        bool lost = i->order == AUDIT_ORDER_LINE && !written && !i->wait;
        a->stats.lost += lost;
        a->untold_lost += lost;
        if (!i->wait)
            continue;
        i->wait->written = written;
        i->wait->done = true;
        parker_wake(&i->wait->parker);
    }
    lock_release(&a->lock);
    while (items) {
        struct audit_item *next = items->next;
        alloc_free(&a->alloc, items);
        items = next;
    }
}

static void
one_round(struct audit *a, struct audit_item *items)
{
    int rc = write_gap(a);
    for (struct audit_item *i = items; i && rc == 0; i = i->next) {
        if (i->order == AUDIT_ORDER_LINE)
            rc = write_one(a, &i->record);
        i->written = rc == 0;
    }
    int settled = settle(a);
    if (rc == 0 && settled == 0)
        succeeded(a);
    finish(a, items, settled == 0);
}

static bool
has_gap(struct audit *a)
{
    lock_acquire(&a->lock);
    bool gap = a->untold_lost || a->untold_refused;
    lock_release(&a->lock);
    return gap;
}

static void *
thread_main(void *arg)
{
    struct audit *a = arg;
    for (;;) {
        bool stopping = atomic_load(&a->stopping);
        struct audit_item *items = take(a);
        if (items || (a->failing && !stopping) || (!a->failing && has_gap(a)))
            one_round(a, items);
        else if (stopping)
            return NULL;
        else
            parker_sleep(&a->parker, -1);
        if (a->failing && !atomic_load(&a->stopping))
            parker_sleep(&a->parker, AUDIT_RETRY_MS);
    }
}

int
audit_thread_start(struct audit *a, char *err, size_t err_len)
{
    char text[ERR_BYTES] = "";
    audit_writer_init(&a->writer, a->disk, &a->alloc, &a->key);
    a->writer.rules = a->rules;
    int rc = open_disk(a, text, sizeof text);
    if (rc == 0)
        rc = audit_writer_resume(&a->writer, now_us(a));
    if (rc == 0)
        rc = audit_writer_settle(&a->writer);
    if (rc < 0) {
        failed(a, rc, text);
        (void)snprintf(err, err_len, "%s", a->stats.error); /* cut is fine */
        if (audit_is_closed(a))
            return rc == -ENOMEM ? ATTL_E_NOMEM : ATTL_E_IO;
    }
    note_stats(a);
    if (thread_start(&a->thread, "attl-audit", thread_main, a))
        return ATTL_OK;
    (void)snprintf(err, err_len, "the system refuses a thread"); /* cut is fine */
    return ATTL_E_NOMEM;
}

void
audit_thread_stop(struct audit *a)
{
    if (a->thread.running) {
        atomic_store(&a->stopping, true);
        parker_wake(&a->parker);
        thread_join(&a->thread);
    }
    finish(a, take(a), false);
    audit_writer_fini(&a->writer);
    if (a->disk_is_own)
        os_disk_close(&a->own_disk);
}
