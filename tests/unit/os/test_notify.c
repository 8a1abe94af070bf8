/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a supervisor receives: the text as it was given, over a socket with a path and over one in
 * the abstract name space; and what happens without one. The supervisor is a datagram socket of the
 * test's own. The environment belongs to the test program and is put back.
 */
#include "os/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { NAME_MAX_BYTES = 120 };

static int
clean(void **state)
{
    (void)state;
    (void)unsetenv("NOTIFY_SOCKET"); /* fail for broken names only */
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    return 0;
}

/* A socket named `name`, "@..." in the abstract name space, that $NOTIFY_SOCKET then points to. */
static int
supervisor(const char *name)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    size_t len = strlen(name);
    assert_true(len < sizeof at.sun_path);
    memcpy(at.sun_path, name, len);
    if (name[0] == '@')
        at.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void
expect(int fd, const char *text)
{
    char got[NOTIFY_TEXT_MAX + 1];
    ssize_t n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
    assert_true(n >= 0);
    got[n] = '\0';
    assert_string_equal(got, text);
}

static void
a_path_socket_gets_the_text(void **state)
{
    char name[NAME_MAX_BYTES];
    (void)state;
    (void)snprintf(name, sizeof name, "/tmp/attl-notify-%ld", (long)getpid());
    int fd = supervisor(name);
    assert_true(notify_is_wanted());
    assert_true(notify_send("READY=1\nSTATUS=serving"));
    expect(fd, "READY=1\nSTATUS=serving");
    (void)close(fd);
    assert_int_equal(unlink(name), 0);
}

static void
an_abstract_socket_gets_the_text(void **state)
{
    char name[NAME_MAX_BYTES];
    (void)state;
    (void)snprintf(name, sizeof name, "@attl-notify-%ld", (long)getpid());
    int fd = supervisor(name);
    assert_true(notify_send("WATCHDOG=1"));
    expect(fd, "WATCHDOG=1");
    (void)close(fd);
}

static void
without_a_supervisor_nothing_is_sent(void **state)
{
    char name[NAME_MAX_BYTES + 40];
    (void)state;
    assert_false(notify_is_wanted());
    assert_false(notify_send("READY=1"));
    static const char *const names[] = { "", "/", "@", "relative", "/nowhere/at/all" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        assert_false(notify_send("READY=1"));
    }
    memset(name, 'x', sizeof name);
    name[0] = '/';
    name[sizeof name - 1] = '\0';
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    assert_false(notify_send("READY=1"));
}

static void
the_watchdog_is_ours_if_it_names_us_or_nobody(void **state)
{
    char pid[24];
    (void)state;
    assert_int_equal(setenv("WATCHDOG_USEC", "30000000", 1), 0);
    assert_int_equal(notify_watchdog_ms(), 0); /* nobody to tell */
    assert_int_equal(setenv("NOTIFY_SOCKET", "@attl-nobody", 1), 0);
    assert_int_equal(notify_watchdog_ms(), 30000);
    (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
    assert_int_equal(notify_watchdog_ms(), 30000);
    assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0);
    assert_int_equal(notify_watchdog_ms(), 0);
    assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
    static const char *const periods[] = { "", "x", "0", "-5" };
    for (size_t i = 0; i < sizeof periods / sizeof periods[0]; i++) {
        assert_int_equal(setenv("WATCHDOG_USEC", periods[i], 1), 0);
        assert_int_equal(notify_watchdog_ms(), 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_path_socket_gets_the_text, clean, clean),
        cmocka_unit_test_setup_teardown(an_abstract_socket_gets_the_text, clean, clean),
        cmocka_unit_test_setup_teardown(without_a_supervisor_nothing_is_sent, clean, clean),
        cmocka_unit_test_setup_teardown(the_watchdog_is_ours_if_it_names_us_or_nobody, clean,
                                        clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
