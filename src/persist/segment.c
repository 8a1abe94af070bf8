/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names are parsed by taking pieces off the front: exact words, exactly sixteen lower-case digits,
 * a known end. sscanf would also take spaces, signs, capitals and short numbers, and then two names
 * would mean one file. A list is what the directory held at one moment, sorted once; it holds no
 * file open. Its owner is its only user; nothing is locked.
 */
#include "persist/segment.h"

#include "base/assert.h"
#include "base/hex.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEX_DIGITS = 16 };

/* A clock before 1970 is wrong by any measure, and a name has no room for a sign. */
static uint64_t
time_digits(int64_t ms)
{
    return ms > 0 ? (uint64_t)ms : 0;
}

void
segment_name(uint64_t first_lsn, char out[SEGMENT_NAME_MAX])
{
    (void)snprintf(out, SEGMENT_NAME_MAX, "wal-%016" PRIx64 ".attl", first_lsn);
}

void
snapshot_name(uint64_t cut_lsn, int64_t created_ms, char out[SEGMENT_NAME_MAX])
{
    (void)snprintf(out, SEGMENT_NAME_MAX, "snap-%016" PRIx64 "-%016" PRIx64 ".attl", cut_lsn,
                   time_digits(created_ms));
}

/* Takes `text` off the front of *at. */
static bool
take(const char **at, const char *text)
{
    size_t len = strlen(text);
    if (strncmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

/* Takes exactly 16 lower-case digits. */
static bool
take_hex(const char **at, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (int i = 0; i < HEX_DIGITS; i++) {
        int digit = hex_value_lower((*at)[i]);
        if (digit < 0)
            return false; /* also at the end of the name */
        value = value << 4 | (uint64_t)digit;
    }
    *at += HEX_DIGITS;
    *ret_value = value;
    return true;
}

static bool
take_time(const char **at, int64_t *ret_ms)
{
    uint64_t value;
    if (!take_hex(at, &value) || value > INT64_MAX)
        return false;
    *ret_ms = (int64_t)value;
    return true;
}

/* wal-... or snap-..., and what is behind it. */
static bool
take_plain(const char **at, struct store_file *f)
{
    if (take(at, SEGMENT_NEXT_NAME)) {
        f->kind = STORE_TEMPORARY;
        return true;
    }
    if (take(at, "wal-")) {
        f->kind = STORE_WAL;
        return take_hex(at, &f->lsn) && take(at, ".attl");
    }
    f->kind = STORE_SNAPSHOT;
    return take(at, "snap-") && take_hex(at, &f->lsn) && take(at, "-") &&
           take_time(at, &f->created_ms) && take(at, ".attl");
}

/* "aside-<time>-" off the front of *at, if it is there. False: it only begins like that. */
static bool
take_aside(const char **at, int64_t *ret_ms)
{
    return !take(at, "aside-") || (take_time(at, ret_ms) && take(at, "-"));
}

bool
store_name_parse(const char *name, struct store_file *ret)
{
    struct store_file f = { .lsn = 0 };
    const char *at = name;
    int64_t aside_ms = -1;
    size_t len = strnlen(name, SEGMENT_NAME_MAX);
    if (len == SEGMENT_NAME_MAX || !take_aside(&at, &aside_ms) || !take_plain(&at, &f))
        return false;
    bool is_temporary = take(&at, ".tmp");
    if (*at != '\0')
        return false;
    if (aside_ms >= 0) {
        f.kind = STORE_ASIDE;
        f.created_ms = aside_ms;
    }
    if (is_temporary) {
        f.kind = STORE_TEMPORARY;
        f.created_ms = 0;
    }
    memcpy(f.name, name, len + 1);
    *ret = f;
    return true;
}

void
aside_name(int64_t now_ms, const char *name, char out[SEGMENT_NAME_MAX])
{
    struct store_file f;
    int64_t before_ms;
    const char *at = name;
    ASSERT(store_name_parse(name, &f) && f.kind != STORE_TEMPORARY);
    if (f.kind != STORE_ASIDE || !take_aside(&at, &before_ms))
        at = name;
    int n = snprintf(out, SEGMENT_NAME_MAX, "aside-%016" PRIx64 "-%s", time_digits(now_ms), at);
    ASSERT(n > 0 && n < SEGMENT_NAME_MAX);
}

/* ---- lists ---- */

struct listing {
    struct store_list *list;
    int error;
};

/* Room for one more. */
static int
list_grow(struct store_list *l)
{
    if (l->len < l->cap)
        return 0;
    if (l->len >= STORE_FILES_MAX)
        return -E2BIG;
    size_t cap = l->cap == 0 ? 16 : 2 * l->cap;
    struct store_file *files = alloc_zero(l->alloc, cap * sizeof *files);
    if (files == NULL)
        return -ENOMEM;
    if (l->len > 0)
        memcpy(files, l->files, l->len * sizeof *files);
    alloc_free(l->alloc, l->files);
    l->files = files;
    l->cap = cap;
    return 0;
}

static void
list_add(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    struct listing *listing = ud;
    struct store_list *l = listing->list;
    struct store_file f;
    if (listing->error != 0 || !store_name_parse(name, &f))
        return;
    listing->error = list_grow(l);
    if (listing->error != 0)
        return;
    f.bytes = bytes;
    if (f.kind == STORE_WAL || f.kind == STORE_TEMPORARY)
        f.created_ms = modified_ms;
    l->files[l->len++] = f;
    l->total_bytes += bytes;
}

static int
in_order(const void *a, const void *b)
{
    const struct store_file *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->lsn != y->lsn)
        return x->lsn < y->lsn ? -1 : 1;
    if (x->created_ms != y->created_ms)
        return x->created_ms < y->created_ms ? -1 : 1;
    return strcmp(x->name, y->name); /* no two are the same, whatever the directory's order */
}

int
store_list_init(struct store_list *l, const attl_allocator *alloc, struct disk *d)
{
    struct listing listing = { .list = l };
    *l = (struct store_list){ .alloc = alloc };
    int rc = d->ops->list(d, list_add, &listing);
    if (rc == 0)
        rc = listing.error;
    if (rc != 0)
        store_list_fini(l);
    else if (l->len > 1)
        qsort(l->files, l->len, sizeof *l->files, in_order);
    return rc;
}

void
store_list_fini(struct store_list *l)
{
    alloc_free(l->alloc, l->files);
    *l = (struct store_list){ .alloc = l->alloc };
}

const struct store_file *
store_list_of(const struct store_list *l, enum store_kind kind, size_t *ret_len)
{
    size_t first = 0;
    while (first < l->len && l->files[first].kind < kind)
        first++;
    size_t end = first;
    while (end < l->len && l->files[end].kind == kind)
        end++;
    *ret_len = end - first;
    return l->len == 0 ? NULL : l->files + first;
}
