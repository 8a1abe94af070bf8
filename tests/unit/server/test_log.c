/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines, read back from a file that stands in for standard error: the formats, the level, and
 * that no text, however hostile or long, makes more than one line. The time is only checked for
 * its shape.
 */
#include "server/log.h"

#include "os/trace.h"

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

static int64_t
simulated_us(void *ud)
{
    return *(int64_t *)ud;
}

static void
a_repeated_event_is_held_back_and_counted(void **state)
{
    (void)state;
    struct log log;
    int64_t now_us = INT64_C(1700000000000000);
    log_init(&log, LOG_INFO, false);
    log.wall_us = simulated_us;
    log.wall_ud = &now_us;
    log_set_rate(&log, 3);
    for (int i = 0; i < 10; i++)
        log_write(&log, LOG_INFO, "often", "again");
    log_write(&log, LOG_INFO, "seldom", "once");
    assert_int_equal(lines(logged()), 4);
    assert_int_equal(log.held, 7);
    now_us += INT64_C(59999999);
    log_write(&log, LOG_INFO, "often", "again");
    assert_int_equal(lines(logged()), 0);
    now_us += 1;
    log_write(&log, LOG_INFO, "seldom", "another");
    const char *text = logged();
    assert_int_equal(lines(text), 2);
    assert_non_null(strstr(text, " warning held_back: 8 more lines of often within a minute"));
    log_write(&log, LOG_INFO, "often", "again");
    assert_int_equal(lines(logged()), 1);
}

static void
what_was_held_back_is_told_at_the_end(void **state)
{
    (void)state;
    struct log log;
    int64_t now_us = INT64_C(1700000000000000);
    log_init(&log, LOG_INFO, true);
    log.wall_us = simulated_us;
    log.wall_ud = &now_us;
    log_set_rate(&log, 1);
    log_write(&log, LOG_INFO, "often", "again");
    log_write(&log, LOG_INFO, "often", "again");
    (void)logged();
    log_flush(&log);
    assert_non_null(strstr(logged(), "\"text\":\"1 more lines of often "));
    log_flush(&log);
    assert_int_equal(lines(logged()), 0);
}

static void
more_events_than_places_share_one(void **state)
{
    (void)state;
    struct log log;
    int64_t now_us = INT64_C(1700000000000000);
    log_init(&log, LOG_INFO, false);
    log.wall_us = simulated_us;
    log.wall_ud = &now_us;
    log_set_rate(&log, 1);
    for (int i = 0; i < LOG_EVENTS_MAX + 20; i++) {
        char event[2 * LOG_EVENT_NAME_MAX];
        (void)snprintf(event, sizeof event, "event_%d_with_a_name_that_is_much_too_long_for_it", i);
        log_write(&log, LOG_INFO, event, "");
        (void)logged();
    }
    assert_int_equal(log.held, 20);
    log_flush(&log);
    assert_non_null(strstr(logged(), "20 more lines of other_events"));
}

static void
a_line_has_the_id_of_its_request(void **state)
{
    (void)state;
    struct log log;
    log_init(&log, LOG_INFO, true);
    trace_set("a\"b");
    log_write(&log, LOG_INFO, "e", "t");
    assert_non_null(strstr(logged(), "\"event\":\"e\",\"trace\":\"a\\\"b\",\"text\":\"t\"}"));
    log.json = false;
    log_write(&log, LOG_INFO, "e", "t");
    assert_non_null(strstr(logged(), " info e trace=a\"b: t\n"));
    trace_set(NULL);
    log_write(&log, LOG_INFO, "e", "t");
    assert_non_null(strstr(logged(), " info e: t\n"));
}

static void
the_journal_gets_priorities_and_no_time(void **state)
{
    (void)state;
    struct log log;
    log_init(&log, LOG_DEBUG, false);
    log.journal = true;
    log_write(&log, LOG_DEBUG, "e", "t");
    log_write(&log, LOG_INFO, "e", "t");
    log_write(&log, LOG_WARNING, "e", "t");
    log_write(&log, LOG_ERROR, "e", "t");
    assert_string_equal(logged(), "<7>e: t\n<6>e: t\n<4>e: t\n<3>e: t\n");
    log.json = true;
    log_write(&log, LOG_ERROR, "e", "t");
    assert_memory_equal(logged(), "<3>{\"time\"", 10);
}

static void
what_is_not_utf8_is_escaped(void **state)
{
    (void)state;
    struct log log;
    log_init(&log, LOG_INFO, true);
    log_write(&log, LOG_INFO, "e", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
    assert_non_null(strstr(logged(), "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"}"));
    log_write(&log, LOG_INFO, "e",
              "\xff|\xc0\xaf|\xe0\x80\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82");
    assert_non_null(strstr(logged(), "\\u00ff|\\u00c0\\u00af|\\u00e0\\u0080\\u0080|"
                                     "\\u00ed\\u00a0\\u0080|\\u00f4\\u0090\\u0080\\u0080|"
                                     "\\u00e2\\u0082\"}"));
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
        cmocka_unit_test_setup_teardown(a_repeated_event_is_held_back_and_counted, capture,
                                        uncapture),
        cmocka_unit_test_setup_teardown(what_was_held_back_is_told_at_the_end, capture, uncapture),
        cmocka_unit_test_setup_teardown(more_events_than_places_share_one, capture, uncapture),
        cmocka_unit_test_setup_teardown(a_line_has_the_id_of_its_request, capture, uncapture),
        cmocka_unit_test_setup_teardown(the_journal_gets_priorities_and_no_time, capture,
                                        uncapture),
        cmocka_unit_test_setup_teardown(what_is_not_utf8_is_escaped, capture, uncapture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
