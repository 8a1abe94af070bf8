/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receivers that cannot keep up: which mark is set, that the worker is told to look, and that
 * nothing is sent any more to one that has gone. The worker is the test.
 */
#include "net/receiver.h"

#include "net_support.h"

void *
__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *
__wrap_calloc(size_t n, size_t bytes)
{
    return fails() ? NULL : __real_calloc(n, bytes);
}

void *
__wrap_realloc(void *ptr, size_t bytes)
{
    return fails() ? NULL : __real_realloc(ptr, bytes);
}

static void
send(struct receiver *r, enum letter_kind kind, const char *text)
{
    struct message *m = message_copy(attl_s(text));
    assert_non_null(m);
    receiver_send(r, kind, m);
    message_free(m);
}

static void
what_does_not_fit_marks_the_receiver(void **state)
{
    (void)state;
    struct post p;
    post_init(&p);
    struct receiver *r = post_receiver(&p, 1);
    atomic_store(&p.limits.push_bytes, 2 * sizeof(struct letter) + 2);
    atomic_store(&p.limits.invalid_bytes, 2 * sizeof(struct letter) + 2);
    send(r, LETTER_PUSH, "a");
    assert_false(atomic_load(&p.mailbox.attention));
    send(r, LETTER_PUSH, "too long");
    assert_true(atomic_load(&r->overrun));
    assert_true(atomic_exchange(&p.mailbox.attention, false));
    send(r, LETTER_PUSH, "b"); /* it would fit, but what is before it is missing */
    send(r, LETTER_INVALIDATE, "c");
    send(r, LETTER_BROADCAST, "too much");
    assert_true(atomic_load(&r->forget));
    assert_false(atomic_load(&r->forget_for));
    send(r, LETTER_INVALIDATE, "d"); /* covered by the mark */
    send(r, LETTER_REDIRECTED, "too much");
    assert_true(atomic_load(&r->forget_for));
    expect_letter(&p, r, LETTER_PUSH, "a");
    expect_letter(&p, r, LETTER_INVALIDATE, "c");
    expect_none(&p);
    assert_int_equal(atomic_load(&r->pending_bytes), 0);
    atomic_store(&r->forget, false);
    send(r, LETTER_BROADCAST, "e");
    expect_letter(&p, r, LETTER_BROADCAST, "e");
    receiver_free(r);
    post_fini(&p);
}

static void
without_memory_it_is_marked_as_well(void **state)
{
    (void)state;
    struct post p;
    post_init(&p);
    struct receiver *r = post_receiver(&p, 1);
    struct message *m = message_copy(attl_s("x"));
    fail_in = 1;
    receiver_send(r, LETTER_REDIRECTED_BROADCAST, m);
    assert_true(atomic_load(&r->forget_for));
    assert_int_equal(atomic_load(&r->pending_bytes), 0);
    receiver_forget_all(r);
    assert_true(atomic_load(&r->forget));
    message_free(m);
    receiver_free(r);
    post_fini(&p);
}

static void
one_that_has_gone_gets_nothing(void **state)
{
    (void)state;
    struct post p;
    post_init(&p);
    struct receiver *r = post_receiver(&p, 1);
    send(r, LETTER_PUSH, "a");
    atomic_store(&r->closed, true);
    send(r, LETTER_PUSH, "b");
    receiver_free(r); /* the letter still holds it */
    assert_int_equal(post_next(&p)->message->data[0], 'a');
    expect_none(&p);
    post_fini(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_marks_the_receiver),
        cmocka_unit_test(without_memory_it_is_marked_as_well),
        cmocka_unit_test(one_that_has_gone_gets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
