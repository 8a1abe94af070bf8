/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Incidents of a cache on a simulated clock: every kind as a drill from its opening to its end with
 * an exact account, evictions in earnest, acknowledging, coming back, the off switch, the bounds of
 * what is remembered; then those who are told: a function, with its order, its bounds and its
 * replacement, and memory that is refused. One reading is one second.
 */
#include "support/unit.h"

#include <time.h>

enum { READING_MS = 1000, PATIENCE_MS = 20000, HEARD_MAX = 256, TEXT_MAX = 1024 };

static void
sleep_ms(int64_t ms)
{
    struct timespec t = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
    (void)nanosleep(&t, NULL); /* cut short by a signal: nobody sends one */
}

/* ---- a cache, and somebody who hears of it ---- */

struct heard {
    _Atomic unsigned n;
    _Atomic bool slow;
    int events[HEARD_MAX];
    attl_incident incidents[HEARD_MAX]; /* without their texts */
    char causes[HEARD_MAX][TEXT_MAX];
};

static void
hear(void *ud, int event, const attl_incident *i)
{
    struct heard *h = ud;
    unsigned n = atomic_load(&h->n);
    while (atomic_load(&h->slow))
        sleep_ms(1);
    if (n == HEARD_MAX)
        return;
    h->events[n] = event;
    h->incidents[n] = *i;
    (void)snprintf(h->causes[n], TEXT_MAX, "%s", i->cause);
    atomic_store(&h->n, n + 1);
}

struct rig {
    struct sim sim;
    attl *cache;
    struct heard heard;
};

static struct rig *
rig_open(const struct sim_option *more)
{
    static const struct sim_option base[] = {
        { "cache.default_ttl", "0" },
        { "balancer.enabled", "no" },
        { "adaptive.enabled", "no" },
        { NULL, NULL },
    };
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    struct sim_option options[16];
    size_t n = 0;
    for (const struct sim_option *o = base; o->name; o++)
        options[n++] = *o;
    for (; more && more->name; more++)
        options[n++] = *more;
    options[n] = (struct sim_option){ NULL, NULL };
    sim_init(&r->sim);
    r->cache = sim_open(&r->sim, options);
    attl_on_incident(r->cache, hear, &r->heard);
    attl_tick(r->cache, 0, NULL);
    return r;
}

static void
rig_close(struct rig *r)
{
    atomic_store(&r->heard.slow, false);
    sim_close(&r->cache);
    free(r);
}

static void
pass(struct rig *r, unsigned readings)
{
    for (unsigned i = 0; i < readings; i++) {
        sim_advance(&r->sim, READING_MS);
        attl_tick(r->cache, 0, NULL);
    }
}

static void
drill(struct rig *r, int kind, int on)
{
    ASSERT_STATUS(attl_incident_simulate(r->cache, kind, on), ATTL_OK);
    attl_tick(r->cache, 0, NULL);
}

static void
wait_heard(struct rig *r, unsigned n)
{
    for (int ms = 0; atomic_load(&r->heard.n) < n; ms++) {
        assert_true(ms < PATIENCE_MS);
        sleep_ms(1);
    }
}

static attl_incident_stats
stats(struct rig *r)
{
    attl_incident_stats st = { .struct_size = sizeof st };
    attl_incident_stats_get(r->cache, &st);
    return st;
}

struct seen {
    unsigned n;
    attl_incident first;
    uint64_t last_id;
    char cause[TEXT_MAX], actions[TEXT_MAX];
};

static void
see(void *ud, const attl_incident *i)
{
    struct seen *s = ud;
    assert_true(s->n == 0 || i->id < s->last_id); /* newest first */
    if (s->n++ == 0) {
        s->first = *i;
        (void)snprintf(s->cause, TEXT_MAX, "%s", i->cause);
        (void)snprintf(s->actions, TEXT_MAX, "%s", i->actions);
    }
    s->last_id = i->id;
}

static struct seen
list(struct rig *r, int open_only)
{
    struct seen s = { 0 };
    ASSERT_STATUS(attl_incidents_list(r->cache, open_only, see, &s), ATTL_OK);
    return s;
}

/* ---- records ---- */

static void
expect_record(const struct seen *s, int kind, int state, int level, uint32_t times)
{
    assert_int_equal(s->first.kind, kind);
    assert_string_equal(attl_incident_state_name(s->first.state), attl_incident_state_name(state));
    assert_int_equal(s->first.level, level);
    assert_int_equal(s->first.times, times);
}

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

/* ---- memory ---- */

struct failing {
    _Atomic bool fails;
    _Atomic int64_t live;
};

static void *
failing_alloc(void *ud, size_t bytes)
{
    struct failing *f = ud;
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

static void
without_memory_incidents_go_on_and_losses_are_counted(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "cache.background", "no" },
                                                 { "incident.close_after", "1" },
                                                 { "incident.cooldown", "0" },
                                                 { NULL, NULL } };
    struct failing f = { 0 };
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    sim_init(&r->sim);
    attl_config *config = sim_config(options);
    attl_allocator alloc = { failing_alloc, failing_free, &f };
    attl_config_set_allocator(config, &alloc);
    attl_config_set_clock(config, rig_clock, &r->sim);
    attl_config_set_incident_handler(config, hear, &r->heard);
    attl_config_set_incident_handler(NULL, hear, &r->heard); /* nothing */
    ASSERT_STATUS(attl_open(&r->cache, config), ATTL_OK);
    attl_config_free(config);
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
        cmocka_unit_test(every_kind_opens_escalates_and_resolves),
        cmocka_unit_test(a_drill_can_be_ended_and_asked_for_wrongly),
        cmocka_unit_test(what_is_acknowledged_does_not_escalate_by_age),
        cmocka_unit_test(what_comes_back_within_the_cooldown_is_the_same_incident),
        cmocka_unit_test(switching_it_off_resolves_what_is_open),
        cmocka_unit_test(history_is_bounded),
        cmocka_unit_test(evictions_that_replace_everything_are_an_incident),
        cmocka_unit_test(what_plainly_does_not_fit_is_told),
        cmocka_unit_test(a_drill_becomes_real_when_it_is),
        cmocka_unit_test(responses_have_a_rate),
        cmocka_unit_test(only_wanted_kinds_are_told),
        cmocka_unit_test(who_is_slow_loses_the_newest_and_nothing_waits),
        cmocka_unit_test(who_was_replaced_hears_nothing_more),
        cmocka_unit_test(closing_while_somebody_is_told_loses_no_memory),
        cmocka_unit_test(who_is_told_may_use_the_cache),
        cmocka_unit_test(without_memory_incidents_go_on_and_losses_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
