/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exit statuses, which scripts rely on: one for each way to fail, and never 0 for output that did
 * not arrive. Messages go to standard error with the name of the tool.
 */
#include "cli_support.h"

#include "cli/outcome.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static void
every_failure_has_its_status(void **state)
{
    static const struct {
        int client, exit;
    } cases[] = {
        { CLIENT_OK, 0 },
        { CLIENT_E_CONNECT, 69 },
        { CLIENT_E_IO, 74 },
        { CLIENT_E_TIMEOUT, 75 },
        { CLIENT_E_PROTOCOL, 74 },
        { CLIENT_E_REFUSED, 1 },
        { CLIENT_E_INTERRUPTED, 130 },
        { CLIENT_E_LIMIT, 74 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(outcome_of(cases[i].client), cases[i].exit);
}

static void
failures_are_told_and_success_is_silent(void **state)
{
    struct client c = { .error = "it broke" };
    (void)state;
    stderr_begin();
    assert_int_equal(outcome_client(&c, CLIENT_OK), 0);
    assert_int_equal(outcome_client(&c, CLIENT_E_IO), EX_IOERR);
    char *said = stderr_end();
    assert_string_equal(said, "attl: it broke\n");
    free(said);
}

static void
lost_output_is_a_failure(void **state)
{
    (void)state;
    int before = dup(STDOUT_FILENO);
    assert_true(before >= 0);
    assert_int_equal(fflush(stdout), 0);
    assert_int_equal(outcome_flush(), 0);
    stderr_begin();
    if (!freopen("/dev/full", "w", stdout))
        fail();
    (void)fputs("lost", stdout);
    int code = outcome_flush();
    char *said = stderr_end();
    clearerr(stdout);
    assert_true(dup2(before, STDOUT_FILENO) >= 0);
    assert_int_equal(close(before), 0);
    assert_int_equal(code, EX_IOERR);
    assert_non_null(strstr(said, "cannot write to standard output: No space left"));
    free(said);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_has_its_status),
        cmocka_unit_test(failures_are_told_and_success_is_silent),
        cmocka_unit_test(lost_output_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
