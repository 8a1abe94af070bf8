/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workers are asked twice within the time in which a sign of life is expected, and the answer
 * is taken the next time, so that nobody is woken for it in between. Only if one has not answered
 * is it looked at more often, for it may yet. The sign is given by this thread when all have
 * answered, so it proves them and us. Nothing is kept but when to look next.
 */
#include "server/supervise.h"

#include "net/heartbeat.h"
#include "os/clock.h"
#include "os/notify.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    NS_PER_MS = 1000000,
    NS_PER_US = 1000,
    LOOKS_PER_PERIOD = 2,
    LATE_LOOKS_PER_PERIOD = 16,
    LOADING_EXTEND_US = 30000000 /* the start may take so much longer, each time this is said */
};

static int64_t
now_ms(void)
{
    return clock_mono_ns() / NS_PER_MS;
}

void
supervise_begin(struct supervise *s)
{
    *s = (struct supervise){ .watchdog_ms = notify_watchdog_ms(), .due_ms = now_ms() };
}

void
supervise_loading(const char *text)
{
    char message[NOTIFY_TEXT_MAX];
    if (!notify_is_wanted())
        return;
    (void)snprintf(message, sizeof message, "EXTEND_TIMEOUT_USEC=%d\nSTATUS=loading: %s",
                   (int)LOADING_EXTEND_US, text); /* a cut status is one */
    (void)notify_send(message); /* a supervisor out of reach changes nothing, here and below */
}

void
supervise_ready(struct supervise *s)
{
    s->ready = true;
    (void)notify_send("READY=1\nSTATUS=serving");
}

void
supervise_reloading(const struct supervise *s)
{
    char message[NOTIFY_TEXT_MAX];
    if (!s->ready || !notify_is_wanted())
        return;
    (void)snprintf(message, sizeof message,
                   "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reloading",
                   clock_mono_ns() / NS_PER_US); /* 20 digits fit */
    (void)notify_send(message);
}

void
supervise_reloaded(struct supervise *s)
{
    if (s->ready)
        supervise_ready(s);
}

void
supervise_stopping(void)
{
    (void)notify_send("STOPPING=1\nSTATUS=stopping: clients get their last replies");
}

int64_t
supervise_sleep_ms(const struct supervise *s)
{
    if (s->watchdog_ms == 0)
        return -1;
    int64_t left_ms = s->due_ms - now_ms();
    return left_ms > 0 ? left_ms : 0;
}

static int64_t
part_ms(const struct supervise *s, int parts)
{
    return s->watchdog_ms > parts ? s->watchdog_ms / parts : 1;
}

void
supervise_look(struct supervise *s, struct net *net)
{
    if (s->watchdog_ms == 0 || now_ms() < s->due_ms)
        return;
    if (s->asked && !net_heartbeat_answered(net)) {
        s->due_ms = now_ms() + part_ms(s, LATE_LOOKS_PER_PERIOD);
        return;
    }
    (void)notify_send("WATCHDOG=1");
    net_heartbeat_ask(net);
    s->asked = true;
    s->due_ms = now_ms() + part_ms(s, LOOKS_PER_PERIOD);
}
