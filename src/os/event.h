/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for many descriptors at once, and waking the one who waits. Level-triggered: what was
 * not read is reported again, so a reader may stop after its share and nothing is lost. One
 * thread waits on a loop; any thread may wake a waker, and wakes before the wait are remembered.
 * A second implementation (io_uring, kqueue) would stand behind the same functions.
 */
#ifndef ATTL_OS_EVENT_H
#define ATTL_OS_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_flag {
    EVENT_READ = 0x01,
    EVENT_WRITE = 0x02,
    EVENT_HANGUP = 0x04,    /* reported only: error, or the peer has gone; always watched */
    EVENT_PEER_GONE = 0x10, /* the peer has closed its direction; reported only if asked for */
    EVENT_EXCLUSIVE =
        0x08 /* asked only, at add: wake one of the loops that share this descriptor */
};

enum { EVENTS_PER_WAIT_MAX = 128 };

struct event {
    void *ud;
    unsigned flags;
};

struct event_loop {
    int fd;
};

/* False if the system refuses; `loop` may then still be closed. */
bool event_loop_open(struct event_loop *loop);
void event_loop_close(struct event_loop *loop);
bool event_loop_add(struct event_loop *loop, int fd, unsigned flags, void *ud);
bool event_loop_change(struct event_loop *loop, int fd, unsigned flags, void *ud);
void event_loop_remove(struct event_loop *loop, int fd);
/* Waits for at most `timeout_ms` (< 0: for ever) and returns how many of `events` were filled. */
size_t event_loop_wait(struct event_loop *loop, struct event events[EVENTS_PER_WAIT_MAX],
                       int timeout_ms);

/* A descriptor that becomes readable when woken. */
struct event_waker {
    int fd;
};

bool event_waker_open(struct event_waker *waker);
void event_waker_close(struct event_waker *waker);
void event_waker_wake(struct event_waker *waker);
/* Forgets the wakes so far; call it before looking at what one was woken for. */
void event_waker_drain(struct event_waker *waker);

#endif
