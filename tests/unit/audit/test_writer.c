/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing files: the chain over rotations by size, by age and on demand; retention by number and
 * age, which never makes what remains look damaged; going on after a stop, a crash, half a line, a
 * cut tail, a changed line; every call of the disk and every allocation failing once.
 */
#include "support/unit.h"
#include "trail_support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void
the_chain_goes_over_rotations(void **state)
{
    (void)state;
    struct trail t;
    trail_init(&t, NULL);
    t.rules.rotate_bytes = 2000;
    trail_open(&t);
    trail_fill(&t, 40);
    assert_true(t.writer.rotations >= 6);
    trail_expect_fine(&t);
    assert_int_equal(t.v.lines, t.writer.last.seq);
    assert_int_equal(t.v.files, t.writer.rotations + 1);
    t.writer.rotate = true;
    uint64_t rotations = t.writer.rotations;
    trail_fill(&t, 2);
    assert_true(t.writer.rotations >= rotations + 1);
    trail_expect_fine(&t);
    trail_fini(&t);
}

static void
a_file_is_closed_by_age(void **state)
{
    (void)state;
    struct trail t;
    trail_init(&t, NULL);
    t.rules.rotate_ms = 1000;
    trail_open(&t);
    trail_fill(&t, 3);
    t.now_us += 999000;
    trail_fill(&t, 1);
    assert_int_equal(t.writer.rotations, 0);
    t.now_us += 1000;
    trail_fill(&t, 1);
    assert_int_equal(t.writer.rotations, 1);
    trail_close(&t); /* the age of a file does not begin anew with a start */
    t.now_us += 999000;
    trail_open(&t);
    trail_fill(&t, 1);
    assert_int_equal(t.writer.rotations, 0);
    t.now_us += 1000;
    trail_fill(&t, 1);
    assert_int_equal(t.writer.rotations, 1);
    trail_expect_fine(&t);
    trail_fini(&t);
}

static void
retention_never_breaks_what_remains(void **state)
{
    (void)state;
    struct trail t;
    trail_init(&t, "a key of enough bytes");
    t.rules.rotate_bytes = 1500;
    t.rules.keep_files = 3;
    trail_open(&t);
    for (int i = 0; i < 60; i++) {
        trail_fill(&t, 1);
        trail_expect_fine(&t);
        assert_true(t.v.files <= 4);
    }
    assert_true(t.writer.removed > 5);
    assert_true(t.v.first_seq > 1);
    trail_close(&t);
    t.rules.keep_files = 0;
    t.rules.keep_ms = 1000;
    t.now_us += INT64_C(10000000);
    trail_open(&t);
    trail_fill(&t, 20);
    trail_expect_fine(&t);
    trail_fini(&t);
}

/* Files are counted, and the age of the oldest is that of its first line. */
static void
what_is_kept_is_known(void **state)
{
    (void)state;
    struct trail t;
    trail_init(&t, NULL);
    t.rules = (struct audit_rules){ .rotate_bytes = 1 << 20, .rotate_ms = 1000, .keep_files = 2 };
    int64_t begun_us = t.now_us;
    trail_open(&t);
    trail_fill(&t, 1);
    assert_int_equal(t.writer.files, 1);
    assert_int_equal(t.writer.oldest_us, begun_us);
    uint64_t bytes = t.writer.written_bytes;
    assert_int_equal(bytes, t.writer.bytes);
    t.now_us = begun_us + 1000000;
    trail_fill(&t, 1);
    assert_int_equal(t.writer.files, 2);
    assert_int_equal(t.writer.oldest_us, begun_us);
    assert_true(t.writer.written_bytes > bytes);
    t.now_us = begun_us + 2000000; /* the first file goes */
    trail_fill(&t, 1);
    assert_int_equal(t.writer.removed, 1);
    assert_int_equal(t.writer.files, 2);
    assert_int_equal(t.writer.oldest_us, begun_us + 1000000);
    trail_close(&t);
    trail_open(&t);
    trail_fill(&t, 1);
    assert_int_equal(t.writer.files, 2);
    assert_int_equal(t.writer.oldest_us, begun_us + 1000000);
    trail_fini(&t);
}

static void
a_start_goes_on_with_the_chain(void **state)
{
    (void)state;
    struct trail t;
    trail_init(&t, NULL);
    for (int i = 0; i < 6; i++) {
        trail_open(&t);
        trail_fill(&t, 3);
        if (i % 2)
            sim_disk_kill(t.sim);
        trail_close(&t);
        trail_expect_fine(&t);
    }
    assert_int_equal(t.v.lines, 19);
    assert_int_equal(t.v.files, 1);
    trail_fini(&t);
}

static void
half_a_line_is_kept_aside_and_recorded(void **state)
{
    (void)state;
    struct trail t;
    size_t len;
    char *data;
    trail_init(&t, NULL);
    trail_open(&t);
    trail_fill(&t, 3);
    trail_close(&t);
    data = trail_get(&t, 1, &len);
    size_t whole = len;
    char *longer = realloc(data, len + 20);
    assert_non_null(longer);
    memcpy(longer + len, "{\"v\":1,\"alg\"", 12);
    trail_set(&t, 1, longer, len + 12);
    trail_expect(&t, AUDIT_TRUNCATED, "cut short");
    trail_open(&t);
    trail_fill(&t, 1);
    trail_expect_fine(&t);
    char *torn = sim_disk_get(t.sim, "audit-torn-00000000000000000005-1.part", &len);
    assert_non_null(torn);
    assert_int_equal(len, 12);
    free(torn);
    free(longer);
    data = trail_get(&t, 1, &len);
    assert_non_null(strstr(data + whole, "\"kind\":\"recovery\",\"action\":\"torn\""));
    free(data);
    trail_fini(&t);
}

static void
a_cut_tail_is_found_and_a_start_does_not_hide_it(void **state)
{
    (void)state;
    struct trail t;
    size_t len;
    trail_init(&t, NULL);
    trail_open(&t);
    trail_fill(&t, 9);
    trail_close(&t);
    char *data = trail_get(&t, 1, &len);
    trail_set(&t, 1, data, trail_line(data, 7));
    free(data);
    trail_expect(&t, AUDIT_TRUNCATED, "lines 8 to 10 were written");
    trail_open(&t);
    trail_fill(&t, 3);
    trail_expect(&t, AUDIT_NOTED, "lines 8 to 10 missing");
    trail_fini(&t);
}

static void
a_changed_last_line_is_found_and_a_start_does_not_hide_it(void **state)
{
    (void)state;
    static const int places[] = { 3, 150 }; /* no line any more, and another content */
    for (int i = 0; i < 2; i++) {
        struct trail t;
        size_t len;
        trail_init(&t, NULL);
        trail_open(&t);
        trail_fill(&t, 4);
        trail_close(&t);
        char *data = trail_get(&t, 1, &len);
        data[trail_line(data, 4) + (size_t)places[i]] ^= 1;
        trail_set(&t, 1, data, len);
        free(data);
        trail_expect(&t, AUDIT_CHANGED, "was changed");
        trail_open(&t);
        trail_fill(&t, 3);
        trail_expect(&t, AUDIT_CHANGED, "was changed");
        trail_expect(&t, AUDIT_NOTED, "damaged");
        assert_int_equal(t.v.findings, 2);
        trail_fini(&t);
    }
}

static void
a_key_may_come_later(void **state)
{
    (void)state;
    struct trail t;
    trail_init(&t, NULL);
    trail_open(&t);
    trail_fill(&t, 3);
    trail_close(&t);
    t.key.len = 20;
    trail_open(&t);
    trail_fill(&t, 3);
    trail_close(&t);
    trail_expect(&t, AUDIT_UNKEYED, "line 1 has no keyed digest");
    assert_int_equal(t.v.findings, 4); /* the lines before, each */
    t.v.only = "audit-00000000000000000005.jsonl";
    char file[AUDIT_NAME_BYTES];
    assert_int_equal(audit_verify_run(&t.v, file), 0);
    assert_int_equal(t.v.findings, 0);
    trail_fini(&t);
}

/* ---- failures ---- */

/* Lines with rotations, retention and a new start; those that fail are tried again. */
static int
work(struct trail *t)
{
    int failures = 0;
    for (int i = 0; i < 24; i++) {
        if (i == 12) {
            trail_close(t);
            trail_open(t);
        }
        int rc;
        for (int tries = 0; (rc = trail_put(t, i)) < 0 && tries < 5; tries++)
            failures++;
        assert_int_equal(rc, 0);
    }
    return failures;
}

static void
every_call_of_the_disk_may_fail_once(void **state)
{
    (void)state;
    for (int sync = 0; sync < 2; sync++) {
        for (uint64_t n = 1;; n++) {
            struct trail t;
            trail_init(&t, NULL);
            t.rules = (struct audit_rules){ .rotate_bytes = 2500, .keep_files = 3, .sync = sync };
            trail_open(&t);
            sim_disk_fail(t.sim, SIM_ANY, n, -EIO, SIM_ONCE);
            (void)work(&t);
            uint64_t met = sim_disk_failures(t.sim);
            trail_close(&t);
            trail_expect_fine(&t);
            trail_fini(&t);
            if (met == 0)
                break;
            assert_true(n < 10000);
        }
    }
}

static void
every_allocation_may_fail_once(void **state)
{
    (void)state;
    int failures = 1;
    for (int64_t n = 0; failures > 0; n++) {
        struct trail t;
        trail_init(&t, NULL);
        t.rules = (struct audit_rules){ .rotate_bytes = 2500, .keep_files = 3 };
        trail_open(&t);
        t.refusing.left = n;
        failures = 0;
        for (int i = 0; i < 12; i++) {
            int rc = trail_put(&t, i);
            if (rc == 0)
                continue;
            failures++;
            t.refusing.left = -1;
            assert_int_equal(trail_put(&t, i), 0);
        }
        t.refusing.left = -1;
        trail_close(&t);
        trail_expect_fine(&t);
        assert_int_equal(t.refusing.live, 0);
        trail_fini(&t);
        assert_true(n < 1000);
    }
}

static void
a_full_disk_leaves_whole_lines(void **state)
{
    (void)state;
    struct trail t;
    trail_init(&t, NULL);
    trail_open(&t);
    trail_fill(&t, 3);
    sim_disk_set_capacity(t.sim, 3000);
    int n = 0;
    while (trail_put(&t, n) == 0)
        assert_true(++n < 100);
    for (int i = 0; i < 5; i++)
        assert_int_equal(trail_put(&t, i), -ENOSPC);
    sim_disk_set_capacity(t.sim, UINT64_MAX);
    trail_fill(&t, 3);
    trail_expect_fine(&t);
    trail_fini(&t);
}

static void
a_loss_of_power_is_told_from_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < test_scaled(60); seed++) {
        struct trail t;
        trail_init(&t, NULL);
        t.rules.sync = true;
        t.rules.rotate_bytes = 3000;
        trail_open(&t);
        trail_fill(&t, (int)(seed % 20) + 1);
        uint64_t acknowledged = t.writer.last.seq;
        sim_disk_crash(t.sim, seed);
        trail_close(&t);
        trail_open(&t);
        trail_fill(&t, 2);
        assert_true(t.writer.last.seq >= acknowledged + 2);
        assert_int_equal(trail_verify(&t), 0);
        /* The head is not synced: it may be torn, and that is recorded. Lines are all there. */
        assert_int_equal(t.v.findings, t.v.kinds[AUDIT_NOTED]);
        trail_fini(&t);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chain_goes_over_rotations),
        cmocka_unit_test(a_file_is_closed_by_age),
        cmocka_unit_test(retention_never_breaks_what_remains),
        cmocka_unit_test(what_is_kept_is_known),
        cmocka_unit_test(a_start_goes_on_with_the_chain),
        cmocka_unit_test(half_a_line_is_kept_aside_and_recorded),
        cmocka_unit_test(a_cut_tail_is_found_and_a_start_does_not_hide_it),
        cmocka_unit_test(a_changed_last_line_is_found_and_a_start_does_not_hide_it),
        cmocka_unit_test(a_key_may_come_later),
        cmocka_unit_test(every_call_of_the_disk_may_fail_once),
        cmocka_unit_test(every_allocation_may_fail_once),
        cmocka_unit_test(a_full_disk_leaves_whole_lines),
        cmocka_unit_test(a_loss_of_power_is_told_from_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
