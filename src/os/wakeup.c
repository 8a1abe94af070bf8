/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An eventfd whose count nobody looks at: only whether it is zero matters. It never blocks, because
 * it is opened so, and full means raised as well. A pipe would do the same with two descriptors and
 * a buffer of the kernel's.
 */
#include "os/wakeup.h"

#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool
wakeup_open(struct wakeup *w)
{
    w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return w->fd >= 0;
}

void
wakeup_close(struct wakeup *w)
{
    if (w->fd >= 0)
        (void)close(w->fd); /* nothing is buffered in it */
    w->fd = -1;
}

void
wakeup_raise(struct wakeup *w)
{
    uint64_t one = 1;
    ssize_t n = write(w->fd, &one, sizeof one);
    (void)n; /* full: raised */
}

void
wakeup_lower(struct wakeup *w)
{
    uint64_t count;
    ssize_t n = read(w->fd, &count, sizeof count);
    (void)n; /* empty: lowered */
}

void
wakeup_wait(const struct wakeup *w, int64_t timeout_ms)
{
    struct pollfd p = { .fd = w->fd, .events = POLLIN };
    int limit_ms = timeout_ms < 0 ? -1 : timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX;
    (void)poll(&p, 1, limit_ms); /* whoever waits looks for himself */
}
