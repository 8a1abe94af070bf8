/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration as text: what CONFIG GET shows under each name, that secrets stay hidden, and the
 * exact TOML of runtime.toml and of --check-config. That the TOML reads back is checked in
 * test_toml_file.c.
 */
#include "config_support.h"

static void
redis_names_show_what_redis_clients_expect(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    assert_shown(config, "maxmemory", "0");
    assert_shown(config, "maxmemory-policy", "allkeys-lfu");
    assert_shown(config, "maxclients", "10000");
    assert_shown(config, "timeout", "0");
    assert_shown(config, "tcp-keepalive", "300");
    assert_shown(config, "protected-mode", "yes");
    assert_shown(config, "unixsocketperm", "700");
    assert_shown(config, "save", "");
    assert_shown(config, "appendonly", "no");
    assert_shown(config, "appendfsync", "everysec");
    assert_shown(config, "databases", "1");
    assert_shown(config, "notify-keyspace-events", "");
    assert_shown(config, "hz", "10");
    assert_shown(config, "proto-max-bulk-len", "536870912");
    assert_shown(config, "client-query-buffer-limit", "1073741824");
    assert_shown(config, "loglevel", "notice");
    assert_shown(config, "cache.max_memory", "0");
    assert_shown(config, "server.tcp_keepalive", "5m");
    assert_shown(config, "server.protected_mode", "true");
    attl_config_free(config);
}

static void
a_policy_shows_the_name_it_was_set_by(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    assert_int_equal(config_set_run_time(config, "maxmemory-policy", "allkeys-lru", NULL, NULL, 0),
                     ATTL_OK);
    assert_int_equal(config_i64(config, OPT_CACHE_EVICTION), CHOICE_EVICTION_S3FIFO);
    assert_shown(config, "maxmemory-policy", "allkeys-lru");
    assert_shown(config, "cache.eviction", "s3fifo");
    assert_int_equal(config_set_run_time(config, "maxmemory-policy", "volatile-lfu", NULL, NULL, 0),
                     ATTL_OK);
    assert_shown(config, "maxmemory-policy", "volatile-lfu");
    assert_shown(config, "cache.eviction", "volatile-ttl");
    attl_config_free(config);
}

static void
secrets_are_hidden_unless_asked_for(void **state)
{
    (void)state;
    char out[OPTION_TEXT_MAX];
    attl_config *config = config_new_server();
    assert_int_equal(attl_config_get(config, "requirepass", out, sizeof out), ATTL_OK);
    assert_string_equal(out, "");
    assert_int_equal(attl_config_set(config, "requirepass", "tops3cret", NULL, 0), ATTL_OK);
    assert_int_equal(attl_config_get(config, "requirepass", out, sizeof out), ATTL_OK);
    assert_string_equal(out, "********");
    assert_int_equal(
        config_render(config, OPT_SERVER_REQUIREPASS, NULL, CONFIG_SHOW_SECRETS, out, sizeof out),
        ATTL_OK);
    assert_string_equal(out, "tops3cret");
    struct buf text;
    buf_init(&text, CONFIG_RENDER_BYTES_MAX);
    config_effective_text(config, &text);
    assert_int_equal(text.failed, BUF_FINE);
    assert_null(memmem(text.data, text.len, "tops3cret", 9));
    buf_fini(&text);
    attl_config_free(config);
}

static void
get_reports_unknown_names_and_small_buffers(void **state)
{
    (void)state;
    char out[4];
    attl_config *config = attl_config_new();
    assert_int_equal(attl_config_get(config, "nonsense", out, sizeof out), ATTL_E_CONFIG);
    assert_int_equal(attl_config_get(config, "cache.max_entries", out, sizeof out), ATTL_E_BUFFER);
    assert_int_equal(attl_config_get(config, "cache.num_shards", out, sizeof out), ATTL_OK);
    assert_string_equal(out, "16");
    assert_int_equal(attl_config_get(NULL, "x", out, sizeof out), ATTL_E_CONFIG);
    assert_int_equal(attl_config_get(config, NULL, out, sizeof out), ATTL_E_CONFIG);
    assert_int_equal(attl_config_get(config, "hz", NULL, 5), ATTL_E_CONFIG);
    attl_config_free(config);
}

static void
origins_have_names(void **state)
{
    (void)state;
    char out[64], tiny[5];
    static const struct {
        enum config_origin origin;
        const char *text;
    } cases[] = {
        { CONFIG_FILE, "settings file" },
        { CONFIG_ENVIRONMENT, "environment ATTL_SERVER__MAX_CLIENTS" },
        { CONFIG_COMMAND_LINE, "command line" },
        { CONFIG_RUN_TIME, "run time" },
        { CONFIG_CODE, "code" },
    };
    attl_config *config = config_new_server();
    config_origin_text(config, OPT_SERVER_MAX_CLIENTS, out, sizeof out);
    assert_string_equal(out, "default");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(config_set(config, OPT_SERVER_MAX_CLIENTS, "5", cases[i].origin, NULL, 0),
                         ATTL_OK);
        config_origin_text(config, OPT_SERVER_MAX_CLIENTS, out, sizeof out);
        assert_string_equal(out, cases[i].text);
        config_origin_text(config, OPT_SERVER_MAX_CLIENTS, tiny, sizeof tiny);
        assert_int_equal(strncmp(tiny, cases[i].text, 4), 0);
    }
    attl_config_free(config);
}

static void
runtime_text_holds_what_was_changed_and_escapes_it(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, CONFIG_RENDER_BYTES_MAX);
    attl_config *config = config_new_server();
    assert_int_equal(config_set(config, OPT_SERVER_PORT, "1", CONFIG_FILE, NULL, 0), ATTL_OK);
    assert_int_equal(config_set_run_time(config, "maxmemory", "1gb", NULL, NULL, 0), ATTL_OK);
    assert_int_equal(config_set_run_time(config, "maxmemory-policy", "allkeys-lru", NULL, NULL, 0),
                     ATTL_OK);
    assert_int_equal(config_set_run_time(config, "cache.utilization", "0.9", NULL, NULL, 0),
                     ATTL_OK);
    assert_int_equal(config_set_run_time(config, "protected-mode", "no", NULL, NULL, 0), ATTL_OK);
    assert_int_equal(config_set_run_time(config, "requirepass", "a\"b\\c", NULL, NULL, 0), ATTL_OK);
    config_runtime_text(config, &text);
    buf_append(&text, "", 1);
    const char *settings = strstr(text.data, "\n\n");
    assert_non_null(settings);
    assert_string_equal(settings, "\n\n[cache]\n"
                                  "max_memory = \"1GiB\"\n"
                                  "eviction = \"allkeys-lru\"\n"
                                  "utilization = 0.9\n"
                                  "\n[server]\n"
                                  "requirepass = \"a\\\"b\\\\c\"\n"
                                  "protected_mode = false\n");
    buf_fini(&text);
    attl_config_free(config);
}

static void
effective_text_shows_every_option_and_its_origin(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, CONFIG_RENDER_BYTES_MAX);
    attl_config *config = config_new_server();
    assert_int_equal(config_set(config, OPT_SERVER_PORT, "7000", CONFIG_COMMAND_LINE, NULL, 0),
                     ATTL_OK);
    config_effective_text(config, &text);
    buf_append(&text, "", 1);
    assert_int_equal(text.failed, BUF_FINE);
    assert_says(text.data, "[cache]\nmax_memory = \"0\"                        # default\n");
    assert_says(text.data,
                "\n\n[server]\nport = 7000                             # command line\n");
    assert_says(text.data, "\n# requirepass = \"\"                      # default\n");
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        assert_says(text.data, strchr(option_at((enum option_id)id)->name, '.') + 1);
    buf_fini(&text);
    attl_config_free(config);
}

static void
a_full_buffer_is_reported_by_the_buffer(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 100);
    attl_config *config = config_new_server();
    config_effective_text(config, &text);
    assert_int_equal(text.failed, BUF_TOO_BIG);
    buf_fini(&text);
    attl_config_free(config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redis_names_show_what_redis_clients_expect),
        cmocka_unit_test(a_policy_shows_the_name_it_was_set_by),
        cmocka_unit_test(secrets_are_hidden_unless_asked_for),
        cmocka_unit_test(get_reports_unknown_names_and_small_buffers),
        cmocka_unit_test(origins_have_names),
        cmocka_unit_test(runtime_text_holds_what_was_changed_and_escapes_it),
        cmocka_unit_test(effective_text_shows_every_option_and_its_origin),
        cmocka_unit_test(a_full_buffer_is_reported_by_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
