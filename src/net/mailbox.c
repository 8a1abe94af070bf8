/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker says that it sleeps first and looks at the count of letters afterwards; whoever puts
 * one in makes the count visible first and looks whether the worker sleeps afterwards. Whichever
 * comes second sees the other, so no letter is forgotten, and while the worker is awake a letter
 * costs no system call. The bytes of a message that goes to many receivers in a row are counted
 * once, because they are there once.
 */
#include "net/mailbox.h"

#include "base/assert.h"
#include "net/receiver.h"

#include <stdlib.h>

enum { LETTERS_FIRST = 64 };

struct message *
message_new(size_t len)
{
    struct message *m = malloc(sizeof *m + len);
    if (!m)
        return NULL;
    atomic_init(&m->refs, 1);
    m->tag = 0;
    m->len = len;
    return m;
}

struct message *
message_copy(attl_slice bytes)
{
    struct message *m = message_new(bytes.len);
    if (m && bytes.len > 0)
        memcpy(m->data, bytes.data, bytes.len);
    return m;
}

void
message_free(struct message *m)
{
    if (m && atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1)
        free(m);
}

void
letter_drop(struct letter *letter)
{
    message_free(letter->message);
    if (letter->to)
        receiver_free(letter->to);
    letter->message = NULL;
    letter->to = NULL;
}

void
letters_fini(struct letters *letters)
{
    for (size_t i = 0; i < letters->len; i++)
        letter_drop(&letters->items[i]);
    free(letters->items);
    *letters = (struct letters){ NULL, 0, 0 };
}

void
mailbox_init(struct mailbox *m)
{
    *m = (struct mailbox){ .wake = NULL };
    lock_init(&m->lock);
}

void
mailbox_fini(struct mailbox *m)
{
    letters_fini(&m->letters);
}

void
mailbox_open(struct mailbox *m, void (*wake)(void *ud), void *ud)
{
    lock_acquire(&m->lock);
    m->wake = wake;
    m->wake_ud = ud;
    atomic_store(&m->awake, false);
    lock_release(&m->lock);
}

void
mailbox_close(struct mailbox *m)
{
    struct letters rest = { NULL, 0, 0 };
    lock_acquire(&m->lock);
    m->wake = NULL;
    lock_release(&m->lock);
    mailbox_take(m, &rest);
    letters_fini(&rest);
}

static bool
letters_reserve(struct letters *letters)
{
    if (letters->len < letters->cap)
        return true;
    if (letters->len >= MAILBOX_LETTERS_MAX)
        return false;
    size_t cap = letters->cap ? 2 * letters->cap : LETTERS_FIRST;
    struct letter *items = realloc(letters->items, cap * sizeof *items);
    if (!items)
        return false;
    letters->items = items;
    letters->cap = cap;
    return true;
}

/* What the letter adds to the bytes inside. */
static size_t
letter_bytes(const struct letters *letters, const struct letter *letter)
{
    if (!letter->message)
        return 0;
    if (letters->len > 0 && letters->items[letters->len - 1].message == letter->message)
        return 0;
    return letter->message->len;
}

/* REQUIRES the lock, so that mailbox_close() can promise that nobody wakes any more. */
static void
wake(struct mailbox *m)
{
    if (m->wake && !atomic_load(&m->awake) && !atomic_exchange(&m->awake, true))
        m->wake(m->wake_ud);
}

bool
mailbox_put(struct mailbox *m, const struct letter *letter)
{
    lock_acquire(&m->lock);
    struct letters *letters = &m->letters;
    size_t bytes = letter_bytes(letters, letter);
    bool fits = m->wake && m->bytes + bytes <= MAILBOX_BYTES_MAX && letters_reserve(letters);
    if (fits) {
        if (letter->message)
            atomic_fetch_add_explicit(&letter->message->refs, 1, memory_order_relaxed);
        if (letter->to)
            receiver_keep(letter->to);
        letters->items[letters->len++] = *letter;
        m->bytes += bytes;
        atomic_store(&m->waiting, letters->len);
        wake(m);
    }
    lock_release(&m->lock);
    return fits;
}

void
mailbox_attend(struct mailbox *m)
{
    lock_acquire(&m->lock);
    atomic_store(&m->attention, true);
    wake(m);
    lock_release(&m->lock);
}

void
mailbox_take(struct mailbox *m, struct letters *into)
{
    ASSERT(into->len == 0);
    if (into->cap > MAILBOX_KEPT_LETTERS) {
        free(into->items);
        *into = (struct letters){ NULL, 0, 0 };
    }
    lock_acquire(&m->lock);
    struct letters taken = m->letters;
    m->letters = *into;
    m->bytes = 0;
    atomic_store(&m->waiting, 0);
    lock_release(&m->lock);
    *into = taken;
}

bool
mailbox_sleep(struct mailbox *m)
{
    atomic_store(&m->awake, false);
    if (!mailbox_has_news(m))
        return true;
    atomic_store(&m->awake, true);
    return false;
}
