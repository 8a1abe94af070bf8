/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compare-and-set words. The digest travels as text because it is a 64-bit number without a sign,
 * which RESP2 has no integer for; both cases are read, lower case is written, leading zeros are
 * kept. The comparison itself is the cache's, under its lock.
 */
#include "command/condition.h"

#include "base/hex.h"
#include "command/reply.h"

uint32_t
condition_flag(attl_slice word)
{
    if (word.len == 4)
        return arg_is(word, "ifeq") ? ATTL_SET_IFEQ : arg_is(word, "ifne") ? ATTL_SET_IFNE : 0;
    if (word.len == 5)
        return arg_is(word, "ifdeq") ? ATTL_SET_IFDEQ : arg_is(word, "ifdne") ? ATTL_SET_IFDNE : 0;
    return 0;
}

static bool
digest_parse(attl_slice text, uint64_t *ret_digest)
{
    if (text.len != CONDITION_DIGEST_DIGITS)
        return false;
    const char *p = text.data;
    uint64_t digest = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0)
            return false;
        digest = digest << 4 | (unsigned)digit;
    }
    *ret_digest = digest;
    return true;
}

bool
condition_operand(struct request *rq, attl_slice operand, attl_set_opts *opts)
{
    if (!(opts->flags & (ATTL_SET_IFDEQ | ATTL_SET_IFDNE))) {
        opts->match = operand;
        return true;
    }
    if (digest_parse(operand, &opts->digest))
        return true;
    resp_error(rq->out, "ERR digest must be exactly 16 hexadecimal characters");
    return false;
}

void
condition_digest_text(uint64_t digest, char ret_text[CONDITION_DIGEST_DIGITS])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = CONDITION_DIGEST_DIGITS - 1; i >= 0; i--) {
        ret_text[i] = digits[digest & 0xf];
        digest >>= 4;
    }
}
