/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The progress line is a pure function: numbers to text of a given width. Wrong widths would scroll
 * the terminal instead of drawing over, so every width is tried, with every number at its largest.
 */
#include "cli_support.h"

#include "cli/progress.h"

static void
counts_are_short_at_every_size(void **state)
{
    static const struct {
        double n;
        const char *text;
    } cases[] = {
        { 0, "0" },         { 7, "7" },          { 999, "999" },   { 1000, "1.00k" },
        { 12345, "12.3k" }, { 200000, "200k" },  { 1e6, "1.00M" }, { 999e6, "999M" },
        { 5e9, "5.00G" },   { 1.8e19, "18.0E" }, { 1e300, NULL },
    };
    char text[PROGRESS_COUNT_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        progress_count_text(cases[i].n, text);
        if (cases[i].text)
            assert_string_equal(text, cases[i].text);
        assert_in_range(strlen(text), 1, PROGRESS_COUNT_TEXT_MAX - 1);
    }
}

static void
a_known_total_gives_a_bar(void **state)
{
    char line[PROGRESS_LINE_MAX];
    (void)state;
    progress_line(line, 80, 50, 100, 1000, 2);
    assert_string_equal(line,
                        "[################................]  50 %  1.00k keys  500/s  2 s left");
    progress_line(line, 80, 200, 100, 1000, 2);
    assert_non_null(strstr(line, "100 %"));
    progress_line(line, 80, 0, 100, 0, 2);
    assert_non_null(strstr(line, "  0 %"));
    progress_line(line, 20, 50, 100, 1000, 2);
    assert_null(strchr(line, '['));
}

static void
an_unknown_total_gives_counts(void **state)
{
    char line[PROGRESS_LINE_MAX];
    (void)state;
    progress_line(line, 80, 5000, 0, 1000, 2);
    assert_string_equal(line, "1.00k keys  500/s");
}

static void
no_line_is_wider_than_the_terminal(void **state)
{
    char line[PROGRESS_LINE_MAX];
    (void)state;
    for (int width = 1; width < 2 * PROGRESS_LINE_MAX; width++) {
        progress_line(line, width, 1, UINT64_MAX, UINT64_MAX, 1e-6);
        assert_in_range(strlen(line), 0, width - 1);
        assert_in_range(strlen(line), 0, PROGRESS_LINE_MAX - 1);
    }
}

static void
nothing_is_drawn_where_there_is_no_terminal(void **state)
{
    struct progress p;
    (void)state;
    if (!freopen("/dev/null", "w", stderr))
        skip();
    progress_begin(&p, 100);
    assert_false(p.shown);
    for (uint64_t i = 0; i < 1000; i++)
        progress_update(&p, i, i);
    assert_int_equal(p.drawn_ns, 0);
    assert_true(progress_seconds(&p) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_short_at_every_size),
        cmocka_unit_test(a_known_total_gives_a_bar),
        cmocka_unit_test(an_unknown_total_gives_counts),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
        cmocka_unit_test(nothing_is_drawn_where_there_is_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
