/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.ROLLBACK: what the words ask of the cache, which is replaced here, and what its answers look
 * like to the client.
 */
#include "command_support.h"

struct fake_cache {
    int status, durable_status;
    const char *err;
    attl_rollback_opts asked;
    char asked_name[128];
    uint64_t position;
    unsigned waits;
};

static struct fake_cache fake;

int __wrap_attl_rollback(attl *cache, const attl_rollback_opts *opts,
                         attl_rollback_report *ret_report, char *err, size_t err_len);
uint64_t __wrap_attl_log_position(attl *cache);
int __wrap_attl_log_wait(attl *cache, uint64_t position, int64_t timeout_ms);

int
__wrap_attl_rollback(attl *cache, const attl_rollback_opts *opts, attl_rollback_report *ret_report,
                     char *err, size_t err_len)
{
    (void)cache;
    assert_int_equal(opts->struct_size, sizeof *opts);
    assert_int_equal(ret_report->struct_size, sizeof *ret_report);
    fake.asked = *opts;
    (void)snprintf(fake.asked_name, sizeof fake.asked_name, "%s",
                   opts->to_name ? opts->to_name : "");
    if (fake.err)
        (void)snprintf(err, err_len, "%s", fake.err);
    if (fake.status != ATTL_OK)
        return fake.status;
    fake.position = 12;
    ret_report->lsn = 5;
    ret_report->restored = 3;
    (void)snprintf(ret_report->safety_snapshot, sizeof ret_report->safety_snapshot, "before");
    return ATTL_OK;
}

uint64_t
__wrap_attl_log_position(attl *cache)
{
    (void)cache;
    return fake.position;
}

int
__wrap_attl_log_wait(attl *cache, uint64_t position, int64_t timeout_ms)
{
    (void)cache;
    assert_int_equal(position, 12);
    assert_true(timeout_ms > 0);
    fake.waits++;
    return fake.durable_status;
}

static int
setup_cache(void **state)
{
    fake = (struct fake_cache){ .status = ATTL_OK };
    return setup(state);
}

static void
a_point_is_handed_to_the_cache(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "ATTL.ROLLBACK TO -5m");
    assert_int_equal(fake.asked.to_ms, START_MS - 300000);
    assert_int_equal(fake.asked.dry_run, 0);
    assert_int_equal(fake.waits, 1);
    run(f, "attl.rollback to lsn:77 dryrun");
    assert_int_equal(fake.asked.to_ms, 0);
    assert_int_equal(fake.asked.to_lsn, 77);
    assert_int_equal(fake.asked.dry_run, 1);
    run(f, "ATTL.ROLLBACK TO snap-1 DRYRUN");
    assert_int_equal(fake.asked.to_lsn, 0);
    assert_string_equal(fake.asked_name, "snap-1");
}

static void
the_report_is_a_map(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "ATTL.ROLLBACK TO -5m", "*20\r\n$7\r\ndry_run\r\n:0\r\n$3\r\nlsn\r\n:5\r\n");
    expect_part(f, "ATTL.ROLLBACK TO -5m", "$8\r\nrestored\r\n:3\r\n");
    assert_true(reply_is_whole(f));
    f->session.proto = 3;
    expect_part(f, "ATTL.ROLLBACK TO -5m DRYRUN", "%10\r\n$7\r\ndry_run\r\n:1\r\n");
    assert_true(reply_is_whole(f));
}

static void
what_was_wrong_is_named(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "ATTL.ROLLBACK FROM -5m", SYNTAX_ERROR },
               { "ATTL.ROLLBACK TO -5m WET", SYNTAX_ERROR },
               { "ATTL.ROLLBACK TO -5m DRYRUN x", SYNTAX_ERROR });
    expect_part(f, "ATTL.ROLLBACK TO", "-ERR wrong number of arguments");
    expect_part(f, "ATTL.ROLLBACK TO -5x", "-ERR that long ago is written like");
    fake.status = ATTL_MISS;
    fake.err = "the log reaches back to 2026-11-25T14:00:00Z";
    expect(f, "ATTL.ROLLBACK TO -5m", "-ERR the log reaches back to 2026-11-25T14:00:00Z\r\n");
    fake.status = ATTL_E_IO;
    expect_part(f, "ATTL.ROLLBACK TO -5m", "-MISCONF the log reaches");
    fake.err = NULL;
    expect_part(f, "ATTL.ROLLBACK TO -5m", "-MISCONF a file of the data directory");
    fake.status = ATTL_E_DAMAGED;
    expect_part(f, "ATTL.ROLLBACK TO -5m", "-ERR ");
    fake.status = ATTL_E_UNSUPPORTED;
    expect_part(f, "ATTL.ROLLBACK TO -5m", "-ERR there is no data directory");
    fake.status = ATTL_E_BUSY;
    expect_part(f, "ATTL.ROLLBACK TO -5m", "-BUSY ");
    fake.status = ATTL_E_FULL;
    expect_part(f, "ATTL.ROLLBACK TO -5m", "-OOM ");
    assert_int_equal(fake.waits, 0);
}

static void
a_rollback_that_is_not_durable_is_no_success(void **state)
{
    struct fixture *f = fixture_of(state);
    fake.durable_status = ATTL_E_IO;
    expect_part(f, "ATTL.ROLLBACK TO -5m", "-MISCONF ");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_point_is_handed_to_the_cache, setup_cache, teardown),
        cmocka_unit_test_setup_teardown(the_report_is_a_map, setup_cache, teardown),
        cmocka_unit_test_setup_teardown(what_was_wrong_is_named, setup_cache, teardown),
        cmocka_unit_test_setup_teardown(a_rollback_that_is_not_durable_is_no_success, setup_cache,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
