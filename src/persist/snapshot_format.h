/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of a snapshot: header, blocks, entries and trailer, to and from structs, without I/O.
 * The byte specification is at the head of snapshot_format.c; docs/snapshot-format.md is made from
 * it. Decoding trusts nothing: every length is compared with the bytes that are left before it is
 * used, so that no caller needs to. Pure functions; the caller owns all memory.
 */
#ifndef ATTL_PERSIST_SNAPSHOT_FORMAT_H
#define ATTL_PERSIST_SNAPSHOT_FORMAT_H

#include "base/limits.h"
#include "persist/snapshot.h"

enum {
    SNAPSHOT_HEADER_BYTES = 64,
    SNAPSHOT_TRAILER_BYTES = 64,
    SNAPSHOT_BLOCK_HEADER_BYTES = 24,
    SNAPSHOT_ENTRY_HEADER_BYTES = 8,
    SNAPSHOT_ALIGN = 8,
    SNAPSHOT_SHARED_BLOCK_MAX_BYTES = 1 << 20, /* raw bytes of a block with several entries */
    SNAPSHOT_RATIO_MAX = 65536,                /* raw bytes per stored byte: no bombs */
    /* What precedes the value of an entry, at most: header, deadline, life, key. */
    SNAPSHOT_ENTRY_HEAD_MAX_BYTES = SNAPSHOT_ENTRY_HEADER_BYTES + 8 + LIFE_FORMAT_BYTES +
                                    LIMIT_KEY_BYTES,
};
/* Raw bytes of any block: one entry as large as it may be. */
#define SNAPSHOT_BLOCK_MAX_BYTES (SNAPSHOT_ENTRY_HEAD_MAX_BYTES + LIMIT_VALUE_BYTES)

enum snapshot_block_flag { SNAPSHOT_BLOCK_ZSTD = 1 };

struct snapshot_block_head {
    uint32_t crc;
    uint32_t stored_bytes; /* behind the header, without padding */
    uint32_t raw_bytes;    /* unpacked */
    uint32_t entries;
    uint32_t flags; /* enum snapshot_block_flag */
    uint32_t index; /* 0, 1, 2 ... in the order of the file */
};

struct snapshot_trailer {
    uint64_t entries;
    uint64_t raw_bytes; /* of keys and values */
    uint64_t blocks;
    uint64_t end_lsn;
    uint64_t file_bytes;
    uint32_t blocks_crc; /* of the headers of all blocks, in order */
    uint32_t header_crc; /* as in the header: these two belong together */
};

/* Encodes what is known at the beginning. Returns the header's checksum. */
uint32_t snapshot_header_encode(const struct snapshot_meta *m,
                                unsigned char out[SNAPSHOT_HEADER_BYTES]);
/* SNAPSHOT_OK, _DAMAGED or _NEWER (then only ret->version is set). Leaves the trailer's part of
 * *ret alone. */
enum snapshot_result snapshot_header_decode(const unsigned char in[SNAPSHOT_HEADER_BYTES],
                                            struct snapshot_meta *ret, uint32_t *ret_crc);

void snapshot_trailer_encode(const struct snapshot_trailer *t,
                             unsigned char out[SNAPSHOT_TRAILER_BYTES]);
/* False unless it is whole and belongs to the header `m` with `header_crc` in a file of
 * `file_bytes`. */
bool snapshot_trailer_decode(const unsigned char in[SNAPSHOT_TRAILER_BYTES],
                             const struct snapshot_meta *m, uint32_t header_crc,
                             uint64_t file_bytes, struct snapshot_trailer *ret);

/* Zeros behind the stored bytes. */
static inline uint32_t
snapshot_padding(uint32_t stored_bytes)
{
    return -stored_bytes & (SNAPSHOT_ALIGN - 1);
}
/* Stored bytes and padding. */
static inline uint64_t
snapshot_padded(uint32_t stored_bytes)
{
    return (uint64_t)stored_bytes + snapshot_padding(stored_bytes);
}
/* Encodes all of `h` but its checksum, which is made from `payload_crc`, the CRC32C of stored bytes
 * and padding, and returned. */
uint32_t snapshot_block_seal(const struct snapshot_block_head *h, uint32_t payload_crc,
                             unsigned char out[SNAPSHOT_BLOCK_HEADER_BYTES]);
/*
 * False if the header contradicts itself, is not number `index`, or its bytes would not fit into
 * the `left_bytes` from its first byte to the trailer. Says nothing about the checksum, which
 * covers bytes that the caller has not read yet.
 */
bool snapshot_block_head_decode(const unsigned char in[SNAPSHOT_BLOCK_HEADER_BYTES],
                                bool compressed, uint32_t index, uint64_t left_bytes,
                                struct snapshot_block_head *ret);
/* True if the header and its padded stored bytes at `payload` agree with the checksum. */
bool snapshot_block_check(const struct snapshot_block_head *h, const unsigned char *payload);

/* Bytes of the entry; 0 if it is none that a snapshot may hold. */
uint64_t snapshot_entry_bytes(const struct snapshot_entry *e);
/* Writes all but the value and returns how many bytes that was: the value follows immediately. */
size_t snapshot_entry_head(const struct snapshot_entry *e, unsigned char *out);
/* The entry at the beginning of `in`, and how many bytes it has; false if there is no valid one. */
bool snapshot_entry_decode(const unsigned char *in, size_t len, struct snapshot_entry *ret,
                           size_t *ret_bytes);
/* True if `in` is exactly `entries` valid entries; *ret_raw_bytes of keys and values. */
bool snapshot_entries_check(const unsigned char *in, size_t len, uint32_t entries,
                            uint64_t *ret_raw_bytes);

#endif
