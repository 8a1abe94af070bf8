/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shard by itself: records are appended without an index, so that the test alone decides which of
 * them live. Which chunk a record goes to, how large chunks are, when one is retired, in which
 * order they are given up, what the clock is told, and what the sums say, each is checked against
 * plain arithmetic.
 */
#include "cache/shard.h"

#include "cache_support.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RECORDS_MAX = 60000, KEY_LEN = 8, VALUE_LEN = 84, RECORD_LEN = 104, KIB = 1024 };

/* A cache of one shard, and what the test has appended and not yet killed. */
struct yard {
    struct rig *rig;
    struct shard *shard;
    struct appended records[RECORDS_MAX];
    int64_t deadlines_ms[RECORDS_MAX];
    unsigned count;
    uint64_t serial;
    bool urgent, new_entry;
    enum chunk_gen gen;
};

static void
yard_open(struct yard *y, const struct cache_config *config)
{
    y->rig = rig_open(config);
    y->shard = &y->rig->cache.shards[0];
}

static int
yard_setup(void **state)
{
    struct yard *y = calloc(1, sizeof(*y));
    if (y == NULL)
        return -1;
    struct cache_config config = rig_config();
    yard_open(y, &config);
    *state = y;
    return 0;
}

static void
kill_record(struct yard *y, unsigned i)
{
    shard_record_died(y->records[i].chunk, &y->rig->cache, y->records[i].bytes);
    y->count--;
    y->records[i] = y->records[y->count];
    y->deadlines_ms[i] = y->deadlines_ms[y->count];
}

static void
kill_all(struct yard *y)
{
    while (y->count > 0)
        kill_record(y, y->count - 1);
}

static int
yard_teardown(void **state)
{
    struct yard *y = *state;
    kill_all(y);
    rig_close(y->rig);
    free(y);
    return 0;
}

static int
append(struct yard *y, int64_t deadline_ms)
{
    static const char value[VALUE_LEN];
    struct record_spec record = { .key = attl_b(&y->serial, KEY_LEN),
                                  .value = attl_b(value, VALUE_LEN),
                                  .deadline_ms = deadline_ms };
    struct append_spec spec = { .record = &record,
                                .hash = rng_mix(y->serial),
                                .gen = y->gen,
                                .new_entry = y->new_entry,
                                .urgent = y->urgent,
                                .now_ms = y->rig->now_ms };
    int status = shard_append(y->shard, &spec, &y->records[y->count]);
    if (status != ATTL_OK)
        return status;
    y->deadlines_ms[y->count] = deadline_ms;
    y->count++;
    y->serial++;
    assert_true(y->count < RECORDS_MAX);
    return ATTL_OK;
}

static struct appended *
last(struct yard *y)
{
    return &y->records[y->count - 1];
}

/* Appends until a chunk is born that was not there before. */
static struct chunk *
append_to_a_new_chunk(struct yard *y, int64_t deadline_ms)
{
    uint64_t births = y->shard->seq;
    while (y->shard->seq == births)
        assert_int_equal(append(y, deadline_ms), ATTL_OK);
    return last(y)->chunk;
}

static unsigned
retired(const struct yard *y)
{
    return (unsigned)atomic_load(&y->rig->cache.limbo.count);
}

static void
a_record_lies_where_its_address_says(void **state)
{
    struct yard *y = *state;
    const struct region *region = &y->rig->cache.region;
    struct rng r = rng_from_seed(1);
    for (uint64_t i = 0; i < 3000; i++) {
        int64_t life_ms = (int64_t)(rng_u64(&r) >> rng_range(&r, 24, 62));
        y->gen = (enum chunk_gen)rng_below(&r, GEN_COUNT);
        assert_int_equal(append(y, START_MS + life_ms), ATTL_OK);
        const struct appended *a = last(y);
        struct record *record = region_pointer(region, a->address);
        struct record_shape shape = record_shape(record);
        assert_true(record_key_is(record, &shape, attl_b(&i, KEY_LEN)));
        assert_int_equal(record_deadline(record, &shape, START_MS), START_MS + life_ms);
        assert_int_equal(shape.bytes, a->bytes);
        assert_ptr_equal(region_chunk(region, a->address), a->chunk);
        assert_int_equal(a->chunk->slot, wheel_slot(&y->shard->wheel, START_MS + life_ms));
        assert_int_equal(a->chunk->gen, y->gen);
        assert_int_equal(atomic_load(&a->chunk->state), CHUNK_OPEN);
    }
}

/* Small while a chain is small, a sixteenth of it later, never above the cache's largest. */
static void
chunks_grow_with_their_chain(void **state)
{
    struct yard *y = *state;
    struct chain *chain = &y->shard->chains[WHEEL_NEVER];
    uint64_t births = 0;
    while (y->count < RECORDS_MAX - 2) {
        uint64_t before = chain->bytes;
        assert_int_equal(append(y, ATTL_NO_DEADLINE), ATTL_OK);
        if (y->shard->seq == births)
            continue;
        births = y->shard->seq;
        uint64_t bytes = last(y)->chunk->bytes;
        assert_true(bytes >= LIMIT_CHUNK_MIN_BYTES && (bytes & (bytes - 1)) == 0);
        assert_true(bytes <= LIMIT_CHUNK_MIN_BYTES || bytes * 16 <= before);
        assert_true(bytes * 32 > before || bytes == LIMIT_CHUNK_MAX_BYTES);
        assert_int_equal(chain->bytes, before + bytes);
    }
    assert_true(births < 200); /* 6 MB in not too many pieces */
}

static void
a_record_larger_than_a_page_gets_a_chunk_that_holds_it(void **state)
{
    struct yard *y = *state;
    static char key[LIMIT_KEY_BYTES], value[LIMIT_INLINE_VALUE_BYTES];
    struct record_spec record = { .key = attl_b(key, sizeof(key)),
                                  .value = attl_b(value, sizeof(value)),
                                  .deadline_ms = START_MS + LIMIT_TTL_MS };
    struct append_spec spec = { .record = &record, .now_ms = START_MS };
    assert_int_equal(shard_append(y->shard, &spec, &y->records[y->count]), ATTL_OK);
    y->count++;
    assert_int_equal(last(y)->bytes, record_bytes(&record, START_MS));
    assert_int_equal(last(y)->chunk->bytes, 64 * KIB);
}

static void
an_empty_sealed_chunk_is_retired_at_once(void **state)
{
    struct yard *y = *state;
    (void)append_to_a_new_chunk(y, ATTL_NO_DEADLINE);
    unsigned first = 0;
    struct chunk *old = y->records[0].chunk;
    (void)append_to_a_new_chunk(y, ATTL_NO_DEADLINE);
    assert_int_equal(atomic_load(&old->state), CHUNK_SEALED);
    while (atomic_load(&old->live_items) > 0) {
        assert_int_equal(retired(y), 0);
        while (y->records[first].chunk != old)
            first++;
        kill_record(y, first);
        first = 0;
    }
    assert_int_equal(retired(y), 1);
    assert_int_equal(atomic_load(&old->state), CHUNK_RETIRED);
    rig_collect(y->rig);
    assert_int_equal(atomic_load(&old->state), CHUNK_FREE);
}

static void
an_empty_open_chunk_stays_and_is_filled(void **state)
{
    struct yard *y = *state;
    for (int i = 0; i < LIMIT_CHUNK_MIN_BYTES / RECORD_LEN; i++) {
        assert_int_equal(append(y, ATTL_NO_DEADLINE), ATTL_OK);
        kill_record(y, 0);
        assert_int_equal(retired(y), 0);
    }
    assert_int_equal(y->shard->seq, 1);
    assert_int_equal(append(y, ATTL_NO_DEADLINE),
                     ATTL_OK); /* the next one: the full one, all dead, goes */
    assert_int_equal(retired(y), 1);
    assert_int_equal(y->shard->chains[WHEEL_NEVER].bytes, LIMIT_CHUNK_MIN_BYTES);
}

/* Drops the chunk that is to be evicted next, and says which it was. */
static struct chunk *
give_up_one(struct yard *y)
{
    struct chunk *c = shard_take(y->shard, DRAIN_EVICT);
    for (unsigned i = y->count; c && i-- > 0;)
        if (y->records[i].chunk == c)
            kill_record(y, i);
    if (c)
        shard_finish(y->shard, c);
    return c;
}

static void
the_oldest_chunk_is_given_up_first(void **state)
{
    struct yard *y = *state;
    struct rng r = rng_from_seed(2);
    struct chunk *open[WHEEL_SLOTS] = { NULL }, *order[1000];
    unsigned count = 0;
    for (int i = 0; i < 6000; i++) { /* many chains, filling at different speeds */
        int64_t life_ms = (int64_t)(rng_below(&r, 100) * rng_below(&r, 100)) * HOUR_MS;
        assert_int_equal(append(y, START_MS + life_ms), ATTL_OK);
        struct chunk *c = last(y)->chunk;
        if (open[c->slot] && open[c->slot] != c)
            order[count++] = open[c->slot]; /* sealed just now */
        open[c->slot] = c;
    }
    assert_in_range(count, 20, 999);
    for (unsigned i = 0; i < count; i++)
        assert_ptr_equal(give_up_one(y), order[i]);
    uint64_t last_seq = 0;
    struct chunk *c;
    while ((c = give_up_one(y)) != NULL) { /* then the open ones, by age */
        assert_true(last_seq == 0 || c->opened_seq > last_seq);
        last_seq = c->opened_seq;
    }
    assert_int_equal(y->count, 0);
}

static void
generations_take_turns_by_their_bytes(void **state)
{
    struct yard *y = *state;
    y->gen = GEN_SURVIVOR;
    for (int i = 0; i < 2000; i++)
        assert_int_equal(append(y, ATTL_NO_DEADLINE), ATTL_OK);
    y->gen = GEN_NEW;
    for (int i = 0; i < 150; i++) /* less than a tenth */
        assert_int_equal(append(y, ATTL_NO_DEADLINE), ATTL_OK);
    struct chunk *c = shard_take(y->shard, DRAIN_EVICT);
    assert_int_equal(c->gen, GEN_SURVIVOR);
    assert_ptr_equal(shard_take(y->shard, DRAIN_EVICT), c); /* until it is finished */
    for (int i = 0; i < 150; i++)
        assert_int_equal(append(y, ATTL_NO_DEADLINE), ATTL_OK);
    for (unsigned i = y->count; i-- > 0;)
        if (y->records[i].chunk == c)
            kill_record(y, i);
    shard_finish(y->shard, c);
    assert_int_equal(shard_take(y->shard, DRAIN_EVICT)->gen, GEN_NEW);
}

static void
a_slot_whose_time_has_come_is_due(void **state)
{
    struct yard *y = *state;
    assert_int_equal(shard_next_due(y->shard), INT64_MAX);
    assert_int_equal(append(y, ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(shard_next_due(y->shard), INT64_MAX);
    assert_int_equal(append(y, START_MS + 3000), ATTL_OK);
    int64_t due_ms = shard_next_due(y->shard);
    assert_in_range(due_ms - (START_MS + 3000), 1, 1 << WHEEL_TICK_SHIFT);
    shard_advance(y->shard, due_ms - 1);
    assert_null(shard_take(y->shard, DRAIN_DUE));
    shard_advance(y->shard, due_ms);
    assert_int_equal(shard_next_due(y->shard), 0);
    struct chunk *c = shard_take(y->shard, DRAIN_DUE);
    assert_ptr_equal(c, y->records[1].chunk);
    assert_int_equal(atomic_load(&c->state), CHUNK_DUE);
    assert_int_equal(shard_next_due(y->shard), 0); /* as long as it is in somebody's hands */
    assert_int_equal(atomic_load(&y->shard->earliest_ms), 0);
    kill_record(y, 1);
    assert_int_equal(retired(y), 0);
    shard_finish(y->shard, c);
    assert_int_equal(retired(y), 1);
    assert_int_equal(shard_next_due(y->shard), INT64_MAX);
    assert_int_equal(atomic_load(&y->shard->earliest_ms), INT64_MAX);
}

/* Being evicted or cleaned, and then its slot comes due: it goes on as a due chunk from where it
 * stands. */
static void
a_chunk_in_work_stays_visible_to_the_clock(void **state)
{
    struct yard *y = *state;
    static const enum drain_reason reasons[] = { DRAIN_EVICT, DRAIN_CLEAN };
    for (size_t i = 0; i < 2; i++) {
        int64_t now_ms = y->rig->now_ms;
        (void)append_to_a_new_chunk(y, now_ms + 5000);
        (void)append_to_a_new_chunk(y, now_ms + 5000);
        for (unsigned n = 0; n < 3; n++)
            kill_record(y, 2); /* something to clean */
        struct chunk *c = shard_take(y->shard, reasons[i]);
        assert_ptr_equal(c, y->records[0].chunk);
        c->drain_offset = y->records[0].bytes; /* one is done */
        kill_record(y, 0);
        assert_true(shard_next_due(y->shard) <= now_ms + 5000 + (1 << WHEEL_TICK_SHIFT));
        assert_true(atomic_load(&y->shard->earliest_ms) <= now_ms + 5000);
        y->rig->now_ms += 6000;
        shard_advance(y->shard, y->rig->now_ms);
        assert_int_equal(atomic_load(&c->state), CHUNK_DUE);
        assert_int_equal(c->drain_offset, RECORD_LEN);
        assert_null(y->shard->draining[reasons[i]]);
        kill_all(y);
        while ((c = shard_take(y->shard, DRAIN_DUE)) != NULL)
            shard_finish(y->shard, c);
        rig_check(y->rig, "after a chunk came due in work");
    }
}

/* earliest_ms never lies beyond a living deadline, whatever happens. */
static void
nothing_expires_before_the_earliest(void **state)
{
    struct yard *y = *state;
    struct rng r = rng_from_seed(3);
    for (int step = 0; step < 4000; step++) {
        uint64_t what = rng_below(&r, 10);
        if (what < 6 && y->count < 5000)
            assert_int_equal(
                append(y, y->rig->now_ms + (int64_t)(rng_u64(&r) >> rng_range(&r, 34, 60))),
                ATTL_OK);
        else if (what < 8 && y->count > 0)
            kill_record(y, (unsigned)rng_below(&r, y->count));
        else if (what == 8)
            y->rig->now_ms += (int64_t)rng_below(&r, 3000);
        shard_advance(y->shard, y->rig->now_ms);
        struct chunk *c = shard_take(y->shard, rng_one_in(&r, 2) ? DRAIN_DUE : DRAIN_EVICT);
        for (unsigned i = y->count; c && i-- > 0;)
            if (y->records[i].chunk == c)
                kill_record(y, i);
        if (c)
            shard_finish(y->shard, c);
        int64_t earliest_ms = atomic_load(&y->shard->earliest_ms),
                due_ms = shard_next_due(y->shard);
        for (unsigned i = 0; i < y->count; i++) {
            assert_true(earliest_ms <= y->deadlines_ms[i]);
            assert_true(due_ms <= y->deadlines_ms[i] + (1 << WHEEL_TICK_SHIFT));
        }
    }
}

static void
the_limit_is_kept_and_the_drain_may_pass_it_a_little(void **state)
{
    struct yard *y = *state;
    rig_close(y->rig);
    struct cache_config config = rig_config();
    config.max_bytes = 1 << 20;
    yard_open(y, &config);
    int status;
    while ((status = append(y, ATTL_NO_DEADLINE)) == ATTL_OK)
        assert_true(cache_used_bytes(&y->rig->cache) <= config.max_bytes);
    assert_int_equal(status, ATTL_E_FULL);
    assert_true(cache_used_bytes(&y->rig->cache) > config.max_bytes - LIMIT_CHUNK_MIN_BYTES);
    assert_int_equal(append(y, ATTL_NO_DEADLINE), ATTL_E_FULL);
    y->urgent = true;
    while ((status = append(y, ATTL_NO_DEADLINE)) == ATTL_OK)
        ;
    assert_int_equal(status, ATTL_E_FULL);
    uint64_t reserve = config.max_bytes / 16 + LIMIT_CHUNK_MAX_BYTES;
    assert_in_range(cache_used_bytes(&y->rig->cache), config.max_bytes + 1,
                    config.max_bytes + reserve);
}

static void
without_memory_smaller_chunks_are_tried(void **state)
{
    struct yard *y = *state;
    struct arena_pool *pool = &y->rig->cache.chunk_pool;
    for (int i = 0; i < 30000; i++)
        assert_int_equal(append(y, ATTL_NO_DEADLINE), ATTL_OK);
    atomic_store(&y->rig->cache.region.commits_until_failure, 0);
    uint64_t chunks = y->shard->seq;
    int status;
    while ((status = append(y, ATTL_NO_DEADLINE)) == ATTL_OK)
        ;
    assert_int_equal(status, ATTL_E_NOMEM);
    assert_true(y->shard->seq > chunks);
    assert_int_equal(atomic_load(&pool->used_bytes), (uint64_t)pool->arenas * LIMIT_ARENA_BYTES);
    atomic_store(&y->rig->cache.region.commits_until_failure, -1);
    assert_int_equal(append(y, ATTL_NO_DEADLINE), ATTL_OK);
}

static void
a_key_evicted_lately_comes_back_as_a_survivor(void **state)
{
    struct yard *y = *state;
    ghost_resize(&y->shard->ghost, 1000);
    ghost_add(&y->shard->ghost, rng_mix(0));
    assert_int_equal(append(y, ATTL_NO_DEADLINE), ATTL_OK); /* an overwrite asks no ghost */
    assert_int_equal(last(y)->chunk->gen, GEN_NEW);
    y->serial = 0;
    y->new_entry = true;
    atomic_store(&y->rig->cache.max_bytes, 1);
    assert_int_equal(append(y, START_MS + 1), ATTL_E_FULL);
    atomic_store(&y->rig->cache.max_bytes, 0);
    assert_int_equal(append(y, START_MS + 1), ATTL_OK); /* not forgotten by the failure */
    assert_true(last(y)->ghost_hit);
    assert_int_equal(last(y)->chunk->gen, GEN_SURVIVOR);
    y->serial = 0;
    assert_int_equal(append(y, START_MS + 1), ATTL_OK); /* but by the success */
    assert_false(last(y)->ghost_hit);
    assert_int_equal(last(y)->chunk->gen, GEN_NEW);
}

static void
dead_bytes_are_counted_wherever_they_lie(void **state)
{
    struct yard *y = *state;
    struct rng r = rng_from_seed(4);
    uint64_t dead = 0;
    for (int i = 0; i < 10000; i++)
        assert_int_equal(append(y, ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(shard_dead_bytes(y->shard), 0);
    assert_false(shard_wants_cleaning(y->shard));
    for (int i = 0; i < 1000; i++, dead += RECORD_LEN - 8) /* no deadline word in these */
        kill_record(y, (unsigned)rng_below(&r, y->count));
    assert_true(shard_dead_bytes(y->shard) > 0);
    assert_false(shard_wants_cleaning(y->shard)); /* a tenth is allowed */
    uint64_t before = shard_dead_bytes(y->shard);
    struct chunk *c = shard_take(y->shard, DRAIN_CLEAN);
    assert_non_null(c);
    assert_int_equal(shard_dead_bytes(y->shard), before); /* also while it is in work */
    for (int i = 0; i < 3000; i++)
        kill_record(y, (unsigned)rng_below(&r, y->count));
    assert_true(shard_wants_cleaning(y->shard));
    for (unsigned i = y->count; i-- > 0;)
        if (y->records[i].chunk == c)
            kill_record(y, i);
    shard_finish(y->shard, c);
}

/* Of two chunks of an age the one with more dead, of two alike the older. */
static void
the_chunk_most_worth_it_is_cleaned(void **state)
{
    struct yard *y = *state;
    struct chunk *chunks[8];
    for (int i = 0; i < 8; i++)
        chunks[i] = append_to_a_new_chunk(y, ATTL_NO_DEADLINE);
    assert_null(shard_take(y->shard, DRAIN_CLEAN)); /* nothing is dead */
    unsigned killed[8] = { 0 };
    for (unsigned i = y->count; i-- > 0;)
        for (int j = 2; j < 6; j++)
            if (y->records[i].chunk == chunks[j] && killed[j] < (j == 4 ? 30u : 10u)) {
                kill_record(y, i);
                killed[j]++;
                break;
            }
    assert_ptr_equal(shard_take(y->shard, DRAIN_CLEAN), chunks[4]);
    kill_all(y);
    shard_finish(y->shard, chunks[4]);
}

static void
a_small_present_slot_may_be_drained_early(void **state)
{
    struct yard *y = *state;
    assert_int_equal(append(y, START_MS + 3), ATTL_OK);
    shard_expire_early(y->shard, START_MS + 2);
    assert_null(shard_take(y->shard, DRAIN_DUE)); /* nothing has expired */
    shard_expire_early(y->shard, START_MS + 3);
    struct chunk *c = shard_take(y->shard, DRAIN_DUE);
    assert_ptr_equal(c, y->records[0].chunk);
    kill_all(y);
    shard_finish(y->shard, c);
    for (int i = 0; i < 4000; i++) /* too much to look through for what may be one */
        assert_int_equal(append(y, START_MS + 3), ATTL_OK);
    shard_expire_early(y->shard, START_MS + 3);
    assert_null(shard_take(y->shard, DRAIN_DUE));
}

static struct shard_due
observe(struct yard *y, int64_t at_ms, int64_t horizon_ms)
{
    struct shard_due due;
    shard_observe_due(y->shard, at_ms, horizon_ms, &due);
    return due;
}

/* What comes within the horizon, what is due, since when, and nothing when it is drained. */
static void
what_is_due_and_what_comes_is_told_in_bytes(void **state)
{
    struct yard *y = *state;
    struct shard_due due = observe(y, START_MS, 1000 * DAY_MS);
    assert_true(due.due_bytes == 0 && due.expired_bytes == 0 && due.coming_bytes == 0);
    assert_true(due.since_ms == INT64_MAX);
    assert_int_equal(append(y, START_MS + 2 * SECOND_MS), ATTL_OK);
    assert_int_equal(append(y, START_MS + 4 * SECOND_MS), ATTL_OK);
    assert_int_equal(append(y, START_MS + HOUR_MS), ATTL_OK);
    assert_int_equal(append(y, ATTL_NO_DEADLINE), ATTL_OK);
    uint64_t each = y->records[0].chunk->bytes;
    assert_int_equal(observe(y, START_MS, SECOND_MS).coming_bytes, 0);
    assert_int_equal(observe(y, START_MS, 3 * SECOND_MS).coming_bytes, each);
    assert_int_equal(observe(y, START_MS, 10 * SECOND_MS).coming_bytes, 2 * each);
    assert_int_equal(observe(y, START_MS, 1000 * DAY_MS).coming_bytes, 3 * each); /* not the last */
    for (int i = 0; i < 2; i++) {
        int64_t turn_ms = shard_next_due(y->shard);
        assert_true(turn_ms > y->deadlines_ms[i] && turn_ms <= y->deadlines_ms[i] + 512);
        shard_advance(y->shard, turn_ms + 100);
        due = observe(y, turn_ms + 100, HOUR_MS);
        assert_int_equal(due.due_bytes, each);
        assert_int_equal(due.expired_bytes, each);
        assert_int_equal(due.since_ms, turn_ms); /* and not when it was noticed */
        struct chunk *c = shard_take(y->shard, DRAIN_DUE);
        assert_non_null(c);
        assert_int_equal(observe(y, turn_ms + 200, HOUR_MS).since_ms, turn_ms); /* while in work */
        shard_record_died(y->records[i].chunk, &y->rig->cache, y->records[i].bytes);
        shard_finish(y->shard, c);
        due = observe(y, turn_ms + 100, HOUR_MS);
        assert_true(due.due_bytes == 0 && due.since_ms == INT64_MAX);
    }
    y->records[0] = y->records[2];
    y->records[1] = y->records[3];
    y->count = 2;
    /* An hour away lies on a coarse slot: when its turn comes it is due, and has not expired. */
    int64_t turn_ms = shard_next_due(y->shard);
    assert_true(turn_ms < START_MS + HOUR_MS);
    shard_advance(y->shard, turn_ms);
    due = observe(y, turn_ms, HOUR_MS);
    assert_true(due.due_bytes == each && due.expired_bytes == 0 && due.since_ms == turn_ms);
    struct chunk *c = shard_take(y->shard, DRAIN_DUE);
    kill_record(y, 0);
    shard_finish(y->shard, c);
}

#define YARD_TEST(f) cmocka_unit_test_setup_teardown(f, yard_setup, yard_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        YARD_TEST(a_record_lies_where_its_address_says),
        YARD_TEST(chunks_grow_with_their_chain),
        YARD_TEST(a_record_larger_than_a_page_gets_a_chunk_that_holds_it),
        YARD_TEST(an_empty_sealed_chunk_is_retired_at_once),
        YARD_TEST(an_empty_open_chunk_stays_and_is_filled),
        YARD_TEST(the_oldest_chunk_is_given_up_first),
        YARD_TEST(generations_take_turns_by_their_bytes),
        YARD_TEST(a_slot_whose_time_has_come_is_due),
        YARD_TEST(a_chunk_in_work_stays_visible_to_the_clock),
        YARD_TEST(nothing_expires_before_the_earliest),
        YARD_TEST(the_limit_is_kept_and_the_drain_may_pass_it_a_little),
        YARD_TEST(without_memory_smaller_chunks_are_tried),
        YARD_TEST(a_key_evicted_lately_comes_back_as_a_survivor),
        YARD_TEST(dead_bytes_are_counted_wherever_they_lie),
        YARD_TEST(the_chunk_most_worth_it_is_cleaned),
        YARD_TEST(a_small_present_slot_may_be_drained_early),
        YARD_TEST(what_is_due_and_what_comes_is_told_in_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
