/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mailbox by itself: letters in order, one wake-up per sleep, and what happens when one does not
 * fit or nobody is there. Receivers are counted, so that no letter keeps one alive or loses it.
 * Two threads put letters in while a third takes them.
 */
#include "net/mailbox.h"

#include "net_support.h"

#include "os/thread.h"

enum { PUTTERS = 2, LETTERS_EACH = 20000 };

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
letters_come_in_order_and_wake_a_sleeper_once(void **state)
{
    (void)state;
    struct post p;
    post_init(&p);
    struct receiver *r = post_receiver(&p, 1);
    assert_true(mailbox_sleep(&p.mailbox));
    for (int i = 0; i < 3; i++) {
        struct message *m = message_copy(attl_b(&"abc"[i], 1));
        receiver_send(r, LETTER_PUSH, m);
        message_free(m);
    }
    assert_int_equal(p.wakes, 1);
    assert_false(mailbox_sleep(&p.mailbox)); /* there is something to do */
    expect_letter(&p, r, LETTER_PUSH, "a");
    expect_letter(&p, r, LETTER_PUSH, "b");
    expect_letter(&p, r, LETTER_PUSH, "c");
    expect_none(&p);
    assert_true(mailbox_sleep(&p.mailbox));
    mailbox_attend(&p.mailbox);
    assert_int_equal(p.wakes, 2);
    assert_false(mailbox_sleep(&p.mailbox));
    assert_int_equal(atomic_load(&r->refs), 1);
    receiver_free(r);
    post_fini(&p);
}

static void
letters_beyond_the_bytes_are_refused(void **state)
{
    (void)state;
    struct post p;
    post_init(&p);
    struct message *m = message_copy(attl_s("x"));
    m->len = MAILBOX_BYTES_MAX / 2 + 1; /* nobody reads them */
    struct message *other = message_copy(attl_s("y"));
    other->len = m->len;
    struct letter letter = { NULL, m, LETTER_EVENT };
    assert_true(mailbox_put(&p.mailbox, &letter));
    assert_true(mailbox_put(&p.mailbox, &letter)); /* the same bytes again cost nothing */
    letter.message = other;
    assert_false(mailbox_put(&p.mailbox, &letter));
    assert_int_equal(atomic_load(&other->refs), 1);
    assert_non_null(post_next(&p));
    assert_true(mailbox_put(&p.mailbox, &letter)); /* room again */
    message_free(m);
    message_free(other);
    post_fini(&p);
}

static void
letters_beyond_their_number_are_refused(void **state)
{
    (void)state;
    struct post p;
    post_init(&p);
    struct letter letter = { NULL, NULL, LETTER_EVENT };
    for (size_t i = 0; i < MAILBOX_LETTERS_MAX; i++)
        assert_true(mailbox_put(&p.mailbox, &letter));
    assert_false(mailbox_put(&p.mailbox, &letter));
    assert_int_equal(atomic_load(&p.mailbox.waiting), MAILBOX_LETTERS_MAX);
    assert_non_null(post_next(&p));
    assert_true(mailbox_put(&p.mailbox, &letter));
    post_fini(&p);
}

static void
a_closed_mailbox_takes_nothing_and_wakes_nobody(void **state)
{
    (void)state;
    struct post p;
    post_init(&p);
    struct receiver *r = post_receiver(&p, 1);
    struct message *m = message_copy(attl_s("x"));
    receiver_send(r, LETTER_PUSH, m);
    unsigned wakes = p.wakes;
    mailbox_close(&p.mailbox);
    assert_int_equal(atomic_load(&r->refs), 1); /* the letter inside is gone */
    struct letter letter = { r, m, LETTER_PUSH };
    assert_false(mailbox_put(&p.mailbox, &letter));
    mailbox_attend(&p.mailbox);
    assert_int_equal(p.wakes, wakes);
    assert_int_equal(atomic_load(&m->refs), 1);
    message_free(m);
    receiver_free(r);
    post_fini(&p);
}

static void
without_memory_a_letter_is_refused(void **state)
{
    (void)state;
    struct post p;
    post_init(&p);
    struct letter letter = { NULL, NULL, LETTER_EVENT };
    fail_in = 1;
    assert_false(mailbox_put(&p.mailbox, &letter));
    assert_true(mailbox_put(&p.mailbox, &letter));
    fail_in = 1;
    assert_null(message_copy(attl_s("x")));
    fail_in = 1;
    assert_null(receiver_new(1, &p.mailbox, &p.limits, NULL));
    post_fini(&p);
}

struct putter {
    struct post *post;
    struct receiver *r;
};

static void *
put_letters(void *arg)
{
    struct putter *putter = arg;
    for (uint32_t i = 0; i < LETTERS_EACH; i++) {
        struct message *m = message_copy(attl_b(&i, sizeof i));
        struct letter letter = { putter->r, m, LETTER_PUSH };
        assert_non_null(m);
        assert_true(mailbox_put(&putter->post->mailbox, &letter));
        message_free(m);
    }
    return NULL;
}

static void
letters_of_one_thread_stay_in_order(void **state)
{
    (void)state;
    struct post p;
    post_init(&p);
    struct putter putters[PUTTERS];
    struct thread threads[PUTTERS];
    uint32_t next[PUTTERS] = { 0 };
    memset(threads, 0, sizeof threads);
    for (size_t i = 0; i < PUTTERS; i++) {
        putters[i] = (struct putter){ &p, post_receiver(&p, i) };
        assert_true(thread_start(&threads[i], "putter", put_letters, &putters[i]));
    }
    for (size_t got = 0; got < (size_t)PUTTERS * LETTERS_EACH;) {
        const struct letter *letter = post_next(&p);
        if (!letter)
            continue;
        uint32_t number;
        memcpy(&number, letter->message->data, sizeof number);
        assert_int_equal(number, next[letter->to->id]);
        next[letter->to->id]++;
        got++;
    }
    expect_none(&p);
    for (size_t i = 0; i < PUTTERS; i++) {
        thread_join(&threads[i]);
        receiver_free(putters[i].r);
    }
    post_fini(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_come_in_order_and_wake_a_sleeper_once),
        cmocka_unit_test(letters_beyond_the_bytes_are_refused),
        cmocka_unit_test(letters_beyond_their_number_are_refused),
        cmocka_unit_test(a_closed_mailbox_takes_nothing_and_wakes_nobody),
        cmocka_unit_test(without_memory_a_letter_is_refused),
        cmocka_unit_test(letters_of_one_thread_stay_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
