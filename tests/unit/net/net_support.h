/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of messages between clients share: a mailbox whose wake-ups are counted, receivers
 * without connections, and an allocator that fails on order. The tests read letters where a worker
 * would. Included by each test program once.
 */
#ifndef ATTL_TESTS_NET_SUPPORT_H
#define ATTL_TESTS_NET_SUPPORT_H

#include "net/receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { WALK_MOST = 1000 };

/* ---- memory that fails on order ---- */

static long fail_in; /* the how-manieth allocation from now on fails; 0: none */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *ptr, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *ptr, size_t bytes);

static bool
fails(void)
{
    return fail_in > 0 && --fail_in == 0;
}

/* ---- a mailbox and receivers ---- */

struct post {
    struct mailbox mailbox;
    struct receiver_limits limits;
    struct letters letters;
    size_t next; /* in letters */
    unsigned wakes;
};

static void
count_wake(void *ud)
{
    ((struct post *)ud)->wakes++;
}

static inline void
post_init(struct post *p)
{
    memset(p, 0, sizeof *p);
    mailbox_init(&p->mailbox);
    mailbox_open(&p->mailbox, count_wake, p);
    atomic_store(&p->limits.push_bytes, 1 << 20);
    atomic_store(&p->limits.invalid_bytes, 1 << 20);
}

static inline void
post_fini(struct post *p)
{
    mailbox_close(&p->mailbox);
    letters_fini(&p->letters);
    mailbox_fini(&p->mailbox);
}

static inline struct receiver *
post_receiver(struct post *p, uint64_t id)
{
    struct receiver *r = receiver_new(id, &p->mailbox, &p->limits, NULL);
    assert_non_null(r);
    atomic_store(&r->tracks, true);
    return r;
}

/* The next letter, which lives until the one after it is asked for; NULL: there is none. */
static inline const struct letter *
post_next(struct post *p)
{
    if (p->next == p->letters.len) {
        for (size_t i = 0; i < p->letters.len; i++)
            letter_drop(&p->letters.items[i]);
        p->letters.len = p->next = 0;
        mailbox_take(&p->mailbox, &p->letters);
    }
    if (p->next == p->letters.len)
        return NULL;
    const struct letter *letter = &p->letters.items[p->next++];
    if (letter->to)
        atomic_fetch_sub(&letter->to->pending_bytes,
                         sizeof *letter + (letter->message ? letter->message->len : 0));
    return letter;
}

static inline void
expect_letter(struct post *p, const struct receiver *to, enum letter_kind kind, const char *text)
{
    const struct letter *letter = post_next(p);
    assert_non_null(letter);
    assert_ptr_equal(letter->to, to);
    assert_int_equal(letter->kind, kind);
    assert_int_equal(letter->message->len, strlen(text));
    assert_memory_equal(letter->message->data, text, strlen(text));
}

static inline void
expect_none(struct post *p)
{
    assert_null(post_next(p));
}

#endif
