/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines, read back from a file that stands in for standard error: the formats, the level, and
 * that no text, however hostile or long, makes more than one line. The time is only checked for
 * its shape.
 */
#include "server/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { TEXT_MAX = 8192 };

static int saved = -1;
static FILE *captured;

static int
capture(void **state)
{
    (void)state;
    captured = tmpfile();
    assert_non_null(captured);
    saved = dup(STDERR_FILENO);
    return dup2(fileno(captured), STDERR_FILENO) < 0;
}

static int
uncapture(void **state)
{
    (void)state;
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    return fclose(captured);
}

/* What was logged since the last call. */
static const char *
logged(void)
{
    static char text[TEXT_MAX];
    off_t end = lseek(fileno(captured), 0, SEEK_CUR);
    assert_int_equal(lseek(fileno(captured), 0, SEEK_SET), 0);
    ssize_t n = read(fileno(captured), text, (size_t)end);
    assert_int_equal(n, end);
    text[n] = '\0';
    assert_int_equal(ftruncate(fileno(captured), 0), 0);
    assert_int_equal(lseek(fileno(captured), 0, SEEK_SET), 0);
    return text;
}

static size_t
lines(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void
a_line_for_people(void **state)
{
    (void)state;
    struct log log;
    log_init(&log, LOG_INFO, false);
    log_write(&log, LOG_WARNING, "some_event", "it's \"so\" \\ so");
    const char *text = logged();
    assert_int_equal(text[4], '-');
    assert_int_equal(text[10], 'T');
    assert_string_equal(text + 23, "Z warning some_event: it's \"so\" \\ so\n");
}

static void
a_line_for_programs(void **state)
{
    (void)state;
    struct log log;
    log_init(&log, LOG_INFO, true);
    log_writef(&log, LOG_ERROR, "some_event", "%s is %d", "a \"b\" \\", 7);
    const char *text = logged();
    assert_memory_equal(text, "{\"time\":\"2", 10);
    assert_string_equal(strstr(text, "\",\"level\""),
                        "\",\"level\":\"error\",\"event\":\"some_event\","
                        "\"text\":\"a \\\"b\\\" \\\\ is 7\"}\n");
}

static void
lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    struct log log;
    log_init(&log, LOG_WARNING, false);
    log_write(&log, LOG_INFO, "e", "quiet");
    assert_string_equal(logged(), "");
    log_set_level(&log, LOG_DEBUG);
    log_write(&log, LOG_DEBUG, "e", "loud");
    assert_non_null(strstr(logged(), " debug e: loud\n"));
}

static void
control_characters_cannot_forge_a_line(void **state)
{
    (void)state;
    for (int json = 0; json <= 1; json++) {
        struct log log;
        log_init(&log, LOG_DEBUG, json);
        log_write(&log, LOG_INFO, "e", "a\r\nb\x1b[2J\x7f");
        const char *text = logged();
        assert_int_equal(lines(text), 1);
        assert_non_null(strstr(text, "a\\u000d\\u000ab\\u001b[2J\\u007f"));
    }
}

static void
a_long_text_is_cut_and_still_one_line(void **state)
{
    (void)state;
    static char text[3 * LOG_LINE_MAX_BYTES];
    memset(text, '\n', sizeof text - 1);
    for (int json = 0; json <= 1; json++) {
        struct log log;
        log_init(&log, LOG_DEBUG, json);
        log_write(&log, LOG_INFO, "e", text);
        const char *out = logged();
        assert_int_equal(lines(out), 1);
        assert_true(strlen(out) <= LOG_LINE_MAX_BYTES);
        assert_string_equal(out + strlen(out) - (json ? 3 : 1), json ? "\"}\n" : "\n");
        log_writef(&log, LOG_INFO, "e", "%s", text);
        assert_int_equal(lines(logged()), 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_for_people, capture, uncapture),
        cmocka_unit_test_setup_teardown(a_line_for_programs, capture, uncapture),
        cmocka_unit_test_setup_teardown(lines_below_the_level_are_not_written, capture, uncapture),
        cmocka_unit_test_setup_teardown(control_characters_cannot_forge_a_line, capture, uncapture),
        cmocka_unit_test_setup_teardown(a_long_text_is_cut_and_still_one_line, capture, uncapture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
