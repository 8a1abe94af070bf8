/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One key as one line of JSON: {"key":"user:1","value":"Ada","deadline_ms":1700000000000}.
 * deadline_ms (Unix milliseconds) is absent or null for a key without one; key_b64 and value_b64
 * hold base64 where the bytes are not UTF-8. Reading is strict JSON of exactly these members: an
 * unknown or repeated one is refused, since a misspelt "deadline" silently ignored would make a
 * cache entry immortal. Nothing of a line survives the next.
 */
#ifndef ATTL_CLI_JSONL_H
#define ATTL_CLI_JSONL_H

#include "base/buf.h"

#include <attl/attl.h>
#include <stdio.h>

enum { JSONL_ERROR_MAX = 160, JSONL_TEXT_BYTES_MAX = 512 * 1024 * 1024 };

struct jsonl_record {
    attl_slice key, value;
    int64_t deadline_ms; /* ATTL_NO_DEADLINE: none */
};

struct jsonl {
    struct buf texts[2]; /* key and value, where they had to be unescaped */
    char error[JSONL_ERROR_MAX];
};

void jsonl_init(struct jsonl *j);
void jsonl_fini(struct jsonl *j);
/* False with j->error set ("column 9: ..."). The record borrows the line and `j` until the next
 * call. */
bool jsonl_read(struct jsonl *j, attl_slice line, struct jsonl_record *ret_record);
/* Writes a record and a line feed; errors are the FILE's. */
void jsonl_write(FILE *to, const struct jsonl_record *record);
/* "name":"text", or "name_b64":"base64" if the text is not UTF-8. */
void jsonl_write_text(FILE *to, const char *name, attl_slice text);

#endif
