/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that is refused. The walk runs one script of operations again and again and lets the
 * first, the second, the third ... allocation fail, then every one from there on; the same with
 * arenas the system does not commit, and with a process whose limits are real. Wherever it strikes,
 * the call says ATTL_E_NOMEM and has changed nothing (the model is the witness), the next call
 * works, closing gives everything back, and nobody aborts.
 */
#include "support/op.h"
#include "support/unit.h"

#include <attl/attl_unstable.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SCRIPT_OPS = 300,
    SCRIPT_SEED = 7,
    SCRIPT_KEYS = 150,
    WALK_MOST = 20000, /* allocations a script may make before the walk is called endless */
    KEY_BYTES_MAX = 2000,
    VALUE_BYTES_MAX = 200000,
};

/* ---- an allocator that fails on order ------------------------------------------------------- */

struct failing {
    int64_t live;    /* allocations not freed */
    int64_t calls;   /* since the walk began */
    int64_t fail_at; /* the call that fails; 0: none */
    bool for_good;   /* and all after it */
    int64_t failed;
};

static void *
failing_alloc(void *ud, size_t bytes)
{
    struct failing *f = ud;
    f->calls++;
    if (f->fail_at != 0 && (f->calls == f->fail_at || (f->for_good && f->calls > f->fail_at))) {
        f->failed++;
        return NULL;
    }
    void *p = malloc(bytes);
    f->live += p != NULL;
    return p;
}

static void
failing_free(void *ud, void *ptr)
{
    struct failing *f = ud;
    f->live -= ptr != NULL;
    free(ptr);
}

/* ---- the script ---------------------------------------------------------------------------- */

struct script {
    struct sim sim;
    struct failing *failing;
    attl *cache;
    struct model model;
    struct op_space space;
    struct rng rng;
    uint64_t refused;
};

static int64_t
script_clock(void *ud)
{
    return sim_now(ud);
}

static int
script_open(struct script *s)
{
    static const struct sim_option options[] = {
        { "cache.max_memory", "0" },
        { "cache.max_entries", "0" },
        { "cache.eviction", "noeviction" }, /* else live entries make room where memory ends */
        { "cache.background", "no" },
        { "cache.num_shards", "2" },
        { "cache.default_ttl", "60s" },
        { "validation.mode", "binary" },
        { "validation.max_key_bytes", "2000" },
        { "validation.max_value_bytes", "200000" },
        { "validation.max_ttl", "31536000s" },
        { NULL, NULL },
    };
    attl_config *config = sim_config(options);
    const attl_allocator allocator = { failing_alloc, failing_free, s->failing };
    attl_config_set_allocator(config, &allocator);
    attl_config_set_clock(config, script_clock, &s->sim);
    int status = attl_open(&s->cache, config);
    attl_config_free(config);
    return status;
}

static void
script_init(struct script *s, struct failing *failing)
{
    const struct model_rules rules = { MODEL_BINARY, KEY_BYTES_MAX, VALUE_BYTES_MAX,
                                       INT64_C(31536000000), 60000 };
    memset(s, 0, sizeof(*s));
    sim_init(&s->sim);
    s->failing = failing;
    s->rng = rng_from_seed(SCRIPT_SEED);
    model_init(&s->model, &rules, sim_now(&s->sim));
    op_space_init(&s->space, &rules, SCRIPT_KEYS, 30000);
    s->space.big_value_one_in = 12;
    s->space.clear_one_in = 150;
}

static void
script_fini(struct script *s)
{
    op_space_fini(&s->space);
    model_fini(&s->model);
}

static bool
says_no_memory(const struct op_seen *seen)
{
    bool says = seen->status == ATTL_E_NOMEM;
    for (size_t i = 0; i < seen->value_count; i++) {
        says |= seen->values[i].status == ATTL_E_NOMEM;
    }
    return says;
}

/* All keys of the script are as the model has them. */
static void
script_compare(struct script *s, const char *when)
{
    for (size_t i = 0; i < s->space.key_count; i++) {
        struct op get = { .kind = OP_GET_VISIT, .key_count = 1 };
        struct op_seen cache, model;
        char text[512] = "";
        get.keys[0] = s->space.keys[i];
        op_on_cache(s->cache, &get, s->model.now_ms, &cache);
        op_on_model(&s->model, &get, &model);
        CHECK(op_same(&get, &cache, &model, text, sizeof(text)), "%s: key %zu: %s", when, i, text);
    }
}

/* One operation; repeated until it is not refused, which must be within a few times. */
static void
script_step(struct script *s, bool may_stay_refused)
{
    struct op op;
    struct op_seen cache, model;
    char text[512] = "";
    if (rng_one_in(&s->rng, 10)) {
        sim_advance(&s->sim, (int64_t)rng_below(&s->rng, 3000));
        s->model.now_ms = sim_now(&s->sim);
        attl_tick(s->cache, 0, NULL);
    }
    op_random(&op, &s->space, &s->rng, &s->model);
    for (int tries = 0; tries < 3; tries++) {
        op_on_cache(s->cache, &op, s->model.now_ms, &cache);
        if (!says_no_memory(&cache)) {
            break;
        }
        s->refused++;
        script_compare(s, "after a refusal");
        if (may_stay_refused) {
            return;
        }
    }
    op_on_model(&s->model, &op, &model);
    CHECK(op_same(&op, &cache, &model, text, sizeof(text)), "allocation %" PRId64 " failed: %s",
          s->failing->fail_at, text);
}

/* The whole script with failures as ordered. True if one of them struck. */
static bool
script_run(struct failing *failing)
{
    struct script s;
    script_init(&s, failing);
    int status = script_open(&s);
    CHECK(status == ATTL_OK || status == ATTL_E_NOMEM, "attl_open: %s", attl_err_name(status));
    if (status != ATTL_OK) {
        CHECK(failing->failed > 0, "attl_open ran out of memory by itself");
        CHECK(s.cache == NULL, "attl_open failed and gave a cache");
    } else {
        for (int i = 0; i < SCRIPT_OPS; i++) {
            script_step(&s, failing->for_good);
        }
        failing->fail_at = 0; /* memory is back */
        script_compare(&s, "at the end");
        put(s.cache, "after", "all is well again", 1000);
        expect(s.cache, "after", "all is well again");
        sim_close(&s.cache);
    }
    CHECK(failing->live == 0, "%" PRId64 " allocations were not freed, of %" PRId64, failing->live,
          failing->calls);
    script_fini(&s);
    return failing->failed > 0;
}

static void
walk(bool for_good)
{
    int64_t steps = 0;
    /* Fewer places, evenly spread, where the build is slow. */
    int64_t stride = test_scaled(100) >= 100 ? 1 : 7;
    for (int64_t n = 1;; n += stride) {
        struct failing failing = { .fail_at = n, .for_good = for_good };
        CHECK(n < WALK_MOST, "the script allocates without end");
        steps++;
        if (!script_run(&failing)) {
            break;
        }
    }
    printf("# %" PRId64 " runs of the script, %s\n", steps,
           for_good ? "failing for good" : "failing once");
    assert_true(steps * stride > 20); /* the hook is really used */
}

static void
any_single_allocation_may_fail(void **state)
{
    (void)state;
    walk(false);
}

static void
all_allocations_may_fail_from_any_moment_on(void **state)
{
    (void)state;
    walk(true);
}

/* ---- arenas -------------------------------------------------------------------------------- */

static void
any_commit_of_an_arena_may_fail(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 12; n++) {
        struct failing failing = { 0 };
        struct script s;
        script_init(&s, &failing);
        ASSERT_STATUS(script_open(&s), ATTL_OK);
        attl_unstable_fail_commits(s.cache, n);
        for (int i = 0; i < SCRIPT_OPS; i++) {
            script_step(&s, true);
        }
        attl_unstable_fail_commits(s.cache, -1);
        script_compare(&s, "commits work again");
        for (int i = 0; i < SCRIPT_OPS; i++) {
            script_step(&s, false);
        }
        script_compare(&s, "at the end");
        sim_close(&s.cache);
        assert_int_equal(failing.live, 0);
        script_fini(&s);
    }
}

/* Fills until the system refuses; what was acknowledged is there, and stays writable. */
static void
a_cache_that_cannot_grow_keeps_what_it_has(void **state)
{
    (void)state;
    enum { VALUE_BYTES = 300, MOST = 400000 };
    static const struct sim_option options[] = {
        { "cache.max_memory", "0" },
        { "cache.max_entries", "0" },
        { "cache.eviction", "noeviction" },
        { NULL, NULL },
    };
    struct sim sim;
    char key[32], value[VALUE_BYTES];
    uint64_t stored = 0;
    int status = ATTL_OK;
    sim_init(&sim);
    attl *cache = sim_open(&sim, options);
    memset(value, 'v', sizeof(value));
    attl_unstable_fail_commits(cache, 5);
    while (status == ATTL_OK && stored < MOST) {
        (void)snprintf(key, sizeof(key), "key:%" PRIu64, stored);
        status = attl_set(cache, attl_s(key), attl_b(value, sizeof(value)), ATTL_TTL_NONE);
        stored += status == ATTL_OK;
    }
    ASSERT_STATUS(status, ATTL_E_NOMEM);
    assert_true(stored > 1000);
    assert_int_equal(attl_size(cache), stored);
    assert_int_equal(count_live(cache), stored);
    /* Deleting makes room again without any new arena. */
    for (uint64_t i = 0; i < stored / 2; i++) {
        (void)snprintf(key, sizeof(key), "key:%" PRIu64, i);
        ASSERT_STATUS(attl_del(cache, attl_s(key)), ATTL_OK);
    }
    attl_tick(cache, 0, NULL);
    for (uint64_t i = 0; i < stored / 4; i++) {
        (void)snprintf(key, sizeof(key), "new:%" PRIu64, i);
        ASSERT_STATUS(attl_set(cache, attl_s(key), attl_b(value, sizeof(value)), ATTL_TTL_NONE),
                      ATTL_OK);
    }
    attl_unstable_fail_commits(cache, -1);
    sim_close(&cache);
}

/* ---- real limits --------------------------------------------------------------------------- */

/* Runs `body` in a child; its exit code must be 0. */
static void
in_a_child(void (*body)(void))
{
    if (test_is_sanitized()) {
        skip(); /* they map memory of their own under the same limits */
    }
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

static void
limit(int which, rlim_t bytes)
{
    struct rlimit r = { bytes, RLIM_INFINITY };
    CHECK(setrlimit(which, &r) == 0, "setrlimit");
}

/* Size of the address space (field 0 of statm) or of its data (field 5), in bytes. */
static uint64_t
process_bytes(int field)
{
    unsigned long pages[7] = { 0 };
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL, "statm");
    for (int i = 0; i < 7; i++) {
        CHECK(fscanf(file, "%lu", &pages[i]) == 1, "statm");
    }
    (void)fclose(file);
    return (uint64_t)pages[field] * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
open_under_small_address_spaces(void)
{
    for (uint64_t mib = 1; mib <= 16384; mib *= 2) {
        attl *cache = NULL;
        limit(RLIMIT_AS, process_bytes(0) + (mib << 20));
        int status = attl_open(&cache, NULL);
        limit(RLIMIT_AS, RLIM_INFINITY);
        CHECK(status == ATTL_OK || (status == ATTL_E_NOMEM && cache == NULL), "open: %s",
              attl_err_name(status));
        if (status == ATTL_OK) {
            status = attl_set(cache, attl_s("k"), attl_s("v"), 1000);
            CHECK(status == ATTL_OK, "set with %" PRIu64 " MiB: %s", mib, attl_err_name(status));
        }
        attl_close(&cache);
    }
}

static void
opening_needs_no_more_than_is_allowed(void **state)
{
    (void)state;
    in_a_child(open_under_small_address_spaces);
}

static void
fill_under_a_data_limit(void)
{
    enum { MOST = 10000000 };
    static const struct sim_option options[] = {
        { "cache.max_memory", "0" },
        { "cache.max_entries", "0" },
        { "cache.eviction", "noeviction" },
        { NULL, NULL },
    };
    struct sim sim;
    char key[32], value[1000] = "v";
    uint64_t stored = 0;
    int status = ATTL_OK;
    sim_init(&sim);
    attl *cache = sim_open(&sim, options);
    limit(RLIMIT_DATA, process_bytes(5) + (64 << 20));
    while (status == ATTL_OK && stored < MOST) {
        (void)snprintf(key, sizeof(key), "key:%" PRIu64, stored);
        size_t len = stored % 300 == 0 ? sizeof(value) : stored % 300;
        status = attl_set(cache, attl_s(key), attl_b(value, len), ATTL_TTL_NONE);
        stored += status == ATTL_OK;
    }
    CHECK(status == ATTL_E_NOMEM, "after %" PRIu64 " entries: %s", stored, attl_err_name(status));
    CHECK(attl_size(cache) == stored, "%" PRIu64 " of %" PRIu64, attl_size(cache), stored);
    limit(RLIMIT_DATA, RLIM_INFINITY);
    for (uint64_t i = 0; i < stored; i++) {
        (void)snprintf(key, sizeof(key), "key:%" PRIu64, i);
        CHECK(attl_exists(cache, attl_s(key)) == ATTL_OK, "key %" PRIu64 " is gone", i);
    }
    status = attl_set(cache, attl_s("after"), attl_s("v"), 1000);
    CHECK(status == ATTL_OK, "with memory again: %s", attl_err_name(status));
    sim_close(&cache);
}

static void
a_process_at_its_data_limit_is_told_so(void **state)
{
    (void)state;
    in_a_child(fill_under_a_data_limit);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_single_allocation_may_fail),
        cmocka_unit_test(all_allocations_may_fail_from_any_moment_on),
        cmocka_unit_test(any_commit_of_an_arena_may_fail),
        cmocka_unit_test(a_cache_that_cannot_grow_keeps_what_it_has),
        cmocka_unit_test(opening_needs_no_more_than_is_allowed),
        cmocka_unit_test(a_process_at_its_data_limit_is_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
