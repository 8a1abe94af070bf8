/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A segment as each version wrote it, kept in tests/golden/wal-v1 and so on. They must say for ever
 * what they say today, and as long as the last version is what is written, writing it again must
 * give the same bytes. `test_wal_golden --write FILE` makes one, for a new version; the old ones
 * stay.
 */
#include "persist/wal_format.h"
#include "persist/wal_reader.h"
#include "support/sim_disk.h"
#include "support/unit.h"

#include <stdlib.h>

enum { FILE_MAX = 1 << 16, ZEROS = 256 };

#define FIRST_LSN UINT64_C(0x123456789)
#define CREATED_MS INT64_C(1735689600123)
#define DEADLINE_MS INT64_C(1767225600999)

static const char name[] = "wal-0000000123456789.attl";

/* A PUT, a DEL, an EXPIRE with a deadline, a CLEAR and an EVICT. */
static const unsigned char group[] = {
    1,   0, 1, 0, 3, 0, 0, 0, 'a',  'o',  'n',  'e',  0,    0,    0, 0, /* PUT a one        */
    2,   0, 1, 0, 0, 0, 0, 0, 'b',  0,    0,    0,    0,    0,    0, 0, /* DEL b            */
    3,   1, 1, 0, 0, 0, 0, 0, 0x7b, 0x53, 0x33, 0x20, 0x94, 0x01, 0, 0, /* EXPIRE, deadline */
    'c', 0, 0, 0, 0, 0, 0, 0,                                           /* c                */
    4,   0, 0, 0, 0, 0, 0, 0,                                           /* CLEAR            */
    5,   0, 1, 0, 0, 0, 0, 0, 'd',  0,    0,    0,    0,    0,    0, 0, /* EVICT d          */
};

/* Every kind, and every flag where it may be. */
static const struct wal_op ops[] = {
    { WAL_PUT, 0, { "key", 3 }, { "value", 5 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_PUT, 0, { "a life", 6 }, { "", 0 }, DEADLINE_MS, { 0 } },
    { WAL_PUT, 0, { "", 0 }, { "\0\1\2\r\n\xff", 6 }, 0, { 0 } },
    { WAL_PUT,
      WAL_INTEGER,
      { "n", 1 },
      { "\xfe\xff\xff\xff\xff\xff\xff\xff", 8 },
      DEADLINE_MS,
      { 0 } },
    { WAL_DEL, 0, { "key", 3 }, { "", 0 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_EXPIRE, 0, { "n", 1 }, { "", 0 }, DEADLINE_MS, { 0 } },
    { WAL_EXPIRE, 0, { "n", 1 }, { "", 0 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_EVICT, 0, { "a life", 6 }, { "", 0 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_MARK,
      0,
      { "", 0 },
      { "\x7b\x2c\x5f\x1f\x94\1\0\0\x90\x67\x45\x23\1\0\0\0", 16 },
      -1,
      { 0 } },
    { WAL_GROUP, 0, { "", 0 }, { group, sizeof group }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_NOTE, 0, { "", 0 }, { "gr\xc3\xbc\xc3\x9f", 7 }, ATTL_NO_DEADLINE, { 0 } },
    { WAL_CLEAR, 0, { "", 0 }, { "", 0 }, ATTL_NO_DEADLINE, { 0 } },
    /* From version 2 on. */
    { WAL_PUT,
      WAL_LIFE,
      { "stale", 5 },
      { "value", 5 },
      DEADLINE_MS,
      { DEADLINE_MS - 7000, DEADLINE_MS - 5000, 0, 250 } },
    { WAL_PUT, WAL_LIFE, { "no", 2 }, { "", 0 }, DEADLINE_MS, { -1, DEADLINE_MS, 1, 3 } },
    { WAL_PUT, WAL_LIFE, { "ever", 4 }, { "v", 1 }, ATTL_NO_DEADLINE, { DEADLINE_MS, -1, 0, 0 } },
    { WAL_EXPIRE, WAL_LIFE, { "stale", 5 }, { "", 0 }, DEADLINE_MS, { 1, 2, 0, 0 } },
};

enum { OPS = sizeof ops / sizeof *ops };

/* How many of them there were in each version. */
static const size_t ops_of_version[] = { 0, 12, OPS };

static size_t
make(unsigned char out[FILE_MAX])
{
    struct wal_segment_header header = {
        .version = WAL_VERSION,
        .first_lsn = FIRST_LSN,
        .created_ms = CREATED_MS,
        .run_id = UINT64_C(0x0f1e2d3c4b5a6978),
        .file_bytes = FILE_MAX,
        .gap = true,
    };
    size_t len = WAL_SEGMENT_HEADER_BYTES;
    wal_segment_header_encode(&header, out);
    for (size_t i = 0; i < OPS; i++) {
        wal_frame_encode(&ops[i], FIRST_LSN + i, out + len);
        len += wal_frame_bytes(&ops[i]);
    }
    memset(out + len, 0, ZEROS);
    return len + ZEROS;
}

static size_t
load(unsigned version, unsigned char out[FILE_MAX])
{
    char path[512];
    const char *root = getenv("ATTL_SOURCE_DIR");
    int n =
        snprintf(path, sizeof path, "%s/tests/golden/wal-v%u/%s", root ? root : ".", version, name);
    assert_in_range(n, 1, sizeof path - 1);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s is missing", path);
    size_t len = fread(out, 1, FILE_MAX, file);
    assert_int_equal(fclose(file), 0);
    return len;
}

static void
same(attl_slice a, attl_slice b)
{
    assert_int_equal(a.len, b.len);
    if (a.len)
        assert_memory_equal(a.data, b.data, a.len);
}

static void
says_what_it_said(unsigned version)
{
    static unsigned char bytes[FILE_MAX];
    size_t len = load(version, bytes);
    struct sim_disk *sim = sim_disk_new(1);
    assert_non_null(sim);
    sim_disk_put(sim, name, bytes, len);
    attl_allocator alloc = alloc_default();
    struct wal_reader *r;
    struct wal_frame frame;
    const char *place;
    uint64_t offset;
    bool gap;
    assert_int_equal(wal_reader_open(sim_disk_table(sim), &alloc, FIRST_LSN, &r), 0);
    for (size_t i = 0; i < ops_of_version[version]; i++) {
        assert_true(wal_reader_next(r, &frame));
        assert_int_equal(frame.lsn, FIRST_LSN + i);
        assert_int_equal(frame.op.kind, ops[i].kind);
        assert_int_equal(frame.op.flags & ~(unsigned)WAL_HAS_DEADLINE, ops[i].flags);
        assert_true(!(ops[i].flags & WAL_LIFE) || life_equals(&frame.op.life, &ops[i].life));
        assert_int_equal(frame.op.deadline_ms, ops[i].deadline_ms);
        same(frame.op.key, ops[i].key);
        same(frame.op.value, ops[i].value);
        wal_reader_place(r, &place, &offset, &gap);
        assert_true(gap);
    }
    assert_false(wal_reader_next(r, &frame));
    const struct wal_verdict *v = wal_reader_verdict(r);
    assert_int_equal(v->end, WAL_END_CLEAN);
    assert_int_equal(v->offset, len - ZEROS);
    assert_int_equal(v->durable_lsn, FIRST_LSN + 7);
    wal_reader_close(&r);
    sim_disk_free(&sim);
}

static void
test_the_golden_segments_say_what_they_said(void **state)
{
    (void)state;
    for (unsigned version = WAL_VERSION_OLDEST; version <= WAL_VERSION; version++)
        says_what_it_said(version);
}

static void
test_the_golden_group_says_what_it_said(void **state)
{
    (void)state;
    static const struct wal_op want[] = {
        { WAL_PUT, 0, { "a", 1 }, { "one", 3 }, ATTL_NO_DEADLINE, { 0 } },
        { WAL_DEL, 0, { "b", 1 }, { "", 0 }, ATTL_NO_DEADLINE, { 0 } },
        { WAL_EXPIRE, 0, { "c", 1 }, { "", 0 }, INT64_C(0x1942033537b), { 0 } },
        { WAL_CLEAR, 0, { "", 0 }, { "", 0 }, ATTL_NO_DEADLINE, { 0 } },
        { WAL_EVICT, 0, { "d", 1 }, { "", 0 }, ATTL_NO_DEADLINE, { 0 } },
    };
    size_t at = 0;
    struct wal_op op;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_true(wal_op_next(attl_b(group, sizeof group), &at, &op));
        assert_int_equal(op.kind, want[i].kind);
        assert_int_equal(op.deadline_ms, want[i].deadline_ms);
        same(op.key, want[i].key);
        same(op.value, want[i].value);
    }
    assert_int_equal(at, sizeof group);
}

static void
test_the_same_bytes_are_written_today(void **state)
{
    (void)state;
    static unsigned char golden[FILE_MAX], today[FILE_MAX];
    size_t len = load(WAL_VERSION, golden);
    assert_int_equal(make(today), len);
    assert_memory_equal(today, golden, len);
}

static int
write_golden(const char *path)
{
    static unsigned char bytes[FILE_MAX];
    size_t len = make(bytes);
    FILE *file = fopen(path, "wbx");
    if (!file)
        return EXIT_FAILURE;
    size_t done = fwrite(bytes, 1, len, file);
    return fclose(file) == 0 && done == len ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_golden(argv[2]);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_golden_segments_say_what_they_said),
        cmocka_unit_test(test_the_golden_group_says_what_it_said),
        cmocka_unit_test(test_the_same_bytes_are_written_today),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
