/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.INCIDENT over the wire format: an empty list, a drill and its record in both protocols,
 * acknowledging, what is refused and with which words, and the section of INFO. What incidents are
 * is tested in tests/unit/api/test_incident.c.
 */
#include "command_support.h"

static void
tick(struct fixture *f, int64_t ms)
{
    f->now_ms += ms;
    attl_tick(f->cache, 0, NULL);
}

static void
a_drill_is_listed_shown_and_acknowledged(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.INCIDENT LIST", "*0\r\n");
    expect(f, "ATTL.INCIDENT LIST OPEN", "*0\r\n");
    expect(f, "ATTL.TRACE request-5", OK);
    expect(f, "ATTL.INCIDENT SIMULATE bounds_exceeded", OK);
    tick(f, 0);
    expect_part(f, "ATTL.INCIDENT SHOW 1", "$7\r\nrequest\r\n$9\r\nrequest-5\r\n");
    expect_part(
        f, "ATTL.INCIDENT LIST",
        "*1\r\n*34\r\n$2\r\nid\r\n:1\r\n$4\r\nkind\r\n$15\r\nbounds_exceeded\r\n"
        "$8\r\nseverity\r\n$7\r\nwarning\r\n$5\r\nstate\r\n$4\r\nopen\r\n$5\r\nlevel\r\n:0");
    assert_true(reply_is_whole(f));
    expect_part(f, "ATTL.INCIDENT SHOW 1", "$7\r\nactions\r\n*1\r\n");
    assert_true(reply_is_whole(f));
    expect_part(f, "ATTL.INCIDENT SHOW 1", "would evict");
    expect(f, "ATTL.INCIDENT ACK 1", OK);
    expect_part(f, "attl.incident list open", "$12\r\nacknowledged\r\n");
    expect(f, "ATTL.INCIDENT SIMULATE BOUNDS_EXCEEDED off", OK);
    for (int n = 0; n < 6; n++)
        tick(f, 1000);
    expect(f, "ATTL.INCIDENT LIST OPEN", "*0\r\n");
    expect_part(f, "ATTL.INCIDENT LIST", "$8\r\nresolved\r\n");
    expect(f, "ATTL.INCIDENT ACK 1", "-ERR no such incident, or it is resolved\r\n");
    run(f, "HELLO 3");
    expect_part(f, "ATTL.INCIDENT SHOW 1", "%17\r\n$2\r\nid\r\n:1\r\n");
    assert_true(reply_is_whole(f));
}

static void
what_makes_no_sense_is_refused(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "ATTL.INCIDENT LIST ALL", SYNTAX_ERROR },
               { "ATTL.INCIDENT LIST OPEN OPEN", SYNTAX_ERROR },
               { "ATTL.INCIDENT SHOW 1", "-ERR no such incident\r\n" },
               { "ATTL.INCIDENT SHOW 0", "-ERR no such incident\r\n" },
               { "ATTL.INCIDENT SHOW -1", "-ERR no such incident\r\n" },
               { "ATTL.INCIDENT SHOW x", NOT_AN_INTEGER },
               { "ATTL.INCIDENT ACK 7", "-ERR no such incident, or it is resolved\r\n" },
               { "ATTL.INCIDENT ACK x", NOT_AN_INTEGER },
               { "ATTL.INCIDENT SIMULATE fire",
                 "-ERR no such kind of incident, try ATTL.INCIDENT KINDS\r\n" },
               { "ATTL.INCIDENT SIMULATE ''",
                 "-ERR no such kind of incident, try ATTL.INCIDENT KINDS\r\n" },
               { "ATTL.INCIDENT SIMULATE memory ON", SYNTAX_ERROR },
               { "ATTL.INCIDENT SIMULATE memory OFF OFF", SYNTAX_ERROR }, );
    expect_part(f, "ATTL.INCIDENT", "-ERR wrong number of arguments");
    expect_part(f, "ATTL.INCIDENT SHOW", "-ERR wrong number of arguments");
    expect_part(f, "ATTL.INCIDENT KINDS x", "-ERR wrong number of arguments");
    expect_part(f, "ATTL.INCIDENT BURN", "-ERR unknown subcommand");
    assert_int_equal(attl_option_set(f->cache, "incident.enabled", "no", NULL, 0), ATTL_OK);
    expect(f, "ATTL.INCIDENT SIMULATE memory",
           "-ERR incident response is off: set incident.enabled\r\n");
}

static void
kinds_are_listed_with_what_is_done(void **state)
{
    struct fixture *f = fixture_of(state);
    char want[64];
    (void)snprintf(want, sizeof want, "*%d\r\n*8\r\n$6\r\nnumber\r\n:0\r\n$4\r\nkind\r\n",
                   ATTL_INCIDENT_KINDS);
    expect_part(f, "ATTL.INCIDENT KINDS", want);
    assert_true(reply_is_whole(f));
    for (int kind = 0; kind < ATTL_INCIDENT_KINDS; kind++)
        expect_part(f, "ATTL.INCIDENT KINDS", attl_incident_kind_name(kind));
    expect_part(f, "ATTL.INCIDENT HELP", "SIMULATE");
}

static void
info_counts_them(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "INFO incidents", "incidents_open:0\r\nincidents_total:0\r\n");
    expect_no_part(f, "INFO incidents", "incident_last:");
    run(f, "ATTL.INCIDENT SIMULATE memory");
    tick(f, 0);
    expect_part(f, "INFO incidents", "\r\nincidents_open:1\r\nincidents_total:1\r\n");
    expect_part(f, "INFO incidents", "incidents_memory:1\r\n");
    expect_part(f, "INFO incidents", "incidents_wal_failure:0\r\n");
    expect_part(f, "INFO",
                "incident_last:id=1,kind=memory,severity=critical,state=open,level=0,since_ms=");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_drill_is_listed_shown_and_acknowledged),
        TEST(what_makes_no_sense_is_refused),
        TEST(kinds_are_listed_with_what_is_done),
        TEST(info_counts_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
