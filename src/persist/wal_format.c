/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of the log, to and from structs. Every byte of a frame follows from its contents, so
 * that what is damaged has as few ways as possible to look good; what a frame may look like is one
 * table (in wal_shape.c), which encoding, decoding (wal_decode.c) and the page below share. These
 * functions keep no state and do no I/O, so nobody owns and nobody locks anything here. The next
 * comment is docs/wal-format.md: `make docs` after changing it.
 */
/*
 * # The format of the log, version 2
 *
 * The log of changes is a row of files, *segments*, in the data directory. Each begins with a
 * header and holds *frames*, one per change, which carry consecutive numbers (LSN, from 1). A frame
 * says everything that is needed to repeat the change: the full value and the absolute deadline, so
 * that repeating a change that had been made already is harmless. All integers are little-endian;
 * bytes that are not described are zero. CRC32C is the Castagnoli polynomial, reflected, as in
 * RFC 3720.
 *
 * ## Segment file
 *
 * Its name is `wal-<first LSN, 16 hexadecimal digits>.attl`. It is allocated in full before it is
 * used, so behind the last frame there are zeros up to its end, unless it was cut.
 *
 * | offset | bytes | header of a segment |
 * |---|---|---|
 * | 0 | 8 | `ATTLWAL1` |
 * | 8 | 4 | u32 version: 2 |
 * | 12 | 4 | u32 bytes of the header: 64; the first frame follows |
 * | 16 | 8 | u64 LSN of the first frame |
 * | 24 | 8 | i64 when the segment was begun, Unix ms |
 * | 32 | 8 | u64 number of the run: random, one per opening of the directory |
 * | 40 | 8 | u64 bytes of the file, as allocated |
 * | 48 | 4 | u32 flags: 1 *gap*: changes before the first LSN were never logged |
 * | 52 | 8 | zero |
 * | 60 | 4 | u32 CRC32C of bytes 0 to 59 |
 *
 * A header is valid if
 *
 * - S1 it begins with `ATTLWAL1`,
 * - S2 its checksum is right,
 * - S3 its version is 1 or 2 (a larger one is not damage: a newer program wrote it; every version
 *   keeps the magic, the version and the checksum where they are),
 * - S4 it says that the header has 64 bytes,
 * - S5 it has no other flag than *gap*,
 * - S6 bytes 52 to 59 are zero,
 * - S7 the first LSN is not 0.
 *
 * ## Frame
 *
 * | offset | bytes | frame |
 * |---|---|---|
 * | 0 | 4 | u32 bytes of the whole frame, a multiple of 8; 0: nothing was written here |
 * | 4 | 4 | u32 CRC32C of all bytes of the frame from 8 on |
 * | 8 | 8 | u64 LSN |
 * | 16 | 1 | u8 kind |
 * | 17 | 1 | u8 flags: 1 *deadline*, 2 *integer*, 4 *life* |
 * | 18 | 2 | u16 bytes of the key, up to 32768 |
 * | 20 | 4 | u32 bytes of the value |
 * | 24 | 8 | i64 deadline, Unix ms; only with flag *deadline* |
 * | then | 24 | the life; only with flag *life* |
 * | then | | the key, the value, zeros up to a multiple of 8 |
 *
 * | kind | name | key | value | flags | meaning |
 * |---|---|---|---|---|---|
 * | 1 | PUT | yes | up to 512 MiB | deadline, integer, life | the key has this value and life |
 * | 2 | DEL | yes | none | | deleted by somebody |
 * | 3 | EXPIRE | yes | none | deadline, life | the life changes, the value stays |
 * | 4 | CLEAR | no | none | | everything is gone |
 * | 5 | EVICT | yes | none | | removed because a limit was reached |
 * | 6 | MARK | no | 16 bytes | | i64 Unix ms, u64 LSN: all frames before it are durable |
 * | 7 | GROUP | no | changes | | several changes: together, or not at all |
 * | 8 | NOTE | no | up to 512 MiB | | text for people; changes nothing |
 *
 * Without flag *deadline* an entry has none. With flag *integer* the value is an i64 of 8 bytes
 * instead of its decimal text. The value of a GROUP is a row of changes, perhaps none, without
 * gaps:
 *
 * | offset | bytes | change inside a group |
 * |---|---|---|
 * | 0 | 1 | u8 kind: PUT, DEL, EXPIRE, CLEAR or EVICT |
 * | 1 | 1 | u8 flags, as above |
 * | 2 | 2 | u16 bytes of the key |
 * | 4 | 4 | u32 bytes of the value |
 * | 8 | 8 | i64 deadline, Unix ms; only with flag *deadline* |
 * | then | 24 | the life; only with flag *life* |
 * | then | | the key, the value, zeros up to a multiple of 8 |
 *
 * A *life* is that of an entry with more than one deadline. The entry's deadline is then when it is
 * gone for good:
 *
 * | offset | bytes | life |
 * |---|---|---|
 * | 0 | 8 | i64 when it should be reloaded, Unix ms; -1: never |
 * | 8 | 8 | i64 from when a plain read does not find it, Unix ms; -1: never |
 * | 16 | 4 | u32 flags: 1 *negative*: no plain read finds it at all |
 * | 20 | 4 | u32 how long loading it took, ms; 0: unknown |
 *
 * A life is valid if
 *
 * - L1 none of its times is below -1,
 * - L2 its second time is -1 exactly if the entry has no deadline,
 * - L3 otherwise its first time is at most its second, and that at most the entry's deadline,
 * - L4 it has no other flag than *negative*.
 *
 * A frame is valid if
 *
 * - F1 its length is a multiple of 8, from 24 to 2^31,
 * - F2 its kind is one of the table,
 * - F3 it has no flags but those the table allows for its kind,
 * - F4 its key has at most 32768 bytes, and none at all where the table says no,
 * - F5 its value has a length the table allows (8 with flag *integer*),
 * - F6 its length is exactly that of header, deadline, life, key and value, rounded up to 8,
 * - F7 its checksum is right,
 * - F8 its deadline is not negative, and its life is valid,
 * - F9 the bytes behind the value are zero,
 * - F10 in a GROUP, the changes fill the value exactly, each is of one of the five kinds above, and
 *   F3, F4, F5, F8 and F9 hold for each.
 *
 * There are no spare bits: a new kind or flag needs a new version. Version 2 brought the flag
 * *life*; everything else is as in version 1, which is still read.
 *
 * ## Recovery
 *
 * 1. Segments are read in the order of their names. The first frame of a segment has the LSN of its
 *    header and its name, and every further frame the next LSN.
 * 2. A segment is over at its end, at a length of 0, or where fewer than 24 bytes are left.
 * 3. Where the expected LSN is the one with which the next segment begins, reading goes on there,
 *    even if the present segment has more: after a failed write the frames that were not safe are
 *    written anew to a fresh segment. It counts as soon as its header and its first frame are
 * valid; until then reading stays in the present one. (Whoever begins a segment first takes away
 * those that begin at its LSN or above.)
 * 4. The first place where the expected frame is not there ends the log. What is behind it is never
 *    replayed by itself, even if it is readable: the log is a prefix of the changes.
 * 5. If a MARK behind that place says that the expected frame had been durable, something that was
 *    promised is lost: the log is *damaged*, and a person decides. So it is if a segment of a newer
 *    version is there. That there are later segments or frames proves nothing else.
 * 6. Otherwise it is a *torn* end, as a crash leaves it, if anything is behind it but zeros and an
 *    empty segment that begins with the expected LSN. It is copied aside and cut off. If nothing is
 *    behind it, the end is *clean*.
 * 7. A segment with flag *gap* begins behind changes that were never logged. Only a snapshot that
 *    contains all changes before its first LSN leads to it; read from further ahead the log ends,
 *    cleanly, in front of it, and marks in it or behind it say nothing about what is before it.
 */
#include "persist/wal_format.h"

#include "base/assert.h"
#include "os/crc32c.h"
#include "persist/le.h"
#include "persist/wal_shape.h"

/* ---- segment headers ---- */

enum {
    HEADER_VERSION = 8,
    HEADER_BYTES = 12,
    HEADER_FIRST_LSN = 16,
    HEADER_CREATED_MS = 24,
    HEADER_RUN_ID = 32,
    HEADER_FILE_BYTES = 40,
    HEADER_FLAGS = 48,
    HEADER_UNUSED = 52,
    HEADER_CRC = 60,
    MAGIC_BYTES = 8
};

enum { HEADER_FLAG_GAP = 1 };

static const char magic[] = "ATTLWAL1";

void
wal_segment_header_encode(const struct wal_segment_header *h,
                          unsigned char out[WAL_SEGMENT_HEADER_BYTES])
{
    ASSERT(h->first_lsn > 0);
    memset(out, 0, WAL_SEGMENT_HEADER_BYTES);
    memcpy(out, magic, MAGIC_BYTES);
    le_put_u32(out + HEADER_VERSION, WAL_VERSION);
    le_put_u32(out + HEADER_BYTES, WAL_SEGMENT_HEADER_BYTES);
    le_put_u64(out + HEADER_FIRST_LSN, h->first_lsn);
    le_put_u64(out + HEADER_CREATED_MS, (uint64_t)h->created_ms);
    le_put_u64(out + HEADER_RUN_ID, h->run_id);
    le_put_u64(out + HEADER_FILE_BYTES, h->file_bytes);
    le_put_u32(out + HEADER_FLAGS, h->gap ? HEADER_FLAG_GAP : 0);
    le_put_u32(out + HEADER_CRC, crc32c(0, out, HEADER_CRC));
}

bool
wal_segment_header_decode(const unsigned char in[WAL_SEGMENT_HEADER_BYTES],
                          struct wal_segment_header *ret)
{
    ret->version = 0;
    if (memcmp(in, magic, MAGIC_BYTES) != 0 ||
        le_get_u32(in + HEADER_CRC) != crc32c(0, in, HEADER_CRC))
        return false;
    ret->version = le_get_u32(in + HEADER_VERSION);
    uint32_t flags = le_get_u32(in + HEADER_FLAGS);
    uint64_t first_lsn = le_get_u64(in + HEADER_FIRST_LSN);
    if (ret->version < WAL_VERSION_OLDEST || ret->version > WAL_VERSION ||
        le_get_u32(in + HEADER_BYTES) != WAL_SEGMENT_HEADER_BYTES ||
        (flags & ~(uint32_t)HEADER_FLAG_GAP) != 0 || le_get_u64(in + HEADER_UNUSED) != 0 ||
        first_lsn == 0)
        return false;
    *ret = (struct wal_segment_header){
        .version = ret->version,
        .first_lsn = first_lsn,
        .created_ms = (int64_t)le_get_u64(in + HEADER_CREATED_MS),
        .run_id = le_get_u64(in + HEADER_RUN_ID),
        .file_bytes = le_get_u64(in + HEADER_FILE_BYTES),
        .gap = (flags & HEADER_FLAG_GAP) != 0,
    };
    return true;
}

/* ---- encoding ---- */

static struct wal_shape
shape_of(const struct wal_op *op)
{
    unsigned flags = op->flags & ~(unsigned)WAL_HAS_DEADLINE;
    bool may = op->kind == WAL_PUT || op->kind == WAL_EXPIRE;
    if (may && op->deadline_ms != ATTL_NO_DEADLINE)
        flags |= WAL_HAS_DEADLINE;
    return (struct wal_shape){ op->kind, flags, op->key.len, op->value.len };
}

/* Header, deadline, life and key of a change; how many bytes they took. */
static uint32_t
op_head_put(const struct wal_op *op, unsigned char *out)
{
    struct wal_shape s = shape_of(op);
    ASSERT(!wal_shape_problem(&s, false));
    out[0] = (unsigned char)s.kind;
    out[WAL_OP_AT_FLAGS] = (unsigned char)s.flags;
    le_put_u16(out + WAL_OP_AT_KEY_BYTES, (uint16_t)s.key_bytes);
    le_put_u32(out + WAL_OP_AT_VALUE_BYTES, (uint32_t)s.value_bytes);
    uint32_t at = WAL_OP_HEADER_BYTES;
    if (s.flags & WAL_HAS_DEADLINE) {
        ASSERT(op->deadline_ms >= 0);
        le_put_u64(out + at, (uint64_t)op->deadline_ms);
        at += WAL_DEADLINE_BYTES;
    }
    if (s.flags & WAL_LIFE) {
        life_format_encode(&op->life, out + at);
        at += LIFE_FORMAT_BYTES;
    }
    if (op->key.len)
        memcpy(out + at, op->key.data, op->key.len);
    return at + (uint32_t)op->key.len;
}

/* The whole change with its padding. Headers are multiples of 8, so it ends where a frame does. */
static void
op_put(const struct wal_op *op, unsigned char *out)
{
    uint32_t at = op_head_put(op, out);
    if (op->value.len)
        memcpy(out + at, op->value.data, op->value.len);
    at += (uint32_t)op->value.len;
    memset(out + at, 0, wal_align_up(at) - at);
}

/* Rounded up behind a header of `header_bytes`; 0 if the format has no room for it. */
static uint32_t
op_size(const struct wal_op *op, unsigned header_bytes, bool in_group)
{
    struct wal_shape s = shape_of(op);
    bool late = (s.flags & WAL_HAS_DEADLINE) && op->deadline_ms < 0;
    bool wrong = (s.flags & WAL_LIFE) && !life_is_valid(&op->life, op->deadline_ms);
    if (late || wrong || wal_shape_problem(&s, in_group))
        return 0;
    uint64_t bytes = wal_align_up(header_bytes + wal_shape_payload_bytes(&s));
    return bytes <= WAL_FRAME_MAX_BYTES ? (uint32_t)bytes : 0;
}

uint32_t
wal_frame_bytes(const struct wal_op *op)
{
    return op_size(op, WAL_FRAME_HEADER_BYTES, false);
}

uint32_t
wal_frame_head_bytes(const struct wal_op *op)
{
    struct wal_shape s = shape_of(op);
    s.value_bytes = 0;
    return WAL_FRAME_HEADER_BYTES + (uint32_t)wal_shape_payload_bytes(&s);
}

uint32_t
wal_frame_head(const struct wal_op *op, unsigned char *out)
{
    return WAL_AT_OP + op_head_put(op, out + WAL_AT_OP);
}

void
wal_frame_body(const struct wal_op *op, unsigned char *out)
{
    op_put(op, out + WAL_AT_OP);
}

void
wal_frame_seal(unsigned char *frame, uint32_t bytes, uint64_t lsn)
{
    ASSERT(bytes >= WAL_FRAME_HEADER_BYTES && bytes % WAL_FRAME_ALIGN == 0);
    le_put_u64(frame + WAL_AT_LSN, lsn);
    le_put_u32(frame + WAL_AT_CRC, crc32c(0, frame + WAL_AT_LSN, bytes - WAL_AT_LSN));
    le_put_u32(frame, bytes);
}

void
wal_frame_seal_split(unsigned char *head, uint32_t head_bytes, attl_slice value, uint64_t lsn)
{
    static const unsigned char padding[WAL_FRAME_ALIGN];
    struct wal_shape s = wal_shape_get(head + WAL_AT_OP);
    uint64_t full = head_bytes + (uint64_t)value.len;
    uint64_t bytes = wal_align_up(full);
    ASSERT(s.value_bytes == value.len && bytes <= WAL_FRAME_MAX_BYTES);
    ASSERT(full == WAL_FRAME_HEADER_BYTES + wal_shape_payload_bytes(&s));
    le_put_u64(head + WAL_AT_LSN, lsn);
    uint32_t crc = crc32c(0, head + WAL_AT_LSN, head_bytes - WAL_AT_LSN);
    crc = crc32c(crc, value.data, value.len);
    crc = crc32c(crc, padding, bytes - full);
    le_put_u32(head + WAL_AT_CRC, crc);
    le_put_u32(head, (uint32_t)bytes);
}

void
wal_frame_encode(const struct wal_op *op, uint64_t lsn, unsigned char *out)
{
    wal_frame_body(op, out);
    wal_frame_seal(out, wal_frame_bytes(op), lsn);
}

uint32_t
wal_op_bytes(const struct wal_op *op)
{
    return op_size(op, WAL_OP_HEADER_BYTES, true);
}

void
wal_op_encode(const struct wal_op *op, unsigned char *out)
{
    ASSERT(wal_op_bytes(op) > 0);
    op_put(op, out);
}

/* ---- marks ---- */

void
wal_mark_encode(const struct wal_mark *m, unsigned char out[16])
{
    le_put_u64(out, (uint64_t)m->time_ms);
    le_put_u64(out + sizeof m->time_ms, m->durable_lsn);
}

bool
wal_mark_decode(attl_slice value, struct wal_mark *ret)
{
    if (value.len != WAL_MARK_BYTES)
        return false;
    const unsigned char *in = (const unsigned char *)value.data;
    ret->time_ms = (int64_t)le_get_u64(in);
    ret->durable_lsn = le_get_u64(in + sizeof ret->time_ms);
    return true;
}
