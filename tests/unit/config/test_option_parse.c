/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text to value, type by type: what is accepted, with which result, and what is refused, with which
 * words. The refusals matter most: a size that overflowed or a time that rounded to zero would
 * switch a limit off without anybody noticing.
 */
#include "config_support.h"

#include "config/option_value.h"

#include <locale.h>

static char message[OPTION_ERROR_MAX];

static int
parse(enum option_id id, enum option_form form, const char *text, struct option_scalar *ret_value)
{
    message[0] = '\0';
    return option_parse(option_at(id), form, attl_s(text),
                        (struct config_error){ message, sizeof message }, ret_value);
}

static void
accepts(enum option_id id, const char *text, int64_t number)
{
    struct option_scalar value = { 0, 0 };
    if (parse(id, FORM_NATIVE, text, &value) != ATTL_OK)
        fail_msg("'%s': %s", text, message);
    assert_int_equal(value.number, number);
}

static void
refuses(enum option_id id, const char *text, const char *why)
{
    struct option_scalar value = { 42, 42 };
    if (parse(id, FORM_NATIVE, text, &value) != ATTL_E_CONFIG)
        fail_msg("'%s' was accepted", text);
    assert_says(message, option_at(id)->name);
    assert_says(message, why);
    assert_int_equal(value.number, 42);
}

static void
bytes_have_units_of_redis_and_of_iec(void **state)
{
    (void)state;
    const enum option_id id = OPT_CACHE_MAX_MEMORY;
    accepts(id, "0", 0);
    accepts(id, "123", 123);
    accepts(id, "7b", 7);
    accepts(id, "2k", 2000);
    accepts(id, "2kb", 2048);
    accepts(id, "2KiB", 2048);
    accepts(id, "3m", 3000000);
    accepts(id, "3mb", 3 << 20);
    accepts(id, "8GiB", INT64_C(8) << 30);
    accepts(id, "8gb", INT64_C(8) << 30);
    accepts(id, "8g", INT64_C(8000000000));
    accepts(id, "1TB", INT64_C(1) << 40);
    accepts(id, "1.5GiB", INT64_C(3) << 29);
    accepts(id, "0.5kb", 512);
}

static void
malformed_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        " 1",
        "1 ",
        "-1",
        "+1",
        "1x",
        "1 GiB",
        "GiB",
        "1.",
        ".5",
        "1..5gb",
        "0x10",
        "1e9",
        "0.3b",
        "1.0000001gb",
        "99999999999999999999",
        "9223372036854775807gb",
        "8388608TiB",
        "1GiBs",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refuses(OPT_CACHE_MAX_MEMORY, wrong[i], "a number of bytes, like");
    refuses(OPT_CACHE_MAX_MEMORY, "2000TiB", "above the maximum, 1024TiB");
    refuses(OPT_CACHE_MAX_PINNED, "1kb", "below the minimum, 64KiB");
}

static void
times_are_seconds_unless_they_say_otherwise(void **state)
{
    (void)state;
    const enum option_id id = OPT_CACHE_DEFAULT_TTL;
    accepts(id, "0", 0);
    accepts(id, "60", 60000);
    accepts(id, "0.5", 500);
    accepts(id, "1.25s", 1250);
    accepts(id, "500ms", 500);
    accepts(id, "5m", 300000);
    accepts(id, "12h", 43200000);
    accepts(id, "7D", 604800000);
    refuses(id, "0.0001", "a time, like"); /* would become 0: for ever */
    refuses(id, "0.5ms", "a time, like");
    refuses(id, "1w", "a time, like");
    refuses(id, "-1", "a time, like");
    refuses(id, "106751991168d", "a time, like"); /* overflows */
    refuses(id, "1000000d", "above the maximum");
    refuses(OPT_BALANCER_INTERVAL, "0", "below the minimum, 100ms");
}

static void
numbers_are_whole_and_bounded(void **state)
{
    (void)state;
    accepts(OPT_SERVER_PORT, "0", 0);
    accepts(OPT_SERVER_PORT, "65535", 65535);
    refuses(OPT_SERVER_PORT, "65536", "65536 is above the maximum, 65535");
    refuses(OPT_SERVER_PORT, "-1", "below the minimum, 0");
    refuses(OPT_SERVER_PORT, "6411 ", "a whole number");
    refuses(OPT_SERVER_PORT, "06411", "a whole number");
    refuses(OPT_SERVER_PORT, "64.5", "a whole number");
    refuses(OPT_REDIS_DATABASES, "16", "above the maximum, 1");
    accepts(OPT_CACHE_MAX_ENTRIES, "1000000000000", INT64_C(1000000000000));
    refuses(OPT_CACHE_NUM_SHARDS, "0", "below the minimum, 1");
}

static void
decimals_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    struct option_scalar value;
    (void)setlocale(LC_ALL, "de_DE.UTF-8"); /* where it is installed, 1.5 is spelt 1,5 */
    assert_int_equal(parse(OPT_BALANCER_IMBALANCE_THRESHOLD, FORM_NATIVE, "1.5", &value), ATTL_OK);
    assert_true(value.real == 1.5);
    assert_int_equal(parse(OPT_CACHE_UTILIZATION, FORM_NATIVE, "0.85", &value), ATTL_OK);
    assert_true(value.real == 0.85);
    assert_int_equal(parse(OPT_BALANCER_IMBALANCE_THRESHOLD, FORM_NATIVE, "3", &value), ATTL_OK);
    assert_true(value.real == 3);
    refuses(OPT_BALANCER_IMBALANCE_THRESHOLD, "1,5", "a number with at most six decimals");
    refuses(OPT_BALANCER_IMBALANCE_THRESHOLD, "1.1234567", "a number with at most six decimals");
    refuses(OPT_BALANCER_IMBALANCE_THRESHOLD, "nan", "a number with at most six decimals");
    refuses(OPT_BALANCER_IMBALANCE_THRESHOLD, "1e1", "a number with at most six decimals");
    refuses(OPT_BALANCER_IMBALANCE_THRESHOLD, "10000000000", "a number with at most six decimals");
    refuses(OPT_CACHE_UTILIZATION, "0.99", "above the maximum, 0.98");
    refuses(OPT_CACHE_UTILIZATION, "0.499999", "below the minimum, 0.5");
}

static void
booleans_have_four_spellings_each(void **state)
{
    (void)state;
    static const char *const yes[] = { "yes", "TRUE", "On", "1" };
    static const char *const no[] = { "no", "false", "OFF", "0" };
    for (size_t i = 0; i < 4; i++) {
        accepts(OPT_CACHE_PARANOIA, yes[i], 1);
        accepts(OPT_CACHE_PARANOIA, no[i], 0);
    }
    refuses(OPT_CACHE_PARANOIA, "", "yes or no");
    refuses(OPT_CACHE_PARANOIA, "y", "yes or no");
    refuses(OPT_CACHE_PARANOIA, "2", "yes or no");
}

static void
choices_are_listed_when_none_fits(void **state)
{
    (void)state;
    accepts(OPT_VALIDATION_MODE, "STRICT", 0);
    accepts(OPT_VALIDATION_MODE, "binary", 3);
    refuses(OPT_VALIDATION_MODE, "lax", "'lax' is not one of: strict, normal, relaxed, binary");
    refuses(OPT_CACHE_EVICTION, "lru", "one of: s3fifo, volatile-ttl, noeviction");
    refuses(OPT_REDIS_APPENDONLY, "maybe", "'maybe' is not one of: no, yes");
}

static void
permissions_are_octal(void **state)
{
    (void)state;
    accepts(OPT_SERVER_UNIXSOCKETPERM, "0700", 0700);
    accepts(OPT_SERVER_UNIXSOCKETPERM, "755", 0755);
    accepts(OPT_SERVER_UNIXSOCKETPERM, "0o660", 0660);
    refuses(OPT_SERVER_UNIXSOCKETPERM, "", "octal");
    refuses(OPT_SERVER_UNIXSOCKETPERM, "0o", "octal");
    refuses(OPT_SERVER_UNIXSOCKETPERM, "888", "octal");
    refuses(OPT_SERVER_UNIXSOCKETPERM, "000000700", "octal");
    refuses(OPT_SERVER_UNIXSOCKETPERM, "7777", "above the maximum, 0777");
}

static void
texts_are_bounded_utf8_without_control_characters(void **state)
{
    (void)state;
    char longest[514];
    memset(longest, 'a', sizeof longest - 1);
    longest[513] = '\0';
    accepts(OPT_SERVER_DIR, "/srv/d\xc3\xa9p\xc3\xb4t/\xe2\x82\xac/\xf0\x9f\x98\x80", 0);
    accepts(OPT_SERVER_REQUIREPASS, longest + 1, 0);
    refuses(OPT_SERVER_REQUIREPASS, longest, "longer than 512 bytes");
    refuses(OPT_SERVER_DIR, "", "must not be empty");
    refuses(OPT_SERVER_DIR, "a\nb", "control character");
    refuses(OPT_SERVER_DIR, "a\x7f", "control character");
    static const char *const broken[] = {
        "\xff",
        "\xc3",
        "\xc0\x80",
        "\xe0\x80\x80",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\x80",
        "a\xe2\x82",
        "\xe2(\xa1",
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        refuses(OPT_SERVER_DIR, broken[i], "not valid UTF-8");
}

static void
a_nul_inside_a_text_is_refused(void **state)
{
    (void)state;
    struct option_scalar value;
    struct config_error none = { NULL, 0 };
    assert_int_equal(
        option_parse(option_at(OPT_SERVER_DIR), FORM_NATIVE, attl_b("a\0b", 3), none, &value),
        ATTL_E_CONFIG);
    assert_int_equal(
        option_parse(option_at(OPT_SERVER_PORT), FORM_NATIVE, attl_b("1\0", 2), none, &value),
        ATTL_E_CONFIG);
    assert_int_equal(
        option_parse(option_at(OPT_SERVER_PORT), FORM_NATIVE, attl_b(NULL, 0), none, &value),
        ATTL_E_CONFIG);
}

static void
an_alias_may_change_the_unit(void **state)
{
    (void)state;
    struct option_scalar value;
    assert_int_equal(parse(OPT_CACHE_MAX_MEMORY, FORM_MEGABYTES, "100", &value), ATTL_OK);
    assert_int_equal(value.number, 100 << 20);
    assert_int_equal(parse(OPT_CACHE_MAX_MEMORY, FORM_MEGABYTES, "100kb", &value), ATTL_OK);
    assert_int_equal(value.number, 100 << 10);
    assert_int_equal(parse(OPT_CACHE_MAX_MEMORY, FORM_PLAIN, "100mb", &value), ATTL_OK);
    assert_int_equal(value.number, 100 << 20);
}

static void
a_message_shows_only_printable_text(void **state)
{
    (void)state;
    refuses(OPT_SERVER_PORT, "\x1b[31mred", "'?[31mred'");
    refuses(OPT_SERVER_PORT,
            "1234567890123456789012345678901234567890123456789012345678901234567890", "...'");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_units_of_redis_and_of_iec),
        cmocka_unit_test(malformed_bytes_are_refused),
        cmocka_unit_test(times_are_seconds_unless_they_say_otherwise),
        cmocka_unit_test(numbers_are_whole_and_bounded),
        cmocka_unit_test(decimals_do_not_depend_on_the_locale),
        cmocka_unit_test(booleans_have_four_spellings_each),
        cmocka_unit_test(choices_are_listed_when_none_fits),
        cmocka_unit_test(permissions_are_octal),
        cmocka_unit_test(texts_are_bounded_utf8_without_control_characters),
        cmocka_unit_test(a_nul_inside_a_text_is_refused),
        cmocka_unit_test(an_alias_may_change_the_unit),
        cmocka_unit_test(a_message_shows_only_printable_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
