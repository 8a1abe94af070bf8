/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pools of granules against a map of who owns each granule: no run overlaps another or leaves its
 * arena, every byte is accounted for, what is freed is used again before anything is committed, and
 * trimming gives empty arenas back to the system. Lack of memory, of addresses and of bookkeeping
 * is a NULL after which everything else still works.
 */
#include "cache/arena.h"

#include "cache/chunk.h"
#include "cache_support.h"
#include "os/mem.h"
#include "support/rng.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    ARENA = LIMIT_ARENA_BYTES,
    ARENAS_MAX = 64,
    RUNS_MAX = 10300,
    GRANULES_MAX = 2048,
    STEPS = 6000
};

struct run {
    char *at;
    uint32_t granules;
};

struct model {
    struct ground *ground;
    struct arena_pool *pool;
    struct run runs[RUNS_MAX];
    unsigned count;
    uint8_t taken[ARENAS_MAX][GRANULES_MAX];
    uint32_t used_granules;
};

static int
model_setup(void **state)
{
    struct model *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return -1;
    m->ground = malloc(sizeof(*m->ground));
    ground_init(m->ground);
    m->pool = &m->ground->chunks;
    *state = m;
    return 0;
}

static int
model_teardown(void **state)
{
    struct model *m = *state;
    ground_fini(m->ground);
    free(m->ground);
    free(m);
    return 0;
}

/* Marks a run as taken or free, which it must not have been. */
static void
model_mark(struct model *m, const struct run *run, uint8_t taken)
{
    size_t offset = (size_t)(run->at - m->ground->region.base);
    size_t arena = offset / ARENA, first = offset % ARENA / m->pool->granule_bytes;
    assert_true(run->at >= m->ground->region.base && arena < ARENAS_MAX);
    assert_int_equal(offset % m->pool->granule_bytes, 0);
    assert_true(first + run->granules <= ARENA / m->pool->granule_bytes);
    for (size_t i = first; i < first + run->granules; i++) {
        assert_int_equal(m->taken[arena][i], !taken);
        m->taken[arena][i] = taken;
    }
    m->used_granules += taken ? run->granules : 0 - run->granules;
}

static bool
model_alloc(struct model *m, size_t bytes)
{
    struct run run = { .at = arena_pool_alloc(m->pool, bytes) };
    if (run.at == NULL)
        return false;
    run.granules = (uint32_t)((bytes + m->pool->granule_bytes - 1) / m->pool->granule_bytes);
    model_mark(m, &run, 1);
    memset(run.at, (int)bytes, bytes); /* it is committed, all of it */
    m->runs[m->count++] = run;
    return true;
}

static void
model_free(struct model *m, unsigned i)
{
    struct run run = m->runs[i];
    m->runs[i] = m->runs[--m->count];
    model_mark(m, &run, 0);
    arena_pool_free(m->pool, run.at, (size_t)run.granules * m->pool->granule_bytes);
}

static void
model_free_all(struct model *m)
{
    while (m->count > 0)
        model_free(m, m->count - 1);
}

static uint64_t
committed(const struct model *m)
{
    return atomic_load(&m->ground->region.committed_bytes);
}

/* The pool's sums against the map. */
static void
model_check(const struct model *m)
{
    uint32_t empty = 0, arenas = 0, granules = ARENA / m->pool->granule_bytes;
    assert_int_equal(atomic_load(&m->pool->used_bytes),
                     (uint64_t)m->used_granules * m->pool->granule_bytes);
    for (uint32_t i = 0; i < m->ground->region.next_index; i++) {
        const struct arena *a = m->ground->region.arenas[i];
        uint32_t free_granules = 0;
        if (a == NULL)
            continue;
        for (uint32_t j = 0; j < granules; j++) {
            assert_int_equal(a->free_map[j / 64] >> j % 64 & 1, !m->taken[i][j]);
            free_granules += !m->taken[i][j];
        }
        assert_int_equal(a->free_granules, free_granules);
        assert_int_equal(a->index, i);
        empty += free_granules == granules;
        arenas++;
    }
    assert_int_equal(m->pool->arenas, arenas);
    assert_int_equal(m->pool->empty_arenas, empty);
    assert_int_equal(committed(m), (uint64_t)arenas * ARENA);
}

/* Sizes of all magnitudes, powers of two more often than not. */
static size_t
any_size(struct rng *r, size_t max)
{
    size_t bytes = (size_t)1 << rng_below(r, 21);
    if (rng_one_in(r, 3))
        bytes += rng_below(r, bytes);
    return bytes < max ? bytes : max;
}

static void
run_random(struct model *m, uint64_t seed)
{
    struct rng r = rng_from_seed(seed);
    bool growing = true;
    for (int step = 0; step < STEPS; step++) {
        if (m->count == RUNS_MAX || committed(m) > 40 * (uint64_t)ARENA)
            growing = false;
        if (m->count == 0)
            growing = true;
        if (rng_below(&r, 10) < (growing ? 7u : 3u))
            assert_true(model_alloc(m, any_size(&r, ARENA / (rng_one_in(&r, 20) ? 1 : 16))));
        else if (m->count > 0)
            model_free(m, (unsigned)rng_below(&r, m->count));
        if (step % 500 == 0)
            model_check(m);
        if (rng_one_in(&r, 2000))
            (void)arena_pool_trim(m->pool, 0, 2); /* accounted for by model_check */
    }
    model_check(m);
    model_free_all(m);
    model_check(m);
    assert_int_equal(m->pool->empty_arenas, m->pool->arenas);
}

static void
random_runs_of_pages_never_overlap(void **state)
{
    run_random(*state, 1);
}

static void
random_runs_of_small_granules_never_overlap(void **state)
{
    struct model *m = *state;
    m->pool = &m->ground->tables;
    run_random(m, 2);
}

static void
an_arena_can_be_filled_to_the_last_granule(void **state)
{
    struct model *m = *state;
    for (size_t bytes = ARENA_PAGE_BYTES; bytes <= ARENA; bytes *= 2) {
        for (size_t i = 0; i < ARENA / bytes; i++)
            assert_true(model_alloc(m, bytes));
        assert_int_equal(m->pool->arenas, 1);
        model_check(m);
        model_free_all(m);
    }
    assert_true(model_alloc(m, ARENA - 1)); /* rounded up */
    assert_int_equal(m->used_granules, ARENA_PAGES);
    model_free_all(m);
}

static void
holes_are_filled_before_anything_is_committed(void **state)
{
    struct model *m = *state;
    for (int i = 0; i < ARENA_PAGES; i++)
        assert_true(model_alloc(m, ARENA_PAGE_BYTES));
    for (unsigned i = 0; i < ARENA_PAGES / 2; i++)
        model_free(m, i); /* swaps with the last: every other place in the end, or nearly */
    for (int i = 0; i < ARENA_PAGES / 2; i++)
        assert_true(model_alloc(m, 1));
    assert_int_equal(m->pool->arenas, 1);
    assert_true(model_alloc(m, 1));
    assert_int_equal(m->pool->arenas, 2);
    model_free_all(m);
}

static void
trimming_gives_back_what_is_empty_and_no_more(void **state)
{
    struct model *m = *state;
    for (int i = 0; i < 10; i++)
        assert_true(model_alloc(m, ARENA));
    assert_int_equal(arena_pool_trim(m->pool, 0, 100), 0);
    for (unsigned i = 0; i < 6; i++)
        model_free(m, 0);
    assert_int_equal(arena_pool_trim(m->pool, 4, 1), ARENA); /* no more than asked */
    assert_int_equal(arena_pool_trim(m->pool, 4, 100), ARENA);
    assert_int_equal(arena_pool_trim(m->pool, 4, 100), 0);
    assert_int_equal(m->pool->empty_arenas, 4);
    assert_int_equal(arena_pool_trim(m->pool, 0, 100), 4 * (size_t)ARENA);
    assert_int_equal(committed(m), 4 * (uint64_t)ARENA);
    model_check(m);
    for (int i = 0; i < 6; i++) /* the same addresses come back, and they can be used */
        assert_true(model_alloc(m, ARENA));
    assert_int_equal(m->ground->region.next_index, 10);
    model_free_all(m);
}

/* Leaves one page in each of `arenas` arenas, but `more` in the first. */
static void
scatter(struct model *m, unsigned arenas, unsigned more)
{
    for (unsigned i = 0; i < arenas * ARENA_PAGES; i++)
        assert_true(model_alloc(m, ARENA_PAGE_BYTES));
    unsigned left[ARENAS_MAX] = { 0 };
    for (unsigned i = m->count; i-- > 0;) {
        size_t arena = (size_t)(m->runs[i].at - m->ground->region.base) / ARENA;
        if (left[arena] >= 1 + (arena == 0 ? more : 0))
            model_free(m, i);
        else
            left[arena]++;
    }
}

static void
scattered_memory_is_emptied_arena_by_arena(void **state)
{
    struct model *m = *state;
    assert_false(arena_pool_defragment(m->pool));
    scatter(m, 20, 3);
    unsigned emptied = 0;
    while (arena_pool_defragment(m->pool)) {
        assert_true(arena_pool_defragment(m->pool)); /* the same one, until it is empty */
        unsigned there = m->count;
        for (unsigned i = 0; i < m->count; i++)
            there = arena_pool_is_emptying(m->pool, m->runs[i].at) ? i : there;
        assert_true(there < m->count);
        assert_true(m->runs[there].at >= m->ground->region.base + ARENA); /* not the fullest */
        assert_true(model_alloc(m, ARENA_PAGE_BYTES)); /* what moves, moves elsewhere */
        assert_false(arena_pool_is_emptying(m->pool, m->runs[m->count - 1].at));
        model_free(m, there);
        model_check(m);
        assert_true(++emptied < 20);
    }
    assert_in_range(emptied, 10, 19);
    assert_int_equal(arena_pool_trim(m->pool, 0, 100), (size_t)emptied * ARENA);
    model_check(m);
    model_free_all(m);
}

static void
what_is_dense_is_left_alone(void **state)
{
    struct model *m = *state;
    for (int i = 0; i < 20 * ARENA_PAGES; i++)
        assert_true(model_alloc(m, ARENA_PAGE_BYTES));
    for (unsigned i = 0; i < 4 * ARENA_PAGES; i++)
        model_free(m, i * 4);
    assert_false(arena_pool_defragment(m->pool));
    model_free_all(m);
}

static void
a_failing_commit_changes_nothing(void **state)
{
    struct model *m = *state;
    struct region *region = &m->ground->region;
    atomic_store(&region->commits_until_failure, 3);
    for (int i = 0; i < 3; i++)
        assert_true(model_alloc(m, ARENA / 2 + 1));
    for (int i = 0; i < 3; i++) {
        assert_false(model_alloc(m, ARENA / 2 + 1));
        model_check(m);
    }
    assert_true(model_alloc(m, ARENA / 4)); /* there is room for that without a commit */
    model_check(m);
    atomic_store(&region->commits_until_failure, -1);
    assert_true(model_alloc(m, ARENA / 2 + 1));
    model_check(m);
    model_free_all(m);
}

static void
no_memory_for_bookkeeping_changes_nothing(void **state)
{
    struct model *m = *state;
    atomic_store(&m->ground->purse.until_refusal, 0);
    assert_false(model_alloc(m, 1));
    assert_int_equal(committed(m), 0);
    model_check(m);
    atomic_store(&m->ground->purse.until_refusal, -1);
    assert_true(model_alloc(m, 1));
    model_free_all(m);
}

static void
a_region_ends(void **state)
{
    (void)state;
    struct purse purse;
    attl_allocator alloc = purse_open(&purse);
    struct region region;
    struct arena_pool pool;
    assert_true(region_init(&region, &alloc, 1, false));
    uint32_t arenas = region.arena_max;
    assert_in_range(arenas, 1, 16);
    arena_pool_init(&pool, &region, ARENA_PAGE_BYTES, false);
    void *all[16];
    for (uint32_t i = 0; i < arenas; i++)
        assert_non_null(all[i] = arena_pool_alloc(&pool, ARENA));
    assert_null(arena_pool_alloc(&pool, 1));
    arena_pool_free(&pool, all[0], ARENA);
    assert_ptr_equal(arena_pool_alloc(&pool, ARENA), all[0]);
    region_fini(&region); /* takes everything along */
    assert_int_equal(atomic_load(&purse.out), 0);
}

/* Sanitizers need more addresses than a test may leave them. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

/* How many arenas a region gets with `limit` bytes of addresses, in a child; 0: none. */
static int
arenas_within(rlim_t limit)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit addresses = { limit, limit };
        attl_allocator alloc = alloc_default();
        struct region region;
        if (setrlimit(RLIMIT_AS, &addresses) != 0)
            _exit(255);
        bool ok = region_init(&region, &alloc, SIZE_MAX, false);
        _exit(!ok ? 0 : region.arena_max < 254 ? (int)region.arena_max : 254);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 255);
    return WEXITSTATUS(status);
}

static void
a_region_makes_do_with_fewer_addresses(void **state)
{
    (void)state;
    if (__asan_init != NULL || __tsan_init != NULL)
        skip();
    assert_int_equal(arenas_within(RLIM_INFINITY), 254);
    assert_in_range(arenas_within((rlim_t)200 << 20), 4, 100);
    assert_int_equal(arenas_within((rlim_t)1 << 20), 0);
}

static void
free_twice(void *ud)
{
    struct model *m = ud;
    void *at = arena_pool_alloc(m->pool, 3 * ARENA_PAGE_BYTES);
    arena_pool_free(m->pool, at, 3 * ARENA_PAGE_BYTES);
    arena_pool_free(m->pool, (char *)at + ARENA_PAGE_BYTES, ARENA_PAGE_BYTES);
}

static void
take_nothing(void *ud)
{
    struct model *m = ud;
    (void)arena_pool_alloc(m->pool, 0); /* must not return */
}

static void
take_too_much(void *ud)
{
    struct model *m = ud;
    (void)arena_pool_alloc(m->pool, ARENA + 1); /* must not return */
}

static void
misuse_is_a_bug_that_aborts(void **state)
{
    assert_true(dies(free_twice, *state));
    assert_true(dies(take_nothing, *state));
    assert_true(dies(take_too_much, *state));
}

static void
addresses_are_never_zero_and_lead_back(void **state)
{
    struct model *m = *state;
    const struct region *region = &m->ground->region;
    struct chunk chunks[3];
    for (int i = 0; i < 3; i++) {
        assert_true(model_alloc(m, (size_t)ARENA_PAGE_BYTES << (3 * i)));
        arena_pool_map_chunk(m->pool, m->runs[i].at, (size_t)m->runs[i].granules * ARENA_PAGE_BYTES,
                             &chunks[i]);
    }
    for (int i = 0; i < 3; i++) {
        for (size_t at = 0; at < (size_t)m->runs[i].granules * ARENA_PAGE_BYTES; at += 8) {
            uint64_t address = region_address(region, m->runs[i].at + at);
            assert_true(address > 0 && address >> 36 == 0);
            assert_ptr_equal(region_pointer(region, address), m->runs[i].at + at);
            assert_ptr_equal(region_chunk(region, address), &chunks[i]);
        }
    }
    model_free_all(m);
}

struct worker {
    struct arena_pool *pool;
    uint64_t seed;
};

/* Each fills its runs with a mark of its own and finds it when it gives them back. */
static void *
work(void *arg)
{
    struct worker *w = arg;
    struct rng r = rng_from_seed(w->seed);
    char *runs[32] = { NULL };
    size_t sizes[32];
    for (int step = 0; step < 3000; step++) {
        size_t i = rng_below(&r, 32);
        if (runs[i]) {
            CHECK(runs[i][0] == (char)w->seed && runs[i][sizes[i] - 1] == (char)w->seed,
                  "not mine");
            arena_pool_free(w->pool, runs[i], sizes[i]);
            runs[i] = NULL;
            continue;
        }
        sizes[i] = any_size(&r, ARENA / 8);
        runs[i] = arena_pool_alloc(w->pool, sizes[i]);
        CHECK(runs[i] != NULL, "no memory");
        runs[i][0] = runs[i][sizes[i] - 1] = (char)w->seed;
        if (rng_one_in(&r, 100))
            (void)arena_pool_trim(w->pool, 0, 1); /* in everybody's way */
    }
    for (size_t i = 0; i < 32; i++)
        if (runs[i])
            arena_pool_free(w->pool, runs[i], sizes[i]);
    return NULL;
}

static void
threads_and_pools_share_a_region(void **state)
{
    struct model *m = *state;
    struct worker workers[4];
    pthread_t threads[4];
    for (uint64_t i = 0; i < 4; i++) {
        workers[i] = (struct worker){ i < 2 ? &m->ground->chunks : &m->ground->extents, i + 1 };
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)arena_pool_trim(&m->ground->chunks, 0, 1000); /* all is empty now */
    (void)arena_pool_trim(&m->ground->extents, 0, 1000);
    assert_int_equal(committed(m), 0);
}

static void
what_is_free_goes_back_to_the_system_when_asked(void **state)
{
    enum { RUN = 4 * ARENA_PAGE_BYTES };
    struct model *m = *state;
    struct region *r = &m->ground->region;
    char *kept = arena_pool_alloc(m->pool, RUN), *early = arena_pool_alloc(m->pool, RUN);
    char *late = arena_pool_alloc(m->pool, RUN);
    memset(kept, 'k', RUN);
    memset(early, 'e', RUN);
    memset(late, 'l', RUN);
    assert_int_equal(atomic_load(&r->touched_bytes), 3 * RUN);
    arena_pool_free(m->pool, early, RUN); /* nobody is short of it */
    assert_int_equal(atomic_load(&r->touched_bytes), 3 * RUN);
    atomic_store(&r->touched_max, 2 * RUN);
    arena_pool_free(m->pool, late, RUN); /* above the maximum: at once */
    assert_int_equal(atomic_load(&r->touched_bytes), 2 * RUN);
    assert_int_equal(arena_pool_discard(m->pool, 0), 0);
    assert_int_equal(arena_pool_discard(m->pool, 100), RUN);
    assert_int_equal(arena_pool_discard(m->pool, 100), 0);
    assert_int_equal(atomic_load(&r->touched_bytes), RUN);
    char *again = arena_pool_alloc(m->pool, RUN);
    for (size_t i = 0; i < RUN; i++) {
        assert_int_equal(kept[i], 'k');
        assert_int_equal(again[i], 0);
    }
    arena_pool_free(m->pool, again, RUN);
    arena_pool_free(m->pool, kept, RUN);
    (void)arena_pool_trim(m->pool, 0, 1);
    assert_int_equal(atomic_load(&r->touched_bytes), 0);
}

/* Granules of tables are smaller than a page: giving one back would take its neighbours along. */
static void
small_granules_are_never_given_back_one_by_one(void **state)
{
    struct model *m = *state;
    struct arena_pool *tables = &m->ground->tables;
    char *runs[64];
    atomic_store(&m->ground->region.touched_max, 0);
    for (unsigned i = 0; i < 64; i++) {
        runs[i] = arena_pool_alloc(tables, tables->granule_bytes);
        memset(runs[i], (int)i + 1, tables->granule_bytes);
    }
    for (unsigned i = 0; i < 64; i += 2)
        arena_pool_free(tables, runs[i], tables->granule_bytes);
    (void)arena_pool_discard(tables, 1000);
    for (unsigned i = 1; i < 64; i += 2) {
        for (size_t at = 0; at < tables->granule_bytes; at++)
            assert_int_equal(runs[i][at], (int)i + 1);
        arena_pool_free(tables, runs[i], tables->granule_bytes);
    }
}

#define MODEL_TEST(f) cmocka_unit_test_setup_teardown(f, model_setup, model_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        MODEL_TEST(random_runs_of_pages_never_overlap),
        MODEL_TEST(random_runs_of_small_granules_never_overlap),
        MODEL_TEST(an_arena_can_be_filled_to_the_last_granule),
        MODEL_TEST(holes_are_filled_before_anything_is_committed),
        MODEL_TEST(trimming_gives_back_what_is_empty_and_no_more),
        MODEL_TEST(what_is_free_goes_back_to_the_system_when_asked),
        MODEL_TEST(small_granules_are_never_given_back_one_by_one),
        MODEL_TEST(scattered_memory_is_emptied_arena_by_arena),
        MODEL_TEST(what_is_dense_is_left_alone),
        MODEL_TEST(a_failing_commit_changes_nothing),
        MODEL_TEST(no_memory_for_bookkeeping_changes_nothing),
        cmocka_unit_test(a_region_ends),
        cmocka_unit_test(a_region_makes_do_with_fewer_addresses),
        MODEL_TEST(misuse_is_a_bug_that_aborts),
        MODEL_TEST(addresses_are_never_zero_and_lead_back),
        MODEL_TEST(threads_and_pools_share_a_region),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
