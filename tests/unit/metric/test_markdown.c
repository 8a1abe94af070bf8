/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page: every family has one row of five cells.
 */
#include "metric_support.h"

static void
every_family_has_a_row(void **state)
{
    struct fixture *f = *state;
    metric_markdown(&f->out);
    assert_int_equal(f->out.failed, BUF_FINE);
    buf_append(&f->out, "", 1);
    for (size_t first = 0; first < metric_table_len; first += metric_family(first)) {
        char begin[128];
        (void)snprintf(begin, sizeof begin, "\n| `%s` | ", metric_table[first].name);
        const char *row = strstr(f->out.data, begin);
        if (!row)
            fail_msg("%s has no row", metric_table[first].name);
        assert_null(strstr(row + 1, begin));
        unsigned bars = 0;
        for (const char *p = row + 1; *p != '\n'; p++)
            bars += *p == '|';
        if (bars != 6)
            fail_msg("%s: %u bars", metric_table[first].name, bars);
    }
}

static void
fields_of_info_and_labels_are_named(void **state)
{
    struct fixture *f = *state;
    metric_markdown(&f->out);
    buf_append(&f->out, "", 1);
    assert_non_null(strstr(f->out.data, "| `attl_removals_total` | counter | `cause`: deleted "
                                        "expired evicted | `attl_deletes` `expired_keys` "
                                        "`evicted_keys` | "));
    assert_non_null(strstr(f->out.data, "| `class`: read write scan, `outcome`: overload deadline "
                                        "delayed | "));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        METRIC_TEST(every_family_has_a_row),
        METRIC_TEST(fields_of_info_and_labels_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
