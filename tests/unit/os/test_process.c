/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process can learn about itself. The figures are the system's, so they are checked for
 * being plausible and for moving when this test makes them move: memory touched, time burnt,
 * limits raised.
 */
#include "os/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { TOUCHED_BYTES = 32 << 20 };

static void
touched_memory_shows_and_time_only_grows(void **state)
{
    (void)state;
    struct process_usage before, after;
    process_usage_get(&before);
    assert_true(before.resident_bytes > 0);
    char *block = malloc(TOUCHED_BYTES);
    assert_non_null(block);
    memset(block, 1, TOUCHED_BYTES);
    process_usage_get(&after);
    assert_true(after.resident_bytes > before.resident_bytes + TOUCHED_BYTES / 2);
    assert_true(after.user_cpu_us >= before.user_cpu_us);
    assert_true(after.system_cpu_us >= before.system_cpu_us);
    assert_true(after.user_cpu_us + after.system_cpu_us > 0);
    assert_true(process_machine_memory_bytes() > after.resident_bytes);
    free(block);
}

static void
descriptors_are_raised_as_far_as_allowed(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit low = { 64, limit.rlim_max < 128 ? limit.rlim_max : 128 };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(process_raise_fd_limit(32), 64); /* never lowered */
    assert_int_equal(process_raise_fd_limit(100), 100);
    assert_int_equal(process_raise_fd_limit(100000000), low.rlim_max);
}

static void
names_and_numbers(void **state)
{
    (void)state;
    char os[PROCESS_OS_NAME_MAX];
    process_os_name(os);
    assert_memory_equal(os, "Linux ", 6);
    assert_int_equal(process_id(), getpid());
    unsigned char a[32] = { 0 }, b[32] = { 0 };
    assert_true(process_random(a, sizeof a));
    assert_true(process_random(b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
}

static void
new_files_are_private(void **state)
{
    (void)state;
    process_umask_private();
    assert_int_equal(umask(022), 077);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(touched_memory_shows_and_time_only_grows),
        cmocka_unit_test(descriptors_are_raised_as_far_as_allowed),
        cmocka_unit_test(names_and_numbers),
        cmocka_unit_test(new_files_are_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
