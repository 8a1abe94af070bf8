/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates of webhook bodies: the default one is JSON whatever an incident says, names that do not
 * exist are found before anything is sent, and a body that grows too large is a failure that shows.
 * Bodies are compared byte for byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alert/template.h"

static const attl_incident incident = {
    .struct_size = sizeof incident,
    .id = 7,
    .correlation = 0xabc,
    .severity = ATTL_SEVERITY_CRITICAL,
    .state = ATTL_INCIDENT_OPEN,
    .level = 2,
    .simulated = 1,
    .times = 3,
    .since_ms = 1000,
    .changed_ms = 2000,
    .resolved_ms = ATTL_NO_DEADLINE,
    .value = 0.5,
    .limit = 1e300 * 1e300,
    .name = "wal_failure",
    .cause = "\"quoted\" \\ and \x01",
    .actions = "one\ntwo\n",
};
static const struct template_facts facts = {
    .event = "open", .incident = &incident, .host = "h1", .delivery = 9
};

static void
assert_filled(const char *template, const char *want)
{
    struct buf out;
    buf_init(&out, TEMPLATE_BODY_BYTES_MAX);
    assert_null(template_problem(template));
    template_fill(template, &facts, &out);
    assert_false(out.failed);
    assert_int_equal(out.len, strlen(want));
    assert_memory_equal(out.data, want, out.len);
    buf_fini(&out);
}

static void
the_default_says_everything(void **state)
{
    (void)state;
    assert_filled(
        template_default,
        "{\"event\":\"open\",\"id\":7,\"kind\":\"wal_failure\",\"severity\":\"critical\","
        "\"state\":\"open\",\"level\":2,\"times\":3,\"simulated\":true,\"since_ms\":1000,"
        "\"changed_ms\":2000,\"resolved_ms\":-1,\"value\":0.5,\"limit\":0,"
        "\"cause\":\"\\\"quoted\\\" \\\\ and \\u0001\",\"actions\":\"one\\u000atwo\\u000a\","
        "\"correlation\":\"0000000000000abc\",\"host\":\"h1\",\"delivery\":9}");
}

static void
text_around_names_is_kept(void **state)
{
    (void)state;
    assert_filled("", "");
    assert_filled("plain", "plain");
    assert_filled("${kind}", "wal_failure");
    assert_filled("{\"text\":\"$$5: ${severity} ${kind}${id}\"}",
                  "{\"text\":\"$5: critical wal_failure7\"}");
}

static void
what_is_no_name_is_pointed_at(void **state)
{
    (void)state;
    static const char *const wrong[] = { "$",       "a $ b", "${",       "${kind",
                                         "${Kind}", "${}",   "${kind }", "${kind}${kin}" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *problem = template_problem(wrong[i]);
        if (!problem || *problem != '$')
            fail_msg("'%s' passes", wrong[i]);
    }
    assert_string_equal(template_problem("${kind}${kin}"), "${kin}");
}

static void
a_body_beyond_its_maximum_is_a_failure(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 40);
    template_fill(template_default, &facts, &out);
    assert_int_equal(out.failed, BUF_TOO_BIG);
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_says_everything),
        cmocka_unit_test(text_around_names_is_kept),
        cmocka_unit_test(what_is_no_name_is_pointed_at),
        cmocka_unit_test(a_body_beyond_its_maximum_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
