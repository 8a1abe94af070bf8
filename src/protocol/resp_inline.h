/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inline requests: a line of words, typed by a human or a script without a client library. Words
 * are separated by blanks and may be quoted as in Redis' command line. Quotes and escapes only
 * ever shrink a word, so they are resolved in place and the words stay slices of the line, like
 * bulk arguments.
 */
#ifndef ATTL_PROTOCOL_RESP_INLINE_H
#define ATTL_PROTOCOL_RESP_INLINE_H

#include "protocol/resp_args.h"

enum inline_result { INLINE_FINE, INLINE_UNBALANCED, INLINE_NUL, INLINE_NO_MEMORY };

/* Appends the words of `line` (without its line end) to `args`; the line is overwritten. */
enum inline_result inline_split(char *line, size_t len, struct resp_args *args);
/* True if these words are the first line of another protocol: HTTP, SMTP, SSH, PROXY, memcached. */
bool inline_is_foreign(const attl_slice *words, size_t n);

#endif
