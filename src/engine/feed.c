/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rings. Positions only grow; a place is its position modulo the size. A key lies in one piece,
 * so the end of the byte ring is skipped where it is too short, and the skipped bytes count as the
 * key's. Bytes are free again one reap after their event was taken. While a watch has losses to
 * report it hears nothing more, so that the report stands exactly where events are missing; the
 * reaper, who makes room, puts it there. Both rings belong to feed.lock, which writers hold for one
 * event and the reaper for a few dozen.
 */
#include "engine/feed.h"

#include "base/alloc.h"
#include "engine/completion.h"
#include "engine/engine.h"

enum {
    KEY_BYTES_PER_EVENT = 64,
    BYTES_MIN = 4 * LIMIT_KEY_BYTES, /* any key finds room in an empty ring, whatever is skipped */
    TAKE_BATCH = 64,                 /* events taken in one hold of the lock */
};

struct event {
    uint32_t kind, cause;
    uint64_t id, user_data, number;
    int64_t deadline_ms;
    size_t key_len;
    uint64_t key_end; /* position in the bytes just behind the key */
};

struct feed {
    attl_queue *queue;
    attl_allocator alloc;
    struct lock lock;
    _Atomic bool some;
    struct event *events;
    uint64_t capacity, head, tail;
    unsigned char *bytes;
    uint64_t bytes_size, bytes_head, bytes_tail;
    uint64_t bytes_taken; /* what becomes free at the next reap */
    struct feed_watch *watches;
};

void
feed_list_init(struct feed_list *l)
{
    *l = (struct feed_list){ .first = NULL };
    lock_init(&l->lock);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Room for a key in one piece: its position, or false. */
static bool
reserve_bytes(struct feed *f, size_t len, uint64_t *ret_at)
{
    uint64_t at = f->bytes_tail, offset = at % f->bytes_size;
    if (offset + len > f->bytes_size)
        at += f->bytes_size - offset;
    if (at + len - f->bytes_head > f->bytes_size)
        return false;
    f->bytes_tail = at + len;
    *ret_at = at;
    return true;
}

static struct event *
place_at(struct feed *f, uint64_t position)
{
    return &f->events[position % f->capacity];
}

static bool
push(struct feed *f, const struct feed_watch *w, const struct notice *n, int64_t skew_ms)
{
    uint64_t at;
    if (f->tail - f->head == f->capacity || !reserve_bytes(f, n->key.len, &at))
        return false;
    if (n->key.len)
        memcpy(f->bytes + at % f->bytes_size, n->key.data, n->key.len);
    *place_at(f, f->tail++) = (struct event){
        .kind = n->kind,
        .cause = n->cause,
        .id = w->id,
        .user_data = w->user_data,
        .number = n->actor,
        .deadline_ms = n->deadline_ms == ATTL_NO_DEADLINE ? ATTL_NO_DEADLINE
                                                          : n->deadline_ms + skew_ms,
        .key_len = n->key.len,
        .key_end = f->bytes_tail,
    };
    return true;
}

static void
tell(struct feed_watch *w, const struct notice *n, int64_t skew_ms)
{
    struct feed *f = w->feed;
    lock_acquire(&f->lock);
    if (w->lost || !push(f, w, n, skew_ms))
        w->lost++;
    atomic_store_explicit(&f->some, true, memory_order_relaxed); /* the wake-up is a barrier */
    lock_release(&f->lock);
    completion_wake(f->queue);
}

static bool
is_for(const struct feed_watch *w, const struct notice *n)
{
    if (!(w->kinds & n->kind))
        return false;
    if (w->prefix_len == 0 || n->kind == NOTICE_CLEARED)
        return true;
    return n->key.len >= w->prefix_len && memcmp(n->key.data, w->prefix, w->prefix_len) == 0;
}

void
feed_tell(void *ud, const struct notice *n)
{
    struct attl *a = ud;
    int64_t skew_ms = engine_skew_ms(a);
    for (struct feed_watch *w = a->feeds.first; w; w = w->next)
        if (is_for(w, n))
            tell(w, n, skew_ms);
}

/* ---- reaping --------------------------------------------------------------------------------- */

static void
unlink_peer(struct feed *f, struct feed_watch *w)
{
    struct feed_watch **at = &f->watches;
    while (*at != w)
        at = &(*at)->peer;
    *at = w->peer;
}

/* Reports what was lost, as far as there are places. */
static void
report_losses(struct feed *f)
{
    struct feed_watch *next;
    for (struct feed_watch *w = f->watches; w && f->tail - f->head < f->capacity; w = next) {
        next = w->peer;
        if (w->lost) {
            *place_at(f, f->tail++) = (struct event){ .kind = ATTL_EV_LOST,
                                                      .id = w->id,
                                                      .user_data = w->user_data,
                                                      .number = w->lost,
                                                      .deadline_ms = ATTL_NO_DEADLINE,
                                                      .key_end = f->bytes_tail };
            w->lost = 0;
        }
        if (w->ended) {
            unlink_peer(f, w);
            alloc_free(&f->alloc, w);
        }
    }
}

static void
take_one(struct feed *f, attl_completion *out)
{
    const struct event *e = place_at(f, f->head++);
    const unsigned char *key = f->bytes + (e->key_end - e->key_len) % f->bytes_size;
    *out = (attl_completion){ .struct_size = sizeof(*out),
                              .kind = e->kind,
                              .flags = e->cause,
                              .user_data = e->user_data,
                              .id = e->id,
                              .value = ATTL_VALUE_INIT,
                              .key = attl_b(e->key_len ? key : NULL, e->key_len),
                              .deadline_ms = e->deadline_ms,
                              .number = e->number };
    f->bytes_taken = e->key_end;
}

size_t
feed_take(struct feed *f, attl_completion *out, size_t max)
{
    size_t n = 0;
    bool first = true, more = true;
    while (first || (more && n < max)) {
        size_t batch_end = max - n < TAKE_BATCH ? max : n + TAKE_BATCH;
        lock_acquire(&f->lock);
        if (first)
            f->bytes_head = f->bytes_taken;
        report_losses(f);
        while (n < batch_end && f->head != f->tail)
            take_one(f, &out[n++]);
        report_losses(f);
        more = f->head != f->tail;
        atomic_store_explicit(&f->some, more, memory_order_relaxed);
        lock_release(&f->lock);
        first = false;
    }
    return n;
}

bool
feed_has_some(const struct feed *f)
{
    return atomic_load_explicit(&f->some, memory_order_relaxed);
}

/* ---- life ------------------------------------------------------------------------------------ */

void
feed_free(struct feed *f)
{
    if (!f)
        return;
    while (f->watches) {
        struct feed_watch *w = f->watches;
        f->watches = w->peer;
        alloc_free(&f->alloc, w);
    }
    attl_allocator alloc = f->alloc;
    alloc_free(&alloc, f->events);
    alloc_free(&alloc, f->bytes);
    alloc_free(&alloc, f);
}

static struct feed *
feed_new(attl_queue *q)
{
    struct feed *f = alloc_zero(&q->alloc, sizeof(*f));
    if (!f)
        return NULL;
    f->queue = q;
    f->alloc = q->alloc;
    lock_init(&f->lock);
    f->capacity = q->capacity;
    f->bytes_size = f->capacity * KEY_BYTES_PER_EVENT;
    if (f->bytes_size < BYTES_MIN)
        f->bytes_size = BYTES_MIN;
    /* Not cleared: what is not used shall not be touched. */
    f->events = f->alloc.alloc(f->alloc.ud, f->capacity * sizeof(*f->events));
    f->bytes = f->alloc.alloc(f->alloc.ud, f->bytes_size);
    if (f->events && f->bytes)
        return f;
    feed_free(f);
    return NULL;
}

/* What any watch wants to hear. Under list.lock. */
static void
set_mask(struct attl *a)
{
    uint32_t kinds = 0;
    for (const struct feed_watch *w = a->feeds.first; w; w = w->next)
        kinds |= w->kinds;
    notice_mask_set(&a->notices, NOTICE_SINK_QUEUES, kinds);
}

static void
link_watch(struct attl *a, struct feed_watch *w)
{
    lock_acquire(&w->feed->lock);
    w->peer = w->feed->watches;
    w->feed->watches = w;
    lock_release(&w->feed->lock);
    cache_lock_all(&a->cache);
    w->next = a->feeds.first;
    a->feeds.first = w;
    a->feeds.count++;
    set_mask(a);
    cache_unlock_all(&a->cache);
}

/* The feed of a queue, made on first use. Under list.lock. */
static struct feed *
feed_of(attl_queue *q)
{
    struct feed *f = atomic_load_explicit(&q->feed, memory_order_relaxed);
    if (f)
        return f;
    f = feed_new(q);
    atomic_store_explicit(&q->feed, f, memory_order_release);
    return f;
}

int
feed_watch(attl_queue *q, attl_slice prefix, uint32_t kinds, uint64_t user_data, uint64_t *ret_id)
{
    struct attl *a = q->cache;
    if (!a)
        return ATTL_E_CLOSED;
    struct feed_watch *w = alloc_zero(&q->alloc, sizeof(*w) + prefix.len);
    if (!w)
        return ATTL_E_NOMEM;
    w->kinds = kinds;
    w->user_data = user_data;
    w->id = completion_new_id(q);
    w->prefix_len = prefix.len;
    if (prefix.len)
        memcpy(w->prefix, prefix.data, prefix.len);
    uint64_t id = w->id;
    int status = ATTL_OK;
    lock_acquire(&a->feeds.lock);
    if (completion_is_shut(q))
        status = ATTL_E_CLOSED;
    else if (a->feeds.count >= LIMIT_WATCHES)
        status = ATTL_E_BUSY;
    else if (!(w->feed = feed_of(q)))
        status = ATTL_E_NOMEM;
    else
        link_watch(a, w);
    lock_release(&a->feeds.lock);
    if (status == ATTL_OK)
        *ret_id = id;
    else
        alloc_free(&q->alloc, w);
    return status;
}

/* Nobody tells it anything any more; what it has lost is still to be reported. */
static void
end_watch(struct feed_watch *w)
{
    struct feed *f = w->feed;
    lock_acquire(&f->lock);
    w->ended = w->lost > 0;
    if (!w->ended)
        unlink_peer(f, w);
    bool goes = !w->ended;
    lock_release(&f->lock);
    if (goes)
        alloc_free(&f->alloc, w);
}

/* Takes the watches of a queue out of the list: one, or all of them (id 0). Returns how many. */
static unsigned
end_watches(struct attl *a, const attl_queue *q, uint64_t id)
{
    struct feed_watch *ended = NULL, *w;
    unsigned n = 0;
    lock_acquire(&a->feeds.lock);
    cache_lock_all(&a->cache);
    for (struct feed_watch **at = &a->feeds.first; (w = *at);) {
        if (w->feed->queue != q || (id && w->id != id)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = ended;
        ended = w;
        n++;
    }
    a->feeds.count -= n;
    set_mask(a);
    cache_unlock_all(&a->cache);
    lock_release(&a->feeds.lock);
    while ((w = ended)) {
        ended = w->next;
        end_watch(w);
    }
    return n;
}

int
feed_unwatch(attl_queue *q, uint64_t id)
{
    if (!q->cache)
        return ATTL_E_CLOSED;
    return id && end_watches(q->cache, q, id) ? ATTL_OK : ATTL_MISS;
}

void
feed_stop(attl_queue *q)
{
    if (q->cache && atomic_load_explicit(&q->feed, memory_order_acquire))
        (void)end_watches(q->cache, q, 0); /* none is fine */
}
