/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of erasures: erasures.jsonl, to which a line is appended whenever a receipt changes,
 * the last of an id counting; erasures.key, the key of the digests, without which a receipt tells
 * nobody whom it is about; and erasure-<id>.names, what is to be erased, as long as it is not. A
 * line is synced before anything that it promises is done. The end of a torn line is overwritten by
 * the next.
 *
 * All of it belongs to the holder of run_lock; the list is changed under `lock` as well.
 */
#include "engine/erase.h"

#include "base/hex.h"
#include "engine/store.h"
#include "os/mem.h"

#include <errno.h>
#include <stdio.h>

enum {
    LINE_MAX_BYTES = 8 << 20,
    NAMES_MAX_BYTES = 4 << 20,
    PIECE_BYTES = 64 << 10,
    FIRST_CAP = 8,
    PREV_BYTES = SHA256_HEX_CHARS + 1
};

/* ---- files ---- */

static void
names_file(const char *id, char out[SEGMENT_NAME_MAX])
{
    (void)snprintf(out, SEGMENT_NAME_MAX, "erasure-%s.names", id); /* fits */
}

static bool
is_names_file(const char *name, char id[sizeof((attl_erasure *)0)->id])
{
    char again[SEGMENT_NAME_MAX];
    if (sscanf(name, "erasure-%39[0-9a-f-].names", id) != 1)
        return false;
    names_file(id, again);
    return strcmp(again, name) == 0;
}

/* Writes a new file, durably; nothing is left of it after a failure. */
static int
write_file(struct disk *d, const char *name, attl_slice bytes)
{
    struct disk_file *f;
    int error = d->ops->open(d, name, DISK_CREATE, &f);
    if (error)
        return error;
    error = d->ops->write(d, f, bytes.data, bytes.len, 0);
    if (error == 0)
        error = d->ops->sync(d, f);
    int closed = d->ops->close(d, f);
    error = error ? error : closed;
    if (error == 0)
        error = d->ops->sync_dir(d);
    if (error)
        (void)d->ops->remove(d, name); /* swept at the next start otherwise */
    return error;
}

/* Reads a whole file of at most `most` bytes into `out`. */
static int
read_file(struct disk *d, const char *name, size_t most, struct buf *out)
{
    struct disk_file *f;
    int error = d->ops->open(d, name, DISK_READ, &f);
    if (error)
        return error;
    int64_t bytes = d->ops->size(d, f);
    error = bytes < 0 ? (int)bytes : (uint64_t)bytes > most ? -EBADMSG : 0;
    char *to = error == 0 && bytes > 0 ? buf_reserve(out, (size_t)bytes) : NULL;
    if (error == 0 && bytes > 0)
        error = to ? disk_read_exact(d, f, to, (size_t)bytes, 0) : -ENOMEM;
    if (error == 0)
        out->len += (size_t)bytes;
    (void)d->ops->close(d, f); /* it was only read */
    return error;
}

/* ---- the digest of the names ---- */

static int
need_key(struct store *s)
{
    struct erase *e = &s->erase;
    struct buf b;
    if (e->has_key)
        return 0;
    buf_init(&b, SHA256_BYTES);
    int error = read_file(s->disk, ERASE_KEY_NAME, SHA256_BYTES, &b);
    if (error == 0 && b.len == SHA256_BYTES) {
        memcpy(e->key, b.data, SHA256_BYTES);
    } else if (error == 0 || error == -ENOENT || error == -EBADMSG) {
        error = error == -ENOENT ? 0 : s->disk->ops->remove(s->disk, ERASE_KEY_NAME);
        if (error == 0 && !os_mem_random(e->key, sizeof e->key))
            error = -EIO;
        if (error == 0)
            error = write_file(s->disk, ERASE_KEY_NAME, attl_b(e->key, sizeof e->key));
    }
    buf_fini(&b);
    e->has_key = error == 0;
    return error;
}

void
erase_subject(const unsigned char key[SHA256_BYTES], const struct erase_select *select,
              attl_erasure *r)
{
    unsigned char digest[SHA256_BYTES];
    struct hmac_sha256 h;
    hmac_sha256_init(&h, key, SHA256_BYTES);
    hmac_sha256_add(&h, attl_erase_kind_name(select->kind),
                    strlen(attl_erase_kind_name(select->kind)));
    for (size_t i = 0; i < select->len; i++) {
        char length[32];
        int n = snprintf(length, sizeof length, "\n%zu:", select->names[i].len); /* fits */
        hmac_sha256_add(&h, length, (size_t)n);
        hmac_sha256_add(&h, select->names[i].data, select->names[i].len);
    }
    hmac_sha256_end(&h, digest);
    hex_text(r->subject, digest, sizeof digest);
}

int
erase_book_subject(struct store *s, const struct erase_select *select, attl_erasure *r)
{
    int error = need_key(s);
    if (error == 0)
        erase_subject(s->erase.key, select, r);
    return store_status(error);
}

/* ---- names ---- */

int
erase_book_keep_names(struct store *s, const attl_erasure *r, const struct erase_select *select)
{
    char name[SEGMENT_NAME_MAX];
    struct buf b;
    names_file(r->id, name);
    buf_init(&b, NAMES_MAX_BYTES);
    erase_select_write(select, &b);
    int error = b.failed ? -ENOMEM : write_file(s->disk, name, buf_slice(&b));
    buf_fini(&b);
    return store_status(error);
}

int
erase_book_drop_names(struct store *s, const attl_erasure *r)
{
    char name[SEGMENT_NAME_MAX];
    names_file(r->id, name);
    int error = s->disk->ops->remove(s->disk, name);
    error = error == 0 || error == -ENOENT ? s->disk->ops->sync_dir(s->disk) : error;
    if (error)
        atomic_store(&s->erase.leftovers, true);
    return store_status(error);
}

static struct erase_select *
read_names(struct store *s, const attl_erasure *r)
{
    char name[SEGMENT_NAME_MAX];
    struct erase_select *select = NULL;
    struct buf b;
    names_file(r->id, name);
    buf_init(&b, NAMES_MAX_BYTES);
    if (read_file(s->disk, name, NAMES_MAX_BYTES, &b) != 0 ||
        erase_select_parse(&s->alloc, buf_slice(&b), &select) != ATTL_OK)
        store_log(s, 3, "erase_names", "%s cannot be read", name);
    buf_fini(&b);
    return select;
}

struct sweep_list {
    char names[ATTL_ERASE_OPEN][SEGMENT_NAME_MAX];
    size_t len;
    struct store *store;
};

static void
gather_names(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    struct sweep_list *l = ud;
    char id[sizeof((attl_erasure *)0)->id];
    (void)bytes;
    (void)modified_ms;
    if (l->len == ATTL_ERASE_OPEN || !is_names_file(name, id))
        return;
    const struct erase *e = &l->store->erase;
    for (size_t i = 0; i < e->len; i++)
        if (erase_unfinished(&e->list[i].receipt) && strcmp(e->list[i].receipt.id, id) == 0)
            return;
    (void)snprintf(l->names[l->len++], SEGMENT_NAME_MAX, "%s", name); /* fits: it was parsed */
}

int
erase_book_sweep(struct store *s)
{
    struct sweep_list *l = alloc_zero(&s->alloc, sizeof *l);
    int error = l ? 0 : -ENOMEM;
    if (l) {
        l->store = s;
        error = s->disk->ops->list(s->disk, gather_names, l);
    }
    for (size_t i = 0; error == 0 && i < l->len; i++)
        error = s->disk->ops->remove(s->disk, l->names[i]);
    if (error == 0 && l->len > 0)
        error = s->disk->ops->sync_dir(s->disk);
    alloc_free(&s->alloc, l);
    atomic_store(&s->erase.leftovers, error != 0);
    return error;
}

/* ---- the list ---- */

/* Room for one more; the oldest that is over makes it. */
static int
make_room(struct store *s)
{
    struct erase *e = &s->erase;
    if (e->len < e->cap)
        return ATTL_OK;
    size_t at = 0;
    while (e->cap >= ATTL_ERASE_KEPT && at < e->len && erase_unfinished(&e->list[at].receipt))
        at++;
    if (e->cap >= ATTL_ERASE_KEPT && at < e->len) {
        memmove(&e->list[at], &e->list[at + 1], (e->len - at - 1) * sizeof e->list[0]);
        e->len--;
        return ATTL_OK;
    }
    size_t cap = e->cap ? 2 * e->cap : FIRST_CAP;
    struct erasure *list = alloc_zero(&s->alloc, cap * sizeof *list);
    if (!list)
        return ATTL_E_NOMEM;
    if (e->len)
        memcpy(list, e->list, e->len * sizeof *list);
    alloc_free(&s->alloc, e->list);
    e->list = list;
    e->cap = cap;
    return ATTL_OK;
}

int
erase_book_add(struct store *s, const attl_erasure *r, struct erase_select *select)
{
    struct erase *e = &s->erase;
    lock_acquire(&e->lock);
    int status = make_room(s);
    if (status == ATTL_OK) {
        e->list[e->len++] = (struct erasure){ .receipt = *r, .select = select };
        atomic_fetch_add(&e->open, erase_unfinished(r));
    }
    lock_release(&e->lock);
    return status;
}

void
erase_book_take_back(struct store *s)
{
    struct erase *e = &s->erase;
    lock_acquire(&e->lock);
    struct erasure *last = &e->list[--e->len];
    atomic_fetch_sub(&e->open, erase_unfinished(&last->receipt));
    erase_select_free(&s->alloc, last->select);
    lock_release(&e->lock);
}

/* ---- receipts ---- */

/* Opens the file for appending at file_bytes. */
static int
open_receipts(struct store *s, struct disk_file **ret)
{
    struct disk *d = s->disk;
    int error = d->ops->open(d, ERASE_RECEIPTS_NAME, DISK_WRITE, ret);
    if (error != -ENOENT)
        return error;
    error = d->ops->open(d, ERASE_RECEIPTS_NAME, DISK_CREATE, ret);
    if (error)
        return error;
    s->erase.file_bytes = 0;
    error = d->ops->sync_dir(d);
    if (error)
        (void)d->ops->close(d, *ret); /* nothing is in it yet */
    return error;
}

static int
append(struct store *s, attl_slice line)
{
    struct disk *d = s->disk;
    struct disk_file *f;
    int error = open_receipts(s, &f);
    if (error)
        return error;
    int64_t bytes = d->ops->size(d, f);
    error = bytes < 0 ? (int)bytes : 0;
    if (error == 0 && (uint64_t)bytes > s->erase.file_bytes)
        error = d->ops->truncate(d, f, s->erase.file_bytes);
    else if (error == 0)
        s->erase.file_bytes = (uint64_t)bytes; /* somebody has cut it: it goes on where it ends */
    if (error == 0)
        error = d->ops->write(d, f, line.data, line.len, s->erase.file_bytes);
    if (error == 0)
        error = d->ops->sync(d, f);
    int closed = d->ops->close(d, f);
    error = error ? error : closed;
    if (error == 0)
        s->erase.file_bytes += line.len;
    return error;
}

int
erase_book_append(struct store *s, attl_erasure *r, const struct erase_select *select)
{
    struct erase *e = &s->erase;
    attl_erasure made = *r;
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    erase_line_write(&line, &made, select, e->last_hash);
    int error = line.failed ? -ENOMEM : append(s, buf_slice(&line));
    buf_fini(&line);
    if (error)
        return store_status(error);
    *r = made;
    memcpy(e->last_hash, made.hash, sizeof e->last_hash);
    return ATTL_OK;
}

/* ---- loading ---- */

/* A newer line of an erasure that is known replaces it. */
static int
enter_line(struct store *s, attl_slice line)
{
    struct erase *e = &s->erase;
    attl_erasure r;
    if (!erase_line_read(line, &r)) {
        store_log(s, 2, "erase_receipt", "a line of %s is not a receipt", ERASE_RECEIPTS_NAME);
        return ATTL_OK;
    }
    memcpy(e->last_hash, r.hash, sizeof e->last_hash);
    for (size_t i = 0; i < e->len; i++) {
        attl_erasure *old = &e->list[i].receipt;
        if (strcmp(old->id, r.id) != 0)
            continue;
        atomic_fetch_sub(&e->open, erase_unfinished(old));
        atomic_fetch_add(&e->open, erase_unfinished(&r));
        *old = r;
        return ATTL_OK;
    }
    return erase_book_add(s, &r, NULL);
}

/* The whole lines of `b`, which then holds what is left. */
static int
enter_lines(struct store *s, struct buf *b)
{
    int status = ATTL_OK;
    size_t at = 0;
    while (status == ATTL_OK && at < b->len) {
        const char *end = memchr(b->data + at, '\n', b->len - at);
        if (!end)
            break;
        size_t len = (size_t)(end - (b->data + at));
        status = enter_line(s, attl_b(b->data + at, len));
        at += len + 1;
    }
    s->erase.file_bytes += at;
    buf_consume(b, at);
    return status;
}

static int
load_receipts(struct store *s, struct disk_file *f)
{
    struct buf b;
    uint64_t offset = 0;
    int64_t got = 1;
    int status = ATTL_OK;
    buf_init(&b, LINE_MAX_BYTES + PIECE_BYTES);
    while (status == ATTL_OK && got > 0) {
        char *to = buf_reserve(&b, PIECE_BYTES);
        got = to ? s->disk->ops->read(s->disk, f, to, PIECE_BYTES, offset) : -ENOMEM;
        if (got < 0)
            status = store_status((int)got);
        if (got <= 0)
            continue;
        b.len += (size_t)got;
        offset += (uint64_t)got;
        status = enter_lines(s, &b);
    }
    buf_fini(&b);
    return status;
}

int
erase_book_load(struct store *s)
{
    struct erase *e = &s->erase;
    struct disk_file *f;
    int error = s->disk->ops->open(s->disk, ERASE_RECEIPTS_NAME, DISK_READ, &f);
    if (error)
        return error == -ENOENT ? ATTL_OK : store_status(error);
    int status = load_receipts(s, f);
    (void)s->disk->ops->close(s->disk, f); /* it was only read */
    for (size_t i = 0; status == ATTL_OK && i < e->len; i++)
        if (erase_unfinished(&e->list[i].receipt))
            e->list[i].select = read_names(s, &e->list[i].receipt);
    return status;
}
