/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of events: what a change is called after the command that made it, and whether the flags
 * want it. The channels are tested where there are subscribers, in the e2e tests.
 */
#include "net/events.h"

#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { ALL = NOTIFY_GENERIC | NOTIFY_STRING | NOTIFY_EXPIRED | NOTIFY_EVICTED };

static enum keyspace_event
event(uint32_t kind, int64_t deadline_ms, const char *command, uint32_t flags)
{
    attl_notice notice = { .kind = kind, .key = attl_s("k"), .deadline_ms = deadline_ms };
    return event_of(&notice, command, flags);
}

static void
events_are_called_after_their_commands(void **state)
{
    (void)state;
    static const struct {
        uint32_t kind;
        int64_t deadline_ms;
        const char *command;
        enum keyspace_event want;
    } cases[] = {
        { ATTL_EV_SET, ATTL_NO_DEADLINE, "set", EVENT_SET },
        { ATTL_EV_SET, ATTL_NO_DEADLINE, NULL, EVENT_SET },
        { ATTL_EV_SET, 5, "set", EVENT_SET_EXPIRE },
        { ATTL_EV_SET, 5, "setex", EVENT_SET_EXPIRE },
        { ATTL_EV_SET, 5, "append", EVENT_APPEND },
        { ATTL_EV_SET, 5, "decr", EVENT_INCRBY },
        { ATTL_EV_SET, 5, "incrbyfloat", EVENT_INCRBYFLOAT },
        { ATTL_EV_SET, 5, "setrange", EVENT_SETRANGE },
        { ATTL_EV_SET, 5, "copy", EVENT_COPY_TO },
        { ATTL_EV_SET, 5, "renamenx", EVENT_RENAME_TO },
        { ATTL_EV_DELETED, 5, "rename", EVENT_RENAME_FROM },
        { ATTL_EV_DELETED, 5, "getdel", EVENT_DEL },
        { ATTL_EV_EXPIRE, 5, "getex", EVENT_EXPIRE },
        { ATTL_EV_EXPIRE, ATTL_NO_DEADLINE, "persist", EVENT_PERSIST },
        { ATTL_EV_EXPIRED, 5, NULL, EVENT_EXPIRED },
        { ATTL_EV_EVICTED, 5, "set", EVENT_EVICTED },
        { ATTL_EV_CLEARED, 5, "flushall", EVENT_NONE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(event(cases[i].kind, cases[i].deadline_ms, cases[i].command, ALL),
                         cases[i].want);
}

static void
flags_choose(void **state)
{
    (void)state;
    assert_int_equal(event(ATTL_EV_SET, 5, "set", NOTIFY_STRING), EVENT_SET);
    assert_int_equal(event(ATTL_EV_SET, 5, "set", NOTIFY_GENERIC), EVENT_EXPIRE);
    assert_int_equal(event(ATTL_EV_SET, 5, "set", NOTIFY_EXPIRED), EVENT_NONE);
    assert_int_equal(event(ATTL_EV_DELETED, 5, "del", NOTIFY_STRING), EVENT_NONE);
    assert_int_equal(event(ATTL_EV_EXPIRED, 5, NULL, NOTIFY_EXPIRED), EVENT_EXPIRED);
    assert_int_equal(event(ATTL_EV_EVICTED, 5, NULL, NOTIFY_EXPIRED), EVENT_NONE);
}

static void
new_keys_are_told_on_demand(void **state)
{
    (void)state;
    attl_notice n = { .struct_size = sizeof n, .kind = ATTL_EV_SET, .is_new = 1 };
    assert_true(event_is_of_new_key(&n, "set", NOTIFY_NEW));
    assert_true(event_is_of_new_key(&n, NULL, NOTIFY_NEW));
    assert_false(event_is_of_new_key(&n, "set", NOTIFY_STRING | NOTIFY_GENERIC));
    n.is_new = 0;
    assert_false(event_is_of_new_key(&n, "set", NOTIFY_NEW));
    assert_true(
        event_is_of_new_key(&n, "rename", NOTIFY_NEW)); /* what it replaces is deleted first */
    assert_true(event_is_of_new_key(&n, "copy", NOTIFY_NEW));
    n.kind = ATTL_EV_DELETED;
    n.is_new = 1;
    assert_false(event_is_of_new_key(&n, "del", NOTIFY_NEW));
    assert_int_equal(event(ATTL_EV_SET, 5, "set", NOTIFY_NEW), EVENT_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_called_after_their_commands),
        cmocka_unit_test(flags_choose),
        cmocka_unit_test(new_keys_are_told_on_demand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
