/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replies of the Redis protocol, appended to a buffer. Each function writes one complete element,
 * or the header of an aggregate whose elements the caller appends next; `proto` is the session's
 * version, 2 or 3, where the two differ. Nothing is reported back: a reply that does not fit sets
 * the buffer's sticky `failed`, and whoever flushes the buffer looks once. No function allocates
 * except through the buffer, and none keeps a pointer to its arguments.
 */
#ifndef ATTL_PROTOCOL_RESP_WRITE_H
#define ATTL_PROTOCOL_RESP_WRITE_H

#include "base/buf.h"

#include <attl/attl.h>
#include <stdbool.h>

enum { RESP_ERROR_MAX_BYTES = 512 };

/* "+text": `text` must be one line of ours, such as "OK"; it is written as it is. */
void resp_simple(struct buf *out, const char *text);
/*
 * "-text", where `text` begins with its code: "ERR no such key". Control characters become spaces
 * and the text is cut at RESP_ERROR_MAX_BYTES, so that an echoed argument can neither forge a
 * second reply nor fill a log. resp_errorf formats first.
 */
void resp_error(struct buf *out, const char *text);
void resp_errorf(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

void resp_int(struct buf *out, int64_t value);
void resp_bulk(struct buf *out, attl_slice bytes);
void resp_bulk_str(struct buf *out, const char *z);
/* The decimal text of `value` as a bulk string. */
void resp_bulk_int(struct buf *out, int64_t value);

/* No value: "$-1" or "_". */
void resp_null(struct buf *out, int proto);
/* No value where an array was asked for: "*-1" or "_". */
void resp_null_array(struct buf *out, int proto);

/* Headers. `n` counts elements; of a map it counts pairs, 2n elements follow. */
void resp_array(struct buf *out, size_t n);
void resp_map(struct buf *out, int proto, size_t n);
void resp_set(struct buf *out, int proto, size_t n);
/* Out-of-band data; an ordinary array for proto 2, where it may only answer a request. */
void resp_push(struct buf *out, int proto, size_t n);

/* The shortest text that reads back as `d`; a bulk string for proto 2. */
void resp_double(struct buf *out, int proto, double d);
/* "#t" / "#f", or :1 / :0. */
void resp_bool(struct buf *out, int proto, bool value);
/* Text for humans, such as INFO's; `kind` is three characters, "txt" or "mkd". */
void resp_verbatim(struct buf *out, int proto, const char *kind, attl_slice text);

#endif
