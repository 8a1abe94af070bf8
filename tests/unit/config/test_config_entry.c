/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file's settings, without a file: types, positions in messages, repeated and unknown names, and
 * that a list is applied as a whole or not at all.
 */
#include "config_support.h"

#include "config/config_entry.h"

#include <math.h>

static char err[OPTION_ERROR_MAX];

static struct config_entry
entry(const char *name, enum config_entry_kind kind)
{
    return (struct config_entry){
        .name = attl_s(name), .kind = kind, .kind_text = "a thing", .line = 3, .column = 5
    };
}

static struct config_entry
number(const char *name, int64_t integer)
{
    struct config_entry e = entry(name, ENTRY_INT);
    e.integer = integer;
    return e;
}

static struct config_entry
decimal(const char *name, double real)
{
    struct config_entry e = entry(name, ENTRY_FLOAT);
    e.real = real;
    return e;
}

static struct config_entry
text(const char *name, const char *string)
{
    struct config_entry e = entry(name, ENTRY_STRING);
    e.string = attl_s(string);
    return e;
}

static struct config_entry
flag(const char *name, bool value)
{
    struct config_entry e = entry(name, ENTRY_BOOL);
    e.integer = value;
    return e;
}

static int
apply(attl_config *config, enum config_origin origin, const struct config_entry *entries, size_t n)
{
    err[0] = '\0';
    return config_entries_apply(config, "s.toml", origin, entries, n,
                                (struct config_error){ err, sizeof err });
}

/* One entry on fresh defaults, which must be refused with `why`. */
static void
refused(struct config_entry e, const char *why)
{
    attl_config *config = config_new_server();
    assert_int_equal(apply(config, CONFIG_FILE, &e, 1), ATTL_E_CONFIG);
    assert_int_equal(strncmp(err, "s.toml:3:5: ", 12), 0);
    assert_says(err, why);
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        assert_int_equal(config_origin(config, (enum option_id)id), CONFIG_DEFAULT);
    attl_config_free(config);
}

static void
each_type_takes_what_fits_it(void **state)
{
    (void)state;
    char origin[64];
    attl_config *config = config_new_server();
    const struct config_entry entries[] = {
        number("cache.max_entries", 7),
        text("cache.max_memory", "1GiB"),
        number("cache.max_pinned", 1 << 20),
        decimal("cache.utilization", 0.75),
        number("balancer.imbalance_threshold", 2),
        decimal("cache.default_ttl", 1.5),
        number("server.timeout", 9),
        text("server.tcp_keepalive", "1m"),
        flag("cache.paranoia", true),
        text("cache.eviction", "noeviction"),
        text("unixsocketperm", "0660"),
        entry("log", ENTRY_SECTION),
    };
    assert_int_equal(apply(config, CONFIG_FILE, entries, sizeof entries / sizeof entries[0]),
                     ATTL_OK);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_ENTRIES), 7);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_MEMORY), 1 << 30);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_PINNED), 1 << 20);
    assert_true(config_double(config, OPT_CACHE_UTILIZATION) == 0.75);
    assert_true(config_double(config, OPT_BALANCER_IMBALANCE_THRESHOLD) == 2);
    assert_int_equal(config_i64(config, OPT_CACHE_DEFAULT_TTL), 1500);
    assert_int_equal(config_i64(config, OPT_SERVER_TIMEOUT), 9000);
    assert_int_equal(config_i64(config, OPT_SERVER_TCP_KEEPALIVE), 60000);
    assert_true(config_bool(config, OPT_CACHE_PARANOIA));
    assert_int_equal(config_i64(config, OPT_CACHE_EVICTION), CHOICE_EVICTION_NONE);
    assert_int_equal(config_i64(config, OPT_SERVER_UNIXSOCKETPERM), 0660);
    config_origin_text(config, OPT_CACHE_EVICTION, origin, sizeof origin);
    assert_string_equal(origin, "s.toml:3");
    attl_config_free(config);
}

static void
wrong_types_are_refused(void **state)
{
    (void)state;
    refused(text("server.port", "6411"), "server.port: a thing was given, it takes a whole number");
    refused(decimal("server.port", 6411), "it takes a whole number");
    refused(number("server.bind", 1), "it takes a quoted text");
    refused(number("cache.paranoia", 1), "it takes true or false");
    refused(text("cache.paranoia", "yes"), "it takes true or false");
    refused(flag("cache.huge_pages", true), "it takes a quoted text");
    refused(decimal("cache.max_memory", 1), "it takes a number of bytes or a text like");
    refused(flag("cache.default_ttl", true), "it takes a number of seconds or a text like");
    refused(text("cache.utilization", "0.9"), "it takes a number");
    refused(number("server.unixsocketperm", 448), "it takes a quoted text like \"0700\"");
    refused(entry("server.bind", ENTRY_OTHER), "it takes a quoted text");
    refused(entry("cache.max_memory", ENTRY_OTHER), "it takes a number of bytes");
}

static void
values_out_of_range_are_refused(void **state)
{
    (void)state;
    refused(number("server.port", 70000), "server.port: 70000 is above the maximum, 65535");
    refused(number("server.port", INT64_MIN), "below the minimum, 0");
    refused(number("cache.max_memory", -1), "cache.max_memory: '-1' is not a number of bytes");
    refused(decimal("cache.utilization", -0.5), "the number is out of range");
    refused(decimal("cache.utilization", 1e300), "the number is out of range");
    refused(decimal("cache.utilization", (double)NAN), "the number is out of range");
    refused(decimal("cache.default_ttl", 0.0001), "is not a time");
    refused(text("cache.eviction", "lru"), "not one of");
}

static void
unknown_names_are_refused(void **state)
{
    (void)state;
    refused(number("cache.max_entires", 1), "unknown setting 'cache.max_entires'; did you mean "
                                            "cache.max_entries?");
    refused(entry("cach", ENTRY_SECTION), "unknown section [cach]");
    refused(entry("cache.max_memory.x", ENTRY_OTHER), "unknown setting");
    refused(number("", 1), "unknown setting ''");
}

static void
a_setting_may_be_given_once(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    struct config_entry twice[] = { number("server.port", 1), number("port", 2) };
    twice[1].line = 9;
    assert_int_equal(apply(config, CONFIG_FILE, twice, 2), ATTL_E_CONFIG);
    assert_string_equal(err, "s.toml:9:5: server.port is already set in line 3");
    assert_int_equal(config_i64(config, OPT_SERVER_PORT), 6411);
    assert_int_equal(apply(config, CONFIG_FILE, twice, 1), ATTL_OK);
    assert_int_equal(apply(config, CONFIG_FILE, twice + 1, 1),
                     ATTL_OK); /* another reading of the file */
    assert_int_equal(config_i64(config, OPT_SERVER_PORT), 2);
    attl_config_free(config);
}

static void
runtime_settings_are_changeable_ones(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    struct config_entry fine = number("cache.max_entries", 5), wrong = number("server.port", 1);
    assert_int_equal(config_set(config, OPT_CACHE_MAX_ENTRIES, "1", CONFIG_COMMAND_LINE, NULL, 0),
                     ATTL_OK);
    assert_int_equal(apply(config, CONFIG_RUN_TIME, &fine, 1), ATTL_OK);
    assert_int_equal(config_i64(config, OPT_CACHE_MAX_ENTRIES), 5);
    assert_int_equal(apply(config, CONFIG_RUN_TIME, &wrong, 1), ATTL_E_CONFIG);
    assert_says(err, "server.port cannot be changed at run time");
    attl_config_free(config);
}

static void
a_list_is_applied_as_a_whole(void **state)
{
    (void)state;
    attl_config *config = config_new_server();
    const struct config_entry entries[] = { text("server.dir", "/srv"), number("server.port", -1) };
    assert_int_equal(apply(config, CONFIG_FILE, entries, 2), ATTL_E_CONFIG);
    assert_string_equal(config_str(config, OPT_SERVER_DIR), ".");
    assert_int_equal(apply(config, CONFIG_FILE, NULL, 0), ATTL_OK);
    attl_config_free(config);
}

static void
every_allocation_may_fail(void **state)
{
    (void)state;
    struct counting counting = { 0, 0, 0 };
    attl_config *config = config_new_with(counting_allocator(&counting), true);
    const struct config_entry entries[] = { text("server.dir", "/srv"), text("requirepass", "x") };
    int status = ATTL_E_NOMEM;
    for (size_t n = 1; status != ATTL_OK; n++) {
        assert_true(n < 50);
        counting.fail_at = counting.calls + n;
        status = apply(config, CONFIG_FILE, entries, 2);
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
        cmocka_unit_test(each_type_takes_what_fits_it),
        cmocka_unit_test(wrong_types_are_refused),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(a_setting_may_be_given_once),
        cmocka_unit_test(runtime_settings_are_changeable_ones),
        cmocka_unit_test(a_list_is_applied_as_a_whole),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
