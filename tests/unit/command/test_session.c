/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions: names that may enter CLIENT LIST, and the line that describes one.
 */
#include "command_support.h"

#include "command/session.h"

static void
only_printable_names_are_let_in(void **state)
{
    struct fixture *f = fixture_of(state);
    assert_null(session_name_problem(attl_s("")));
    assert_null(session_name_problem(attl_s("worker:1")));
    for (unsigned c = 0; c < 256; c++) {
        char name[1] = { (char)c };
        assert_int_equal(session_name_problem(attl_b(name, 1)) == NULL, c > ' ' && c <= '~');
    }
    char longest[SESSION_NAME_MAX + 1];
    memset(longest, 'n', sizeof longest);
    assert_null(session_name_problem(attl_b(longest, SESSION_NAME_MAX)));
    assert_non_null(session_name_problem(attl_b(longest, sizeof longest)));
    session_set_name(&f->session, attl_b(longest, SESSION_NAME_MAX));
    assert_int_equal(strlen(f->session.name), SESSION_NAME_MAX);
}

static void
a_line_has_every_field(void **state)
{
    struct fixture *f = fixture_of(state);
    f->session.no_touch = true;
    session_set_name(&f->session, attl_s("me"));
    session_describe(&f->session, START_MS, &f->out);
    buf_append(&f->out, "", 1);
    assert_non_null(strstr(f->out.data, " name=me age=5 idle=5 flags=T db=0 sub=0 "));
    assert_non_null(strstr(f->out.data, " cmd=NULL user=default "));
    assert_null(strchr(f->out.data, '\n'));
}

static void
ages_are_never_negative(void **state)
{
    struct fixture *f = fixture_of(state);
    session_describe(&f->session, START_MS - 60000, &f->out);
    buf_append(&f->out, "", 1);
    assert_non_null(strstr(f->out.data, " age=0 idle=0 "));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_printable_names_are_let_in, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_has_every_field, setup, teardown),
        cmocka_unit_test_setup_teardown(ages_are_never_negative, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
