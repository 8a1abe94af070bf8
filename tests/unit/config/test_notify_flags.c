/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The letters of notify-keyspace-events as redis-server 7.0.15 shows them, and the flags that
 * follow. Through a configuration as well, where a wrong letter must change nothing.
 */
#include "config/notify_flags.h"

#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void
letters_are_shown_as_redis_shows_them(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "", "" },         { "KEA", "AKE" },      { "KEg", "gKE" },
        { "mKEA", "AKEm" }, { "EK$xg", "g$xKE" },  { "nKE", "nKE" },
        { "AKEn", "AnKE" }, { "lshzxetdg$", "A" }, { "AA", "A" },
    };
    char out[NOTIFY_FLAGS_MAX + 1];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(notify_flags_normalize(attl_s(cases[i][0]), out));
        assert_string_equal(out, cases[i][1]);
    }
    assert_false(notify_flags_normalize(attl_s("q"), out));
    assert_false(notify_flags_normalize(attl_b("K\0", 2), out));
}

static void
flags_follow_from_letters(void **state)
{
    (void)state;
    uint32_t flags;
    assert_true(notify_flags_parse(attl_s("KA"), &flags));
    assert_int_equal(flags, NOTIFY_KEYSPACE | NOTIFY_GENERIC | NOTIFY_STRING | NOTIFY_EXPIRED |
                                NOTIFY_EVICTED);
    assert_true(notify_flags_parse(attl_s("Exlm"), &flags));
    assert_int_equal(flags, NOTIFY_KEYEVENT | NOTIFY_EXPIRED);
    assert_true(notify_flags_parse(attl_s("AEn"), &flags));
    assert_true(flags & NOTIFY_NEW);
    assert_false(notify_flags_parse(attl_s("a"), &flags));
}

static void
a_wrong_letter_changes_nothing(void **state)
{
    (void)state;
    char err[OPTION_ERROR_MAX] = "";
    attl_config *config = config_new_server();
    assert_non_null(config);
    assert_int_equal(attl_config_set(config, "notify-keyspace-events", "xE", err, sizeof err),
                     ATTL_OK);
    assert_string_equal(config_str(config, OPT_REDIS_NOTIFY_KEYSPACE_EVENTS), "xE");
    assert_int_equal(attl_config_set(config, "notify-keyspace-events", "EXE", err, sizeof err),
                     ATTL_E_CONFIG);
    assert_non_null(strstr(err, "Invalid event class character"));
    assert_string_equal(config_str(config, OPT_REDIS_NOTIFY_KEYSPACE_EVENTS), "xE");
    attl_config_free(config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_are_shown_as_redis_shows_them),
        cmocka_unit_test(flags_follow_from_letters),
        cmocka_unit_test(a_wrong_letter_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
