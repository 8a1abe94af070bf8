/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queue and thread. An item is one allocation with copies of its texts, so that the caller's
 * buffers are free at once; the thread takes all of them in one go, which makes one sync for many.
 * Whoever waits does so on a place of his own stack, which the thread touches under the lock only,
 * so that he may give up after a while. The lock is held for a few instructions; nobody writes
 * under it. `writer` belongs to the thread alone.
 */
#include "audit/audit.h"

#include "audit/own.h"
#include "base/alloc.h"
#include "os/clock.h"
#include "os/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { WORD_BYTES = 32 };

static int64_t
now_us(const struct audit *a)
{
    return a->now_us ? a->now_us(a->ud) : clock_wall_us();
}

/* ---- items ---- */

static struct audit_item *
item_new(struct audit *a, const struct audit_record *r)
{
    size_t bytes = sizeof(struct audit_item);
    for (int i = 0; i < AUDIT_TEXTS; i++)
        bytes += r->text[i].len;
    struct audit_item *item = alloc_zero(&a->alloc, bytes);
    if (!item)
        return NULL;
    item->bytes = bytes;
    item->record = *r;
    if (item->record.time_us == 0)
        item->record.time_us = now_us(a);
    char *at = item->texts;
    for (int i = 0; i < AUDIT_TEXTS; i++) {
        size_t len = r->text[i].len;
        if (len)
            memcpy(at, r->text[i].data, len);
        item->record.text[i] = attl_b(at, len);
        at += len;
    }
    return item;
}

/* Appends the item, if there is room; REQUIRES the lock. */
static bool
enqueue(struct audit *a, struct audit_item *item)
{
    if (a->waiting >= a->queue_max || a->waiting_bytes + item->bytes > AUDIT_QUEUE_BYTES)
        return false;
    *a->last = item;
    a->last = &item->next;
    a->waiting++;
    a->waiting_bytes += item->bytes;
    return true;
}

static void
count_lost(struct audit *a)
{
    lock_acquire(&a->lock);
    a->stats.lost++;
    a->untold_lost++;
    lock_release(&a->lock);
    parker_wake(&a->parker); /* it says so in a line, when it can */
}

static bool
put(struct audit *a, const struct audit_record *r, struct audit_wait *wait)
{
    struct audit_item *item = item_new(a, r);
    if (!item)
        return false;
    item->wait = wait;
    lock_acquire(&a->lock);
    bool taken = enqueue(a, item);
    lock_release(&a->lock);
    if (taken)
        parker_wake(&a->parker);
    else
        alloc_free(&a->alloc, item);
    return taken;
}

bool
audit_put(struct audit *a, const struct audit_record *r)
{
    if (put(a, r, NULL))
        return true;
    count_lost(a);
    return false;
}

/* ---- waiting ---- */

/* Nobody will answer any more: the item, if it still waits, forgets him. REQUIRES the lock. */
static void
give_up(struct audit *a, struct audit_wait *wait)
{
    for (struct audit_item *i = a->first; i; i = i->next)
        if (i->wait == wait)
            i->wait = NULL;
    for (struct audit_item *i = a->taken; i; i = i->next)
        if (i->wait == wait)
            i->wait = NULL;
}

static bool
wait_for(struct audit *a, struct audit_wait *wait)
{
    int64_t end_ns = clock_mono_ns() + (int64_t)AUDIT_WAIT_MS * 1000000;
    for (;;) {
        lock_acquire(&a->lock);
        int64_t left_ns = end_ns - clock_mono_ns();
        bool done = wait->done;
        if (!done && left_ns <= 0)
            give_up(a, wait);
        lock_release(&a->lock);
        if (done || left_ns <= 0)
            return done && wait->written;
        parker_sleep(&wait->parker, left_ns / 1000000 + 1);
    }
}

bool
audit_put_wait(struct audit *a, const struct audit_record *r)
{
    struct audit_wait wait = { .done = false };
    parker_init(&wait.parker);
    return put(a, r, &wait) && wait_for(a, &wait);
}

void
audit_flush(struct audit *a)
{
    struct audit_wait wait = { .done = false };
    parker_init(&wait.parker);
    struct audit_item *item = alloc_zero(&a->alloc, sizeof *item);
    if (!item)
        return;
    item->wait = &wait;
    item->order = AUDIT_ORDER_NONE;
    lock_acquire(&a->lock);
    *a->last = item; /* also if the queue is full */
    a->last = &item->next;
    lock_release(&a->lock);
    parker_wake(&a->parker);
    (void)wait_for(a, &wait);
}

void
audit_rotate(struct audit *a)
{
    lock_acquire(&a->lock);
    a->rotate = true;
    lock_release(&a->lock);
}

void
audit_refused(struct audit *a)
{
    lock_acquire(&a->lock);
    a->stats.refused++;
    a->untold_refused++;
    lock_release(&a->lock);
}

bool
audit_is_closed(const struct audit *a)
{
    return atomic_load_explicit(&a->fail_closed, memory_order_relaxed);
}

void
audit_hide(const struct audit *a, attl_slice key, struct buf *out)
{
    char text[AUDIT_MASK_CHARS + 1];
    if (a->plain_keys)
        buf_append(out, key.data, key.len);
    else if (audit_mask(&a->mask, key, text))
        buf_printf(out, "#%s", text);
    else
        buf_append_str(out, "#?");
}

bool
audit_has_writes(const struct audit *a)
{
    return a->writes[0] != '\0';
}

bool
audit_wants(const struct audit *a, attl_slice key)
{
    const char *at = a->writes;
    while (*at) {
        size_t len = strcspn(at, " ");
        bool all = len == 1 && *at == '*';
        if (all || (len > 0 && key.len >= len && memcmp(key.data, at, len) == 0))
            return true;
        at += len + (at[len] == ' ');
    }
    return false;
}

void
audit_stats_get(struct audit *a, struct audit_stats *ret)
{
    lock_acquire(&a->lock);
    *ret = a->stats;
    ret->waiting = a->waiting;
    ret->fail_closed = audit_is_closed(a);
    ret->sync = a->rules.sync;
    lock_release(&a->lock);
    ret->keyed = a->key.len > 0;
    ret->dir = a->dir;
    ret->writes = a->writes;
}

void
audit_configure(struct audit *a, const struct audit_settings *s)
{
    lock_acquire(&a->lock);
    a->rules = (struct audit_rules){ .rotate_bytes = s->rotate_bytes,
                                     .rotate_ms = s->rotate_ms,
                                     .keep_files = s->keep_files,
                                     .keep_ms = s->keep_ms,
                                     .sync = s->sync };
    a->queue_max = s->queue;
    lock_release(&a->lock);
    atomic_store_explicit(&a->fail_closed, s->fail_closed, memory_order_relaxed);
}

/* ---- opening ---- */

static int
prepare(struct audit *a, const struct audit_settings *s, char *err, size_t err_len)
{
    unsigned char random[AUDIT_HASH_BYTES] = { 0 };
    lock_init(&a->lock);
    parker_init(&a->parker);
    a->last = &a->first;
    a->told = s->told;
    a->ud = s->ud;
    a->now_us = s->now_us;
    a->plain_keys = s->plain_keys;
    a->disk = a->given = s->disk;
    (void)snprintf(a->dir, sizeof a->dir, "%s", s->dir ? s->dir : ""); /* bounded by the option */
    (void)snprintf(a->writes, sizeof a->writes, "%s", s->writes ? s->writes : ""); /* bounded */
    audit_configure(a, s);
    if (s->key_file && s->key_file[0] && !audit_key_load(&a->key, s->key_file, err, err_len))
        return ATTL_E_CONFIG;
    bool hidden = process_random(random, sizeof random) &&
                  audit_mask_make(&a->key, random, &a->mask);
    explicit_bzero(random, sizeof random);
    return hidden ? ATTL_OK : ATTL_E_NOMEM;
}

int
audit_open(struct audit **ret, const attl_allocator *alloc, const struct audit_settings *s,
           char *err, size_t err_len)
{
    struct audit *a = alloc_zero(alloc, sizeof *a);
    *ret = NULL;
    if (!a)
        return ATTL_E_NOMEM;
    a->alloc = *alloc;
    int status = prepare(a, s, err, err_len);
    if (status == ATTL_OK)
        status = audit_thread_start(a, err, err_len);
    if (status == ATTL_OK) {
        *ret = a;
        return ATTL_OK;
    }
    audit_close(&a);
    return status;
}

void
audit_close(struct audit **pa)
{
    struct audit *a = *pa;
    if (!a)
        return;
    *pa = NULL;
    audit_thread_stop(a);
    audit_key_wipe(&a->key);
    audit_key_wipe(&a->mask);
    attl_allocator alloc = a->alloc;
    alloc_free(&alloc, a);
}
