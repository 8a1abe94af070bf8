/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl wal dump` and `attl snapshot dump`: every kind of change in every form, the options that
 * choose, and above all that no value is shown unless it was asked for. JSON lines with values must
 * be what `attl load` reads.
 */
#include "offline_support.h"

#include "cli/jsonl.h"

#include "support/wal_log.h"

#include <sysexits.h>

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

static const unsigned char number[8] = { 42, 0, 0, 0, 0, 0, 0, 0 };

static struct wal_op
op(enum wal_kind kind, const char *key, const char *value, int64_t deadline_ms)
{
    return (struct wal_op){
        .kind = kind, .key = attl_s(key), .value = attl_s(value), .deadline_ms = deadline_ms
    };
}

static void
group_of(struct wal_log *l)
{
    struct wal_op members[2] = { op(WAL_PUT, "g1", "secret-in-group", ATTL_NO_DEADLINE),
                                 op(WAL_DEL, "g2", "", ATTL_NO_DEADLINE) };
    unsigned char bytes[256];
    size_t len = 0;
    for (int i = 0; i < 2; i++) {
        assert_in_range(len + wal_op_bytes(&members[i]), 1, sizeof bytes);
        wal_op_encode(&members[i], bytes + len);
        len += wal_op_bytes(&members[i]);
    }
    struct wal_op group = { .kind = WAL_GROUP,
                            .value = attl_b(bytes, len),
                            .deadline_ms = ATTL_NO_DEADLINE };
    wal_log_op(l, &group);
}

/* One of each: LSN 1 to 10. */
static void
all_kinds(struct world *w)
{
    struct wal_log l;
    struct wal_op integer = { .kind = WAL_PUT,
                              .flags = WAL_INTEGER,
                              .key = attl_s("n"),
                              .value = attl_b(number, sizeof number),
                              .deadline_ms = ATTL_NO_DEADLINE };
    struct wal_op ops[] = { op(WAL_PUT, "a", "secret", 1767323045678),
                            op(WAL_PUT, "\xff", "secret", ATTL_NO_DEADLINE),
                            integer,
                            op(WAL_EXPIRE, "a", "", 1767323046000),
                            op(WAL_EXPIRE, "a", "", ATTL_NO_DEADLINE),
                            op(WAL_DEL, "a", "", ATTL_NO_DEADLINE),
                            op(WAL_EVICT, "b", "", ATTL_NO_DEADLINE),
                            op(WAL_NOTE, "", "rollback to monday", ATTL_NO_DEADLINE) };
    wal_log_begin(&l, 1, false);
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        wal_log_op(&l, &ops[i]);
    group_of(&l);
    wal_log_mark(&l, 9);
    struct wal_op clear = op(WAL_CLEAR, "", "", ATTL_NO_DEADLINE);
    wal_log_op(&l, &clear);
    world_log(w, &l);
    wal_log_free(&l);
}

static void
every_kind_of_change_has_its_line(void **state)
{
    struct world *w = *state;
    all_kinds(w);
    world_run(w, EX_OK, "wal dump DIR");
    world_shows(w, "         LSN  CHANGE  DEADLINE                       BYTES  KEY\n");
    world_shows(w, "           1  put     2026-01-02T03:04:05.678Z           6  \"a\"\n");
    world_shows(w, "           2  put     never                              6  \"\\xff\"\n");
    world_shows(w, "           3  put     never                              2  \"n\"\n");
    world_shows(w, "           4  expire  2026-01-02T03:04:06.000Z           -  \"a\"\n");
    world_shows(w, "           5  expire  never                              -  \"a\"\n");
    world_shows(w, "           6  del     -                                  -  \"a\"\n");
    world_shows(w, "           7  evict   -                                  -  \"b\"\n");
    world_shows(
        w, "           8  note    -                                  -  \"rollback to monday\"\n");
    world_shows(w, "           9  group   ");
    world_shows(w, "\n              put     never                             15  \"g1\"\n");
    world_shows(w, "\n              del     -                                  -  \"g2\"\n");
    world_shows(w, "          10  mark    ");
    world_shows(w, "at 2025-01-01T00:00:00.000Z, before 9 all is durable\n");
    world_shows(w, "          11  clear   ");
    assert_string_equal(w->err, "");
}

static void
values_are_shown_only_if_asked_for(void **state)
{
    struct world *w = *state;
    static const char *const without[] = { "wal dump DIR",
                                           "wal dump DIR --json",
                                           "wal dump DIR --keys",
                                           "wal dump DIR --keys --json",
                                           "snapshot dump DIR SNAP",
                                           "snapshot dump --json DIR SNAP",
                                           "snapshot dump --keys DIR SNAP" };
    all_kinds(w);
    world_snapshot(w, 12, 12, 3);
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        world_run(w, EX_OK, without[i]);
        world_hides(w, "secret");
        world_hides(w, "c2VjcmV0");
    }
    world_run(w, EX_OK, "wal dump DIR --values");
    world_shows(w, "\"a\" = \"secret\"\n");
    world_shows(w, "\"n\" = \"42\"\n");
    world_shows(w, "\"g1\" = \"secret-in-group\"\n");
    world_run(w, EX_OK, "snapshot dump DIR SNAP --values");
    world_shows(w, "\"s2\" = \"secret\"\n");
    world_shows(w, "\"s0\" = \"-7\"\n");
}

static void
json_has_an_object_for_each_frame(void **state)
{
    struct world *w = *state;
    all_kinds(w);
    world_run(w, EX_OK, "wal dump DIR --json --values");
    world_shows(w,
                "{\"lsn\":1,\"kind\":\"put\",\"key\":\"a\",\"value_bytes\":6,\"value\":\"secret\","
                "\"deadline_ms\":1767323045678,\"deadline\":\"2026-01-02T03:04:05.678Z\","
                "\"segment\":\"wal-0000000000000001.attl\",\"offset\":64,\"bytes\":");
    world_shows(w, "\"key_b64\":\"/w==\"");
    world_shows(w, "\"key\":\"n\",\"value_bytes\":2,\"integer\":true,\"value\":\"42\"");
    world_shows(w, "\"kind\":\"group\",\"changes\":[{\"kind\":\"put\",\"key\":\"g1\",");
    world_shows(w, "},{\"kind\":\"del\",\"key\":\"g2\"}]");
    world_shows(w, "\"kind\":\"mark\",\"time_ms\":1735689600000,\"durable_lsn\":9,");
    world_shows(w, "\"kind\":\"note\",\"text\":\"rollback to monday\"");
    world_shows(w, "{\"lsn\":11,\"kind\":\"clear\",\"segment\"");
}

static void
a_part_can_be_chosen(void **state)
{
    struct world *w = *state;
    all_kinds(w);
    world_run(w, EX_OK, "wal dump DIR --from 3 --to 0x4 --keys");
    assert_string_equal(w->out, "\"n\"\n\"a\"\n");
    world_run(w, EX_OK, "wal dump DIR --limit 2 --keys --json");
    assert_string_equal(w->out, "{\"key\":\"a\"}\n{\"key_b64\":\"/w==\"}\n");
    world_run(w, EX_OK, "wal dump DIR --from 9 --limit 1 --keys");
    assert_string_equal(w->out, "\"g1\"\n\"g2\"\n");
    world_run(w, EX_OK, "wal dump DIR --from 4711 --keys");
    assert_string_equal(w->out, "");
}

static void
a_dump_ends_where_the_log_ends(void **state)
{
    struct world *w = *state;
    char name[SEGMENT_NAME_MAX];
    world_segment(w, 1, 5, false);
    world_segment(w, 6, 5, false);
    segment_name(6, name);
    world_damage(w, name, 100);
    world_run(w, EX_DATAERR, "wal dump DIR --keys");
    assert_string_equal(w->out, "\"k1\"\n\"k2\"\n\"k3\"\n\"k4\"\n\"k6\"\n");
    world_says(w, "the log ends before change 7 (damaged): ");
    world_run(w, EX_OK, "wal dump DIR --keys --to 6");
    world_cut(w, name, 100);
    world_run(w, EX_OK, "wal dump DIR --keys");
    world_says(w, "(torn)");
}

static void
a_snapshots_entries_have_their_lines(void **state)
{
    struct world *w = *state;
    world_snapshot(w, 12, 12, 3);
    world_run(w, EX_OK, "snapshot dump DIR SNAP");
    assert_string_equal(w->out, "DEADLINE                       BYTES  KEY\n"
                                "never                              2  \"s0\"\n"
                                "2026-01-02T03:04:06.678Z           6  \"s1\"\n"
                                "never                              6  \"s2\"\n");
    world_run(w, EX_OK, "snapshot dump DIR SNAP --json --limit 2");
    assert_string_equal(w->out, "{\"key\":\"s0\",\"value_bytes\":2,\"integer\":true}\n"
                                "{\"key\":\"s1\",\"value_bytes\":6,\"deadline_ms\":1767323046678,"
                                "\"deadline\":\"2026-01-02T03:04:06.678Z\"}\n");
    world_run(w, EX_OK, "snapshot dump DIR SNAP --keys --limit 1");
    assert_string_equal(w->out, "\"s0\"\n");
}

static void
a_snapshots_lines_can_be_loaded(void **state)
{
    struct world *w = *state;
    struct jsonl j;
    unsigned lines = 0;
    world_snapshot(w, 12, 12, 5);
    world_run(w, EX_OK, "snapshot dump DIR SNAP --json --values");
    jsonl_init(&j);
    for (char *rest = w->out, *line; (line = strsep(&rest, "\n")) != NULL && *line; lines++) {
        struct jsonl_record r;
        assert_true(jsonl_read(&j, attl_s(line), &r));
        assert_int_equal(r.key.len, 2);
        assert_int_equal(r.deadline_ms, lines == 1 ? WORLD_CREATED_MS + 1000 : ATTL_NO_DEADLINE);
    }
    assert_int_equal(lines, 5);
    jsonl_fini(&j);
}

static void
all_deadlines_of_a_life_are_shown(void **state)
{
    struct world *w = *state;
    struct wal_log l;
    struct wal_op put = op(WAL_PUT, "a", "secret", 1767323045678);
    put.flags = WAL_LIFE;
    put.life = (struct life){ 1767323041678, 1767323043678, LIFE_NEGATIVE, 12 };
    wal_log_begin(&l, 1, false);
    wal_log_op(&l, &put);
    world_log(w, &l);
    wal_log_free(&l);
    world_run(w, EX_OK, "wal dump DIR");
    world_shows(w, "\"a\"  (reload from 2026-01-02T03:04:01.678Z, found until "
                   "2026-01-02T03:04:03.678Z, negative, loaded in 12 ms)\n");
    world_run(w, EX_OK, "wal dump DIR --json");
    world_shows(w, ",\"soft_ms\":1767323041678,\"hard_ms\":1767323043678,\"negative\":true,"
                   "\"load_ms\":12,");
    world_snapshot(w, 12, 12, 12);
    world_run(w, EX_OK, "snapshot dump DIR SNAP");
    world_shows(w, "\"s10\"  (reload from 2026-01-02T03:04:09.678Z, found until "
                   "2026-01-02T03:04:10.678Z, loaded in 7 ms)\n");
    world_run(w, EX_OK, "snapshot dump DIR SNAP --json");
    world_shows(w, "{\"key\":\"s11\",\"value_bytes\":6,");
    world_run(w, EX_OK, "snapshot dump DIR SNAP --json --values"); /* what a plain read finds */
    world_shows(w, "{\"key\":\"s10\",\"value\":\"secret\",\"deadline_ms\":1767323050678}\n");
    assert_null(strstr(w->out, "s11"));
}

static void
what_is_no_snapshot_is_told(void **state)
{
    struct world *w = *state;
    world_snapshot(w, 12, 12, 3);
    world_run(w, EX_NOINPUT, "snapshot dump DIR ../etc");
    world_says(w, "'../etc' is not the name of a snapshot");
    world_run(w, EX_NOINPUT, "snapshot dump DIR snap-0000000000000001-0000000000000001.attl");
    world_says(w, "there is no such snapshot");
    world_damage(w, w->snapshot, 100);
    world_run(w, EX_DATAERR, "snapshot dump DIR SNAP --keys");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(every_kind_of_change_has_its_line),
        WORLD_TEST(values_are_shown_only_if_asked_for),
        WORLD_TEST(json_has_an_object_for_each_frame),
        WORLD_TEST(a_part_can_be_chosen),
        WORLD_TEST(a_dump_ends_where_the_log_ends),
        WORLD_TEST(a_snapshots_entries_have_their_lines),
        WORLD_TEST(a_snapshots_lines_can_be_loaded),
        WORLD_TEST(all_deadlines_of_a_life_are_shown),
        WORLD_TEST(what_is_no_snapshot_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
