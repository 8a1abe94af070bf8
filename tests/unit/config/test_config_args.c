/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line: every spelling of an option, the words that are not options, and the messages
 * for what does not fit. Both passes see the same words, so what the first accepts the second
 * accepts.
 */
#include "config_support.h"

static char err[OPTION_ERROR_MAX];

static int
count(char *const *words)
{
    int n = 0;
    while (words[n])
        n++;
    return n;
}

#define ARGS(...) ((char *[]){ "attld", __VA_ARGS__, NULL })

/* Applies words that must be right to fresh defaults. */
static attl_config *
applied(char **words)
{
    struct config_command command;
    attl_config *config = config_new_server();
    if (config_scan_args(count(words), words, &command, err, sizeof err) != ATTL_OK ||
        config_apply_args(config, count(words), words, err, sizeof err) != ATTL_OK)
        fail_msg("%s", err);
    return config;
}

static void
refused(char **words, const char *why)
{
    struct config_command command = { .config_path = "untouched" };
    attl_config *config = config_new_server();
    assert_int_equal(config_scan_args(count(words), words, &command, err, sizeof err),
                     ATTL_E_CONFIG);
    assert_says(err, why);
    assert_string_equal(command.config_path, "untouched");
    assert_int_equal(config_apply_args(config, count(words), words, err, sizeof err),
                     ATTL_E_CONFIG);
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        assert_int_equal(config_origin(config, (enum option_id)id), CONFIG_DEFAULT);
    attl_config_free(config);
}

static void
options_go_by_any_name_with_or_without_equals(void **state)
{
    (void)state;
    char origin[64];
    attl_config *config = applied(
        ARGS("--cache.max_memory=8GiB", "--cache.max_entries", "7", "--port", "7000", "--bind=::1",
             "--dir", "/srv", "--threads=3", "--fsync=always", "--admin-port", "0",
             "--unixsocket=", "--requirepass", "pa=ss", "--maxmemory-policy", "volatile-lru"));
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_MEMORY), INT64_C(8) << 30);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_ENTRIES), 7);
    assert_int_equal(config_i64(config, OPT_SERVER_PORT), 7000);
    assert_string_equal(config_str(config, OPT_SERVER_BIND), "::1");
    assert_string_equal(config_str(config, OPT_SERVER_DIR), "/srv");
    assert_int_equal(config_i64(config, OPT_SERVER_THREADS), 3);
    assert_int_equal(config_i64(config, OPT_PERSIST_FSYNC), CHOICE_FSYNC_ALWAYS);
    assert_int_equal(config_i64(config, OPT_SERVER_ADMIN_PORT), 0);
    assert_string_equal(config_str(config, OPT_SERVER_REQUIREPASS), "pa=ss");
    assert_int_equal(config_i64(config, OPT_CACHE_EVICTION), CHOICE_EVICTION_VOLATILE_TTL);
    config_origin_text(config, OPT_SERVER_PORT, origin, sizeof origin);
    assert_string_equal(origin, "command line");
    attl_config_free(config);
}

static void
a_bool_may_stand_alone(void **state)
{
    (void)state;
    attl_config *config =
        applied(ARGS("--cache.paranoia", "--protected-mode", "no", "--balancer.enabled=off"));
    assert_true(config_bool(config, OPT_CACHE_PARANOIA));
    assert_false(config_bool(config, OPT_SERVER_PROTECTED_MODE));
    assert_false(config_bool(config, OPT_BALANCER_ENABLED));
    attl_config_free(config);
    config = applied(ARGS("--cache.paranoia"));
    assert_true(config_bool(config, OPT_CACHE_PARANOIA));
    attl_config_free(config);
}

static void
the_last_of_two_counts(void **state)
{
    (void)state;
    attl_config *config = applied(ARGS("--port=1", "--server.port=2"));
    assert_int_equal(config_i64(config, OPT_SERVER_PORT), 2);
    attl_config_free(config);
}

static void
the_other_words_are_reported(void **state)
{
    (void)state;
    struct config_command command;
    char **long_ones =
        ARGS("--config", "a.toml", "--check-config", "--help", "--version", "--dump-options");
    assert_int_equal(config_scan_args(count(long_ones), long_ones, &command, err, sizeof err),
                     ATTL_OK);
    assert_string_equal(command.config_path, "a.toml");
    assert_true(command.check_config && command.help && command.version && command.dump_options);
    char **short_ones = ARGS("-c", "b.toml", "-t", "-h", "-v");
    assert_int_equal(config_scan_args(count(short_ones), short_ones, &command, err, sizeof err),
                     ATTL_OK);
    assert_string_equal(command.config_path, "b.toml");
    assert_true(command.check_config && command.help && command.version && !command.dump_options);
    char **joined = ARGS("--config=c.toml");
    assert_int_equal(config_scan_args(count(joined), joined, &command, err, sizeof err), ATTL_OK);
    assert_string_equal(command.config_path, "c.toml");
    assert_false(command.check_config || command.help || command.version || command.dump_options);
    assert_int_equal(config_scan_args(0, joined, &command, err, sizeof err), ATTL_OK);
    assert_null(command.config_path);
}

static void
mistakes_are_explained(void **state)
{
    (void)state;
    refused(ARGS("--dir", "/srv", "--prot=1"), "unknown setting 'prot'; did you mean server.port?");
    refused(ARGS("settings.toml"), "unexpected argument 'settings.toml'");
    refused(ARGS("-p"), "unexpected argument '-p'");
    refused(ARGS("-"), "unexpected argument '-'");
    refused(ARGS("--"), "unexpected argument '--'");
    refused(ARGS("--=1"), "unexpected argument '--'");
    refused(ARGS(""), "unexpected argument ''");
    refused(ARGS("--cache.paranoia", "perhaps"), "unexpected argument 'perhaps'");
    refused(ARGS("--port"), "--port needs a value");
    refused(ARGS("--port", "--dir", "/"), "--port needs a value");
    refused(ARGS("--config"), "--config needs the path");
    refused(ARGS("--config="), "--config needs the path");
    refused(ARGS("--help=yes"), "--help takes no value");
}

static void
a_wrong_value_is_found_by_the_second_pass(void **state)
{
    (void)state;
    struct config_command command;
    char **words = ARGS("--dir=/srv", "--port", "-1");
    attl_config *config = config_new_server();
    assert_int_equal(config_scan_args(count(words), words, &command, err, sizeof err), ATTL_OK);
    assert_int_equal(config_apply_args(config, count(words), words, err, sizeof err),
                     ATTL_E_CONFIG);
    assert_string_equal(err, "server.port: -1 is below the minimum, 0");
    assert_string_equal(config_str(config, OPT_SERVER_DIR), ".");
    attl_config_free(config);
}

static void
the_number_of_words_is_bounded(void **state)
{
    (void)state;
    struct config_command command;
    char *words[CONFIG_ARGS_MAX + 2];
    for (size_t i = 0; i < CONFIG_ARGS_MAX + 1; i++)
        words[i] = "--cache.paranoia";
    words[CONFIG_ARGS_MAX + 1] = NULL;
    assert_int_equal(config_scan_args(CONFIG_ARGS_MAX, words, &command, err, sizeof err), ATTL_OK);
    assert_int_equal(config_scan_args(CONFIG_ARGS_MAX + 1, words, &command, err, sizeof err),
                     ATTL_E_CONFIG);
}

static void
every_allocation_may_fail(void **state)
{
    (void)state;
    struct counting counting = { 0, 0, 0 };
    attl_config *config = config_new_with(counting_allocator(&counting), true);
    char **words = ARGS("--dir=/srv", "--requirepass=x");
    int status = ATTL_E_NOMEM;
    for (size_t n = 1; status != ATTL_OK; n++) {
        assert_true(n < 50);
        counting.fail_at = counting.calls + n;
        status = config_apply_args(config, count(words), words, err, sizeof err);
        assert_true(status == ATTL_OK || status == ATTL_E_NOMEM);
        assert_string_equal(config_str(config, OPT_SERVER_DIR), status == ATTL_OK ? "/srv" : ".");
    }
    attl_config_free(config);
    assert_int_equal(counting.alive, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_go_by_any_name_with_or_without_equals),
        cmocka_unit_test(a_bool_may_stand_alone),
        cmocka_unit_test(the_last_of_two_counts),
        cmocka_unit_test(the_other_words_are_reported),
        cmocka_unit_test(mistakes_are_explained),
        cmocka_unit_test(a_wrong_value_is_found_by_the_second_pass),
        cmocka_unit_test(the_number_of_words_is_bounded),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
