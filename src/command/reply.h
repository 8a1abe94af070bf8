/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the commands share: reading arguments and writing the replies that follow from a status. The
 * readers answer the client themselves when an argument is wrong and return false, so that a
 * command is a list of "if (!arg_...) return;" and then one call of the cache. Texts are Redis'
 * own, because clients match on them. Nothing here keeps state.
 */
#ifndef ATTL_COMMAND_REPLY_H
#define ATTL_COMMAND_REPLY_H

#include "command/table.h"
#include "protocol/resp_write.h"

#include <strings.h>

/* The largest string of the protocol: Redis' proto-max-bulk-len. */
#define REPLY_STRING_MAX_BYTES (INT64_C(512) << 20)

/* ---- arguments ---- */

/* Whether `arg` is `word`, in any case. */
static inline bool
arg_is(attl_slice arg, const char *word)
{
    return arg.len == strlen(word) && strncasecmp(arg.data, word, arg.len) == 0;
}

bool slice_equal(attl_slice a, attl_slice b);

/* Argument `i` as an integer; answers `error` (NULL: Redis' usual text) if it is none. */
bool arg_i64(struct request *rq, size_t i, const char *error, int64_t *ret_value);
/* Argument `i` is ON or OFF; answers a syntax error otherwise. */
bool arg_on_off(struct request *rq, size_t i, bool *ret_on);
/* `arg` as a non-empty C string shorter than `len`; false, without an answer, if it is not one. */
bool arg_text(attl_slice arg, char *buf, size_t len);

/* ---- replies ---- */

void reply_ok(struct request *rq);
void reply_syntax_error(struct request *rq);
void reply_arity_error(struct request *rq);
void reply_expire_error(struct request *rq);
/* The error for a failing status (< 0). */
void reply_failure(struct request *rq, int status);
/* If `status` is a failure answers it and returns true. */
bool reply_if_failed(struct request *rq, int status);
/* :1 for ATTL_OK and ATTL_DELETED, :0 for the other outcomes, an error for failures. */
void reply_done(struct request *rq, int status);
/* The value as a bulk string, or null; releases it. */
void reply_value(struct request *rq, attl_value *value, bool present);
/* "name" and value, a pair of a map. */
void reply_field_int(struct request *rq, const char *name, int64_t value);
void reply_field_str(struct request *rq, const char *name, const char *value);

/*
 * Inserts `prefix` at offset `mark` of the output: for headers whose count is known only after the
 * elements were written. Costs one move of the reply.
 */
void reply_insert(struct buf *out, size_t mark, attl_slice prefix);
/* The header of an array of n elements, or of a map of n pairs, inserted at `mark`. */
void reply_insert_array(struct buf *out, size_t mark, size_t n);
void reply_insert_map(struct request *rq, size_t mark, size_t n);

/* Unix milliseconds by the host's clock. */
static inline int64_t
request_now_ms(const struct request *rq)
{
    return rq->env->host->wall_us(rq->env->host->ud) / 1000;
}

#endif
