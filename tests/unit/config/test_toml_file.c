/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings files end to end: TOML text and real files through the parser into a configuration, with
 * the position of every kind of mistake, the full order of the sources, and what CONFIG REWRITE
 * writes read back. Files are made in a directory of their own and removed again.
 */
#include "config_support.h"

#include "config/toml_file.h"

#include <stdio.h>
#include <unistd.h>

static char err[OPTION_ERROR_MAX];

static int
load(attl_config *config, const char *text)
{
    err[0] = '\0';
    return config_load_text(config, "settings.toml", attl_s(text), CONFIG_FILE, err, sizeof err);
}

static void
refused(const char *text, const char *message)
{
    attl_config *config = config_new_server();
    assert_int_equal(load(config, text), ATTL_E_CONFIG);
    if (strncmp(err, message, strlen(message)) != 0)
        fail_msg("\"%s\" instead of \"%s\"", err, message);
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        assert_int_equal(config_origin(config, (enum option_id)id), CONFIG_DEFAULT);
    attl_config_free(config);
}

static void
a_file_sets_options_and_their_origin(void **state)
{
    (void)state;
    char origin[64];
    attl_config *config = config_new_server();
    assert_int_equal(load(config, "# a comment\r\n"
                                  "server.port = 7_000\r\n"
                                  "[cache]\r\n"
                                  "max_memory = \"8GiB\"  # size\n"
                                  "utilization = 0.9\n"
                                  "  paranoia = true\n"
                                  "default_ttl = 1.5\n"
                                  "[validation]\n"
                                  "[log]\n"
                                  "format = 'json'\n"),
                     ATTL_OK);
    assert_int_equal(config_i64(config, OPT_SERVER_PORT), 7000);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_MEMORY), INT64_C(8) << 30);
    assert_true(config_double(config, OPT_CACHE_UTILIZATION) == 0.9);
    assert_true(config_bool(config, OPT_CACHE_PARANOIA));
    assert_int_equal(config_i64(config, OPT_CACHE_DEFAULT_TTL), 1500);
    assert_int_equal(config_i64(config, OPT_LOG_FORMAT), CHOICE_LOG_FORMAT_JSON);
    assert_int_equal(config_origin(config, OPT_CACHE_PARANOIA), CONFIG_FILE);
    config_origin_text(config, OPT_CACHE_PARANOIA, origin, sizeof origin);
    assert_string_equal(origin, "settings.toml:6");
    attl_config_free(config);
}

static void
an_empty_file_changes_nothing(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    assert_int_equal(load(config, ""), ATTL_OK);
    assert_int_equal(config_load_text(config, "x", attl_b(NULL, 0), CONFIG_FILE, NULL, 0), ATTL_OK);
    assert_int_equal(load(config, "# only this"), ATTL_OK);
    attl_config_free(config);
}

static void
mistakes_have_a_position_and_advice(void **state)
{
    (void)state;
    refused("[cache]\nmax_memry = 1\n",
            "settings.toml:2:1: unknown setting 'cache.max_memry'; did you mean cache.max_memory?");
    refused("[server]\n\n  port = 99999\n",
            "settings.toml:3:3: server.port: 99999 is above the maximum");
    refused("[server]\nport = \"6411\"\n",
            "settings.toml:2:1: server.port: a text was given, it takes a whole number");
    refused("[server]\nbind = [\"::1\"]\n", "settings.toml:2:1: server.bind: a list was given");
    refused("[server]\nport = 1979-05-27\n",
            "settings.toml:2:1: server.port: a date or time was given");
    refused("cache.max_memory.x = 1\n", "settings.toml:1:7: cache.max_memory: a table was given");
    refused("[cache.deeper]\nx = 1\n", "settings.toml:1:8: unknown setting 'cache.deeper'");
    refused("[cach]\n", "settings.toml:1:2: unknown section [cach]");
    refused("[[server]]\nport = 1\n", "settings.toml:1:3: unknown setting 'server'");
    refused("port = 1\nserver.port = 2\n",
            "settings.toml:2:8: server.port is already set in line 1");
    refused("colour = 'red'\n", "settings.toml:1:1: unknown setting 'colour'");
}

static void
syntax_errors_have_a_position(void **state)
{
    (void)state;
    refused("[server]\nport = x\n", "settings.toml:2:8: ");
    refused("[server]\nport = 1\nport = 2\n", "settings.toml:3:");
    refused("[server\n", "settings.toml:1:");
    /* Both were faults inside toml++ 3.3.0, see toml_shim.cpp. */
    refused("[=]\n", "settings.toml:1:2: ");
    refused("[serv \xc3\xa9\n", "settings.toml:1:7: ");
    refused("a = \"\xff\"\n", "settings.toml:1:");
    refused("a = \x1b[31m\n", "settings.toml:1:5: ");
    for (const char *p = err; *p; p++)
        assert_true(*p >= ' ' && *p <= '~');
}

static void
the_first_mistake_of_the_file_is_reported(void **state)
{
    (void)state;
    refused("[server]\nport = -1\n[cache]\nparanoia = 3\n", "settings.toml:2:1: server.port");
}

/* Nesting is bounded: the parser's tree is torn down recursively. */
static void
deep_nesting_and_long_lines_are_refused(void **state)
{
    (void)state;
    char text[4000];
    memset(text, 'a', sizeof text);
    for (size_t i = 1; i < 2001; i += 2)
        text[i] = '.';
    memcpy(text + 2001, "=1\n", 4);
    refused(text, "settings.toml:1:");
    memset(text, '[', 100);
    memcpy(text, "a = ", 4);
    text[100] = '\0';
    refused(text, "settings.toml:1:");
    memset(text, '#', 2049);
    text[2049] = '\0';
    refused(text, "settings.toml:1:1: a line of more than 2048 bytes");
    text[2048] = '\n';
    attl_config *config = config_new_server();
    assert_int_equal(load(config, text), ATTL_OK);
    attl_config_free(config);
}

static void
a_nul_in_the_file_is_refused(void **state)
{
    (void)state;
    static const char text[] = "server.dir = \"a\\u0000b\"\n", raw[] = "server.dir = \"a\0b\"\n";
    refused(text, "settings.toml:1:8: server.dir: holds a control character");
    attl_config *config = config_new_server();
    assert_int_equal(
        config_load_text(config, "x", attl_b(raw, sizeof raw - 1), CONFIG_FILE, NULL, 0),
        ATTL_E_CONFIG);
    attl_config_free(config);
}

/* ---- real files ---- */

static char directory[] = "/tmp/attl-config-XXXXXX";
static char path[64];

static void
write_file(const char *text, size_t len)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static int
make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    return snprintf(path, sizeof path, "%s/settings.toml", directory) < (int)sizeof path ? 0 : -1;
}

static int
remove_directory(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static void
the_order_of_the_sources_does_not_matter(void **state)
{
    (void)state;
    static const char text[] =
        "[cache]\nmax_entries = 1\nnum_shards = 1\n[server]\nmax_clients = 1\n";
    char *environment[] = { "CACHE_MAX_ENTRIES=2", "NUM_SHARDS=2", NULL };
    char *words[] = { "attld", "--cache.max_entries=3", NULL };
    write_file(text, sizeof text - 1);
    for (int order = 0; order < 6; order++) {
        attl_config *config = config_new_server();
        for (int i = 0; i < 3; i++) {
            static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                              { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
            int status = ATTL_OK;
            switch (orders[order][i]) {
            case 0: status = attl_config_load(config, path, err, sizeof err); break;
            case 1: status = config_apply_env(config, environment, err, sizeof err); break;
            default: status = config_apply_args(config, 2, words, err, sizeof err); break;
            }
            assert_int_equal(status, ATTL_OK);
        }
        assert_int_equal(config_i64(config, OPT_CACHE_MAX_ENTRIES), 3);
        assert_int_equal(config_origin(config, OPT_CACHE_MAX_ENTRIES), CONFIG_COMMAND_LINE);
        assert_int_equal(config_i64(config, OPT_CACHE_NUM_SHARDS), 2);
        assert_int_equal(config_origin(config, OPT_CACHE_NUM_SHARDS), CONFIG_ENVIRONMENT);
        assert_int_equal(config_i64(config, OPT_SERVER_MAX_CLIENTS), 1);
        assert_int_equal(config_origin(config, OPT_SERVER_MAX_CLIENTS), CONFIG_FILE);
        attl_config_free(config);
    }
}

static void
what_rewrite_writes_reads_back(void **state)
{
    (void)state;
    struct buf text, again;
    attl_config *config = config_new_server();
    assert_int_equal(
        config_set_run_time(config, "requirepass", "q\"\\'\xe2\x82\xac#", NULL, NULL, 0), ATTL_OK);
    assert_int_equal(config_set_run_time(config, "maxmemory", "1000000001", NULL, NULL, 0),
                     ATTL_OK);
    assert_int_equal(
        config_set_run_time(config, "maxmemory-policy", "volatile-random", NULL, NULL, 0), ATTL_OK);
    assert_int_equal(config_set_run_time(config, "LATENCY_THRESHOLD", "0.123", NULL, NULL, 0),
                     ATTL_OK);
    assert_int_equal(config_set_run_time(config, "cache.utilization", "0.512345", NULL, NULL, 0),
                     ATTL_OK);
    assert_int_equal(config_set_run_time(config, "save", "", NULL, NULL, 0), ATTL_OK);
    buf_init(&text, CONFIG_RENDER_BYTES_MAX);
    config_runtime_text(config, &text);
    write_file(text.data, text.len);

    attl_config *later = config_new_server();
    assert_int_equal(config_set(later, OPT_CACHE_MAX_MEMORY, "5", CONFIG_COMMAND_LINE, NULL, 0),
                     ATTL_OK);
    if (config_load_runtime(later, path, err, sizeof err) != ATTL_OK)
        fail_msg("%s", err);
    assert_string_equal(config_str(later, OPT_SERVER_REQUIREPASS), "q\"\\'\xe2\x82\xac#");
    assert_shown(later, "maxmemory", "1000000001");
    assert_shown(later, "maxmemory-policy", "volatile-random");
    assert_int_equal(config_origin(later, OPT_CACHE_MAX_MEMORY), CONFIG_RUN_TIME);
    buf_init(&again, CONFIG_RENDER_BYTES_MAX);
    config_runtime_text(later, &again); /* a second rewrite keeps what the first one kept */
    assert_int_equal(again.len, text.len);
    assert_memory_equal(again.data, text.data, text.len);
    buf_fini(&text);
    buf_fini(&again);
    attl_config_free(config);
    attl_config_free(later);
}

/* --check-config prints TOML: every default, written out, is accepted as it stands. */
static void
the_effective_configuration_is_a_settings_file(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, CONFIG_RENDER_BYTES_MAX);
    attl_config *config = config_new_server(), *copy = config_new_server();
    config_effective_text(config, &text);
    if (config_load_text(copy, "effective", buf_slice(&text), CONFIG_FILE, err, sizeof err) !=
        ATTL_OK)
        fail_msg("%s", err);
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        char first[OPTION_TEXT_MAX];
        const char *name = option_at((enum option_id)id)->name;
        assert_shown(copy, name, shown(config, name, first));
    }
    buf_fini(&text);
    attl_config_free(config);
    attl_config_free(copy);
}

static void
unreadable_files_are_reported(void **state)
{
    (void)state;
    attl_config *config = attl_config_new();
    (void)unlink(path);
    assert_int_equal(attl_config_load(config, path, err, sizeof err), ATTL_E_IO);
    assert_says(err, "settings.toml: No such file");
    assert_int_equal(config_load_runtime(config, path, err, sizeof err), ATTL_MISS);
    assert_int_equal(attl_config_load(config, directory, err, sizeof err), ATTL_E_IO);
    assert_says(err, "Is a directory");
    assert_int_equal(attl_config_load(config, "/dev/zero", err, sizeof err), ATTL_E_CONFIG);
    assert_says(err, "is this a settings file?");
    assert_int_equal(attl_config_load(NULL, path, err, sizeof err), ATTL_E_CONFIG);
    assert_int_equal(attl_config_load(config, NULL, err, sizeof err), ATTL_E_CONFIG);
    attl_config_free(config);
}

static void
another_version_of_the_library_is_refused(void **state)
{
    (void)state;
    attl_config *config = attl_config_new();
    config->struct_bytes++;
    assert_int_equal(load(config, ""), ATTL_E_UNSUPPORTED);
    assert_says(err, "different versions");
    attl_config_free(config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_sets_options_and_their_origin),
        cmocka_unit_test(an_empty_file_changes_nothing),
        cmocka_unit_test(mistakes_have_a_position_and_advice),
        cmocka_unit_test(syntax_errors_have_a_position),
        cmocka_unit_test(the_first_mistake_of_the_file_is_reported),
        cmocka_unit_test(deep_nesting_and_long_lines_are_refused),
        cmocka_unit_test(a_nul_in_the_file_is_refused),
        cmocka_unit_test(the_order_of_the_sources_does_not_matter),
        cmocka_unit_test(what_rewrite_writes_reads_back),
        cmocka_unit_test(the_effective_configuration_is_a_settings_file),
        cmocka_unit_test(unreadable_files_are_reported),
        cmocka_unit_test(another_version_of_the_library_is_refused),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
