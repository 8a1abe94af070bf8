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
        cmocka_unit_test(causes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
