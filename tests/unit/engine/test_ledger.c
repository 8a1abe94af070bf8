/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The death ledger by itself: what is noted is found newest first, the oldest goes when a ring is
 * full, clears stand where their time wants them, marks tell the last cause of a hash, and memory
 * that is refused costs the record and nothing else. Notices are made by hand; several threads note
 * at once and every death of theirs is found again.
 */
#include "engine/ledger.h"

#include "os/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 64, THREADS = 4, PER_THREAD = 2000 };

struct refusing {
    _Atomic int64_t until; /* allocations that succeed before one is refused; < 0: all do */
    _Atomic uint64_t in_use;
};

static void *
refusing_alloc(void *ud, size_t bytes)
{
    struct refusing *r = ud;
    if (atomic_load(&r->until) >= 0 && atomic_fetch_sub(&r->until, 1) == 0) {
        atomic_store(&r->until, 0);
        return NULL;
    }
    atomic_fetch_add(&r->in_use, 1);
    return malloc(bytes);
}

static void
refusing_free(void *ud, void *ptr)
{
    struct refusing *r = ud;
    if (ptr)
        atomic_fetch_sub(&r->in_use, 1);
    free(ptr);
}

static struct ledger *
ledger_of(struct refusing *r, uint64_t entries)
{
    attl_allocator alloc = { refusing_alloc, refusing_free, r };
    return ledger_new(&alloc, entries);
}

static void
note(struct ledger *l, uint64_t hash, enum notice_kind kind, int64_t at_ms)
{
    struct notice n = { .kind = kind,
                        .cause = kind == NOTICE_EXPIRED   ? ATTL_CAUSE_EXPIRED
                                 : kind == NOTICE_EVICTED ? ATTL_CAUSE_MEMORY
                                 : kind == NOTICE_CLEARED ? ATTL_CAUSE_CLEARED
                                                          : ATTL_CAUSE_DELETED,
                        .hash = hash,
                        .deadline_ms = kind == NOTICE_EXPIRED ? at_ms - 3 : at_ms + 50,
                        .now_ms = at_ms,
                        .actor = hash + 1 };
    if (kind == NOTICE_CLEARED)
        n.deadline_ms = ATTL_NO_DEADLINE;
    ledger_note(l, &n);
}

static void
nothing_is_known_of_what_never_died(void **state)
{
    struct ledger_death out[4];
    struct refusing r = { .until = -1 };
    (void)state;
    struct ledger *l = ledger_of(&r, 1000);
    assert_int_equal(ledger_find(l, 5, out, 4), 0);
    assert_int_equal(ledger_class_of(l, 5), LEDGER_COLD);
    uint64_t empty = ledger_bytes(l);
    note(l, 5, NOTICE_DELETED, 100);
    assert_true(ledger_bytes(l) >= empty + 1000 * sizeof(struct ledger_death));
    assert_int_equal(ledger_find(l, 5 + (UINT64_C(1) << 40), out, 4), 0);
    assert_int_equal(ledger_class_of(l, 5 + (UINT64_C(1) << 40)), LEDGER_COLD);
    ledger_free(l);
    ledger_free(NULL);
    assert_int_equal(atomic_load(&r.in_use), 0);
}

static void
deaths_are_found_newest_first(void **state)
{
    struct ledger_death out[4];
    struct refusing r = { .until = -1 };
    (void)state;
    struct ledger *l = ledger_of(&r, 65536);
    note(l, 77, NOTICE_DELETED, 100);
    note(l, 78, NOTICE_DELETED, 150);
    note(l, 77, NOTICE_EXPIRED, 200);
    note(l, 77, NOTICE_EVICTED, 300);
    assert_int_equal(ledger_find(l, 77, out, 4), 3);
    assert_int_equal(ledger_cause(&out[0]), ATTL_CAUSE_MEMORY);
    assert_int_equal(ledger_at_ms(&out[0]), 300);
    assert_int_equal(out[0].ttl_left_ms, 50);
    assert_int_equal(ledger_cause(&out[1]), ATTL_CAUSE_EXPIRED);
    assert_int_equal(ledger_at_ms(&out[1]), 197); /* when its life ended, not when it was noticed */
    assert_int_equal(out[1].ttl_left_ms, 0);
    assert_int_equal(ledger_cause(&out[2]), ATTL_CAUSE_DELETED);
    assert_int_equal(out[2].actor, 78);
    assert_int_equal(ledger_find(l, 77, out, 2), 2);
    assert_int_equal(ledger_find(l, 77, out, 0), 0);
    assert_int_equal(ledger_class_of(l, 77), LEDGER_EVICTED);
    note(l, 77, NOTICE_DELETED, 400);
    assert_int_equal(ledger_class_of(l, 77), LEDGER_DELETED);
    ledger_free(l);
}

static void
the_oldest_go_when_it_is_full(void **state)
{
    struct ledger_death out[MANY];
    struct refusing r = { .until = -1 };
    (void)state;
    for (uint64_t entries = 1; entries < 3000; entries = entries * 3 + 1) {
        struct ledger *l = ledger_of(&r, entries);
        assert_int_equal(l->ring_mask + 1 <= 2, true);
        note(l, 2, NOTICE_DELETED, 1);
        for (uint64_t i = 0; i < entries * 2 - 1; i++) /* even hashes: one ring at most of two */
            note(l, 4 + 2 * i, NOTICE_DELETED, (int64_t)i + 2);
        assert_int_equal(ledger_find(l, 2, out, MANY), 0);
        assert_int_equal(ledger_find(l, 4 + 2 * (entries * 2 - 2), out, MANY), 1);
        ledger_free(l);
    }
    assert_int_equal(atomic_load(&r.in_use), 0);
}

/* Longer than one hold of the lock looks at. */
static void
old_deaths_in_a_large_ring_are_found(void **state)
{
    struct ledger_death out[MANY];
    struct refusing r = { .until = -1 };
    (void)state;
    struct ledger *l = ledger_of(&r, 16 * 5000);
    for (int64_t i = 0; i < 4999; i++)
        note(l, i % 100 ? 32 : 16, NOTICE_DELETED, i);
    assert_int_equal(ledger_find(l, 16, out, MANY), 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(ledger_at_ms(&out[i]), (49 - i) * 100);
    ledger_free(l);
}

static void
clears_stand_where_their_time_wants_them(void **state)
{
    struct ledger_death out[40];
    struct refusing r = { .until = -1 };
    (void)state;
    struct ledger *l = ledger_of(&r, 100);
    note(l, 0, NOTICE_CLEARED, 50);
    note(l, 9, NOTICE_DELETED, 100);
    note(l, 0, NOTICE_CLEARED, 150);
    note(l, 9, NOTICE_DELETED, 200);
    const int64_t want[] = { 200, 150, 100, 50 };
    assert_int_equal(ledger_find(l, 9, out, 40), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(ledger_at_ms(&out[i]), want[i]);
    assert_int_equal(ledger_find(l, 9, out, 3), 3);
    assert_int_equal(ledger_at_ms(&out[2]), 100);
    assert_int_equal(ledger_find(l, 9, out, 1), 1);
    assert_int_equal(ledger_at_ms(&out[0]), 200);
    assert_int_equal(ledger_find(l, 8, out, 40), 2); /* whoever it was, everything went */
    assert_int_equal(ledger_cause(&out[0]), ATTL_CAUSE_CLEARED);
    assert_int_equal(out[0].ttl_left_ms, -1);
    for (int i = 0; i < 100; i++)
        note(l, 0, NOTICE_CLEARED, 300 + i);
    assert_int_equal(ledger_find(l, 8, out, 40), LEDGER_CLEARS);
    assert_int_equal(ledger_at_ms(&out[0]), 399);
    assert_int_equal(ledger_at_ms(&out[LEDGER_CLEARS - 1]), 399 - LEDGER_CLEARS + 1);
    ledger_free(l);
}

static void
what_happens_in_one_millisecond_keeps_its_order(void **state)
{
    struct ledger_death out[40];
    struct refusing r = { .until = -1 };
    (void)state;
    struct ledger *l = ledger_of(&r, 100);
    enum notice_kind kinds[] = { NOTICE_DELETED, NOTICE_CLEARED, NOTICE_CLEARED, NOTICE_DELETED,
                                 NOTICE_DELETED, NOTICE_CLEARED, NOTICE_DELETED };
    size_t n = sizeof kinds / sizeof kinds[0];
    for (size_t i = 0; i < n; i++)
        note(l, 9, kinds[i], 100);
    assert_int_equal(ledger_find(l, 9, out, 40), n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(ledger_cause(&out[i]) == ATTL_CAUSE_CLEARED,
                         kinds[n - 1 - i] == NOTICE_CLEARED);
    ledger_free(l);
}

static void
marks_of_different_keys_are_told_apart(void **state)
{
    struct refusing r = { .until = -1 };
    (void)state;
    struct ledger *l = ledger_of(&r, 65536);
    unsigned wrong = 0;
    uint64_t hash = 12345;
    for (int i = 0; i < 20000; i++) {
        hash = hash * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        note(l, hash ^ hash >> 29, NOTICE_EXPIRED, 1);
    }
    for (int i = 0; i < 20000; i++) {
        hash = hash * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        wrong += ledger_class_of(l, hash ^ hash >> 29) != LEDGER_COLD;
    }
    assert_true(wrong < 20); /* of 20 000 strangers; one in sixteen thousand is expected */
    ledger_free(l);
}

/* As many deaths as there is room for: nearly all of them are still known to a miss. */
static void
marks_last_as_long_as_deaths(void **state)
{
    struct refusing r = { .until = -1 };
    (void)state;
    struct ledger *l = ledger_of(&r, 65536);
    static uint64_t hashes[65536];
    uint64_t hash = 99;
    unsigned known = 0;
    for (int i = 0; i < 65536; i++) {
        hash = hash * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        hashes[i] = hash ^ hash >> 29;
        note(l, hashes[i], NOTICE_EVICTED, 1);
        note(l, hashes[i / 2], NOTICE_EVICTED, 1); /* dying again takes no more room */
    }
    for (int i = 0; i < 65536; i++)
        known += ledger_class_of(l, hashes[i]) == LEDGER_EVICTED;
    assert_true(known > 65536 * 9 / 10);
    ledger_free(l);
}

static void
without_memory_a_death_is_lost_and_nothing_else(void **state)
{
    struct ledger_death out[4];
    struct refusing r = { .until = 0 };
    (void)state;
    assert_null(ledger_of(&r, 1000));
    atomic_store(&r.until, -1);
    struct ledger *l = ledger_of(&r, 1000);
    atomic_store(&r.until, 0);
    note(l, 5, NOTICE_DELETED, 100);
    assert_int_equal(l->rings[0].lost, 1);
    assert_int_equal(ledger_find(l, 5, out, 4), 0);
    assert_int_equal(ledger_class_of(l, 5), LEDGER_COLD);
    atomic_store(&r.until, -1);
    note(l, 5, NOTICE_DELETED, 200);
    assert_int_equal(ledger_find(l, 5, out, 4), 1);
    ledger_free(l);
    assert_int_equal(atomic_load(&r.in_use), 0);
}

struct noter {
    struct ledger *ledger;
    uint64_t first;
    struct thread thread;
};

static void *
note_many(void *ud)
{
    struct noter *n = ud;
    for (uint64_t i = 0; i < PER_THREAD; i++) {
        note(n->ledger, n->first + i, NOTICE_EVICTED, (int64_t)i);
        (void)ledger_class_of(n->ledger, i * 17); /* whatever it is just now */
    }
    return NULL;
}

static void
threads_note_at_once(void **state)
{
    struct noter noters[THREADS];
    struct refusing r = { .until = -1 };
    struct ledger_death out[4];
    (void)state;
    struct ledger *l = ledger_of(&r, THREADS * PER_THREAD * 2);
    for (unsigned i = 0; i < THREADS; i++) {
        noters[i] = (struct noter){ .ledger = l, .first = (i + 1) * UINT64_C(1000000) };
        assert_true(thread_start(&noters[i].thread, "note", note_many, &noters[i]));
    }
    for (int i = 0; i < 200; i++)
        assert_true(ledger_find(l, 1000000, out, 4) <= 1);
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&noters[i].thread);
    for (unsigned i = 0; i < THREADS; i++)
        for (uint64_t k = 0; k < PER_THREAD; k++) {
            assert_int_equal(ledger_find(l, noters[i].first + k, out, 4), 1);
            assert_int_equal(ledger_at_ms(&out[0]), k);
        }
    ledger_free(l);
}

/* Only what somebody asked for has his id, the ring of ids is bounded, and without memory for it
 * the death is still noted. */
static void
whose_doing_it_was_is_known_for_a_while(void **state)
{
    struct ledger_death out[4];
    char id[TRACE_MAX + 1];
    struct refusing r = { .until = -1 };
    (void)state;
    struct ledger *l = ledger_of(&r, 100000);
    note(l, 1, NOTICE_DELETED, 10);
    uint64_t before = ledger_bytes(l);
    trace_set("request-7");
    r.until = 0;
    note(l, 1, NOTICE_DELETED, 11);
    r.until = -1;
    assert_int_equal(ledger_bytes(l), before);
    note(l, 1, NOTICE_DELETED, 20);
    note(l, 1, NOTICE_EXPIRED, 30);
    note(l, 1, NOTICE_EVICTED, 40);
    note(l, 0, NOTICE_CLEARED, 50);
    trace_set(NULL);
    assert_true(ledger_bytes(l) > before);
    static const char *const want[] = { "request-7", "", "", "request-7" };
    assert_int_equal(ledger_find(l, 1, out, 4), 4);
    for (int i = 0; i < 4; i++) {
        ledger_trace_of(l, &out[i], id);
        assert_string_equal(id, want[i]);
    }
    trace_set("another");
    for (uint64_t i = 0; i < LEDGER_TRACES; i++)
        note(l, 1000 + i, NOTICE_DELETED, 60);
    trace_set(NULL);
    ledger_trace_of(l, &out[3], id);
    assert_string_equal(id, "");
    assert_int_equal(ledger_find(l, 1000, out, 1), 1);
    ledger_trace_of(l, &out[0], id);
    assert_string_equal(id, "another");
    ledger_free(l);
    assert_int_equal(r.in_use, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_of_what_never_died),
        cmocka_unit_test(deaths_are_found_newest_first),
        cmocka_unit_test(the_oldest_go_when_it_is_full),
        cmocka_unit_test(old_deaths_in_a_large_ring_are_found),
        cmocka_unit_test(clears_stand_where_their_time_wants_them),
        cmocka_unit_test(what_happens_in_one_millisecond_keeps_its_order),
        cmocka_unit_test(marks_of_different_keys_are_told_apart),
        cmocka_unit_test(marks_last_as_long_as_deaths),
        cmocka_unit_test(without_memory_a_death_is_lost_and_nothing_else),
        cmocka_unit_test(whose_doing_it_was_is_known_for_a_while),
        cmocka_unit_test(threads_note_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
