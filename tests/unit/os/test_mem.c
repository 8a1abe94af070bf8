/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory from the system: reserved addresses are aligned and cannot be touched, committed ones are
 * zeroed and can, decommitted ones are as before and come back zeroed, and what cannot be had is
 * NULL, not a crash. Forbidden accesses happen in children, which must not survive them.
 */
#include "os/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MIB = 1 << 20, ARENA = 2 * MIB, ARENAS = 8, UNHARMED = 42 };

/* True if reading the byte at `at` kills a child. */
static bool
reading_kills(const volatile char *at)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        (void)setrlimit(RLIMIT_CORE, &none); /* a core of a test is only litter */
        (void)signal(SIGSEGV, SIG_DFL);      /* cmocka and the sanitizers have handlers */
        (void)signal(SIGBUS, SIG_DFL);
        char seen = *at;
        (void)seen;
        _exit(UNHARMED);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return !WIFEXITED(status) || WEXITSTATUS(status) != UNHARMED;
}

static bool
all_zero(const char *at, size_t bytes)
{
    return at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0;
}

static void
reserved_addresses_are_aligned(void **state)
{
    (void)state;
    for (size_t align = 4096; align <= 64 * (size_t)MIB; align *= 4) {
        char *at = os_mem_reserve(ARENA * ARENAS, align);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % align, 0);
        assert_true(os_mem_commit(at, ARENA * ARENAS, false));
        at[0] = at[ARENA * ARENAS - 1] = 1; /* all of it is ours */
        os_mem_release(at, ARENA * ARENAS);
    }
}

static void
reserved_memory_cannot_be_touched_until_committed(void **state)
{
    (void)state;
    char *at = os_mem_reserve(ARENA * ARENAS, ARENA);
    assert_non_null(at);
    assert_true(os_mem_commit(at + ARENA, ARENA, true));
    assert_true(all_zero(at + ARENA, ARENA));
    memset(at + ARENA, 0x5a, ARENA);
    assert_true(reading_kills(at + ARENA - 1));
    assert_true(reading_kills(at + 2 * ARENA));
    assert_false(reading_kills(at + ARENA));
    os_mem_release(at, ARENA * ARENAS);
}

static void
given_back_memory_is_gone_and_comes_back_zeroed(void **state)
{
    (void)state;
    char *at = os_mem_reserve(ARENA * ARENAS, ARENA);
    assert_non_null(at);
    for (int huge = 0; huge < 2; huge++) {
        assert_true(os_mem_commit(at, 3 * ARENA, huge));
        memset(at, 0x5a, 3 * ARENA);
        assert_true(os_mem_decommit(at + ARENA, ARENA));
        assert_true(reading_kills(at + ARENA));
        assert_true(reading_kills(at + 2 * ARENA - 1));
        assert_int_equal(at[ARENA - 1], 0x5a); /* the neighbours are as they were */
        assert_int_equal(at[2 * ARENA], 0x5a);
        assert_true(os_mem_commit(at + ARENA, ARENA, huge));
        assert_true(all_zero(at + ARENA, ARENA));
        assert_true(os_mem_decommit(at, 3 * ARENA));
    }
    os_mem_release(at, ARENA * ARENAS);
}

/* What a large range costs while nothing of it is committed: addresses only. */
static void
the_largest_range_costs_nothing(void **state)
{
    (void)state;
    size_t bytes = os_mem_reserve_max();
    assert_true(bytes >= (size_t)1 << 32);
    assert_int_equal(bytes % ARENA, 0);
    char *at = os_mem_reserve(bytes, ARENA);
    if (at == NULL)
        skip(); /* an address space limit is in force: the engine then asks for less */
    assert_true(os_mem_commit(at + bytes - ARENA, ARENA, false));
    at[bytes - 1] = 1;
    os_mem_release(at, bytes);
}

static void
what_cannot_be_had_is_null(void **state)
{
    (void)state;
    assert_null(os_mem_reserve((size_t)1 << 60, ARENA));
    os_mem_release(NULL, 4096);
    os_mem_unmap(NULL, 4096);
}

static void
mapped_memory_is_zeroed_and_ours(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 4 * (size_t)MIB; bytes = bytes * 3 + 1) {
        char *at = os_mem_map(bytes);
        assert_non_null(at);
        if (bytes > 1)
            assert_true(all_zero(at, bytes));
        memset(at, 0xff, bytes);
        os_mem_unmap(at, bytes);
    }
}

/* ---- a part of a huge page goes back ---- */

enum { GAVE_BACK, KEPT, NO_GROUP };

static bool
put_text(const char *folder, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return ok;
}

static long
charged_bytes(const char *folder)
{
    char path[128], text[32] = { 0 };
    (void)snprintf(path, sizeof path, "%s/memory.usage_in_bytes", folder);
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        (void)snprintf(path, sizeof path, "%s/memory.current", folder);
        fd = open(path, O_RDONLY);
    }
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    return n > 0 ? strtol(text, NULL, 10) : -1;
}

static int
discard_halves_in(const char *folder)
{
    char *at = os_mem_reserve(ARENAS * ARENA, ARENA);
    if (!put_text(folder, "cgroup.procs", "0") || !at || !os_mem_commit(at, ARENAS * ARENA, true))
        return NO_GROUP;
    memset(at, 1, ARENAS * ARENA);
    long before = charged_bytes(folder);
    for (int i = 0; i < ARENAS; i++)
        if (!os_mem_discard(at + (ptrdiff_t)i * ARENA + ARENA / 4, ARENA / 2))
            return KEPT;
    long after = charged_bytes(folder);
    if (before < 0 || after < 0)
        return NO_GROUP;
    return before - after > ARENAS * ARENA / 4 ? GAVE_BACK : KEPT;
}

static void
half_a_huge_page_goes_back_at_once(void **state)
{
    (void)state;
    static const char *const roots[] = { "/sys/fs/cgroup/memory", "/sys/fs/cgroup" };
    char folder[96];
    int made = -1;
    for (int i = 0; i < 2 && made != 0; i++) {
        (void)snprintf(folder, sizeof folder, "%s/attl-test-mem-%d", roots[i], (int)getpid());
        made = mkdir(folder, 0700);
    }
    if (made != 0)
        skip(); /* no control groups to be had */
    pid_t child = fork();
    if (child == 0)
        _exit(discard_halves_in(folder));
    int status = 0;
    pid_t waited = waitpid(child, &status, 0);
    for (int i = 0; i < 100 && rmdir(folder) != 0; i++)
        usleep(10000);
    assert_true(child > 0 && waited == child && WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_GROUP)
        skip();
    assert_int_equal(WEXITSTATUS(status), GAVE_BACK);
}

static void
huge_pages_are_what_the_system_says(void **state)
{
    (void)state;
    char text[64] = { 0 };
    int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY);
    if (fd < 0) {
        assert_false(os_mem_has_huge_pages());
        return;
    }
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    (void)close(fd);
    assert_int_equal(os_mem_has_huge_pages(), strstr(text, "[never]") == NULL);
}

static void
random_bytes_fill_the_whole_and_differ(void **state)
{
    (void)state;
    unsigned char a[192], b[192];
    unsigned set[8] = { 0 };
    memset(a, 0, sizeof(a));
    memset(b, 0, sizeof(b));
    assert_true(os_mem_random(a, sizeof(a)));
    assert_true(os_mem_random(b, sizeof(b)));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + 176, b + 176, 16); /* to the very end */
    for (size_t i = 0; i < sizeof(a); i++)
        for (unsigned bit = 0; bit < 8; bit++)
            set[bit] += (a[i] >> bit & 1) + (b[i] >> bit & 1);
    for (unsigned bit = 0; bit < 8; bit++) /* 384 throws, eight standard deviations */
        assert_in_range(set[bit], 192 - 80, 192 + 80);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserved_addresses_are_aligned),
        cmocka_unit_test(reserved_memory_cannot_be_touched_until_committed),
        cmocka_unit_test(given_back_memory_is_gone_and_comes_back_zeroed),
        cmocka_unit_test(the_largest_range_costs_nothing),
        cmocka_unit_test(what_cannot_be_had_is_null),
        cmocka_unit_test(mapped_memory_is_zeroed_and_ours),
        cmocka_unit_test(half_a_huge_page_goes_back_at_once),
        cmocka_unit_test(huge_pages_are_what_the_system_says),
        cmocka_unit_test(random_bytes_fill_the_whole_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
