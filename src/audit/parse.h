/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a line back. The parser accepts the canonical form and nothing else: whatever it lets
 * pass would have been written exactly so, member for member. It believes nothing - its input may
 * have been made by whoever wants to deceive - allocates nothing and looks at each byte once. The
 * result borrows the line.
 */
#ifndef ATTL_AUDIT_PARSE_H
#define ATTL_AUDIT_PARSE_H

#include "audit/record.h"

struct audit_line {
    uint64_t seq, client_id;
    enum audit_alg alg;
    enum audit_kind kind; /* AUDIT_KINDS: of a later release, by `kind_word` */
    attl_slice kind_word, time;
    attl_slice text[AUDIT_TEXTS]; /* as in the line: escaped */
    unsigned char prev[AUDIT_HASH_BYTES], hash[AUDIT_HASH_BYTES];
    size_t signed_len; /* so many bytes from the start are what the digest is made of */
};

/* `line` without its line feed. NULL, or what is wrong with it. */
const char *audit_line_parse(attl_slice line, struct audit_line *ret);
/* A text of a line as bytes; returns their number, at most text.len. `out` has that much room. */
size_t audit_text_decode(attl_slice text, char *out);

#endif
