/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing and judging the keys of a field. The order of the stores is the argument: a writer
 * announces a version before its call and confirms it after, so whatever a reader gets must lie
 * between what was confirmed before and announced after its own call. Deadlines of mortal keys are
 * exact, so both "seen too late" and "gone too early" are caught to the millisecond.
 */
#include "field.h"

#include "check.h"
#include "stamp.h"

static const int64_t horizon_ms = INT64_C(5) * 3600 * 1000;

attl_slice
field_key(const struct field_cell *c)
{
    return attl_s(c->name);
}

static bool
is_steady(enum field_habit habit)
{
    return habit == HABIT_FIXED || habit == HABIT_VARIED || habit == HABIT_SLIDING;
}

/* A deadline after the horizon, so that live records cascade through the wheel but never expire. */
static int64_t
late_deadline(const struct field *f, struct rng *r)
{
    return f->horizon_ms + (int64_t)rng_range(r, 1000, 1800000);
}

static size_t
varied_len(struct rng *r)
{
    static const size_t edges[] = { STAMP_BYTES_MIN,      64, 200, 504, 512, 520, 8183, 8191, 8192,
                                    FIELD_VALUE_BYTES_MAX };
    if (rng_one_in(r, 20)) {
        return edges[rng_below(r, sizeof(edges) / sizeof(edges[0]))];
    }
    return (size_t)rng_range(r, STAMP_BYTES_MIN, 300);
}

/* ---- writing ------------------------------------------------------------------------------- */

static int
store(struct field *f, size_t i, size_t len, uint64_t version, int64_t deadline_ms)
{
    unsigned char bytes[FIELD_VALUE_BYTES_MAX];
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.deadline_ms = deadline_ms;
    stamp_write(bytes, len, i, version, deadline_ms);
    return attl_set_if(f->cache, field_key(&f->cells[i]), attl_b(bytes, len), &opts, NULL, NULL);
}

/* The writer takes its own key out and must find exactly what it wrote last. */
static void
take_out(struct field *f, size_t i, uint64_t version, struct rng *r)
{
    struct field_cell *c = &f->cells[i];
    if (rng_one_in(r, 2)) {
        int status = attl_del(f->cache, field_key(c));
        CHECK(status == ATTL_OK || f->evicts, "key %zu: deleting version %" PRIu64 ": %s", i,
              version - 1, attl_err_name(status));
        return;
    }
    attl_value value = ATTL_VALUE_INIT;
    int status = attl_getdel(f->cache, field_key(c), &value);
    CHECK(status == ATTL_OK || f->evicts, "key %zu: getdel of version %" PRIu64 ": %s", i,
          version - 1, attl_err_name(status));
    if (status == ATTL_OK) {
        struct stamp s;
        CHECK(stamp_read(value.data, &s) && s.key_id == i && s.version == version - 1,
              "key %zu: getdel gave another value than version %" PRIu64, i, version - 1);
    }
    attl_value_release(f->cache, &value);
}

static void
slide(struct field *f, size_t i, struct rng *r)
{
    attl_slice key = field_key(&f->cells[i]);
    int status;
    if (rng_one_in(r, 4)) {
        status = attl_persist(f->cache, key);
        CHECK(status == ATTL_OK || status == ATTL_NOT_SET || f->evicts, "key %zu: persist: %s", i,
              attl_err_name(status));
    } else {
        status = attl_expire_at(f->cache, key, late_deadline(f, r), 0);
        CHECK(status == ATTL_OK || f->evicts, "key %zu: expire_at: %s", i, attl_err_name(status));
    }
}

void
field_write(struct field *f, size_t i, struct rng *r)
{
    struct field_cell *c = &f->cells[i];
    if (c->habit == HABIT_SLIDING && atomic_load(&c->finished) > 0 && !rng_one_in(r, 5)) {
        slide(f, i, r);
        return;
    }
    uint64_t version = atomic_load(&c->finished) + 1;
    int64_t now_ms = sim_now(&f->sim);
    int64_t deadline_ms = late_deadline(f, r);
    size_t len = c->fixed_len;
    if (c->habit == HABIT_MORTAL) {
        deadline_ms = now_ms +
                      (int64_t)(rng_one_in(r, 3) ? rng_range(r, 1, 5) : rng_range(r, 1, 4000));
    }
    if (c->habit != HABIT_FIXED) {
        len = varied_len(r);
    }
    atomic_store(&c->begun, version);
    if (c->habit == HABIT_COMING && version % 2 == 0) {
        take_out(f, i, version, r);
    } else {
        int status = store(f, i, len, version, deadline_ms);
        /* The clock may pass a short life before the call looks at it. */
        CHECK(status == ATTL_OK || (status == ATTL_DELETED && c->habit == HABIT_MORTAL) ||
                  (status == ATTL_E_FULL && f->evicts),
              "key %zu: set: %s", i, attl_err_name(status));
        if (status == ATTL_E_FULL) {
            /* Nothing changed, so this version never was; readers may still see the one before. */
            atomic_store(&c->begun, version - 1);
            return;
        }
    }
    atomic_store(&c->deadline_ms, deadline_ms);
    atomic_store(&c->finished, version);
}

/* ---- judging ------------------------------------------------------------------------------- */

struct field_before
field_before_read(struct field *f, size_t i)
{
    struct field_before b;
    b.finished = atomic_load(&f->cells[i].finished);
    b.deadline_ms = atomic_load(&f->cells[i].deadline_ms);
    b.now_ms = sim_now(&f->sim);
    return b;
}

static void
judge_miss(struct field *f, size_t i, const struct field_before *before)
{
    struct field_cell *c = &f->cells[i];
    uint64_t begun = atomic_load(&c->begun);
    bool quiet = begun == before->finished; /* no write overlapped the call */
    if (f->evicts) {
        return;
    }
    CHECK(!is_steady(c->habit),
          "key %zu (habit %d) is always there, and was missed; versions %" PRIu64 "..%" PRIu64, i,
          (int)c->habit, before->finished, begun);
    if (quiet && c->habit == HABIT_COMING) {
        CHECK(before->finished % 2 == 0, "key %zu was missed at version %" PRIu64, i,
              before->finished);
    }
    if (quiet && c->habit == HABIT_MORTAL) {
        int64_t now_ms = sim_now(&f->sim);
        CHECK(before->deadline_ms <= now_ms,
              "key %zu was missed %" PRId64 " ms before its deadline", i,
              before->deadline_ms - now_ms);
    }
}

static void
judge_hit(struct field_reader *reader, size_t i, const struct field_before *before,
          attl_slice value, int64_t deadline_ms)
{
    struct field *f = reader->field;
    struct field_cell *c = &f->cells[i];
    struct stamp s;
    uint64_t begun = atomic_load(&c->begun);
    CHECK(stamp_read(value, &s), "key %zu (habit %d): a torn value of %zu bytes", i, (int)c->habit,
          value.len);
    CHECK(s.key_id == i, "key %zu got the value of key %" PRIu64, i, s.key_id);
    CHECK(s.version >= before->finished && (s.version <= begun || f->evicts),
          "key %zu (habit %d): version %" PRIu64 " outside %" PRIu64 "..%" PRIu64, i, (int)c->habit,
          s.version, before->finished, begun);
    CHECK(s.version >= reader->seen[i], "key %zu: version %" PRIu64 " after %" PRIu64, i, s.version,
          reader->seen[i]);
    reader->seen[i] = s.version;
    CHECK(c->habit != HABIT_COMING || s.version % 2 == 1, "key %zu: deleted version %" PRIu64, i,
          s.version);
    CHECK(deadline_ms == ATTL_NO_DEADLINE || deadline_ms > before->now_ms,
          "key %zu was seen %" PRId64 " ms after its deadline", i, before->now_ms - deadline_ms);
    CHECK(c->habit == HABIT_SLIDING || deadline_ms == s.deadline_ms,
          "key %zu: deadline %" PRId64 " of a value written until %" PRId64, i, deadline_ms,
          s.deadline_ms);
}

void
field_after_read(struct field_reader *reader, size_t i, const struct field_before *before,
                 int status, attl_slice value, int64_t deadline_ms)
{
    if (status == ATTL_OK) {
        judge_hit(reader, i, before, value, deadline_ms);
        reader->hits++;
        return;
    }
    CHECK(status == ATTL_MISS, "key %zu: %s", i, attl_err_name(status));
    judge_miss(reader->field, i, before);
    reader->misses++;
}

/* ---- life ---------------------------------------------------------------------------------- */

void
field_init(struct field *f, const struct sim_option *options, bool evicts)
{
    static const enum field_habit habits[] = { HABIT_FIXED,   HABIT_FIXED,  HABIT_VARIED,
                                               HABIT_SLIDING, HABIT_COMING, HABIT_MORTAL };
    struct rng r = rng_from_seed(1);
    memset(f, 0, sizeof(*f));
    sim_init(&f->sim);
    f->evicts = evicts;
    f->horizon_ms = SIM_START_MS + horizon_ms;
    atomic_init(&f->stop, false);
    f->cache = sim_open(&f->sim, options);
    for (size_t i = 0; i < FIELD_KEYS; i++) {
        struct field_cell *c = &f->cells[i];
        c->habit = habits[i % (sizeof(habits) / sizeof(habits[0]))];
        (void)snprintf(c->name, sizeof(c->name), "field:%zu", i);
        c->fixed_len = STAMP_BYTES_MIN + i * 7 % 400;
        atomic_init(&c->begun, 0);
        atomic_init(&c->finished, 0);
        atomic_init(&c->deadline_ms, 0);
        while (atomic_load(&c->finished) == 0) {
            field_write(f, i, &r);
        }
    }
}

static void
visit(void *ud, attl_slice value, int64_t deadline_ms)
{
    attl_slice *copy = ud;
    (void)deadline_ms;
    CHECK(value.len <= FIELD_VALUE_BYTES_MAX, "%zu bytes", value.len);
    memcpy((void *)(uintptr_t)copy->data, value.data, value.len);
    copy->len = value.len;
}

void
field_fini(struct field *f)
{
    unsigned char *bytes = malloc(FIELD_VALUE_BYTES_MAX);
    CHECK(bytes != NULL, "%d bytes", FIELD_VALUE_BYTES_MAX);
    for (size_t i = 0; i < FIELD_KEYS; i++) {
        struct field_cell *c = &f->cells[i];
        attl_slice copy = attl_b(bytes, 0);
        struct stamp s;
        int status = attl_get_visit(f->cache, field_key(c), visit, &copy);
        bool there = c->habit == HABIT_MORTAL   ? c->deadline_ms > sim_now(&f->sim)
                     : c->habit == HABIT_COMING ? c->finished % 2 == 1
                                                : true;
        CHECK((status == ATTL_OK) == there || (f->evicts && status == ATTL_MISS),
              "key %zu (habit %d) at the end: %s", i, (int)c->habit, attl_err_name(status));
        CHECK(status != ATTL_OK ||
                  (stamp_read(copy, &s) && s.key_id == i && s.version == c->finished),
              "key %zu: not its last version %" PRIu64, i, c->finished);
    }
    free(bytes);
    sim_close(&f->cache);
}
