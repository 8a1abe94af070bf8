/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line of the audit trail as a struct, and as its canonical bytes: one JSON object, its members
 * in a fixed order, without blanks, every byte of a text that is not plain ASCII escaped in one way
 * only. So there is exactly one line for a record, and a digest over the bytes is one over the
 * content. docs/audit-format.md says it byte for byte. Everything here is pure; texts are borrowed.
 */
#ifndef ATTL_AUDIT_RECORD_H
#define ATTL_AUDIT_RECORD_H

#include "base/buf.h"

enum {
    AUDIT_VERSION = 1,
    AUDIT_HASH_BYTES = 32,
    AUDIT_HASH_CHARS = 2 * AUDIT_HASH_BYTES,
    AUDIT_TIME_CHARS = 27,       /* 2026-11-26T02:47:59.123456Z */
    AUDIT_TEXT_MAX_BYTES = 1024, /* of one text; what is longer is cut, and says so */
    AUDIT_LINE_MAX_BYTES = 64 << 10
};

enum audit_kind {
#define AUDIT_KIND(id, word, what) AUDIT_##id,
#include "audit/audit_kinds.inc"
#undef AUDIT_KIND
    AUDIT_KINDS /* also: one of a later release */
};

/* How the digest of a line is made. */
enum audit_alg { AUDIT_SHA256, AUDIT_HMAC_SHA256, AUDIT_ALGS };

/* The texts of a line, in its order. */
enum audit_text {
    AUDIT_ACTION, /* "config|set" */
    AUDIT_USER,
    AUDIT_ADDR,
    AUDIT_CLIENT_NAME,
    AUDIT_TRACE,
    AUDIT_OBJECT, /* what it was done to */
    AUDIT_BEFORE,
    AUDIT_AFTER,
    AUDIT_OUTCOME, /* "ok", "begun", "started", or the first word of an error */
    AUDIT_TEXTS
};

struct audit_record {
    enum audit_kind kind;
    int64_t time_us;    /* Unix */
    uint64_t client_id; /* 0: no client */
    attl_slice text[AUDIT_TEXTS];
};

/* Where the chain has got to: the number and the digest of a line; both 0 before the first. */
struct audit_link {
    uint64_t seq;
    unsigned char hash[AUDIT_HASH_BYTES];
};

const char *audit_kind_word(enum audit_kind kind);
const char *audit_kind_what(enum audit_kind kind);
/* AUDIT_KINDS if there is none of that name. */
enum audit_kind audit_kind_find(attl_slice word);
const char *audit_alg_word(enum audit_alg alg);
const char *audit_text_name(enum audit_text text);

/* "2026-11-26T02:47:59.123456Z"; years from 0 to 9999, others are put there. */
void audit_time_format(int64_t time_us, char out[AUDIT_TIME_CHARS + 1]);
/* Reads it back from the start of `text`; false if it is none. */
bool audit_time_parse(attl_slice text, int64_t *ret_time_us);

/*
 * Appends the part of the line that its digest is made of: everything from the first brace to the
 * quote behind the previous digest. The line is this, `,"hash":"`, its digest in hexadecimal, `"}`
 * and a line feed.
 */
void audit_record_signed(const struct audit_record *r, enum audit_alg alg, uint64_t seq,
                         const unsigned char prev[AUDIT_HASH_BYTES], struct buf *out);
/* Appends the rest. */
void audit_record_finish(const unsigned char hash[AUDIT_HASH_BYTES], struct buf *out);

#endif
