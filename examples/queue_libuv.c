/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A completion queue in a libuv loop: a uv_poll_t on the queue's descriptor, and a callback that
 * reaps until nothing is left. A scan is walked page by page, each with a deadline, while changes
 * are made beside it; each submission comes back exactly once. A timer of the same loop gives up if
 * it all takes too long.
 */
#include <attl/attl.h>
#include <stdio.h>
#include <uv.h>

enum { ENTRIES = 1000, PLACES = 64, BATCH = 16, KEY_BYTES = 16, PAGE = 50, GIVE_UP_MS = 20000 };

struct program {
    attl *cache;
    attl_queue *queue;
    uv_poll_t poll;
    uv_timer_t patience;
    unsigned found, pages, others;
    int failed;
};

static void
stop(struct program *p)
{
    uv_close((uv_handle_t *)&p->poll, NULL);
    uv_close((uv_handle_t *)&p->patience, NULL);
}

static void
fail(struct program *p, const char *what, int status)
{
    (void)fprintf(stderr, "%s: %s\n", what, attl_strerror(status));
    p->failed = 1;
}

static void
next_page(struct program *p, uint64_t cursor)
{
    attl_submit_opts opts = ATTL_SUBMIT_OPTS_INIT;
    opts.user_data = p->pages;
    opts.timeout_ms = GIVE_UP_MS;
    int status = attl_submit_scan(p->queue, cursor, PAGE, 0, &opts, NULL);
    if (status != ATTL_OK)
        fail(p, "scan", status);
}

static void
take_page(struct program *p, const attl_completion *c)
{
    attl_page_entry entry;
    size_t offset = 0;
    while (attl_page_next(c->value.data, &offset, &entry) == ATTL_OK)
        p->found += entry.value.len > 0;
    p->pages++;
    if (c->status == ATTL_OK)
        next_page(p, c->number);
    else if (c->status != ATTL_DONE)
        fail(p, "page", c->status);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
    struct program *p = poll->data;
    attl_completion batch[BATCH];
    size_t n;
    int finished = 0;
    (void)events; /* it was asked for one kind */
    if (status < 0)
        p->failed = 1;
    while ((n = attl_queue_reap(p->queue, batch, BATCH)) > 0)
        for (size_t i = 0; i < n; i++) {
            if (batch[i].kind == ATTL_OP_SCAN) {
                take_page(p, &batch[i]);
                finished |= batch[i].status == ATTL_DONE;
            } else {
                p->others++;
            }
            attl_value_release(p->cache, &batch[i].value);
        }
    if (finished || p->failed)
        stop(p);
}

static void
on_too_late(uv_timer_t *timer)
{
    struct program *p = timer->data;
    fail(p, "the loop", ATTL_E_TIMEOUT);
    stop(p);
}

/* Submissions that are complete at once: cancelling them comes too late. */
static void
submit_changes(struct program *p)
{
    for (unsigned i = 0; i < PLACES / 2; i++) {
        char key[KEY_BYTES];
        uint64_t id;
        (void)snprintf(key, sizeof(key), "key:%u", i);
        int status = attl_submit_set(p->queue, attl_s(key), attl_s("newer"), 60000, NULL, &id);
        if (status != ATTL_OK || attl_queue_cancel(p->queue, id) != ATTL_MISS)
            fail(p, key, status);
    }
}

static int
fill(attl *cache)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        char key[KEY_BYTES];
        (void)snprintf(key, sizeof(key), "key:%u", i);
        int status = attl_set(cache, attl_s(key), attl_s("value"), 60000);
        if (status != ATTL_OK)
            return status;
    }
    return ATTL_OK;
}

int
main(void)
{
    struct program p = { 0 };
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0 || attl_open(&p.cache, NULL) != ATTL_OK ||
        attl_queue_open(p.cache, PLACES, &p.queue) != ATTL_OK || fill(p.cache) != ATTL_OK)
        return 1;
    if (uv_poll_init(&loop, &p.poll, attl_queue_fd(p.queue)) != 0 ||
        uv_timer_init(&loop, &p.patience) != 0)
        return 1;
    p.poll.data = p.patience.data = &p;
    if (uv_poll_start(&p.poll, UV_READABLE, on_readable) != 0 ||
        uv_timer_start(&p.patience, on_too_late, GIVE_UP_MS, 0) != 0)
        return 1;
    submit_changes(&p);
    next_page(&p, 0);
    (void)uv_run(&loop, UV_RUN_DEFAULT); /* until both handles are closed */
    (void)uv_loop_close(&loop);
    printf("%u entries in %u pages, %u changes\n", p.found, p.pages, p.others);
    attl_queue_close(&p.queue);
    attl_close(&p.cache);
    return p.failed || p.found != ENTRIES || p.others != PLACES / 2;
}
