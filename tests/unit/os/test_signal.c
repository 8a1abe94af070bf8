/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals are taken when asked for and never interrupt: each is sent to this very process, which
 * must survive it. A signal sent before the wait is kept. The ignored ones leave no trace.
 */
#include "os/signal.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void
nothing_comes_within_the_time(void **state)
{
    (void)state;
    assert_int_equal(signal_wait(0), SIGNAL_NONE);
    assert_int_equal(signal_wait(20), SIGNAL_NONE);
}

static void
termination_by_either_name(void **state)
{
    (void)state;
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_int_equal(signal_wait(-1), SIGNAL_TERMINATE);
    assert_int_equal(kill(getpid(), SIGINT), 0);
    assert_int_equal(signal_wait(1000), SIGNAL_TERMINATE);
    signal_terminate_self();
    assert_int_equal(signal_wait(1000), SIGNAL_TERMINATE);
    assert_int_equal(signal_wait(0), SIGNAL_NONE);
}

static void
hanging_up_is_something_else(void **state)
{
    (void)state;
    assert_int_equal(kill(getpid(), SIGHUP), 0);
    assert_int_equal(signal_wait(1000), SIGNAL_HANGUP);
}

static void
ignored_signals_do_not_arrive(void **state)
{
    (void)state;
    assert_int_equal(kill(getpid(), SIGPIPE), 0);
    assert_int_equal(kill(getpid(), SIGXFSZ), 0);
    assert_int_equal(signal_wait(0), SIGNAL_NONE);
}

static int
prepare(void **state)
{
    (void)state;
    return signals_prepare() ? 0 : 1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_comes_within_the_time),
        cmocka_unit_test(termination_by_either_name),
        cmocka_unit_test(hanging_up_is_something_else),
        cmocka_unit_test(ignored_signals_do_not_arrive),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
