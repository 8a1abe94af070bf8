/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listing, and the head. The head is overwritten in place, one small write per batch of lines: it
 * may lag behind the lines, which is harmless, and is torn only by a loss of power, which its own
 * digest tells. Renaming a new one into place would cost a create and a rename per batch instead.
 */
#include "audit/files.h"

#include "base/alloc.h"
#include "base/hex.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEQ_DIGITS = 20, FIRST_BYTES = 160 /* of a line, with its time */ };

void
audit_file_name(uint64_t first_seq, char out[AUDIT_NAME_BYTES])
{
    (void)snprintf(out, AUDIT_NAME_BYTES, "audit-%020" PRIu64 ".jsonl", first_seq); /* fits */
}

bool
audit_file_parse(const char *name, uint64_t *ret_first_seq)
{
    char same[AUDIT_NAME_BYTES];
    uint64_t n = 0;
    if (strlen(name) != strlen("audit-.jsonl") + SEQ_DIGITS || strncmp(name, "audit-", 6) != 0)
        return false;
    for (int i = 0; i < SEQ_DIGITS; i++)
        n = n * 10 + (unsigned)(name[6 + i] - '0'); /* wraps for what is no number, seen below */
    audit_file_name(n, same);
    *ret_first_seq = n;
    return strcmp(name, same) == 0;
}

static bool
list_grow(struct audit_files *l)
{
    size_t cap = l->cap ? 2 * l->cap : 16;
    if (cap > AUDIT_FILES_MAX)
        return false;
    struct audit_file *items = alloc_zero(l->alloc, cap * sizeof *items);
    if (!items)
        return false;
    if (l->len)
        memcpy(items, l->items, l->len * sizeof *items);
    alloc_free(l->alloc, l->items);
    l->items = items;
    l->cap = cap;
    return true;
}

static void
list_one(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    struct audit_files *l = ud;
    uint64_t seq;
    if (l->failed || !audit_file_parse(name, &seq))
        return;
    if (l->len == l->cap && !list_grow(l))
        l->failed = true;
    else
        l->items[l->len++] = (struct audit_file){ seq, bytes, modified_ms };
}

static int
compare(const void *a, const void *b)
{
    uint64_t x = ((const struct audit_file *)a)->first_seq;
    uint64_t y = ((const struct audit_file *)b)->first_seq;
    return (x > y) - (x < y);
}

int
audit_files_list(struct audit_files *l, const attl_allocator *alloc, struct disk *disk)
{
    *l = (struct audit_files){ .alloc = alloc };
    int rc = disk->ops->list(disk, list_one, l);
    if (rc == 0 && l->failed)
        rc = -ENOMEM;
    if (rc == 0 && l->len > 1)
        qsort(l->items, l->len, sizeof *l->items, compare);
    return rc;
}

void
audit_files_free(struct audit_files *l)
{
    alloc_free(l->alloc, l->items);
    *l = (struct audit_files){ .alloc = l->alloc };
}

int64_t
audit_file_begun_us(struct disk *disk, struct disk_file *f)
{
    char head[FIRST_BYTES];
    static const char key[] = "\"time\":\"";
    int64_t n = disk->ops->read(disk, f, head, sizeof head - 1, 0), time_us;
    if (n < 0)
        return 0;
    head[n] = '\0';
    const char *at = strstr(head, key);
    return at && audit_time_parse(attl_s(at + sizeof key - 1), &time_us) ? time_us : 0;
}

/* ---- the head ---- */

static void
head_body(const struct audit_head *h, struct buf *out)
{
    char hash[AUDIT_HASH_CHARS + 1];
    hex_text(hash, h->last.hash, AUDIT_HASH_BYTES);
    buf_printf(out,
               "{\"v\":1,\"head\":\"audit-%020" PRIu64
               ".jsonl\",\"alg\":\"%s\",\"seq\":\"%020" PRIu64 "\",\"last\":\"%s\"",
               h->first_seq, audit_alg_word(h->alg), h->last.seq, hash);
}

bool
audit_head_format(const struct audit_head *h, const struct audit_key *key, struct buf *out)
{
    unsigned char hash[AUDIT_HASH_BYTES];
    size_t start = out->len;
    head_body(h, out);
    if (out->failed || !audit_digest(key, attl_b(out->data + start, out->len - start), hash))
        return false;
    audit_record_finish(hash, out);
    return !out->failed;
}

/* Reads what head_body() wrote into *ret; the caller compares. */
static bool
head_scan(const char *text, struct audit_head *ret, char hash[AUDIT_HASH_CHARS + 1])
{
    char alg[16] = "", last[AUDIT_HASH_CHARS + 1] = "";
    unsigned byte;
    if (sscanf(text,
               "{\"v\":1,\"head\":\"audit-%20" SCNu64
               ".jsonl\",\"alg\":\"%15[a-z0-9-]\",\"seq\":\"%20" SCNu64
               "\",\"last\":\"%64[0-9a-f]\",\"hash\":\"%64[0-9a-f]\"}",
               &ret->first_seq, alg, &ret->last.seq, last, hash) != 5)
        return false;
    ret->alg = strcmp(alg, audit_alg_word(AUDIT_SHA256)) == 0 ? AUDIT_SHA256 : AUDIT_HMAC_SHA256;
    for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) {
        if (sscanf(last + 2 * i, "%2x", &byte) != 1)
            return false;
        ret->last.hash[i] = (unsigned char)byte;
    }
    return true;
}

bool
audit_head_parse(attl_slice text, const struct audit_key *key, struct audit_head *ret,
                 bool *ret_checked)
{
    char copy[AUDIT_HEAD_MAX_BYTES], hash[AUDIT_HASH_CHARS + 1] = "";
    char right[AUDIT_HASH_CHARS + 1];
    unsigned char digest[AUDIT_HASH_BYTES];
    const char *nl = text.len ? memchr(text.data, '\n', text.len) : NULL;
    size_t len = nl ? (size_t)(nl - (const char *)text.data) : 0;
    if (len == 0 || len >= sizeof copy)
        return false;
    memcpy(copy, text.data, len);
    copy[len] = '\0';
    *ret = (struct audit_head){ 0 };
    if (!head_scan(copy, ret, hash))
        return false;
    struct buf body;
    buf_init(&body, sizeof copy);
    head_body(ret, &body);
    size_t body_len = body.len;
    bool whole = !body.failed && body_len < len && memcmp(body.data, copy, body_len) == 0;
    *ret_checked = ret->alg == audit_key_alg(key);
    if (whole && *ret_checked) {
        whole = audit_digest(key, attl_b(copy, body_len), digest);
        hex_text(right, digest, AUDIT_HASH_BYTES);
        whole = whole && strcmp(right, hash) == 0;
    }
    buf_fini(&body);
    return whole;
}

int
audit_head_read(struct disk *disk, const struct audit_key *key, struct audit_head *ret)
{
    char text[AUDIT_HEAD_MAX_BYTES];
    struct disk_file *f;
    bool checked;
    int rc = disk->ops->open(disk, AUDIT_HEAD_NAME, DISK_READ, &f);
    if (rc == -ENOENT)
        return 0;
    if (rc < 0)
        return rc;
    int64_t n = disk->ops->read(disk, f, text, sizeof text, 0);
    (void)disk->ops->close(disk, f); /* it was only read */
    if (n < 0)
        return (int)n;
    return audit_head_parse(attl_b(text, (size_t)n), key, ret, &checked) ? 1 : -EBADMSG;
}
