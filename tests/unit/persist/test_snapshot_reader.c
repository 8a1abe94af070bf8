/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading snapshots: from memory and from a real directory, with one thread and with several, and
 * above all what is not one. Every byte of a small file is changed, it is cut at every length, its
 * blocks are exchanged, its checksums are made right over wrong contents: never an entry that was
 * not written, never memory that the file does not justify. The golden files of each version stay
 * readable for ever.
 */
#include "persist/snapshot.h"

#include "os/zstd.h"
#include "persist/le.h"
#include "persist/snapshot_format.h"
#include "support/sim_disk.h"
#include "support/snapshot_sample.h"
#include "support/unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum {
    MANY = 100000,
    LARGE_BYTES = 20 << 20,
    SMALL_BLOCKS = 3,
    SMALL_PER_BLOCK = 4,
    THREADS = 4,
    WALK_MOST = 1000,
    GOLDEN_ENTRIES_1 = 50, /* of version 1 */
    GOLDEN_ENTRIES = 130,
    PATH_BYTES = 512,
};

static const char small_name[] = "snap-0000000000000001-0000000000000001.attl";

/* Reads bytes as a snapshot file with the entries 0 to n-1. */
static enum snapshot_result
read_bytes(const unsigned char *file, size_t len, uint32_t n)
{
    attl_allocator alloc = alloc_default();
    struct sim_disk *sim = sim_disk_new(1);
    sim_disk_put(sim, small_name, file, len);
    enum snapshot_result result = sample_read(sim_disk_table(sim), &alloc, small_name, n);
    sim_disk_free(&sim);
    return result;
}

static unsigned char *
build_small(bool compressed, size_t *ret_len)
{
    return sample_build(compressed, SMALL_BLOCKS, SMALL_PER_BLOCK, ret_len);
}

/* ---- round trips ---------------------------------------------------------------------------- */

/* Writes and reads `n` entries on `d`. */
static void
round_trip(struct disk *d, bool compressed, uint32_t n)
{
    attl_allocator alloc = alloc_default();
    char name[SEGMENT_NAME_MAX];
    assert_int_equal(sample_write(d, &alloc, compressed, n, name), 0);
    assert_int_equal(sample_read(d, &alloc, name, n), SNAPSHOT_OK);
    assert_int_equal(d->ops->remove(d, name), 0);
}

static void
test_a_real_directory_serves_as_well(void **state)
{
    (void)state;
    attl_allocator alloc = alloc_default();
    struct os_disk d;
    char err[200] = "", path[] = "/tmp/attl-snapshot-XXXXXX", lock[PATH_BYTES];
    assert_non_null(mkdtemp(path));
    assert_int_equal(os_disk_open(&d, &alloc, path, true, err, sizeof(err)), 0);
    round_trip(&d.disk, false, 0);
    round_trip(&d.disk, false, MANY);
    if (zstd_supported())
        round_trip(&d.disk, true, MANY);
    os_disk_close(&d);
    (void)snprintf(lock, sizeof(lock), "%s/attl.lock", path);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(rmdir(path), 0);
}

static void
test_many_entries_survive(void **state)
{
    (void)state;
    struct sim_disk *sim = sim_disk_new(1);
    round_trip(sim_disk_table(sim), false, MANY);
    if (zstd_supported())
        round_trip(sim_disk_table(sim), true, MANY);
    sim_disk_free(&sim);
}

/* A value of 20 MiB: half of it repeats itself, half does not. */
static void
round_trip_large(bool compressed)
{
    attl_allocator alloc = alloc_default();
    struct sim_disk *sim = sim_disk_new(1);
    struct disk *d = sim_disk_table(sim);
    struct snapshot_meta meta = sample_meta(compressed);
    struct snapshot_writer *w;
    struct snapshot_reader *r;
    struct snapshot_block b;
    struct snapshot_entry e = { attl_s("large"), { NULL, LARGE_BYTES }, 77, false, false, { 0 } },
                          got;
    char name[SEGMENT_NAME_MAX], err[200];
    uint64_t *value = malloc(LARGE_BYTES), x = 1;
    assert_non_null(value);
    for (size_t i = 0; i < LARGE_BYTES / sizeof(x); i++)
        value[i] = i % 2 ? x = x * UINT64_C(6364136223846793005) + 1442695040888963407 : 0;
    e.value.data = value;
    assert_int_equal(snapshot_writer_open(d, &alloc, &meta, &w), 0);
    assert_int_equal(snapshot_writer_add(w, &e), 0);
    assert_int_equal(snapshot_writer_finish(&w, SAMPLE_CUT_LSN, &meta, name), 0);
    assert_true(compressed == (meta.file_bytes < LARGE_BYTES));
    assert_int_equal(snapshot_reader_open(d, &alloc, name, &r, err, sizeof(err)), SNAPSHOT_OK);
    snapshot_block_init(&b);
    assert_int_equal(snapshot_reader_next(r, &b), SNAPSHOT_OK);
    assert_true(snapshot_block_next(&b, &got));
    assert_int_equal(got.value.len, LARGE_BYTES);
    assert_memory_equal(got.value.data, value, LARGE_BYTES);
    assert_true(got.deadline_ms == 77);
    assert_false(snapshot_block_next(&b, &got));
    assert_int_equal(snapshot_reader_next(r, &b), SNAPSHOT_END);
    snapshot_block_fini(&b);
    snapshot_reader_close(&r);
    free(value);
    sim_disk_free(&sim);
}

static void
test_a_large_value_survives(void **state)
{
    (void)state;
    round_trip_large(false);
    if (zstd_supported())
        round_trip_large(true);
}

/* ---- threads -------------------------------------------------------------------------------- */

struct shared {
    struct snapshot_reader *reader;
    _Atomic uint8_t *seen;
    _Atomic uint64_t count;
    _Atomic int ends[SNAPSHOT_NOMEM + 1];
};

static void *
read_share(void *ud)
{
    struct shared *s = ud;
    struct snapshot_block b;
    struct snapshot_entry e;
    enum snapshot_result result;
    snapshot_block_init(&b);
    while ((result = snapshot_reader_next(s->reader, &b)) == SNAPSHOT_OK) {
        while (snapshot_block_next(&b, &e)) {
            uint32_t number = sample_number(&e);
            CHECK(number < MANY && s->seen[number]++ == 0, "entry %" PRIu32, number);
            s->count++;
        }
    }
    CHECK(result == SNAPSHOT_END || snapshot_reader_problem(s->reader)[0] != '\0', "no reason");
    s->ends[result]++;
    snapshot_block_fini(&b);
    return NULL;
}

/* Reads a file of MANY entries with several threads. */
static void
read_shared(struct disk *d, const char *name, struct shared *s)
{
    attl_allocator alloc = alloc_default();
    char err[200];
    pthread_t threads[THREADS];
    *s = (struct shared){ .seen = calloc(MANY, 1) };
    assert_non_null(s->seen);
    assert_int_equal(snapshot_reader_open(d, &alloc, name, &s->reader, err, sizeof(err)),
                     SNAPSHOT_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_share, s), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    snapshot_reader_close(&s->reader);
    free((void *)s->seen);
}

static void
test_threads_share_the_blocks(void **state)
{
    (void)state;
    attl_allocator alloc = alloc_default();
    char name[SEGMENT_NAME_MAX];
    struct shared s;
    for (int compressed = 0; compressed <= zstd_supported(); compressed++) {
        struct sim_disk *sim = sim_disk_new(1);
        assert_int_equal(sample_write(sim_disk_table(sim), &alloc, compressed, MANY, name), 0);
        read_shared(sim_disk_table(sim), name, &s);
        assert_int_equal(s.ends[SNAPSHOT_END], THREADS);
        assert_true(s.count == MANY);
        sim_disk_free(&sim);
    }
}

static void
test_a_failure_reaches_every_thread(void **state)
{
    (void)state;
    attl_allocator alloc = alloc_default();
    char name[SEGMENT_NAME_MAX];
    struct shared s;
    struct sim_disk *sim = sim_disk_new(1);
    struct disk *d = sim_disk_table(sim);
    assert_int_equal(sample_write(d, &alloc, false, MANY, name), 0);
    sim_disk_fail(sim, SIM_READ, 20, -EIO, SIM_ONCE);
    read_shared(d, name, &s);
    assert_int_equal(s.ends[SNAPSHOT_IO], THREADS);
    sim_disk_flip(sim, name, 1 << 20, 1);
    read_shared(d, name, &s);
    assert_int_equal(s.ends[SNAPSHOT_DAMAGED], THREADS);
    assert_true(s.count < MANY);
    sim_disk_free(&sim);
}

/* ---- damage --------------------------------------------------------------------------------- */

static void
test_every_changed_byte_is_noticed(void **state)
{
    (void)state;
    static const unsigned char masks[] = { 0x01, 0x80, 0xff };
    for (int compressed = 0; compressed <= zstd_supported(); compressed++) {
        size_t len;
        unsigned char *file = build_small(compressed, &len);
        const uint32_t n = SMALL_BLOCKS * SMALL_PER_BLOCK;
        assert_int_equal(read_bytes(file, len, n), SNAPSHOT_OK);
        for (size_t i = 0; i < len * sizeof(masks); i++) {
            file[i / sizeof(masks)] ^= masks[i % sizeof(masks)];
            assert_int_equal(read_bytes(file, len, n), SNAPSHOT_DAMAGED);
            file[i / sizeof(masks)] ^= masks[i % sizeof(masks)];
        }
        free(file);
    }
}

static void
test_every_missing_end_is_noticed(void **state)
{
    (void)state;
    for (int compressed = 0; compressed <= zstd_supported(); compressed++) {
        size_t len;
        unsigned char *file = build_small(compressed, &len);
        unsigned char *longer = calloc(1, len + 64);
        assert_non_null(longer);
        memcpy(longer, file, len);
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(read_bytes(file, cut, SMALL_BLOCKS * SMALL_PER_BLOCK),
                             SNAPSHOT_DAMAGED);
        for (size_t more = 1; more <= 64; more++)
            assert_int_equal(read_bytes(longer, len + more, SMALL_BLOCKS * SMALL_PER_BLOCK),
                             SNAPSHOT_DAMAGED);
        free(longer);
        free(file);
    }
}

/* Where each block begins, and behind the last the trailer. */
static void
find_blocks(const unsigned char *file, size_t len, size_t at[SMALL_BLOCKS + 1])
{
    struct snapshot_block_head h;
    at[0] = SNAPSHOT_HEADER_BYTES;
    for (uint32_t i = 0; i < SMALL_BLOCKS; i++) {
        assert_true(snapshot_block_head_decode(file + at[i], false, i, len - at[i], &h));
        at[i + 1] = at[i] + SNAPSHOT_BLOCK_HEADER_BYTES + (size_t)snapshot_padded(h.stored_bytes);
    }
}

/* Blocks that change places, come twice or are missing; also with a trailer that is right about
 * their headers. */
static void
test_every_wrong_order_of_blocks_is_noticed(void **state)
{
    (void)state;
    static const char *const orders[] = {
        "012", "12", "01", "02", "", "0012", "0122", "102", "021"
    };
    size_t len, at[SMALL_BLOCKS + 1];
    unsigned char *file = build_small(false, &len), *bad = malloc(2 * len);
    assert_non_null(bad);
    find_blocks(file, len, at);
    memcpy(bad, file, SNAPSHOT_HEADER_BYTES);
    for (unsigned i = 0; i < 2 * sizeof(orders) / sizeof(orders[0]); i++) {
        size_t bad_len = SNAPSHOT_HEADER_BYTES;
        for (const char *c = orders[i / 2]; *c; c++) {
            size_t from = at[*c - '0'], bytes = at[*c - '0' + 1] - from;
            memcpy(bad + bad_len, file + from, bytes);
            bad_len += bytes;
        }
        memcpy(bad + bad_len, file + at[SMALL_BLOCKS], SNAPSHOT_TRAILER_BYTES);
        bad_len += SNAPSHOT_TRAILER_BYTES;
        if (i % 2)
            sample_reseal(bad, bad_len);
        assert_int_equal(read_bytes(bad, bad_len, SMALL_BLOCKS * SMALL_PER_BLOCK),
                         i / 2 == 0 ? SNAPSHOT_OK : SNAPSHOT_DAMAGED);
    }
    free(bad);
    free(file);
}

/* Wrong contents under right checksums: the trailer's sums, entries, packed lengths. */
static void
test_every_contradiction_is_noticed(void **state)
{
    (void)state;
    size_t len;
    const uint32_t n = SMALL_BLOCKS * SMALL_PER_BLOCK;
    unsigned char *file = build_small(false, &len), *trailer = file + len - 64;
    unsigned char *block = file + SNAPSHOT_HEADER_BYTES;
    static const size_t sums[] = { 8, 16, 24 }; /* entries, raw bytes, blocks */
    for (size_t i = 0; i < 3; i++) {
        trailer[sums[i]]++;
        sample_reseal(file, len);
        assert_int_equal(read_bytes(file, len, n), SNAPSHOT_DAMAGED);
        trailer[sums[i]]--;
    }
    static const size_t fields[] = { 12, 24, 25, 26,
                                     28 }; /* entries; of the first: head, lengths */
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        block[fields[i]] ^= 4;
        sample_reseal(file, len);
        assert_int_equal(read_bytes(file, len, n), SNAPSHOT_DAMAGED);
        block[fields[i]] ^= 4;
    }
    sample_reseal(file, len);
    assert_int_equal(read_bytes(file, len, n), SNAPSHOT_OK);
    file[8] = SNAPSHOT_VERSION + 1;
    sample_reseal(file, len);
    assert_int_equal(read_bytes(file, len, n), SNAPSHOT_NEWER);
    assert_int_equal(read_bytes(file, 64, n), SNAPSHOT_NEWER); /* whatever follows */
    free(file);
}

static enum snapshot_result
verify_bytes(const unsigned char *file, size_t len)
{
    attl_allocator alloc = alloc_default();
    struct sim_disk *sim = sim_disk_new(1);
    struct snapshot_meta meta;
    char err[200];
    sim_disk_put(sim, small_name, file, len);
    enum snapshot_result result =
        snapshot_verify(sim_disk_table(sim), &alloc, small_name, &meta, err, sizeof(err));
    sim_disk_free(&sim);
    return result;
}

/* Under a right checksum a frame may say anything, but only what it says is unpacked. */
static void
test_wrong_frames_are_noticed(void **state)
{
    (void)state;
    if (!zstd_supported())
        skip();
    size_t len;
    unsigned char *file = build_small(true, &len), *block = file + SNAPSHOT_HEADER_BYTES;
    uint32_t stored_bytes = le_get_u32(block + 4);
    unsigned refused = 0;
    for (uint32_t i = 0; i < 8 * stored_bytes; i++) {
        unsigned char *byte = &block[SNAPSHOT_BLOCK_HEADER_BYTES + i / 8];
        *byte ^= (unsigned char)(1 << i % 8);
        sample_reseal(file, len);
        enum snapshot_result result = verify_bytes(file, len);
        assert_true(result == SNAPSHOT_DAMAGED || result == SNAPSHOT_OK);
        refused += result == SNAPSHOT_DAMAGED;
        *byte ^= (unsigned char)(1 << i % 8);
    }
    assert_true(refused > stored_bytes);
    le_put_u32(block + 8, le_get_u32(block + 8) + 1); /* another length than the frame says */
    sample_reseal(file, len);
    assert_int_equal(verify_bytes(file, len), SNAPSHOT_DAMAGED);
    free(file);
}

/* A block that claims to hold 512 MiB costs no more memory than the file is long. */
static void
test_memory_follows_the_file_not_its_claims(void **state)
{
    (void)state;
    if (!zstd_supported())
        skip();
    size_t len;
    unsigned char *file = sample_build(true, 1, 2000, &len), *block = file + SNAPSHOT_HEADER_BYTES;
    assert_true(le_get_u32(block + 4) > 8192);
    le_put_u32(block + 8, 512 << 20);
    le_put_u32(block + 12, 1);
    sample_reseal(file, len);
    struct sim_disk *sim = sim_disk_new(1);
    struct sample_alloc a;
    struct snapshot_meta meta;
    char err[200];
    sample_alloc_init(&a);
    sim_disk_put(sim, small_name, file, len);
    assert_int_equal(
        snapshot_verify(sim_disk_table(sim), &a.hooks, small_name, &meta, err, sizeof(err)),
        SNAPSHOT_DAMAGED);
    assert_string_equal(err, "block at offset 64: it unpacks to another length");
    assert_in_range(a.peak_bytes, len, len + 1000000);
    assert_true(a.live_bytes == 0);
    sim_disk_free(&sim);
    free(file);
}

static void
test_no_file_is_no_damage(void **state)
{
    (void)state;
    attl_allocator alloc = alloc_default();
    struct sim_disk *sim = sim_disk_new(1);
    struct snapshot_meta meta;
    char err[200] = "";
    assert_int_equal(
        snapshot_verify(sim_disk_table(sim), &alloc, small_name, &meta, err, sizeof(err)),
        SNAPSHOT_IO);
    assert_string_equal(err, "the disk failed (errno 2)");
    sim_disk_free(&sim);
}

/* ---- failures ------------------------------------------------------------------------------- */

static void
test_each_call_of_the_disk_may_fail(void **state)
{
    (void)state;
    attl_allocator alloc = alloc_default();
    size_t len;
    unsigned char *file = build_small(zstd_supported(), &len);
    for (int error = 0; error < 2; error++) {
        bool failed = true;
        uint64_t n = 1;
        for (; failed && n < WALK_MOST; n++) {
            struct sim_disk *sim = sim_disk_new(n);
            sim_disk_put(sim, small_name, file, len);
            /* Closing what was only read may fail without harm. */
            sim_disk_fail(sim, SIM_ANY & ~SIM_CLOSE, n, error ? -ENOMEM : -EIO, SIM_ONCE);
            enum snapshot_result result = sample_read(sim_disk_table(sim), &alloc, small_name,
                                                      SMALL_BLOCKS * SMALL_PER_BLOCK);
            failed = sim_disk_failures(sim) > 0;
            assert_int_equal(result, !failed ? SNAPSHOT_OK : error ? SNAPSHOT_NOMEM : SNAPSHOT_IO);
            sim_disk_free(&sim);
        }
        assert_in_range(n, 2 + 3 + 2 * SMALL_BLOCKS, WALK_MOST);
    }
    free(file);
}

static void
test_each_allocation_may_fail(void **state)
{
    (void)state;
    size_t len;
    for (int compressed = 0; compressed <= zstd_supported(); compressed++) {
        unsigned char *file = build_small(compressed, &len);
        int64_t n = 1;
        for (enum snapshot_result result = SNAPSHOT_NOMEM; result != SNAPSHOT_OK; n++) {
            struct sim_disk *sim = sim_disk_new(1);
            struct sample_alloc a;
            sample_alloc_init(&a);
            a.fail_at = n;
            sim_disk_put(sim, small_name, file, len);
            result = sample_read(sim_disk_table(sim), &a.hooks, small_name,
                                 SMALL_BLOCKS * SMALL_PER_BLOCK);
            assert_int_equal(result, a.calls >= n ? SNAPSHOT_NOMEM : SNAPSHOT_OK);
            assert_true(a.live_bytes == 0);
            sim_disk_free(&sim);
        }
        assert_in_range(n, compressed ? 5 : 4, WALK_MOST);
        free(file);
    }
}

/* ---- golden files --------------------------------------------------------------------------- */

/* The bytes of a file in tests/golden, as "snapshot-v1/plain.attl". */
static unsigned char *
load_golden(const char *name, size_t *ret_len)
{
    char path[PATH_BYTES];
    const char *source = getenv("ATTL_SOURCE_DIR");
    enum { MOST = 1 << 20 };
    (void)snprintf(path, sizeof(path), "%s/tests/golden/%s", source ? source : ".", name);
    FILE *f = fopen(path, "rb");
    unsigned char *bytes = malloc(MOST);
    CHECK(f && bytes, "%s cannot be opened", path);
    *ret_len = fread(bytes, 1, MOST, f);
    CHECK(*ret_len > 0 && *ret_len < MOST, "%s: %zu bytes", path, *ret_len);
    (void)fclose(f);
    return bytes;
}

static void
test_golden_files_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t entries;
        bool packed;
    } files[] = {
        { "snapshot-v1/plain.attl", GOLDEN_ENTRIES_1, false },
        { "snapshot-v1/zstd.attl", GOLDEN_ENTRIES_1, true },
        { "snapshot-v2/plain.attl", GOLDEN_ENTRIES, false },
        { "snapshot-v2/zstd.attl", GOLDEN_ENTRIES, true },
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        size_t len;
        unsigned char *bytes = load_golden(files[i].name, &len);
        assert_int_equal(read_bytes(bytes, len, files[i].entries),
                         !files[i].packed || zstd_supported() ? SNAPSHOT_OK : SNAPSHOT_NEWER);
        free(bytes);
    }
}

static void
test_golden_files_are_still_written(void **state)
{
    (void)state;
    attl_allocator alloc = alloc_default();
    struct sim_disk *sim = sim_disk_new(1);
    char name[SEGMENT_NAME_MAX];
    size_t want_len, len;
    assert_int_equal(sample_write(sim_disk_table(sim), &alloc, false, GOLDEN_ENTRIES, name), 0);
    unsigned char *want = load_golden("snapshot-v2/plain.attl", &want_len);
    unsigned char *got = sim_disk_get(sim, name, &len);
    assert_non_null(got);
    assert_int_equal(len, want_len);
    assert_memory_equal(got, want, len);
    free(got);
    free(want);
    sim_disk_free(&sim);
}

/* Makes a golden file, for a new version; the old ones stay. */
static int
write_golden(const char *path, bool compressed)
{
    attl_allocator alloc = alloc_default();
    struct sim_disk *sim = sim_disk_new(1);
    char name[SEGMENT_NAME_MAX];
    size_t len;
    CHECK(sample_write(sim_disk_table(sim), &alloc, compressed, GOLDEN_ENTRIES, name) == 0,
          "it cannot be written");
    unsigned char *bytes = sim_disk_get(sim, name, &len);
    FILE *file = fopen(path, "wbx");
    CHECK(file && fwrite(bytes, 1, len, file) == len && fclose(file) == 0, "%s", path);
    free(bytes);
    sim_disk_free(&sim);
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    if (argc == 3 && strncmp(argv[1], "--write", 7) == 0)
        return write_golden(argv[2], strcmp(argv[1], "--write-zstd") == 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_real_directory_serves_as_well),
        cmocka_unit_test(test_many_entries_survive),
        cmocka_unit_test(test_a_large_value_survives),
        cmocka_unit_test(test_threads_share_the_blocks),
        cmocka_unit_test(test_a_failure_reaches_every_thread),
        cmocka_unit_test(test_every_changed_byte_is_noticed),
        cmocka_unit_test(test_every_missing_end_is_noticed),
        cmocka_unit_test(test_every_wrong_order_of_blocks_is_noticed),
        cmocka_unit_test(test_every_contradiction_is_noticed),
        cmocka_unit_test(test_wrong_frames_are_noticed),
        cmocka_unit_test(test_memory_follows_the_file_not_its_claims),
        cmocka_unit_test(test_no_file_is_no_damage),
        cmocka_unit_test(test_each_call_of_the_disk_may_fail),
        cmocka_unit_test(test_each_allocation_may_fail),
        cmocka_unit_test(test_golden_files_are_read),
        cmocka_unit_test(test_golden_files_are_still_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
