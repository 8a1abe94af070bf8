/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A descriptor that is readable while it is raised, to be put into somebody else's event loop.
 * Raising what is raised, and lowering what is not, changes nothing. The library has no event loop
 * of its own, so this is all it knows of descriptors that wait; any thread may call anything here.
 */
#ifndef ATTL_OS_WAKEUP_H
#define ATTL_OS_WAKEUP_H

#include <stdbool.h>
#include <stdint.h>

struct wakeup {
    int fd;
};

/* Lowered. False if the system refuses; it may then still be closed. */
bool wakeup_open(struct wakeup *w);
void wakeup_close(struct wakeup *w);
void wakeup_raise(struct wakeup *w);
void wakeup_lower(struct wakeup *w);
/* Waits until it is raised, at most `timeout_ms` (< 0: for ever). May return early. */
void wakeup_wait(const struct wakeup *w, int64_t timeout_ms);

#endif
