/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Submissions to a cache with a data directory, on the simulated disk: under `always` a completion
 * never comes before its change is durable, which is shown by cutting the power at the moment of
 * the completion; waiting can be given up while the disk hangs; failures and closing are reported;
 * snapshots, rollbacks and restores come with their reports.
 */
#include "api/api.h"
#include "support/durable.h"
#include "support/rng.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 256, BATCH = 32, PATIENCE_MS = 20000, KEY_BYTES = 24 };

static void
nap(void)
{
    struct parker parker;
    parker_init(&parker);
    parker_sleep(&parker, 1);
}

struct gate {
    _Atomic bool shut;
    _Atomic unsigned waiting;
};

static void
hold_syncs(void *ud, enum sim_op op, const char *name)
{
    struct gate *g = ud;
    (void)name;
    if (op != SIM_SYNC)
        return;
    atomic_fetch_add(&g->waiting, 1);
    while (atomic_load(&g->shut))
        nap();
    atomic_fetch_sub(&g->waiting, 1);
}

static attl_queue *
open_queue(struct durable *d, const struct sim_option *options)
{
    attl_queue *q = NULL;
    durable_open(d, options);
    ASSERT_STATUS(attl_queue_open(d->cache, PLACES, &q), ATTL_OK);
    return q;
}

static void
shut_gate(struct durable *d, struct gate *g)
{
    sim_disk_set_hook(d->disk, hold_syncs, g);
    atomic_store(&g->shut, true);
}

static void
open_gate(struct durable *d, struct gate *g)
{
    atomic_store(&g->shut, false);
    while (atomic_load(&g->waiting) > 0)
        nap();
    sim_disk_set_hook(d->disk, NULL, NULL);
}

static attl_completion
reap_one(attl_queue *q)
{
    attl_completion c;
    ASSERT_STATUS(attl_queue_wait(q, PATIENCE_MS), ATTL_OK);
    assert_int_equal(attl_queue_reap(q, &c, 1), 1);
    return c;
}

static void
submit(attl_queue *q, const char *key, const attl_submit_opts *opts, uint64_t *ret_id)
{
    ASSERT_STATUS(attl_submit_set(q, attl_s(key), attl_s("1"), ATTL_TTL_NONE, opts, ret_id),
                  ATTL_OK);
}

/* ---- always ---------------------------------------------------------------------------------- */

static void
nothing_completes_while_the_disk_has_not_answered(void **state)
{
    struct durable *d = *state;
    struct gate gate = { .shut = false };
    attl_queue *q = open_queue(d, NULL);
    uint64_t ids[3];
    shut_gate(d, &gate);
    submit(q, "a", NULL, &ids[0]);
    ASSERT_STATUS(attl_submit_del(q, attl_s("a"), NULL, &ids[1]), ATTL_OK);
    ASSERT_STATUS(attl_submit_del(q, attl_s("a"), NULL, &ids[2]), ATTL_OK); /* of what was seen */
    expect(d->cache, "a", NULL);                                            /* made all the same */
    ASSERT_STATUS(attl_queue_wait(q, 20), ATTL_E_TIMEOUT);
    open_gate(d, &gate);
    for (unsigned i = 0; i < 3; i++) {
        attl_completion c = reap_one(q);
        assert_int_equal(c.id, ids[i]);
        ASSERT_STATUS(c.status, i < 2 ? ATTL_OK : ATTL_MISS);
    }
    attl_queue_close(&q);
}

struct feeder {
    pthread_t thread;
    attl_queue *q;
    unsigned who;
    uint64_t count;
};

static void *
feed(void *arg)
{
    struct feeder *f = arg;
    for (uint64_t n = 0; n < f->count; n++) {
        char key[KEY_BYTES];
        attl_submit_opts opts = ATTL_SUBMIT_OPTS_INIT;
        opts.user_data = (uint64_t)f->who << 32 | n;
        (void)snprintf(key, sizeof(key), "%u:%u", f->who, (unsigned)n);
        int status;
        while ((status = attl_submit_set(f->q, attl_s(key), attl_s("1"), ATTL_TTL_NONE, &opts,
                                         NULL)) == ATTL_E_BUSY)
            nap();
        CHECK(status == ATTL_OK, "%s", attl_err_name(status));
    }
    return NULL;
}

/* What was reported before this copy of the disk was made must be in it when the power goes. */
static void
check_copy(struct durable *d, const uint64_t seen[2], uint64_t seed)
{
    struct durable other;
    durable_init(&other, seed);
    sim_disk_free(&other.disk);
    other.disk = sim_disk_clone(d->disk, seed);
    sim_disk_crash_with(other.disk, seed, seed % 2 ? SIM_CRASH_NOTHING : 0);
    durable_open(&other, NULL);
    for (unsigned who = 0; who < 2; who++)
        for (uint64_t n = 0; n < seen[who]; n++) {
            char key[KEY_BYTES];
            (void)snprintf(key, sizeof(key), "%u:%u", who, (unsigned)n);
            CHECK(attl_exists(other.cache, attl_s(key)) == ATTL_OK, "%s was acknowledged", key);
        }
    durable_fini(&other);
}

static void
what_completed_survives_a_power_loss(void **state)
{
    struct durable *d = *state;
    attl_queue *q = open_queue(d, NULL);
    struct feeder feeders[2];
    struct rng rng = rng_from_seed(test_seed());
    uint64_t seen[2] = { 0 }, count = test_scaled(3000), checks = 0;
    test_announce("power", test_seed());
    for (unsigned i = 0; i < 2; i++) {
        feeders[i] = (struct feeder){ .q = q, .who = i, .count = count };
        assert_int_equal(pthread_create(&feeders[i].thread, NULL, feed, &feeders[i]), 0);
    }
    while (seen[0] + seen[1] < 2 * count) {
        attl_completion out[BATCH];
        ASSERT_STATUS(attl_queue_wait(q, PATIENCE_MS), ATTL_OK);
        size_t n = attl_queue_reap(q, out, BATCH);
        for (size_t i = 0; i < n; i++) {
            ASSERT_STATUS(out[i].status, ATTL_OK);
            uint64_t who = out[i].user_data >> 32;
            assert_int_equal(out[i].user_data & UINT32_MAX, seen[who]); /* in the feeder's order */
            seen[who]++;
        }
        if (checks < 20 && rng_below(&rng, 2 * count) < n * 40) {
            check_copy(d, seen, rng_u64(&rng));
            checks++;
        }
    }
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_join(feeders[i].thread, NULL), 0);
    check_copy(d, seen, rng_u64(&rng));
    ASSERT_STATUS(attl_queue_wait(q, 0), ATTL_E_TIMEOUT);
    attl_queue_close(&q);
}

/* ---- giving up ------------------------------------------------------------------------------- */

static bool
nobody_stands_in_line(const attl *a)
{
    return a->log_waits.lines[LOG_LINE_SAFE].first_position == UINT64_MAX &&
           a->log_waits.lines[LOG_LINE_DURABLE].first_position == UINT64_MAX;
}

static void
waiting_can_be_given_up_while_the_disk_hangs(void **state)
{
    struct durable *d = *state;
    struct gate gate = { .shut = false };
    attl_queue *q = open_queue(d, NULL);
    attl_submit_opts hasty = ATTL_SUBMIT_OPTS_INIT;
    uint64_t first, second, sync;
    hasty.timeout_ms = 50;
    shut_gate(d, &gate);
    for (unsigned round = 0; round < 2 * PLACES; round++) { /* more than there are places */
        submit(q, "a", &hasty, &first);
        submit(q, "b", NULL, &second);
        ASSERT_STATUS(attl_submit_sync(q, &hasty, &sync), ATTL_OK);
        assert_false(nobody_stands_in_line(d->cache));
        ASSERT_STATUS(attl_queue_cancel(q, second), ATTL_OK);
        attl_completion c = reap_one(q);
        assert_int_equal(c.id, second);
        ASSERT_STATUS(c.status, ATTL_E_CANCELED);
        sim_advance(&d->sim, 50);
        attl_tick(d->cache, 1, NULL);
        for (unsigned i = 0; i < 2; i++) {
            c = reap_one(q);
            assert_true(c.id == first || c.id == sync);
            ASSERT_STATUS(c.status, ATTL_E_TIMEOUT);
        }
        assert_true(nobody_stands_in_line(d->cache));
        ASSERT_STATUS(attl_queue_wait(q, 0), ATTL_E_TIMEOUT);
    }
    expect(d->cache, "a", "1"); /* the changes stay */
    expect(d->cache, "b", "1");
    open_gate(d, &gate);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    ASSERT_STATUS(attl_queue_wait(q, 0), ATTL_E_TIMEOUT);
    attl_queue_close(&q);
}

static void
a_shutdown_waits_for_the_disk_and_a_close_does_not(void **state)
{
    struct durable *d = *state;
    struct gate gate = { .shut = false };
    attl_queue *q = open_queue(d, NULL), *other = NULL;
    ASSERT_STATUS(attl_queue_open(d->cache, PLACES, &other), ATTL_OK);
    shut_gate(d, &gate);
    submit(q, "a", NULL, NULL);
    submit(other, "b", NULL, NULL);
    attl_queue_shutdown(q);
    ASSERT_STATUS(attl_queue_wait(q, 5), ATTL_E_TIMEOUT);
    attl_queue_close(&other);
    open_gate(d, &gate);
    ASSERT_STATUS(reap_one(q).status, ATTL_OK);
    ASSERT_STATUS(attl_queue_wait(q, -1), ATTL_E_CLOSED);
    attl_queue_close(&q);
}

/* ---- the other policies ---------------------------------------------------------------------- */

static void
without_always_only_a_sync_waits(void **state)
{
    struct durable *d = *state;
    static const struct sim_option options[] = { { "persist.fsync", "everysec" }, { NULL, NULL } };
    struct gate gate = { .shut = false };
    attl_queue *q = open_queue(d, options);
    attl_completion c;
    shut_gate(d, &gate);
    submit(q, "a", NULL, NULL);
    ASSERT_STATUS(attl_submit_sync(q, NULL, NULL), ATTL_OK);
    assert_int_equal(attl_queue_reap(q, &c, 1), 1);
    assert_int_equal(c.kind, ATTL_OP_SET);
    ASSERT_STATUS(attl_queue_wait(q, 10), ATTL_E_TIMEOUT);
    sim_option(d->cache, "persist.fsync", "always"); /* at run time */
    submit(q, "b", NULL, NULL);
    ASSERT_STATUS(attl_queue_wait(q, 10), ATTL_E_TIMEOUT);
    open_gate(d, &gate);
    ASSERT_STATUS(reap_one(q).status, ATTL_OK);
    ASSERT_STATUS(reap_one(q).status, ATTL_OK);
    assert_true(sim_disk_is_durable(d->disk));
    attl_queue_close(&q);
}

static void
a_cache_that_does_not_wait_still_reports_when_it_is_durable(void **state)
{
    struct durable *d = *state;
    static const struct sim_option options[] = { { "persist.wait", "no" }, { NULL, NULL } };
    struct gate gate = { .shut = false };
    attl_queue *q = open_queue(d, options);
    shut_gate(d, &gate);
    submit(q, "a", NULL, NULL);
    ASSERT_STATUS(attl_queue_wait(q, 10), ATTL_E_TIMEOUT);
    open_gate(d, &gate);
    ASSERT_STATUS(reap_one(q).status, ATTL_OK);
    attl_queue_close(&q);
}

/* ---- failures -------------------------------------------------------------------------------- */

static void
a_log_that_cannot_be_written_is_reported(void **state)
{
    struct durable *d = *state;
    attl_queue *q = open_queue(d, NULL);
    submit(q, "a", NULL, NULL);
    ASSERT_STATUS(reap_one(q).status, ATTL_OK);
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE, 1, -EIO, SIM_FOREVER);
    submit(q, "b", NULL, NULL);
    ASSERT_STATUS(reap_one(q).status, ATTL_E_IO); /* made, and not durable */
    expect(d->cache, "b", "1");
    ASSERT_STATUS(attl_submit_set(q, attl_s("c"), attl_s("1"), 0, NULL, NULL), ATTL_E_IO);
    expect(d->cache, "c", NULL);
    ASSERT_STATUS(attl_submit_sync(q, NULL, NULL), ATTL_OK);
    ASSERT_STATUS(reap_one(q).status, ATTL_E_IO);
    sim_disk_fail(d->disk, 0, 0, 0, SIM_ONCE);
    attl_queue_close(&q);
}

static void
a_log_that_is_given_up_keeps_nobody_waiting(void **state)
{
    struct durable *d = *state;
    static const struct sim_option options[] = { { "persist.on_error", "degrade" },
                                                 { NULL, NULL } };
    attl_queue *q = open_queue(d, options);
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE, 1, -EIO, SIM_FOREVER);
    submit(q, "a", NULL, NULL);
    ASSERT_STATUS(reap_one(q).status, ATTL_OK); /* in memory, loudly */
    sim_disk_fail(d->disk, 0, 0, 0, SIM_ONCE);
    attl_queue_close(&q);
}

static void
closing_the_cache_tells_what_became_durable(void **state)
{
    struct durable *d = *state;
    struct gate gate = { .shut = false };
    attl_queue *q = open_queue(d, NULL);
    shut_gate(d, &gate);
    submit(q, "a", NULL, NULL);
    ASSERT_STATUS(attl_submit_sync(q, NULL, NULL), ATTL_OK);
    atomic_store(&gate.shut, false);
    attl_close(&d->cache);
    ASSERT_STATUS(reap_one(q).status, ATTL_OK);
    ASSERT_STATUS(reap_one(q).status, ATTL_OK);
    ASSERT_STATUS(attl_queue_wait(q, -1), ATTL_E_CLOSED);
    attl_queue_close(&q);
    sim_disk_set_hook(d->disk, NULL, NULL);
    q = open_queue(d, NULL);
    shut_gate(d, &gate);
    submit(q, "b", NULL, NULL);
    while (atomic_load(&gate.waiting) == 0)
        nap();
    sim_disk_crash_after(d->disk, 0);
    atomic_store(&gate.shut, false);
    attl_close(&d->cache);
    ASSERT_STATUS(reap_one(q).status, ATTL_E_IO);
    ASSERT_STATUS(attl_queue_wait(q, -1), ATTL_E_CLOSED);
    attl_queue_close(&q);
    sim_disk_set_hook(d->disk, NULL, NULL);
    sim_disk_crash(d->disk, 1);
}

/* ---- what takes long ------------------------------------------------------------------------- */

static void
snapshots_and_rollbacks_come_with_their_reports(void **state)
{
    struct durable *d = *state;
    attl_queue *q = open_queue(d, NULL);
    attl_snapshot_info info;
    attl_rollback_report report;
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_submit_snapshot(q, NULL, NULL), ATTL_OK);
    attl_completion c = reap_one(q);
    ASSERT_STATUS(c.status, ATTL_OK);
    assert_int_equal(c.kind, ATTL_OP_SNAPSHOT);
    assert_int_equal(c.value.data.len, sizeof(info));
    memcpy(&info, c.value.data.data, sizeof(info));
    assert_int_equal(info.entries, 1);
    assert_int_equal(info.lsn, c.number);
    attl_value_release(d->cache, &c.value);

    put(d->cache, "a", "2", ATTL_TTL_NONE);
    put(d->cache, "b", "2", ATTL_TTL_NONE);
    char name[sizeof(info.name)];
    memcpy(name, info.name, sizeof(name));
    ASSERT_STATUS(attl_submit_restore(q, name, NULL, NULL), ATTL_OK);
    memset(name, 'x', sizeof(name)); /* it was copied */
    c = reap_one(q);
    ASSERT_STATUS(c.status, ATTL_OK);
    assert_int_equal(c.kind, ATTL_OP_RESTORE);
    assert_int_equal(c.value.data.len, sizeof(report));
    memcpy(&report, c.value.data.data, sizeof(report));
    assert_int_equal(report.changed, 1);
    assert_int_equal(report.removed, 1);
    attl_value_release(d->cache, &c.value);
    expect(d->cache, "a", "1");
    expect(d->cache, "b", NULL);

    attl_rollback_opts back = { .struct_size = sizeof(back), .to_name = report.safety_snapshot };
    ASSERT_STATUS(attl_submit_rollback(q, &back, NULL, NULL), ATTL_OK);
    c = reap_one(q);
    ASSERT_STATUS(c.status, ATTL_OK);
    assert_int_equal(c.kind, ATTL_OP_ROLLBACK);
    attl_value_release(d->cache, &c.value);
    expect(d->cache, "b", "2");
    attl_queue_close(&q);
}

static void
a_failed_rollback_says_why(void **state)
{
    struct durable *d = *state;
    attl_queue *q = open_queue(d, NULL);
    char name[300];
    attl_rollback_opts nowhere = { .struct_size = sizeof(nowhere) };
    ASSERT_STATUS(attl_submit_rollback(q, &nowhere, NULL, NULL), ATTL_E_INVALID);
    ASSERT_STATUS(attl_submit_restore(q, NULL, NULL, NULL), ATTL_E_INVALID);
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    ASSERT_STATUS(attl_submit_restore(q, name, NULL, NULL), ATTL_E_INVALID);
    ASSERT_STATUS(attl_submit_restore(q, "snap-that-is-not-there.attl", NULL, NULL), ATTL_OK);
    attl_completion c = reap_one(q);
    assert_int_not_equal(c.status, ATTL_OK);
    assert_true(c.value.data.len > 5);
    assert_int_equal(((const char *)c.value.data.data)[c.value.data.len], '\0');
    attl_value_release(d->cache, &c.value);
    sim_disk_fail(d->disk, SIM_CREATE, 1, -EIO, SIM_FOREVER);
    ASSERT_STATUS(attl_submit_snapshot(q, NULL, NULL), ATTL_OK);
    c = reap_one(q);
    ASSERT_STATUS(c.status, ATTL_E_IO);
    assert_int_equal(c.value.data.len, 0);
    sim_disk_fail(d->disk, 0, 0, 0, SIM_ONCE);
    attl_queue_close(&q);
}

/* ---- no memory ------------------------------------------------------------------------------- */

struct failing {
    _Atomic unsigned calls, fail_at;
};

static void *
failing_alloc(void *ud, size_t bytes)
{
    struct failing *f = ud;
    return atomic_fetch_add(&f->calls, 1) + 1 == atomic_load(&f->fail_at) ? NULL : malloc(bytes);
}

static void
failing_free(void *ud, void *ptr)
{
    (void)ud;
    free(ptr);
}

/* Each kind once; a refusal is as good as a completion with the failure. */
static void
try_everything(attl_queue *q, attl *cache)
{
    attl_completion out[BATCH];
    attl_rollback_opts back = { .struct_size = sizeof(back), .to_lsn = 1, .dry_run = 1 };
    unsigned accepted = 0, seen = 0;
    accepted += attl_submit_set(q, attl_s("k"), attl_s("1"), 0, NULL, NULL) == ATTL_OK;
    accepted += attl_submit_del(q, attl_s("k"), NULL, NULL) == ATTL_OK;
    accepted += attl_submit_sync(q, NULL, NULL) == ATTL_OK;
    accepted += attl_submit_scan(q, 0, 100, 0, NULL, NULL) == ATTL_OK;
    accepted += attl_submit_snapshot(q, NULL, NULL) == ATTL_OK;
    accepted += attl_submit_rollback(q, &back, NULL, NULL) == ATTL_OK;
    while (seen < accepted) {
        ASSERT_STATUS(attl_queue_wait(q, PATIENCE_MS), ATTL_OK);
        size_t n = attl_queue_reap(q, out, BATCH);
        for (size_t i = 0; i < n; i++)
            attl_value_release(cache, &out[i].value);
        seen += (unsigned)n;
    }
    ASSERT_STATUS(attl_queue_wait(q, 0), ATTL_E_TIMEOUT);
}

static void
without_memory_each_still_has_its_completion_or_none(void **state)
{
    struct durable *d = *state;
    struct failing f = { .fail_at = 0 };
    attl_allocator alloc = { failing_alloc, failing_free, &f };
    d->allocator = &alloc;
    attl_queue *q = open_queue(d, NULL);
    unsigned n = 1, used = 1;
    for (; n <= used && n < 400; n++) {
        atomic_store(&f.calls, 0);
        atomic_store(&f.fail_at, n);
        try_everything(q, d->cache);
        used = atomic_load(&f.calls);
    }
    assert_true(n > 10);
    atomic_store(&f.fail_at, 0);
    attl_queue_close(&q);
    attl_close(&d->cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DURABLE_TEST(nothing_completes_while_the_disk_has_not_answered),
        DURABLE_TEST(what_completed_survives_a_power_loss),
        DURABLE_TEST(waiting_can_be_given_up_while_the_disk_hangs),
        DURABLE_TEST(a_shutdown_waits_for_the_disk_and_a_close_does_not),
        DURABLE_TEST(without_always_only_a_sync_waits),
        DURABLE_TEST(a_cache_that_does_not_wait_still_reports_when_it_is_durable),
        DURABLE_TEST(a_log_that_cannot_be_written_is_reported),
        DURABLE_TEST(a_log_that_is_given_up_keeps_nobody_waiting),
        DURABLE_TEST(closing_the_cache_tells_what_became_durable),
        DURABLE_TEST(snapshots_and_rollbacks_come_with_their_reports),
        DURABLE_TEST(a_failed_rollback_says_why),
        DURABLE_TEST(without_memory_each_still_has_its_completion_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
