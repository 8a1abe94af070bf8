/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Value to text in each form, and back. What is shown is what CONFIG REWRITE stores and what Redis
 * clients compute with, so the exact characters are part of the interface.
 */
#include "config_support.h"

#include "config/option_value.h"

static const char *
format(enum option_id id, enum option_form form, int64_t number, double real, const char *text)
{
    static char out[OPTION_TEXT_MAX];
    struct option_scalar value = { number, real };
    assert_int_equal(option_format(option_at(id), form, value, text, out, sizeof out), ATTL_OK);
    return out;
}

static void
numbers_show_the_largest_unit_that_divides(void **state)
{
    (void)state;
    const enum option_id bytes = OPT_CACHE_MAX_MEMORY, time = OPT_CACHE_DEFAULT_TTL;
    assert_string_equal(format(bytes, FORM_NATIVE, 0, 0, NULL), "0");
    assert_string_equal(format(bytes, FORM_NATIVE, 1023, 0, NULL), "1023");
    assert_string_equal(format(bytes, FORM_NATIVE, 3 << 10, 0, NULL), "3KiB");
    assert_string_equal(format(bytes, FORM_NATIVE, INT64_C(8) << 30, 0, NULL), "8GiB");
    assert_string_equal(format(bytes, FORM_NATIVE, INT64_C(3) << 29, 0, NULL), "1536MiB");
    assert_string_equal(format(bytes, FORM_PLAIN, INT64_C(8) << 30, 0, NULL), "8589934592");
    assert_string_equal(format(bytes, FORM_MEGABYTES, 100 << 20, 0, NULL), "100");
    assert_string_equal(format(bytes, FORM_MEGABYTES, 100, 0, NULL), "100b");
    assert_string_equal(format(bytes, FORM_MEGABYTES, 0, 0, NULL), "0");
    assert_string_equal(format(time, FORM_NATIVE, 1500, 0, NULL), "1500ms");
    assert_string_equal(format(time, FORM_NATIVE, 90000, 0, NULL), "90s");
    assert_string_equal(format(time, FORM_NATIVE, 7 * 86400000, 0, NULL), "7d");
    assert_string_equal(format(time, FORM_SECONDS, 90000, 0, NULL), "90");
    assert_string_equal(format(time, FORM_SECONDS, 1005, 0, NULL), "1.005");
}

static void
words_are_those_of_the_form(void **state)
{
    (void)state;
    assert_string_equal(format(OPT_CACHE_PARANOIA, FORM_NATIVE, 1, 0, NULL), "true");
    assert_string_equal(format(OPT_CACHE_PARANOIA, FORM_PLAIN, 0, 0, NULL), "no");
    assert_string_equal(format(OPT_SERVER_UNIXSOCKETPERM, FORM_NATIVE, 0700, 0, NULL), "0700");
    assert_string_equal(format(OPT_SERVER_UNIXSOCKETPERM, FORM_PLAIN, 0700, 0, NULL), "700");
    assert_string_equal(format(OPT_SERVER_BIND, FORM_NATIVE, 0, 0, "127.0.0.1"), "127.0.0.1");
    assert_string_equal(format(OPT_SERVER_BIND, FORM_NATIVE, 0, 0, NULL), "");
}

static void
policies_have_the_names_redis_clients_know(void **state)
{
    (void)state;
    const struct option *option = option_at(OPT_CACHE_EVICTION);
    for (int row = 0; option->choices[row].text; row++) {
        const char *native = format(OPT_CACHE_EVICTION, FORM_NATIVE, row, 0, NULL);
        assert_string_equal(native, option_choice_text(option, option->choices[row].value));
        const char *redis = format(OPT_CACHE_EVICTION, FORM_REDIS, row, 0, NULL);
        assert_string_equal(redis, row == 0 ? "allkeys-lfu" : option->choices[row].text);
    }
    assert_string_equal(format(OPT_PERSIST_FSYNC, FORM_REDIS, 0, 0, NULL), "everysec");
    assert_string_equal(format(OPT_LOG_LEVEL, FORM_REDIS, 1, 0, NULL), "notice");
}

static void
decimals_keep_a_point_and_no_trailing_zeros(void **state)
{
    (void)state;
    char out[32];
    static const struct {
        double real;
        const char *text;
    } cases[] = {
        { 1.5, "1.5" },          { 1, "1.0" },         { 0, "0.0" },
        { 0.85, "0.85" },        { 100, "100.0" },     { 0.000001, "0.000001" },
        { 1e9, "1000000000.0" }, { 2.0000004, "2.0" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        option_format_real(cases[i].real, out, sizeof out);
        assert_string_equal(out, cases[i].text);
    }
}

static void
a_small_buffer_is_reported(void **state)
{
    (void)state;
    char out[4];
    struct option_scalar value = { 1000, 1.25 };
    assert_int_equal(option_format(option_at(OPT_SERVER_PORT), FORM_NATIVE, value, NULL, out, 4),
                     ATTL_E_BUFFER);
    assert_int_equal(
        option_format(option_at(OPT_CACHE_UTILIZATION), FORM_NATIVE, value, NULL, out, 4),
        ATTL_E_BUFFER);
    assert_int_equal(option_format(option_at(OPT_SERVER_DIR), FORM_NATIVE, value, "/tmp", out, 4),
                     ATTL_E_BUFFER);
    assert_int_equal(option_format(option_at(OPT_SERVER_DIR), FORM_NATIVE, value, "/tm", out, 4),
                     ATTL_OK);
    assert_int_equal(option_format(option_at(OPT_SERVER_DIR), FORM_NATIVE, value, "", NULL, 0),
                     ATTL_E_BUFFER);
}

/* Every form of every numeric option, at its bounds and between them, reads back as it was. */
static void
what_is_shown_reads_back(void **state)
{
    (void)state;
    static const enum option_form forms[] = { FORM_NATIVE, FORM_PLAIN, FORM_SECONDS,
                                              FORM_MEGABYTES };
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        if (option->type != OPTION_INT && option->type != OPTION_BYTES &&
            option->type != OPTION_DURATION && option->type != OPTION_MODE)
            continue;
        int64_t middle = option->min + (option->max - option->min) / 3;
        int64_t values[] = { option->min, middle, option->max };
        for (size_t i = 0; i < 12; i++) {
            enum option_form form = forms[i % 4];
            struct option_scalar back;
            const char *text = format((enum option_id)id, form, values[i / 4], 0, NULL);
            assert_int_equal(
                option_parse(option, form, attl_s(text), (struct config_error){ NULL, 0 }, &back),
                ATTL_OK);
            assert_int_equal(back.number, values[i / 4]);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_show_the_largest_unit_that_divides),
        cmocka_unit_test(words_are_those_of_the_form),
        cmocka_unit_test(policies_have_the_names_redis_clients_know),
        cmocka_unit_test(decimals_keep_a_point_and_no_trailing_zeros),
        cmocka_unit_test(a_small_buffer_is_reported),
        cmocka_unit_test(what_is_shown_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
