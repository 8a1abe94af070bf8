/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Running a program: what it gets as arguments, environment and input, what is told of its end, and
 * that it cannot stay: one that hangs, and all that it started, is killed. Programs are those every
 * system has; a file in a folder of the test's own is what they leave behind to be looked at.
 */
#include "os/child.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_BYTES = 256, TEXT_BYTES = 8192, PATIENCE_MS = 20000 };

struct place {
    char dir[PATH_BYTES], file[PATH_BYTES + 16];
};

static int
setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    (void)snprintf(p->dir, sizeof p->dir, "/tmp/attl-child-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->file, sizeof p->file, "%s/out", p->dir);
    *state = p;
    return 0;
}

static int
teardown(void **state)
{
    struct place *p = *state;
    (void)remove(p->file); /* not every test writes it */
    assert_int_equal(rmdir(p->dir), 0);
    free(p);
    return 0;
}

static enum child_end
run(const char *script, const char *arg, const char *input, int64_t timeout_ms, int *ret_code)
{
    char *argv[] = {
        "/bin/sh", "-c", (char *)(uintptr_t)script, "sh", (char *)(uintptr_t)arg, NULL
    };
    char *environment[] = { "PATH=/usr/bin:/bin", "ONE=1; two", NULL };
    struct child_call call = { .argv = argv,
                               .environment = environment,
                               .input = input,
                               .input_len = strlen(input),
                               .timeout_ms = timeout_ms };
    return child_run(&call, ret_code);
}

static void
expect_file(const struct place *p, const char *want)
{
    char text[TEXT_BYTES] = "";
    FILE *f = fopen(p->file, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    (void)fclose(f);
    assert_string_equal(text, want);
}

static void
it_gets_its_input_arguments_and_environment_and_nothing_else(void **state)
{
    struct place *p = *state;
    int code;
    assert_int_equal(setenv("ATTL_TEST_SECRET", "secret", 1), 0);
    assert_int_equal(
        run("{ cat; echo \"[$1]\"; echo \"[$ONE]\"; env | grep -c SECRET; pwd; } > \"$1\"; "
            "echo shouting; echo shouting >&2",
            p->file, "line one\nline two\n", PATIENCE_MS, &code),
        CHILD_EXITED);
    assert_int_equal(code, 0);
    char want[TEXT_BYTES];
    (void)snprintf(want, sizeof want, "line one\nline two\n[%s]\n[1; two]\n0\n/\n", p->file);
    expect_file(p, want);
}

static void
it_does_not_inherit_descriptors(void **state)
{
    struct place *p = *state;
    int ends[2], code;
    assert_int_equal(pipe(ends), 0); /* without close-on-exec, as a careless host has them */
    assert_int_equal(run("ls /proc/self/fd | grep -cE '^([4-9]|[0-9][0-9])' > \"$1\"", p->file, "",
                         PATIENCE_MS, &code),
                     CHILD_EXITED);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
    expect_file(p, "0\n");
}

static void
its_end_is_told(void **state)
{
    (void)state;
    int code;
    assert_int_equal(run("exit 7", "", "", PATIENCE_MS, &code), CHILD_EXITED);
    assert_int_equal(code, 7);
    assert_int_equal(run("kill -TERM $$", "", "", PATIENCE_MS, &code), CHILD_SIGNALED);
    assert_int_equal(code, SIGTERM);
    char *argv[] = { "/nonexistent/program", NULL };
    char *environment[] = { NULL };
    struct child_call call = { .argv = argv, .environment = environment, .timeout_ms = 1000 };
    assert_int_equal(child_run(&call, &code), CHILD_NOT_STARTED);
    assert_int_equal(code, ENOENT);
    argv[0] = "/etc/passwd"; /* not a program */
    assert_int_equal(child_run(&call, &code), CHILD_NOT_STARTED);
    assert_int_equal(code, EACCES);
}

/* Also one that never reads what it is given, however long that is. */
static void
input_that_nobody_reads_harms_nobody(void **state)
{
    (void)state;
    int code;
    size_t len = 1 << 20;
    char *input = malloc(len + 1);
    assert_non_null(input);
    memset(input, 'x', len);
    input[len] = '\0';
    assert_int_equal(run("exit 0", "", input, PATIENCE_MS, &code), CHILD_EXITED);
    assert_int_equal(code, 0);
    free(input);
}

static int64_t
real_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* always there */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The second process would write the file, were it not killed with the first. */
static void
what_hangs_is_killed_with_all_it_started(void **state)
{
    struct place *p = *state;
    int code;
    int64_t start_ms = real_ms();
    assert_int_equal(run("(sleep 2; echo alive > \"$1\") & trap '' TERM INT HUP; sleep 100",
                         p->file, "", 300, &code),
                     CHILD_KILLED);
    assert_true(real_ms() - start_ms >= 300 && real_ms() - start_ms < PATIENCE_MS);
    (void)sleep(3);
    assert_int_equal(access(p->file, F_OK), -1);
}

static bool
stop_at_third(void *ud)
{
    int *asked = ud;
    return ++*asked == 3;
}

static void
it_ends_when_told_to(void **state)
{
    (void)state;
    char *argv[] = { "/bin/sleep", "100", NULL };
    char *environment[] = { NULL };
    int asked = 0, code;
    struct child_call call = { .argv = argv,
                               .environment = environment,
                               .timeout_ms = 100000,
                               .stop = stop_at_third,
                               .ud = &asked };
    assert_int_equal(child_run(&call, &code), CHILD_KILLED);
    assert_int_equal(asked, 3);
}

/* A host that does not want to hear of children lets the system take them. */
static void
a_host_that_ignores_children_is_no_failure(void **state)
{
    (void)state;
    int code;
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);
    assert_int_equal(run("exit 3", "", "", PATIENCE_MS, &code), CHILD_EXITED);
    assert_int_equal(code, -1);
    (void)signal(SIGCHLD, before); /* as it was */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            it_gets_its_input_arguments_and_environment_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(it_does_not_inherit_descriptors, setup, teardown),
        cmocka_unit_test(its_end_is_told),
        cmocka_unit_test(input_that_nobody_reads_harms_nobody),
        cmocka_unit_test_setup_teardown(what_hangs_is_killed_with_all_it_started, setup, teardown),
        cmocka_unit_test(it_ends_when_told_to),
        cmocka_unit_test(a_host_that_ignores_children_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
