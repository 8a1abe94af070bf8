/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filling of a stamped value is a linear recurrence seeded by the stamp, cheap enough to check
 * in a reader's visitor. The sum covers the stamp itself; the filling covers the rest. A value made
 * of halves of two writes fails one of both.
 */
#include "stamp.h"

#include "rng.h"

static uint64_t
stamp_sum(const struct stamp *s)
{
    return rng_mix(rng_mix(rng_mix(rng_mix(s->key_id) ^ s->version) ^ s->len) ^
                   (uint64_t)s->deadline_ms);
}

static uint64_t
next_word(uint64_t x)
{
    return x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
}

void
stamp_write(unsigned char *bytes, size_t len, uint64_t key_id, uint64_t version,
            int64_t deadline_ms)
{
    struct stamp s = { key_id, version, len, deadline_ms, 0 };
    s.sum = stamp_sum(&s);
    memcpy(bytes, &s, sizeof(s));
    uint64_t x = s.sum;
    for (size_t i = sizeof(s); i < len; i += 8) {
        x = next_word(x);
        memcpy(bytes + i, &x, len - i < 8 ? len - i : 8);
    }
}

bool
stamp_read(attl_slice value, struct stamp *ret_stamp)
{
    struct stamp s;
    const unsigned char *bytes = value.data;
    if (value.len < sizeof(s)) {
        return false;
    }
    memcpy(&s, bytes, sizeof(s));
    if (s.len != value.len || s.sum != stamp_sum(&s)) {
        return false;
    }
    uint64_t x = s.sum;
    for (size_t i = sizeof(s); i < value.len; i += 8) {
        x = next_word(x);
        if (memcmp(bytes + i, &x, value.len - i < 8 ? value.len - i : 8) != 0) {
            return false;
        }
    }
    *ret_stamp = s;
    return true;
}
