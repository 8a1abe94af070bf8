/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who has answered: all workers that run, and not before each has come to the end of a turn.
 * Workers here are bare structures without threads, so that a test decides when one makes progress;
 * those that do not run are not woken and not waited for.
 */
#include "net/heartbeat.h"
#include "net/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORKERS = 2 };

struct fixture {
    struct net net;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->net.workers = calloc(WORKERS, sizeof *f->net.workers);
    assert_non_null(f->net.workers);
    f->net.workers_len = WORKERS;
    for (size_t i = 0; i < WORKERS; i++) {
        f->net.workers[i].net = &f->net;
        assert_true(event_waker_open(&f->net.workers[i].waker));
        atomic_store(&f->net.workers[i].running, true);
    }
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < WORKERS; i++) {
        event_waker_close(&f->net.workers[i].waker);
    }
    free(f->net.workers);
    free(f);
    return 0;
}

static void
a_question_is_answered_when_all_have_turned(void **state)
{
    struct fixture *f = *state;
    assert_true(net_heartbeat_answered(&f->net)); /* nobody has asked */
    net_heartbeat_ask(&f->net);
    assert_false(net_heartbeat_answered(&f->net));
    worker_heartbeat(&f->net.workers[0]);
    assert_false(net_heartbeat_answered(&f->net)); /* the other hangs */
    worker_heartbeat(&f->net.workers[1]);
    assert_true(net_heartbeat_answered(&f->net));
}

static void
an_old_answer_does_not_count(void **state)
{
    struct fixture *f = *state;
    net_heartbeat_ask(&f->net);
    worker_heartbeat(&f->net.workers[0]);
    worker_heartbeat(&f->net.workers[1]);
    net_heartbeat_ask(&f->net);
    assert_false(net_heartbeat_answered(&f->net));
}

static void
a_worker_that_has_ended_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    net_heartbeat_ask(&f->net);
    worker_heartbeat(&f->net.workers[0]);
    atomic_store(&f->net.workers[1].running, false);
    assert_true(net_heartbeat_answered(&f->net));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_question_is_answered_when_all_have_turned, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_old_answer_does_not_count, setup, teardown),
        cmocka_unit_test_setup_teardown(a_worker_that_has_ended_is_not_waited_for, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
