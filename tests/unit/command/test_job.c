/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Jobs between the moment they are given to the host and their reply: the session waits, and what
 * it said about replies before still holds for the one that comes late.
 */
#include "command_support.h"

static struct command_job *taken;
static bool full;

static bool
take(void *ud, struct command_job *job)
{
    (void)ud;
    if (full)
        return false;
    taken = job;
    return true;
}

static int
setup_host(void **state)
{
    taken = NULL;
    full = false;
    (void)setup(state);
    fixture_of(state)->host.aside = take;
    return 0;
}

/* What the host does with a job, on other threads. */
static void
complete(struct fixture *f)
{
    assert_non_null(taken);
    command_job_work(taken);
    buf_clear(&f->out, OUT_MAX_BYTES);
    command_job_reply(taken, &f->env, &f->session, &f->out);
    command_job_free(taken);
    taken = NULL;
    buf_append(&f->out, "", 1);
    f->out.len--;
}

static void
the_session_waits_for_its_reply(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "SAVE", "");
    assert_true(f->session.waiting);
    complete(f);
    assert_false(f->session.waiting);
    assert_non_null(strstr(f->out.data, "-ERR there is no data directory"));
    expect_part(f, "INFO commandstats", "cmdstat_save:calls=1,");
    expect_part(f, "INFO errorstats", "errorstat_ERR:count=1\r\n");
}

static void
a_late_reply_obeys_the_reply_mode(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "CLIENT REPLY SKIP");
    expect(f, "SAVE", "");
    complete(f);
    assert_int_equal(f->out.len, 0);
    expect(f, "PING", "+PONG\r\n");
    run(f, "CLIENT REPLY OFF");
    expect(f, "SAVE", "");
    complete(f);
    assert_int_equal(f->out.len, 0);
}

static void
too_many_are_refused(void **state)
{
    struct fixture *f = fixture_of(state);
    full = true;
    expect_part(f, "SAVE", "-BUSY too many slow commands");
    assert_false(f->session.waiting);
}

static void
a_job_may_end_without_its_client(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.SNAPSHOT LIST", "");
    command_job_work(taken);
    command_job_free(taken);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_session_waits_for_its_reply, setup_host, teardown),
        cmocka_unit_test_setup_teardown(a_late_reply_obeys_the_reply_mode, setup_host, teardown),
        cmocka_unit_test_setup_teardown(too_many_are_refused, setup_host, teardown),
        cmocka_unit_test_setup_teardown(a_job_may_end_without_its_client, setup_host, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
