/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sigtimedwait on a blocked set: the main thread sleeps in the kernel until there is something to
 * decide. A signalfd would do the same with one more descriptor. SHUTDOWN sends SIGTERM to its
 * own process, so that there is one way to stop and it is the one that is tested.
 */
#include "os/signal.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

static void
taken_signals(sigset_t *set)
{
    (void)sigemptyset(set); /* these fail only for signal numbers that do not exist */
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
}

bool
signals_prepare(void)
{
    sigset_t set;
    taken_signals(&set);
    return sigprocmask(SIG_BLOCK, &set, NULL) == 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR &&
           signal(SIGXFSZ, SIG_IGN) != SIG_ERR && signal(SIGUSR1, SIG_IGN) != SIG_ERR;
}

enum signal_kind
signal_wait(int64_t timeout_ms)
{
    sigset_t set;
    taken_signals(&set);
    struct timespec limit = { timeout_ms / 1000, (timeout_ms % 1000) * 1000000 };
    int number = timeout_ms < 0 ? sigwaitinfo(&set, NULL) : sigtimedwait(&set, NULL, &limit);
    if (number == SIGTERM || number == SIGINT)
        return SIGNAL_TERMINATE;
    return number == SIGHUP ? SIGNAL_HANGUP : SIGNAL_NONE;
}

void
signal_terminate_self(void)
{
    (void)kill(getpid(), SIGTERM); /* we may always signal ourselves */
}
