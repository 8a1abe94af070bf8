/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries, files and an allocator for the tests of snapshots. Values repeat their number, so that
 * they compress, and differ in length, kind and deadline in cycles that do not share a factor. The
 * first have no life, so that what version 1 of the format held is still what they say.
 * Nothing here keeps state between calls.
 */
#include "snapshot_sample.h"

#include "os/crc32c.h"
#include "os/zstd.h"
#include "persist/le.h"
#include "persist/snapshot_format.h"
#include "check.h"

#include <stdio.h>
#include <string.h>

enum {
    KEY_CYCLE = 5,
    VALUE_CYCLE = 41,
    INTEGER_CYCLE = 7,
    DEADLINE_CYCLE = 3,
    LIFE_CYCLE = 11,
    LIFE_FIRST = 50,
    ENDS_CRC_AT = 60,
    ALLOC_HEAD_BYTES = 16
};

struct snapshot_meta
sample_meta(bool compressed)
{
    return (struct snapshot_meta){
        .kind = SNAPSHOT_POINT_IN_TIME,
        .cut_lsn = SAMPLE_CUT_LSN,
        .created_ms = SAMPLE_CREATED_MS,
        .run_id = UINT64_C(0x5eed5eed5eed5eed),
        .compressed = compressed,
    };
}

void
sample_make(uint32_t number, struct snapshot_sample *ret)
{
    int key_len = snprintf(ret->key, sizeof(ret->key), "key:%08" PRIx32 "%.*s", number,
                           (int)(number % KEY_CYCLE), "-----");
    size_t value_len = 0;
    bool is_integer = number % INTEGER_CYCLE == 3;
    if (is_integer) {
        value_len = 8;
        le_put_u64((unsigned char *)ret->value, number);
    } else {
        for (uint32_t i = 0; i < number % VALUE_CYCLE; i++) {
            memcpy(ret->value + value_len, ret->key + 4, 8);
            value_len += 8;
        }
    }
    ret->entry = (struct snapshot_entry){
        .key = attl_b(ret->key, (size_t)key_len),
        .value = attl_b(ret->value, value_len),
        .deadline_ms = number % DEADLINE_CYCLE == 0 ? SAMPLE_CREATED_MS + number : ATTL_NO_DEADLINE,
        .is_integer = is_integer,
    };
    if (number < LIFE_FIRST || number % LIFE_CYCLE != 6)
        return;
    int64_t gone_ms = ret->entry.deadline_ms;
    bool ends = gone_ms != ATTL_NO_DEADLINE;
    ret->entry.has_life = true;
    ret->entry.life = (struct life){ .soft_ms = SAMPLE_CREATED_MS - number,
                                     .hard_ms = ends ? gone_ms - number / 2 : gone_ms,
                                     .flags = number % 2 ? LIFE_NEGATIVE : 0,
                                     .load_ms = number };
}

static bool
same(attl_slice a, attl_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

uint32_t
sample_number(const struct snapshot_entry *e)
{
    struct snapshot_sample want;
    char digits[9] = "";
    CHECK(e->key.len >= 12, "a key of %zu bytes", e->key.len);
    memcpy(digits, (const char *)e->key.data + 4, 8);
    uint32_t number = (uint32_t)strtoul(digits, NULL, 16);
    sample_make(number, &want);
    CHECK(same(e->key, want.entry.key) && same(e->value, want.entry.value) &&
              e->deadline_ms == want.entry.deadline_ms && e->is_integer == want.entry.is_integer &&
              e->has_life == want.entry.has_life &&
              (!e->has_life || life_equals(&e->life, &want.entry.life)),
          "entry %" PRIu32, number);
    return number;
}

int
sample_write(struct disk *d, const attl_allocator *alloc, bool compressed, uint32_t n,
             char ret_name[SEGMENT_NAME_MAX])
{
    struct snapshot_meta meta = sample_meta(compressed), done;
    struct snapshot_writer *w = NULL;
    int r = snapshot_writer_open(d, alloc, &meta, &w);
    if (r < 0)
        return r;
    for (uint32_t i = 0; r == 0 && i < n; i++) {
        struct snapshot_sample s;
        sample_make(i, &s);
        r = snapshot_writer_add(w, &s.entry);
    }
    int finished = snapshot_writer_finish(&w, SAMPLE_CUT_LSN, &done, ret_name);
    CHECK(w == NULL && (r == 0 || finished == r), "added %d, finished %d", r, finished);
    CHECK(finished < 0 || done.entries == n, "%" PRIu64 " entries", done.entries);
    return finished;
}

enum snapshot_result
sample_read(struct disk *d, const attl_allocator *alloc, const char *name, uint32_t n)
{
    char err[200] = "";
    struct snapshot_reader *r = NULL;
    enum snapshot_result result = snapshot_reader_open(d, alloc, name, &r, err, sizeof(err));
    if (result != SNAPSHOT_OK) {
        CHECK(r == NULL && err[0] != '\0', "no reason given");
        return result;
    }
    struct snapshot_meta meta = *snapshot_reader_meta(r);
    struct snapshot_block b;
    struct snapshot_entry e;
    uint8_t *seen = calloc(n + 1, 1);
    uint64_t count = 0;
    CHECK(seen, "out of memory");
    snapshot_block_init(&b);
    while ((result = snapshot_reader_next(r, &b)) == SNAPSHOT_OK) {
        while (snapshot_block_next(&b, &e)) {
            uint32_t number = sample_number(&e);
            CHECK(number < n && !seen[number], "entry %" PRIu32 " of %" PRIu32, number, n);
            seen[number] = 1;
            count++;
        }
    }
    CHECK(!snapshot_block_next(&b, &e), "an entry after the end");
    CHECK(snapshot_reader_next(r, &b) == result, "the result has not stayed");
    CHECK(result != SNAPSHOT_END || (count == n && meta.entries == n), "%" PRIu64 " entries",
          count);
    CHECK(result != SNAPSHOT_END || snapshot_reader_bytes_done(r) == meta.file_bytes, "progress");
    CHECK(result == SNAPSHOT_END || snapshot_reader_problem(r)[0] != '\0', "no reason given");
    snapshot_block_fini(&b);
    snapshot_reader_close(&r);
    free(seen);
    return result == SNAPSHOT_END ? SNAPSHOT_OK : result;
}

/* ---- files made by hand --------------------------------------------------------------------- */

/* Entries of one block at `out`; their bytes. */
static size_t
build_entries(uint32_t first, uint32_t n, unsigned char *out, struct snapshot_trailer *t)
{
    size_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct snapshot_sample s;
        sample_make(first + i, &s);
        at += snapshot_entry_head(&s.entry, out + at);
        memcpy(out + at, s.value, s.entry.value.len);
        at += s.entry.value.len;
        t->raw_bytes += s.entry.key.len + s.entry.value.len;
    }
    t->entries += n;
    return at;
}

static size_t
pack(const unsigned char *raw, size_t raw_bytes, unsigned char *out, size_t out_bytes)
{
    struct zstd_packer *p;
    struct zstd_step s = {
        .in = raw, .in_bytes = raw_bytes, .out = out, .out_bytes = out_bytes, .last = true
    };
    int r = zstd_packer_open(1, &p);
    CHECK(r == 0 && zstd_packer_begin(p, raw_bytes) == 0 && zstd_packer_step(p, &s) == 1,
          "zstd refuses");
    zstd_packer_close(&p);
    return s.out_used;
}

unsigned char *
sample_build(bool compressed, uint32_t blocks, uint32_t per_block, size_t *ret_len)
{
    size_t block_max = (size_t)per_block * 2 * SAMPLE_TEXT_BYTES + 1024;
    unsigned char *file = calloc(1, 128 + blocks * block_max), *raw = calloc(1, block_max);
    CHECK(file && raw, "out of memory");
    struct snapshot_meta meta = sample_meta(compressed);
    struct snapshot_trailer t = { .blocks = blocks, .end_lsn = SAMPLE_CUT_LSN };
    size_t at = SNAPSHOT_HEADER_BYTES;
    t.header_crc = snapshot_header_encode(&meta, file);
    for (uint32_t i = 0; i < blocks; i++) {
        unsigned char *head = file + at, *payload = head + SNAPSHOT_BLOCK_HEADER_BYTES;
        struct snapshot_block_head h = { .entries = per_block,
                                         .index = i,
                                         .flags = compressed ? SNAPSHOT_BLOCK_ZSTD : 0 };
        h.raw_bytes = (uint32_t)build_entries(i * per_block, per_block, raw, &t);
        h.stored_bytes = h.raw_bytes;
        if (compressed)
            h.stored_bytes = (uint32_t)pack(raw, h.raw_bytes, payload, block_max);
        else
            memcpy(payload, raw, h.raw_bytes);
        size_t padded = (size_t)snapshot_padded(h.stored_bytes);
        (void)snapshot_block_seal(&h, crc32c(0, payload, padded), head);
        t.blocks_crc = crc32c(t.blocks_crc, head, SNAPSHOT_BLOCK_HEADER_BYTES);
        at += SNAPSHOT_BLOCK_HEADER_BYTES + padded;
    }
    t.file_bytes = at + SNAPSHOT_TRAILER_BYTES;
    snapshot_trailer_encode(&t, file + at);
    free(raw);
    *ret_len = (size_t)t.file_bytes;
    return file;
}

void
sample_reseal(unsigned char *file, size_t len)
{
    if (len < SNAPSHOT_HEADER_BYTES + SNAPSHOT_TRAILER_BYTES)
        return;
    uint32_t header_crc = crc32c(0, file, ENDS_CRC_AT), blocks_crc = 0, index = 0;
    size_t at = SNAPSHOT_HEADER_BYTES, end = len - SNAPSHOT_TRAILER_BYTES;
    bool compressed = le_get_u32(file + 40) & 1;
    unsigned char *trailer = file + end;
    struct snapshot_block_head h;
    le_put_u32(file + ENDS_CRC_AT, header_crc);
    while (end - at >= SNAPSHOT_BLOCK_HEADER_BYTES &&
           snapshot_block_head_decode(file + at, compressed, index, end - at, &h)) {
        unsigned char *head = file + at, *payload = head + SNAPSHOT_BLOCK_HEADER_BYTES;
        size_t padded = (size_t)snapshot_padded(h.stored_bytes);
        (void)snapshot_block_seal(&h, crc32c(0, payload, padded), head);
        blocks_crc = crc32c(blocks_crc, head, SNAPSHOT_BLOCK_HEADER_BYTES);
        at += SNAPSHOT_BLOCK_HEADER_BYTES + padded;
        index++;
    }
    le_put_u64(trailer + 40, len);
    le_put_u32(trailer + 48, blocks_crc);
    le_put_u32(trailer + 52, header_crc);
    le_put_u32(trailer + ENDS_CRC_AT, crc32c(0, trailer, ENDS_CRC_AT));
}

/* ---- an allocator --------------------------------------------------------------------------- */

static void *
counted_alloc(void *ud, size_t bytes)
{
    struct sample_alloc *a = ud;
    a->calls++;
    if (a->fail_at != 0 && (a->calls == a->fail_at || (a->for_good && a->calls > a->fail_at)))
        return NULL;
    unsigned char *p = malloc(bytes + ALLOC_HEAD_BYTES);
    if (!p)
        return NULL;
    le_put_u64(p, bytes);
    a->live_bytes += (int64_t)bytes;
    if (a->live_bytes > a->peak_bytes)
        a->peak_bytes = a->live_bytes;
    return p + ALLOC_HEAD_BYTES;
}

static void
counted_free(void *ud, void *ptr)
{
    struct sample_alloc *a = ud;
    if (!ptr)
        return;
    unsigned char *p = (unsigned char *)ptr - ALLOC_HEAD_BYTES;
    a->live_bytes -= (int64_t)le_get_u64(p);
    free(p);
}

void
sample_alloc_init(struct sample_alloc *a)
{
    *a = (struct sample_alloc){ .hooks = { counted_alloc, counted_free, a } };
}
