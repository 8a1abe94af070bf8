/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text form is "attl-erase 1 <kind> <names>", a line per name in hexadecimal digits, and the
 * SHA-256 of all that, so that a torn file is not taken for a shorter list. Names are copied behind
 * their slices. Nothing is shared: who makes one frees it.
 */
#include "engine/erase_select.h"

#include "base/alloc.h"
#include "base/glob.h"
#include "base/hex.h"
#include "base/limits.h"
#include "base/sha256.h"

#include <stdio.h>
#include <stdlib.h>

enum { HEAD_BYTES = 64 };

static bool
is_name(int kind, attl_slice name)
{
    switch (kind) {
    case ATTL_ERASE_KEY: return name.len <= LIMIT_KEY_BYTES;
    case ATTL_ERASE_PREFIX: return name.len > 0 && name.len <= LIMIT_KEY_BYTES;
    case ATTL_ERASE_MATCH: return name.len > 0 && name.len <= ATTL_ERASE_PATTERN_BYTES;
    default: return false;
    }
}

static int
compare(const void *a, const void *b)
{
    const attl_slice *x = a, *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = len ? memcmp(x->data, y->data, len) : 0;
    if (order)
        return order;
    return (x->len > y->len) - (x->len < y->len);
}

int
erase_select_new(const attl_allocator *alloc, int kind, const attl_slice *names, size_t len,
                 struct erase_select **ret)
{
    size_t bytes = 0;
    if (!names || len == 0 || len > ATTL_ERASE_NAMES)
        return ATTL_E_INVALID;
    for (size_t i = 0; i < len; i++) {
        if (!is_name(kind, names[i]))
            return ATTL_E_INVALID;
        bytes += names[i].len;
    }
    if (bytes > ATTL_ERASE_NAMES_BYTES)
        return ATTL_E_INVALID;
    struct erase_select *s = alloc_zero(alloc, sizeof(*s) + len * sizeof(attl_slice) + bytes);
    if (!s)
        return ATTL_E_NOMEM;
    char *to = (char *)(s->names + len);
    s->kind = kind;
    s->len = len;
    for (size_t i = 0; i < len; i++) {
        if (names[i].len)
            memcpy(to, names[i].data, names[i].len);
        s->names[i] = attl_b(to, names[i].len);
        to += names[i].len;
    }
    qsort(s->names, len, sizeof s->names[0], compare);
    *ret = s;
    return ATTL_OK;
}

void
erase_select_free(const attl_allocator *alloc, struct erase_select *select)
{
    alloc_free(alloc, select);
}

static bool
fits_one(int kind, attl_slice name, attl_slice key)
{
    if (kind == ATTL_ERASE_MATCH)
        return glob_match(name, key, false);
    return key.len >= name.len && memcmp(key.data, name.data, name.len) == 0;
}

bool
erase_select_fits(const struct erase_select *s, attl_slice key)
{
    if (s->kind == ATTL_ERASE_KEY)
        return bsearch(&key, s->names, s->len, sizeof s->names[0], compare) != NULL;
    for (size_t i = 0; i < s->len; i++)
        if (fits_one(s->kind, s->names[i], key))
            return true;
    return false;
}

/* ---- text ---- */

static void
write_hex(attl_slice bytes, struct buf *out)
{
    char *to = buf_reserve(out, 2 * bytes.len);
    if (!to)
        return;
    hex_digits(to, bytes.data, bytes.len);
    out->len += 2 * bytes.len;
}

void
erase_select_write(const struct erase_select *s, struct buf *out)
{
    char hex[SHA256_HEX_CHARS + 1];
    buf_printf(out, "attl-erase 1 %d %zu\n", s->kind, s->len);
    for (size_t i = 0; i < s->len; i++) {
        write_hex(s->names[i], out);
        buf_append_str(out, "\n");
    }
    if (out->failed)
        return;
    sha256_text(buf_slice(out), hex);
    buf_append(out, hex, SHA256_HEX_CHARS);
}

/* Turns one line of digits into bytes, in place; false if it is not one. */
static bool
read_hex(char **at, const char *end, attl_slice *ret)
{
    char *from = *at, *to = *at;
    ret->data = to;
    while (from + 1 < end && from[0] != '\n') {
        int high = hex_value_lower(from[0]), low = hex_value_lower(from[1]);
        if (high < 0 || low < 0)
            return false;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    if (from >= end || *from != '\n')
        return false;
    ret->len = (size_t)(to - (const char *)ret->data);
    *at = from + 1;
    return true;
}

static int
parse_names(const attl_allocator *alloc, int kind, size_t len, char *at, const char *end,
            struct erase_select **ret)
{
    attl_slice *names = alloc_zero(alloc, len * sizeof(*names));
    int status = names ? ATTL_OK : ATTL_E_NOMEM;
    for (size_t i = 0; status == ATTL_OK && i < len; i++)
        if (!read_hex(&at, end, &names[i]))
            status = ATTL_E_DAMAGED;
    if (status == ATTL_OK)
        status = erase_select_new(alloc, kind, names, len, ret);
    alloc_free(alloc, names);
    return status == ATTL_E_INVALID ? ATTL_E_DAMAGED : status;
}

int
erase_select_parse(const attl_allocator *alloc, attl_slice text, struct erase_select **ret)
{
    char hex[SHA256_HEX_CHARS + 1], head[HEAD_BYTES] = "";
    int kind, head_bytes;
    size_t len;
    if (text.len <= SHA256_HEX_CHARS)
        return ATTL_E_DAMAGED;
    size_t body = text.len - SHA256_HEX_CHARS;
    sha256_text(attl_b(text.data, body), hex);
    if (memcmp((const char *)text.data + body, hex, SHA256_HEX_CHARS) != 0)
        return ATTL_E_DAMAGED;
    memcpy(head, text.data, body < HEAD_BYTES - 1 ? body : HEAD_BYTES - 1);
    if (sscanf(head, "attl-erase 1 %d %zu%n", &kind, &len, &head_bytes) != 2 || len == 0 ||
        len > ATTL_ERASE_NAMES || head[head_bytes] != '\n')
        return ATTL_E_DAMAGED;
    char *copy = alloc_zero(alloc, body);
    if (!copy)
        return ATTL_E_NOMEM;
    memcpy(copy, text.data, body);
    int status = parse_names(alloc, kind, len, copy + head_bytes + 1, copy + body, ret);
    alloc_free(alloc, copy);
    return status;
}
