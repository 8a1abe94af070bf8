/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a data directory is called an incident, by table: each state of the log, a snapshot that
 * failed and one that came after it, and space around its limit. The sentences must hold the
 * numbers that somebody who is woken at night needs. Nothing random, no files.
 */
#include "control/detect_disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)

typedef void (*judge_fn)(const struct disk_span *s, struct incident_reading *ret);

struct disk_case {
    struct control_disk now, before;
    uint64_t slowest_us;
    const char *want, *part;
};

static void
expect_verdict(const struct incident_reading *r, const char *want, const char *part)
{
    const char *got = !r->bad ? "good" : r->worse ? "worse" : r->certain ? "certain" : "bad";
    if (strcmp(got, want) != 0)
        fail_msg("%s, not %s: %s", got, want, r->cause);
    if (part && !strstr(r->cause, part))
        fail_msg("\"%s\" does not say \"%s\"", r->cause, part);
    assert_true(strlen(r->cause) < INCIDENT_CAUSE_BYTES - 1);
    assert_int_equal(r->cause[0] != '\0', r->bad);
}

static void
walk(judge_fn judge, const struct disk_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct incident_reading r = { 0 };
        struct disk_span s = { &cases[i].now, &cases[i].before, 1000000, cases[i].slowest_us };
        judge(&s, &r);
        expect_verdict(&r, cases[i].want, cases[i].part);
    }
}

static void
every_state_of_the_log_has_its_verdict(void **state)
{
    (void)state;
    static const struct disk_case cases[] = {
        { .now = { .retrying = true }, .want = "good" }, /* there is no log */
        { .now = { .has_log = true }, .want = "good" },
        { .now = { .has_log = true, .retrying = true, .log_error = -EIO, .log_errors = 7 },
          .want = "certain",
          .part = "Input/output error), 7 failures" },
        { .now = { .has_log = true,
                   .memory_only = true,
                   .log_error = -ENOSPC,
                   .gap_from_lsn = 99,
                   .gap_changes = 1234 },
          .want = "worse",
          .part = "No space left on device): 1234 changes from 99 on" },
        { .now = { .has_log = true,
                   .behind_gap = true,
                   .gap_from_lsn = 5,
                   .gap_to_lsn = 9,
                   .gap_changes = 4 },
          .want = "bad",
          .part = "4 changes between 5 and 9" },
        { .now = { .has_log = true, .segments_gone = 2 },
          .before = { .segments_gone = 1 },
          .want = "certain",
          .part = "removed the segment" },
        { .now = { .has_log = true, .segments_gone = 2 },
          .before = { .segments_gone = 2 },
          .want = "good" },
        { .now = { .has_log = true,
                   .memory_only = true,
                   .log_error = -ENOSPC,
                   .gap_from_lsn = UINT64_MAX,
                   .gap_changes = UINT64_MAX },
          .want = "worse",
          .part = "memory only" },
    };
    walk(judge_log, cases, sizeof cases / sizeof cases[0]);
}

static void
one_failed_sync_is_news_and_a_slow_one_noise(void **state)
{
    (void)state;
    static const struct disk_case cases[] = {
        { .now = { .has_log = true, .log_errors = 3 },
          .before = { .log_errors = 3 },
          .want = "good" },
        { .now = { .has_log = true, .log_errors = 3 },
          .before = { .log_errors = 2 },
          .want = "certain",
          .part = "1 writes or syncs of the log failed" },
        { .now = { .has_log = true }, .slowest_us = 1000000, .want = "good" },
        { .now = { .has_log = true, .unsynced_bytes = 77 },
          .slowest_us = 1000001,
          .want = "bad",
          .part = "77 bytes wait" },
        { .now = { .has_log = true }, .slowest_us = 4000001, .want = "worse", .part = "4000 ms" },
    };
    walk(judge_log, cases, sizeof cases / sizeof cases[0]);
}

static void
a_snapshot_is_bad_until_one_succeeds(void **state)
{
    (void)state;
    static const struct disk_case cases[] = {
        { .now = { .snapshot_failures = 0 }, .want = "good" },
        { .now = { .snapshot_failures = 3, .snapshot_error = -EIO },
          .before = { .snapshot_failures = 2 },
          .want = "certain",
          .part = "3 have failed" },
        { .now = { .snapshot_failures = 3, .snapshot_error = -EIO },
          .before = { .snapshot_failures = 3 },
          .want = "bad",
          .part = "Input/output error" },
        { .now = { .snapshot_failures = 3 }, .want = "good" }, /* the next one */
    };
    walk(judge_snapshots, cases, sizeof cases / sizeof cases[0]);
}

static void
space_is_low_below_what_is_needed_next(void **state)
{
    (void)state;
    static const struct disk_case cases[] = {
        { .now = { .low_bytes = 100 * MIB }, .want = "good" }, /* nothing is known */
        { .now = { .space_known = true,
                   .total_bytes = 1000 * MIB,
                   .free_bytes = 100 * MIB,
                   .low_bytes = 100 * MIB },
          .want = "good" },
        { .now = { .space_known = true,
                   .total_bytes = 1000 * MIB,
                   .free_bytes = 100 * MIB - 1,
                   .low_bytes = 100 * MIB },
          .want = "bad",
          .part = "104857599 of 1048576000 bytes" },
        { .now = { .space_known = true, .free_bytes = 25 * MIB - 1, .low_bytes = 100 * MIB },
          .want = "worse" },
        { .now = { .space_known = true,
                   .total_bytes = UINT64_MAX,
                   .free_bytes = UINT64_MAX - 1,
                   .low_bytes = UINT64_MAX,
                   .need_bytes = UINT64_MAX,
                   .reserve_wanted = true,
                   .reserve_released = 1 },
          .want = "certain",
          .part = "the reserve was released" },
        { .now = { .space_known = true,
                   .free_bytes = MIB,
                   .reserve_wanted = true,
                   .reserve_released = 1 },
          .before = { .reserve_released = 1 },
          .want = "good" },
    };
    walk(judge_space, cases, sizeof cases / sizeof cases[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_of_the_log_has_its_verdict),
        cmocka_unit_test(one_failed_sync_is_news_and_a_slow_one_noise),
        cmocka_unit_test(a_snapshot_is_bad_until_one_succeeds),
        cmocka_unit_test(space_is_low_below_what_is_needed_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
