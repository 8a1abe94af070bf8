/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environment: both kinds of names, what is an error and what is somebody else's variable, and
 * that one bad variable leaves the configuration untouched.
 */
#include "config_support.h"

static char err[OPTION_ERROR_MAX];

/* Applies variables, up to a NULL, to a server configuration. */
static int
apply(attl_config *config, char *const *environment)
{
    err[0] = '\0';
    return config_apply_env(config, environment, err, sizeof err);
}

#define ENV(...) ((char *const[]){ __VA_ARGS__, NULL })

static void
every_option_has_a_variable(void **state)
{
    (void)state;
    char name[OPTION_TEXT_MAX], origin[OPTION_TEXT_MAX];
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        size_t n = 0;
        memcpy(name, "ATTL_", 5);
        n = 5;
        for (const char *p = option->name; *p; p++) {
            if (*p == '.')
                name[n++] = '_';
            name[n++] = *p == '.' ? '_' : (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
        }
        size_t name_len = n;
        name[n++] = '=';
        memcpy(name + n, option->library_default, strlen(option->library_default) + 1);
        attl_config *config = config_new_server();
        if (apply(config, ENV(name)) != ATTL_OK)
            fail_msg("%s", err);
        assert_int_equal(config_origin(config, (enum option_id)id), CONFIG_ENVIRONMENT);
        config_origin_text(config, (enum option_id)id, origin, sizeof origin);
        name[name_len] = '\0';
        assert_string_equal(origin + strlen("environment "), name);
        attl_config_free(config);
    }
}

static void
the_classic_names_work_as_written(void **state)
{
    (void)state;
    char origin[OPTION_TEXT_MAX];
    attl_config *config = config_new_server();
    assert_int_equal(
        apply(config,
              ENV("CACHE_MAX_MEMORY_MB=100", "CACHE_MAX_ENTRIES=5", "NUM_SHARDS=8",
                  "CACHE_VALIDATION_MODE=strict", "SHARD_IMBALANCE_THRESHOLD=1.7",
                  "SHARD_BALANCE_INTERVAL=30", "SHARD_MIGRATION_BUDGET=3", "MIN_CLEANUP_INTERVAL=2",
                  "MAX_CLEANUP_INTERVAL=200", "LATENCY_THRESHOLD=0.25", "INSERT_THRESHOLD=9",
                  "INCIDENT_RESPONSE_ENABLED=false", "SNAPSHOT_TTL=3600", "WAL_TTL=7200")),
        ATTL_OK);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_MEMORY), 100 << 20);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_ENTRIES), 5);
    assert_int_equal(config_i64(config, OPT_CACHE_NUM_SHARDS), 8);
    assert_int_equal(config_i64(config, OPT_VALIDATION_MODE), CHOICE_VALIDATION_STRICT);
    assert_true(config_double(config, OPT_BALANCER_IMBALANCE_THRESHOLD) == 1.7);
    assert_int_equal(config_i64(config, OPT_BALANCER_INTERVAL), 30000);
    assert_int_equal(config_i64(config, OPT_BALANCER_BUDGET), 3);
    assert_int_equal(config_i64(config, OPT_ADAPTIVE_MIN_INTERVAL), 2000);
    assert_int_equal(config_i64(config, OPT_ADAPTIVE_MAX_INTERVAL), 200000);
    assert_int_equal(config_i64(config, OPT_ADAPTIVE_LATENCY_THRESHOLD), 250);
    assert_int_equal(config_i64(config, OPT_ADAPTIVE_INSERT_THRESHOLD), 9);
    assert_false(config_bool(config, OPT_INCIDENT_ENABLED));
    assert_int_equal(config_i64(config, OPT_RETENTION_SNAPSHOT_TTL), 3600000);
    assert_int_equal(config_i64(config, OPT_RETENTION_LOG_TTL), 7200000);
    config_origin_text(config, OPT_CACHE_MAX_MEMORY, origin, sizeof origin);
    assert_string_equal(origin, "environment CACHE_MAX_MEMORY_MB");
    attl_config_free(config);
}

static void
other_variables_are_left_alone(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    assert_int_equal(apply(config, ENV("PATH=/bin", "ATTL_BUILD_DIR=/tmp", "port=9", "MAXMEMORY=1",
                                       "cache_max_entries=7", "CACHE_MAX=1", "no equals sign", "=x",
                                       "MY_ATTL__PORT=1")),
                     ATTL_OK);
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        assert_int_equal(config_origin(config, (enum option_id)id), CONFIG_DEFAULT);
    attl_config_free(config);
}

static void
a_misspelt_variable_is_an_error(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    assert_int_equal(apply(config, ENV("ATTL_CACHE__MAX_MEMRY=1")), ATTL_E_CONFIG);
    assert_string_equal(err,
                        "environment ATTL_CACHE__MAX_MEMRY: unknown setting 'cache.max_memry'; "
                        "did you mean cache.max_memory?");
    assert_int_equal(apply(config, ENV("ATTL___=1")), ATTL_E_CONFIG);
    assert_int_equal(
        apply(config, ENV("ATTL_A_VERY_LONG_NAME_FOR_A_SECTION__AND_FOR_A_KEY_IN_IT=1")),
        ATTL_E_CONFIG);
    attl_config_free(config);
}

static void
one_bad_value_leaves_everything_as_it_was(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    assert_int_equal(apply(config, ENV("ATTL_SERVER__DIR=/srv", "CACHE_MAX_ENTRIES=many")),
                     ATTL_E_CONFIG);
    assert_string_equal(
        err, "environment CACHE_MAX_ENTRIES: cache.max_entries: 'many' is not a whole number");
    assert_int_equal(apply(config, ENV("CACHE_MAX_ENTRIES=1", "ATTL_SERVER__PORT=")),
                     ATTL_E_CONFIG);
    assert_string_equal(config_str(config, OPT_SERVER_DIR), ".");
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_ENTRIES), 0);
    attl_config_free(config);
}

static void
the_full_name_wins_over_the_classic_one(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    assert_int_equal(apply(config, ENV("ATTL_CACHE__MAX_ENTRIES=1", "CACHE_MAX_ENTRIES=2")),
                     ATTL_OK);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_ENTRIES), 1);
    attl_config_free(config);
}

static void
an_empty_variable_is_an_empty_text(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    assert_int_equal(config_set(config, OPT_SERVER_UNIXSOCKET, "/x", CONFIG_FILE, NULL, 0),
                     ATTL_OK);
    assert_int_equal(apply(config, ENV("ATTL_SERVER__UNIXSOCKET=")), ATTL_OK);
    assert_string_equal(config_str(config, OPT_SERVER_UNIXSOCKET), "");
    attl_config_free(config);
}

static void
the_process_environment_is_read(void **state)
{
    (void)state;
    attl_config *config = attl_config_new();
    assert_int_equal(setenv("ATTL_CACHE__MAX_ENTRIES", "12", 1), 0);
    assert_int_equal(attl_config_env(config, err, sizeof err), ATTL_OK);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_ENTRIES), 12);
    assert_int_equal(unsetenv("ATTL_CACHE__MAX_ENTRIES"), 0);
    assert_int_equal(attl_config_env(NULL, err, sizeof err), ATTL_E_CONFIG);
    attl_config_free(config);
}

static void
every_allocation_may_fail(void **state)
{
    (void)state;
    struct counting counting = { 0, 0, 0 };
    attl_config *config = config_new_with(counting_allocator(&counting), true);
    int status = ATTL_E_NOMEM;
    for (size_t n = 1; status != ATTL_OK; n++) {
        assert_true(n < 50);
        counting.fail_at = counting.calls + n;
        status = apply(config, ENV("ATTL_SERVER__DIR=/srv", "CACHE_MAX_ENTRIES=3"));
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
        cmocka_unit_test(every_option_has_a_variable),
        cmocka_unit_test(the_classic_names_work_as_written),
        cmocka_unit_test(other_variables_are_left_alone),
        cmocka_unit_test(a_misspelt_variable_is_an_error),
        cmocka_unit_test(one_bad_value_leaves_everything_as_it_was),
        cmocka_unit_test(the_full_name_wins_over_the_classic_one),
        cmocka_unit_test(an_empty_variable_is_an_empty_text),
        cmocka_unit_test(the_process_environment_is_read),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
