/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries for the tests of snapshots. The entry of a number is always the same (key, value, kind,
 * deadline), and the number can be told from its key, so a reader's output is checked without
 * keeping what was written. Files are made by the writer, or, where blocks must be smaller than it
 * makes them, here from the codec. Also an allocator that fails on order and knows its peak.
 */
#ifndef ATTL_TESTS_SNAPSHOT_SAMPLE_H
#define ATTL_TESTS_SNAPSHOT_SAMPLE_H

#include "persist/snapshot.h"

enum { SAMPLE_TEXT_BYTES = 512 };

#define SAMPLE_CUT_LSN UINT64_C(0x1234)
#define SAMPLE_CREATED_MS INT64_C(1735689600123)

/* Storage of one entry. */
struct snapshot_sample {
    struct snapshot_entry entry;
    char key[SAMPLE_TEXT_BYTES], value[SAMPLE_TEXT_BYTES];
};

struct snapshot_meta sample_meta(bool compressed);
void sample_make(uint32_t number, struct snapshot_sample *ret);
/* The number of the entry, which is checked. */
uint32_t sample_number(const struct snapshot_entry *e);

/* Writes entries 0 to n-1. 0 or the negative errno of whatever failed. */
int sample_write(struct disk *d, const attl_allocator *alloc, bool compressed, uint32_t n,
                 char ret_name[SEGMENT_NAME_MAX]);
/* Reads all of a file that has entries 0 to n-1, if it is good, and checks that each is there once.
 * The first result other than SNAPSHOT_OK; SNAPSHOT_OK instead of SNAPSHOT_END. */
enum snapshot_result sample_read(struct disk *d, const attl_allocator *alloc, const char *name,
                                 uint32_t n);

/* A whole file of `blocks` blocks with `per_block` entries each, to be freed. */
unsigned char *sample_build(bool compressed, uint32_t blocks, uint32_t per_block, size_t *ret_len);
/* Makes all checksums of a file right again, as far as its blocks can be followed, and the trailer
 * that of these blocks but for the counts. */
void sample_reseal(unsigned char *file, size_t len);

struct sample_alloc {
    attl_allocator hooks;
    int64_t calls, fail_at; /* the call that fails, from 1; 0: none */
    bool for_good;          /* and all after it */
    int64_t live_bytes, peak_bytes;
};

void sample_alloc_init(struct sample_alloc *a);

#endif
