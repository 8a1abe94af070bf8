/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a data directory is called an incident, by table: each state of the log, a snapshot that
 * failed and one that came after it, and space around its limit. The sentences must hold the
 * numbers that somebody who is woken at night needs. Nothing random, no files.
 */
#include "control/detect.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)

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
every_state_of_the_log_has_its_verdict(void **state)
{
    (void)state;
    static const struct {
        struct control_disk disk;
        uint64_t slow_before;
        const char *want, *part;
    } cases[] = {
        { { .log = CONTROL_LOG_WRITING }, 0, "good", NULL },
        { { .log = CONTROL_LOG_WRITING, .slow_syncs = 7 }, 7, "good", NULL },
        { { .log = CONTROL_LOG_WRITING, .slow_syncs = 9, .sync_max_us = 2500000 },
          7,
          "bad",
          "2 syncs of the log were late since the last look, the longest of the last thousand took "
          "2500 ms" },
        { { .log = CONTROL_LOG_RETRYING, .error = -EIO }, 0, "certain", "Input/output error" },
        { { .log = CONTROL_LOG_DETACHED, .error = -ENOSPC, .not_logged = 1234 },
          0,
          "worse",
          "No space left on device" },
        { { .log = CONTROL_LOG_DETACHED, .not_logged = 1234 }, 0, "worse", "1234" },
        { { .log = CONTROL_LOG_WRITING, .gap = true, .slow_syncs = 1 },
          0,
          "certain",
          "no snapshot" },
        { { .log = CONTROL_LOG_DETACHED, .error = -ENOSPC, .not_logged = UINT64_MAX },
          0,
          "worse",
          "memory only" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct incident_reading r = { 0 };
        judge_log(&cases[i].disk, cases[i].slow_before, &r);
        expect_verdict(&r, cases[i].want, cases[i].part);
    }
}

static void
a_snapshot_is_bad_until_one_succeeds(void **state)
{
    (void)state;
    struct control_disk d = { .snapshot_status = ATTL_OK };
    struct incident_reading r = { 0 };
    judge_snapshot(&d, &r);
    expect_verdict(&r, "good", NULL);
    d = (struct control_disk){ .snapshot_failures = 3, .snapshot_status = ATTL_E_IO };
    judge_snapshot(&d, &r);
    expect_verdict(&r, "certain", "3 have since the start");
    r = (struct incident_reading){ 0 };
    d.snapshot_status = ATTL_OK; /* the next one */
    judge_snapshot(&d, &r);
    expect_verdict(&r, "good", NULL);
}

static void
space_is_low_below_what_is_needed_next(void **state)
{
    (void)state;
    static const struct {
        uint64_t free_bytes, needed_bytes, low_bytes;
        const char *want, *part;
    } cases[] = {
        { UINT64_MAX, 100 * MIB, 0, "good", NULL }, /* unknown */
        { 100 * MIB, 100 * MIB, 0, "good", NULL },
        { 100 * MIB - 1, 100 * MIB, 0, "bad", "99 MiB are free" },
        { 100 * MIB, 100 * MIB, 200 * MIB, "bad", "need 200 MiB" },
        { 25 * MIB, 100 * MIB, 0, "bad", NULL },
        { 25 * MIB - 1, 100 * MIB, 0, "worse", NULL },
        { 0, 100 * MIB, 0, "worse", "0 MiB are free" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct incident_reading r = { 0 };
        struct control_disk d = { .free_bytes = cases[i].free_bytes,
                                  .needed_bytes = cases[i].needed_bytes };
        judge_space(&d, cases[i].low_bytes, &r);
        expect_verdict(&r, cases[i].want, cases[i].part);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_of_the_log_has_its_verdict),
        cmocka_unit_test(a_snapshot_is_bad_until_one_succeeds),
        cmocka_unit_test(space_is_low_below_what_is_needed_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
