/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control-C: seen whether it comes before a wait or during it, cleared when dealt with, and deadly
 * the second time. Each case runs in a process of its own, so that its handlers and its death are
 * its own; the exit status says what happened.
 */
#include "cli_support.h"

#include "cli/interrupt.h"
#include "cli/stream.h"
#include "os/clock.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FINE = 0, WRONG = 1, LONG_WAIT_MS = 20000, SOON_US = 50000 };

/* The status with which a child that runs `action` ends. */
static int
status_of(int (*action)(void))
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(action());
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int
signal_before_the_wait(void)
{
    struct pollfd none = { .fd = -1 };
    interrupt_install();
    if (interrupt_pending() || raise(SIGINT) != 0 || !interrupt_pending())
        return WRONG;
    if (interrupt_poll(&none, 1, LONG_WAIT_MS) != -1 || errno != EINTR)
        return WRONG;
    interrupt_clear();
    return interrupt_poll(&none, 1, 1) == 0 ? FINE : WRONG;
}

/* A child of the child sends it. */
static int
signal_during_the_wait(void)
{
    interrupt_install();
    pid_t parent = getpid();
    pid_t sender = fork();
    if (sender == 0) {
        (void)usleep(SOON_US);
        _exit(kill(parent, SIGTERM));
    }
    int64_t begin_ns = clock_mono_ns();
    stream_sleep(LONG_WAIT_MS);
    bool early = clock_mono_ns() - begin_ns < INT64_C(10000000000);
    return early && interrupt_pending() && waitpid(sender, NULL, 0) == sender ? FINE : WRONG;
}

static int
two_signals(void)
{
    interrupt_install();
    (void)raise(SIGINT);
    (void)raise(SIGINT);
    return WRONG; /* not reached */
}

static int
a_closed_pipe(void)
{
    int ends[2];
    interrupt_install();
    if (pipe(ends) != 0 || close(ends[0]) != 0)
        return WRONG;
    return write(ends[1], "x", 1) == -1 && errno == EPIPE ? FINE : WRONG;
}

static void
a_signal_is_seen_before_and_during_a_wait(void **state)
{
    (void)state;
    assert_int_equal(status_of(signal_before_the_wait), FINE);
    assert_int_equal(status_of(signal_during_the_wait), FINE);
}

static void
the_second_one_ends_the_process(void **state)
{
    (void)state;
    int status = status_of(two_signals);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
}

static void
a_closed_pipe_is_an_error_not_a_signal(void **state)
{
    (void)state;
    assert_int_equal(status_of(a_closed_pipe), FINE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_is_seen_before_and_during_a_wait),
        cmocka_unit_test(the_second_one_ends_the_process),
        cmocka_unit_test(a_closed_pipe_is_an_error_not_a_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
