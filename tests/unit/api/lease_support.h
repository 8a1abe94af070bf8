/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of leases share: one key, and calls on it that say what they expect. Waiters are
 * submissions to a queue. Time is the fixture's, and pass() lets it go on with maintenance behind
 * it.
 */
#ifndef ATTL_TESTS_LEASE_SUPPORT_H
#define ATTL_TESTS_LEASE_SUPPORT_H

#include "support/unit.h"

enum { LARGE = 20000, PLACES = 64 };

#define KEY attl_s("key")

static inline attl_lease
fetch_as(attl *c, const attl_fetch_opts *opts, int want, const char *value)
{
    attl_lease lease = ATTL_LEASE_INIT;
    attl_value v = ATTL_VALUE_INIT;
    ASSERT_STATUS(attl_fetch(c, KEY, opts, &v, &lease), want);
    assert_int_equal(lease.has_value, value != NULL);
    if (value) {
        assert_int_equal(v.data.len, strlen(value));
        assert_memory_equal(v.data.data, value, v.data.len);
    }
    attl_value_release(c, &v);
    return lease;
}

static inline attl_lease
fetch(attl *c, int want, const char *value)
{
    return fetch_as(c, NULL, want, value);
}

/* ttl, soft, grace in ms */
static inline int
fill(attl *c, uint64_t token, const char *value, int64_t ttl_ms, int64_t soft_ms, int64_t grace_ms)
{
    attl_fill_opts o = ATTL_FILL_OPTS_INIT;
    o.ttl_ms = ttl_ms;
    o.soft_ms = soft_ms;
    o.grace_ms = grace_ms;
    return attl_fill(c, KEY, token, attl_s(value), &o);
}

static inline uint64_t
submit(attl_queue *q, int64_t wait_ms, uint64_t user_data)
{
    attl_fetch_opts o = ATTL_FETCH_OPTS_INIT;
    o.wait_ms = wait_ms;
    attl_submit_opts so = ATTL_SUBMIT_OPTS_INIT;
    so.user_data = user_data;
    uint64_t id = 0;
    ASSERT_STATUS(attl_submit_fetch(q, KEY, &o, &so, &id), ATTL_OK);
    return id;
}

static inline attl_completion
reap(attl *c, attl_queue *q, int want, const char *value)
{
    attl_completion done;
    assert_int_equal(attl_queue_reap(q, &done, 1), 1);
    ASSERT_STATUS(done.status, want);
    assert_int_equal(done.kind, ATTL_OP_FETCH);
    assert_int_equal(done.value.data.data != NULL, value != NULL);
    if (value) {
        assert_int_equal(done.value.data.len, strlen(value));
        assert_memory_equal(done.value.data.data, value, done.value.data.len);
    }
    attl_value_release(c, &done.value);
    return done;
}

static inline void
expect_nothing(attl_queue *q)
{
    attl_completion done;
    assert_int_equal(attl_queue_reap(q, &done, 1), 0);
}

static inline void
pass(struct fixture *f, int64_t ms)
{
    sim_advance(&f->sim, ms);
    attl_tick(f->cache, 0, NULL);
}

#endif
