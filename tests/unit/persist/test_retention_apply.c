/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Removing is bounded, resumable, in order, survives failures and crashes at every point with a log
 * that recovery can use, and touches nothing whose first bytes are not ours.
 */
#include "persist/retention.h"

#include "store_words.h"
#include "support/check.h"
#include "support/sim_disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NONE SIZE_MAX

struct store {
    struct sim_disk *sim;
    struct disk *d;
    struct store_list l;
    struct retention_verdict v[FILES_MAX];
    attl_allocator alloc;
};

static void
put_magic(struct sim_disk *sim, const char *name, const char *magic)
{
    char bytes[64] = { 0 };
    memcpy(bytes, magic, strlen(magic));
    sim_disk_put(sim, name, bytes, sizeof bytes);
}

/* The snapshot of cut 40 needs the segments 40 and 50; everything else may go. */
static void
store_fill(struct store *s)
{
    static const char *const words[] = { "w10:9", "w20:8", "w30:7", "w40:6", "w50:5", "s15:8",
                                         "s25:7", "s40:4", "a1:9",  "t7:0",  "n0:0" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct store_file f = file_from_word(words[i]);
        put_magic(s->sim, f.name,
                  f.kind == STORE_WAL        ? "ATTLWAL1"
                  : f.kind == STORE_SNAPSHOT ? "ATTLSNAP"
                                             : "anything");
    }
    put_magic(s->sim, "notes.txt", "ATTLWAL1");
}

static void
store_decide(struct store *s)
{
    struct retention_rules rules = { .emergency = true, .nothing_in_use = true };
    assert_int_equal(store_list_init(&s->l, &s->alloc, s->d), 0);
    size_t newest = NONE;
    for (size_t i = 0; i < s->l.len; i++) {
        if (s->l.files[i].kind == STORE_SNAPSHOT && s->l.files[i].lsn == 40) {
            newest = i;
        }
    }
    assert_true(newest != NONE);
    retention_decide(&s->l, newest, 50, &rules, NOW_MS, s->v);
}

static int
setup(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->alloc = alloc_default();
    s->sim = sim_disk_new(1);
    s->d = sim_disk_table(s->sim);
    store_fill(s);
    store_decide(s);
    *state = s;
    return 0;
}

static int
teardown(void **state)
{
    struct store *s = *state;
    store_list_fini(&s->l);
    sim_disk_free(&s->sim);
    free(s);
    return 0;
}

/* Names of what there is, in the order of a list, shortened to words. */
static void
present(struct sim_disk *sim, char out[256])
{
    static const char kinds[] = "wsat";
    attl_allocator alloc = alloc_default();
    struct store_list l;
    size_t at = 0;
    out[0] = '\0';
    assert_int_equal(store_list_init(&l, &alloc, sim_disk_table(sim)), 0);
    for (size_t i = 0; i < l.len; i++) {
        at += (size_t)snprintf(out + at, 256 - at, "%s%c%" PRIu64, i == 0 ? "" : " ",
                               kinds[l.files[i].kind], l.files[i].lsn);
    }
    store_list_fini(&l);
}

static void
expect_present(struct sim_disk *sim, const char *want)
{
    char got[256];
    present(sim, got);
    assert_string_equal(got, want);
    assert_true(sim_disk_has(sim, "notes.txt"));
}

static void
what_goes_is_removed_durably(void **state)
{
    struct store *s = *state;
    uint64_t bytes = 0;
    assert_int_equal(retention_apply(s->d, &s->l, s->v, SIZE_MAX, &bytes), 7);
    assert_int_equal(bytes, 7 * 64);
    assert_true(sim_disk_is_durable(s->sim));
    expect_present(s->sim, "w40 w50 s40 t0");
    assert_int_equal(retention_apply(s->d, &s->l, s->v, SIZE_MAX, &bytes), 0); /* an old list */
    assert_int_equal(bytes, 0);
}

static void
removing_is_bounded_and_goes_on(void **state)
{
    struct store *s = *state;
    static const char *const steps[] = {
        "w10 w20 w30 w40 w50 s15 s25 s40 a1 t0", /* the leftover */
        "w10 w20 w30 w40 w50 s25 s40 a1 t0",     /* a snapshot before the log it needs */
        "w20 w30 w40 w50 s25 s40 a1 t0",
        "w20 w30 w40 w50 s40 a1 t0",
        "w30 w40 w50 s40 a1 t0",
    };
    uint64_t bytes;
    assert_int_equal(retention_apply(s->d, &s->l, s->v, 0, &bytes), 0);
    expect_present(s->sim, "w10 w20 w30 w40 w50 s15 s25 s40 a1 t0 t7");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(retention_apply(s->d, &s->l, s->v, 1, &bytes), 1);
        assert_int_equal(bytes, 64);
        expect_present(s->sim, steps[i]);
    }
    assert_int_equal(retention_apply(s->d, &s->l, s->v, 9, &bytes), 2); /* the aside is last */
    expect_present(s->sim, "w40 w50 s40 t0");
}

static void
strangers_under_our_names_are_left_alone(void **state)
{
    struct store *s = *state;
    uint64_t bytes;
    char name[SEGMENT_NAME_MAX];
    segment_name(20, name);
    put_magic(s->sim, name, "ATTLSNAP"); /* ours, but no segment */
    segment_name(30, name);
    sim_disk_put(s->sim, name, "ATTLWAL", 7); /* too short to be one */
    put_magic(s->sim, file_from_word("s15:8").name, "ATTLSNAQ");
    assert_int_equal(retention_apply(s->d, &s->l, s->v, SIZE_MAX, &bytes), 4);
    expect_present(s->sim, "w20 w30 w40 w50 s15 s40 t0");
}

static void
a_failure_keeps_younger_segments_but_nothing_else(void **state)
{
    struct store *s = *state;
    uint64_t bytes = 77;
    /* The leftover is first, then the snapshot 15, then the segment 10. */
    sim_disk_fail(s->sim, SIM_REMOVE, 3, -EPERM, SIM_ONCE);
    assert_int_equal(retention_apply(s->d, &s->l, s->v, SIZE_MAX, &bytes), -EPERM);
    assert_int_equal(bytes, 77);
    expect_present(s->sim, "w10 w20 w30 w40 w50 s40 t0");
    assert_true(sim_disk_is_durable(s->sim));              /* what did go */
    sim_disk_fail(s->sim, SIM_READ, 1, -EIO, SIM_FOREVER); /* nobody knows whose they are */
    assert_int_equal(retention_apply(s->d, &s->l, s->v, SIZE_MAX, &bytes), -EIO);
    expect_present(s->sim, "w10 w20 w30 w40 w50 s40 t0");
}

/* Whatever call fails: an error, no hole, nothing needed is gone; then it is done by trying again.
 */
static void
any_failing_call_leaves_a_whole_log(void **state)
{
    struct store *s = *state;
    for (uint64_t n = 1;; n++) {
        struct store_list l = s->l;
        struct sim_disk *sim = sim_disk_clone(s->sim, n);
        uint64_t bytes;
        char got[256];
        sim_disk_fail(sim, SIM_ANY & ~(unsigned)SIM_CLOSE, n, -EIO, SIM_ONCE);
        int64_t rc = retention_apply(sim_disk_table(sim), &l, s->v, SIZE_MAX, &bytes);
        if (sim_disk_failures(sim) == 0) {
            assert_int_equal(rc, 7);
            sim_disk_free(&sim);
            break;
        }
        assert_int_equal(rc, -EIO);
        present(sim, got);
        assert_non_null(strstr(got, "w40 w50"));
        assert_non_null(strstr(got, "s40"));
        assert_true(strstr(got, "w10") == NULL || strstr(got, "w20") != NULL);
        assert_true(strstr(got, "w20") == NULL || strstr(got, "w30") != NULL);
        assert_true(retention_apply(sim_disk_table(sim), &l, s->v, SIZE_MAX, &bytes) >= 0);
        expect_present(sim, "w40 w50 s40 t0");
        sim_disk_free(&sim);
    }
}

static void
a_crash_at_any_point_leaves_what_recovery_needs(void **state)
{
    struct store *s = *state;
    for (uint64_t n = 0; n <= 8; n++) {
        for (uint64_t seed = 0; seed < 50; seed++) {
            struct sim_disk *sim = sim_disk_clone(s->sim, seed);
            uint64_t bytes;
            char got[256];
            sim_disk_crash_after(sim, n);
            (void)retention_apply(sim_disk_table(sim), &s->l, s->v, SIZE_MAX, &bytes);
            sim_disk_crash(sim, seed);
            present(sim, got);
            assert_non_null(strstr(got, "w40 w50"));
            assert_non_null(strstr(got, "s40"));
            assert_true(strstr(got, "w10") == NULL || strstr(got, "w20") != NULL);
            assert_true(strstr(got, "w20") == NULL || strstr(got, "w30") != NULL);
            assert_true(retention_apply(sim_disk_table(sim), &s->l, s->v, SIZE_MAX, &bytes) >= 0);
            expect_present(sim, "w40 w50 s40 t0");
            sim_disk_free(&sim);
        }
    }
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_goes_is_removed_durably),
        STORE_TEST(removing_is_bounded_and_goes_on),
        STORE_TEST(strangers_under_our_names_are_left_alone),
        STORE_TEST(a_failure_keeps_younger_segments_but_nothing_else),
        STORE_TEST(any_failing_call_leaves_a_whole_log),
        STORE_TEST(a_crash_at_any_point_leaves_what_recovery_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
