/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages of an iteration. A page is one block: for each entry a head, the key, the value, and
 * padding to eight bytes. It is filled in small steps of attl_scan() until it has the entries that
 * were asked for or has grown to its limit, so that a page of large values is short instead of
 * large; and a step's entries are in the page all together, because the cursor knows no half
 * steps. Nobody reads while it is filled but the task that fills it.
 */
#include "api/api.h"

#include "engine/task.h"
#include "engine/value.h"

enum {
    STEP_ENTRIES = 16,
    FIRST_BYTES = 4096,
    SMALL_VALUE_BYTES = 64 << 10, /* always in the page */
    PAGE_ALIGN = 8,
};

struct page_head {
    uint64_t value_bytes;
    int64_t deadline_ms;
    uint32_t key_bytes;
    uint32_t has_value;
};

struct page {
    const attl_allocator *alloc;
    attl_value block; /* data.len: bytes used */
    size_t room;
    uint64_t entries;
    bool keys_only, failed;
};

struct scan_task {
    struct task task;
    uint64_t cursor;
    size_t count;
    bool keys_only;
};

static size_t
padded(size_t bytes)
{
    return (bytes + PAGE_ALIGN - 1) / PAGE_ALIGN * PAGE_ALIGN;
}

/* Room for `bytes` more. False: no memory. */
static bool
page_grow(struct page *p, size_t bytes)
{
    size_t used = p->block.data.len, room = p->room ? p->room : FIRST_BYTES;
    attl_value larger;
    if (p->room - used >= bytes)
        return true;
    while (room - used < bytes)
        room *= 2;
    void *to = value_alloc(p->alloc, room, &larger);
    if (!to)
        return false;
    if (used > 0)
        memcpy(to, p->block.data.data, used);
    larger.data.len = used;
    value_release(NULL, &p->block);
    p->block = larger;
    p->room = room;
    return true;
}

static bool
page_wants_value(const struct page *p, size_t len)
{
    return !p->keys_only &&
           (len <= SMALL_VALUE_BYTES || p->block.data.len + len <= LIMIT_PAGE_BYTES);
}

static void
page_add(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct page *p = ud;
    struct page_head head = { value.len, deadline_ms, (uint32_t)key.len,
                              page_wants_value(p, value.len) };
    size_t value_bytes = head.has_value ? value.len : 0;
    size_t bytes = padded(sizeof(head) + key.len + value_bytes);
    if (p->failed || !page_grow(p, bytes)) {
        p->failed = true;
        return;
    }
    unsigned char *to = (unsigned char *)(uintptr_t)p->block.data.data + p->block.data.len;
    memcpy(to, &head, sizeof(head));
    if (key.len > 0)
        memcpy(to + sizeof(head), key.data, key.len);
    if (value_bytes > 0)
        memcpy(to + sizeof(head) + key.len, value.data, value_bytes);
    p->block.data.len += bytes;
    p->entries++;
}

static void
scan_work(struct task *t, attl_completion *c)
{
    struct scan_task *s = (struct scan_task *)t;
    attl *a = t->submission.cache;
    struct page p = { .alloc = &a->cache.config.alloc,
                      .block = ATTL_VALUE_INIT,
                      .keys_only = s->keys_only };
    c->number = s->cursor;
    do {
        size_t left = s->count - p.entries;
        c->status =
            attl_scan(a, &c->number, left < STEP_ENTRIES ? left : STEP_ENTRIES, page_add, &p);
    } while (c->status == ATTL_OK && !p.failed && p.entries < s->count &&
             p.block.data.len < LIMIT_PAGE_BYTES && !submission_is_over(&t->submission));
    if (p.failed) {
        value_release(NULL, &p.block);
        c->status = ATTL_E_NOMEM;
        c->number = s->cursor;
    }
    c->value = p.block;
}

int
attl_submit_scan(attl_queue *q, uint64_t cursor, size_t count, uint32_t flags,
                 const attl_submit_opts *opts, uint64_t *ret_id)
{
    struct submission_spec spec;
    struct task *t;
    int status = q->cache ? submission_spec_of(opts, &spec) : ATTL_E_CLOSED;
    if (status == ATTL_OK && (flags & ~ATTL_SCAN_KEYS))
        status = ATTL_E_UNSUPPORTED;
    if (status == ATTL_OK && (count == 0 || count > LIMIT_PAGE_ENTRIES))
        status = ATTL_E_INVALID;
    if (status == ATTL_OK)
        status = task_make(q, sizeof(struct scan_task), ATTL_OP_SCAN, &spec, &t);
    if (status != ATTL_OK)
        return status;
    struct scan_task *s = (struct scan_task *)t;
    s->cursor = cursor;
    s->count = count;
    s->keys_only = (flags & ATTL_SCAN_KEYS) != 0;
    t->work = scan_work;
    return task_submit(t, &spec, ret_id);
}

int
attl_page_next(attl_slice page, size_t *offset, attl_page_entry *ret_entry)
{
    struct page_head head;
    const unsigned char *at = page.data;
    if (*offset >= page.len || page.len - *offset < sizeof(head))
        return ATTL_DONE;
    at += *offset;
    memcpy(&head, at, sizeof(head));
    at += sizeof(head);
    const unsigned char *value = head.has_value ? at + head.key_bytes : NULL;
    *ret_entry =
        (attl_page_entry){ { at, head.key_bytes }, { value, head.value_bytes }, head.deadline_ms };
    *offset += padded(sizeof(head) + head.key_bytes + (value ? head.value_bytes : 0));
    return ATTL_OK;
}
