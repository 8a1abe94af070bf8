/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statuses and versions. The table here repeats the enumerators of attl.h on purpose: if one is
 * added there and not given a name and a text, or a number changes, this test says so. Texts are
 * sentences in lower case without a full stop, so that programs can put them in the middle of their
 * own.
 */
#include "support/unit.h"

#include <ctype.h>

static const struct {
    int status;
    int number;
    const char *name;
} statuses[] = {
    { ATTL_OK, 0, "ATTL_OK" },
    { ATTL_MISS, 1, "ATTL_MISS" },
    { ATTL_NOT_SET, 2, "ATTL_NOT_SET" },
    { ATTL_DELETED, 3, "ATTL_DELETED" },
    { ATTL_DONE, 4, "ATTL_DONE" },
    { ATTL_STALE, 5, "ATTL_STALE" },
    { ATTL_NEGATIVE, 6, "ATTL_NEGATIVE" },
    { ATTL_WON, 7, "ATTL_WON" },
    { ATTL_E_INVALID, -1, "ATTL_E_INVALID" },
    { ATTL_E_NOMEM, -2, "ATTL_E_NOMEM" },
    { ATTL_E_FULL, -3, "ATTL_E_FULL" },
    { ATTL_E_KEY_EMPTY, -4, "ATTL_E_KEY_EMPTY" },
    { ATTL_E_KEY_LONG, -5, "ATTL_E_KEY_LONG" },
    { ATTL_E_KEY_CONTROL, -6, "ATTL_E_KEY_CONTROL" },
    { ATTL_E_KEY_NUL, -7, "ATTL_E_KEY_NUL" },
    { ATTL_E_VALUE_LONG, -8, "ATTL_E_VALUE_LONG" },
    { ATTL_E_TTL_RANGE, -9, "ATTL_E_TTL_RANGE" },
    { ATTL_E_TTL_REQUIRED, -10, "ATTL_E_TTL_REQUIRED" },
    { ATTL_E_NOT_INTEGER, -11, "ATTL_E_NOT_INTEGER" },
    { ATTL_E_OVERFLOW, -12, "ATTL_E_OVERFLOW" },
    { ATTL_E_BUFFER, -13, "ATTL_E_BUFFER" },
    { ATTL_E_BUSY, -14, "ATTL_E_BUSY" },
    { ATTL_E_CONFIG, -15, "ATTL_E_CONFIG" },
    { ATTL_E_IO, -16, "ATTL_E_IO" },
    { ATTL_E_UNSUPPORTED, -17, "ATTL_E_UNSUPPORTED" },
    { ATTL_E_IMMUTABLE, -18, "ATTL_E_IMMUTABLE" },
    { ATTL_E_DAMAGED, -19, "ATTL_E_DAMAGED" },
    { ATTL_E_LOADING, -20, "ATTL_E_LOADING" },
    { ATTL_E_LOCKED, -21, "ATTL_E_LOCKED" },
    { ATTL_E_CONFLICT, -22, "ATTL_E_CONFLICT" },
    { ATTL_E_TIMEOUT, -23, "ATTL_E_TIMEOUT" },
    { ATTL_E_CANCELED, -24, "ATTL_E_CANCELED" },
    { ATTL_E_CLOSED, -25, "ATTL_E_CLOSED" },
    { ATTL_E_LOADER, -26, "ATTL_E_LOADER" },
    { ATTL_E_REENTRANT, -27, "ATTL_E_REENTRANT" },
    { ATTL_E_LEASE_LOST, -28, "ATTL_E_LEASE_LOST" },
    { ATTL_E_QUOTA, -29, "ATTL_E_QUOTA" },
};

enum { STATUSES = sizeof(statuses) / sizeof(statuses[0]) };

static void
every_status_has_its_number_and_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATUSES; i++) {
        assert_int_equal(statuses[i].status, statuses[i].number);
        assert_string_equal(attl_err_name(statuses[i].status), statuses[i].name);
    }
}

static void
every_status_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATUSES; i++) {
        const char *text = attl_strerror(statuses[i].status);
        size_t len = strlen(text);
        assert_true(len > 1);
        /* Lower case, unless it begins with an abbreviation such as TTL. */
        assert_true(!isupper((unsigned char)text[0]) || isupper((unsigned char)text[1]));
        assert_true(text[len - 1] != '.' && text[len - 1] != '\n');
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(text, attl_strerror(statuses[k].status));
        }
    }
}

static void
unknown_statuses_are_answered_too(void **state)
{
    static const int unknown[] = { 8, 100, -30, -1000, INT32_MAX, INT32_MIN };
    (void)state;
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        assert_string_equal(attl_err_name(unknown[i]), "ATTL_E_?");
        assert_non_null(attl_strerror(unknown[i]));
        assert_true(strlen(attl_strerror(unknown[i])) > 1);
    }
}

static void
the_library_is_of_the_version_of_its_header(void **state)
{
    char text[32];
    (void)state;
    assert_string_equal(attl_version(), ATTL_VERSION_STRING);
    (void)snprintf(text, sizeof(text), "%d.%d.%d", ATTL_VERSION_MAJOR, ATTL_VERSION_MINOR,
                   ATTL_VERSION_PATCH);
    assert_string_equal(text, ATTL_VERSION_STRING);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_number_and_name),
        cmocka_unit_test(every_status_has_a_text_of_its_own),
        cmocka_unit_test(unknown_statuses_are_answered_too),
        cmocka_unit_test(the_library_is_of_the_version_of_its_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
