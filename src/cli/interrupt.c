/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flag and its handler. SA_RESTART is left out on purpose, so that a blocked call returns and
 * its caller looks at the flag. A second signal while the first has not been seen ends the process
 * the ordinary way: whatever hangs, the second control-C works.
 */
#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>

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
