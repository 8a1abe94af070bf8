/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a supervisor such as systemd is told: that the server is ready, reloads, stops, how far it
 * has read its data, and, if it asked for signs of life, that all workers make progress. Without a
 * supervisor nothing here wakes anybody or makes a system call. Main thread only.
 */
#ifndef ATTL_SERVER_SUPERVISE_H
#define ATTL_SERVER_SUPERVISE_H

#include "net/net.h"

#include <stdbool.h>
#include <stdint.h>

struct supervise {
    int64_t watchdog_ms; /* 0: nobody waits for signs of life */
    int64_t due_ms;      /* when the next look at the workers is due, monotonic */
    bool ready;          /* it was said that the server is */
    bool asked;          /* the workers, and they may not have answered yet */
};

void supervise_begin(struct supervise *s);
void supervise_loading(const char *text);
void supervise_ready(struct supervise *s);
/* Around a reload; nothing is said before the server was ready. */
void supervise_reloading(const struct supervise *s);
void supervise_reloaded(struct supervise *s);
void supervise_stopping(void);
/* For how long the caller may sleep until supervise_look() is due; < 0: for ever. */
int64_t supervise_sleep_ms(const struct supervise *s);
/* Gives the sign of life if it is time, and all workers of `net` have proved theirs. */
void supervise_look(struct supervise *s, struct net *net);

#endif
