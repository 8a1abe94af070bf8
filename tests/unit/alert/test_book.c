/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The book of deliveries on simulated time: order, superseding, pauses, bounds. The last test does
 * random things for a while and checks after each that the counters are what the entries say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alert/book.h"
#include "support/check.h"
#include "support/rng.h"

static const struct post_result taken = { .outcome = POST_TAKEN, .http_code = 204 };
static const struct post_result again = { .outcome = POST_AGAIN, .problem = "nobody is there" };
static const struct post_result final = { .outcome = POST_FINAL, .http_code = 403 };

static struct book_time
at(int64_t ms)
{
    return (struct book_time){ .mono_ms = ms, .wall_ms = 1000000 + ms };
}

static int
setup(void **state)
{
    static struct book book;
    book_init(&book);
    book.rules = (struct book_rules){ .tries = 3, .backoff_ms = 1000, .backoff_max_ms = 60000 };
    *state = &book;
    return 0;
}

static int
teardown(void **state)
{
    book_fini(*state);
    return 0;
}

static struct book_entry *
add(struct book *b, unsigned target, uint64_t incident, int64_t ms)
{
    struct book_entry *e = book_add(b, target, incident, at(ms));
    if (e) {
        buf_init(&e->body, 100);
        buf_append_str(&e->body, "body");
        e->shown.event = "open";
    }
    return e;
}

/* Sends what is next for target 0; its id. */
static uint64_t
send_next(struct book *b, const struct post_result *result, int64_t ms)
{
    int64_t due_ms;
    struct book_entry *e = book_next(b, 0, ms, &due_ms);
    assert_non_null(e);
    uint64_t id = e->shown.id;
    book_begin(b, e, at(ms));
    book_end(b, e, result, at(ms));
    return id;
}

static void
deliveries_go_in_order(void **state)
{
    struct book *b = *state;
    add(b, 0, 1, 0);
    add(b, 1, 1, 0);
    add(b, 0, 2, 0);
    assert_int_equal(send_next(b, &taken, 1), 1);
    assert_int_equal(send_next(b, &taken, 2), 3);
    int64_t due_ms;
    assert_null(book_next(b, 0, 3, &due_ms));
    assert_true(due_ms == INT64_MAX);
    assert_non_null(book_next(b, 1, 3, &due_ms));
    assert_int_equal(b->stats.delivered, 2);
}

static void
a_failed_one_is_tried_again_later_and_holds_up_what_is_behind_it(void **state)
{
    struct book *b = *state;
    int64_t due_ms;
    add(b, 0, 1, 0);
    add(b, 0, 2, 0);
    assert_int_equal(send_next(b, &again, 0), 1);
    assert_null(book_next(b, 0, 100, &due_ms));
    assert_in_range(due_ms, 800, 1200);
    assert_int_equal(send_next(b, &again, due_ms), 1);
    int64_t second_ms = due_ms;
    assert_null(book_next(b, 0, second_ms, &due_ms));
    assert_in_range(due_ms - second_ms, 1600, 2400);
    assert_int_equal(send_next(b, &again, due_ms), 1); /* the third and last */
    assert_int_equal(b->stats.gave_up, 1);
    assert_int_equal(send_next(b, &taken, due_ms), 2);
}

static void
a_refusal_that_will_not_change_is_final(void **state)
{
    struct book *b = *state;
    add(b, 0, 1, 0);
    send_next(b, &final, 0);
    assert_int_equal(b->stats.gave_up, 1);
    assert_int_equal(b->waiting[0], 0);
    struct alert_delivery d;
    assert_int_equal(book_list(b, &d, 1), 1);
    assert_int_equal(d.state, ALERT_GAVE_UP);
    assert_int_equal(d.http_code, 403);
    assert_int_equal(d.next_ms, 0);
}

static void
a_newer_change_supersedes_what_waits(void **state)
{
    struct book *b = *state;
    add(b, 0, 1, 0);
    add(b, 0, 2, 0);
    add(b, 1, 1, 0);
    struct book_entry *newer = add(b, 0, 1, 1);
    assert_int_equal(b->stats.superseded, 1);
    assert_int_equal(send_next(b, &taken, 2), 2);
    assert_int_equal(send_next(b, &taken, 2), newer->shown.id);
    assert_int_equal(b->waiting[1], 1); /* another target has its own */
    add(b, 0, 0, 3);                    /* tests are no incident */
    add(b, 0, 0, 3);
    assert_int_equal(b->waiting[0], 2);
}

static void
one_that_fails_while_a_newer_waits_is_not_tried_again(void **state)
{
    struct book *b = *state;
    struct book_entry *first = add(b, 0, 1, 0);
    book_begin(b, first, at(0));
    struct book_entry *second = add(b, 0, 1, 1);
    assert_int_equal(first->shown.state, ALERT_SENDING); /* is the sender's until it has ended */
    book_end(b, first, &again, at(2));
    assert_int_equal(first->shown.state, ALERT_SUPERSEDED);
    assert_int_equal(send_next(b, &taken, 3), second->shown.id);
}

static void
too_many_are_dropped_and_counted(void **state)
{
    struct book *b = *state;
    for (unsigned target = 0; target < ALERT_TARGETS_MAX; target++)
        for (uint64_t i = 1; i <= ALERT_WAITING_MAX; i++)
            assert_non_null(add(b, target, i, 0));
    assert_null(add(b, 0, ALERT_WAITING_MAX + 1, 0));
    assert_int_equal(b->stats.dropped, 1);
    assert_non_null(add(b, 0, 1, 0)); /* in place of what it supersedes */
    assert_int_equal(book_give_up(b, at(1)), ALERT_TARGETS_MAX * ALERT_WAITING_MAX);
    assert_int_equal(b->waiting[0], 0);
}

static void
without_memory_for_the_body_it_is_as_if_it_had_not_been(void **state)
{
    struct book *b = *state;
    book_cancel(b, add(b, 0, 1, 0));
    assert_int_equal(b->waiting[0], 0);
    assert_int_equal(b->stats.dropped, 1);
    struct alert_delivery d;
    assert_int_equal(book_list(b, &d, 1), 0);
}

static void
pauses_double_up_to_a_maximum_and_follow_retry_after(void **state)
{
    const struct book *b = *state;
    for (uint64_t id = 1; id < 200; id++) {
        int64_t want_ms = 1000;
        for (unsigned attempts = 1; attempts < 100; attempts++) {
            int64_t ms = book_pause_ms(&b->rules, id, attempts, 0);
            int64_t most_ms = want_ms * 12 / 10;
            assert_in_range(ms, want_ms * 8 / 10, most_ms > 60000 ? 60000 : most_ms);
            want_ms = want_ms * 2 > 60000 ? 60000 : want_ms * 2;
        }
    }
    assert_int_equal(book_pause_ms(&b->rules, 1, 1, 30000), 30000);
    assert_int_equal(book_pause_ms(&b->rules, 1, 1, 9000000), 60000);
}

static void
check_counts(const struct book *b)
{
    unsigned waiting[ALERT_TARGETS_MAX] = { 0 };
    for (size_t i = 0; i < ALERT_REMEMBERED; i++) {
        const struct book_entry *e = &b->entries[i];
        bool open = e->shown.id &&
                    (e->shown.state == ALERT_WAITING || e->shown.state == ALERT_SENDING);
        waiting[e->target] += open;
        assert_true(open || e->body.data == NULL);
    }
    for (unsigned t = 0; t < ALERT_TARGETS_MAX; t++) {
        assert_int_equal(waiting[t], b->waiting[t]);
        assert_in_range(waiting[t], 0, ALERT_WAITING_MAX);
    }
}

static void
counters_agree_with_the_entries_whatever_happens(void **state)
{
    struct book *b = *state;
    struct rng rng = rng_from_seed(test_seed());
    int64_t ms = 0, due_ms;
    for (unsigned i = 0; i < 20000; i++, ms += (int64_t)(rng_u64(&rng) % 200)) {
        unsigned target = (unsigned)(rng_u64(&rng) % ALERT_TARGETS_MAX);
        if (rng_u64(&rng) % 3 == 0)
            (void)add(b, target, 1 + rng_u64(&rng) % 100, ms);
        struct book_entry *e = book_next(b, target, ms, &due_ms);
        if (e) {
            static const struct post_result *const results[] = { &taken, &again, &again, &final };
            book_begin(b, e, at(ms));
            book_end(b, e, results[rng_u64(&rng) % 4], at(ms));
        }
        if (i % 100 == 0)
            check_counts(b);
    }
    struct alert_delivery list[ALERT_REMEMBERED];
    size_t n = book_list(b, list, ALERT_REMEMBERED);
    for (size_t i = 1; i < n; i++)
        assert_true(list[i].id < list[i - 1].id);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(deliveries_go_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_failed_one_is_tried_again_later_and_holds_up_what_is_behind_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_that_will_not_change_is_final, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_change_supersedes_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_fails_while_a_newer_waits_is_not_tried_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_are_dropped_and_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(without_memory_for_the_body_it_is_as_if_it_had_not_been,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(pauses_double_up_to_a_maximum_and_follow_retry_after, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(counters_agree_with_the_entries_whatever_happens, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
