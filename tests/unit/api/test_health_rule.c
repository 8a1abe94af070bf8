/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every check of health can fail, and only it: a row changes one number of a cache that is well and
 * names the check that must say so. Edges of limits are rows of their own. The numbers are made up;
 * test_health.c looks at a real cache.
 */
#include "api/health_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { NOW = 1000000 };

static struct health_numbers
well(void)
{
    return (struct health_numbers){ .probe_us = 5,
                                    .items = 100,
                                    .shard_items = 100,
                                    .used_bytes = 1000,
                                    .max_bytes = 2000,
                                    .max_items = 100,
                                    .imbalance = 1.1,
                                    .imbalance_limit = 1.5,
                                    .now_ms = NOW,
                                    .maintenance_due_ms = NOW + 1000,
                                    .control_due_ms = INT64_MAX,
                                    .background = true,
                                    .logs = true,
                                    .syncs = true,
                                    .last_sync_ms = NOW - 500,
                                    .unsynced_bytes = 10,
                                    .read_p99_ns = 900,
                                    .write_p99_ns = 900,
                                    .p99_limit_ns = 1000,
                                    .sync_p99_us = 5000,
                                    .config_error = "" };
}

struct seen {
    size_t n, bad;
    char name[64], text[HEALTH_TEXT_MAX];
    int area, status;
};

static void
see(void *ud, const attl_health_item *item)
{
    struct seen *s = ud;
    s->n++;
    assert_int_equal(item->struct_size, sizeof *item);
    assert_true(item->name[0] && item->text[0]);
    assert_true(item->area >= s->area && item->area < ATTL_HEALTH_AREAS);
    s->area = item->area;
    if (item->status == ATTL_HEALTH_OK)
        return;
    s->bad++;
    s->status = item->status;
    (void)snprintf(s->name, sizeof s->name, "%s", item->name); /* cut if it must be */
    (void)snprintf(s->text, sizeof s->text, "%s", item->text);
}

static void
expect_bad(const struct health_numbers *n, const char *name, int status)
{
    struct seen s = { 0 };
    assert_int_equal(health_judge(n, see, &s), status);
    if (s.bad != (status != ATTL_HEALTH_OK) || strcmp(s.name, name) != 0 || s.status != status)
        fail_msg("%zu bad, the last is %s (%d): %s; not %s (%d)", s.bad, s.name, s.status, s.text,
                 name, status);
    assert_int_equal(health_judge(n, NULL, NULL), status);
}

#define BAD(member, value, name, status)    \
    do {                                    \
        struct health_numbers bad = well(); \
        bad.member = (value);               \
        expect_bad(&bad, (name), (status)); \
    } while (0)
#define FINE(member, value) BAD(member, value, "", ATTL_HEALTH_OK)

static void
a_cache_that_is_well_is_found_well(void **state)
{
    (void)state;
    struct health_numbers n = well();
    struct seen s = { 0 };
    assert_int_equal(health_judge(&n, see, &s), ATTL_HEALTH_OK);
    assert_true(s.n > 15);
    assert_int_equal(s.area, ATTL_HEALTH_CONFIGURATION);
    struct health_numbers bare = { .config_error = "",
                                   .now_ms = NOW,
                                   .maintenance_due_ms = INT64_MAX,
                                   .control_due_ms = INT64_MAX };
    assert_int_equal(health_judge(&bare, NULL, NULL), ATTL_HEALTH_OK);
}

static void
function_can_fail(void **state)
{
    (void)state;
    BAD(loading, true, "loaded", ATTL_HEALTH_WARN);
    BAD(load_status, ATTL_E_DAMAGED, "loaded", ATTL_HEALTH_FAIL);
    BAD(probe_status, ATTL_E_DAMAGED, "probe_us", ATTL_HEALTH_FAIL);
    BAD(probe_status, ATTL_E_NOMEM, "probe_us", ATTL_HEALTH_FAIL);
    BAD(probe_status, ATTL_E_FULL, "probe_us", ATTL_HEALTH_WARN);
    BAD(probe_us, HEALTH_PROBE_LIMIT_US + 1, "probe_us", ATTL_HEALTH_WARN);
    FINE(probe_us, HEALTH_PROBE_LIMIT_US);
}

static void
integrity_can_fail(void **state)
{
    (void)state;
    BAD(shard_items, 99, "sum_difference", ATTL_HEALTH_FAIL);
    BAD(shard_items, 101, "sum_difference", ATTL_HEALTH_FAIL);
    BAD(used_bytes, 2001, "memory_bytes", ATTL_HEALTH_FAIL);
    FINE(used_bytes, 2000);
    BAD(max_items, 99, "entries", ATTL_HEALTH_FAIL);
    BAD(imbalance, 1.6, "imbalance", ATTL_HEALTH_WARN);
    FINE(imbalance, 1.5);
    BAD(damaged, 1, "damaged_files", ATTL_HEALTH_FAIL);
    struct health_numbers n = well();
    n.shard_items = 97;
    n.changes = 3;
    expect_bad(&n, "", ATTL_HEALTH_OK);
}

static void
tasks_can_fail(void **state)
{
    (void)state;
    BAD(maintenance_due_ms, NOW - HEALTH_LATE_WARN_MS - 1, "maintenance_late_ms", ATTL_HEALTH_WARN);
    BAD(maintenance_due_ms, NOW - HEALTH_LATE_FAIL_MS - 1, "maintenance_late_ms", ATTL_HEALTH_FAIL);
    FINE(maintenance_due_ms, NOW - HEALTH_LATE_WARN_MS);
    FINE(maintenance_due_ms, INT64_MIN);
    BAD(control_due_ms, 0, "control_late_ms", ATTL_HEALTH_FAIL);
    BAD(log_state, 1, "log_state", ATTL_HEALTH_FAIL);
    BAD(log_state, 2, "log_state", ATTL_HEALTH_FAIL);
    BAD(log_state, 4, "log_state", ATTL_HEALTH_WARN);
    BAD(log_state, 77, "log_state", ATTL_HEALTH_FAIL);
    BAD(last_sync_ms, NOW - HEALTH_SYNC_LATE_MS - 1, "unsynced_ms", ATTL_HEALTH_FAIL);
    FINE(last_sync_ms, NOW - HEALTH_SYNC_LATE_MS);
    BAD(snapshot_status, ATTL_E_IO, "snapshot", ATTL_HEALTH_WARN);
    struct health_numbers n = well();
    n.last_sync_ms = 1;
    n.unsynced_bytes = 0;
    expect_bad(&n, "", ATTL_HEALTH_OK);
    n.unsynced_bytes = 5;
    n.syncs = false;
    expect_bad(&n, "", ATTL_HEALTH_OK);
}

static void
performance_can_fail(void **state)
{
    (void)state;
    BAD(read_p99_ns, 1001, "read_p99_ns", ATTL_HEALTH_WARN);
    BAD(write_p99_ns, 1001, "write_p99_ns", ATTL_HEALTH_WARN);
    FINE(write_p99_ns, 1000);
    FINE(p99_limit_ns, 0);
    BAD(sync_p99_us, HEALTH_SYNC_LIMIT_US + 1, "sync_p99_us", ATTL_HEALTH_WARN);
    BAD(wait_us, HEALTH_WAIT_LIMIT_US + 1, "wait_us", ATTL_HEALTH_WARN);
    BAD(pressure, 1, "pressure_level", ATTL_HEALTH_WARN);
    BAD(pressure, 3, "pressure_level", ATTL_HEALTH_FAIL);
    BAD(incidents, 1, "open_incidents", ATTL_HEALTH_WARN);
}

static void
configuration_can_fail(void **state)
{
    (void)state;
    struct health_numbers n = well();
    n.config_status = ATTL_E_CONFIG;
    n.config_error = "two settings do not fit";
    expect_bad(&n, "settings", ATTL_HEALTH_FAIL);
    BAD(unlimited, true, "memory_limit", ATTL_HEALTH_WARN);
    BAD(refuses_when_full, true, "eviction", ATTL_HEALTH_WARN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cache_that_is_well_is_found_well),
        cmocka_unit_test(function_can_fail),
        cmocka_unit_test(integrity_can_fail),
        cmocka_unit_test(tasks_can_fail),
        cmocka_unit_test(performance_can_fail),
        cmocka_unit_test(configuration_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
