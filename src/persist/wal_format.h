/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of the log: segment headers and frames, to and from structs, without I/O. The byte
 * specification is at the head of wal_format.c; docs/wal-format.md is made from it. All integers
 * are little-endian. A frame is one change with everything needed to repeat it: full values and
 * absolute deadlines, so that repeating a change that had been made already is harmless.
 */
#ifndef ATTL_PERSIST_WAL_FORMAT_H
#define ATTL_PERSIST_WAL_FORMAT_H

#include "persist/life_format.h"

enum {
    WAL_VERSION = 2,        /* what is written */
    WAL_VERSION_OLDEST = 1, /* that is read */
    WAL_SEGMENT_HEADER_BYTES = 64,
    WAL_FRAME_HEADER_BYTES = 24,
    WAL_FRAME_ALIGN = 8,
    WAL_OP_HEADER_BYTES = 8, /* of a change inside a group */
};
/* No frame is longer: a header, a deadline, a life, a key and a value, or a group of them. */
#define WAL_FRAME_MAX_BYTES (UINT32_C(1) << 31)

enum wal_kind {
    WAL_PUT = 1,    /* key, value, perhaps a deadline and a life                            */
    WAL_DEL = 2,    /* key: deleted by somebody                                             */
    WAL_EXPIRE = 3, /* key, deadline or none, perhaps a life: the value stays               */
    WAL_CLEAR = 4,  /* everything                                                           */
    WAL_EVICT = 5,  /* key: removed because a limit was reached                             */
    WAL_MARK = 6,   /* value: i64 Unix ms, u64 LSN below which all is durable               */
    WAL_GROUP = 7,  /* value: changes that happen together or not at all                    */
    WAL_NOTE = 8,   /* value: text for people, as "rollback to ..."; changes nothing        */
};

enum wal_flag {
    WAL_HAS_DEADLINE = 1, /* an i64 of Unix ms follows the header */
    WAL_INTEGER = 2,      /* the value is an i64, not its decimal text */
    WAL_LIFE = 4,         /* there are more deadlines than one */
};

/* One change. Slices are borrowed. Kinds that have no deadline ignore deadline_ms when encoded. */
struct wal_op {
    enum wal_kind kind;
    unsigned flags; /* enum wal_flag; encoders set WAL_HAS_DEADLINE from deadline_ms */
    attl_slice key;
    attl_slice value;
    int64_t deadline_ms; /* Unix ms, or ATTL_NO_DEADLINE */
    struct life life;    /* with WAL_LIFE, by the wall clock */
};

struct wal_frame {
    uint64_t lsn;
    uint32_t bytes; /* of the whole frame */
    struct wal_op op;
};

struct wal_mark {
    int64_t time_ms;
    uint64_t durable_lsn; /* every frame with a smaller LSN was durable when this was written */
};

/* The first bytes of a segment file. */
struct wal_segment_header {
    uint32_t version;
    uint64_t first_lsn;  /* of the first frame that follows the header; never 0 */
    int64_t created_ms;  /* Unix ms */
    uint64_t run_id;     /* random, one per opening of the directory */
    uint64_t file_bytes; /* as allocated */
    bool gap; /* changes before first_lsn are missing from the log: only a snapshot bridges them */
};

void wal_segment_header_encode(const struct wal_segment_header *h,
                               unsigned char out[WAL_SEGMENT_HEADER_BYTES]);
/* False if it is not a header, damaged, or of a newer version. ret->version then is that version,
 * or 0 if nothing can be told. */
bool wal_segment_header_decode(const unsigned char in[WAL_SEGMENT_HEADER_BYTES],
                               struct wal_segment_header *ret);

/* Bytes of the frame for `op`; 0 if the format has no frame for it: a key, a value or the whole too
 * long, a negative deadline, or parts its kind does not have. Encoding such an op is a bug. */
uint32_t wal_frame_bytes(const struct wal_op *op);
/*
 * Everything but the value's bytes, and not yet LSN, checksum and length: writes header, deadline,
 * life and key to `out` and returns how many bytes that was (a multiple of nothing). The value
 * follows, then zeros up to wal_frame_bytes(). Neither this nor wal_frame_body() touches the first
 * 16 bytes: the ring stores the first word, the length, last, to say that the frame is there.
 */
uint32_t wal_frame_head(const struct wal_op *op, unsigned char *out);
/* What it returns. */
uint32_t wal_frame_head_bytes(const struct wal_op *op);
/* The whole frame, the value included, without LSN, checksum and length. `out` has room for
 * wal_frame_bytes(). */
void wal_frame_body(const struct wal_op *op, unsigned char *out);
/* Completes a frame in place: length, LSN, checksum. `bytes` as from wal_frame_bytes(). */
void wal_frame_seal(unsigned char *frame, uint32_t bytes, uint64_t lsn);
/* The same in pieces, for a value that lies elsewhere: `head` bytes as from wal_frame_head(), then
 * `value`, then padding. */
void wal_frame_seal_split(unsigned char *head, uint32_t head_bytes, attl_slice value, uint64_t lsn);
/* Body and seal at once. */
void wal_frame_encode(const struct wal_op *op, uint64_t lsn, unsigned char *out);

enum wal_decode {
    WAL_FRAME,     /* *ret_frame is good                                          */
    WAL_NEED_MORE, /* *ret_need (> len) bytes from here on are needed to judge    */
    WAL_ZERO,      /* a length of zero: nothing was written here                  */
    WAL_BAD        /* length, checksum or contents are not those of a frame       */
};
/* Decodes the frame at `in`. The slices of *ret_frame point into `in`. Never reads beyond `len`. */
enum wal_decode wal_frame_decode(const unsigned char *in, size_t len, struct wal_frame *ret_frame,
                                 uint32_t *ret_need);
/* What is wrong at `in`, if decoding says WAL_BAD: "checksum", "length of the key" ...; else NULL.
 */
const char *wal_frame_problem(const unsigned char *in, size_t len);

/* A group: a buffer of changes is the value of a WAL_GROUP frame. 0: as in wal_frame_bytes(), and
 * for the kinds that cannot be in a group. */
uint32_t wal_op_bytes(const struct wal_op *op);
void wal_op_encode(const struct wal_op *op, unsigned char *out);
/* The change at *offset of a group's value, advancing it; false at the end, where *offset equals
 * the length, or if it is malformed (decode has checked all of a WAL_FRAME's group already). */
bool wal_op_next(attl_slice group, size_t *offset, struct wal_op *ret_op);

void wal_mark_encode(const struct wal_mark *m, unsigned char out[16]);
/* From the value of a WAL_MARK frame. */
bool wal_mark_decode(attl_slice value, struct wal_mark *ret);

#endif
