/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Retention by a table of cases, then by properties on random lists: recovery's files always stay,
 * the log never gets a hole, and no more goes than must. Removing is in test_retention_apply.c.
 */
#include "persist/retention.h"

#include "store_words.h"
#include "support/check.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NONE SIZE_MAX
#define NO_SEGMENT UINT64_MAX

/* ---- cases ---- */

struct case_of {
    const char *what;
    const char *files; /* words, in the order of a list */
    size_t newest_valid;
    uint64_t open_lsn;
    struct retention_rules rules;
    const char *want; /* a letter per file */
};

static const char letters[] = "KNACBEL"; /* of enum retention_reason */

static const struct case_of cases[] = {
    { "nothing at all", "", NONE, NO_SEGMENT, { .emergency = true }, "" },
    { "no rule, nothing goes", "w1:9999 w5:9000 s5:9000 a1:9999", 2, 5, { 0 }, "KNNK" },
    { "without a valid snapshot nothing goes",
      "w1:9999 w5:9000 s5:9000 a1:9999",
      NONE,
      5,
      { .snapshot_ttl_ms = 1,
        .wal_ttl_ms = 1,
        .aside_ttl_ms = 1,
        .snapshots_max = 1,
        .disk_budget = 1,
        .emergency = true },
      "NNKK" },
    { "the newest valid snapshot outlives its age",
      "s5:9999",
      0,
      5,
      { .snapshot_ttl_ms = 1 },
      "N" },
    { "older snapshots go by age",
      "s1:3000 s2:2000 s3:1999 s4:1998",
      3,
      5,
      { .snapshot_ttl_ms = 2000 },
      "AAKN" },
    { "a snapshot of the future is young",
      "s1:-5000 s2:9999 s3:1",
      2,
      5,
      { .snapshot_ttl_ms = 2000 },
      "KAN" },
    { "by count, the newest stay", "s1:4 s2:3 s3:2 s4:1", 3, 5, { .snapshots_max = 2 }, "CCKN" },
    { "by count, one is the newest", "s1:4 s2:3 s3:2", 2, 5, { .snapshots_max = 1 }, "CCN" },
    { "more allowed than there are", "s1:4 s2:3", 1, 5, { .snapshots_max = 9 }, "KN" },
    { "count before age",
      "s1:4000 s2:3000 s3:2",
      2,
      5,
      { .snapshots_max = 2, .snapshot_ttl_ms = 1000 },
      "CAN" },
    { "two snapshots of one cut", "s5:20 s5:10", 1, 5, { .snapshots_max = 1 }, "CN" },
    { "a snapshot newer than the valid one is left alone",
      "s1:9 s2:8 s3:9999",
      1,
      5,
      { .snapshots_max = 1, .snapshot_ttl_ms = 5, .disk_budget = 1, .emergency = true },
      "ENK" },
    { "segments go by age up to the snapshot's",
      "w1:5000 w10:4000 w20:3000 w30:2000 s25:1000",
      4,
      30,
      { .wal_ttl_ms = 100 },
      "AANNN" },
    { "a cut at a first LSN needs none before it",
      "w1:5000 w10:4000 w20:3000 s20:1000",
      3,
      20,
      { .wal_ttl_ms = 100 },
      "AANN" },
    { "a cut just before a first LSN needs the one before",
      "w1:5000 w10:4000 w20:3000 s19:1000",
      3,
      20,
      { .wal_ttl_ms = 100 },
      "ANNN" },
    { "a log that begins behind the cut is needed whole",
      "w10:5000 w20:4000 s9:1000",
      2,
      20,
      { .wal_ttl_ms = 100, .disk_budget = 1, .emergency = true },
      "NNN" },
    { "the segment being written stays, whatever the cut",
      "w1:5000 w10:5000 w20:5000 s30:1000",
      3,
      10,
      { .wal_ttl_ms = 100, .emergency = true },
      "ENNN" },
    { "no segment is open",
      "w1:5000 w10:5000 w20:5000 s30:1000",
      3,
      NO_SEGMENT,
      { .wal_ttl_ms = 100 },
      "AANN" },
    { "a young segment keeps older-looking ones behind it",
      "w1:5000 w10:50 w20:5000 w30:5000 s30:1000",
      4,
      30,
      { .wal_ttl_ms = 100 },
      "AKKNN" },
    { "a segment of the future is young",
      "w1:-50 w10:5000 w20:1 s20:1",
      3,
      20,
      { .wal_ttl_ms = 100 },
      "KKNN" },
    { "an old snapshot does not keep its log",
      "w1:500 w10:400 w20:3 s5:450 s20:1",
      4,
      20,
      { .wal_ttl_ms = 100 },
      "AANKN" },
    { "asides go by age", "s1:1 a1:500 a2:100 a3:99", 0, 5, { .aside_ttl_ms = 100 }, "NAAK" },
    { "asides are not bound by other ages",
      "s1:1 a1:500",
      0,
      5,
      { .snapshot_ttl_ms = 1, .wal_ttl_ms = 1 },
      "NK" },
    { "in an emergency all goes that recovery does not need",
      "w1:5 w10:4 w20:3 w30:2 s5:4 s25:3 a1:1",
      5,
      30,
      { .emergency = true },
      "EENNENE" },
    { "within the budget", "w1:5 w10:4 s10:3", 2, 10, { .disk_budget = 30 }, "KNN" },
    { "over the budget, as little as helps, from the old end",
      "w1:5 w10:4 w20:3 s20:3",
      3,
      20,
      { .disk_budget = 39 },
      "BKNN" },
    { "the budget takes a snapshot before the log it needs",
      "w1:5 w10:4 w20:3 s5:5 s20:3",
      4,
      20,
      { .disk_budget = 41 },
      "KKNBN" },
    { "and then that log", "w1:5 w10:4 w20:3 s5:5 s20:3", 4, 20, { .disk_budget = 39 }, "BKNBN" },
    { "the log before a snapshot goes before it",
      "w1:5 w10:4 w20:3 s10:5 s20:3",
      4,
      20,
      { .disk_budget = 41 },
      "BKNKN" },
    { "asides go last", "w1:5 w10:4 s10:5 a1:9999 a2:1", 2, 10, { .disk_budget = 35 }, "BNNBK" },
    { "the budget counts what age has taken",
      "w1:500 w10:4 w20:3 s20:3",
      3,
      20,
      { .wal_ttl_ms = 100, .disk_budget = 30 },
      "AKNN" },
    { "a budget that cannot be kept",
      "w1:5 w10:4 s5:1 s10:2",
      3,
      10,
      { .disk_budget = 1 },
      "BNBN" },
    { "the budget takes no segment that is needed",
      "w1:5 w10:4 s5:2",
      2,
      10,
      { .disk_budget = 1 },
      "NNN" },
    { "the budget leaves a snapshot newer than the valid one",
      "s1:5 s2:4 s3:3",
      1,
      10,
      { .disk_budget = 1 },
      "BNK" },
    { "a temporary file of long ago", "t1:3599999 t2:3600000 t3:-5", NONE, 5, { 0 }, "KLK" },
    { "at start no temporary file is needed",
      "t1:1 t2:-1",
      NONE,
      5,
      { .nothing_in_use = true },
      "LL" },
    { "the prepared segment stays",
      "s1:1 n0:9999999",
      0,
      5,
      { .nothing_in_use = true, .emergency = true, .disk_budget = 1 },
      "NK" },
};

static void
every_case_of_the_table_is_decided_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct case_of *c = &cases[i];
        struct store_file files[FILES_MAX];
        struct retention_verdict verdicts[FILES_MAX];
        struct store_list l;
        char got[FILES_MAX + 1] = "";
        list_from_words(c->files, files, &l);
        retention_decide(&l, c->newest_valid, c->open_lsn, &c->rules, NOW_MS, verdicts);
        for (size_t k = 0; k < l.len; k++) {
            assert_int_equal(verdicts[k].file, k);
            got[k] = letters[verdicts[k].reason];
        }
        if (strcmp(got, c->want) != 0) {
            fail_msg("%s: %s -> %s, not %s", c->what, c->files, got, c->want);
        }
    }
}

/* ---- properties ---- */

/* A random list, sorted as lists are; the index of a snapshot, or NONE. */
static size_t
random_list(struct rng *r, struct store_file files[FILES_MAX], struct store_list *l)
{
    uint64_t wals = rng_below(r, 8), snapshots = rng_below(r, 6), asides = rng_below(r, 3), lsn = 0;
    *l = (struct store_list){ .files = files };
    for (uint64_t i = 0; i < wals + snapshots + asides; i++) {
        struct store_file f = { .kind = i < wals               ? STORE_WAL
                                        : i < wals + snapshots ? STORE_SNAPSHOT
                                                               : STORE_ASIDE };
        lsn = i == 0 || i == wals ? rng_below(r, 20) : lsn + rng_below(r, 9) + (i < wals);
        f.lsn = lsn;
        f.created_ms = (int64_t)(NOW_MS - 2000 + rng_below(r, 2200));
        f.bytes = rng_below(r, 100);
        l->total_bytes += f.bytes;
        files[l->len++] = f;
    }
    return snapshots == 0 || rng_one_in(r, 8) ? NONE : (size_t)(wals + rng_below(r, snapshots));
}

static struct retention_rules
random_rules(struct rng *r, uint64_t total_bytes)
{
    return (struct retention_rules){
        .snapshot_ttl_ms = rng_one_in(r, 2) ? 0 : (int64_t)rng_below(r, 2200),
        .wal_ttl_ms = rng_one_in(r, 2) ? 0 : (int64_t)rng_below(r, 2200),
        .aside_ttl_ms = rng_one_in(r, 2) ? 0 : (int64_t)rng_below(r, 2200),
        .snapshots_max = rng_below(r, 5),
        .disk_budget = rng_one_in(r, 2) ? 0 : rng_below(r, total_bytes + 10),
        .emergency = rng_one_in(r, 10),
    };
}

static bool
goes(const struct retention_verdict *v)
{
    return v->reason > RETENTION_NEEDED;
}

/* What recovery needs stays; the log has no hole; no snapshot of the unknown end goes. */
static void
check_needed(const struct store_list *l, size_t newest_valid, uint64_t open_lsn,
             const struct retention_verdict *v)
{
    bool has_stayed = false;
    for (size_t i = 0; i < l->len; i++) {
        const struct store_file *f = &l->files[i];
        if (newest_valid == NONE) {
            CHECK(!goes(&v[i]), "%zu", i);
            continue;
        }
        if (f->kind == STORE_SNAPSHOT) {
            CHECK(i < newest_valid || !goes(&v[i]), "%zu", i);
        }
        if (f->kind != STORE_WAL) {
            continue;
        }
        bool ends_before = i + 1 < l->len && l->files[i + 1].kind == STORE_WAL &&
                           l->files[i + 1].lsn <= l->files[newest_valid].lsn;
        CHECK(!goes(&v[i]) || (ends_before && f->lsn < open_lsn), "%zu", i);
        CHECK(!goes(&v[i]) || !has_stayed, "a hole before %zu", i);
        has_stayed = !goes(&v[i]);
    }
}

/* The budget is kept if it can be, and what it took had to go. */
static void
check_budget(const struct store_list *l, const struct retention_rules *rules,
             const struct retention_verdict *v)
{
    uint64_t left_bytes = 0, largest = 0;
    bool could_go = false, went = false;
    for (size_t i = 0; i < l->len; i++) {
        left_bytes += goes(&v[i]) ? 0 : l->files[i].bytes;
        could_go = could_go || (v[i].reason == RETENTION_KEEP && l->files[i].kind == STORE_ASIDE);
        if (v[i].reason == RETENTION_BUDGET) {
            went = true;
            largest = largest > l->files[i].bytes ? largest : l->files[i].bytes;
        }
    }
    CHECK(!went || (rules->disk_budget > 0 && left_bytes + largest > rules->disk_budget),
          "%" PRIu64 " are left", left_bytes);
    CHECK(rules->disk_budget == 0 || left_bytes <= rules->disk_budget || !could_go,
          "%" PRIu64 " are left", left_bytes);
}

static void
recovery_survives_any_decision(void **state)
{
    (void)state;
    uint64_t seed = test_seed(), rounds = test_scaled(200000);
    test_announce("recovery_survives_any_decision", seed);
    for (uint64_t round = 0; round < rounds; round++) {
        struct rng r = rng_from_seed(seed + round);
        struct store_file files[FILES_MAX];
        struct retention_verdict v[FILES_MAX], again[FILES_MAX];
        struct store_list l;
        size_t newest_valid = random_list(&r, files, &l);
        struct retention_rules rules = random_rules(&r, l.total_bytes);
        uint64_t open_lsn = rng_one_in(&r, 3) ? NO_SEGMENT : rng_below(&r, 60);
        retention_decide(&l, newest_valid, open_lsn, &rules, NOW_MS, v);
        check_needed(&l, newest_valid, open_lsn, v);
        if (newest_valid != NONE) {
            check_budget(&l, &rules, v);
        }
        retention_decide(&l, newest_valid, open_lsn, &rules, NOW_MS, again);
        for (size_t i = 0; i < l.len; i++) {
            CHECK(again[i].reason == v[i].reason, "round %" PRIu64, round);
        }
    }
}

/* Sums of times at the ends of their range must not overflow (the sanitizer looks). */
static void
times_may_be_anything(void **state)
{
    (void)state;
    static const int64_t times[] = { INT64_MIN, -1, 0, 1, INT64_MAX };
    struct retention_rules rules = { .snapshot_ttl_ms = INT64_MAX,
                                     .wal_ttl_ms = 1,
                                     .aside_ttl_ms = INT64_MAX };
    for (size_t i = 0; i < 25; i++) {
        struct store_file files[FILES_MAX];
        struct retention_verdict v[FILES_MAX];
        struct store_list l;
        list_from_words("w1:0 w2:0 s1:0 s2:0 a1:0 t1:0", files, &l);
        for (size_t k = 0; k < l.len; k++) {
            files[k].created_ms = times[i % 5];
        }
        retention_decide(&l, 3, NO_SEGMENT, &rules, times[i / 5], v);
        assert_int_equal(v[3].reason, RETENTION_NEEDED);
    }
}

static void
every_reason_has_a_word(void **state)
{
    (void)state;
    for (int reason = RETENTION_KEEP; reason <= RETENTION_LEFTOVER; reason++) {
        assert_string_not_equal(retention_reason_text(reason), "unknown");
    }
    assert_string_equal(retention_reason_text(99), "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_table_is_decided_so),
        cmocka_unit_test(recovery_survives_any_decision),
        cmocka_unit_test(times_may_be_anything),
        cmocka_unit_test(every_reason_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
