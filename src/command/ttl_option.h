/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options by which a command states a life: EX, PX, EXAT, PXAT, KEEPTTL and PERSIST. SET, GETEX
 * and MSETEX read them among their other options, in any order and not two different ones (the same
 * word twice counts once, the last time); the number behind the word is judged only after all words
 * are known to be right, as Redis does. Pure, except for one look at the host's clock for numbers
 * near the end of the range.
 */
#ifndef ATTL_COMMAND_TTL_OPTION_H
#define ATTL_COMMAND_TTL_OPTION_H

#include "command/table.h"

enum ttl_word {
    TTL_WORD_NONE,
    TTL_WORD_EX,
    TTL_WORD_PX,
    TTL_WORD_EXAT,
    TTL_WORD_PXAT,
    TTL_WORD_KEEPTTL,
    TTL_WORD_PERSIST
};

struct ttl_option {
    enum ttl_word word;
    attl_slice number; /* of EX to PXAT */
};

/* A life as the cache takes it: a TTL, or a deadline if that is > 0. */
struct ttl_value {
    int64_t ttl_ms;
    int64_t deadline_ms;
};

enum ttl_read { TTL_READ_OTHER, TTL_READ_TAKEN, TTL_READ_WRONG };

/*
 * Reads argument *i if it is one of the words; `lone` is the word without a number that the command
 * knows, KEEPTTL or PERSIST. Taken: *i is the last word read. Wrong: another life was given, or no
 * number.
 */
enum ttl_read ttl_option_read(const struct request *rq, size_t *i, enum ttl_word lone,
                              struct ttl_option *opt);

enum ttl_number { TTL_NUMBER_FINE, TTL_NUMBER_NONE, TTL_NUMBER_OUT_OF_RANGE };

/*
 * What the option means; without one, `ttl_none`. Out of range is a number that is not positive, or
 * too large for milliseconds since 1970.
 */
enum ttl_number ttl_option_number(const struct request *rq, const struct ttl_option *opt,
                                  int64_t ttl_none, struct ttl_value *ret_value);
/* The same, answering the client itself: false after that. */
bool ttl_option_value(struct request *rq, const struct ttl_option *opt, int64_t ttl_none,
                      struct ttl_value *ret_value);

/* Seconds to milliseconds; false on overflow. */
bool ttl_seconds_to_ms(int64_t seconds, int64_t *ret_ms);
/* Whether now + ttl_ms overflows. */
bool ttl_overflows(const struct request *rq, int64_t ttl_ms);

#endif
