/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program is given: its words, which nothing but spaces divides, and the record as JSON and
 * as variables, whatever text is in it. The running itself is tested in tests/unit/os/test_child.c
 * and from the outside in tests/e2e/test_incidents.py.
 */
#include "control/incident_tell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS = 6 };

static void
expect_words(const char *line, const char *want)
{
    char text[128], got[128] = "";
    size_t len = 0;
    char *words[WORDS];
    (void)snprintf(text, sizeof text, "%s", line);
    size_t n = incident_exec_words(text, words, WORDS);
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(got + len, sizeof got - len, "[%s]", words[i]);
    if (n > 0)
        assert_null(words[n]);
    assert_string_equal(got, want);
}

static void
only_spaces_divide_words(void **state)
{
    (void)state;
    expect_words("", "");
    expect_words("   ", "");
    expect_words("/bin/true", "[/bin/true]");
    expect_words("  /bin/true   a  b ", "[/bin/true][a][b]");
    expect_words("/a \"b c\" $(d) ;e", "[/a][\"b][c\"][$(d)][;e]");
    expect_words("/a 'x;y' `z` |w", "[/a]['x;y'][`z`][|w]");
    expect_words("/a\tb", "[/a\tb]");
    expect_words("/a 1 2 3 4", "[/a][1][2][3][4]");
    expect_words("/a 1 2 3 4 5", ""); /* too many */
    expect_words("a /b", "");         /* not absolute */
    expect_words("./a", "");
    expect_words("sh -c /bin/true", "");
}

static struct incident_note
make_note(void)
{
    struct incident_note note = { .event = ATTL_INCIDENT_ESCALATED };
    note.incident = (struct incident){ .id = 7,
                                       .correlation = UINT64_C(0x00ab),
                                       .kind = INCIDENT_LOW_DISK,
                                       .state = ATTL_INCIDENT_ACKNOWLEDGED,
                                       .level = 2,
                                       .times = 3,
                                       .since_ms = 1000,
                                       .changed_ms = 2000,
                                       .value = 1.5,
                                       .limit = 1e300 * 1e300 };
    (void)snprintf(note.incident.cause, sizeof note.incident.cause,
                   "\"quoted\" back\\slash $(reboot)");
    (void)snprintf(note.incident.request, sizeof note.incident.request, "req-1");
    incident_did(&note.incident, "one");
    incident_did(&note.incident, "two");
    return note;
}

static void
a_record_is_one_line_of_json(void **state)
{
    (void)state;
    struct incident_note note = make_note();
    struct incident_text text;
    incident_text_make(&text, &note);
    assert_string_equal(
        text.json,
        "{\"id\":7,\"event\":\"escalate\",\"kind\":\"low_disk\",\"severity\":\"warning\","
        "\"state\":\"acknowledged\",\"level\":2,\"times\":3,\"correlation\":\"00000000000000ab\","
        "\"request\":\"req-1\","
        "\"simulated\":false,\"since_ms\":1000,\"changed_ms\":2000,\"resolved_ms\":-1,"
        "\"value\":1.5,\"limit\":0,\"cause\":\"\\\"quoted\\\" back\\\\slash $(reboot)\","
        "\"actions\":\"one\\ntwo\"}\n");
    assert_int_equal(text.json_len, strlen(text.json));
}

static void
variables_are_those_of_the_record_and_a_path(void **state)
{
    (void)state;
    static const char *const want[] = { "PATH=/usr/local/bin:/usr/bin:/bin",
                                        "ATTL_INCIDENT_ID=7",
                                        "ATTL_INCIDENT_EVENT=escalate",
                                        "ATTL_INCIDENT_KIND=low_disk",
                                        "ATTL_INCIDENT_SEVERITY=warning",
                                        "ATTL_INCIDENT_STATE=acknowledged",
                                        "ATTL_INCIDENT_LEVEL=2",
                                        "ATTL_INCIDENT_CORRELATION=00000000000000ab",
                                        "ATTL_INCIDENT_REQUEST=req-1",
                                        "ATTL_INCIDENT_SIMULATED=0",
                                        "ATTL_INCIDENT_VALUE=1.5",
                                        "ATTL_INCIDENT_LIMIT=inf",
                                        "ATTL_INCIDENT_CAUSE=\"quoted\" back\\slash $(reboot)" };
    struct incident_note note = make_note();
    struct incident_text text;
    incident_text_make(&text, &note);
    size_t n = 0;
    for (; text.environment[n]; n++)
        assert_string_equal(text.environment[n], want[n]);
    assert_int_equal(n, sizeof want / sizeof want[0]);
}

/* The longest record there can be still fits, and is whole. */
static void
the_longest_record_fits(void **state)
{
    (void)state;
    struct incident_note note = make_note();
    struct incident *i = &note.incident;
    memset(i->cause, '"', sizeof i->cause - 1);
    i->cause[sizeof i->cause - 1] = '\0';
    memset(i->actions, '\\', sizeof i->actions - 1);
    i->actions[sizeof i->actions - 1] = '\0';
    memset(i->request, '"', sizeof i->request - 1);
    i->request[sizeof i->request - 1] = '\0';
    i->id = i->correlation = UINT64_MAX;
    i->since_ms = i->changed_ms = INT64_MIN;
    i->value = i->limit = -1.23456789012345e-300;
    struct incident_text text;
    incident_text_make(&text, &note);
    assert_true(text.json_len < sizeof text.json - 1);
    assert_string_equal(text.json + text.json_len - 4, "\\\"}\n");
    size_t n = 0;
    while (text.environment[n])
        n++;
    assert_int_equal(n, 13);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_spaces_divide_words),
        cmocka_unit_test(a_record_is_one_line_of_json),
        cmocka_unit_test(variables_are_those_of_the_record_and_a_path),
        cmocka_unit_test(the_longest_record_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
