/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watching as a program sees it: the hook with its mask and its times in Unix ms, and the actor of
 * the calling thread, which does not pass to a thread that takes an ended one's place. The hook
 * only notes down, as its contract wants. Every test opens a cache of its own.
 */
#include "api/api.h"
#include "os/thread.h"
#include "support/unit.h"

enum { HEARD_MAX = 64 };

struct heard {
    struct sim sim;
    attl *cache;
    unsigned count;
    attl_notice last[HEARD_MAX];
};

static void
hear(void *ud, const attl_notice *notice)
{
    struct heard *h = ud;
    assert_true(h->count < HEARD_MAX);
    assert_int_equal(notice->struct_size, sizeof *notice);
    h->last[h->count++] = *notice;
}

static void
open_heard(struct heard *h, const struct sim_option *options)
{
    static const struct sim_option plain[] = {
        { "cache.default_ttl", "0" },
        { "cache.background", "false" },
        { NULL, NULL },
    };
    *h = (struct heard){ .count = 0 };
    sim_init(&h->sim);
    attl_config *config = sim_config(options ? options : plain);
    attl_config_set_notice(config, hear, h);
    attl_config_set_notice(NULL, hear, h); /* nothing */
    assert_int_equal(attl_open(&h->cache, config), ATTL_OK);
    attl_config_free(config);
}

static void
the_hook_hears_what_its_mask_says(void **state)
{
    (void)state;
    struct heard h;
    open_heard(&h, NULL);
    put(h.cache, "a", "1", ATTL_TTL_NONE);
    assert_int_equal(h.count, 0);
    attl_notice_mask(h.cache, ATTL_EV_SET | ATTL_EV_CLEARED | 0xffff0000u);
    put(h.cache, "a", "2", ATTL_TTL_NONE);
    drop(h.cache, "a");
    assert_int_equal(attl_clear(h.cache), ATTL_OK);
    assert_int_equal(h.count, 2);
    assert_int_equal(h.last[0].kind, ATTL_EV_SET);
    assert_int_equal(h.last[0].cause, ATTL_CAUSE_NONE);
    assert_int_equal(h.last[1].kind, ATTL_EV_CLEARED);
    assert_int_equal(h.last[1].cause, ATTL_CAUSE_CLEARED);
    assert_int_equal(h.last[1].key.len, 0);
    attl_notice_mask(h.cache, 0);
    put(h.cache, "a", "3", ATTL_TTL_NONE);
    assert_int_equal(h.count, 2);
    sim_close(&h.cache);
}

static void
times_are_unix_milliseconds(void **state)
{
    (void)state;
    struct heard h;
    open_heard(&h, NULL); /* the real clock */
    attl_notice_mask(h.cache, ATTL_EV_ALL);
    int64_t before_ms = engine_now_ms(h.cache) + engine_skew_ms(h.cache);
    put(h.cache, "a", "1", 60000);
    int64_t after_ms = engine_now_ms(h.cache) + engine_skew_ms(h.cache);
    assert_int_equal(h.count, 1);
    assert_in_range(h.last[0].at_ms, before_ms - 1, after_ms + 1);
    assert_in_range(h.last[0].deadline_ms, before_ms + 59999, after_ms + 60001);
    sim_close(&h.cache);
}

static void
without_a_hook_the_mask_is_no_matter(void **state)
{
    struct fixture *f = *state;
    attl_notice_mask(f->cache, ATTL_EV_ALL);
    put(f->cache, "a", "1", ATTL_TTL_NONE);
    expect(f->cache, "a", "1");
}

static void *
set_as_nobody(void *ud)
{
    put(ud, "other", "1", ATTL_TTL_NONE);
    return NULL;
}

static void *
set_as_nine(void *ud)
{
    attl_actor_set(ud, 9);
    put(ud, "other", "1", ATTL_TTL_NONE);
    return NULL;
}

static void
run(void *(*fn)(void *), void *ud)
{
    struct thread t = { 0 };
    assert_true(thread_start(&t, "test", fn, ud));
    thread_join(&t);
}

static void
the_actor_is_the_threads_own(void **state)
{
    (void)state;
    struct heard h;
    open_heard(&h, NULL);
    attl_notice_mask(h.cache, ATTL_EV_ALL);
    put(h.cache, "a", "1", ATTL_TTL_NONE);
    attl_actor_set(h.cache, 4711);
    put(h.cache, "a", "2", ATTL_TTL_NONE);
    run(set_as_nobody, h.cache);
    run(set_as_nine, h.cache);
    run(set_as_nobody, h.cache); /* in the place of the one before */
    drop(h.cache, "a");
    attl_actor_set(h.cache, 0);
    assert_int_equal(attl_clear(h.cache), ATTL_OK);
    const uint64_t want[] = { 0, 4711, 0, 9, 0, 4711, 0 };
    assert_int_equal(h.count, 7);
    for (unsigned i = 0; i < h.count; i++)
        assert_int_equal(h.last[i].actor, want[i]);
    sim_close(&h.cache);
}

/* ---- the ledger ------------------------------------------------------------------------------ */

static int
setup_ledger(void **state)
{
    const struct sim_option options[] = {
        { "cache.max_memory", "0" },     { "cache.max_entries", "0" },
        { "cache.default_ttl", "0" },    { "ledger.entries", "65536" },
        { "validation.mode", "binary" }, { NULL, NULL },
    };
    struct fixture *f = calloc(1, sizeof *f);
    if (!f)
        return -1;
    sim_init(&f->sim);
    f->cache = sim_open(&f->sim, options);
    *state = f;
    return 0;
}

#define LEDGER_TEST(f) cmocka_unit_test_setup_teardown(f, setup_ledger, fixture_teardown)

struct told {
    unsigned count;
    attl_death deaths[16];
};

static void
tell(void *ud, const attl_death *death)
{
    struct told *told = ud;
    assert_true(told->count < 16);
    assert_int_equal(death->struct_size, sizeof *death);
    told->deaths[told->count++] = *death;
}

/* The causes of a key's deaths, newest first, ending with ATTL_CAUSE_NONE. */
static struct told
expect_why(attl *cache, const char *key, const enum attl_cause *causes)
{
    struct told told = { 0 };
    ASSERT_STATUS(attl_why(cache, attl_s(key), 16, tell, &told),
                  causes[0] == ATTL_CAUSE_NONE ? ATTL_MISS : ATTL_OK);
    unsigned i = 0;
    for (; causes[i] != ATTL_CAUSE_NONE; i++) {
        assert_true(i < told.count);
        assert_int_equal(told.deaths[i].cause, causes[i]);
    }
    assert_int_equal(told.count, i);
    return told;
}

#define CAUSES(...) ((const enum attl_cause[]){ __VA_ARGS__, ATTL_CAUSE_NONE })

static void
why_tells_the_deaths_of_a_key(void **state)
{
    struct fixture *f = *state;
    (void)expect_why(f->cache, "k", CAUSES(ATTL_CAUSE_NONE));
    attl_actor_set(f->cache, 12);
    put(f->cache, "k", "v", 10000);
    put(f->cache, "k", "w", 10000); /* replaced is not dead */
    (void)expect_why(f->cache, "k", CAUSES(ATTL_CAUSE_NONE));
    sim_advance(&f->sim, 4000);
    drop(f->cache, "k");
    struct told told = expect_why(f->cache, "k", CAUSES(ATTL_CAUSE_DELETED));
    assert_int_equal(told.deaths[0].at_ms, SIM_START_MS + 4000);
    assert_int_equal(told.deaths[0].ttl_left_ms, 6000);
    assert_int_equal(told.deaths[0].actor, 12);
    put(f->cache, "k", "v", 1000);
    sim_advance(&f->sim, 9000); /* nobody has reclaimed it yet, but it is dead */
    told = expect_why(f->cache, "k", CAUSES(ATTL_CAUSE_EXPIRED, ATTL_CAUSE_DELETED));
    assert_int_equal(told.deaths[0].at_ms, SIM_START_MS + 5000);
    assert_int_equal(told.deaths[0].ttl_left_ms, 0);
    assert_int_equal(told.deaths[0].actor, 0);
    put(f->cache, "k", "v", ATTL_TTL_NONE);
    drop(f->cache, "k");
    told = expect_why(f->cache, "k",
                      CAUSES(ATTL_CAUSE_DELETED, ATTL_CAUSE_EXPIRED, ATTL_CAUSE_DELETED));
    assert_int_equal(told.deaths[0].ttl_left_ms, -1);
    assert_int_equal(attl_clear(f->cache), ATTL_OK);
    (void)expect_why(f->cache, "other", CAUSES(ATTL_CAUSE_CLEARED));
    told.count = 0;
    ASSERT_STATUS(attl_why(f->cache, attl_s("k"), 1, tell, &told), ATTL_OK);
    assert_int_equal(told.count, 1);
    ASSERT_STATUS(attl_why(f->cache, attl_s("k"), 0, tell, &told), ATTL_MISS);
    attl_actor_set(f->cache, 0);
}

struct traced {
    unsigned n;
    char ids[4][80];
};

static void
note_trace(void *ud, const attl_death *death)
{
    struct traced *t = ud;
    (void)snprintf(t->ids[t->n++], sizeof t->ids[0], "%s", death->trace);
}

static void
why_tells_by_which_request(void **state)
{
    struct fixture *f = *state;
    struct traced t = { 0 };
    char longest[66];
    memset(longest, 'x', 65);
    longest[65] = '\0';
    ASSERT_STATUS(attl_trace_set(longest), ATTL_E_INVALID);
    ASSERT_STATUS(attl_trace_set("two words"), ATTL_E_INVALID);
    ASSERT_STATUS(attl_trace_set("tab\t"), ATTL_E_INVALID);
    ASSERT_STATUS(attl_trace_set(longest + 1), ATTL_OK);
    put(f->cache, "k", "v", ATTL_TTL_NONE);
    drop(f->cache, "k");
    ASSERT_STATUS(attl_trace_set(NULL), ATTL_OK);
    sim_advance(&f->sim, 1);
    put(f->cache, "k", "v", ATTL_TTL_NONE);
    drop(f->cache, "k");
    ASSERT_STATUS(attl_why(f->cache, attl_s("k"), 4, note_trace, &t), ATTL_OK);
    assert_int_equal(t.n, 2);
    assert_string_equal(t.ids[0], "");
    assert_string_equal(t.ids[1], longest + 1);
}

static void
moving_a_key_is_its_death(void **state)
{
    struct fixture *f = *state;
    put(f->cache, "from", "v", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_rename(f->cache, attl_s("from"), attl_s("to"), 0), ATTL_OK);
    (void)expect_why(f->cache, "from", CAUSES(ATTL_CAUSE_DELETED));
    (void)expect_why(f->cache, "to", CAUSES(ATTL_CAUSE_NONE));
}

static void
evictions_are_in_the_ledger(void **state)
{
    (void)state;
    const struct sim_option options[] = { { "cache.max_memory", "0" },
                                          { "cache.max_entries", "100" },
                                          { "ledger.entries", "1000" },
                                          { "cache.default_ttl", "0" },
                                          { NULL, NULL } };
    struct sim sim;
    sim_init(&sim);
    attl *cache = sim_open(&sim, options);
    unsigned evicted = 0;
    char key[16];
    for (int i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        put(cache, key, "v", ATTL_TTL_NONE);
    }
    for (int i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        struct told told = { 0 };
        if (attl_exists(cache, attl_s(key)) == ATTL_OK)
            continue;
        ASSERT_STATUS(attl_why(cache, attl_s(key), 16, tell, &told), ATTL_OK);
        assert_int_equal(told.count, 1);
        assert_int_equal(told.deaths[0].cause, ATTL_CAUSE_ENTRIES);
        evicted++;
    }
    assert_int_equal(evicted, sim_stats(cache).evicted);
    assert_true(evicted >= 200);
    sim_close(&cache);
}

static void
misses_are_counted_by_their_cause(void **state)
{
    struct fixture *f = *state;
    char buf[8];
    attl_value value = ATTL_VALUE_INIT;
    put(f->cache, "deleted", "v", ATTL_TTL_NONE);
    put(f->cache, "expired", "v", 1000);
    put(f->cache, "reclaimed", "v", 1000);
    drop(f->cache, "deleted");
    sim_advance(&f->sim, 1000);
    ASSERT_STATUS(attl_get(f->cache, attl_s("expired"), buf, sizeof buf, NULL), ATTL_MISS);
    sim_advance(&f->sim, 10000);
    attl_tick(f->cache, 0, NULL);
    ASSERT_STATUS(attl_get(f->cache, attl_s("reclaimed"), buf, sizeof buf, NULL), ATTL_MISS);
    ASSERT_STATUS(attl_getdel(f->cache, attl_s("reclaimed"), &value), ATTL_MISS);
    ASSERT_STATUS(attl_get(f->cache, attl_s("deleted"), buf, sizeof buf, NULL), ATTL_MISS);
    ASSERT_STATUS(attl_get(f->cache, attl_s("never"), buf, sizeof buf, NULL), ATTL_MISS);
    attl_slice keys[] = { attl_s("never"), attl_s("deleted"), attl_s("expired") };
    attl_value values[3];
    int statuses[3];
    assert_int_equal(attl_mget(f->cache, keys, 3, values, statuses), 0);
    attl_stats st = sim_stats(f->cache);
    assert_int_equal(st.misses, 8);
    assert_int_equal(st.misses_expired, 4);
    assert_int_equal(st.misses_deleted, 2);
    assert_int_equal(st.misses_cold, 2);
    assert_int_equal(st.misses_evicted, 0);
    assert_true(st.mem_ledger > 0);
    attl_stats_reset(f->cache);
    assert_int_equal(sim_stats(f->cache).misses_expired, 0);
}

static void
without_a_ledger_nothing_is_kept(void **state)
{
    (void)state;
    const struct sim_option options[] = { { "ledger.entries", "0" }, { NULL, NULL } };
    struct sim sim;
    struct told told = { 0 };
    char buf[8];
    sim_init(&sim);
    attl *cache = sim_open(&sim, options);
    put(cache, "k", "v", ATTL_TTL_NONE);
    drop(cache, "k");
    ASSERT_STATUS(attl_why(cache, attl_s("k"), 16, tell, &told), ATTL_E_UNSUPPORTED);
    ASSERT_STATUS(attl_get(cache, attl_s("k"), buf, sizeof buf, NULL), ATTL_MISS);
    attl_stats st = sim_stats(cache);
    assert_int_equal(st.misses, 1);
    assert_int_equal(st.misses_cold + st.misses_deleted + st.mem_ledger, 0);
    sim_close(&cache);
}

static void
why_checks_the_key(void **state)
{
    (void)state;
    const struct sim_option options[] = { { "validation.mode", "strict" },
                                          { "ledger.entries", "10" },
                                          { NULL, NULL } };
    struct sim sim;
    struct told told = { 0 };
    sim_init(&sim);
    attl *cache = sim_open(&sim, options);
    ASSERT_STATUS(attl_why(cache, attl_s(""), 16, tell, &told), ATTL_E_KEY_EMPTY);
    assert_int_equal(told.count, 0);
    sim_close(&cache);
}

/* ---- events on queues ------------------------------------------------------------------------ */

static void
events_come_as_completions(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    uint64_t id = 0;
    attl_completion out[8];
    ASSERT_STATUS(attl_queue_open(f->cache, 8, &q), ATTL_OK);
    ASSERT_STATUS(attl_watch(q, attl_s("a"), ATTL_EV_SET | ATTL_EV_EXPIRED, 11, &id), ATTL_OK);
    ASSERT_STATUS(attl_watch(q, attl_s("b"), ATTL_EV_DELETED, 12, NULL), ATTL_OK);
    put(f->cache, "a1", "v", 1000);
    put(f->cache, "b1", "v", ATTL_TTL_NONE);
    drop(f->cache, "b1");
    sim_advance(&f->sim, 5000);
    attl_tick(f->cache, 0, NULL);
    ASSERT_STATUS(attl_queue_wait(q, 0), ATTL_OK);
    assert_int_equal(attl_queue_reap(q, out, 8), 3);
    const uint32_t kinds[] = { ATTL_EV_SET, ATTL_EV_DELETED, ATTL_EV_EXPIRED };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(out[i].kind, kinds[i]);
        assert_int_equal(out[i].user_data, i == 1 ? 12 : 11);
        assert_int_equal(out[i].key.len, 2);
    }
    assert_int_equal(out[2].deadline_ms, SIM_START_MS + 1000);
    assert_int_equal(out[2].flags, ATTL_CAUSE_EXPIRED);
    ASSERT_STATUS(attl_unwatch(q, id), ATTL_OK);
    ASSERT_STATUS(attl_unwatch(q, id), ATTL_MISS);
    ASSERT_STATUS(attl_queue_cancel(q, id), ATTL_MISS); /* it is no submission */
    put(f->cache, "a2", "v", ATTL_TTL_NONE);
    assert_int_equal(attl_queue_reap(q, out, 8), 0);
    attl_queue_close(&q);
}

static void
a_watch_that_makes_no_sense_is_refused(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, 8, &q), ATTL_OK);
    ASSERT_STATUS(attl_watch(q, attl_s(""), 0, 0, NULL), ATTL_E_INVALID);
    ASSERT_STATUS(attl_watch(q, attl_s(""), ATTL_EV_LOST, 0, NULL), ATTL_E_INVALID);
    ASSERT_STATUS(attl_watch(q, attl_b("", LIMIT_KEY_BYTES + 1), ATTL_EV_SET, 0, NULL),
                  ATTL_E_INVALID);
    attl_queue_close(&q);
}

static void
causes_have_names(void **state)
{
    (void)state;
    for (uint32_t cause = 0; cause <= ATTL_CAUSE_CLEARED; cause++)
        for (uint32_t other = 0; other < cause; other++)
            assert_string_not_equal(attl_cause_name(cause), attl_cause_name(other));
    assert_string_equal(attl_cause_name(ATTL_CAUSE_EXPIRED), "expired");
    assert_string_equal(attl_cause_name(ATTL_CAUSE_CLEARED + 1), "unknown");
    assert_string_equal(attl_cause_name(UINT32_MAX), "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hook_hears_what_its_mask_says),
        cmocka_unit_test(times_are_unix_milliseconds),
        UNIT_TEST(without_a_hook_the_mask_is_no_matter),
        cmocka_unit_test(the_actor_is_the_threads_own),
        LEDGER_TEST(why_tells_the_deaths_of_a_key),
        LEDGER_TEST(why_tells_by_which_request),
        LEDGER_TEST(moving_a_key_is_its_death),
        cmocka_unit_test(evictions_are_in_the_ledger),
        LEDGER_TEST(misses_are_counted_by_their_cause),
        cmocka_unit_test(without_a_ledger_nothing_is_kept),
        cmocka_unit_test(why_checks_the_key),
        UNIT_TEST(events_come_as_completions),
        UNIT_TEST(a_watch_that_makes_no_sense_is_refused),
        cmocka_unit_test(causes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
