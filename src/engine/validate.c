/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules. Most keys hold no byte below a space, which eight bytes at a time can tell; only those
 * that do are looked at byte by byte. Binary mode still bounds the length, because a record must
 * fit a chunk.
 */
#include "engine/validate.h"

#include "base/limits.h"

#include <stdbool.h>

enum { DEL = 0x7f };

#define BYTES(x) (UINT64_C(0x0101010101010101) * (x))

/* True if any of the eight bytes is below 0x20. */
static inline bool
word_has_control(uint64_t w)
{
    return (w - BYTES(0x20)) & ~w & BYTES(0x80);
}

static bool
has_control(attl_slice key)
{
    const unsigned char *p = key.data;
    size_t n = key.len;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        if (word_has_control(w))
            return true;
    }
    for (; n > 0; n--, p++)
        if (*p < 0x20)
            return true;
    return false;
}

static int
check_bytes(attl_slice key, int mode)
{
    if (key.len && memchr(key.data, 0, key.len))
        return ATTL_E_KEY_NUL;
    if (mode == VALIDATE_STRICT)
        return ATTL_E_KEY_CONTROL;
    if (mode == VALIDATE_NORMAL &&
        (memchr(key.data, '\r', key.len) || memchr(key.data, '\n', key.len)))
        return ATTL_E_KEY_CONTROL;
    return ATTL_OK;
}

int
validate_key(const struct validate_rules *r, attl_slice key)
{
    int mode = atomic_load_explicit(&r->mode, memory_order_relaxed);
    if (key.len > atomic_load_explicit(&r->max_key_bytes, memory_order_relaxed) ||
        key.len > LIMIT_KEY_BYTES)
        return ATTL_E_KEY_LONG;
    if (mode == VALIDATE_BINARY)
        return ATTL_OK;
    if (key.len == 0)
        return ATTL_E_KEY_EMPTY;
    if (mode == VALIDATE_STRICT && memchr(key.data, DEL, key.len))
        return ATTL_E_KEY_CONTROL;
    return has_control(key) ? check_bytes(key, mode) : ATTL_OK;
}

int
validate_value_len(const struct validate_rules *r, uint64_t len)
{
    if (len > LIMIT_VALUE_BYTES ||
        len > atomic_load_explicit(&r->max_value_bytes, memory_order_relaxed))
        return ATTL_E_VALUE_LONG;
    return ATTL_OK;
}

int
validate_ttl(const struct validate_rules *r, int64_t *ttl_ms, int *ret_capped)
{
    int mode = atomic_load_explicit(&r->mode, memory_order_relaxed);
    int64_t max = atomic_load_explicit(&r->max_ttl_ms, memory_order_relaxed);
    *ret_capped = 0;
    if (*ttl_ms == ATTL_TTL_NONE)
        return mode == VALIDATE_STRICT ? ATTL_E_TTL_REQUIRED : ATTL_OK;
    if (*ttl_ms > 0 && *ttl_ms <= (max ? max : LIMIT_TTL_MS))
        return ATTL_OK;
    if (*ttl_ms <= 0 || max == 0 || mode != VALIDATE_RELAXED)
        return ATTL_E_TTL_RANGE;
    *ttl_ms = max;
    *ret_capped = 1;
    return ATTL_OK;
}
