/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is shown while the cache loads, and how it ends: the cache's progress is a variable of the
 * test, standard error goes to nowhere.
 */
#include "server/loading.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static attl_load_progress fake;

void __wrap_attl_load_progress_get(attl *cache, attl_load_progress *ret_progress);

void
__wrap_attl_load_progress_get(attl *cache, attl_load_progress *ret_progress)
{
    (void)cache;
    *ret_progress = fake;
}

static int
silence(void **state)
{
    static int saved;
    saved = dup(STDERR_FILENO);
    *state = &saved;
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return nowhere < 0 || dup2(nowhere, STDERR_FILENO) < 0 || close(nowhere) != 0;
}

static int
speak(void **state)
{
    int saved = *(int *)*state;
    return dup2(saved, STDERR_FILENO) < 0 || close(saved) != 0;
}

static void
progress_is_said_in_words(void **state)
{
    (void)state;
    char text[LOADING_LINE_MAX];
    attl_load_progress p = {
        .bytes_done = 41, .bytes_total = 100, .entries = 1234567, .eta_ms = 11001
    };
    loading_text(&p, text, sizeof text);
    assert_string_equal(text, "41 %, 1234567 entries, 12 s left");
    p.eta_ms = -1;
    p.bytes_total = 0; /* not known yet */
    loading_text(&p, text, sizeof text);
    assert_string_equal(text, "0 %, 1234567 entries");
    p.bytes_done = UINT64_MAX; /* a log that grew while it was read */
    p.bytes_total = 1;
    p.entries = UINT64_MAX;
    p.eta_ms = INT64_MAX - 1000;
    loading_text(&p, text, sizeof text);
    assert_memory_equal(text, "100 %", 5);
}

static void
the_bar_fills(void **state)
{
    (void)state;
    char line[LOADING_LINE_MAX];
    attl_load_progress p = { .bytes_done = 50, .bytes_total = 100, .entries = 7, .eta_ms = -1 };
    loading_bar(&p, line, sizeof line);
    assert_string_equal(line, "loading [###############...............] 50 %, 7 entries");
    p.bytes_done = 1000;
    loading_bar(&p, line, sizeof line);
    assert_string_equal(line, "loading [##############################] 100 %, 7 entries");
}

static void
loading_ends_well_or_with_a_code(void **state)
{
    (void)state;
    static const struct {
        int status, code;
    } cases[] = {
        { ATTL_OK, EX_OK },      { ATTL_E_DAMAGED, EX_DATAERR }, { ATTL_E_LOCKED, EX_TEMPFAIL },
        { ATTL_E_IO, EX_IOERR }, { ATTL_E_CONFIG, EX_CONFIG },   { ATTL_E_NOMEM, EX_OSERR }
    };
    struct log log;
    log_init(&log, LOG_DEBUG, true);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct loading loading;
        int code = EX_OK;
        fake = (attl_load_progress){ .loading = 1 };
        loading_begin(&loading, &log, NULL);
        assert_true(loading_goes_on(&loading, &code));
        fake = (attl_load_progress){ .status = cases[i].status };
        assert_false(loading_goes_on(&loading, &code));
        assert_int_equal(code, cases[i].code);
        loading_end(&loading);
        assert_false(log.bar);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_is_said_in_words),
        cmocka_unit_test(the_bar_fills),
        cmocka_unit_test_setup_teardown(loading_ends_well_or_with_a_code, silence, speak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
