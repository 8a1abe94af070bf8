/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A wakeup is readable while it is raised, however often it was raised, and not after it was
 * lowered; waiting ends when it is raised or when the time is over. Readable means what poll says
 * of the descriptor, because that is what others look at. Nothing is kept between tests.
 */
#include "os/wakeup.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool
is_readable(const struct wakeup *w)
{
    struct pollfd p = { .fd = w->fd, .events = POLLIN };
    return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

static void
it_is_readable_while_it_is_raised(void **state)
{
    struct wakeup w;
    (void)state;
    assert_true(wakeup_open(&w));
    assert_false(is_readable(&w));
    wakeup_raise(&w);
    wakeup_raise(&w);
    assert_true(is_readable(&w));
    assert_true(is_readable(&w));
    wakeup_lower(&w);
    assert_false(is_readable(&w));
    wakeup_lower(&w); /* does not block */
    assert_false(is_readable(&w));
    wakeup_close(&w);
    wakeup_close(&w);
}

static void
waiting_ends(void **state)
{
    struct wakeup w;
    (void)state;
    assert_true(wakeup_open(&w));
    wakeup_wait(&w, 0);
    wakeup_wait(&w, 2);
    wakeup_raise(&w);
    wakeup_wait(&w, -1);
    wakeup_wait(&w, INT64_MAX);
    assert_true(is_readable(&w));
    wakeup_close(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_readable_while_it_is_raised),
        cmocka_unit_test(waiting_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
