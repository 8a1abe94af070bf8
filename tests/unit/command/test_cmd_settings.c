/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.CONFIG: which settings a pattern finds, what is said of each, and what a host that knows
 * few of them or no origins does to the reply.
 */
#include "command_support.h"

#include "config/option.h"

static int
knows_all(void *ud, const char *name, char *value, size_t len)
{
    (void)ud;
    bool secret = strcmp(name, "server.requirepass") == 0;
    (void)snprintf(value, len, "%s", secret ? "********" : "now");
    return ATTL_OK;
}

static int
knows_one(void *ud, const char *name, char *value, size_t len)
{
    (void)ud;
    (void)snprintf(value, len, "1gb");
    return strcmp(name, "cache.max_memory") == 0 ? ATTL_OK : ATTL_E_CONFIG;
}

static int
from_a_file(void *ud, const char *name, char *text, size_t len)
{
    (void)ud;
    (void)snprintf(text, len, "settings.toml:%zu", strlen(name));
    return ATTL_OK;
}

static int
origin_unknown(void *ud, const char *name, char *text, size_t len)
{
    (void)ud;
    (void)name;
    (void)snprintf(text, len, "half a");
    return ATTL_E_CONFIG;
}

static struct fixture *
with_settings(void **state)
{
    struct fixture *f = fixture_of(state);
    f->host.config_get = knows_all;
    f->host.config_origin = from_a_file;
    f->session.proto = 3;
    return f;
}

static void
a_setting_is_shown_with_default_origin_and_range(void **state)
{
    struct fixture *f = with_settings(state);
    expect_part(f, "ATTL.CONFIG cache.max_memory",
                "*1\r\n%12\r\n$4\r\nname\r\n$16\r\ncache.max_memory\r\n$5\r\nvalue\r\n$3\r\nnow\r\n"
                "$7\r\ndefault\r\n$1\r\n0\r\n$6\r\norigin\r\n$16\r\nsettings.toml:16\r\n"
                "$4\r\nlive\r\n:1\r\n$4\r\ntype\r\n$5\r\nbytes\r\n$4\r\nunit\r\n$0\r\n\r\n"
                "$3\r\nmin\r\n:0\r\n");
    expect_part(f, "ATTL.CONFIG server.port", "$4\r\nlive\r\n:0\r\n$4\r\ntype\r\n$3\r\nint\r\n");
    expect_part(f, "ATTL.CONFIG server.port", "$7\r\ndefault\r\n$4\r\n6411\r\n");
}

static void
a_choice_names_its_canonical_words_and_no_range(void **state)
{
    struct fixture *f = with_settings(state);
    expect_part(f, "ATTL.CONFIG log.level",
                "$3\r\nmin\r\n_\r\n$3\r\nmax\r\n_\r\n$7\r\nchoices\r\n*4\r\n$5\r\ndebug\r\n");
}

static void
a_pattern_finds_names_and_aliases_in_any_case(void **state)
{
    struct fixture *f = with_settings(state);
    expect_part(f, "ATTL.CONFIG MaxMemory", "*1\r\n%12\r\n$4\r\nname\r\n$16\r\ncache.max_memory");
    expect_part(f, "ATTL.CONFIG balancer.*", "*4\r\n");
    expect(f, "ATTL.CONFIG nosuch", "*0\r\n");
    expect(f, "ATTL.CONFIG a b", "-ERR wrong number of arguments for 'attl.config' command\r\n");
    char head[16];
    (void)snprintf(head, sizeof head, "*%d\r\n", OPTION_COUNT);
    expect_part(f, "ATTL.CONFIG", head);
    expect_part(f, "ATTL.CONFIG *", head);
}

static void
a_secret_stays_hidden(void **state)
{
    struct fixture *f = with_settings(state);
    expect_part(f, "ATTL.CONFIG requirepass", "$5\r\nvalue\r\n$8\r\n********\r\n");
    expect_part(f, "ATTL.CONFIG requirepass", "$4\r\ntype\r\n$6\r\nsecret\r\n");
}

static void
what_the_host_does_not_know_is_left_out(void **state)
{
    struct fixture *f = with_settings(state);
    f->host.config_get = knows_one;
    expect_part(f, "ATTL.CONFIG *", "*1\r\n");
    f->host.config_origin = NULL;
    expect_part(f, "ATTL.CONFIG *", "$6\r\norigin\r\n$0\r\n\r\n");
    f->host.config_origin = origin_unknown;
    expect_part(f, "ATTL.CONFIG *", "$6\r\norigin\r\n$0\r\n\r\n");
    f->session.proto = 2;
    expect_part(f, "ATTL.CONFIG *", "*1\r\n*24\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_setting_is_shown_with_default_origin_and_range, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_choice_names_its_canonical_words_and_no_range, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_pattern_finds_names_and_aliases_in_any_case, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_secret_stays_hidden, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_host_does_not_know_is_left_out, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
