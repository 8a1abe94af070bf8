/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * # The format of snapshots, version 2
 *
 * A snapshot is the state of the cache just before an LSN, its *cut*: recovery reads it and replays
 * the log from there. It is a header, a row of *blocks* with the entries, and a trailer. Deadlines
 * are absolute, so reading a snapshot later never prolongs a life. All integers are little-endian;
 * bytes that are not described are zero. CRC32C is the Castagnoli polynomial, reflected, as in RFC
 * 3720. The functions below keep no state and do no I/O, so nobody owns and nobody locks anything
 * here.
 *
 * ## File
 *
 * Its name is `snap-<cut LSN, 16 hexadecimal digits>-<Unix ms of the cut, 16 hexadecimal
 * digits>.attl`. It is written under that name with `.tmp` behind it, synced, read back and
 * checked, renamed, and the directory is synced: what has the final name is whole. A `.tmp` is
 * worthless.
 *
 * | offset | bytes | header |
 * |---|---|---|
 * | 0 | 8 | `ATTLSNAP` |
 * | 8 | 4 | u32 version: 2 |
 * | 12 | 4 | u32 kind: 1 *point in time*, 2 *fuzzy* |
 * | 16 | 8 | u64 cut LSN: replay the log from here |
 * | 24 | 8 | i64 time of the cut, Unix ms |
 * | 32 | 8 | u64 number of the run: random, one per opening of the directory |
 * | 40 | 4 | u32 flags: 1 *compressed*: blocks may be packed with zstd |
 * | 44 | 16 | zero |
 * | 60 | 4 | u32 CRC32C of bytes 0 to 59 |
 *
 * A point in time is exactly the state before the cut. A fuzzy snapshot was written while changes
 * went on: it is consistent once the log up to the *end LSN* of its trailer has been replayed.
 *
 * A header is valid if
 *
 * - H1 it begins with `ATTLSNAP`,
 * - H2 its checksum is right,
 * - H3 its version is 1 or 2 (a larger one is not damage: a newer program wrote it; every version
 *   keeps the magic, the version and the checksum where they are),
 * - H4 its kind is 1 or 2,
 * - H5 it has no other flag than *compressed*,
 * - H6 bytes 44 to 59 are zero.
 *
 * ## Block
 *
 * Blocks follow the header and each other without gaps. None needs another one to be read.
 *
 * | offset | bytes | block |
 * |---|---|---|
 * | 0 | 4 | u32 CRC32C of all bytes of the block from 24 on, followed by those from 4 to 23 |
 * | 4 | 4 | u32 stored bytes |
 * | 8 | 4 | u32 raw bytes |
 * | 12 | 4 | u32 entries |
 * | 16 | 4 | u32 flags: 1 *zstd* |
 * | 20 | 4 | u32 number of the block: 0, 1, 2 ... |
 * | 24 | | the stored bytes, zeros up to a multiple of 8 |
 *
 * With flag *zstd* the stored bytes are one zstd frame (RFC 8878) of the raw bytes, otherwise they
 * are the raw bytes. These are entries without gaps:
 *
 * | offset | bytes | entry |
 * |---|---|---|
 * | 0 | 1 | u8 flags: 1 *deadline*, 2 *integer*, 4 *life* |
 * | 1 | 1 | zero |
 * | 2 | 2 | u16 bytes of the key, up to 32768 |
 * | 4 | 4 | u32 bytes of the value, up to 512 MiB |
 * | 8 | 8 | i64 deadline, Unix ms; only with flag *deadline* |
 * | then | 24 | the life; only with flag *life* |
 * | then | | the key, the value |
 *
 * Without flag *deadline* an entry has none. With flag *integer* the value is an i64 of 8 bytes
 * instead of its decimal text. No key occurs twice in a point in time; of a key that occurs twice
 * in a fuzzy snapshot either entry may be taken.
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
 * A block is valid if
 *
 * - B1 it ends at or before the trailer,
 * - B2 its number is one more than that of the block before it, and 0 for the first,
 * - B3 it has no other flag than *zstd*, and that only if the header has *compressed*,
 * - B4 it has at least one entry and 8 raw bytes for each,
 * - B5 it has at most 1 MiB raw bytes, or a single entry,
 * - B6 without flag *zstd* it has as many stored as raw bytes; with it, it has at least one stored
 *   byte for 65536 raw ones, and at most raw + raw / 64 + 1024,
 * - B7 its checksum is right,
 * - B8 the bytes behind the stored ones are zero,
 * - B9 its zstd frame says how long its contents are, and they are as long as the raw bytes,
 * - B10 its entries are valid and fill the raw bytes exactly.
 *
 * An entry is valid if
 *
 * - E1 it has no other flags than *deadline*, *integer* and *life*, and byte 1 is zero,
 * - E2 its key has at most 32768 bytes,
 * - E3 its value has at most 512 MiB, and exactly 8 bytes with flag *integer*,
 * - E4 its deadline is not negative,
 * - E5 its life is valid.
 *
 * ## Trailer
 *
 * The last 64 bytes of the file.
 *
 * | offset | bytes | trailer |
 * |---|---|---|
 * | 0 | 8 | `ATTLSEND` |
 * | 8 | 8 | u64 entries of all blocks |
 * | 16 | 8 | u64 bytes of all keys and values |
 * | 24 | 8 | u64 blocks |
 * | 32 | 8 | u64 end LSN |
 * | 40 | 8 | u64 bytes of the file |
 * | 48 | 4 | u32 CRC32C of the headers of all blocks, in order |
 * | 52 | 4 | u32 checksum of the header, repeated |
 * | 56 | 4 | zero |
 * | 60 | 4 | u32 CRC32C of bytes 0 to 59 |
 *
 * A trailer is valid if
 *
 * - T1 it begins with `ATTLSEND`,
 * - T2 its checksum is right,
 * - T3 bytes 56 to 59 are zero,
 * - T4 the file is as long as it says,
 * - T5 it repeats the header's checksum,
 * - T6 the end LSN is not below the cut, and the same for a point in time.
 *
 * A snapshot is valid if all of these hold, and
 *
 * - V1 blocks fill the file between header and trailer exactly,
 * - V2 entries, bytes and blocks are as many as the trailer says,
 * - V3 the checksum of the blocks' headers is the trailer's.
 *
 * There are no spare bits: whatever is new needs a new version. Version 2 brought the flag *life*;
 * everything else is as in version 1, which is still read.
 */
#include "persist/snapshot_format.h"

#include "base/assert.h"
#include "os/crc32c.h"
#include "persist/le.h"

enum {
    MAGIC_BYTES = 8,
    HEADER_COMPRESSED = 1,
    ENTRY_HAS_DEADLINE = 1,
    ENTRY_INTEGER = 2,
    ENTRY_LIFE = 4,
    INTEGER_BYTES = 8,
    DEADLINE_BYTES = 8,
    CRC_AT = 60, /* in header and trailer */
    STORED_EXTRA_SHARE = 64,
    STORED_EXTRA_BYTES = 1024,
};

static const char header_magic[MAGIC_BYTES + 1] = "ATTLSNAP";
static const char trailer_magic[MAGIC_BYTES + 1] = "ATTLSEND";

static bool
all_zero(const unsigned char *p, size_t len)
{
    unsigned char any = 0;
    for (size_t i = 0; i < len; i++)
        any |= p[i];
    return any == 0;
}

/* ---- header and trailer --------------------------------------------------------------------- */

uint32_t
snapshot_header_encode(const struct snapshot_meta *m, unsigned char out[SNAPSHOT_HEADER_BYTES])
{
    memset(out, 0, SNAPSHOT_HEADER_BYTES);
    memcpy(out, header_magic, MAGIC_BYTES);
    le_put_u32(out + 8, SNAPSHOT_VERSION);
    le_put_u32(out + 12, (uint32_t)m->kind);
    le_put_u64(out + 16, m->cut_lsn);
    le_put_u64(out + 24, (uint64_t)m->created_ms);
    le_put_u64(out + 32, m->run_id);
    le_put_u32(out + 40, m->compressed ? HEADER_COMPRESSED : 0);
    uint32_t crc = crc32c(0, out, CRC_AT);
    le_put_u32(out + CRC_AT, crc);
    return crc;
}

enum snapshot_result
snapshot_header_decode(const unsigned char in[SNAPSHOT_HEADER_BYTES], struct snapshot_meta *ret,
                       uint32_t *ret_crc)
{
    uint32_t version = le_get_u32(in + 8), kind = le_get_u32(in + 12), flags = le_get_u32(in + 40);
    uint32_t crc = crc32c(0, in, CRC_AT);
    if (memcmp(in, header_magic, MAGIC_BYTES) != 0 || le_get_u32(in + CRC_AT) != crc ||
        version < SNAPSHOT_VERSION_OLDEST)
        return SNAPSHOT_DAMAGED;
    if (version > SNAPSHOT_VERSION) {
        ret->version = version;
        return SNAPSHOT_NEWER;
    }
    if ((kind != SNAPSHOT_POINT_IN_TIME && kind != SNAPSHOT_FUZZY) ||
        (flags & ~(uint32_t)HEADER_COMPRESSED) != 0 || !all_zero(in + 44, CRC_AT - 44))
        return SNAPSHOT_DAMAGED;
    ret->version = version;
    ret->kind = (enum snapshot_kind)kind;
    ret->cut_lsn = le_get_u64(in + 16);
    ret->created_ms = (int64_t)le_get_u64(in + 24);
    ret->run_id = le_get_u64(in + 32);
    ret->compressed = flags & HEADER_COMPRESSED;
    *ret_crc = crc;
    return SNAPSHOT_OK;
}

void
snapshot_trailer_encode(const struct snapshot_trailer *t, unsigned char out[SNAPSHOT_TRAILER_BYTES])
{
    memset(out, 0, SNAPSHOT_TRAILER_BYTES);
    memcpy(out, trailer_magic, MAGIC_BYTES);
    le_put_u64(out + 8, t->entries);
    le_put_u64(out + 16, t->raw_bytes);
    le_put_u64(out + 24, t->blocks);
    le_put_u64(out + 32, t->end_lsn);
    le_put_u64(out + 40, t->file_bytes);
    le_put_u32(out + 48, t->blocks_crc);
    le_put_u32(out + 52, t->header_crc);
    le_put_u32(out + CRC_AT, crc32c(0, out, CRC_AT));
}

bool
snapshot_trailer_decode(const unsigned char in[SNAPSHOT_TRAILER_BYTES],
                        const struct snapshot_meta *m, uint32_t header_crc, uint64_t file_bytes,
                        struct snapshot_trailer *ret)
{
    struct snapshot_trailer t = {
        .entries = le_get_u64(in + 8),
        .raw_bytes = le_get_u64(in + 16),
        .blocks = le_get_u64(in + 24),
        .end_lsn = le_get_u64(in + 32),
        .file_bytes = le_get_u64(in + 40),
        .blocks_crc = le_get_u32(in + 48),
        .header_crc = le_get_u32(in + 52),
    };
    if (memcmp(in, trailer_magic, MAGIC_BYTES) != 0 ||
        le_get_u32(in + CRC_AT) != crc32c(0, in, CRC_AT) || le_get_u32(in + 56) != 0)
        return false;
    if (t.file_bytes != file_bytes || t.header_crc != header_crc)
        return false;
    if (t.end_lsn < m->cut_lsn || (m->kind == SNAPSHOT_POINT_IN_TIME && t.end_lsn != m->cut_lsn))
        return false;
    *ret = t;
    return true;
}

/* ---- blocks --------------------------------------------------------------------------------- */

uint32_t
snapshot_block_seal(const struct snapshot_block_head *h, uint32_t payload_crc,
                    unsigned char out[SNAPSHOT_BLOCK_HEADER_BYTES])
{
    le_put_u32(out + 4, h->stored_bytes);
    le_put_u32(out + 8, h->raw_bytes);
    le_put_u32(out + 12, h->entries);
    le_put_u32(out + 16, h->flags);
    le_put_u32(out + 20, h->index);
    uint32_t crc = crc32c(payload_crc, out + 4, SNAPSHOT_BLOCK_HEADER_BYTES - 4);
    le_put_u32(out, crc);
    return crc;
}

static bool
sizes_are_plausible(const struct snapshot_block_head *h)
{
    if (h->entries == 0 || h->raw_bytes / SNAPSHOT_ENTRY_HEADER_BYTES < h->entries)
        return false;
    if (h->raw_bytes >
        (h->entries == 1 ? SNAPSHOT_BLOCK_MAX_BYTES : (uint64_t)SNAPSHOT_SHARED_BLOCK_MAX_BYTES))
        return false;
    if (!(h->flags & SNAPSHOT_BLOCK_ZSTD))
        return h->stored_bytes == h->raw_bytes;
    return (uint64_t)h->stored_bytes * SNAPSHOT_RATIO_MAX >= h->raw_bytes &&
           h->stored_bytes <= h->raw_bytes + h->raw_bytes / STORED_EXTRA_SHARE + STORED_EXTRA_BYTES;
}

bool
snapshot_block_head_decode(const unsigned char in[SNAPSHOT_BLOCK_HEADER_BYTES], bool compressed,
                           uint32_t index, uint64_t left_bytes, struct snapshot_block_head *ret)
{
    struct snapshot_block_head h = {
        .crc = le_get_u32(in),
        .stored_bytes = le_get_u32(in + 4),
        .raw_bytes = le_get_u32(in + 8),
        .entries = le_get_u32(in + 12),
        .flags = le_get_u32(in + 16),
        .index = le_get_u32(in + 20),
    };
    if (left_bytes < SNAPSHOT_BLOCK_HEADER_BYTES ||
        snapshot_padded(h.stored_bytes) > left_bytes - SNAPSHOT_BLOCK_HEADER_BYTES)
        return false;
    if (h.index != index || (h.flags & ~(uint32_t)(compressed ? SNAPSHOT_BLOCK_ZSTD : 0)) != 0 ||
        !sizes_are_plausible(&h))
        return false;
    *ret = h;
    return true;
}

bool
snapshot_block_check(const struct snapshot_block_head *h, const unsigned char *payload)
{
    unsigned char again[SNAPSHOT_BLOCK_HEADER_BYTES];
    uint32_t crc = crc32c(0, payload, (size_t)snapshot_padded(h->stored_bytes));
    return snapshot_block_seal(h, crc, again) == h->crc &&
           all_zero(payload + h->stored_bytes, snapshot_padding(h->stored_bytes));
}

/* ---- entries -------------------------------------------------------------------------------- */

static bool
has_deadline(const struct snapshot_entry *e)
{
    return e->deadline_ms != ATTL_NO_DEADLINE;
}

uint64_t
snapshot_entry_bytes(const struct snapshot_entry *e)
{
    if (e->key.len > LIMIT_KEY_BYTES || e->value.len > LIMIT_VALUE_BYTES ||
        (e->is_integer && e->value.len != INTEGER_BYTES) ||
        (has_deadline(e) && e->deadline_ms < 0) ||
        (e->has_life && !life_is_valid(&e->life, e->deadline_ms)))
        return 0;
    return SNAPSHOT_ENTRY_HEADER_BYTES + (has_deadline(e) ? DEADLINE_BYTES : 0) +
           (e->has_life ? LIFE_FORMAT_BYTES : 0) + (uint64_t)e->key.len + e->value.len;
}

size_t
snapshot_entry_head(const struct snapshot_entry *e, unsigned char *out)
{
    ASSERT(e->key.len <= LIMIT_KEY_BYTES && e->value.len <= LIMIT_VALUE_BYTES);
    size_t at = SNAPSHOT_ENTRY_HEADER_BYTES;
    out[0] = (unsigned char)((has_deadline(e) ? ENTRY_HAS_DEADLINE : 0) |
                             (e->is_integer ? ENTRY_INTEGER : 0) | (e->has_life ? ENTRY_LIFE : 0));
    out[1] = 0;
    le_put_u16(out + 2, (uint16_t)e->key.len);
    le_put_u32(out + 4, (uint32_t)e->value.len);
    if (has_deadline(e)) {
        le_put_u64(out + at, (uint64_t)e->deadline_ms);
        at += DEADLINE_BYTES;
    }
    if (e->has_life) {
        life_format_encode(&e->life, out + at);
        at += LIFE_FORMAT_BYTES;
    }
    if (e->key.len > 0)
        memcpy(out + at, e->key.data, e->key.len);
    return at + e->key.len;
}

bool
snapshot_entry_decode(const unsigned char *in, size_t len, struct snapshot_entry *ret,
                      size_t *ret_bytes)
{
    if (len < SNAPSHOT_ENTRY_HEADER_BYTES)
        return false;
    unsigned flags = in[0];
    size_t key_bytes = le_get_u16(in + 2), value_bytes = le_get_u32(in + 4);
    size_t at_life = SNAPSHOT_ENTRY_HEADER_BYTES +
                     (flags & ENTRY_HAS_DEADLINE ? DEADLINE_BYTES : 0);
    size_t at = at_life + (flags & ENTRY_LIFE ? LIFE_FORMAT_BYTES : 0);
    if ((flags & ~(unsigned)(ENTRY_HAS_DEADLINE | ENTRY_INTEGER | ENTRY_LIFE)) != 0 || in[1] != 0 ||
        key_bytes > LIMIT_KEY_BYTES || value_bytes > LIMIT_VALUE_BYTES ||
        (flags & ENTRY_INTEGER && value_bytes != INTEGER_BYTES))
        return false;
    size_t bytes = at + key_bytes + value_bytes; /* below 2^30 */
    if (bytes > len)
        return false;
    int64_t deadline_ms = ATTL_NO_DEADLINE;
    if (flags & ENTRY_HAS_DEADLINE) {
        deadline_ms = (int64_t)le_get_u64(in + SNAPSHOT_ENTRY_HEADER_BYTES);
        if (deadline_ms < 0)
            return false;
    }
    ret->has_life = flags & ENTRY_LIFE;
    if (ret->has_life) {
        ret->life = life_format_decode(in + at_life);
        if (!life_is_valid(&ret->life, deadline_ms))
            return false;
    }
    ret->key = attl_b(in + at, key_bytes);
    ret->value = attl_b(in + at + key_bytes, value_bytes);
    ret->deadline_ms = deadline_ms;
    ret->is_integer = flags & ENTRY_INTEGER;
    *ret_bytes = bytes;
    return true;
}

bool
snapshot_entries_check(const unsigned char *in, size_t len, uint32_t entries,
                       uint64_t *ret_raw_bytes)
{
    uint64_t raw_bytes = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < entries; i++) {
        struct snapshot_entry e;
        size_t bytes;
        if (!snapshot_entry_decode(in + at, len - at, &e, &bytes))
            return false;
        raw_bytes += e.key.len + e.value.len;
        at += bytes;
    }
    *ret_raw_bytes = raw_bytes;
    return at == len;
}
