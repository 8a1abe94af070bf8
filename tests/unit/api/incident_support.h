/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of incidents share: a cache on a simulated clock, with the other loops off, a
 * function that hears of incidents and notes what it heard, drills, and a look at the records. One
 * reading is one second. Included by each test program once; what a program does not use is inline.
 */
#ifndef ATTL_TESTS_INCIDENT_SUPPORT_H
#define ATTL_TESTS_INCIDENT_SUPPORT_H

#include "support/unit.h"

#include <time.h>

enum { READING_MS = 1000, PATIENCE_MS = 20000, HEARD_MAX = 256, TEXT_MAX = 1024 };

static inline void
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

static inline void
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

static inline struct rig *
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

static inline void
rig_close(struct rig *r)
{
    atomic_store(&r->heard.slow, false);
    sim_close(&r->cache);
    free(r);
}

static inline void
pass(struct rig *r, unsigned readings)
{
    for (unsigned i = 0; i < readings; i++) {
        sim_advance(&r->sim, READING_MS);
        attl_tick(r->cache, 0, NULL);
    }
}

static inline void
drill(struct rig *r, int kind, int on)
{
    ASSERT_STATUS(attl_incident_simulate(r->cache, kind, on), ATTL_OK);
    attl_tick(r->cache, 0, NULL);
}

static inline void
wait_heard(struct rig *r, unsigned n)
{
    for (int ms = 0; atomic_load(&r->heard.n) < n; ms++) {
        assert_true(ms < PATIENCE_MS);
        sleep_ms(1);
    }
}

static inline attl_incident_stats
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
    char cause[TEXT_MAX], actions[TEXT_MAX], request[TEXT_MAX];
};

static inline void
see(void *ud, const attl_incident *i)
{
    struct seen *s = ud;
    assert_true(s->n == 0 || i->id < s->last_id); /* newest first */
    if (s->n++ == 0) {
        s->first = *i;
        (void)snprintf(s->cause, TEXT_MAX, "%s", i->cause);
        (void)snprintf(s->actions, TEXT_MAX, "%s", i->actions);
        (void)snprintf(s->request, TEXT_MAX, "%s", i->request);
    }
    s->last_id = i->id;
}

static inline struct seen
list(struct rig *r, int open_only)
{
    struct seen s = { 0 };
    ASSERT_STATUS(attl_incidents_list(r->cache, open_only, see, &s), ATTL_OK);
    return s;
}

static inline void
expect_record(const struct seen *s, int kind, int state, int level, uint32_t times)
{
    assert_int_equal(s->first.kind, kind);
    assert_string_equal(attl_incident_state_name(s->first.state), attl_incident_state_name(state));
    assert_int_equal(s->first.level, level);
    assert_int_equal(s->first.times, times);
}

#endif
