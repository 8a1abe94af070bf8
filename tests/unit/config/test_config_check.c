/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options taken together: which combinations are refused and with which words, and the limits that
 * follow from several options. Each case starts from attld's defaults, which must pass.
 */
#include "config_support.h"

/* Sets pairs of name and value, up to a NULL name, on a fresh server configuration. */
static attl_config *
with(const char *const *pairs)
{
    attl_config *config = config_new_server();
    assert_non_null(config);
    for (; pairs[0]; pairs += 2)
        assert_int_equal(attl_config_set(config, pairs[0], pairs[1], NULL, 0), ATTL_OK);
    return config;
}

#define WITH(...) with((const char *const[]){ __VA_ARGS__, NULL })

static void
passes(attl_config *config)
{
    char err[OPTION_ERROR_MAX] = "";
    if (config_check(config, err, sizeof err) != ATTL_OK)
        fail_msg("%s", err);
    attl_config_free(config);
}

static void
refused(attl_config *config, const char *why)
{
    char err[OPTION_ERROR_MAX] = "";
    assert_int_equal(config_check(config, err, sizeof err), ATTL_E_CONFIG);
    assert_says(err, why);
    attl_config_free(config);
}

static void
defaults_pass(void **state)
{
    (void)state;
    passes(config_new_server());
    passes(attl_config_new());
}

static void
appendonly_follows_the_log(void **state)
{
    (void)state;
    passes(WITH("appendonly", "no"));
    passes(WITH("appendonly", "yes", "appendfsync", "everysec"));
    passes(WITH("persist.fsync", "always"));
    refused(WITH("appendonly", "yes"), "set persist.fsync to everysec, always or no as well");
    refused(WITH("appendonly", "no", "persist.fsync", "no"), "persist.fsync is not off");
    char shown[8];
    attl_config *config = WITH("persist.fsync", "no");
    assert_int_equal(attl_config_get(config, "appendonly", shown, sizeof shown), ATTL_OK);
    assert_string_equal(shown, "yes");
    char err[OPTION_ERROR_MAX];
    assert_int_equal(config_set_run_time(config, "appendonly", "yes", NULL, err, sizeof err),
                     ATTL_OK);
    assert_int_equal(config_set_run_time(config, "appendonly", "no", NULL, err, sizeof err),
                     ATTL_E_CONFIG);
    attl_config_free(config);
}

static void
save_is_pairs_of_numbers(void **state)
{
    (void)state;
    passes(WITH("save", ""));
    passes(WITH("save", "3600 1 300 100 60 10000"));
    passes(WITH("save", "  3600   1, 300 100 "));
    passes(WITH("save", "1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8"));
    refused(WITH("save", "1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9"), "more than 8 pairs");
    refused(WITH("save", "3600"), "one number has no partner");
    refused(WITH("save", "3600 1 300"), "one number has no partner");
    refused(WITH("save", "3600 many"), "many is not a number");
    refused(WITH("save", "-1 5"), "-1 is not a number");
    refused(WITH("save", "99999999999 5"), "99999999999 is not a number");
    refused(WITH("save", "1.5 5"), "1.5 is not a number");
}

static void
a_public_bind_needs_a_password(void **state)
{
    (void)state;
    static const char *const public[] = {
        "0.0.0.0",     "*",   "::",         "192.168.1.5", "127.0.0.1 10.0.0.1",
        "::1,fe80::1", "127", "example.org"
    };
    static const char *const local[] = { "127.0.0.1", "127.0.0.1 -::1", "localhost",
                                         "::1, 127.1.2.3" };
    for (size_t i = 0; i < sizeof public / sizeof public[0]; i++) {
        refused(WITH("bind", public[i]),
                "can be reached by other machines and there is no password");
        passes(WITH("bind", public[i], "requirepass", "secret"));
        passes(WITH("bind", public[i], "protected-mode", "no"));
        passes(WITH("bind", public[i], "port", "0", "unixsocket", "/tmp/attl.sock"));
    }
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        passes(WITH("bind", local[i]));
}

static void
a_server_listens_somewhere(void **state)
{
    (void)state;
    refused(WITH("port", "0"), "nothing to listen on");
    refused(WITH("bind", " "), "nothing to listen on");
    passes(WITH("port", "0", "unixsocket", "/tmp/attl.sock"));
    refused(WITH("port", "6413"), "server.port and server.admin_port are the same");
    passes(WITH("port", "0", "admin-port", "0", "unixsocket", "x"));
}

static void
the_http_door_speaks_tls_only_with_a_certificate(void **state)
{
    (void)state;
    refused(WITH("admin.tls", "on"), "admin.tls is on, but there is no certificate");
    passes(WITH("admin.tls", "on", "tls.cert_file", "x.crt"));
    passes(WITH("admin.tls", "on", "admin-port", "0"));
    refused(WITH("admin.tls", "on", "tls.cert_file", "x.crt", "admin.bind", "0.0.0.0"),
            "set admin.token");
}

/* The same settings file may serve a server and a program that embeds the library. */
static void
a_library_does_not_care_about_listening(void **state)
{
    (void)state;
    attl_config *config = attl_config_new();
    assert_int_equal(attl_config_set(config, "server.port", "0", NULL, 0), ATTL_OK);
    passes(config);
    config = attl_config_new();
    assert_int_equal(attl_config_set(config, "server.bind", "*", NULL, 0), ATTL_OK);
    passes(config);
}

static void
pairs_are_in_order(void **state)
{
    (void)state;
    refused(WITH("MIN_CLEANUP_INTERVAL", "31"), "adaptive.min_interval is above");
    refused(WITH("MAX_CLEANUP_INTERVAL", "29"), "adaptive.max_interval is below");
    passes(WITH("MIN_CLEANUP_INTERVAL", "30", "MAX_CLEANUP_INTERVAL", "30"));
    refused(WITH("cache.default_ttl", "2d", "validation.max_ttl", "1d"),
            "cache.default_ttl is above");
    refused(WITH("cache.default_ttl", "366d", "validation.mode", "strict"),
            "cache.default_ttl is above");
    passes(WITH("cache.default_ttl", "366d"));
    refused(WITH("validation.mode", "strict", "validation.max_key_bytes", "1001"),
            "strict mode, 1000");
    passes(WITH("validation.mode", "strict", "validation.max_key_bytes", "1000"));
}

static void
partitions_are_a_power_of_two_for_all_shards(void **state)
{
    (void)state;
    passes(WITH("cache.partitions", "0"));
    passes(WITH("cache.partitions", "64"));
    passes(WITH("cache.partitions", "16384"));
    refused(WITH("cache.partitions", "8", "cache.num_shards", "1"), "power of two of at least 64");
    refused(WITH("cache.partitions", "100"), "power of two of at least 64");
    refused(WITH("cache.partitions", "64", "cache.num_shards", "65"), "below cache.num_shards");
}

static void
paranoia_caps_the_limits(void **state)
{
    (void)state;
    attl_config *config = WITH("cache.paranoia", "yes");
    assert_int_equal(config_memory_limit_bytes(config), 10 << 20);
    assert_int_equal(config_entries_limit(config), 10000);
    assert_int_equal(attl_config_set(config, "cache.max_memory", "1MiB", NULL, 0), ATTL_OK);
    assert_int_equal(attl_config_set(config, "cache.max_entries", "10", NULL, 0), ATTL_OK);
    assert_int_equal(config_memory_limit_bytes(config), 1 << 20);
    assert_int_equal(config_entries_limit(config), 10);
    assert_int_equal(attl_config_set(config, "cache.max_memory", "1GiB", NULL, 0), ATTL_OK);
    assert_int_equal(config_memory_limit_bytes(config), 10 << 20);
    assert_int_equal(attl_config_set(config, "cache.paranoia", "no", NULL, 0), ATTL_OK);
    assert_int_equal(config_memory_limit_bytes(config), 1 << 30);
    attl_config_free(config);
}

static void
zero_means_the_limit_of_the_mode(void **state)
{
    (void)state;
    static const struct {
        const char *mode;
        int64_t key_bytes, ttl_ms;
    } modes[] = {
        { "strict", 1000, INT64_C(365) * 86400000 },
        { "normal", 2000, 0 },
        { "relaxed", 4096, 0 },
        { "binary", 32768, 0 },
    };
    for (size_t i = 0; i < 4; i++) {
        attl_config *config = WITH("validation.mode", modes[i].mode);
        assert_int_equal(config_key_limit_bytes(config), modes[i].key_bytes);
        assert_int_equal(config_ttl_limit_ms(config), modes[i].ttl_ms);
        assert_int_equal(attl_config_set(config, "validation.max_key_bytes", "77", NULL, 0),
                         ATTL_OK);
        assert_int_equal(attl_config_set(config, "validation.max_ttl", "1h", NULL, 0), ATTL_OK);
        assert_int_equal(config_key_limit_bytes(config), 77);
        assert_int_equal(config_ttl_limit_ms(config), 3600000);
        attl_config_free(config);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_pass),
        cmocka_unit_test(appendonly_follows_the_log),
        cmocka_unit_test(save_is_pairs_of_numbers),
        cmocka_unit_test(a_public_bind_needs_a_password),
        cmocka_unit_test(a_server_listens_somewhere),
        cmocka_unit_test(the_http_door_speaks_tls_only_with_a_certificate),
        cmocka_unit_test(a_library_does_not_care_about_listening),
        cmocka_unit_test(pairs_are_in_order),
        cmocka_unit_test(partitions_are_a_power_of_two_for_all_shards),
        cmocka_unit_test(paranoia_caps_the_limits),
        cmocka_unit_test(zero_means_the_limit_of_the_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
