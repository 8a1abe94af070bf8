/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration: its defaults, who overrules whom, what a failed write leaves behind, and that
 * every allocation may fail. The public functions of attl.h are called as a program would; the
 * ranks of the sources are checked as a full table rather than by examples.
 */
#include "config_support.h"

#include "config/config_put.h"

#include <stdio.h>

static void
library_and_server_have_their_own_defaults(void **state)
{
    (void)state;
    attl_config *library = attl_config_new(), *server = config_new_server();
    assert_non_null(library);
    assert_non_null(server);
    assert_int_equal(config_i64(library, OPT_CACHE_MAX_MEMORY), 100 << 20);
    assert_int_equal(config_i64(library, OPT_CACHE_MAX_ENTRIES), 100000);
    assert_int_equal(config_i64(library, OPT_CACHE_DEFAULT_TTL), 60000);
    assert_int_equal(config_i64(server, OPT_CACHE_MAX_MEMORY), 0);
    assert_int_equal(config_i64(server, OPT_CACHE_MAX_ENTRIES), 0);
    assert_int_equal(config_i64(server, OPT_CACHE_DEFAULT_TTL), 0);
    assert_int_equal(config_i64(server, OPT_SERVER_PORT), 6411);
    assert_string_equal(config_str(server, OPT_SERVER_BIND), "127.0.0.1");
    assert_string_equal(config_str(server, OPT_SERVER_REQUIREPASS), "");
    assert_int_equal(config_i64(server, OPT_CACHE_EVICTION), CHOICE_EVICTION_S3FIFO);
    assert_int_equal(config_i64(server, OPT_VALIDATION_MODE), CHOICE_VALIDATION_NORMAL);
    assert_true(config_bool(server, OPT_CACHE_BACKGROUND));
    assert_true(config_double(server, OPT_CACHE_UTILIZATION) == 0.85);
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        assert_int_equal(config_origin(server, (enum option_id)id), CONFIG_DEFAULT);
    attl_config_free(library);
    attl_config_free(server);
    attl_config_free(NULL);
}

static void
set_takes_names_and_aliases(void **state)
{
    (void)state;
    char err[OPTION_ERROR_MAX];
    attl_config *config = attl_config_new();
    assert_int_equal(attl_config_set(config, "cache.max_memory", "2GiB", err, sizeof err), ATTL_OK);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_MEMORY), INT64_C(2) << 30);
    assert_int_equal(attl_config_set(config, "max_memory_mb", "10", NULL, 0), ATTL_OK);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_MEMORY), 10 << 20);
    assert_int_equal(attl_config_set(config, "maxmemory", "1kb", err, sizeof err), ATTL_OK);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_MEMORY), 1024);
    assert_int_equal(attl_config_set(config, "ttl_seconds", "90", err, sizeof err), ATTL_OK);
    assert_int_equal(config_i64(config, OPT_CACHE_DEFAULT_TTL), 90000);
    assert_int_equal(config_origin(config, OPT_CACHE_MAX_MEMORY), CONFIG_CODE);
    attl_config_free(config);
}

static void
a_wrong_call_says_what_is_wrong_and_changes_nothing(void **state)
{
    (void)state;
    char err[OPTION_ERROR_MAX] = "";
    attl_config *config = attl_config_new();
    assert_int_equal(attl_config_set(config, "cache.max_memmory", "1", err, sizeof err),
                     ATTL_E_CONFIG);
    assert_string_equal(err, "unknown setting 'cache.max_memmory'; did you mean cache.max_memory?");
    assert_int_equal(attl_config_set(config, "cache.max_memory", "lots", err, sizeof err),
                     ATTL_E_CONFIG);
    assert_says(err, "cache.max_memory: 'lots' is not a number of bytes");
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_MEMORY), 100 << 20);
    assert_int_equal(config_origin(config, OPT_CACHE_MAX_MEMORY), CONFIG_DEFAULT);
    assert_int_equal(attl_config_set(NULL, "x", "y", err, sizeof err), ATTL_E_CONFIG);
    assert_int_equal(attl_config_set(config, NULL, "y", NULL, 0), ATTL_E_CONFIG);
    assert_int_equal(attl_config_set(config, "cache.max_memory", NULL, NULL, 0), ATTL_E_CONFIG);
    char tiny[8];
    assert_int_equal(attl_config_set(config, "nonsense", "1", tiny, sizeof tiny), ATTL_E_CONFIG);
    assert_string_equal(tiny, "unknown");
    attl_config_free(config);
}

static void
a_value_is_not_overruled_by_a_lower_rank(void **state)
{
    (void)state;
    static const enum config_origin ranks[] = { CONFIG_FILE, CONFIG_ENVIRONMENT,
                                                CONFIG_COMMAND_LINE, CONFIG_RUN_TIME };
    for (size_t first = 0; first < 4; first++)
        for (size_t second = 0; second < 4; second++) {
            attl_config *config = config_new_server();
            assert_int_equal(config_set(config, OPT_SERVER_PORT, "1", ranks[first], NULL, 0),
                             ATTL_OK);
            assert_int_equal(config_set(config, OPT_SERVER_PORT, "2", ranks[second], NULL, 0),
                             ATTL_OK);
            bool second_wins = second >= first;
            assert_int_equal(config_i64(config, OPT_SERVER_PORT), second_wins ? 2 : 1);
            assert_int_equal(config_origin(config, OPT_SERVER_PORT),
                             ranks[second_wins ? second : first]);
            attl_config_free(config);
        }
}

static void
a_value_of_code_overwrites_and_is_overwritten(void **state)
{
    (void)state;
    attl_config *config = attl_config_new();
    assert_int_equal(config_set(config, OPT_SERVER_PORT, "1", CONFIG_RUN_TIME, NULL, 0), ATTL_OK);
    assert_int_equal(attl_config_set(config, "port", "2", NULL, 0), ATTL_OK);
    assert_int_equal(config_i64(config, OPT_SERVER_PORT), 2);
    assert_int_equal(config_set(config, OPT_SERVER_PORT, "3", CONFIG_FILE, NULL, 0), ATTL_OK);
    assert_int_equal(config_i64(config, OPT_SERVER_PORT), 3);
    attl_config_free(config);
}

static void
a_lower_rank_is_still_checked(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    assert_int_equal(config_set(config, OPT_SERVER_PORT, "1", CONFIG_COMMAND_LINE, NULL, 0),
                     ATTL_OK);
    assert_int_equal(config_set(config, OPT_SERVER_PORT, "99999", CONFIG_FILE, NULL, 0),
                     ATTL_E_CONFIG);
    attl_config_free(config);
}

static void
run_time_changes_are_limited_to_changeable_options(void **state)
{
    (void)state;
    char err[OPTION_ERROR_MAX];
    enum option_id id = OPTION_COUNT;
    attl_config *config = config_new_server();
    assert_int_equal(config_set_run_time(config, "maxmemory", "1gb", &id, err, sizeof err),
                     ATTL_OK);
    assert_int_equal(id, OPT_CACHE_MAX_MEMORY);
    assert_int_equal(config_origin(config, id), CONFIG_RUN_TIME);
    assert_int_equal(config_set_run_time(config, "port", "1", &id, err, sizeof err),
                     ATTL_E_IMMUTABLE);
    assert_says(err, "server.port cannot be changed while running");
    assert_int_equal(config_set_run_time(config, "dir", "/", &id, err, sizeof err),
                     ATTL_E_IMMUTABLE);
    assert_int_equal(config_set_run_time(config, "prot", "1", &id, err, sizeof err), ATTL_E_CONFIG);
    assert_says(err, "did you mean server.port?");
    assert_int_equal(config_set_run_time(config, "maxclients", "0", NULL, err, sizeof err),
                     ATTL_E_CONFIG);
    assert_int_equal(id, OPT_CACHE_MAX_MEMORY);
    attl_config_free(config);
}

static void
run_time_changes_are_checked_with_the_other_options(void **state)
{
    (void)state;
    char err[OPTION_ERROR_MAX];
    attl_config *config = config_new_server();
    assert_int_equal(
        config_set_run_time(config, "adaptive.min_interval", "1h", NULL, err, sizeof err),
        ATTL_E_CONFIG);
    assert_says(err, "adaptive.min_interval is above adaptive.base_interval");
    assert_shown(config, "adaptive.min_interval", "5s");
    assert_int_equal(config_set(config, OPT_SERVER_BIND, "0.0.0.0", CONFIG_FILE, NULL, 0), ATTL_OK);
    assert_int_equal(config_set(config, OPT_SERVER_REQUIREPASS, "secret", CONFIG_FILE, NULL, 0),
                     ATTL_OK);
    assert_int_equal(config_set_run_time(config, "requirepass", "", NULL, err, sizeof err),
                     ATTL_E_CONFIG);
    assert_string_equal(config_str(config, OPT_SERVER_REQUIREPASS), "secret");
    attl_config_free(config);
}

static void
a_copy_is_independent(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    assert_int_equal(config_set(config, OPT_SERVER_DIR, "/srv", CONFIG_FILE, NULL, 0), ATTL_OK);
    attl_config *copy = config_copy(config);
    assert_non_null(copy);
    assert_int_equal(config_set(config, OPT_SERVER_DIR, "/tmp", CONFIG_FILE, NULL, 0), ATTL_OK);
    assert_string_equal(config_str(copy, OPT_SERVER_DIR), "/srv");
    attl_config_free(config);
    assert_string_equal(config_str(copy, OPT_SERVER_DIR), "/srv");
    assert_int_equal(config_origin(copy, OPT_SERVER_DIR), CONFIG_FILE);
    attl_config_free(copy);
}

static int64_t
some_clock(void *ud)
{
    return *(int64_t *)ud;
}

static void
some_log(void *ud, int level, const char *event, const char *text)
{
    (void)ud;
    (void)level;
    (void)event;
    (void)text;
}

static void
hooks_are_stored_and_copied(void **state)
{
    (void)state;
    int64_t now = 7;
    struct counting counting = { 0, 0, 0 };
    attl_allocator allocator = counting_allocator(&counting);
    attl_config *config = attl_config_new();
    attl_config_set_clock(config, some_clock, &now);
    attl_config_set_log(config, some_log, &now);
    attl_config_set_allocator(config, &allocator);
    attl_config *copy = config_copy(config);
    assert_int_equal(copy->clock_fn(copy->clock_ud), 7);
    assert_ptr_equal(copy->log_fn, some_log);
    assert_true(copy->has_allocator);
    assert_ptr_equal(copy->allocator.ud, &counting);
    assert_int_equal(counting.calls, 0); /* the hook serves the cache, not the configuration */
    attl_config_set_allocator(copy, NULL);
    assert_false(copy->has_allocator);
    attl_config_set_clock(NULL, some_clock, NULL);
    attl_config_set_log(NULL, some_log, NULL);
    attl_config_set_allocator(NULL, &allocator);
    attl_config_free(copy);
    attl_config_free(config);
}

static void
names_of_files_are_remembered_once_and_bounded(void **state)
{
    (void)state;
    char path[16];
    attl_config *config = attl_config_new();
    assert_int_equal(config_file_index(config, "a"), 1);
    assert_int_equal(config_file_index(config, "b"), 2);
    assert_int_equal(config_file_index(config, "a"), 1);
    for (int i = 2; i < CONFIG_FILES_MAX; i++) {
        (void)snprintf(path, sizeof path, "f%d", i);
        assert_int_equal(config_file_index(config, path), i + 1);
    }
    assert_int_equal(config_file_index(config, "one too many"), 0);
    assert_int_equal(config_file_index(config, ""), 0);
    attl_config_free(config);
}

/* New, set, copy, run-time set, with allocation n failing for n = 1, 2, ... until none fails. */
static void
every_allocation_may_fail(void **state)
{
    (void)state;
    struct counting counting = { 0, 0, 0 };
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        assert_true(n < 200);
        counting = (struct counting){ .fail_at = n };
        attl_config *config = config_new_with(counting_allocator(&counting), true);
        failed = counting.calls >= n;
        if (!config) {
            assert_int_equal(counting.alive, 0);
            continue;
        }
        int first = config_set(config, OPT_SERVER_DIR, "/srv", CONFIG_FILE, NULL, 0);
        const char *dir = first == ATTL_OK ? "/srv" : ".";
        int second = config_set_run_time(config, "requirepass", "open", NULL, NULL, 0);
        attl_config *copy = config_copy(config);
        failed = counting.calls >= n;
        assert_true(first == ATTL_OK || first == ATTL_E_NOMEM);
        assert_true(second == ATTL_OK || second == ATTL_E_NOMEM);
        assert_string_equal(config_str(config, OPT_SERVER_DIR), dir);
        assert_string_equal(config_str(config, OPT_SERVER_REQUIREPASS),
                            second == ATTL_OK ? "open" : "");
        assert_int_equal(failed, first != ATTL_OK || second != ATTL_OK || !copy);
        attl_config_free(copy);
        attl_config_free(config);
        assert_int_equal(counting.alive, 0);
    }
    assert_true(counting.calls > 10); /* the walk went somewhere */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(library_and_server_have_their_own_defaults),
        cmocka_unit_test(set_takes_names_and_aliases),
        cmocka_unit_test(a_wrong_call_says_what_is_wrong_and_changes_nothing),
        cmocka_unit_test(a_value_is_not_overruled_by_a_lower_rank),
        cmocka_unit_test(a_value_of_code_overwrites_and_is_overwritten),
        cmocka_unit_test(a_lower_rank_is_still_checked),
        cmocka_unit_test(run_time_changes_are_limited_to_changeable_options),
        cmocka_unit_test(run_time_changes_are_checked_with_the_other_options),
        cmocka_unit_test(a_copy_is_independent),
        cmocka_unit_test(hooks_are_stored_and_copied),
        cmocka_unit_test(names_of_files_are_remembered_once_and_bounded),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
