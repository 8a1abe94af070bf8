/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is told of incidents: a function, with its order, its bounds and its replacement; a program,
 * which must be named at the start and can neither hang nor fail unnoticed; closing the cache in
 * the middle of it; memory that is refused.
 */
#include "incident_support.h"
#include "support/unit.h"

/* ---- being told ---- */

static void
only_wanted_kinds_are_told(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "incident.handlers", "memory, low_disk" },
                                                 { NULL, NULL } };
    struct rig *r = rig_open(options);
    char err[512];
    drill(r, ATTL_INCIDENT_LATENCY, 1);
    drill(r, ATTL_INCIDENT_LOW_DISK, 1);
    wait_heard(r, 1);
    assert_int_equal(r->heard.incidents[0].kind, ATTL_INCIDENT_LOW_DISK);
    sim_option(r->cache, "incident.handlers", "");
    drill(r, ATTL_INCIDENT_MEMORY, 1);
    sim_option(r->cache, "incident.handlers", "all");
    drill(r, ATTL_INCIDENT_OVERLOAD, 1);
    wait_heard(r, 2);
    assert_int_equal(r->heard.incidents[1].kind, ATTL_INCIDENT_OVERLOAD);
    ASSERT_STATUS(attl_option_set(r->cache, "incident.handlers", "memory,fire", err, sizeof err),
                  ATTL_E_CONFIG);
    assert_non_null(strstr(err, "no kind fire"));
    ASSERT_STATUS(attl_option_set(r->cache, "incident.handlers", "memory,fire", NULL, 0),
                  ATTL_E_CONFIG);
    rig_close(r);
}

static void
who_is_slow_loses_the_newest_and_nothing_waits(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "incident.close_after", "1" },
                                                 { "incident.cooldown", "0" },
                                                 { NULL, NULL } };
    struct rig *r = rig_open(options);
    atomic_store(&r->heard.slow, true);
    for (unsigned n = 0; n < 50; n++) { /* 100 changes */
        drill(r, ATTL_INCIDENT_LATENCY, 1);
        ASSERT_STATUS(attl_incident_simulate(r->cache, ATTL_INCIDENT_LATENCY, 0), ATTL_OK);
        pass(r, 2);
    }
    attl_incident_stats st = stats(r);
    assert_in_range(st.told_dropped, 100 - 64 - 1, 100 - 64);
    atomic_store(&r->heard.slow, false);
    wait_heard(r, 64);
    for (unsigned n = 0; n < 64; n++)
        assert_int_equal(r->heard.events[n], n % 2 ? ATTL_INCIDENT_CLOSED : ATTL_INCIDENT_OPENED);
    rig_close(r);
}

static void
who_was_replaced_hears_nothing_more(void **state)
{
    (void)state;
    struct rig *r = rig_open(NULL);
    struct heard *other = calloc(1, sizeof *other);
    assert_non_null(other);
    drill(r, ATTL_INCIDENT_MEMORY, 1);
    wait_heard(r, 1);
    attl_on_incident(r->cache, hear, other);
    drill(r, ATTL_INCIDENT_LATENCY, 1);
    for (int ms = 0; atomic_load(&other->n) < 1; ms++) {
        assert_true(ms < PATIENCE_MS);
        sleep_ms(1);
    }
    attl_on_incident(r->cache, NULL, NULL);
    free(other); /* nobody is in it any more */
    drill(r, ATTL_INCIDENT_OVERLOAD, 1);
    pass(r, 10);
    assert_int_equal(atomic_load(&r->heard.n), 1);
    rig_close(r);
}

/* Whatever is going on: notes that wait, a function that runs. */
static void
closing_while_somebody_is_told_loses_no_memory(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct rig *r = rig_open(NULL);
        atomic_store(&r->heard.slow, round % 2);
        for (int kind = 0; kind < ATTL_INCIDENT_KINDS; kind++)
            drill(r, kind, 1);
        pass(r, 1);
        rig_close(r);
    }
}

/* A function that uses the cache it hears of. */
static void
look_back(void *ud, int event, const attl_incident *i)
{
    struct rig *r = ud;
    struct seen s = { 0 };
    (void)event;
    if (attl_incident_get(r->cache, i->id, see, &s) == ATTL_OK && s.n == 1)
        assert_int_equal(attl_incident_ack(r->cache, i->id), ATTL_OK);
    atomic_fetch_add(&r->heard.n, 1);
}

static void
who_is_told_may_use_the_cache(void **state)
{
    (void)state;
    struct rig *r = rig_open(NULL);
    attl_on_incident(r->cache, look_back, r);
    drill(r, ATTL_INCIDENT_MEMORY, 1);
    wait_heard(r, 1);
    struct seen s = list(r, 1);
    expect_record(&s, ATTL_INCIDENT_MEMORY, ATTL_INCIDENT_ACKNOWLEDGED, 0, 1);
    rig_close(r);
}

/* ---- a program ---- */

static int
open_with(const char *name, const char *value, char *err, size_t err_len)
{
    attl_config *config = attl_config_new();
    attl *cache = NULL;
    assert_non_null(config);
    ASSERT_STATUS(attl_config_set(config, name, value, NULL, 0), ATTL_OK);
    int status = attl_open_dir(&cache, config, err, err_len);
    attl_config_free(config);
    attl_close(&cache);
    return status;
}

static void
a_program_is_named_when_the_cache_is_opened(void **state)
{
    (void)state;
    static const char *const wrong[] = { "sh -c true",   "./program", "~/program", "   ",
                                         "true;/bin/sh", "|/bin/sh",  "$SHELL" };
    char err[512];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ASSERT_STATUS(open_with("incident.exec", wrong[i], err, sizeof err), ATTL_E_CONFIG);
        assert_non_null(strstr(err, "absolute path"));
    }
    ASSERT_STATUS(open_with("incident.exec",
                            "/a 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 "
                            "6 7 8 9 0 1 2",
                            err, sizeof err),
                  ATTL_E_CONFIG);
    ASSERT_STATUS(open_with("incident.exec", "/bin/true one two", err, sizeof err), ATTL_OK);
    ASSERT_STATUS(open_with("incident.handlers", "memory fire", err, sizeof err), ATTL_E_CONFIG);
    struct rig *r = rig_open(NULL);
    ASSERT_STATUS(attl_option_set(r->cache, "incident.exec", "/bin/true", err, sizeof err),
                  ATTL_E_IMMUTABLE);
    rig_close(r);
}

static void
wait_told(struct rig *r, uint64_t told)
{
    for (int ms = 0; stats(r).told < told; ms++) {
        assert_true(ms < PATIENCE_MS);
        sleep_ms(1);
    }
}

static void
a_program_that_cannot_be_run_is_counted(void **state)
{
    (void)state;
    static const struct {
        const char *exec;
        uint64_t failed;
    } cases[] = { { "/bin/true", 0 },
                  { "/bin/false", 1 },
                  { "/nonexistent/program", 1 },
                  { "/etc/passwd", 1 },
                  { "/bin/sleep 1000", 1 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sim_option options[] = { { "incident.exec", cases[i].exec },
                                              { "incident.exec_timeout", "100ms" },
                                              { NULL, NULL } };
        struct rig *r = rig_open(options);
        attl_on_incident(r->cache, NULL, NULL);
        drill(r, ATTL_INCIDENT_MEMORY, 1);
        wait_told(r, 1);
        if (i > 0 &&
            stats(r).told_failed != cases[i].failed) /* a busy machine may kill the first */
            fail_msg("%s: %u failed", cases[i].exec, (unsigned)stats(r).told_failed);
        rig_close(r);
    }
}

/* The end is told whatever the rate: who was called must hear that it is over. */
static void
runs_have_a_rate_and_the_end_is_always_told(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "incident.exec", "/bin/true" },
                                                 { "incident.rate", "1" },
                                                 { "incident.cooldown", "0" },
                                                 { "incident.close_after", "1" },
                                                 { NULL, NULL } };
    struct rig *r = rig_open(options);
    attl_on_incident(r->cache, NULL, NULL);
    for (int n = 0; n < 3; n++) {
        drill(r, ATTL_INCIDENT_LATENCY, 1);
        ASSERT_STATUS(attl_incident_simulate(r->cache, ATTL_INCIDENT_LATENCY, 0), ATTL_OK);
        pass(r, 2);
    }
    assert_int_equal(stats(r).told_dropped, 2);
    wait_told(r, 4);
    rig_close(r);
}

static void
closing_does_not_wait_for_a_program(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "incident.exec", "/bin/sleep 1000" },
                                                 { "incident.exec_timeout", "60s" },
                                                 { NULL, NULL } };
    struct rig *r = rig_open(options);
    struct timespec begun, ended;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &begun), 0);
    drill(r, ATTL_INCIDENT_LATENCY, 1);
    drill(r, ATTL_INCIDENT_MEMORY, 1);
    sleep_ms(50);
    rig_close(r);
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ended), 0);
    assert_true(ended.tv_sec - begun.tv_sec < 30);
}

/* ---- memory ---- */

struct failing {
    _Atomic bool fails;
    _Atomic int64_t left; /* allocations until then, if `counts` */
    bool counts;
    _Atomic int64_t live;
};

static void *
failing_alloc(void *ud, size_t bytes)
{
    struct failing *f = ud;
    if (f->counts && atomic_fetch_sub(&f->left, 1) <= 0)
        atomic_store(&f->fails, true);
    void *p = atomic_load(&f->fails) ? NULL : malloc(bytes);
    atomic_fetch_add(&f->live, p != NULL);
    return p;
}

static void
failing_free(void *ud, void *ptr)
{
    struct failing *f = ud;
    atomic_fetch_sub(&f->live, ptr != NULL);
    free(ptr);
}

static int64_t
rig_clock(void *ud)
{
    return sim_now(ud);
}

static struct rig *
rig_open_failing(struct failing *f)
{
    static const struct sim_option options[] = { { "cache.background", "no" },
                                                 { "incident.close_after", "1" },
                                                 { "incident.cooldown", "0" },
                                                 { NULL, NULL } };
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    sim_init(&r->sim);
    attl_config *config = sim_config(options);
    attl_allocator alloc = { failing_alloc, failing_free, f };
    attl_config_set_allocator(config, &alloc);
    attl_config_set_clock(config, rig_clock, &r->sim);
    attl_config_set_incident_handler(config, hear, &r->heard);
    attl_config_set_incident_handler(NULL, hear, &r->heard); /* nothing */
    ASSERT_STATUS(attl_open(&r->cache, config), ATTL_OK);
    attl_config_free(config);
    return r;
}

/* The record, unless there is no memory to show it. */
static void
expect_shown(struct rig *r, uint64_t id, int state, int level)
{
    struct seen s = { 0 };
    int status = attl_incident_get(r->cache, id, see, &s);
    if (status == ATTL_E_NOMEM)
        return;
    ASSERT_STATUS(status, ATTL_OK);
    expect_record(&s, ATTL_INCIDENT_MEMORY, state, level, 1);
}

/* Opens, escalates, is acknowledged and resolved, twice. */
static void
two_drills(struct rig *r)
{
    for (unsigned round = 0; round < 2; round++) {
        drill(r, ATTL_INCIDENT_MEMORY, 1);
        pass(r, 4);
        expect_shown(r, round + 1, ATTL_INCIDENT_OPEN, 1);
        ASSERT_STATUS(attl_incident_ack(r->cache, round + 1), ATTL_OK);
        drill(r, ATTL_INCIDENT_MEMORY, 0);
        pass(r, 3);
        expect_shown(r, round + 1, ATTL_INCIDENT_RESOLVED, 1);
    }
}

/* Of each allocation from the first drill on: it and all later ones fail. The state machine does
 * not notice, every change is told or counted, and nothing is leaked. */
static void
each_allocation_may_be_the_one_that_fails(void **state)
{
    (void)state;
    bool failed = true;
    for (int64_t n = 0; failed; n++) {
        assert_true(n < 1000);
        struct failing f = { 0 };
        struct rig *r = rig_open_failing(&f);
        f.counts = true;
        atomic_store(&f.left, n);
        two_drills(r);
        failed = atomic_load(&f.fails);
        f.counts = false;
        atomic_store(&f.fails, false);
        attl_incident_stats st = stats(r);
        assert_true(st.total == 2 && st.by_kind[ATTL_INCIDENT_MEMORY] == 2 && st.open == 0);
        pass(r, 2); /* who waits for a thread gets one now */
        for (int ms = 0; st.told + st.told_dropped < 6; ms++, st = stats(r)) {
            assert_true(ms < PATIENCE_MS);
            sleep_ms(1);
            attl_tick(r->cache, 0, NULL);
        }
        assert_true(st.told + st.told_dropped == 6 && st.told_failed == 0);
        assert_true(failed || st.told_dropped == 0);
        assert_int_equal(list(r, 0).n + st.forgotten, 2);
        rig_close(r);
        assert_int_equal(atomic_load(&f.live), 0);
    }
}

static void
without_memory_incidents_go_on_and_losses_are_counted(void **state)
{
    (void)state;
    struct failing f = { 0 };
    struct rig *r = rig_open_failing(&f);
    drill(r, ATTL_INCIDENT_MEMORY, 1);
    wait_heard(r, 1);
    atomic_store(&f.fails, true);
    ASSERT_STATUS(attl_incident_simulate(r->cache, ATTL_INCIDENT_MEMORY, 0), ATTL_OK);
    pass(r, 2);
    drill(r, ATTL_INCIDENT_MEMORY, 1); /* the record before finds no room in a history */
    struct seen s = { 0 };
    ASSERT_STATUS(attl_incidents_list(r->cache, 0, see, &s), ATTL_E_NOMEM);
    attl_incident_stats st = stats(r);
    assert_true(st.total == 2 && st.told_dropped == 2 && st.forgotten == 1 && st.open == 1);
    atomic_store(&f.fails, false);
    pass(r, 10);
    assert_int_equal(list(r, 0).n, 1);
    rig_close(r);
    assert_int_equal(atomic_load(&f.live), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_wanted_kinds_are_told),
        cmocka_unit_test(who_is_slow_loses_the_newest_and_nothing_waits),
        cmocka_unit_test(who_was_replaced_hears_nothing_more),
        cmocka_unit_test(closing_while_somebody_is_told_loses_no_memory),
        cmocka_unit_test(who_is_told_may_use_the_cache),
        cmocka_unit_test(a_program_is_named_when_the_cache_is_opened),
        cmocka_unit_test(a_program_that_cannot_be_run_is_counted),
        cmocka_unit_test(runs_have_a_rate_and_the_end_is_always_told),
        cmocka_unit_test(closing_does_not_wait_for_a_program),
        cmocka_unit_test(each_allocation_may_be_the_one_that_fails),
        cmocka_unit_test(without_memory_incidents_go_on_and_losses_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
