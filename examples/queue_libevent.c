/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A completion queue in a libevent loop, shut down in good order: an event on the queue's
 * descriptor reaps until nothing is left; when everything has been submitted the queue is shut
 * down, and the loop ends when it owes nothing any more. Every submission comes back exactly once.
 */
#include <attl/attl.h>
#include <event2/event.h>
#include <stdio.h>

enum { CHANGES = 2000, PLACES = 100, BATCH = 16, KEY_BYTES = 16, GIVE_UP_S = 20 };

struct program {
    attl *cache;
    attl_queue *queue;
    struct event_base *base;
    unsigned submitted, completed;
    unsigned char seen[CHANGES];
    int failed;
};

static void
submit_more(struct program *p)
{
    while (p->submitted < CHANGES) {
        char key[KEY_BYTES];
        attl_submit_opts opts = ATTL_SUBMIT_OPTS_INIT;
        opts.user_data = p->submitted;
        (void)snprintf(key, sizeof(key), "key:%u", p->submitted / 2);
        int status = p->submitted % 2 == 0 ? attl_submit_set(p->queue, attl_s(key), attl_s("value"),
                                                             60000, &opts, NULL)
                                           : attl_submit_del(p->queue, attl_s(key), &opts, NULL);
        if (status == ATTL_E_BUSY)
            return; /* when some have been reaped */
        if (status != ATTL_OK) {
            (void)fprintf(stderr, "%s: %s\n", key, attl_strerror(status));
            p->failed = 1;
            return;
        }
        p->submitted++;
    }
    attl_queue_shutdown(p->queue); /* what is open still completes */
}

static void
on_readable(evutil_socket_t fd, short what, void *ud)
{
    struct program *p = ud;
    attl_completion batch[BATCH];
    size_t n;
    (void)fd; /* the queue's */
    (void)what;
    while ((n = attl_queue_reap(p->queue, batch, BATCH)) > 0) {
        for (size_t i = 0; i < n; i++) {
            p->failed |= batch[i].status != ATTL_OK || p->seen[batch[i].user_data]++ > 0;
            attl_value_release(p->cache, &batch[i].value);
        }
        p->completed += (unsigned)n;
        submit_more(p);
    }
    if (p->failed || attl_queue_wait(p->queue, 0) == ATTL_E_CLOSED)
        (void)event_base_loopbreak(p->base);
}

static int
run(struct program *p)
{
    struct timeval patience = { GIVE_UP_S, 0 };
    struct event *readable =
        event_new(p->base, attl_queue_fd(p->queue), EV_READ | EV_PERSIST, on_readable, p);
    if (!readable || event_add(readable, NULL) != 0)
        return -1;
    submit_more(p);
    (void)event_base_loopexit(p->base, &patience);
    int status = event_base_dispatch(p->base);
    event_free(readable);
    return status;
}

int
main(void)
{
    struct program p = { .base = event_base_new() };
    if (!p.base || attl_open(&p.cache, NULL) != ATTL_OK ||
        attl_queue_open(p.cache, PLACES, &p.queue) != ATTL_OK)
        return 1;
    int failed = run(&p) < 0 || p.failed;
    printf("%u submitted, %u completed, %u entries left\n", p.submitted, p.completed,
           (unsigned)attl_size(p.cache));
    failed |= p.completed != CHANGES || attl_size(p.cache) != 0;
    attl_queue_close(&p.queue);
    attl_close(&p.cache);
    event_base_free(p.base);
    return failed;
}
