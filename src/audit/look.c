/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the trail while it is written: verification, and its last lines. Both read the files as
 * anybody could, through a disk of their own or the one the tests gave, after the thread has
 * written what was queued. They touch nothing of the thread's.
 */
#include "audit/own.h"
#include "audit/verify.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdlib.h>

enum { ERR_BYTES = 640, TAIL_PIECE_BYTES = 1 << 20 };

/* The directory, to be looked at only. 0 or a negative errno. */
static int
look_open(struct audit *a, struct os_disk *own, struct disk **ret)
{
    char err[ERR_BYTES];
    if (a->given) {
        *ret = a->given;
        own->dir_fd = -1;
        return 0;
    }
    int rc = os_disk_open(own, &a->alloc, a->dir, false, err, sizeof err);
    *ret = &own->disk;
    return rc;
}

static void
look_close(struct os_disk *own)
{
    if (own->dir_fd >= 0)
        os_disk_close(own);
}

int
audit_verify_now(struct audit *a, struct audit_verify *v)
{
    struct os_disk own;
    char file[AUDIT_NAME_BYTES];
    struct audit_stats st;
    audit_flush(a);
    audit_stats_get(a, &st);
    int rc = look_open(a, &own, &v->disk);
    if (rc < 0)
        return rc;
    v->alloc = &a->alloc;
    v->key = &a->key;
    rc = audit_verify_run(v, file);
    look_close(&own);
    if (rc == 0 && v->last.seq < st.last_seq)
        audit_verify_find(v, AUDIT_TRUNCATED, file,
                          "the end is missing: the server has written more lines");
    return rc;
}

/* Where the last `*n` lines of `text` begin; *n is how many there are fewer. */
static size_t
lines_from_end(const char *text, size_t len, size_t *n)
{
    size_t at = len;
    while (at > 0) {
        if (text[at - 1] == '\n' && at < len && --*n == 0)
            return at;
        at--;
    }
    *n -= len > 0;
    return 0;
}

/* Puts the end of one file in front of what `out` holds from `mark` on. */
static int
prepend_tail(struct disk *d, const char *name, size_t *n, struct buf *out, size_t mark)
{
    struct disk_file *f;
    int rc = d->ops->open(d, name, DISK_READ, &f);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    int64_t size = d->ops->size(d, f);
    size_t len = size > TAIL_PIECE_BYTES ? TAIL_PIECE_BYTES : size < 0 ? 0 : (size_t)size;
    size_t had = out->len - mark;
    char *room = size < 0 ? NULL : buf_reserve(out, len + 1);
    if (size >= 0 && room)
        rc = disk_read_exact(d, f, room, len, (uint64_t)size - len);
    else
        rc = size < 0 ? (int)size : -ENOMEM;
    (void)d->ops->close(d, f); /* it was only read */
    if (rc < 0)
        return rc;
    while (len > 0 && room[len - 1] != '\n')
        len--; /* a line in the making */
    size_t from = lines_from_end(room, len, n), more = len - from;
    /* room: [had][from][more] -> [more][had]: rotate by reversing would be clever; a copy is plain
     */
    char *copy = malloc(more + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, room + from, more);
    memmove(out->data + mark + more, out->data + mark, had);
    memcpy(out->data + mark, copy, more);
    out->len = mark + had + more;
    free(copy);
    return 0;
}

int
audit_tail(struct audit *a, size_t n, struct buf *out)
{
    struct os_disk own;
    struct disk *d;
    struct audit_files l;
    char name[AUDIT_NAME_BYTES];
    size_t mark = out->len;
    audit_flush(a);
    int rc = look_open(a, &own, &d);
    if (rc < 0)
        return rc;
    rc = audit_files_list(&l, &a->alloc, d);
    for (size_t i = l.len; rc == 0 && i-- > 0 && n > 0;) {
        audit_file_name(l.items[i].first_seq, name);
        rc = prepend_tail(d, name, &n, out, mark);
    }
    audit_files_free(&l);
    look_close(&own);
    return rc;
}
