/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Incidents of a cache on a simulated clock: every kind as a drill from its opening to its end with
 * an exact account, evictions in earnest, acknowledging, coming back, the off switch, the bounds of
 * what is remembered. Who is told of them is test_incident_tell.c.
 */
#include "incident_support.h"
#include "support/unit.h"

/* ---- records ---- */

/* Opens at once, is worse from the second second on and escalates with the third such reading, is
 * good from the fifth on and ends with the fifth good one. */
static void
drill_one(int kind)
{
    struct rig *r = rig_open(NULL);
    int64_t start_ms = sim_now(&r->sim);
    drill(r, kind, 1);
    struct seen s = list(r, 1);
    assert_int_equal(s.n, 1);
    expect_record(&s, kind, ATTL_INCIDENT_OPEN, 0, 1);
    pass(r, 3);
    s = list(r, 1);
    expect_record(&s, kind, ATTL_INCIDENT_OPEN, 0, 1);
    pass(r, 1);
    s = list(r, 1);
    expect_record(&s, kind, ATTL_INCIDENT_OPEN, 1, 1);
    assert_true(s.first.resolved_ms == ATTL_NO_DEADLINE);
    pass(r, 4);
    s = list(r, 1);
    expect_record(&s, kind, ATTL_INCIDENT_OPEN, 1, 1);
    pass(r, 1);
    assert_int_equal(list(r, 1).n, 0);
    s = list(r, 0);
    assert_int_equal(s.n, 1);
    expect_record(&s, kind, ATTL_INCIDENT_RESOLVED, 1, 1);
    assert_int_equal(s.first.since_ms, start_ms);
    assert_int_equal(s.first.changed_ms, start_ms + 9 * READING_MS);
    assert_int_equal(s.first.resolved_ms, start_ms + 9 * READING_MS);
    assert_true(s.first.simulated && s.first.correlation != 0 && s.first.id == 1);
    assert_string_equal(s.first.name, attl_incident_kind_name(kind));
    assert_non_null(strstr(s.cause, "simulated: "));
    wait_heard(r, 3);
    for (int n = 0; n < 3; n++) {
        assert_int_equal(r->heard.events[n], n); /* opened, escalated, closed */
        assert_true(r->heard.incidents[n].correlation == s.first.correlation);
        assert_int_equal(r->heard.incidents[n].kind, kind);
    }
    attl_incident_stats st = stats(r);
    assert_true(st.open == 0 && st.total == 1 && st.by_kind[kind] == 1 && st.reopened == 0);
    assert_true(st.told == 3 && st.told_failed == 0 && st.told_dropped == 0);
    int64_t next_ms;
    attl_tick(r->cache, 0, &next_ms);
    attl_tick(r->cache, 0, &next_ms);
    assert_int_equal(next_ms, -1); /* it sleeps again */
    rig_close(r);
}

static void
every_kind_opens_escalates_and_resolves(void **state)
{
    (void)state;
    for (int kind = 0; kind < ATTL_INCIDENT_KINDS; kind++) {
        assert_non_null(attl_incident_kind_name(kind));
        assert_non_null(attl_incident_kind_text(kind));
        assert_non_null(attl_incident_kind_response(kind));
        drill_one(kind);
    }
    assert_null(attl_incident_kind_name(ATTL_INCIDENT_KINDS));
    assert_null(attl_incident_kind_name(-1));
}

static void
a_drill_can_be_ended_and_asked_for_wrongly(void **state)
{
    (void)state;
    struct rig *r = rig_open(NULL);
    ASSERT_STATUS(attl_incident_simulate(r->cache, ATTL_INCIDENT_KINDS, 1), ATTL_E_INVALID);
    ASSERT_STATUS(attl_incident_simulate(r->cache, -1, 1), ATTL_E_INVALID);
    drill(r, ATTL_INCIDENT_LATENCY, 1);
    drill(r, ATTL_INCIDENT_LATENCY, 0);
    assert_int_equal(list(r, 1).n, 1);
    pass(r, 5); /* readings, the one above included: 5 good ones and a spare */
    assert_int_equal(list(r, 1).n, 0);
    struct seen s = { 0 };
    ASSERT_STATUS(attl_incident_get(r->cache, 1, see, &s), ATTL_OK);
    ASSERT_STATUS(attl_incident_get(r->cache, 2, see, &s), ATTL_MISS);
    ASSERT_STATUS(attl_incident_get(r->cache, 0, see, &s), ATTL_MISS);
    ASSERT_STATUS(attl_incidents_list(r->cache, 0, NULL, NULL), ATTL_E_INVALID);
    assert_int_equal(s.n, 1);
    rig_close(r);
}

static void
the_request_that_caused_it_is_named(void **state)
{
    (void)state;
    struct rig *r = rig_open(NULL);
    ASSERT_STATUS(attl_trace_set("request-1"), ATTL_OK);
    drill(r, ATTL_INCIDENT_MEMORY, 1);
    ASSERT_STATUS(attl_trace_set(NULL), ATTL_OK);
    assert_string_equal(list(r, 1).request, "request-1");
    drill(r, ATTL_INCIDENT_LATENCY, 1);
    assert_string_equal(list(r, 1).request, "");
    ASSERT_STATUS(attl_trace_set("request-2"), ATTL_OK);
    ASSERT_STATUS(attl_incident_report(r->cache, ATTL_INCIDENT_AUDIT_FAILURE, 1, "it fails"),
                  ATTL_OK);
    ASSERT_STATUS(attl_trace_set(""), ATTL_OK);
    pass(r, 1);
    struct seen s = list(r, 1);
    assert_int_equal(s.first.kind, ATTL_INCIDENT_AUDIT_FAILURE);
    assert_string_equal(s.request, "request-2");
    ASSERT_STATUS(attl_incident_report(r->cache, ATTL_INCIDENT_AUDIT_FAILURE, 0, NULL), ATTL_OK);
    pass(r, 6);
    assert_string_equal(list(r, 0).request, "request-2"); /* its end is nobody's doing */
    rig_close(r);
}

static void
what_is_acknowledged_does_not_escalate_by_age(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "incident.escalate_after", "2s" },
                                                 { NULL, NULL } };
    struct rig *r = rig_open(options);
    ASSERT_STATUS(attl_incident_ack(r->cache, 1), ATTL_MISS);
    drill(r, ATTL_INCIDENT_MEMORY, 1);
    drill(r, ATTL_INCIDENT_LOW_DISK, 1);
    ASSERT_STATUS(attl_incident_ack(r->cache, 1), ATTL_OK);
    struct seen s = { 0 };
    ASSERT_STATUS(attl_incident_get(r->cache, 1, see, &s), ATTL_OK);
    expect_record(&s, ATTL_INCIDENT_MEMORY, ATTL_INCIDENT_ACKNOWLEDGED, 0, 1);
    pass(r, 3);
    s = (struct seen){ 0 };
    ASSERT_STATUS(attl_incident_get(r->cache, 1, see, &s), ATTL_OK);
    expect_record(&s, ATTL_INCIDENT_MEMORY, ATTL_INCIDENT_ACKNOWLEDGED, 0, 1);
    s = list(r, 1);
    expect_record(&s, ATTL_INCIDENT_LOW_DISK, ATTL_INCIDENT_OPEN, 1, 1);
    pass(r, 10);
    ASSERT_STATUS(attl_incident_ack(r->cache, 1), ATTL_MISS); /* it is over */
    ASSERT_STATUS(attl_incident_ack(r->cache, 0), ATTL_MISS);
    rig_close(r);
}

static void
what_comes_back_within_the_cooldown_is_the_same_incident(void **state)
{
    (void)state;
    struct rig *r = rig_open(NULL);
    drill(r, ATTL_INCIDENT_OVERLOAD, 1);
    pass(r, 9);
    assert_int_equal(list(r, 1).n, 0);
    drill(r, ATTL_INCIDENT_OVERLOAD, 1);
    struct seen s = list(r, 0);
    assert_int_equal(s.n, 1);
    expect_record(&s, ATTL_INCIDENT_OVERLOAD, ATTL_INCIDENT_OPEN, 0, 2);
    assert_int_equal(stats(r).reopened, 1);
    assert_int_equal(stats(r).total, 1);
    pass(r, 14); /* it takes ten good readings now */
    assert_int_equal(list(r, 1).n, 0);
    pass(r, 61);
    drill(r, ATTL_INCIDENT_OVERLOAD, 1);
    s = list(r, 0);
    assert_int_equal(s.n, 2);
    expect_record(&s, ATTL_INCIDENT_OVERLOAD, ATTL_INCIDENT_OPEN, 0, 1);
    assert_int_equal(s.first.id, 2);
    rig_close(r);
}

static void
switching_it_off_resolves_what_is_open(void **state)
{
    (void)state;
    struct rig *r = rig_open(NULL);
    drill(r, ATTL_INCIDENT_BOUNDS, 1);
    sim_option(r->cache, "incident.enabled", "no");
    struct seen s = list(r, 0);
    expect_record(&s, ATTL_INCIDENT_BOUNDS, ATTL_INCIDENT_RESOLVED, 0, 1);
    assert_non_null(strstr(s.actions, "switched off"));
    ASSERT_STATUS(attl_incident_simulate(r->cache, ATTL_INCIDENT_BOUNDS, 1), ATTL_E_UNSUPPORTED);
    pass(r, 3);
    assert_int_equal(stats(r).total, 1);
    sim_option(r->cache, "incident.enabled", "yes");
    drill(r, ATTL_INCIDENT_BOUNDS, 1);
    assert_int_equal(stats(r).total, 2);
    rig_close(r);
}

static void
history_is_bounded(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "incident.close_after", "1" },
                                                 { "incident.cooldown", "0" },
                                                 { "incident.rate", "1000" },
                                                 { NULL, NULL } };
    struct rig *r = rig_open(options);
    for (unsigned n = 0; n < 140; n++) {
        drill(r, ATTL_INCIDENT_LATENCY, 1);
        ASSERT_STATUS(attl_incident_simulate(r->cache, ATTL_INCIDENT_LATENCY, 0), ATTL_OK);
        pass(r, 2);
    }
    struct seen s = list(r, 0);
    assert_int_equal(s.n, 129); /* the last of the kind, and 128 before it */
    assert_int_equal(s.first.id, 140);
    assert_int_equal(s.last_id, 12);
    assert_int_equal(stats(r).forgotten, 11);
    rig_close(r);
}

/* ---- in earnest ---- */

static void
set_many(struct rig *r, unsigned from, unsigned n)
{
    char key[32];
    for (unsigned i = from; i < from + n; i++) {
        (void)snprintf(key, sizeof key, "key:%u", i);
        put(r->cache, key, "some bytes of a value", ATTL_TTL_NONE);
    }
}

static void
evictions_that_replace_everything_are_an_incident(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "cache.max_entries", "1000" },
                                                 { "cache.num_shards", "2" },
                                                 { NULL, NULL } };
    struct rig *r = rig_open(options);
    uint64_t items = 0;
    for (unsigned s = 0; s < 6; s++) {
        set_many(r, s * 3000, 3000);
        pass(r, 1);
        items = attl_size(r->cache);
    }
    struct seen s = list(r, 1);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.first.kind, ATTL_INCIDENT_EVICTION_RATE);
    assert_false(s.first.simulated);
    assert_true(s.first.value > 2000 && s.first.value < 4000 && s.first.limit < 20);
    assert_non_null(strstr(s.cause, "evictions/s at 3000 sets/s replace all"));
    assert_non_null(strstr(s.actions, "asked for cleaning more often"));
    assert_true(items > 500); /* nothing was thrown away because of it */
    pass(r, 5);
    assert_int_equal(list(r, 1).n, 0);
    rig_close(r);
}

/* Twice as many keys as there is room for, over and over: each comes back after it was evicted. */
static void
what_plainly_does_not_fit_is_told(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "cache.max_entries", "10000" },
                                                 { "incident.turnover", "100ms" },
                                                 { NULL, NULL } };
    struct rig *r = rig_open(options);
    for (unsigned s = 0; s < 12; s++) {
        set_many(r, s % 2 * 7500, 7500);
        pass(r, 1);
    }
    struct seen s = list(r, 0);
    assert_true(s.n >= 1);
    assert_int_equal(s.first.kind, ATTL_INCIDENT_BOUNDS);
    assert_non_null(strstr(s.cause, "does not fit"));
    assert_non_null(strstr(s.actions, "nothing is thrown away"));
    assert_true(attl_size(r->cache) > 5000);
    rig_close(r);
}

/* A drill is never the cause of an action; what is real wins over it. */
static void
a_drill_becomes_real_when_it_is(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "cache.max_entries", "1000" }, { NULL, NULL } };
    struct rig *r = rig_open(options);
    set_many(r, 0, 3000);
    pass(r, 1);
    drill(r, ATTL_INCIDENT_EVICTION_RATE, 1);
    struct seen s = list(r, 1);
    assert_true(s.first.simulated);
    assert_non_null(strstr(s.actions, "would ask"));
    set_many(r, 3000, 3000);
    pass(r, 1);
    s = list(r, 1);
    assert_false(s.first.simulated);
    assert_int_equal(s.first.id, 1);
    assert_non_null(strstr(s.actions, "it was a drill until now\nasked for cleaning"));
    rig_close(r);
}

static void
responses_have_a_rate(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "incident.rate", "1" },
                                                 { "incident.cooldown", "0" },
                                                 { "incident.close_after", "1" },
                                                 { NULL, NULL } };
    struct rig *r = rig_open(options);
    for (int n = 0; n < 3; n++) {
        drill(r, ATTL_INCIDENT_BOUNDS, 1);
        ASSERT_STATUS(attl_incident_simulate(r->cache, ATTL_INCIDENT_BOUNDS, 0), ATTL_OK);
        pass(r, 2);
    }
    attl_incident_stats st = stats(r);
    assert_int_equal(st.total, 3);
    assert_int_equal(st.actions, 1);
    assert_int_equal(st.actions_limited, 2);
    pass(r, 60);
    drill(r, ATTL_INCIDENT_BOUNDS, 1);
    assert_int_equal(stats(r).actions, 2);
    rig_close(r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_opens_escalates_and_resolves),
        cmocka_unit_test(a_drill_can_be_ended_and_asked_for_wrongly),
        cmocka_unit_test(the_request_that_caused_it_is_named),
        cmocka_unit_test(what_is_acknowledged_does_not_escalate_by_age),
        cmocka_unit_test(what_comes_back_within_the_cooldown_is_the_same_incident),
        cmocka_unit_test(switching_it_off_resolves_what_is_open),
        cmocka_unit_test(history_is_bounded),
        cmocka_unit_test(evictions_that_replace_everything_are_an_incident),
        cmocka_unit_test(what_plainly_does_not_fit_is_told),
        cmocka_unit_test(a_drill_becomes_real_when_it_is),
        cmocka_unit_test(responses_have_a_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
