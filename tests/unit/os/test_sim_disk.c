/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated disk keeps the contract of os/disk.h like the real one, fails when it was told to,
 * runs out of space, and may be shared by threads. What crashes leave is in test_sim_crash.c.
 */
#include "support/sim_disk.h"

#include "disk_contract.h"
#include "sim_fixture.h"
#include "support/check.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
the_contract_holds(void **state)
{
    struct fixture *x = *state;
    disk_contract_check(x->d);
    disk_contract_check(x->d);
    assert_int_equal(x->d->ops->sync_dir(x->d), 0);
    assert_true(sim_disk_is_durable(x->sim));
}

static void
open_files_are_stale_after_a_crash(void **state)
{
    struct fixture *x = *state;
    char byte;
    put_durably(x->d, "a", "kept");
    struct disk_file *f = must_open(x->d, "a", DISK_WRITE);
    struct disk_file *gone = must_open(x->d, "b", DISK_CREATE);
    sim_disk_crash_with(x->sim, 1, SIM_CRASH_NOTHING);
    assert_false(sim_disk_has(x->sim, "b"));
    for (int i = 0; i < 2; i++) {
        struct disk_file *stale = i == 0 ? f : gone;
        assert_int_equal(x->d->ops->write(x->d, stale, "x", 1, 0), -EIO);
        assert_int_equal(x->d->ops->read(x->d, stale, &byte, 1, 0), -EIO);
        assert_int_equal(x->d->ops->sync(x->d, stale), -EIO);
        assert_int_equal(x->d->ops->size(x->d, stale), -EIO);
        assert_int_equal(x->d->ops->truncate(x->d, stale, 0), -EIO);
        assert_int_equal(x->d->ops->allocate(x->d, stale, 9, true), -EIO);
        assert_int_equal(x->d->ops->close(x->d, stale), -EIO);
    }
    disk_contract_expect(x->d, "a", "kept");
}

static void
the_power_goes_after_the_nth_change(void **state)
{
    struct fixture *x = *state;
    uint64_t free_bytes;
    sim_disk_crash_after(x->sim, 2);
    struct disk_file *f = must_open(x->d, "a", DISK_CREATE);
    assert_int_equal(x->d->ops->size(x->d, f), 0); /* no change */
    assert_int_equal(x->d->ops->write(x->d, f, "x", 1, 0), 0);
    assert_false(sim_disk_is_dead(x->sim));
    assert_int_equal(x->d->ops->sync(x->d, f), -EIO);
    assert_true(sim_disk_is_dead(x->sim));
    assert_int_equal(x->d->ops->size(x->d, f), -EIO);
    assert_int_equal(x->d->ops->write(x->d, f, "x", 1, 0), -EIO);
    assert_int_equal(x->d->ops->free_bytes(x->d, &free_bytes), -EIO);
    assert_int_equal(x->d->ops->close(x->d, f), -EIO);
    sim_disk_crash_with(x->sim, 1, SIM_CRASH_ALL);
    assert_false(sim_disk_is_dead(x->sim));
    disk_contract_expect(x->d, "a", "x");
    sim_disk_crash_after(x->sim, UINT64_MAX);
    disk_contract_put(x->d, "b", "y");
}

static void
the_nth_call_of_a_kind_fails(void **state)
{
    struct fixture *x = *state;
    struct disk_file *f = must_open(x->d, "a", DISK_CREATE);
    sim_disk_fail(x->sim, SIM_SYNC | SIM_SIZE, 2, -EDQUOT, SIM_ONCE);
    assert_int_equal(x->d->ops->sync(x->d, f), 0);
    assert_int_equal(x->d->ops->write(x->d, f, "x", 1, 0), 0);
    assert_int_equal(x->d->ops->size(x->d, f), -EDQUOT);
    assert_int_equal(x->d->ops->size(x->d, f), 1);
    assert_int_equal(sim_disk_failures(x->sim), 1);
    sim_disk_fail(x->sim, SIM_WRITE, 1, -EIO, SIM_FOREVER);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(x->d->ops->write(x->d, f, "x", 1, 0), -EIO);
    }
    assert_int_equal(sim_disk_failures(x->sim), 3);
    sim_disk_fail(x->sim, 0, 0, 0, SIM_ONCE);
    assert_int_equal(x->d->ops->write(x->d, f, "x", 1, 0), 0);
    assert_int_equal(x->d->ops->close(x->d, f), 0);
    assert_int_equal(sim_disk_calls(x->sim, SIM_WRITE), 5);
    assert_int_equal(sim_disk_calls(x->sim, SIM_WRITE | SIM_SYNC | SIM_CLOSE), 7);
}

static void
every_call_can_fail(void **state)
{
    struct fixture *x = *state;
    struct disk *d = x->d;
    char byte;
    uint64_t bytes;
    struct disk_file *f = must_open(d, "a", DISK_CREATE), *g;
    sim_disk_fail(x->sim, SIM_ANY, 1, -ENXIO, SIM_FOREVER);
    assert_int_equal(d->ops->open(d, "a", DISK_READ, &g), -ENXIO);
    assert_int_equal(d->ops->open(d, "b", DISK_CREATE, &g), -ENXIO);
    assert_int_equal(d->ops->read(d, f, &byte, 1, 0), -ENXIO);
    assert_int_equal(d->ops->write(d, f, "x", 1, 0), -ENXIO);
    assert_int_equal(d->ops->sync(d, f), -ENXIO);
    assert_int_equal(d->ops->allocate(d, f, 10, false), -ENXIO);
    assert_int_equal(d->ops->truncate(d, f, 0), -ENXIO);
    assert_int_equal(d->ops->size(d, f), -ENXIO);
    assert_int_equal(d->ops->rename(d, "a", "b"), -ENXIO);
    assert_int_equal(d->ops->remove(d, "a"), -ENXIO);
    assert_int_equal(d->ops->sync_dir(d), -ENXIO);
    assert_int_equal(d->ops->list(d, NULL, NULL), -ENXIO);
    assert_int_equal(d->ops->free_bytes(d, &bytes), -ENXIO);
    assert_int_equal(d->ops->close(d, f), -ENXIO); /* and is closed */
    assert_true(sim_disk_has(x->sim, "a"));
    assert_false(sim_disk_has(x->sim, "b"));
}

static void
a_failed_write_leaves_any_part(void **state)
{
    struct fixture *x = *state;
    static char bytes[4 * SECTOR];
    unsigned nothing = 0, all = 0, some = 0;
    memset(bytes, 'n', sizeof bytes);
    for (int i = 0; i < TRIES; i++) {
        size_t len, count = 0;
        sim_disk_put(x->sim, "a", "", 0);
        struct disk_file *f = must_open(x->d, "a", DISK_WRITE);
        sim_disk_fail(x->sim, SIM_WRITE, 1, -EIO, SIM_ONCE);
        assert_int_equal(x->d->ops->write(x->d, f, bytes, sizeof bytes, 0), -EIO);
        assert_int_equal(x->d->ops->close(x->d, f), 0);
        char *got = sim_disk_get(x->sim, "a", &len);
        assert_true(len <= sizeof bytes);
        for (size_t k = 0; k < len; k++) {
            count += got[k] == 'n';
        }
        free(got);
        nothing += count == 0;
        all += count == sizeof bytes;
        some += count > 0 && count < sizeof bytes;
    }
    assert_true(nothing > 0 && all > 0 && some > 0);
}

static void
space_runs_out_and_comes_back(void **state)
{
    struct fixture *x = *state;
    struct disk *d = x->d;
    uint64_t bytes;
    sim_disk_set_capacity(x->sim, 1000);
    struct disk_file *f = must_open(d, "a", DISK_CREATE);
    assert_int_equal(d->ops->allocate(d, f, 600, true), 0);
    assert_int_equal(d->ops->free_bytes(d, &bytes), 0);
    assert_int_equal(bytes, 400);
    struct disk_file *g = must_open(d, "b", DISK_CREATE);
    char text[500] = { 0 };
    assert_int_equal(d->ops->write(d, g, text, 500, 0), -ENOSPC);
    assert_int_equal(d->ops->size(d, g), 400);                /* what fitted */
    assert_int_equal(d->ops->write(d, f, text, 500, 100), 0); /* inside what is allocated */
    assert_int_equal(d->ops->truncate(d, g, 0), 0);
    assert_int_equal(d->ops->allocate(d, g, 401, false), -ENOSPC);
    assert_int_equal(d->ops->allocate(d, g, 400, false), 0);
    assert_int_equal(d->ops->remove(d, "a"), 0);
    assert_int_equal(d->ops->sync_dir(d), 0);
    assert_int_equal(d->ops->free_bytes(d, &bytes), 0);
    assert_int_equal(bytes, 0); /* it is still open */
    assert_int_equal(d->ops->close(d, f), 0);
    assert_int_equal(d->ops->free_bytes(d, &bytes), 0);
    assert_int_equal(bytes, 600);
    sim_disk_set_capacity(x->sim, 100); /* less than is used */
    assert_int_equal(d->ops->write(d, g, text, 10, 400), -ENOSPC);
    sim_disk_set_capacity(x->sim, 2000);
    assert_int_equal(d->ops->write(d, g, text, 10, 400), 0);
    assert_int_equal(d->ops->close(d, g), 0);
}

static void
rot_is_seen_and_stays(void **state)
{
    struct fixture *x = *state;
    put_durably(x->d, "a", "0123");
    sim_disk_flip(x->sim, "a", 2, 1);
    disk_contract_expect(x->d, "a", "0133");
    sim_disk_crash(x->sim, 1);
    disk_contract_expect(x->d, "a", "0133");
    sim_disk_drop(x->sim, "a");
    sim_disk_drop(x->sim, "a");
    disk_contract_expect(x->d, "a", NULL);
    assert_true(sim_disk_is_durable(x->sim));
}

/* ---- threads ---- */

struct worker {
    pthread_t thread;
    struct disk *d;
    char name[8];
};

static _Atomic unsigned hooked;

static void
count_hooks(void *ud, enum sim_op op, const char *name)
{
    (void)ud;
    hooked += op == SIM_WRITE && name[0] == 'w';
}

static void *
work(void *arg)
{
    struct worker *w = arg;
    struct disk_file *f;
    for (unsigned i = 0; i < 200; i++) {
        CHECK(w->d->ops->open(w->d, w->name, DISK_CREATE, &f) == 0, "%s", w->name);
        CHECK(w->d->ops->write(w->d, f, w->name, 3, 0) == 0, "%s", w->name);
        CHECK(w->d->ops->sync(w->d, f) == 0, "%s", w->name);
        CHECK(w->d->ops->close(w->d, f) == 0, "%s", w->name);
        CHECK(w->d->ops->remove(w->d, w->name) == 0, "%s", w->name);
        CHECK(w->d->ops->sync_dir(w->d) == 0, "%s", w->name);
    }
    return NULL;
}

static void
threads_share_a_disk(void **state)
{
    struct fixture *x = *state;
    struct worker workers[4];
    sim_disk_set_hook(x->sim, count_hooks, NULL);
    for (int i = 0; i < 4; i++) {
        workers[i].d = x->d;
        (void)snprintf(workers[i].name, sizeof workers[i].name, "w%d", i);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    }
    assert_int_equal(hooked, 800);
    assert_int_equal(sim_disk_calls(x->sim, SIM_WRITE), 800);
    assert_true(sim_disk_is_durable(x->sim));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(the_contract_holds),
        SIM_TEST(open_files_are_stale_after_a_crash),
        SIM_TEST(the_power_goes_after_the_nth_change),
        SIM_TEST(the_nth_call_of_a_kind_fails),
        SIM_TEST(every_call_can_fail),
        SIM_TEST(a_failed_write_leaves_any_part),
        SIM_TEST(space_runs_out_and_comes_back),
        SIM_TEST(rot_is_seen_and_stays),
        SIM_TEST(threads_share_a_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
