/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stream of events: once per second, while somebody listens, one thread composes what a
 * dashboard shows and puts a copy into each listener's buffer. A listener who does not take it in
 * time is cut off, and comes back by itself, as the protocol of events says. With nobody there the
 * thread sleeps without a timeout. The lock is held for copying, never while composing or sending.
 */
#include "admin/api.h"
#include "admin/json_text.h"
#include "admin/probe.h"
#include "admin/serve.h"
#include "admin/state.h"

#include <inttypes.h>
#include <stdlib.h>

void
events_init(struct events *events)
{
    lock_init(&events->lock);
    parker_init(&events->parker);
}

/* ---- composing ---- */

static const char *
last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The rows that are part of an event, as members under the last part of their paths. */
static void
compose_rows(struct admin *admin, struct json *out)
{
    static const struct target none = { .path = "" };
    for (size_t i = 0; i < route_table_len; i++) {
        const struct route *r = &route_table[i];
        attl_slice words[ROUTE_WORDS_MAX];
        const char *problem;
        size_t n = r->flags & ROUTE_TICK ? route_words(r, &none, words, &problem) : 0;
        if (n == 0)
            continue;
        struct api_call call = { words, n, r->shape, "events", NULL };
        api_put_result(out, last_part(r->path), admin->event_visitor, &call);
    }
}

static void
compose(struct admin *admin, struct buf *out)
{
    int64_t now_ms = clock_now_ms(&admin->clock);
    struct json j;
    buf_printf(out, "id: %" PRId64 "\nevent: state\ndata: ", now_ms);
    json_init(&j, out, JSON_DOOR);
    json_open(&j, NULL, '{');
    json_put_i64(&j, "time_ms", now_ms);
    json_put_u64(&j, "number", ++admin->events.number);
    json_put_bool(&j, "ready", probe_is_ready(admin));
    compose_rows(admin, &j);
    json_close(&j);
    buf_append_str(out, "\n\n");
    if (out->failed) {
        buf_clear(out, 0);
        buf_append_str(out, ": there was no memory for this event\n\n");
    }
}

/* ---- listeners; all REQUIRE the lock ---- */

static void
wake_listener(struct listener *l)
{
    if (!l->suspended)
        return;
    l->suspended = false;
    door_resume(l->connection);
}

static void
deliver(struct events *events, attl_slice text)
{
    for (struct listener *l = events->first; l; l = l->next) {
        if (l->taken == l->pending.len) {
            buf_clear(&l->pending, EVENTS_TEXT_MAX_BYTES);
            l->taken = 0;
        }
        buf_append(&l->pending, text.data, text.len);
        l->cut |= l->pending.failed != BUF_FINE;
        wake_listener(l);
    }
}

static bool
begin_tick(struct events *events, bool *ret_stranger)
{
    lock_acquire(&events->lock);
    bool any = events->len > 0;
    *ret_stranger = events->stranger;
    lock_release(&events->lock);
    return any;
}

static void
end_tick(struct events *events)
{
    lock_acquire(&events->lock);
    events->stranger = false;
    lock_release(&events->lock);
}

static bool
is_stopping(struct events *events)
{
    lock_acquire(&events->lock);
    bool stopping = events->stopping;
    lock_release(&events->lock);
    return stopping;
}

static void *
events_main(void *arg)
{
    struct admin *admin = arg;
    struct events *events = &admin->events;
    struct buf text;
    int64_t last_ms = 0;
    buf_init(&text, EVENTS_TEXT_MAX_BYTES);
    while (!is_stopping(events)) {
        bool stranger;
        if (!begin_tick(events, &stranger)) {
            parker_sleep(&events->parker, -1);
            continue;
        }
        int64_t due_ms = last_ms + (stranger ? EVENTS_SOONEST_MS : EVENTS_PERIOD_MS);
        int64_t left_ms = due_ms - clock_now_ms(&admin->clock);
        if (left_ms > 0) {
            parker_sleep(&events->parker, left_ms);
            continue; /* to see who has come or gone meanwhile */
        }
        last_ms = clock_now_ms(&admin->clock);
        end_tick(events);
        compose(admin, &text);
        lock_acquire(&events->lock);
        deliver(events, buf_slice(&text));
        lock_release(&events->lock);
        buf_clear(&text, EVENTS_TEXT_MAX_BYTES);
    }
    buf_fini(&text);
    return NULL;
}

/* ---- coming and going ---- */

struct listener *
events_join(struct admin *admin, struct MHD_Connection *connection)
{
    struct events *events = &admin->events;
    struct listener *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->admin = admin;
    l->connection = connection;
    buf_init(&l->pending, EVENTS_PENDING_MAX_BYTES);
    buf_append_str(&l->pending, "retry: 2000\n\n");
    lock_acquire(&events->lock);
    bool fits = !events->stopping && events->len < admin->max_listeners &&
                (events->thread.running ||
                 thread_start(&events->thread, "attld-admin-sse", events_main, admin));
    if (fits) {
        l->next = events->first;
        if (l->next)
            l->next->prev = l;
        events->first = l;
        events->len++;
        events->stranger = true;
    }
    lock_release(&events->lock);
    if (fits) {
        parker_wake(&events->parker);
        return l;
    }
    buf_fini(&l->pending);
    free(l);
    return NULL;
}

int64_t
events_read(struct listener *l, char *to, size_t max)
{
    struct events *events = &l->admin->events;
    int64_t n = 0;
    lock_acquire(&events->lock);
    size_t left = l->pending.len - l->taken;
    if (l->cut || events->stopping) {
        n = -1;
    } else if (left > 0) {
        n = (int64_t)(left < max ? left : max);
        memcpy(to, l->pending.data + l->taken, (size_t)n);
        l->taken += (size_t)n;
    } else {
        l->suspended = true;
        door_suspend(l->connection);
    }
    lock_release(&events->lock);
    return n;
}

void
events_leave(struct listener *l)
{
    struct events *events = &l->admin->events;
    lock_acquire(&events->lock);
    *(l->prev ? &l->prev->next : &events->first) = l->next;
    if (l->next)
        l->next->prev = l->prev;
    events->len--;
    lock_release(&events->lock);
    buf_fini(&l->pending);
    free(l);
}

void
events_stop(struct admin *admin)
{
    struct events *events = &admin->events;
    lock_acquire(&events->lock);
    events->stopping = true;
    lock_release(&events->lock);
    parker_wake(&events->parker);
    thread_join(&events->thread);
    lock_acquire(&events->lock);
    for (struct listener *l = events->first; l; l = l->next)
        wake_listener(l);
    lock_release(&events->lock);
}
