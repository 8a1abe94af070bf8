/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.SCRUB: the replies for every outcome of the cache, whose calls are replaced because they
 * read files, and INFO's lines. What a pass finds is tested where it is done. The stand-ins keep
 * what they answer in one struct, which each test sets.
 */
#include "command_support.h"

struct fake_scrub {
    int status;
    attl_scrub_report report;
    attl_scrub_stats stats;
    unsigned findings;
};

static struct fake_scrub fake;

int __wrap_attl_scrub(attl *cache, attl_scrub_report *ret_report);
void __wrap_attl_scrub_stats_get(attl *cache, attl_scrub_stats *ret_stats);
int __wrap_attl_damage_list(attl *cache, attl_damage_fn fn, void *ud);

int
__wrap_attl_scrub(attl *cache, attl_scrub_report *ret_report)
{
    (void)cache;
    assert_int_equal(ret_report->struct_size, sizeof *ret_report);
    *ret_report = fake.report;
    return fake.status;
}

void
__wrap_attl_scrub_stats_get(attl *cache, attl_scrub_stats *ret_stats)
{
    (void)cache;
    assert_int_equal(ret_stats->struct_size, sizeof *ret_stats);
    *ret_stats = fake.stats;
}

int
__wrap_attl_damage_list(attl *cache, attl_damage_fn fn, void *ud)
{
    (void)cache;
    for (unsigned i = 0; i < fake.findings; i++) {
        attl_damage d = { .healed = i == 0,
                          .unreadable = i > 0,
                          .found_ms = 5,
                          .offset = 6,
                          .lsn = 7,
                          .end_lsn = 8,
                          .file = "f",
                          .lost = "l",
                          .done = "d" };
        fn(ud, &d);
    }
    return fake.status;
}

static int
setup_fake(void **state)
{
    fake = (struct fake_scrub){ .status = ATTL_OK };
    return setup(state);
}

static void
a_pass_now_answers_what_it_found(void **state)
{
    struct fixture *f = fixture_of(state);
    fake.report = (attl_scrub_report){
        .files = 1, .bytes = 2, .damaged = 3, .healed = 4, .unreadable = 5, .took_ms = 6
    };
    expect(f, "ATTL.SCRUB NOW",
           "*12\r\n$5\r\nfiles\r\n:1\r\n$5\r\nbytes\r\n:2\r\n$7\r\ndamaged\r\n:3\r\n"
           "$6\r\nhealed\r\n:4\r\n$10\r\nunreadable\r\n:5\r\n$7\r\ntook_ms\r\n:6\r\n");
    run(f, "HELLO 3");
    expect_part(f, "attl.scrub now", "%6\r\n");
}

static void
failures_say_why(void **state)
{
    struct fixture *f = fixture_of(state);
    fake.status = ATTL_E_BUSY;
    expect(f, "ATTL.SCRUB NOW", "-ERR a pass that was asked for is already running\r\n");
    fake.status = ATTL_E_UNSUPPORTED;
    expect_part(f, "ATTL.SCRUB NOW", "-ERR there is no data directory");
    fake.status = ATTL_E_IO;
    expect_part(f, "ATTL.SCRUB NOW", "-MISCONF ");
    fake.status = ATTL_E_NOMEM;
    expect_part(f, "ATTL.SCRUB NOW", "-OOM ");
    expect(f, "ATTL.SCRUB LATER", SYNTAX_ERROR);
    expect(f, "ATTL.SCRUB", "-ERR wrong number of arguments for 'attl.scrub' command\r\n");
}

static void
status_lists_the_findings(void **state)
{
    struct fixture *f = fixture_of(state);
    fake.stats = (attl_scrub_stats){ .running = 1, .passes = 2, .damaged = 3, .unhealed = 4 };
    expect_part(f, "ATTL.SCRUB STATUS", "*24\r\n$7\r\nrunning\r\n:1\r\n");
    expect_part(f, "ATTL.SCRUB STATUS", "$8\r\nfindings\r\n*0\r\n");
    fake.findings = 2;
    expect_part(f, "ATTL.SCRUB STATUS",
                "$8\r\nfindings\r\n*2\r\n*18\r\n$4\r\nfile\r\n$1\r\nf\r\n$4\r\nkind\r\n"
                "$7\r\ndamaged\r\n$8\r\nfound_ms\r\n:5\r\n$6\r\noffset\r\n:6\r\n");
    expect_part(f, "ATTL.SCRUB STATUS", "$10\r\nunreadable\r\n$8\r\nfound_ms");
    run(f, "HELLO 3");
    run(f, "ATTL.SCRUB STATUS");
    assert_true(reply_is_whole(f));
    fake.status = ATTL_E_UNSUPPORTED;
    fake.findings = 0;
    expect_part(f, "ATTL.SCRUB STATUS", "$8\r\nfindings\r\n*0\r\n");
}

static void
info_has_the_sums(void **state)
{
    struct fixture *f = fixture_of(state);
    fake.stats = (attl_scrub_stats){
        .passes = 2, .last_pass_ms = 7999, .bytes = 9, .damaged = 3, .unhealed = 4, .unreadable = 5
    };
    static const char *const sums[] = { "attl_scrub_running:0\r\n",   "attl_scrub_passes:2\r\n",
                                        "last_pass_time:7\r\n",       "attl_scrub_bytes:9\r\n",
                                        "attl_scrub_damaged:3\r\n",   "attl_scrub_unhealed:4\r\n",
                                        "attl_scrub_unreadable:5\r\n" };
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++)
        expect_part(f, "INFO persistence", sums[i]);
}

#define SCRUB_TEST(t) cmocka_unit_test_setup_teardown(t, setup_fake, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SCRUB_TEST(a_pass_now_answers_what_it_found),
        SCRUB_TEST(failures_say_why),
        SCRUB_TEST(status_lists_the_findings),
        SCRUB_TEST(info_has_the_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
