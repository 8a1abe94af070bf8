/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Epochs: nothing retired is released while a reader that could have seen it is inside. Single
 * steps are checked with readers that stand still (threads parked inside and outside of epochs),
 * then threads read a shared pointer as fast as they can while others replace and retire what it
 * points to; a reader that meets freed memory finds its mark destroyed, and the sanitizers find it
 * anyway.
 */
#include "cache/reclaim.h"

#include "cache_support.h"
#include "support/check.h"
#include "support/rng.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { READERS = 3, WRITERS = 2, RELEASES = 3000, REPLACEMENTS_MAX = 200000 };

#define ALIVE UINT64_C(0x600d600d600d600d)
#define GONE UINT64_C(0xbadbadbadbadbad)

struct thing {
    struct limbo_node node;
    _Atomic uint64_t mark;
    _Atomic bool pinned;
    unsigned number;
};

/* Where things are released, and in which order. */
struct pond {
    struct limbo limbo;
    _Atomic(struct thing *) shown;
    _Atomic unsigned released, retired;
    _Atomic bool stop;
    unsigned order[64];
};

static bool
release(void *ud, struct limbo_node *node)
{
    struct pond *p = ud;
    struct thing *t = (struct thing *)((char *)node - offsetof(struct thing, node));
    if (atomic_load(&t->pinned))
        return false;
    CHECK(atomic_load(&t->mark) == ALIVE, "released twice");
    atomic_store(&t->mark, GONE);
    unsigned n = atomic_fetch_add(&p->released, 1);
    if (n < 64)
        p->order[n] = t->number;
    free(t);
    return true;
}

static struct thing *
thing_new(unsigned number)
{
    struct thing *t = calloc(1, sizeof(*t));
    CHECK(t != NULL, "the machine is out of memory");
    t->node.release = release;
    t->number = number;
    atomic_store(&t->mark, ALIVE);
    return t;
}

static void
pond_retire(struct pond *p, struct thing *t)
{
    atomic_fetch_add(&p->retired, 1);
    limbo_retire(&p->limbo, &t->node);
}

static int
pond_setup(void **state)
{
    struct pond *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return -1;
    limbo_init(&p->limbo, p);
    *state = p;
    return 0;
}

static int
pond_teardown(void **state)
{
    struct pond *p = *state;
    limbo_fini(&p->limbo);
    bool lost = atomic_load(&p->released) != atomic_load(&p->retired);
    free(p);
    return lost;
}

/* A thread that does one thing when told and then stands still. */
struct puppet {
    pthread_t thread;
    _Atomic int wanted, done; /* 0 nothing, 1 inside, 2 outside, 3 gone */
    _Atomic(struct reclaim_reader *) reader;
};

static void *
puppet_main(void *arg)
{
    struct puppet *p = arg;
    struct reclaim_reader *self = reclaim_self();
    atomic_store(&p->reader, self);
    for (;;) {
        int wanted = atomic_load(&p->wanted);
        if (wanted == atomic_load(&p->done)) {
            (void)sched_yield();
            continue;
        }
        if (wanted == 1)
            reclaim_enter(self);
        else if (wanted == 2)
            reclaim_exit(self);
        atomic_store(&p->done, wanted);
        if (wanted == 3)
            return NULL; /* perhaps still inside */
    }
}

static void
puppet_do(struct puppet *p, int what)
{
    atomic_store(&p->wanted, what);
    while (atomic_load(&p->done) != what)
        (void)sched_yield();
    if (what == 3)
        assert_int_equal(pthread_join(p->thread, NULL), 0);
}

static void
puppet_start(struct puppet *p)
{
    memset(p, 0, sizeof(*p));
    assert_int_equal(pthread_create(&p->thread, NULL, puppet_main, p), 0);
    while (!atomic_load(&p->reader))
        (void)sched_yield();
}

static void
without_readers_one_collection_releases_all(void **state)
{
    struct pond *p = *state;
    for (unsigned i = 0; i < 10; i++)
        pond_retire(p, thing_new(i));
    assert_int_equal(atomic_load(&p->limbo.count), 10);
    assert_int_equal(limbo_collect(&p->limbo), 10);
    assert_int_equal(atomic_load(&p->limbo.count), 0);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(p->order[i], i); /* oldest first */
    assert_int_equal(limbo_collect(&p->limbo), 0);
}

static void
a_reader_inside_holds_back_what_it_may_have_seen(void **state)
{
    struct pond *p = *state;
    struct puppet reader;
    puppet_start(&reader);
    puppet_do(&reader, 1);
    pond_retire(p, thing_new(0));
    for (int i = 0; i < 10; i++)
        assert_int_equal(limbo_collect(&p->limbo), 0);
    puppet_do(&reader, 2);
    assert_int_equal(limbo_collect(&p->limbo), 1);
    puppet_do(&reader, 1);
    puppet_do(&reader, 2); /* inside and out again between two looks: seen as outside */
    pond_retire(p, thing_new(1));
    assert_int_equal(limbo_collect(&p->limbo), 1);
    puppet_do(&reader, 3);
}

/* A second reader that came later must not let the first one be forgotten. */
static void
the_oldest_reader_counts(void **state)
{
    struct pond *p = *state;
    struct puppet old, young;
    puppet_start(&old);
    puppet_start(&young);
    puppet_do(&old, 1);
    pond_retire(p, thing_new(0));
    (void)reclaim_advance(); /* as far as it goes */
    puppet_do(&young, 1);
    assert_int_equal(limbo_collect(&p->limbo), 0);
    puppet_do(&young, 2);
    puppet_do(&young, 1);
    for (int i = 0; i < 5; i++)
        assert_int_equal(limbo_collect(&p->limbo), 0);
    puppet_do(&old, 2);
    puppet_do(&young, 2);
    assert_int_equal(limbo_collect(&p->limbo), 1);
    puppet_do(&old, 3);
    puppet_do(&young, 3);
}

static void
entering_nests(void **state)
{
    struct pond *p = *state;
    struct reclaim_reader *self = reclaim_self();
    for (int depth = 0; depth < 3; depth++)
        reclaim_enter(self);
    pond_retire(p, thing_new(0));
    for (int depth = 0; depth < 3; depth++) {
        assert_int_equal(limbo_collect(&p->limbo), 0);
        reclaim_exit(self);
    }
    assert_int_equal(limbo_collect(&p->limbo), 1);
}

static void
a_thread_that_ends_inside_is_outside(void **state)
{
    struct pond *p = *state;
    struct puppet reader;
    puppet_start(&reader);
    puppet_do(&reader, 1);
    pond_retire(p, thing_new(0));
    puppet_do(&reader, 3);
    struct reclaim_reader *left = atomic_load(&reader.reader);
    assert_true(left->nesting == 0 &&
                atomic_load(&left->epoch) == 0); /* for whoever gets it next */
    assert_int_equal(limbo_collect(&p->limbo), 1);
}

/* Slots are found by each thread and used again after it, so that their number stays bounded. */
static void
the_slots_of_ended_threads_are_used_again(void **state)
{
    (void)state;
    struct puppet two[2];
    puppet_start(&two[0]);
    puppet_start(&two[1]);
    struct reclaim_reader *mine = reclaim_self();
    assert_ptr_equal(reclaim_self(), mine);
    struct reclaim_reader *a = atomic_load(&two[0].reader), *b = atomic_load(&two[1].reader);
    assert_true(a != b && a != mine && b != mine);
    assert_true(a->index != b->index && a->index != mine->index && b->index != mine->index);
    puppet_do(&two[0], 3);
    puppet_do(&two[1], 3);
    for (int i = 0; i < 20; i++) {
        struct puppet next;
        puppet_start(&next);
        struct reclaim_reader *c = atomic_load(&next.reader);
        assert_true(c == a || c == b);
        assert_true(c->nesting == 0 && atomic_load(&c->epoch) == 0);
        puppet_do(&next, 3);
    }
}

static void
a_pinned_thing_waits_and_holds_up_nobody(void **state)
{
    struct pond *p = *state;
    struct thing *pinned = thing_new(0);
    atomic_store(&pinned->pinned, true);
    pond_retire(p, pinned);
    pond_retire(p, thing_new(1));
    assert_int_equal(limbo_collect(&p->limbo), 1);
    assert_int_equal(p->order[0], 1);
    assert_int_equal(atomic_load(&p->limbo.count), 0); /* writers need not look at it */
    for (int i = 0; i < 5; i++)
        assert_int_equal(limbo_collect(&p->limbo), 0);
    atomic_store(&pinned->pinned, false);
    limbo_unpinned(&p->limbo);
    assert_true(atomic_load(&p->limbo.urgent));
    assert_int_equal(limbo_collect(&p->limbo), 1);
}

static void
a_pin_that_ends_in_between_is_not_missed(void **state)
{
    struct pond *p = *state;
    for (unsigned round = 0; round < 50; round++) {
        struct thing *things[3];
        for (unsigned i = 0; i < 3; i++) {
            things[i] = thing_new(i);
            atomic_store(&things[i]->pinned, i != round % 3);
            pond_retire(p, things[i]);
        }
        assert_int_equal(limbo_collect(&p->limbo), 1);
        for (unsigned i = 0; i < 3; i++) {
            if (i == round % 3)
                continue;
            atomic_store(&things[i]->pinned, false);
            limbo_unpinned(&p->limbo);
            assert_int_equal(limbo_collect(&p->limbo), 1);
        }
    }
}

/* What was in use before the snapshot began stays, whatever came into use later goes as always. */
static void
what_a_snapshot_may_refer_to_is_held(void **state)
{
    struct pond *p = *state;
    struct thing *old = thing_new(1), *later = thing_new(2), *never = thing_new(3);
    old->node.born = limbo_cut(&p->limbo);
    old->node.bytes = 7;
    never->node.born = UINT32_MAX;
    limbo_hold(&p->limbo);
    later->node.born = limbo_cut(&p->limbo);
    pond_retire(p, old);
    pond_retire(p, later);
    pond_retire(p, never);
    for (int i = 0; i < 3; i++)
        (void)limbo_collect(&p->limbo);
    assert_int_equal(atomic_load(&p->released), 2);
    assert_int_equal(p->order[0] + p->order[1], 5);
    assert_true(limbo_held_bytes(&p->limbo) > 0);
    limbo_unhold(&p->limbo);
    assert_int_equal(limbo_held_bytes(&p->limbo), 0);
    (void)limbo_collect(&p->limbo);
    assert_int_equal(atomic_load(&p->released), 3);
    limbo_hold(&p->limbo); /* again, and closed in the middle of it */
    struct thing *last = thing_new(4);
    last->node.born = 0;
    pond_retire(p, last);
    for (int i = 0; i < 3; i++)
        (void)limbo_collect(&p->limbo);
    assert_int_equal(atomic_load(&p->released), 3);
}

static void
closing_releases_everything(void **state)
{
    struct pond *p = *state;
    struct reclaim_reader *self = reclaim_self();
    reclaim_enter(self);
    for (unsigned i = 0; i < 10; i++)
        pond_retire(p, thing_new(i));
    reclaim_exit(self);
    limbo_fini(&p->limbo); /* without waiting: no reader can exist */
    assert_int_equal(atomic_load(&p->released), 10);
}

static void *
read_fast(void *arg)
{
    struct pond *p = arg;
    struct reclaim_reader *self = reclaim_self();
    uint64_t reads = 0;
    while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
        reclaim_enter(self);
        struct thing *t = atomic_load_explicit(&p->shown, memory_order_acquire);
        for (int i = 0; i < 3; i++)
            CHECK(atomic_load_explicit(&t->mark, memory_order_relaxed) == ALIVE, "freed under me");
        if (reads % 64 == 0)
            (void)sched_yield(); /* be caught inside, now and then */
        CHECK(atomic_load_explicit(&t->mark, memory_order_relaxed) == ALIVE, "freed under me");
        reclaim_exit(self);
        if (++reads % 16 == 0)
            (void)sched_yield();
    }
    return NULL;
}

/* Until enough has been released while the readers were at work. */
static void *
replace_often(void *arg)
{
    struct pond *p = arg;
    for (unsigned i = 0; i < REPLACEMENTS_MAX && atomic_load(&p->released) < RELEASES; i++) {
        struct thing *old = atomic_exchange_explicit(&p->shown, thing_new(i), memory_order_acq_rel);
        pond_retire(p, old);
        if (i % 8 != 0)
            continue;
        (void)limbo_collect(&p->limbo); /* both of them at the same time */
        (void)sched_yield();
    }
    return NULL;
}

static void
readers_never_meet_freed_memory(void **state)
{
    struct pond *p = *state;
    pthread_t readers[READERS], writers[WRITERS];
    atomic_store(&p->shown, thing_new(0));
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_fast, p), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, replace_often, p), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(writers[i], NULL), 0);
    assert_true(atomic_load(&p->released) >= RELEASES);
    atomic_store(&p->stop, true);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    pond_retire(p, atomic_load(&p->shown));
    (void)limbo_collect(&p->limbo); /* and the rest */
    assert_int_equal(atomic_load(&p->released), atomic_load(&p->retired));
    print_message("%u retired under %d readers\n", atomic_load(&p->retired), READERS);
}

#define POND_TEST(f) cmocka_unit_test_setup_teardown(f, pond_setup, pond_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        POND_TEST(without_readers_one_collection_releases_all),
        POND_TEST(a_reader_inside_holds_back_what_it_may_have_seen),
        POND_TEST(the_oldest_reader_counts),
        POND_TEST(entering_nests),
        POND_TEST(a_thread_that_ends_inside_is_outside),
        cmocka_unit_test(the_slots_of_ended_threads_are_used_again),
        POND_TEST(a_pinned_thing_waits_and_holds_up_nobody),
        POND_TEST(a_pin_that_ends_in_between_is_not_missed),
        POND_TEST(what_a_snapshot_may_refer_to_is_held),
        POND_TEST(closing_releases_everything),
        POND_TEST(readers_never_meet_freed_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
