/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The offline commands on a disk that fails: at the n-th call, at the n-th change by losing power,
 * and with a server writing and removing files at the worst moment. A failure to read is never
 * called damage, nothing is ever lost, and an interrupted restore can be run again. Every
 * choice is a fixed one, and every step is tried.
 */
#include "cli_support.h"

#include "base/alloc.h"
#include "cli/offline_check.h"
#include "cli/offline_dump.h"
#include "cli/offline_restore.h"
#include "cli/offline_snapshot.h"
#include "cli/offline_start.h"
#include "cli/offline_wal.h"
#include "support/snapshot_sample.h"
#include "support/wal_log.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

enum { STEPS_MOST = 5000, CRASH_SEEDS = 4, ENTRIES = 20 };

struct site {
    struct sim_disk *sim;
    struct sample_alloc alloc;
    char old_name[SEGMENT_NAME_MAX], new_name[SEGMENT_NAME_MAX];
    struct cli_offline want;
    struct capture out;
    char *err;
};

/* Two segments, changes 1 to 20; snapshots before 8 and 15. */
static struct sim_disk *
make_disk(struct site *s)
{
    attl_allocator alloc = alloc_default();
    struct sim_disk *sim = sim_disk_new(1);
    for (unsigned first = 1; first < 20; first += 10) {
        struct wal_log l;
        wal_log_begin(&l, first, false);
        wal_log_puts(&l, 9);
        wal_log_mark(&l, l.next_lsn);
        wal_log_store(&l, sim);
        wal_log_free(&l);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct snapshot_writer *w;
        struct snapshot_meta meta = { .version = SNAPSHOT_VERSION,
                                      .kind = SNAPSHOT_POINT_IN_TIME,
                                      .cut_lsn = i ? 15 : 8,
                                      .created_ms = 1000 };
        struct snapshot_sample entry;
        assert_int_equal(snapshot_writer_open(sim_disk_table(sim), &alloc, &meta, &w), 0);
        for (uint32_t n = 0; n < ENTRIES; n++) {
            sample_make(n, &entry);
            assert_int_equal(snapshot_writer_add(w, &entry.entry), 0);
        }
        assert_int_equal(
            snapshot_writer_finish(&w, meta.cut_lsn, &meta, i ? s->new_name : s->old_name), 0);
    }
    return sim;
}

static int
site_setup(void **state)
{
    struct site *s = calloc(1, sizeof *s);
    assert_non_null(s);
    sample_alloc_init(&s->alloc);
    s->sim = make_disk(s);
    s->want = (struct cli_offline){ .dir = "DIR", .to_lsn = INT64_MAX, .yes = true };
    s->want.name = s->old_name;
    *state = s;
    return 0;
}

static int
site_teardown(void **state)
{
    struct site *s = *state;
    sim_disk_free(&s->sim);
    free(s->out.text);
    free(s->err);
    free(s);
    return 0;
}

/* What it printed is in s->out and s->err afterwards. */
static int
run_on(struct site *s, struct sim_disk *sim, int (*command)(struct offline *o))
{
    free(s->out.text);
    free(s->err);
    capture_begin(&s->out);
    stderr_begin();
    struct offline o = { .want = &s->want,
                         .json = true,
                         .out = s->out.file,
                         .alloc = s->alloc.hooks,
                         .disk = sim_disk_table(sim) };
    int code = command(&o);
    s->err = stderr_end();
    (void)capture_end(&s->out); /* s->out has the text */
    return code;
}

/* A start uses the old snapshot and nothing else, and says so without complaint. */
static void
expect_restored(struct site *s, struct sim_disk *sim)
{
    char text[256];
    assert_int_equal(run_on(s, sim, offline_check), EX_OK);
    (void)snprintf(text, sizeof text, "\"type\":\"start\",\"result\":\"fine\",\"snapshot\":\"%s\"",
                   s->old_name); /* fits */
    if (!strstr(s->out.text, text) || !strstr(s->out.text, "\"changes\":0,"))
        fail_msg("not restored:\n%s", s->out.text);
}

struct names {
    unsigned snapshots, segments;
};

static void
count_name(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    struct names *n = ud;
    (void)bytes;
    (void)modified_ms;
    n->snapshots += strstr(name, "snap-") && !strstr(name, ".tmp");
    n->segments += strstr(name, "wal-") && !strstr(name, ".tmp");
}

/* Both snapshots are there, whatever they are called, and at least as many pieces of the log. */
static void
expect_nothing_lost(struct sim_disk *sim)
{
    struct names n = { 0 };
    struct disk *d = sim_disk_table(sim);
    assert_int_equal(d->ops->list(d, count_name, &n), 0);
    assert_int_equal(n.snapshots, 2);
    assert_true(n.segments >= 2);
}

/* ---- restore --------------------------------------------------------------------------------- */

/* False if it was done before the power went. */
static bool
restore_loses_power(struct site *s, uint64_t after, uint64_t seed)
{
    struct sim_disk *sim = sim_disk_clone(s->sim, seed);
    sim_disk_crash_after(sim, after);
    int code = run_on(s, sim, offline_restore);
    bool dead = sim_disk_is_dead(sim);
    assert_int_equal(code, dead ? EX_IOERR : EX_OK);
    sim_disk_crash(sim, seed);
    if (!dead)
        expect_restored(s, sim); /* and all of it was durable */
    assert_int_equal(run_on(s, sim, offline_restore), EX_OK);
    expect_restored(s, sim);
    expect_nothing_lost(sim);
    sim_disk_free(&sim);
    return dead;
}

static void
a_restore_may_lose_power_at_any_step(void **state)
{
    uint64_t after = 0;
    for (bool dead = true; dead; after++) {
        assert_true(after < STEPS_MOST);
        dead = false;
        for (uint64_t seed = 1; seed <= CRASH_SEEDS; seed++)
            dead = restore_loses_power(*state, after, seed * 1000 + after) || dead;
    }
    assert_true(after > 4); /* there were steps */
}

static void
a_restore_may_fail_at_any_call(void **state)
{
    struct site *s = *state;
    for (uint64_t nth = 1; nth < STEPS_MOST; nth++) {
        struct sim_disk *sim = sim_disk_clone(s->sim, nth);
        sim_disk_fail(sim, SIM_ANY & ~SIM_CLOSE, nth, -EIO, SIM_ONCE);
        int code = run_on(s, sim, offline_restore);
        bool met = sim_disk_failures(sim) > 0;
        if (!met)
            assert_int_equal(code, EX_OK);
        else if (code != EX_IOERR && code != EX_OK)
            fail_msg("call %u failed, and the status was %d:\n%s", (unsigned)nth, code, s->err);
        sim_disk_fail(sim, SIM_ANY, 0, 0, SIM_ONCE);
        assert_int_equal(run_on(s, sim, offline_restore), EX_OK);
        expect_restored(s, sim);
        expect_nothing_lost(sim);
        sim_disk_free(&sim);
        if (!met)
            return;
    }
    fail_msg("it never ended");
}

/* ---- looking --------------------------------------------------------------------------------- */

static int (*const lookers[])(struct offline *o) = { offline_check,         offline_wal_list,
                                                     offline_wal_verify,    offline_wal_dump,
                                                     offline_snapshot_list, offline_snapshot_verify,
                                                     offline_snapshot_dump };
enum { LOOKERS = sizeof lookers / sizeof lookers[0] };

/* Fails each call in turn with `error`; the status must be one of two, and fine in the end. */
static void
look_with_failures(struct site *s, unsigned ops, int error, int code_a, int code_b)
{
    for (size_t i = 0; i < LOOKERS; i++)
        for (uint64_t nth = 1;; nth++) {
            assert_true(nth < STEPS_MOST);
            sim_disk_fail(s->sim, ops, nth, error, SIM_ONCE);
            int code = run_on(s, s->sim, lookers[i]);
            if (sim_disk_failures(s->sim) == 0) {
                assert_int_equal(code, EX_OK);
                break;
            }
            if (code != code_a && code != code_b)
                fail_msg("command %zu, call %u: %d\n%s%s", i, (unsigned)nth, code, s->out.text,
                         s->err);
        }
}

static void
what_cannot_be_read_is_not_called_damage(void **state)
{
    look_with_failures(*state, SIM_ANY & ~SIM_CLOSE, -EIO, EX_IOERR, EX_OK);
}

static void
a_failed_close_of_a_file_that_was_read_is_nothing(void **state)
{
    look_with_failures(*state, SIM_CLOSE, -EIO, EX_OK, EX_OK);
}

static void
lack_of_memory_is_told(void **state)
{
    struct site *s = *state;
    for (size_t i = 0; i <= LOOKERS; i++)
        for (int64_t nth = 1;; nth++) {
            assert_true(nth < STEPS_MOST);
            struct sim_disk *sim = sim_disk_clone(s->sim, 1);
            s->alloc.calls = 0;
            s->alloc.fail_at = nth;
            int code = run_on(s, sim, i < LOOKERS ? lookers[i] : offline_restore);
            bool met = s->alloc.calls >= nth;
            s->alloc.fail_at = 0;
            sim_disk_free(&sim);
            assert_int_equal(s->alloc.live_bytes, 0);
            if (!met) {
                assert_int_equal(code, EX_OK);
                break;
            }
            if (code != EX_OSERR && code != EX_OK)
                fail_msg("command %zu, allocation %d: %d\n%s%s", i, (int)nth, code, s->out.text,
                         s->err);
        }
}

/* ---- a server at work ------------------------------------------------------------------------ */

struct meddler {
    struct site *site;
    const char *on; /* opening this file sets it off */
    const char *drop;
    struct wal_log *put[2];
    bool done;
};

static void
meddle(void *ud, enum sim_op op, const char *name)
{
    struct meddler *m = ud;
    if (m->done || op != SIM_OPEN || strcmp(name, m->on) != 0)
        return;
    m->done = true;
    if (m->drop)
        sim_disk_drop(m->site->sim, m->drop);
    for (int i = 0; i < 2; i++)
        if (m->put[i])
            wal_log_store(m->put[i], m->site->sim);
}

static void
files_that_vanish_are_no_damage(void **state)
{
    struct site *s = *state;
    char first[SEGMENT_NAME_MAX];
    segment_name(1, first);
    for (size_t i = 0; i < LOOKERS; i++) {
        struct sim_disk *whole = s->sim;
        s->sim = sim_disk_clone(whole, 1);
        struct meddler m = { .site = s, .on = first, .drop = first };
        sim_disk_set_hook(s->sim, meddle, &m);
        assert_int_equal(run_on(s, s->sim, lookers[i]), EX_OK);
        sim_disk_free(&s->sim);
        s->sim = sim_disk_clone(whole, 1);
        m = (struct meddler){ .site = s, .on = s->old_name, .drop = s->old_name };
        sim_disk_set_hook(s->sim, meddle, &m);
        int code = run_on(s, s->sim, lookers[i]);
        assert_int_equal(code, lookers[i] == offline_snapshot_dump ? EX_NOINPUT : EX_OK);
        sim_disk_free(&s->sim);
        s->sim = whole;
    }
}

/*
 * The first segment is read before its last change is there; when the second is looked at, that
 * testifies that the change is durable. Together that looks like damage, a second look finds none.
 */
static void
what_is_written_meanwhile_is_no_damage(void **state)
{
    struct site *s = *state;
    struct wal_log early, full, next;
    wal_log_begin(&early, 1, false);
    wal_log_puts(&early, 9);
    wal_log_begin(&full, 1, false);
    wal_log_puts(&full, 10);
    wal_log_begin(&next, 11, false);
    wal_log_puts(&next, 5);
    wal_log_mark(&next, 15);
    wal_log_store(&early, s->sim);
    wal_log_store(&next, s->sim);
    struct meddler m = { .site = s, .on = next.name, .put = { &full, NULL } };
    sim_disk_set_hook(s->sim, meddle, &m);
    assert_int_equal(run_on(s, s->sim, offline_wal_verify), EX_OK);
    assert_true(m.done);
    assert_non_null(strstr(s->out.text, "\"first_lsn\":1,\"last_lsn\":16,\"frames\":16,"));
    wal_log_free(&early);
    wal_log_free(&full);
    wal_log_free(&next);
}

int
main(void)
{
#define SITE_TEST(f) cmocka_unit_test_setup_teardown(f, site_setup, site_teardown)
    const struct CMUnitTest tests[] = {
        SITE_TEST(a_restore_may_lose_power_at_any_step),
        SITE_TEST(a_restore_may_fail_at_any_call),
        SITE_TEST(what_cannot_be_read_is_not_called_damage),
        SITE_TEST(a_failed_close_of_a_file_that_was_read_is_nothing),
        SITE_TEST(lack_of_memory_is_told),
        SITE_TEST(files_that_vanish_are_no_damage),
        SITE_TEST(what_is_written_meanwhile_is_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
