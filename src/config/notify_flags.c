/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A letter is a bit in the order in which Redis shows them; A stands for the classes from g to d,
 * and is shown for them when all are there. The bits of the classes that exist here are handed out,
 * the others only come back in what is shown. Nothing is
 * kept.
 */
#include "config/notify_flags.h"

#include <string.h>

/* Shown in this order; the first CLASSES make up A. Redis does not show n beside A; here what is
 * shown is what is kept, so it is shown. */
static const char letters[] = "g$lshzxetdnKEm";

enum { CLASSES = 10, ALL_CLASSES = (1 << CLASSES) - 1 };

static bool
parse(attl_slice text, uint32_t *ret_bits)
{
    const char *p = text.data;
    uint32_t bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = memchr(letters, p[i], sizeof letters - 1);
        if (p[i] == 'A')
            bits |= ALL_CLASSES;
        else if (at)
            bits |= 1U << (at - letters);
        else
            return false;
    }
    *ret_bits = bits;
    return true;
}

static uint32_t
flag_if(uint32_t bits, char letter, uint32_t flag)
{
    return bits >> (strchr(letters, letter) - letters) & 1 ? flag : 0;
}

bool
notify_flags_parse(attl_slice text, uint32_t *ret_flags)
{
    uint32_t bits;
    if (!parse(text, &bits))
        return false;
    *ret_flags = flag_if(bits, 'K', NOTIFY_KEYSPACE) | flag_if(bits, 'E', NOTIFY_KEYEVENT) |
                 flag_if(bits, 'g', NOTIFY_GENERIC) | flag_if(bits, '$', NOTIFY_STRING) |
                 flag_if(bits, 'x', NOTIFY_EXPIRED) | flag_if(bits, 'e', NOTIFY_EVICTED) |
                 flag_if(bits, 'n', NOTIFY_NEW);
    return true;
}

bool
notify_flags_normalize(attl_slice text, char out[NOTIFY_FLAGS_MAX + 1])
{
    uint32_t bits;
    size_t n = 0;
    if (!parse(text, &bits))
        return false;
    size_t from = 0;
    if ((bits & ALL_CLASSES) == ALL_CLASSES) {
        out[n++] = 'A';
        from = CLASSES;
    }
    for (size_t i = from; letters[i]; i++)
        if (bits >> i & 1)
            out[n++] = letters[i];
    out[n] = '\0';
    return true;
}
