/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of steps is what makes the trail survive: a line is whole before the next is begun; the
 * head is written after the lines it speaks of; the line that says a file is removed is written
 * before the file goes. A write that failed is cut off again; if that fails too the file is closed,
 * and the next call finds its end anew, as after a crash. A file whose sync failed is not written
 * again, because the kernel may have dropped what it could not write.
 */
#include "audit/writer.h"

#include "base/alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { US_PER_MS = 1000, REMOVALS_MAX = 64 /* per line, so that none waits for long */ };

void
audit_writer_init(struct audit_writer *w, struct disk *disk, const attl_allocator *alloc,
                  const struct audit_key *key)
{
    *w = (struct audit_writer){ .disk = disk, .alloc = alloc, .key = key };
    buf_init(&w->line, AUDIT_LINE_MAX_BYTES);
}

void
audit_writer_close_file(struct audit_writer *w)
{
    if (w->file)
        (void)w->disk->ops->close(w->disk, w->file); /* written and synced, or given up */
    w->file = NULL;
}

static void
close_head(struct audit_writer *w)
{
    if (w->head)
        (void)w->disk->ops->close(w->disk, w->head); /* nothing relies on it being durable */
    w->head = NULL;
}

void
audit_writer_fini(struct audit_writer *w)
{
    audit_writer_close_file(w);
    close_head(w);
    buf_fini(&w->line);
}

/* Makes w->line and its digest. */
static int
make_line(struct audit_writer *w, const struct audit_record *r,
          unsigned char hash[AUDIT_HASH_BYTES])
{
    buf_clear(&w->line, AUDIT_LINE_MAX_BYTES);
    audit_record_signed(r, audit_key_alg(w->key), w->last.seq + 1, w->last.hash, &w->line);
    if (w->line.failed || !audit_digest(w->key, buf_slice(&w->line), hash))
        return -ENOMEM;
    audit_record_finish(hash, &w->line);
    return w->line.failed ? -ENOMEM : 0;
}

int
audit_writer_put(struct audit_writer *w, const struct audit_record *r)
{
    struct audit_link link = { .seq = w->last.seq + 1 };
    int rc = make_line(w, r, link.hash);
    if (rc < 0)
        return rc;
    rc = w->disk->ops->write(w->disk, w->file, w->line.data, w->line.len, w->bytes);
    if (rc < 0) {
        if (w->disk->ops->truncate(w->disk, w->file, w->bytes) < 0) {
            audit_writer_close_file(w);
            w->resumed = false;
        }
        return rc;
    }
    w->bytes += w->line.len;
    w->last = link;
    w->lines++;
    w->written_bytes += w->line.len;
    w->unsettled = true;
    return 0;
}

int
audit_writer_begin_file(struct audit_writer *w, int64_t now_us)
{
    char name[AUDIT_NAME_BYTES], before[AUDIT_NAME_BYTES] = "";
    struct disk_file *file;
    uint64_t first_seq = w->last.seq + 1, old_first = w->first_seq;
    int rc = w->unsettled ? audit_writer_settle(w) : 0;
    if (rc < 0)
        return rc;
    audit_file_name(first_seq, name);
    if (old_first)
        audit_file_name(old_first, before);
    rc = w->disk->ops->open(w->disk, name, DISK_CREATE, &file);
    if (rc < 0)
        return rc;
    audit_writer_close_file(w);
    w->file = file;
    w->bytes = 0;
    struct audit_record r = { .kind = AUDIT_FILE, .time_us = now_us };
    r.text[AUDIT_ACTION] = attl_s("begin");
    r.text[AUDIT_OBJECT] = attl_s(name);
    r.text[AUDIT_BEFORE] = attl_s(before);
    r.text[AUDIT_OUTCOME] = attl_s("ok");
    rc = audit_writer_put(w, &r);
    if (rc == 0 && w->rules.sync)
        rc = w->disk->ops->sync_dir(w->disk);
    if (rc < 0) { /* an empty file is taken away; if it stays, the next start does that */
        audit_writer_close_file(w);
        if (w->last.seq < first_seq)
            (void)w->disk->ops->remove(w->disk, name);
        w->resumed = false;
        return rc;
    }
    w->first_seq = first_seq;
    w->begun_us = now_us;
    w->rotate = false;
    w->rotations += old_first != 0;
    return 0;
}

/* ---- retention ---- */

static int
remove_one(struct audit_writer *w, const struct audit_file *f, int64_t now_us)
{
    char name[AUDIT_NAME_BYTES];
    audit_file_name(f->first_seq, name);
    struct audit_record r = { .kind = AUDIT_RETENTION, .time_us = now_us };
    r.text[AUDIT_ACTION] = attl_s("remove");
    r.text[AUDIT_OBJECT] = attl_s(name);
    r.text[AUDIT_OUTCOME] = attl_s("ok");
    int rc = audit_writer_put(w, &r);
    if (rc == 0)
        rc = w->disk->ops->remove(w->disk, name);
    w->removed += rc == 0;
    return rc;
}

int
audit_writer_look(struct audit_writer *w)
{
    struct audit_files l;
    struct disk_file *f;
    char name[AUDIT_NAME_BYTES];
    int rc = audit_files_list(&l, w->alloc, w->disk);
    if (rc == 0 && l.len > 0) {
        audit_file_name(l.items[0].first_seq, name);
        rc = w->disk->ops->open(w->disk, name, DISK_READ, &f);
    }
    if (rc == 0)
        w->files = l.len;
    if (rc == 0 && l.len > 0) {
        w->oldest_us = audit_file_begun_us(w->disk, f);
        (void)w->disk->ops->close(w->disk, f); /* it was only read */
    }
    audit_files_free(&l);
    return rc;
}

/* Old files go, oldest first, after a file was begun: never the present one. */
static int
retain(struct audit_writer *w, int64_t now_us)
{
    struct audit_files l;
    int rc = audit_files_list(&l, w->alloc, w->disk);
    int64_t oldest_ms = now_us / US_PER_MS - w->rules.keep_ms;
    for (size_t i = 0; rc == 0 && i + 1 < l.len && i < REMOVALS_MAX; i++) {
        bool many = w->rules.keep_files && l.len - i > w->rules.keep_files;
        bool old = w->rules.keep_ms && l.items[i].modified_ms < oldest_ms;
        if (!many && !old)
            break;
        rc = remove_one(w, &l.items[i], now_us);
    }
    audit_files_free(&l);
    return rc;
}

/* ---- a line ---- */

static bool
is_due(const struct audit_writer *w, int64_t now_us)
{
    int64_t age_us = now_us - w->begun_us;
    return w->rotate || w->bytes >= w->rules.rotate_bytes ||
           (w->rules.rotate_ms && age_us / US_PER_MS >= w->rules.rotate_ms);
}

int
audit_writer_append(struct audit_writer *w, const struct audit_record *r)
{
    int rc = 0;
    if (!w->resumed)
        rc = audit_writer_resume(w, r->time_us);
    if (rc == 0 && is_due(w, r->time_us)) {
        rc = audit_writer_begin_file(w, r->time_us);
        if (rc == 0)
            (void)retain(w, r->time_us); /* what stays is tried again with the next file */
        if (rc == 0)
            (void)audit_writer_look(w); /* it is only shown */
    }
    if (rc == 0)
        rc = w->resumed ? audit_writer_put(w, r) : -EIO;
    return rc;
}

static int
write_head(struct audit_writer *w)
{
    struct audit_head h = { w->first_seq, w->last, audit_key_alg(w->key) };
    int rc = 0;
    buf_clear(&w->line, AUDIT_LINE_MAX_BYTES);
    if (!audit_head_format(&h, w->key, &w->line))
        return -ENOMEM;
    if (!w->head) {
        rc = w->disk->ops->open(w->disk, AUDIT_HEAD_NAME, DISK_WRITE, &w->head);
        if (rc == -ENOENT)
            rc = w->disk->ops->open(w->disk, AUDIT_HEAD_NAME, DISK_CREATE, &w->head);
        if (rc < 0)
            w->head = NULL;
    }
    if (rc == 0)
        rc = w->disk->ops->write(w->disk, w->head, w->line.data, w->line.len, 0);
    if (rc < 0)
        close_head(w);
    return rc;
}

int
audit_writer_settle(struct audit_writer *w)
{
    if (!w->unsettled)
        return 0;
    int rc = 0;
    if (w->rules.sync && w->file) {
        rc = w->disk->ops->sync(w->disk, w->file);
        if (rc < 0) {
            w->rotate = true;
            w->unsettled = false; /* the file is left alone from now on */
            return rc;
        }
    }
    rc = write_head(w);
    w->unsettled = rc < 0;
    return rc;
}
