/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said when: nothing about a reload before the server was ready, more time for a load, and
 * no sleep cut short without a watchdog. The supervisor is a datagram socket of the test's own in
 * the abstract name space; the proof of the workers is tests/e2e/test_systemd.py's.
 */
#include "server/supervise.h"

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

enum { MESSAGE_MAX = 1024 };

static int
setup(void **state)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int *fd = malloc(sizeof *fd);
    assert_non_null(fd);
    int len = snprintf(at.sun_path, sizeof at.sun_path, "@attl-supervise-%ld", (long)getpid());
    assert_int_equal(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
    at.sun_path[0] = '\0';
    *fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(*fd >= 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len);
    assert_int_equal(bind(*fd, (struct sockaddr *)&at, size), 0);
    *state = fd;
    return 0;
}

static int
teardown(void **state)
{
    int *fd = *state;
    (void)close(*fd);
    free(fd);
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    return 0;
}

/* The next message, "" if there is none. */
static const char *
next(void **state, char text[MESSAGE_MAX])
{
    ssize_t n = recv(*(int *)*state, text, MESSAGE_MAX - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void
a_load_gets_more_time(void **state)
{
    char text[MESSAGE_MAX];
    supervise_loading("41 %, 7 entries");
    assert_string_equal(next(state, text),
                        "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=loading: 41 %, 7 entries");
}

static void
a_reload_is_told_once_the_server_was_ready(void **state)
{
    char text[MESSAGE_MAX];
    struct supervise s;
    supervise_begin(&s);
    supervise_reloading(&s);
    supervise_reloaded(&s);
    assert_string_equal(next(state, text), "");
    supervise_ready(&s);
    assert_string_equal(next(state, text), "READY=1\nSTATUS=serving");
    supervise_reloading(&s);
    assert_ptr_equal(strstr(next(state, text), "RELOADING=1\nMONOTONIC_USEC="), text);
    supervise_reloaded(&s);
    assert_string_equal(next(state, text), "READY=1\nSTATUS=serving");
    supervise_stopping();
    assert_ptr_equal(strstr(next(state, text), "STOPPING=1\n"), text);
}

static void
without_a_watchdog_one_sleeps_for_ever(void **state)
{
    char text[MESSAGE_MAX];
    struct supervise s;
    supervise_begin(&s);
    assert_int_equal(supervise_sleep_ms(&s), -1);
    supervise_look(&s, NULL); /* asks nobody */
    assert_string_equal(next(state, text), "");
    assert_int_equal(setenv("WATCHDOG_USEC", "600000000", 1), 0);
    supervise_begin(&s);
    assert_int_equal(supervise_sleep_ms(&s), 0); /* the first look is due at once */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_load_gets_more_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reload_is_told_once_the_server_was_ready, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_a_watchdog_one_sleeps_for_ever, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
