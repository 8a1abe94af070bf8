/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many threads on one cache: readers of every kind, writers in place and not, deleters, scanners,
 * holders of pinned values, partitions changing shards, tables growing and shrinking, and
 * maintenance with small budgets, while a clock thread lets entries expire and cascade through the
 * wheel. Every answer is judged by the field (support/field.h): no torn, foreign, stale or expired
 * value, and no false miss. The same program runs under the thread sanitizer.
 */
#include "support/check.h"
#include "support/field.h"
#include "support/stamp.h"

#include <attl/attl_unstable.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    WRITERS = 2,
    HELD_MAX = 40,
    BATCH = 16,
    FILLER_KEYS = 60000,
    THREADS_MAX = 16,
    RUN_MS = 4000
};

struct job {
    struct field *field;
    uint64_t seed;
    unsigned number;
    void (*turn)(struct job *job);
    struct rng rng;
    struct field_reader reader;
    /* holders */
    attl_value held[HELD_MAX];
    size_t held_key[HELD_MAX];
    /* scanners */
    uint64_t cursor;
    bool scanning;
    unsigned visits[FIELD_KEYS];
    struct field_before scan_before[FIELD_KEYS];
    int64_t scan_now_ms;
    /* fillers */
    unsigned filled;
    bool growing;
};

/* ---- writers, fillers, movers, maintenance, time -------------------------------------------- */

static void
turn_write(struct job *job)
{
    size_t i = rng_below(&job->rng, FIELD_KEYS / WRITERS) * WRITERS + job->number;
    /* A run of writes to one key keeps the in-place path and its readers in each other's way. */
    unsigned times = rng_one_in(&job->rng, 4) ? 16 : 1;
    while (times-- > 0) {
        field_write(job->field, i, &job->rng);
    }
}

/* Grows and shrinks the tables under everybody else. */
static void
turn_fill(struct job *job)
{
    char name[32], value[600];
    memset(value, 'f', sizeof(value));
    int n = snprintf(name, sizeof(name), "filler:%u", job->filled);
    attl_slice key = attl_b(name, (size_t)n);
    if (job->growing) {
        int64_t ttl_ms = rng_one_in(&job->rng, 3) ? (int64_t)rng_range(&job->rng, 1, 100000)
                                                  : ATTL_TTL_NONE;
        int status = attl_set(job->field->cache, key,
                              attl_b(value, rng_below(&job->rng, sizeof(value))), ttl_ms);
        CHECK(status == ATTL_OK || (status == ATTL_E_FULL && job->field->evicts), "filler: %s",
              attl_err_name(status));
        job->growing = ++job->filled < FILLER_KEYS;
    } else {
        int status = attl_del(job->field->cache, key);
        CHECK(status == ATTL_OK || status == ATTL_MISS, "filler: %s", attl_err_name(status));
        job->growing = job->filled == 0 || --job->filled == 0;
    }
}

/* Also with more or fewer shards now and then. */
static void
turn_move(struct job *job)
{
    attl_stats stats = sim_stats(job->field->cache);
    uint64_t partition = rng_below(&job->rng, stats.partitions);
    if (rng_one_in(&job->rng, 200)) {
        char wished[16];
        (void)snprintf(wished, sizeof(wished), "%u", (unsigned)rng_range(&job->rng, 1, 24));
        sim_option(job->field->cache, "cache.num_shards", wished);
    }
    attl_unstable_partition_move(job->field->cache, partition,
                                 (uint32_t)rng_below(&job->rng, stats.shards));
    (void)usleep(20);
}

static void
turn_maintain(struct job *job)
{
    static const uint64_t budgets_us[] = { 1, 10, 100, 1000, 0 };
    int64_t next_ms;
    attl_tick(job->field->cache, budgets_us[rng_below(&job->rng, 5)], &next_ms);
    CHECK(next_ms >= -1, "next %" PRId64, next_ms);
    (void)usleep((useconds_t)rng_below(&job->rng, 300));
}

/* A simulated millisecond per tenth of a real one, with jumps, up to where steady entries would
 * die. */
static void
turn_clock(struct job *job)
{
    struct field *f = job->field;
    int64_t ms = rng_one_in(&job->rng, 300) ? (int64_t)rng_range(&job->rng, 1000, 400000) : 1;
    if (sim_now(&f->sim) + ms < f->horizon_ms) {
        sim_advance(&f->sim, ms);
    }
    (void)usleep(100);
}

/* ---- readers ------------------------------------------------------------------------------- */

struct visited {
    struct job *job;
    const size_t *indexes;
    const struct field_before *before;
    unsigned calls;
};

static void
visit_one(void *ud, attl_slice value, int64_t deadline_ms)
{
    struct visited *v = ud;
    v->calls++;
    field_after_read(&v->job->reader, v->indexes[0], v->before, ATTL_OK, value, deadline_ms);
}

static void
read_by_visit(struct job *job, size_t i)
{
    struct field_before before = field_before_read(job->field, i);
    struct visited v = { job, &i, &before, 0 };
    int status = attl_get_visit(job->field->cache, field_key(&job->field->cells[i]), visit_one, &v);
    CHECK(v.calls == (status == ATTL_OK ? 1 : 0), "%u visits, %s", v.calls, attl_err_name(status));
    if (status != ATTL_OK) {
        field_after_read(&job->reader, i, &before, status, attl_b(NULL, 0), 0);
    }
}

static void
read_by_copy(struct job *job, size_t i)
{
    unsigned char bytes[FIELD_VALUE_BYTES_MAX];
    size_t len = 0;
    struct stamp s;
    struct field_before before = field_before_read(job->field, i);
    int status =
        attl_get(job->field->cache, field_key(&job->field->cells[i]), bytes, sizeof(bytes), &len);
    /* attl_get tells no deadline: the value's own is as good, and for sliding ones unknown. */
    int64_t deadline_ms = ATTL_NO_DEADLINE;
    if (status == ATTL_OK && job->field->cells[i].habit != HABIT_SLIDING) {
        CHECK(stamp_read(attl_b(bytes, len), &s), "key %zu: a torn copy of %zu bytes", i, len);
        deadline_ms = s.deadline_ms;
    }
    field_after_read(&job->reader, i, &before, status, attl_b(bytes, len), deadline_ms);
}

static void
read_by_pin(struct job *job, size_t i)
{
    attl_value value = ATTL_VALUE_INIT;
    struct field_before before = field_before_read(job->field, i);
    int status = attl_get_pin(job->field->cache, field_key(&job->field->cells[i]), &value);
    if (status != ATTL_E_BUSY) {
        field_after_read(&job->reader, i, &before, status, value.data, value.deadline_ms);
    }
    attl_value_release(job->field->cache, &value);
}

static void
visit_batch(void *ud, size_t n, int status, attl_slice value, int64_t deadline_ms)
{
    struct visited *v = ud;
    CHECK(n == v->calls++, "call %u for key %zu", v->calls, n);
    field_after_read(&v->job->reader, v->indexes[n], &v->before[n], status, value, deadline_ms);
}

static void
read_by_batch(struct job *job)
{
    size_t indexes[BATCH];
    struct field_before before[BATCH];
    attl_slice keys[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        indexes[i] = rng_below(&job->rng, FIELD_KEYS);
        keys[i] = field_key(&job->field->cells[indexes[i]]);
        before[i] = field_before_read(job->field, indexes[i]);
    }
    if (rng_one_in(&job->rng, 2)) {
        struct visited v = { job, indexes, before, 0 };
        (void)attl_mget_visit(job->field->cache, keys, BATCH, visit_batch,
                              &v); /* judged one by one */
        CHECK(v.calls == BATCH, "%u calls", v.calls);
        return;
    }
    attl_value values[BATCH];
    int statuses[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        values[i] = (attl_value)ATTL_VALUE_INIT;
    }
    (void)attl_mget(job->field->cache, keys, BATCH, values, statuses); /* judged one by one */
    for (size_t i = 0; i < BATCH; i++) {
        if (statuses[i] != ATTL_E_BUSY) {
            field_after_read(&job->reader, indexes[i], &before[i], statuses[i], values[i].data,
                             values[i].deadline_ms);
        }
        attl_value_release(job->field->cache, &values[i]);
    }
}

static void
turn_read(struct job *job)
{
    size_t i = rng_below(&job->rng, FIELD_KEYS);
    switch (rng_below(&job->rng, 8)) {
    case 0: read_by_batch(job); break;
    case 1: read_by_pin(job, i); break;
    case 2:
    case 3: read_by_copy(job, i); break;
    default: read_by_visit(job, i); break;
    }
}

/* Keeps values for a long while; they must neither change nor fade. */
static void
turn_hold(struct job *job)
{
    size_t slot = rng_below(&job->rng, HELD_MAX);
    attl_value *value = &job->held[slot];
    struct stamp s;
    if (value->data.data != NULL) {
        CHECK(stamp_read(value->data, &s) && s.key_id == job->held_key[slot],
              "a pinned value of key %zu changed", job->held_key[slot]);
        attl_value_release(job->field->cache, value);
        *value = (attl_value)ATTL_VALUE_INIT;
    }
    size_t i = rng_below(&job->rng, FIELD_KEYS);
    struct field_before before = field_before_read(job->field, i);
    int status = attl_get_pin(job->field->cache, field_key(&job->field->cells[i]), value);
    if (status != ATTL_E_BUSY) {
        field_after_read(&job->reader, i, &before, status, value->data, value->deadline_ms);
    }
    if (status != ATTL_OK) {
        *value = (attl_value)ATTL_VALUE_INIT;
    }
    job->held_key[slot] = i;
    (void)usleep((useconds_t)rng_below(&job->rng, 100));
}

/* ---- scanners ------------------------------------------------------------------------------ */

static void
scan_visit(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct job *job = ud;
    char name[32];
    CHECK(deadline_ms == ATTL_NO_DEADLINE || deadline_ms > job->scan_now_ms,
          "scan: an entry %" PRId64 " ms after its deadline", job->scan_now_ms - deadline_ms);
    CHECK(key.len < sizeof(name), "scan: a key of %zu bytes", key.len);
    memcpy(name, key.data, key.len);
    name[key.len] = '\0';
    unsigned i;
    if (sscanf(name, "field:%u", &i) != 1) {
        CHECK(strncmp(name, "filler:", 7) == 0, "scan: a key \"%s\"", name);
        return;
    }
    CHECK(i < FIELD_KEYS, "scan: key %u", i);
    job->visits[i]++;
    field_after_read(&job->reader, i, &job->scan_before[i], ATTL_OK, value, deadline_ms);
}

static void
scan_end(struct job *job)
{
    for (size_t i = 0; i < FIELD_KEYS && !job->field->evicts; i++) {
        enum field_habit habit = job->field->cells[i].habit;
        bool steady = habit == HABIT_FIXED || habit == HABIT_VARIED || habit == HABIT_SLIDING;
        CHECK(!steady || job->visits[i] == 1,
              "scan: key %zu (habit %d), there all the time, visited %u times", i, (int)habit,
              job->visits[i]);
    }
    job->scanning = false;
}

static void
turn_scan(struct job *job)
{
    if (!job->scanning) {
        memset(job->visits, 0, sizeof(job->visits));
        job->cursor = 0;
        job->scanning = true;
        for (size_t i = 0; i < FIELD_KEYS; i++) {
            job->scan_before[i] = field_before_read(job->field, i);
        }
    }
    job->scan_now_ms = sim_now(&job->field->sim);
    for (size_t i = 0; i < FIELD_KEYS; i++) {
        job->scan_before[i].now_ms = job->scan_now_ms;
    }
    int status =
        attl_scan(job->field->cache, &job->cursor, rng_range(&job->rng, 1, 200), scan_visit, job);
    CHECK(status == ATTL_OK || status == ATTL_DONE, "scan: %s", attl_err_name(status));
    if (status == ATTL_DONE) {
        scan_end(job);
    }
}

/* ---- running ------------------------------------------------------------------------------- */

static void *
job_main(void *ud)
{
    struct job *job = ud;
    while (!atomic_load_explicit(&job->field->stop, memory_order_relaxed)) {
        job->turn(job);
    }
    for (size_t i = 0; i < HELD_MAX; i++) {
        attl_value_release(job->field->cache, &job->held[i]);
    }
    return NULL;
}

static void
run_threads(struct field *f, uint64_t seed)
{
    static void (*const turns[])(struct job *) = {
        turn_write, turn_write, turn_read, turn_read,     turn_read,  turn_hold,
        turn_scan,  turn_move,  turn_fill, turn_maintain, turn_clock,
    };
    enum { JOBS = sizeof(turns) / sizeof(turns[0]) };
    struct job *jobs = calloc(JOBS, sizeof(*jobs));
    pthread_t threads[THREADS_MAX];
    CHECK(jobs != NULL, "no memory for %d jobs", JOBS);
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i].field = f;
        jobs[i].number = i; /* the writers come first: 0 and 1 */
        jobs[i].turn = turns[i];
        jobs[i].rng = rng_from_seed(seed * 31 + i);
        jobs[i].reader.field = f;
        jobs[i].growing = true;
        CHECK(pthread_create(&threads[i], NULL, job_main, &jobs[i]) == 0, "thread %u", i);
    }
    (void)usleep((useconds_t)(test_is_sanitized() ? RUN_MS : test_scaled(RUN_MS)) * 1000);
    atomic_store(&f->stop, true);
    uint64_t hits = 0, misses = 0;
    for (unsigned i = 0; i < JOBS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0, "thread %u", i);
        hits += jobs[i].reader.hits;
        misses += jobs[i].reader.misses;
    }
    printf("# %" PRIu64 " hits, %" PRIu64 " misses judged\n", hits, misses);
    CHECK(hits > 0 && misses > 0, "nothing was read");
    free(jobs);
}

/* Fills the cache to its bound, so that eviction begins at once also where everything is slow. */
static void
prefill(struct field *f)
{
    char name[32], value[600] = "";
    for (unsigned i = 0; i < FILLER_KEYS; i++) {
        int n = snprintf(name, sizeof(name), "filler:%u", i);
        int status = attl_set(f->cache, attl_b(name, (size_t)n), attl_b(value, i % sizeof(value)),
                              ATTL_TTL_NONE);
        CHECK(status == ATTL_OK, "filling: %s", attl_err_name(status));
    }
}

static void
run_field(const char *name, const struct sim_option *options, bool evicts, uint64_t seed)
{
    struct field *f = malloc(sizeof(*f));
    CHECK(f != NULL, "%zu bytes", sizeof(*f));
    test_announce(name, seed);
    field_init(f, options, evicts);
    if (evicts) {
        prefill(f);
    }
    run_threads(f, seed);
    attl_stats s = sim_stats(f->cache);
    printf("# %" PRIu64 " in place, %" PRIu64 " rebuilds, %" PRIu64 " moves, %" PRIu64
           " expired, %" PRIu64 " copied, %" PRIu64 " evicted\n",
           s.writes_in_place, s.rebuilds, s.partition_moves, s.expired, s.records_copied,
           s.evicted);
    CHECK((s.evicted > 0) == evicts, "%" PRIu64 " evicted", s.evicted);
    CHECK(s.partition_moves > 0 && s.expired > 0 && s.records_copied > 0,
          "a part of the cache was idle");
    field_fini(f);
    free(f);
}

static void
readers_see_only_what_was_written(void **state)
{
    (void)state;
    static const struct sim_option options[] = {
        { "cache.max_memory", "0" },
        { "cache.max_entries", "0" },
        { "validation.max_ttl", "0" },
        { NULL, NULL },
    };
    run_field("without limits", options, false, test_seed());
}

static void
readers_see_only_what_was_written_in_few_partitions(void **state)
{
    (void)state;
    /* Every key shares its table, its lock and its stash with hundreds of others. */
    static const struct sim_option options[] = {
        { "cache.max_memory", "0" },
        { "cache.max_entries", "0" },
        { "cache.num_shards", "2" },
        { "cache.partitions", "64" },
        { NULL, NULL },
    };
    run_field("64 partitions", options, false, test_seed() + 1);
}

static void
readers_see_only_what_was_written_under_eviction(void **state)
{
    (void)state;
    static const struct sim_option options[] = {
        { "cache.max_memory", "0" },
        { "cache.max_entries", "20000" },
        { NULL, NULL },
    };
    static const struct sim_option small[] = {
        { "cache.max_memory", "16MiB" },
        { "cache.max_entries", "0" },
        { NULL, NULL },
    };
    run_field("20000 entries", options, true, test_seed() + 2);
    run_field("16 MiB", small, true, test_seed() + 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_only_what_was_written),
        cmocka_unit_test(readers_see_only_what_was_written_in_few_partitions),
        cmocka_unit_test(readers_see_only_what_was_written_under_eviction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
