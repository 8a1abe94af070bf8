/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling whoever supervises this process how it is: the protocol of sd_notify, a datagram of lines
 * to the socket that $NOTIFY_SOCKET names. Without that variable nothing is sent and nothing costs
 * anything. A supervisor that cannot be reached is no reason to stop, so failures are reported to
 * the caller and have no other effect. Any thread may call anything here.
 */
#ifndef ATTL_OS_NOTIFY_H
#define ATTL_OS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

enum { NOTIFY_TEXT_MAX = 512 };

/* Whether somebody wants to be told. */
bool notify_is_wanted(void);
/* "READY=1", "STATUS=...", several separated by line feeds. False if it could not be delivered. */
bool notify_send(const char *text);
/* Within how long a sign of life is expected, again and again; 0: not at all. */
int64_t notify_watchdog_ms(void);

#endif
