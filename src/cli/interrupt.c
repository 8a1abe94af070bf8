/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flag and its handler. SA_RESTART is left out on purpose, so that a blocked call returns and
 * its caller looks at the flag. A second signal while the first has not been seen ends the process
 * the ordinary way: whatever hangs, the second control-C works.
 */
#include "cli/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

enum { MS_PER_S = 1000, NS_PER_MS = 1000000 };

static volatile sig_atomic_t pending;

static void
on_signal(int number)
{
    if (pending) {
        (void)signal(number, SIG_DFL); /* fails only for a bad number */
        (void)raise(number);
        return;
    }
    pending = 1;
}

void
interrupt_install(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL); /* fails only for a bad number */
    (void)sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

int
interrupt_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct timespec timeout = { .tv_sec = timeout_ms / MS_PER_S,
                                .tv_nsec = (long)(timeout_ms % MS_PER_S) * NS_PER_MS };
    sigset_t ours, before;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    /* Blocked while we look at the flag; ppoll opens the door and waits in one step. */
    (void)sigprocmask(SIG_BLOCK, &ours, &before);
    int ready = pending ? -1 : ppoll(fds, n, timeout_ms < 0 ? NULL : &timeout, &before);
    int error = pending ? EINTR : errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return ready;
}

bool
interrupt_pending(void)
{
    return pending != 0;
}

void
interrupt_clear(void)
{
    pending = 0;
}
