/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log against power losses and failing disks. Short random histories run on the simulated disk
 * with a simulated clock: appends of all sizes, steps of the flusher, syncs, rotations, changes of
 * policy, calls that fail once or for a while, full disks, detaching and coming back. Before every
 * call that changes something the disk is copied, the copy loses its power, or only the process
 * dies, and what is left of the log is read.
 *
 * What is left is read twice, by a simple reader that knows the rules and by the real one, which
 * must agree, also after recovery has cut off what does not count. Whatever happened: the frames
 * are a prefix of those appended, whole and under the LSNs that were told; frames that were
 * reported as safe under `always`, or as durable, are there; after a mere death of the process so
 * are those that were reported as written.
 */
#include "persist/wal.h"
#include "persist/wal_reader.h"
#include "support/check.h"
#include "support/log_scan.h"
#include "support/rng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { FRAMES_MAX = 1200, STEPS = 60, VALUE_MAX = 9000, LIVES_MAX = 4 };
/* Where frames of earlier lives end: before all others. */
#define OLD_FRAME_END UINT64_C(1)
#define START_MS INT64_C(1735689600000)
#define NS_PER_MS INT64_C(1000000)

/* What a walk came across, to be sure that it is not a walk in the park. */
struct tally {
    uint64_t crashes, frames, lost_frames, segments, errors, detached, gaps, histories;
};

struct history {
    struct rng rng;
    uint64_t seed;
    struct sim_disk *disk;
    struct wal *wal;
    struct wal_config config;
    int64_t now_ms;
    unsigned frames, step;
    uint64_t ends[FRAMES_MAX];
    _Atomic uint64_t lsns[FRAMES_MAX];
    unsigned char value[VALUE_MAX];
    enum wal_policy policy;
    uint64_t always_since; /* the tail when `always` began */
    uint64_t durable;      /* positions up to which somebody was told so */
    uint64_t written;
    bool was_no, was_detached;
    /* What an earlier life cut off without a sync may come back until the log is open. */
    bool is_opening;
    bool faulty;        /* a call was made to fail */
    bool is_relaxed;    /* a gap: changes in front of it may be gone */
    uint64_t in_flight; /* external values not released */
    struct tally *tally;
};

/* ATTL_TEST_SEED with the number it prints runs the failing history first. */
#define HCHECK(h, ok, ...)                                                              \
    do {                                                                                \
        if (!(ok)) {                                                                    \
            (void)fprintf(stderr, "# ATTL_TEST_SEED=%" PRIu64 ", step %u\n", (h)->seed, \
                          (h)->step);                                                   \
            test_failed(__FILE__, __LINE__, #ok, __VA_ARGS__);                          \
        }                                                                               \
    } while (0)

static int64_t
history_wall_ms(void *ud)
{
    struct history *h = ud;
    return h->now_ms;
}

static int64_t
history_mono_ns(void *ud)
{
    struct history *h = ud;
    return (h->now_ms - START_MS + 1) * NS_PER_MS;
}

/* ---- frames: everything about one follows from the seed and its number ---- */

static uint64_t
frame_mix(const struct history *h, unsigned i)
{
    return rng_mix(h->seed ^ ((uint64_t)i << 32));
}

static size_t
frame_value_bytes(const struct history *h, unsigned i)
{
    uint64_t mix = frame_mix(h, i);
    if (mix % 64 == 0)
        return mix / 64 % VALUE_MAX; /* larger than a segment, perhaps */
    return mix / 64 % (mix % 8 == 1 ? 900 : 120);
}

static bool
frame_is_external(const struct history *h, unsigned i)
{
    return frame_value_bytes(h, i) > 400 || frame_mix(h, i) % 16 == 2;
}

static unsigned char
frame_byte(const struct history *h, unsigned i)
{
    return (unsigned char)(frame_mix(h, i) >> 56 | 1);
}

static void
external_gone(void *ud)
{
    void **pair = ud;
    struct history *h = pair[0];
    h->in_flight--;
    free(pair);
}

static void
append_one(struct history *h)
{
    unsigned i = h->frames;
    unsigned char key[8] = { 0 };
    memcpy(key, &i, sizeof(i));
    size_t len = frame_value_bytes(h, i);
    memset(h->value, frame_byte(h, i), len);
    struct wal_op op = { .kind = WAL_PUT,
                         .key = attl_b(key, sizeof(key)),
                         .value = attl_b(h->value, len),
                         .deadline_ms = ATTL_NO_DEADLINE };
    struct wal_external e = { .release = external_gone };
    if (frame_is_external(h, i)) {
        void **pair = malloc(2 * sizeof(*pair) + len);
        HCHECK(h, pair != NULL, "no memory");
        pair[0] = h;
        memcpy(pair + 2, h->value, len);
        e.value = attl_b(pair + 2, len);
        e.ud = pair;
        h->in_flight++;
    }
    h->ends[i] = wal_append(h->wal, &op, frame_is_external(h, i) ? &e : NULL,
                            frame_mix(h, i) % 3 == 0 ? &h->lsns[i] : NULL);
    h->frames++;
}

/* ---- what is left of the log ---- */

struct left {
    struct history *h;
    unsigned next;      /* the frame that is expected */
    unsigned first_run; /* frames in front of the first gap */
    unsigned base;      /* the first frame behind the last gap */
};

static void
check_frame(void *ud, const struct wal_frame *f, bool behind_gap)
{
    struct left *l = ud;
    struct history *h = l->h;
    unsigned i;
    if (behind_gap && l->base == 0)
        l->first_run = l->next;
    if (f->op.kind == WAL_MARK) {
        if (behind_gap)
            l->base = UINT32_MAX; /* the next frame says where it goes on */
        return;
    }
    memcpy(&i, f->op.key.data, sizeof(i));
    HCHECK(h, i < h->frames || h->is_opening, "frame %u of %u", i, h->frames);
    if (behind_gap || l->base == UINT32_MAX) {
        HCHECK(h, i >= l->next, "frame %u again, behind a gap", i);
        l->base = l->next = i;
    }
    HCHECK(h, i == l->next, "frame %u instead of %u at LSN %" PRIu64, i, l->next, f->lsn);
    l->next++;
    HCHECK(h, f->op.value.len == frame_value_bytes(h, i), "frame %u has a value of %zu bytes", i,
           f->op.value.len);
    const unsigned char *value = f->op.value.data;
    for (size_t at = 0; at < f->op.value.len; at++)
        HCHECK(h, value[at] == frame_byte(h, i), "frame %u, byte %zu", i, at);
    uint64_t told = atomic_load(&h->lsns[i]);
    HCHECK(h, told == 0 || told == f->lsn, "frame %u has LSN %" PRIu64 ", told was %" PRIu64, i,
           f->lsn, told);
}

/* Frames that end at or before `position`. */
static unsigned
frames_before(const struct history *h, uint64_t position)
{
    unsigned n = h->frames;
    while (n > 0 && h->ends[n - 1] > position)
        n--;
    return n;
}

/* The real reader: ends where the simple one does, and accuses nobody. */
static struct wal_verdict
read_for_real(struct history *h, struct sim_disk *disk, uint64_t next_lsn, const char *how)
{
    struct wal_reader *reader;
    struct wal_frame frame;
    HCHECK(h, wal_reader_open(sim_disk_table(disk), &h->config.alloc, 0, &reader) == 0, "%s", how);
    while (wal_reader_next(reader, &frame))
        ;
    struct wal_verdict v = *wal_reader_verdict(reader);
    wal_reader_close(&reader);
    HCHECK(h, v.end == WAL_END_CLEAN || v.end == WAL_END_TORN, "%s: end %d, %s", how, v.end,
           v.reason);
    HCHECK(h, next_lsn == 0 || v.next_lsn == next_lsn, "%s: LSN %" PRIu64 " instead of %" PRIu64,
           how, v.next_lsn, next_lsn);
    return v;
}

/* Recovery: what does not count is put aside, and then the log ends cleanly. */
static void
recover(struct history *h, struct sim_disk *disk, uint64_t next_lsn, const char *how)
{
    struct wal_verdict v = read_for_real(h, disk, next_lsn, how);
    if (h->tally->crashes % 4 != 0 || next_lsn == 0)
        return;
    sim_disk_set_capacity(disk, UINT64_MAX);
    int rc = wal_cut(sim_disk_table(disk), &h->config.alloc, &v, h->now_ms);
    HCHECK(h, rc == 0, "%s: cut: %d", how, rc);
    v = read_for_real(h, disk, next_lsn, how);
    HCHECK(h, v.end == WAL_END_CLEAN, "%s, and cut: %s", how, v.reason);
}

static void
check_disk(struct history *h, struct sim_disk *disk, uint64_t promised, const char *how)
{
    struct left l = { .h = h };
    struct log_end end;
    struct wal_stats stats = { .durable_lsn = 0 };
    log_scan(disk, check_frame, &l, &end);
    if (h->wal)
        wal_stats_get(h->wal, &stats);
    unsigned must = frames_before(h, promised);
    if (!h->is_relaxed && stats.gaps == 0) {
        HCHECK(h, l.next >= must, "%s: %u frames are left of %u that were promised (%u appended)",
               how, l.next, must, h->frames);
        HCHECK(h, end.next_lsn >= stats.durable_lsn,
               "%s: LSN %" PRIu64 " of %" PRIu64 " durable ones", how, end.next_lsn,
               stats.durable_lsn);
        HCHECK(h, end.next_lsn >= end.marked_lsn, "%s: a mark says that %" PRIu64 " was durable",
               how, end.marked_lsn);
    }
    if (end.flagged == 0) /* the real one ends in front of a gap */
        recover(h, disk, end.next_lsn, how);
    h->tally->lost_frames += l.next < h->frames ? h->frames - l.next : 0;
    h->tally->frames += h->frames;
    h->tally->crashes++;
}

/* Learns what has been promised by now. */
static void
note_promises(struct history *h)
{
    struct wal_stats stats;
    if (!h->wal)
        return;
    wal_stats_get(h->wal, &stats);
    h->was_detached |= stats.state == WAL_DETACHED;
    h->is_relaxed |= h->was_detached || stats.gaps > 0;
    HCHECK(h, stats.gaps == 0 || h->was_no || h->was_detached, "a gap without a reason");
    if (h->is_relaxed)
        return;
    uint64_t safe = wal_safe_position(h->wal);
    h->written = safe;
    if (h->policy == WAL_POLICY_ALWAYS && safe > h->always_since && safe > h->durable)
        h->durable = safe;
}

static void
crash_before(void *ud, enum sim_op op, const char *name)
{
    static const unsigned flags[] = { 0,
                                      0,
                                      SIM_CRASH_RUBBISH,
                                      SIM_CRASH_ANY_NAMES,
                                      SIM_CRASH_ANY_NAMES | SIM_CRASH_RUBBISH,
                                      SIM_CRASH_NOTHING,
                                      SIM_CRASH_ALL };
    struct history *h = ud;
    if (!(op & SIM_MUTATING))
        return;
    (void)name;
    note_promises(h);
    uint64_t seed = rng_u64(&h->rng);
    struct sim_disk *copy = sim_disk_clone(h->disk, seed);
    if (seed % 8 == 0) {
        sim_disk_kill(copy);
        check_disk(h, copy, h->faulty ? h->durable : h->written, "killed");
    } else {
        sim_disk_crash_with(copy, seed, flags[seed / 8 % (sizeof(flags) / sizeof(flags[0]))]);
        check_disk(h, copy, h->durable, "power lost");
    }
    sim_disk_free(&copy);
}

/* ---- the histories ---- */

static void
history_configure(struct history *h)
{
    uint64_t ring = UINT64_C(16384) << rng_below(&h->rng, 3);
    h->config = (struct wal_config){
        .disk = sim_disk_table(h->disk),
        .alloc = alloc_default(),
        .policy = (enum wal_policy)rng_below(&h->rng, 3),
        .on_error = rng_one_in(&h->rng, 3) ? WAL_DEGRADE : WAL_REJECT,
        .segment_bytes = 1024 * rng_range(&h->rng, 1, 24),
        .ring_bytes = ring,
        .next_lsn = 1 + rng_below(&h->rng, 3) * 1000,
        .run_id = h->seed,
        .wall_ms = history_wall_ms,
        .mono_ns = history_mono_ns,
        .ud = h,
    };
}

static void
history_open(struct history *h)
{
    char err[200];
    h->policy = h->config.policy;
    h->was_no |= h->policy == WAL_POLICY_NO;
    sim_disk_set_hook(h->disk, crash_before, h);
    h->is_opening = true;
    HCHECK(h, wal_open(&h->config, &h->wal, err, sizeof(err)) == 0, "%s", err);
    h->is_opening = false;
    h->durable = OLD_FRAME_END; /* what was there is durable now, and whatever will be is more */
}

static void
step_append(struct history *h)
{
    for (uint64_t n = rng_range(&h->rng, 1, 8); n > 0 && h->frames < FRAMES_MAX; n--) {
        if (wal_admit(h->wal, 0) != 0)
            return;
        append_one(h);
    }
}

static void
step_sync(struct history *h)
{
    uint64_t tail = wal_tail_position(h->wal);
    int rc = wal_sync(h->wal, 0);
    HCHECK(h, rc == 0 || h->faulty, "sync: %d", rc);
    if (rc == 0 && tail > h->durable && !h->is_relaxed)
        h->durable = tail;
}

static void
step_policy(struct history *h)
{
    h->policy = (enum wal_policy)rng_below(&h->rng, 3);
    h->was_no |= h->policy == WAL_POLICY_NO;
    h->always_since = wal_tail_position(h->wal);
    wal_set_policy(h->wal, h->policy);
}

static void
step_fault(struct history *h)
{
    static const unsigned ops[] = { SIM_WRITE,  SIM_SYNC,     SIM_CREATE,   SIM_RENAME,
                                    SIM_REMOVE, SIM_SYNC_DIR, SIM_ALLOCATE, SIM_TRUNCATE,
                                    SIM_OPEN,   SIM_CLOSE,    SIM_ANY,      SIM_WRITE };
    h->faulty = true;
    if (rng_one_in(&h->rng, 5)) {
        sim_disk_set_capacity(h->disk, rng_below(&h->rng, 65536));
        return;
    }
    sim_disk_fail(h->disk, ops[rng_below(&h->rng, 12)], rng_range(&h->rng, 1, 4),
                  rng_one_in(&h->rng, 2) ? -EIO : -ENOSPC,
                  rng_one_in(&h->rng, 2) ? SIM_FOREVER : SIM_ONCE);
}

static void
step_repair(struct history *h)
{
    sim_disk_fail(h->disk, 0, 0, 0, SIM_ONCE);
    sim_disk_set_capacity(h->disk, UINT64_MAX);
    h->now_ms += 2000;
    (void)wal_step(h->wal);
}

static void
step_ask(struct history *h)
{
    if (rng_one_in(&h->rng, 2))
        (void)wal_rotate(h->wal);
    else
        (void)wal_reattach(h->wal);
}

static void
history_step(struct history *h, bool faults)
{
    uint64_t what = rng_below(&h->rng, 100);
    if (what < 45)
        step_append(h);
    else if (what < 75)
        (void)wal_step(h->wal);
    else if (what < 85)
        h->now_ms +=
            (int64_t)rng_below(&h->rng, rng_one_in(&h->rng, h->faulty ? 1 : 3) ? 1500 : 20);
    else if (what < 88)
        step_sync(h);
    else if (what < 91)
        step_ask(h);
    else if (what < 92)
        step_policy(h);
    else if (what < 98 && faults)
        step_fault(h);
    else if (faults)
        step_repair(h);
    note_promises(h);
}

static void
history_close(struct history *h)
{
    step_repair(h);
    note_promises(h);
    struct wal_stats stats;
    wal_stats_get(h->wal, &stats);
    h->tally->segments += stats.segments;
    h->tally->errors += stats.write_errors + stats.sync_errors;
    h->tally->detached += stats.frames_dropped > 0;
    h->tally->gaps += stats.gaps;
    int rc = wal_close(&h->wal);
    sim_disk_set_hook(h->disk, NULL, NULL);
    HCHECK(h, h->in_flight == 0, "%" PRIu64 " values were not released", h->in_flight);
    HCHECK(h, rc == 0 || h->is_relaxed, "close: %d", rc);
    sim_disk_crash(h->disk, rng_u64(&h->rng));
    check_disk(h, h->disk, h->is_relaxed ? 0 : UINT64_MAX, "closed");
}

/* The power goes, or the process dies; what is left is recovered, and the log goes on behind it. */
static void
history_restart(struct history *h)
{
    struct log_end end;
    struct left l = { .h = h };
    struct sim_disk *copy = sim_disk_clone(h->disk, rng_u64(&h->rng));
    sim_disk_set_capacity(copy, UINT64_MAX);
    if (rng_one_in(&h->rng, 2))
        sim_disk_kill(copy);
    else
        sim_disk_crash(copy, rng_u64(&h->rng));
    sim_disk_set_hook(h->disk, NULL, NULL);
    (void)wal_close(&h->wal); /* on the disk that is not there any more */
    sim_disk_free(&h->disk);
    h->disk = copy;
    log_scan(copy, check_frame, &l, &end);
    struct wal_verdict v = read_for_real(h, copy, end.next_lsn, "restarted");
    int rc = wal_cut(sim_disk_table(copy), &h->config.alloc, &v, h->now_ms);
    HCHECK(h, rc == 0, "cut: %d", rc);
    for (unsigned i = 0; i < FRAMES_MAX; i++) {
        h->ends[i] = OLD_FRAME_END;
        if (i >= l.next)
            atomic_store(&h->lsns[i], 0);
    }
    h->frames = l.next;
    h->durable = h->written = h->always_since = 0;
    h->faulty = h->was_no = false;
    h->config.disk = sim_disk_table(copy);
    h->config.policy = (enum wal_policy)rng_below(&h->rng, 3);
    h->config.next_lsn = v.next_lsn;
    h->config.durable_lsn = v.durable_lsn;
    h->config.gap = v.gap;
    h->config.run_id++;
    history_open(h);
}

static void
history_run(uint64_t seed, bool faults, struct tally *tally)
{
    struct history *h = calloc(1, sizeof(*h));
    CHECK(h != NULL, "no memory");
    h->seed = seed;
    h->tally = tally;
    h->rng = rng_from_seed(seed);
    h->now_ms = START_MS;
    h->disk = sim_disk_new(seed);
    history_configure(h);
    history_open(h);
    for (unsigned lives = 1;; lives++) {
        for (h->step = 0; h->step < STEPS / 2; h->step++)
            history_step(h, faults);
        if (lives == LIVES_MAX || h->is_relaxed || rng_one_in(&h->rng, 2))
            break;
        history_restart(h);
    }
    history_close(h);
    sim_disk_free(&h->disk);
    tally->histories++;
    free(h);
}

static struct tally
walk(const char *name, uint64_t target, bool faults)
{
    uint64_t seed = test_seed();
    struct tally t = { 0 };
    test_announce(name, seed);
    target = test_scaled(target);
    while (t.crashes < target)
        history_run(t.histories == 0 ? seed : rng_mix(seed + t.histories), faults, &t);
    printf("# %s: %" PRIu64 " crash points in %" PRIu64 " histories, %" PRIu64 " segments, %" PRIu64
           " failures, %" PRIu64 " detached, %" PRIu64 " gaps, %.1f %% of the frames lost\n",
           name, t.crashes, t.histories, t.segments, t.errors, t.detached, t.gaps,
           100.0 * (double)t.lost_frames / (double)t.frames);
    return t;
}

static void
a_power_loss_leaves_a_prefix_with_all_that_was_promised(void **state)
{
    (void)state;
    struct tally t = walk("wal_crash", 100000, false);
    assert_int_equal(t.errors + t.detached + t.gaps, 0);
}

static void
so_it_does_when_the_disk_fails_too(void **state)
{
    (void)state;
    struct tally t = walk("wal_crash_faults", 100000, true);
    assert_true(t.errors > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_loss_leaves_a_prefix_with_all_that_was_promised),
        cmocka_unit_test(so_it_does_when_the_disk_fails_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
