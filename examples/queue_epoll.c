/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A completion queue in an epoll loop. The loop never blocks in the cache: it submits, goes on, and
 * reaps when the queue's descriptor is readable, until nothing is left. Here it writes some
 * hundred entries that must be durable, then walks over all of them page by page, with a second
 * descriptor in the loop to show that it has other things to do. The data
 * directory is its argument, or attl-queue-data.
 */
#include <attl/attl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    ENTRIES = 500,
    IN_FLIGHT = 64,
    BATCH = 32,
    KEY_BYTES = 16,
    PAGE = 100,
    GIVE_UP_TICKS = 3000
};

struct program {
    attl *cache;
    attl_queue *queue;
    unsigned submitted, durable, found;
    int failed, done;
};

static int
complain(const char *what, int status)
{
    (void)fprintf(stderr, "%s: %s\n", what, attl_strerror(status));
    return -1;
}

/* As many as the queue has places for: the rest when some have been reaped. */
static int
submit_more(struct program *p)
{
    while (p->submitted < ENTRIES) {
        char key[KEY_BYTES];
        (void)snprintf(key, sizeof(key), "user:%u", p->submitted);
        int status =
            attl_submit_set(p->queue, attl_s(key), attl_s("signed up"), ATTL_TTL_NONE, NULL, NULL);
        if (status == ATTL_E_BUSY)
            return 0;
        if (status != ATTL_OK)
            return complain(key, status);
        p->submitted++;
    }
    return 0;
}

static int
submit_page(struct program *p, uint64_t cursor)
{
    int status = attl_submit_scan(p->queue, cursor, PAGE, ATTL_SCAN_KEYS, NULL, NULL);
    return status == ATTL_OK ? 0 : complain("scan", status);
}

static int
take_page(struct program *p, const attl_completion *c)
{
    attl_page_entry entry;
    size_t offset = 0;
    while (attl_page_next(c->value.data, &offset, &entry) == ATTL_OK)
        p->found++;
    if (c->status == ATTL_OK)
        return submit_page(p, c->number);
    p->done = 1;
    return c->status == ATTL_DONE ? 0 : complain("page", c->status);
}

static int
take(struct program *p, const attl_completion *c)
{
    if (c->kind == ATTL_OP_SCAN)
        return take_page(p, c);
    if (c->status != ATTL_OK)
        return complain("set", c->status);
    p->durable++;
    return p->durable == ENTRIES ? submit_page(p, 0) : submit_more(p);
}

/* The descriptor stays readable until a reap has found nothing. */
static void
on_readable(struct program *p)
{
    attl_completion batch[BATCH];
    size_t n;
    while ((n = attl_queue_reap(p->queue, batch, BATCH)) > 0)
        for (size_t i = 0; i < n; i++) {
            if (take(p, &batch[i]) < 0)
                p->failed = 1;
            attl_value_release(p->cache, &batch[i].value);
        }
}

static int
watch(int loop, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
}

static int
run(struct program *p, int loop, int timer)
{
    unsigned ticks = 0;
    while (!p->failed && !p->done && ticks < GIVE_UP_TICKS) {
        struct epoll_event events[2];
        int n = epoll_wait(loop, events, 2, -1);
        for (int i = 0; i < n; i++) {
            uint64_t expired = 0;
            if (events[i].data.fd == attl_queue_fd(p->queue))
                on_readable(p);
            else if (read(timer, &expired, sizeof(expired)) == (ssize_t)sizeof(expired))
                ticks += (unsigned)expired; /* the other work of this loop */
        }
    }
    printf("%u entries durable, %u found, %u ticks meanwhile\n", p->durable, p->found, ticks);
    return !p->failed && p->done && p->found == ENTRIES ? 0 : -1;
}

static int
open_cache(attl **ret_cache, const char *directory)
{
    char why[512] = "";
    attl_config *config = attl_config_new();
    int status = config ? ATTL_OK : ATTL_E_NOMEM;
    if (status == ATTL_OK)
        status = attl_config_set(config, "persist.dir", directory, why, sizeof(why));
    if (status == ATTL_OK)
        status = attl_config_set(config, "persist.fsync", "always", why, sizeof(why));
    if (status == ATTL_OK)
        status = attl_open_dir(ret_cache, config, why, sizeof(why));
    attl_config_free(config);
    if (status != ATTL_OK)
        (void)fprintf(stderr, "%s: %s\n", directory, why);
    return status == ATTL_OK ? 0 : -1;
}

static int
start_ticking(int timer)
{
    const struct itimerspec every_10_ms = { { 0, 10000000 }, { 0, 10000000 } };
    return timerfd_settime(timer, 0, &every_10_ms, NULL);
}

int
main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : "attl-queue-data";
    struct program p = { 0 };
    int loop = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (loop < 0 || timer < 0 || open_cache(&p.cache, directory) < 0)
        return 1;
    int failed = attl_queue_open(p.cache, IN_FLIGHT, &p.queue) != ATTL_OK;
    if (!failed)
        failed = watch(loop, attl_queue_fd(p.queue)) < 0 || watch(loop, timer) < 0 ||
                 start_ticking(timer) < 0 || submit_more(&p) < 0 || run(&p, loop, timer) < 0;
    attl_queue_close(&p.queue);
    attl_close(&p.cache);
    (void)close(timer);
    (void)close(loop);
    return failed;
}
