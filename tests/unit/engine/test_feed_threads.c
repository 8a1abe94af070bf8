/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events while several threads make changes: events and reported losses together are exactly the
 * changes, and two events of a key are never exchanged. The writers set keys that are absent and
 * remove those that are there, so that the events of a key must alternate. The threads only count;
 * the test asserts when they have ended.
 */
#include "engine/feed.h"

#include "engine/completion.h"
#include "engine_support.h"
#include "os/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OUT_MAX = 64, WRITERS = 3, SHARED_KEYS = 8 };

static const char *const options[] = {
    "cache.max_memory",
    "0",
    "cache.max_entries",
    "0",
    "cache.default_ttl",
    "0",
    "cache.background",
    "false",
    "validation.mode",
    "binary",
    NULL,
};

struct rig {
    struct bench *bench;
    attl_queue *queue;
    attl_completion out[OUT_MAX];
    size_t n;
};

static void
rig_open(struct rig *r, uint32_t capacity)
{
    *r = (struct rig){ .bench = bench_open(options, false) };
    assert_int_equal(completion_queue_open(&r->bench->engine, capacity, &r->queue), ATTL_OK);
}

static void
rig_close(struct rig *r)
{
    completion_queue_close(r->queue);
    assert_int_equal(r->bench->engine.feeds.count, 0);
    assert_int_equal(atomic_load(&r->bench->engine.notices.sinks[NOTICE_SINK_QUEUES].mask), 0);
    bench_close(r->bench);
}

static uint64_t
watch(struct rig *r, const char *prefix, uint32_t kinds, uint64_t user_data)
{
    uint64_t id;
    assert_int_equal(feed_watch(r->queue, attl_s(prefix), kinds, user_data, &id), ATTL_OK);
    return id;
}

static void
reap(struct rig *r)
{
    r->n = completion_reap(r->queue, r->out, OUT_MAX);
}

struct writer {
    struct rig *rig;
    unsigned number, rounds;
    uint64_t changes;
    struct thread thread;
};

static int
toggle_change(struct entry *e, void *ud)
{
    struct stored_value v;
    (void)ud;
    if (e->found) {
        entry_remove(e, COUNT_DELETES);
        return ATTL_OK;
    }
    int status = stored_value_init(e->cache, attl_s("v"), &v);
    return status == ATTL_OK ? entry_put(e, &v, ATTL_NO_DEADLINE) : status;
}

/* Sets keys that are absent and removes those that are there, all of them everybody's. */
static void *
write_much(void *ud)
{
    struct writer *w = ud;
    uint64_t random = w->number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (unsigned i = 0; i < w->rounds; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        char key[2] = { 'k', (char)('0' + (random >> 33) % SHARED_KEYS) };
        w->changes += engine_change(&w->rig->bench->engine, attl_b(key, 2), toggle_change, NULL) ==
                      ATTL_OK;
    }
    return NULL;
}

struct tally {
    uint64_t events, lost;
    bool is_there[SHARED_KEYS];
    bool exchanged;
};

static void
count_events(struct rig *r, struct tally *t)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->out[i].kind == ATTL_EV_LOST) {
            t->lost += r->out[i].number;
            continue;
        }
        bool *is_there = &t->is_there[((const char *)r->out[i].key.data)[1] - '0'];
        t->exchanged |= *is_there == (r->out[i].kind == ATTL_EV_SET);
        *is_there = r->out[i].kind == ATTL_EV_SET;
        t->events++;
    }
}

static unsigned
scaled(unsigned rounds)
{
    const char *scale = getenv("ATTL_TEST_SCALE");
    double factor = scale ? strtod(scale, NULL) : 1.0;
    return factor > 0 && factor < 1 ? (unsigned)(rounds * factor) + 1 : rounds;
}

static struct tally
run_writers(uint32_t capacity, uint64_t *ret_changes)
{
    struct rig r;
    struct writer writers[WRITERS];
    struct tally tally = { 0 };
    rig_open(&r, capacity);
    (void)watch(&r, "k", ATTL_EV_ALL, 1);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .rig = &r, .number = i, .rounds = scaled(60000) };
        assert_true(thread_start(&writers[i].thread, "write", write_much, &writers[i]));
    }
    uint64_t changes = 0;
    for (int i = 0; i < 2000; i++) {
        (void)completion_wait(r.queue, 1); /* nothing for a moment is fine */
        reap(&r);
        count_events(&r, &tally);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        thread_join(&writers[i].thread);
        changes += writers[i].changes;
    }
    do {
        reap(&r);
        count_events(&r, &tally);
    } while (r.n > 0);
    rig_close(&r);
    *ret_changes = changes;
    return tally;
}

static void
every_change_is_one_event_and_none_are_exchanged(void **state)
{
    uint64_t changes;
    (void)state;
    struct tally t = run_writers(1 << 18, &changes);
    assert_int_equal(t.lost, 0);
    assert_int_equal(t.events, changes);
    assert_false(t.exchanged);
}

static void
events_and_losses_are_all_changes(void **state)
{
    uint64_t changes;
    (void)state;
    struct tally t = run_writers(16, &changes);
    assert_int_equal(t.events + t.lost, changes);
}

/* Watches come and go while others write: none is left, and nothing is told to who is gone. */
static void
watches_come_and_go_under_fire(void **state)
{
    struct rig r;
    struct writer writers[WRITERS];
    (void)state;
    rig_open(&r, 64);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .rig = &r, .number = i, .rounds = scaled(20000) };
        assert_true(thread_start(&writers[i].thread, "write", write_much, &writers[i]));
    }
    for (int i = 0; i < 300; i++) {
        uint64_t first = watch(&r, "k", ATTL_EV_ALL, 1), second = watch(&r, "k1", ATTL_EV_SET, 2);
        reap(&r);
        assert_int_equal(feed_unwatch(r.queue, first), ATTL_OK);
        reap(&r);
        assert_int_equal(feed_unwatch(r.queue, second), ATTL_OK);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        thread_join(&writers[i].thread);
    rig_close(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_is_one_event_and_none_are_exchanged),
        cmocka_unit_test(events_and_losses_are_all_changes),
        cmocka_unit_test(watches_come_and_go_under_fire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
