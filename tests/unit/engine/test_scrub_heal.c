/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Healing when more goes wrong: calls of the disk that fail, memory that is refused, power that
 * goes at any moment of it. Whatever happens, nothing that a start needs is given up, and it is
 * tried again until it is done. And what is told of damage: the finding, and the incident that is
 * open as long as something is not healed.
 */
#include "api/api.h"
#include "engine/control.h"
#include "scrub_support.h"
#include "support/durable.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- healing that fails ---------------------------------------------------------------------- */

static void
heals_in_the_end(struct durable *d, unsigned ops, int error, const char *prefix)
{
    for (uint64_t nth = 1; nth < ROUNDS_MAX; nth++) {
        struct rot_list names = rot_names(d, prefix);
        const char *name = names.list[names.n - (strcmp(prefix, "snap-") == 0 ? 1 : 2)];
        sim_advance(&d->sim, 1000);
        sim_disk_flip(d->disk, name, 200, 4);
        sim_disk_fail(d->disk, ops, nth, error, SIM_ONCE);
        attl_scrub_report r = rot_scrub(d);
        bool met = sim_disk_failures(d->disk) > 0;
        sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
        assert_int_equal(r.damaged, 1);
        if (r.healed == 0)
            assert_int_equal(rot_stats(d).unhealed, 1);
        for (int i = 0; i < 20 && rot_stats(d).unhealed > 0; i++) {
            sim_advance(&d->sim, 61000);
            attl_tick(d->cache, 0, NULL);
        }
        assert_int_equal(rot_stats(d).unhealed, 0);
        assert_false(sim_disk_has(d->disk, name));
        if (!met)
            break;
        if (strcmp(prefix, "wal-0") == 0)
            rot_fill(d, 0, KEYS / 2);
    }
}

static void
a_healing_that_fails_is_tried_again(void **state)
{
    struct durable *d = *state;
    rot_populate(d);
    heals_in_the_end(d, SIM_WRITE, -ENOSPC, "snap-");
    heals_in_the_end(d, SIM_SYNC, -EIO, "snap-");
    heals_in_the_end(d, SIM_RENAME | SIM_SYNC_DIR, -EIO, "snap-");
    heals_in_the_end(d, SIM_RENAME | SIM_SYNC_DIR, -EIO, "wal-0");
    rot_reopen(d);
}

static void
nothing_older_is_removed_while_the_newest_is_not_replaced(void **state)
{
    struct durable *d = *state;
    char name[NAME_BYTES];
    rot_populate(d);
    sim_option(d->cache, "retention.snapshots", "1");
    (void)durable_files(d, "snap-", name, sizeof name);
    sim_disk_flip(d->disk, name, 200, 4);
    sim_disk_fail(d->disk, SIM_CREATE, 1, -ENOSPC, SIM_FOREVER);
    attl_scrub_report r = rot_scrub(d);
    assert_int_equal(r.damaged, 1);
    assert_int_equal(r.healed, 0);
    ASSERT_STATUS(attl_retention_run(d->cache, 0, NULL, NULL), ATTL_OK);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 2);
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    durable_crash(d, 9); /* not healed: a start takes the one before */
    durable_open(d, rot_still);
    rot_expect(d, KEYS);
}

/* Refuses one request: the one that brings `left` to 0. */
struct refusing {
    _Atomic long left;
};

static void *
refusing_alloc(void *ud, size_t size)
{
    struct refusing *m = ud;
    long left = atomic_load(&m->left);
    if (left > 0 && atomic_fetch_sub(&m->left, 1) == 1)
        return NULL;
    return malloc(size);
}

static void
refusing_free(void *ud, void *p)
{
    (void)ud;
    free(p);
}

/* At each changing call of a healing: before it, and in the middle of it. */
static void
power_goes(struct durable *d, const char *prefix)
{
    for (uint64_t n = 0; n < ROUNDS_MAX; n++) {
        attl_scrub_report r = { .struct_size = sizeof r };
        rot_populate(d);
        struct rot_list names = rot_names(d, prefix);
        const char *name = names.list[names.n - (strcmp(prefix, "snap-") == 0 ? 1 : 2)];
        sim_disk_flip(d->disk, name, 200, 4);
        sim_disk_crash_after(d->disk, n);
        (void)!attl_scrub(d->cache, &r);
        bool died = sim_disk_is_dead(d->disk);
        attl_close(&d->cache);
        sim_disk_crash(d->disk, test_seed() + n);
        int status = durable_try_open(d, rot_still);
        /* Rot in the log that no snapshot has replaced yet: strict refuses, and changes nothing. */
        if (status != ATTL_OK)
            ASSERT_STATUS(status, ATTL_E_DAMAGED);
        else
            rot_expect(d, KEYS);
        if (status != ATTL_OK)
            assert_true(strcmp(prefix, "wal-0") == 0 && sim_disk_has(d->disk, name));
        if (d->cache)
            attl_close(&d->cache);
        sim_disk_free(&d->disk);
        d->disk = sim_disk_new(n + 1);
        if (!died)
            return;
    }
}

static void
power_may_go_at_any_moment_of_healing(void **state)
{
    power_goes(*state, "snap-");
    power_goes(*state, "wal-0");
}

static void
memory_that_is_refused_is_asked_for_again(void **state)
{
    struct durable *d = *state;
    struct refusing m = { 0 };
    attl_allocator alloc = { .alloc = refusing_alloc, .free = refusing_free, .ud = &m };
    char name[NAME_BYTES];
    d->allocator = &alloc;
    rot_populate(d);
    for (long nth = 1; nth < ROUNDS_MAX; nth++) {
        attl_scrub_report r = { .struct_size = sizeof r };
        sim_advance(&d->sim, 1000);
        (void)durable_files(d, "snap-", name, sizeof name);
        sim_disk_flip(d->disk, name, 700, 4);
        m.left = nth;
        int status = attl_scrub(d->cache, &r);
        bool met = m.left == 0;
        m.left = -1;
        if (status != ATTL_OK)
            ASSERT_STATUS(status, ATTL_E_NOMEM);
        for (int i = 0; i < 50 && sim_disk_has(d->disk, name); i++) {
            sim_advance(&d->sim, 61000);
            attl_tick(d->cache, 0, NULL);
            if (rot_stats(d).unhealed == 0)
                (void)rot_scrub(d);
        }
        assert_false(sim_disk_has(d->disk, name));
        if (!met)
            break;
    }
    rot_reopen(d);
    attl_close(&d->cache);
    d->allocator = NULL;
}

/* ---- what is told ---- */

static void
damage_met_while_loading_is_a_finding(void **state)
{
    struct durable *d = *state;
    char name[NAME_BYTES];
    rot_populate(d);
    (void)durable_files(d, "snap-", name, sizeof name);
    durable_kill(d);
    sim_disk_flip(d->disk, name, 300, 2);
    durable_open(d, rot_still);
    struct control_damage c;
    control_observe_damage(d->cache, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.unhealed, 0);
    assert_string_equal(c.file, name);
    assert_true(control_next_damage(d->cache, 0, &c));
    assert_false(control_next_damage(d->cache, c.revision, &c));
    rot_expect(d, KEYS);
}

struct open_incidents {
    unsigned n;
    char actions[512], cause[160];
};

static void
see_incident(void *ud, const attl_incident *i)
{
    struct open_incidents *o = ud;
    if (i->kind != ATTL_INCIDENT_CORRUPTION)
        return;
    o->n++;
    (void)snprintf(o->actions, sizeof o->actions, "%s", i->actions);
    (void)snprintf(o->cause, sizeof o->cause, "%s", i->cause);
}

static struct open_incidents
incidents_of(struct durable *d, int open_only)
{
    struct open_incidents o = { 0 };
    ASSERT_STATUS(attl_incidents_list(d->cache, open_only, see_incident, &o), ATTL_OK);
    return o;
}

static void
damage_is_an_incident_until_it_is_healed(void **state)
{
    struct durable *d = *state;
    char name[NAME_BYTES];
    rot_populate(d);
    (void)durable_files(d, "snap-", name, sizeof name);
    sim_disk_flip(d->disk, name, 300, 2);
    sim_disk_fail(d->disk, SIM_CREATE, 1, -ENOSPC, SIM_FOREVER);
    assert_int_equal(rot_scrub(d).healed, 0);
    for (int i = 0; i < 10; i++) {
        sim_advance(&d->sim, 1000);
        attl_tick(d->cache, 0, NULL);
    }
    struct open_incidents o = incidents_of(d, 1);
    assert_int_equal(o.n, 1);
    assert_non_null(strstr(o.cause, name));
    assert_non_null(strstr(o.actions, "tried again"));
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    for (int i = 0; i < 200; i++) {
        sim_advance(&d->sim, 1000);
        attl_tick(d->cache, 0, NULL);
    }
    assert_int_equal(incidents_of(d, 1).n, 0);
    o = incidents_of(d, 0);
    assert_int_equal(o.n, 1);
    assert_non_null(strstr(o.actions, "set the snapshot aside"));
    rot_reopen(d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DURABLE_TEST(a_healing_that_fails_is_tried_again),
        DURABLE_TEST(power_may_go_at_any_moment_of_healing),
        DURABLE_TEST(memory_that_is_refused_is_asked_for_again),
        DURABLE_TEST(nothing_older_is_removed_while_the_newest_is_not_replaced),
        DURABLE_TEST(damage_met_while_loading_is_a_finding),
        DURABLE_TEST(damage_is_an_incident_until_it_is_healed),
    };
    test_announce("scrub_heal", test_seed());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
