/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log when the n-th call of a kind fails, for n = 1, 2, ... until none is left to fail: writes,
 * syncs, creations, renames, directory syncs, allocations, cuts, removals, all of them; once, or
 * until somebody repairs the disk. Whatever was acknowledged under `always` survives a power loss,
 * at the moment of the failure and at the end; when the disk works again nothing at all is missing.
 * The same for the n-th allocation of memory, which only opening makes.
 */
#include "support/check.h"
#include "support/wal_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { APPENDS = 40, REPAIR_AFTER = 4, WALK_MOST = 2000 };

struct run {
    unsigned ops;
    uint64_t nth;
    enum sim_span span;
    enum wal_policy policy;
    bool hit; /* the fault was met */
};

/* Opening may be what fails: it says so, leaves nothing open, and works afterwards. */
static void
open_at_last(struct wal_rig *r, struct run *run)
{
    char err[200] = "";
    int rc = wal_open(&r->config, &r->wal, err, sizeof(err));
    if (rc == 0)
        return;
    run->hit = true;
    CHECK(rc == -EIO && err[0] != '\0' && !r->wal, "%d %s", rc, err);
    CHECK(sim_disk_failures(r->disk) > 0, "%d without a failure: %s", rc, err);
    sim_disk_fail(r->disk, 0, 0, 0, SIM_ONCE);
    rig_open(r);
}

static void
append_all(struct wal_rig *r, struct run *run)
{
    uint32_t acknowledged = 0, refused = 0;
    for (int i = 0; i < APPENDS; i++) {
        if (wal_admit(r->wal, 0) == 0) {
            int rc = wal_wait(r->wal, rig_append(r), 0);
            CHECK(rc == 0 || rc == -EIO, "wait: %d", rc);
            if (rc == 0)
                acknowledged = r->frames;
        } else {
            refused++;
        }
        if (run->policy == WAL_POLICY_ALWAYS)
            CHECK(rig_read_after_crash(r) >= acknowledged, "%u were acknowledged", acknowledged);
        if (refused == REPAIR_AFTER) {
            sim_disk_fail(r->disk, 0, 0, 0, SIM_ONCE);
            run->hit = true;
        }
        rig_pass(r, refused > 0 ? 1100 : 3);
    }
    run->hit |= sim_disk_failures(r->disk) > 0;
}

static void
run_one(struct run *run)
{
    struct wal_rig r;
    rig_init(&r);
    r.config.policy = run->policy;
    r.config.segment_bytes = 1024;
    sim_disk_fail(r.disk, run->ops, run->nth, -EIO, run->span);
    open_at_last(&r, run);
    append_all(&r, run);
    sim_disk_fail(r.disk, 0, 0, 0, SIM_ONCE);
    rig_pass(&r, 2000);
    CHECK(rig_stats(&r).state == WAL_WRITING, "state %d", rig_stats(&r).state);
    CHECK(rig_stats(&r).gaps == 0, "a gap");
    CHECK(wal_sync(r.wal, 0) == 0, "sync");
    CHECK(rig_read_after_crash(&r) == r.frames, "%u frames", r.frames);
    CHECK(wal_close(&r.wal) == 0, "close");
    CHECK(rig_read_after_crash(&r) == r.frames, "%u frames", r.frames);
    rig_fini(&r);
}

static uint64_t
walk(unsigned ops, enum sim_span span, enum wal_policy policy)
{
    struct run run = { .ops = ops, .span = span, .policy = policy, .hit = true };
    while (run.hit) {
        run.nth++;
        CHECK(run.nth < WALK_MOST, "no end");
        run.hit = false;
        run_one(&run);
    }
    return run.nth - 1;
}

static const unsigned kinds[] = {
    SIM_WRITE,    SIM_SYNC,     SIM_CREATE, SIM_RENAME, SIM_SYNC_DIR,
    SIM_ALLOCATE, SIM_TRUNCATE, SIM_REMOVE, SIM_CLOSE,  SIM_MUTATING
};

static void
walk_all(enum wal_policy policy)
{
    uint64_t runs = 0;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        runs += walk(kinds[i], SIM_ONCE, policy);
        runs += walk(kinds[i], SIM_FOREVER, policy);
    }
    printf("# %" PRIu64 " failures\n", runs);
    assert_true(runs > 100);
}

static void
under_always_nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    walk_all(WAL_POLICY_ALWAYS);
}

static void
under_everysec_all_is_there_when_the_disk_is_back(void **state)
{
    (void)state;
    walk_all(WAL_POLICY_EVERYSEC);
}

struct scarce {
    uint64_t left, live;
};

static void *
scarce_alloc(void *ud, size_t bytes)
{
    struct scarce *s = ud;
    if (s->left == 0)
        return NULL;
    s->left--;
    s->live++;
    return malloc(bytes);
}

static void
scarce_free(void *ud, void *ptr)
{
    struct scarce *s = ud;
    s->live -= ptr != NULL;
    free(ptr);
}

static void
without_memory_opening_fails_and_leaves_nothing(void **state)
{
    (void)state;
    struct wal_rig r;
    char err[200];
    rig_init(&r);
    for (uint64_t allowed = 0;; allowed++) {
        struct scarce s = { .left = allowed };
        r.config.alloc = (attl_allocator){ scarce_alloc, scarce_free, &s };
        int rc = wal_open(&r.config, &r.wal, err, sizeof(err));
        if (rc == 0) {
            assert_int_equal(wal_close(&r.wal), 0);
            assert_int_equal(s.live, 0);
            assert_true(allowed >= 3);
            break;
        }
        assert_int_equal(rc, -ENOMEM);
        assert_int_equal(s.live, 0);
    }
    rig_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(under_always_nothing_acknowledged_is_lost),
        cmocka_unit_test(under_everysec_all_is_there_when_the_disk_is_back),
        cmocka_unit_test(without_memory_opening_fails_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
