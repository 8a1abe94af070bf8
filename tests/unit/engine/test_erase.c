/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Erasing on a disk that fails and loses power: whatever happens, in the end the names are in no
 * file, other keys are all there, and there is a receipt; a rollback does not bring back what was
 * erased, neither while older files wait to go nor after. Snapshots are not compressed, so that
 * every file can be searched for the bytes of a name.
 */
#include "api/api.h"
#include "engine/erase.h"
#include "scrub_support.h"
#include "support/durable.h"
#include "support/unit.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "secret-of-somebody"

enum { OTHERS = 60, ROUNDS = 4000, TICKS = 40 };

static const struct sim_option within[] = { { "retention.enabled", "no" },
                                            { "persist.save", "" },
                                            { "persist.compress", "no" },
                                            { "erase.within", "3600s" },
                                            { NULL, NULL } };

static void
populate(struct durable *d)
{
    durable_open(d, within);
    rot_fill(d, 0, OTHERS / 2);
    put(d->cache, "user:" SECRET ":1", "one", ATTL_TTL_NONE);
    put(d->cache, "user:" SECRET ":2", SECRET, ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    sim_advance(&d->sim, 1000);
    rot_fill(d, OTHERS / 2, OTHERS);
    put(d->cache, "user:" SECRET ":2", SECRET SECRET, ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
}

static int
try_erase(struct durable *d, int now, attl_erasure *ret)
{
    attl_slice name = attl_s("user:" SECRET ":*");
    attl_erase_request request = { .struct_size = sizeof request,
                                   .kind = ATTL_ERASE_MATCH,
                                   .names = &name,
                                   .names_len = 1,
                                   .now = (uint32_t)now,
                                   .who = "tester" };
    ret->struct_size = sizeof *ret;
    return attl_erase(d->cache, &request, ret);
}

struct search {
    struct durable *d;
    unsigned found;
};

static void
search_file(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    struct search *s = ud;
    size_t len;
    char *data = sim_disk_get(s->d->disk, name, &len);
    (void)bytes;
    (void)modified_ms;
    if (data && memmem(data, len, SECRET, sizeof SECRET - 1))
        s->found++;
    free(data);
}

/* How many files hold the secret. */
static unsigned
holding(struct durable *d)
{
    struct search s = { .d = d };
    struct disk *disk = sim_disk_table(d->disk);
    assert_int_equal(disk->ops->list(disk, search_file, &s), 0);
    return s.found;
}

struct last {
    attl_erasure receipt;
    unsigned n, open;
};

static void
take_last(void *ud, const attl_erasure *e)
{
    struct last *l = ud;
    l->receipt = *e;
    l->n++;
    l->open += e->state == ATTL_ERASE_STARTED || e->state == ATTL_ERASE_PENDING;
}

static struct last
last_of(struct durable *d)
{
    struct last l = { 0 };
    ASSERT_STATUS(attl_erase_list(d->cache, NULL, take_last, &l), ATTL_OK);
    return l;
}

/* Ticks until nothing is open. */
static void
let_it_end(struct durable *d)
{
    for (int i = 0; i < TICKS && last_of(d).open > 0; i++) {
        sim_advance(&d->sim, 61000);
        attl_tick(d->cache, 0, NULL);
    }
    assert_int_equal(last_of(d).open, 0);
}

static attl_erase_stats
stats_of(struct durable *d)
{
    attl_erase_stats st = { .struct_size = sizeof st };
    attl_erase_stats_get(d->cache, &st);
    return st;
}

static void
expect_erased(struct durable *d)
{
    rot_expect(d, OTHERS);
    assert_int_equal(holding(d), 0);
}

static void
now_leaves_nothing_behind(void **state)
{
    struct durable *d = *state;
    attl_erasure r;
    populate(d);
    assert_true(holding(d) > 0);
    ASSERT_STATUS(try_erase(d, 1, &r), ATTL_OK);
    assert_int_equal(r.state, ATTL_ERASE_DONE);
    assert_int_equal(r.checked, ATTL_ERASE_CLEAN);
    assert_int_equal(r.in_memory, 2);
    assert_int_equal(r.in_snapshots, 2);
    assert_int_equal(r.in_log, 5); /* three values and two deletions */
    assert_string_equal(r.who, "tester");
    expect_erased(d);
    durable_crash(d, 3);
    durable_open(d, within);
    expect_erased(d);
    struct last l = last_of(d);
    assert_int_equal(l.n, 1);
    assert_int_equal(l.receipt.intact, 1);
    assert_string_equal(l.receipt.hash, r.hash);
}

static void
what_has_been_done_is_counted(void **state)
{
    struct durable *d = *state;
    attl_erasure r, again;
    populate(d);
    attl_erase_stats st = stats_of(d);
    assert_int_equal(st.requested + st.pending + st.entries, 0);
    assert_int_equal(st.within_ms, 3600 * 1000);
    ASSERT_STATUS(try_erase(d, 0, &r), ATTL_OK);
    sim_advance(&d->sim, 1000);
    ASSERT_STATUS(try_erase(d, 0, &again), ATTL_OK);
    st = stats_of(d);
    assert_int_equal(st.requested, 2);
    assert_int_equal(st.pending, 2);
    assert_int_equal(st.late, 0);
    assert_int_equal(st.entries, 2);
    assert_int_equal(st.oldest_ms, r.requested_ms);
    assert_int_equal(st.due_ms, r.due_ms);
    durable_crash(d, 3);
    durable_open(d, within);
    sim_advance(&d->sim, 3600 * 1000 + 1);
    st = stats_of(d); /* counters are of this run, what is pending is not */
    assert_int_equal(st.requested + st.entries, 0);
    assert_int_equal(st.pending, 2);
    assert_int_equal(st.late, 2);
    let_it_end(d);
    st = stats_of(d);
    assert_int_equal(st.pending + st.late + st.failed, 0);
    assert_int_equal(st.done, 2);
    assert_int_equal(st.clean, 2);
    assert_true(st.files_removed > 0 && st.bytes_removed > 0);
    assert_int_equal(st.oldest_ms, 0);
}

static void
what_is_damaged_goes_as_well(void **state)
{
    struct durable *d = *state;
    attl_erasure r;
    populate(d);
    struct rot_list logs = rot_names(d, "wal-0");
    sim_disk_flip(d->disk, logs.list[0], 0, 0xff); /* not even its first byte is ours */
    sim_disk_put(d->disk, "aside-0000000000000001-wal-0000000000000001.attl", SECRET,
                 sizeof SECRET - 1);
    sim_disk_put(d->disk, "snap-0000000000000001-0000000000000001.attl.tmp", SECRET,
                 sizeof SECRET - 1);
    ASSERT_STATUS(try_erase(d, 1, &r), ATTL_OK);
    assert_int_equal(r.state, ATTL_ERASE_DONE);
    expect_erased(d);
}

static void
a_rollback_does_not_bring_it_back(void **state)
{
    struct durable *d = *state;
    attl_rollback_opts to = { .struct_size = sizeof to };
    attl_rollback_report report = { .struct_size = sizeof report };
    attl_erasure r;
    char err[256];
    populate(d);
    to.to_lsn = durable_next_lsn(d);
    ASSERT_STATUS(try_erase(d, 0, &r), ATTL_OK);
    assert_int_equal(r.state, ATTL_ERASE_PENDING);
    assert_true(r.files_left > 0 && holding(d) > 0);
    ASSERT_STATUS(attl_rollback(d->cache, &to, &report, err, sizeof err), ATTL_OK);
    rot_expect(d, OTHERS);
    durable_crash(d, 5);
    durable_open(d, within);
    assert_int_equal(last_of(d).open, 1);
    ASSERT_STATUS(attl_rollback(d->cache, &to, &report, err, sizeof err), ATTL_OK);
    rot_expect(d, OTHERS);
    sim_advance(&d->sim, 3600 * 1000 + 1);
    let_it_end(d);
    assert_int_equal(last_of(d).receipt.state, ATTL_ERASE_DONE);
    expect_erased(d);
    assert_true(attl_rollback(d->cache, &to, &report, err, sizeof err) != ATTL_OK);
    rot_expect(d, OTHERS);
}

static void
what_is_stored_again_stays(void **state)
{
    struct durable *d = *state;
    attl_erasure r;
    populate(d);
    ASSERT_STATUS(try_erase(d, 0, &r), ATTL_OK);
    put(d->cache, "user:" SECRET ":2", "again", ATTL_TTL_NONE);
    durable_crash(d, 7);
    durable_open(d, within);
    sim_advance(&d->sim, 3600 * 1000 + 1);
    let_it_end(d);
    expect(d->cache, "user:" SECRET ":2", "again");
    struct last l = last_of(d);
    assert_int_equal(l.receipt.state, ATTL_ERASE_DONE);
    assert_true(l.receipt.written_again > 0);
}

static void
a_disk_that_fails_is_asked_again(void **state)
{
    struct durable *d = *state;
    static const unsigned ops[] = { SIM_WRITE | SIM_CREATE, SIM_SYNC | SIM_SYNC_DIR,
                                    SIM_REMOVE | SIM_RENAME | SIM_LIST, SIM_READ | SIM_OPEN };
    for (unsigned i = 0; i < sizeof ops / sizeof ops[0]; i++)
        for (uint64_t nth = 1; nth < ROUNDS; nth++) {
            attl_erasure r;
            populate(d);
            sim_disk_fail(d->disk, ops[i], nth, -EIO, SIM_ONCE);
            int status = try_erase(d, 1, &r);
            bool met = sim_disk_failures(d->disk) > 0;
            sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
            if (status != ATTL_OK) { /* no receipt: nothing was done */
                ASSERT_STATUS(status, ATTL_E_IO);
                ASSERT_STATUS(try_erase(d, 1, &r), ATTL_OK);
            }
            let_it_end(d);
            expect_erased(d);
            attl_close(&d->cache);
            sim_disk_free(&d->disk);
            d->disk = sim_disk_new(nth + 1);
            if (!met)
                break;
        }
}

static void
power_may_go_at_any_moment(void **state)
{
    struct durable *d = *state;
    for (uint64_t n = 0; n < ROUNDS; n++) {
        attl_erasure r;
        populate(d);
        sim_disk_crash_after(d->disk, n);
        int status = try_erase(d, 1, &r);
        bool died = sim_disk_is_dead(d->disk);
        attl_close(&d->cache);
        sim_disk_crash(d->disk, test_seed() + n);
        durable_open(d, within);
        if (last_of(d).n == 0) { /* it was never on its way */
            assert_int_not_equal(status, ATTL_OK);
            ASSERT_STATUS(try_erase(d, 1, &r), ATTL_OK);
        }
        let_it_end(d);
        expect_erased(d);
        attl_close(&d->cache);
        sim_disk_free(&d->disk);
        d->disk = sim_disk_new(n + 1);
        if (!died)
            return;
    }
    fail();
}

/* Refuses one request: the one that brings `left` to 0. */
struct limited {
    _Atomic long left;
};

static void *
limited_alloc(void *ud, size_t size)
{
    struct limited *m = ud;
    long left = atomic_load(&m->left);
    if (left > 0 && atomic_fetch_sub(&m->left, 1) == 1)
        return NULL;
    return malloc(size);
}

static void
limited_free(void *ud, void *p)
{
    (void)ud;
    free(p);
}

static void
memory_that_is_refused_is_asked_for_again(void **state)
{
    struct durable *d = *state;
    struct limited m = { 0 };
    attl_allocator alloc = { .alloc = limited_alloc, .free = limited_free, .ud = &m };
    d->allocator = &alloc;
    for (long nth = 1; nth < ROUNDS; nth++) {
        attl_erasure r;
        populate(d);
        m.left = nth;
        int status = try_erase(d, 1, &r);
        bool met = m.left == 0;
        m.left = -1;
        if (status != ATTL_OK) {
            ASSERT_STATUS(status, ATTL_E_NOMEM);
            ASSERT_STATUS(try_erase(d, 1, &r), ATTL_OK);
        }
        let_it_end(d);
        expect_erased(d);
        attl_close(&d->cache);
        sim_disk_free(&d->disk);
        d->disk = sim_disk_new((uint64_t)nth);
        if (!met)
            break;
    }
    d->allocator = NULL;
}

static void
receipts_are_a_chain(void **state)
{
    struct durable *d = *state;
    attl_erasure r;
    size_t len;
    populate(d);
    ASSERT_STATUS(try_erase(d, 1, &r), ATTL_OK);
    ASSERT_STATUS(try_erase(d, 1, &r), ATTL_OK);
    attl_close(&d->cache);
    char *text = sim_disk_get(d->disk, ERASE_RECEIPTS_NAME, &len);
    char *who = strstr(text, "\"who\":\"tester\"");
    assert_non_null(who);
    for (char *at = who; at; at = strstr(at + 1, "\"who\":\"tester\""))
        at[7] = 'T';                                           /* somebody edits it */
    sim_disk_put(d->disk, ERASE_RECEIPTS_NAME, text, len - 3); /* and it was torn */
    free(text);
    durable_open(d, within);
    struct last l = last_of(d);
    assert_int_equal(l.n, 2);
    assert_int_equal(l.receipt.intact, 0);
    let_it_end(d);
}

static void
arguments_are_checked(void **state)
{
    struct durable *d = *state;
    attl_slice names[2] = { attl_s("a"), attl_s("") };
    attl_erase_request q = { .struct_size = sizeof q, .names = names, .names_len = 2 };
    durable_open(d, within);
    for (int kind = 0; kind < 5; kind++) {
        q.kind = kind;
        ASSERT_STATUS(attl_erase(d->cache, &q, NULL),
                      kind == ATTL_ERASE_KEY ? ATTL_OK : ATTL_E_INVALID);
    }
    q.kind = ATTL_ERASE_KEY;
    q.names_len = 0;
    ASSERT_STATUS(attl_erase(d->cache, &q, NULL), ATTL_E_INVALID);
    ASSERT_STATUS(attl_erase_list(d->cache, "nobody", take_last, &(struct last){ 0 }), ATTL_MISS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DURABLE_TEST(now_leaves_nothing_behind),
        DURABLE_TEST(what_has_been_done_is_counted),
        DURABLE_TEST(what_is_damaged_goes_as_well),
        DURABLE_TEST(a_rollback_does_not_bring_it_back),
        DURABLE_TEST(what_is_stored_again_stays),
        DURABLE_TEST(a_disk_that_fails_is_asked_again),
        DURABLE_TEST(power_may_go_at_any_moment),
        DURABLE_TEST(memory_that_is_refused_is_asked_for_again),
        DURABLE_TEST(receipts_are_a_chain),
        DURABLE_TEST(arguments_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
