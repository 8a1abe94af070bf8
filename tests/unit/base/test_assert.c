/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Assertions end the process, loudly, and only when they must. Each broken one runs in a child,
 * whose last words and signal are looked at. A true one costs one evaluation, and the slow kind
 * none at all in ordinary builds, which is what makes it affordable there.
 */
#include "base/assert.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct death {
    int status;
    char words[512];
};

/* Runs `fn` in a child without core dumps and collects what it says on stderr. */
static struct death
run_child(void (*fn)(void))
{
    struct death d = { 0 };
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        (void)setrlimit(RLIMIT_CORE, &none); /* a core of a test is only litter */
        (void)dup2(ends[1], STDERR_FILENO);
        fn();
        _exit(0);
    }
    (void)close(ends[1]);
    size_t len = 0;
    ssize_t n;
    while (len < sizeof(d.words) - 1 &&
           (n = read(ends[0], d.words + len, sizeof(d.words) - 1 - len)) > 0)
        len += (size_t)n;
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &d.status, 0), child);
    return d;
}

static void
break_an_invariant(void)
{
    int apples = 3;
    ASSERT(apples == 4);
}

static void
a_broken_assertion_names_itself_and_aborts(void **state)
{
    (void)state;
    struct death d = run_child(break_an_invariant);
    assert_true(WIFSIGNALED(d.status));
    assert_int_equal(WTERMSIG(d.status), SIGABRT);
    assert_non_null(strstr(d.words, "apples == 4"));
    assert_non_null(strstr(d.words, "test_assert.c:"));
    assert_non_null(strstr(d.words, "BUG"));
}

static void
keep_all_invariants(void)
{
    int calls = 0;
    ASSERT(++calls == 1);
    ASSERT(calls == 1);
}

static void
a_true_assertion_is_evaluated_once_and_is_silent(void **state)
{
    (void)state;
    struct death d = run_child(keep_all_invariants);
    assert_true(WIFEXITED(d.status));
    assert_int_equal(WEXITSTATUS(d.status), 0);
    assert_string_equal(d.words, "");
}

static void
slow_assertions_exist_only_in_builds_that_ask_for_them(void **state)
{
    (void)state;
    int calls = 0;
    ASSERT_SLOW(++calls == 1);
#ifdef ATTL_SLOW_CHECKS
    assert_int_equal(calls, 1);
#else
    assert_int_equal(calls, 0);
#endif
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_assertion_names_itself_and_aborts),
        cmocka_unit_test(a_true_assertion_is_evaluated_once_and_is_silent),
        cmocka_unit_test(slow_assertions_exist_only_in_builds_that_ask_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
