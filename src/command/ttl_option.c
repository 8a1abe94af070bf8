/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words and arithmetic of lives. Overflow is looked for at both steps, seconds to milliseconds and
 * duration to point in time, because the cache must never see a sum that wrapped. The clock is read
 * only when the duration is so long that the present matters.
 */
#include "command/ttl_option.h"

#include "base/num.h"
#include "command/reply.h"

enum { MS_PER_SECOND = 1000 };

/* No clock shows more than this (the year 4199) while this program is in use. */
#define NOW_MAX_MS (INT64_C(1) << 46)

static enum ttl_word
numbered_word(attl_slice arg)
{
    switch (arg.len) {
    case 2:
        return arg_is(arg, "ex") ? TTL_WORD_EX : arg_is(arg, "px") ? TTL_WORD_PX : TTL_WORD_NONE;
    case 4:
        return arg_is(arg, "exat")   ? TTL_WORD_EXAT
               : arg_is(arg, "pxat") ? TTL_WORD_PXAT
                                     : TTL_WORD_NONE;
    default: return TTL_WORD_NONE;
    }
}

enum ttl_read
ttl_option_read(const struct request *rq, size_t *i, enum ttl_word lone, struct ttl_option *opt)
{
    attl_slice arg = rq->argv[*i];
    const char *lone_text = lone == TTL_WORD_KEEPTTL ? "keepttl" : "persist";
    bool is_lone = arg_is(arg, lone_text);
    enum ttl_word word = is_lone ? lone : numbered_word(arg);
    if (word == TTL_WORD_NONE)
        return TTL_READ_OTHER;
    if (opt->word != TTL_WORD_NONE && opt->word != word)
        return TTL_READ_WRONG;
    if (!is_lone) {
        if (*i + 1 >= rq->argc)
            return TTL_READ_WRONG;
        opt->number = rq->argv[++*i];
    }
    opt->word = word;
    return TTL_READ_TAKEN;
}

bool
ttl_seconds_to_ms(int64_t seconds, int64_t *ret_ms)
{
    int64_t ms;
    if (__builtin_mul_overflow(seconds, (int64_t)MS_PER_SECOND, &ms))
        return false;
    *ret_ms = ms;
    return true;
}

bool
ttl_overflows(const struct request *rq, int64_t ttl_ms)
{
    return ttl_ms > INT64_MAX - NOW_MAX_MS && ttl_ms > INT64_MAX - request_now_ms(rq);
}

static bool
takes_number(enum ttl_word word)
{
    return word >= TTL_WORD_EX && word <= TTL_WORD_PXAT;
}

/* The number of EX to PXAT in milliseconds. */
static enum ttl_number
number_ms(const struct request *rq, const struct ttl_option *opt, int64_t *ret_ms)
{
    int64_t ms;
    if (!num_parse_i64(opt->number, &ms))
        return TTL_NUMBER_NONE;
    bool in_seconds = opt->word == TTL_WORD_EX || opt->word == TTL_WORD_EXAT;
    bool relative = opt->word == TTL_WORD_EX || opt->word == TTL_WORD_PX;
    if (ms <= 0 || (in_seconds && !ttl_seconds_to_ms(ms, &ms)) ||
        (relative && ttl_overflows(rq, ms)))
        return TTL_NUMBER_OUT_OF_RANGE;
    *ret_ms = ms;
    return TTL_NUMBER_FINE;
}

enum ttl_number
ttl_option_number(const struct request *rq, const struct ttl_option *opt, int64_t ttl_none,
                  struct ttl_value *ret_value)
{
    struct ttl_value value = { ttl_none, 0 };
    int64_t ms = 0;
    if (takes_number(opt->word)) {
        enum ttl_number number = number_ms(rq, opt, &ms);
        if (number != TTL_NUMBER_FINE)
            return number;
    }
    switch (opt->word) {
    case TTL_WORD_NONE: break;
    case TTL_WORD_EX:
    case TTL_WORD_PX: value.ttl_ms = ms; break;
    case TTL_WORD_EXAT:
    case TTL_WORD_PXAT: value.deadline_ms = ms; break;
    case TTL_WORD_KEEPTTL: value.ttl_ms = ATTL_TTL_KEEP; break;
    case TTL_WORD_PERSIST: value.ttl_ms = ATTL_TTL_NONE; break;
    }
    *ret_value = value;
    return TTL_NUMBER_FINE;
}

bool
ttl_option_value(struct request *rq, const struct ttl_option *opt, int64_t ttl_none,
                 struct ttl_value *ret_value)
{
    switch (ttl_option_number(rq, opt, ttl_none, ret_value)) {
    case TTL_NUMBER_FINE: return true;
    case TTL_NUMBER_NONE: resp_error(rq->out, "ERR value is not an integer or out of range"); break;
    case TTL_NUMBER_OUT_OF_RANGE: reply_expire_error(rq); break;
    }
    return false;
}
