/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll and eventfd. Edge-triggered mode would save nothing here: a connection that was read once
 * with room to spare is empty, and one that was not must be visited again anyway. EPOLLRDHUP is
 * asked for only where somebody waits for something that may never come: a client that has
 * half-closed after a pipeline still wants its replies.
 */
#include "os/event.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static uint32_t
to_epoll(unsigned flags)
{
    uint32_t mask = 0;
    if (flags & EVENT_READ)
        mask |= EPOLLIN;
    if (flags & EVENT_WRITE)
        mask |= EPOLLOUT;
    if (flags & EVENT_PEER_GONE)
        mask |= EPOLLRDHUP;
    if (flags & EVENT_EXCLUSIVE)
        mask |= EPOLLEXCLUSIVE;
    return mask;
}

static unsigned
from_epoll(uint32_t mask)
{
    unsigned flags = 0;
    if (mask & EPOLLIN)
        flags |= EVENT_READ;
    if (mask & EPOLLOUT)
        flags |= EVENT_WRITE;
    if (mask & EPOLLRDHUP)
        flags |= EVENT_PEER_GONE;
    if (mask & (EPOLLERR | EPOLLHUP))
        flags |= EVENT_HANGUP;
    return flags;
}

bool
event_loop_open(struct event_loop *loop)
{
    loop->fd = epoll_create1(EPOLL_CLOEXEC);
    return loop->fd >= 0;
}

void
event_loop_close(struct event_loop *loop)
{
    if (loop->fd >= 0)
        (void)close(loop->fd); /* nothing is buffered in it */
    loop->fd = -1;
}

static bool
control(struct event_loop *loop, int operation, int fd, unsigned flags, void *ud)
{
    struct epoll_event e = { .events = to_epoll(flags), .data.ptr = ud };
    return epoll_ctl(loop->fd, operation, fd, &e) == 0;
}

bool
event_loop_add(struct event_loop *loop, int fd, unsigned flags, void *ud)
{
    return control(loop, EPOLL_CTL_ADD, fd, flags, ud);
}

bool
event_loop_change(struct event_loop *loop, int fd, unsigned flags, void *ud)
{
    return control(loop, EPOLL_CTL_MOD, fd, flags, ud);
}

void
event_loop_remove(struct event_loop *loop, int fd)
{
    (void)control(loop, EPOLL_CTL_DEL, fd, 0, NULL); /* it was not there: as good */
}

size_t
event_loop_wait(struct event_loop *loop, struct event events[EVENTS_PER_WAIT_MAX], int timeout_ms)
{
    struct epoll_event raw[EVENTS_PER_WAIT_MAX];
    int n = epoll_wait(loop->fd, raw, EVENTS_PER_WAIT_MAX, timeout_ms);
    if (n < 0)
        return 0; /* a signal: the caller goes round again */
    for (int i = 0; i < n; i++)
        events[i] = (struct event){ raw[i].data.ptr, from_epoll(raw[i].events) };
    return (size_t)n;
}

bool
event_waker_open(struct event_waker *waker)
{
    waker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return waker->fd >= 0;
}

void
event_waker_close(struct event_waker *waker)
{
    if (waker->fd >= 0)
        (void)close(waker->fd); /* nothing is buffered in it */
    waker->fd = -1;
}

void
event_waker_wake(struct event_waker *waker)
{
    uint64_t one = 1;
    /* Full means that 2^64 - 2 wakes are pending already, which wakes as well. */
    ssize_t n = write(waker->fd, &one, sizeof one);
    (void)n;
}

void
event_waker_drain(struct event_waker *waker)
{
    uint64_t count;
    ssize_t n = read(waker->fd, &count, sizeof count);
    (void)n; /* empty: a wake that another drain has taken */
}
