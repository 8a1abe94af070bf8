/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Batches, one error path at a time: wherever a step fails - for want of memory, of room in the
 * index, of room in the log's record, by the condition, by a limit - nothing has changed, and the
 * same batch can be run again. Some steps are made to fail by functions put in the place of the
 * cache's own, which fail from the n-th call on.
 */
#include "api/api.h"
#include "cache/freeze.h"
#include "engine/batch.h"
#include "engine/scope.h"
#include "persist/wal_format.h"
#include "support/durable.h"
#include "support/refusing.h"
#include "support/unit.h"

#include <errno.h>

enum { LARGE_BYTES = 50000 };

/* ---- steps that fail ------------------------------------------------------------------------- */

/* The test's one thread reads and writes these. */
static struct {
    unsigned calls, fail_from, fail_until; /* 0: never */
    bool in_index, in_shard;
} broken;

static bool
fails(bool here)
{
    if (!here || !broken.fail_from)
        return false;
    broken.calls++;
    return broken.calls >= broken.fail_from && broken.calls <= broken.fail_until;
}

int __real_partition_insert(struct partition *p, const struct partition_env *env, uint64_t hash,
                            uint64_t address);
int __wrap_partition_insert(struct partition *p, const struct partition_env *env, uint64_t hash,
                            uint64_t address);
int
__wrap_partition_insert(struct partition *p, const struct partition_env *env, uint64_t hash,
                        uint64_t address)
{
    return fails(broken.in_index) ? ATTL_E_NOMEM : __real_partition_insert(p, env, hash, address);
}

int __real_shard_append(struct shard *s, const struct append_spec *spec,
                        struct appended *ret_appended);
int __wrap_shard_append(struct shard *s, const struct append_spec *spec,
                        struct appended *ret_appended);
int
__wrap_shard_append(struct shard *s, const struct append_spec *spec, struct appended *ret_appended)
{
    return fails(broken.in_shard) ? ATTL_E_NOMEM : __real_shard_append(s, spec, ret_appended);
}

bool __wrap_freeze_prepare(struct cache *c, struct partition *p);
bool
__wrap_freeze_prepare(struct cache *c, struct partition *p)
{
    (void)c;
    (void)p;
    return false; /* only asked of partitions that a test marks */
}

static void
fail_from(bool in_index, unsigned from, unsigned until)
{
    broken.calls = 0;
    broken.fail_from = from;
    broken.fail_until = until;
    broken.in_index = in_index;
    broken.in_shard = !in_index;
}

static void
fail_nothing(void)
{
    broken.fail_from = 0;
}

/* ---- a batch --------------------------------------------------------------------------------- */

static void
add(struct batch *b, const char *key, attl_slice value)
{
    struct batch_put put = { .value = value, .deadline_ms = ATTL_NO_DEADLINE };
    ASSERT_STATUS(batch_add_put(b, attl_s(key), &put), ATTL_OK);
}

static attl_slice
large_value(void)
{
    static char bytes[LARGE_BYTES];
    memset(bytes, 'L', sizeof bytes);
    return attl_b(bytes, sizeof bytes);
}

static void
expect_before(attl *c)
{
    expect(c, "old", "before");
    expect(c, "gone", "here");
    expect(c, "new1", NULL);
    expect(c, "new2", NULL);
    expect(c, "large", NULL);
    assert_null(cache_check(&c->cache));
}

static void
expect_after(attl *c)
{
    attl_meta meta = ATTL_META_INIT;
    expect(c, "old", "after");
    expect(c, "gone", NULL);
    expect(c, "new1", "1");
    expect(c, "new2", "2");
    ASSERT_STATUS(attl_meta_get(c, attl_s("large"), &meta), ATTL_OK);
    assert_int_equal(meta.value_bytes, LARGE_BYTES);
    assert_null(cache_check(&c->cache));
}

/* Three new entries, one overwritten, one removed, one that is not there to be removed. */
static void
begin(struct batch *b, attl *c)
{
    sim_option(c, "cache.eviction", "noeviction"); /* no room is made of these */
    put(c, "old", "before", ATTL_TTL_NONE);
    put(c, "gone", "here", ATTL_TTL_NONE);
    ASSERT_STATUS(batch_init(b, c, 6, LARGE_BYTES + 100), ATTL_OK);
    add(b, "new1", attl_s("1"));
    add(b, "old", attl_s("after"));
    batch_add(b, attl_s("gone"), BATCH_REMOVE);
    add(b, "large", large_value());
    add(b, "new2", attl_s("2"));
    batch_add(b, attl_s("never was"), BATCH_REMOVE);
}

static void
a_failing_step_changes_nothing_and_can_be_repeated(void **state)
{
    static const unsigned steps[2] = { 4, 3 }; /* records written, and of them new ones */
    attl *c = ((struct fixture *)*state)->cache;
    for (int in_index = 0; in_index < 2; in_index++) {
        for (unsigned n = 1; n <= steps[in_index]; n++) {
            struct batch b;
            ASSERT_STATUS(attl_clear(c), ATTL_OK);
            begin(&b, c);
            fail_from(in_index, n, UINT32_MAX);
            ASSERT_STATUS(batch_run(&b), ATTL_E_NOMEM);
            assert_true(broken.calls >= n);
            fail_nothing();
            expect_before(c);
            ASSERT_STATUS(batch_run(&b), ATTL_OK);
            batch_fini(&b);
            expect_after(c);
        }
    }
}

static void
a_failure_that_passes_is_overcome(void **state)
{
    attl *c = ((struct fixture *)*state)->cache;
    for (unsigned n = 1; n <= 3; n++) {
        struct batch b;
        ASSERT_STATUS(attl_clear(c), ATTL_OK);
        begin(&b, c);
        put(c, "short-lived", "v", 1);
        sim_advance(&((struct fixture *)*state)->sim, 10000); /* room can be made of it */
        fail_from(true, n, n);
        int status = batch_run(&b);
        fail_nothing();
        assert_true(status == ATTL_OK || status == ATTL_E_NOMEM);
        if (status == ATTL_OK)
            expect_after(c);
        else
            expect_before(c);
        batch_fini(&b);
    }
}

static void
any_refused_allocation_leaves_nothing_behind(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    struct refusing r = { .left = 0 };
    attl_allocator before = d->cache->cache.config.alloc;
    int status = ATTL_E_NOMEM;
    for (int n = 0; status != ATTL_OK; n++) {
        struct batch b;
        r.left = n;
        d->cache->cache.config.alloc = refusing_hooks(&r);
        status = batch_init(&b, d->cache, 4, 100);
        assert_true(status == (n < 3 ? ATTL_E_NOMEM : ATTL_OK)); /* items, claim, record */
        if (status == ATTL_OK)
            batch_fini(&b);
        d->cache->cache.config.alloc = before;
        assert_int_equal(r.live, 0);
    }
}

/* ---- refusals -------------------------------------------------------------------------------- */

static int
not_today(struct batch *b, void *ud)
{
    assert_int_equal(b->n, 7);
    assert_true(b->items[1].entry.found);
    assert_true(b->items[6].entry.found); /* was only looked up */
    return *(int *)ud;
}

static void
the_condition_decides(void **state)
{
    attl *c = ((struct fixture *)*state)->cache;
    struct batch b;
    int verdict = ATTL_NOT_SET;
    put(c, "looked at", "v", ATTL_TTL_NONE);
    begin(&b, c);
    batch_fini(&b);
    ASSERT_STATUS(batch_init(&b, c, 7, LARGE_BYTES + 100), ATTL_OK);
    add(&b, "new1", attl_s("1"));
    add(&b, "old", attl_s("after"));
    batch_add(&b, attl_s("gone"), BATCH_REMOVE);
    add(&b, "large", large_value());
    add(&b, "new2", attl_s("2"));
    batch_add(&b, attl_s("never was"), BATCH_REMOVE);
    batch_add(&b, attl_s("looked at"), BATCH_LOOK);
    b.check = not_today;
    b.ud = &verdict;
    ASSERT_STATUS(batch_run(&b), ATTL_NOT_SET);
    expect_before(c);
    verdict = ATTL_OK;
    ASSERT_STATUS(batch_run(&b), ATTL_OK);
    expect_after(c);
    expect(c, "looked at", "v");
    batch_fini(&b);
}

static void
a_life_is_needed_only_where_none_is_kept(void **state)
{
    attl *c = ((struct fixture *)*state)->cache;
    struct batch b;
    struct batch_put keeps = { .value = attl_s("w"),
                               .deadline_ms = ATTL_NO_DEADLINE,
                               .keep_deadline = true,
                               .life_status = ATTL_E_TTL_REQUIRED };
    put(c, "a", "v", 5000);
    for (int missing = 1; missing >= 0; missing--) {
        ASSERT_STATUS(batch_init(&b, c, 2, 10), ATTL_OK);
        ASSERT_STATUS(batch_add_put(&b, attl_s("a"), &keeps), ATTL_OK);
        if (missing)
            ASSERT_STATUS(batch_add_put(&b, attl_s("b"), &keeps), ATTL_OK);
        ASSERT_STATUS(batch_run(&b), missing ? ATTL_E_TTL_REQUIRED : ATTL_OK);
        batch_fini(&b);
        expect(c, "a", missing ? "v" : "w");
        expect(c, "b", NULL);
    }
    expect_ttl(c, "a", 5000);
}

static void
limits_hold_for_all_of_it(void **state)
{
    attl *c = ((struct fixture *)*state)->cache;
    struct batch b;
    sim_option(c, "cache.max_entries", "4");
    begin(&b, c); /* five afterwards */
    ASSERT_STATUS(batch_run(&b), ATTL_E_FULL);
    expect_before(c);
    sim_option(c, "cache.max_entries", "5"); /* the one that goes does not count before */
    ASSERT_STATUS(batch_run(&b), ATTL_OK);
    expect_after(c);
    batch_fini(&b);
    struct batch_put put = { .value = large_value(), .deadline_ms = ATTL_NO_DEADLINE };
    sim_option(c, "cache.max_memory", "1");
    ASSERT_STATUS(batch_init(&b, c, 2, LARGE_BYTES), ATTL_OK);
    put.value.len = SIZE_MAX / 4; /* is not looked at: it never fits */
    ASSERT_STATUS(batch_add_put(&b, attl_s("x"), &put), ATTL_E_FULL);
    batch_fini(&b);
}

static void
of_several_the_last_counts(void **state)
{
    attl *c = ((struct fixture *)*state)->cache;
    struct batch b;
    put(c, "old", "0", ATTL_TTL_NONE);
    ASSERT_STATUS(batch_init(&b, c, 4, 10), ATTL_OK);
    add(&b, "new", attl_s("1"));
    add(&b, "old", attl_s("1"));
    add(&b, "new", attl_s("2"));
    add(&b, "old", attl_s("2"));
    ASSERT_STATUS(batch_run(&b), ATTL_OK);
    batch_fini(&b);
    expect(c, "new", "2");
    expect(c, "old", "2");
    ASSERT_STATUS(batch_init(&b, c, 0, 0), ATTL_OK);
    ASSERT_STATUS(batch_run(&b), ATTL_OK); /* of nothing */
    batch_fini(&b);
    assert_null(cache_check(&c->cache));
}

static void
a_partition_that_cannot_be_prepared_is_not_changed(void **state)
{
    attl *c = ((struct fixture *)*state)->cache;
    struct batch b;
    begin(&b, c);
    struct partition *p = b.items[4].entry.partition;
    p->flags |= PARTITION_SHARED; /* as if a snapshot had to be left its table */
    ASSERT_STATUS(batch_run(&b), ATTL_E_NOMEM);
    p->flags &= ~PARTITION_SHARED;
    expect_before(c);
    ASSERT_STATUS(batch_run(&b), ATTL_OK);
    batch_fini(&b);
    expect_after(c);
}

/* ---- the log and scopes ---------------------------------------------------------------------- */

static void
it_is_one_record_or_none(void **state)
{
    struct durable *d = *state;
    struct batch b;
    durable_open(d, NULL);
    begin(&b, d->cache);
    uint64_t from = durable_next_lsn(d);
    fail_from(true, 2, UINT32_MAX);
    ASSERT_STATUS(batch_run(&b), ATTL_E_NOMEM);
    fail_nothing();
    assert_string_equal(durable_log(d, from), "");
    ASSERT_STATUS(batch_run(&b), ATTL_OK);
    ASSERT_STATUS(batch_settle(d->cache, ATTL_OK), ATTL_OK);
    assert_string_equal(durable_log(d, from), "GROUP(PUT new1=1, PUT old=after, DEL gone, "
                                              "PUT large=<50000>, PUT new2=2)");
    batch_fini(&b);
    /* A frame is never longer than that. */
    ASSERT_STATUS(batch_init(&b, d->cache, 1, WAL_FRAME_MAX_BYTES), ATTL_E_NOMEM);
    ASSERT_STATUS(batch_admit(d->cache), ATTL_OK);
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, 1, -EIO, SIM_FOREVER);
    ASSERT_STATUS(attl_set(d->cache, attl_s("x"), attl_s("1"), 0), ATTL_E_IO);
    ASSERT_STATUS(batch_admit(d->cache), ATTL_E_IO);
    sim_disk_fail(d->disk, 0, 0, 0, SIM_ONCE);
}

static void
a_scope_holds_what_a_batch_may_change(void **state)
{
    struct durable *d = *state;
    struct scope s;
    struct batch b;
    durable_open(d, NULL);
    attl_slice keys[] = { attl_s("new1"),  attl_s("old"),  attl_s("gone"),
                          attl_s("large"), attl_s("new2"), attl_s("never was") };
    struct scope_plan plan = { .keys = keys, .n = 6, .bytes = LARGE_BYTES };
    begin(&b, d->cache);
    batch_fini(&b);
    uint64_t from = durable_next_lsn(d);
    ASSERT_STATUS(scope_begin(&s, d->cache, &plan), ATTL_OK);
    ASSERT_STATUS(batch_init(&b, d->cache, 1, 10), ATTL_OK);
    for (int i = 0; b.n == 0; i++) { /* in a partition of its own */
        char key[32];
        (void)snprintf(key, sizeof key, "elsewhere%d", i);
        uint64_t hash = cache_hash(&d->cache->cache, attl_s(key));
        if (!claim_has(&s.claim, cache_partition(&d->cache->cache, hash)))
            batch_add(&b, attl_s(key), BATCH_REMOVE);
    }
    ASSERT_STATUS(batch_run(&b), ATTL_E_INVALID);
    batch_fini(&b);
    s.admitted = ATTL_E_IO; /* what it was told when it began */
    ASSERT_STATUS(batch_admit(d->cache), ATTL_E_IO);
    s.admitted = ATTL_OK;
    ASSERT_STATUS(batch_admit(d->cache), ATTL_OK);
    ASSERT_STATUS(batch_init(&b, d->cache, 3, LARGE_BYTES + 10), ATTL_OK);
    add(&b, "new1", attl_s("1"));
    batch_add(&b, attl_s("gone"), BATCH_REMOVE);
    add(&b, "large", large_value());
    struct partition *p = b.items[0].entry.partition;
    p->flags |= PARTITION_SHARED;
    ASSERT_STATUS(batch_run(&b), ATTL_E_NOMEM);
    p->flags &= ~PARTITION_SHARED;
    struct refusing r = { .left = 0 };
    attl_allocator before = d->cache->cache.config.alloc;
    d->cache->cache.config.alloc = refusing_hooks(&r);
    ASSERT_STATUS(batch_run(&b), ATTL_E_NOMEM); /* the scope's record does not grow */
    d->cache->cache.config.alloc = before;
    ASSERT_STATUS(batch_run(&b), ATTL_OK);
    ASSERT_STATUS(batch_settle(d->cache, ATTL_OK), ATTL_OK);
    batch_fini(&b);
    ASSERT_STATUS(scope_end(&s), ATTL_OK);
    assert_string_equal(durable_log(d, from), "GROUP(PUT new1=1, DEL gone, PUT large=<50000>)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_failing_step_changes_nothing_and_can_be_repeated),
        UNIT_TEST(a_failure_that_passes_is_overcome),
        DURABLE_TEST(any_refused_allocation_leaves_nothing_behind),
        UNIT_TEST(the_condition_decides),
        UNIT_TEST(a_life_is_needed_only_where_none_is_kept),
        UNIT_TEST(limits_hold_for_all_of_it),
        UNIT_TEST(of_several_the_last_counts),
        UNIT_TEST(a_partition_that_cannot_be_prepared_is_not_changed),
        DURABLE_TEST(it_is_one_record_or_none),
        DURABLE_TEST(a_scope_holds_what_a_batch_may_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
