/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A start: where does the trail end? The last line of the last file says it, and the head confirms
 * it. Half a line behind it, left by a crash, is copied aside and cut off. A head that knows of
 * more lines than there are means that lines are missing; a last line that is not whole means that
 * it was changed: both are recorded by a line that a verification finds, and the trail goes on.
 * Nothing is repaired silently, and nothing is thrown away.
 */
#include "audit/parse.h"
#include "audit/writer.h"

#include "base/alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { ASIDE_TRIES = 16, DETAIL_BYTES = 160, OBJECT_BYTES = 64 };

/* What was found. */
struct found {
    struct audit_head head;
    int head_state;      /* as audit_head_read() */
    uint64_t torn_bytes; /* behind the last line */
    char aside[AUDIT_NAME_BYTES + 16];
    bool damaged;  /* the last line is not what was written */
    bool nameless; /* it does not even say its number */
    bool keyed;    /* the last line's digest is a keyed one */
};

/* The last piece of the file, which holds its last line and what is behind it. */
static int
read_tail(struct audit_writer *w, char **ret_data, size_t *ret_len)
{
    int64_t size = w->disk->ops->size(w->disk, w->file);
    if (size < 0)
        return (int)size;
    uint64_t len = (uint64_t)size < 2 * AUDIT_LINE_MAX_BYTES ? (uint64_t)size
                                                             : 2 * AUDIT_LINE_MAX_BYTES;
    char *data = alloc_zero(w->alloc, (size_t)len + 1);
    if (!data)
        return -ENOMEM;
    int rc = disk_read_exact(w->disk, w->file, data, (size_t)len, (uint64_t)size - len);
    if (rc < 0) {
        alloc_free(w->alloc, data);
        return rc;
    }
    w->bytes = (uint64_t)size;
    *ret_data = data;
    *ret_len = (size_t)len;
    return 0;
}

/* Keeps half a line under a name of its own. */
static int
keep_aside(struct audit_writer *w, const char *data, size_t len, struct found *f)
{
    struct disk_file *file;
    int rc = -EEXIST;
    for (int i = 1; i <= ASIDE_TRIES && rc == -EEXIST; i++) {
        (void)snprintf(f->aside, sizeof f->aside, "audit-torn-%020" PRIu64 "-%d.part",
                       w->last.seq + 1, i); /* fits */
        rc = w->disk->ops->open(w->disk, f->aside, DISK_CREATE, &file);
    }
    if (rc < 0)
        return rc;
    rc = w->disk->ops->write(w->disk, file, data, len, 0);
    if (rc == 0)
        rc = w->disk->ops->sync(w->disk, file);
    int closed = w->disk->ops->close(w->disk, file);
    rc = rc < 0 ? rc : closed;
    if (rc < 0)
        (void)w->disk->ops->remove(w->disk, f->aside); /* the bytes are still in the file */
    return rc;
}

/* The last line of `data`, which ends with its line feed at `end`. */
static attl_slice
last_line(const char *data, size_t end)
{
    size_t start = end - 1;
    while (start > 0 && data[start - 1] != '\n')
        start--;
    return attl_b(data + start, end - 1 - start);
}

/* Takes the link from the last line, or notes that it cannot be relied on. */
static int
take_link(struct audit_writer *w, attl_slice line, struct found *f)
{
    struct audit_line l;
    struct audit_link link = { 0 };
    if (audit_line_parse(line, &l)) {
        f->damaged = f->nameless = true;
        return 0;
    }
    f->keyed = l.alg == AUDIT_HMAC_SHA256;
    link.seq = l.seq;
    if (l.alg == audit_key_alg(w->key)) {
        if (!audit_digest(w->key, attl_b(line.data, l.signed_len), link.hash))
            return -ENOMEM;
        f->damaged = !audit_digest_same(link.hash, l.hash);
    }
    memcpy(link.hash, l.hash, sizeof link.hash);
    w->last = link;
    return 0;
}

/* Looks at the end of the open file. 1: it holds a line; 0: it holds none. */
static int
examine(struct audit_writer *w, struct found *f)
{
    char *data = NULL;
    size_t len = 0, end;
    int rc = read_tail(w, &data, &len);
    if (rc < 0)
        return rc;
    for (end = len; end > 0 && data[end - 1] != '\n';)
        end--;
    if (end > 0)
        rc = take_link(w, last_line(data, end), f);
    if (rc == 0 && end < len)
        rc = keep_aside(w, data + end, len - end, f);
    if (rc == 0 && end < len) {
        f->torn_bytes = len - end;
        rc = w->disk->ops->truncate(w->disk, w->file, w->bytes - f->torn_bytes);
        w->bytes -= f->torn_bytes;
    }
    alloc_free(w->alloc, data);
    return rc < 0 ? rc : end > 0;
}

static int
open_last(struct audit_writer *w, const struct audit_files *l, struct found *f)
{
    for (size_t i = l->len; i-- > 0;) {
        char name[AUDIT_NAME_BYTES];
        audit_file_name(l->items[i].first_seq, name);
        audit_writer_close_file(w);
        int rc = w->disk->ops->open(w->disk, name, DISK_WRITE, &w->file);
        if (rc < 0) {
            w->file = NULL;
            return rc;
        }
        w->last = (struct audit_link){ .seq = l->items[i].first_seq - 1 };
        rc = examine(w, f);
        if (rc != 0) {
            w->first_seq = l->items[i].first_seq;
            return rc < 0 ? rc : 0;
        }
        /* A file was begun, and its first line is not there: as if it had not been. */
        audit_writer_close_file(w);
        rc = w->disk->ops->remove(w->disk, name);
        if (rc < 0)
            return rc;
    }
    w->last = (struct audit_link){ 0 };
    w->first_seq = 0;
    return 0;
}

static int
note(struct audit_writer *w, int64_t now_us, const char *action, const char *object,
     const char *detail)
{
    struct audit_record r = { .kind = AUDIT_RECOVERY, .time_us = now_us };
    r.text[AUDIT_ACTION] = attl_s(action);
    r.text[AUDIT_OBJECT] = attl_s(object);
    r.text[AUDIT_AFTER] = attl_s(detail);
    r.text[AUDIT_OUTCOME] = attl_s("ok");
    return audit_writer_put(w, &r);
}

/* Says what was found, in lines at the new end. */
static int
tell(struct audit_writer *w, const struct found *f, uint64_t found_seq, int64_t now_us)
{
    char object[OBJECT_BYTES], detail[DETAIL_BYTES];
    int rc = 0;
    if (f->torn_bytes) {
        (void)snprintf(detail, sizeof detail, "%" PRIu64 " bytes of an unfinished line",
                       f->torn_bytes); /* fits */
        rc = note(w, now_us, "torn", f->aside, detail);
    }
    (void)snprintf(object, sizeof object, "line %" PRIu64, found_seq); /* fits */
    if (rc == 0 && f->damaged)
        rc = note(w, now_us, "damaged", object, "the last line is not what was written");
    if (rc == 0 && !f->damaged && f->head_state == 1 && f->head.last.seq > found_seq) {
        (void)snprintf(object, sizeof object, "lines %" PRIu64 " to %" PRIu64, found_seq + 1,
                       f->head.last.seq); /* fits */
        rc = note(w, now_us, "missing", object, "the head knows of lines that are not there");
    }
    if (rc == 0 && found_seq > 0 && (f->head_state == 0 || f->head_state == -EBADMSG))
        rc = note(w, now_us, "head", AUDIT_HEAD_NAME,
                  f->head_state == 0 ? "the head is missing" : "the head is damaged");
    return rc;
}

/* Where the numbering goes on behind a last line that does not say it: where the head says, else
 * far enough that no number comes twice, because a line takes more than a byte. */
static void
bridge_damage(struct audit_writer *w, const struct found *f)
{
    if (!f->damaged)
        return;
    if (f->head_state == 1 && f->head.first_seq == w->first_seq && f->head.last.seq >= w->last.seq)
        w->last = f->head.last;
    else if (f->nameless)
        w->last.seq += w->bytes;
    w->rotate = true;
}

int
audit_writer_resume(struct audit_writer *w, int64_t now_us)
{
    struct found f = { 0 };
    struct audit_files l;
    audit_writer_close_file(w);
    f.head_state = audit_head_read(w->disk, w->key, &f.head);
    int rc = f.head_state < 0 && f.head_state != -EBADMSG ? f.head_state : 0;
    if (rc < 0)
        return rc;
    rc = audit_files_list(&l, w->alloc, w->disk);
    if (rc == 0)
        rc = open_last(w, &l, &f);
    audit_files_free(&l);
    if (rc < 0) {
        audit_writer_close_file(w);
        return rc;
    }
    uint64_t found_seq = w->last.seq;
    bridge_damage(w, &f);
    w->resumed = true;
    w->begun_us = w->file ? audit_file_begun_us(w->disk, w->file) : 0;
    if (!w->file || w->rotate || f.keyed != (w->key->len > 0))
        rc = audit_writer_begin_file(w, now_us);
    if (rc == 0)
        rc = tell(w, &f, found_seq, now_us);
    if (rc < 0)
        w->resumed = false;
    else
        (void)audit_writer_look(w); /* it is only shown */
    return rc;
}
