/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flusher as a thread of its own: producers append and wait while others rotate, sync, change
 * the policy and make the disk fail now and then, and in the end every frame is in the log, in the
 * order of its producer. Whoever waits is woken, whoever waits too long is told so, and a log that
 * has nothing to do leaves the disk alone.
 */
#include "persist/wal_flusher.h"

#include "os/clock.h"
#include "support/check.h"
#include "support/rng.h"
#include "support/wal_rig.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { PRODUCERS = 4 };

static int
setup(void **state)
{
    struct wal_rig *r = malloc(sizeof(*r));
    rig_init(r);
    r->config.thread = true;
    r->config.segment_bytes = 1 << 20;
    r->config.ring_bytes = 1 << 18;
    *state = r;
    return 0;
}

static int
teardown(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

static void
who_waits_is_woken(void **state)
{
    struct wal_rig *r = *state;
    for (int policy = WAL_POLICY_NO; policy <= WAL_POLICY_ALWAYS; policy++) {
        r->config.policy = (enum wal_policy)policy;
        rig_open(r);
        for (int i = 0; i < 200; i++)
            assert_int_equal(wal_wait(r->wal, rig_append(r), 60000), 0);
        (void)rig_append(r);
        assert_int_equal(wal_sync(r->wal, 60000), 0);
        assert_int_equal(rig_read_after_crash(r), r->frames);
        assert_int_equal(wal_rotate(r->wal), 0);
        r->config.next_lsn = rig_stats(r).next_lsn;
        assert_int_equal(wal_close(&r->wal), 0);
    }
}

static void
who_waits_for_what_does_not_come_is_told(void **state)
{
    struct wal_rig *r = *state;
    rig_open(r);
    assert_int_equal(wal_wait(r->wal, 1, 20), -ETIMEDOUT);
    sim_disk_fail(r->disk, SIM_MUTATING, 1, -EIO, SIM_FOREVER);
    assert_int_equal(wal_wait(r->wal, rig_append(r), 60000), -EIO);
    assert_int_equal(wal_admit(r->wal, 1000), -EIO);
    wal_set_on_error(r->wal, WAL_DEGRADE);
    assert_int_equal(wal_wait(r->wal, wal_tail_position(r->wal), 60000), 0); /* given up */
    assert_int_equal(rig_stats(r).state, WAL_DETACHED);
    sim_disk_fail(r->disk, 0, 0, 0, SIM_ONCE);
    assert_int_equal(wal_reattach(r->wal), 0);
    assert_int_equal(wal_wait(r->wal, rig_append(r), 60000), 0);
}

static void
hold_up(void *ud, enum sim_op op, const char *name)
{
    struct parker parker;
    (void)ud;
    (void)name;
    parker_init(&parker);
    if (op == SIM_SYNC)
        parker_sleep(&parker, 100);
}

static void
a_slow_disk_fills_the_ring_and_admission_is_refused(void **state)
{
    struct wal_rig *r = *state;
    r->config.ring_bytes = 16384;
    rig_open(r);
    sim_disk_set_hook(r->disk, hold_up, NULL);
    bool refused = false;
    for (int i = 0; i < 5000 && !refused; i++) {
        int rc = wal_admit(r->wal, 2);
        refused = rc == -EAGAIN;
        if (rc == 0)
            (void)rig_append(r);
    }
    assert_true(refused);
    assert_int_equal(wal_admit(r->wal, -1), 0); /* for ever, if need be */
    r->value_bytes = 1000;
    for (int i = 0; i < 20; i++)
        (void)rig_append(r); /* waits for the flusher rather than be lost */
    sim_disk_set_hook(r->disk, NULL, NULL);
    assert_int_equal(wal_sync(r->wal, 60000), 0);
    assert_int_equal(rig_read_after_crash(r), r->frames);
}

static void
an_idle_log_leaves_the_disk_alone(void **state)
{
    struct wal_rig *r = *state;
    struct parker parker;
    parker_init(&parker);
    r->config.policy = WAL_POLICY_EVERYSEC;
    rig_open(r);
    (void)rig_append(r);
    assert_int_equal(wal_sync(r->wal, 60000), 0);
    uint64_t calls = sim_disk_calls(r->disk, SIM_ANY);
    parker_sleep(&parker, 50);
    assert_int_equal(sim_disk_calls(r->disk, SIM_ANY), calls);
}

/* ---- everything at once ---- */

struct producer {
    struct wal_rig *rig;
    struct thread thread;
    uint32_t number, frames;
    _Atomic bool done;
};

static void *
produce(void *arg)
{
    struct producer *p = arg;
    struct rng rng = rng_from_seed(p->number);
    unsigned char value[300] = { 0 };
    for (uint32_t n = 0; n < p->frames; n++) {
        uint32_t key[2] = { p->number, n };
        struct wal_op op = { .kind = WAL_PUT,
                             .key = attl_b(key, sizeof(key)),
                             .value = attl_b(value, rng_below(&rng, sizeof(value))),
                             .deadline_ms = ATTL_NO_DEADLINE };
        while (wal_admit(p->rig->wal, 1000) != 0)
            sched_yield();
        uint64_t end = wal_append(p->rig->wal, &op, NULL, NULL);
        if (rng_one_in(&rng, 50))
            (void)wal_wait(p->rig->wal, end, 1000); /* whatever it says */
    }
    atomic_store(&p->done, true);
    return NULL;
}

static void
disturb(struct wal_rig *r, struct rng *rng)
{
    struct parker parker;
    parker_init(&parker);
    switch (rng_below(rng, 6)) {
    case 0: (void)wal_rotate(r->wal); break;
    case 1: (void)wal_sync(r->wal, 1000); break;
    case 2: /* not `no`: a failing sync would leave a gap */
        wal_set_policy(r->wal, rng_one_in(rng, 2) ? WAL_POLICY_ALWAYS : WAL_POLICY_EVERYSEC);
        break;
    case 3: sim_disk_fail(r->disk, SIM_MUTATING, rng_range(rng, 1, 20), -EIO, SIM_ONCE); break;
    default:
        CHECK(rig_stats(r).durable_lsn <= rig_stats(r).next_lsn, "figures");
        parker_sleep(&parker, (int64_t)rng_below(rng, 4) + 1);
    }
}

static void
count_in_order(void *ud, const struct wal_frame *f, bool behind_gap)
{
    uint32_t *next = ud, key[2];
    CHECK(!behind_gap, "a gap");
    if (f->op.kind == WAL_MARK)
        return;
    memcpy(key, f->op.key.data, sizeof(key));
    CHECK(key[1] == next[key[0]], "producer %u: %u instead of %u", key[0], key[1], next[key[0]]);
    next[key[0]]++;
}

static bool
all_done(struct producer *producers)
{
    bool done = true;
    for (unsigned i = 0; i < PRODUCERS; i++)
        done &= atomic_load(&producers[i].done);
    return done;
}

static void
nothing_is_lost_whatever_goes_on_at_once(void **state)
{
    struct wal_rig *r = *state;
    struct producer producers[PRODUCERS];
    struct rng rng = rng_from_seed(test_seed());
    struct log_end end;
    uint32_t next[PRODUCERS] = { 0 };
    test_announce("wal_flusher", rng.state);
    r->config.policy = WAL_POLICY_EVERYSEC;
    rig_open(r);
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        producers[i] =
            (struct producer){ .rig = r, .number = i, .frames = (uint32_t)test_scaled(40000) };
        CHECK(thread_start(&producers[i].thread, "producer", produce, &producers[i]), "thread");
    }
    while (!all_done(producers))
        disturb(r, &rng);
    for (unsigned i = 0; i < PRODUCERS; i++)
        thread_join(&producers[i].thread);
    sim_disk_fail(r->disk, 0, 0, 0, SIM_ONCE);
    struct wal_stats s = rig_stats(r);
    printf("# %" PRIu64 " groups, %" PRIu64 " segments, %" PRIu64 " syncs, %" PRIu64 " failures\n",
           s.groups, s.segments, s.syncs, s.write_errors + s.sync_errors);
    assert_int_equal(wal_close(&r->wal), 0);
    sim_disk_crash(r->disk, 1);
    log_scan(r->disk, count_in_order, next, &end);
    for (unsigned i = 0; i < PRODUCERS; i++)
        assert_int_equal(next[i], producers[i].frames);
}

int
main(void)
{
#define FLUSHER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        FLUSHER_TEST(who_waits_is_woken),
        FLUSHER_TEST(who_waits_for_what_does_not_come_is_told),
        FLUSHER_TEST(a_slow_disk_fills_the_ring_and_admission_is_refused),
        FLUSHER_TEST(an_idle_log_leaves_the_disk_alone),
        FLUSHER_TEST(nothing_is_lost_whatever_goes_on_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
